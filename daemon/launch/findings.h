/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What was there of the plan's PLAN_HANDOFF_REPORT and PLAN_HANDOFF_ROOT names when the sandbox began, so that pid 1 can tell at the end
 * what is new or changed: of the second, where they are not protected, in a repository that was not there, or in a directory that is
 * no repository's. A .git that is a link counts as well. Known by path, number and change time: no call of an agent can set a change time, and no clock need be trusted, since
 * only a difference counts. */

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "plan.h"
#include "walk.h"

typedef struct Finding {
        char *path; /* in the cage */
        dev_t dev;
        ino_t ino;
        struct timespec changed;
} Finding;

typedef struct ReportName {
        const char *path, *last; /* borrowed from the plan; last: its last component */
        size_t parent;           /* length of what is before it, without the slash */
} ReportName;

typedef struct Findings {
        ReportName *names;
        size_t n_names;
        bool initials[256]; /* of last components: most names of a workspace are told apart by that */
        Finding *list;
        size_t n, size;
} Findings;

typedef enum FindingKind {
        FINDING_NONE,
        FINDING_INSIDE,   /* a directory: whatever is below it is looked at */
        FINDING_NEW,      /* to be told when it was not there before */
        FINDING_CHANGED,  /* … or is not what it was */
} FindingKind;

int findings_new(const LaunchPlan *plan, Findings **ret);
Findings *findings_free(Findings *f);

/* What an entry of a directory is to the report. root: the path of the walked root in the cage. */
FindingKind findings_kind(const Findings *f, const char *root, const WalkDir *dir, const WalkEntry *entry);

/* Keeps what is there now, where it is there. findings_sort() comes once after the last. */
int findings_note(Findings *f, const char *root, const WalkDir *dir, const WalkEntry *entry);
void findings_sort(Findings *f);

/* Whether this is news. */
bool findings_is_news(const Findings *f, FindingKind kind, const Finding *now);

/* The entry as it is now. -ENOENT and the likes where it is gone, -ENOMEM; free() ret->path. */
int finding_of(const char *root, const WalkDir *dir, const WalkEntry *entry, Finding *ret);
