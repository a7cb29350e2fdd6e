/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What an MXC configuration asks of mxcd: a policy of ours, and the rest of a Spawn. Nothing is asked here: mxcd meets the policy with its agent's and with the
 * host's ceiling (option clamp, since MXC's system paths are wider than a host may want), opens every path with the caller's rights and has the last word.
 *
 * The differences between what a released MXC does with a configuration and what this does are listed in mxc-configuration(7). */

#include "mxc-config.h"

typedef enum MxcBackend { MXC_BACKEND_PROCESS } MxcBackend; /* the tiers of mxcd that there are */

/* What a command cannot do without, so that mxcd refuses a policy that loses it: the directory that the configuration says it begins in, the shell, the
 * proxy where there is nothing else to be reached. Of a provision the commands to come are meant, and a directory to work in is one more. */
typedef struct MxcNeed {
        const char *action;  /* "read", "write", "exec", "connect"; static; one of each at most */
        char *target;
        uint16_t port;       /* of connect */
        char *said;          /* what a refusal begins with: it names the configuration's own word */
} MxcNeed;
enum { MXC_NEEDS_MAX = 3 };

typedef struct MxcRequest {
        MxcBackend backend;
        char *policy;    /* mxc-policy/1, JSON text; it says nothing of ${workspace}, so that Spawn needs none. NULL of an exec */
        char **argv;     /* "/bin/sh", "-c", command line; NULL-terminated. NULL of a provision, as are env and cwd */
        char **env;      /* "K=V", NULL-terminated, one of each name: exactly what the workload is to have, the last of equals. The policy passes these names and
                          * sets none, so that values are in no policy and no record */
        char *cwd;       /* absolute */
        uint64_t timeout_usec; /* 0: none */
        MxcNeed needs[MXC_NEEDS_MAX];
        size_t n_needs;
        MxcStrings named_paths; /* that the configuration gives, as the policy spells them */
        bool names_loopback;    /* the host's, and it is opened */
        MxcStrings warnings; /* for a person, each without "WARNING: " */
} MxcRequest;

typedef struct MxcCaller {
        const char *cwd;   /* of the caller, absolute, NULL: unknown */
        const char *home;  /* or NULL */
        bool testing;      /* --allow-testing-features, --experimental of 0.7 */
} MxcCaller;

/* Of a one-shot configuration, of a provision (a policy and no process), or of an exec (a process and no policy). Looks at the file system with the caller's rights: which paths are one object,
 * what may be delegated. 0; -EINVAL with *error filled, *ret untouched; -ENOMEM. */
int mxc_request_make(const MxcConfig *c, const MxcCaller *caller, MxcRequest **ret, MxcError *error);
/* One need more, copied: of writing a path. 0; -E2BIG where there are MXC_NEEDS_MAX; -ENOMEM. */
int mxc_request_need_writing(MxcRequest *q, const char *path, const char *said);
void mxc_request_free(MxcRequest *r);
DEFINE_CLEANUP(MxcRequest *, mxc_request_free);
