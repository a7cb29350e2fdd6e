/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who waits for a turn has one, however much others ask for. */

#include <fcntl.h>
#include <sys/epoll.h>

#include "cleanup.h"
#include "daemon-test.h"
#include "limits.h"
#include "turns.h"

enum { ALICE = 1000, BOB = 1001, CAROL = 1002 };

static sd_event *event;
static Turns *turns;
static uid_t had[1000]; /* whose turns it was */
static int errors[1000];
static size_t n_had;

static void on_turn(int error, void *userdata) {
        errors[n_had] = error;
        had[n_had++] = *(const uid_t *)userdata;
}

static const uid_t alice = ALICE, bob = BOB, carol = CAROL;

static void wait_for(const uid_t *uid) {
        const size_t before = n_had;
        ck_assert_int_eq(turns_wait(turns, *uid, on_turn, (void *)uid), 0);
        ck_assert_uint_eq(n_had, before); /* never at once */
}

static void setup(void) {
        n_had = 0;
        ck_assert_int_ge(sd_event_new(&event), 0);
        ck_assert_int_eq(turns_new(event, &turns), 0);
}

static void teardown(void) {
        turns = turns_free(turns);
        event = sd_event_unref(event);
}

static void run_all(void) {
        while (sd_event_run(event, 0) > 0)
                ;
}

START_TEST(test_in_order) {
        for (size_t i = 0; i < 5; i++)
                wait_for(&alice);
        run_all();
        ck_assert_uint_eq(n_had, 5);
        run_all(); /* and nobody again */
        ck_assert_uint_eq(n_had, 5);
        wait_for(&alice);
        run_all();
        ck_assert_uint_eq(n_had, 6);
        for (size_t i = 0; i < n_had; i++)
                ck_assert_int_eq(errors[i], 0);
}
END_TEST

START_TEST(test_one_of_each_uid) {
        for (size_t i = 0; i < LIMIT_PENDING_PER_UID; i++)
                wait_for(&bob);
        wait_for(&alice);
        wait_for(&alice);
        wait_for(&carol);
        run_all();
        static const uid_t first[] = { BOB, ALICE, CAROL, BOB, ALICE, BOB, BOB };
        for (size_t i = 0; i < ELEMENTSOF(first); i++)
                ck_assert_uint_eq(had[i], first[i]);
        ck_assert_uint_eq(n_had, LIMIT_PENDING_PER_UID + 3);
}
END_TEST

/* Somebody who never stops: each turn of his asks for the next. */
static void on_turn_again(int error, void *userdata) {
        on_turn(error, userdata);
        if (error == 0 && n_had < ELEMENTSOF(had) / 2)
                ck_assert_int_eq(turns_wait(turns, BOB, on_turn_again, userdata), 0);
}

static int n_read;
static int on_readable(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        char c;
        ck_assert_int_eq(read(fd, &c, 1), 1);
        n_read++;
        return 0;
}

/* What is not waiting for a turn, a call at the door or an answer of the launcher, comes between two of them. */
START_TEST(test_others_come_between) {
        int ends[2];
        ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
        ck_assert_int_ge(sd_event_add_io(event, NULL, ends[0], EPOLLIN, on_readable, NULL), 0);
        n_read = 0;
        for (size_t i = 0; i < 32; i++)
                ck_assert_int_eq(turns_wait(turns, BOB, on_turn_again, (void *)&bob), 0);
        for (int i = 0; i < 100; i++) {
                ck_assert_int_eq(write(ends[1], "x", 1), 1);
                const size_t before = n_had;
                while (n_read == i)
                        ck_assert_int_gt(sd_event_run(event, 0), 0);
                ck_assert_uint_le(n_had - before, 2);
        }
        ck_assert_uint_ge(n_had, 50); /* nor does it come to a stand */
        n_had = ELEMENTSOF(had) / 2;
        (void)close(ends[0]);
        (void)close(ends[1]);
}
END_TEST

START_TEST(test_no_turn_will_come) {
        wait_for(&alice);
        wait_for(&bob);
        wait_for(&bob);
        turns = turns_free(turns);
        ck_assert_uint_eq(n_had, 3);
        for (size_t i = 0; i < n_had; i++)
                ck_assert_int_eq(errors[i], -ESHUTDOWN);
}
END_TEST

int main(void) {
        TCase *t = daemon_case("turns");
        tcase_add_checked_fixture(t, setup, teardown);
        tcase_add_test(t, test_in_order);
        tcase_add_test(t, test_one_of_each_uid);
        tcase_add_test(t, test_others_come_between);
        tcase_add_test(t, test_no_turn_will_come);
        return run_daemon_case(t);
}
