/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What run and exec have in common: a command line, an environment to offer, a terminal. */

#include "channels.h"
#include "door.h"
#include "verb.h"

#define COMMAND_ENV_OPTIONS 256U

typedef struct Command {
        char *const *argv;                       /* NULL-terminated */
        const char *cwd;                         /* in the cage; or NULL */
        const char *env[COMMAND_ENV_OPTIONS];    /* of --env: NAME=VALUE or NAME */
        size_t n_env;
        PtyMode pty;
} Command;

/* Ids of the options that both have; their own begin at COMMAND_OPTIONS. */
enum { COMMAND_CWD = 1, COMMAND_ENV, COMMAND_PTY, COMMAND_NO_PTY, COMMAND_OPTIONS };
extern const Option command_options[];

/* Handles one of the ids above: 0, or a status with the reason printed. */
int command_option(const Verb *v, Command *c, int id, const char *value);

/* The environment to offer, NAME=value, NULL-terminated: what --env says, then the caller's own as far as it is UTF-8, has a name and fits
 * LIMIT_ENV and LIMIT_ENV_BYTES (*ret_left_out: how many did not). Words are borrowed, the list is the caller's to free. */
int command_environment(const Command *c, char *const *own, const char ***ret, size_t *ret_left_out);
/* Prints that so many did not, if any; and which --env names that the caller has not, or not as UTF-8. */
void command_say_left_out(const Command *c, char *const *own, size_t n);

/* Into an open a{sv}: env, cwd, pty and its size, or the three. How many descriptors: command_n_fds(). */
void command_write(const Command *c, const char *const *env, const Channels *channels, WireWriter *w);
uint32_t command_n_fds(const Channels *channels);
