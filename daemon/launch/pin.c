/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Protected names that exist, held by mounts of the cage's own: each is mounted read-only over itself, and every directory on
 * the way to it over itself as well, since what is a mount point can be neither moved nor removed (EBUSY). The host sees
 * nothing of it, and nothing stays.
 *
 * Only where the guard does not keep the names. It keeps all of this and more: names that do not exist, and those that
 * something outside replaces, which takes a mount away. What mounts cost is felt: a rename or a link from one to the next
 * is EXDEV, so a repository within the workspace could no longer trade files with it except by copying. */

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "cage.h"
#include "cleanup.h"
#include "fd.h"
#include "name-rules.h"
#include "open.h"

typedef struct Pin {
        char *path;     /* below the root */
        bool protected; /* the name itself; otherwise a directory on the way */
} Pin;

typedef struct Pins {
        Pin *list;
        size_t n, size;
} Pins;

static void pins_clear(Pins *p) {
        for (size_t i = 0; i < p->n; i++)
                free(p->list[i].path);
        free(p->list);
        *p = (Pins){ 0 };
}

static int add(Pins *p, const char *path, size_t length, bool protected) {
        if (p->n == p->size) {
                size_t size = p->size == 0 ? 16 : p->size * 2;
                Pin *grown = reallocarray(p->list, size, sizeof(Pin));
                if (!grown)
                        return -ENOMEM;
                p->list = grown;
                p->size = size;
        }
        char *copy = strndup(path, length);
        if (!copy)
                return -ENOMEM;
        p->list[p->n++] = (Pin){ copy, protected };
        return 0;
}

static int add_with_way(Pins *p, const char *path) {
        int r = 0;
        for (const char *slash = strchr(path, '/'); r == 0 && slash; slash = strchr(slash + 1, '/'))
                r = add(p, path, (size_t)(slash - path), false);
        return r < 0 ? r : add(p, path, strlen(path), true);
}

static int compare_pins(const void *a, const void *b) {
        const Pin *x = a, *y = b;
        int r = strcmp(x->path, y->path);
        return r != 0 ? r : (int)y->protected - (int)x->protected; /* the stricter is kept */
}

/* Shallow before deep, each path once. */
static void sort(Pins *p) {
        if (p->n < 2)
                return;
        qsort(p->list, p->n, sizeof(Pin), compare_pins);
        size_t kept = 1;
        for (size_t i = 1; i < p->n; i++) {
                if (streq(p->list[i].path, p->list[kept - 1].path))
                        free(p->list[i].path);
                else
                        p->list[kept++] = p->list[i];
        }
        p->n = kept;
}

static int make_readonly(int tree) {
        struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
        return mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0 ? -errno : 0;
}

/* What has changed since it was found is left alone: it is gone, or a link now. */
static int put(int root, const Pin *pin) {
        _cleanup_close_ int target = fd_openat2(root, pin->path, O_PATH | O_NOFOLLOW,
                        RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
        if (target == -ENOENT || target == -ENOTDIR || target == -ELOOP)
                return 0;
        struct statx st;
        if (target < 0)
                return target;
        if (statx(target, "", AT_EMPTY_PATH, STATX_TYPE, &st) < 0)
                return -errno;
        if (S_ISLNK(st.stx_mode))
                return 0;
        if (st.stx_attributes & STATX_ATTR_MOUNT_ROOT)
                return pin->protected ? make_readonly(target) : 0;
        _cleanup_close_ int tree = open_tree(
                        target, "", AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        if (tree < 0)
                return -errno;
        int r = pin->protected ? make_readonly(tree) : 0;
        if (r < 0)
                return r;
        if (move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
                return -errno;
        return 0;
}

/* By its path in the cage, where every directory above it is ours: pins of a root above may have covered what we had open. */
static int pin_root(Cage *c, size_t root) {
        const Names *n = c->names;
        _cleanup_(pins_clear) Pins pins = { 0 };
        int r = 0;
        for (size_t i = 0; r == 0 && i < n->n_rules; i++) {
                const NameRule *rule = &n->rules[i];
                if (rule->root == root && rule->kind == GUARD_RULE_PROTECT && rule->path && rule->exists)
                        r = add_with_way(&pins, rule->path);
        }
        if (r < 0 || pins.n == 0)
                return r;
        sort(&pins);
        const PlanMount *above = plan_topmost_writable(c->plan, n->roots[root].path);
        _cleanup_close_ int base = open_path(AT_FDCWD, n->roots[root].path, above ? above->path : NULL, 0);
        if (base < 0)
                return base;
        for (size_t i = 0; i < pins.n; i++) {
                r = put(base, &pins.list[i]);
                if (r < 0) {
                        c->detail = TAKE_PTR(pins.list[i].path); /* kept: the process ends with it */
                        return r;
                }
        }
        return 0;
}

int wall_pins(Cage *c) {
        const Names *n = c->names;
        if (c->guarded || !n)
                return 0;
        /* roots above others first; the request's own come sorted, and mounts of the host after what they are below */
        for (size_t i = 0; i < n->n_roots; i++) {
                int r = n->roots[i].writable && n->roots[i].is_dir ? pin_root(c, i) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}
