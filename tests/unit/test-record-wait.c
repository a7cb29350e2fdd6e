/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who waits for the journal is told when it has room, and when the time is over; in order, and without going round in circles. */

#include <sys/queue.h>

#include "clock.h"
#include "daemon-test.h"
#include "limits.h"
#include "record-wait.h"

#define NEVER (now_boottime() + UINT64_C(3600) * 1000000)

static sd_event *event;
static Audit *audit;
static RecordWait *waits;
static int journal;
static int had[16], errors[16];
static size_t n_had;

static int numbers[16];
static void fill(void);

static void on_room(int error, void *userdata) {
        errors[n_had] = error;
        had[n_had++] = *(const int *)userdata;
}

/* One whose record takes all the room that there is. */
static void on_room_for_one(int error, void *userdata) {
        on_room(error, userdata);
        fill();
}

/* One that asks again as soon as it is answered, as who keeps a line from being empty. */
static void on_room_again(int error, void *userdata) {
        on_room(error, userdata);
        if (error == 0 && n_had < 9)
                ck_assert_int_eq(record_wait_begin(waits, RECORD_LINE_OWNERS,
                                                 NEVER + UINT64_C(1000000) * n_had, on_room_again, userdata),
                                0);
}

static void wait_in(RecordLine line, int number, uint64_t deadline, RecordWaitDone done) {
        numbers[number] = number;
        const size_t before = n_had;
        ck_assert_int_eq(record_wait_begin(waits, line, deadline, done, &numbers[number]), 0);
        ck_assert_uint_eq(n_had, before); /* never at once */
}

static void wait_for(int number, uint64_t deadline) {
        wait_in(RECORD_LINE_OWNERS, number, deadline, on_room);
}

static void setup(void) {
        _cleanup_free_ char *path = path_of("journal");
        n_had = 0;
        ck_assert_int_ge(sd_event_new(&event), 0);
        journal = journal_listen();
        ck_assert_int_eq(audit_new(path, &audit), 0);
        ck_assert_int_eq(record_wait_new(event, audit, &waits), 0);
}

static void teardown(void) {
        waits = record_wait_free(waits);
        audit = audit_free(audit);
        event = sd_event_unref(event);
        (void)close(journal);
}

/* Events that there are now; how many. */
static unsigned run_all(void) {
        unsigned n = 0;
        while (n < 1000 && sd_event_run(event, 0) > 0)
                n++;
        return n;
}

static void fill(void) {
        while (audit_daemon(audit, true, "again") == 0)
                ;
        ck_assert_int_eq(audit_check(audit), -EAGAIN);
}

static void read_one(void) {
        Record r = { 0 };
        ck_assert(journal_read(journal, &r));
        record_clear(&r);
}

START_TEST(test_there_is_room) {
        wait_for(1, NEVER);
        wait_for(2, NEVER);
        run_all();
        ck_assert_uint_eq(n_had, 2);
        ck_assert_int_eq(had[0], 1);
        ck_assert_int_eq(errors[0], 0);
        ck_assert_uint_eq(run_all(), 0); /* nothing is left to do */
}
END_TEST

START_TEST(test_a_full_journal_is_waited_for) {
        fill();
        wait_for(1, NEVER);
        ck_assert_uint_lt(run_all(), 100); /* not in circles */
        ck_assert_uint_eq(n_had, 0);
        read_one();
        run_all();
        ck_assert_uint_eq(n_had, 1);
}
END_TEST

/* A socket whose other end is closed says that it is writable, for ever. */
START_TEST(test_nobody_reads) {
        fill();
        wait_for(1, NEVER);
        (void)close(journal);
        ck_assert_uint_lt(run_all(), 100);
        ck_assert_uint_eq(n_had, 0);
        remove_file("journal");
        journal = journal_listen();
        while (n_had == 0) /* it is looked for now and then */
                ck_assert_int_ge(sd_event_run(event, UINT64_MAX), 0);
}
END_TEST

START_TEST(test_the_time_is_over) {
        fill();
        wait_for(1, now_boottime() + LIMIT_AUDIT_WAIT_USEC);
        wait_for(2, NEVER);
        while (n_had == 0)
                ck_assert_int_ge(sd_event_run(event, UINT64_MAX), 0);
        run_all();
        ck_assert_uint_eq(n_had, 1);
        ck_assert_int_eq(had[0], 1);
}
END_TEST

/* Who found no room after all is in front of who came later, whenever it comes back. */
START_TEST(test_in_the_order_of_their_deadlines) {
        const uint64_t first = NEVER;
        fill();
        wait_for(2, first + 2);
        wait_for(3, first + 3);
        wait_for(1, first + 1);
        read_one();
        run_all();
        ck_assert_uint_eq(n_had, 3);
        for (int i = 0; i < 3; i++)
                ck_assert_int_eq(had[i], i + 1);
}
END_TEST

/* Nobody overtakes: no two have the same deadline, whatever the clock says, and it can be asked whether somebody waits. */
START_TEST(test_nobody_is_overtaken) {
        uint64_t before = 0;
        for (int i = 0; i < 10000; i++) {
                const uint64_t deadline = record_wait_deadline(waits);
                ck_assert_uint_gt(deadline, before);
                before = deadline;
        }
        fill();
        ck_assert(!record_wait_is_behind(waits, RECORD_LINE_OWNERS));
        wait_for(1, NEVER);
        ck_assert(record_wait_is_behind(waits, RECORD_LINE_OWNERS));
        read_one();
        ck_assert(record_wait_is_behind(
                        waits, RECORD_LINE_OWNERS)); /* there is room, and it has not been told */
        run_all();
        ck_assert(!record_wait_is_behind(waits, RECORD_LINE_OWNERS));
}
END_TEST

/* LIMIT_AUDIT_WAIT_PIECE as soon as there is room, before anybody else has a turn: none is left that others would have to wait behind. */
START_TEST(test_all_that_wait_come_at_once) {
        fill();
        for (int i = 1; i <= (int)LIMIT_AUDIT_WAIT_PIECE; i++)
                wait_for(i, NEVER + (uint64_t)i);
        read_one();
        while (n_had == 0)
                ck_assert_int_ge(sd_event_run(event, UINT64_MAX), 0);
        ck_assert_uint_eq(n_had, LIMIT_AUDIT_WAIT_PIECE);
        ck_assert(!record_wait_is_behind(waits, RECORD_LINE_OWNERS));
}
END_TEST

static sd_event_source *other; /* what else there is to do */

static int on_other(sd_event_source *source, void *userdata) {
        *(size_t *)userdata = n_had;
        wait_in(RECORD_LINE_ADMINISTRATORS, 0, NEVER, on_room);
        return 0;
}

static void on_room_and_more(int error, void *userdata) {
        on_room(error, userdata);
        ck_assert_int_ge(sd_event_source_set_enabled(other, SD_EVENT_ONESHOT), 0);
}

/* One more than that, and what else there is to do comes between: who asks then as an administrator is before the rest. */
START_TEST(test_others_are_answered_between) {
        const int n = (int)LIMIT_AUDIT_WAIT_PIECE + 1;
        size_t had_before = 0;
        ck_assert_int_ge(sd_event_add_defer(event, &other, on_other, &had_before), 0);
        ck_assert_int_ge(sd_event_source_set_enabled(other, SD_EVENT_OFF), 0);
        fill();
        wait_in(RECORD_LINE_OWNERS, 1, NEVER, on_room_and_more);
        for (int i = 2; i <= n; i++)
                wait_for(i, NEVER + (uint64_t)i);
        read_one();
        while (n_had < (size_t)n + 1)
                ck_assert_int_ge(sd_event_run(event, UINT64_MAX), 0);
        other = sd_event_source_unref(other);
        ck_assert_uint_eq(had_before, LIMIT_AUDIT_WAIT_PIECE);
        ck_assert_int_eq(had[LIMIT_AUDIT_WAIT_PIECE], 0);
        ck_assert_int_eq(had[n], n);
}
END_TEST

START_TEST(test_only_as_many_as_there_is_room_for) {
        fill();
        for (int i = 1; i <= 3; i++)
                wait_in(RECORD_LINE_OWNERS, i, NEVER + (uint64_t)i, on_room_for_one);
        read_one();
        ck_assert_uint_lt(run_all(), 100);
        ck_assert_uint_eq(n_had, 1);
        read_one();
        run_all();
        ck_assert_uint_eq(n_had, 2);
        ck_assert_int_eq(had[1], 2);
}
END_TEST

/* Who asks anew whenever it is answered comes once in a round: everybody else is served. */
START_TEST(test_who_asks_anew_comes_in_the_next_round) {
        fill();
        wait_in(RECORD_LINE_OWNERS, 1, NEVER, on_room_again);
        wait_for(2, NEVER + 1);
        read_one();
        while (n_had == 0)
                ck_assert_int_ge(sd_event_run(event, UINT64_MAX), 0);
        ck_assert_uint_eq(n_had, 2);
        ck_assert_int_eq(had[1], 2);
        run_all();
        ck_assert_uint_eq(n_had, 9); /* eight times, and the other */
}
END_TEST

/* What owners do with their own is in no administrator's way, and administrators are in theirs. */
START_TEST(test_administrators_come_first) {
        fill();
        wait_for(1, NEVER);
        wait_for(2, NEVER + 1);
        ck_assert(record_wait_is_behind(waits, RECORD_LINE_OWNERS));
        ck_assert(!record_wait_is_behind(waits, RECORD_LINE_ADMINISTRATORS));
        wait_in(RECORD_LINE_ADMINISTRATORS, 3, NEVER + 2, on_room);
        ck_assert(record_wait_is_behind(waits, RECORD_LINE_ADMINISTRATORS));
        wait_in(RECORD_LINE_ADMINISTRATORS, 4, NEVER + 3, on_room);
        read_one();
        run_all();
        static const int order[] = { 3, 4, 1, 2 };
        ck_assert_uint_eq(n_had, ELEMENTSOF(order));
        for (size_t i = 0; i < n_had; i++)
                ck_assert_int_eq(had[i], order[i]);
}
END_TEST

/* Where only administrators wait, owners do so too: what they ask for later is done later. */
START_TEST(test_owners_are_behind_administrators) {
        fill();
        wait_in(RECORD_LINE_ADMINISTRATORS, 1, NEVER, on_room);
        ck_assert(record_wait_is_behind(waits, RECORD_LINE_OWNERS));
        wait_for(2, now_boottime()); /* its time is over, and what the others wait for is not there */
        while (n_had == 0)
                ck_assert_int_ge(sd_event_run(event, UINT64_MAX), 0);
        ck_assert_uint_eq(n_had, 1);
        ck_assert_int_eq(had[0], 2);
}
END_TEST

/* What is kept goes as soon as there is room, too. */
START_TEST(test_what_is_kept_goes) {
        static const AuditSubject s = { .sandbox = "1", .on_behalf_uid = AUDIT_NO_UID };
        fill();
        ck_assert_int_eq(audit_start(audit, &s, 1, 1), 0);
        ck_assert_uint_eq(audit_pending(audit), 1);
        ck_assert_uint_lt(run_all(), 100);
        read_one();
        run_all();
        ck_assert_uint_eq(audit_pending(audit), 0);
}
END_TEST

START_TEST(test_the_end) {
        fill();
        wait_for(1, NEVER);
        waits = record_wait_free(waits);
        ck_assert_uint_eq(n_had, 1);
        ck_assert_int_eq(errors[0], -ESHUTDOWN);
}
END_TEST

int main(void) {
        TCase *t = daemon_case("record-wait");
        tcase_add_checked_fixture(t, setup, teardown);
        tcase_add_test(t, test_there_is_room);
        tcase_add_test(t, test_a_full_journal_is_waited_for);
        tcase_add_test(t, test_nobody_reads);
        tcase_add_test(t, test_the_time_is_over);
        tcase_add_test(t, test_in_the_order_of_their_deadlines);
        tcase_add_test(t, test_nobody_is_overtaken);
        tcase_add_test(t, test_all_that_wait_come_at_once);
        tcase_add_test(t, test_others_are_answered_between);
        tcase_add_test(t, test_only_as_many_as_there_is_room_for);
        tcase_add_test(t, test_who_asks_anew_comes_in_the_next_round);
        tcase_add_test(t, test_administrators_come_first);
        tcase_add_test(t, test_owners_are_behind_administrators);
        tcase_add_test(t, test_what_is_kept_goes);
        tcase_add_test(t, test_the_end);
        return run_daemon_case(t);
}
