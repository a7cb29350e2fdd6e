/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cleanup.h"
#include "filter.h"
#include "template-cache.h"

struct TemplateCache {
        Template *list[TEMPLATE_CACHE_MAX];
        size_t n;
        uint64_t clock; /* counts uses */
};

DEFINE_CLEANUP(Template *, template_free);

Template *template_free(Template *t) {
        if (!t)
                return NULL;
        free(t->key);
        filter_program_clear(&t->init);
        filter_program_clear(&t->command);
        if (t->mount_ns >= 0)
                (void)close(t->mount_ns);
        free(t);
        return NULL;
}

int template_cache_new(TemplateCache **ret) {
        *ret = calloc(1, sizeof(TemplateCache));
        return *ret ? 0 : -ENOMEM;
}

static Template *find(TemplateCache *cache, const uint8_t *key, size_t key_size) {
        for (size_t i = 0; i < cache->n; i++)
                if (cache->list[i]->key_size == key_size && memcmp(cache->list[i]->key, key, key_size) == 0)
                        return cache->list[i];
        return NULL;
}

/* A free place, or the one that was not used for the longest time. */
static Template **place(TemplateCache *cache) {
        if (cache->n < TEMPLATE_CACHE_MAX)
                return &cache->list[cache->n++];
        size_t oldest = 0;
        for (size_t i = 1; i < cache->n; i++)
                if (cache->list[i]->used < cache->list[oldest]->used)
                        oldest = i;
        (void)template_free(cache->list[oldest]);
        return &cache->list[oldest];
}

int template_cache_get(TemplateCache *cache, const uint8_t *key, size_t key_size, const PlanTemplate *t, Template **ret,
                LaunchStep *ret_step, const char **ret_detail) {
        Template *found = find(cache, key, key_size);
        if (!found) {
                *ret_step = LAUNCH_STEP_TEMPLATE;
                _cleanup_(template_freep) Template *made = calloc(1, sizeof(Template));
                if (!made)
                        return -ENOMEM;
                made->mount_ns = -EBADF;
                made->key = malloc(key_size);
                if (!made->key)
                        return -ENOMEM;
                memcpy(made->key, key, key_size);
                made->key_size = key_size;
                *ret_step = LAUNCH_STEP_SECCOMP;
                int r = filter_compile(t, &made->init, &made->command, ret_detail);
                if (r < 0)
                        return r;
                found = made;
                *place(cache) = TAKE_PTR(made);
        }
        found->used = ++cache->clock;
        *ret = found;
        return 0;
}
