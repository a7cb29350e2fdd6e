/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Every wall is proven before a template is first used: in a cage like any other, in the place of the command, our own
 * code attempts what each wall forbids. Where an attempt succeeds, or fails for a reason that has nothing to do with a
 * wall, the sandboxes of that policy are refused with the wall's name. */

#include "cage.h"

/* A wall, and the attempt on it: false when it let something through. The list ends with one that has no name. */
typedef struct Wall {
        const char *name;
        bool (*holds)(const Cage *c);
} Wall;
extern const Wall proof_walls[];

/* Sends LAUNCH_STEP_PROOF over report, or exits with 0. */
_Noreturn void proof_run(const Cage *c, int report);
