/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* An agent's place in the cgroup tree: one transient scope, delegated, with the agent's own limits as unit properties, held open by an
 * anchor process of the launcher's while the agent is in use and for SCOPE_IDLE_USEC after. PID 1 is asked once per agent, never
 * per sandbox: moving a process into a scope waits for an RCU grace period (11 to 16 ms on an idle system).
 *
 *   NEW ─own-slice.h, where it stands in one─► BOUNDING ─ANCHOR─► ANCHORING ─StartTransientUnit─► STARTING ─JobRemoved─► SETTLING ─SCOPE─► READY ─idle, DROP─► DROPPING ─► gone
 * Any failure on the way up answers everyone who waits, with the step. `systemctl stop` on a READY one is noticed by its job. */

#include <sys/queue.h>

#include "manager.h"

#define SCOPE_IDLE_USEC (UINT64_C(60) * 1000000)
#define SCOPE_MISPLACED_USEC UINT64_C(1000000)
#define SCOPE_STOP_USEC (UINT64_C(10) * 1000000) /* TimeoutStopSec: pid 1 of a sandbox needs 2 s of grace */
#define SCOPE_START_USEC (UINT64_C(30) * 1000000)

typedef enum ScopeState { SCOPE_NEW, SCOPE_BOUNDING, SCOPE_ANCHORING, SCOPE_STARTING, SCOPE_SETTLING, SCOPE_READY, SCOPE_DROPPING, SCOPE_STOPPED,
        _SCOPE_STATE_MAX } ScopeState;

/* error: 0, or a negative errno with a sentence. Called exactly once, perhaps before scope_when_ready() returns. */
typedef void (*ScopeReady)(Scope *s, int error, const char *sentence, void *userdata);

struct Scope {
        LIST_ENTRY(Scope) entries;
        Manager *manager;        /* not owned */
        Agent *agent;            /* not owned; agents outlive their scopes */
        char *unit, *slice, *path;
        struct OwnSlice *own;    /* of a default agent: own-slice.h; otherwise NULL, and the owner's slice of that number */
        unsigned slice_number;
        bool misplaced;          /* found outside of own, as an mxcd of before has made it */
        ScopeState state;
        pid_t anchor;            /* while it comes up */
        char *job;               /* object path */
        unsigned tries;
        sd_bus_slot *call, *bounds_call;
        char held_to[65];        /* digest of the policy whose limits it has; "": not known */
        const char *bounds_cause; /* a literal */
        sd_event_source *deadline, *idle, *again;
        size_t n_users;          /* sandboxes and requests that hold it */
        TAILQ_HEAD(, ScopeWaiter) waiters;
};

/* The agent's scope, made (as an object: PID 1 is not asked yet) if need be; its path is final. Holds it: scope_release(). */
int scope_hold(Manager *m, Agent *a, Scope **ret);
/* One that exists in the cgroup tree already, at path. What a misplaced one has stays in it, within its own limits; nothing new begins there,
 * where the user's would not hold, and it goes as soon as it is empty. */
int scope_adopt(Manager *m, Agent *a, const char *path, Scope **ret);
void scope_release(Scope *s);

/* Calls done once the scope exists and may be spawned into. */
int scope_when_ready(Scope *s, ScopeReady done, void *userdata);
/* Its own slice is bounded, or (error, sentence) cannot be: nothing is spawned into it then. */
void scope_slice_told(Scope *s, int error, const char *sentence);
/* The launcher found that it is gone: it is made afresh for whoever asks next. */
void scope_forget(Scope *s);

/* Its limits (scope-bounds.c): a registered agent's own policy, which bounds all its sandboxes together; the host's ceiling for a default
 * agent. They follow that policy while the scope lives: where it has become another and PID 1 has other limits, that is put on record (bounds),
 * with cause, a literal that is a word for the record, and set. A policy that is not there any more leaves them as they are. */
int scope_bounds_begin(Manager *m);
int scope_bounds_append(Scope *s, sd_bus_message *m);
void scope_follow(Scope *s, const char *cause);
void scope_follow_all(Manager *m, const char *cause);

/* Whether PID 1 is stopping it, asked of PID 1: its word that it begins to may come after the first process has ended. done() is called
 * exactly once, after this returns, with the slot in *ret over; a negative errno: it will not be. */
typedef void (*ScopeStopping)(bool stopping, void *userdata);
int scope_ask_stopping(Scope *s, ScopeStopping done, void *userdata, sd_bus_slot **ret);

/* Subscribes to PID 1's jobs. */
int scope_watch_jobs(Manager *m);
void scope_free_all(Manager *m);
