/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a command finds in its environment. */

#include "rule-test.h"

#define PATH_WORD "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static void words_free(char ***words) {
        for (size_t i = 0; *words && (*words)[i]; i++)
                free((*words)[i]);
        free(*words);
}

/* The environment with spaces between. */
static char *environment_of(const char *body, const User *owner, char *const *offered) {
        _cleanup_(policy_unrefp) Policy *p = policy_of(body);
        _cleanup_(words_free) char **env = NULL;
        size_t n = 0, k = 0;
        ck_assert_int_eq(plan_environment(p, owner, offered, &env, &n), 0);
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        ck_assert_ptr_nonnull(f);
        for (; env[k]; k++)
                fprintf(f, "%s%s", k > 0 ? " " : "", env[k]);
        ck_assert_int_eq(fclose(f), 0);
        ck_assert_uint_eq(k, n);
        return text;
}

static const struct {
        const char *environment;
        const char *offered[8];
        const char *expected;
} rows[] = {
        /* nothing is passed, and PATH is there all the same */
        { "", { "A=1", "HOME=/x", "LD_PRELOAD=/x.so" }, PATH_WORD },
        { "'pass': ['A', 'B']", { "A=1", "C=3" }, "A=1 " PATH_WORD },
        { "'set': {'A': '1'}", { "A=2" }, "A=1 " PATH_WORD },
        { "'set': {'A': '1'}", { "A=1" }, "A=1 " PATH_WORD },
        { "'pass': ['A'], 'set': {'A': '1'}", { "A=2" }, "A=2 " PATH_WORD },
        { "'pass': ['A'], 'set': {'A': '1'}", { "B=2" }, "A=1 " PATH_WORD },
        { "'pass': ['A'], 'set': {'A': '1'}", { "A=" }, "A= " PATH_WORD },
        { "'pass': 'all', 'set': {'B': 'b'}", { "A=1", "B=2" },
                        "A=1 B=2 HOME=/home/u LOGNAME=u " PATH_WORD " SHELL=/bin/sh USER=u" },
        /* the later of two, and each once */
        { "'pass': ['A']", { "A=1", "A=2", "A=3" }, "A=3 " PATH_WORD },
        /* sorted by name, which is not by text: "=" is behind digits */
        { "'pass': ['A', 'A1', 'AB', 'A_']", { "A_=1", "AB=2", "A=3", "A1=4" },
                        "A=3 A1=4 AB=2 A_=1 " PATH_WORD },
        /* the words that programs count on, where the policy passes them */
        { "'pass': ['HOME', 'USER', 'LOGNAME', 'SHELL']", { NULL },
                        "HOME=/home/u LOGNAME=u " PATH_WORD " SHELL=/bin/sh USER=u" },
        { "'pass': ['HOME', 'SHELL']", { "HOME=/elsewhere", "SHELL=/bin/zsh", "USER=v" },
                        "HOME=/elsewhere " PATH_WORD " SHELL=/bin/zsh" },
        { "'pass': ['HOME'], 'set': {'HOME': '/set'}", { NULL }, "HOME=/set " PATH_WORD },
        { "'set': {'PATH': '/only'}", { "PATH=/evil" }, "PATH=/only" },
        { "'pass': ['PATH'], 'set': {'PATH': '/only'}", { "PATH=/mine" }, "PATH=/mine" },
        { "'pass': ['PATH']", { NULL }, PATH_WORD },
        { "'set': {'PATH': ''}", { NULL }, "PATH=" },
        /* names that are none are not passed, not even by "all" */
        { "'pass': 'all', 'set': {'HOME': 'h', 'USER': 'u', 'LOGNAME': 'l', 'SHELL': 's'}",
                        { "BASH_FUNC_x%%=() { :; }", "1A=x", "A B=x", "A-B=x", "\xc3\xa4=x" },
                        "HOME=h LOGNAME=l " PATH_WORD " SHELL=s USER=u" },
        { "'pass': ['A']", { "A=a=b\nc \xff" }, "A=a=b\nc \xff " PATH_WORD },
};

START_TEST(test_what_a_command_finds) {
        char *offered[9] = { 0 };
        for (size_t i = 0; i < 8 && rows[_i].offered[i]; i++)
                offered[i] = (char *)rows[_i].offered[i];
        char body[256];
        (void)snprintf(body, sizeof(body), "'process': {'environment': {%s}}", rows[_i].environment);
        _cleanup_free_ char *text = environment_of(*rows[_i].environment ? body : "", &test_owner, offered);
        ck_assert_str_eq(text, rows[_i].expected);
}
END_TEST

START_TEST(test_an_owner_without_a_home) {
        User owner = test_owner;
        owner.home = NULL;
        _cleanup_free_ char *text =
                        environment_of("'process': {'environment': {'pass': ['HOME']}}", &owner, NULL);
        ck_assert_str_eq(text, "HOME=/ " PATH_WORD);
}
END_TEST

static int try(const Policy *p, char *const *offered) {
        _cleanup_(words_free) char **env = NULL;
        size_t n = 77;
        int r = plan_environment(p, &test_owner, offered, &env, &n);
        ck_assert(r == 0 || (!env && n == 77));
        return r;
}

START_TEST(test_entries_that_are_none) {
        static const char *const bad[] = { "A", "", "=", "=x", "A\nB" };
        _cleanup_(policy_unrefp) Policy *p = policy_of("'process': {'environment': {'pass': 'all'}}");
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                char *offered[] = { (char *)"GOOD=1", (char *)bad[i], NULL };
                ck_assert_int_eq(try(p, offered), -EINVAL);

                _cleanup_(made_clear) Made m = { 0 };
                made_prepare(&m, policy_ref(p), NULL, NULL);
                m.input.env = offered;
                made_refuses(&m.input, -EINVAL, REASON_INVALID_ARGUMENT, "NAME=value");
        }
}
END_TEST

/* n entries of `size` bytes each with their NUL, A00000=xxx…; the last is NULL. One block, to be freed with list[0]. */
static char **entries(size_t n, size_t size) {
        char **list = calloc(n + 1, sizeof(char *)), *block = calloc(n, size);
        ck_assert(list && block);
        for (size_t i = 0; i < n; i++) {
                list[i] = block + i * size;
                memset(list[i], 'x', size - 1);
                char name[32];
                (void)snprintf(name, sizeof(name), "A%05zu=", i);
                memcpy(list[i], name, 7);
        }
        return list;
}

/* What is there without being offered: five words. */
#define OTHERS "HOME=\0LOGNAME=\0SHELL=\0USER=\0" PATH_WORD

START_TEST(test_how_much_can_be_passed) {
        static const struct {
                size_t n, size;
                int expected;
        } sizes[] = {
                { LIMIT_ENV - 5, 8, 0 },
                { LIMIT_ENV - 4, 8, -E2BIG },
                { LIMIT_ENV + 1, 8, -E2BIG },
                { 1, 128 * 1024, 0 }, /* of one word: MAX_ARG_STRLEN */
                { 1, 128 * 1024 + 1, -E2BIG },
                { 2, (LIMIT_ENV_BYTES - sizeof(OTHERS)) / 2, 0 },
                { 2, (LIMIT_ENV_BYTES - sizeof(OTHERS)) / 2 + 1, -E2BIG },
        };
        _cleanup_(policy_unrefp) Policy
                        *p = policy_of("'process': {'environment': {'pass': 'all', 'set': {'HOME': '', "
                                       "'USER': '', 'LOGNAME': '', 'SHELL': ''}}}"),
                        *nothing = policy_of("");
        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                char **offered = entries(sizes[i].n, sizes[i].size);
                ck_assert_msg(try(p, offered) == sizes[i].expected, "%zu of %zu", sizes[i].n, sizes[i].size);
                free(offered[0]);
                free(offered);
        }

        /* what is offered is bounded before it is looked at, also where nothing of it passes */
        char **offered = entries(LIMIT_ENV + 1, 8);
        ck_assert_int_eq(try(nothing, offered), -E2BIG);
        _cleanup_(made_clear) Made m = { 0 };
        made_prepare(&m, policy_ref(nothing), NULL, NULL);
        m.input.env = offered;
        made_refuses(&m.input, -E2BIG, REASON_LIMIT, "too large");
        char *last = offered[LIMIT_ENV];
        offered[LIMIT_ENV] = NULL;
        ck_assert_int_eq(try(nothing, offered), 0);
        ck_assert_str_eq(last, "A01024=");
        free(offered[0]);
        free(offered);
}
END_TEST

int main(void) {
        TCase *t = tcase_create("plan environment");
        tcase_add_loop_test(t, test_what_a_command_finds, 0, ELEMENTSOF(rows));
        tcase_add_test(t, test_an_owner_without_a_home);
        tcase_add_test(t, test_entries_that_are_none);
        tcase_add_test(t, test_how_much_can_be_passed);
        return run_case("plan environment", t);
}
