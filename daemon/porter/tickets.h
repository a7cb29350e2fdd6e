/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The keeper's side of common/ticket.h: descriptors of one connection that somebody may still ask for. */

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct Ticket {
        int socket, kept; /* both owned */
} Ticket;

typedef struct Tickets {
        Ticket *list;
        size_t n, allocated;
        bool is_full;       /* nothing more is kept */
        bool until_the_end; /* what is kept is closed by the end of the process, not before */
        int dead; /* what stands for a descriptor that could not be kept: nobody is at its other end. Owned */
} Tickets;

/* 0 or a negative errno. */
int tickets_init(Tickets *t);

/* Puts a ticket in the place of each descriptor that may be slow to close. Each is the caller's still, for tickets_release(). What there is
 * no room for is closed, and its ticket can be redeemed by nobody. */
void tickets_wrap(Tickets *t, int *fds, size_t n);
void tickets_release(const Tickets *t, const int *fds, size_t n);

/* For t->n entries of poll(2), and what came of it. */
void tickets_await(const Tickets *t, struct pollfd *p);
void tickets_serve(Tickets *t, const struct pollfd *p);
