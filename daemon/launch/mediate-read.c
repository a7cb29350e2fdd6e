/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls that only look. Without denied names one of them alone is brought here: access() for writing, which a cover would
 * answer with no. With some, all that look by path are; none of these is carried on with but execve(), see mediate.h. */

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "cleanup.h"
#include "mediate-internal.h"

/* What is looked at: an object, and where it is. */
typedef struct Sight {
        Found found;
        Spot spot;
} Sight;

static void sight_clear(Sight *s) {
        found_clear(&s->found);
}

#define SIGHT_NONE ((Sight){ .found = FOUND_NONE })

/* 0, or why it may not be looked at. */
static int look(const Call *c, int dirfd, uint64_t path, int flags, Sight *ret) {
        _cleanup_(path_argument_clear) PathArgument p = PATH_ARGUMENT_NONE;
        uint32_t rules;
        int r = call_take_path(c, dirfd, path, flags & AT_EMPTY_PATH, &p);
        if (r == 0)
                r = find_object(c, &p, !(flags & AT_SYMLINK_NOFOLLOW), &ret->found);
        if (r < 0)
                return r;
        if (ret->found.object < 0)
                return absence_judge(c->m, ret->found.dir, &ret->found.id, ret->found.name);
        r = spot_find(c->m, ret->found.object, &ret->found.id, &ret->spot);
        if (r < 0 || !c->m->reads)
                return r;
        r = spot_judge(c->m, &ret->spot, &rules);
        return r < 0 ? r : rules & READING ? -EACCES : 0;
}

static int result_of(long r) {
        return r < 0 ? -errno : (int)r;
}

/* ---- access ---- */

static int may_access(const Call *c, int dirfd, uint64_t path, int mode, int flags) {
        _cleanup_(sight_clear) Sight s = SIGHT_NONE;
        _cleanup_close_ int writable = -EBADF;
        int r = look(c, dirfd, path, flags, &s);
        if (r < 0 || (!s.spot.tree && !c->m->reads))
                return r < 0 ? r : CALL_CONTINUE;
        int object = s.found.object;
        if (s.spot.tree && mode & W_OK) {
                r = spot_open(c->m, &s.spot, object, S_ISDIR(s.spot.id.mode) ? WRITING : REPLACING, O_PATH,
                                &writable);
                if (r < 0)
                        return r;
                object = writable;
        }
        /* uids are all the same: real or effective makes no difference */
        return result_of(syscall(SYS_faccessat2, object, "", mode, AT_EMPTY_PATH));
}

static int handle_faccessat(const Call *c) {
        return may_access(c, call_int(c, 0), c->args[1], call_int(c, 2), 0);
}
static int handle_faccessat2(const Call *c) {
        return may_access(c, call_int(c, 0), c->args[1], call_int(c, 2), call_int(c, 3));
}

/* ---- stat ---- */

static int tell_stat(const Call *c, int dirfd, uint64_t path, uint64_t to, int flags) {
        _cleanup_(sight_clear) Sight s = SIGHT_NONE;
        struct stat st; /* is the kernel's own, on all architectures with 64 bits */
        int r = look(c, dirfd, path, flags, &s);
        if (r == 0)
                r = result_of(syscall(SYS_newfstatat, s.found.object, "", &st, AT_EMPTY_PATH));
        return r < 0 ? r : call_write(c, to, &st, sizeof(st));
}

static int handle_newfstatat(const Call *c) {
        return tell_stat(c, call_int(c, 0), c->args[1], c->args[2], call_int(c, 3));
}

static int handle_statx(const Call *c) {
        _cleanup_(sight_clear) Sight s = SIGHT_NONE;
        struct statx st;
        int flags = call_int(c, 2);
        int r = look(c, call_int(c, 0), c->args[1], flags, &s);
        if (r == 0)
                r = result_of(syscall(SYS_statx, s.found.object, "", flags | AT_EMPTY_PATH,
                                (unsigned)c->args[3], &st));
        return r < 0 ? r : call_write(c, c->args[4], &st, sizeof(st));
}

/* ---- readlink ---- */

static int tell_link(const Call *c, int dirfd, uint64_t path, uint64_t to, int size) {
        _cleanup_(sight_clear) Sight s = SIGHT_NONE;
        char text[PATH_MAX];
        if (size <= 0)
                return -EINVAL;
        int r = look(c, dirfd, path, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, &s);
        if (r < 0)
                return r;
        ssize_t n = s.found.own[0] ? snprintf(text, sizeof(text), "%s", s.found.own)
                                   : readlinkat(s.found.object, "", text, sizeof(text));
        if (n < 0)
                return errno == ENOENT ? -EINVAL : -errno; /* an empty path to what is no link */
        n = n < size ? n : size;
        r = call_write(c, to, text, (size_t)n);
        return r < 0 ? r : (int)n;
}

static int handle_readlinkat(const Call *c) {
        return tell_link(c, call_int(c, 0), c->args[1], c->args[2], call_int(c, 3));
}

/* ---- extended attributes ---- */

static int tell_attribute(const Call *c, uint64_t to, size_t size, ssize_t n, const char *value) {
        if (n < 0 || size == 0)
                return result_of(n);
        int r = call_write(c, to, value, (size_t)n);
        return r < 0 ? r : (int)n;
}

/* Named, or the list of names; those of symlinks by their own descriptor, which is not followed further. */
static int tell_attributes(const Call *c, bool list, int flags) {
        _cleanup_(sight_clear) Sight s = SIGHT_NONE;
        char name[XATTR_NAME_MAX + 1] = "";
        uint64_t to = c->args[list ? 1 : 2];
        size_t size = c->args[list ? 2 : 3];
        size = size > XATTR_SIZE_MAX ? XATTR_SIZE_MAX : size;
        _cleanup_free_ char *value = malloc(size + 1);
        int r = value ? 0 : -ENOMEM;
        if (r == 0 && !list)
                r = call_read_text(c, c->args[1], name, sizeof(name));
        if (r < 0)
                return r == -ENAMETOOLONG ? -ERANGE : r;
        r = look(c, AT_FDCWD, c->args[0], flags, &s);
        if (r < 0)
                return r;
        const FdPath at = fd_path(s.found.object);
        return tell_attribute(c, to, size,
                        list ? listxattr(at.text, value, size) : getxattr(at.text, name, value, size),
                        value);
}

static int handle_getxattr(const Call *c) {
        return tell_attributes(c, false, 0);
}
static int handle_lgetxattr(const Call *c) {
        return tell_attributes(c, false, AT_SYMLINK_NOFOLLOW);
}
static int handle_listxattr(const Call *c) {
        return tell_attributes(c, true, 0);
}
static int handle_llistxattr(const Call *c) {
        return tell_attributes(c, true, AT_SYMLINK_NOFOLLOW);
}

/* ---- watching, executing ---- */

static int handle_inotify_add_watch(const Call *c) {
        _cleanup_(sight_clear) Sight s = SIGHT_NONE;
        uint32_t mask = (uint32_t)c->args[2];
        pid_t process;
        mode_t unused;
        int r = look(c, AT_FDCWD, c->args[1], mask & IN_DONT_FOLLOW ? AT_SYMLINK_NOFOLLOW : 0, &s);
        if (r == 0)
                r = call_identify(c, &process, &unused);
        if (r < 0)
                return r;
        if (mask & IN_ONLYDIR && !S_ISDIR(s.spot.id.mode))
                return -ENOTDIR;
        _cleanup_close_ int copy = call_copy(c, call_int(c, 0), process);
        if (copy < 0)
                return copy;
        return result_of(inotify_add_watch(
                        copy, fd_path(s.found.object).text, mask & ~(uint32_t)IN_DONT_FOLLOW));
}

static int may_execute(const Call *c, int dirfd, uint64_t path, int flags) {
        _cleanup_(sight_clear) Sight s = SIGHT_NONE;
        return look(c, dirfd, path, flags, &s) == -EACCES ? -EACCES : CALL_CONTINUE;
}

static int handle_execve(const Call *c) {
        return may_execute(c, AT_FDCWD, c->args[0], 0);
}
static int handle_execveat(const Call *c) {
        return may_execute(c, call_int(c, 0), c->args[1], call_int(c, 4));
}

/* ---- */

#ifdef SYS_access /* architectures that came later have none of these */
static int handle_access(const Call *c) {
        return may_access(c, AT_FDCWD, c->args[0], call_int(c, 1), 0);
}
static int handle_stat(const Call *c) {
        return tell_stat(c, AT_FDCWD, c->args[0], c->args[1], 0);
}
static int handle_lstat(const Call *c) {
        return tell_stat(c, AT_FDCWD, c->args[0], c->args[1], AT_SYMLINK_NOFOLLOW);
}
static int handle_readlink(const Call *c) {
        return tell_link(c, AT_FDCWD, c->args[0], c->args[1], call_int(c, 2));
}
#endif

CallHandler handler_of_reading(int number) {
        switch (number) {
        case SYS_faccessat:
                return handle_faccessat;
        case SYS_faccessat2:
                return handle_faccessat2;
        case SYS_newfstatat:
                return handle_newfstatat;
        case SYS_statx:
                return handle_statx;
        case SYS_readlinkat:
                return handle_readlinkat;
        case SYS_getxattr:
                return handle_getxattr;
        case SYS_lgetxattr:
                return handle_lgetxattr;
        case SYS_listxattr:
                return handle_listxattr;
        case SYS_llistxattr:
                return handle_llistxattr;
        case SYS_inotify_add_watch:
                return handle_inotify_add_watch;
        case SYS_execve:
                return handle_execve;
        case SYS_execveat:
                return handle_execveat;
#ifdef SYS_access
        case SYS_access:
                return handle_access;
        case SYS_stat:
                return handle_stat;
        case SYS_lstat:
                return handle_lstat;
        case SYS_readlink:
                return handle_readlink;
#endif
        default:
                return NULL;
        }
}
