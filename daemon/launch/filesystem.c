/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "fd.h"
#include "filesystem.h"

static const struct {
        const char *name;
        unsigned major, minor;
} devices_table[] = {
        { "null", 1, 3 },
        { "zero", 1, 5 },
        { "full", 1, 7 },
        { "random", 1, 8 },
        { "urandom", 1, 9 },
        { "tty", 5, 0 },
};
_Static_assert(ELEMENTSOF(devices_table) == FILESYSTEM_DEVICES, "a device without a place");

/* What of /proc tells about the host or acts on it, beyond what a pid namespace and a read-only mount take away: the
 * list that container engines mask, and kmsg and kallsyms. Where the mode is root's alone it needs no mask but for root. */
static const struct {
        const char *name;
        bool for_root, is_dir;
} masked_in_proc[] = {
        { "acpi", false, true },
        { "asound", false, true },
        { "bus", false, true },
        { "fs", false, true },
        { "interrupts", false },
        { "irq", false, true },
        { "kallsyms", false },
        { "kcore", true },
        { "key-users", false },
        { "keys", false },
        { "kmsg", true },
        { "kpagecgroup", true },
        { "kpagecount", true },
        { "kpageflags", true },
        { "latency_stats", false },
        { "sched_debug", false },
        { "scsi", false, true },
        { "slabinfo", true },
        { "sysrq-trigger", true },
        { "timer_list", true },
        { "vmallocinfo", true },
};

/* Device numbers of the tmpfs that this process made: where mount points may be made. */
static dev_t *ours;
static size_t n_ours;

int filesystem_take_over(const dev_t *made, size_t n) {
        dev_t *grown = reallocarray(ours, n_ours + n, sizeof(dev_t));
        if (!grown)
                return -ENOMEM;
        ours = grown;
        for (size_t i = 0; i < n; i++)
                ours[n_ours++] = made[i];
        return 0;
}

size_t filesystem_made(const dev_t **ret) {
        *ret = ours;
        return n_ours;
}

void filesystem_forget_made(void) {
        n_ours = 0;
}

static int remember(int tree) {
        struct stat st;
        return fstat(tree, &st) < 0 ? -errno : filesystem_take_over(&st.st_dev, 1);
}

bool filesystem_is_ours(int dir) {
        struct stat st;
        if (fstat(dir, &st) < 0)
                return false;
        for (size_t i = 0; i < n_ours; i++)
                if (ours[i] == st.st_dev)
                        return true;
        return false;
}

/* options is a list of key=value, as in fstab. */
static int configure(int context, const char *options) {
        _cleanup_free_ char *copy = strdup(options);
        if (!copy)
                return -ENOMEM;
        char *rest = copy;
        for (char *option; (option = strsep(&rest, ",")) != NULL;) {
                char *value = strchr(option, '=');
                if (value)
                        *value++ = 0;
                if (fsconfig(context, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, option, value, 0) < 0)
                        return -errno;
        }
        return fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 ? -errno : 0;
}

static int new_mount(const char *type, const char *options, unsigned attributes) {
        _cleanup_close_ int context = fsopen(type, FSOPEN_CLOEXEC);
        if (context < 0)
                return -errno;
        int r = configure(context, options);
        if (r < 0)
                return r;
        int tree = fsmount(context, FSMOUNT_CLOEXEC, attributes);
        return tree < 0 ? -errno : tree;
}

static int new_tmpfs(const char *options, unsigned attributes) {
        _cleanup_close_ int tree =
                        new_mount("tmpfs", options, attributes | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
        if (tree < 0)
                return tree;
        int r = remember(tree);
        return r < 0 ? r : TAKE_FD(tree);
}

static int set_attributes(int tree, uint64_t set) {
        struct mount_attr attr = { .attr_set = set };
        return mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0 ? -errno : 0;
}

int filesystem_new_root(void) {
        return new_tmpfs("mode=0755,size=8m,nr_inodes=8k", MOUNT_ATTR_NOEXEC);
}

int filesystem_seal(int tree) {
        return set_attributes(tree, MOUNT_ATTR_RDONLY);
}

/* An empty directory in /dev, a file to mount a node on, or a link. */
static int fill_dev(int tree) {
        static const struct {
                const char *name, *target;
        } links[] = {
                { "fd", "/proc/self/fd" },
                { "stdin", "/proc/self/fd/0" },
                { "stdout", "/proc/self/fd/1" },
                { "stderr", "/proc/self/fd/2" },
                { "ptmx", "pts/ptmx" },
        };
        for (size_t i = 0; i < ELEMENTSOF(devices_table); i++)
                if (mknodat(tree, devices_table[i].name, S_IFREG | 0444, 0) < 0)
                        return -errno;
        for (size_t i = 0; i < ELEMENTSOF(links); i++)
                if (symlinkat(links[i].target, tree, links[i].name) < 0)
                        return -errno;
        if (mkdirat(tree, "pts", 0755) < 0 || mkdirat(tree, "shm", 0755) < 0)
                return -errno;
        return 0;
}

static int new_dev(void) {
        _cleanup_close_ int tree = new_tmpfs("mode=0755,size=64k,nr_inodes=64", MOUNT_ATTR_NOEXEC);
        if (tree < 0)
                return tree;
        int r = fill_dev(tree);
        return r < 0 ? r : TAKE_FD(tree);
}

int filesystem_new(PlaceKind kind) {
        switch (kind) {
        case PLACE_TMP:
                return new_tmpfs("mode=1777," CAGE_TMP_OPTIONS, 0);
        case PLACE_SHM:
                return new_tmpfs("mode=1777," CAGE_SHM_OPTIONS, MOUNT_ATTR_NOEXEC);
        case PLACE_EMPTY:
                return new_tmpfs("mode=0755,size=4k,nr_inodes=64", MOUNT_ATTR_RDONLY);
        case PLACE_GATE:
                return new_tmpfs("mode=0111,size=64k,nr_inodes=1k", 0);
        case PLACE_DEV:
                return new_dev();
        case PLACE_PTS:
                return new_mount("devpts", "newinstance,mode=0620,gid=5,ptmxmode=0666,max=256",
                                MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
        case PLACE_PROC:
                /* of the pid namespace of the caller; nothing in it can be written */
                return new_mount("proc", "source=proc",
                                MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC |
                                                MOUNT_ATTR_RDONLY);
        case PLACE_TREE:
        case PLACE_COPY:
        case PLACE_DENIED:
                break;
        }
        return -EINVAL;
}

int filesystem_open_devices(int *devices, const char **ret_detail) {
        for (size_t i = 0; i < ELEMENTSOF(devices_table); i++)
                devices[i] = -EBADF;
        _cleanup_close_ int dev = fd_openat2(AT_FDCWD, "/dev", O_PATH | O_DIRECTORY, 0);
        if (dev < 0)
                return dev;
        for (size_t i = 0; i < ELEMENTSOF(devices_table); i++) {
                *ret_detail = devices_table[i].name;
                _cleanup_close_ int node =
                                openat(dev, devices_table[i].name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
                struct stat st;
                if (node < 0 || fstat(node, &st) < 0)
                        return -errno;
                if (!S_ISCHR(st.st_mode) ||
                                st.st_rdev != makedev(devices_table[i].major, devices_table[i].minor))
                        return -ENODEV;
                devices[i] = open_tree(node, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
                if (devices[i] < 0)
                        return -errno;
                /* writing to a device asks nothing of the mount; changing its owner or mode does */
                struct mount_attr attr = {
                        .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
                        .attr_clr = MOUNT_ATTR_NODEV,
                        .propagation = MS_PRIVATE,
                };
                if (mount_setattr(devices[i], "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
                        return -errno;
        }
        *ret_detail = NULL;
        return 0;
}

static int attach_devices(int tree, const int *devices) {
        for (size_t i = 0; i < ELEMENTSOF(devices_table); i++)
                if (move_mount(devices[i], "", tree, devices_table[i].name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
                        return -errno;
        return filesystem_seal(tree);
}

int filesystem_new_mask(void) {
        _cleanup_close_ int tree = new_mount("tmpfs", "mode=0000,size=4k,nr_inodes=8",
                        MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
        if (tree < 0)
                return tree;
        mode_t old = umask(0);
        int r = mknodat(tree, "f", S_IFREG, 0) < 0 || mkdirat(tree, "d", 0) < 0 ? -errno : 0;
        (void)umask(old);
        if (r == 0)
                r = filesystem_seal(tree);
        return r < 0 ? r : TAKE_FD(tree);
}

int filesystem_mask(int mask, int target) {
        struct stat st;
        if (fstat(target, &st) < 0)
                return -errno;
        _cleanup_close_ int tree = open_tree(
                        mask, S_ISDIR(st.st_mode) ? "d" : "f", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        if (tree < 0)
                return -errno;
        if (move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
                return -errno;
        return 0;
}

/* By name, with no descriptor of what is covered: this is done for each sandbox. */
static int mask_in(int dir, const char *name, int mask, bool is_dir) {
        _cleanup_close_ int tree = open_tree(mask, is_dir ? "d" : "f", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        return tree < 0 || move_mount(tree, "", dir, name, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

static int mask_proc(const PlaceContext *c, int proc) {
        for (size_t i = 0; i < ELEMENTSOF(masked_in_proc); i++) {
                if (masked_in_proc[i].for_root && !c->for_root)
                        continue;
                if (faccessat(proc, masked_in_proc[i].name, F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
                        if (errno == ENOENT)
                                continue; /* not of this kernel */
                        return -errno;
                }
                int r = mask_in(proc, masked_in_proc[i].name, c->mask, masked_in_proc[i].is_dir);
                if (r < 0)
                        return r;
        }
        return 0;
}

int filesystem_finish(PlaceKind kind, int tree, const PlaceContext *c) {
        switch (kind) {
        case PLACE_DEV:
                return attach_devices(tree, c->devices);
        case PLACE_PROC:
                return mask_proc(c, tree);
        case PLACE_TREE:
        case PLACE_COPY:
        case PLACE_DENIED:
        case PLACE_TMP:
        case PLACE_SHM:
        case PLACE_PTS:
        case PLACE_EMPTY:
        case PLACE_GATE:
                return 0;
        }
        return -EINVAL;
}
