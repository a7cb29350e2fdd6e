/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <time.h>

#include "clock.h"

static uint64_t now(clockid_t clock) {
        struct timespec t;
        (void)clock_gettime(clock, &t); /* cannot fail for these clocks */
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t now_boottime(void) {
        return now(CLOCK_BOOTTIME);
}

uint64_t now_realtime(void) {
        return now(CLOCK_REALTIME);
}

uint64_t now_msec(void) {
        return now(CLOCK_MONOTONIC) / 1000;
}
