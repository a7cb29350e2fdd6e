/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy-internal.h"

/* The environment as permissions: (name, value) is allowed where the name is passed, or set to exactly that value. */

int env_add(EnvVar **vars, size_t *n, const char *name, const char *value) {
        _cleanup_free_ char *copy_name = strdup(name), *copy_value = strdup(value);
        if (!copy_name || !copy_value)
                return -ENOMEM;
        EnvVar *v = array_append(vars, n, sizeof(EnvVar));
        if (!v)
                return -ENOMEM;
        *v = (EnvVar){ .name = TAKE_PTR(copy_name), .value = TAKE_PTR(copy_value) };
        return 0;
}

void env_free(EnvVar *vars, size_t n) {
        for (size_t i = 0; i < n; i++) {
                free(vars[i].name);
                free(vars[i].value);
        }
        free(vars);
}

static int compare_vars(const void *a, const void *b) {
        const EnvVar *x = a, *y = b;
        return strcmp(x->name, y->name);
}

void env_sort(EnvVar *vars, size_t n) {
        if (n > 0)
                qsort(vars, n, sizeof(EnvVar), compare_vars);
}

const char *env_get(const EnvVar *vars, size_t n, const char *name) {
        for (size_t i = 0; i < n; i++)
                if (streq(vars[i].name, name))
                        return vars[i].value;
        return NULL;
}

static bool env_passes(const Policy *p, const char *name) {
        return p->pass_all_env || strings_has(p->pass_env, p->n_pass_env, name);
}

bool env_allows(const Policy *p, const char *name, const char *value) {
        if (!env_name_is_valid(name))
                return false;
        if (env_passes(p, name))
                return true;
        const char *set = env_get(p->set_env, p->n_set_env, name);
        return set && streq(set, value);
}

static int meet_pass(const Policy *a, const Policy *b, Policy *m) {
        for (size_t i = 0; i < a->n_pass_env; i++)
                if (env_passes(b, a->pass_env[i])) {
                        int r = strings_add(&m->pass_env, &m->n_pass_env, a->pass_env[i]);
                        if (r < 0)
                                return r;
                }
        return 0;
}

static int meet_set(const Policy *a, const Policy *b, Policy *m) {
        for (size_t i = 0; i < a->n_set_env; i++) {
                const EnvVar *v = &a->set_env[i];
                /* Both set it, to different values, and both pass it: any value is allowed, and the first stays. */
                if (!env_allows(b, v->name, v->value) || env_get(m->set_env, m->n_set_env, v->name))
                        continue;
                int r = env_add(&m->set_env, &m->n_set_env, v->name, v->value);
                if (r < 0)
                        return r;
        }
        return 0;
}

int env_meet(const Policy *a, const Policy *b, Policy *m) {
        m->pass_all_env = a->pass_all_env && b->pass_all_env;
        int r = meet_pass(a, b, m);
        if (r < 0)
                return r;
        r = meet_pass(b, a, m);
        if (r < 0)
                return r;
        strings_sort(m->pass_env, &m->n_pass_env);
        r = meet_set(a, b, m);
        return r < 0 ? r : meet_set(b, a, m);
}

bool env_name_is_valid(const char *name) {
        static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
        size_t n = strlen(name);
        return n > 0 && n <= LIMIT_POLICY_ENV_NAME_BYTES && !(*name >= '0' && *name <= '9') &&
               strspn(name, letters) == n;
}
