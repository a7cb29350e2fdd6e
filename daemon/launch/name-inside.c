/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>

#include "cleanup.h"
#include "fd.h"
#include "limits.h"
#include "name-rules.h"
#include "open.h"
#include "walk.h"

#define DEPTH_MAX 40 /* of directories that links in each lead to the next of, as LINKS_MAX of one name */

typedef struct Inside {
        Names *names;
        const NamePlace *place; /* that is looked into */
} Inside;

/* Whether it was looked into already: links may lead round and round. */
static int note(Names *n, const struct stat *st, bool *ret_known) {
        for (size_t i = 0; i < n->n_seen; i++)
                if (n->seen[i].dev == st->st_dev && n->seen[i].ino == st->st_ino) {
                        *ret_known = true;
                        return 0;
                }
        if (n->n_seen == n->size_seen) {
                size_t size = n->size_seen == 0 ? 16 : n->size_seen * 2;
                NameSeen *grown = reallocarray(n->seen, size, sizeof(NameSeen));
                if (!grown)
                        return -ENOMEM;
                n->seen = grown;
                n->size_seen = size;
        }
        n->seen[n->n_seen++] = (NameSeen){ st->st_dev, st->st_ino };
        return 0;
}

static bool is_around_work(const Names *n, const NamePlace *p) {
        return n->work && names_is_around(p, n->work->root, n->work->path);
}

/* The link, or the worktree, is in what it leads to: that cannot be protected as a whole, for the sake of what is in it. */
static bool leads_up(const Inside *in, const NamePlace *to) {
        const NamePlace *from = in->place;
        return is_around_work(in->names, to) ||
               (from->root != NO_ROOT && names_is_around(to, from->root, from->path));
}

static bool is_writable_grant(const Names *n, const NamePlace *p) {
        return p->root != NO_ROOT && p->path[0] == 0 && n->roots[p->root].granted &&
               n->roots[p->root].writable;
}

static int add_link(const Inside *in, const WalkDir *dir, const char *name) {
        _cleanup_(name_place_clear) NamePlace to = { .root = NO_ROOT, .fd = -EBADF };
        _cleanup_free_ char *at = NULL;
        const char *above = in->place->root == NO_ROOT ? "" : in->place->path;
        if (asprintf(&at, "%s%s%s", above, above[0] && dir->path[0] ? "/" : "", dir->path) < 0) {
                at = NULL;
                return -ENOMEM;
        }
        int r = names_follow(in->names, in->place->root, dir->fd, at, name, &to);
        if (r < 0 || leads_up(in, &to))
                return r;
        r = names_add_place(in->names, GUARD_RULE_PROTECT, &to);
        return r < 0 || to.root == NO_ROOT ? r : names_add_inside(in->names, &to);
}

/* A file that may have a name where nobody protects it. */
static int add_file(const Inside *in, const WalkDir *dir, const char *name) {
        struct stat st;
        if (!in->names->by_object)
                return 0;
        if (fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (!S_ISREG(st.st_mode) || st.st_nlink < 2)
                return 0;
        _cleanup_close_ int fd = openat(dir->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? (errno == ENOENT ? 0 : -errno)
                      : names_add_opened(in->names, GUARD_RULE_PROTECT, in->place->root, fd);
}

/* What is outside of every grant is another's to arrange: only hooks themselves are looked at there. */
static int on_entry(void *data, const WalkDir *dir, const WalkEntry *e) {
        const Inside *in = data;
        int r = 0;
        if (e->type == DT_DIR)
                return in->place->root == NO_ROOT ? WALK_SKIP : WALK_ENTER;
        if (e->type == DT_LNK)
                r = add_link(in, dir, e->name);
        else if (e->type == DT_REG)
                r = add_file(in, dir, e->name);
        return r < 0 ? r : WALK_ENTER;
}

static int on_crossing(void *data, const char *path) {
        (void)data;
        (void)path;
        return 0; /* a root of its own, or nothing that came along */
}

/* What the owner cannot list git may still enter. */
static int on_unreadable(void *data, const char *path) {
        const Inside *in = data;
        const LaunchPlan *plan = in->names->plan;
        if (in->place->root == NO_ROOT)
                return -EBADF;
        if (!plan)
                return -EACCES;
        int r = see_as_root();
        if (r < 0)
                return r;
        _cleanup_close_ int fd = walk_open(in->place->fd, path, 0, false);
        r = see_as_owner(plan);
        return r < 0 ? r : fd < 0 ? fd : TAKE_FD(fd);
}

int names_add_inside(Names *n, const NamePlace *p) {
        Inside in = { n, p };
        bool known = false;
        if (p->fd < 0 || !S_ISDIR(p->st.st_mode) || is_writable_grant(n, p))
                return 0;
        int r = note(n, &p->st, &known);
        if (r < 0 || known)
                return r;
        if (n->depth == DEPTH_MAX)
                return -ELOOP;
        const size_t most = n->looked < LIMIT_HANDOFF_DIRS ? LIMIT_HANDOFF_DIRS - n->looked : 0;
        Walk w = { .entry = on_entry,
                .crossing = on_crossing,
                .unreadable = on_unreadable,
                .data = &in,
                .left = most };
        n->depth++;
        r = walk_run(&w, p->fd);
        n->depth--;
        n->looked += most - w.left;
        return r;
}

int names_add_led_to(Names *n, const NamePlace *p) {
        const NameRoot *root = p->root == NO_ROOT ? NULL : &n->roots[p->root];
        const bool writable = root && root->writable;
        if (is_writable_grant(n, p) || is_around_work(n, p))
                return 0;
        if (writable && p->path[0])
                return names_add(n, GUARD_RULE_PROTECT, p->root, root->host, "", p->path);
        const bool other_names = p->fd >= 0 && S_ISREG(p->st.st_mode) && p->st.st_nlink > 1,
                   object = n->by_object && p->fd >= 0 && (other_names || writable);
        int r = object ? names_add_opened(n, GUARD_RULE_PROTECT, p->root, p->fd) : 0;
        return r < 0 ? r : names_add_inside(n, p);
}
