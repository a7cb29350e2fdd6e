/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* polkit's question for a password on this terminal: pkttyagent(1), as systemctl has it. */

#include <sys/types.h>

typedef struct PolkitAgent {
        pid_t pid; /* 0: none */
} PolkitAgent;

/* Returns when the agent is there to be asked; does nothing where there is none or it cannot be started (then polkit says no). */
void polkit_agent_start(PolkitAgent *a);
void polkit_agent_stop(PolkitAgent *a);
