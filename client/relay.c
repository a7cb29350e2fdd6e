/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay.h"

#include "cleanup.h"

#define END_OF_INPUT 4 /* ^D, VEOF of a new pty */

bool relay_is_open(const Relay *r) {
        return r->to >= 0 && (r->from >= 0 || r->n > 0);
}

static void close_end(int *fd, bool owned) {
        if (owned && *fd >= 0)
                (void)close(*fd); /* a pipe or a pty of our own */
        *fd = -EBADF;
}

void relay_close(Relay *r) {
        close_end(&r->from, r->owns_from);
        close_end(&r->to, r->owns_to);
        r->n = 0;
}

void relay_poll(const Relay *r, struct pollfd entries[2]) {
        entries[0] = (struct pollfd){ .fd = r->to >= 0 && r->n == 0 ? r->from : -1, .events = POLLIN };
        entries[1] = (struct pollfd){ .fd = r->n > 0 ? r->to : -1, .events = POLLOUT };
}

/* Nothing more will come; what waits is still written. */
static void end_of_input(Relay *r) {
        close_end(&r->from, r->owns_from);
        if (r->end_is_byte) {
                r->buffer[0] = END_OF_INPUT;
                r->begin = 0;
                r->n = 1;
                r->end_is_byte = false;
        } else
                close_end(&r->to, r->owns_to);
}

static bool take_in(Relay *r) {
        ssize_t n = read(r->from, r->buffer, sizeof r->buffer);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return false;
        if (n <= 0) { /* the end; of a pty's master EIO */
                end_of_input(r);
                return true;
        }
        r->begin = 0;
        r->n = (size_t)n;
        return true;
}

static bool give_out(Relay *r) {
        ssize_t n = write(r->to, r->buffer + r->begin, r->n);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return false;
        if (n < 0) { /* nobody reads any more: whoever writes shall know */
                relay_close(r);
                return true;
        }
        r->begin += (size_t)n;
        r->n -= (size_t)n;
        if (r->n == 0 && r->from < 0 && r->owns_to)
                close_end(&r->to, true);
        return true;
}

bool relay_turn(Relay *r, const struct pollfd entries[2]) {
        bool moved = false;
        if (entries[1].fd >= 0 && entries[1].revents)
                moved = give_out(r);
        else if (entries[0].fd >= 0 && entries[0].revents)
                moved = take_in(r);
        return moved;
}
