/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What becomes of a signal that comes in the place of a command. */

#include <check.h>
#include <stdlib.h>

#include "running.h"

START_TEST(test_the_third_kills_and_the_fourth_leaves) {
        unsigned n = 0;
        ck_assert_int_eq(running_relays(&n, SIGINT), SIGINT);
        ck_assert_int_eq(running_relays(&n, SIGTERM), SIGTERM);
        ck_assert_int_eq(running_relays(&n, SIGHUP), SIGKILL);
        ck_assert_int_eq(running_relays(&n, SIGQUIT), 0);
        ck_assert_int_eq(running_relays(&n, SIGINT), 0);
}
END_TEST

START_TEST(test_what_ends_nothing_is_not_counted) {
        unsigned n = 0;
        for (int i = 0; i < 10; i++)
                ck_assert_int_eq(running_relays(&n, i % 2 ? SIGUSR1 : SIGUSR2), i % 2 ? SIGUSR1 : SIGUSR2);
        ck_assert_uint_eq(n, 0);
        ck_assert_int_eq(running_relays(&n, SIGINT), SIGINT);
}
END_TEST

START_TEST(test_what_cannot_be_sent_yet_is_bounded) {
        int waiting[2] = { 0 };
        size_t n = 0;
        running_keep(waiting, &n, 2, SIGUSR1);
        running_keep(waiting, &n, 2, SIGTERM);
        ck_assert_uint_eq(n, 2);
        running_keep(waiting, &n, 2, SIGKILL);
        ck_assert_uint_eq(n, 2);
        ck_assert_int_eq(waiting[0], SIGUSR1);
        ck_assert_int_eq(waiting[1], SIGKILL);
}
END_TEST

int main(void) {
        Suite *s = suite_create("client-running");
        TCase *c = tcase_create("signals");
        tcase_add_test(c, test_the_third_kills_and_the_fourth_leaves);
        tcase_add_test(c, test_what_ends_nothing_is_not_counted);
        tcase_add_test(c, test_what_cannot_be_sent_yet_is_bounded);
        suite_add_tcase(s, c);
        SRunner *r = srunner_create(s);
        srunner_run_all(r, CK_ENV);
        int failed = srunner_ntests_failed(r);
        srunner_free(r);
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
