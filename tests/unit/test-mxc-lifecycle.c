/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Of MXC's sandboxes that outlive a call: what they are called, and the files that are the caller's. */

#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include "lifecycle-home.h"
#include "lifecycle-id.h"

#define HEX "0123456789abcdef0123456789abcdef"

static char directory[] = "/tmp/mxc-lifecycle.XXXXXX";

static void set_up(void) {
        ck_assert_ptr_nonnull(mkdtemp(directory));
        ck_assert_int_eq(setenv("XDG_STATE_HOME", directory, 1), 0);
}

static void tear_down(void) {
        char command[128];
        (void)snprintf(command, sizeof command, "chmod -R u+rwx %s && rm -rf %s", directory, directory);
        ck_assert_int_eq(system(command), 0);
}

START_TEST(test_ids) {
        static const struct {
                const char *id;
                MxcStatus status;
                const char *words;
        } cases[] = {
                { "iso:" HEX, MXC_OK, NULL },
                { "wslc:" HEX, MXC_OK, NULL },
                { "", MXC_MALFORMED_ID, "missing" },
                { "abc", MXC_MALFORMED_ID, "sandbox_id \"abc\" is missing the `<prefix>:...` form" },
                { ":" HEX, MXC_MALFORMED_ID, "missing" },
                { "iso:", MXC_MALFORMED_ID, "none that mxcd gave out" },
                { "iso:" HEX "0", MXC_MALFORMED_ID, "none that mxcd gave out" },
                { "iso:0123456789ABCDEF0123456789abcdef", MXC_MALFORMED_ID, "none that mxcd gave out" },
                { "wslc:../../../../../../../../etc/pass", MXC_MALFORMED_ID, "none that mxcd gave out" },
                { "iso:" HEX "\n", MXC_MALFORMED_ID, "\\n" },
                { "ISO:" HEX, MXC_UNSUPPORTED_CONTAINMENT, "prefix \"ISO\"" },
                { "is:" HEX, MXC_UNSUPPORTED_CONTAINMENT, "prefix \"is\"" },
                { "docker:x", MXC_UNSUPPORTED_CONTAINMENT,
                                "no state-aware backend registered for prefix \"docker\"" },
                { "wsb:x", MXC_BACKEND_UNAVAILABLE, "windows_sandbox" },
        };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                LifecycleId id;
                MxcError e = { 0 };
                int r = lifecycle_id_parse(cases[i].id, &id, &e);
                ck_assert_msg(e.status == cases[i].status, "%s: %d", cases[i].id, e.status);
                ck_assert_int_eq(r, cases[i].status == MXC_OK ? 0 : -EINVAL);
                if (cases[i].words)
                        ck_assert_msg(strstr(e.message, cases[i].words), "%s", e.message);
                else
                        ck_assert_str_eq(id.id, cases[i].id);
                mxc_error_clear(&e);
        }
}
END_TEST

START_TEST(test_new_ids_are_their_own) {
        LifecycleId a, b, again;
        char agent[160];
        ck_assert_int_eq(lifecycle_id_new(MXC_ISOLATION_SESSION, &a, NULL), 0);
        ck_assert_int_eq(lifecycle_id_new(MXC_ISOLATION_SESSION, &b, NULL), 0);
        ck_assert_str_ne(a.id, b.id);
        ck_assert_int_eq(lifecycle_id_parse(a.id, &again, NULL), 0);
        ck_assert_str_eq(a.agent, again.agent);
        (void)snprintf(agent, sizeof agent, "user-%u-iso-%s", geteuid(), a.id + strlen("iso:"));
        ck_assert_str_eq(a.agent, agent);
        ck_assert_int_eq(lifecycle_id_new(MXC_WSLC, &a, NULL), 0);
        ck_assert_ptr_nonnull(strstr(a.agent, "-wslc-"));
        ck_assert_uint_le(strlen(a.agent), 63); /* what mxcd takes as a name */
        MxcError e = { 0 };
        ck_assert_int_eq(lifecycle_id_new(MXC_PROCESS, &a, &e), -EINVAL);
        ck_assert_int_eq(e.status, MXC_MALFORMED_REQUEST);
        mxc_error_clear(&e);
}
END_TEST

static mode_t mode_of(const char *path) {
        struct stat st;
        ck_assert_int_eq(lstat(path, &st), 0);
        return st.st_mode & 07777;
}

START_TEST(test_a_home_is_made_and_found_again) {
        _cleanup_(lifecycle_home_clear) LifecycleHome h = LIFECYCLE_HOME_NONE, again = LIFECYCLE_HOME_NONE;
        _cleanup_free_ char *text = NULL;
        ck_assert_int_eq(lifecycle_home_open("agent", &h), -ENOENT);
        ck_assert_int_eq(lifecycle_home_make("agent", "{\"a\":1}", &h), 0);
        ck_assert_int_eq(mode_of(h.path), 0700);
        ck_assert_int_eq(mode_of(h.workspace), 0700);
        ck_assert_int_eq(lifecycle_home_make("agent", "{}", &again), -EEXIST);
        lifecycle_home_clear(&h);
        ck_assert_int_eq(lifecycle_home_open("agent", &h), 0);
        ck_assert_int_eq(rmdir(h.workspace), 0);
        ck_assert_int_eq(lifecycle_home_read(&h, &text), 0);
        ck_assert_str_eq(text, "{\"a\":1}");
        ck_assert_int_eq(mode_of(h.workspace), 0700);
        ck_assert_int_eq(lifecycle_home_remove(&h), 0);
        lifecycle_home_clear(&h);
        ck_assert_int_eq(lifecycle_home_open("agent", &h), -ENOENT);
}
END_TEST

START_TEST(test_no_link_is_in_its_path_or_followed) {
        char real[64], link[64], outside[64];
        (void)snprintf(real, sizeof real, "%s/real", directory);
        (void)snprintf(link, sizeof link, "%s/link", directory);
        (void)snprintf(outside, sizeof outside, "%s/outside", directory);
        ck_assert_int_eq(mkdir(real, 0700), 0);
        ck_assert_int_eq(mkdir(outside, 0700), 0);
        ck_assert_int_eq(symlink(real, link), 0);
        ck_assert_int_eq(setenv("XDG_STATE_HOME", link, 1), 0);
        _cleanup_(lifecycle_home_clear) LifecycleHome h = LIFECYCLE_HOME_NONE, other = LIFECYCLE_HOME_NONE;
        ck_assert_int_eq(lifecycle_home_make("agent", "{}", &h), 0);
        ck_assert_msg(strncmp(h.path, real, strlen(real)) == 0, "%s",
                        h.path); /* mxcd takes none with a link in it */
        char name[160];
        (void)snprintf(name, sizeof name, "%s/mxc/other", real);
        ck_assert_int_eq(symlink(outside, name), 0);
        ck_assert_int_lt(lifecycle_home_open("other", &other), 0);
        /* what an agent leaves to lead its owner astray */
        (void)snprintf(name, sizeof name, "%s/astray", h.workspace);
        ck_assert_int_eq(symlink(outside, name), 0);
        ck_assert_int_eq(lifecycle_home_remove(&h), 0);
        ck_assert_int_eq(mode_of(outside), 0700);
}
END_TEST

START_TEST(test_all_that_an_agent_left_is_removed) {
        _cleanup_(lifecycle_home_clear) LifecycleHome h = LIFECYCLE_HOME_NONE;
        ck_assert_int_eq(lifecycle_home_make("agent", "{}", &h), 0);
        char name[192];
        (void)snprintf(name, sizeof name, "%s/a", h.workspace);
        ck_assert_int_eq(mkdir(name, 0700), 0);
        (void)snprintf(name, sizeof name, "%s/a/b", h.workspace);
        ck_assert_int_eq(mkdir(name, 0700), 0);
        (void)snprintf(name, sizeof name, "%s/a/b/file", h.workspace);
        ck_assert_int_eq(mknod(name, S_IFREG | 0400, 0), 0);
        (void)snprintf(name, sizeof name, "%s/a/b", h.workspace);
        ck_assert_int_eq(chmod(name, 0), 0);
        (void)snprintf(name, sizeof name, "%s/a", h.workspace);
        ck_assert_int_eq(chmod(name, 0500), 0);
        ck_assert_int_eq(lifecycle_home_remove(&h), 0);
        ck_assert_int_lt(access(h.path, F_OK), 0);
}
END_TEST

typedef struct Waiter {
        int began, got;
} Waiter;

static void *wait_for_it(void *userdata) {
        Waiter *w = userdata;
        LifecycleHome h = LIFECYCLE_HOME_NONE;
        (void)eventfd_write(w->began, 1);
        w->got = lifecycle_home_open("agent", &h);
        lifecycle_home_clear(&h);
        return NULL;
}

START_TEST(test_one_call_at_a_time) {
        _cleanup_(lifecycle_home_clear) LifecycleHome h = LIFECYCLE_HOME_NONE;
        ck_assert_int_eq(lifecycle_home_make("agent", "{}", &h), 0);
        Waiter w = { .began = eventfd(0, EFD_CLOEXEC), .got = 7 };
        pthread_t thread;
        eventfd_t value;
        ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_it, &w), 0);
        ck_assert_int_eq(eventfd_read(w.began, &value), 0);
        ck_assert_int_eq(lifecycle_home_remove(&h), 0);
        ck_assert_int_eq(w.got, 7); /* it waits; or has not come to it */
        lifecycle_home_clear(&h);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        ck_assert_int_eq(w.got, -ENOENT); /* what it waited for has gone */
        close(w.began);
}
END_TEST

int main(void) {
        Suite *s = suite_create("mxc lifecycle");
        TCase *t = tcase_create("all");
        tcase_add_checked_fixture(t, set_up, tear_down);
        tcase_add_test(t, test_ids);
        tcase_add_test(t, test_new_ids_are_their_own);
        tcase_add_test(t, test_a_home_is_made_and_found_again);
        tcase_add_test(t, test_no_link_is_in_its_path_or_followed);
        tcase_add_test(t, test_all_that_an_agent_left_is_removed);
        tcase_add_test(t, test_one_call_at_a_time);
        tcase_set_timeout(t, 60);
        suite_add_tcase(s, t);
        SRunner *runner = srunner_create(s);
        srunner_run_all(runner, CK_ENV);
        int failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
