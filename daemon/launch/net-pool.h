/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Empty namespaces kept ready: making them takes longer than everything else about a cage. A helper makes them, off the hot path; each
 * is handed out once. */

#include "launcher.h"
#include "netns.h"

#define NET_POOL_SIZE 32U

typedef struct NetPool NetPool;

/* Starts the helper. */
int net_pool_new(Launcher *l, NetPool **ret);

/* Fresh ones, the caller's to close; none when none are ready, and the child makes its own. */
EmptyNamespaces net_pool_take(Launcher *l);

/* Orders what was taken; to be called when there is time. */
void net_pool_refill(Launcher *l);
