/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Looking again and again: what top and net --follow share. On a terminal of its own each look takes the place of the one before, and keys are read
 * in between; elsewhere they stand below each other. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "terminal.h"
#include "verb.h"

typedef struct Again {
        uint64_t delay;   /* microseconds */
        bool interactive; /* keys are read, the screen is cleared */
        Terminal terminal;
} Again;

/* Standard input is ours to read, and standard output a terminal. */
bool again_is_interactive(void);
/* --delay: 0, or a status with the reason printed. */
int again_take_delay(Again *a, const Verb *v, const char *value);

/* Before a look is printed; rows that there are for it, SIZE_MAX where all do. The terminal is as it was meanwhile. */
size_t again_begin(Again *a);
/* Waits. '\0' when the time is over, 'q' where it is to end, or another of the keys. */
char again_wait(Again *a, uint64_t usec, const char *keys);
/* When the last look is printed, whatever came of it. */
void again_end(Again *a);
