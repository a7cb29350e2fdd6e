/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files written whole, and watches of places that come and go. What is believed of a file is tested where it matters: test-policy-store.c. */

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "config-file.h"
#include "config-watch.h"
#include "daemon-test.h"
#include "fd.h"

static void watch_freep(ConfigWatch **w) {
        if (*w)
                config_watch_free(*w);
}

/* ---- writing ---- */

static int open_test_dir(void) {
        int fd = open(test_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ck_assert_int_ge(fd, 0);
        return fd;
}

static void expect_content(int dir, const char *name, const char *expected) {
        _cleanup_free_ char *text = NULL;
        ck_assert_int_eq(fd_read_file_at(dir, name, 1024, &text, NULL), 0);
        ck_assert_str_eq(text, expected);
}

static size_t count_files(void) {
        DIR *d = opendir(test_dir);
        size_t n = 0;
        ck_assert_ptr_nonnull(d);
        while (readdir(d))
                n++;
        (void)closedir(d);
        return n - 2; /* . and .. */
}

START_TEST(test_write) {
        _cleanup_close_ int dir = open_test_dir();
        struct stat st;
        ck_assert_int_eq(config_file_write(dir, "a.json", "one", 3), 0);
        expect_content(dir, "a.json", "one");
        ck_assert_int_eq(fstatat(dir, "a.json", &st, 0), 0);
        ck_assert_uint_eq(st.st_mode & 07777, 0600);
        _cleanup_close_ int before = openat(dir, "a.json", O_RDONLY | O_CLOEXEC);
        ck_assert_int_eq(config_file_write(dir, "a.json", "two", 3), 0);
        expect_content(dir, "a.json", "two");
        char text[4] = "";
        ck_assert_int_eq(pread(before, text, 3, 0), 3);
        ck_assert_str_eq(text, "one"); /* whoever reads has the old one whole */
        ck_assert_uint_eq(count_files(), 1);
}
END_TEST

/* What a crash left behind is in nobody's way. */
START_TEST(test_write_over_leftovers) {
        _cleanup_close_ int dir = open_test_dir();
        write_file("target", "precious");
        _cleanup_free_ char *leftover = path_of(".a.json.new");
        ck_assert_int_eq(symlink("target", leftover), 0);
        ck_assert_int_eq(config_file_write(dir, "a.json", "one", 3), 0);
        expect_content(dir, "a.json", "one");
        expect_content(dir, "target", "precious");
        ck_assert_uint_eq(count_files(), 2);
}
END_TEST

/* A disk that is full, as far as a limit can be one. */
START_TEST(test_a_write_that_fails_changes_nothing) {
        _cleanup_close_ int dir = open_test_dir();
        ck_assert_int_eq(config_file_write(dir, "a.json", "one", 3), 0);
        struct rlimit before, none = { 0 };
        ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
        none.rlim_max = before.rlim_max;
        (void)signal(SIGXFSZ, SIG_IGN);
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
        int r = config_file_write(dir, "a.json", "two", 3);
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
        ck_assert_int_eq(r, -EFBIG);
        expect_content(dir, "a.json", "one");
        ck_assert_uint_eq(count_files(), 1);
        _cleanup_close_ int gone = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ck_assert_int_lt(config_file_write(gone, "a.json", "two", 3), 0);
}
END_TEST

/* ---- watching ---- */

/* Where files called *.json in a/b count, and the file one.json in a. */
static ConfigWatch *watch_open(void) {
        _cleanup_free_ char *a = path_of("a"), *b = path_of("a/b");
        ConfigWatch *w = NULL;
        ck_assert_int_eq(config_watch_new(&w), 0);
        ck_assert_int_eq(config_watch_add(w, b, NULL), 0);
        ck_assert_int_eq(config_watch_add(w, a, "one.json"), 0);
        ck_assert_int_eq(config_watch_arm(w), 0);
        return w;
}

static bool is_readable(const ConfigWatch *w) {
        struct pollfd p = { .fd = config_watch_fd(w), .events = POLLIN };
        return poll(&p, 1, 0) == 1;
}

/* Something that matters happened, and is told once. */
static void expect_change(ConfigWatch *w) {
        ck_assert(is_readable(w));
        ck_assert(config_watch_drain(w));
        ck_assert(!is_readable(w));
        ck_assert(!config_watch_drain(w));
}

static void expect_nothing(ConfigWatch *w) {
        ck_assert(!config_watch_drain(w));
        ck_assert(!is_readable(w));
}

START_TEST(test_changes_of_files) {
        make_dir("a");
        make_dir("a/b");
        _cleanup_(watch_freep) ConfigWatch *w = watch_open();
        _cleanup_free_ char *x = path_of("a/b/x.json"), *mask = path_of("a/b/y.json"),
                            *hard = path_of("a/b/z.json");
        expect_nothing(w);
        write_file("a/b/x.json", "{}"); /* by rename */
        expect_change(w);
        ck_assert_int_eq(chmod(x, 0664), 0);
        expect_change(w);
        ck_assert_int_eq(symlink("/dev/null", mask), 0);
        expect_change(w);
        ck_assert_int_eq(link(x, hard), 0);
        expect_change(w);
        remove_file("a/b/x.json");
        expect_change(w);
        write_file("a/one.json", "{}");
        expect_change(w);
        remove_file("a/one.json");
        expect_change(w);
}
END_TEST

START_TEST(test_a_file_is_told_when_it_is_whole) {
        make_dir("a");
        make_dir("a/b");
        _cleanup_(watch_freep) ConfigWatch *w = watch_open();
        _cleanup_free_ char *x = path_of("a/b/x.json");
        int fd = open(x, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        ck_assert_int_ge(fd, 0);
        expect_nothing(w);
        ck_assert_int_eq(write(fd, "{", 1), 1);
        expect_nothing(w);
        ck_assert_int_eq(write(fd, "}", 1), 1);
        ck_assert_int_eq(close(fd), 0);
        expect_change(w);
}
END_TEST

START_TEST(test_what_does_not_matter) {
        static const char *const names[] = { "a/b/x.json~", "a/b/.x.json", "a/b/x", "a/two.json",
                "a/.one.json", "one.json" };
        make_dir("a");
        make_dir("a/b");
        _cleanup_(watch_freep) ConfigWatch *w = watch_open();
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                write_file(names[i], "{}");
                remove_file(names[i]);
                expect_nothing(w);
        }
        make_dir("a/c");
        expect_nothing(w);
}
END_TEST

START_TEST(test_directories_that_come_later) {
        _cleanup_(watch_freep) ConfigWatch *w = watch_open();
        make_dir("other");
        expect_nothing(w);
        make_dir("a");
        expect_change(w);
        write_file("a/one.json", "{}");
        expect_change(w);
        make_dir("a/b");
        expect_change(w);
        write_file("a/b/x.json", "{}");
        expect_change(w);
}
END_TEST

/* Everything at once, before anybody looks. */
START_TEST(test_a_tree_that_comes_at_once) {
        _cleanup_(watch_freep) ConfigWatch *w = watch_open();
        make_dir("a");
        make_dir("a/b");
        write_file("a/b/x.json", "{}"); /* nobody watched a/b yet: the load that follows sees it */
        expect_change(w);
        write_file("a/b/y.json", "{}");
        expect_change(w);
}
END_TEST

START_TEST(test_directories_that_are_replaced) {
        make_dir("a");
        make_dir("a/b");
        make_dir("fresh");
        _cleanup_(watch_freep) ConfigWatch *w = watch_open();
        _cleanup_free_ char *b = path_of("a/b"), *old = path_of("old"), *fresh = path_of("fresh");
        ck_assert_int_eq(rename(b, old), 0);
        expect_change(w);
        write_file("old/x.json", "{}"); /* is nobody's any more */
        expect_nothing(w);
        ck_assert_int_eq(rename(fresh, b), 0);
        expect_change(w);
        write_file("a/b/x.json", "{}");
        expect_change(w);
        remove_file("a/b/x.json");
        expect_change(w);
        ck_assert_int_eq(rmdir(b), 0);
        expect_change(w);
        make_dir("a/b");
        expect_change(w);
}
END_TEST

int main(void) {
        TCase *t = daemon_case("config");
        tcase_add_test(t, test_write);
        tcase_add_test(t, test_write_over_leftovers);
        tcase_add_test(t, test_a_write_that_fails_changes_nothing);
        tcase_add_test(t, test_changes_of_files);
        tcase_add_test(t, test_a_file_is_told_when_it_is_whole);
        tcase_add_test(t, test_what_does_not_matter);
        tcase_add_test(t, test_directories_that_come_later);
        tcase_add_test(t, test_a_tree_that_comes_at_once);
        tcase_add_test(t, test_directories_that_are_replaced);
        return run_daemon_case(t);
}
