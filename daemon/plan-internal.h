/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the files of the planner share and nobody else sees: planner.c (the table of contents, the command, limits),
 * plan-mounts.c, plan-handoff.c, plan-environment.c, plan-json.c. */

#include "cleanup.h"
#include "planner.h"

#define PLAN_WORD_BYTES (128U * 1024) /* of argv or the environment, the NUL counted: MAX_ARG_STRLEN of the kernel */

/* Why a request cannot be planned. sentence is owned, NULL when out of memory. */
typedef struct Refusal {
        DecisionReason reason;
        char *sentence;
} Refusal;

/* Fills it and returns error, or -ENOMEM. */
_printf_(4, 5) int plan_refuse(Refusal *f, int error, DecisionReason reason, const char *format, ...);

/* path is a proper descendant; both absolute and normal. */
bool plan_path_is_below(const char *path, const char *ancestor);

/* The deepest of sorted mounts that is the path or above it, or NULL. */
const PlanMount *plan_mounts_above(const PlanMount *mounts, size_t n, const char *path);

/* Fills template.mounts, template.links and mounts. */
int plan_mounts(const PlanInput *in, LaunchPlan *p, Refusal *f);

/* Fills handoff; the mounts are there already. */
int plan_handoff(const PlanInput *in, LaunchPlan *p, Refusal *f);
