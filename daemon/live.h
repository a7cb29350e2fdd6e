/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What a sandbox that runs may reach now. Its network is held at any time to
 *
 *   what it began with  and  the policy that it asked for by name  and  its agent's policy  and  the host's ceiling
 *
 * and, besides, what it has been granted for a while (grant.h). The last three are taken as they are now, so
 * that what is taken away is taken away at once, connections and all. What is given back comes back, but never
 * more than it began with. A policy that is not there any more allows nothing, and a revoked agent neither. A document is nobody's file: it
 * stays what it was. All the rest of a policy (files, system calls, limits) is built into the cage and stays as it was at the start.
 *
 * Nothing is done where nothing changes; what does is on record (lease). */

#include "sandbox.h"

/* cause: a word for the record. */
void live_update(Sandbox *s, const char *cause, const Caller *caller);
void live_update_agent(Manager *m, const Agent *a, const char *cause, const Caller *caller);
void live_update_all(Manager *m, const char *cause, const Caller *caller);
/* What a grant is decided by, and held to. False: the policy of the agent is not there, and nothing can be said. */
bool live_grant_input(const Sandbox *s, const Grant *g, GrantInput *ret);
/* Whether what it may reach with this can be worked out. */
int live_can_grant(const Sandbox *s, const Grant *g);
/* From now until its end; takes it, in any case. A negative errno: it cannot be kept for the next mxcd, and is not in force. */
int live_grant(Sandbox *s, Grant *g, const Caller *caller);
/* Not any more, and frees it; reason is a word for the record. A negative errno: the next mxcd would not know. */
int live_end_grant(Sandbox *s, Grant *g, const char *reason, const Caller *caller);

/* After an earlier mxcd, whatever that told its relay: from here on it is listened to. */
void live_adopt(Sandbox *s);
