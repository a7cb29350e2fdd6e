/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/limits.h>

#include "request-internal.h"

enum { LINKS_MAX = 40 }; /* that the kernel follows */

/* A path on the way through its links, as the kernel goes it. */
typedef struct Walk {
        char done[PATH_MAX]; /* of no links, as far as it is there */
        char rest[PATH_MAX];
        unsigned links;
} Walk;

/* done ends in a link to target: rest begins there. */
static int follow(Walk *w, const char *target, char *slash) {
        char rest[PATH_MAX];
        if (++w->links > LINKS_MAX)
                return -ELOOP;
        int n = snprintf(rest, sizeof(rest), "%s/%s", target, w->rest);
        if (n < 0 || (size_t)n >= sizeof(rest))
                return -ENAMETOOLONG;
        (void)stpcpy(w->rest, rest);
        *(*target == '/' || slash == w->done ? w->done + 1 : slash) = '\0';
        return 0;
}

static void drop_last(char *path) {
        char *slash = strrchr(path, '/');
        *(slash == path ? slash + 1 : slash) = '\0'; /* above "/" is "/" */
}

static int walk_component(Walk *w, const char *name, size_t n) {
        char target[PATH_MAX];
        size_t have = strlen(w->done);
        if (n == 0 || (n == 1 && *name == '.'))
                return 0;
        if (n == 2 && name[0] == '.' && name[1] == '.') {
                drop_last(w->done);
                return 0;
        }
        if (have + 1 + n >= sizeof(w->done))
                return -ENAMETOOLONG;
        char *slash = w->done + have - (have == 1);
        (void)snprintf(slash, sizeof(w->done) - have, "/%.*s", (int)n, name);
        ssize_t size = readlink(w->done, target, sizeof(target) - 1);
        if (size < 0) /* no link, or nothing that is there: it stays as text */
                return 0;
        target[size] = '\0';
        return follow(w, target, slash);
}

int path_find_target(const char *path, char **ret) {
        Walk w = { .done = "/" };
        char name[NAME_MAX + 1];
        int r = strlen(path) < sizeof(w.rest) ? 0 : -ENAMETOOLONG;
        if (r == 0)
                (void)stpcpy(w.rest, path);
        while (r == 0 && *w.rest) {
                const char *from = w.rest + strspn(w.rest, "/");
                size_t n = strcspn(from, "/");
                if (n > NAME_MAX)
                        return -ENAMETOOLONG;
                (void)snprintf(name, sizeof(name), "%.*s", (int)n, from);
                memmove(w.rest, from + n, strlen(from + n) + 1);
                r = walk_component(&w, name, n);
        }
        if (r < 0)
                return r;
        *ret = strdup(w.done);
        return *ret ? 0 : -ENOMEM;
}
