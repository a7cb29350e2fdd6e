/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What mxcctl exits with, and what it adds to an error of mxcd's. Documented in mxcctl(1). Pure.
 *
 * run and exec exit as the command did, so all that is their own has a number that commands avoid, as timeout(1) and env(1) do. */

#define STATUS_OK 0
#define STATUS_NO 1            /* refused, or the answer of a question is no */
#define STATUS_TROUBLE 2       /* the command line is wrong, or mxcd cannot be asked */
#define STATUS_TIMEOUT 124     /* run: ended by its timeout */
#define STATUS_RUN_FAILED 125  /* run, exec: anything that went wrong before or beside the command */
#define STATUS_NOT_EXECUTABLE 126
#define STATUS_NO_COMMAND 127
#define STATUS_SIGNAL 128      /* plus the signal */

/* Of a command that ended: Exited's code, signal and reason. */
int status_of_end(int code, int signal, const char *reason);
/* What is to be said of an end that is not the command's own doing; NULL where nothing is. */
const char *sentence_of_end(const char *reason);

/* Of run and exec, when mxcd refused with that error. */
int status_of_run_error(const char *name);
/* What to do about an error, beyond what its own sentence tells; NULL: nothing. */
const char *hint_of_error(const char *name, const char *sentence);
