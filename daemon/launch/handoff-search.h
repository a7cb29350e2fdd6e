/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The plan's handoff names, looked for in everything that is granted to be written: rules for those that are protected, where they are, where
 * they would be, and wherever they lead, in each git repository and git directory below; findings of those that are only told. */

#include "cage.h"

/* Adds to c->names and c->findings; the roots are there already, and the eyes are the owner's. -EPERM where what is to be written is such a
 * name itself, -E2BIG above LIMIT_HANDOFF_DIRS and LIMIT_HANDOFF_REPOSITORIES, each with c->detail. */
int handoff_search(Cage *c);
