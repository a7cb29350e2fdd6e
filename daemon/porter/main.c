/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mxc-porter: stands between mxcd and those whom it does not know. See mxc-porter(8). */

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "log.h"
#include "yard.h"

#define LISTEN_FD 3 /* sd_listen_fds(3), which would be all that we wanted of libsystemd */

static bool is_inherited(void) {
        const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
        char self[16];
        (void)snprintf(self, sizeof(self), "%d", getpid());
        return pid && n && streq(n, "1") && streq(pid, self) && fcntl(LISTEN_FD, F_SETFD, FD_CLOEXEC) == 0;
}

static bool is_root(int fd) {
        struct ucred peer;
        socklen_t size = sizeof(peer);
        return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == 0;
}

int main(int argc, char **argv) {
        if (argc > 1 || !is_inherited()) {
                fprintf(stderr,
                                "Usage: %s\nStands at the doors of mxcd; started by systemd, see "
                                "mxc-porter(8).\n",
                                argv[0]);
                return EXIT_FAILURE;
        }
        /* What goes through us is for nobody else who runs as we do, and is in no dump; who has ended is nobody's to wait for. */
        if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || signal(SIGCHLD, SIG_IGN) == SIG_ERR ||
                        signal(SIGPIPE, SIG_IGN) == SIG_ERR) {
                log_error("Cannot begin: %s", strerror(errno));
                return EXIT_FAILURE;
        }
        for (;;) {
                _cleanup_close_ int channel = accept4(LISTEN_FD, NULL, NULL, SOCK_CLOEXEC);
                int r = channel < 0 ? -errno : !is_root(channel) ? -EPERM : yard_serve(channel);
                if (r == -EPERM || r == -EINTR || r == -ECONNABORTED)
                        continue;
                if (r < 0) {
                        log_error("Cannot go on: %s", strerror(-r));
                        return EXIT_FAILURE;
                }
        }
}
