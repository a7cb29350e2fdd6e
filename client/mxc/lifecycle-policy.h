/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What a sandbox that outlives a call may do, of the request that it was provisioned with: as a policy of ours, by the translation that commands go
 * through. */

#include "mxc-request.h"

typedef struct LifecyclePolicy {
        char *text;
        MxcStrings warnings;
        MxcRequest *request; /* what it was made of, for mxc_cut_say(); its warnings are the above */
} LifecyclePolicy;
void lifecycle_policy_clear(LifecyclePolicy *p);

/* workspace: readable and writable besides; or NULL. 0; -EINVAL with *error filled: what cannot be had, images and ports among it; -ENOMEM. */
int lifecycle_policy_of(const char *provision, const char *workspace, LifecyclePolicy *ret, MxcError *error);
