/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/limits.h>
#include <sys/stat.h>

#include "array.h"
#include "request-internal.h"
#include "text-list.h"

/* What MXC puts into every sandbox, and no more, so that what it hides (/usr/local, /opt, /var) is hidden. The files of resolvers are not
 * among them: a sandbox has a resolver of its own. */
static const char *const system_paths[] = { "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
        "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libexec", "/usr/share",
        "/etc" };

static const char *const list_names[_GRANT_MAX] = { "deniedPaths", "readonlyPaths", "readwritePaths" };

void grants_clear(Grants *g) {
        for (size_t i = 0; i < g->n; i++)
                free(g->items[i].path);
        free(g->items);
        *g = (Grants){ 0 };
}

/* Takes a component away; "/" stays. Where the path exists its parent is the one that the kernel would go to. */
static int go_up(char *path) {
        char real[PATH_MAX];
        if (realpath(path, real)) /* what is not there is folded as text */
                (void)stpcpy(path, real);
        char *slash = strrchr(path, '/');
        if (slash)
                *(slash == path ? slash + 1 : slash) = '\0';
        return 0;
}

int path_make_normal(const char *path, char **ret) {
        if (*path != '/')
                return -EINVAL;
        if (strlen(path) >= PATH_MAX)
                return -ENAMETOOLONG;
        char *made = malloc(2 * PATH_MAX); /* a link's target, and what is left */
        if (!made)
                return -ENOMEM;
        (void)stpcpy(made, "/");
        for (const char *p = path; *p;) {
                p += strspn(p, "/");
                size_t n = strcspn(p, "/");
                if (n == 2 && p[0] == '.' && p[1] == '.')
                        go_up(made);
                else if (n > 0 && !(n == 1 && *p == '.')) {
                        size_t have = strlen(made);
                        if (have + n + 2 > 2 * (size_t)PATH_MAX) {
                                free(made);
                                return -ENAMETOOLONG;
                        }
                        (void)snprintf(made + have, 2 * (size_t)PATH_MAX - have, "%s%.*s",
                                        have > 1 ? "/" : "", (int)n, p);
                }
                p += n;
        }
        *ret = made;
        return 0;
}

static GrantedPath *find(const Grants *g, const char *path) {
        for (size_t i = 0; i < g->n; i++)
                if (streq(g->items[i].path, path))
                        return &g->items[i];
        return NULL;
}

/* Takes path. The strictest of a path stays. */
static int put(Draft *d, Grants *g, char *path, Grant grant, const char *said) {
        GrantedPath *old = find(g, path);
        if (old) {
                free(path);
                int r = said && old->said && old->grant != grant
                                        ? mxc_strings_addf(&d->warnings,
                                                          "Filesystem path '%s' is in several lists; the "
                                                          "strictest counts: %s",
                                                          old->said,
                                                          list_names[old->grant < grant ? old->grant
                                                                                        : grant])
                                        : 0;
                if (said && (!old->said || grant < old->grant)) { /* what is said counts over what is there anyway */
                        old->grant = grant;
                        old->said = said;
                }
                return r;
        }
        GrantedPath *new = array_append(&g->items, &g->n, sizeof(GrantedPath));
        if (!new) {
                free(path);
                return -ENOMEM;
        }
        *new = (GrantedPath){ .path = path, .grant = grant, .said = said };
        return 0;
}

static int put_list(Draft *d, Grants *g, const MxcStrings *list, Grant grant) {
        for (size_t i = 0; i < list->n; i++) {
                char *path = NULL;
                int r = path_make_normal(list->items[i], &path);
                if (r == -EINVAL)
                        return mxc_refuse(d->error, MXC_POLICY_VALIDATION,
                                        "Filesystem path '%s' (%s) is not absolute: it would mean another "
                                        "place in the sandbox than here",
                                        list->items[i], list_names[grant]);
                if (r == -ENAMETOOLONG)
                        return mxc_refuse(d->error, MXC_POLICY_VALIDATION,
                                        "Filesystem path '%s' (%s) is longer than a path can be",
                                        list->items[i], list_names[grant]);
                if (r == 0)
                        r = put(d, g, path, grant, list->items[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool is_at_or_below(const char *path, const char *above) {
        size_t n = streq(above, "/") ? 0 : strlen(above);
        return strncmp(path, above, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* NULL: none. */
static const GrantedPath *deepest_above(const Grants *g, const char *path, bool said) {
        const GrantedPath *deepest = NULL;
        for (size_t i = 0; i < g->n; i++)
                if ((g->items[i].said || !said) && is_at_or_below(path, g->items[i].path) &&
                                (!deepest || strlen(deepest->path) < strlen(g->items[i].path)))
                        deepest = &g->items[i];
        return deepest;
}

Grant grants_of(const Grants *g, const char *path) {
        const GrantedPath *deepest = deepest_above(g, path, false);
        return deepest ? deepest->grant : GRANT_DENIED;
}

bool grants_lead_through(const Grants *g, const char *path) {
        const GrantedPath *deepest = deepest_above(g, path, true);
        if (deepest && deepest->grant == GRANT_DENIED)
                return false;
        for (size_t i = 0; i < g->n; i++)
                if (g->items[i].said && g->items[i].grant != GRANT_DENIED &&
                                is_at_or_below(g->items[i].path, path))
                        return true;
        return false;
}

static bool is_below_denied(const Grants *g, const char *path) {
        const GrantedPath *deepest = deepest_above(g, path, true);
        return deepest && deepest->grant == GRANT_DENIED;
}

/* What was denied is: a path of the system is not there where it, or what it leads to, is below that. */
static int put_system(Draft *d, Grants *g) {
        char real[PATH_MAX];
        for (size_t i = 0; i < ELEMENTSOF(system_paths); i++) {
                if (find(g, system_paths[i]) || !realpath(system_paths[i], real) ||
                                is_below_denied(g, system_paths[i]) || is_below_denied(g, real))
                        continue;
                char *path = strdup(system_paths[i]);
                int r = path ? put(d, g, path, GRANT_READONLY, NULL) : -ENOMEM;
                if (r < 0)
                        return r;
        }
        return 0;
}

static int refuse_unresolved(const Draft *d, const GrantedPath *p) {
        return mxc_refuse(d->error, MXC_BACKEND_ERROR,
                        "Filesystem path '%s' (%s) could not be resolved to a filesystem object "
                        "(permission denied, unreachable mount, "
                        "or I/O error). Because deniedPaths are present, MXC cannot verify it does "
                        "not alias a denied object and "
                        "rejects the config rather than risk bypassing the deny. Ensure the path is "
                        "reachable, or remove the "
                        "offending entry.",
                        p->said, list_names[p->grant]);
}

static bool any_of(const Grants *g, Grant grant) {
        for (size_t i = 0; i < g->n; i++)
                if (g->items[i].grant == grant)
                        return true;
        return false;
}

/* A path that is a link, or behind one: what it leads to is denied where the link is, and cannot be written where it is only to be read, since it would be
 * by its own name. What was given by the link alone is there under that name. */
static int put_targets(Draft *d, Grants *g) {
        const size_t n = g->n;
        const bool written = any_of(g, GRANT_READWRITE);
        for (size_t i = 0; i < n; i++) {
                const Grant grant = g->items[i].grant;
                char *target = NULL;
                if (grant == GRANT_READWRITE || (grant == GRANT_READONLY && !written))
                        continue;
                int r = path_find_target(g->items[i].path, &target);
                if (r == -ELOOP || r == -ENAMETOOLONG)
                        return refuse_unresolved(d, &g->items[i]);
                if (r == 0 && grant == GRANT_READONLY && grants_of(g, target) != GRANT_READWRITE)
                        free(target);
                else if (r == 0)
                        r = put(d, g, target, grant, g->items[i].said);
                if (r < 0)
                        return r;
        }
        return 0;
}

typedef struct Object {
        struct stat st;
        bool there;
} Object;

static bool same_object(const Object *a, const Object *b) {
        return a->there && b->there && a->st.st_dev == b->st.st_dev && a->st.st_ino == b->st.st_ino;
}

static int look(Draft *d, const Grants *g, Object *objects) {
        for (size_t i = 0; i < g->n; i++) {
                const GrantedPath *p = &g->items[i];
                objects[i].there = stat(p->path, &objects[i].st) == 0;
                if (objects[i].there || !p->said || errno == ENOENT || errno == ENOTDIR ||
                                d->config->denied.n == 0)
                        continue;
                return refuse_unresolved(d, p);
        }
        return 0;
}

/* Paths that are one object are as strict as the strictest of them. Those of the system are tightened, and tighten nothing. */
static int tighten(Draft *d, Grants *g, const Object *objects) {
        for (size_t i = 0; i < g->n; i++)
                for (size_t k = 0; k < g->n; k++) {
                        GrantedPath *a = &g->items[i];
                        const GrantedPath *b = &g->items[k];
                        if (!b->said || b->grant >= a->grant || !same_object(&objects[i], &objects[k]))
                                continue;
                        if (a->said && mxc_strings_addf(&d->warnings,
                                                       "Filesystem path '%s' is the same object as '%s'; "
                                                       "the strictest counts: %s",
                                                       a->said, b->said, list_names[b->grant]) < 0)
                                return -ENOMEM;
                        a->grant = b->grant;
                }
        return 0;
}

static int check_delegation(Draft *d, const Grants *g) {
        for (size_t i = 0; i < g->n; i++) {
                const GrantedPath *p = &g->items[i];
                bool write = p->grant == GRANT_READWRITE;
                if (!p->said || p->grant == GRANT_DENIED || access(p->path, write ? R_OK | W_OK : R_OK) == 0)
                        continue;
                if (errno == ENOENT || errno == ENOTDIR)
                        return mxc_refuse(d->error, MXC_BACKEND_ERROR,
                                        "Can't find source path %s: No such file or directory (%s)", p->said,
                                        list_names[p->grant]);
                return mxc_refuse(d->error, MXC_BACKEND_ERROR,
                                "Filesystem path '%s' (%s): the invoking user does not have %s access, so "
                                "it cannot be delegated to the sandbox",
                                p->said, list_names[p->grant], write ? "read+write" : "read");
        }
        return 0;
}

static int grants_fill(Draft *d, Grants *g) {
        const MxcConfig *c = d->config;
        int r = put_list(d, g, &c->denied, GRANT_DENIED);
        if (r == 0)
                r = put_list(d, g, &c->readonly, GRANT_READONLY);
        if (r == 0)
                r = put_list(d, g, &c->readwrite, GRANT_READWRITE);
        if (r == 0)
                r = put_targets(d, g);
        if (r == 0)
                r = put_system(d, g);
        _cleanup_free_ Object *objects = r == 0 ? calloc(g->n + 1, sizeof(Object)) : NULL;
        if (r == 0 && !objects)
                r = -ENOMEM;
        if (r == 0)
                r = look(d, g, objects);
        if (r == 0)
                r = tighten(d, g, objects);
        return r == 0 ? check_delegation(d, g) : r;
}

int grants_make(Draft *d, Grants *ret) {
        Grants g = { 0 };
        if (d->config->readwrite.n + d->config->readonly.n + d->config->denied.n > LIMIT_MXC_PATHS)
                return mxc_refuse(d->error, MXC_POLICY_VALIDATION, "filesystem has more than %u paths",
                                LIMIT_MXC_PATHS);
        int r = grants_fill(d, &g);
        if (r < 0) {
                grants_clear(&g);
                return r;
        }
        *ret = g;
        return 0;
}

void grants_write(const Grants *g, JsonText *to) {
        json_text_open(to, '{');
        for (Grant grant = GRANT_DENIED; grant < _GRANT_MAX; grant++) {
                bool any = false;
                for (size_t i = 0; i < g->n; i++) {
                        const char *path = g->items[i].path;
                        if (g->items[i].grant != grant)
                                continue;
                        if (!any) {
                                json_text_key(to, list_names[grant]);
                                json_text_open(to, '[');
                        }
                        any = true;
                        json_text_string(to, path, strlen(path));
                }
                if (any)
                        json_text_close(to, ']');
        }
        json_text_close(to, '}');
}
