/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The wiring: everything that lives as long as the daemon, and the tables of what comes and goes. No decisions are made here. */

#include <sys/queue.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "clock.h"
#include "audit.h"
#include "authorize.h"
#include "caller.h"
#include "decision-cache.h"
#include "host.h"
#include "launch-channel.h"
#include "plan-cache.h"
#include "policy-store.h"
#include "record-wait.h"
#include "registry.h"
#include "turns.h"
#include "user.h"

#define SANDBOX_BUCKETS 8192U

typedef struct Door Door;
typedef struct PorterLink PorterLink;
typedef struct Sandbox Sandbox;
typedef struct Scope Scope;
typedef struct Usage Usage;
typedef LIST_HEAD(SandboxList, Sandbox) SandboxList;

typedef struct Manager {
        sd_event *event;
        sd_bus *bus;                     /* the system bus */
        Audit *audit;
        Authorizer *authorizer;
        CallerCache *callers;
        UserCache *users;
        PolicyStore *policies;
        Registry *registry;
        DecisionCache *decisions;
        PlanCache *plans;
        Turns *turns;
        RecordWait *waits;
        HostFacts host;
        LaunchChannel *launch;
        PorterLink *porter, *bus_porter; /* at the second door; between us and the bus */
        Door *door;
        const char *cgroup_path;         /* root of the cgroup v2 hierarchy: "/sys/fs/cgroup" */

        SandboxList sandboxes[SANDBOX_BUCKETS];
        size_t n_sandboxes;
        LIST_HEAD(, Scope) scopes;
        LIST_HEAD(, OwnSlice) own_slices; /* own-slice.h */
        uint64_t tasks_default;          /* systemd's own TasksMax; 0: not told yet */
        LIST_HEAD(, Usage) usage;
        LIST_HEAD(, Release) releases;
        struct Found *found;             /* what was there before us, until it has been looked at: adopt.h */
        void (*ready)(struct Manager *m); /* called once: the launcher is there and all is adopted */
        uint64_t attach_until;           /* ends that nobody has fetched are kept until then; CLOCK_BOOTTIME */
        sd_event_source *reload, *attach_end;
} Manager;

/* Not yet served: see ready. */
int manager_new(sd_event *event, Manager **ret);
/* Sandboxes go on, and so do their records. */
Manager *manager_free(Manager *m);

/* Reads agents and policies again and says in the audit what changed. done() for each file that is there: its error is NULL when good. */
typedef void (*ManagerLoaded)(const char *file, const char *error, void *userdata);
int manager_load(Manager *m, ManagerLoaded done, void *userdata);
/* The same, because files have changed. While the journal takes no records the last good ones stay, and it is tried again: nothing comes into
 * force unrecorded, and nothing can be started meanwhile that they would have forbidden. */
void manager_reload(Manager *m);

/* What one uid has here: charged before anything is done for it. */
struct Usage {
        LIST_ENTRY(Usage) entries;
        uid_t uid;
        size_t n_pending, n_sandboxes;
};
/* The entry of uid, made if need be. NULL: out of memory. */
Usage *manager_usage(Manager *m, uid_t uid);
/* Forgets it when nothing is charged. */
void manager_usage_settle(Manager *m, uid_t uid);
