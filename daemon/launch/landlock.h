/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include <stdint.h>

/* The newest ABI of this kernel that this program knows how to use; 0 without Landlock. Found by asking Landlock itself. */
uint32_t landlock_abi(void);

struct Template;

/* The rules that all sandboxes of a template have, but that about /proc, which each has of its own: to be called where its root is laid
 * out (skeleton.h), for the rules are about the very objects that are there. *ret_ruleset stays without Landlock. */
int landlock_rules_ahead(const struct Template *t, int *ret_ruleset, const char **ret_detail);
