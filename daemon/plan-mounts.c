/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the paths of a policy to mounts, each of which is one kind of access all the way down to the next.
 *
 * A policy is a function from paths to access and execution that changes only at its own entries. So the mounts are its
 * entries, less those where nothing changes. The same is done twice: for what holds whatever the request is, which
 * is the template, and for the whole, laid over the template: there only what differs becomes a mount.
 *
 * The template is read-only. What can be written goes over it, opened for each sandbox, where the launcher also protects the
 * names that programs of the host trust. A path below something that can be written is opened as the owner: the agent may
 * have put something there in an earlier life that root must not follow. */

#include "plan-internal.h"

_Static_assert((int)PLAN_DENIED == (int)PATH_DENIED && (int)PLAN_READONLY == (int)PATH_READONLY &&
                                (int)PLAN_READWRITE == (int)PATH_READWRITE,
                "access means the same in policies and plans");

#define NAME_BYTES 255U /* NAME_MAX: no path with a longer component can ever exist */

/* A place where something may change. */
typedef struct Spot {
        const char *path; /* borrowed */
        const PathRule *rule; /* borrowed: the policy's own entry for this path; NULL where another list has it */
        bool is_alias;        /* another name of something denied: denied as well */
} Spot;

typedef struct Spots {
        Spot *list;
        size_t n, size;
        char **owned; /* paths that were made here */
        size_t n_owned;
} Spots;

/* Mounts whose paths are borrowed. as_owner says here: below something that can be written. */
typedef struct Layout {
        PlanMount *mounts;
        size_t n, size;
} Layout;

static void spots_clear(Spots *s) {
        for (size_t i = 0; i < s->n_owned; i++)
                free(s->owned[i]);
        free(s->owned);
        free(s->list);
}

static void layout_clear(Layout *l) {
        free(l->mounts);
}

/* Room for one more element. */
static int grow(void **list, size_t n, size_t *size, size_t element) {
        if (n < *size)
                return 0;
        size_t more = *size < 64 ? 64 : *size * 2;
        void *grown = reallocarray(*list, more, element);
        if (!grown)
                return -ENOMEM;
        *list = grown;
        *size = more;
        return 0;
}

bool plan_path_is_below(const char *path, const char *ancestor) {
        size_t n = strlen(ancestor);
        if (n == 1)
                return path[1] != '\0'; /* of "/" */
        return strncmp(path, ancestor, n) == 0 && path[n] == '/';
}

static bool is_at_or_below(const char *path, const char *ancestor) {
        return streq(path, ancestor) || plan_path_is_below(path, ancestor);
}

/* How many of the mounts have a path that is not greater. */
static size_t count_not_above(const PlanMount *mounts, size_t n, const char *path) {
        size_t low = 0, high = n;
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (strcmp(mounts[middle].path, path) <= 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* The greatest that is not greater than the path is the one that is looked for, or shares more with the path than any before it
 * can: then the next try is with what they share. */
const PlanMount *plan_mounts_above(const PlanMount *mounts, size_t n, const char *path) {
        char shared[LIMIT_PATH_BYTES + 1];
        while ((n = count_not_above(mounts, n, path)) > 0) {
                const PlanMount *m = &mounts[n - 1];
                if (is_at_or_below(path, m->path))
                        return m;
                size_t i = 0, length = 0;
                for (; path[i] && path[i] == m->path[i]; i++)
                        length = path[i] == '/' ? i : length;
                length = path[i] == '/' && i > 0 ? i
                         : length > 0            ? length
                                                 : 1; /* whole components; 1: "/" */
                memmove(shared, path, length);
                shared[length] = '\0';
                path = shared;
        }
        return NULL;
}

/* ---- where something may change ---- */

static bool can_exist(const char *path) {
        for (const char *p = path; *p == '/';) {
                size_t n = strcspn(p + 1, "/");
                if (n > NAME_BYTES)
                        return false;
                p += 1 + n;
        }
        return true;
}

static int spots_add(Spots *s, Spot spot) {
        if (!can_exist(spot.path))
                return 0;
        int r = grow((void **)&s->list, s->n, &s->size, sizeof(Spot));
        if (r == 0)
                s->list[s->n++] = spot;
        return r;
}

/* "/bin" is a symlink to "usr/bin" in the cage too: what is denied by the one name is denied by the other. */
static int spots_add_alias(Spots *s, const char *path, const HostLink *link) {
        _cleanup_free_ char *alias = NULL;
        const char *target = link->target + (link->target[0] == '/');
        if (!is_at_or_below(path, link->path))
                return 0;
        if (asprintf(&alias, "/%s%s", target, path + strlen(link->path)) < 0) {
                alias = NULL;
                return -ENOMEM;
        }
        if (!path_is_normal(alias))
                return 0;
        char **grown = reallocarray(s->owned, s->n_owned + 1, sizeof(char *));
        if (!grown)
                return -ENOMEM;
        s->owned = grown;
        s->owned[s->n_owned] = TAKE_PTR(alias);
        return spots_add(s, (Spot){ .path = s->owned[s->n_owned++], .is_alias = true });
}

static int compare_spots(const void *a, const void *b) {
        const Spot *x = a, *y = b;
        int r = strcmp(x->path, y->path);
        if (r != 0)
                return r;
        if (x->is_alias != y->is_alias)
                return x->is_alias ? -1 : 1; /* the first is kept: the denial, then what knows most */
        return (y->rule != NULL) - (x->rule != NULL);
}

static void spots_sort(Spots *s) {
        size_t kept = 0;
        if (s->n > 0)
                qsort(s->list, s->n, sizeof(Spot), compare_spots);
        for (size_t i = 0; i < s->n; i++)
                if (kept == 0 || !streq(s->list[kept - 1].path, s->list[i].path))
                        s->list[kept++] = s->list[i];
        s->n = kept;
}

/* laid: the policy that the spots are for. */
static int spots_of_policy(Spots *s, const Policy *p, const Policy *laid, const HostFacts *host) {
        int r = 0;
        for (size_t i = 0; r == 0 && i < p->n_paths; i++) {
                const PathRule *rule = &p->paths[i];
                r = spots_add(s, (Spot){ .path = rule->path, .rule = p == laid ? rule : NULL });
                for (size_t k = 0; r == 0 && rule->access == PATH_DENIED && k < host->n_links; k++)
                        r = spots_add_alias(s, rule->path, &host->links[k]);
        }
        for (size_t i = 0; r == 0 && i < p->n_exec; i++)
                r = spots_add(s, (Spot){ .path = p->exec[i] });
        return r;
}

/* ---- what changes there ---- */

/* The cage has these of its own, and refuses to put the host's there. decide() refuses a policy that names them; what is
 * left is an entry that merely passes by, such as executePaths. */
static bool is_of_the_cage(const char *path) {
        return is_at_or_below(path, "/dev") || is_at_or_below(path, "/proc");
}

static PlanMount wanted(const Policy *p, const Spot *spot) {
        PathAccess access = PATH_DENIED;
        if (spot->rule)
                access = spot->rule->access;
        else if (!spot->is_alias)
                access = policy_path_access(p, spot->path, NULL);
        return (PlanMount){
                .path = (char *)spot->path, /* borrowed */
                .access = (PlanAccess)access,
                .exec = access != PATH_DENIED && policy_path_exec(p, spot->path),
        };
}

static bool same_below(const PlanMount *above, const PlanMount *m) {
        PlanAccess access = above ? above->access : PLAN_DENIED;
        return access == m->access && (access == PLAN_DENIED || above->exec == m->exec);
}

/* One spot, over what is laid out already and over the base (which may be empty). always: a path that becomes a mount even where
 * nothing changes, or NULL. */
static int lay_one(Layout *l, const Layout *base, const Policy *p, const Spot *spot, const char *always) {
        PlanMount m = wanted(p, spot);
        const PlanMount *own = plan_mounts_above(l->mounts, l->n, m.path),
                        *under = plan_mounts_above(base->mounts, base->n, m.path);
        const PlanMount *above = own && (!under || strlen(own->path) >= strlen(under->path)) ? own : under;

        if (m.access != PLAN_DENIED && is_of_the_cage(m.path))
                return 0;
        m.as_owner = own && (own->access == PLAN_READWRITE || own->as_owner);
        bool as_root_below_writable = m.as_owner && under && streq(under->path, m.path);
        bool asked_for = always && streq(always, m.path);
        if (same_below(above, &m) && (m.access == PLAN_DENIED || (!asked_for && !as_root_below_writable)))
                return 0;
        int r = grow((void **)&l->mounts, l->n, &l->size, sizeof(PlanMount));
        if (r == 0)
                l->mounts[l->n++] = m;
        return r;
}

static int lay(Layout *l, const Layout *base, const Policy *p, const Spots *spots, const char *always) {
        int r = 0;
        for (size_t i = 0; r == 0 && i < spots->n; i++)
                r = lay_one(l, base, p, &spots->list[i], always);
        return r;
}

/* ---- the template ---- */

/* Where the launcher puts a file system of the cage over the template. What a policy grants of the host there is laid over that. */
static bool is_private(const char *path) {
        static const char *const places[] = { "/run", "/sys", "/tmp", "/var/tmp" };
        for (size_t i = 0; i < ELEMENTSOF(places); i++)
                if (is_at_or_below(path, places[i]))
                        return true;
        return false;
}

/* The paths of l are borrowed from the policy and from spots. */
static int lay_template(const PlanInput *in, Spots *spots, Layout *l) {
        static const Layout nothing = { 0 };
        const Policy *literal = in->decision->literal;
        if (!in->stored)
                return 0; /* somebody's own document: nothing in it is an administrator's word */
        int r = spots_of_policy(spots, literal, literal, in->host);
        if (r < 0)
                return r;
        spots_sort(spots);
        r = lay(l, &nothing, literal, spots, NULL);
        size_t kept = 0;
        for (size_t i = 0; i < l->n; i++) {
                const PlanMount *m = &l->mounts[i];
                if (m->access != PLAN_READWRITE && !m->as_owner && !is_private(m->path))
                        l->mounts[kept++] = *m;
        }
        l->n = kept;
        return r;
}

/* ---- the request ---- */

static int compare_names(const void *a, const void *b) {
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static int compare_rules(const void *a, const void *b) {
        const PathRule *x = a, *y = b;
        return strcmp(x->path, y->path);
}

/* Whether the policies themselves name the path and grant as much of it. */
static bool is_literal(const Policy *literal, const PlanMount *m) {
        const PathRule key = { .path = m->path };
        bool named = (literal->n_paths > 0 && bsearch(&key, literal->paths, literal->n_paths,
                                                              sizeof(PathRule), compare_rules)) ||
                     (literal->n_exec > 0 && bsearch(&m->path, literal->exec, literal->n_exec,
                                                             sizeof(char *), compare_names));
        return named && (int)policy_path_access(literal, m->path, NULL) >= (int)m->access &&
               (!m->exec || policy_path_exec(literal, m->path));
}

static int lay_request(const PlanInput *in, const Layout *base, Spots *spots, Layout *l) {
        const Policy *effective = in->decision->effective, *literal = in->decision->literal;
        int r = spots_of_policy(spots, effective, effective, in->host);
        for (size_t i = 0; r == 0 && i < base->n; i++)
                r = spots_add(spots, (Spot){ .path = base->mounts[i].path });
        if (r == 0 && in->stored)
                r = spots_of_policy(spots, literal, effective, in->host); /* what the template left out */
        if (r == 0 && in->workspace)
                r = spots_add(spots, (Spot){ .path = in->workspace });
        if (r < 0)
                return r;
        spots_sort(spots);
        /* the workspace is a mount of its own even inside a wider grant: names are protected at the root of each */
        r = lay(l, base, effective, spots, in->workspace);
        for (size_t i = 0; i < l->n; i++) {
                PlanMount *m = &l->mounts[i];
                bool is_workspace = in->workspace && streq(m->path, in->workspace);
                m->as_owner = m->as_owner || is_workspace || !in->stored || !is_literal(literal, m);
                m->required = m->access != PLAN_DENIED &&
                              (is_workspace || (!in->stored && m->access == PLAN_READWRITE));
        }
        return r;
}

/* ---- into the plan ---- */

/* What all that can be in a plan beside its mounts comes to at most leaves this much for them: a plan that is made can be sent. */
#define MOUNT_BYTES (1024U * 1024)
_Static_assert(LIMIT_ARGV_BYTES + LIMIT_ENV_BYTES + 4U * (LIMIT_ARGV + LIMIT_ENV + LIMIT_PLAN_GROUPS) +
                                                (LIMIT_PLAN_HANDOFF + 2U * LIMIT_PLAN_LINKS + 8U) *
                                                                (LIMIT_PATH_BYTES + 9U) +
                                                LIMIT_PLAN_SYSCALLS * (LIMIT_NAME_BYTES + 5U) +
                                                2U * LIMIT_PLAN_MOUNTS * 21U + MOUNT_BYTES + 4096U <
                                LIMIT_PLAN_BYTES,
                "a plan within its limits can be encoded");

static int check_bytes(const Layout *base, const Layout *over, Refusal *f) {
        const Layout *both[] = { base, over };
        size_t bytes = 0;
        for (size_t k = 0; k < ELEMENTSOF(both); k++)
                for (size_t i = 0; i < both[k]->n; i++)
                        bytes += strlen(both[k]->mounts[i].path);
        if (bytes <= MOUNT_BYTES)
                return 0;
        return plan_refuse(f, -E2BIG, REASON_LIMIT,
                        "The policy's paths come to %zu bytes, more than the %u that a sandbox can be told. "
                        "Give it fewer or "
                        "shorter paths.",
                        bytes, MOUNT_BYTES);
}

static int copy_mounts(const Layout *l, PlanMount **ret, size_t *ret_n, Refusal *f) {
        if (l->n > LIMIT_PLAN_MOUNTS)
                return plan_refuse(f, -E2BIG, REASON_LIMIT,
                                "The policy comes to %zu mounts, more than the %u that a sandbox can have. "
                                "Give it "
                                "fewer paths.",
                                l->n, LIMIT_PLAN_MOUNTS);
        *ret = calloc(l->n + 1, sizeof(PlanMount));
        if (!*ret)
                return -ENOMEM;
        for (size_t i = 0; i < l->n; i++) {
                PlanMount m = l->mounts[i];
                m.path = strdup(m.path);
                if (!m.path)
                        return -ENOMEM;
                (*ret)[(*ret_n)++] = m;
        }
        return 0;
}

/* A link makes way for a policy that grants something by that very name. */
static bool is_in_the_way(const HostLink *link, const Policy *p) {
        for (size_t i = 0; i < p->n_paths; i++)
                if (p->paths[i].access != PATH_DENIED && is_at_or_below(p->paths[i].path, link->path))
                        return true;
        return false;
}

static int make_links(const PlanInput *in, PlanTemplate *t) {
        const Policy *p = in->stored ? in->decision->literal : in->decision->effective;
        t->links = calloc(in->host->n_links + 1, sizeof(PlanLink));
        if (!t->links)
                return -ENOMEM;
        for (size_t i = 0; i < in->host->n_links && t->n_links < LIMIT_PLAN_LINKS; i++) {
                const HostLink *link = &in->host->links[i];
                if (is_in_the_way(link, p))
                        continue;
                PlanLink *made = &t->links[t->n_links++];
                *made = (PlanLink){ strdup(link->path), strdup(link->target) };
                if (!made->path || !made->target)
                        return -ENOMEM;
        }
        return 0;
}

int plan_mounts(const PlanInput *in, LaunchPlan *p, Refusal *f) {
        _cleanup_(spots_clear) Spots base_spots = { 0 }, over_spots = { 0 };
        _cleanup_(layout_clear) Layout base = { 0 }, over = { 0 };
        int r = lay_template(in, &base_spots, &base);
        if (r == 0)
                r = lay_request(in, &base, &over_spots, &over);
        if (r == 0)
                r = check_bytes(&base, &over, f);
        if (r == 0)
                r = copy_mounts(&base, &p->template.mounts, &p->template.n_mounts, f);
        if (r == 0)
                r = copy_mounts(&over, &p->mounts, &p->n_mounts, f);
        return r < 0 ? r : make_links(in, &p->template);
}
