/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <grp.h>
#include <linux/openat2.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "cleanup.h"
#include "fd.h"
#include "open.h"

bool path_is_below(const char *path, const char *ancestor) {
        size_t n = strlen(ancestor);
        if (n == 1)
                return path[1] != 0; /* of "/" */
        return strncmp(path, ancestor, n) == 0 && path[n] == '/';
}

const PlanMount *plan_topmost_writable(const LaunchPlan *plan, const char *path) {
        const MountList lists[] = {
                { plan->template.mounts, plan->template.n_mounts },
                { plan->mounts, plan->n_mounts },
        };
        const PlanMount *top = NULL;
        for (size_t l = 0; l < ELEMENTSOF(lists); l++)
                for (size_t i = 0; i < lists[l].n; i++) {
                        const PlanMount *m = &lists[l].mounts[i];
                        if (m->access == PLAN_READWRITE && path_is_below(path, m->path) &&
                                        (!top || strlen(m->path) < strlen(top->path)))
                                top = m;
                }
        return top;
}

bool plan_names_mount(const LaunchPlan *plan, const char *path) {
        for (size_t i = 0; i < plan->n_mounts; i++)
                if (streq(plan->mounts[i].path, path))
                        return true;
        for (size_t i = 0; i < plan->template.n_mounts; i++)
                if (streq(plan->template.mounts[i].path, path))
                        return true;
        return false;
}

static bool denies(const PlanMount *mounts, size_t n, const char *path) {
        for (size_t i = 0; i < n; i++)
                if (streq(mounts[i].path, path))
                        return mounts[i].access == PLAN_DENIED;
        return false;
}

bool plan_denies(const LaunchPlan *plan, const char *path) {
        return denies(plan->mounts, plan->n_mounts, path) ||
               denies(plan->template.mounts, plan->template.n_mounts, path);
}

bool plan_names_below(const LaunchPlan *plan, const char *path) {
        for (size_t i = 0; i < plan->n_mounts; i++)
                if (path_is_below(plan->mounts[i].path, path))
                        return true;
        for (size_t i = 0; i < plan->template.n_mounts; i++)
                if (path_is_below(plan->template.mounts[i].path, path))
                        return true;
        return false;
}

int open_path(int root, const char *path, const char *above, uint64_t resolve) {
        const char *first = above ? above : path;
        if (root != AT_FDCWD && streq(first, "/"))
                first = "."; /* RESOLVE_IN_ROOT wants something to resolve */
        int fd = fd_openat2(root, first, O_PATH, resolve | RESOLVE_NO_MAGICLINKS);
        if (fd < 0 || !above)
                return fd;
        _cleanup_close_ int above_fd = fd;
        const char *rest = path + strlen(above);
        return fd_openat2(above_fd, rest + strspn(rest, "/"), O_PATH,
                        RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

/* The owner's eyes: with another fsuid the kernel also takes away the capabilities that see past file permissions. */
int see_as_owner(const LaunchPlan *plan) {
        if (setgroups(plan->n_groups, plan->groups) < 0)
                return -errno;
        (void)setfsgid(plan->gid); /* these two tell the old value only: checked by asking once more */
        (void)setfsuid(plan->uid);
        return setfsgid((gid_t)-1) == (int)plan->gid && setfsuid((uid_t)-1) == (int)plan->uid ? 0 : -EPERM;
}

int see_as_root(void) {
        (void)setfsuid(0);
        (void)setfsgid(0);
        if (setfsuid((uid_t)-1) != 0 || setfsgid((gid_t)-1) != 0)
                return -EPERM;
        return setgroups(0, NULL) < 0 ? -errno : 0;
}

static bool is_absence(int error) {
        return error == -ENOENT || error == -ENOTDIR || error == -EACCES || error == -ELOOP;
}

/* Opens one mount as whoever we are now. *ret_fd stays -EBADF for one that is left out. */
static int open_one(const PlanMount *m, const LaunchPlan *plan, int *ret_fd) {
        const PlanMount *above = plan_topmost_writable(plan, m->path);
        /* What a request insists on was decided by its name, so the name must be the thing's own: a link to ~/.ssh is not a workspace
         * that no rule speaks of. */
        uint64_t resolve = m->as_owner && m->required ? RESOLVE_NO_SYMLINKS : 0;
        _cleanup_close_ int fd = open_path(AT_FDCWD, m->path, above ? above->path : NULL, resolve);
        if (fd < 0)
                return !m->required && is_absence(fd) ? 0 : fd;
        if (m->access == PLAN_READWRITE && faccessat(fd, "", W_OK, AT_EMPTY_PATH | AT_EACCESS) < 0)
                return -errno;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* The clone of exactly what was opened, with all it has mounted below, each mount restricted. */
static int clone_tree(const PlanMount *m, int fd, Opened *ret) {
        struct stat st;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (S_ISLNK(st.st_mode))
                return -ELOOP;
        _cleanup_close_ int tree = open_tree(
                        fd, "", AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        if (tree < 0)
                return -errno;
        struct mount_attr attr = { .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
                .propagation = MS_PRIVATE };
        if (m->access != PLAN_READWRITE)
                attr.attr_set |= MOUNT_ATTR_RDONLY;
        if (!m->exec)
                attr.attr_set |= MOUNT_ATTR_NOEXEC;
        if (mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0)
                return -errno;
        ret->tree = TAKE_FD(tree);
        ret->is_dir = S_ISDIR(st.st_mode);
        return 0;
}

int open_mounts(MountList list, const LaunchPlan *plan, Opened *ret, const char **ret_detail) {
        int r = 0;
        bool owner = false;
        for (size_t i = 0; i < list.n; i++)
                ret[i] = (Opened){ .mount = &list.mounts[i], .tree = -EBADF, .host = -EBADF };
        for (size_t i = 0; i < list.n; i++) {
                const PlanMount *m = &list.mounts[i];
                *ret_detail = m->path;
                if (m->access == PLAN_DENIED)
                        continue;
                if (m->as_owner != owner) {
                        r = m->as_owner ? see_as_owner(plan) : see_as_root();
                        if (r < 0)
                                return r;
                        owner = m->as_owner;
                }
                r = open_one(m, plan, &ret[i].tree);
                if (r < 0)
                        return r;
        }
        r = see_as_root();
        if (r < 0)
                return r;
        for (size_t i = 0; i < list.n; i++) {
                if (ret[i].tree < 0)
                        continue;
                ret[i].host = TAKE_FD(ret[i].tree);
                *ret_detail = list.mounts[i].path;
                r = clone_tree(&list.mounts[i], ret[i].host, &ret[i]);
                if (r < 0)
                        return r;
        }
        *ret_detail = NULL;
        return 0;
}

int wall_open(Cage *c) {
        const MountList list = { c->plan->mounts, c->plan->n_mounts };
        c->opened = calloc(list.n + 1, sizeof(Opened));
        if (!c->opened)
                return -ENOMEM;
        return open_mounts(list, c->plan, c->opened, &c->detail);
}
