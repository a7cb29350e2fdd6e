/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "findings.h"

Findings *findings_free(Findings *f) {
        if (!f)
                return NULL;
        for (size_t i = 0; i < f->n; i++)
                free(f->list[i].path);
        free(f->list);
        free(f->names);
        free(f);
        return NULL;
}

DEFINE_CLEANUP(Findings *, findings_free);

int findings_new(const LaunchPlan *plan, Findings **ret) {
        _cleanup_(findings_freep) Findings *f = calloc(1, sizeof(Findings));
        if (!f)
                return -ENOMEM;
        f->names = calloc(plan->n_handoff + 1, sizeof(ReportName));
        if (!f->names)
                return -ENOMEM;
        for (size_t i = 0; i < plan->n_handoff; i++) {
                const char *path = plan->handoff[i].path, *slash = strrchr(path, '/');
                if (plan->handoff[i].where != PLAN_HANDOFF_REPORT &&
                                plan->handoff[i].where != PLAN_HANDOFF_ROOT)
                        continue;
                const char *last = slash ? slash + 1 : path;
                f->names[f->n_names++] = (ReportName){ path, last, slash ? (size_t)(slash - path) : 0 };
                f->initials[(unsigned char)last[0]] = true;
        }
        *ret = TAKE_PTR(f);
        return 0;
}

/* ---- which entries count ---- */

/* Whether root/path ends in /tail. */
static bool ends_in(const char *root, const char *path, const char *tail, size_t length) {
        size_t n = strlen(path);
        if (n > length)
                return path[n - length - 1] == '/' && memcmp(path + n - length, tail, length) == 0;
        if (n == length && n > 0)
                return memcmp(path, tail, length) == 0;
        /* the root's own name takes part */
        _cleanup_free_ char *whole = NULL;
        if (asprintf(&whole, "%s%s%s", root, n > 0 ? "/" : "", path) < 0) {
                whole = NULL;
                return false;
        }
        n = strlen(whole);
        return n > length && whole[n - length - 1] == '/' && memcmp(whole + n - length, tail, length) == 0;
}

static FindingKind match_in_tree(const ReportName *r, const char *root, const WalkDir *dir) {
        return r->parent == 0 || ends_in(root, dir->path, r->path, r->parent) ? FINDING_CHANGED
                                                                              : FINDING_NONE;
}

static FindingKind match(const ReportName *r, const char *root, const WalkDir *dir) {
        switch (dir->kind) {
        case WALK_TREE:
                return match_in_tree(r, root, dir);
        case WALK_GITDIR:
                /* what counts in a .git counts in every git directory, whatever its name */
                if (r->parent == 4 && strncmp(r->path, ".git", 4) == 0)
                        return FINDING_CHANGED;
                /* what looks like one may be a directory like any other: whoever can write there can make anything look so */
                if (!dir->is_bare)
                        return FINDING_NONE;
                /* HEAD makes a directory a repository, but in one that is there each switch writes it */
                return streq(r->path, "HEAD") ? FINDING_NEW : match_in_tree(r, root, dir);
        case WALK_MODULES:
                break;
        }
        return FINDING_NONE;
}

/* A .git that leads to a git directory, which may be where nobody looks: among the objects of another, for one. */
static bool is_git_link(const WalkDir *dir, const WalkEntry *entry) {
        return (dir->kind == WALK_TREE || dir->is_bare) && entry->type != DT_DIR &&
               streq(entry->name, ".git");
}

/* The hooks that git itself puts into every repository, and never runs. */
static bool is_sample(const WalkDir *dir, const char *name) {
        size_t n = strlen(name);
        return dir->in_gitdir && n > 7 && streq(name + n - 7, ".sample");
}

FindingKind findings_kind(const Findings *f, const char *root, const WalkDir *dir, const WalkEntry *entry) {
        bool counts = (dir->marked && !is_sample(dir, entry->name)) || is_git_link(dir, entry);
        FindingKind kind = counts ? FINDING_CHANGED : FINDING_NONE;
        for (size_t i = 0;
                        kind == FINDING_NONE && f->initials[(unsigned char)entry->name[0]] && i < f->n_names;
                        i++)
                if (streq(f->names[i].last, entry->name))
                        kind = match(&f->names[i], root, dir);
        return kind != FINDING_NONE && entry->type == DT_DIR ? FINDING_INSIDE : kind;
}

/* ---- what is there ---- */

int finding_of(const char *root, const WalkDir *dir, const WalkEntry *entry, Finding *ret) {
        struct stat st;
        if (fstatat(dir->fd, entry->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        char *path;
        if (asprintf(&path, "%s%s%s%s%s", root[1] ? root : "", "/", dir->path, dir->path[0] ? "/" : "",
                            entry->name) < 0)
                return -ENOMEM;
        *ret = (Finding){ path, st.st_dev, st.st_ino, st.st_ctim };
        return 0;
}

int findings_note(Findings *f, const char *root, const WalkDir *dir, const WalkEntry *entry) {
        if (f->n == f->size) {
                size_t size = f->size == 0 ? 32 : f->size * 2;
                Finding *grown = reallocarray(f->list, size, sizeof(Finding));
                if (!grown)
                        return -ENOMEM;
                f->list = grown;
                f->size = size;
        }
        int r = finding_of(root, dir, entry, &f->list[f->n]);
        if (r == -ENOENT)
                return 0; /* gone already: then it is news when it comes back */
        if (r == 0)
                f->n++;
        return r;
}

static int compare(const void *a, const void *b) {
        return strcmp(((const Finding *)a)->path, ((const Finding *)b)->path);
}

void findings_sort(Findings *f) {
        if (f->n > 1)
                qsort(f->list, f->n, sizeof(Finding), compare);
}

bool findings_is_news(const Findings *f, FindingKind kind, const Finding *now) {
        const Finding *then = f->n > 0 ? bsearch(now, f->list, f->n, sizeof(Finding), compare) : NULL;
        if (!then)
                return true;
        return kind == FINDING_CHANGED && (then->dev != now->dev || then->ino != now->ino ||
                                                          then->changed.tv_sec != now->changed.tv_sec ||
                                                          then->changed.tv_nsec != now->changed.tv_nsec);
}
