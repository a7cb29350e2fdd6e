/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Who asks. Taken once, when a request is first seen, and a value from then on: nothing is looked up again by pid. What is decided,
 * is decided from what the bus (GetConnectionCredentials) or the socket (SO_PEERCRED, SO_PEERGROUPS) attests: uid, gid and
 * groups. pid and unit are for the record, and for one refusal: a caller that lives in one of our own scopes. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

typedef struct Caller {
        unsigned n_ref;
        sd_bus *bus;          /* the connection that replies and signals go to; a reference */
        char *sender;         /* unique name on the system bus; NULL at the private door */
        uid_t uid;
        gid_t gid;            /* of a bus caller: one of groups, because the bus does not tell which is primary */
        gid_t *groups;        /* supplementary and primary; what opening files as the caller needs */
        size_t n_groups;
        pid_t pid;            /* 0: unknown */
        uint64_t start_time;  /* of pid, in clock ticks since boot, read while pid was known to live; 0: unknown */
        char *unit;           /* "session-3.scope", "user@1000.service", …; "" where it cannot be known */
        bool in_sandbox;      /* pid lives below mxc.slice, or it cannot be told where it lives: refuse */
} Caller;

Caller *caller_ref(Caller *c);
Caller *caller_unref(Caller *c);

/* Of the peer of a connection at the private door: who is at the other end of fd; bus is how it is spoken with. 0 or a
 * negative errno: refuse the connection. -EPERM: it is nobody (65534: a uid that is not mapped here looks like that). */
int caller_from_peer(sd_bus *bus, int fd, Caller **ret);

/* Of the sender of a message on the system bus. Asked of the bus once per unique name (asynchronously) and remembered until
 * the name goes. done() is called exactly once, perhaps before this returns: with the caller (borrowed), or NULL and a
 * negative errno: refuse the request. The cache drops a name on NameOwnerChanged; who waits when the cache is freed is told
 * -ESHUTDOWN. Where caller_cache_get() itself is negative, done() is not called: -EBUSY for more than LIMIT_PENDING_PER_UID requests that
 * wait for one name. */
typedef struct CallerCache CallerCache;
typedef void (*CallerDone)(Caller *caller, int error, void *userdata);
int caller_cache_new(sd_bus *system_bus, CallerCache **ret);
CallerCache *caller_cache_free(CallerCache *c);
int caller_cache_get(CallerCache *c, const char *sender, CallerDone done, void *userdata);

/* The same for who cannot wait (reading a property): the bus is asked and waited for, where the name is not known yet. *ret is a new reference. */
int caller_cache_get_now(CallerCache *c, const char *sender, Caller **ret);

/* Whether its sender is there still, as far as the bus has told: then gone() will be told of its end, if there is one. Asks nobody. */
bool caller_cache_knows(const CallerCache *c, const char *sender);
void caller_cache_on_gone(CallerCache *c, void (*gone)(const char *sender, void *userdata), void *userdata);
