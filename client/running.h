/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What is said to mxcd of a command that runs, and what mxcd says of its end: the words that client/session.h and client/mxc/session.h have
 * in common. exec: 0 for the sandbox's own command. */

#include <signal.h>

#include "door.h"

/* Signals that come to a program in the place of the command that it waits for. Those that would end it (INT, TERM, HUP, QUIT) are sent on to the
 * command; the third is SIGKILL, for the sake of a person who means it, and the fourth ends the program itself, and what is tied to it
 * then ends with it. USR1 and USR2 are sent on, however many. */
void running_add_ending(sigset_t *set);
void running_add_others(sigset_t *set);
bool running_ends(int number);
/* What becomes of one; *count: how many would have ended it, this one too. The number to send, or 0: the program ends. */
int running_relays(unsigned *count, int number);
/* One that cannot be sent yet; where there is no place left, the newest gives way. */
void running_keep(int *waiting, size_t *n, size_t max, int number);

/* Sends Kill, for which no answer comes. A broken connection is noticed where it is read. */
void running_kill(Door *d, const char *path, uint32_t exec, int number);
/* Sends Attach. 0 with the serial of its answer; or a negative errno. */
int running_attach(Door *d, const char *path, uint32_t exec, uint32_t *ret);

typedef struct RunningEnd {
        int code, signal;   /* one of them is 0 */
        const char *reason; /* in the message */
        WireReader rest;    /* handoff and details: handed-over.h */
} RunningEnd;

/* 1: m is Exited of that command; 0: it is something else; -EBADMSG: it is, in other words than org.mxc1.xml has. */
int running_end_read(const WireMessage *m, const char *path, uint32_t exec, RunningEnd *ret);
