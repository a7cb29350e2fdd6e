/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Granted trees with rules: where something is in one, and what the rules say of it. The names that count are those that lead to it
 * from the root now, on the writable side, one after the other: what is done is done in the directory that was reached by them. */

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>

#include "cleanup.h"
#include "fd.h"
#include "mediate-internal.h"
#include "mediate-text.h"

#ifndef FS_CASEFOLD_FL
#define FS_CASEFOLD_FL 0x40000000
#endif

int identity_of(int fd, const char *name, Identity *ret) {
        struct statx st;
        if (statx(fd, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
                            STATX_TYPE | STATX_INO | STATX_BTIME | STATX_MNT_ID, &st) < 0)
                return -errno;
        *ret = (Identity){
                .mount = st.stx_mnt_id,
                .ino = st.stx_ino,
                .dev = st.stx_dev_major << 20 | st.stx_dev_minor,
                .mode = st.stx_mode,
        };
        if (st.stx_mask & STATX_BTIME)
                ret->generation = (uint32_t)st.stx_btime.tv_sec * 31 + st.stx_btime.tv_nsec;
        return 0;
}

static bool is_same(const Identity *a, const Identity *b) {
        return a->ino == b->ino && a->dev == b->dev && ((a->mode ^ b->mode) & S_IFMT) == 0;
}

FdPath fd_path(int fd) {
        FdPath p;
        (void)snprintf(p.text, sizeof(p.text), "/proc/self/fd/%d", fd);
        return p;
}

/* ---- where it is ---- */

typedef struct FdName {
        char text[12];
} FdName;

static FdName fd_name(int fd) {
        FdName n;
        (void)snprintf(n.text, sizeof(n.text), "%d", fd);
        return n;
}

int reopen(const Mediator *m, int fd, int flags) {
        int again = openat(m->descriptors, fd_name(fd).text, flags);
        return again < 0 ? -errno : again;
}

int path_of(const Mediator *m, int fd, char ret[PATH_MAX]) {
        ssize_t n = readlinkat(m->descriptors, fd_name(fd).text, ret, PATH_MAX);
        if (n < 0)
                return -errno;
        if (n == PATH_MAX)
                return -ENAMETOOLONG;
        ret[n] = 0;
        return 0;
}

static int find_below(const Mediator *m, const RuledTree *t, int fd, char ret[PATH_MAX]) {
        char path[PATH_MAX], root[PATH_MAX];
        int r = path_of(m, fd, path);
        if (r < 0)
                return r;
        const char *rest = path_beyond(path, t->path);
        if (!rest) { /* somebody outside renamed what the tree is mounted in */
                r = path_of(m, t->cover >= 0 ? t->cover : t->root, root);
                if (r < 0)
                        return r;
                rest = path_beyond(path, root);
        }
        if (!rest)
                return -ESTALE;
        memmove(ret, rest, strlen(rest) + 1);
        return 0;
}

int spot_find(const Mediator *m, int fd, const Identity *id, Spot *ret) {
        ret->tree = NULL;
        ret->id = *id;
        for (size_t i = 0; i < m->n_trees; i++)
                if (m->trees[i].visible == id->mount || m->trees[i].beneath == id->mount) {
                        ret->tree = &m->trees[i];
                        return find_below(m, ret->tree, fd, ret->below);
                }
        return 0;
}

/* ---- what the rules say ---- */

/* Asked only of directories that rules have names in: the agent cannot change what it is (the cover), and mkdir() inherits it. */
static bool folds(const RuledTree *t, int dir) {
        if (t->folding != FOLDS_BY_DIRECTORY)
                return t->folding == FOLDS_ALWAYS;
        _cleanup_close_ int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int flags = 0;
        if (fd < 0) /* whoever cannot list it may still make things in it */
                return true;
        return ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_CASEFOLD_FL);
}

static uint32_t flags_of_name(
                const Mediator *m, const Way *w, const char *name, size_t length, uint32_t *node) {
        *node = w->node;
        if (*node == 0)
                return 0;
        bool fold = guard_table_folding_matters(&m->table, *node, name, length) && folds(w->tree, w->dir);
        return guard_table_name(&m->table, node, name, length, fold);
}

static uint32_t flags_of_object(const Mediator *m, const Identity *id) {
        uint32_t node;
        return guard_table_object(&m->table, id->ino, id->dev, id->generation, &node) &
               (GUARD_DENIED | GUARD_PROTECTED);
}

void way_clear(Way *w) {
        if (w->owned)
                cleanup_closep(&w->dir);
        *w = WAY_NONE;
}

static int descend(int dir, const char *path, int flags) {
        return fd_openat2(dir, path, (uint64_t)(O_NOFOLLOW | flags),
                        RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV);
}

static int way_enter(const Mediator *m, Way *w, const char *path) {
        int next = descend(w->dir, path, O_PATH | O_DIRECTORY);
        if (next < 0)
                return next;
        if (w->owned)
                (void)close(w->dir); /* the one above it, O_PATH */
        w->dir = next;
        w->owned = true;
        if (!m->knows_directories)
                return 0;
        Identity id;
        int r = identity_of(next, "", &id);
        if (r < 0)
                return r;
        w->flags |= flags_of_object(m, &id);
        return 0;
}

/* One name at a time as long as rules have something to say; what is left is one step. */
int way_go(const Mediator *m, const RuledTree *t, const char *below, size_t length, Way *ret) {
        char path[PATH_MAX];
        _cleanup_(way_clear) Way w = { .dir = t->root, .tree = t, .flags = t->flags, .node = t->node };
        if (length >= sizeof(path))
                return -ENAMETOOLONG;
        memcpy(path, below, length);
        path[length] = 0;
        for (char *rest = path; *rest;) {
                char *end = rest + strcspn(rest, "/");
                bool last = *end == 0 || (w.node == 0 && !m->knows_directories);
                uint32_t node;
                w.flags |= flags_of_name(m, &w, rest, (size_t)(end - rest), &node);
                char *next = last ? rest + strlen(rest) : end + 1;
                if (!last)
                        *end = 0;
                int r = way_enter(m, &w, rest);
                if (r < 0)
                        return r;
                w.node = node;
                rest = next;
        }
        *ret = w;
        w.owned = false;
        return 0;
}

int way_judge(const Mediator *m, const Way *w, const char *name, uint32_t *ret_flags) {
        uint32_t node, flags = w->flags | flags_of_name(m, w, name, strlen(name), &node);
        if (node != 0)
                flags |= GUARD_PINNED;
        if (m->knows_objects) {
                Identity id;
                int r = identity_of(w->dir, name, &id);
                if (r == 0)
                        flags |= flags_of_object(m, &id);
                else if (r != -ENOENT)
                        return r;
        }
        *ret_flags = flags;
        return 0;
}

/* The directory and the name of what is at a spot, which is not the root. */
static int go_to(const Mediator *m, const Spot *s, const char **ret_name, Way *ret) {
        const char *slash = strrchr(s->below, '/');
        *ret_name = slash ? slash + 1 : s->below;
        return way_go(m, s->tree, s->below, slash ? (size_t)(slash - s->below) : 0, ret);
}

static int duplicate(const Mediator *m, int fd, int flags, int *ret) {
        int copy = flags & O_PATH ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : reopen(m, fd, flags | O_CLOEXEC);
        if (copy < 0)
                return flags & O_PATH ? -errno : copy;
        *ret = copy;
        return 0;
}

int spot_judge(const Mediator *m, const Spot *s, uint32_t *ret_flags) {
        _cleanup_(way_clear) Way w = WAY_NONE;
        uint32_t flags = m->knows_objects ? flags_of_object(m, &s->id) : 0, of_names = 0;
        const char *name;
        int r = 0;
        if (s->tree && s->below[0] == 0)
                of_names = s->tree->flags | GUARD_PINNED;
        else if (s->tree) {
                r = go_to(m, s, &name, &w);
                if (r == -ENOENT &&
                                path_is_deleted(s->below)) /* with its directory: no name leads there any more */
                        r = 0;
                else if (r == 0)
                        r = way_judge(m, &w, name, &of_names);
        }
        if (r < 0)
                return r;
        *ret_flags = flags | of_names;
        return 0;
}

int absence_judge(const Mediator *m, int dir, const Identity *id, const char *name) {
        _cleanup_(way_clear) Way w = WAY_NONE;
        Spot s;
        uint32_t flags;
        int r = spot_find(m, dir, id, &s);
        if (r < 0 || !s.tree)
                return r < 0 ? r : -ENOENT;
        r = way_go(m, s.tree, s.below, strlen(s.below), &w);
        if (r == 0)
                r = way_judge(m, &w, name, &flags);
        return r < 0 ? r : flags & READING ? -EACCES : -ENOENT;
}

int spot_open(const Mediator *m, const Spot *s, int fd, uint32_t refused, int open_flags, int *ret) {
        _cleanup_(way_clear) Way w = WAY_NONE;
        const char *name = "";
        uint32_t rules = s->tree->flags | GUARD_PINNED;
        int r = s->below[0] ? go_to(m, s, &name, &w) : 0;
        if (r == 0 && name[0])
                r = way_judge(m, &w, name, &rules);
        if (r < 0)
                return r;
        if ((rules | flags_of_object(m, &s->id)) & refused)
                return -EACCES;
        /* a file that was opened for writing before is on that side already; it may have no name any more */
        if (s->id.mount == s->tree->beneath || !name[0])
                return duplicate(m, name[0] ? fd : s->tree->root, open_flags, ret);
        _cleanup_close_ int object = descend(w.dir, name, open_flags);
        Identity id;
        r = object < 0 ? object : identity_of(object, "", &id);
        if (r < 0)
                return r;
        if (!is_same(&id, &s->id))
                return -ESTALE;
        *ret = TAKE_FD(object);
        return 0;
}
