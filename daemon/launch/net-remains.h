/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Networks of sandboxes that are over. To take one down costs the kernel 0.4 ms of a processor, as much as to end the processes, and while it takes
 * down many, no other can be made. So a descriptor of each stays here until there is time: a few are let go at once when nothing else is to do, and
 * after a while a few with each thing that is done, so that they never come faster than they go. Nobody is in one, or can get in.
 *
 * So that there is one when its sandbox is over, the launcher has one of each sandbox. Where half of all descriptors are used, two are given up for
 * each new one: sandboxes to come need three. */

#include "launcher.h"

#define NET_REMAINS_AT_ONCE 64U /* of those that are there after so long without anything to do, and then again: */
#define NET_REMAINS_MSEC 50
#define NET_REMAINS_BUSY 2U     /* otherwise, of those that are older than */
#define NET_REMAINS_USEC (UINT64_C(1) * 1000000)

/* Takes the descriptor, of the network of a sandbox that begins. */
void net_remains_keep(Launcher *l, Run *run, int net);

/* Takes a run that is over and out of every list, with its network. */
void net_remains_add(Launcher *l, Run *run);

/* To be called with each turn of the loop; idle: nothing happened for NET_REMAINS_MSEC. True while there are any. */
bool net_remains_bury(Launcher *l, bool idle);
