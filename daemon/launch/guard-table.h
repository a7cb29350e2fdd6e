/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* From rules to the entries of the guard's maps. Pure: what the kernel calls each object was asked before. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guard-abi.h"
#include "guard.h"

#define GUARD_TABLE_MAX 65536U /* entries of one sandbox */

/* What a key of the map "names" says, in a few bytes: a sandbox has hundreds, and one that mediates keeps them itself. */
typedef struct GuardTableKey {
        uint32_t node;
        uint32_t text; /* where in the table's text the name begins; it ends with a NUL */
        bool folded;
} GuardTableKey;

/* The names of a GuardRule's list. Places with nothing else below them share the node. */
typedef struct GuardTableList {
        const char *const *names;
        uint32_t flags, node;
        bool may_fold;
} GuardTableList;

#define GUARD_TABLE_LISTS 4U /* more are not shared */

typedef struct GuardTable {
        uint64_t cgroup;
        GuardAnchorKey *anchor_keys;
        GuardAnchor *anchors;
        size_t n_anchors, size_anchors;
        GuardTableKey *name_keys;
        GuardName *names;
        size_t n_names, size_names;
        char *text;
        size_t n_text, size_text;
        uint32_t n_nodes;
        GuardTableList lists[GUARD_TABLE_LISTS]; /* while it is filled */
        size_t n_lists;
        uint32_t *index;     /* of the names while they are added: a hash table of their numbers, from 1 */
        size_t n_index;      /* a power of two */
        uint32_t *order;     /* of the names, once they are sorted */
} GuardTable;

/* identities[i] belongs to rules[i]. -EINVAL for a path below something that is no root, or that is not relative and normal;
 * -ENAMETOOLONG for a name above GUARD_NAME_MAX; -E2BIG above GUARD_TABLE_MAX; -ENOMEM. Clear it in any case. */
int guard_table_fill(GuardTable *t, uint64_t cgroup, const GuardRule *rules, const GuardIdentity *identities, size_t n);
/* The i-th name as the map wants it. */
GuardNameKey guard_table_name_key(const GuardTable *t, size_t i);

/* For whoever keeps the rules without the kernel's programs: the same answers from the table itself. Once, after filling;
 * -ENOMEM. */
int guard_table_sort(GuardTable *t);

/* Flags of an object by what it is, and the node where the names below it begin (0: it is no root, or has none). generation: of
 * what is not a directory, as guard_table_fill() was told. */
uint32_t guard_table_object(const GuardTable *t, uint64_t ino, uint32_t dev, uint32_t generation, uint32_t *ret_node);

/* Flags of a name below a node, which becomes the node below that name, or 0. folds: in a directory that does not tell case
 * apart, where a name that may be another one in more ways than case is refused. Whether it matters is cheaper to find out. */
bool guard_table_folding_matters(const GuardTable *t, uint32_t node, const char *name, size_t length);
uint32_t guard_table_name(const GuardTable *t, uint32_t *node, const char *name, size_t length, bool folds);

void guard_table_clear(GuardTable *t); /* usable with _cleanup_() on a GuardTable */
