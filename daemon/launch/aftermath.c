/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "aftermath.h"
#include "cleanup.h"
#include "findings.h"
#include "limits.h"
#include "name-rules.h"
#include "open.h"
#include "walk.h"

#define LOOK_SECONDS 2 /* with the grace before it still under the scope's TimeoutStopSec */

typedef struct Look {
        Cage *cage;
        const NameRoot *root;
        int fd;      /* of the root */
        bool nested; /* other grants, or denied paths, are below it */
        bool whole;  /* nothing was passed over */
} Look;

/* False when it does not fit. */
static bool write_down(StatusPage *page, const char *path) {
        size_t n = strlen(path) + 1;
        if (page->n_handoff >= LIMIT_HANDOFF_FOUND || n > sizeof(page->handoff) - page->handoff_bytes)
                return false;
        memcpy(page->handoff + page->handoff_bytes, path, n);
        page->handoff_bytes += (uint32_t)n;
        page->n_handoff++;
        return true;
}

static int look_closer(Look *l, FindingKind kind, const WalkDir *dir, const WalkEntry *e) {
        Finding now;
        int r = finding_of(l->root->path, dir, e, &now);
        if (r < 0) {
                l->whole = l->whole && r == -ENOENT;
                return r == -ENOMEM ? r : 0;
        }
        if (findings_is_news(l->cage->findings, kind, &now) && !write_down(l->cage->page, now.path))
                r = -ENOSPC;
        free(now.path);
        return r;
}

static bool ask(const Look *l, const WalkDir *dir, const WalkEntry *e,
                bool (*question)(const LaunchPlan *, const char *)) {
        _cleanup_free_ char *path = NULL;
        const char *root = l->root->path;
        if (asprintf(&path, "%s/%s%s%s", root[1] ? root : "", dir->path, dir->path[0] ? "/" : "", e->name) <
                        0) {
                path = NULL;
                return false;
        }
        return question(l->cage->plan, path);
}

/* A grant below is a root of its own, or cannot be written. */
static bool is_elsewhere(const Look *l, const WalkDir *dir, const WalkEntry *e) {
        return e->type == DT_DIR && ask(l, dir, e, plan_names_mount);
}

/* In the place of a denied file stands a cover: another inode than the host has, and nothing that the agent could change, put something else in
 * the place of, or move away with what it is in. Of the last, nothing holds for what is read-only. */
static bool is_covered(const Look *l, const WalkDir *dir, const WalkEntry *e) {
        return e->type != DT_DIR && ask(l, dir, e, plan_denies);
}

static int on_entry(void *data, const WalkDir *dir, const WalkEntry *e) {
        Look *l = data;
        if (l->nested && is_elsewhere(l, dir, e))
                return WALK_SKIP;
        FindingKind kind = findings_kind(l->cage->findings, l->root->path, dir, e);
        if (kind == FINDING_INSIDE)
                return WALK_MARK;
        if (kind == FINDING_NONE)
                return WALK_ENTER;
        if (kind == FINDING_CHANGED && l->nested && is_covered(l, dir, e))
                kind = FINDING_NEW;
        int r = look_closer(l, kind, dir, e);
        return r < 0 ? r : WALK_ENTER;
}

/* Somebody else's directory that the agent could not enter either is none of ours. Anything else may have been shut to hide
 * what is in it. */
static int on_unreadable(void *data, const char *path) {
        Look *l = data;
        struct stat st;
        const LaunchPlan *plan = l->cage->plan;
        bool known = fstatat(l->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
        mode_t enter = S_IXOTH | (known && st.st_gid == plan->gid ? S_IXGRP : 0);
        l->whole = l->whole && known && st.st_uid != plan->uid && (st.st_mode & enter) == 0;
        return -EBADF;
}

static int look_at(Look *l, Walk *w) {
        const PlanMount *above = plan_topmost_writable(l->cage->plan, l->root->path);
        _cleanup_close_ int fd = open_path(AT_FDCWD, l->root->path, above ? above->path : NULL, 0);
        if (fd < 0)
                return fd;
        l->fd = fd;
        return walk_run(w, fd);
}

void aftermath_report(Cage *c) {
        Look look = { .cage = c, .whole = true };
        Walk w = {
                .entry = on_entry, .unreadable = on_unreadable, .data = &look, .left = LIMIT_HANDOFF_DIRS
        };
        struct timespec t;
        int r = 0;
        if (!c->findings)
                return;
        if (c->findings->n_names == 0) {
                c->page->handoff_scanned = 1; /* nothing was to be looked for */
                return;
        }
        (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
        w.deadline = (uint64_t)(t.tv_sec + LOOK_SECONDS) * 1000000000 + (uint64_t)t.tv_nsec;
        for (size_t i = 0; r == 0 && i < c->names->n_roots; i++) {
                look.root = &c->names->roots[i];
                /* mounts of the host that came along are entered on the way */
                if (!look.root->writable || !look.root->is_dir || !look.root->granted)
                        continue;
                look.nested = plan_names_below(c->plan, look.root->path);
                r = look_at(&look, &w);
        }
        c->page->handoff_scanned = r == 0 && look.whole;
}
