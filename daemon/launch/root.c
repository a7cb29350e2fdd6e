/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "cleanup.h"
#include "fd.h"
#include "filesystem.h"
#include "open.h"
#include "place.h"
#include "root.h"

/* ---- steps of both ways ---- */

static int change_root(int tree) {
        if (move_mount(tree, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0 || fchdir(tree) < 0)
                return -errno;
        /* the new root on top of the old one, then the old one away: pivot_root(2), "pivot_root(".", ".")" */
        if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
                return -errno;
        return 0;
}

/* Away from the host: a mount namespace of our own whose root is `tree`, and nothing else. */
static int leave_host(int tree) {
        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return -errno;
        return change_root(tree);
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

/* only_top: those at the root itself, which a sandbox made from a template has afresh. */
static int make_links(const PlanTemplate *t, int root, bool only_top, const char **ret_detail) {
        for (size_t i = 0; i < t->n_links; i++) {
                const char *path = t->links[i].path, *slash = strrchr(path, '/');
                if (only_top && slash != path)
                        continue;
                *ret_detail = path;
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
        *ret_detail = NULL;
        return 0;
}

static const Place own_dev = {
        .path = "/dev", .kind = PLACE_DEV, .rank = 3, .is_dir = true, .required = true
};

static int open_base(const LaunchPlan *plan, Opened **ret, int *devices, const char **ret_detail) {
        const MountList list = { plan->template.mounts, plan->template.n_mounts };
        *ret = calloc(list.n + 1, sizeof(Opened));
        if (!*ret)
                return -ENOMEM;
        int r = open_mounts(list, plan, *ret, ret_detail);
        return r < 0 ? r : filesystem_open_devices(devices, ret_detail);
}

/* ---- from nothing ---- */

static int collect_all(Cage *c, Places *p) {
        static const Place sys = { .path = "/sys", .kind = PLACE_EMPTY, .rank = 1, .is_dir = true };
        int r = places_add_opened(p, c->plan, c->base, c->plan->template.n_mounts, 0, &c->detail);
        if (r == 0)
                r = places_add_opened(p, c->plan, c->opened, c->plan->n_mounts, 2, &c->detail);
        if (r == 0)
                r = places_add(p, own_dev);
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

static int build_from_nothing(Cage *c) {
        _cleanup_(places_clear) Places places = { 0 };
        int r = collect_all(c, &places);
        if (r < 0)
                return r;
        bool granted = streq(places.list[0].path, "/") && places.list[0].kind == PLACE_TREE;
        _cleanup_close_ int made = granted ? -EBADF : filesystem_new_root();
        int root = granted ? places.list[0].tree : made;
        if (root < 0)
                return root;
        if (unshare(CLONE_NEWNS) < 0)
                return -errno;
        _cleanup_close_ int mask = -EBADF;
        r = leave_host(root);
        if (r == 0)
                r = put_mask(root, &mask);
        if (r == 0)
                r = make_links(&c->plan->template, root, false, &c->detail);
        const PlaceContext context = { root, mask, c->devices, c->plan->uid == 0 };
        if (r == 0)
                r = places_put(&places, &context, &c->detail);
        if (r == 0 && !granted)
                r = filesystem_seal(root);
        return r;
}

/* ---- the template ---- */

/* The first component of a path, "" of "/". */
static size_t top_length(const char *path) {
        return strcspn(path + 1, "/");
}

static bool same_top(const char *path, const char *top) {
        size_t n = top_length(path);
        return strlen(top) == n && memcmp(path + 1, top, n) == 0;
}

bool root_template_has(const LaunchPlan *plan, const char *top) {
        if (streq(top, "dev") || streq(top, "proc"))
                return true;
        for (size_t i = 0; i < plan->template.n_mounts; i++)
                if (same_top(plan->template.mounts[i].path, top))
                        return true;
        for (size_t i = 0; i < plan->template.n_links; i++)
                if (same_top(plan->template.links[i].path, top) &&
                                strchr(plan->template.links[i].path + 1, '/'))
                        return true;
        return false;
}

/* Calls use() for each distinct top directory of the template. */
static int for_each_top(const LaunchPlan *plan, int (*use)(void *data, const char *top), void *data) {
        const PlanTemplate *t = &plan->template;
        char previous[256] = "";
        int r = use(data, "dev");
        if (r == 0)
                r = use(data, "proc");
        for (size_t i = 0; r == 0 && i < t->n_mounts + t->n_links; i++) {
                const char *path = i < t->n_mounts ? t->mounts[i].path : t->links[i - t->n_mounts].path;
                size_t n = top_length(path);
                if (i >= t->n_mounts && path[1 + n] == 0)
                        continue; /* a link in the root itself */
                if (n == 0 || n >= sizeof(previous))
                        return -ENAMETOOLONG; /* NAME_MAX is 255 */
                if (strncmp(previous, path + 1, n) == 0 && previous[n] == 0)
                        continue; /* mounts are sorted; a repeated one of a link does no harm */
                memcpy(previous, path + 1, n);
                previous[n] = 0;
                if (!streq(previous, "dev") && !streq(previous, "proc"))
                        r = use(data, previous);
        }
        return r;
}

/* A top directory that is not a mount is made one, so that it can be moved with all that is below it. */
static int make_movable(void *data, const char *top) {
        int root = *(int *)data;
        _cleanup_free_ char *path = NULL;
        if (asprintf(&path, "/%s", top) < 0)
                return -ENOMEM;
        _cleanup_close_ int target = place_make(root, path, true);
        if (target < 0)
                return target;
        _cleanup_close_ int tree =
                        open_tree(target, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        if (tree < 0)
                return -errno;
        if (move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
                return -errno;
        return 0;
}

typedef struct TopContext {
        const LaunchPlan *plan;
        int root;
} TopContext;

static bool is_mount_of(const LaunchPlan *plan, const char *top) {
        if (streq(top, "dev") || streq(top, "proc"))
                return true;
        for (size_t i = 0; i < plan->template.n_mounts; i++) {
                const char *path = plan->template.mounts[i].path;
                if (same_top(path, top) && path[1 + top_length(path)] == 0 &&
                                plan->template.mounts[i].access != PLAN_DENIED)
                        return true;
        }
        return false;
}

static int prepare_top(void *data, const char *top) {
        TopContext *c = data;
        return is_mount_of(c->plan, top) ? 0 : make_movable(&c->root, top);
}

/* Read-only, once everything is in it; a granted tree has its own mode already. */
static int seal_top(void *data, const char *top) {
        TopContext *c = data;
        if (is_mount_of(c->plan, top))
                return 0;
        _cleanup_close_ int fd = openat(c->root, top, O_PATH | O_CLOEXEC);
        return fd < 0 ? -errno : filesystem_seal(fd);
}

/* Directories that the cage's own file systems will be mounted on, where the template owns the directory above. */
static int prepare_private(const LaunchPlan *model, int root) {
        _cleanup_(places_clear) Places private = { 0 };
        int r = places_add_private(&private);
        for (size_t i = 0; r == 0 && i < private.n; i++) {
                const char *path = private.list[i].path;
                _cleanup_free_ char *top = strndup(path + 1, top_length(path));
                if (!top)
                        return -ENOMEM;
                if (!root_template_has(model, top))
                        continue;
                _cleanup_close_ int fd = open_path(root, path, NULL, RESOLVE_IN_ROOT);
                if (fd == -ENOENT)
                        fd = place_make(root, path, true);
                if (fd < 0 && fd != -ENOENT)
                        r = fd;
        }
        return r;
}

/* What is to be copied is opened once more, for reading, and must be what was decided about. */
static int open_copies(Opened *base, size_t n, const FileIdentity *identities, const char **ret_detail) {
        for (size_t i = 0; i < n; i++) {
                if (!identities[i].copied || base[i].tree < 0)
                        continue;
                *ret_detail = base[i].mount->path;
                char link[64];
                (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", base[i].host);
                _cleanup_close_ int fd = open(link, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
                struct stat st;
                if (fd < 0 || fstat(fd, &st) < 0)
                        return -errno;
                if (!S_ISREG(st.st_mode) || st.st_dev != identities[i].dev ||
                                st.st_ino != identities[i].ino || st.st_size != identities[i].size ||
                                st.st_ctim.tv_sec != identities[i].changed.tv_sec ||
                                st.st_ctim.tv_nsec != identities[i].changed.tv_nsec)
                        return -ESTALE;
                (void)close(base[i].tree); /* a detached mount: gone with this */
                base[i].tree = TAKE_FD(fd);
                base[i].copied = true;
        }
        *ret_detail = NULL;
        return 0;
}

static int build_template(const LaunchPlan *model, const FileIdentity *identities, int *ret_ns,
                const char **ret_detail) {
        _cleanup_free_ Opened *base = NULL;
        int devices[FILESYSTEM_DEVICES];
        _cleanup_(places_clear) Places places = { 0 };
        int r = open_base(model, &base, devices, ret_detail);
        if (r == 0)
                r = open_copies(base, model->template.n_mounts, identities, ret_detail);
        if (r == 0)
                r = places_add_opened(&places, model, base, model->template.n_mounts, 0, ret_detail);
        if (r == 0)
                r = places_add(&places, own_dev);
        if (r < 0)
                return r;
        places_sort(&places);

        (void)umask(0022);
        _cleanup_close_ int root = filesystem_new_root(), mask = -EBADF;
        if (root < 0)
                return root;
        if (unshare(CLONE_NEWNS) < 0)
                return -errno;
        _cleanup_close_ int ns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
        if (ns < 0)
                return -errno;
        TopContext top = { model, root };
        r = leave_host(root);
        if (r == 0)
                r = put_mask(root, &mask);
        if (r == 0)
                r = for_each_top(model, prepare_top, &top);
        if (r == 0)
                r = make_links(&model->template, root, false, ret_detail);
        const PlaceContext context = { root, mask, devices, false };
        if (r == 0)
                r = places_put(&places, &context, ret_detail);
        if (r == 0)
                r = prepare_private(model, root);
        if (r == 0)
                r = for_each_top(model, seal_top, &top);
        if (r == 0)
                r = filesystem_seal(root);
        if (r == 0)
                *ret_ns = TAKE_FD(ns);
        return r;
}

_Noreturn void root_build_template(const LaunchPlan *model, const FileIdentity *identities, int report) {
        int ns = -EBADF;
        const char *detail = NULL;
        /* it may be held up, and whoever reads what a sandbox writes is not to wait for that */
        int r = fd_close_others(&report, 1);
        if (r == 0)
                r = build_template(model, identities, &ns, &detail);
        if (r < 0) {
                cage_report_failure(report, LAUNCH_STEP_TEMPLATE, -r, detail);
                _exit(EXIT_FAILURE);
        }
        const SetupMessage ready = { LAUNCH_MAGIC, LAUNCH_VERSION, .step = LAUNCH_STEP_NONE };
        _exit(launch_send(report, &ready, sizeof(ready), &ns, 1) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* ---- from the template ---- */

static bool grants_above(const LaunchPlan *plan, const char *path) {
        for (size_t i = 0; i < plan->template.n_mounts; i++) {
                const PlanMount *t = &plan->template.mounts[i];
                if (t->access != PLAN_DENIED && path_is_below(path, t->path))
                        return true;
        }
        return false;
}

/* Whether every place of the request can be laid over the template as it stands. */
static bool fits_template(const LaunchPlan *plan) {
        for (size_t i = 0; i < plan->template.n_mounts; i++)
                if (place_is_in_standing(plan->template.mounts[i].path))
                        return false; /* the cage's own, which is laid over the template, would hide it */
        for (size_t i = 0; i < plan->n_mounts; i++) {
                const char *path = plan->mounts[i].path;
                if (path[1] == 0)
                        return false;
                if (streq(path, "/dev") || streq(path, "/proc"))
                        continue; /* refused or left out */
                for (size_t k = 0; k < plan->template.n_mounts; k++)
                        if (streq(path, plan->template.mounts[k].path) ||
                                        path_is_below(plan->template.mounts[k].path, path))
                                return false;
                _cleanup_free_ char *top = strndup(path + 1, top_length(path));
                if (!top || (root_template_has(plan, top) && !grants_above(plan, path)))
                        return false;
        }
        return true;
}

typedef struct MoveContext {
        int from, to;
} MoveContext;

static int move_top(void *data, const char *top) {
        const MoveContext *m = data;
        struct stat st;
        if (fstatat(m->from, top, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0
                                       : -errno; /* not required, and absent when the template was made */
        if ((S_ISDIR(st.st_mode) ? mkdirat(m->to, top, 0755) : mknodat(m->to, top, S_IFREG | 0444, 0)) < 0)
                return -errno;
        return move_mount(m->from, top, m->to, top, 0) < 0 ? -errno : 0;
}

/* A copy of the template's namespace, with a fresh root directory in which its top directories are. */
static int enter_copy(const LaunchPlan *plan, int ns, int *ret_root, const char **ret_detail) {
        if (setns(ns, CLONE_NEWNS) < 0 || unshare(CLONE_NEWNS) < 0)
                return -errno;
        _cleanup_close_ int old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), root = filesystem_new_root();
        if (old < 0 || root < 0)
                return old < 0 ? -errno : root;
        /* over the template's root, which only the namespace itself still knows: it has nothing of the host's */
        if (move_mount(root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0 || fchdir(root) < 0 ||
                        chroot(".") < 0)
                return -errno;
        const MoveContext move = { old, root };
        int r = for_each_top(plan, move_top, (void *)&move);
        if (r == 0)
                r = make_links(&plan->template, root, true, ret_detail);
        if (r == 0)
                *ret_root = TAKE_FD(root);
        return r;
}

int root_build_skeleton(const LaunchPlan *model, int template_ns, const char **ret_detail) {
        _cleanup_(places_clear) Places places = { 0 };
        _cleanup_close_ int root = -EBADF;
        (void)umask(0022);
        filesystem_forget_made(); /* of the one before */
        int r = places_add_standing(&places);
        if (r == 0)
                r = enter_copy(model, template_ns, &root, ret_detail);
        if (r < 0)
                return r;
        places_sort(&places);
        const PlaceContext context = { root, -EBADF, NULL, false };
        return places_put(&places, &context, ret_detail);
}

/* One that was made ahead, and that nobody else enters. */
static int enter_skeleton(const Skeleton *s, int *ret_root) {
        if (setns(s->ns, CLONE_NEWNS) < 0) /* its root and working directory are the topmost there */
                return -errno;
        *ret_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        return *ret_root < 0 ? -errno : filesystem_take_over(s->made, s->n_made);
}

static int build_from_template(Cage *c) {
        _cleanup_(places_clear) Places places = { 0 };
        _cleanup_close_ int root = -EBADF, mask = -EBADF;
        int r = places_add_opened(&places, c->plan, c->opened, c->plan->n_mounts, 2, &c->detail);
        if (r < 0)
                return r;
        const bool ahead = c->skeleton.ns >= 0 && !places_touch_standing(&places);
        r = ahead ? places_add_proc(&places) : places_add_private(&places);
        if (r == 0)
                r = ahead ? enter_skeleton(&c->skeleton, &root)
                          : enter_copy(c->plan, c->template->mount_ns, &root, &c->detail);
        if (r < 0)
                return r;
        if (ahead)
                c->ruleset = TAKE_FD(c->skeleton.ruleset);
        places_sort(&places);
        mask = openat(root, "proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (mask < 0)
                return -errno;
        const PlaceContext context = { root, mask, NULL, c->plan->uid == 0 };
        r = places_put(&places, &context, &c->detail);
        return r < 0 ? r : filesystem_seal(root);
}

/* ---- the walls ---- */

/* What the policy itself grants: from the template, or opened here, while the host's tree is still in sight. */
int wall_template(Cage *c) {
        c->from_template = c->template->mount_ns >= 0 && fits_template(c->plan);
        return c->from_template ? 0 : open_base(c->plan, &c->base, c->devices, &c->detail);
}

int wall_root(Cage *c) {
        (void)umask(0022); /* the agent must pass through the directories made here; its own umask comes later */
        return c->from_template ? build_from_template(c) : build_from_nothing(c);
}
