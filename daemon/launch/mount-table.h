/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Which mounts of the host matter to what a template grants. A path leads somewhere by a way: the places of the symlinks on it, those
 * that it climbs up from, and its end, all without symlinks, as proc_pid_mountinfo(5) names mount points. A mount changes what is
 * granted when it is at or above any of these places, or below an end. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limits.h"
#include "plan.h"

typedef struct MountPlace {
        char *path;
        bool is_end;
} MountPlace;

typedef struct MountWays {
        MountPlace *list;
        size_t n;
        bool unsure; /* a way could not be followed: every mount matters */
} MountWays;

/* Of all that the template names, as it leads now. */
void mount_ways_find(const PlanTemplate *t, MountWays *ret);
void mount_ways_clear(MountWays *w); /* usable with _cleanup_() on a MountWays that began as all zero */
bool mount_ways_equal(const MountWays *a, const MountWays *b);

/* Whether a mount there matters. */
bool mount_ways_touch(const MountWays *w, const char *point);

/* The mount point of a line of mountinfo: unescaped, "" where that is no path of ours. False: it is no such line. */
bool mount_table_point(const char *line, const char *end, char ret[LIMIT_PATH_BYTES + 1]);

/* A number for all lines that matter to the ways, in their order. One that never comes again where that cannot be told. table: NULL
 * for one that could not be read. */
uint64_t mount_table_number(const MountWays *w, const char *table);
