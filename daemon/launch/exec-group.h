/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The control group of a command of Exec, in the leaf of its sandbox: what the command began is in it whatever that makes of itself, so that a kill
 * and a timeout reach all of it. It has no controllers and nothing of it is the agent's: limits, freeze and kill of the leaf are for it as
 * for the rest.
 *
 * The command moves itself there, by a descriptor that root opened for it, before it is anything but our own code. It cannot be born there: it is
 * a child of pid 1, which has neither clone3() nor any right to the leaf. Moving waits for an RCU grace period, up to 16 ms when nothing
 * else has moved just before, and the kernel lets no group be made meanwhile: the Exec pays that, and a Spawn that begins just then.
 *
 * What a command leaves running when it ends by itself goes on, as after a command in a shell, and keeps the group. One that is empty goes with the
 * next Exec, or with the sandbox. */

#include "launcher.h"

/* Makes it; *ret_procs: its cgroup.procs, open for writing. -EEXIST: there is one of this number; -EMFILE: more than LIMIT_EXEC_GROUPS. */
int exec_group_make(Launcher *l, const Run *sandbox, uint32_t number, int *ret_procs);
/* Of a command that is over: removes it unless something lives there. */
void exec_group_leave(Launcher *l, const Run *sandbox, uint32_t number);
/* Of a command that is given up: kills what is in it, and removes it. */
void exec_group_end(Launcher *l, const Run *sandbox, uint32_t number);

/* In the child that becomes the command. */
int exec_group_enter(int procs);
