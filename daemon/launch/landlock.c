/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The second wall around files: what each path of the plan may be used for, whatever a mount or a file's mode say. Every
 * right that the kernel knows is handled, so what no rule grants is denied.
 *
 * The numbers are of include/uapi/linux/landlock.h, by the ABI that brought them: headers older than the kernel must
 * not make a weaker wall. */

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "cage.h"
#include "cleanup.h"
#include "landlock.h"
#include "open.h"

#define FS_EXECUTE (UINT64_C(1) << 0)
#define FS_WRITE_FILE (UINT64_C(1) << 1)
#define FS_READ_FILE (UINT64_C(1) << 2)
#define FS_READ_DIR (UINT64_C(1) << 3)
#define FS_TRUNCATE (UINT64_C(1) << 14)
#define FS_IOCTL_DEV (UINT64_C(1) << 15)
#define FS_OF_A_FILE (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)
#define SCOPE_ABSTRACT_UNIX_SOCKET (UINT64_C(1) << 0)
#define SCOPE_SIGNAL (UINT64_C(1) << 1)

/* What each ABI can handle. ABI 4 brought network rules, which a private network makes pointless; ABI 7 logging. */
static const struct {
        uint64_t fs, scopes;
} abi_table[] = {
        [1] = { (UINT64_C(1) << 13) - 1, 0 },
        [2] = { (UINT64_C(1) << 14) - 1, 0 }, /* refer */
        [3] = { (UINT64_C(1) << 15) - 1, 0 }, /* truncate */
        [4] = { (UINT64_C(1) << 15) - 1, 0 },
        [5] = { (UINT64_C(1) << 16) - 1, 0 }, /* ioctl on devices */
        [6] = { (UINT64_C(1) << 16) - 1, SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL },
        [7] = { (UINT64_C(1) << 16) - 1, SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL },
};

struct ruleset_attr {
        uint64_t handled_access_fs, handled_access_net, scoped;
};

struct path_beneath_attr {
        uint64_t allowed_access;
        int32_t parent_fd;
} __attribute__((packed));

#define CREATE_RULESET_VERSION 1U
#define RULE_PATH_BENEATH 1
#define RESTRICT_LOG_NEW_EXEC_ON 2U /* ABI 7: without it nothing that the command does is ever logged */

uint32_t landlock_abi(void) {
        long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
        if (abi <= 0)
                return 0;
        return abi < (long)ELEMENTSOF(abi_table) ? (uint32_t)abi : (uint32_t)ELEMENTSOF(abi_table) - 1;
}

static int add_rule(int ruleset, uint64_t handled, int fd, uint64_t access) {
        struct stat st;
        if (fstat(fd, &st) < 0)
                return -errno;
        struct path_beneath_attr rule = {
                .allowed_access = access & handled & (S_ISDIR(st.st_mode) ? UINT64_MAX : FS_OF_A_FILE),
                .parent_fd = fd,
        };
        if (rule.allowed_access == 0)
                return 0;
        return syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0) < 0 ? -errno : 0;
}

static uint64_t rights(const PlanMount *m) {
        uint64_t access = m->access == PLAN_READWRITE ? UINT64_MAX & ~(FS_EXECUTE | FS_IOCTL_DEV)
                                                      : FS_READ_FILE | FS_READ_DIR;
        return m->exec ? access | FS_EXECUTE : access;
}

static int add_mount_rules(Cage *c, uint64_t handled, const Opened *opened, size_t n) {
        for (size_t i = 0; i < n; i++) {
                if (opened[i].tree < 0) /* left out, or denied: no rule grants anything */
                        continue;
                c->detail = opened[i].mount->path;
                int r = add_rule(c->ruleset, handled, opened[i].tree,
                                rights(opened[i].mount)); /* the object, not its path */
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_path_rule(Cage *c, uint64_t handled, const char *path, uint64_t access) {
        _cleanup_close_ int fd = open_path(AT_FDCWD, path, NULL, 0);
        if (fd == -ENOENT)
                return 0; /* it went away while the template was made, which is then not current */
        return fd < 0 ? fd : add_rule(c->ruleset, handled, fd, access);
}

/* A directory with copies in it is the cage's own: whatever else it has is granted for reading at least, or closed by its mode. */
static int add_copies_rule(Cage *c, uint64_t handled, const char *path, char **previous) {
        char *parent = strndup(path, (size_t)(strrchr(path, '/') - path));
        if (!parent)
                return -ENOMEM;
        if (*previous && streq(*previous, parent)) { /* they are sorted: most follow each other */
                free(parent);
                return 0;
        }
        free(*previous);
        *previous = parent;
        return add_path_rule(c, handled, parent, FS_READ_FILE | FS_READ_DIR);
}

/* The template's mounts, by the paths that they have in the cage: no agent can change what these lead to. */
static int add_template_rules(Cage *c, uint64_t handled) {
        const PlanTemplate *t = &c->plan->template;
        if (!c->from_template)
                return add_mount_rules(c, handled, c->base, t->n_mounts);
        char *previous = NULL;
        for (size_t i = 0; i < t->n_mounts; i++) {
                const FileIdentity *id = &c->template->identities[i];
                if (t->mounts[i].access == PLAN_DENIED || id->ino == 0)
                        continue; /* or was absent on the host */
                c->detail = t->mounts[i].path;
                int r = id->copied ? add_copies_rule(c, handled, t->mounts[i].path, &previous)
                                   : add_path_rule(c, handled, t->mounts[i].path, rights(&t->mounts[i]));
                if (r < 0)
                        return r;
        }
        free(previous);
        return 0;
}

/* What the cage has of its own. "/" may be listed: whatever is not granted has no entry there, or one that its mode closes. */
static int add_own_rules(Cage *c, uint64_t handled) {
        static const struct {
                const char *path;
                uint64_t access;
        } own[] = {
                { "/", FS_READ_DIR },
                { "/dev", FS_READ_FILE | FS_WRITE_FILE | FS_READ_DIR | FS_TRUNCATE | FS_IOCTL_DEV },
                { "/dev/shm", UINT64_MAX & ~(FS_EXECUTE | FS_IOCTL_DEV) },
                { "/proc", FS_READ_FILE | FS_READ_DIR },
                { "/run", FS_READ_DIR },
                { "/tmp", UINT64_MAX & ~FS_IOCTL_DEV },
                { "/var/tmp", UINT64_MAX & ~FS_IOCTL_DEV },
        };
        for (size_t i = 0; i < ELEMENTSOF(own); i++) {
                c->detail = own[i].path;
                _cleanup_close_ int fd = open_path(AT_FDCWD, own[i].path, NULL, 0);
                if (fd == -ENOENT)
                        continue; /* /var/tmp, where a granted /var has none */
                int r = fd < 0 ? fd : add_rule(c->ruleset, handled, fd, own[i].access);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* What nobody but Landlock keeps from whoever has its descriptor: it is in no tree that a rule grants, and open to everybody. */
static int make_outside(Cage *c) {
        _cleanup_close_ int context = fsopen("tmpfs", FSOPEN_CLOEXEC);
        if (context < 0 || fsconfig(context, FSCONFIG_SET_STRING, "mode", "0755", 0) < 0 ||
                        fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return -errno;
        c->outside = fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
        return c->outside < 0 ? -errno : 0;
}

/* While we are still root: a rule needs its path to be found, not to be permitted. */
int wall_landlock_rules(Cage *c) {
        uint32_t abi = landlock_abi();
        if (abi < c->plan->template.landlock_abi) {
                c->detail = "this kernel has a lower Landlock ABI than the plan counts on";
                return -EOPNOTSUPP;
        }
        if (abi == 0)
                return 0; /* the plan counts on none, and mxcd said so to whoever asked */
        uint64_t handled = abi_table[abi].fs;
        struct ruleset_attr attr = { .handled_access_fs = handled, .scoped = abi_table[abi].scopes };
        /* an old kernel refuses a structure longer than its own unless the rest is zero, which it is then */
        c->ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
        if (c->ruleset < 0)
                return -errno;
        int r = c->prove ? make_outside(c) : 0;
        if (r == 0)
                r = add_own_rules(c, handled);
        if (r == 0)
                r = add_template_rules(c, handled);
        return r < 0 ? r : add_mount_rules(c, handled, c->opened, c->plan->n_mounts);
}

int wall_landlock(Cage *c) {
        if (c->ruleset < 0)
                return 0;
        uint32_t flags = landlock_abi() >= 7 ? RESTRICT_LOG_NEW_EXEC_ON : 0;
        if (syscall(SYS_landlock_restrict_self, c->ruleset, flags) < 0)
                return -errno;
        (void)close(TAKE_FD(c->ruleset)); /* the domain lives on without it */
        return 0;
}
