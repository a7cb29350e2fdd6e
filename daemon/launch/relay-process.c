/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way from the launcher to mxc-egress, which is nobody: it has the host's network, a uid that owns nothing, and what it is to serve. What it
 * denies itself besides, it denies itself (daemon/egress). */

#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "cleanup.h"
#include "egress-net.h"
#include "fd.h"
#include "log.h"
#include "privileges.h"
#include "process.h"
#include "relay.h"

#define JOURNAL_STREAM "/run/systemd/journal/stdout"
#define STATUS_NO_PROGRAM 203 /* as systemd says it: systemd.exec(5) */

static int take_session(const Relay *r) {
        if (setsid() < 0 || chdir("/") < 0)
                return -errno;
        (void)umask(077); /* cannot fail */
        if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS)
                return -errno;
        const struct sigaction by_default = { .sa_handler = SIG_DFL };
        sigset_t term; /* it waits until mxc-egress takes it: whoever is ended as he begins has something to tell all the same */
        return sigaction(SIGPIPE, &by_default, NULL) < 0 || sigemptyset(&term) < 0 ||
                                               sigaddset(&term, SIGTERM) < 0 ||
                                               sigprocmask(SIG_SETMASK, &term, NULL) < 0
                               ? -errno
                               : 0;
}

/* Unlike the launcher it may go when memory runs out. */
static int take_limits(const Relay *r) {
        const struct rlimit core = { .rlim_cur = 0, .rlim_max = 0 };
        int error = process_limit_files(RELAY_FILES);
        if (error == 0 && setrlimit(RLIMIT_CORE, &core) < 0)
                error = -errno;
        return error < 0 ? error : fd_write_file_at(AT_FDCWD, "/proc/self/oom_score_adj", "0");
}

static int take_securebits(const Relay *r) {
        return privileges_lock();
}

static int take_identity(const Relay *r) {
        return privileges_become(r->uid, r->gid);
}

static int take_no_capabilities(const Relay *r) {
        return privileges_drop(NULL);
}

static int take_no_new_privileges(const Relay *r) {
        return privileges_deny();
}

/* It goes with the launcher, which alone can end it with its sandbox; a change of uid would forget this. */
static int take_parent(const Relay *r) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return -errno;
        return getppid() == r->launcher ? 0 : -ESRCH;
}

/* A stream of its own, by which the journal knows who speaks: sd_journal_stream_fd(3). Without a journal: -ENOENT. */
static int open_journal(void) {
        static const char head[] =
                        "mxc-egress\n\n6\n1\n0\n0\n0\n"; /* identifier, unit, level, levels are in front, not passed on */
        const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = JOURNAL_STREAM };
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
                        shutdown(fd, SHUT_RD) < 0)
                return -errno;
        int r = fd_write_all(fd, head, strlen(head));
        return r < 0 ? r : TAKE_FD(fd);
}

/* Sockets of the sandbox's network, for who comes to what it publishes: made here, where there is still the right to go there, and by a process
 * that serves this sandbox alone. */
static int sockets[2 * LIMIT_PUBLISHED_CLIENTS];

static int make_sockets(void) {
        for (size_t i = 0; i < ELEMENTSOF(sockets); i++) {
                sockets[i] = socket(i % 2 == 0 ? AF_INET : AF_INET6,
                                SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
                if (sockets[i] < 0)
                        return -errno;
        }
        return 0;
}

static int take_sockets(const Relay *r) {
        if (r->n_published == 0)
                return 0;
        _cleanup_close_ int host = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        if (host < 0 || setns(r->net, CLONE_NEWNET) < 0)
                return -errno;
        int error = make_sockets();
        return setns(host, CLONE_NEWNET) < 0 ? -errno : error;
}

/* The last step: until here, what is wrong is told by the launcher's own standard error. */
static int take_descriptors(const Relay *r) {
        _cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC), journal = open_journal();
        if (null < 0)
                return -errno;
        const Refuse *refuse = &r->steering.refuse;
        int fds[EGRESS_FD_PUBLISHED + LIMIT_PUBLISHED + ELEMENTSOF(sockets)] = { null, null,
                journal >= 0 ? journal : null, r->lease, r->channel, r->steering.tcp, r->steering.udp,
                r->steering.datagrams, r->steering.raw_v4, r->steering.raw_v6,
                refuse->table >= 0 ? refuse->table : null, refuse->ring >= 0 ? refuse->ring : null };
        _Static_assert(EGRESS_FD_LEASE == 3 && EGRESS_FD_CHANNEL == 4 && EGRESS_FD_TCP == 5 &&
                                        EGRESS_FD_UDP == 6 && EGRESS_FD_DATAGRAMS == 7 &&
                                        EGRESS_FD_RAW_V4 == 8 && EGRESS_FD_RAW_V6 == 9 &&
                                        EGRESS_FD_TABLE == 10 && EGRESS_FD_REFUSED == 11 &&
                                        EGRESS_FD_PUBLISHED == 12,
                        "the order");
        int n = EGRESS_FD_PUBLISHED, up[ELEMENTSOF(fds)];
        for (size_t i = 0; i < r->n_published; i++)
                fds[n++] = r->published[i];
        for (size_t i = 0; i < ELEMENTSOF(sockets) && r->n_published > 0; i++)
                fds[n++] = sockets[i];
        for (int i = 0; i < n; i++) /* out of the way of each other */
                if ((up[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, n)) < 0)
                        return -errno;
        (void)TAKE_FD(null); /* from here on their numbers are somebody else's */
        (void)TAKE_FD(journal);
        for (int i = 0; i < n; i++)
                if (dup3(up[i], i, 0) < 0)
                        return -errno;
        return close_range((unsigned)n, ~0U, 0) < 0 ? -errno : 0;
}

const RelayStep relay_steps[] = {
        { "sockets", take_sockets },
        { "session", take_session },
        { "limits", take_limits },
        { "securebits", take_securebits },
        { "identity", take_identity },
        { "capabilities", take_no_capabilities },
        { "no-new-privs", take_no_new_privileges },
        { "parent", take_parent },
        { "descriptors", take_descriptors },
        { NULL, NULL },
};

_Noreturn void relay_execute(const char *program) {
        char *const argv[] = { (char *)"mxc-egress", NULL }, *const none[] = { NULL };
        (void)execve(program, argv, none);
        log_error("%s cannot be executed: %s", program, strerror(errno));
        _exit(STATUS_NO_PROGRAM);
}

_Noreturn void relay_run(const Relay *r, const char *program) {
        for (const RelayStep *step = relay_steps; step->name; step++) {
                int error = step->take(r);
                if (error < 0) {
                        log_error("mxc-egress of sandbox %s: %s: %s", r->id, step->name, strerror(-error));
                        _exit(EXIT_FAILURE);
                }
        }
        relay_execute(program);
}
