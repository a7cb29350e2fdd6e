/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* From a decision to a launch plan. Pure, as decide.h.
 *
 * Two kinds of paths never mix. What a policy of the store grants by a literal path is the administrator's word: it goes into the
 * template, opened as root, the same for each sandbox of that policy (so its encoding is the launcher's cache key: nothing of the
 * request may get in there). Everything that depends on the request is opened as the owner: ${workspace}, ${home}, ${runtime},
 * and every path of a document that a caller brought. A literal path below one that the agent may write is opened as the owner too.
 *
 * Each mount is uniform: access and execution of a path are those of policy_path_access() and policy_path_exec() at it, and a
 * place where either changes below a granted path is a mount of its own. Denied paths outside everything granted are left out: they
 * are not there anyway. */

#include "decide.h"
#include "handoff.h"
#include "host.h"
#include "plan.h"
#include "user.h"

typedef struct PlanInput {
        const Decision *decision;   /* allowed */
        const Policy *stored;       /* the requested policy as the store has it (not bound), or NULL for a caller's document: then
                                       nothing of it is opened as root */
        const HostFacts *host;
        const Handoff *handoff;     /* used where the policy protects */
        const User *owner;          /* whose agent it is: uid, gid, home, groups */
        const gid_t *groups;        /* for opening: the caller's attested ones where the caller is the owner, else the owner's */
        size_t n_groups;
        const char *id, *scope, *agent; /* agent: the hostname */
        const char *workspace;      /* or NULL */
        char *const *argv;          /* NULL-terminated; NULL or empty: no command */
        char *const *env;           /* offered, NAME=value; NULL-terminated or NULL */
        const char *cwd;            /* or NULL: the workspace, else "/" */
        bool pty;
        uint32_t rows, columns;
} PlanInput;

/* The part of a plan that is the same for every request of one decision on one host: mounts, links, system calls, names, limits. Working it out
 * takes longer than all the rest, so plans share it. Immutable. */
typedef struct PlanLayout {
        unsigned n_ref;
        LaunchPlan *model;
} PlanLayout;
/* Of in only decision, stored, host, handoff and workspace are looked at. Errors as plan_make(). */
int plan_layout_new(const PlanInput *in, PlanLayout **ret, DecisionReason *ret_reason, char **ret_sentence);
PlanLayout *plan_layout_ref(PlanLayout *l);
PlanLayout *plan_layout_unref(PlanLayout *l);
/* A plan that borrows a layout, which must be of the same input and must live as long; freed by plan_free_borrowing(). */
int plan_make_from(const PlanInput *in, const PlanLayout *l, LaunchPlan **ret, DecisionReason *ret_reason, char **ret_sentence);
LaunchPlan *plan_free_borrowing(LaunchPlan *p);

/* A plan of its own. 0, -ENOMEM, or -EINVAL/-E2BIG/-EOPNOTSUPP with *ret_sentence (free it) and *ret_reason: what of the request cannot be planned. */
int plan_make(const PlanInput *in, LaunchPlan **ret, DecisionReason *ret_reason, char **ret_sentence);

/* The environment of a command under a policy: what is offered and passes, what the policy sets, and HOME USER LOGNAME SHELL PATH where
 * neither said anything and the policy passes them. NULL-terminated, sorted, the caller's to free. Also for Exec. */
int plan_environment(const Policy *effective, const User *owner, char *const *offered, char ***ret, size_t *ret_n);

/* The plan as JSON, for Plan and `mxcctl run --dry-run`. New reference; NULL when out of memory. */
json_t *plan_to_json(const LaunchPlan *p);

/* Words for what holds: "mount-namespace", "pid-namespace", …, "seccomp", "landlock-7", "names-guarded" or "names-mediated", "memory.max" …
 * NULL-terminated strings of static storage in ret[], at most max. Returns how many. */
size_t plan_walls(const LaunchPlan *p, const HostFacts *host, const char **ret, size_t max);

/* The same of its limits that this host cannot hold, for want of a controller: whoever asked is told, and the record says so. At most
 * _PLAN_LIMIT_MAX. */
size_t plan_unheld(const LaunchPlan *p, const HostFacts *host, const char *ret[static _PLAN_LIMIT_MAX]);
bool host_holds(const HostFacts *host, PlanLimitKind kind);
bool host_holds_resource(const HostFacts *host, const char *key); /* of resources in a policy; true of those that need no controller */
