/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The delegated subtree of each agent's scope: leaves are made, limited, killed and removed here, always by descriptor,
 * never above the scope. Processes get into a leaf by being born there (CLONE_INTO_CGROUP): moving one waits for an RCU
 * grace period, 11 to 16 ms on an idle system. */

#include <stddef.h>
#include <sys/types.h>

#include "plan.h"
#include "report.h"

/* The root of the cgroup v2 hierarchy, wherever it is mounted. A descriptor or a negative errno. */
int cgroup_open_root(void);

/* The directory of a scope; symlinks and other file systems are not followed. */
int cgroup_open_scope(int root, const char *scope);

/* Turns on for the leaves of a scope whatever it has. A controller that is not there is not an error: features say so. */
void cgroup_enable_controllers(int scope);

/* Makes leaf `name` and writes the limits. A limit whose controller this host lacks is passed over. On failure nothing is left. */
int cgroup_make_leaf(int scope, const char *name, const PlanLimit *limits, size_t n_limits, int *ret_fd);

/* A cgroup below the caller's own, for a proof; *ret_name is relative to root, where it is removed by unlinkat(2). */
int cgroup_make_below(int root, const char *what, char **ret_name, int *ret_leaf);

/* One that is there. */
int cgroup_open_leaf(int scope, const char *name);

/* 0, -EBUSY while something lives in it; -ENOENT counts as removed. */
int cgroup_remove_leaf(int scope, const char *name);

/* The same of one whose processes are dead or are to be: what is left there is killed, and has a moment to go. Groups of Exec's go with it. */
int cgroup_end_leaf(int scope, const char *name);

/* Removes those children of a leaf whose names begin like this and which nothing lives in. How many stay. keeps(), unless it is NULL: whether one
 * is to stay though it is empty; text is what follows the prefix. */
size_t cgroup_sweep(int leaf, const char *prefix, bool (*keeps)(const char *text, const void *userdata), const void *userdata);

/* Whether the cgroup with this id is there: 1, 0 or a negative errno. Its id is its inode number, and never given twice. */
int cgroup_exists(int root, uint64_t id);

/* Kills everything in it. */
int cgroup_kill(int leaf);

/* Which controllers a leaf can have, and whether cgroup.kill works here. */
void cgroup_find_features(int root, LaunchFeatures *f);

/* fork() into a cgroup, with namespaces; cgroup -EBADF: the caller's. In the parent the pid and *ret_pidfd; 0 in the child. */
pid_t cgroup_clone(int cgroup, uint64_t flags, int *ret_pidfd);
