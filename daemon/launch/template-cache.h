/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include "report.h"
#include "template.h"

#define TEMPLATE_CACHE_MAX 64U

typedef struct TemplateCache TemplateCache;

int template_cache_new(TemplateCache **ret);

/* The template with these encoded bytes, from the cache or made now. Borrowed: valid until the next call. On failure *ret_step
 * and *ret_detail (static, or of t) say where. */
int template_cache_get(TemplateCache *cache, const uint8_t *key, size_t key_size, const PlanTemplate *t, Template **ret,
                LaunchStep *ret_step, const char **ret_detail);
