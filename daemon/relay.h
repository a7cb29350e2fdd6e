/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* mxcd's end of a sandbox's network: the channel to its mxc-egress (egress-channel.h), which the launcher starts when it is first needed. Here
 * each report becomes a record, and what is allowed goes on when it is one. There is a Relay for each sandbox whose policy
 * reaches anything, whether mxc-egress runs or not. */

#include <sys/queue.h>

#include "act.h"
#include "egress-channel.h"
#include "policy.h"
#include "sandbox.h"

/* A connection that is open, or a refusal of late. */
typedef struct RelayConnection {
        TAILQ_ENTRY(RelayConnection) entries;
        EgressReport report;   /* by which it was allowed or refused */
        uint64_t since;        /* CLOCK_REALTIME */
} RelayConnection;
typedef TAILQ_HEAD(RelayList, RelayConnection) RelayList; /* oldest first */

typedef struct Relay {
        Sandbox *sandbox;      /* not owned */
        int channel;
        sd_event_source *io, *flood;
        RelayList open, refused; /* of the second the last LIMIT_RELAY_SHOWN */
        size_t n_open, n_shown;
        bool serves;           /* mxc-egress has said that it is there */
        uint64_t n_allowed, n_refused, bytes_out, bytes_in; /* of those that are over */
        uint64_t n_told, n_untold; /* refusals of this window */
} Relay;

/* What the launcher is given for a sandbox under this policy: its lease, and the two ends of its channel. All or nothing. */
typedef struct RelayEnds {
        int lease, theirs, ours;
} RelayEnds;
#define RELAY_ENDS_NONE ((RelayEnds){ -EBADF, -EBADF, -EBADF })
int relay_ends_new(const char *id, const Policy *effective, RelayEnds *ret);
void relay_ends_close(RelayEnds *e);

/* Takes the descriptor, in any case. */
int relay_new(Sandbox *s, int channel, Relay **ret);
Relay *relay_free(Relay *r);

extern const ActKind act_list_connections; /* bus-relay.c */
