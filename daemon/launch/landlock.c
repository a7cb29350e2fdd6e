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

/* A ruleset that is being filled. */
typedef struct Rules {
        int fd; /* not owned */
        uint64_t handled;
        const char **detail; /* of a failure */
} Rules;

static uint64_t handled_access(void) {
        return abi_table[landlock_abi()].fs;
}

static int new_ruleset(int *ret) {
        const struct ruleset_attr attr = { .handled_access_fs = handled_access(),
                .scoped = abi_table[landlock_abi()].scopes };
        /* an old kernel refuses a structure longer than its own unless the rest is zero, which it is then */
        *ret = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
        return *ret < 0 ? -errno : 0;
}

static int add_rule(const Rules *u, int fd, uint64_t access) {
        struct stat st;
        if (fstat(fd, &st) < 0)
                return -errno;
        struct path_beneath_attr rule = {
                .allowed_access = access & u->handled & (S_ISDIR(st.st_mode) ? UINT64_MAX : FS_OF_A_FILE),
                .parent_fd = fd,
        };
        if (rule.allowed_access == 0)
                return 0;
        return syscall(SYS_landlock_add_rule, u->fd, RULE_PATH_BENEATH, &rule, 0) < 0 ? -errno : 0;
}

static uint64_t rights(const PlanMount *m) {
        uint64_t access = m->access == PLAN_READWRITE ? UINT64_MAX & ~(FS_EXECUTE | FS_IOCTL_DEV)
                                                      : FS_READ_FILE | FS_READ_DIR;
        return m->exec ? access | FS_EXECUTE : access;
}

static int add_mount_rules(const Rules *u, const Opened *opened, size_t n) {
        for (size_t i = 0; i < n; i++) {
                if (opened[i].tree < 0) /* left out, or denied: no rule grants anything */
                        continue;
                *u->detail = opened[i].mount->path;
                int r = add_rule(u, opened[i].tree, rights(opened[i].mount)); /* the object, not its path */
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_path_rule(const Rules *u, const char *path, uint64_t access) {
        _cleanup_close_ int fd = open_path(AT_FDCWD, path, NULL, 0);
        if (fd == -ENOENT)
                return 0; /* it went away while the template was made, which is then not current */
        return fd < 0 ? fd : add_rule(u, fd, access);
}

/* A directory with copies in it is the cage's own: whatever else it has is granted for reading at least, or closed by its mode. */
static int add_copies_rule(const Rules *u, const char *path, char **previous) {
        char *parent = strndup(path, (size_t)(strrchr(path, '/') - path));
        if (!parent)
                return -ENOMEM;
        if (*previous && streq(*previous, parent)) { /* they are sorted: most follow each other */
                free(parent);
                return 0;
        }
        free(*previous);
        *previous = parent;
        return add_path_rule(u, parent, FS_READ_FILE | FS_READ_DIR);
}

/* The template's mounts, by the paths that they have in the cage: no agent can change what these lead to. */
static int add_template_rules(const Rules *u, const Template *t) {
        const PlanTemplate *plan = &t->model->template;
        _cleanup_free_ char *previous = NULL;
        for (size_t i = 0; i < plan->n_mounts; i++) {
                const FileIdentity *id = &t->identities[i];
                if (plan->mounts[i].access == PLAN_DENIED || id->ino == 0)
                        continue; /* or was absent on the host */
                *u->detail = plan->mounts[i].path;
                int r = id->copied ? add_copies_rule(u, plan->mounts[i].path, &previous)
                                   : add_path_rule(u, plan->mounts[i].path, rights(&plan->mounts[i]));
                if (r < 0)
                        return r;
        }
        return 0;
}

/* What the cage has of its own, of which only /proc is never there ahead. "/" may be listed: whatever is not granted has no entry
 * there, or one that its mode closes. */
static int add_own_rules(const Rules *u) {
        static const struct {
                const char *path;
                uint64_t access;
        } own[] = {
                { "/", FS_READ_DIR },
                { "/dev", FS_READ_FILE | FS_WRITE_FILE | FS_READ_DIR | FS_TRUNCATE | FS_IOCTL_DEV },
                { "/dev/shm", UINT64_MAX & ~(FS_EXECUTE | FS_IOCTL_DEV) }, { "/run", FS_READ_DIR },
                { "/tmp", UINT64_MAX & ~FS_IOCTL_DEV },
                { "/var/tmp", UINT64_MAX & ~FS_IOCTL_DEV }, /* absent where a granted /var has none */
        };
        for (size_t i = 0; i < ELEMENTSOF(own); i++) {
                *u->detail = own[i].path;
                int r = add_path_rule(u, own[i].path, own[i].access);
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

int landlock_rules_ahead(const Template *t, int *ret_ruleset, const char **ret_detail) {
        _cleanup_close_ int ruleset = -EBADF;
        int r = landlock_abi() > 0 ? new_ruleset(&ruleset) : 0;
        if (r < 0 || ruleset < 0)
                return r;
        const Rules u = { ruleset, handled_access(), ret_detail };
        r = add_own_rules(&u);
        if (r == 0)
                r = add_template_rules(&u, t);
        if (r == 0)
                *ret_ruleset = TAKE_FD(ruleset);
        return r;
}

/* While we are still root: a rule needs its path to be found, not to be permitted. */
int wall_landlock_rules(Cage *c) {
        uint32_t abi = landlock_abi();
        if (abi < c->plan->template.landlock_abi) {
                c->detail = "this kernel has a lower Landlock ABI than the plan counts on";
                return -EOPNOTSUPP;
        }
        if (abi == 0)
                return 0;                   /* the plan counts on none, and mxcd said so to whoever asked */
        const bool ahead = c->ruleset >= 0; /* of the root that was entered */
        int r = ahead ? 0 : new_ruleset(&c->ruleset);
        if (r < 0)
                return r;
        const Rules u = { c->ruleset, handled_access(), &c->detail };
        if (c->prove)
                r = make_outside(c);
        if (r == 0 && !ahead)
                r = add_own_rules(&u);
        if (r == 0 && !ahead)
                r = c->from_template ? add_template_rules(&u, c->template)
                                     : add_mount_rules(&u, c->base, c->plan->template.n_mounts);
        if (r == 0)
                r = add_path_rule(&u, "/proc", FS_READ_FILE | FS_READ_DIR);
        return r < 0 ? r : add_mount_rules(&u, c->opened, c->plan->n_mounts);
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
