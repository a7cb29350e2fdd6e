/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* How a process that began as root gives that away for good, in this order: sandboxes, and what serves their networks. 0 or a negative
 * errno. */

#include <sys/types.h>

/* That neither a change of uid nor an execve() gives any capability, and that this stays. It takes a capability itself. */
int privileges_lock(void);

/* In all four places, and no group besides. */
int privileges_become(uid_t uid, gid_t gid);

/* Whether the bounding set is empty is looked at here, once, for all that this process becomes the parent of: they inherit it. Without
 * this, or where it was not empty, each of them looks. */
void privileges_look(void);

/* No capability in any of the five sets. The bounding set is empty already: the launcher dropped it when it started, and every child
 * inherits that. *ret_detail (optional, static) says what is wrong. */
int privileges_drop(const char **ret_detail);

/* No new ones, and closed to others of its uid. */
int privileges_deny(void);
