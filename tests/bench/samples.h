/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A list of durations, and what is said about it. */

#include <stddef.h>
#include <stdint.h>

typedef struct Samples {
        uint64_t *ns; /* owned */
        size_t n, capacity;
} Samples;

/* Exits with a message when there is no memory: a measurement that lost a sample is none. */
void samples_add(Samples *s, uint64_t ns);
void samples_clear(Samples *s);
/* The smallest sample that at least `percent` of all do not exceed. 0 when there is none. Sorts. */
uint64_t samples_percentile(Samples *s, unsigned percent);

uint64_t now_ns(void);
void sleep_ns(uint64_t ns);
