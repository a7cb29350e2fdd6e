/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <time.h>

#include "cleanup.h"
#include "fd.h"
#include "limits.h"
#include "walk.h"

#define CHUNK 32768U /* of directory entries: most directories fit */

/* A directory that is still to be entered. Paths, not descriptors: a tree can be deeper than a process has of those. */
typedef struct Pending {
        char *path;
        WalkKind kind;
        bool in_gitdir, marked;
} Pending;

typedef struct Walking {
        Walk *walk;
        int root;
        Pending *list;
        size_t n, size;
        _Alignas(struct dirent64) char buffer[CHUNK];
} Walking;

static void walking_clear(Walking *s) {
        while (s->n > 0)
                free(s->list[--s->n].path);
        free(s->list);
        free(s);
}

static inline void walking_clearp(Walking **s) {
        if (*s)
                walking_clear(*s);
}

static int push(Walking *s, Pending p) {
        if (s->n == s->size) {
                size_t size = s->size == 0 ? 64 : s->size * 2;
                Pending *grown = reallocarray(s->list, size, sizeof(Pending));
                if (!grown) {
                        free(p.path);
                        return -ENOMEM;
                }
                s->list = grown;
                s->size = size;
        }
        s->list[s->n++] = p;
        return 0;
}

static char *join(const char *path, const char *name) {
        size_t n = strlen(path), m = strlen(name);
        if (n + 1 + m > LIMIT_PATH_BYTES)
                return NULL;
        char *joined = malloc(n + 1 + m + 1);
        if (!joined)
                return NULL;
        memcpy(joined, path, n);
        joined[n] = '/';
        memcpy(joined + n + (n > 0), name, m + 1);
        return joined;
}

static int enter(Walking *s, const WalkDir *dir, const WalkEntry *e, int wish) {
        WalkKind kind = dir->kind == WALK_MODULES ? WALK_MODULES : WALK_TREE;
        if (dir->kind == WALK_GITDIR) {
                if (streq(e->name, "modules") || streq(e->name, "worktrees"))
                        kind = WALK_MODULES;
                else if (wish != WALK_MARK &&
                                !dir->is_bare) /* whatever looks like one may hold repositories */
                        return 0;
        } else if (streq(e->name, ".git"))
                kind = WALK_GITDIR;
        errno = ENAMETOOLONG;
        char *path = join(dir->path, e->name);
        if (!path)
                return -errno;
        return push(s, (Pending){ .path = path,
                                       .kind = kind,
                                       .in_gitdir = dir->kind == WALK_GITDIR,
                                       .marked = kind == WALK_TREE && (dir->marked || wish == WALK_MARK) });
}

static unsigned char type_of(int dir, const struct dirent64 *d) {
        struct stat st;
        if (d->d_type != DT_UNKNOWN)
                return d->d_type;
        return fstatat(dir, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? DT_REG
                                                                     : (unsigned char)IFTODT(st.st_mode);
}

static bool is_dot(const char *name) {
        return name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0));
}

static int visit_entry(Walking *s, const WalkDir *dir, const struct dirent64 *d) {
        const WalkEntry e = { d->d_name, type_of(dir->fd, d) };
        int wish = s->walk->entry(s->walk->data, dir, &e);
        if (wish < 0 || e.type != DT_DIR || wish == WALK_SKIP)
                return wish < 0 ? wish : 0;
        return enter(s, dir, &e, wish);
}

static int visit_chunk(Walking *s, const WalkDir *dir, ssize_t n) {
        int r = 0;
        for (ssize_t at = 0; r == 0 && at < n;) {
                const struct dirent64 *d = (const struct dirent64 *)(s->buffer + at);
                at += d->d_reclen;
                if (!is_dot(d->d_name))
                        r = visit_entry(s, dir, d);
        }
        return r;
}

/* What git asks of a git directory (setup.c of git: is_git_directory), seen in its list of names alone. */
typedef struct Shape {
        bool head, objects, refs, commondir;
        unsigned char dot_git; /* its type */
} Shape;

static void look_at_chunk(const Walking *s, int dir, ssize_t n, Shape *shape) {
        for (ssize_t at = 0; at < n;) {
                const struct dirent64 *d = (const struct dirent64 *)(s->buffer + at);
                at += d->d_reclen;
                switch (d->d_name[0]) {
                case '.':
                        if (streq(d->d_name, ".git"))
                                shape->dot_git = type_of(dir, d);
                        break;
                case 'H':
                        shape->head = shape->head || streq(d->d_name, "HEAD");
                        break;
                case 'o':
                        shape->objects = shape->objects || streq(d->d_name, "objects");
                        break;
                case 'r':
                        shape->refs = shape->refs || streq(d->d_name, "refs");
                        break;
                case 'c':
                        shape->commondir = shape->commondir || streq(d->d_name, "commondir");
                        break;
                default:
                        break;
                }
        }
}

static ssize_t next_chunk(Walking *s, int fd) {
        ssize_t n = getdents64(fd, s->buffer, sizeof(s->buffer));
        return n < 0 ? -errno : n;
}

/* One that was removed meanwhile has no entries. */
static int end_of(ssize_t n) {
        return n < 0 && n != -ENOENT ? (int)n : 0;
}

/* Twice over the names: what they are together must be known before each is looked at. The second time from the beginning
 * again only where they are more than one chunk. */
static int visit(Walking *s, WalkDir *dir) {
        Shape shape = { 0 };
        size_t chunks = 0;
        ssize_t n, first = 0;
        for (; (n = next_chunk(s, dir->fd)) > 0; chunks++) {
                first = n;
                look_at_chunk(s, dir->fd, n, &shape);
        }
        if (n < 0)
                return end_of(n);
        bool is_git = shape.head && ((shape.objects && shape.refs) || shape.commondir);
        dir->is_bare = is_git && dir->kind == WALK_TREE;
        dir->dot_git = dir->kind == WALK_TREE ? shape.dot_git : 0;
        if (is_git && dir->dot_git == 0) /* git looks for a .git first, wherever it is */
                dir->kind = WALK_GITDIR;
        int r = s->walk->directory ? s->walk->directory(s->walk->data, dir) : 0;
        if (r < 0 || chunks <= 1)
                return r < 0 ? r : visit_chunk(s, dir, first);
        if (lseek(dir->fd, 0, SEEK_SET) < 0)
                return -errno;
        while (r == 0 && (n = next_chunk(s, dir->fd)) > 0)
                r = visit_chunk(s, dir, n);
        return r < 0 ? r : end_of(n);
}

int walk_open(int root, const char *path, int flags, bool across) {
        return fd_openat2(root, path[0] ? path : ".",
                        (uint64_t)(flags | O_RDONLY | O_DIRECTORY | O_NOFOLLOW),
                        RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
                                        (across ? 0 : RESOLVE_NO_XDEV));
}

static int open_pending(const Walking *s, const Pending *p) {
        Walk *w = s->walk;
        int fd = walk_open(s->root, p->path, 0, !w->crossing);
        switch (fd) {
        case -EACCES:
                return w->unreadable(w->data, p->path);
        case -EXDEV: {
                int r = w->crossing(w->data, p->path);
                return r < 0 ? r : -EBADF;
        }
        case -ENOENT:
        case -ENOTDIR:
        case -ELOOP:
                return -EBADF; /* not what it was when its name was read */
        default:
                return fd;
        }
}

static bool is_late(const Walk *w) {
        struct timespec t;
        if (w->deadline == 0)
                return false;
        (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
        return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec >= w->deadline;
}

static int visit_pending(Walking *s, const Pending *p) {
        if (s->walk->left == 0)
                return -E2BIG;
        if (is_late(s->walk))
                return -ETIME;
        s->walk->left--;
        _cleanup_close_ int fd = open_pending(s, p);
        if (fd < 0)
                return fd == -EBADF ? 0 : fd;
        WalkDir dir = {
                .fd = fd, .path = p->path, .kind = p->kind, .in_gitdir = p->in_gitdir, .marked = p->marked
        };
        return visit(s, &dir);
}

int walk_run(Walk *w, int root) {
        _cleanup_(walking_clearp) Walking *s = malloc(sizeof(Walking)); /* the buffer need not be zero */
        if (!s)
                return -ENOMEM;
        s->walk = w;
        s->root = root;
        s->list = NULL;
        s->n = s->size = 0;
        char *top = strdup("");
        int r = top ? push(s, (Pending){ .path = top, .kind = WALK_TREE }) : -ENOMEM;
        while (r == 0 && s->n > 0) {
                const Pending p = s->list[--s->n];
                r = visit_pending(s, &p);
                free(p.path);
        }
        return r;
}
