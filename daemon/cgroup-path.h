/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Where processes live in the cgroup v2 tree. Paths begin at its root, "/mxc.slice/…". */

#include <sys/types.h>

/* Where the hierarchy is mounted: /sys/fs/cgroup, or /sys/fs/cgroup/unified on a hybrid system. Static. NULL: nowhere. */
const char *cgroup_mount_point(void);

/* -EBADF for what is no pidfd, -ESRCH when the process is gone (also when it went while this looked). The caller frees. */
int cgroup_of_pidfd(int pidfd, char **ret);

/* The process in a leaf that is pid 1 of a pid namespace, pinned: its pidfd, and *ret its pid. -ESRCH when there is none. */
int cgroup_find_leader(const char *mount_point, const char *leaf, pid_t *ret);
