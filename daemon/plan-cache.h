/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Layouts by what they were made of: the digests of a decision's policies, and the workspace. Flush it when the host's features or
 * the handoff list change, which are not in the key. */

#include "planner.h"

#define PLAN_CACHE_MAX 64U

typedef struct PlanCache PlanCache;
int plan_cache_new(PlanCache **ret);
PlanCache *plan_cache_free(PlanCache *c);
void plan_cache_flush(PlanCache *c);

/* As plan_layout_new(). *ret is a reference of the caller's. */
int plan_cache_get(PlanCache *c, const PlanInput *in, PlanLayout **ret, DecisionReason *ret_reason, char **ret_sentence);
