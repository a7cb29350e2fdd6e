/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "yard.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#include "cleanup.h"
#include "fd-pass.h"
#include "fd.h"
#include "log.h"
#include "porter.h"

#define AGAIN_NSEC 100000000L

/* Whatever it is that was sent, all of it ends with this process. */
static void work(char job, const int *fds, size_t n_fds) {
        char byte;
        if (n_fds == 0)
                return;
        while (read(fds[--n_fds], &byte, 1) < 0 && errno == EINTR)
                ; /* until mxcd has it no more: porter-channel.h */
        (void)close(fds[n_fds]);
        if (job == PORTER_BUS && n_fds == 2) {
                (void)signal(SIGCHLD, SIG_DFL); /* only fails for what is no signal: it counts its keepers */
                porter_stand(fds[0], fds[1], NULL);
        }
        if (job != PORTER_VISITOR || n_fds != 4)
                return;
        PorterBudget *budget = mmap(NULL, sizeof(*budget), PROT_READ | PROT_WRITE, MAP_SHARED, fds[2], 0);
        if (budget != MAP_FAILED)
                porter_stand(fds[0], fds[1], budget);
}

/* That there is work shows in the end of the pipe, as its death would. */
static _Noreturn void be_porter(int channel, pid_t yard) {
        char job;
        int fds[PORTER_MAX_FDS] = { -EBADF, -EBADF, -EBADF, -EBADF, -EBADF };
        size_t n_fds;
        /* who has nothing to do goes with who begot him, so that mxcd sees the end of the channel */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != yard)
                _exit(EXIT_FAILURE);
        ssize_t n = fd_take(channel, &job, sizeof(job), fds, ELEMENTSOF(fds), &n_fds, 0);
        (void)prctl(PR_SET_PDEATHSIG, 0); /* only fails for what is no signal */
        int kept[PORTER_MAX_FDS];
        memcpy(kept, fds, sizeof(fds)); /* they are put in order */
        /* who waits for the channel's end must not wait for ours, and who is led astray by what he hears has this connection and no other */
        if (n == (ssize_t)sizeof(job) && fd_close_others(kept, n_fds) == 0)
                work(job, fds, n_fds);
        _exit(EXIT_SUCCESS);
}

static bool is_over(int channel) {
        struct pollfd p = { .fd = channel, .events = POLLIN };
        char byte;
        return poll(&p, 1, 0) > 0 && recv(channel, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

int yard_serve(int channel) {
        static const struct timespec again = { .tv_nsec = AGAIN_NSEC };
        while (!is_over(channel)) {
                int taken[2];
                if (pipe2(taken, O_CLOEXEC) < 0)
                        return -errno;
                const pid_t yard = getpid(), pid = fork();
                if (pid == 0) {
                        (void)close(taken[0]);
                        be_porter(channel, yard);
                }
                (void)close(taken[1]);
                char end;
                if (pid < 0) {
                        log_warning("No porter: %s", strerror(errno));
                        (void)nanosleep(&again, NULL); /* who comes waits in the channel */
                } else {
                        while (read(taken[0], &end, 1) < 0 && errno == EINTR)
                                ;
                }
                (void)close(taken[0]);
        }
        return 0;
}
