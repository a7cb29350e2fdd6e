/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Requests that wait for something: the proof of their template, a network. */

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "report.h"

struct Launcher;

typedef struct Parked {
        STAILQ_ENTRY(Parked) entries;
        LaunchRequest request;
        uint64_t connection;
        int fds[LAUNCH_MAX_FDS]; /* owned */
        size_t n_fds;
} Parked;

typedef STAILQ_HEAD(ParkedList, Parked) ParkedList;

/* Copies the descriptors. */
int parked_add(struct Launcher *l, ParkedList *list, const LaunchRequest *q, const int *fds, size_t n_fds);

/* Takes out the first whose asker is still there, for the caller to free; NULL: there is none. */
Parked *parked_take(struct Launcher *l, ParkedList *list);
Parked *parked_free(Parked *p);
