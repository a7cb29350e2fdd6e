/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/bench/samples.h"

#include <err.h>
#include <stdlib.h>
#include <time.h>

void samples_add(Samples *s, uint64_t ns) {
        if (s->n == s->capacity) {
                size_t capacity = s->capacity ? s->capacity * 2 : 256;
                uint64_t *grown = reallocarray(s->ns, capacity, sizeof *grown);

                if (!grown)
                        err(EXIT_FAILURE, "no memory for samples");
                s->ns = grown;
                s->capacity = capacity;
        }
        s->ns[s->n++] = ns;
}

void samples_clear(Samples *s) {
        free(s->ns);
        *s = (Samples){};
}

static int compare(const void *a, const void *b) {
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

uint64_t samples_percentile(Samples *s, unsigned percent) {
        if (s->n == 0)
                return 0;
        qsort(s->ns, s->n, sizeof s->ns[0], compare);
        size_t rank = (s->n * percent + 99) / 100;
        return s->ns[rank ? rank - 1 : 0];
}

uint64_t now_ns(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void sleep_ns(uint64_t ns) {
        struct timespec t = { .tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000) };

        while (nanosleep(&t, &t) < 0)
                ;
}
