/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What a sandbox that runs may reach now. Its network is held at any time to
 *
 *   what it began with  and  the policy that it asked for by name  and  its agent's policy  and  the host's ceiling
 *
 * the last three as they are now, so that what is taken away is taken away at once, connections and all. What is given back comes back, but never
 * more than it began with. A policy that is not there any more allows nothing, and a revoked agent neither. A document is nobody's file: it
 * stays what it was. All the rest of a policy (files, system calls, limits) is built into the cage and stays as it was at the start.
 *
 * Nothing is done where nothing changes; what does is on record (lease). */

#include "sandbox.h"

/* cause: a word for the record. */
void live_update(Sandbox *s, const char *cause, const Caller *caller);
void live_update_agent(Manager *m, const Agent *a, const char *cause, const Caller *caller);
void live_update_all(Manager *m, const char *cause, const Caller *caller);
/* After an earlier mxcd, whatever that told its relay: from here on it is listened to. */
void live_adopt(Sandbox *s);
