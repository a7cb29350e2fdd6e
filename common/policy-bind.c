/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>

#include "policy-internal.h"

/* Puts the request's paths in the place of the variables. */

typedef struct Variable {
        const char *name, *value, *pointer;
} Variable;

#define N_VARIABLES 3

_printf_(3, 4) static int complain(PolicyError *error, const char *pointer, const char *format, ...) {
        if (!error || error->sentence)
                return -EINVAL;
        va_list ap;
        va_start(ap, format);
        char *sentence;
        int r = vasprintf(&sentence, format, ap);
        va_end(ap);
        if (r < 0)
                return -ENOMEM;
        error->sentence = sentence;
        error->pointer = strdup(pointer);
        return error->pointer ? -EINVAL : -ENOMEM;
}

static int check_variables(const Variable *variables, PolicyError *error) {
        for (size_t i = 0; i < N_VARIABLES; i++) {
                const char *complaint = variables[i].value ? bound_path_complaint(variables[i].value) : NULL;
                if (complaint)
                        return complain(error, variables[i].pointer, "the path for %s %s", variables[i].name,
                                        complaint);
        }
        return 0;
}

/* NULL in *ret where the variable is not bound: the entry vanishes. */
static int expand(const Variable *variables, const char *path, char **ret, PolicyError *error) {
        const Variable *v = NULL;
        for (size_t i = 0; i < N_VARIABLES && !v; i++)
                if (path_covers(variables[i].name, path))
                        v = &variables[i];
        *ret = NULL;
        if (v && !v->value)
                return 0;

        const char *rest = v ? path + strlen(v->name) : path;
        const char *base = !v || (streq(v->value, "/") && *rest) ? "" : v->value;
        _cleanup_free_ char *s = NULL;
        if (asprintf(&s, "%s%s", base, rest) < 0) {
                s = NULL;
                return -ENOMEM;
        }
        if (strlen(s) > LIMIT_PATH_BYTES)
                return complain(error, v ? v->pointer : "", "%s becomes longer than a path can be", path);
        *ret = TAKE_PTR(s);
        return 0;
}

static int bind_paths(const Variable *variables, Policy *p, PolicyError *error) {
        size_t kept = 0;
        int r = 0;
        for (size_t i = 0; i < p->n_paths; i++) {
                PathRule rule = p->paths[i];
                char *path = NULL;
                if (r == 0)
                        r = expand(variables, rule.path, &path, error);
                free(rule.path);
                if (path)
                        p->paths[kept++] = (PathRule){
                                .path = path, .access = rule.access, .clause = rule.clause
                        };
                else
                        free(rule.clause);
        }
        p->n_paths = kept;
        return r;
}

static int bind_exec(const Variable *variables, Policy *p, PolicyError *error) {
        size_t kept = 0;
        int r = 0;
        for (size_t i = 0; i < p->n_exec; i++) {
                char *path = NULL;
                if (r == 0)
                        r = expand(variables, p->exec[i], &path, error);
                free(p->exec[i]);
                if (path)
                        p->exec[kept++] = path;
        }
        p->n_exec = kept;
        return r;
}

int policy_bind(const Policy *p, const PolicyBinding *binding, Policy **ret, PolicyError *error) {
        const Variable variables[N_VARIABLES] = {
                { "${workspace}", binding->workspace, "/bind/workspace" },
                { "${home}", binding->home, "/bind/home" },
                { "${runtime}", binding->runtime, "/bind/runtime" },
        };
        int r = check_variables(variables, error);
        if (r < 0)
                return r;

        _cleanup_(policy_unrefp) Policy *bound = NULL;
        r = policy_copy(p, NULL, &bound);
        if (r == 0)
                r = bind_paths(variables, bound, error);
        if (r == 0)
                r = bind_exec(variables, bound, error);
        if (r == 0)
                r = policy_seal(bound);
        if (r == -E2BIG)
                return complain(error, "/bind",
                                "the policy outgrows its limits when these paths are put in");
        if (r < 0)
                return r;
        *ret = TAKE_PTR(bound);
        return 0;
}
