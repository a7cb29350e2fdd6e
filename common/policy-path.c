/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy-internal.h"

/* Paths as text. What they lead to on a host is the business of the planner and the launcher. A path of a policy is a root
 * ("/", or a variable, which is a place of its own until it is bound) and components below it. */

static const char *const roots[] = { "${home}", "${runtime}", "${workspace}",
        "/" }; /* sorted as the exec list is */

static const char *variable_end(const char *path) {
        for (size_t i = 0; i < ELEMENTSOF(roots) - 1; i++) {
                size_t n = strlen(roots[i]);
                if (strncmp(path, roots[i], n) == 0 && (path[n] == '/' || path[n] == '\0'))
                        return path + n;
        }
        return NULL;
}

/* p points behind the root: "" or "/…" */
static const char *components_complaint(const char *p) {
        while (*p == '/') {
                size_t n = strcspn(p + 1, "/");
                if (n == 0)
                        return p[1] ? "has an empty component" : "ends with a slash";
                if ((n == 1 && p[1] == '.') || (n == 2 && p[1] == '.' && p[2] == '.'))
                        return "has a component \".\" or \"..\"";
                p += 1 + n;
        }
        return NULL;
}

const char *bound_path_complaint(const char *path) {
        if (*path != '/')
                return "is not absolute";
        if (strlen(path) > LIMIT_PATH_BYTES)
                return "is longer than a path can be";
        if (text_has_control(path))
                return "contains a control character";
        if (strstr(path, "${"))
                return "contains \"${\" where no variable can be";
        json_auto_t *probe = json_string(
                        path); /* NULL for what is not UTF-8, and when out of memory: no either way */
        if (!probe)
                return "is not UTF-8";
        return streq(path, "/") ? NULL : components_complaint(path);
}

const char *path_complaint(const char *path) {
        const char *rest = variable_end(path);
        if (!rest) {
                if (path[0] == '$' && path[1] == '{')
                        return "begins with an unknown variable; ${workspace}, ${home} and ${runtime} are "
                               "known";
                return bound_path_complaint(path);
        }
        if (strlen(path) > LIMIT_PATH_BYTES)
                return "is longer than a path can be";
        if (streq(rest, "/"))
                return "ends with a slash";
        return *rest ? bound_path_complaint(rest) : NULL;
}

bool path_covers(const char *ancestor, const char *path) {
        if (streq(ancestor, "/"))
                return *path == '/';
        size_t n = strlen(ancestor);
        return strncmp(ancestor, path, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static const PathRule *find_exact(const PathRule *paths, size_t n, const char *path, size_t length) {
        size_t low = 0, high = n;
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int c = strncmp(paths[middle].path, path, length);
                if (c == 0 && paths[middle].path[length])
                        c = 1;
                if (c == 0)
                        return &paths[middle];
                if (c > 0)
                        high = middle;
                else
                        low = middle + 1;
        }
        return NULL;
}

const PathRule *paths_find(const PathRule *paths, size_t n, const char *path) {
        for (size_t length = strlen(path); length > 0;) {
                const PathRule *rule = find_exact(paths, n, path, length);
                if (rule)
                        return rule;
                while (length > 0 && path[length - 1] != '/')
                        length--;
                if (length > 1)
                        length--; /* without the slash; "/" itself stays */
                else if (length == 1)
                        return find_exact(paths, n, "/", 1);
        }
        return NULL;
}

PathAccess paths_access(const PathRule *paths, size_t n, const char *path) {
        const PathRule *rule = paths_find(paths, n, path);
        return rule ? rule->access : PATH_DENIED;
}

int paths_add(PathRule **paths, size_t *n, const char *path, PathAccess access, const char *clause) {
        _cleanup_free_ char *p = strdup(path), *c = strdup(clause);
        if (!p || !c)
                return -ENOMEM;
        PathRule *rule = array_append(paths, n, sizeof(PathRule));
        if (!rule)
                return -ENOMEM;
        *rule = (PathRule){ .path = TAKE_PTR(p), .access = access, .clause = TAKE_PTR(c) };
        return 0;
}

void paths_free(PathRule *paths, size_t n) {
        for (size_t i = 0; i < n; i++) {
                free(paths[i].path);
                free(paths[i].clause);
        }
        free(paths);
}

/* By path, the strictest of one path first. */
static int compare_rules(const void *a, const void *b) {
        const PathRule *x = a, *y = b;
        int c = strcmp(x->path, y->path);
        if (c != 0)
                return c;
        if (x->access != y->access)
                return x->access < y->access ? -1 : 1;
        return strcmp(x->clause, y->clause);
}

void paths_sort(PathRule *paths, size_t *n) {
        if (*n == 0)
                return;
        qsort(paths, *n, sizeof(PathRule), compare_rules);
        size_t kept = 1;
        for (size_t i = 1; i < *n; i++) {
                if (!streq(paths[kept - 1].path, paths[i].path)) {
                        paths[kept++] = paths[i];
                        continue;
                }
                free(paths[i].path);
                free(paths[i].clause);
        }
        *n = kept;
}

/* One entry of the meet. It is left out where the entry above it says the same already, unless a or b denies this very path: an
 * explicit denial also holds for other names of the same object, so it never disappears. */
static int meet_one(const Policy *a, const Policy *b, const char *path, PathRule **ret, size_t *ret_n) {
        const PathRule *ra = paths_find(a->paths, a->n_paths, path),
                       *rb = paths_find(b->paths, b->n_paths, path);
        PathAccess xa = ra ? ra->access : PATH_DENIED, xb = rb ? rb->access : PATH_DENIED;
        PathAccess access = xa < xb ? xa : xb;
        const Policy *decider = xa <= xb ? a : b;
        const PathRule *rule = xa <= xb ? ra : rb;

        bool explicit_denial = (ra && ra->access == PATH_DENIED && streq(ra->path, path)) ||
                               (rb && rb->access == PATH_DENIED && streq(rb->path, path));
        if (!explicit_denial && paths_access(*ret, *ret_n, path) == access)
                return 0;
        if (xa == PATH_DENIED && xb == PATH_DENIED && (!ra || !streq(ra->path, path)) && rb) {
                decider = b; /* name the one that says so, not the one that is silent */
                rule = rb;
        }
        _cleanup_free_ char *clause = clause_in(decider, rule ? rule->clause : "/filesystem");
        return clause ? paths_add(ret, ret_n, path, access, clause) : -ENOMEM;
}

/* The deepest entry of the union above a path has, in a and in b, the same deciding entry as the path itself: so the lesser access at each
 * entry of the union is the meet, exactly. Both lists are sorted, so the result is, and an ancestor precedes its descendants. */
int paths_meet(const Policy *a, const Policy *b, PathRule **ret, size_t *ret_n) {
        size_t i = 0, j = 0;
        while (i < a->n_paths || j < b->n_paths) {
                int c = i == a->n_paths   ? 1
                        : j == b->n_paths ? -1
                                          : strcmp(a->paths[i].path, b->paths[j].path);
                const char *path = c <= 0 ? a->paths[i].path : b->paths[j].path;
                int r = meet_one(a, b, path, ret, ret_n);
                if (r < 0)
                        return r;
                i += c <= 0;
                j += c >= 0;
        }
        return 0;
}

int strings_add(char ***strings, size_t *n, const char *s) {
        _cleanup_free_ char *copy = strdup(s);
        if (!copy)
                return -ENOMEM;
        char **slot = array_append(strings, n, sizeof(char *));
        if (!slot)
                return -ENOMEM;
        *slot = TAKE_PTR(copy);
        return 0;
}

void strings_free(char **strings, size_t n) {
        for (size_t i = 0; i < n; i++)
                free(strings[i]);
        free(strings);
}

static int compare_strings(const void *a, const void *b) {
        return strcmp(*(char *const *)a, *(char *const *)b);
}

void strings_sort(char **strings, size_t *n) {
        if (*n == 0)
                return;
        qsort(strings, *n, sizeof(char *), compare_strings);
        size_t kept = 1;
        for (size_t i = 1; i < *n; i++)
                if (streq(strings[kept - 1], strings[i]))
                        free(strings[i]);
                else
                        strings[kept++] = strings[i];
        *n = kept;
}

bool strings_has(char *const *strings, size_t n, const char *s) {
        return n > 0 && bsearch(&s, strings, n, sizeof(char *), compare_strings);
}

bool exec_covers(char *const *exec, size_t n, const char *path) {
        for (size_t i = 0; i < n; i++)
                if (path_covers(exec[i], path))
                        return true;
        return false;
}

void exec_reduce(char **exec, size_t *n) {
        strings_sort(exec, n);
        size_t kept = 0;
        for (size_t i = 0; i < *n; i++)
                if (exec_covers(exec, kept, exec[i])) /* an ancestor sorts before its descendants */
                        free(exec[i]);
                else
                        exec[kept++] = exec[i];
        *n = kept;
}

bool exec_is_all(char *const *exec, size_t n) {
        if (n != ELEMENTSOF(roots))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!streq(exec[i], roots[i]))
                        return false;
        return true;
}

int exec_add_all(char ***exec, size_t *n) {
        for (size_t i = 0; i < ELEMENTSOF(roots); i++) {
                int r = strings_add(exec, n, roots[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}
