/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>

#include "cleanup.h"
#include "fd.h"
#include "open.h"
#include "slow-mounts.h"

#define MOUNTINFO_MAX (16U * 1024 * 1024) /* bytes; of some hundred thousand mounts */

/* File systems that wait for nothing but this machine's memory and disks. */
static bool is_fast(const char *type) {
        static const char *const types[] = { "bcachefs", "binfmt_misc", "bpf", "btrfs", "cgroup", "cgroup2",
                "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs", "erofs", "exfat", "ext2", "ext3",
                "ext4", "f2fs", "fusectl", "hugetlbfs", "iso9660", "mqueue", "nsfs", "ntfs3", "overlay",
                "proc", "pstore", "ramfs", "rootfs", "securityfs", "selinuxfs", "squashfs", "sysfs", "tmpfs",
                "tracefs", "vfat", "xfs", "zfs" };
        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (streq(types[i], type))
                        return true;
        return false;
}

/* proc_pid_mountinfo(5): blanks and backslashes of a path are written in octal. */
static void unescape(char *path) {
        char *to = path;
        for (const char *from = path; *from; to++) {
                unsigned code;
                if (from[0] == '\\' && sscanf(from + 1, "%3o", &code) == 1 &&
                                strspn(from + 1, "01234567") >= 3) {
                        *to = (char)code;
                        from += 4;
                } else
                        *to = *from++;
        }
        *to = 0;
}

/* Calls use() with each mount point of a slow file system. 0 or a negative errno. */
static int for_each(void (*use)(void *data, char *path), void *data) {
        _cleanup_free_ char *text = NULL;
        int r = fd_read_file_at(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, NULL);
        if (r < 0)
                return r;
        char *rest = text;
        for (char *line; (line = strsep(&rest, "\n")) != NULL && *line;) {
                char *type = strstr(line, " - "), *path = line;
                for (int field = 0; path && field < 4; field++) {
                        path = strchr(path, ' ');
                        path += path != NULL;
                }
                if (!type || !path || path > type)
                        return -EBADMSG;
                type += 3;
                type[strcspn(type, " ")] = 0;
                path[strcspn(path, " ")] = 0;
                if (!is_fast(type))
                        use(data, path);
        }
        return 0;
}

static void keep(void *data, char *path) {
        SlowMounts *s = data;
        unescape(path);
        char *copy = s->n < SLOW_MOUNTS_MAX ? strdup(path) : NULL;
        if (copy)
                s->paths[s->n++] = copy;
        else
                s->unknown = true;
}

void slow_mounts_read(SlowMounts *s) {
        for (size_t i = 0; i < s->n; i++)
                free(s->paths[i]);
        *s = (SlowMounts){ .n = 0 };
        if (for_each(keep, s) < 0)
                s->unknown = true;
}

static bool concerns(const SlowMounts *s, const PlanMount *mounts, size_t n) {
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; mounts[i].access != PLAN_DENIED && k < s->n; k++)
                        if (streq(mounts[i].path, s->paths[k]) ||
                                        path_is_below(mounts[i].path, s->paths[k]) ||
                                        path_is_below(s->paths[k], mounts[i].path))
                                return true;
        return false;
}

bool slow_mounts_concern(const SlowMounts *s, const LaunchPlan *plan) {
        return s->unknown || concerns(s, plan->mounts, plan->n_mounts) ||
               concerns(s, plan->template.mounts, plan->template.n_mounts);
}

static void note(void *data, char *path) {
        *(bool *)data = true;
}

int slow_mounts_here(bool *ret) {
        *ret = false;
        return for_each(note, ret);
}
