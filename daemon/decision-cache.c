/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "decision-cache.h"
#include "cleanup.h"

typedef struct Key {
        char digests[3][sizeof(
                        ((Policy *)NULL)->digest)]; /* requested, agent ("" where there is none), ceiling */
        char *paths[3];                             /* workspace, home, runtime; NULL where not bound */
        bool clamp;
        Containment containment;
} Key;

typedef struct Entry {
        Key key;
        Policy *effective, *literal; /* references; NULL in a free entry */
        char *cut;                   /* or NULL */
        uint64_t used;
} Entry;

struct DecisionCache {
        Entry list[DECISION_CACHE_MAX];
        uint64_t clock; /* counts uses */
};

static void paths_of(const DecideInput *in, const char *ret[3]) {
        ret[0] = in->binding.workspace;
        ret[1] = in->binding.home;
        ret[2] = in->binding.runtime;
}

static bool is_for(const Key *k, const DecideInput *in) {
        const Policy *policies[] = { in->requested, in->agent, in->ceiling };
        const char *paths[3];
        paths_of(in, paths);
        if (k->clamp != in->clamp || k->containment != in->containment)
                return false;
        for (size_t i = 0; i < 3; i++) {
                if (!streq(k->digests[i], policies[i] ? policies[i]->digest : ""))
                        return false;
                if (!k->paths[i] != !paths[i] || (paths[i] && !streq(k->paths[i], paths[i])))
                        return false;
        }
        return true;
}

static void entry_clear(Entry *e) {
        for (size_t i = 0; i < 3; i++)
                free(e->key.paths[i]);
        policy_unref(e->effective);
        policy_unref(e->literal);
        free(e->cut);
        *e = (Entry){ 0 };
}

static int entry_fill(Entry *e, const DecideInput *in, const Decision *d) {
        const Policy *policies[] = { in->requested, in->agent, in->ceiling };
        const char *paths[3];
        paths_of(in, paths);
        e->key.clamp = in->clamp;
        e->key.containment = in->containment;
        for (size_t i = 0; i < 3; i++) {
                if (policies[i])
                        memcpy(e->key.digests[i], policies[i]->digest, sizeof(e->key.digests[i]));
                e->key.paths[i] = paths[i] ? strdup(paths[i]) : NULL;
                if (paths[i] && !e->key.paths[i])
                        return -ENOMEM;
        }
        if (d->cut) {
                e->cut = strdup(d->cut);
                if (!e->cut)
                        return -ENOMEM;
        }
        e->effective = policy_ref(d->effective);
        e->literal = policy_ref(d->literal);
        return 0;
}

static int entry_use(const Entry *e, Decision *ret) {
        _cleanup_free_ char *clause = strdup(""), *cut = e->cut ? strdup(e->cut) : NULL;
        if (!clause || (e->cut && !cut))
                return -ENOMEM;
        *ret = (Decision){
                .verdict = VERDICT_ALLOW,
                .reason = REASON_ALLOWED,
                .clause = TAKE_PTR(clause),
                .bound = "",
                .cut = TAKE_PTR(cut),
                .effective = policy_ref(e->effective),
                .literal = policy_ref(e->literal),
        };
        return 0;
}

int decision_cache_new(DecisionCache **ret) {
        DecisionCache *c = calloc(1, sizeof(DecisionCache));
        if (!c)
                return -ENOMEM;
        *ret = c;
        return 0;
}

DecisionCache *decision_cache_free(DecisionCache *c) {
        for (size_t i = 0; c && i < DECISION_CACHE_MAX; i++)
                entry_clear(&c->list[i]);
        free(c);
        return NULL;
}

/* Whoever may send documents may not fill the memory with them. */
static bool is_small(const Policy *p) {
        _cleanup_free_ char *text = policy_canonical(p);
        return text && strlen(text) <= DECISION_CACHE_BYTES;
}

int decision_cache_get(DecisionCache *c, const DecideInput *in, Decision *ret) {
        Entry *oldest = &c->list[0];
        for (size_t i = 0; i < DECISION_CACHE_MAX; i++) {
                Entry *e = &c->list[i];
                if (e->effective && is_for(&e->key, in)) {
                        e->used = ++c->clock;
                        return entry_use(e, ret);
                }
                if (e->used < oldest->used)
                        oldest = e;
        }
        int r = decide(in, ret);
        if (r < 0 || ret->verdict == VERDICT_DENY || !is_small(ret->effective) || !is_small(ret->literal))
                return r;
        entry_clear(oldest);
        if (entry_fill(oldest, in, ret) < 0)
                entry_clear(oldest); /* the decision holds without being remembered */
        else
                oldest->used = ++c->clock;
        return 0;
}
