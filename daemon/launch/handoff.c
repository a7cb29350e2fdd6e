/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names that a host program later trusts, and names that are denied: what must hold whether or not anything is there. Here they
 * become rules, while the host's tree is still in sight and by the eyes of the owner; the guard keeps them, or
 * mediation does. */

#include <fcntl.h>

#include "cage.h"
#include "cleanup.h"
#include "findings.h"
#include "handoff-search.h"
#include "name-rules.h"
#include "open.h"

/* ---- what is granted ---- */

static int add_root(Cage *c, const char *path, int fd, int host, bool writable) {
        int ours = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (ours < 0) {
                int r = -errno;
                cleanup_closep(&host);
                return r;
        }
        return names_add_root(c->names, path, ours, host, writable, true, NULL);
}

static int add_request_roots(Cage *c) {
        for (size_t i = 0; i < c->plan->n_mounts; i++) {
                Opened *o = &c->opened[i];
                if (o->tree < 0)
                        continue;
                int r = add_root(c, o->mount->path, o->tree, TAKE_FD(o->host),
                                o->mount->access == PLAN_READWRITE);
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool denies_around(const PlanMount *list, size_t n, const char *path) {
        for (size_t i = 0; i < n; i++)
                if (list[i].access == PLAN_DENIED &&
                                (path_is_below(list[i].path, path) || path_is_below(path, list[i].path)))
                        return true;
        return false;
}

/* Of what the policy itself grants, what can be written or has something denied above or below it. */
static int add_template_roots(Cage *c) {
        const PlanTemplate *t = &c->plan->template;
        for (size_t i = 0; i < t->n_mounts; i++) {
                const PlanMount *m = &t->mounts[i];
                if (m->access == PLAN_DENIED || names_find_root(c->names, m->path) != NO_ROOT)
                        continue;
                if (m->access != PLAN_READWRITE && !denies_around(t->mounts, t->n_mounts, m->path) &&
                                !denies_around(c->plan->mounts, c->plan->n_mounts, m->path))
                        continue;
                c->detail = m->path;
                int host = open_path(AT_FDCWD, m->path, NULL, 0);
                if (host == -ENOENT && !m->required)
                        continue;
                int r = host < 0 ? host : add_root(c, m->path, host, host, m->access == PLAN_READWRITE);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- what is denied ---- */

static int add_denied(Cage *c, const PlanMount *m) {
        size_t root = names_root_above(c->names, m->path);
        c->detail = m->path;
        if (root != NO_ROOT) {
                const NameRoot *above = &c->names->roots[root];
                const char *rest = m->path + (above->path[1] ? strlen(above->path) : 0);
                return streq(m->path, above->path) ? 0
                                                   : names_add(c->names, GUARD_RULE_DENY, root, above->host,
                                                                     "", rest + 1);
        }
        return c->names->by_object ? names_add_object(c->names, GUARD_RULE_DENY, m->path) : 0;
}

static int add_denied_of(Cage *c, const PlanMount *list, size_t n, bool as_owner) {
        for (size_t i = 0; i < n; i++) {
                if (list[i].access != PLAN_DENIED || list[i].as_owner != as_owner)
                        continue;
                int r = add_denied(c, &list[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- the wall ---- */

/* For whoever keeps them. Names outlive this; host descriptors do not: they see more than the cage. */
static int hand_over(Cage *c) {
        Names *n = c->names;
        for (size_t i = 0; i < n->n_roots; i++) {
                cleanup_closep(&n->roots[i].host);
                n->roots[i].host = -EBADF;
        }
        c->rules = calloc(n->n_roots + n->n_rules + 1, sizeof(GuardRule));
        if (!c->rules)
                return -ENOMEM;
        for (size_t i = 0; i < n->n_roots; i++)
                c->rules[c->n_rules++] = (GuardRule){ GUARD_RULE_ROOT, n->roots[i].fd, NULL };
        for (size_t i = 0; i < n->n_rules; i++) {
                const NameRule *rule = &n->rules[i];
                c->rules[c->n_rules++] = (GuardRule){ rule->kind,
                        rule->path ? n->roots[rule->root].fd : rule->fd, rule->path, rule->below };
        }
        return 0;
}

static bool denies_anything(const LaunchPlan *p) {
        for (size_t i = 0; i < p->n_mounts; i++)
                if (p->mounts[i].access == PLAN_DENIED)
                        return true;
        for (size_t i = 0; i < p->template.n_mounts; i++)
                if (p->template.mounts[i].access == PLAN_DENIED)
                        return true;
        return false;
}

static int gather(Cage *c) {
        const LaunchPlan *p = c->plan;
        int r = add_request_roots(c);
        if (r == 0)
                r = add_template_roots(c);
        if (r < 0 || (p->n_handoff == 0 && !denies_anything(p)))
                return r;
        r = see_as_owner(p);
        if (r == 0 && p->n_handoff > 0)
                r = handoff_search(c);
        if (r == 0)
                r = add_denied_of(c, p->mounts, p->n_mounts, true);
        int q = see_as_root();
        if (r < 0 || q < 0)
                return r < 0 ? r : q;
        r = add_denied_of(c, p->mounts, p->n_mounts, false);
        return r < 0 ? r : add_denied_of(c, p->template.mounts, p->template.n_mounts, false);
}

int wall_handoff(Cage *c) {
        c->names = calloc(1, sizeof(Names));
        if (!c->names)
                return -ENOMEM;
        c->names->by_object = c->guarded || c->can_mediate;
        c->names->plan = c->plan;
        int r = findings_new(c->plan, &c->findings);
        if (r == 0)
                r = gather(c);
        if (r < 0)
                return r;
        c->detail = NULL;
        return hand_over(c);
}
