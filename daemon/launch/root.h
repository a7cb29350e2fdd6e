/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A mount namespace whose root is made from nothing: an empty tmpfs (or, where a policy grants "/", a restricted clone of the
 * host's), in it exactly the places of the plan and of the cage itself. The host's tree is unmounted before anything is
 * put in, so no mistake below can reveal it.
 *
 * What the policy itself grants is the same for each of its sandboxes, so it is also kept as a mount namespace of its own: a
 * sandbox then enters a copy, lays a fresh root directory over the copy's, and moves the template's top directories
 * there; or a servant has done all that ahead (skeleton.h), and the sandbox enters what it made. That is possible unless the request grants something at or above a place of the template or beside one in a
 * directory that the template made: then the whole root is made from nothing, at some 0.7 ms. */

#include "cage.h"

/* In a child of the launcher: builds the template's namespace and sends its descriptor over report, in a SetupMessage. */
_Noreturn void root_build_template(const LaunchPlan *model, const FileIdentity *identities, int report);

/* In a servant of the template (skeleton.h): leaves the process in a fresh copy of the template's namespace, with all laid out that the cage has of
 * its own, but its /proc. May be called again. */
int root_build_skeleton(const LaunchPlan *model, int template_ns, const char **ret_detail);

/* True for the first component of each path that the template has something at: "usr" of "/usr/bin". */
bool root_template_has(const LaunchPlan *plan, const char *top);
