/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Networks that are steered: what an agent dials comes to what serves its network, and to nobody else; what serves it is nobody; and the
 * two end together. test-steer LAUNCHER MUTANT RELAY DIAL. TAP. */

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "codec.h"
#include "fd.h"
#include "loose.h"
#include "relay-stub.h"

DEFINE_CLEANUP(LaunchPlan *, launch_plan_free);

static const char *dial_program;
static uint32_t n_execs;

static void need(bool ok, const char *what) {
        if (!ok)
                rig_die(what, errno);
}

/* ---- a sandbox to dial from ---- */

typedef struct Box {
        RigBox box;
        LaunchPlan *plan;
} Box;

static LaunchPlan *steered_plan(const Rig *r) {
        LaunchPlan *p = rig_plan(r);
        p->relay_uid = RIG_RELAY_UID;
        p->relay_gid = RIG_RELAY_GID;
        return p;
}

static Box open_box(Rig *r, bool steered) {
        static RigResult result;
        Box b = { .plan = steered ? steered_plan(r) : rig_plan(r) };
        if (!rig_spawn(r, b.plan, &b.box, &result)) {
                fprintf(stderr, "# %s %s\n", launch_step_to_string(result.step), result.detail);
                rig_die("a sandbox", result.error);
        }
        return b;
}

static void end_box(Rig *r, Box *b) {
        static RigResult result;
        need(pidfd_send_signal(b->box.pidfd, SIGKILL, NULL, 0) == 0, "SIGKILL");
        rig_wait(r, &b->box, 0, &result);
}

static void close_box(Rig *r, Box *b) {
        end_box(r, b);
        rig_release(r, b->box.id, 0);
        cleanup_closep(&b->box.channel);
        b->plan = launch_plan_free(b->plan);
}

/* What dial prints of one attempt, without the break at the end. */
static const char *dial(Rig *r, const Box *b, const char *attempt) {
        static RigResult result;
        _cleanup_free_ char *program = NULL;
        need(asprintf(&program, "%s/dial", r->workspace) > 0, "memory");
        char *argv[] = { program, (char *)attempt, NULL };
        const ExecPlan e = { .id = (char *)b->box.id,
                .argv = argv,
                .n_argv = 2,
                .env = b->plan->env,
                .n_env = b->plan->n_env,
                .cwd = b->plan->cwd };
        RigBox box;
        if (!rig_exec(r, &e, ++n_execs, &box, &result))
                rig_die(result.detail, result.error);
        rig_wait(r, &box, n_execs, &result);
        rig_release(r, b->box.id, n_execs);
        result.output[result.output_size] = 0;
        if (result.output_size > 0)
                result.output[result.output_size - 1] = 0;
        const char *answer = strchr(result.output, ':');
        return answer ? answer + 2 : result.output;
}

static void expect(Rig *r, const Box *b, const char *attempt, const char *wanted, const char *name) {
        const char *got = dial(r, b, attempt);
        if (!streq(got, wanted))
                printf("# %s: %s\n", attempt, got);
        tell(streq(got, wanted), attempt, name);
}

/* ---- where it goes ---- */

#define NO_FAMILY "Address family not supported by protocol"

static const struct {
        const char *attempt, *steered, *empty;
} attempts[] = {
        { "tcp/192.0.2.1/443", "::ffff:192.0.2.1 443", "Network is unreachable" },
        { "tcp/2001:db8::1/80", "2001:db8::1 80", "Network is unreachable" },
        { "tcp/10.9.8.7/65535", "::ffff:10.9.8.7 65535", "Network is unreachable" },
        { "tcp/10.0.2.3/3128", "::ffff:10.0.2.3 3128", "Network is unreachable" },
        { "tcp/::ffff:192.0.2.1/443", "::ffff:192.0.2.1 443", "Network is unreachable" },
        { "tcp/fd00:6d78:6300::16/9", "fd00:6d78:6300::16 9", "Network is unreachable" },
        { "tcp/9.9.9.9/53", "::ffff:9.9.9.9 53", "Network is unreachable" },
        { "tcp/127.0.0.53/53", "::ffff:127.0.0.53 53", "Connection refused" },
        { "tcp/::1/53", "::1 53", "Connection refused" },
        { "tcp/127.0.0.1/443", "Connection refused", "Connection refused" },
        { "tcp/127.1.2.3/443", "Connection refused", "Connection refused" },
        { "tcp/0.0.0.0/443", "Connection refused", "Connection refused" },
        { "tcp/::1/443", "Connection refused", "Connection refused" },
        { "tcp/10.0.2.15/443", "Connection refused", "Network is unreachable" },
        { "tcp/fd00:6d78:6300::15/443", "Connection refused", "Network is unreachable" },
        { "udp/8.8.8.8/53", "::ffff:8.8.8.8 from 8.8.8.8", "Network is unreachable" },
        { "ask/8.8.8.8/53", "::ffff:8.8.8.8 from 8.8.8.8", "Network is unreachable" },
        { "udp/2001:db8::53/53", "2001:db8::53 from 2001:db8::53", "Network is unreachable" },
        { "ask/2001:db8::53/53", "2001:db8::53 from 2001:db8::53", "Network is unreachable" },
        { "udp/127.0.0.53/53", "::ffff:127.0.0.53 from 127.0.0.53", "Connection refused" },
        { "udp/10.0.2.15/53", "::ffff:10.0.2.15 from 10.0.2.15", "Network is unreachable" },
        { "udp/192.0.2.1/443", "Connection refused", "Network is unreachable" },
        { "udp/2001:db8::1/443", "Connection refused", "Network is unreachable" },
        { "serve/127.0.0.1/8080", "served", "served" },
        { "serve/::1/8080", "served", "served" },
        { "serve/10.0.2.15/8080", "served", "Cannot assign requested address" },
        { "serve/fd00:6d78:6300::15/8080", "served", "Cannot assign requested address" },
        { "serve/192.0.2.1/8080", "another took it",
                        "Cannot assign requested address" }, /* its own it may call what it wants */
        { "serve/127.0.0.1/53", "Permission denied", "Permission denied" },
        { "socket/2/3", "Operation not permitted", "Operation not permitted" }, /* raw */
        { "socket/10/3", "Operation not permitted", "Operation not permitted" },
        { "socket/17/3", NO_FAMILY, NO_FAMILY }, /* packet */
        { "socket/40/1", NO_FAMILY, NO_FAMILY }, /* vsock */
        { "descriptors/", "0 1 2 ", "0 1 2 " },
};

static void all_attempts(Rig *r) {
        Box steered = open_box(r, true), empty = open_box(r, false);
        for (size_t i = 0; i < ELEMENTSOF(attempts); i++) {
                expect(r, &steered, attempts[i].attempt, attempts[i].steered, "in a steered network");
                expect(r, &empty, attempts[i].attempt, attempts[i].empty, "in an empty one");
        }
        close_box(r, &steered);
        close_box(r, &empty);
}

int main(int argc, char **argv) {
        if (argc < 5) {
                fprintf(stderr, "Usage: %s LAUNCHER MUTANT RELAY DIAL\n", argv[0]);
                return EXIT_FAILURE;
        }
        Rig r;
        rig_use_relay(argv[3]);
        dial_program = argv[4];
        rig_start(&r, argv[1], NULL);
        _cleanup_free_ char *path = NULL;
        need(asprintf(&path, "%s/dial", r.workspace) > 0, "memory");
        rig_copy(dial_program, path, 0755, 0);
        tell(r.features.egress == 1, "this host", "can steer");
        all_attempts(&r);
        rig_stop(&r);
        return tell_end();
}
