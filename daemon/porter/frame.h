/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* One direction of a D-Bus connection that is begun: what comes from one end goes to the other, message by message. Of a message nothing is looked at
 * but how long it is: 16 bytes (D-Bus specification, "Message Format"). It is read to its end and no further, so that descriptors go with the
 * message that they came with: the kernel ends a read where some came along, but may have begun it before.
 *
 * Descriptors that are on their way count against who sent them, all processes of its user together (RLIMIT_NOFILE, unix(7)). So of one direction there
 * are those of one message at most.
 *
 * Of a side that has a budget a message is gathered, and goes on when it is whole: who receives it is made for a bus that is trusted to end
 * what it begins. Who says too much, with too many descriptors, or takes too long to say the rest, is over. Of the other side it goes on
 * piece by piece. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fd-pass.h"
#include "porter-channel.h"
#include "tickets.h"

typedef struct Frame {
        int from, to;         /* not owned */
        PorterBudget *budget; /* NULL: this side is trusted */
        Tickets *tickets;     /* NULL: its descriptors go as they are */
        bool shared;          /* by strangers: keepers take what comes (keeper.h) */
        bool writes;          /* it waits for room at its other end, else for something to come */
        uint64_t deadline;    /* CLOCK_MONOTONIC, milliseconds: the message has to be whole; 0: none is begun, or it is trusted */

        uint8_t *data;
        size_t allocated, used, sent;
        uint64_t size, gone; /* of the message; 0: not known yet. What of it went before data */
        int fds[FD_PASS_MAX];
        size_t n_fds;
        bool wrapped; /* they are tickets already */
        bool stalled; /* they wait until what went before has been read: try again in a moment */
} Frame;

/* What it can do now, a message or a piece at most. 0, or a negative errno: the connection is over. */
int frame_step(Frame *f);
void frame_clear(Frame *f);
