/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The guard as the launcher uses it: found and proven, its rules given by each sandbox to itself (wall_guard), taken away with
 * the leaf. */

#include "launcher.h"

/* Sets features.guard, when programs that were not there before, or not those that failed, are pinned and prove themselves; then
 * also sweeps away what belongs to no cgroup any more. Cheap when nothing has changed. */
void guard_hold_find(Launcher *l);

/* The leaf with this id is gone. 0: there was none. */
void guard_hold_forget(Launcher *l, uint64_t leaf);
