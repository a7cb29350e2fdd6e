/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Host objects are opened once, by the rights of whoever named them, checked on the descriptor, and cloned from it as a
 * detached mount. No path is ever resolved a second time. */

#include "cage.h"

/* Opens every mount of the list but the denied ones; writable_in are lists in which an ancestor that the agent may write is
 * looked for: below such an ancestor no symlink is followed, since an agent may have planted it. ret[i].tree stays
 * -EBADF for what is denied or (not required and) absent. On failure *ret_detail is the path. */
typedef struct MountList {
        const PlanMount *mounts;
        size_t n;
} MountList;

int open_mounts(MountList list, const LaunchPlan *owner, Opened *ret, const char **ret_detail);

/* The topmost read-write mount of the plan that is a proper ancestor of path, or NULL. */
const PlanMount *plan_topmost_writable(const LaunchPlan *plan, const char *path);

/* Resolves path below root without leaving it; the part beyond `above` (an ancestor of path, or NULL) without following
 * any symlink. An O_PATH descriptor or a negative errno. flags: O_DIRECTORY or 0. resolve: RESOLVE_IN_ROOT, or 0 for the host. */
int open_path(int root, const char *path, const char *above, uint64_t resolve);

/* The owner's eyes, and root's again: what is opened in between is opened with the owner's fsuid, fsgid and groups. */
int see_as_owner(const LaunchPlan *plan);
int see_as_root(void);

bool plan_names_mount(const LaunchPlan *plan, const char *path); /* granted or denied, by exactly this path */
bool plan_denies(const LaunchPlan *plan, const char *path); /* by exactly this path */
bool plan_names_below(const LaunchPlan *plan, const char *path); /* anything below it */
bool path_is_below(const char *path, const char *ancestor); /* a proper descendant */
