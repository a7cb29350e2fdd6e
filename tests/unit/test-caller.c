/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who asks, with a bus whose credentials the test gives, and over a socket of its own. */

#include <grp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <systemd/sd-id128.h>

#include "bus-test.h"
#include "caller-process.h"
#include "caller.h"
#include "daemon-test.h"
#include "fd.h"
#include "limits.h"

DEFINE_CLEANUP(Caller *, caller_unref);

/* ---- /proc ---- */

static const struct {
        const char *text, *unit; /* unit NULL: nothing can be said */
        bool in_sandbox;
} cgroups[] = {
        { "0::/user.slice/user-1000.slice/session-3.scope\n", "session-3.scope", false },
        { "0::/user.slice/user-1000.slice/user@1000.service/app.slice/a.service\n", "user@1000.service",
                        false },
        { "0::/system.slice/cron.service\n", "cron.service", false },
        { "0::/init.scope\n", "init.scope", false },
        { "0::/\n", "", false },
        { "0::/system.slice\n", "", false },
        { "0::/mxc.slice/mxc-u1000.slice/mxc-x.scope/7f3a\n", "mxc-x.scope", true },
        { "0::/mxc.slice\n", "", true },
        { "0::/machine.slice/m.service/payload/mxc.slice/mxc-x.scope\n", "m.service", true },
        { "0::/mxc.slice2/x.service\n", "x.service", false },
        { "0::/mxc.slic/x.service\n", "x.service", false },
        { "0::/a/xmxc.slice\n", "", false },
        { "0::/.service/.scope\n", "", false },
        { "12:cpu:/mxc.slice\n1:name=systemd:/mxc.slice\n0::/a.service\n", "a.service", false },
        { "0::/a.service", "a.service", false },
        { "0::/../../mxc.slice/x\n", NULL, false }, /* outside of what we see */
        { "0::/..\n", NULL, false },
        { "0::/...\n", "", false },
        { "0::\n", NULL, false },
        { "0::a.service\n", NULL, false },
        { "1:name=systemd:/a.service\n", NULL, false }, /* no cgroup v2 */
        { "", NULL, false },
        { "\n", NULL, false },
        { "0:", NULL, false },
};

START_TEST(test_cgroup) {
        CallerProcess p = { 0 };
        int r = caller_process_parse_cgroup(cgroups[_i].text, &p);
        ck_assert_int_eq(r, cgroups[_i].unit ? 0 : -EINVAL);
        if (r < 0)
                return;
        ck_assert_str_eq(p.unit, cgroups[_i].unit);
        ck_assert(p.in_sandbox == cgroups[_i].in_sandbox);
        free(p.unit);
}
END_TEST

#define STAT_MIDDLE "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 "

static const struct {
        const char *text;
        uint64_t start; /* 0: refused */
} stats[] = {
        { "42 (sh) " STAT_MIDDLE "4711 20 21\n", 4711 },
        { "42 (a) b) 1 2 3 (c)) " STAT_MIDDLE "4711 20 21\n", 4711 },
        { "42 (\n) 9\n) " STAT_MIDDLE "4711 20 21\n", 4711 },
        { "42 (sh) " STAT_MIDDLE "18446744073709551615 20", UINT64_MAX },
        { "42 (sh) " STAT_MIDDLE "18446744073709551616 20", 0 },
        { "42 (sh) " STAT_MIDDLE "-1 20", 0 },
        { "42 (sh) " STAT_MIDDLE, 0 },
        { "42 (sh) S 1 2", 0 },
        { "42 sh S", 0 },
        { "", 0 },
};

START_TEST(test_stat) {
        uint64_t start = 0;
        int r = caller_process_parse_stat(stats[_i].text, &start);
        ck_assert_int_eq(r, stats[_i].start ? 0 : -EINVAL);
        ck_assert_uint_eq(start, stats[_i].start);
}
END_TEST

/* A child that waits; its end is nothing that anybody waits for. */
static pid_t start_child(void) {
        pid_t pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                pause();
                _exit(0);
        }
        return pid;
}

static void end_child(pid_t pid) {
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(test_a_process_is_pinned) {
        CallerProcess self = { 0 }, p = { 0 };
        int seen = caller_process_look(getpid(), -EBADF, &self);
        pid_t child = start_child();
        _cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
        ck_assert_int_ge(pidfd, 0);
        ck_assert_int_eq(caller_process_look(child, pidfd, &p), seen);
        free(p.unit);
        end_child(child);
        /* the pid is another's now: what is read of it is not told of the one who asked */
        ck_assert_int_lt(caller_process_look(getpid(), pidfd, &p), 0);
        ck_assert_int_lt(caller_process_look(child, -EBADF, &p), 0);
        ck_assert_int_lt(caller_process_look(0, -EBADF, &p), 0);
        ck_assert_int_lt(caller_process_look(-1, -EBADF, &p), 0);
        if (seen == 0)
                ck_assert_uint_gt(self.start_time, 0);
        free(self.unit);
}
END_TEST

/* ---- a bus ---- */

typedef struct Bus {
        TestBus bus;
        /* what it says of everybody */
        uint32_t uid, pid;
        gid_t groups[8];
        size_t n_groups;
        int pidfd;
        bool no_uid, no_groups, no_pid, silent;
        const char *error;
        unsigned n; /* how often it was asked */
        sd_bus_message *held;
} Bus;

static int reply(sd_bus_message *m, const Bus *b) {
        sd_bus_message *r = NULL;
        ck_assert_int_ge(sd_bus_message_new_method_return(m, &r), 0);
        ck_assert_int_ge(sd_bus_message_open_container(r, 'a', "{sv}"), 0);
        ck_assert_int_ge(sd_bus_message_append(r, "{sv}", "LinuxSecurityLabel", "ay", 2, 'x', 0), 0);
        if (!b->no_uid)
                ck_assert_int_ge(sd_bus_message_append(r, "{sv}", "UnixUserID", "u", b->uid), 0);
        if (!b->no_pid)
                ck_assert_int_ge(sd_bus_message_append(r, "{sv}", "ProcessID", "u", b->pid), 0);
        if (b->pidfd >= 0)
                ck_assert_int_ge(sd_bus_message_append(r, "{sv}", "ProcessFD", "h", b->pidfd), 0);
        if (!b->no_groups) {
                ck_assert_int_ge(sd_bus_message_open_container(r, 'e', "sv"), 0);
                ck_assert_int_ge(sd_bus_message_append(r, "s", "UnixGroupIDs"), 0);
                ck_assert_int_ge(sd_bus_message_open_container(r, 'v', "au"), 0);
                ck_assert_int_ge(sd_bus_message_append_array(r, 'u', b->groups, b->n_groups * sizeof(gid_t)),
                                0);
                ck_assert_int_ge(sd_bus_message_close_container(r), 0);
                ck_assert_int_ge(sd_bus_message_close_container(r), 0);
        }
        ck_assert_int_ge(sd_bus_message_append(r, "{sv}", "SomethingNew", "(as)", 1, "x"), 0);
        ck_assert_int_ge(sd_bus_message_close_container(r), 0);
        int k = sd_bus_send(NULL, r, NULL);
        sd_bus_message_unref(r);
        return k;
}

static int on_call(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Bus *b = userdata;
        if (!sd_bus_message_is_method_call(m, "org.freedesktop.DBus", "GetConnectionCredentials"))
                return 0;
        b->n++;
        if (b->silent) {
                sd_bus_message_unref(b->held);
                b->held = sd_bus_message_ref(m);
                return 1;
        }
        if (b->error)
                return sd_bus_reply_method_errorf(m, b->error, "so it is");
        return reply(m, b);
}

typedef struct Got {
        int n, error;
        Caller *caller;
} Got;

static void on_done(Caller *c, int error, void *userdata) {
        Got *g = userdata;
        g->n++;
        g->error = error;
        g->caller = caller_ref(c);
        ck_assert((error == 0) == (c != NULL));
}

static void got_clear(Got *g) {
        caller_unref(g->caller);
        *g = (Got){ 0 };
}

static Got get(Bus *b, CallerCache *c, const char *name) {
        Got g = { 0 };
        ck_assert_int_eq(caller_cache_get(c, name, on_done, &g), 0);
        test_bus_run(&b->bus, &g.n);
        ck_assert_int_eq(g.n, 1);
        return g;
}

static CallerCache *open_bus(Bus *b) {
        CallerCache *c = NULL;
        *b = (Bus){ .uid = 1000,
                .pid = (uint32_t)getpid(),
                .groups = { 4, 27, 1000 },
                .n_groups = 3,
                .pidfd = -EBADF };
        test_bus_open(&b->bus, on_call, b);
        ck_assert_int_ge(caller_cache_new(b->bus.client, &c), 0);
        return c;
}

static void close_bus(Bus *b, CallerCache *c) {
        caller_cache_free(c);
        sd_bus_message_unref(b->held);
        test_bus_close(&b->bus);
}

static void tell_gone(Bus *b, const char *name) {
        test_bus_signal(&b->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                        "NameOwnerChanged", "sss", name, name, "");
}

START_TEST(test_credentials) {
        Bus b;
        CallerCache *c = open_bus(&b);
        _cleanup_(got_clear) Got g = get(&b, c, ":1.5");
        ck_assert_uint_eq(g.caller->uid, 1000);
        ck_assert_uint_eq(g.caller->n_groups, 3);
        ck_assert(g.caller->groups[0] == 4 && g.caller->groups[1] == 27 && g.caller->groups[2] == 1000);
        ck_assert_str_eq(g.caller->sender, ":1.5");
        ck_assert_ptr_eq(g.caller->bus, b.bus.client);
        ck_assert_int_eq(g.caller->pid, getpid());
        CallerProcess self = { .in_sandbox = true };
        if (caller_process_look(getpid(), -EBADF, &self) < 0)
                self.unit = strdup("");
        ck_assert_str_eq(g.caller->unit, self.unit);
        ck_assert(g.caller->in_sandbox == self.in_sandbox && g.caller->start_time == self.start_time);
        free(self.unit);
        close_bus(&b, c);
        ck_assert_uint_eq(g.caller->n_ref, 1); /* ours: it outlives the cache */
}
END_TEST

/* What nothing can be decided by is refused. */
START_TEST(test_credentials_that_are_not_whole) {
        Bus b;
        CallerCache *c = open_bus(&b);
        static const uint32_t strange[] = { 65534, UINT32_MAX };
        for (size_t i = 0; i < ELEMENTSOF(strange); i++) {
                b.uid = strange[i];
                _cleanup_(got_clear) Got g = get(&b, c, ":1.5");
                ck_assert_int_eq(g.error, -EPERM);
        }
        b.uid = 1000;
        b.no_uid = true;
        _cleanup_(got_clear) Got no_uid = get(&b, c, ":1.5");
        ck_assert_int_lt(no_uid.error, 0);
        b.no_uid = false;
        b.no_groups = true;
        _cleanup_(got_clear) Got no_groups = get(&b, c, ":1.5");
        ck_assert_int_lt(no_groups.error, 0);
        b.no_groups = false;
        b.n_groups = 0;
        _cleanup_(got_clear) Got none = get(&b, c, ":1.5");
        ck_assert_int_lt(none.error, 0);
        b.n_groups = 1;
        b.error = SD_BUS_ERROR_NAME_HAS_NO_OWNER;
        _cleanup_(got_clear) Got gone = get(&b, c, ":1.5");
        ck_assert_int_lt(gone.error, 0);
        b.error = NULL;
        _cleanup_(got_clear) Got whole = get(&b, c, ":1.5"); /* none of it is remembered */
        ck_assert_int_eq(whole.error, 0);
        close_bus(&b, c);
}
END_TEST

/* Whoever cannot be looked at may be in one of our cages. */
START_TEST(test_processes_that_cannot_be_seen) {
        Bus b;
        CallerCache *c = open_bus(&b);
        b.no_pid = true;
        _cleanup_(got_clear) Got no_pid = get(&b, c, ":1.1");
        ck_assert(no_pid.caller->in_sandbox && no_pid.caller->pid == 0 && streq(no_pid.caller->unit, ""));
        b.no_pid = false;
        pid_t child = start_child();
        b.pidfd = (int)syscall(SYS_pidfd_open, child, 0);
        end_child(child);
        b.pid = (uint32_t)getpid(); /* the pid is somebody's, and the pidfd says whose it was */
        _cleanup_(got_clear) Got recycled = get(&b, c, ":1.2");
        ck_assert(recycled.caller->in_sandbox && recycled.caller->start_time == 0 &&
                        streq(recycled.caller->unit, ""));
        (void)close(b.pidfd);
        b.pidfd = -EBADF;
        b.pid = (uint32_t)child;
        _cleanup_(got_clear) Got ended = get(&b, c, ":1.3");
        ck_assert(ended.caller->in_sandbox);
        close_bus(&b, c);
}
END_TEST

START_TEST(test_the_bus_is_asked_once) {
        Bus b;
        CallerCache *c = open_bus(&b);
        Got g[3] = { 0 };
        b.silent = true;
        for (size_t i = 0; i < ELEMENTSOF(g); i++)
                ck_assert_int_eq(caller_cache_get(c, ":1.5", on_done, &g[i]), 0);
        test_bus_settle(&b.bus);
        ck_assert_uint_eq(b.n, 1);
        ck_assert_int_ge(reply(b.held, &b), 0);
        for (size_t i = 0; i < ELEMENTSOF(g); i++) {
                test_bus_run(&b.bus, &g[i].n);
                ck_assert_ptr_eq(g[i].caller, g[0].caller);
        }
        b.silent = false;
        Got again = { 0 };
        ck_assert_int_eq(caller_cache_get(c, ":1.5", on_done, &again), 0);
        ck_assert_int_eq(again.n, 1); /* at once */
        ck_assert_ptr_eq(again.caller, g[0].caller);
        ck_assert_uint_eq(b.n, 1);
        _cleanup_(got_clear) Got other = get(&b, c, ":1.50");
        ck_assert_uint_eq(b.n, 2);
        ck_assert_ptr_ne(other.caller, g[0].caller);
        for (size_t i = 0; i < ELEMENTSOF(g); i++)
                got_clear(&g[i]);
        got_clear(&again);
        close_bus(&b, c);
}
END_TEST

START_TEST(test_names_that_go) {
        Bus b;
        CallerCache *c = open_bus(&b);
        _cleanup_(got_clear) Got first = get(&b, c, ":1.5");
        tell_gone(&b, ":1.6"); /* somebody else */
        _cleanup_(got_clear) Got second = get(&b, c, ":1.5");
        ck_assert_ptr_eq(second.caller, first.caller);
        tell_gone(&b, ":1.5");
        ck_assert_uint_eq(first.caller->n_ref, 2); /* ours alone: the cache has let go */
        _cleanup_(got_clear) Got third = get(&b, c, ":1.5");
        ck_assert_ptr_ne(third.caller, first.caller);

        b.silent = true;
        Got waiting = { 0 };
        ck_assert_int_eq(caller_cache_get(c, ":1.7", on_done, &waiting), 0);
        test_bus_settle(&b.bus);
        tell_gone(&b, ":1.7"); /* before the answer */
        ck_assert(waiting.n == 1 && waiting.error == -ENOTCONN);
        ck_assert_int_ge(reply(b.held, &b), 0);
        test_bus_settle(&b.bus);
        ck_assert_int_eq(waiting.n, 1);
        close_bus(&b, c);
}
END_TEST

static void on_gone(const char *sender, void *userdata) {
        ck_assert_str_eq(sender, ":1.5");
        (*(unsigned *)userdata)++;
}

/* Whoever asks whether one is there is not told yes when its end will not be told. */
START_TEST(test_an_end_is_told) {
        Bus b;
        CallerCache *c = open_bus(&b);
        unsigned told = 0;
        caller_cache_on_gone(c, on_gone, &told);
        ck_assert(!caller_cache_knows(c, ":1.5"));
        _cleanup_(got_clear) Got first = get(&b, c, ":1.5");
        ck_assert(caller_cache_knows(c, ":1.5") && !caller_cache_knows(c, ":1.50"));
        tell_gone(&b, ":1.50"); /* one that never asked for anything */
        ck_assert_uint_eq(told, 0);
        tell_gone(&b, ":1.5");
        ck_assert_uint_eq(told, 1);
        ck_assert(!caller_cache_knows(c, ":1.5"));
        b.silent = true;
        Got waiting = { 0 };
        ck_assert_int_eq(caller_cache_get(c, ":1.5", on_done, &waiting), 0);
        ck_assert(!caller_cache_knows(c, ":1.5")); /* not yet */
        test_bus_settle(&b.bus);
        close_bus(&b, c);
}
END_TEST

START_TEST(test_so_many_may_wait) {
        Bus b;
        CallerCache *c = open_bus(&b);
        Got g[LIMIT_PENDING_PER_UID] = { 0 }, more = { 0 };
        b.silent = true;
        for (size_t i = 0; i < ELEMENTSOF(g); i++)
                ck_assert_int_eq(caller_cache_get(c, ":1.5", on_done, &g[i]), 0);
        ck_assert_int_eq(caller_cache_get(c, ":1.5", on_done, &more), -EBUSY);
        ck_assert_int_eq(caller_cache_get(c, ":1.6", on_done, &more), 0); /* costs nobody else anything */
        test_bus_settle(&b.bus);
        close_bus(&b, c);
        for (size_t i = 0; i < ELEMENTSOF(g); i++)
                ck_assert(g[i].n == 1 && g[i].error == -ESHUTDOWN);
        ck_assert(more.n == 1 && more.error == -ESHUTDOWN);
}
END_TEST

START_TEST(test_senders_that_are_none) {
        Bus b;
        CallerCache *c = open_bus(&b);
        Got g = { 0 };
        ck_assert_int_eq(caller_cache_get(c, NULL, on_done, &g), -EINVAL);
        ck_assert_int_eq(caller_cache_get(c, "", on_done, &g), -EINVAL);
        ck_assert_int_eq(caller_cache_get(c, "org.example.Name", on_done, &g),
                        -EINVAL); /* may be another's tomorrow */
        ck_assert_int_eq(g.n, 0);
        Caller *now = NULL;
        ck_assert_int_eq(caller_cache_get_now(c, NULL, &now), -EINVAL);
        ck_assert_int_eq(caller_cache_get_now(c, "org.example.Name", &now), -EINVAL);
        ck_assert_ptr_null(now);
        close_bus(&b, c);
}
END_TEST

/* Who cannot wait is told the same as who could. */
START_TEST(test_who_is_known_is_known_now) {
        Bus b;
        CallerCache *c = open_bus(&b);
        _cleanup_(got_clear) Got first = get(&b, c, ":1.5");
        _cleanup_(caller_unrefp) Caller *now = NULL;
        ck_assert_int_eq(caller_cache_get_now(c, ":1.5", &now), 0);
        ck_assert_ptr_eq(now, first.caller);
        close_bus(&b, c);
}
END_TEST

/* ---- the private door ---- */

static sd_bus *serve(int fd) {
        sd_bus *bus = NULL;
        ck_assert_int_ge(sd_bus_new(&bus), 0);
        ck_assert_int_ge(sd_bus_set_fd(bus, fd, fd), 0);
        ck_assert_int_ge(sd_bus_set_server(bus, 1,
                                         SD_ID128_MAKE(01, 02, 03, 04, 05, 06, 07, 08, 09, 0a, 0b, 0c, 0d,
                                                         0e, 0f, 10)),
                        0);
        ck_assert_int_ge(sd_bus_start(bus), 0);
        return bus;
}

typedef union FdControl {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
} FdControl;

/* Makes a pair of sockets as that user, where this process may become another, hands one end over, and waits. */
static _Noreturn void connecting_child(int channel, uid_t uid, const gid_t *groups, size_t n) {
        int pair[2];
        if (geteuid() == 0 && (setgroups(n, groups) < 0 || setresgid(uid, uid, uid) < 0 ||
                                              setresuid(uid, uid, uid) < 0))
                _exit(1);
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                _exit(1);
        FdControl control = { .header = { .cmsg_len = CMSG_LEN(sizeof(int)),
                                              .cmsg_level = SOL_SOCKET,
                                              .cmsg_type = SCM_RIGHTS } };
        memcpy(CMSG_DATA(&control.header), &pair[0], sizeof(int));
        struct iovec iov = { .iov_base = &(char){ 'x' }, .iov_len = 1 };
        const struct msghdr m = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
        };
        if (sendmsg(channel, &m, 0) == 1)
                pause();
        _exit(1);
}

/* A connection whose peer is a child. */
static int connect_as(uid_t uid, const gid_t *groups, size_t n, pid_t *ret_pid) {
        int ends[2], fd;
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
        *ret_pid = fork();
        ck_assert_int_ge(*ret_pid, 0);
        if (*ret_pid == 0)
                connecting_child(ends[1], uid, groups, n);
        (void)close(ends[1]); /* its end tells of the child's */
        FdControl control;
        char byte;
        struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
        struct msghdr m = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
        };
        ck_assert_int_eq(recvmsg(ends[0], &m, MSG_CMSG_CLOEXEC), 1);
        ck_assert_ptr_nonnull(CMSG_FIRSTHDR(&m));
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
        (void)close(ends[0]);
        return fd;
}

static bool has_group(const Caller *c, gid_t gid) {
        for (size_t i = 0; i < c->n_groups; i++)
                if (c->groups[i] == gid)
                        return true;
        return false;
}

START_TEST(test_a_peer) {
        const gid_t groups[] = { 4, 27 };
        pid_t pid;
        sd_bus *bus = serve(connect_as(1000, groups, ELEMENTSOF(groups), &pid));
        Caller *c = NULL;
        int r = caller_from_peer(bus, sd_bus_get_fd(bus), &c);
        if (geteuid() == 65534) { /* the test is run by nobody */
                ck_assert_int_eq(r, -EPERM);
                end_child(pid);
                sd_bus_unref(bus);
                return;
        }
        ck_assert_int_eq(r, 0);
        ck_assert_int_eq(c->pid, pid);
        ck_assert_ptr_null(c->sender);
        ck_assert_ptr_eq(c->bus, bus);
        if (geteuid() == 0) {
                ck_assert(c->uid == 1000 && c->gid == 1000 && c->n_groups == 3);
                ck_assert(has_group(c, 4) && has_group(c, 27) && has_group(c, 1000)); /* the primary too */
        } else
                ck_assert(c->uid == getuid() && c->gid == getgid() && has_group(c, getgid()));
        CallerProcess process = { .in_sandbox = true };
        ck_assert(caller_process_look(pid, -EBADF, &process) < 0 || process.start_time == c->start_time);
        ck_assert(c->in_sandbox == process.in_sandbox);
        free(process.unit);
        caller_unref(c);

        end_child(pid); /* who connected is gone, and whoever uses the connection now is not known */
        ck_assert_int_eq(caller_from_peer(bus, sd_bus_get_fd(bus), &c), 0);
        ck_assert(c->in_sandbox && c->start_time == 0);
        caller_unref(c);
        sd_bus_unref(bus);
}
END_TEST

START_TEST(test_a_peer_that_is_nobody) {
        if (geteuid() != 0)
                return; /* only root can be somebody else; what becomes of 65534 is tested over the bus as well */
        pid_t pid;
        sd_bus *bus = serve(connect_as(65534, NULL, 0, &pid));
        Caller *c = NULL;
        ck_assert_int_eq(caller_from_peer(bus, sd_bus_get_fd(bus), &c), -EPERM);
        ck_assert_ptr_null(c);
        end_child(pid);
        sd_bus_unref(bus);
}
END_TEST

int main(void) {
        TCase *t = daemon_case("caller");
        tcase_add_loop_test(t, test_cgroup, 0, ELEMENTSOF(cgroups));
        tcase_add_loop_test(t, test_stat, 0, ELEMENTSOF(stats));
        tcase_add_test(t, test_a_process_is_pinned);
        tcase_add_test(t, test_credentials);
        tcase_add_test(t, test_credentials_that_are_not_whole);
        tcase_add_test(t, test_processes_that_cannot_be_seen);
        tcase_add_test(t, test_the_bus_is_asked_once);
        tcase_add_test(t, test_names_that_go);
        tcase_add_test(t, test_an_end_is_told);
        tcase_add_test(t, test_so_many_may_wait);
        tcase_add_test(t, test_senders_that_are_none);
        tcase_add_test(t, test_who_is_known_is_known_now);
        tcase_add_test(t, test_a_peer);
        tcase_add_test(t, test_a_peer_that_is_nobody);
        return run_daemon_case(t);
}
