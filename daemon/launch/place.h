/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Where things go in the cage's root. A place is a path in the cage and what is mounted there; places are put in order of their
 * paths, so the deepest wins. Mount points are made only on file systems of our own: a host tree is never given an
 * entry that it does not have, and a target inside one is found there, or the place fails or is left out. */

#include <stdbool.h>
#include <stddef.h>

#include "cage.h"

typedef enum PlaceKind { PLACE_TREE, PLACE_COPY, PLACE_DENIED, PLACE_TMP, PLACE_SHM, PLACE_PTS, PLACE_PROC, PLACE_DEV,
        PLACE_EMPTY, PLACE_GATE } PlaceKind;

typedef struct Place {
        const char *path;    /* not owned */
        PlaceKind kind;
        unsigned rank;       /* of two places with one path the higher is used */
        int tree;            /* PLACE_TREE: detached mount, not owned; -EBADF: left out. PLACE_COPY: the file, open for reading */
        bool is_dir;
        bool required;
        const char *above;   /* below this ancestor no symlink is followed; NULL where the agent cannot write above */
} Place;

typedef struct Places {
        Place *list;
        size_t n, size;
} Places;

int places_add(Places *p, Place place);
void places_sort(Places *p); /* by path; duplicates with a lower rank are removed */
void places_clear(Places *p); /* usable with _cleanup_() on a Places */

/* The places of mounts that were opened, and those that every sandbox has for itself. Where the cage has something of its own (/dev,
 * /proc), a grant is refused with -EPERM and a denial is left out: the cage's is there instead of the host's. */
int places_add_opened(Places *p, const LaunchPlan *plan, const Opened *opened, size_t n, unsigned rank, const char **ret_detail);
int places_add_private(Places *p); /* all that follow */
int places_add_standing(Places *p); /* those that are the same in every sandbox */
int places_add_proc(Places *p);     /* what is of its own processes */
/* Whether one of them is at or above a standing one, which then must be put in with them. */
bool places_touch_standing(const Places *p);
bool place_is_in_standing(const char *path); /* below one */

typedef struct PlaceContext {
        int root;            /* O_PATH or a mount: the cage's root directory */
        int mask;            /* O_PATH: the mask file system, mounted in this namespace */
        const int *devices;  /* for PLACE_DEV */
        bool for_root;       /* the agent's uid is 0: modes alone keep nothing from it */
} PlaceContext;

/* Puts all of them in. */
int places_put(const Places *p, const PlaceContext *c, const char **ret_detail);

/* Makes what is missing of path below root where the nearest existing directory is on a tmpfs of ours, and opens it. */
int place_make(int root, const char *path, bool is_dir);
