/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a command finds in its environment. Nothing is inherited: what is not offered and passed, set by the policy, or one
 * of the few words that every program counts on, is not there. */

#include "plan-internal.h"

/* Where a variable could come from; the highest of one name is used. */
typedef enum EnvRank {
        ENV_DEFAULT,
        ENV_SET,     /* by the policy: where the name is passed as well, only a default of its own */
        ENV_OFFERED, /* plus the place in the list: of two, the later */
} EnvRank;

typedef struct EnvEntry {
        char *text; /* NAME=value, owned */
        size_t name_bytes;
        size_t rank;
} EnvEntry;

typedef struct EnvList {
        EnvEntry *list;
        size_t n, size;
} EnvList;

static void env_list_clear(EnvList *l) {
        for (size_t i = 0; i < l->n; i++)
                free(l->list[i].text);
        free(l->list);
}

static int append(EnvList *l, const char *name, const char *value, size_t rank) {
        if (l->n == l->size) {
                size_t size = l->size == 0 ? 64 : l->size * 2;
                EnvEntry *grown = reallocarray(l->list, size, sizeof(EnvEntry));
                if (!grown)
                        return -ENOMEM;
                l->list = grown;
                l->size = size;
        }
        EnvEntry e = { .name_bytes = strlen(name), .rank = rank };
        if (asprintf(&e.text, "%s=%s", name, value) < 0)
                return -ENOMEM;
        l->list[l->n++] = e;
        return 0;
}

static bool allows(const Policy *p, const char *name, const char *value) {
        const PolicyRequest q = { .kind = REQUEST_ENV, .target = name, .value = value };
        return policy_allows(p, &q, NULL) == VERDICT_ALLOW;
}

static int add_offered(EnvList *l, const Policy *p, char *const *offered) {
        size_t bytes = 0;
        for (size_t i = 0; offered && offered[i]; i++) {
                const char *equals = strchr(offered[i], '=');
                size_t size = strlen(offered[i]) + 1;
                bytes += size;
                if (i >= LIMIT_ENV || bytes > LIMIT_ENV_BYTES || size > PLAN_WORD_BYTES)
                        return -E2BIG;
                if (!equals || equals == offered[i])
                        return -EINVAL;
                _cleanup_free_ char *name = strndup(offered[i], (size_t)(equals - offered[i]));
                if (!name)
                        return -ENOMEM;
                int r = allows(p, name, equals + 1) ? append(l, name, equals + 1, ENV_OFFERED + i) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_set(EnvList *l, const Policy *p) {
        int r = 0;
        for (size_t i = 0; r == 0 && i < p->n_set_env; i++)
                r = append(l, p->set_env[i].name, p->set_env[i].value, ENV_SET);
        return r;
}

static int add_defaults(EnvList *l, const Policy *p, const User *owner) {
        const struct {
                const char *name, *value;
                bool always;
        } defaults[] = {
                { "HOME", owner->home ? owner->home : "/", false },
                { "LOGNAME", owner->name, false },
                /* what a program without one would assume; no policy can mean anything by leaving it out */
                { "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", true },
                { "SHELL", "/bin/sh", false },
                { "USER", owner->name, false },
        };
        int r = 0;
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(defaults); i++)
                if (defaults[i].always || allows(p, defaults[i].name, defaults[i].value))
                        r = append(l, defaults[i].name, defaults[i].value, ENV_DEFAULT);
        return r;
}

/* By name; of one name the highest first. */
static int compare_entries(const void *a, const void *b) {
        const EnvEntry *x = a, *y = b;
        size_t n = x->name_bytes < y->name_bytes ? x->name_bytes : y->name_bytes;
        int r = memcmp(x->text, y->text, n);
        if (r != 0)
                return r;
        if (x->name_bytes != y->name_bytes)
                return x->name_bytes < y->name_bytes ? -1 : 1;
        return x->rank > y->rank ? -1 : x->rank < y->rank ? 1 : 0;
}

static bool same_name(const EnvEntry *a, const EnvEntry *b) {
        return a->name_bytes == b->name_bytes && memcmp(a->text, b->text, a->name_bytes) == 0;
}

static int take(EnvList *l, char ***ret, size_t *ret_n) {
        size_t kept = 0, bytes = 0;
        char **env = calloc(l->n + 1, sizeof(char *));
        if (!env)
                return -ENOMEM;
        for (size_t i = 0; i < l->n; i++) {
                if (i > 0 && same_name(&l->list[i - 1], &l->list[i]))
                        continue;
                bytes += strlen(l->list[i].text) + 1;
                env[kept++] = l->list[i].text;
        }
        if (kept > LIMIT_ENV || bytes > LIMIT_ENV_BYTES) {
                free(env); /* the strings are still the list's */
                return -E2BIG;
        }
        for (size_t i = 0, k = 0; i < l->n; i++)
                if (k < kept && l->list[i].text == env[k]) {
                        l->list[i].name_bytes = 0;
                        l->list[i].text = NULL;
                        k++;
                }
        *ret = env;
        *ret_n = kept;
        return 0;
}

int plan_environment(const Policy *effective, const User *owner, char *const *offered, char ***ret,
                size_t *ret_n) {
        _cleanup_(env_list_clear) EnvList l = { 0 };
        int r = add_offered(&l, effective, offered);
        if (r == 0)
                r = add_set(&l, effective);
        if (r == 0)
                r = add_defaults(&l, effective, owner);
        if (r < 0)
                return r;
        if (l.n > 0)
                qsort(l.list, l.n, sizeof(EnvEntry), compare_entries);
        return take(&l, ret, ret_n);
}
