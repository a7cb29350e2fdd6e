/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Decisions are a function of their input, so one that allowed something can be used again: a program that runs command after
 * command in one workspace waits for the algebra once. Keyed by the digests of the three policies, the paths bound and what was
 * asked for; a policy that changes has another digest, so nothing here can be out of date. Refusals are not kept: their
 * clauses are of the document as it was written, which a digest does not know. */

#include "decide.h"

#define DECISION_CACHE_MAX 64U
#define DECISION_CACHE_BYTES (32U * 1024) /* canonical form of a policy that is kept: the installed ones have 10 KiB, and a caller's document
                                             may have 256 */

typedef struct DecisionCache DecisionCache;
int decision_cache_new(DecisionCache **ret);
DecisionCache *decision_cache_free(DecisionCache *c);

/* As decide(). What *ret holds is shared by reference: decision_clear() it as any other. */
int decision_cache_get(DecisionCache *c, const DecideInput *in, Decision *ret);
