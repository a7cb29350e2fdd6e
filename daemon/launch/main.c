/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mxc-launch: the only program that can build a cage. */

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "cleanup.h"
#include "launcher.h"
#include "log.h"

#define LISTEN_FD 3 /* sd_listen_fds(3), which would be all that we wanted of libsystemd */

/* The socket that systemd opened, or -ENOENT. */
static int inherited_listener(void) {
        const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
        _cleanup_free_ char *self = NULL;
        if (!pid || !n || asprintf(&self, "%d", getpid()) < 0 || !streq(pid, self) || !streq(n, "1"))
                return -ENOENT;
        if (fcntl(LISTEN_FD, F_SETFD, FD_CLOEXEC) < 0)
                return -errno;
        return LISTEN_FD;
}

/* For tests and for systems without systemd: a socket of our own, root's alone. */
static int own_listener(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, strlen(path));
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        (void)unlink(path); /* of the one before us */
        (void)umask(077);
        if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 4) < 0)
                return -errno;
        return TAKE_FD(fd);
}

/* What every sandbox inherits is settled here, once. The capabilities themselves stay: each child needs them until it
 * gives them away. Nothing is ever executed by this process, so the empty bounding set costs it nothing. */
static int prepare(void) {
        const struct sigaction by_default = { .sa_handler = SIG_DFL };
        (void)umask(077);
        for (int n = 1; n < NSIG; n++)
                (void)sigaction(n, &by_default, NULL); /* fails for KILL, STOP and libc's own two */
        (void)signal(SIGPIPE, SIG_IGN);
        for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
                if (prctl(PR_CAPBSET_DROP, cap) < 0)
                        return -errno;
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
                        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                return -errno;
        struct rlimit files; /* five descriptors for each sandbox, and a dozen for its network */
        if (getrlimit(RLIMIT_NOFILE, &files) < 0)
                return -errno;
        files.rlim_cur = files.rlim_max;
        return setrlimit(RLIMIT_NOFILE, &files) < 0 ? -errno : 0;
}

int main(int argc, char **argv) {
        if (argc > 3 || (argc > 1 && argv[1][0] != '/')) {
                fprintf(stderr,
                                "Usage: %s [SOCKET [RELAY]]\nBuilds sandboxes for mxcd; see "
                                "mxc-launch(8).\n",
                                argv[0]);
                return EXIT_FAILURE;
        }
        int listener = argc > 1 ? own_listener(argv[1]) : inherited_listener();
        if (listener < 0) {
                log_error("No socket to listen on: %s", strerror(-listener));
                return EXIT_FAILURE;
        }
        int r = prepare();
        if (r < 0) {
                log_error("Cannot give up what sandboxes must not inherit: %s", strerror(-r));
                return EXIT_FAILURE;
        }
        Launcher *l;
        r = launcher_new(&l, listener, argc > 2 ? argv[2] : MXC_LIBDIR "/mxc-egress");
        if (r == 0)
                r = launcher_loop(l);
        log_error("Cannot go on: %s", strerror(-r));
        return EXIT_FAILURE;
}
