/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What must hold of an agent whenever something is begun for it: that it may, and that there is room. A Spawn is asked twice: when it
 * comes in, so that it is refused before anything is done for it, and again when it has waited for what it needs and the launcher is
 * about to be told, because an agent that was revoked in between starts nothing; nor does one that is somebody else's by then, whom
 * nobody was asked about (a->owner is whose it was). */

#include "act.h"

/* False: the act is refused, recorded, answered and gone. */
bool admit(Act *a, const Agent *agent);
