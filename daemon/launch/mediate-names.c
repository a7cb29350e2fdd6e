/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls that make, move and remove names. */

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "cleanup.h"
#include "mediate-internal.h"

/* A name that a call is about, and the directory that has it. */
typedef struct Entry {
        Found found;
        Spot spot;               /* of the directory */
        Way way;                 /* to it, on the writable side */
        char name[NAME_MAX + 2]; /* with its slash, which means something to the kernel */
} Entry;

static void entry_clear(Entry *e) {
        found_clear(&e->found);
        way_clear(&e->way);
}

#define ENTRY_NONE ((Entry){ .found = FOUND_NONE, .way = WAY_NONE })

/* 0 also where no rule is about it: then spot.tree is NULL. */
static int entry_find(const Call *c, int dirfd, uint64_t path, Entry *ret) {
        _cleanup_(path_argument_clear) PathArgument p = PATH_ARGUMENT_NONE;
        int r = call_take_path(c, dirfd, path, false, &p);
        if (r == 0)
                r = find_name(c, &p, &ret->found);
        if (r < 0)
                return r;
        (void)snprintf(ret->name, sizeof(ret->name), "%s%s", ret->found.name, ret->found.slash ? "/" : "");
        ret->spot.tree = NULL;
        return ret->found.dir < 0 ? 0 : spot_find(c->m, ret->found.dir, &ret->found.id, &ret->spot);
}

/* The kernel takes neither for a name to be made or removed, but answers each call in its own words. */
static bool is_dots(const Entry *e) {
        return streq(e->found.name, ".") || streq(e->found.name, "..");
}

typedef enum Act { MAKES, REMOVES, REPLACES } Act;

/* The kernel says what is there, or is not, before it asks anybody; programs count on it (mkdir -p). Of what is denied it is not
 * said. */
static int refuse(const Entry *e, Act act, uint32_t flags) {
        Identity id;
        if (flags & GUARD_DENIED || act == REPLACES)
                return -EACCES;
        bool is_there = identity_of(e->way.dir, e->found.name, &id) == 0;
        return act == MAKES && is_there ? -EEXIST : act == REMOVES && !is_there ? -ENOENT : -EACCES;
}

static int entry_judge(const Call *c, Entry *e, Act act, uint32_t refused) {
        uint32_t flags;
        int r = way_go(c->m, e->spot.tree, e->spot.below, strlen(e->spot.below), &e->way);
        if (r == 0)
                r = way_judge(c->m, &e->way, e->found.name, &flags);
        return r < 0 ? r : flags & refused ? refuse(e, act, flags) : 0;
}

/* 0 when it is ours to do; or what the handler returns. */
static int entry_prepare(const Call *c, int dirfd, uint64_t path, Act act, uint32_t refused, Entry *ret) {
        int r = entry_find(c, dirfd, path, ret);
        if (r < 0)
                return r;
        return !ret->spot.tree || is_dots(ret) ? CALL_CONTINUE : entry_judge(c, ret, act, refused);
}

static int result_of(long r) {
        return r < 0 ? -errno : 0;
}

/* ---- one name ---- */

static int make_directory(const Call *c, int dirfd, uint64_t path, mode_t mode) {
        _cleanup_(entry_clear) Entry e = ENTRY_NONE;
        pid_t process;
        mode_t mask;
        int r = entry_prepare(c, dirfd, path, MAKES, WRITING, &e);
        if (r == 0)
                r = call_identify(c, &process, &mask);
        if (r != 0)
                return r;
        mode_t ours = umask(mask);
        r = result_of(mkdirat(e.way.dir, e.name, mode));
        (void)umask(ours);
        return r;
}

static int make_node(const Call *c, int dirfd, uint64_t path, mode_t mode, unsigned device) {
        _cleanup_(entry_clear) Entry e = ENTRY_NONE;
        pid_t process;
        mode_t mask;
        int r = entry_prepare(c, dirfd, path, MAKES, REPLACING, &e);
        if (r == 0)
                r = call_identify(c, &process, &mask);
        if (r != 0)
                return r;
        mode_t ours = umask(mask);
        r = result_of(syscall(SYS_mknodat, e.way.dir, e.name, mode, device));
        (void)umask(ours);
        return r;
}

static int make_symlink(const Call *c, uint64_t target, int dirfd, uint64_t path) {
        char text[PATH_MAX];
        _cleanup_(entry_clear) Entry e = ENTRY_NONE;
        int r = call_read_text(c, target, text, sizeof(text));
        if (r == 0)
                r = entry_prepare(c, dirfd, path, MAKES, REPLACING, &e);
        return r != 0 ? r : result_of(symlinkat(text, e.way.dir, e.name));
}

static int remove_name(const Call *c, int dirfd, uint64_t path, int flags) {
        _cleanup_(entry_clear) Entry e = ENTRY_NONE;
        int r = entry_prepare(c, dirfd, path, REMOVES, REPLACING, &e);
        return r != 0 ? r : result_of(unlinkat(e.way.dir, e.name, flags));
}

/* ---- two names ---- */

static int move_name(const Call *c, int old_dirfd, uint64_t old_path, int new_dirfd, uint64_t new_path,
                unsigned flags) {
        _cleanup_(entry_clear) Entry old = ENTRY_NONE, new = ENTRY_NONE;
        int r = entry_find(c, old_dirfd, old_path, &old);
        if (r == 0)
                r = entry_find(c, new_dirfd, new_path, &new);
        if (r < 0)
                return r;
        if ((!old.spot.tree && !new.spot.tree) || is_dots(&old) || is_dots(&new))
                return CALL_CONTINUE;
        if (old.spot.tree)
                r = entry_judge(c, &old, REMOVES, REPLACING);
        if (r == 0 && new.spot.tree)
                r = entry_judge(c, &new, REPLACES, REPLACING);
        if (r < 0)
                return r;
        return old.spot.tree != new.spot.tree
                               ? -EXDEV
                               : result_of(renameat2(old.way.dir, old.name, new.way.dir, new.name, flags));
}

static int link_name(const Call *c, int old_dirfd, uint64_t old_path, int new_dirfd, uint64_t new_path,
                int flags) {
        _cleanup_(path_argument_clear) PathArgument p = PATH_ARGUMENT_NONE;
        _cleanup_(found_clear) Found old = FOUND_NONE;
        _cleanup_(entry_clear) Entry new = ENTRY_NONE;
        _cleanup_close_ int object = -EBADF;
        Spot spot;
        if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
                return -EINVAL;
        int r = call_take_path(c, old_dirfd, old_path, flags & AT_EMPTY_PATH, &p);
        if (r == 0)
                r = find_object(c, &p, flags & AT_SYMLINK_FOLLOW, &old);
        if (r == 0)
                r = old.object < 0 ? -ENOENT : spot_find(c->m, old.object, &old.id, &spot);
        if (r == 0)
                r = entry_find(c, new_dirfd, new_path, &new);
        if (r < 0)
                return r;
        if ((!spot.tree && !new.spot.tree) || is_dots(&new))
                return CALL_CONTINUE;
        if (spot.tree)
                r = spot_open(c->m, &spot, old.object, WRITING, O_PATH, &object);
        if (r == 0 && new.spot.tree)
                r = entry_judge(c, &new, MAKES, REPLACING);
        if (r < 0)
                return r;
        return spot.tree != new.spot.tree ? -EXDEV
                                          : result_of(linkat(AT_FDCWD, fd_path(object).text, new.way.dir,
                                                            new.name, AT_SYMLINK_FOLLOW));
}

/* ---- sockets ---- */

/* By a name alone, from its directory: a path is longer than an address may be. */
static int bind_here(int fd, int dir, const char *name) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        size_t n = strlen(name);
        if (n >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, name, n + 1);
        _cleanup_close_ int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (here < 0 || fchdir(dir) < 0)
                return -errno;
        int r = result_of(bind(fd, (const struct sockaddr *)&address, sizeof(address)));
        return fchdir(here) < 0 ? -errno : r;
}

static int bind_name(const Call *c, int fd, const struct sockaddr_un *address) {
        _cleanup_(path_argument_clear) PathArgument p = PATH_ARGUMENT_NONE;
        _cleanup_(entry_clear) Entry e = ENTRY_NONE;
        pid_t process;
        mode_t mask;
        memcpy(p.path, address->sun_path, strlen(address->sun_path) + 1);
        p.base = call_open(c, AT_FDCWD);
        int r = p.base < 0 ? p.base : call_identify(c, &process, &mask);
        if (r == 0)
                r = find_name(c, &p, &e.found);
        if (r < 0)
                return r;
        e.spot.tree = NULL;
        r = e.found.dir < 0 ? 0 : spot_find(c->m, e.found.dir, &e.found.id, &e.spot);
        if (r < 0 || !e.spot.tree || is_dots(&e) || e.found.slash)
                return r < 0 ? r : CALL_CONTINUE;
        r = entry_judge(c, &e, MAKES, REPLACING);
        _cleanup_close_ int copy = r < 0 ? r : call_copy(c, fd, process);
        if (copy < 0)
                return copy;
        mode_t ours = umask(mask);
        r = bind_here(copy, e.way.dir, e.found.name);
        (void)umask(ours);
        return r;
}

static int handle_bind(const Call *c) {
        union {
                struct sockaddr_un address;
                char bytes[sizeof(struct sockaddr_un) +
                                1]; /* the kernel, too, adds the NUL that may be missing */
        } u = { 0 };
        size_t size = (uint32_t)c->args[2];
        if (size <= offsetof(struct sockaddr_un, sun_path) || size > sizeof(u.address))
                return CALL_CONTINUE;
        int r = call_read(c, c->args[1], &u, size);
        if (r < 0)
                return r;
        if (u.address.sun_family != AF_UNIX || u.address.sun_path[0] == 0)
                return CALL_CONTINUE;
        return bind_name(c, call_int(c, 0), &u.address);
}

/* ---- */

static int handle_mkdirat(const Call *c) {
        return make_directory(c, call_int(c, 0), c->args[1], (mode_t)c->args[2]);
}
static int handle_mknodat(const Call *c) {
        return make_node(c, call_int(c, 0), c->args[1], (mode_t)c->args[2], (unsigned)c->args[3]);
}
static int handle_symlinkat(const Call *c) {
        return make_symlink(c, c->args[0], call_int(c, 1), c->args[2]);
}
static int handle_unlinkat(const Call *c) {
        return remove_name(c, call_int(c, 0), c->args[1], call_int(c, 2));
}
static int handle_renameat(const Call *c) {
        return move_name(c, call_int(c, 0), c->args[1], call_int(c, 2), c->args[3], 0);
}
static int handle_renameat2(const Call *c) {
        return move_name(c, call_int(c, 0), c->args[1], call_int(c, 2), c->args[3], (unsigned)c->args[4]);
}
static int handle_linkat(const Call *c) {
        return link_name(c, call_int(c, 0), c->args[1], call_int(c, 2), c->args[3], call_int(c, 4));
}

#ifdef SYS_mkdir /* architectures that came later have none of these */
static int handle_mkdir(const Call *c) {
        return make_directory(c, AT_FDCWD, c->args[0], (mode_t)c->args[1]);
}
static int handle_mknod(const Call *c) {
        return make_node(c, AT_FDCWD, c->args[0], (mode_t)c->args[1], (unsigned)c->args[2]);
}
static int handle_symlink(const Call *c) {
        return make_symlink(c, c->args[0], AT_FDCWD, c->args[1]);
}
static int handle_unlink(const Call *c) {
        return remove_name(c, AT_FDCWD, c->args[0], 0);
}
static int handle_rmdir(const Call *c) {
        return remove_name(c, AT_FDCWD, c->args[0], AT_REMOVEDIR);
}
static int handle_rename(const Call *c) {
        return move_name(c, AT_FDCWD, c->args[0], AT_FDCWD, c->args[1], 0);
}
static int handle_link(const Call *c) {
        return link_name(c, AT_FDCWD, c->args[0], AT_FDCWD, c->args[1], 0);
}
#endif

CallHandler handler_of_names(int number) {
        switch (number) {
        case SYS_mkdirat:
                return handle_mkdirat;
        case SYS_mknodat:
                return handle_mknodat;
        case SYS_symlinkat:
                return handle_symlinkat;
        case SYS_unlinkat:
                return handle_unlinkat;
        case SYS_renameat:
                return handle_renameat;
        case SYS_renameat2:
                return handle_renameat2;
        case SYS_linkat:
                return handle_linkat;
        case SYS_bind:
                return handle_bind;
#ifdef SYS_mkdir
        case SYS_mkdir:
                return handle_mkdir;
        case SYS_mknod:
                return handle_mknod;
        case SYS_symlink:
                return handle_symlink;
        case SYS_unlink:
                return handle_unlink;
        case SYS_rmdir:
                return handle_rmdir;
        case SYS_rename:
                return handle_rename;
        case SYS_link:
                return handle_link;
#endif
        default:
                return NULL;
        }
}
