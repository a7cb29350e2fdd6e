/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "box.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>

#include "cleanup.h"
#include "fd.h"
#include "loose.h"

static const char *dial_program;
static uint32_t n_execs;

void box_use(const char *relay, const char *dial) {
        rig_use_relay(relay);
        dial_program = dial;
}

void box_install(const Rig *r) {
        _cleanup_free_ char *path = NULL;
        need(asprintf(&path, "%s/dial", r->workspace) > 0, "memory");
        rig_copy(dial_program, path, 0755, 0);
}

LaunchPlan *box_plan(const Rig *r, bool steered) {
        LaunchPlan *p = rig_plan(r);
        if (steered) {
                p->relay_uid = RIG_RELAY_UID;
                p->relay_gid = RIG_RELAY_GID;
        }
        return p;
}

Box box_open(Rig *r, bool steered) {
        static RigResult result;
        Box b = { .plan = box_plan(r, steered) };
        if (!rig_spawn(r, b.plan, &b.box, &result)) {
                fprintf(stderr, "# %s %s\n", launch_step_to_string(result.step), result.detail);
                rig_die("a sandbox", result.error);
        }
        return b;
}

void box_end(Rig *r, Box *b) {
        static RigResult result;
        need(pidfd_send_signal(b->box.pidfd, SIGKILL, NULL, 0) == 0, "SIGKILL");
        rig_wait(r, &b->box, 0, &result);
}

void box_forget(Box *b) {
        cleanup_closep(&b->box.channel);
        b->plan = launch_plan_free(b->plan);
}

void box_close(Rig *r, Box *b) {
        box_end(r, b);
        rig_release(r, b->box.id, 0);
        box_forget(b);
}

const char *box_dial(Rig *r, const Box *b, const char *attempt) {
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

void box_expect(Rig *r, const Box *b, const char *attempt, const char *wanted, const char *name) {
        const char *got = box_dial(r, b, attempt);
        if (!streq(got, wanted))
                printf("# %s: %s\n", attempt, got);
        tell(streq(got, wanted), attempt, name);
}

static char *leaf_path(const Rig *r, const Box *b) {
        char *path = NULL;
        need(asprintf(&path, "%s/%s.egress", r->scope_dir, b->box.id) > 0, "memory");
        return path;
}

bool box_has_leaf(const Rig *r, const Box *b) {
        _cleanup_free_ char *path = leaf_path(r, b);
        return access(path, F_OK) == 0;
}

int box_open_relay(const Rig *r, const Box *b) {
        _cleanup_free_ char *path = leaf_path(r, b), *text = NULL;
        _cleanup_close_ int leaf = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (leaf < 0 || fd_read_file_at(leaf, "cgroup.procs", 4096, &text, NULL) < 0)
                return -EBADF;
        long pid = strtol(text, NULL, 10);
        return pid > 0 ? pidfd_open((pid_t)pid, 0) : -EBADF;
}

bool pidfd_ends(int pidfd) {
        struct pollfd p = { .fd = pidfd, .events = POLLIN };
        return pidfd >= 0 && poll(&p, 1, 20000) == 1;
}

bool pidfd_lives(int pidfd) {
        struct pollfd p = { .fd = pidfd, .events = POLLIN };
        return pidfd >= 0 && poll(&p, 1, 0) == 0;
}
