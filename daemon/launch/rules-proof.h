/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A place with rules about names, and attempts at what they forbid and what they allow. Whoever claims to keep rules (the guard;
 * mediation) is tried with the same ones. */

#include "guard.h"

#define RULES_PROOF_RULES 7

/* A file system that is mounted nowhere, and goes with its descriptor, in it what the attempts need; root's. */
int rules_proof_make(int *ret_dir);

/* *ret_denied is the caller's, and must stay open as long as the rules are used. */
int rules_proof_rules(int dir, int *ret_denied, GuardRule ret[RULES_PROOF_RULES]);

/* Where the rules hold: 0, or the number of the first attempt that did not end as it should, below 255. Only once in each place. */
int rules_proof_attempt(int dir);
const char *rules_proof_name(int number);
