/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "caller-process.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/syscall.h>

#include "cleanup.h"
#include "fd.h"
#include "names.h"

#define CGROUP_MAX (64U * 1024)
#define STAT_MAX 4096U

static bool ends_with(const char *s, size_t n, const char *suffix) {
        size_t m = strlen(suffix);
        return n > m && memcmp(s + n - m, suffix, m) == 0;
}

int caller_process_parse_cgroup(const char *text, CallerProcess *ret) {
        const char *line = text;
        while (strncmp(line, "0::", 3) != 0) {
                line = strchr(line, '\n');
                if (!line)
                        return -EINVAL;
                line++;
        }
        const char *path = line + 3;
        size_t left = strcspn(path, "\n");
        if (left == 0 || *path != '/')
                return -EINVAL;

        const char *unit = "";
        size_t n_unit = 0;
        bool ours = false;
        while (left > 0) {
                path++; /* the slash */
                left--;
                size_t n = strcspn(path, "/\n");
                if (n == 2 && memcmp(path, "..", 2) == 0)
                        return -EINVAL; /* outside of what we see */
                ours |= n == strlen(MXC_SLICE) && memcmp(path, MXC_SLICE, n) == 0;
                if (n_unit == 0 && (ends_with(path, n, ".service") || ends_with(path, n, ".scope"))) {
                        unit = path;
                        n_unit = n;
                }
                path += n;
                left -= n;
        }
        char *copy = strndup(unit, n_unit);
        if (!copy)
                return -ENOMEM;
        ret->unit = copy;
        ret->in_sandbox = ours;
        return 0;
}

/* Field 22 of proc(5): the 20th after the name's closing bracket, the last one of the line. */
int caller_process_parse_stat(const char *text, uint64_t *ret_start_time) {
        const char *p = strrchr(text, ')');
        for (unsigned field = 2; p && field < 22; field++) {
                p = strchr(p, ' ');
                p = p ? p + 1 : NULL;
        }
        if (!p || *p < '0' || *p > '9')
                return -EINVAL;
        uint64_t n = 0;
        for (; *p >= '0' && *p <= '9'; p++)
                if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, (uint64_t)(*p - '0'), &n))
                        return -EINVAL;
        *ret_start_time = n;
        return 0;
}

static int read_process(pid_t pid, CallerProcess *ret) {
        char path[sizeof("/proc/4294967295")];
        (void)snprintf(path, sizeof(path), "/proc/%u", (unsigned)pid);
        _cleanup_close_ int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return -errno;
        _cleanup_free_ char *cgroup = NULL, *stat = NULL;
        int r = fd_read_file_at(dir, "cgroup", CGROUP_MAX, &cgroup, NULL);
        if (r == 0)
                r = fd_read_file_at(dir, "stat", STAT_MAX, &stat, NULL);
        if (r == 0)
                r = caller_process_parse_stat(stat, &ret->start_time);
        return r < 0 ? r : caller_process_parse_cgroup(cgroup, ret);
}

int caller_process_look(pid_t pid, int pidfd, CallerProcess *ret) {
        if (pid <= 0)
                return -ESRCH;
        _cleanup_close_ int opened = -EBADF;
        if (pidfd < 0) {
                opened = (int)syscall(SYS_pidfd_open, pid, 0);
                if (opened < 0)
                        return -errno;
                pidfd = opened;
        }
        CallerProcess process = { 0 };
        int r = read_process(pid, &process);
        if (r < 0)
                return r;
        struct pollfd p = { .fd = pidfd, .events = POLLIN };
        int n = poll(&p, 1, 0);
        if (n != 0) { /* it has ended: pid may have been another's when it was read */
                r = n < 0 ? -errno : -ESRCH;
                free(process.unit);
                return r;
        }
        *ret = process;
        return 0;
}
