/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What an MXC configuration asks of mxcd: a policy of ours, and the rest of a Spawn. Nothing is asked here: mxcd meets the policy with its agent's and with the
 * host's ceiling (option clamp, since MXC's system paths are wider than a host may want), opens every path with the caller's rights and has the last word.
 *
 * The differences between what a released MXC does with a configuration and what this does are listed in mxc-sdk(7). */

#include "mxc-config.h"

typedef enum MxcBackend { MXC_BACKEND_PROCESS } MxcBackend; /* the tiers of mxcd that there are */

typedef struct MxcRequest {
        MxcBackend backend;
        char *policy;    /* mxc-policy/1, JSON text; it says nothing of ${workspace}, so that Spawn needs none */
        char **argv;     /* "sh", "-c", command line; NULL-terminated */
        char **env;      /* "K=V", NULL-terminated, one of each name: exactly what the workload is to have, the last of equals. The policy passes these names and
                          * sets none, so that values are in no policy and no record */
        char *cwd;       /* absolute */
        uint64_t timeout_usec; /* 0: none */
        MxcStrings warnings; /* for a person, each without "WARNING: " */
} MxcRequest;

typedef struct MxcCaller {
        const char *cwd;   /* of the caller, absolute, NULL: unknown */
        const char *home;  /* or NULL */
        bool testing;      /* --allow-testing-features, --experimental of 0.7 */
} MxcCaller;

/* mxc_request_make(config, caller, &request, &error) and mxc_request_free(request) follow. */
