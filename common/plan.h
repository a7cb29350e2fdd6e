/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The launch plan: everything mxc-launch must know to build one cage, decided by mxcd and printed by
 * `mxcctl run --dry-run`. It is the only input of the only program that can build cages, so it is plain data:
 * every path absolute and normal, every set expanded, nothing left to look up, no policy left to decide.
 *
 * Encoding: little-endian u32 magic, u32 version, then each field in the order of the structs; u32 for numbers,
 * counts and booleans, u64 where said; a string is a u32 length (without NUL), its bytes and a NUL. Every byte
 * is accounted for: a plan with a byte too many or too few is refused, as are NUL inside a string, a relative
 * or unnormal path, a number outside its enum and a count above limits.h. decode(encode(p)) = p and
 * encode(decode(b)) = b, which the fuzz target checks. It travels as a sealed memfd (codec.h). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PLAN_MAGIC 0x3163786dU /* "mxc1" */
#define PLAN_VERSION 2U

typedef enum PlanAccess {
        PLAN_DENIED,    /* there, and answers EACCES, to every name that a mechanism of this host can cover */
        PLAN_READONLY,
        PLAN_READWRITE,
        _PLAN_ACCESS_MAX,
} PlanAccess;

typedef struct PlanMount {
        char *path;        /* host path, and the path in the cage: the language has no renaming */
        PlanAccess access;
        bool exec;         /* files below may be executed; otherwise noexec */
        bool as_owner;     /* open with the owner's uid and groups (anything a request named), else as root */
        bool required;     /* an absent path refuses the launch; otherwise it is left out (a denied path that is
                              absent is still denied once it appears, by the mechanisms that can) */
} PlanMount;

typedef struct PlanLink {
        char *path;        /* a symlink made in the cage's root, e.g. /bin */
        char *target;      /* e.g. usr/bin */
} PlanLink;

/* What is the same for every sandbox of one policy on one host: the launcher keeps a mount namespace, a compiled
 * filter and path descriptors per distinct template, found again by comparing its encoded bytes. It holds
 * nothing that a caller named. */
typedef struct PlanTemplate {
        PlanMount *mounts; /* sorted by path; all of them as root, as_owner is false */
        size_t n_mounts;
        PlanLink *links;
        size_t n_links;
        char **syscalls;   /* allowed system calls by name, sorted, unique; every other answers ENOSYS or EPERM */
        size_t n_syscalls;
        bool debugging;    /* ptrace and friends among the sandbox's own processes */
        uint32_t landlock_abi; /* the ABI that the plan counts on; a kernel with less refuses */
        uint8_t *encoded;  /* what it encodes to, where that is kept: most plans of a host are of a few templates */
        size_t n_encoded;
} PlanTemplate;

/* Names that a host program later trusts (trust handoff). The agent may not create, replace, rename into,
 * write or remove them. `path` is relative to the place that `where` names. */
typedef enum PlanHandoffWhere {
        PLAN_HANDOFF_ROOT,   /* the root of each read-write mount and of each repository found below one at the start, whether or
                                not the name exists: .envrc; elsewhere as the next but one */
        PLAN_HANDOFF_GITDIR, /* each git directory found below a read-write mount at the start: hooks, config */
        PLAN_HANDOFF_REPORT, /* not prevented; named when it was newly made by the time the sandbox ends */
        PLAN_HANDOFF_GRANT,  /* a path of this request, relative to "/" and below a read-write mount: that one and no other */
        _PLAN_HANDOFF_MAX,
} PlanHandoffWhere;

typedef struct PlanHandoff {
        PlanHandoffWhere where;
        char *path;
} PlanHandoff;

typedef enum PlanLimitKind { /* the cgroup attribute each is written to, in the sandbox's leaf */
        PLAN_LIMIT_MEMORY_MAX,      /* memory.max, bytes */
        PLAN_LIMIT_MEMORY_SWAP_MAX, /* memory.swap.max, bytes */
        PLAN_LIMIT_TASKS_MAX,       /* pids.max */
        PLAN_LIMIT_CPU_QUOTA_USEC,  /* cpu.max, microseconds of each 100 ms */
        PLAN_LIMIT_CPU_WEIGHT,      /* cpu.weight, 1..10000 */
        PLAN_LIMIT_IO_WEIGHT,       /* io.weight, 1..10000 */
        _PLAN_LIMIT_MAX,
} PlanLimitKind;

typedef struct PlanLimit {
        PlanLimitKind kind;
        uint64_t value;    /* encoded as u64 */
} PlanLimit;

typedef struct PlanListener {
        uint32_t family;     /* AF_INET, AF_INET6 */
        uint32_t port;       /* from PLAN_PORT_MIN on */
        uint8_t address[16]; /* network order, of AF_INET the first four */
} PlanListener;
#define PLAN_PORT_MIN 1024U

typedef struct LaunchPlan {
        char *id;          /* sandbox: 32 lower-case hex digits; also the name of its leaf */
        char *scope;       /* the agent's scope, a path below the cgroup root: /mxc.slice/…/mxc-NAME.scope */
        char *hostname;
        PlanTemplate template;
        bool template_is_known; /* somebody else's, and freed by them */

        PlanMount *mounts; /* what depends on the request; sorted by path; laid over the template */
        size_t n_mounts;
        PlanHandoff *handoff;
        size_t n_handoff;

        uint32_t uid, gid; /* who the agent runs as, and as whom as_owner paths are opened */
        uint32_t *groups;  /* the owner's groups, for opening only; the agent itself runs with none */
        size_t n_groups;

        char **argv;       /* empty: a sandbox without a command of its own, entered by exec */
        size_t n_argv;
        char **env;        /* NAME=value, complete: nothing is inherited */
        size_t n_env;
        char *cwd;         /* in the cage; must be there */
        uint32_t umask;
        bool pty;          /* a pty of the cage's own devpts; its master comes back. Otherwise stdio is passed */
        uint32_t rows, columns;

        uint32_t relay_uid, relay_gid; /* whom its mxc-egress runs as; both 0: a network with nothing but lo (egress-net.h) */

        PlanLimit *limits; /* at most one of each kind */
        size_t n_limits;
        uint64_t max_files; /* RLIMIT_NOFILE, u64 */

        PlanListener *published; /* of its mxc-egress, in the host's network; none without a relay */
        size_t n_published;

        char *user, *home; /* the owner's on the host, whatever the environment says: what "~user" and "~" are in files that name others.
                            * "": nobody knows */
} LaunchPlan;

/* What exec in a running sandbox needs; the cage stands already. argv is not empty. */
typedef struct ExecPlan {
        char *id;          /* the sandbox */
        char **argv;
        size_t n_argv;
        char **env;
        size_t n_env;
        char *cwd;
        bool pty;
        uint32_t rows, columns;
} ExecPlan;

LaunchPlan *launch_plan_free(LaunchPlan *p);
ExecPlan *exec_plan_free(ExecPlan *p);

/* Encoders allocate *ret_data (free() it). -E2BIG above LIMIT_PLAN_BYTES or a count limit, -EINVAL for a plan that
 * the decoder would refuse, -ENOMEM. */
int launch_plan_encode(const LaunchPlan *p, uint8_t **ret_data, size_t *ret_size);
int exec_plan_encode(const ExecPlan *p, uint8_t **ret_data, size_t *ret_size);

/* Decoders own nothing of data. -EBADMSG for anything that is not exactly a plan; *ret_where (optional, static
 * string) then names the field. The template's encoded bytes are data[*ret_template_offset ..][.. size), the key
 * of the launcher's cache. */
int launch_plan_decode(const uint8_t *data, size_t size, LaunchPlan **ret, size_t *ret_template_offset,
                size_t *ret_template_size, const char **ret_where);
/* The same, where templates were decoded before: if what is left at the template begins with the bytes of one, it is that one, since to
 * decode is to read these bytes and no others. It must live as long as the plan. */
typedef const PlanTemplate *(*PlanTemplateFind)(const uint8_t *data, size_t size, size_t *ret_size, void *userdata);
int launch_plan_decode_known(const uint8_t *data, size_t size, PlanTemplateFind find, void *userdata, LaunchPlan **ret,
                size_t *ret_template_offset, size_t *ret_template_size, const char **ret_where);

/* Keeps in a template what it encodes to. It may not be changed from then on. */
int plan_template_keep_encoded(PlanTemplate *t);
int exec_plan_decode(const uint8_t *data, size_t size, ExecPlan **ret, const char **ret_where);

/* True for an absolute path without empty, "." or ".." components, no trailing slash ("/" alone is normal), at
 * most LIMIT_PATH_BYTES. */
bool path_is_normal(const char *path);
