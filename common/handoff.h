/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The list of names that programs of the host later trust: handoff.json. One object,
 *   {"schema": "mxc-handoff/1", "root": […], "gitdir": […], "report": […]}
 * each list one or more relative paths, none of them empty; PlanHandoffWhere in plan.h says what each list means. */

#include "plan.h"
#include "policy.h"

typedef struct Handoff {
        PlanHandoff *items; /* sorted by where, then path; unique */
        size_t n;
} Handoff;

/* 0, -ENOMEM, or -EINVAL with *error filled. More than LIMIT_PLAN_HANDOFF names are refused. */
int handoff_parse(const char *text, size_t size, Handoff **ret, PolicyError *error);
Handoff *handoff_free(Handoff *h);
