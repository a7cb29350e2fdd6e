/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Programs of system call filters, run by an interpreter of the few instructions that they are made of: for every number the verdict
 * must be the table's. */

#include <check.h>
#include <linux/audit.h>
#include <linux/seccomp.h>

#include "cleanup.h"
#include "filter-table.h"
#include "filter.h"

#define NEVER_REACHED UINT32_MAX

/* seccomp(2), bpf of <linux/filter.h>. *ret_steps: how many instructions it took. */
static uint32_t run(const FilterProgram *p, const struct seccomp_data *data, unsigned *ret_steps) {
        uint32_t a = 0;
        *ret_steps = 0;
        for (size_t i = 0; i < p->length; i++) {
                const struct sock_filter *f = &p->code[i];
                ++*ret_steps;
                switch (f->code) {
                case BPF_LD | BPF_W | BPF_ABS:
                        ck_assert_uint_le(f->k + sizeof(a), sizeof(*data));
                        memcpy(&a, (const char *)data + f->k, sizeof(a));
                        break;
                case BPF_JMP | BPF_JA:
                        i += f->k;
                        break;
                case BPF_JMP | BPF_JEQ | BPF_K:
                        i += a == f->k ? f->jt : f->jf;
                        break;
                case BPF_JMP | BPF_JGE | BPF_K:
                        i += a >= f->k ? f->jt : f->jf;
                        break;
                case BPF_RET | BPF_K:
                        return f->k;
                default:
                        ck_abort_msg("an instruction that is not expected here: %#x", f->code);
                }
        }
        return NEVER_REACHED;
}

static uint32_t own_architecture(const FilterTable *t) {
        static const uint32_t known[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64 };
        FilterProgram p;
        ck_assert_int_eq(filter_table_compile(t, &p), 0);
        uint32_t own = p.code[1].k;
        filter_program_clear(&p);
        ck_assert(own == known[0] || own == known[1]);
        return own;
}

static void check_argument(FilterCode *p) {
        filter_code_load_argument(p, 1);
        filter_code_refuse_if_equal(p, 7, EPERM);
}

static FilterTable *new_table(void) {
        FilterTable *t = calloc(1, sizeof(FilterTable));
        ck_assert_ptr_nonnull(t);
        t->beyond = SECCOMP_RET_ERRNO | ENOSYS;
        t->foreign = SECCOMP_RET_KILL_PROCESS;
        return t;
}

/* Returns the longest way to a verdict. */
static unsigned assert_verdicts(const FilterTable *t) {
        FilterProgram p;
        unsigned longest = 0, steps;
        struct seccomp_data data = { .arch = own_architecture(t) };
        ck_assert_int_eq(filter_table_compile(t, &p), 0);
        ck_assert_uint_le(p.length, BPF_MAXINSNS);
        for (int number = 0; number < FILTER_NUMBERS + 100; number++) {
                const FilterVerdict *v = number < FILTER_NUMBERS ? &t->calls[number] : NULL;
                data.nr = number;
                data.args[1] = 6;
                ck_assert_uint_eq(run(&p, &data, &steps), v ? v->action : t->beyond);
                longest = steps > longest ? steps : longest;
                data.args[1] = UINT64_C(0x100000007); /* of which the low half counts */
                ck_assert_uint_eq(run(&p, &data, &steps), v && v->check ? SECCOMP_RET_ERRNO | EPERM
                                                          : v           ? v->action
                                                                        : t->beyond);
        }
        static const int high[] = { 0x3fffffff, 0x40000000, 0x40000001, INT32_MAX, -1, -2, INT32_MIN };
        for (size_t i = 0; i < ELEMENTSOF(high); i++) {
                data.nr = high[i];
                ck_assert_uint_eq(run(&p, &data, &steps),
                                high[i] == 0x3fffffff || high[i] == -1 ? t->beyond : t->foreign);
        }
        data.nr = 0;
        data.arch ^= 1;
        ck_assert_uint_eq(run(&p, &data, &steps), t->foreign);
        filter_program_clear(&p);
        return longest;
}

START_TEST(test_one_verdict) {
        _cleanup_free_ FilterTable *t = new_table();
        for (size_t i = 0; i < FILTER_NUMBERS; i++)
                t->calls[i].action = SECCOMP_RET_ALLOW;
        (void)assert_verdicts(t);
}
END_TEST

/* Whatever the lengths of the runs, near jumps and far ones. */
START_TEST(test_random_verdicts) {
        static const uint32_t actions[] = { SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO | EPERM,
                SECCOMP_RET_ERRNO | ENOSYS, SECCOMP_RET_USER_NOTIF };
        _cleanup_free_ FilterTable *t = new_table();
        srandom((unsigned)_i);
        unsigned length = 1U + (unsigned)_i % 40;
        for (size_t i = 0; i < FILTER_NUMBERS; i++) {
                bool again = i > 0 && (unsigned)random() % length != 0;
                t->calls[i].action = again ? t->calls[i - 1].action : actions[random() % 4];
                t->calls[i].check = random() % 50 == 0 ? check_argument : NULL;
        }
        (void)assert_verdicts(t);
}
END_TEST

/* What a load costs is the way to each number: that is what the search is for. */
START_TEST(test_short_ways) {
        _cleanup_free_ FilterTable *t = new_table();
        for (size_t i = 0; i < FILTER_NUMBERS; i++)
                t->calls[i].action = i < 400 && i % 5 == 0 ? SECCOMP_RET_ERRNO | EPERM : SECCOMP_RET_ALLOW;
        ck_assert_uint_le(assert_verdicts(t), 16);
}
END_TEST

static size_t length_of(const FilterTable *t) {
        FilterProgram p;
        ck_assert_int_eq(filter_table_compile(t, &p), 0);
        size_t n = p.length;
        filter_program_clear(&p);
        return n;
}

/* As is each instruction: there is one for each run, and not much besides. */
START_TEST(test_few_instructions) {
        _cleanup_free_ FilterTable *t = new_table();
        for (size_t i = 0; i < FILTER_NUMBERS; i++)
                t->calls[i].action = i < 400 && i % 5 == 0 ? SECCOMP_RET_ERRNO | EPERM : SECCOMP_RET_ALLOW;
        ck_assert_uint_le(length_of(t), 160 + 16);
        for (size_t i = 0; i < FILTER_NUMBERS; i++) /* too many for one return to be near all of them */
                t->calls[i].action = i < 800 && i % 2 == 0 ? SECCOMP_RET_ERRNO | EPERM : SECCOMP_RET_ALLOW;
        ck_assert_uint_le(length_of(t), 800 + 48);
        (void)assert_verdicts(t);
}
END_TEST

/* One verdict after the other that is none of its neighbours', each with code of its own: there is no room for that. */
START_TEST(test_too_long) {
        _cleanup_free_ FilterTable *t = new_table();
        for (size_t i = 0; i < FILTER_NUMBERS; i++)
                t->calls[i] = (FilterVerdict){ SECCOMP_RET_ERRNO | (uint32_t)i, check_argument };
        FilterProgram p = { 0 };
        ck_assert_int_eq(filter_table_compile(t, &p), -E2BIG);
        ck_assert_ptr_null(p.code);
}
END_TEST

int main(void) {
        Suite *s = suite_create("filter-table");
        TCase *c = tcase_create("verdicts");
        tcase_add_test(c, test_one_verdict);
        tcase_add_loop_test(c, test_random_verdicts, 0, 120);
        tcase_add_test(c, test_short_ways);
        tcase_add_test(c, test_few_instructions);
        tcase_add_test(c, test_too_long);
        suite_add_tcase(s, c);
        SRunner *runner = srunner_create(s);
        srunner_run_all(runner, CK_ENV);
        int failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
