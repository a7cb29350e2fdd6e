/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What lxc-exec tells besides the command's own output: of --debug on standard output, of --log-file in whole lines with the second they
 * were written in, and for everybody the warnings on standard error. What is quoted is made fit for a terminal. */

#include <stdbool.h>

#include "mxc-error.h"

typedef struct LxcLog {
        FILE *file; /* NULL: none */
        bool debug;
        bool answers; /* an error is the answer: its envelope alone, on standard output, as those want who ask for a phase */
} LxcLog;

/* A file that cannot be opened is a warning. */
void lxc_log_open(LxcLog *l, const char *path, bool debug);
void lxc_log_close(LxcLog *l);
/* For those who asked. */
_printf_(2, 3) void lxc_log(LxcLog *l, const char *format, ...);
/* For everybody: "WARNING: …". */
void lxc_log_warning(LxcLog *l, const char *text);
/* Sentence and envelope, each on a line of its own, as an error of its exit status is said. Gives that. */
int lxc_log_error(LxcLog *l, const MxcError *e);
