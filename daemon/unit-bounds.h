/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What bounds a scope or a slice, as properties of systemd's: what a policy says of resources, what the unit has, and what has to be set. */

#include <systemd/sd-bus.h>

#include "policy.h"

#define SYSTEMD "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"
#define SYSTEMD_UNIT_PATH "/org/freedesktop/systemd1/unit"
#define UNIT_BOUNDS 6U

typedef struct UnitBounds {
        uint64_t value[UNIT_BOUNDS];
        bool known[UNIT_BOUNDS];
        bool theirs[UNIT_BOUNDS]; /* a file of an administrator's speaks of it */
} UnitBounds;

/* Those that the policy names, for a unit that is not there yet: into an open a(sv). */
int unit_bounds_append(sd_bus_message *m, const Policy *p);
/* From an answer to GetAll. */
int unit_bounds_read(sd_bus_message *m, UnitBounds *ret);
/* 1: SetUnitProperties of those that are to be others, until the unit is gone or the next boot, and the same as words; both are the caller's. 0: there are
 * none. Where the policy says nothing, it is nothing that bounds, or tasks_default tasks (0: not known). With stricter, what is theirs
 * stays where it is less, and weights as they are. */
int unit_bounds_message(sd_bus *bus, const char *unit, const Policy *p, uint64_t tasks_default, const UnitBounds *now, bool stricter,
                sd_bus_message **ret, char **ret_words);
