/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Mount namespaces kept ready for the next sandboxes of a policy: a copy of its template's in which all that the request does not change is
 * laid out already. Each is entered once. A servant of the template makes them, off the hot path, and only for the policies that
 * were used last; where none is ready the sandbox makes its own, which is slower and no weaker. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct Launcher;
struct Template;

#define SKELETON_SERVANTS 4U /* policies that have one */
#define SKELETONS_READY 4U   /* of each */
#define SKELETON_FILESYSTEMS 8U

typedef struct Skeleton {
        int ns;      /* -EBADF: none */
        int ruleset; /* Landlock's of what is in it (landlock.h); -EBADF: none */
        dev_t made[SKELETON_FILESYSTEMS]; /* the tmpfs in it that are the cage's own */
        size_t n_made;
} Skeleton;
#define SKELETON_NONE ((Skeleton){ .ns = -EBADF, .ruleset = -EBADF })

typedef struct Skeletons Skeletons;

int skeletons_new(struct Launcher *l, Skeletons **ret);

/* One of this template, the caller's to close, or none. Templates that are asked for again and again get a servant. */
Skeleton skeleton_take(struct Launcher *l, struct Template *t);

void skeleton_close(Skeleton *s);

/* What its namespace shows is not what the host has any more, or the template goes. */
void skeletons_forget(struct Launcher *l, const struct Template *t);

/* Orders what was taken: all of it where nothing else happens (idle), otherwise when half is gone. True while there is something to order as soon
 * as it is idle. */
bool skeletons_refill(struct Launcher *l, bool idle);

/* True while a servant that was ended is not dead. */
bool skeletons_reap(struct Launcher *l);
