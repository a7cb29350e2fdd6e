/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* File systems that may wait for somebody else: another machine, a program, a medium. */

#include <stdbool.h>
#include <stddef.h>

#include "plan.h"

#define SLOW_MOUNTS_MAX 256

/* Those of this process's mount namespace, by their mount points. */
typedef struct SlowMounts {
        char *paths[SLOW_MOUNTS_MAX]; /* owned */
        size_t n;
        bool unknown; /* there are more, or they could not be read: any grant may have one */
} SlowMounts;

/* Reads them afresh. */
void slow_mounts_read(SlowMounts *s);

/* Whether what a plan grants could have one in it, by the paths: a false alarm only costs a closer look. */
bool slow_mounts_concern(const SlowMounts *s, const LaunchPlan *plan);

/* The closer look, in a cage that is built: whether any is mounted here. 0 or a negative errno. */
int slow_mounts_here(bool *ret);
