/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What is asked of mxcd for a sandbox that outlives a call. A connection of its own for each call of the caller's: nothing is shared between threads.
 * Each gives 0; -EINVAL with *error filled; -ENOMEM. */

#include <systemd/sd-bus.h>

#include "mxc-request.h"

int lifecycle_bus_open(sd_bus **ret, MxcError *error);

int lifecycle_agent_register(sd_bus *bus, const char *agent, const char *description, MxcError *error);
/* For good: what it runs ends. */
int lifecycle_agent_revoke(sd_bus *bus, const char *agent, MxcError *error);
/* *ret: there is such an agent, and it is not revoked. */
int lifecycle_agent_is(sd_bus *bus, const char *agent, bool *ret, MxcError *error);

/* The one that runs for the agent: its object path, for free(); NULL: none. */
int lifecycle_sandbox_of(sd_bus *bus, const char *agent, char **ret, MxcError *error);
typedef struct LifecycleCreate {
        const char *agent, *policy, *workspace, *id;
        const MxcRequest *request; /* that policy is of */
} LifecycleCreate;
/* Adds to ret what of it was cut (cut.h). */
int lifecycle_sandbox_create(sd_bus *bus, const LifecycleCreate *create, MxcStrings *ret_cut, MxcError *error);
/* Returns when nothing of it is left. One that has gone meanwhile is stopped. */
int lifecycle_sandbox_stop(sd_bus *bus, const char *path, MxcError *error);
