/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "cgroup.h"
#include "cleanup.h"
#include "fd.h"

DEFINE_CLEANUP(DIR *, closedir);

#define LEAF_TRIES 20 /* a millisecond apart: nobody else is served meanwhile */
#define BENEATH (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV)

int cgroup_open_root(void) {
        /* unified, or beside version 1: systemd's hybrid layout */
        static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                _cleanup_close_ int fd = open(places[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                struct statfs fs;
                if (fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
                        return TAKE_FD(fd);
        }
        return -ENOENT;
}

int cgroup_open_scope(int root, const char *scope) {
        return fd_openat2(root, scope + 1, O_RDONLY | O_DIRECTORY, BENEATH);
}

void cgroup_enable_controllers(int scope) {
        static const char *const controllers[] = { "+memory", "+pids", "+cpu", "+io" };
        for (size_t i = 0; i < ELEMENTSOF(controllers); i++)
                (void)fd_write_file_at(scope, "cgroup.subtree_control", controllers[i]);
}

static int write_limit(int leaf, const PlanLimit *l) {
        static const struct {
                const char *file, *suffix;
        } attributes[] = {
                [PLAN_LIMIT_MEMORY_MAX] = { "memory.max", "" },
                [PLAN_LIMIT_MEMORY_SWAP_MAX] = { "memory.swap.max", "" },
                [PLAN_LIMIT_TASKS_MAX] = { "pids.max", "" },
                [PLAN_LIMIT_CPU_QUOTA_USEC] = { "cpu.max", " 100000" },
                [PLAN_LIMIT_CPU_WEIGHT] = { "cpu.weight", "" },
                [PLAN_LIMIT_IO_WEIGHT] = { "io.weight", "" },
        };
        _Static_assert(ELEMENTSOF(attributes) == _PLAN_LIMIT_MAX, "a limit without a file");

        _cleanup_free_ char *text = NULL;
        if (asprintf(&text, "%" PRIu64 "%s", l->value, attributes[l->kind].suffix) < 0)
                return -ENOMEM;
        int r = fd_write_file_at(leaf, attributes[l->kind].file, text);
        return r == -ENOENT ? 0 : r;
}

int cgroup_make_below(int root, const char *what, char **ret_name, int *ret_leaf) {
        _cleanup_free_ char *text = NULL, *name = NULL;
        int r = fd_read_file_at(AT_FDCWD, "/proc/self/cgroup", 65536, &text, NULL);
        if (r < 0)
                return r;
        const char *own = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
        if (!own)
                return -ENOENT;
        own = strchr(own, '/');
        if (!own)
                return -ENOENT;
        int length = (int)strcspn(own, "\n");
        if (asprintf(&name, ".%.*s/%s-%d", length, own, what, getpid()) < 0)
                return -ENOMEM;
        if (mkdirat(root, name, 0755) < 0)
                return -errno;
        *ret_leaf = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (*ret_leaf < 0) {
                r = -errno;
                (void)unlinkat(root, name, AT_REMOVEDIR); /* r says what went wrong first */
                return r;
        }
        *ret_name = TAKE_PTR(name);
        return 0;
}

int cgroup_open_leaf(int scope, const char *name) {
        return fd_openat2(scope, name, O_RDONLY | O_DIRECTORY, BENEATH);
}

int cgroup_make_leaf(int scope, const char *name, const PlanLimit *limits, size_t n_limits, int *ret_fd) {
        if (mkdirat(scope, name, 0755) < 0)
                return -errno;
        _cleanup_close_ int leaf = cgroup_open_leaf(scope, name);
        int r = leaf < 0 ? leaf : 0;
        for (size_t i = 0; r == 0 && i < n_limits; i++)
                r = write_limit(leaf, &limits[i]);
        if (r < 0) {
                (void)unlinkat(scope, name, AT_REMOVEDIR); /* r says what went wrong first */
                return r;
        }
        *ret_fd = TAKE_FD(leaf);
        return 0;
}

int cgroup_remove_leaf(int scope, const char *name) {
        if (unlinkat(scope, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
                return -errno;
        return 0;
}

size_t cgroup_sweep(int leaf, const char *prefix, bool (*keeps)(const char *text, const void *userdata),
                const void *userdata) {
        size_t stay = 0;
        int copy = openat(leaf, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(closedirp) DIR *dir = copy < 0 ? NULL : fdopendir(copy);
        if (!dir && copy >= 0)
                (void)close(copy); /* without memory they stay for now */
        for (const struct dirent *e; dir && (e = readdir(dir));) {
                if (strncmp(e->d_name, prefix, strlen(prefix)) != 0)
                        continue;
                if ((keeps && keeps(e->d_name + strlen(prefix), userdata)) ||
                                (unlinkat(leaf, e->d_name, AT_REMOVEDIR) < 0 && errno == EBUSY))
                        stay++;
        }
        return stay;
}

int cgroup_end_leaf(int scope, const char *name) {
        int r = cgroup_remove_leaf(scope, name);
        for (int i = 0; i < LEAF_TRIES && r == -EBUSY; i++) {
                _cleanup_close_ int leaf = cgroup_open_leaf(scope, name);
                if (leaf >= 0)
                        (void)cgroup_kill(leaf); /* before Linux 5.14 it is of no use */
                if (leaf < 0 || cgroup_sweep(leaf, LAUNCH_EXEC_GROUP, NULL, NULL) > 0 || i > 0)
                        (void)usleep(1000);
                r = cgroup_remove_leaf(scope, name);
        }
        return r;
}

int cgroup_exists(int root, uint64_t id) {
        /* include/linux/exportfs.h: FILEID_KERNFS, since Linux 5.5 */
        union {
                struct file_handle handle;
                char space[sizeof(struct file_handle) + sizeof(id)];
        } h = { .handle = { .handle_bytes = sizeof(id), .handle_type = 0xfe } };
        memcpy(h.space + sizeof(struct file_handle), &id, sizeof(id));
        _cleanup_close_ int fd = open_by_handle_at(root, &h.handle, O_PATH | O_CLOEXEC);
        return fd >= 0 ? 1 : errno == ESTALE || errno == ENOENT ? 0 : -errno;
}

int cgroup_kill(int leaf) {
        return fd_write_file_at(leaf, "cgroup.kill", "1");
}

static uint32_t has_word(const char *list, const char *word) {
        size_t n = strlen(word);
        for (const char *p = list; (p = strstr(p, word)) != NULL; p += n)
                if ((p == list || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\n' || p[n] == 0))
                        return 1;
        return 0;
}

void cgroup_find_features(int root, LaunchFeatures *f) {
        _cleanup_free_ char *controllers = NULL;
        if (fd_read_file_at(root, "cgroup.controllers", 4096, &controllers, NULL) == 0) {
                f->memory = has_word(controllers, "memory");
                f->cpu = has_word(controllers, "cpu");
                f->io = has_word(controllers, "io");
                f->pids = has_word(controllers, "pids");
        }
        /* the file is in every cgroup but the root; PID 1's are there on any system, ours where they are not */
        static const char name[] = "mxc-launch-probe";
        if (faccessat(root, "init.scope/cgroup.kill", F_OK, 0) == 0) {
                f->cgroup_kill = 1;
        } else if (mkdirat(root, name, 0755) == 0 || errno == EEXIST) {
                f->cgroup_kill = faccessat(root, "mxc-launch-probe/cgroup.kill", F_OK, 0) == 0;
                (void)unlinkat(root, name, AT_REMOVEDIR); /* empty, ours */
        }
}

pid_t cgroup_clone(int cgroup, uint64_t flags, int *ret_pidfd) {
        int pidfd = -EBADF;
        struct clone_args args = {
                .flags = flags | CLONE_PIDFD,
                .pidfd = (uint64_t)(uintptr_t)&pidfd,
                .exit_signal = SIGCHLD,
        };
        if (cgroup >= 0) {
                args.flags |= CLONE_INTO_CGROUP;
                args.cgroup = (uint64_t)cgroup;
        }
        pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
        if (pid < 0)
                return -errno;
        if (pid > 0)
                *ret_pidfd = pidfd;
        return pid;
}
