/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What a sandbox of MXC's is called: there, in mxcd, and on disk. */

#include "mxc-config.h"

#define LIFECYCLE_TAIL 32U /* hexadecimal digits */

typedef struct LifecycleId {
        MxcContainment containment; /* MXC_ISOLATION_SESSION, MXC_WSLC */
        char id[sizeof("wslc:") + LIFECYCLE_TAIL];
        char agent[64]; /* "user-UID-KIND-TAIL" */
} LifecycleId;

/* Of the caller's, whoever made it. malformed_id, or unsupported_containment of a prefix that is not there. */
int lifecycle_id_parse(const char *id, LifecycleId *ret, MxcError *error);
/* A new one. unsupported_containment; backend_unavailable for those that MXC has and mxcd does not. */
int lifecycle_id_new(MxcContainment containment, LifecycleId *ret, MxcError *error);
