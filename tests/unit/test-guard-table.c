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

static const char *const below[] = { ".envrc", ".git/hooks", NULL }, *const beside[] = { ".envrc", ".git",
        NULL };

/* Lists are in the table once, however many places have them, until something else is said below one. */
static const struct {
        const char *name;
        struct {
                const char *path;
                const char *const *list;
        } rules[4];
        const char *protected[6], *free[6]; /* paths */
        size_t n_names;
        bool may_fold;
} shared[] = {
        { "one place", { { "a", below } }, { "a/.envrc", "a/.git/hooks/x" }, { "a/x", "a/.git/x", ".envrc" },
                        1 + 3 },
        { "two places", { { "a", below }, { "b", below } },
                        { "a/.envrc", "b/.envrc", "a/.git/hooks", "b/.git/hooks" },
                        { "c/.envrc", "a/b/.envrc", "a/.git" }, 2 + 3 },
        { "what is said already", { { "a", below }, { "b", below }, { "b/.git/hooks" } },
                        { "a/.git/hooks", "b/.git/hooks" }, { "a/.git/x" }, 2 + 3 },
        { "what is not", { { "a", below }, { "b", below }, { "b/x" } },
                        { "a/.envrc", "b/.envrc", "b/x", "b/.git/hooks" }, { "a/x", "b/y" }, 2 + 3 + 3 + 1 },
        { "further down", { { "a", below }, { "b", below }, { "b/.git/x" } },
                        { "b/.git/x", "b/.git/hooks", "a/.git/hooks" }, { "a/.git/x" }, 2 + 3 + 3 + 1 },
        { "more of what is said", { { "a", below }, { "b", below }, { "b/.git" } },
                        { "b/.git/x", "b/.envrc", "a/.git/hooks" }, { "a/.git/x" }, 2 + 3 + 3 },
        { "one in the other", { { "a", below }, { "a/b", below }, { "c", below } },
                        { "a/.envrc", "a/b/.envrc", "c/.envrc", "a/b/.git/hooks" }, { "a/b", "c/b/.envrc" },
                        2 + 3 + 3 + 1 },
        { "the inner one first", { { "a/b", below }, { "a", below } },
                        { "a/.envrc", "a/b/.envrc", "a/.git/hooks" }, { "a/b" }, 1 + 3 + 1 + 3 },
        { "below a name of the list", { { "a", below }, { "c", below }, { "a/.git/sub", below } },
                        { "a/.git/hooks", "a/.git/sub/.envrc", "c/.git/hooks" },
                        { "c/.git/sub/.envrc", "a/.git/sub" }, 2 + 3 + 3 + 1 },
        { "two lists", { { "a", below }, { "b", beside } },
                        { "a/.envrc", "b/.envrc", "b/.git", "a/.git/hooks" }, { "a/.git" }, 2 + 3 + 2 },
        { "two lists of one place", { { "a", below }, { "a", beside }, { "b", below }, { "c", beside } },
                        { "a/.envrc", "a/.git", "b/.git/hooks", "c/.git" }, { "b/.git" }, 3 + 3 + 3 + 2 },
        { "twice", { { "a", below }, { "a", below } }, { "a/.envrc" }, { "a/x" }, 1 + 3 },
        { "where case may mean nothing", { { "A", below }, { "a", below }, { "A/x" } },
                        { "A/.envrc", "a/.envrc", "A/x", "a/x", "a/.git/hooks" }, { "A/y", "b/.envrc" },
                        2 + 1 + 6 + 6 + 2, true },
        { "what is said already, there", { { "a", below }, { "b", below }, { "b/.git/hooks" } },
                        { "a/.git/hooks", "b/.git/hooks" }, { "a/.git/x" }, 4 + 6, true },
};

START_TEST(test_lists) {
        GuardRule rules[5] = { { GUARD_RULE_ROOT, 3, NULL } };
        GuardIdentity ids[5] = { directory(3, shared[_i].may_fold) };
        size_t n = 1;
        for (; n <= 4 && shared[_i].rules[n - 1].path; n++) {
                rules[n] = (GuardRule){ GUARD_RULE_PROTECT, 3, shared[_i].rules[n - 1].path,
                        shared[_i].rules[n - 1].list };
                ids[n] = ids[0];
        }
        _cleanup_(guard_table_clear) GuardTable t = { 0 };
        bool more;
        ck_assert_int_eq(guard_table_fill(&t, CGROUP, rules, ids, n), 0);
        ck_assert_int_eq(guard_table_sort(&t), 0);
        for (size_t i = 0; i < ELEMENTSOF(shared[_i].protected) && shared[_i].protected[i]; i++)
                ck_assert_msg(flags_of(&t, shared[_i].protected[i], false, &more) == GUARD_PROTECTED,
                                "%s: %s", shared[_i].name, shared[_i].protected[i]);
        for (size_t i = 0; i < ELEMENTSOF(shared[_i].free) && shared[_i].free[i]; i++)
                ck_assert_msg(flags_of(&t, shared[_i].free[i], false, &more) == 0, "%s: %s", shared[_i].name,
                                shared[_i].free[i]);
        ck_assert_msg(t.n_names == shared[_i].n_names, "%s: %zu", shared[_i].name, t.n_names);
}
END_TEST

/* Of up to so many steps. */
static void random_path(unsigned *seed, int most, char *ret, size_t size) {
        static const char *const steps[] = { "a", "A", "b", ".git", ".Git", ".envrc", "hooks" };
        size_t n = 0;
        for (int k = rand_r(seed) % most; k >= 0; k--)
                n += (size_t)snprintf(ret + n, size - n, "%s%s",
                                steps[(size_t)rand_r(seed) % ELEMENTSOF(steps)], k > 0 ? "/" : "");
}

/* Whatever is said, in whatever order: the same as when each name of each list is said by itself. */
START_TEST(test_lists_are_names) {
        const char *const *const lists[] = { NULL, below, beside };
        unsigned seed = 1;
        for (int round = 0; round < 2000; round++) {
                enum { N = 8 };
                char places[N][64], names[3 * N][96];
                GuardRule some[N + 1] = { { GUARD_RULE_ROOT, 3, NULL } },
                                   each[3 * N + 1] = { { GUARD_RULE_ROOT, 3, NULL } };
                GuardIdentity ids[3 * N + 1];
                size_t n = 1;
                for (size_t i = 0; i < ELEMENTSOF(ids); i++)
                        ids[i] = directory(3, round % 4 == 0);
                for (size_t i = 0; i < N; i++) {
                        const char *const *list = lists[rand_r(&seed) % ELEMENTSOF(lists)];
                        GuardKind kind = rand_r(&seed) % 4 ? GUARD_RULE_PROTECT : GUARD_RULE_DENY;
                        random_path(&seed, 3, places[i], sizeof(places[i]));
                        some[i + 1] = (GuardRule){ kind, 3, places[i], list };
                        for (const char *const *p = list; p && *p; p++, n++) {
                                (void)snprintf(names[n - 1], sizeof(names[0]), "%.63s/%s", places[i], *p);
                                each[n] = (GuardRule){ kind, 3, names[n - 1], NULL };
                        }
                        if (!list)
                                each[n++] = (GuardRule){ kind, 3, places[i], NULL };
                }
                _cleanup_(guard_table_clear) GuardTable t = { 0 }, u = { 0 };
                ck_assert_int_eq(guard_table_fill(&t, CGROUP, some, ids, N + 1), 0);
                ck_assert_int_eq(guard_table_fill(&u, CGROUP, each, ids, n), 0);
                ck_assert_int_eq(guard_table_sort(&t), 0);
                ck_assert_int_eq(guard_table_sort(&u), 0);
                for (int i = 0; i < 200; i++) {
                        char path[64];
                        bool more = false, more_too = false;
                        random_path(&seed, 5, path, sizeof(path));
                        uint32_t flags = flags_of(&t, path, round % 8 == 0, &more),
                                 flags_too = flags_of(&u, path, round % 8 == 0, &more_too);
                        ck_assert_msg(flags == flags_too && more == more_too, "round %d: %s: %u %u", round,
                                        path, flags, flags_too);
                }
        }
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
        tcase_add_loop_test(c, test_lists, 0, ELEMENTSOF(shared));
        tcase_add_test(c, test_lists_are_names);
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
