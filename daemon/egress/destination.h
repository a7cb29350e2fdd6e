/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Where something that came out of the sandbox was going: an address and a port as the kernel says them, IPv4 as ::ffff:a.b.c.d. */

#include <netinet/in.h>

#include "egress.h"

/* What is known of an address in its own spelling: that, the protocol, and its names. *ret borrows hosts, whose names are e's. Where names are
 * not told by their addresses, no address stands for one that it was told for before. */
void destination_of_address(const Egress *e, const NetCidr *address, unsigned protocol, const char *hosts[NAMES_PER_ADDRESS], Destination *ret);

/* What is judged: that, the port, and whether a name may lead there. */
void destination_find(const Egress *e, const struct sockaddr_in6 *to, unsigned protocol, const char *hosts[NAMES_PER_ADDRESS], Destination *ret);

/* A socket of that type that is on its way there, to exactly that address: nothing is looked up twice. What stands for the host's
 * loopback (egress-net.h) is that. Non-blocking; a negative errno. */
/* The same of an address that is no sandbox's word: nothing stands for another there. */
int destination_dial_as_it_is(const struct sockaddr_in6 *to, int type);
int destination_dial(const struct sockaddr_in6 *to, int type);
