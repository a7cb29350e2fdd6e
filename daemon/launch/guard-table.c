/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/stat.h>

#include "cleanup.h"
#include "guard-table.h"

void guard_table_clear(GuardTable *t) {
        free(t->anchor_keys);
        free(t->anchors);
        free(t->name_keys);
        free(t->names);
        free(t->order);
        free(t->index);
        free(t->text);
        *t = (GuardTable){ 0 };
}

/* Room for one more in two arrays that grow together. */
static int grow(void **keys, size_t key_size, void **values, size_t value_size, size_t n, size_t *size) {
        if (n < *size)
                return 0;
        if (n >= GUARD_TABLE_MAX)
                return -E2BIG;
        size_t wanted = *size == 0 ? 64 : *size * 2;
        void *k = reallocarray(*keys, wanted, key_size);
        if (!k)
                return -ENOMEM;
        *keys = k;
        void *v = reallocarray(*values, wanted, value_size);
        if (!v)
                return -ENOMEM;
        *values = v;
        *size = wanted;
        return 0;
}

static uint32_t flags_of(GuardKind kind) {
        switch (kind) {
        case GUARD_RULE_ROOT:
                return GUARD_ROOT;
        case GUARD_RULE_DENY:
                return GUARD_DENIED;
        case GUARD_RULE_PROTECT:
                return GUARD_PROTECTED;
        case _GUARD_RULE_MAX:
                break;
        }
        return 0;
}

static GuardAnchor *find_anchor(GuardTable *t, const GuardIdentity *id) {
        for (size_t i = 0; i < t->n_anchors; i++)
                if (t->anchor_keys[i].ino == id->ino && t->anchor_keys[i].dev == id->dev)
                        return &t->anchors[i];
        return NULL;
}

/* One object has one anchor, whatever was said of it: the strictest holds. */
static int add_anchor(GuardTable *t, uint64_t cgroup, GuardKind kind, const GuardIdentity *id) {
        GuardAnchor *a = find_anchor(t, id);
        if (!a) {
                int r = grow((void **)&t->anchor_keys, sizeof(*t->anchor_keys), (void **)&t->anchors,
                                sizeof(*t->anchors), t->n_anchors, &t->size_anchors);
                if (r < 0)
                        return r;
                t->anchor_keys[t->n_anchors] =
                                (GuardAnchorKey){ .cgroup = cgroup, .ino = id->ino, .dev = id->dev };
                a = &t->anchors[t->n_anchors++];
                *a = (GuardAnchor){ .generation = id->generation, .by_generation = !S_ISDIR(id->mode) };
        }
        a->flags |= flags_of(kind);
        return 0;
}

/* A name below a node, before it is in the table. */
typedef struct Component {
        uint32_t node;
        bool folded;
        char name[GUARD_NAME_MAX + 1];
} Component;

static bool is_component(const GuardTable *t, const GuardTableKey *k, const Component *c) {
        return k->node == c->node && k->folded == c->folded && streq(t->text + k->text, c->name);
}

static size_t hash(uint32_t node, bool folded, const char *name) {
        uint32_t h = 2166136261U ^ node ^ (uint32_t)folded << 31; /* FNV-1a, begun elsewhere for each node */
        h *= 16777619U;
        for (const char *p = name; *p; p++)
                h = (h ^ (uint8_t)*p) * 16777619U;
        return h ^ h >> 15;
}

/* Where it is in the index, or where it would be. An index that is at most half full always has an end to this. */
static uint32_t *find_slot(const GuardTable *t, const Component *c) {
        for (size_t i = hash(c->node, c->folded, c->name);; i++) {
                uint32_t *slot = &t->index[i & (t->n_index - 1)];
                if (*slot == 0 || is_component(t, &t->name_keys[*slot - 1], c))
                        return slot;
        }
}

/* Of those in the table none is another's equal: the first free place is the one. */
static uint32_t *find_place(const GuardTable *t, const GuardTableKey *k) {
        for (size_t i = hash(k->node, k->folded, t->text + k->text);; i++)
                if (t->index[i & (t->n_index - 1)] == 0)
                        return &t->index[i & (t->n_index - 1)];
}

static int grow_index(GuardTable *t) {
        if (t->n_index > 2 * t->n_names)
                return 0;
        size_t n = t->n_index == 0 ? 256 : t->n_index * 2;
        uint32_t *index = calloc(n, sizeof(uint32_t));
        if (!index)
                return -ENOMEM;
        free(t->index);
        t->index = index;
        t->n_index = n;
        for (size_t i = 0; i < t->n_names; i++)
                *find_place(t, &t->name_keys[i]) = (uint32_t)i + 1;
        return 0;
}

static int add_text(GuardTable *t, const char *name, uint32_t *ret) {
        size_t n = strlen(name) + 1;
        if (t->n_text + n > t->size_text) { /* at most GUARD_TABLE_MAX names: far below what 32 bits count */
                size_t size = t->size_text == 0 ? 4096 : t->size_text * 2;
                char *grown = realloc(t->text, size);
                if (!grown)
                        return -ENOMEM;
                t->text = grown;
                t->size_text = size;
        }
        memcpy(t->text + t->n_text, name, n);
        *ret = (uint32_t)t->n_text;
        t->n_text += n;
        return 0;
}

/* The entry of that name, made when it is missing, as a number: the array moves. */
static int add_name(GuardTable *t, const Component *c, size_t *ret) {
        int r = grow_index(t);
        if (r < 0)
                return r;
        uint32_t *slot = find_slot(t, c);
        if (*slot == 0) {
                GuardTableKey key = { .node = c->node, .folded = c->folded };
                r = grow((void **)&t->name_keys, sizeof(*t->name_keys), (void **)&t->names,
                                sizeof(*t->names), t->n_names, &t->size_names);
                if (r == 0)
                        r = add_text(t, c->name, &key.text);
                if (r < 0)
                        return r;
                t->name_keys[t->n_names] = key;
                t->names[t->n_names] = (GuardName){ 0 };
                *slot = (uint32_t)++t->n_names;
        }
        *ret = *slot - 1;
        return 0;
}

/* Lower case, for ASCII alone: the programs refuse every other name in a directory that folds. */
static void fold_name(Component *c) {
        for (char *p = c->name; *p; p++)
                if (*p >= 'A' && *p <= 'Z')
                        *p = (char)(*p + ('a' - 'A'));
        c->folded = true;
}

/* One step down, to the entries of that name. Where the file system may fold case the folded name has one too; elsewhere the two are
 * one. */
static int add_component(GuardTable *t, Component *c, bool may_fold, size_t *plain, size_t *folded) {
        int r = add_name(t, c, plain);
        if (r < 0 || !may_fold) {
                *folded = *plain;
                return r;
        }
        fold_name(c);
        return add_name(t, c, folded);
}

/* What is said of a path, or of each name of a list below it. */
typedef struct Saying {
        uint32_t flags;
        bool may_fold;
        const char *const *list;
} Saying;

static int read_component(Component *c, uint32_t node, const char *path) {
        size_t length = strcspn(path, "/");
        if (length > GUARD_NAME_MAX)
                return -ENAMETOOLONG;
        *c = (Component){ .node = node };
        memcpy(c->name, path, length);
        return length == 0 || streq(c->name, ".") || streq(c->name, "..") ? -EINVAL : 0;
}

static const GuardTableList *find_list(const GuardTable *t, uint32_t node) {
        for (size_t i = 0; i < t->n_lists; i++)
                if (t->lists[i].node == node)
                        return &t->lists[i];
        return NULL;
}

/* Whether a shared node says it already. */
static bool is_said(const GuardTable *t, uint32_t node, const char *path, const Saying *s) {
        for (Component c; node != 0 && read_component(&c, node, path) == 0;) {
                uint32_t slot = *find_slot(t, &c);
                if (slot == 0)
                        return false;
                path += strcspn(path, "/");
                if (!*path)
                        return (t->names[slot - 1].flags & s->flags) == s->flags;
                path++;
                if (s->may_fold) {
                        fold_name(&c);
                        slot = *find_slot(t, &c);
                }
                node = slot == 0 ? 0 : t->names[slot - 1].node;
        }
        return false;
}

static int add_steps(GuardTable *t, uint32_t node, const char *path, const Saying *s);

static int add_names(GuardTable *t, uint32_t node, const char *const *names, uint32_t flags, bool may_fold) {
        const Saying s = { .flags = flags, .may_fold = may_fold };
        int r = 0;
        for (; r == 0 && *names; names++)
                r = add_steps(t, node, *names, &s);
        return r;
}

/* Gives an entry a node of its own, with all that the shared one says. */
static int unshare(GuardTable *t, const GuardTableList *list, size_t entry) {
        uint32_t node = ++t->n_nodes;
        t->names[entry].node = node;
        return add_names(t, node, list->names, list->flags, list->may_fold);
}

static bool is_list(const GuardTableList *list, const Saying *s) {
        return list->names == s->list && list->flags == s->flags && list->may_fold == s->may_fold;
}

/* A list's node, made when it is the first time. *ret stays 0 when there is no room for one that is shared. */
static int share(GuardTable *t, const Saying *s, uint32_t *ret) {
        for (size_t i = 0; i < t->n_lists; i++)
                if (is_list(&t->lists[i], s)) {
                        *ret = t->lists[i].node;
                        return 0;
                }
        if (t->n_lists == GUARD_TABLE_LISTS)
                return 0;
        GuardTableList *list = &t->lists[t->n_lists++];
        *list = (GuardTableList){ s->list, s->flags, ++t->n_nodes, s->may_fold };
        *ret = list->node;
        return add_names(t, list->node, list->names, list->flags, list->may_fold);
}

/* The names of a list below an entry. */
static int add_list(GuardTable *t, size_t entry, const Saying *s) {
        uint32_t node = t->names[entry].node;
        const GuardTableList *shared = node == 0 ? NULL : find_list(t, node);
        if (shared && is_list(shared, s))
                return 0;
        if (node == 0) {
                int r = share(t, s, &node);
                t->names[entry].node = node;
                if (r < 0 || node != 0)
                        return r;
                t->names[entry].node = ++t->n_nodes;
        }
        int r = shared ? unshare(t, shared, entry) : 0;
        return r < 0 ? r : add_names(t, t->names[entry].node, s->list, s->flags, s->may_fold);
}

/* Along a path from a node that nothing else shares. Only folded names get nodes here: settle() */
static int add_steps(GuardTable *t, uint32_t node, const char *path, const Saying *s) {
        for (Component c;;) {
                size_t plain, folded;
                int r = read_component(&c, node, path);
                if (r == 0)
                        r = add_component(t, &c, s->may_fold, &plain, &folded);
                if (r < 0)
                        return r;
                path += strcspn(path, "/");
                if (!*path && s->list)
                        return add_list(t, folded, s);
                if (!*path) {
                        t->names[plain].flags |= s->flags;
                        t->names[folded].flags |= s->flags;
                        return 0;
                }
                path++;
                if (t->names[folded].node == 0)
                        t->names[folded].node = ++t->n_nodes;
                node = t->names[folded].node;
                const GuardTableList *shared = find_list(t, node);
                if (!shared)
                        continue;
                if (!s->list && is_said(t, node, path, s))
                        return 0;
                r = unshare(t, shared, folded);
                if (r < 0)
                        return r;
                node = t->names[folded].node;
        }
}

static int add_path(GuardTable *t, const GuardRule *rule, const GuardIdentity *id) {
        GuardAnchor *root = find_anchor(t, id);
        if (!root || !(root->flags & GUARD_ROOT) || !S_ISDIR(id->mode))
                return -EINVAL;
        if (root->node == 0)
                root->node = ++t->n_nodes;
        const Saying s = { flags_of(rule->kind), id->may_fold, rule->below };
        return add_steps(t, root->node, rule->path, &s);
}

/* The names of one pass: lists come first, for what they share is then there already for most other rules. */
static int add_paths(GuardTable *t, const GuardRule *rules, const GuardIdentity *identities, size_t n,
                bool lists) {
        int r = 0;
        for (size_t i = 0; r == 0 && i < n; i++) {
                if (!rules[i].path || (rules[i].below != NULL) != lists)
                        continue;
                r = rules[i].kind == GUARD_RULE_ROOT ? -EINVAL : add_path(t, &rules[i], &identities[i]);
        }
        return r;
}

/* Where the file system may fold case, the names that fold to one share a node. */
static void settle(GuardTable *t) {
        for (size_t i = 0; i < t->n_names; i++) {
                const GuardTableKey *k = &t->name_keys[i];
                Component c = { .node = k->node };
                if (k->folded)
                        continue;
                (void)snprintf(c.name, sizeof(c.name), "%s", t->text + k->text);
                fold_name(&c);
                uint32_t slot = *find_slot(t, &c);
                if (slot != 0)
                        t->names[i].node = t->names[slot - 1].node;
        }
}

int guard_table_fill(GuardTable *t, uint64_t cgroup, const GuardRule *rules, const GuardIdentity *identities,
                size_t n) {
        t->cgroup = cgroup;
        for (size_t i = 0; i < n; i++) {
                if (rules[i].path)
                        continue;
                int r = add_anchor(t, cgroup, rules[i].kind, &identities[i]);
                if (r < 0)
                        return r;
        }
        int r = add_paths(t, rules, identities, n, true);
        if (r == 0)
                r = add_paths(t, rules, identities, n, false);
        if (r == 0 && t->n_names > 0)
                settle(t);
        return r;
}

GuardNameKey guard_table_name_key(const GuardTable *t, size_t i) {
        const GuardTableKey *k = &t->name_keys[i];
        GuardNameKey key = { .cgroup = t->cgroup, .node = k->node, .folded = k->folded };
        (void)snprintf(key.name, sizeof(key.name), "%s", t->text + k->text);
        return key;
}

/* ---- finding ---- */

static int compare_names(
                uint32_t node, bool folded, const char *name, const GuardTable *t, const GuardTableKey *k) {
        if (node != k->node)
                return node < k->node ? -1 : 1;
        if (folded != k->folded)
                return folded < k->folded ? -1 : 1;
        return strcmp(name, t->text + k->text);
}

static int compare_order(const void *a, const void *b, void *table) {
        const GuardTable *t = table;
        const GuardTableKey *k = &t->name_keys[*(const uint32_t *)a];
        return compare_names(k->node, k->folded, t->text + k->text, t, &t->name_keys[*(const uint32_t *)b]);
}

int guard_table_sort(GuardTable *t) {
        uint32_t *order = reallocarray(t->order, t->n_names + 1, sizeof(uint32_t));
        if (!order)
                return -ENOMEM;
        t->order = order;
        for (size_t i = 0; i < t->n_names; i++)
                order[i] = (uint32_t)i;
        if (t->n_names > 0)
                qsort_r(order, t->n_names, sizeof(uint32_t), compare_order, t);
        return 0;
}

static const GuardName *find_name(const GuardTable *t, const Component *component) {
        size_t low = 0, high = t->n_names;
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int c = compare_names(component->node, component->folded, component->name, t,
                                &t->name_keys[t->order[middle]]);
                if (c == 0)
                        return &t->names[t->order[middle]];
                if (c < 0)
                        high = middle;
                else
                        low = middle + 1;
        }
        return NULL;
}

/* What guard.bpf.c does in its place: letters beyond ASCII, short names (GIT~1), trailing dots and blanks are not followed. */
static bool may_be_another(const char *name, size_t length) {
        for (size_t i = 0; i < length; i++)
                if (name[i] < 0x20 || name[i] > 0x7d)
                        return true;
        return length > 0 && (name[length - 1] == '.' || name[length - 1] == ' ');
}

uint32_t guard_table_object(
                const GuardTable *t, uint64_t ino, uint32_t dev, uint32_t generation, uint32_t *ret_node) {
        *ret_node = 0;
        for (size_t i = 0; i < t->n_anchors; i++) {
                const GuardAnchor *a = &t->anchors[i];
                if (t->anchor_keys[i].ino != ino || t->anchor_keys[i].dev != dev ||
                                (a->by_generation && a->generation != generation))
                        continue;
                *ret_node = a->node;
                return a->flags;
        }
        return 0;
}

static const GuardName *look_up(
                const GuardTable *t, uint32_t node, const char *name, size_t length, bool folded) {
        Component c = { .node = node };
        memcpy(c.name, name, length);
        if (folded)
                fold_name(&c);
        return find_name(t, &c);
}

bool guard_table_folding_matters(const GuardTable *t, uint32_t node, const char *name, size_t length) {
        if (node == 0 || length > GUARD_NAME_MAX)
                return false;
        if (may_be_another(name, length))
                return true;
        const GuardName *exact = look_up(t, node, name, length, false),
                        *folded = look_up(t, node, name, length, true);
        if (!exact || !folded)
                return exact != folded;
        return exact->flags != folded->flags || exact->node != folded->node;
}

uint32_t guard_table_name(const GuardTable *t, uint32_t *node, const char *name, size_t length, bool folds) {
        uint32_t above = *node;
        if (above == 0)
                return 0;
        *node = 0;
        if (length > GUARD_NAME_MAX || (folds && may_be_another(name, length)))
                return GUARD_DENIED | GUARD_PROTECTED;
        const GuardName *found = look_up(t, above, name, length, folds);
        if (!found)
                return 0;
        *node = found->node;
        return found->flags;
}
