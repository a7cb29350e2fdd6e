/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What decide.c and decide-explain.c share. */

#include "cleanup.h"
#include "decide.h"
#include "limits.h"

/* "policy web-coder", for sentences; the buffer is the caller's. */
typedef char PolicyTitle[LIMIT_NAME_BYTES + sizeof("policy ")];
const char *decide_title(const Policy *p, PolicyTitle buffer);

/* The three, bound to the paths of the request. */
typedef struct PolicyTrio {
        Policy *requested, *agent, *ceiling; /* agent: NULL where nothing but the ceiling bounds */
} PolicyTrio;
void policy_trio_clear(PolicyTrio *t);

bool path_is_at_or_below(const char *path, const char *ancestor);
PolicyBinding decide_binding(const DecideInput *in);

/* Each is a step: 1 to go on, 0 when it has decided (the answer is no), or -ENOMEM. */
int decide_bind(const DecideInput *in, const PolicyBinding *binding, PolicyTrio *ret, Decision *d);
int decide_workspace(const DecideInput *in, const PolicyBinding *b, Decision *d);
_printf_(5, 6) int decide_deny(Decision *d, DecisionReason reason, const char *bound, const char *clause, const char *format, ...);
