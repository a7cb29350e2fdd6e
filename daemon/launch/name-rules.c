/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <linux/openat2.h>

#include "cleanup.h"
#include "fd.h"
#include "guard-abi.h"
#include "limits.h"
#include "name-rules.h"
#include "open.h"

#define LINKS_MAX 40 /* as the kernel's MAXSYMLINKS: nobody gets further than that */

/* ---- what has been gathered ---- */

static void root_clear(NameRoot *r) {
        cleanup_closep(&r->fd);
        cleanup_closep(&r->host);
        free(r->path);
        free(r->canonical);
}

static void list_free(char **list) {
        for (char **p = list; *p; p++)
                free(*p);
        free(list);
}

Names *names_free(Names *n) {
        if (!n)
                return NULL;
        for (size_t i = 0; i < n->n_roots; i++)
                root_clear(&n->roots[i]);
        for (size_t i = 0; i < n->n_rules; i++) {
                cleanup_closep(&n->rules[i].fd);
                free(n->rules[i].path);
        }
        for (size_t i = 0; i < n->n_lists; i++)
                list_free(n->lists[i]);
        free(n->lists);
        free(n->seen);
        free(n->roots);
        free(n->rules);
        free(n);
        return NULL;
}

void name_place_clear(NamePlace *p) {
        cleanup_closep(&p->fd);
        free(p->path);
        *p = (NamePlace){ .root = NO_ROOT, .fd = -EBADF };
}

int names_add_root(Names *n, const char *path, int fd, int host, bool writable, bool granted, size_t *ret) {
        NameRoot root = { .fd = fd, .host = host, .writable = writable, .granted = granted };
        struct stat st;
        int r = fstat(host, &st) < 0 ? -errno : 0;
        NameRoot *grown = r == 0 ? reallocarray(n->roots, n->n_roots + 1, sizeof(NameRoot)) : NULL;
        if (grown)
                n->roots = grown;
        root.path = grown ? strdup(path) : NULL;
        if (!root.path) {
                root_clear(&root);
                return r < 0 ? r : -ENOMEM;
        }
        root.is_dir = S_ISDIR(st.st_mode);
        root.dev = st.st_dev;
        root.ino = st.st_ino;
        if (ret)
                *ret = n->n_roots;
        n->roots[n->n_roots++] = root;
        return 0;
}

size_t names_find_root(const Names *n, const char *path) {
        for (size_t i = 0; i < n->n_roots; i++)
                if (streq(n->roots[i].path, path))
                        return i;
        return NO_ROOT;
}

size_t names_root_above(const Names *n, const char *path) {
        size_t deepest = NO_ROOT, length = 0;
        for (size_t i = 0; i < n->n_roots; i++) {
                const NameRoot *r = &n->roots[i];
                size_t l = strlen(r->path);
                if (r->is_dir && (streq(path, r->path) || path_is_below(path, r->path)) && l > length) {
                        deepest = i;
                        length = l;
                }
        }
        return deepest;
}

static int push_rule(Names *n, NameRule rule) {
        if (n->n_rules >= LIMIT_NAME_RULES)
                return -E2BIG;
        if (n->n_rules == n->size_rules) {
                size_t size = n->size_rules == 0 ? 128 : n->size_rules * 2;
                NameRule *grown = reallocarray(n->rules, size, sizeof(NameRule));
                if (!grown)
                        return -ENOMEM;
                n->rules = grown;
                n->size_rules = size;
        }
        n->rules[n->n_rules++] = rule;
        return 0;
}

/* Takes over path, also on failure. */
static int push_name(Names *n, GuardKind kind, size_t root, char *path) {
        if (!path)
                return -ENOMEM;
        int r = push_rule(n, (NameRule){ .kind = kind, .root = root, .path = path, .fd = -EBADF });
        if (r < 0)
                free(path);
        return r;
}

/* What the object is, not what it is called. */
int names_add_opened(Names *n, GuardKind kind, size_t root, int fd) {
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (copy < 0)
                return -errno;
        int r = push_rule(n, (NameRule){ .kind = kind, .root = root, .fd = copy });
        if (r < 0)
                (void)close(copy);
        return r;
}

/* ---- following ---- */

/* A walk along a path, step by step, in the host's tree. */
typedef struct Trail {
        Names *names;
        int fd;      /* a directory; O_PATH */
        size_t root; /* that it is below, or NO_ROOT */
        char *at;    /* where below it; NULL without a root */
        char *rest;  /* still to be walked */
        unsigned links;
        bool aside; /* as in NamePlace */
} Trail;

static void trail_clear(Trail *t) {
        cleanup_closep(&t->fd);
        free(t->at);
        free(t->rest);
}

static char *below(const char *at, const char *name) {
        size_t n = strlen(at), m = strlen(name), slash = n > 0 && m > 0;
        char *joined = malloc(n + slash + m + 1);
        if (!joined)
                return NULL;
        memcpy(joined, at, n);
        joined[n] = '/';
        memcpy(joined + n + slash, name, m + 1);
        return joined;
}

static void replace(char **string, char *by) {
        free(*string);
        *string = by;
}

/* The path of an open directory on the host. */
static int canonical_path(int fd, char **ret) {
        char link[64], path[LIMIT_PATH_BYTES + 1];
        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, path, sizeof(path) - 1);
        if (n < 0)
                return -errno;
        path[n] = 0;
        *ret = strdup(path);
        return *ret ? 0 : -ENOMEM;
}

int names_canonical(Names *n, size_t root, const char **ret) {
        NameRoot *r = &n->roots[root];
        int q = r->canonical || r->host < 0 ? 0 : canonical_path(r->host, &r->canonical);
        if (q == 0)
                *ret = r->canonical;
        return q;
}

/* Where a path of the host is in the cage: below the deepest root whose own path on the host it has. */
static int locate_path(Trail *t, const char *path) {
        Names *n = t->names;
        size_t deepest = NO_ROOT, length = 0;
        for (size_t i = 0; i < n->n_roots; i++) {
                const char *c = NULL;
                int r = names_canonical(n, i, &c);
                if (r < 0)
                        return r;
                size_t l = c ? strlen(c) : 0;
                if (n->roots[i].is_dir && c && (streq(path, c) || path_is_below(path, c)) && l > length) {
                        deepest = i;
                        length = l;
                }
        }
        t->root = deepest;
        replace(&t->at, NULL);
        if (deepest == NO_ROOT)
                return 0;
        path += length;
        t->at = strdup(path + strspn(path, "/"));
        return t->at ? 0 : -ENOMEM;
}

/* After a step that was not simply one further down. */
static int locate(Trail *t) {
        _cleanup_free_ char *path = NULL;
        int r = canonical_path(t->fd, &path);
        t->aside = true;
        return r < 0 ? r : locate_path(t, path);
}

static void trail_go(Trail *t, int fd) {
        cleanup_closep(&t->fd);
        t->fd = fd;
}

static int climb(Trail *t) {
        int fd = openat(t->fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        trail_go(t, fd);
        return locate(t);
}

/* A mount of the host that lies on the way, and came along into the cage: a root from now on. */
static int meet_mount(Trail *t, const char *path, int host) {
        Names *n = t->names;
        const NameRoot *above = &n->roots[t->root];
        _cleanup_free_ char *in_cage = NULL;
        if (asprintf(&in_cage, "%s%s%s", above->path, above->path[1] ? "/" : "", path) < 0)
                return -ENOMEM;
        size_t root = names_find_root(n, in_cage);
        if (root == NO_ROOT) {
                int ours = fcntl(host, F_DUPFD_CLOEXEC, 3), theirs = fcntl(host, F_DUPFD_CLOEXEC, 3);
                if (ours < 0 || theirs < 0) {
                        int r = -errno;
                        cleanup_closep(&ours);
                        cleanup_closep(&theirs);
                        return r;
                }
                int r = names_add_root(n, in_cage, theirs, ours, above->writable, false, &root);
                if (r < 0)
                        return r;
        }
        t->root = root;
        t->aside = true;
        replace(&t->at, strdup(""));
        return t->at ? 0 : -ENOMEM;
}

/* A grant of its own that lies on the way; its path in the cage is the one that we have come by. */
static int meet_grant(Trail *t) {
        const NameRoot *above = &t->names->roots[t->root];
        _cleanup_free_ char *in_cage = NULL;
        if (asprintf(&in_cage, "%s%s%s", above->path, above->path[1] ? "/" : "", t->at) < 0)
                return -ENOMEM;
        size_t root = names_find_root(t->names, in_cage);
        if (root == NO_ROOT || root == t->root)
                return 0;
        t->root = root;
        t->aside = true;
        replace(&t->at, strdup(""));
        return t->at ? 0 : -ENOMEM;
}

/* The link itself must stay what it is, or what it leads to would be another. */
static int follow_link(Trail *t, int link, char *name) {
        char target[LIMIT_PATH_BYTES + 1];
        ssize_t n = readlinkat(link, "", target, sizeof(target) - 1);
        if (n < 0)
                return -errno;
        target[n] = 0;
        int r = t->root == NO_ROOT ? 0
                                   : push_name(t->names, GUARD_RULE_PROTECT, t->root, below(t->at, name));
        if (r < 0)
                return r;
        if (++t->links > LINKS_MAX || strlen(target) + 1 + strlen(t->rest) > LIMIT_PATH_BYTES)
                return -ELOOP;
        char *rest;
        if (asprintf(&rest, "%s/%s", target, t->rest) < 0)
                return -ENOMEM;
        replace(&t->rest, rest);
        t->aside = true;
        if (target[0] != '/')
                return 0;
        int top = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (top < 0)
                return -errno;
        trail_go(t, top);
        return locate(t);
}

/* One component further down. -ENOENT and the likes: nothing is there. */
static int descend(Trail *t, char *name) {
        bool crossed = false;
        _cleanup_close_ int fd = fd_openat2(t->fd, name, O_PATH | O_NOFOLLOW, RESOLVE_NO_XDEV);
        if (fd == -EXDEV) {
                crossed = true;
                fd = fd_openat2(t->fd, name, O_PATH | O_NOFOLLOW, 0);
        }
        struct stat st;
        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (S_ISLNK(st.st_mode))
                return follow_link(t, fd, name);
        trail_go(t, TAKE_FD(fd));
        if (t->root == NO_ROOT)
                return locate(t); /* it may be in sight now */
        _cleanup_free_ char *at = below(t->at, name);
        if (!at)
                return -ENOMEM;
        if (crossed)
                return meet_mount(t, at, t->fd);
        replace(&t->at, TAKE_PTR(at));
        return meet_grant(t);
}

static bool is_absence(int r) {
        return r == -ENOENT || r == -ENOTDIR || r == -EACCES || r == -ELOOP || r == -ENAMETOOLONG;
}

/* The names from here on, of which nothing is there yet: as they will lead once their directories are made. What would lead out
 * of the root is not followed: nothing that an agent can make is there. */
static int imagine(Trail *t, const char *name) {
        _cleanup_free_ char *rest = NULL;
        if (asprintf(&rest, "%s/%s", name, t->rest) < 0)
                return -ENOMEM;
        char *next = rest;
        for (char *part; (part = strsep(&next, "/")) != NULL;) {
                if (streq(part, "") || streq(part, "."))
                        continue;
                if (!streq(part, "..")) {
                        replace(&t->at, below(t->at, part));
                        if (!t->at)
                                return -ENOMEM;
                        continue;
                }
                char *slash = strrchr(t->at, '/');
                if (t->at[0] == 0) {
                        t->root = NO_ROOT;
                        return 0;
                }
                *(slash ? slash : t->at) = 0;
        }
        return 0;
}

/* 0 at the end of the path; -ENOENT when nothing is there, and the trail is where it would be. */
static int trail_walk(Trail *t) {
        while (t->rest[0]) {
                _cleanup_free_ char *whole = TAKE_PTR(t->rest);
                char *name = whole + strspn(whole, "/");
                char *end = name + strcspn(name, "/");
                t->rest = strdup(*end ? end + 1 : end);
                if (!t->rest)
                        return -ENOMEM;
                *end = 0;
                int r = name[0] == 0 || streq(name, ".") ? 0
                        : streq(name, "..")              ? climb(t)
                                                         : descend(t, name);
                if (is_absence(r)) {
                        r = t->root == NO_ROOT ? 0 : imagine(t, name);
                        return r < 0 ? r : -ENOENT;
                }
                if (r < 0)
                        return r;
        }
        return 0;
}

int names_follow(Names *n, size_t root, int dir, const char *at, const char *text, NamePlace *ret) {
        bool absolute = text[0] == '/';
        _cleanup_(trail_clear) Trail t = {
                .names = n, .root = root, .at = strdup(at), .rest = strdup(text), .aside = absolute
        };
        t.fd = absolute ? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) : fcntl(dir, F_DUPFD_CLOEXEC, 3);
        if (t.fd < 0)
                return -errno;
        if (!t.at || !t.rest)
                return -ENOMEM;
        int r = absolute ? locate(&t) : 0;
        if (r == 0)
                r = trail_walk(&t);
        if (r < 0 && r != -ENOENT)
                return r;
        struct stat st = { 0 };
        if (r == 0 && fstat(t.fd, &st) < 0)
                return -errno;
        *ret = (NamePlace){ .root = t.root,
                .path = TAKE_PTR(t.at),
                .fd = r == 0 ? TAKE_FD(t.fd) : -EBADF,
                .st = st,
                .aside = t.aside };
        return 0;
}

/* ---- adding ---- */

/* Exactly a grant: what was granted deepest wins over what was said from further up. */
static bool is_grant(const Names *n, const NamePlace *p) {
        return p->root != NO_ROOT && p->path[0] == 0 && n->roots[p->root].granted;
}

bool names_is_around(const NamePlace *p, size_t root, const char *at) {
        size_t n = strlen(p->path ? p->path : "");
        return p->root != NO_ROOT && p->root == root && strncmp(at, p->path, n) == 0 &&
               (n == 0 || at[n] == '/' || at[n] == 0);
}

int names_add_place(Names *n, GuardKind kind, const NamePlace *p) {
        bool other_names = kind == GUARD_RULE_DENY || p->root == NO_ROOT ||
                           (S_ISREG(p->st.st_mode) && p->st.st_nlink > 1);
        int r = 0;
        if (kind != GUARD_RULE_DENY && is_grant(n, p))
                return 0;
        if (p->aside && p->root != NO_ROOT && p->path[0])
                r = push_name(n, kind, p->root, strdup(p->path));
        if (r == 0 && p->fd >= 0 && n->by_object && (other_names || (p->root != NO_ROOT && p->path[0] == 0)))
                r = names_add_opened(n, kind, p->root, p->fd);
        return r;
}

/* The case of nearly every name, without a trail: 1 when there is nothing at all, or just an object of that name. */
static int look_simply(const Names *n, size_t root, int dir, const char *name, NamePlace *ret) {
        size_t first = strcspn(name, "/");
        char component[GUARD_NAME_MAX + 1];
        if (first >= sizeof(component))
                return 0;
        memcpy(component, name, first);
        component[first] = 0;
        int fd = fd_openat2(dir, component, O_PATH | O_NOFOLLOW, RESOLVE_NO_XDEV);
        if (fd == -ENOENT)
                return 1;
        if (fd < 0)
                return 0;
        *ret = (NamePlace){ .root = root, .path = strdup(name), .fd = fd };
        if (!ret->path || name[first] || n->n_roots > 1 || fstat(fd, &ret->st) < 0 ||
                        S_ISLNK(ret->st.st_mode)) {
                name_place_clear(ret);
                return 0;
        }
        return 1;
}

/* A git directory has as many files as there are objects, and those that matter are protected name by name. */
static bool is_dot_git(const char *name) {
        const char *slash = strrchr(name, '/');
        return streq(slash ? slash + 1 : name, ".git");
}

int names_add(Names *n, GuardKind kind, size_t root, int dir, const char *at, const char *name) {
        _cleanup_(name_place_clear) NamePlace p = { .root = NO_ROOT, .fd = -EBADF };
        int r = 1;
        if (dir >= 0)
                r = look_simply(n, root, dir, name, &p);
        if (r == 0)
                r = names_follow(n, root, dir, at, name, &p);
        if (r < 0)
                return r;
        r = push_name(n, kind, root, below(at, name));
        if (r < 0 || dir < 0)
                return r;
        r = names_add_place(n, kind, &p);
        return r < 0 || kind != GUARD_RULE_PROTECT || is_dot_git(name) ? r : names_add_inside(n, &p);
}

int names_keep_list(Names *n, char **list) {
        char ***grown = reallocarray(n->lists, n->n_lists + 1, sizeof(char **));
        if (!grown) {
                list_free(list);
                return -ENOMEM;
        }
        n->lists = grown;
        n->lists[n->n_lists++] = list;
        return 0;
}

int names_add_list(Names *n, GuardKind kind, size_t root, const char *at, const char *const *list) {
        char *path = strdup(at);
        if (!path)
                return -ENOMEM;
        int r = push_rule(n,
                        (NameRule){ .kind = kind, .root = root, .path = path, .fd = -EBADF, .below = list });
        if (r < 0)
                free(path);
        return r;
}

int names_add_object(Names *n, GuardKind kind, const char *path) {
        _cleanup_close_ int fd = fd_openat2(AT_FDCWD, path, O_PATH, RESOLVE_NO_MAGICLINKS);
        return fd >= 0 ? names_add_opened(n, kind, NO_ROOT, fd) : is_absence(fd) ? 0 : fd;
}
