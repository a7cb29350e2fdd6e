/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Helpers of ours that were killed and are not waited for: a process that looks at a file system which does not answer, or waits for a lock of the
 * kernel's, dies when that is over, and nobody else is to wait for it. */

#include <stdbool.h>
#include <sys/types.h>

#include "launcher.h"

/* Whether another one may be begun: those who are still held up would hold up that one too. */
bool leaving_may_begin(const Launcher *l);

/* Kills a child that is not reaped. */
void leaving_add(Launcher *l, pid_t pid);

/* Forgets who has died; true while there is anybody left. */
bool leaving_reap(Launcher *l);
