/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which refusals are alike, for how long, and how many kinds there may be. */

#include "daemon-test.h"
#include "limits.h"
#include "refusals.h"

static RefusalKind sealed(RefusalKind k) {
        ck_assert(refusal_kind_seal(&k));
        return k;
}

static RefusalKind kind_of(uid_t uid, const char *command) {
        char *argv[] = { (char *)command, NULL };
        RefusalKind k = sealed((RefusalKind){ .uid = uid,
                        .event = AUDIT_SPAWN,
                        .reason = REASON_NOT_OWNER,
                        .text = { [REFUSAL_AGENT] = "a", [REFUSAL_COMMAND] = command },
                        .argv = argv });
        k.argv = NULL;
        return k;
}

static void drain(Refusals *t) {
        for (Refusal *r; (r = refusals_take(t, UINT64_MAX));)
                (void)refusal_free(r); /* NULL */
}

static void expect_another(Refusals *t, RefusalKind k) {
        k = sealed(k);
        ck_assert(!refusals_count(t, &k));
}

START_TEST(test_each_difference_is_another_kind) {
        Refusals t;
        refusals_init(&t);
        char *argv[] = { (char *)"make", (char *)"all", NULL };
        RefusalKind first = kind_of(1000, "make all");
        first.argv = argv;
        first = sealed(first);
        ck_assert(!refusals_count(&t, &first));
        refusals_add(&t, &first, 1);
        ck_assert(refusals_count(&t, &first));
        RefusalKind other = first;
        other.uid = 1001;
        expect_another(&t, other);
        other = first;
        other.event = AUDIT_EXEC;
        expect_another(&t, other);
        other = first;
        other.reason = REASON_LIMIT;
        expect_another(&t, other);
        other = first;
        other.on_behalf_uid = 7;
        expect_another(&t, other);
        other = first;
        other.exec = 7;
        expect_another(&t, other);
        for (size_t i = 0; i < REFUSAL_COMMAND; i++) {
                other = first;
                other.text[i] = "x";
                expect_another(&t, other);
        }
        other = first;
        other.text[REFUSAL_POLICY] = ""; /* as good as NULL */
        other = sealed(other);
        ck_assert(refusals_count(&t, &other));
        ck_assert_uint_eq(t.n_counted, 2);
        drain(&t);
        ck_assert_uint_eq(t.n_counted, 0);
}
END_TEST

/* What is told of a command is its beginning; what makes it another is anywhere in it. */
START_TEST(test_a_command_cannot_hide_behind_another) {
        enum { LONG = 100000 };
        Refusals t;
        refusals_init(&t);
        _cleanup_free_ char *one = malloc(LONG + 1), *two = malloc(LONG + 1);
        memset(one, 'x', LONG);
        one[LONG] = '\0';
        memcpy(two, one, LONG + 1);
        two[LONG - 1] = 'y';
        char *argv[] = { one, (char *)"b", NULL }, *tail[] = { two, (char *)"b", NULL },
             *joined[] = { (char *)"a b", NULL }, *apart[] = { (char *)"a", (char *)"b", NULL },
             *more[] = { (char *)"a", (char *)"b", (char *)"", NULL };
        char *const *const commands[] = { argv, tail, joined, apart, more, NULL };
        for (size_t i = 0; i < ELEMENTSOF(commands); i++) {
                const RefusalKind k = sealed((RefusalKind){
                                .uid = 1000, .text = { [REFUSAL_COMMAND] = "xxx" }, .argv = commands[i] });
                ck_assert_msg(!refusals_count(&t, &k), "%zu", i);
                refusals_add(&t, &k, i);
                ck_assert(refusals_count(&t, &k));
        }
        RefusalKind k = { .uid = 1000, .text = { [REFUSAL_NOTE] = one } };
        expect_another(&t, k);
        k = sealed(k);
        refusals_add(&t, &k, 9);
        k.text[REFUSAL_NOTE] = two;
        expect_another(&t, k);
        drain(&t);
}
END_TEST

START_TEST(test_for_so_long) {
        Refusals t;
        refusals_init(&t);
        const RefusalKind k = kind_of(1000, "make");
        refusals_add(&t, &k, 5);
        ck_assert(refusals_count(&t, &k));
        ck_assert_ptr_null(refusals_take(&t, 4)); /* a clock that went back */
        ck_assert_ptr_null(refusals_take(&t, 5 + LIMIT_REFUSAL_USEC - 1));
        Refusal *r = refusals_take(&t, 5 + LIMIT_REFUSAL_USEC);
        ck_assert_ptr_nonnull(r);
        ck_assert_uint_eq(r->count, 1);
        ck_assert_str_eq(r->kind.text[REFUSAL_COMMAND], "make");
        ck_assert_ptr_null(refusal_free(r));
        ck_assert(!refusals_count(&t, &k));
        ck_assert_ptr_null(refusals_take(&t, UINT64_MAX));
}
END_TEST

START_TEST(test_so_many_kinds_of_one_caller) {
        Refusals t;
        refusals_init(&t);
        char word[16];
        for (unsigned i = 0; i <= LIMIT_REFUSALS_PER_UID; i++) {
                (void)snprintf(word, sizeof(word), "%u", i);
                const RefusalKind k = kind_of(1000, word);
                ck_assert_msg(!refusals_count(&t, &k), "%u", i);
                refusals_add(&t, &k, i);
        }
        const RefusalKind one_more = kind_of(1000, "more"), known = kind_of(1000, "3"),
                          neighbour = kind_of(1001, "more");
        ck_assert(refusals_count(&t, &one_more));
        ck_assert(refusals_count(&t, &one_more));
        ck_assert(refusals_count(&t, &known));
        ck_assert(!refusals_count(&t, &neighbour)); /* who does not pay for it */
        for (unsigned i = 0; i <= LIMIT_REFUSALS_PER_UID; i++) {
                Refusal *r = refusals_take(&t, UINT64_MAX);
                ck_assert(r->rest == (i == LIMIT_REFUSALS_PER_UID));
                ck_assert_uint_eq(r->count, r->rest ? 2 : i == 3);
                ck_assert(r->rest == !r->kind.text[REFUSAL_COMMAND]);
                ck_assert(!r->rest || r->kind.reason == 0);
                (void)refusal_free(r); /* NULL */
        }
        ck_assert_uint_eq(t.n, 0);
}
END_TEST

START_TEST(test_so_many_kinds) {
        Refusals t;
        refusals_init(&t);
        for (unsigned i = 0; i < LIMIT_REFUSALS; i++) {
                ck_assert(!refusals_full(&t));
                const RefusalKind k = kind_of(i, "make");
                refusals_add(&t, &k, i);
        }
        ck_assert(refusals_full(&t));
        const RefusalKind k = kind_of(LIMIT_REFUSALS, "make");
        refusals_add(&t, &k, 0);
        ck_assert_uint_eq(t.n, LIMIT_REFUSALS);
        Refusal *r = refusals_take(&t, UINT64_MAX);
        ck_assert_uint_eq(r->kind.uid, 0); /* the oldest */
        (void)refusal_free(r);             /* NULL */
        ck_assert(!refusals_full(&t));
        drain(&t);
}
END_TEST

int main(void) {
        TCase *t = daemon_case("refusals");
        tcase_add_test(t, test_each_difference_is_another_kind);
        tcase_add_test(t, test_a_command_cannot_hide_behind_another);
        tcase_add_test(t, test_for_so_long);
        tcase_add_test(t, test_so_many_kinds_of_one_caller);
        tcase_add_test(t, test_so_many_kinds);
        return run_daemon_case(t);
}
