/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Who comes from outside to a port that is published: listeners of the host, and sockets of the sandbox's network by which they get in
 * (egress-net.h). From there on it is a connection as any other: what comes out of the sandbox goes up. */

#include "connection.h"

typedef struct Guests Guests;

/* Takes what the process began with. Nothing is published: 0, and *ret is NULL. */
int guests_new(Egress *e, Guests **ret);
Guests *guests_free(Guests *g);

/* Of a connection of a guest. */
int guest_dial(Connection *c, sd_event_io_handler_t on_inner); /* the sandbox's 127.0.0.1 */
/* It does not answer there: 1 where it is asked at ::1, 0 where that has been. */
int guest_dial_other(Connection *c, sd_event_io_handler_t on_inner);
/* Gives back its socket, with all that is not watched any more. clean: what was said last is still to arrive. */
void guest_leave(Connection *c, bool clean);
Judgement guest_judge(const Connection *c);
