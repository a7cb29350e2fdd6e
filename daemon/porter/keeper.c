/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keeper.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "cleanup.h"
#include "fd-pass.h"
#include "fd.h"
#include "tickets.h"

#define MOMENT_NSEC 10000000L

static size_t living;

/* How much of it can be read at once, and whether descriptors come with that. None is taken by looking: there is no room for any. */
static ssize_t look(int socket, void *data, size_t size, bool *ret_fds) {
        struct iovec part = { .iov_base = data, .iov_len = size };
        struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
        ssize_t n = recvmsg(socket, &m, MSG_PEEK | MSG_DONTWAIT);
        *ret_fds = n >= 0 && (m.msg_flags & MSG_CTRUNC) != 0;
        return n < 0 ? -errno : n;
}

/* All but what he keeps is somebody else's. What he is late in closing keeps nobody waiting but him. */
static int keep(Tickets *t) {
        struct pollfd awaited[FD_PASS_MAX];
        int own[2 * FD_PASS_MAX];
        size_t n = 0;
        if (t->n == 0)
                return 0; /* what is not kept is closed by the end, too */
        for (size_t i = 0; i < t->n; i++) {
                own[n++] = t->list[i].socket;
                own[n++] = t->list[i].kept;
        }
        int r = fd_close_others(own, n);
        while (r == 0 && t->n > 0) {
                tickets_await(t, awaited);
                if (poll(awaited, t->n, -1) < 0 && errno != EINTR)
                        return -errno;
                tickets_serve(t, awaited);
        }
        return r;
}

static ssize_t wait_a_moment(void) {
        static const struct timespec moment = { .tv_nsec = MOMENT_NSEC };
        (void)nanosleep(&moment, NULL); /* who waits in the socket is still there then */
        return -EAGAIN;
}

static _Noreturn void be_keeper(int socket, int back, void *data, size_t size, bool keeps) {
        Tickets t;
        int fds[FD_PASS_MAX];
        size_t n_fds;
        while (tickets_init(&t) < 0)
                (void)wait_a_moment();
        t.until_the_end = true;
        ssize_t n = fd_take(socket, data, size, fds, FD_PASS_MAX, &n_fds, MSG_DONTWAIT);
        if (n > 0) {
                t.is_full = !keeps;
                tickets_wrap(&t, fds, n_fds);
                ssize_t sent;
                while ((sent = fd_pass(back, data, (size_t)n, fds, n_fds, 0)) == -ETOOMANYREFS ||
                                sent == -ENOBUFS || sent == -ENOMEM)
                        (void)wait_a_moment();
                n = sent;
        }
        _exit(n > 0 && keep(&t) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

static void bury(void) {
        while (living > 0 && waitpid(-1, NULL, WNOHANG) > 0)
                living--;
}

ssize_t keeper_take(int socket, void *data, size_t size, int *fds, size_t max, size_t *ret_n_fds) {
        bool has_fds;
        int pair[2];
        *ret_n_fds = 0;
        bury();
        ssize_t n = look(socket, data, size, &has_fds);
        if (n <= 0)
                return n;
        if (!has_fds)
                return fd_take(socket, data, (size_t)n, fds, max, ret_n_fds, MSG_DONTWAIT);
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return wait_a_moment();
        const pid_t pid = fork();
        if (pid == 0)
                be_keeper(socket, pair[1], data, (size_t)n, living < KEEPERS_MAX);
        (void)close(pair[1]);
        if (pid < 0) {
                (void)close(pair[0]);
                return wait_a_moment();
        }
        living++;
        n = fd_take(pair[0], data, (size_t)n, fds, max, ret_n_fds, 0);
        (void)close(pair[0]);
        return n == 0 ? -EIO : n;
}
