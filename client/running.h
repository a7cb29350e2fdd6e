/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What is said to mxcd of a command that runs, and what mxcd says of its end: the words that client/session.h and client/mxc/session.h have
 * in common. exec: 0 for the sandbox's own command. */

#include "door.h"

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
