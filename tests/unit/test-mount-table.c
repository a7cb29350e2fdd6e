/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which mounts of the host matter to what is granted: ways of paths, in a place of our own, and lines of a mount table. */

#include <check.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "mount-table.h"

static char place[] = "/tmp/mxc-mounts-XXXXXX";

static void run(const char *script) {
        _cleanup_free_ char *whole = NULL;
        ck_assert_int_gt(asprintf(&whole, "cd %s && find . -mindepth 1 -delete && { %s; }", place, script),
                        0);
        ck_assert_int_eq(system(whole), 0);
}

/* ---- ways ---- */

static const struct {
        const char *prepare, *path; /* below the place, as all that follow */
        const char *ways[8];        /* "=" in front of an end; NULL: unsure */
} ways[] = {
        { "mkdir -p a/b", "a/b", { "=a/b" } },
        { "true", "a/b", { "=a/b" } },
        { "touch a", "a/b", { "=a/b" } },
        { "mkdir -p b/x; ln -s b a", "a/x", { "a", "=b/x" } },
        { "mkdir -p b/x; ln -s $PWD/b a", "a/x", { "a", "=b/x" } },
        { "mkdir -p d b/x; ln -s ../b/x d/a", "d/a", { "d/a", "d", "=b/x" } },
        { "mkdir -p b/x c; ln -s b a; ln -s ../../c b/x/l", "a/x/l/y",
                        { "a", "b/x/l", "b/x", "b", "=c/y" } },
        { "ln -s b a; ln -s c b; touch c", "a", { "a", "b", "=c" } },
        { "ln -s nowhere a", "a/x", { "a", "=nowhere/x" } },
        { "mkdir -p d/e; ln -s d/e/.. a", "a/x", { "a", "d/e", "=d/x" } },
        { "ln -s ./././/b// a; mkdir b", "a/x", { "a", "=b/x" } },
        { "ln -s a a", "a", { NULL } },
        { "ln -s nowhere/.. a", "a", { NULL } },
};

static bool is_way(const MountPlace *p, const char *expected) {
        bool is_end = expected[0] == '=';
        size_t n = strlen(place);
        return p->is_end == is_end && strncmp(p->path, place, n) == 0 && p->path[n] == '/' &&
               streq(p->path + n + 1, expected + is_end);
}

static void find(const char *path, MountWays *ret) {
        _cleanup_free_ char *whole = NULL;
        ck_assert_int_gt(asprintf(&whole, "%s/%s", place, path), 0);
        PlanMount mount = { .path = whole, .access = PLAN_READONLY };
        const PlanTemplate t = { .mounts = &mount, .n_mounts = 1 };
        mount_ways_find(&t, ret);
}

START_TEST(test_ways) {
        _cleanup_(mount_ways_clear) MountWays w = { 0 };
        run(ways[_i].prepare);
        find(ways[_i].path, &w);
        ck_assert(w.unsure == !ways[_i].ways[0]);
        for (size_t i = 0; !w.unsure && (i < w.n || ways[_i].ways[i]); i++)
                ck_assert_msg(i < w.n && ways[_i].ways[i] && is_way(&w.list[i], ways[_i].ways[i]), "%zu: %s",
                                i, i < w.n ? w.list[i].path : "none");
}
END_TEST

/* A symlink that leads elsewhere, even to the same object, is another way. */
START_TEST(test_ways_change) {
        _cleanup_(mount_ways_clear) MountWays a = { 0 }, b = { 0 }, c = { 0 };
        run("mkdir b c; touch b/x; ln b/x c/x; ln -s b a");
        find("a/x", &a);
        find("a/x", &b);
        run("mkdir b c; touch b/x; ln b/x c/x; ln -s c a");
        find("a/x", &c);
        ck_assert(mount_ways_equal(&a, &b) && !mount_ways_equal(&a, &c));
}
END_TEST

static const struct {
        const char *point;
        bool touches;
} points[] = {
        { "/", true },
        { "/a", true },
        { "/a/b", true },
        { "/a/b/c", true },
        { "/a/b/c/d/e", true },
        { "/a/bc", false },
        { "/a/b/cd", false },
        { "/a/c", false },
        { "/l", true },
        { "/l/link", true },
        { "/l/link/x", false },
        { "/l/other", false },
        { "/x", false },
        { "", true },
        { "x", true },
};

START_TEST(test_points) {
        MountPlace places[] = { { (char *)"/a/b/c", true }, { (char *)"/l/link", false } };
        const MountWays w = { .list = places, .n = 2 }, unsure = { .unsure = true };
        MountPlace top = { (char *)"/", true };
        const MountWays all = { .list = &top, .n = 1 };
        ck_assert(mount_ways_touch(&w, points[_i].point) == points[_i].touches);
        ck_assert(mount_ways_touch(&unsure, points[_i].point) && mount_ways_touch(&all, points[_i].point));
}
END_TEST

/* ---- the table ---- */

#define REST " rw,nosuid - tmpfs none rw"

static bool read_line(const char *point, char ret[LIMIT_PATH_BYTES + 1]) {
        _cleanup_free_ char *line = NULL;
        ck_assert_int_gt(asprintf(&line, "30 22 0:30 / %s" REST, point), 0);
        return mount_table_point(line, line + strlen(line), ret);
}

START_TEST(test_escapes) {
        static const char *const escapes[][2] = { { "/a\\040b", "/a b" },
                { "/a\\134b\\011\\012", "/a\\b\t\n" }, { "/\\303\\274", "/\303\274" }, { "/a\\04", "" },
                { "/a\\", "" }, { "/a\\9", "" }, { "/a\\777", "" }, { "/a\\000", "" }, { "/a", "/a" } };
        char point[LIMIT_PATH_BYTES + 1];
        for (size_t i = 0; i < ELEMENTSOF(escapes); i++) {
                ck_assert(read_line(escapes[i][0], point));
                ck_assert_str_eq(point, escapes[i][1]);
        }
        static const char *const none[] = { "", "30", "30 22 0:30 /", "30 22 0:30 / ", "30 22 0:30 / /x",
                "30 22 0:30 /  rw" };
        for (size_t i = 0; i < ELEMENTSOF(none); i++)
                ck_assert(!mount_table_point(none[i], none[i] + strlen(none[i]), point));
}
END_TEST

/* A mount point of n bytes, those from `from` to `to` escaped: what it comes to, or none of ours. Escaped it may be four times as
 * long as a path can be. */
static void read_long(size_t n, size_t from, size_t to) {
        _cleanup_free_ char *text = calloc(1, 4 * n + 1);
        char guarded[LIMIT_PATH_BYTES + 1 + 64], *end = text;
        ck_assert_ptr_nonnull(text);
        memset(guarded, 'g', sizeof(guarded));
        for (size_t i = 0; i < n; i++)
                end = stpcpy(end, i == 0 ? "/" : i >= from && i < to ? "\\040" : "x");
        ck_assert(read_line(text, guarded));
        size_t length = strnlen(guarded, sizeof(guarded));
        ck_assert_msg(length == (n <= LIMIT_PATH_BYTES ? n : 0), "%zu, escaped %zu to %zu: %zu", n, from, to,
                        length);
        for (size_t i = 1; i < length; i++)
                ck_assert(guarded[i] == (i >= from && i < to ? ' ' : 'x'));
        for (size_t i = LIMIT_PATH_BYTES + 1; i < sizeof(guarded); i++)
                ck_assert_msg(guarded[i] == 'g', "%zu, escaped %zu to %zu: written at %zu", n, from, to, i);
}

/* LIMIT_PATH_BYTES, at n and at n+1; and what is longer yet, as the kernel writes what a namespace made of deep directories. */
START_TEST(test_long_points) {
        static const size_t lengths[] = { LIMIT_PATH_BYTES - 1, LIMIT_PATH_BYTES, LIMIT_PATH_BYTES + 1, 4097,
                4098, 4100, 8190, 16380 };
        for (size_t i = 0; i < ELEMENTSOF(lengths); i++) {
                size_t n = lengths[i];
                read_long(n, n, n);
                read_long(n, 1, n);
                for (size_t at = n - 8; at < n; at++) { /* one alone, and the last ones, around the end */
                        read_long(n, at, at + 1);
                        read_long(n, at, n);
                }
                for (size_t at = LIMIT_PATH_BYTES - 6; at < LIMIT_PATH_BYTES + 4 && at < n; at++)
                        read_long(n, at, at + 1);
        }
}
END_TEST

#define ROOT "22 1 0:20 / / rw,relatime - ext4 /dev/sda1 rw\n"
#define NEAR "30 22 0:30 / /usr/local" REST "\n"
#define FAR "31 22 0:31 / /opt/x" REST "\n"

START_TEST(test_numbers) {
        MountPlace place_of[] = { { (char *)"/usr", true } };
        const MountWays w = { .list = place_of, .n = 1 };
        uint64_t plain = mount_table_number(&w, ROOT);
        ck_assert(mount_table_number(&w, ROOT) == plain && mount_table_number(&w, ROOT FAR) == plain &&
                        mount_table_number(&w, FAR ROOT FAR FAR) == plain);
        static const char *const others[] = { ROOT NEAR, NEAR ROOT, ROOT ROOT, "", FAR,
                "23 1 0:20 / / rw,relatime - ext4 /dev/sda1 rw\n",
                "22 1 0:20 / / ro,relatime - ext4 /dev/sda1 rw\n",
                ROOT "32 22 0:32 / / rw - tmpfs none rw\n" };
        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                ck_assert_msg(mount_table_number(&w, others[i]) != plain, "%s", others[i]);
        static const char *const spoilt[] = { NULL, "x", ROOT "x\n", "x\n" ROOT, ROOT "\n" ROOT };
        for (size_t i = 0; i < ELEMENTSOF(spoilt); i++)
                ck_assert(mount_table_number(&w, spoilt[i]) != mount_table_number(&w, spoilt[i]));
}
END_TEST

/* Where a mount point is too long to be told, the mount may be anywhere: it matters. */
START_TEST(test_long_points_matter) {
        MountPlace place_of[] = { { (char *)"/usr", true } };
        const MountWays w = { .list = place_of, .n = 1 };
        uint64_t numbers[3];
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
                const size_t n = LIMIT_PATH_BYTES - 1 + i; /* fits, just fits, and does not */
                _cleanup_free_ char *point = calloc(1, 4 * n + 1), *table = NULL;
                ck_assert_ptr_nonnull(point);
                char *end = stpcpy(point, "/");
                while ((size_t)(end - point) < 1 + 4 * (n - 1))
                        end = stpcpy(end, "\\134");
                ck_assert_int_gt(asprintf(&table, ROOT "33 22 0:33 / %s" REST "\n", point), 0);
                numbers[i] = mount_table_number(&w, table);
                ck_assert(mount_table_number(&w, table) == numbers[i]);
        }
        uint64_t plain = mount_table_number(&w, ROOT);
        ck_assert(numbers[0] == plain && numbers[1] == plain && numbers[2] != plain);
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("mount-table");
        TCase *c = tcase_create("ways"), *t = tcase_create("table");
        tcase_add_loop_test(c, test_ways, 0, ELEMENTSOF(ways));
        tcase_add_test(c, test_ways_change);
        tcase_add_loop_test(c, test_points, 0, ELEMENTSOF(points));
        tcase_add_test(t, test_escapes);
        tcase_add_test(t, test_long_points);
        tcase_add_test(t, test_long_points_matter);
        tcase_add_test(t, test_numbers);
        suite_add_tcase(s, c);
        suite_add_tcase(s, t);
        return s;
}

int main(void) {
        if (!mkdtemp(place))
                return EXIT_FAILURE;
        SRunner *runner = srunner_create(suite());
        srunner_run_all(runner, CK_ENV);
        int failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        _cleanup_free_ char *remove = NULL;
        if (asprintf(&remove, "rm -r %s", place) < 0 || system(remove) != 0)
                failed++;
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
