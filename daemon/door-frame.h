/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What stands between a stranger and sd-bus at the second door. sd-bus is made for a bus that is trusted to send whole messages: of one that is
 * not finished it keeps every descriptor that came along, without a bound, and it goes on reading for as long as there is something to
 * read. So a peer's bytes are gathered here, a little at a time, and sd-bus is given one whole message after the other, over a pair of
 * sockets of ours; what it answers goes to the peer directly.
 *
 * Of a message nothing is looked at but how long it is: 16 bytes (D-Bus specification, "Message Format"). Before that come the lines of the
 * greeting, of which nothing is looked at but where they end. Who says too much, with too many descriptors, or takes too long to say the
 * rest, is hung up on. */

#include <systemd/sd-bus.h>

typedef struct DoorFrame DoorFrame;

/* Whose frames they are. None is called from within door_frame_new(). */
typedef struct DoorFrameOwner {
        /* sd-bus has the whole greeting: let it answer, so that it takes what follows for messages. Negative: it does not let the peer in. */
        int (*let_in)(void *userdata);
        void (*comes)(void *userdata); /* sd-bus is being given a message */
        void (*gone)(void *userdata); /* the peer is over: free its frame */
} DoorFrameOwner;

/* peer is borrowed, and must be non-blocking. *ret_input is sd-bus's end, the caller's to close. held: what unfinished messages of this peer's
 * uid hold in bytes, of all its frames; not owned. */
int door_frame_new(sd_event *event, int peer, size_t *held, const DoorFrameOwner *owner, void *userdata, int *ret_input, DoorFrame **ret);
DoorFrame *door_frame_free(DoorFrame *f);
