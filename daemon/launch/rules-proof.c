/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "rules-proof.h"

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

_Static_assert(ELEMENTSOF(acts) < 255, "a number fits into an exit status");

int rules_proof_attempt(int dir) {
        for (size_t i = 0; i < ELEMENTSOF(acts); i++)
                if (acts[i].act(dir) != (acts[i].refused ? -EACCES : 0))
                        return (int)i + 1;
        return 0;
}

const char *rules_proof_name(int number) {
        return number > 0 && number <= (int)ELEMENTSOF(acts) ? acts[number - 1].name : "something else";
}

int rules_proof_rules(int dir, int *ret_denied, GuardRule ret[RULES_PROOF_RULES]) {
        int denied = openat(dir, "denied", O_PATH | O_CLOEXEC);
        if (denied < 0)
                return -errno;
        const GuardRule rules[RULES_PROOF_RULES] = {
                { GUARD_RULE_ROOT, dir, NULL },
                { GUARD_RULE_DENY, denied, NULL },
                { GUARD_RULE_DENY, dir, "denied" },
                { GUARD_RULE_DENY, dir, "absent" },
                { GUARD_RULE_DENY, dir, "named" },
                { GUARD_RULE_PROTECT, dir, "protected" },
                { GUARD_RULE_PROTECT, dir, "way/hooks" },
        };
        memcpy(ret, rules, sizeof(rules));
        *ret_denied = denied;
        return 0;
}

int rules_proof_make(int *ret_dir) {
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
        *ret_dir = TAKE_FD(dir);
        return 0;
}
