/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy-internal.h"

/* The section process. */

typedef struct ProcessParse {
        Policy *policy;
        bool has_profile;
        SyscallSet profile, allow, deny;
} ProcessParse;

static void drop_set(Policy *p, const char *name) {
        size_t kept = 0;
        for (size_t i = 0; i < p->n_set_env; i++)
                if (streq(p->set_env[i].name, name)) {
                        free(p->set_env[i].name);
                        free(p->set_env[i].value);
                } else
                        p->set_env[kept++] = p->set_env[i];
        p->n_set_env = kept;
}

static void drop_pass(Policy *p, const char *name) {
        size_t kept = 0;
        for (size_t i = 0; i < p->n_pass_env; i++)
                if (streq(p->pass_env[i], name))
                        free(p->pass_env[i]);
                else
                        p->pass_env[kept++] = p->pass_env[i];
        p->n_pass_env = kept;
}

static int refuse_name(const JsonSource *source, const JsonPlace *place) {
        return json_refuse(source, place,
                        "is not a variable's name: letters, digits and \"_\", not a digit first, at most %u "
                        "bytes",
                        LIMIT_POLICY_ENV_NAME_BYTES);
}

/* The environment of this document, collected before it is laid over the base's. */
typedef struct EnvParse {
        bool all;
        char **pass;
        size_t n_pass;
        EnvVar *set;
        size_t n_set;
} EnvParse;

static int add_pass(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        EnvParse *env = userdata;
        const char *name;
        int r = json_read_text(source, place, value, SIZE_MAX, &name);
        if (r < 0)
                return r;
        if (!env_name_is_valid(name))
                return refuse_name(source, place);
        for (size_t i = 0; i < env->n_pass; i++)
                if (streq(env->pass[i], name))
                        return json_refuse(source, place, "is in this list already");
        return strings_add(&env->pass, &env->n_pass, name);
}

static int env_pass(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        static const char *const words[] = { "all" };
        EnvParse *env = userdata;
        if (json_is_string(value)) {
                int word, r = json_read_word(source, place, value, words, ELEMENTSOF(words), &word);
                env->all = r == 0;
                return r;
        }
        return json_apply_list(source, place, value, LIMIT_POLICY_ENV, add_pass, env);
}

static int env_set(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        EnvParse *env = userdata;
        if (!json_is_object(value))
                return json_refuse(source, place, "must be an object of names and values");
        if (json_object_size(value) > LIMIT_POLICY_ENV)
                return json_refuse(source, place, "sets %zu variables; at most %u are allowed",
                                json_object_size(value), LIMIT_POLICY_ENV);
        const char *name;
        json_t *member;
        json_object_foreach(value, name, member) {
                const JsonPlace here = { .parent = place, .key = name };
                if (!env_name_is_valid(name))
                        return refuse_name(source, &here);
                if (!json_is_string(member) || json_string_length(member) > LIMIT_POLICY_ENV_VALUE_BYTES)
                        return json_refuse(source, &here, "must be a string of at most %u bytes",
                                        LIMIT_POLICY_ENV_VALUE_BYTES);
                int r = env_add(&env->set, &env->n_set, name, json_string_value(member));
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Setting a variable that a base passes ends the passing; passing one that is set makes the value a default. */
static int lay_env(const EnvParse *env, Policy *p) {
        for (size_t i = 0; i < env->n_set; i++) {
                drop_pass(p, env->set[i].name);
                drop_set(p, env->set[i].name);
                int r = env_add(&p->set_env, &p->n_set_env, env->set[i].name, env->set[i].value);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < env->n_pass; i++) {
                int r = strings_add(&p->pass_env, &p->n_pass_env, env->pass[i]);
                if (r < 0)
                        return r;
        }
        p->pass_all_env = p->pass_all_env || env->all;
        if (p->pass_all_env) { /* which says all that the names said */
                strings_free(TAKE_PTR(p->pass_env), p->n_pass_env);
                p->n_pass_env = 0;
        }
        return 0;
}

static int process_environment(
                const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        static const JsonKey keys[] = { { "pass", env_pass }, { "set", env_set } };
        ProcessParse *process = userdata;
        EnvParse env = { 0 };
        int r = json_apply_object(source, place, value, keys, ELEMENTSOF(keys), &env);
        if (r == 0)
                r = lay_env(&env, process->policy);
        strings_free(env.pass, env.n_pass);
        env_free(env.set, env.n_set);
        return r;
}

static int syscalls_profile(
                const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        static const char *const words[] = { "none", "strict", "agent", "build", "debug" };
        ProcessParse *process = userdata;
        int word, r = json_read_word(source, place, value, words, ELEMENTSOF(words), &word);
        if (r < 0)
                return r;
        process->has_profile = syscall_profile(words[word], &process->profile);
        return 0;
}

static int add_call(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        SyscallSet *calls = userdata;
        const char *name;
        int r = json_read_text(source, place, value, SIZE_MAX, &name);
        if (r < 0)
                return r;
        int index = syscall_index(name);
        if (index < 0)
                return json_refuse(source, place, "there is no system call \"%s\"", name);
        if (syscall_set_has(calls, index))
                return json_refuse(source, place, "is in this list already");
        syscall_set_add(calls, index);
        return 0;
}

static int syscalls_allow(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        ProcessParse *process = userdata;
        return json_apply_list(source, place, value, n_syscall_table, add_call, &process->allow);
}

static int syscalls_deny(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        ProcessParse *process = userdata;
        return json_apply_list(source, place, value, n_syscall_table, add_call, &process->deny);
}

static int process_syscalls(
                const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        static const JsonKey keys[] = { { "profile", syscalls_profile }, { "allow", syscalls_allow },
                { "deny", syscalls_deny } };
        ProcessParse *process = userdata;
        if (json_is_string(value))
                return syscalls_profile(source, place, value, process);
        int r = json_apply_object(source, place, value, keys, ELEMENTSOF(keys), process);
        if (r < 0)
                return r;
        SyscallSet both = syscall_set_meet(&process->allow, &process->deny);
        const SyscallSet none = { 0 };
        int index = syscall_set_first_beyond(&both, &none);
        return index >= 0 ? json_refuse(source, place, "both allows and denies %s; choose one",
                                            syscall_table[index])
                          : 0;
}

static int process_debugging(
                const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        ProcessParse *process = userdata;
        return json_read_bool(source, place, value, &process->policy->debugging);
}

/* calls = (profile, or the base's) and the debugging calls where asked for, plus allow, minus deny */
static int settle_syscalls(const JsonSource *source, const JsonPlace *place, const ProcessParse *process,
                bool asks_debugging) {
        Policy *p = process->policy;
        const SyscallSet debugging = syscall_set_debugging(), none = { 0 };
        SyscallSet calls = process->has_profile ? process->profile : p->syscalls;

        SyscallSet asked = process->allow;
        for (size_t i = 0; i < SYSCALL_WORDS; i++)
                asked.bits[i] = (asked.bits[i] | (process->has_profile ? calls.bits[i] : 0)) &
                                debugging.bits[i];
        int index = syscall_set_first_beyond(&asked, &none);
        if (index >= 0 && !p->debugging)
                return json_refuse(source, place, "the system call %s needs \"debugging\": true",
                                syscall_table[index]);

        for (size_t i = 0; i < SYSCALL_WORDS; i++) {
                if (!p->debugging)
                        calls.bits[i] &= ~debugging.bits[i];
                else if (asks_debugging || process->has_profile)
                        calls.bits[i] |= debugging.bits[i];
                calls.bits[i] = (calls.bits[i] | process->allow.bits[i]) & ~process->deny.bits[i];
        }
        p->syscalls = calls;
        return 0;
}

int parse_process(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        static const JsonKey keys[] = { { "environment", process_environment },
                { "syscalls", process_syscalls }, { "debugging", process_debugging } };
        ProcessParse process = { .policy = ((Parse *)userdata)->policy };
        int r = json_apply_object(source, place, value, keys, ELEMENTSOF(keys), &process);
        return r < 0 ? r
                     : settle_syscalls(source, place, &process, json_object_get(value, "debugging") != NULL);
}
