/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan-cache.h"

#include "cleanup.h"

typedef struct Entry {
        char *key;
        PlanLayout *layout;
        uint64_t used; /* for the least recently used to go first */
} Entry;

struct PlanCache {
        Entry entries[PLAN_CACHE_MAX];
        size_t n;
        uint64_t clock;
};

int plan_cache_new(PlanCache **ret) {
        *ret = calloc(1, sizeof(PlanCache));
        return *ret ? 0 : -ENOMEM;
}

static void entry_clear(Entry *e) {
        free(e->key);
        plan_layout_unref(e->layout);
        *e = (Entry){ .key = NULL };
}

void plan_cache_flush(PlanCache *c) {
        for (size_t i = 0; i < c->n; i++)
                entry_clear(&c->entries[i]);
        c->n = 0;
}

PlanCache *plan_cache_free(PlanCache *c) {
        if (c)
                plan_cache_flush(c);
        free(c);
        return NULL;
}

/* The workspace is last: no byte of it can be taken for another part. */
static char *key_of(const PlanInput *in) {
        char *key;
        int r = asprintf(&key, "%s %s %s %s", in->decision->effective->digest, in->decision->literal->digest,
                        in->stored ? in->stored->digest : "-", in->workspace ? in->workspace : "-");
        return r < 0 ? NULL : key;
}

static Entry *make_room(PlanCache *c) {
        if (c->n < PLAN_CACHE_MAX)
                return &c->entries[c->n++];
        Entry *oldest = &c->entries[0];
        for (size_t i = 1; i < c->n; i++)
                if (c->entries[i].used < oldest->used)
                        oldest = &c->entries[i];
        entry_clear(oldest);
        return oldest;
}

int plan_cache_get(PlanCache *c, const PlanInput *in, PlanLayout **ret, DecisionReason *ret_reason,
                char **ret_sentence) {
        _cleanup_free_ char *key = key_of(in);
        if (!key)
                return -ENOMEM;
        for (size_t i = 0; i < c->n; i++)
                if (streq(c->entries[i].key, key)) {
                        c->entries[i].used = ++c->clock;
                        *ret = plan_layout_ref(c->entries[i].layout);
                        return 0;
                }
        PlanLayout *layout;
        int r = plan_layout_new(in, &layout, ret_reason, ret_sentence);
        if (r < 0)
                return r;
        *make_room(c) = (Entry){
                .key = TAKE_PTR(key), .layout = plan_layout_ref(layout), .used = ++c->clock
        };
        *ret = layout;
        return 0;
}
