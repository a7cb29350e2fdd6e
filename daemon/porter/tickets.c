/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tickets.h"

#include <sys/socket.h>

#include "cleanup.h"
#include "fd-pass.h"

int tickets_init(Tickets *t) {
        int pair[2];
        *t = (Tickets){ .dead = -EBADF };
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        (void)close(pair[1]);
        t->dead = pair[0];
        return 0;
}

/* Closing it waits for nobody: a pipe of nobody's file system (a named one holds a mount, and the last who holds one takes it down), and a pidfd. What it is
 * the kernel says: a file of a file system has a path here, and that system is not asked. */
static bool closes_at_once(int fd) {
        char link[32], what[32];
        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, what, sizeof(what) - 1);
        if (n < 0)
                return false;
        what[n] = 0;
        return strncmp(what, "pipe:[", 6) == 0 || streq(what, "anon_inode:[pidfd]") ||
               strncmp(what, "pidfd:[", 7) == 0;
}

static int make_room(Tickets *t) {
        if (t->n < t->allocated)
                return 0;
        const size_t more = t->allocated * 2 + 4;
        Ticket *list = realloc(t->list, more * sizeof(Ticket));
        if (!list)
                return -ENOMEM;
        t->list = list;
        t->allocated = more;
        return 0;
}

static int wrap(Tickets *t, int *fd) {
        int pair[2];
        if (t->is_full || make_room(t) < 0 ||
                        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -ENOBUFS;
        t->list[t->n++] = (Ticket){ .socket = pair[0], .kept = *fd };
        *fd = pair[1];
        return 0;
}

void tickets_wrap(Tickets *t, int *fds, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (!closes_at_once(fds[i]) && wrap(t, &fds[i]) < 0) {
                        if (!t->until_the_end)
                                (void)close(fds[i]); /* nobody gets it */
                        fds[i] = t->dead;
                }
}

void tickets_release(const Tickets *t, const int *fds, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (fds[i] != t->dead)
                        (void)close(fds[i]); /* sent, or not wanted */
}

void tickets_await(const Tickets *t, struct pollfd *p) {
        for (size_t i = 0; i < t->n; i++)
                p[i] = (struct pollfd){ .fd = t->list[i].socket, .events = POLLIN };
}

/* Once, over what he who asks has sent along; then it is he who has it. */
static void give(const Tickets *t, const Ticket *ticket) {
        char byte;
        int back;
        size_t n_fds;
        if (fd_take(ticket->socket, &byte, 1, &back, 1, &n_fds, MSG_DONTWAIT) == 1 && n_fds == 1) {
                (void)fd_pass(back, "", 1, &ticket->kept, 1,
                                MSG_DONTWAIT); /* or he is gone, and finds out */
                if (!t->until_the_end)
                        (void)close(back); /* as the next, where he is gone */
        }
        if (!t->until_the_end)
                (void)close(ticket->kept); /* may wait for whom it came from: it is his connection that waits */
        (void)close(ticket->socket);
}

void tickets_serve(Tickets *t, const struct pollfd *p) {
        size_t kept = 0;
        const size_t n = t->n;
        for (size_t i = 0; i < n; i++)
                if (p[i].revents != 0)
                        give(t, &t->list[i]);
                else
                        t->list[kept++] = t->list[i];
        t->n = kept;
}
