/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The one function of a fuzz target, called by libFuzzer or by replay.c. A property that does not hold is a trap. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void fuzz_holds(bool property, const char *what) {
        if (property)
                return;
        fprintf(stderr, "does not hold: %s\n", what);
        __builtin_trap();
}
