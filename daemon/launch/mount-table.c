/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mount-table.h"
#include "cleanup.h"
#include "open.h"

#define LINKS_MAX 40 /* as the kernel's MAXSYMLINKS */

/* ---- ways ---- */

void mount_ways_clear(MountWays *w) {
        for (size_t i = 0; i < w->n; i++)
                free(w->list[i].path);
        free(w->list);
        *w = (MountWays){ 0 };
}

static int add_place(MountWays *w, const char *path, bool is_end) {
        MountPlace *grown = reallocarray(w->list, w->n + 1, sizeof(MountPlace));
        if (!grown)
                return -ENOMEM;
        w->list = grown;
        char *copy = strdup(path[0] ? path : "/");
        if (!copy)
                return -ENOMEM;
        w->list[w->n++] = (MountPlace){ copy, is_end };
        return 0;
}

/* A path under way: where it has come to, "" for the root, and what is still to be walked. */
typedef struct Walker {
        char at[LIMIT_PATH_BYTES + 1];
        char *rest;
        unsigned links;
        bool absent; /* nothing is there: what is left is taken as it is written */
} Walker;

static void walker_clear(Walker *k) {
        free(k->rest);
}

static int go_down(Walker *k, const char *name) {
        size_t n = strlen(k->at), m = strlen(name);
        if (n + 1 + m > LIMIT_PATH_BYTES)
                return -ENAMETOOLONG;
        k->at[n] = '/';
        memcpy(k->at + n + 1, name, m + 1);
        return 0;
}

static void go_up(Walker *k) {
        char *slash = strrchr(k->at, '/');
        if (slash)
                *slash = 0;
}

static int follow_link(Walker *k, MountWays *w, const char *target) {
        int r = add_place(w, k->at, false);
        char *rest;
        if (r < 0)
                return r;
        if (++k->links > LINKS_MAX)
                return -ELOOP;
        if (asprintf(&rest, "%s/%s", target, k->rest) < 0)
                return -ENOMEM;
        free(k->rest);
        k->rest = rest;
        if (target[0] == '/')
                k->at[0] = 0;
        else
                go_up(k);
        return 0;
}

static int step(Walker *k, MountWays *w, const char *name) {
        char target[LIMIT_PATH_BYTES + 1];
        if (streq(name, "..")) {
                if (k->absent)
                        return -ENOENT; /* the kernel gets nowhere, and we do not know where it would be */
                int r = add_place(w, k->at, false);
                go_up(k);
                return r;
        }
        int r = go_down(k, name);
        if (r < 0 || k->absent)
                return r;
        ssize_t n = readlink(k->at, target, sizeof(target));
        if (n < 0) {
                k->absent = errno == ENOENT || errno == ENOTDIR;
                return k->absent || errno == EINVAL ? 0 : -errno; /* EINVAL: it is no link */
        }
        if ((size_t)n == sizeof(target))
                return -ENAMETOOLONG;
        target[n] = 0;
        return follow_link(k, w, target);
}

static int find_way(MountWays *w, const char *path) {
        _cleanup_(walker_clear) Walker k = { .rest = strdup(path) };
        if (!k.rest)
                return -ENOMEM;
        while (k.rest[0]) {
                _cleanup_free_ char *whole = TAKE_PTR(k.rest);
                char *name = whole + strspn(whole, "/"), *end = name + strcspn(name, "/");
                k.rest = strdup(*end ? end + 1 : end);
                if (!k.rest)
                        return -ENOMEM;
                *end = 0;
                int r = name[0] == 0 || streq(name, ".") ? 0 : step(&k, w, name);
                if (r < 0)
                        return r;
        }
        return add_place(w, k.at, true);
}

void mount_ways_find(const PlanTemplate *t, MountWays *ret) {
        MountWays w = { 0 };
        for (size_t i = 0; i < t->n_mounts; i++)
                w.unsure = find_way(&w, t->mounts[i].path) < 0 || w.unsure;
        *ret = w;
}

bool mount_ways_equal(const MountWays *a, const MountWays *b) {
        if (a->n != b->n || a->unsure != b->unsure)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (a->list[i].is_end != b->list[i].is_end || !streq(a->list[i].path, b->list[i].path))
                        return false;
        return true;
}

bool mount_ways_touch(const MountWays *w, const char *point) {
        if (w->unsure || point[0] != '/')
                return true;
        for (size_t i = 0; i < w->n; i++) {
                const MountPlace *p = &w->list[i];
                if (streq(point, p->path) || path_is_below(p->path, point) ||
                                (p->is_end && path_is_below(point, p->path)))
                        return true;
        }
        return false;
}

/* ---- the table ---- */

/* Three octal digits behind a backslash, or -1. */
static int unescape(const char *p, const char *end) {
        int c = 0;
        for (int i = 0; i < 3; i++) {
                if (p + i >= end || p[i] < '0' || p[i] > '7')
                        return -1;
                c = c * 8 + (p[i] - '0');
        }
        return c > 0 && c < 256 ? c : -1;
}

/* The field that begins at p, up to a blank. False: it is longer than a path, or not escaped as the kernel does. */
static bool read_point(const char *p, const char *end, char ret[LIMIT_PATH_BYTES + 1]) {
        size_t n = 0;
        for (; p < end && *p != ' '; n++) {
                int c = (unsigned char)*p;
                if (c == '\\') {
                        c = unescape(p + 1, end);
                        p += 3;
                }
                if (c < 0 || n == LIMIT_PATH_BYTES)
                        return false;
                ret[n] = (char)c;
                p++;
        }
        ret[n] = 0;
        return true;
}

bool mount_table_point(const char *line, const char *end, char ret[LIMIT_PATH_BYTES + 1]) {
        for (int field = 0; field < 4; field++) {
                line = memchr(line, ' ', (size_t)(end - line));
                if (!line)
                        return false;
                line++;
        }
        if (line == end || *line == ' ' || !memchr(line, ' ', (size_t)(end - line)))
                return false;
        if (!read_point(line, end, ret))
                ret[0] = 0;
        return true;
}

/* FNV-1a: whoever can mount there is root, or hides his own mount. */
uint64_t mount_table_number(const MountWays *w, const char *table) {
        static uint64_t unknown;
        uint64_t hash = UINT64_C(14695981039346656037);
        char point[LIMIT_PATH_BYTES + 1];
        for (const char *line = table; line && *line;) {
                const char *end = strchrnul(line, '\n');
                if (!mount_table_point(line, end, point))
                        return --unknown;
                for (const char *p = mount_ways_touch(w, point) ? line : end; p < end; p++)
                        hash = (hash ^ (uint8_t)*p) * UINT64_C(1099511628211);
                line = end + (*end == '\n');
        }
        return table ? hash : --unknown;
}
