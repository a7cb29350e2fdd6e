/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What mediation decides without asking the kernel: paths as an agent writes them, and what the rules say of names. */

#include <check.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "guard-table.h"
#include "mediate-text.h"

#define WRITING (GUARD_DENIED | GUARD_PROTECTED)

static const struct {
        const char *path, *parent, *name; /* parent NULL: there is no name */
        bool slash;
} splits[] = {
        { "a", ".", "a", false },
        { "/a", "/", "a", false },
        { "a/b", "a/", "b", false },
        { "a//b//", "a//", "b", true },
        { "../..", "../", "..", false },
        { "/", NULL, NULL, false },
        { "", NULL, NULL, false },
};

START_TEST(test_split) {
        char parent[PATH_MAX], name[NAME_MAX + 1];
        bool slash = false, is_name = path_split(splits[_i].path, parent, name, &slash);
        ck_assert(is_name == (splits[_i].parent != NULL));
        if (!is_name)
                return;
        ck_assert_str_eq(parent, splits[_i].parent);
        ck_assert_str_eq(name, splits[_i].name);
        ck_assert(slash == splits[_i].slash);
}
END_TEST

/* A name of 255 bytes is one, a name of 256 is not. */
START_TEST(test_long_names) {
        char path[NAME_MAX + 2], parent[PATH_MAX], name[NAME_MAX + 1];
        bool slash;
        memset(path, 'a', sizeof(path));
        path[NAME_MAX] = 0;
        ck_assert(path_split(path, parent, name, &slash));
        char rest[PATH_MAX];
        memcpy(rest, path, NAME_MAX + 1);
        ck_assert_int_eq(path_next(rest, name, &slash), 1);
        path[NAME_MAX] = 'a';
        path[NAME_MAX + 1] = 0;
        ck_assert(!path_split(path, parent, name, &slash));
        memcpy(rest, path, NAME_MAX + 2);
        ck_assert_int_eq(path_next(rest, name, &slash), -ENAMETOOLONG);
}
END_TEST

START_TEST(test_insert) {
        char rest[PATH_MAX] = "b/c", long_text[PATH_MAX];
        ck_assert_int_eq(path_insert(rest, "a", 1), 0);
        ck_assert_str_eq(rest, "a/b/c");
        memset(long_text, 'a', sizeof(long_text));
        ck_assert_int_eq(path_insert(rest, long_text, PATH_MAX - 6), -ENAMETOOLONG);
        ck_assert_int_eq(path_insert(rest, long_text, PATH_MAX - 7), 0);
        ck_assert_uint_eq(strlen(rest), PATH_MAX - 1);
}
END_TEST

START_TEST(test_beyond) {
        ck_assert_str_eq(path_beyond("/ws/a", "/ws"), "a");
        ck_assert_str_eq(path_beyond("/ws", "/ws"), "");
        ck_assert_str_eq(path_beyond("/ws", "/"), "ws");
        ck_assert_ptr_null(path_beyond("/wsx/a", "/ws"));
        ck_assert_ptr_null(path_beyond("/w", "/ws"));
        ck_assert(path_is_deleted("a (deleted)") && !path_is_deleted("(deleted) a") &&
                        !path_is_deleted("a"));
}
END_TEST

START_TEST(test_proc) {
        pid_t process;
        mode_t mask;
        dev_t terminal;
        /* a process that calls itself what it likes: the kernel writes \n for a line end in the name */
        ck_assert_int_eq(status_parse("Name:\ta\\nUmask:\t0777\nUmask:\t0027\nTgid:\t12\n", &process, &mask),
                        0);
        ck_assert_int_eq(process, 12);
        ck_assert_int_eq((int)mask, 027);
        ck_assert_int_eq(status_parse("Name:\ta\nUmask:\t-1\nTgid:\t12\n", &process, &mask), -EBADMSG);
        ck_assert_int_eq(status_parse("Name:\ta\nTgid:\t12\n", &process, &mask), -EBADMSG);
        ck_assert_int_eq(stat_parse_terminal("5 (a) 1 2) S 1 2 3 34817 9", &terminal), 0);
        ck_assert(terminal == makedev(136, 1));
        ck_assert_int_eq(stat_parse_terminal("5 (a) S 1 2 3", &terminal), -EBADMSG);
}
END_TEST

static const struct {
        const char *path;
        bool folds;
        uint32_t flags;
} names[] = {
        { ".envrc", false, GUARD_PROTECTED }, { ".envrc/x", false, GUARD_PROTECTED },
        { ".envrc2", false, 0 }, { ".ENVRC", false, 0 }, { ".ENVRC", true, GUARD_PROTECTED },
        { ".git", false, GUARD_PINNED }, { ".git/hooks", false, GUARD_PROTECTED },
        { ".git/hooks/a/b", false, GUARD_PROTECTED }, { ".git/index", false, 0 },
        { ".GIT/Hooks", true, GUARD_PROTECTED }, { "secret", false, GUARD_PINNED },
        { "secret/key", false, GUARD_DENIED }, { "secret/other", false, 0 }, { "src/.envrc", false, 0 },
        { ".git/h\303\266oks", false, 0 },
        { ".git/h\303\266oks", true, WRITING }, /* may be another name in more ways than we follow */
        { ".git/hooks.", true, WRITING },
        { "src/h\303\266oks", true, 0 }, /* where no rule has anything to say */
};

START_TEST(test_names) {
        const GuardRule rules[] = {
                { GUARD_RULE_ROOT, 0, NULL },
                { GUARD_RULE_PROTECT, 0, ".envrc" },
                { GUARD_RULE_PROTECT, 0, ".git/hooks" },
                { GUARD_RULE_DENY, 0, "secret/key" },
        };
        GuardIdentity ids[ELEMENTSOF(rules)];
        for (size_t i = 0; i < ELEMENTSOF(rules); i++)
                ids[i] = (GuardIdentity){ .ino = 7, .dev = 8, .mode = S_IFDIR, .may_fold = 1 };
        _cleanup_(guard_table_clear) GuardTable t = { 0 };
        ck_assert_int_eq(guard_table_fill(&t, 0, rules, ids, ELEMENTSOF(rules)), 0);
        ck_assert_int_eq(guard_table_sort(&t), 0);
        uint32_t node, flags = 0;
        ck_assert_uint_eq(guard_table_object(&t, 7, 8, 0, &node), GUARD_ROOT);
        for (const char *at = names[_i].path; *at;) {
                size_t n = strcspn(at, "/");
                flags |= guard_table_name(&t, &node, at, n, names[_i].folds);
                at += n + (at[n] == '/');
        }
        if (node != 0)
                flags |= GUARD_PINNED;
        ck_assert_uint_eq(flags, names[_i].flags);
}
END_TEST

int main(void) {
        Suite *s = suite_create("mediate");
        TCase *t = tcase_create("pure");
        tcase_add_loop_test(t, test_split, 0, ELEMENTSOF(splits));
        tcase_add_test(t, test_long_names);
        tcase_add_test(t, test_insert);
        tcase_add_test(t, test_beyond);
        tcase_add_test(t, test_proc);
        tcase_add_loop_test(t, test_names, 0, ELEMENTSOF(names));
        suite_add_tcase(s, t);
        SRunner *r = srunner_create(s);
        srunner_run_all(r, CK_ENV);
        int failed = srunner_ntests_failed(r);
        srunner_free(r);
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
