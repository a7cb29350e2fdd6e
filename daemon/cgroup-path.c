/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cgroup-path.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/pidfd.h>
#include <sys/vfs.h>

#include "cleanup.h"
#include "fd.h"

#define PROCS_MAX (16U * 1024 * 1024)

const char *cgroup_mount_point(void) {
        static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                struct statfs fs;
                if (statfs(places[i], &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
                        return places[i];
        }
        return NULL;
}

static bool is_over(int pidfd) {
        struct pollfd p = { .fd = pidfd, .events = POLLIN };
        return poll(&p, 1, 0) != 0;
}

/* Line "KEY:\tVALUE" of a file of /proc. */
static int read_line(const char *path, const char *key, char **ret) {
        _cleanup_free_ char *text = NULL;
        int r = fd_read_file_at(AT_FDCWD, path, 65536, &text, NULL);
        if (r < 0)
                return r == -ENOENT ? -ESRCH : r;
        size_t n = strlen(key);
        for (char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
                if (strncmp(line, key, n) == 0) {
                        char *value = strndup(line + n, strcspn(line + n, "\n"));
                        if (!value)
                                return -ENOMEM;
                        *ret = value;
                        return 0;
                }
        return -ENODATA;
}

static int pid_of(int pidfd, pid_t *ret) {
        _cleanup_free_ char *path = NULL, *value = NULL;
        if (asprintf(&path, "/proc/self/fdinfo/%d", pidfd) < 0)
                return -ENOMEM;
        int r = read_line(path, "Pid:", &value);
        if (r < 0)
                return r == -ENODATA ? -EBADF : r;
        long pid = strtol(value, NULL, 10); /* the kernel's own: -1 once it is reaped */
        if (pid <= 0)
                return -ESRCH;
        *ret = (pid_t)pid;
        return 0;
}

int cgroup_of_pidfd(int pidfd, char **ret) {
        pid_t pid;
        _cleanup_free_ char *path = NULL, *cgroup = NULL;
        int r = pid_of(pidfd, &pid);
        if (r < 0)
                return r;
        if (asprintf(&path, "/proc/%d/cgroup", pid) < 0)
                return -ENOMEM;
        r = read_line(path, "0::", &cgroup);
        if (r < 0)
                return r;
        if (is_over(pidfd)) /* then the number may have been another's */
                return -ESRCH;
        *ret = TAKE_PTR(cgroup);
        return 0;
}

/* The last number of NSpid is the pid in the innermost namespace: proc(5). */
static bool is_pid_1(pid_t pid) {
        _cleanup_free_ char *path = NULL, *value = NULL;
        if (asprintf(&path, "/proc/%d/status", pid) < 0 || read_line(path, "NSpid:", &value) < 0)
                return false;
        const char *last = strrchr(value, '\t');
        return last && streq(last, "\t1") && last != value;
}

int cgroup_find_leader(const char *mount_point, const char *leaf, pid_t *ret) {
        _cleanup_free_ char *path = NULL, *text = NULL;
        if (asprintf(&path, "%s%s/cgroup.procs", mount_point, leaf) < 0)
                return -ENOMEM;
        int r = fd_read_file_at(AT_FDCWD, path, PROCS_MAX, &text, NULL);
        if (r < 0)
                return r;
        for (char *p = text, *end; *p; p = *end == '\n' ? end + 1 : end) {
                long pid = strtol(p, &end, 10); /* the kernel's own list */
                if (end == p)
                        break;
                _cleanup_close_ int pidfd = pidfd_open((pid_t)pid, 0);
                _cleanup_free_ char *cgroup = NULL;
                if (pidfd < 0 || !is_pid_1((pid_t)pid) || cgroup_of_pidfd(pidfd, &cgroup) < 0 ||
                                !streq(cgroup, leaf))
                        continue;
                *ret = (pid_t)pid;
                return TAKE_FD(pidfd);
        }
        return -ESRCH;
}
