/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Bytes carried one way between two descriptors, by a loop that must not stop for either of them. */

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>


#define RELAY_BYTES 4096U /* PIPE_BUF: what POLLOUT promises */

typedef struct Relay {
        int from, to;              /* -EBADF: not in use, or at its end */
        bool owns_from, owns_to;   /* closed at the end */
        bool end_is_byte;          /* to is a pty: there the end of input is a character, not a close() */
        size_t begin, n;           /* what is waiting to be written */
        char buffer[RELAY_BYTES];
} Relay;

/* What to wait for: fills two entries, fd -1 where nothing. */
void relay_poll(const Relay *r, struct pollfd entries[2]);
/* After poll(). True when something moved. */
bool relay_turn(Relay *r, const struct pollfd entries[2]);
/* Still carries, or will. */
bool relay_is_open(const Relay *r);
void relay_close(Relay *r);
