/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls that change what is there without opening it for writing: modes, owners, times, sizes, extended attributes. By path or by
 * descriptor, one that is open for reading has the cover's mount and could change nothing by itself. */

#include <fcntl.h>
#include <linux/limits.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <utime.h>

#include "cleanup.h"
#include "mediate-internal.h"

/* What is to be done to the object once it is open (O_PATH) on the writable side. */
typedef struct Change {
        int (*apply)(int object, const struct Change *change);
        mode_t mode;
        uid_t uid;
        gid_t gid;
        struct timespec times[2];
        bool now;
        off_t size;
        int flags;
        const char *name;
        const void *value;
        size_t value_size;
} Change;

static int result_of(long r) {
        return r < 0 ? -errno : 0;
}

/* ---- to which object ---- */

/* A directory on the way to a rule may be changed; what is not a directory there leads elsewhere (a .git that says gitdir:). */
static uint32_t refused_for(mode_t mode) {
        return S_ISDIR(mode) ? WRITING : REPLACING;
}

static int change_object(const Call *c, int object, const Identity *id, const Change *change) {
        _cleanup_close_ int writable = -EBADF;
        Spot s;
        int r = spot_find(c->m, object, id, &s);
        if (r < 0 || !s.tree)
                return r < 0 ? r : CALL_CONTINUE;
        r = spot_open(c->m, &s, object, refused_for(s.id.mode), O_PATH, &writable);
        return r < 0 ? r : change->apply(writable, change);
}

static int change_path(const Call *c, int dirfd, uint64_t path, int flags, const Change *change) {
        _cleanup_(path_argument_clear) PathArgument p = PATH_ARGUMENT_NONE;
        _cleanup_(found_clear) Found f = FOUND_NONE;
        int r = call_take_path(c, dirfd, path, flags & AT_EMPTY_PATH, &p);
        if (r == 0)
                r = find_object(c, &p, !(flags & AT_SYMLINK_NOFOLLOW), &f);
        if (r < 0)
                return r;
        return f.object < 0 ? -ENOENT : change_object(c, f.object, &f.id, change);
}

static int change_descriptor(const Call *c, int fd, const Change *change) {
        _cleanup_close_ int object = fd < 0 ? -EBADF : call_open(c, fd);
        Identity id;
        int r = object < 0 ? object : call_check(c);
        if (r == 0)
                r = identity_of(object, "", &id);
        return r < 0 ? r : change_object(c, object, &id, change);
}

/* ---- modes and owners ---- */

static int apply_mode(int object, const Change *change) {
        return result_of(chmod(fd_path(object).text, change->mode));
}

static int apply_owner(int object, const Change *change) {
        return result_of(fchownat(object, "", change->uid, change->gid, AT_EMPTY_PATH));
}

static Change to_mode(uint64_t mode) {
        return (Change){ .apply = apply_mode, .mode = (mode_t)mode & 07777 };
}

static Change to_owner(uint64_t uid, uint64_t gid) {
        return (Change){ .apply = apply_owner, .uid = (uid_t)uid, .gid = (gid_t)gid };
}

static int handle_fchmod(const Call *c) {
        const Change change = to_mode(c->args[1]);
        return change_descriptor(c, call_int(c, 0), &change);
}

static int handle_fchmodat(const Call *c) {
        const Change change = to_mode(c->args[2]);
        return change_path(c, call_int(c, 0), c->args[1], 0, &change);
}

static int handle_fchown(const Call *c) {
        const Change change = to_owner(c->args[1], c->args[2]);
        return change_descriptor(c, call_int(c, 0), &change);
}

static int handle_fchownat(const Call *c) {
        const Change change = to_owner(c->args[2], c->args[3]);
        return change_path(c, call_int(c, 0), c->args[1], call_int(c, 4), &change);
}

/* ---- times ---- */

static int apply_times(int object, const Change *change) {
        return result_of(utimensat(object, "", change->now ? NULL : change->times, AT_EMPTY_PATH));
}

/* Two of them in one of the kernel's structures, from the agent's memory; a null pointer means now. */
static int take_times(const Call *c, uint64_t from, void *to, size_t size, Change *ret) {
        *ret = (Change){ .apply = apply_times, .now = from == 0 };
        return from == 0 ? 0 : call_read(c, from, to, size);
}

static int take_microseconds(const Call *c, uint64_t from, Change *ret) {
        struct timeval times[2] = { 0 };
        int r = take_times(c, from, times, sizeof(times), ret);
        for (size_t i = 0; r == 0 && i < 2; i++) {
                if (times[i].tv_usec < 0 || times[i].tv_usec >= 1000000)
                        return -EINVAL;
                ret->times[i] = (struct timespec){ times[i].tv_sec, times[i].tv_usec * 1000 };
        }
        return r;
}

static int handle_utimensat(const Call *c) {
        struct timespec times[2] = { 0 };
        Change change;
        int r = take_times(c, c->args[2], times, sizeof(times), &change);
        memcpy(change.times, times, sizeof(times));
        if (r < 0)
                return r;
        if (c->args[1] == 0) /* futimens(3) */
                return change_descriptor(c, call_int(c, 0), &change);
        return change_path(c, call_int(c, 0), c->args[1], call_int(c, 3), &change);
}

/* ---- size ---- */

static int apply_size(int object, const Change *change) {
        _cleanup_close_ int fd = open(fd_path(object).text, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        return fd < 0 ? -errno : result_of(ftruncate(fd, change->size));
}

static int handle_truncate(const Call *c) {
        const Change change = { .apply = apply_size, .size = (off_t)c->args[1] };
        return change_path(c, AT_FDCWD, c->args[0], 0, &change);
}

/* ---- extended attributes ---- */

typedef struct Attribute {
        char name[XATTR_NAME_MAX + 1];
        char value[XATTR_SIZE_MAX];
} Attribute;

static int apply_attribute(int object, const Change *change) {
        return result_of(setxattr(fd_path(object).text, change->name, change->value, change->value_size,
                        change->flags));
}

static int apply_removal(int object, const Change *change) {
        return result_of(removexattr(fd_path(object).text, change->name));
}

static int take_attribute_name(const Call *c, uint64_t from, char name[XATTR_NAME_MAX + 1]) {
        int r = call_read_text(c, from, name, XATTR_NAME_MAX + 1);
        return r == -ENAMETOOLONG || (r == 0 && !name[0]) ? -ERANGE : r;
}

static int take_attribute(const Call *c, Attribute *to, Change *ret) {
        size_t size = c->args[3];
        int r = take_attribute_name(c, c->args[1], to->name);
        if (r < 0)
                return r;
        if (size > sizeof(to->value))
                return -E2BIG;
        *ret = (Change){
                .apply = apply_attribute,
                .name = to->name,
                .value = to->value,
                .value_size = size,
                .flags = call_int(c, 4),
        };
        return size == 0 ? 0 : call_read(c, c->args[2], to->value, size);
}

static int set_attribute(const Call *c, bool by_path, int flags) {
        _cleanup_free_ Attribute *a = malloc(sizeof(Attribute));
        Change change;
        int r = a ? take_attribute(c, a, &change) : -ENOMEM;
        if (r < 0)
                return r;
        return by_path ? change_path(c, AT_FDCWD, c->args[0], flags, &change)
                       : change_descriptor(c, call_int(c, 0), &change);
}

static int remove_attribute(const Call *c, bool by_path, int flags) {
        char name[XATTR_NAME_MAX + 1];
        const Change change = { .apply = apply_removal, .name = name };
        int r = take_attribute_name(c, c->args[1], name);
        if (r < 0)
                return r;
        return by_path ? change_path(c, AT_FDCWD, c->args[0], flags, &change)
                       : change_descriptor(c, call_int(c, 0), &change);
}

static int handle_setxattr(const Call *c) {
        return set_attribute(c, true, 0);
}
static int handle_lsetxattr(const Call *c) {
        return set_attribute(c, true, AT_SYMLINK_NOFOLLOW);
}
static int handle_fsetxattr(const Call *c) {
        return set_attribute(c, false, 0);
}
static int handle_removexattr(const Call *c) {
        return remove_attribute(c, true, 0);
}
static int handle_lremovexattr(const Call *c) {
        return remove_attribute(c, true, AT_SYMLINK_NOFOLLOW);
}
static int handle_fremovexattr(const Call *c) {
        return remove_attribute(c, false, 0);
}

/* ---- */

#ifdef SYS_chmod /* architectures that came later have none of these */
static int handle_chmod(const Call *c) {
        const Change change = to_mode(c->args[1]);
        return change_path(c, AT_FDCWD, c->args[0], 0, &change);
}
static int handle_chown(const Call *c) {
        const Change change = to_owner(c->args[1], c->args[2]);
        return change_path(c, AT_FDCWD, c->args[0], 0, &change);
}
static int handle_lchown(const Call *c) {
        const Change change = to_owner(c->args[1], c->args[2]);
        return change_path(c, AT_FDCWD, c->args[0], AT_SYMLINK_NOFOLLOW, &change);
}
static int handle_utimes(const Call *c) {
        Change change;
        int r = take_microseconds(c, c->args[1], &change);
        return r < 0 ? r : change_path(c, AT_FDCWD, c->args[0], 0, &change);
}
static int handle_futimesat(const Call *c) {
        Change change;
        int r = take_microseconds(c, c->args[2], &change);
        if (r < 0)
                return r;
        return c->args[1] == 0 ? change_descriptor(c, call_int(c, 0), &change)
                               : change_path(c, call_int(c, 0), c->args[1], 0, &change);
}
static int handle_utime(const Call *c) {
        struct utimbuf times = { 0 };
        Change change;
        int r = take_times(c, c->args[1], &times, sizeof(times), &change);
        change.times[0].tv_sec = times.actime;
        change.times[1].tv_sec = times.modtime;
        return r < 0 ? r : change_path(c, AT_FDCWD, c->args[0], 0, &change);
}
#endif

CallHandler handler_of_attributes(int number) {
        switch (number) {
        case SYS_fchmod:
                return handle_fchmod;
        case SYS_fchmodat:
                return handle_fchmodat;
        case SYS_fchown:
                return handle_fchown;
        case SYS_fchownat:
                return handle_fchownat;
        case SYS_utimensat:
                return handle_utimensat;
        case SYS_truncate:
                return handle_truncate;
        case SYS_setxattr:
                return handle_setxattr;
        case SYS_lsetxattr:
                return handle_lsetxattr;
        case SYS_fsetxattr:
                return handle_fsetxattr;
        case SYS_removexattr:
                return handle_removexattr;
        case SYS_lremovexattr:
                return handle_lremovexattr;
        case SYS_fremovexattr:
                return handle_fremovexattr;
#ifdef SYS_chmod
        case SYS_chmod:
                return handle_chmod;
        case SYS_chown:
                return handle_chown;
        case SYS_lchown:
                return handle_lchown;
        case SYS_utimes:
                return handle_utimes;
        case SYS_futimesat:
                return handle_futimesat;
        case SYS_utime:
                return handle_utime;
#endif
        default:
                return NULL;
        }
}
