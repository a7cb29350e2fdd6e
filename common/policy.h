/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A policy: an immutable, digested set of permissions, and the algebra over it. Everything omitted is denied.
 *
 * Life: text → policy_parse() → (extends resolved) → policy_bind() puts the request's paths in the place of
 * ${workspace}, ${home}, ${runtime} → policy_meet() with whatever bounds it → planner. Each step makes a new policy; none
 * changes one. Policies are reference-counted because the registry and running sandboxes share them.
 *
 * Meaning of paths. `paths` is a function from absolute path to access: the deepest entry that is the path or an ancestor of
 * it decides; no entry means not there (denied). Execution of a path needs read access and an entry of `exec` that is the path
 * or an ancestor of it. executePaths omitted, or "readable", is an `exec` of "/" and the three variables; "none" is an empty one.
 *
 * Algebra, on every concrete request r:  allows(meet(a,b), r) = allows(a,r) and allows(b,r);
 * within(a,b) implies (allows(a,r) implies allows(b,r)). Unbound variables are opaque roots, different from every path. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limits.h"
#include "net-publish.h"
#include "net-rule.h"
#include "syscall-profile.h"

typedef struct json_t json_t;

typedef enum PathAccess { PATH_DENIED, PATH_READONLY, PATH_READWRITE, _PATH_ACCESS_MAX } PathAccess; /* ordered: meet is the lesser */

typedef struct PathRule {
        char *path;          /* absolute and normal, or begins with one of the three variables */
        PathAccess access;
        char *clause;        /* JSON pointer, e.g. /filesystem/readonlyPaths/0; with the policy's name before '#' after a meet */
} PathRule;

typedef enum Containment { CONTAINMENT_AUTO, CONTAINMENT_PROCESS, CONTAINMENT_SESSION, CONTAINMENT_CONTAINER, CONTAINMENT_MICROVM,
        _CONTAINMENT_MAX } Containment; /* ordered by strength: meet is the greater */
typedef enum WorkspaceMode { WORKSPACE_DIRECT, WORKSPACE_OVERLAY, _WORKSPACE_MAX } WorkspaceMode;
typedef struct EnvVar {
        char *name, *value;
} EnvVar;

#define RESOURCE_UNLIMITED UINT64_MAX /* VALUE_INFINITY of value.h */

typedef enum ResourceKind { /* each an upper bound unless said; RESOURCE_UNLIMITED where the policy is silent */
        RESOURCE_MEMORY_MAX,   /* bytes */
        RESOURCE_SWAP_MAX,     /* bytes: memorySwapMax */
        RESOURCE_TASKS_MAX,
        RESOURCE_CPU_QUOTA,    /* microseconds of cpu time a second: "200%" is 2000000 */
        RESOURCE_RUNTIME_MAX,  /* microseconds */
        RESOURCE_IO_WEIGHT,    /* 1..10000 */
        RESOURCE_CPU_WEIGHT,   /* 1..10000 */
        RESOURCE_FILES_MAX,    /* RLIMIT_NOFILE: filesMax */
        _RESOURCE_MAX,
} ResourceKind;

typedef enum AuditLevel { AUDIT_NONE, AUDIT_DENIED, AUDIT_ALL, _AUDIT_LEVEL_MAX } AuditLevel; /* meet is the greater: more is recorded */
typedef enum ViolationAction { VIOLATION_NONE, VIOLATION_RECORD, VIOLATION_FREEZE, VIOLATION_KILL, VIOLATION_QUARANTINE,
        _VIOLATION_ACTION_MAX } ViolationAction;
typedef enum Clipboard { CLIPBOARD_NONE, CLIPBOARD_READ, CLIPBOARD_WRITE, CLIPBOARD_ALL, _CLIPBOARD_MAX } Clipboard;

typedef struct Policy {
        unsigned n_ref;
        char *name;          /* "" for an unnamed document */
        char *description;
        char digest[65];     /* SHA-256 of the canonical form, lower-case hex */

        Containment containment;
        PathRule *paths;     /* sorted by path, one per path */
        size_t n_paths;
        char **exec;         /* sorted; nothing implied by an ancestor */
        size_t n_exec;
        WorkspaceMode workspace_mode;
        bool handoff_allowed; /* filesystem.handoff: "protect" (default) or "allow" */

        bool pass_all_env;   /* "pass": "all": the neutral element of meet, for ceilings; set_env still sets */
        char **pass_env;     /* names, sorted */
        size_t n_pass_env;
        EnvVar *set_env;     /* sorted by name; where the name is passed as well, the value is only a default: what the caller offers wins */
        size_t n_set_env;
        SyscallSet syscalls; /* profile plus allow minus deny, expanded; debugging calls only where debugging is true */
        bool debugging;

        NetDirection egress, ingress;
        Verdict host_loopback;
        DnsAnswers dns;
        NetPublish *publish;
        size_t n_publish;
        uint64_t bytes_out, bytes_in, connections, connection_rate; /* egress.limits; RESOURCE_UNLIMITED where silent */

        bool ui_disabled;
        Clipboard clipboard;
        bool injection;

        uint64_t resources[_RESOURCE_MAX];
        AuditLevel audit_files, audit_exec, audit_network;
        uint64_t violation_threshold, violation_window_usec;
        ViolationAction violation_action;
        bool delegation_spawn;
        uint32_t delegation_depth;
} Policy;

typedef struct PolicyError {
        char *pointer;       /* JSON pointer to the place, "" for the whole document */
        int line, column;    /* of the offending token, from 1; 0 where it cannot be known */
        char *sentence;      /* what is wrong and what to do */
} PolicyError;
void policy_error_clear(PolicyError *e);

/* Finds the document that extends names. Returns a new reference to an unresolved json object, NULL if there is none. */
typedef json_t *(*PolicyLookup)(const char *name, void *userdata);

/* 0, -ENOMEM, or -EINVAL with *error filled (caller clears it). lookup may be NULL: extends is then refused. Accepts mxc-policy/1
 * only: a document marked by "version" is a configuration of MXC, which the caller's own programs translate, and is refused with a sentence that
 * says so. */
int policy_parse(const char *text, size_t size, PolicyLookup lookup, void *userdata, Policy **ret, PolicyError *error);
Policy *policy_ref(Policy *p);
Policy *policy_unref(Policy *p);

/* The canonical form: every default explicit, extends resolved, sorted keys, no white space; what cannot be defaulted
 * (an empty list) is left out. policy_parse() of it gives p's digest. The caller frees; NULL when out of memory. */
char *policy_canonical(const Policy *p);
/* The same as an object. New reference; NULL when out of memory. */
json_t *policy_to_json(const Policy *p);

typedef struct PolicyBinding { const char *workspace, *home, *runtime; } PolicyBinding; /* NULL: entries that name it vanish */
/* -EINVAL with *error (pointer "/bind/workspace" and so on) where a bound path is not normal UTF-8 without control
 * characters. Where two entries come to name one path, the strictest stays. */
int policy_bind(const Policy *p, const PolicyBinding *binding, Policy **ret, PolicyError *error);

/* The obligations (containment, audit, violations) of the result are the stricter of the two. name and description are kept
 * where both agree. -ENOMEM, or -E2BIG where the result does not fit limits.h or would take too long to work out: refuse. */
int policy_meet(const Policy *a, const Policy *b, Policy **ret);
/* a with its network met with b's, and all the rest as it was: what a sandbox that runs can still be held to. Fails as policy_meet(). */
int policy_meet_network(const Policy *a, const Policy *b, Policy **ret);

/* a, with what b's egress rules allow besides, until then (NetRule.until). What a, b or denies deny by a rule is denied; b's default and limits, and
 * whatever else is in denies, do not count. All the rest is a's. Fails as policy_meet(). */
int policy_join_egress(const Policy *a, const Policy *b, uint64_t until, const Policy *denies, Policy **ret);

#define POLICY_CALLS_NAMED 16U

typedef struct Widening {
        char *clause;        /* JSON pointer into a that allows more than b */
        char *sentence;
        char *asked, *held;  /* the same in two words: "writing /srv/data", "reading" */
        bool below;          /* a part of what the clause names, which b takes out by an entry of its own; the rest holds as asked */
} Widening;
void widening_clear(Widening *w);
/* True when a allows nothing that b forbids. Otherwise *ret (optional, zeroed or cleared before) says where; its clause is
 * NULL only when out of memory. May be conservative, and says so in the sentence. Obligations (containment, audit,
 * violations) are not permissions: meet imposes them, within does not look at them. Bind both before deciding
 * anything: an unbound variable is a place of its own. */
bool policy_within(const Policy *a, const Policy *b, Widening *ret);
bool policy_network_within(const Policy *a, const Policy *b, Widening *ret); /* the same of the network alone */
/* All that a allows and b forbids, one for each clause or entry: what a meet with b takes from a. The first max of them, zeroed before, and how many
 * there are. One stands for all system calls, and names the first POLICY_CALLS_NAMED. 0, or -ENOMEM with nothing in ret. */
int policy_beyond(const Policy *a, const Policy *b, Widening *ret, size_t max, size_t *ret_n);

typedef enum RequestKind { REQUEST_READ, REQUEST_WRITE, REQUEST_EXEC, REQUEST_CONNECT, REQUEST_ENV, REQUEST_SYSCALL,
        REQUEST_RESOURCE, REQUEST_SPAWN, REQUEST_PUBLISH, _REQUEST_MAX } RequestKind;

typedef struct PolicyRequest {
        RequestKind kind;
        const char *target;  /* path, host or address literal, variable name, system call name, resource name */
        const char *value;   /* of REQUEST_ENV */
        unsigned protocol;   /* of REQUEST_CONNECT: one Protocol bit */
        Speech speech;       /* the same, to a name: what is to be said */
        uint16_t port;
        uint64_t amount;     /* of REQUEST_RESOURCE, REQUEST_SPAWN (depth) */
} PolicyRequest;

/* The clause that decided goes to *ret_clause (borrowed from p, or a static string such as "/filesystem" for what is denied
 * because nothing grants it). */
Verdict policy_allows(const Policy *p, const PolicyRequest *r, const char **ret_clause);
PathAccess policy_path_access(const Policy *p, const char *path, const PathRule **ret_rule);
bool policy_path_exec(const Policy *p, const char *path);

bool policy_name_is_valid(const char *name);
/* True when nothing on any network can be reached under it. */
bool policy_is_offline(const Policy *p);

/* How much of a resource or of egress.limits, by its name, spelled as in a policy ("4G", "200%", "2h", "512", "infinity"), in the units of
 * ResourceKind. -ENOENT: there is no such name. -EINVAL, -ERANGE: value.h. */
int policy_amount_parse(const char *name, const char *text, uint64_t *ret);
bool policy_resource_is_known(const char *name);
bool env_name_is_valid(const char *name);
