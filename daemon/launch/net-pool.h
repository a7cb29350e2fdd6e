/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Empty namespaces kept ready: making them takes longer than everything else about a cage. A helper makes them, off the hot path; each
 * is handed out once. It makes steered networks too, for which a sandbox waits where none is ready: only a few are, and none before
 * the first was asked for. */

#include "launcher.h"
#include "netns.h"
#include "steering.h"

#define NET_POOL_SIZE 32U
#define NET_POOL_STEERED 4U
#define NET_POOL_PATIENCE_USEC (UINT64_C(5) * 1000000) /* with a helper that makes none: it takes 2 ms, or 200 while the kernel removes a thousand */

typedef struct NetPool NetPool;

/* Starts the helper. */
int net_pool_new(Launcher *l, NetPool **ret);

/* Fresh ones, the caller's to close; none when none are ready, and the child makes its own. */
EmptyNamespaces net_pool_take(Launcher *l);

/* Whether a steered one is ready, and how a request waits for one: it is served again when one is, and refused where none can be made. */
bool net_pool_has_steered(Launcher *l);
int net_pool_park(Launcher *l, const LaunchRequest *q, const int *fds, size_t n_fds);
/* One that is ready, the caller's to close. */
EmptyNamespaces net_pool_take_steered(Launcher *l, Steering *ret);

/* Serves who waits, and orders what was taken: all of it where nothing else happens (idle), otherwise when half of the pool is gone. True while
 * there is something to order as soon as it is idle. */
bool net_pool_refill(Launcher *l, bool idle);

/* Gives up a helper that somebody has waited for in vain; true while anybody waits. */
bool net_pool_expire(Launcher *l);
