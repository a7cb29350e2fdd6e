/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* An agent that is let loose in a workspace, the owner of the workspace on the host, and what a test tells of them. */

#include <stdbool.h>

#include "rig.h"

/* A script on the host, in the workspace, as its owner; git and repository() are there for it. NULL: nothing. Its exit status. */
int host(const Rig *r, const char *script);

/* The same in a workspace that was emptied before. It must succeed. */
void prepare(const Rig *r, const char *script);

/* A plan for an agent that runs a script in the workspace, where git works too, with names that are protected and reported as
 * the vendor's list has them, shortened. Free with launch_plan_free(). */
LaunchPlan *agent(const Rig *r, const char *script);

/* The bare plan of a rig, for a script. Free with launch_plan_free(). */
LaunchPlan *shell(const Rig *r, const char *script);

/* TAP. */
void tell(bool ok, const char *about, const char *name);
void print_output(const RigResult *result);
int tell_end(void); /* the exit status of the test */
