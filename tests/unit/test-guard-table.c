/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From rules to the entries of the guard's maps. What the kernel calls each object is made up here: a descriptor's number. */

#include <check.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "guard-table.h"

#define CGROUP 77U

static GuardIdentity directory(uint64_t ino, bool may_fold) {
        return (GuardIdentity){
                .ino = ino, .dev = 8, .mode = S_IFDIR | 0755, .seen = 1, .may_fold = may_fold
        };
}

static GuardIdentity file(uint64_t ino) {
        return (GuardIdentity){ .ino = ino, .dev = 8, .generation = 5, .mode = S_IFREG | 0644, .seen = 1 };
}

/* Rules about one root, 3, and names below it. */
static int fill(GuardTable *t, const char *const *paths, size_t n, GuardKind kind, bool may_fold) {
        _cleanup_free_ GuardRule *rules = calloc(n + 1, sizeof(GuardRule));
        _cleanup_free_ GuardIdentity *ids = calloc(n + 1, sizeof(GuardIdentity));
        ck_assert(rules && ids);
        for (size_t i = 0; i <= n; i++) {
                rules[i] = i == 0 ? (GuardRule){ GUARD_RULE_ROOT, 3, NULL }
                                  : (GuardRule){ kind, 3, paths[i - 1] };
                ids[i] = directory(3, may_fold);
        }
        return guard_table_fill(t, CGROUP, rules, ids, n + 1);
}

/* The flags that a path below the root gets, and whether there are rules below it. */
static uint32_t flags_of(GuardTable *t, const char *path, bool folds, bool *ret_below) {
        uint32_t node, flags = guard_table_object(t, 3, 8, 0, &node);
        ck_assert_uint_eq(flags, GUARD_ROOT);
        flags = 0;
        for (const char *p = path;;) {
                size_t n = strcspn(p, "/");
                flags |= guard_table_name(t, &node, p, n, folds);
                if (p[n] == 0)
                        break;
                p += n + 1;
        }
        *ret_below = node != 0;
        return flags;
}

static const struct {
        const char *path;
        uint32_t flags;
        bool below;
} lookups[] = {
        { ".envrc", GUARD_PROTECTED, false },
        { ".envrc/x", GUARD_PROTECTED, false },
        { ".ENVRC", 0, false },
        { ".envr", 0, false },
        { ".git", 0, true },
        { ".git/hooks", GUARD_PROTECTED, false },
        { ".git/hooks/update", GUARD_PROTECTED, false },
        { ".git/config", GUARD_PROTECTED, false },
        { ".git/index", 0, false },
        { "a", 0, true },
        { "a/b", 0, true },
        { "a/b/.git/hooks", GUARD_PROTECTED, false },
        { "a/b/.git/x", 0, false },
        { "b/.git/hooks", 0, false },
        { "hooks", 0, false },
};

static const char *const paths[] = { ".envrc", ".git/config", ".git/hooks", "a/b/.git/hooks", ".git/hooks" };

START_TEST(test_names) {
        _cleanup_(guard_table_clear) GuardTable t = { 0 };
        bool below;
        ck_assert_int_eq(fill(&t, paths, ELEMENTSOF(paths), GUARD_RULE_PROTECT, false), 0);
        ck_assert_uint_eq(t.n_anchors, 1);
        ck_assert_uint_eq(t.n_names, 4 + 4); /* .envrc .git config hooks, a b .git hooks */
        ck_assert_int_eq(guard_table_sort(&t), 0);
        ck_assert_uint_eq(flags_of(&t, lookups[_i].path, false, &below), lookups[_i].flags);
        ck_assert_int_eq(below, lookups[_i].below);
}
END_TEST

START_TEST(test_folding) {
        static const char *const some[] = { ".Git/Hooks", ".git/config" };
        _cleanup_(guard_table_clear) GuardTable t = { 0 };
        bool below;
        ck_assert_int_eq(fill(&t, some, ELEMENTSOF(some), GUARD_RULE_PROTECT, true), 0);
        ck_assert_int_eq(guard_table_sort(&t), 0);
        /* exactly, where the directory tells case apart all the same */
        ck_assert_uint_eq(flags_of(&t, ".Git/Hooks", false, &below), GUARD_PROTECTED);
        ck_assert_uint_eq(flags_of(&t, ".git/config", false, &below), GUARD_PROTECTED);
        ck_assert_uint_eq(flags_of(&t, ".GIT/hooks", false, &below), 0);
        /* and however it is written where it does not */
        ck_assert_uint_eq(flags_of(&t, ".GIT/hooks", true, &below), GUARD_PROTECTED);
        ck_assert_uint_eq(flags_of(&t, ".git/CONFIG", true, &below), GUARD_PROTECTED);
        ck_assert_uint_eq(flags_of(&t, "\xc5\xbf", true, &below), GUARD_DENIED | GUARD_PROTECTED);
}
END_TEST

/* One object has one anchor, and the strictest of what is said of it holds. */
START_TEST(test_objects) {
        const GuardRule rules[] = { { GUARD_RULE_ROOT, 3, NULL }, { GUARD_RULE_PROTECT, 4, NULL },
                { GUARD_RULE_DENY, 4, NULL }, { GUARD_RULE_DENY, 3, "x" }, { GUARD_RULE_ROOT, 3, NULL } };
        const GuardIdentity ids[] = { directory(3, false), file(4), file(4), directory(3, false),
                directory(3, false) };
        _cleanup_(guard_table_clear) GuardTable t = { 0 };
        uint32_t node;
        ck_assert_int_eq(guard_table_fill(&t, CGROUP, rules, ids, ELEMENTSOF(rules)), 0);
        ck_assert_int_eq(guard_table_sort(&t), 0);
        ck_assert_uint_eq(t.n_anchors, 2);
        ck_assert_uint_eq(guard_table_object(&t, 4, 8, 5, &node), GUARD_DENIED | GUARD_PROTECTED);
        ck_assert_uint_eq(guard_table_object(&t, 4, 8, 6, &node), 0); /* another file with that number */
        ck_assert_uint_eq(guard_table_object(&t, 4, 9, 5, &node), 0);
        ck_assert_uint_eq(guard_table_object(&t, 3, 8, 9, &node),
                        GUARD_ROOT); /* of a directory it is not asked */
        ck_assert_uint_ne(node, 0);
}
END_TEST

#define A51 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A255 A51 A51 A51 A51 A51

static const struct {
        const char *path;
        int result;
} refused[] = {
        { "a" A255, -ENAMETOOLONG },
        { "x/a" A255, -ENAMETOOLONG },
        { A255, 0 },
        { "x/" A255, 0 },
        { "", -EINVAL },
        { "/a", -EINVAL },
        { "a/", -EINVAL },
        { "a//b", -EINVAL },
        { ".", -EINVAL },
        { "a/./b", -EINVAL },
        { "..", -EINVAL },
        { "a/../b", -EINVAL },
        { "...", 0 },
};

START_TEST(test_refused) {
        _cleanup_(guard_table_clear) GuardTable t = { 0 };
        ck_assert_int_eq(fill(&t, &refused[_i].path, 1, GUARD_RULE_DENY, false), refused[_i].result);
}
END_TEST

START_TEST(test_not_below_a_root) {
        const GuardRule rules[] = { { GUARD_RULE_ROOT, 3, NULL }, { GUARD_RULE_DENY, 4, "x" } };
        const GuardIdentity ids[] = { directory(3, false), directory(4, false) };
        const GuardIdentity of_a_file[] = { file(3), file(3) };
        const GuardRule same[] = { { GUARD_RULE_ROOT, 3, NULL }, { GUARD_RULE_DENY, 3, "x" } };
        _cleanup_(guard_table_clear) GuardTable t = { 0 }, u = { 0 };
        ck_assert_int_eq(guard_table_fill(&t, CGROUP, rules, ids, 2), -EINVAL);
        ck_assert_int_eq(guard_table_fill(&u, CGROUP, same, of_a_file, 2), -EINVAL);
}
END_TEST

/* As many repositories as that takes; and in a time that a launch can wait for, which a search through all would not be. */
START_TEST(test_limit) {
        const size_t n = GUARD_TABLE_MAX;
        _cleanup_free_ char **list = calloc(n, sizeof(char *));
        ck_assert_ptr_nonnull(list);
        for (size_t i = 0; i < n; i++)
                ck_assert_int_gt(asprintf(&list[i], "name-%zu", i), 0);
        _cleanup_(guard_table_clear) GuardTable t = { 0 }, u = { 0 };
        ck_assert_int_eq(fill(&t, (const char *const *)list, n, GUARD_RULE_PROTECT, false), 0);
        char *extra = list[n - 1];
        list[n - 1] = NULL;
        ck_assert_int_gt(asprintf(&list[n - 1], "%s/one-more", extra), 0);
        ck_assert_int_eq(fill(&u, (const char *const *)list, n, GUARD_RULE_PROTECT, false), -E2BIG);
        free(extra);
        for (size_t i = 0; i < n; i++)
                free(list[i]);
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("guard-table");
        TCase *c = tcase_create("table");
        tcase_set_timeout(c, 60);
        tcase_add_loop_test(c, test_names, 0, ELEMENTSOF(lookups));
        tcase_add_test(c, test_folding);
        tcase_add_test(c, test_objects);
        tcase_add_loop_test(c, test_refused, 0, ELEMENTSOF(refused));
        tcase_add_test(c, test_not_below_a_root);
        tcase_add_test(c, test_limit);
        suite_add_tcase(s, c);
        return s;
}

int main(void) {
        SRunner *runner = srunner_create(suite());
        srunner_run_all(runner, CK_ENV);
        int failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
