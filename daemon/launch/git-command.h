/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A command that git's configuration has for a shell, and the programs in it that are named by where they are: what it begins with
 * (tools/clean %f), what an interpreter or a shell is given (python3 clean.py), and both behind env, ";", "|", within "sh -c", "$(…)" and functions.
 * Behind "cd tools" it is told twice, there and where it would be without.
 * Its content is whatever somebody put there. */

/* A path: absolute, relative, or as "~/x" and "~name/x", which $HOME counts for. $PWD and the top of the worktree, which git is asked for, are ".".
 * Negative: stop with it. */
typedef int (*GitCommandFound)(void *data, const char *path);

/* What has another variable in it cannot be told, nor what a program in turn executes. 0, -ENOMEM, or what found() stopped with. */
int git_command_parse(const char *command, GitCommandFound found, void *data);
