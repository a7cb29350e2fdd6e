/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The datagrams of a sandbox, but for questions to resolvers. They go by address: nothing in them says a name that could be looked at, so a rule for
 * a name allows none of them.
 *
 * An exchange is what one socket of the sandbox has with one place. It is a connection in all that is said of it: judged, on record before its
 * first datagram leaves, counted, ended by a lease that does not allow it any more. It has one socket outside, which hears nobody but that place.
 *
 *   ASKED ─on record─► OPEN ─nothing for a while, a bound, a lease─► gone
 * Whatever does not go is answered by an ICMP error, so that who waits on a connected socket is told at once. */

#include "egress.h"

#define EGRESS_HELD_MAX 16U              /* datagrams of one exchange that wait for its record, */
#define EGRESS_HELD_BYTES (1024U * 1024) /* and bytes of all of those; more are lost, as datagrams are */
#define EGRESS_QUESTION_USEC (UINT64_C(30) * 1000000)  /* without a datagram, until it is over: as Linux's own translation of addresses has it, */
#define EGRESS_TALK_USEC (UINT64_C(120) * 1000000)     /* nf_conntrack_udp_timeout and _stream: of one that went both ways for some time, */
#define EGRESS_TALK_AFTER_USEC (UINT64_C(2) * 1000000) /* this long */

/* Takes what comes from the descriptors of egress-net.h. */
int datagrams_new(Egress *e, Datagrams **ret);
Datagrams *datagrams_free(Datagrams *d); /* each exchange is told */

/* What connection_recorded(), connection_judge_again() and connection_list() are to connections. */
void datagrams_recorded(Datagrams *d, uint64_t serial, bool recorded);
void datagrams_judge_again(Datagrams *d);
size_t datagrams_list(const Datagrams *d, EgressReport *ret, size_t max);
