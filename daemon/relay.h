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
#include "upstream.h"

/* A connection that is open, or a refusal of late. */
typedef struct RelayConnection {
        TAILQ_ENTRY(RelayConnection) entries;
        EgressReport report;   /* by which it was allowed or refused; the bytes as of the last look */
        uint64_t since;        /* CLOCK_REALTIME */
        uint64_t looked;       /* the last look that it was seen in */
} RelayConnection;
typedef TAILQ_HEAD(RelayList, RelayConnection) RelayList; /* oldest first */

/* Whoever is answered when the last lease is in force. */
typedef struct RelayWaiter {
        STAILQ_ENTRY(RelayWaiter) entries;
        sd_bus_message *message;
        uint32_t number;       /* to answer with; 0: with nothing */
} RelayWaiter;

typedef struct RelayLooker RelayLooker; /* relay-look.c */

typedef struct Relay {
        Sandbox *sandbox;      /* not owned */
        int channel;
        sd_event_source *io, *flood, *late;
        RelayList open, refused; /* of the second the last LIMIT_RELAY_SHOWN */
        size_t n_open, n_shown;
        bool serves;           /* mxc-egress has said that it is there */
        bool shut;             /* what it may reach cannot be told to it: nothing is allowed */
        int lease;             /* what it goes by since that is another than it began with; else -EBADF */
        uint64_t leased;       /* the number of that; late runs until it says that it does */
        uint64_t upstream;     /* number of the host's proxy in that */
        bool asking;           /* the launcher has not answered yet that it has that */
        STAILQ_HEAD(, RelayWaiter) waiters;
        int look;              /* the file of the look that is not answered yet; else -EBADF */
        uint64_t looked;       /* the number of the last one */
        unsigned n_unanswered; /* since it answered one, be it late */
        STAILQ_HEAD(, RelayLooker) lookers;
        uint64_t n_allowed, n_refused, bytes_out, bytes_in; /* of those that are over */
        uint64_t spent_out, spent_in; /* of what its policy bounds, by all that it had: what the next one begins with */
        uint64_t n_told, n_untold; /* refusals of this window */
} Relay;

/* What a lease is made of. Borrowed. */
typedef struct RelayTerms {
        const Policy *policy;  /* its network */
        const Upstream *upstream; /* the host's, and its number */
        uint64_t upstream_number;
        uid_t owner;
        uint64_t spent_out, spent_in;
} RelayTerms;

RelayTerms relay_terms(const Manager *m, const Policy *policy, uid_t owner);

/* What the launcher is given for a sandbox under this policy: its lease, what the kernel may refuse by that, and the two ends of its
 * channel. All or nothing. */
typedef struct RelayEnds {
        int lease, table, theirs, ours;
        uint64_t upstream;     /* number of the host's proxy in the lease */
} RelayEnds;
#define RELAY_ENDS_NONE ((RelayEnds){ -EBADF, -EBADF, -EBADF, -EBADF, 0 })
int relay_ends_new(const char *id, const RelayTerms *terms, RelayEnds *ret);
void relay_ends_close(RelayEnds *e);

/* Takes the descriptor, in any case. */
int relay_new(Sandbox *s, int channel, Relay **ret);
Relay *relay_free(Relay *r);
int relay_take_channel(Relay *r); /* it hears nothing any more; the caller's, or -EBADF where it has not been listened to either */

/* A relay of an earlier mxcd is not listened to before it has been told what it goes by now. */
void relay_listen(Relay *r, bool listen);

/* relay-lease.c. The network part of live is what it goes by from now on: mxc-egress ends what that forbids and says so. One that does not within
 * RELAY_LEASE_USEC is killed, and so is one that cannot be told. A negative errno: it is shut. */
#define RELAY_LEASE_USEC (UINT64_C(3) * 1000000)
int relay_set_lease(Relay *r, const Policy *live);
void relay_shut(Relay *r);
/* Answers it, with the number unless that is 0, when the launcher and mxc-egress go by the last lease, or there is nobody who could go by another.
 * Takes the message. */
void relay_when_leased(Relay *r, sd_bus_message *message, uint32_t number);
void relay_settle(Relay *r, bool anyhow);
bool relay_has_process(const Relay *r);
int relay_lease_new(const char *id, const RelayTerms *terms, int *ret, int *ret_table); /* sealed memfds: a lease, and a RefusalTable */
/* What relay.c hears. */
void relay_begun(Relay *r);
void relay_leased(Relay *r, uint64_t serial);
void relay_spent(Relay *r, const EgressReport *report);
RelayConnection *relay_remember_open(Relay *r, const EgressReport *report); /* NULL: there is no room */
void relay_forget_one(Relay *r, RelayConnection *c);

/* What it held is over with it, and nobody else will say so: each has its record, and is forgotten. */
void relay_tell_ends(Relay *r, EgressReason reason, int error);

/* relay-look.c. 0: done() will be called exactly once, after this: live says whether r->open is what the relay has just said of it, or what was
 * known before. A relay that does not answer within RELAY_LOOK_USEC is not waited for. 1: there is none, and nothing is open, whatever of r->open is not on
 * record as over yet. A negative errno: it cannot be asked. */
#define RELAY_LOOK_USEC (UINT64_C(1) * 1000000)
#define RELAY_LOOKS_UNANSWERED 4U
typedef void (*RelayLookDone)(Relay *r, bool live, void *userdata);
int relay_look(Relay *r, RelayLookDone done, void *userdata);
void relay_looked(Relay *r, uint64_t serial); /* what relay.c hears */
void relay_look_forget(Relay *r);             /* nobody will answer it */
void relay_look_settle(Relay *r, bool live);

extern const ActKind act_list_connections; /* bus-relay.c */
extern const ActKind act_grant, act_revoke_grant; /* bus-grant.c */
