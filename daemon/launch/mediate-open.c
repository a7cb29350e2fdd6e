/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls that open files for writing or make them. What was opened on the writable side of a tree is put into the process that asked;
 * directories never are: with one, names could be reached without us. */

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>

#include "cleanup.h"
#include "mediate-internal.h"

/* A terminal must not become ours. */
#define OUR_FLAGS (O_CLOEXEC | O_NOCTTY)
#define KERNELS_TTY makedev(5, 0) /* /dev/tty: the terminal of whoever opens it */

typedef struct Opening {
        const Call *call;
        int flags;
        mode_t mode;
} Opening;

/* The kernel forgets the other flags of an O_PATH before it looks at any. */
static Opening opening_of(const Call *c, int flags, mode_t mode) {
        if (flags & O_PATH)
                flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        return (Opening){ c, flags, mode & 07777 };
}

static bool has_all(const Opening *o, int flags) {
        return (o->flags & flags) == flags;
}

static bool is_writing(const Opening *o) {
        return (o->flags & O_ACCMODE) != O_RDONLY || o->flags & O_TRUNC;
}

/* What a cover or a read-only mount refuses whatever it is by then; and reading, where nothing is denied. */
static bool may_be_carried_on_with(const Opening *o) {
        return !o->call->m->reads || (o->flags & O_ACCMODE) != O_RDONLY;
}

static int inject(const Opening *o, int fd) {
        return call_inject(o->call, fd, o->flags & O_CLOEXEC);
}

/* ---- making ---- */

static int make_in(const Opening *o, int dir, const char *name) {
        pid_t process;
        mode_t mask;
        int r = call_identify(o->call, &process, &mask);
        if (r < 0)
                return r;
        mode_t ours = umask(mask);
        _cleanup_close_ int fd = openat(dir, name, o->flags | O_NOFOLLOW | OUR_FLAGS, o->mode);
        r = fd < 0 ? -errno : 0;
        (void)umask(ours);
        return r < 0 ? r : inject(o, fd);
}

static int make_file(const Opening *o, const Found *f) {
        const Mediator *m = o->call->m;
        _cleanup_(way_clear) Way w = WAY_NONE;
        Spot s;
        uint32_t flags;
        if (!(o->flags & O_CREAT) || has_all(o, O_TMPFILE) || f->cut)
                return m->reads ? absence_judge(m, f->dir, &f->id, f->name) : -ENOENT;
        if (f->slash)
                return -EISDIR;
        int r = spot_find(m, f->dir, &f->id, &s);
        if (r < 0)
                return r;
        if (!s.tree)
                return may_be_carried_on_with(o) ? CALL_CONTINUE : make_in(o, f->dir, f->name);
        r = way_go(m, s.tree, s.below, strlen(s.below), &w);
        if (r == 0)
                r = way_judge(m, &w, f->name, &flags);
        if (r < 0)
                return r;
        return flags & REPLACING ? -EACCES : make_in(o, w.dir, f->name);
}

/* Without a name, in a directory. What it is called later is a matter of linkat(). */
static int make_temporary(const Opening *o, const Spot *s) {
        _cleanup_(way_clear) Way w = WAY_NONE;
        int r = way_go(o->call->m, s->tree, s->below, strlen(s->below), &w);
        if (r < 0)
                return r;
        return w.flags & WRITING ? -EACCES : make_in(o, w.dir, ".");
}

/* ---- what is there ---- */

static volatile sig_atomic_t given_back;

static void end_wait(int number) {
        if (number == HELPER_GIVE_BACK)
                given_back = 1;
}

/* The other end of a pipe may never come, nor may whoever asked still be there when it does. -EINTR: given back. */
static int open_patiently(const Opening *o, const char *path, int flags) {
        const struct itimerval second = { .it_interval = { .tv_sec = 1 }, .it_value = { .tv_sec = 1 } };
        const struct sigaction action = { .sa_handler = end_wait };
        sigset_t signals;
        sigemptyset(&signals);
        sigaddset(&signals, SIGALRM);
        sigaddset(&signals, HELPER_GIVE_BACK);
        if (sigaction(SIGALRM, &action, NULL) < 0 || sigaction(HELPER_GIVE_BACK, &action, NULL) < 0 ||
                        setitimer(ITIMER_REAL, &second, NULL) < 0 ||
                        sigprocmask(SIG_UNBLOCK, &signals, NULL) < 0)
                return -errno;
        for (;;) {
                int fd = open(path, flags);
                if (fd >= 0 || errno != EINTR)
                        return fd < 0 ? -errno : fd;
                int r = call_check(o->call);
                if (r < 0 || given_back)
                        return r < 0 ? r : -EINTR;
        }
}

static int reopen_pipe(const Opening *o, const char *path) {
        if (!o->call->may_wait)
                return CALL_WAITS;
        _cleanup_close_ int fd =
                        open_patiently(o, path, (o->flags & ~(O_CREAT | O_EXCL | O_NOFOLLOW)) | OUR_FLAGS);
        return fd < 0 ? fd : inject(o, fd);
}

static int open_again(const Opening *o, const char *path) {
        int flags = o->flags & ~(O_CREAT | O_EXCL | O_NOFOLLOW);
        _cleanup_close_ int fd = open(path, flags | OUR_FLAGS);
        return fd < 0 ? -errno : inject(o, fd);
}

/* What of the flags is about an open file; the kernel has no word against others, openat2() has. */
#define KEPT_FLAGS                                                                                          \
        (O_ACCMODE | O_APPEND | O_DIRECT | O_DSYNC | O_LARGEFILE | O_NOATIME | O_NONBLOCK | O_SYNC)

/* For reading, and yet truncated. */
static int open_truncating(const Opening *o, const Spot *s, int object) {
        _cleanup_close_ int writable = -EBADF;
        int r = spot_open(o->call->m, s, object, REPLACING, O_PATH, &writable);
        return r < 0 ? r : open_again(o, fd_path(writable).text);
}

/* By what it is: nothing that happens to its name meanwhile matters. If it is no file any more, or somebody has a lease on it, we do
 * not wait. */
static int open_for_writing(const Opening *o, const Spot *s, int object) {
        _cleanup_close_ int fd = -EBADF;
        int wait = o->call->may_wait ? 0 : O_NONBLOCK;
        if ((o->flags & O_ACCMODE) == O_RDONLY)
                return open_truncating(o, s, object);
        int r = spot_open(o->call->m, s, object, REPLACING, (o->flags & KEPT_FLAGS) | O_NOCTTY | wait, &fd);
        if (r == -EAGAIN && wait && !(o->flags & O_NONBLOCK))
                return CALL_WAITS;
        if (r < 0)
                return r;
        if (o->flags & O_TRUNC && ftruncate(fd, 0) < 0)
                return -errno;
        if (wait && !(o->flags & O_NONBLOCK) &&
                        fcntl(fd, F_SETFL, o->flags & (O_APPEND | O_DIRECT | O_NOATIME)) < 0)
                return -errno;
        return inject(o, fd);
}

static int open_terminal(const Opening *o) {
        char path[32];
        dev_t terminal;
        int r = call_terminal(o->call, &terminal);
        if (r < 0)
                return r;
        if (major(terminal) < 136 || major(terminal) > 143) /* no pty: none of the cage's */
                return -ENXIO;
        (void)snprintf(path, sizeof(path), "/dev/pts/%u", minor(terminal));
        return open_again(o, path);
}

/* Only where something is denied. */
static int open_for_reading(const Opening *o, const Spot *s, int object) {
        uint32_t rules;
        struct stat st;
        int r = spot_judge(o->call->m, s, &rules);
        if (r < 0)
                return r;
        if (rules & READING)
                return -EACCES;
        if (o->flags & O_PATH) /* cannot be handed over; of use for nothing that is not asked again */
                return CALL_CONTINUE;
        if (fstat(object, &st) < 0)
                return -errno;
        if (S_ISCHR(st.st_mode) && st.st_rdev == KERNELS_TTY)
                return open_terminal(o);
        return S_ISFIFO(st.st_mode) && !(o->flags & O_NONBLOCK) ? reopen_pipe(o, fd_path(object).text)
                                                                : open_again(o, fd_path(object).text);
}

/* The kernel's own order of complaints. */
static int complaint(const Opening *o, mode_t mode) {
        if (has_all(o, O_CREAT | O_EXCL))
                return -EEXIST;
        if (S_ISLNK(mode) && !(o->flags & O_PATH))
                return -ELOOP;
        if (S_ISDIR(mode) && !has_all(o, O_TMPFILE) && (o->flags & O_CREAT || is_writing(o)))
                return -EISDIR;
        return o->flags & O_DIRECTORY && !S_ISDIR(mode) ? -ENOTDIR : 0;
}

static int open_found(const Opening *o, const Found *f) {
        Spot s;
        int r = spot_find(o->call->m, f->object, &f->id, &s);
        if (r < 0 || (!s.tree && may_be_carried_on_with(o)))
                return r < 0 ? r : CALL_CONTINUE;
        r = complaint(o, s.id.mode);
        if (r < 0)
                return r;
        if (s.tree && has_all(o, O_TMPFILE))
                return make_temporary(o, &s);
        /* pipes and devices are no part of the file system that has their names, and may take their time to open */
        if (s.tree && is_writing(o) && S_ISREG(s.id.mode))
                return open_for_writing(o, &s, f->object);
        return may_be_carried_on_with(o) ? CALL_CONTINUE : open_for_reading(o, &s, f->object);
}

static int open_path_argument(const Call *c, int dirfd, uint64_t path, int flags, mode_t mode) {
        const Opening o = opening_of(c, flags, mode);
        _cleanup_(path_argument_clear) PathArgument p = PATH_ARGUMENT_NONE;
        _cleanup_(found_clear) Found f = FOUND_NONE;
        int r = call_take_path(c, dirfd, path, false, &p);
        if (r == 0)
                r = find_object(c, &p, !(o.flags & O_NOFOLLOW) && !has_all(&o, O_CREAT | O_EXCL), &f);
        if (r < 0)
                return r;
        return f.object >= 0 ? open_found(&o, &f) : make_file(&o, &f);
}

static int handle_openat(const Call *c) {
        return open_path_argument(c, call_int(c, 0), c->args[1], call_int(c, 2), (mode_t)c->args[3]);
}

#ifdef SYS_open
static int handle_open(const Call *c) {
        return open_path_argument(c, AT_FDCWD, c->args[0], call_int(c, 1), (mode_t)c->args[2]);
}

static int handle_creat(const Call *c) {
        return open_path_argument(c, AT_FDCWD, c->args[0], O_CREAT | O_WRONLY | O_TRUNC, (mode_t)c->args[1]);
}
#endif

CallHandler handler_of_opening(int number) {
        switch (number) {
        case SYS_openat:
                return handle_openat;
#ifdef SYS_open
        case SYS_open:
                return handle_open;
        case SYS_creat:
                return handle_creat;
#endif
        default:
                return NULL;
        }
}
