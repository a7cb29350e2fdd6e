/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The second door: D-Bus peer to peer on a socket of our own, for those whom connecting to the bus costs more than the call. Both doors
 * lead to the same rooms. A peer is who connected (SO_PEERCRED), for as long as the connection lasts. What it says comes by way of a porter
 * (porter-link.h), whole message by whole message: sd-bus is made for a bus that is trusted to end what it begins.
 *
 * Of each bus that an event loop knows, sd-bus looks at every turn what it waits for. So a connection by which nothing comes for a while is asleep:
 * the loop knows its descriptor alone, until something comes. What is sent to it goes out at once, and wakes it where it does not fit. */

#include "manager.h"

/* listener: a listening stream socket; taken. */
int door_new(Manager *m, int listener, Door **ret);
Door *door_free(Door *d);

/* Who is at the other end of one of its connections; borrowed. NULL: none of its. */
Caller *door_caller(Door *d, sd_bus *bus);

/* How many are not asleep. */
size_t door_n_awake(const Door *d);
