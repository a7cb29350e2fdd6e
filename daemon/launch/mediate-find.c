/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a path leads to for the agent, found by pid 1: the same mounts, the same uid, but another process. So where /proc tells of
 * "self" the agent's own is meant, and a magic link is never followed unless it is known to be another process's: those
 * of pid 1 lead to the writable side of trees. */

#include <fcntl.h>
#include <linux/openat2.h>

#include "cleanup.h"
#include "fd.h"
#include "mediate-internal.h"
#include "mediate-text.h"

#define LINKS_MAX 40 /* as the kernel's MAXSYMLINKS */
#define PROC_ROOT_INO 1U

void found_clear(Found *f) {
        cleanup_closep(&f->object);
        cleanup_closep(&f->dir);
        *f = FOUND_NONE;
}

static int open_at(int dir, const char *path, int flags, uint64_t resolve) {
        return fd_openat2(dir, path, (uint64_t)(O_PATH | flags), resolve);
}

/* ---- step by step ---- */

typedef struct Trail {
        const Call *call;
        int dir;             /* where we are; O_PATH */
        char rest[PATH_MAX]; /* still to be walked */
        unsigned links;
        bool follow;  /* a symlink in the last place too */
        char own[32]; /* as in Found */
} Trail;

static void trail_clear(Trail *t) {
        cleanup_closep(&t->dir);
        t->dir = -EBADF;
}

static int trail_go(Trail *t, int fd) {
        if (fd < 0)
                return -errno;
        trail_clear(t);
        t->dir = fd;
        return 0;
}

/* What was a link is walked instead of it. */
static int trail_insert(Trail *t, const char *text, size_t length) {
        int r = path_insert(t->rest, text, length);
        if (r < 0)
                return r;
        return text[0] == '/' ? trail_go(t, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)) : 0;
}

/* Something in our own directory in /proc, which we can look into and the agent cannot, beyond what everybody may see. However it
 * was come by: what counts is what it is. */
static bool is_ours(const Mediator *m, int fd) {
        static const char *const harmless[] = { "", "cgroup", "cmdline", "comm", "stat", "statm", "status" };
        char path[PATH_MAX], *end;
        if (path_of(m, fd, path) < 0 || (strncmp(path, "/proc/", 6) != 0 && !streq(path, "/proc")))
                return true;
        if (!path[5])
                return false;
        long number = strtol(path + 6, &end, 10);
        if (end == path + 6 || (number != 1 && number != getpid()))
                return false;
        for (size_t i = 0; i < ELEMENTSOF(harmless); i++)
                if (streq(*end == '/' ? end + 1 : end, harmless[i]))
                        return false;
        return true;
}

/* In the root of /proc: the links that mean whoever follows them. 1: the name was replaced. */
static int trail_enter_proc(Trail *t, const char *name, bool slash) {
        Identity id;
        pid_t process;
        mode_t mask;
        char text[32];
        int r = identity_of(t->dir, "", &id);
        if (r < 0 || id.mount != t->call->m->proc_mount || id.ino != PROC_ROOT_INO)
                return r;
        if (!streq(name, "self") && !streq(name, "thread-self"))
                return 0;
        bool last = t->rest[0] == 0 && !slash;
        r = call_identify(t->call, &process, &mask);
        if (r < 0)
                return r;
        if (name[0] == 's')
                (void)snprintf(text, sizeof(text), "%d", process);
        else
                (void)snprintf(text, sizeof(text), "%d/task/%d", process, t->call->thread);
        if (last && !t->follow) {
                memcpy(t->own, text, strlen(text) + 1);
                return 0;
        }
        r = trail_insert(t, text, strlen(text));
        return r < 0 ? r : 1;
}

static int follow(Trail *t, int link, const Identity *id, const char *name, int *ret_object) {
        char text[PATH_MAX];
        if (++t->links > LINKS_MAX)
                return -ELOOP;
        if (id->mount == t->call->m->proc_mount) {
                _cleanup_close_ int plain = open_at(t->dir, name, 0, RESOLVE_NO_MAGICLINKS);
                if (plain == -ELOOP && is_ours(t->call->m, t->dir))
                        return -EACCES;
                if (plain == -ELOOP) { /* of another process, and checked by the kernel as if we were the agent */
                        int fd = open_at(t->dir, name, 0, 0);
                        if (fd < 0)
                                return fd;
                        *ret_object = fd;
                        return 0;
                }
        }
        ssize_t n = readlinkat(link, "", text, sizeof(text));
        if (n < 0)
                return -errno;
        if (n == 0 || (size_t)n == sizeof(text))
                return n == 0 ? -ENOENT : -ENAMETOOLONG;
        return trail_insert(t, text, (size_t)n);
}

/* The path ends here: 1. */
static int trail_end(Trail *t, const char *name, bool slash, int object, bool cut, Found *ret) {
        *ret = (Found){ .object = object, .dir = TAKE_FD(t->dir), .slash = slash, .cut = cut };
        memcpy(ret->name, name, strlen(name) + 1);
        memcpy(ret->own, t->own, sizeof(t->own));
        return 1;
}

/* The link is walked instead of the name, or *object becomes what it has jumped to. */
static int trail_follow(Trail *t, const char *name, Identity *id, int *object) {
        int jump = -EBADF;
        int r = follow(t, *object, id, name, &jump);
        (void)close(TAKE_FD(*object)); /* the link, O_PATH */
        if (r < 0 || jump < 0)
                return r;
        *object = jump;
        return identity_of(jump, "", id);
}

/* One name further. 1: the path ends here, and *ret says with what. */
static int trail_step(Trail *t, const char *name, bool slash, Found *ret) {
        bool last = t->rest[0] == 0, jumped = false;
        int r = trail_enter_proc(t, name, slash);
        if (r != 0)
                return r < 0 ? r : 0;
        _cleanup_close_ int object = open_at(t->dir, name, O_NOFOLLOW, 0);
        if (object == -ENOENT)
                return trail_end(t, name, slash, -EBADF, !last, ret);
        Identity id;
        r = object < 0 ? object : identity_of(object, "", &id);
        if (r < 0)
                return r;
        if (S_ISLNK(id.mode) && (!last || slash || t->follow)) {
                r = trail_follow(t, name, &id, &object);
                if (r < 0 || object < 0)
                        return r;
                jumped = true;
        }
        if (!S_ISDIR(id.mode) && (!last || slash))
                return -ENOTDIR;
        if (!last)
                return trail_go(t, TAKE_FD(object));
        if (jumped)
                trail_clear(t); /* it has a name elsewhere */
        return trail_end(t, jumped ? "" : name, slash, TAKE_FD(object), false, ret);
}

static int walk_all(const Call *c, const PathArgument *p, bool follow_last, Found *ret) {
        _cleanup_(trail_clear) Trail t = { .call = c, .dir = -EBADF, .follow = follow_last };
        memcpy(t.rest, p->path, strlen(p->path) + 1);
        int r = trail_go(&t, p->path[0] == '/' ? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)
                                               : fcntl(p->base, F_DUPFD_CLOEXEC, 3));
        char name[NAME_MAX + 1];
        bool slash;
        while (r == 0 && (r = path_next(t.rest, name, &slash)) > 0) {
                r = trail_step(&t, name, slash, ret);
                if (r != 0)
                        return r < 0 ? r : 0;
        }
        if (r < 0)
                return r;
        *ret = FOUND_NONE; /* nothing but slashes and dots */
        ret->object = TAKE_FD(t.dir);
        return 0;
}

static int walk(const Call *c, const PathArgument *p, bool follow_last, Found *ret) {
        _cleanup_(found_clear) Found f = FOUND_NONE;
        int r = walk_all(c, p, follow_last, &f);
        if (r == 0)
                r = identity_of(f.object >= 0 ? f.object : f.dir, "", &f.id);
        if (r < 0)
                return r;
        if (f.object >= 0 && f.id.mount == c->m->proc_mount && is_ours(c->m, f.object))
                return -EACCES;
        *ret = f;
        f = FOUND_NONE;
        return 0;
}

/* ---- in one go, where that is certain ---- */

/* -ELOOP where the way leads through /proc, or might. */
static int open_plainly(const Call *c, const PathArgument *p, const char *path, int flags, Identity *ret) {
        _cleanup_close_ int fd = open_at(p->base, path, flags, RESOLVE_NO_MAGICLINKS);
        int r = fd < 0 ? fd : identity_of(fd, "", ret);
        if (r < 0)
                return r;
        return ret->mount == c->m->proc_mount ? -ELOOP : TAKE_FD(fd);
}

/* Nothing is there: certainly, and only the last name is missing. */
static bool is_plainly_absent(const Call *c, const PathArgument *p, Found *ret) {
        char parent[PATH_MAX];
        Found f = FOUND_NONE;
        if (!path_split(p->path, parent, f.name, &f.slash))
                return false;
        _cleanup_close_ int dir = open_plainly(c, p, parent, O_DIRECTORY, &f.id);
        struct stat st;
        if (dir < 0 || fstatat(dir, f.name, &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT)
                return false;
        f.dir = TAKE_FD(dir);
        *ret = f;
        return true;
}

static int find_itself(const PathArgument *p, Found *ret) {
        _cleanup_close_ int fd = fcntl(p->base, F_DUPFD_CLOEXEC, 3);
        *ret = FOUND_NONE;
        int r = fd < 0 ? -errno : identity_of(fd, "", &ret->id);
        if (r < 0)
                return r;
        ret->object = TAKE_FD(fd);
        return 0;
}

int find_object(const Call *c, const PathArgument *p, bool follow_last, Found *ret) {
        if (!p->path[0])
                return find_itself(p, ret);
        Identity id;
        int fd = open_plainly(c, p, p->path, follow_last ? 0 : O_NOFOLLOW, &id);
        if (fd == -ENOENT && is_plainly_absent(c, p, ret))
                return 0;
        if (fd < 0)
                return walk(c, p, follow_last, ret);
        *ret = FOUND_NONE;
        ret->object = fd;
        ret->id = id;
        return 0;
}

int find_name(const Call *c, const PathArgument *p, Found *ret) {
        PathArgument above = { .base = p->base }; /* borrowed */
        Found f = FOUND_NONE;
        if (!path_split(p->path, above.path, f.name, &f.slash)) {
                if (p->path[strspn(p->path, "/")] != 0)
                        return -ENAMETOOLONG;
                *ret = f;
                return 0;
        }
        f.dir = open_plainly(c, &above, above.path, O_DIRECTORY, &f.id);
        if (f.dir < 0) {
                _cleanup_(found_clear) Found dir = FOUND_NONE;
                int r = walk(c, &above, true, &dir);
                if (r < 0)
                        return r;
                if (dir.object < 0)
                        return -ENOENT;
                f.id = dir.id;
                f.dir = TAKE_FD(dir.object);
        }
        *ret = f;
        return 0;
}
