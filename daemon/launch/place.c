/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "filesystem.h"
#include "open.h"
#include "place.h"

int places_add(Places *p, Place place) {
        if (p->n == p->size) {
                size_t size = p->size == 0 ? 32 : p->size * 2;
                Place *grown = reallocarray(p->list, size, sizeof(Place));
                if (!grown)
                        return -ENOMEM;
                p->list = grown;
                p->size = size;
        }
        p->list[p->n++] = place;
        return 0;
}

void places_clear(Places *p) {
        free(p->list);
        *p = (Places){ 0 };
}

static int compare_places(const void *a, const void *b) {
        const Place *x = a, *y = b;
        int r = strcmp(x->path, y->path);
        if (r != 0)
                return r;
        return x->rank < y->rank   ? 1
               : x->rank > y->rank ? -1
                                   : 0; /* the higher first: it is the one that is kept */
}

void places_sort(Places *p) {
        if (p->n == 0)
                return;
        qsort(p->list, p->n, sizeof(Place), compare_places);
        size_t kept = 1;
        for (size_t i = 1; i < p->n; i++)
                if (!streq(p->list[i].path, p->list[kept - 1].path))
                        p->list[kept++] = p->list[i];
        p->n = kept;
}

/* /dev, /proc, and what is below them. */
static bool is_reserved(const char *path) {
        return streq(path, "/dev") || path_is_below(path, "/dev") || streq(path, "/proc") ||
               path_is_below(path, "/proc");
}

int places_add_opened(Places *p, const LaunchPlan *plan, const Opened *opened, size_t n, unsigned rank,
                const char **ret_detail) {
        for (size_t i = 0; i < n; i++) {
                const PlanMount *m = opened[i].mount;
                bool denied = m->access == PLAN_DENIED;
                if (!denied && opened[i].tree < 0)
                        continue;
                if (is_reserved(m->path) && !denied) {
                        *ret_detail = m->path;
                        return -EPERM;
                }
                if (streq(m->path, "/dev") || streq(m->path, "/proc"))
                        continue;
                const PlanMount *above = plan_topmost_writable(plan, m->path);
                Place place = {
                        .path = m->path,
                        .kind = denied             ? PLACE_DENIED
                                : opened[i].copied ? PLACE_COPY
                                                   : PLACE_TREE,
                        .rank = rank,
                        .tree = opened[i].tree,
                        .is_dir = opened[i].is_dir,
                        .required = m->required && !denied,
                        /* a denied path is followed wherever it leads: what it stands for is what is denied */
                        .above = above && !denied ? above->path : NULL,
                };
                int r = places_add(p, place);
                if (r < 0)
                        return r;
        }
        return 0;
}

static const Place standing[] = {
        { .path = "/dev/pts", .kind = PLACE_PTS, .rank = 1, .is_dir = true, .required = true },
        { .path = "/dev/shm", .kind = PLACE_SHM, .rank = 1, .is_dir = true, .required = true },
        { .path = "/run", .kind = PLACE_EMPTY, .rank = 1, .is_dir = true, .required = true },
        { .path = "/tmp", .kind = PLACE_TMP, .rank = 1, .is_dir = true, .required = true },
        { .path = "/var/tmp", .kind = PLACE_TMP, .rank = 1, .is_dir = true, .required = false },
};

int places_add_standing(Places *p) {
        for (size_t i = 0; i < ELEMENTSOF(standing); i++) {
                int r = places_add(p, standing[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

int places_add_proc(Places *p) {
        static const Place proc = {
                .path = "/proc", .kind = PLACE_PROC, .rank = 3, .is_dir = true, .required = true
        };
        return places_add(p, proc);
}

int places_add_private(Places *p) {
        int r = places_add_standing(p);
        return r < 0 ? r : places_add_proc(p);
}

bool place_is_in_standing(const char *path) {
        for (size_t i = 0; i < ELEMENTSOF(standing); i++)
                if (path_is_below(path, standing[i].path))
                        return true;
        return false;
}

bool places_touch_standing(const Places *p) {
        for (size_t i = 0; i < p->n; i++)
                for (size_t k = 0; k < ELEMENTSOF(standing); k++)
                        if (streq(p->list[i].path, standing[k].path) ||
                                        path_is_below(standing[k].path, p->list[i].path))
                                return true;
        return false;
}

/* name in parent, and in it all that follows in rest. Where it is one of ours, what is made is too, and nobody has put anything into it: so
 * no name is looked up twice, or from the root again. */
static int make_rest(int parent, char *name, char *rest, mode_t mode) {
        _cleanup_close_ int dir = -EBADF;
        if (!filesystem_is_ours(parent)) /* of the host: never touched */
                return -ENOENT;
        for (;;) {
                const mode_t type = rest ? S_IFDIR | 0755 : mode;
                const int in = dir < 0 ? parent : dir;
                int r = S_ISDIR(type) ? mkdirat(in, name, type & 07777) : mknodat(in, name, type, 0);
                if (r < 0)
                        return errno == EEXIST ? -ENOENT : -errno; /* a link that leads nowhere */
                int fd = openat(in, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
                if (fd < 0 || !rest)
                        return fd < 0 ? -errno : fd;
                cleanup_closep(&dir);
                dir = fd;
                name = rest;
                rest = strchr(name, '/');
                if (rest)
                        *rest++ = 0;
        }
}

/* Opens what is there of path, and makes the rest. mode: of the last of it. */
static int make(int root, const char *path, mode_t mode, bool *ret_made) {
        _cleanup_free_ char *prefix = strdup(path);
        _cleanup_close_ int dir = -EBADF;
        *ret_made = false;
        if (!prefix)
                return -ENOMEM;
        for (char *name = prefix + 1;;) {
                char *end = strchr(name, '/');
                if (end)
                        *end = 0;
                int fd = open_path(root, prefix, NULL, RESOLVE_IN_ROOT);
                *ret_made = fd == -ENOENT;
                if (fd == -ENOENT)
                        return make_rest(dir < 0 ? root : dir, name, end ? end + 1 : NULL, mode);
                if (fd < 0 || !end)
                        return fd;
                cleanup_closep(&dir);
                dir = fd;
                *end = '/';
                name = end + 1;
        }
}

int place_make(int root, const char *path, bool is_dir) {
        bool made;
        return make(root, path, is_dir ? S_IFDIR | 0755 : S_IFREG | 0444, &made);
}

static int find_target(int root, const Place *p) {
        int fd = open_path(root, p->path, p->above, RESOLVE_IN_ROOT);
        if (fd != -ENOENT)
                return fd;
        return place_make(root, p->path, p->is_dir);
}

/* With everything of it that can be seen, and no more than what was seen of it. */
static int copy_into(int fd, const char *path, int root) {
        _cleanup_free_ char *parent = strdup(path);
        struct stat st;
        if (!parent)
                return -ENOMEM;
        char *name = strrchr(parent, '/');
        *name++ = 0;
        _cleanup_close_ int dir = place_make(root, parent, true);
        if (dir < 0)
                return dir;
        _cleanup_close_ int copy =
                        openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (copy < 0 || fstat(fd, &st) < 0)
                return -errno;
        for (off_t left = st.st_size; left > 0;) {
                ssize_t n = sendfile(copy, fd, NULL, (size_t)left);
                if (n <= 0)
                        return n < 0 ? -errno : -ESTALE; /* it became shorter */
                left -= n;
        }
        const struct timespec times[] = { st.st_atim, st.st_mtim };
        if (fchown(copy, st.st_uid, st.st_gid) < 0 || fchmod(copy, st.st_mode & 07777) < 0 ||
                        futimens(copy, times) < 0)
                return -errno;
        return 0;
}

static int attach(int tree, int target) {
        if (move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
                return -errno;
        return 0;
}

static bool is_made_here(int target) {
        _cleanup_close_ int parent = openat(target, "..", O_PATH | O_CLOEXEC);
        return parent >= 0 && filesystem_is_ours(parent) && filesystem_is_ours(target);
}

/* A denied path that exists is covered by a mask. One that does not exist is made, unreadable, where the directory is ours; in a
 * host tree nothing is conjured up: there is nothing to read. Where something deeper is granted, the way to it stays. */
static int put_denied(int root, int mask, const char *path, bool is_gate) {
        _cleanup_close_ int target = open_path(root, path, NULL, RESOLVE_IN_ROOT);
        bool made = false;
        if (target == -ENOENT || target == -ENOTDIR || target == -ELOOP) {
                target = make(root, path, S_IFDIR | (is_gate ? 0111 : 0), &made);
                if (target == -ENOENT || target == -ENOTDIR || target == -ELOOP)
                        return 0;
        }
        if (target < 0 || made)
                return target < 0 ? target : 0;
        if (is_made_here(target)) {
                _cleanup_close_ int dir = openat(target, ".",
                                O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* fchmod() takes no O_PATH */
                if (dir < 0)
                        return -errno;
                return fchmod(dir, is_gate ? 0111 : 0) < 0
                                       ? -errno
                                       : 0; /* root's, on a file system of ours: no mount needed */
        }
        if (!is_gate)
                return filesystem_mask(mask, target);
        _cleanup_close_ int tree = filesystem_new(PLACE_GATE);
        return tree < 0 ? tree : attach(tree, target);
}

static int put_place(const Place *p, const PlaceContext *c, bool has_children) {
        int root = c->root;
        if (p->kind == PLACE_DENIED)
                return put_denied(root, c->mask, p->path, has_children);

        if (p->kind == PLACE_COPY)
                return copy_into(p->tree, p->path, root);

        _cleanup_close_ int target = find_target(root, p);
        if (target == -ENOENT && !p->required)
                return 0;
        if (target < 0)
                return target;
        if (p->kind == PLACE_TREE)
                return attach(p->tree, target);
        if (p->kind == PLACE_EMPTY && filesystem_is_ours(target))
                return 0; /* is empty already */
        _cleanup_close_ int tree = filesystem_new(p->kind);
        if (tree < 0)
                return tree;
        int r = attach(tree, target);
        return r < 0 ? r : filesystem_finish(p->kind, tree, c);
}

static bool has_children(const Places *p, size_t i) {
        const char *path = p->list[i].path;
        size_t n = strlen(path);
        /* right behind it, but for names such as "a-b" between "a" and "a/b" */
        for (size_t k = i + 1; k < p->n && strncmp(p->list[k].path, path, n) == 0; k++)
                if (p->list[k].kind != PLACE_DENIED && path_is_below(p->list[k].path, path))
                        return true;
        return false;
}

int places_put(const Places *p, const PlaceContext *c, const char **ret_detail) {
        for (size_t i = 0; i < p->n; i++) {
                if (streq(p->list[i].path, "/"))
                        continue; /* is the root itself: root.c */
                int r = put_place(&p->list[i], c, p->list[i].kind == PLACE_DENIED && has_children(p, i));
                if (r < 0) {
                        *ret_detail = p->list[i].path;
                        return r;
                }
        }
        return 0;
}
