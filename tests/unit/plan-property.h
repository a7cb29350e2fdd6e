/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What must be true of every plan, whatever it was made from. Shared by the tests of the planner and its fuzz target; no
 * test library in it. */

#include "planner.h"

/* NULL, or what does not hold, and in *ret_path (static storage) at which path. */
const char *plan_fault(const LaunchPlan *p, const PlanInput *in, const char **ret_path);
