/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A mount namespace whose root is made from nothing: an empty tmpfs (or, where a policy grants "/", a restricted clone of the
 * host's), in it exactly the places of the plan and of the cage itself. The host's tree is unmounted before anything is
 * put in, so no mistake below can reveal it. */

#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "cleanup.h"
#include "filesystem.h"
#include "open.h"
#include "place.h"

/* What the policy itself grants; opened here, while the host's tree is still in sight. */
int wall_template(Cage *c) {
        const PlanTemplate *t = &c->plan->template;
        const MountList list = { t->mounts, t->n_mounts };
        c->base = calloc(list.n + 1, sizeof(Opened));
        if (!c->base)
                return -ENOMEM;
        int r = open_mounts(list, c->plan, c->base, &c->detail);
        return r < 0 ? r : filesystem_open_devices(c->devices, &c->detail);
}

/* Where the cage has something of its own, the host's is never shown. */
static int refuse_reserved(const Places *p, const char **ret_detail) {
        static const char *const reserved[] = { "/proc", "/dev" };
        for (size_t i = 0; i < p->n; i++)
                for (size_t k = 0; k < ELEMENTSOF(reserved); k++)
                        if (p->list[i].kind == PLACE_TREE &&
                            (streq(p->list[i].path, reserved[k]) || path_is_below(p->list[i].path, reserved[k]))) {
                                *ret_detail = p->list[i].path;
                                return -EPERM;
                        }
        return 0;
}

static int collect(Cage *c, Places *p) {
        static const Place dev = { .path = "/dev", .kind = PLACE_DEV, .rank = 3, .is_dir = true, .required = true };
        static const Place sys = { .path = "/sys", .kind = PLACE_EMPTY, .rank = 1, .is_dir = true };
        int r = places_add_opened(p, c->plan, c->base, c->plan->template.n_mounts, 0);
        if (r == 0)
                r = places_add_opened(p, c->plan, c->opened, c->plan->n_mounts, 2);
        if (r == 0)
                r = refuse_reserved(p, &c->detail);
        if (r == 0)
                r = places_add(p, dev);
        if (r == 0)
                r = places_add_private(p);
        if (r < 0)
                return r;
        places_sort(p);
        if (streq(p->list[0].path, "/")) { /* the only way that /sys could come in unasked */
                r = places_add(p, sys);
                places_sort(p);
        }
        return r;
}

static int change_root(int tree) {
        if (move_mount(tree, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0 || fchdir(tree) < 0)
                return -errno;
        /* the new root on top of the old one, then the old one away: pivot_root(2), "pivot_root(".", ".")" */
        if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
                return -errno;
        return 0;
}

/* The mask file system is attached where /proc will be, which then covers it: no path leads to it. */
static int put_mask(int root, int *ret) {
        _cleanup_close_ int tree = filesystem_new_mask();
        if (tree < 0)
                return tree;
        _cleanup_close_ int target = open_path(root, "/proc", NULL, RESOLVE_IN_ROOT);
        if (target == -ENOENT)
                target = place_make(root, "/proc", true);
        if (target < 0)
                return target;
        if (move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
                return -errno;
        *ret = TAKE_FD(tree);
        return 0;
}

static int make_links(Cage *c, int root) {
        const PlanTemplate *t = &c->plan->template;
        for (size_t i = 0; i < t->n_links; i++) {
                const char *path = t->links[i].path, *slash = strrchr(path, '/');
                c->detail = path;
                _cleanup_free_ char *parent = strndup(path, slash == path ? 1 : (size_t)(slash - path));
                if (!parent)
                        return -ENOMEM;
                _cleanup_close_ int dir = place_make(root, parent, true);
                if (dir < 0)
                        return dir;
                /* an entry that is there already is the host's own: "/" is granted */
                if (symlinkat(t->links[i].target, dir, slash + 1) < 0 && errno != EEXIST)
                        return -errno;
        }
        c->detail = NULL;
        return 0;
}

int wall_root(Cage *c) {
        _cleanup_(places_clear) Places places = { 0 };
        int r = collect(c, &places);
        if (r < 0)
                return r;
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return -errno;

        (void)umask(0022); /* the agent must pass through the directories made here; its own umask comes later */
        bool granted = streq(places.list[0].path, "/") && places.list[0].kind == PLACE_TREE;
        _cleanup_close_ int made = granted ? -EBADF : filesystem_new_root();
        int root = granted ? places.list[0].tree : made;
        if (root < 0)
                return root;
        r = change_root(root);
        if (r < 0)
                return r;
        _cleanup_close_ int mask = -EBADF;
        r = put_mask(root, &mask);
        if (r == 0)
                r = make_links(c, root);
        if (r == 0)
                r = places_put(&places, root, mask, c->devices, &c->detail);
        if (r == 0 && !granted)
                r = filesystem_seal(root);
        return r;
}
