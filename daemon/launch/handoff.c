/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names that a host program later trusts, and names that are denied: what must hold whether or not anything is there. Here it
 * is written down as rules, while the host's tree is still in sight; the guard keeps them, or mounts and mediation do. */

#include "cage.h"
#include "cleanup.h"
#include "open.h"

static int add_rule(Cage *c, GuardKind kind, int fd, const char *path) {
        GuardRule *grown = reallocarray(c->rules, c->n_rules + 1, sizeof(GuardRule));
        if (!grown)
                return -ENOMEM;
        c->rules = grown;
        c->rules[c->n_rules++] = (GuardRule){ kind, fd, path };
        return 0;
}

/* The deepest grant that has path below it, or NULL. */
static const Opened *grant_above(const Cage *c, const char *path) {
        const Opened *deepest = NULL;
        for (size_t i = 0; i < c->plan->n_mounts; i++) {
                const Opened *o = &c->opened[i];
                if (o->tree >= 0 && o->is_dir && path_is_below(path, o->mount->path) &&
                                (!deepest || strlen(o->mount->path) > strlen(deepest->mount->path)))
                        deepest = o;
        }
        return deepest;
}

static int add_names_of(Cage *c, const Opened *o) {
        for (size_t i = 0; i < c->plan->n_handoff; i++) {
                if (c->plan->handoff[i].where != PLAN_HANDOFF_ROOT)
                        continue;
                int r = add_rule(c, GUARD_RULE_PROTECT, o->tree, c->plan->handoff[i].path);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_denied(Cage *c, const PlanMount *m) {
        const Opened *above = grant_above(c, m->path);
        if (!above)
                return 0;
        const char *rest = m->path + strlen(above->mount->path);
        return add_rule(c, GUARD_RULE_DENY, above->tree, rest + strspn(rest, "/"));
}

int wall_handoff(Cage *c) {
        for (size_t i = 0; i < c->plan->n_mounts; i++) {
                const Opened *o = &c->opened[i];
                int r = 0;
                if (o->tree >= 0)
                        r = add_rule(c, GUARD_RULE_ROOT, o->tree, NULL);
                if (r == 0 && o->tree >= 0 && o->is_dir && o->mount->access == PLAN_READWRITE)
                        r = add_names_of(c, o);
                if (r == 0 && o->mount->access == PLAN_DENIED)
                        r = add_denied(c, o->mount);
                if (r < 0)
                        return r;
        }
        return 0;
}
