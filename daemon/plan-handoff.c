/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names that programs of the host trust. The list says them relative to a place where such programs look: a home, the root of
 * a project, a git directory. A grant may begin deeper than that (~/.config, .vscode, .git), so what is left of a name
 * there is protected as well, and a grant that is such a name itself cannot be written and protected at once. */

#include "cleanup.h"
#include "plan-internal.h"

/* What is left of the name below a path whose last components are the name's first ("" when nothing is); NULL when tail, which is
 * some last components of the path, is not that. */
static const char *rest_of(const char *name, const char *tail) {
        size_t n = strlen(tail);
        if (n == 0 || strncmp(name, tail, n) != 0 || (name[n] != '/' && name[n] != '\0'))
                return NULL;
        return name + n + (name[n] == '/');
}

/* "/home/u/.config/systemd/user" lies in ".config/systemd". A name of one component (~/.codex) is a directory where tools
 * keep other things too, such as worktrees: there only the directory itself is meant. */
static bool lies_in(const char *path, const char *name) {
        size_t n = strlen(name);
        if (!strchr(name, '/'))
                return false;
        for (const char *p = path; (p = strstr(p, name)) != NULL; p++)
                if (p > path && p[-1] == '/' && p[n] == '/')
                        return true;
        return false;
}

#define MANY_ITEMS                                                                                          \
        (4U * LIMIT_PLAN_HANDOFF) /* with those that are there twice, until they are sorted out at the end */

static int refuse_many(Refusal *f) {
        return plan_refuse(f, -E2BIG, REASON_LIMIT,
                        "More than %u names would have to be protected in this sandbox. Give the policy "
                        "fewer "
                        "read-only paths below what it lets write.",
                        LIMIT_PLAN_HANDOFF);
}

static int add_item(LaunchPlan *p, PlanHandoffWhere where, const char *path, Refusal *f) {
        if (p->n_handoff >= MANY_ITEMS)
                return refuse_many(f);
        char *copy = strdup(path);
        if (!copy)
                return -ENOMEM;
        p->handoff[p->n_handoff++] = (PlanHandoff){ where, copy };
        return 0;
}

static int add_rest(LaunchPlan *p, const char *path, const char *rest, Refusal *f) {
        _cleanup_free_ char *whole = NULL;
        if (asprintf(&whole, "%s/%s", path + 1, rest) < 0)
                return -ENOMEM;
        if (strlen(whole) >= LIMIT_PATH_BYTES)
                return plan_refuse(f, -ENAMETOOLONG, REASON_INVALID_ARGUMENT,
                                "%s is too long a path: \"%s\" would have to be protected in there. Choose "
                                "a shorter one.",
                                path, rest);
        return add_item(p, PLAN_HANDOFF_GRANT, whole, f);
}

/* What is left, below this path, of one name of the list. */
static int add_rests(LaunchPlan *p, const char *path, const char *name, Refusal *f) {
        bool trusted = lies_in(path, name);
        int r = 0;
        for (const char *slash = strchr(path, '/'); r == 0 && slash && !trusted;
                        slash = strchr(slash + 1, '/')) {
                const char *rest = rest_of(name, slash + 1);
                if (rest && !*rest)
                        trusted = true;
                else if (rest)
                        r = add_rest(p, path, rest, f);
        }
        if (r == 0 && trusted)
                r = plan_refuse(f, -EINVAL, REASON_INVALID_ARGUMENT,
                                "%s cannot be written by an agent: programs of the host trust what is in "
                                "\"%s\". Choose "
                                "a directory outside of it, or a policy with \"handoff\": \"allow\".",
                                path, name);
        return r;
}

static int add_list(const PlanInput *in, LaunchPlan *p, Refusal *f) {
        if (!in->handoff)
                return plan_refuse(f, -EOPNOTSUPP, REASON_UNSUPPORTED,
                                "The policy protects the names that programs of the host trust, and this "
                                "host has no "
                                "list of them. Ask the administrator for a good handoff.json.");
        int r = 0;
        for (size_t i = 0; r == 0 && i < in->handoff->n; i++)
                r = add_item(p, in->handoff->items[i].where, in->handoff->items[i].path, f);
        for (size_t i = 0; r == 0 && i < p->n_mounts; i++)
                for (size_t k = 0; r == 0 && k < in->handoff->n && p->mounts[i].access == PLAN_READWRITE;
                                k++)
                        if (in->handoff->items[k].where == PLAN_HANDOFF_ROOT)
                                r = add_rests(p, p->mounts[i].path, in->handoff->items[k].path, f);
        return r;
}

static bool is_written_below(const LaunchPlan *p, const char *path) {
        for (size_t i = 0; i < p->n_mounts; i++)
                if (p->mounts[i].access == PLAN_READWRITE && plan_path_is_below(p->mounts[i].path, path))
                        return true;
        return false;
}

/* A read-only path below one that can be written holds as a mount only while something is there, and only by that way to it: its
 * name is kept as well, so that the agent can neither make it nor move what it lies in. Not where something below it can be
 * written again: a protected name is one with all that is below. */
static int add_readonly(LaunchPlan *p, Refusal *f) {
        int r = 0;
        for (size_t i = 0; r == 0 && i < p->n_mounts; i++) {
                const char *path = p->mounts[i].path;
                const PlanMount *above = plan_mounts_above(p->mounts, i, path);
                if (p->mounts[i].access != PLAN_READONLY || !above || above->access != PLAN_READWRITE ||
                                is_written_below(p, path))
                        continue;
                r = add_item(p, PLAN_HANDOFF_GRANT, path + 1, f);
        }
        return r;
}

static int compare_items(const void *a, const void *b) {
        const PlanHandoff *x = a, *y = b;
        if (x->where != y->where)
                return x->where < y->where ? -1 : 1;
        return strcmp(x->path, y->path);
}

static int sort_items(LaunchPlan *p, Refusal *f) {
        size_t kept = 0;
        if (p->n_handoff > 0)
                qsort(p->handoff, p->n_handoff, sizeof(PlanHandoff), compare_items);
        for (size_t i = 0; i < p->n_handoff; i++)
                if (kept > 0 && compare_items(&p->handoff[kept - 1], &p->handoff[i]) == 0)
                        free(p->handoff[i].path);
                else
                        p->handoff[kept++] = p->handoff[i];
        p->n_handoff = kept;
        return kept > LIMIT_PLAN_HANDOFF ? refuse_many(f) : 0;
}

static bool can_write(const LaunchPlan *p) {
        for (size_t i = 0; i < p->n_mounts; i++)
                if (p->mounts[i].access == PLAN_READWRITE)
                        return true;
        return false; /* nothing of a template can be written */
}

int plan_handoff(const PlanInput *in, LaunchPlan *p, Refusal *f) {
        if (!can_write(p))
                return 0;
        p->handoff = calloc(MANY_ITEMS, sizeof(PlanHandoff));
        if (!p->handoff)
                return -ENOMEM;
        int r = in->decision->effective->handoff_allowed ? 0 : add_list(in, p, f);
        if (r == 0)
                r = add_readonly(p, f);
        return r < 0 ? r : sort_items(p, f);
}
