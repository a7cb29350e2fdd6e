/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include "launcher.h"
#include "slow-mounts.h"
#include "template.h"

#define TEMPLATE_CACHE_MAX 64U

typedef struct TemplateCache TemplateCache;

int template_cache_new(Launcher *l, TemplateCache **ret);

/* The template with these encoded bytes, from the cache or begun now. Borrowed until the next return to the loop. plan: one
 * with this template. Its namespace is made in the background where it is missing: a spawn never waits for that. On failure *ret_detail is static, or NULL. */
int template_cache_get(Launcher *l, const uint8_t *key, size_t key_size, const LaunchPlan *plan, Template **ret,
                const char **ret_detail);

/* PlanTemplateFind over those that are there; userdata: the Launcher. What it gives is borrowed as theirs. */
const PlanTemplate *template_cache_known(const uint8_t *data, size_t size, size_t *ret_size, void *launcher);

/* Whether the namespace of a template shows what the host has. It takes a while: let a child that may use it begin meanwhile. */
bool template_is_current(const Template *t);

/* It does not: it is made again. */
void template_outdate(Launcher *l, Template *t);

/* Of the host, as its mount table was when it last changed. */
const SlowMounts *template_cache_slow_mounts(const Launcher *l);

/* The proof ended, in a network of that kind: every parked request is served, or (error, positive) refused with that. Of step PROOF: EACCES,
 * and the wall that failed, or ECANCELED, and how the proof died; of another, what a sandbox would be refused with as well. */
void template_proof_done(Launcher *l, Template *t, bool steered, uint32_t step, int error, const char *detail);

/* Ends builds that take too long; true while there are any. */
bool template_cache_expire(Launcher *l);
