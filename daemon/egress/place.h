/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Where the relay runs while much goes through it: not on the processor of who sends it. There, each piece costs two switches and the waking of a
 * receiver who has gone to sleep elsewhere: half of the throughput, on two processors, and the kernel's scheduler pulls who is woken to who wakes. */

#include <sched.h>
#include <stdbool.h>

typedef struct Place {
        cpu_set_t all;   /* where it may run; empty: it is not known, and nothing is done */
        unsigned pieces; /* since the last look */
        unsigned here;   /* looks in a row that found the sender on our processor */
        bool moved;
} Place;

void place_init(Place *p);
/* A piece of much is about to be taken from this socket. */
void place_away_from(Place *p, int from);
/* Much no longer goes through. */
void place_anywhere(Place *p);
