/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ticket.h"

#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "fd-pass.h"

#define PATIENCE_SEC 10

/* -ENOTSOCK for all else: no file system is asked. */
static int socket_option(int fd, int name) {
        int value;
        socklen_t size = sizeof(value);
        return getsockopt(fd, SOL_SOCKET, name, &value, &size) < 0 ? -errno : value;
}

/* 0: it is none. Each socket has another cookie. What cannot be told is not taken for anything else. */
static int ticket_cookie(int fd, uint64_t *ret) {
        socklen_t size = sizeof(*ret);
        *ret = 0;
        if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_COOKIE, ret, &size) == 0)
                return 0;
        return errno == ENOTSOCK || errno == EBADF ? 0
                                                   : -errno; /* EBADF: a mere name, which is refused below */
}

/* The answer comes over a pair of the asker's own, not over the ticket: in the queue of that, which mxcd has, too, it would be mxcd's to close where the asker
 * does not come to take it. *ret_back is where it comes. */
static int ask(int ticket, int *ret_back) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        ssize_t n = fd_pass(ticket, "", 1, &pair[1], 1, 0);
        (void)close(pair[1]);
        if (n < 0) {
                (void)close(pair[0]);
                return n == -EPIPE ? -ECONNRESET : (int)n;
        }
        *ret_back = pair[0];
        return 0;
}

static int redeem(int *fd, int back) {
        struct pollfd answer = { .fd = back, .events = POLLIN };
        char byte;
        int kept;
        size_t n_fds;
        int r;
        static const struct timespec patience = { .tv_sec = PATIENCE_SEC };
        do
                r = ppoll(&answer, 1, &patience, NULL); /* which pid 1 of a sandbox may call */
        while (r < 0 && errno == EINTR);
        if (r <= 0)
                return r < 0 ? -errno : -ETIMEDOUT;
        ssize_t n = fd_take(back, &byte, 1, &kept, 1, &n_fds, MSG_DONTWAIT);
        if (n < 0 || n_fds != 1)
                return n < 0 ? (int)n : -ECONNRESET;
        (void)close(*fd);
        *fd = kept;
        return 0;
}

static int check(int fd) {
        struct statx st;
        const int flags = fcntl(fd, F_GETFL);
        /* a file system that does not answer is not asked */
        if (flags < 0 || statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &st) < 0)
                return -errno;
        if ((flags & O_PATH) || S_ISDIR(st.stx_mode))
                return -EINVAL;
        return S_ISSOCK(st.stx_mode) && socket_option(fd, SO_DOMAIN) != AF_UNIX ? -EINVAL : 0;
}

/* What another of them has become. */
static int redeem_as(int *fd, int other) {
        int again = fcntl(other, F_DUPFD_CLOEXEC, 0);
        if (again < 0)
                return -errno;
        (void)close(*fd);
        *fd = again;
        return 0;
}

/* The first of them that is the same ticket. */
static int first_alike(const uint64_t cookies[3], int i) {
        for (int j = 0; j < i; j++)
                if (cookies[j] == cookies[i])
                        return j;
        return i;
}

static int redeem_all(int stdio[3], int back[3], const uint64_t cookies[3]) {
        for (int i = 0; i < 3; i++) {
                const int first = cookies[i] != 0 ? first_alike(cookies, i) : i;
                int r = first < i      ? redeem_as(&stdio[i], stdio[first])
                        : back[i] >= 0 ? redeem(&stdio[i], back[i])
                                       : 0;
                if (r == 0 && stdio[i] >= 0)
                        r = check(stdio[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

int ticket_redeem_stdio(int stdio[3]) {
        int back[3] = { -EBADF, -EBADF, -EBADF };
        uint64_t cookies[3];
        int r = 0;
        for (int i = 0; i < 3 && r == 0; i++) {
                r = ticket_cookie(stdio[i], &cookies[i]);
                if (r == 0 && cookies[i] != 0 && first_alike(cookies, i) == i)
                        r = ask(stdio[i], &back[i]);
        }
        if (r == 0)
                r = redeem_all(stdio, back, cookies);
        for (int i = 0; i < 3; i++)
                cleanup_closep(&back[i]); /* what nobody came to take is ours to wait for */
        return r;
}
