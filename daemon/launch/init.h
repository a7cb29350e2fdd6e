/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Pid 1 of a sandbox: confined as its command is, never executes anything itself, cannot be looked into. It starts the
 * command and later ones (exec), reaps, passes on signals that come from outside, acts on SIGTERM, and leaves on the status
 * page how it ended. When it goes, the kernel kills whatever is left.
 *
 * Signals from outside the pid namespace, told from inside by their sender pid 0:
 *   SIGTERM                  the sandbox is to end: TERM to everything, a short grace, KILL
 *   INIT_SIGNAL with a value to the command (so that KILL, STOP and TERM can be meant for it alone), or
 *                            INIT_VALUE_EXEC: an exec waits on the control socket, or
 *                            INIT_VALUE_QUIET and the number, INIT_VALUE_GO: report.h
 *   any other                passed on to the command */

#include "cage.h"

#define INIT_VALUE_EXEC 0x10000

/* How an exec'd command ended, written by pid 1 to the pipe that came with it. */
typedef struct ExecEnd {
        int32_t code, signal;
} ExecEnd;

_Noreturn void init_run(Cage *c);
