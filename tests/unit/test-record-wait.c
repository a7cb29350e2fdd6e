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
static void on_room(int error, void *userdata) {
        errors[n_had] = error;
        had[n_had++] = *(const int *)userdata;
}

static void wait_for(int number, uint64_t deadline) {
        numbers[number] = number;
        const size_t before = n_had;
        ck_assert_int_eq(record_wait_begin(waits, deadline, on_room, &numbers[number]), 0);
        ck_assert_uint_eq(n_had, before); /* never at once */
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
        ck_assert(!record_wait_has_waiters(waits));
        wait_for(1, NEVER);
        ck_assert(record_wait_has_waiters(waits));
        read_one();
        ck_assert(record_wait_has_waiters(waits)); /* there is room, and it has not been told */
        run_all();
        ck_assert(!record_wait_has_waiters(waits));
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
        tcase_add_test(t, test_what_is_kept_goes);
        tcase_add_test(t, test_the_end);
        return run_daemon_case(t);
}
