/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* From rules to the entries of the guard's maps. Pure: what the kernel calls each object was asked before. */

#include <stddef.h>
#include <stdint.h>

#include "guard-abi.h"
#include "guard.h"

#define GUARD_TABLE_MAX 65536U /* entries of one sandbox */

typedef struct GuardTable {
        GuardAnchorKey *anchor_keys;
        GuardAnchor *anchors;
        size_t n_anchors, size_anchors;
        GuardNameKey *name_keys;
        GuardName *names;
        size_t n_names, size_names;
        uint32_t n_nodes;
} GuardTable;

/* identities[i] belongs to rules[i]. -EINVAL for a path below something that is no root, or that is not relative and normal;
 * -ENAMETOOLONG for a name above GUARD_NAME_MAX; -E2BIG above GUARD_TABLE_MAX; -ENOMEM. Clear it in any case. */
int guard_table_fill(GuardTable *t, uint64_t cgroup, const GuardRule *rules, const GuardIdentity *identities, size_t n);
void guard_table_clear(GuardTable *t); /* usable with _cleanup_() on a GuardTable */
