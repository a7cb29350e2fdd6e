/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the tests of the rule (decide, planner) share: the policies that are installed, a host, an owner, and a request with as little
 * as can be in it. */

#include "handoff.h"
#include "planner.h"
#include "policy-test.h"

DEFINE_CLEANUP(LaunchPlan *, launch_plan_free);
DEFINE_CLEANUP(Handoff *, handoff_free);

/* "ceiling" or the name of an installed policy. MXC_TEST_SOURCE says where the source tree is. */
Policy *vendor_policy(const char *name);
Handoff *vendor_handoff(void);

/* A host with a merged /usr that can do everything. */
extern const HostFacts test_host;
/* uid 1000, "u", /home/u */
extern const User test_owner;

/* Decides; the decision must not fail. Clear it. */
Decision decision_of(const DecideInput *in);
/* The same, and it must be a yes. */
Decision allowed(const DecideInput *in);

/* Nothing of its network that was asked for is more than a relay can do. */
bool is_carried(const Policy *p, const Policy *requested);

/* A plan input around a decision that allows; everything else is the least there can be. */
PlanInput plan_input(const Decision *d, const Policy *stored, const char *workspace);
/* The plan, which must be made, encoded and decoded. */
LaunchPlan *plan_of(const PlanInput *in);

/* The mount with exactly this path in the plan, from the request or else the template; NULL: none. */
const PlanMount *mount_of(const LaunchPlan *p, const char *path);
const PlanMount *template_mount_of(const LaunchPlan *p, const char *path);

/* A plan of a policy that is its own ceiling. stored: as if from the store, else as a caller's document. */
typedef struct Made {
        Policy *policy;
        Decision decision;
        Handoff *handoff;
        PlanInput input;
        LaunchPlan *plan;
} Made;
void made_clear(Made *m);
/* Everything but the plan. Takes p. */
void made_prepare(Made *m, Policy *p, const char *workspace, const char *home);
/* The plan as well, without fault; body as policy_of() takes it. */
void made_make(Made *m, const char *body, const char *workspace, bool stored);
/* No plan can be made of this, for this reason, with this in the sentence. */
void made_refuses(const PlanInput *in, int error, DecisionReason reason, const char *fragment);

/* A filesystem section with one list of n paths, "#" in each its number; "handoff" is "allow". The caller frees. */
char *many_paths(unsigned n, const char *list, const char *format);
