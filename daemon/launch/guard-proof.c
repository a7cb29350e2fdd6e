/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A loaded program is not yet a wall, and the list of LSMs says nothing: here the wall is walked into. A child in a cgroup of
 * its own, on a file system that nobody else can see, tries what its rules forbid and what they allow. */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cgroup.h"
#include "cleanup.h"
#include "fd.h"
#include "guard.h"

#define PROOF_MSEC                                                                                          \
        20000 /* milliseconds; a machine that cannot open a dozen files by then is not to be trusted either */

static int act_open(int dir, const char *name, int flags) {
        _cleanup_close_ int fd = openat(dir, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
        return fd < 0 ? -errno : 0;
}

static int read_free(int dir) {
        return act_open(dir, "free", O_RDWR);
}
static int read_denied(int dir) {
        return act_open(dir, "denied", O_RDONLY);
}
static int stat_denied(int dir) {
        struct stat st;
        return fstatat(dir, "denied", &st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}
static int read_alias(int dir) {
        return act_open(dir, "alias", O_RDONLY);
}
static int link_denied(int dir) {
        return linkat(dir, "denied", dir, "other", 0) < 0 ? -errno : 0;
}
static int read_named(int dir) {
        return act_open(dir, "named", O_RDONLY);
}
static int create_absent(int dir) {
        return act_open(dir, "absent", O_WRONLY | O_CREAT);
}
static int read_protected(int dir) {
        return act_open(dir, "protected", O_RDONLY);
}
static int write_protected(int dir) {
        return act_open(dir, "protected", O_WRONLY);
}
static int remove_protected(int dir) {
        return unlinkat(dir, "protected", 0) < 0 ? -errno : 0;
}
static int chmod_protected(int dir) {
        return fchmodat(dir, "protected", 0777, 0) < 0 ? -errno : 0;
}
static int make_way(int dir) {
        return mkdirat(dir, "way", 0700) < 0 ? -errno : 0;
}
static int make_beside(int dir) {
        return act_open(dir, "way/beside", O_WRONLY | O_CREAT);
}
static int make_hooks(int dir) {
        return mkdirat(dir, "way/hooks", 0700) < 0 ? -errno : 0;
}
static int move_way(int dir) {
        return renameat(dir, "way", dir, "away") < 0 ? -errno : 0;
}
static int move_onto(int dir) {
        return renameat(dir, "free", dir, "absent") < 0 ? -errno : 0;
}

static const struct {
        const char *name;
        int (*act)(int dir);
        bool refused;
} acts[] = {
        { "opening a file without a rule", read_free, false },
        { "reading a denied file", read_denied, true },
        { "stat of a denied file", stat_denied, true },
        { "reading a hard link to a denied file", read_alias, true },
        { "linking to a denied file", link_denied, true },
        { "reading a file whose name is denied", read_named, true },
        { "creating a denied name", create_absent, true },
        { "renaming onto a denied name", move_onto, true },
        { "reading a protected file", read_protected, false },
        { "writing a protected file", write_protected, true },
        { "removing a protected file", remove_protected, true },
        { "changing the mode of a protected file", chmod_protected, true },
        { "making a directory on the way to a protected name", make_way, false },
        { "making a file beside a protected name", make_beside, false },
        { "making a protected directory", make_hooks, true },
        { "moving a directory on the way to a protected name", move_way, true },
};

/* The exit status tells the first act that went wrong, from 1; or says that it could not begin. */
#define STATUS_NO_RULES 255
_Static_assert(ELEMENTSOF(acts) < STATUS_NO_RULES, "an exit status is a byte");

static _Noreturn void attempt(const Guard *g, uint64_t cgroup, int dir) {
        _cleanup_close_ int denied = openat(dir, "denied", O_PATH | O_CLOEXEC);
        const GuardRule rules[] = {
                { GUARD_RULE_ROOT, dir, NULL },
                { GUARD_RULE_DENY, denied, NULL },
                { GUARD_RULE_DENY, dir, "denied" },
                { GUARD_RULE_DENY, dir, "absent" },
                { GUARD_RULE_DENY, dir, "named" },
                { GUARD_RULE_PROTECT, dir, "protected" },
                { GUARD_RULE_PROTECT, dir, "way/hooks" },
        };
        if (denied < 0 || guard_install(g, cgroup, rules, ELEMENTSOF(rules)) < 0)
                _exit(STATUS_NO_RULES);
        for (size_t i = 0; i < ELEMENTSOF(acts); i++)
                if (acts[i].act(dir) != (acts[i].refused ? -EACCES : 0))
                        _exit((int)i + 1);
        _exit(0);
}

/* A file system that is mounted nowhere, and goes with its descriptor. */
static int make_place(int *ret) {
        _cleanup_close_ int context = fsopen("tmpfs", FSOPEN_CLOEXEC);
        if (context < 0 || fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return -errno;
        _cleanup_close_ int dir = fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
        if (dir < 0)
                return -errno;
        static const char *const files[] = { "free", "denied", "named", "protected" };
        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                int r = act_open(dir, files[i], O_WRONLY | O_CREAT | O_EXCL);
                if (r < 0)
                        return r;
        }
        if (linkat(dir, "denied", dir, "alias", 0) < 0)
                return -errno;
        *ret = TAKE_FD(dir);
        return 0;
}

/* Below the caller's own cgroup of version 2: *ret_name is relative to the root of the hierarchy. */
static int make_leaf(int root, char **ret_name, int *ret_leaf) {
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
        if (asprintf(&name, ".%.*s/mxc-guard-proof-%d", length, own, getpid()) < 0)
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

static int await(pid_t pid, int pidfd, const char **ret_act) {
        struct pollfd end = { .fd = pidfd, .events = POLLIN };
        if (poll(&end, 1, PROOF_MSEC) != 1)
                (void)kill(pid, SIGKILL); /* ours, and not waited for: it is still that process */
        int status;
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        if (!WIFEXITED(status))
                return -ETIMEDOUT;
        int code = WEXITSTATUS(status);
        if (code == 0)
                return 0;
        *ret_act = code == STATUS_NO_RULES ? "giving a cgroup its rules" : acts[code - 1].name;
        return code == STATUS_NO_RULES ? -ENODATA : -EBADE;
}

static int prove_in(const Guard *g, int leaf, int dir, const char **ret_act) {
        struct stat st;
        if (fstat(leaf, &st) < 0)
                return -errno;
        int r = 0;
        _cleanup_close_ int pidfd = -EBADF;
        pid_t pid = cgroup_clone(leaf, 0, &pidfd);
        if (pid < 0)
                return pid;
        if (pid == 0)
                attempt(g, st.st_ino, dir);
        r = await(pid, pidfd, ret_act);
        int q = guard_remove(g, st.st_ino);
        return r < 0 ? r : q;
}

int guard_prove(const Guard *g, const char **ret_act) {
        _cleanup_close_ int root = cgroup_open_root(), dir = -EBADF, leaf = -EBADF;
        _cleanup_free_ char *name = NULL;
        *ret_act = "making a place to try it in";
        if (root < 0)
                return root;
        int r = make_place(&dir);
        if (r == 0)
                r = make_leaf(root, &name, &leaf);
        if (r < 0)
                return r;
        r = prove_in(g, leaf, dir, ret_act);
        if (unlinkat(root, name, AT_REMOVEDIR) < 0 && r == 0)
                r = -errno;
        return r;
}

int guard_probe(void) {
        _cleanup_(guard_close) Guard g = GUARD_NONE;
        const char *act;
        return guard_open(&g) == 0 && guard_prove(&g, &act) == 0;
}
