/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The files of a sandbox that outlives a call: DIR = $XDG_STATE_HOME/mxc/AGENT (or ~/.local/state), the caller's own and nobody else's, with
 *   provision.json   the request that it was provisioned with
 *   workspace/       of an iso sandbox
 * All of it is the caller's to change, and nothing is decided by it: mxcd bounds what comes of it as it bounds every request of the caller's. */

#include <stdbool.h>

#include "cleanup.h"

typedef struct LifecycleHome {
        char *path;      /* absolute, no symbolic link in it */
        char *workspace; /* PATH/workspace */
        int lock;        /* the directory: held for one call at a time */
} LifecycleHome;
#define LIFECYCLE_HOME_NONE { .lock = -EBADF }
void lifecycle_home_clear(LifecycleHome *h);

/* Makes it, with the text. A negative errno: there is nothing of it. */
int lifecycle_home_make(const char *agent, const char *text, LifecycleHome *ret);
/* Waits until no other call holds it. -ENOENT: it is gone. */
int lifecycle_home_open(const char *agent, LifecycleHome *ret);
/* The text it was made with. The workspace is made again where it went. */
int lifecycle_home_read(const LifecycleHome *h, char **ret);
/* With all that is in it. A negative errno: something is left. */
int lifecycle_home_remove(const LifecycleHome *h);
