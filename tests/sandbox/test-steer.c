/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Networks that are steered: what an agent dials comes to what serves its network, and to nobody else; and how mxcd has them made.
 * test-steer LAUNCHER MUTANT RELAY DIAL. TAP. */

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>

#include "box.h"
#include "cleanup.h"
#include "codec.h"
#include "fd.h"
#include "judge.h"
#include "loose.h"
#include "refusal-table.h"
#include "relay-stub.h"

DEFINE_CLEANUP(LaunchPlan *, launch_plan_free);

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
        { "udp/192.0.2.1/443", "::ffff:192.0.2.1 443 from 192.0.2.1", "Network is unreachable" },
        { "ask/192.0.2.1/443", "::ffff:192.0.2.1 443 from 192.0.2.1", "Network is unreachable" },
        { "udp/2001:db8::1/65535", "2001:db8::1 65535 from 2001:db8::1", "Network is unreachable" },
        { "ask/2001:db8::1/65535", "2001:db8::1 65535 from 2001:db8::1", "Network is unreachable" },
        { "udp/10.0.2.3/1", "::ffff:10.0.2.3 1 from 10.0.2.3", "Network is unreachable" },
        { "udp/127.0.0.1/443", "Connection refused", "Connection refused" },
        { "udp/0.0.0.0/443", "Connection refused", "Connection refused" },
        { "udp/::1/443", "Connection refused", "Connection refused" },
        { "udp/10.0.2.15/443", "Connection refused", "Network is unreachable" },
        { "udp/fd00:6d78:6300::15/443", "Connection refused", "Network is unreachable" },
        { "ask/224.0.0.251/5353", "Permission denied", "Network is unreachable" },
        { "ask/ff02::fb/5353", "Permission denied", "Network is unreachable" },
        { "ask/255.255.255.255/67", "Permission denied", "Network is unreachable" },
        { "serve/10.0.2.3/1", "Permission denied", "Cannot assign requested address" },
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
        Box steered = box_open(r, true), empty = box_open(r, false);
        for (size_t i = 0; i < ELEMENTSOF(attempts); i++) {
                box_expect(r, &steered, attempts[i].attempt, attempts[i].steered, "in a steered network");
                box_expect(r, &empty, attempts[i].attempt, attempts[i].empty, "in an empty one");
        }
        box_close(r, &steered);
        box_close(r, &empty);
}

/* ---- between two ---- */

static void each_has_its_own(Rig *r) {
        Box a = box_open(r, true), b = box_open(r, true);
        _cleanup_(launch_plan_freep) LaunchPlan *p = box_plan(r, true);
        static RigResult result;
        RigBox server;
        _cleanup_free_ char *program = NULL;
        need(asprintf(&program, "%s/dial", r->workspace) > 0, "memory");
        const char *const argv[] = { program, "listen/0.0.0.0/8080", "listen/::/8081", "pause/", NULL };
        plan_set_argv(p, argv);
        need(rig_spawn(r, p, &server, &result), "a sandbox with servers");
        char ready[64] = "";
        for (size_t n = 0; !strstr(ready, "pause");) {
                ssize_t got = read(server.output, ready + n, sizeof(ready) - 1 - n);
                need(got > 0, "its output");
                n += (size_t)got;
        }
        box_expect(r, &a, "tcp/10.0.2.15/8080", "Connection refused", "is another one's in another sandbox");
        box_expect(r, &a, "tcp/fd00:6d78:6300::15/8081", "Connection refused",
                        "is another one's in another sandbox");
        box_expect(r, &b, "tcp/127.0.0.1/8080", "Connection refused", "is another one's in another sandbox");
        need(pidfd_send_signal(server.pidfd, SIGKILL, NULL, 0) == 0, "SIGKILL");
        rig_wait(r, &server, 0, &result);
        rig_release(r, server.id, 0);
        (void)close(server.channel); /* a socket */
        box_close(r, &a);
        box_close(r, &b);
}

/* ---- what mxcd asks ---- */

/* fd: the lease, or -EBADF; table: the same */
static LaunchReport lease_with(Rig *r, const char *id, int fd, int table) {
        LaunchRequest q = { .verb = LAUNCH_LEASE };
        const int fds[] = { fd, table };
        (void)snprintf(q.id, sizeof(q.id), "%s", id);
        return rig_request(r, q, fds, fd < 0 ? 0 : table < 0 ? 1 : 2, NULL, NULL);
}

static LaunchReport lease(Rig *r, const char *id, int fd) {
        return lease_with(r, id, fd, fd);
}

static void failed(LaunchReport report, int error, const char *name) {
        tell(report.event == LAUNCH_EVENT_FAILED && report.error == error, "refused", name);
}

static void leases(Rig *r) {
        static const char text[] = "another lease";
        Box b = box_open(r, true), empty = box_open(r, false);
        int fd = -EBADF;
        need(sealed_memfd_new((const uint8_t *)text, strlen(text), &fd) == 0, "memfd");
        _cleanup_close_ int sealed = fd, loose = memfd_create("lease", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        box_expect(r, &b, "tcp/192.0.2.1/2", "lease: " RIG_LEASE, "says what it began with");
        failed(lease(r, empty.box.id, sealed), ENOENT, "a lease for a sandbox without a relay");
        failed(lease(r, "00000000000000000000000000000000", sealed), ENOENT, "a lease for no sandbox");
        failed(lease(r, b.box.id, loose), EPERM, "a lease that can change");
        failed(lease(r, b.box.id, -EBADF), EBADF, "no lease");
        failed(lease_with(r, b.box.id, sealed, -EBADF), EBADF, "a lease without a table");
        failed(lease_with(r, b.box.id, sealed, loose), EPERM, "a table that can change");
        tell(lease(r, b.box.id, sealed).event == LAUNCH_EVENT_OK, "taken", "a lease");
        box_expect(r, &b, "tcp/192.0.2.1/2", "lease: " RIG_LEASE, "is told by mxcd, where it runs");
        (void)box_dial(r, &b, "tcp/192.0.2.1/3");
        box_expect(r, &b, "tcp/192.0.2.1/2", "lease: another lease", "begins with the last one");
        box_end(r, &b);
        failed(lease(r, b.box.id, sealed), ENOENT, "a lease for a sandbox that ended");
        rig_release(r, b.box.id, 0);
        box_forget(&b);
        box_close(r, &empty);
}

/* ---- what the kernel refuses by itself ---- */

#define DENIED "Permission denied"

/* With a table of a lease that allows nothing, and one address that was learnt for all of TCP; and where the kernel does not refuse. */
static const struct {
        const char *attempt, *refused, *not ;
} refusals[] = {
        { "tcp/192.0.2.1/443", DENIED, "::ffff:192.0.2.1 443" },
        { "tcp/2001:db8::1/80", DENIED, "2001:db8::1 80" },
        { "tcp/::ffff:192.0.2.1/443", DENIED, "::ffff:192.0.2.1 443" },
        { "tcp/10.0.2.2/22", DENIED, "::ffff:10.0.2.2 22" },
        { "tcp/93.184.216.34/443", "::ffff:93.184.216.34 443", "::ffff:93.184.216.34 443" },
        { "tcp/93.184.216.34/65535", "::ffff:93.184.216.34 65535", "::ffff:93.184.216.34 65535" },
        { "tcp/93.184.216.35/443", DENIED, "::ffff:93.184.216.35 443" },
        { "ask/192.0.2.1/443", DENIED, "::ffff:192.0.2.1 443 from 192.0.2.1" },
        { "ask/93.184.216.34/443", DENIED, "::ffff:93.184.216.34 443 from 93.184.216.34" },
        { "ask/2001:db8::1/443", DENIED, "2001:db8::1 443 from 2001:db8::1" },
        { "udp/192.0.2.1/443", "::ffff:192.0.2.1 443 from 192.0.2.1",
                        "::ffff:192.0.2.1 443 from 192.0.2.1" }, /* which datagrams are sent on a connected socket the relay sees */
        { "tcp/9.9.9.9/53", "::ffff:9.9.9.9 53", "::ffff:9.9.9.9 53" },
        { "ask/8.8.8.8/53", "::ffff:8.8.8.8 from 8.8.8.8", "::ffff:8.8.8.8 from 8.8.8.8" },
        { "tcp/10.0.2.3/3128", "::ffff:10.0.2.3 3128", "::ffff:10.0.2.3 3128" },
        { "tcp/127.0.0.1/443", "Connection refused", "Connection refused" },
        { "tcp/0.0.0.0/443", "Connection refused", "Connection refused" },
        { "tcp/::1/443", "Connection refused", "Connection refused" },
        { "tcp/10.0.2.15/443", "Connection refused", "Connection refused" },
        { "tcp/fd00:6d78:6300::15/443", "Connection refused", "Connection refused" },
        { "serve/127.0.0.1/8080", "served", "served" },
        { "serve/fd00:6d78:6300::15/8080", "served", "served" },
};

static int new_table(void) {
        static const char *const host = "a.example";
        static NetPeer peer = { .host = (char *)"a.example" };
        static NetPort port = { .protocol = PROTOCOL_TCP, .to = UINT16_MAX };
        static NetRule rule = {
                .peers = &peer, .n_peers = 1, .ports = &port, .n_ports = 1, .clause = (char *)""
        };
        const EgressLease l = { .egress = { .allow = &rule, .n_allow = 1 } };
        static RefusalTable table;
        Destination d = { .hosts = &host, .n_hosts = 1 };
        int fd;
        need(cidr_parse_address("93.184.216.34", &d.address), "an address");
        refusal_table_fill(&table, &l);
        refusal_table_learn(&table, &l, &d, &d);
        need(sealed_memfd_new((const uint8_t *)&table, sizeof(table), &fd) == 0, "memfd");
        return fd;
}

static void kernel_refuses(const char *launcher, const char *lock) {
        static const char text[] = "another lease";
        Rig r;
        rig_start(&r, launcher, lock);
        box_install(&r);
        tell(r.features.refuse == !lock, lock ? "this one" : "this host",
                        lock ? "does not refuse" : "can refuse");
        _cleanup_close_ int table = new_table();
        int fd;
        need(sealed_memfd_new((const uint8_t *)text, strlen(text), &fd) == 0, "memfd");
        _cleanup_close_ int sealed = fd;
        Box b = box_open(&r, true), other = box_open(&r, true);
        need(lease_with(&r, b.box.id, sealed, table).event == LAUNCH_EVENT_OK, "a table");
        for (size_t i = 0; i < ELEMENTSOF(refusals); i++)
                box_expect(&r, &b, refusals[i].attempt, lock ? refusals[i].not : refusals[i].refused,
                                lock ? "where the kernel does not refuse" : "where the kernel refuses");
        box_expect(&r, &other, "tcp/192.0.2.1/443", "::ffff:192.0.2.1 443", "is another sandbox's to reach");
        box_close(&r, &b);
        box_close(&r, &other);
        rig_stop(&r);
}

/* What was refused last is told by a relay that is started for that; where it cannot be, its leaf is not left behind. */
static void cannot_tell_the_last(const char *mutant) {
        static const char text[] = "another lease";
        Rig r;
        rig_start(&r, mutant, "relay-clone");
        box_install(&r);
        _cleanup_close_ int table = new_table();
        int fd;
        need(sealed_memfd_new((const uint8_t *)text, strlen(text), &fd) == 0, "memfd");
        _cleanup_close_ int sealed = fd;
        Box b = box_open(&r, true);
        need(lease_with(&r, b.box.id, sealed, table).event == LAUNCH_EVENT_OK, "a table");
        box_expect(&r, &b, "tcp/192.0.2.1/443", DENIED, "where no relay can be started");
        box_end(&r, &b);
        rig_release(&r, b.box.id, 0);
        tell(!box_has_leaf(&r, &b), "leaves no leaf", "relay-clone");
        box_forget(&b);
        rig_stop(&r);
}

/* To a mxcd that was restarted. */
static void is_adopted(Rig *r) {
        Box b = box_open(r, true), empty = box_open(r, false);
        cleanup_closep(&b.box.channel);
        b.box.channel = -EBADF;
        rig_connect(r);
        LaunchReport report = rig_request(r, (LaunchRequest){ .verb = LAUNCH_HELLO }, NULL, 0, NULL, NULL);
        need(report.event == LAUNCH_EVENT_READY, "READY");
        size_t n_steered = 0, n_empty = 0;
        for (;;) {
                int fds[LAUNCH_MAX_FDS];
                size_t n;
                report = rig_next(r, fds, &n);
                if (report.event != LAUNCH_EVENT_ADOPT)
                        break;
                bool steered = streq(report.id, b.box.id);
                *(steered ? &n_steered : &n_empty) = n;
                if (steered && n == 3)
                        b.box.channel = fds[--n];
                for (size_t i = 0; i < n; i++)
                        (void)close(fds[i]); /* we have them */
        }
        tell(n_steered == 3 && n_empty == 2, "adopted", "with the channel where there is one");
        (void)box_dial(r, &b, "tcp/192.0.2.1/443");
        char text[64];
        ssize_t n = recv(b.box.channel, text, sizeof(text), MSG_DONTWAIT);
        tell(n == (ssize_t)strlen(STUB_HELLO), "adopted", "the end that its relay speaks to");
        box_close(r, &b);
        box_close(r, &empty);
}

/* ---- what cannot be ---- */

static void bad_spawn(Rig *r, const int *fds, size_t n, LaunchStep step, int error, const char *name) {
        LaunchReport report = rig_request(r, (LaunchRequest){ .verb = LAUNCH_SPAWN }, fds, n, NULL, NULL);
        bool ok = report.event == LAUNCH_EVENT_FAILED && report.step == step && report.error == error;
        if (!ok)
                printf("# event %u, %s: %s (%s)\n", report.event, launch_step_to_string(report.step),
                                strerror(report.error), report.detail);
        tell(ok, "refused", name);
}

static void bad_spawns(Rig *r) {
        _cleanup_(launch_plan_freep) LaunchPlan *p = box_plan(r, true), *without = box_plan(r, false);
        _cleanup_free_ uint8_t *data = NULL, *other = NULL;
        size_t size, other_size;
        need(launch_plan_encode(p, &data, &size) == 0 &&
                                        launch_plan_encode(without, &other, &other_size) == 0,
                        "encode");
        int steered = -EBADF, empty = -EBADF;
        need(sealed_memfd_new(data, size, &steered) == 0 && sealed_memfd_new(other, other_size, &empty) == 0,
                        "memfd");
        _cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC), one = steered, two = empty;
        const int all[] = { one, null, null, null, one, one, null, null, null };
        bad_spawn(r, all, 4, LAUNCH_STEP_FDS, EBADF, "a relay without lease and channel");
        bad_spawn(r, all, 7, LAUNCH_STEP_FDS, EBADF, "a relay without mxcd's end");
        bad_spawn(r, all, 9, LAUNCH_STEP_FDS, EBADF, "a relay with a descriptor too many");
        const int loose[] = { one, null, null, null, null, one, null, null };
        bad_spawn(r, loose, 8, LAUNCH_STEP_FDS, EPERM, "a lease that is none");
        const int open_table[] = { one, null, null, null, one, null, null, null };
        bad_spawn(r, open_table, 8, LAUNCH_STEP_FDS, EPERM, "a table that is none");
        const int unwanted[] = { two, null, null, null, one, one, null, null };
        bad_spawn(r, unwanted, 8, LAUNCH_STEP_FDS, EBADF, "a lease for a plan without a relay");
}

static void cannot(const char *mutant, const char *lock, int error, const char *name) {
        static RigResult result;
        Rig r;
        RigBox box;
        rig_start(&r, mutant, lock);
        _cleanup_(launch_plan_freep) LaunchPlan *p = box_plan(&r, true);
        bool started = rig_spawn(&r, p, &box, &result);
        tell(!started && result.step == LAUNCH_STEP_NETNS && result.error == error, "refused", name);
        tell(r.features.egress == !streq(lock, "steering"), "known", name);
        Box empty = box_open(&r, false);
        box_close(&r, &empty);
        rig_stop(&r);
}

/* Whether it can is not a matter of how soon softirqs come to what the probe has sent. */
static void is_patient(const char *mutant) {
        Rig r;
        rig_start(&r, mutant, "steering-late");
        tell(r.features.egress == 1, "known", "where what is sent comes late");
        rig_stop(&r);
}

/* ---- nothing stays ---- */

static size_t count(const Rig *r, const char *what) {
        _cleanup_free_ char *path = NULL;
        need(asprintf(&path, "/proc/%d/%s", r->launcher, what) > 0, "memory");
        DIR *dir = opendir(path);
        need(dir, path);
        size_t n = 0;
        while (readdir(dir))
                n++;
        (void)closedir(dir);
        return n;
}

static pid_t helper_of(const Rig *r) {
        _cleanup_free_ char *path = NULL, *text = NULL;
        need(asprintf(&path, "/proc/%d/task/%d/children", r->launcher, r->launcher) > 0, "memory");
        need(fd_read_file_at(AT_FDCWD, path, 65536, &text, NULL) == 0, path);
        for (char *p = text, *end; *p; p = *end ? end + 1 : end) {
                _cleanup_free_ char *comm = NULL, *name = NULL;
                long pid = strtol(p, &end, 10);
                if (pid > 0 && asprintf(&comm, "/proc/%ld/comm", pid) > 0 &&
                                fd_read_file_at(AT_FDCWD, comm, 64, &name, NULL) == 0 &&
                                streq(name, "mxc-net\n"))
                        return (pid_t)pid;
        }
        return 0;
}

static void settle(const Rig *r, size_t wanted) {
        for (int i = 0; i < 1000 && count(r, "fd") != wanted; i++)
                (void)usleep(10000); /* the pool is filled again when there is time */
}

/* Once nothing is being filled. */
static size_t settled(const Rig *r) {
        size_t n = count(r, "fd");
        for (int alike = 0; alike < 50; alike++) {
                (void)usleep(10000);
                size_t now = count(r, "fd");
                alike = now == n ? alike : -1;
                n = now;
        }
        return n;
}

static void leaves_nothing(Rig *r) {
        size_t before = settled(r);
        for (int i = 0; i < 12; i++) { /* more than the pool holds */
                Box b = box_open(r, true);
                if (i % 2 == 0)
                        (void)box_dial(r, &b, "tcp/192.0.2.1/443");
                box_close(r, &b);
        }
        bad_spawns(r);
        settle(r, before);
        size_t after = count(r, "fd");
        if (after != before)
                printf("# %zu, %zu\n", before, after);
        tell(after == before, "no descriptor stays", "after sandboxes and refusals");
}

/* Its sandboxes are refused, after a while, and later ones are not: another is there. */
static void helper_hangs(Rig *r) {
        static RigResult result;
        RigBox box;
        size_t n = 0;
        pid_t helper = helper_of(r);
        need(helper > 0 && kill(helper, SIGSTOP) == 0, "the helper");
        for (bool started = true; started && n < 40; n += started) { /* those that are ready */
                _cleanup_(launch_plan_freep) LaunchPlan *p = box_plan(r, true);
                started = rig_spawn(r, p, &box, &result);
                if (!started)
                        break;
                need(pidfd_send_signal(box.pidfd, SIGKILL, NULL, 0) == 0, "SIGKILL");
                rig_wait(r, &box, 0, &result);
                rig_release(r, box.id, 0);
                (void)close(box.channel); /* a socket */
        }
        tell(n < 40 && result.step == LAUNCH_STEP_NETNS && result.error == ECHILD, "refused",
                        "when the helper hangs");
        Box b = box_open(r, true);
        box_expect(r, &b, "tcp/192.0.2.1/443", "::ffff:192.0.2.1 443", "by the next helper");
        box_close(r, &b);
}

static void helper_dies(Rig *r) {
        pid_t helper = helper_of(r);
        need(helper > 0 && kill(helper, SIGKILL) == 0, "the helper");
        size_t n = 0;
        for (unsigned i = 0; i < 6; i++) {
                Box b = box_open(r, true);
                n += streq(box_dial(r, &b, "tcp/192.0.2.1/443"), "::ffff:192.0.2.1 443");
                box_close(r, &b);
        }
        tell(n == 6 && helper_of(r) > 0 && helper_of(r) != helper, "networks",
                        "when the helper died: there is another");
}

int main(int argc, char **argv) {
        if (argc < 5) {
                fprintf(stderr, "Usage: %s LAUNCHER MUTANT RELAY DIAL\n", argv[0]);
                return EXIT_FAILURE;
        }
        Rig r;
        box_use(argv[3], argv[4]);
        rig_start(&r, argv[1], NULL);
        box_install(&r);
        tell(r.features.egress == 1, "this host", "can steer");
        all_attempts(&r);
        each_has_its_own(&r);
        leases(&r);
        is_adopted(&r);
        leaves_nothing(&r);
        helper_dies(&r);
        helper_hangs(&r);
        rig_stop(&r);
        kernel_refuses(argv[1], NULL);
        kernel_refuses(argv[2], "refuse");
        cannot_tell_the_last(argv[2]);
        cannot(argv[2], "steering", EOPNOTSUPP, "where the host cannot");
        cannot(argv[2], "steering-made", EMFILE, "where it could not be made");
        is_patient(argv[2]);
        return tell_end();
}
