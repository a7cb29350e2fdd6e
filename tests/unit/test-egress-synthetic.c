/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses that stand for names: one for each, never another one's, and an end to them. */

#include "policy-test.h"
#include "synthetic.h"

DEFINE_CLEANUP(Synthetic *, synthetic_free);

static Synthetic *synthetic_of_test(void) {
        Synthetic *s = NULL;
        ck_assert_int_eq(synthetic_new(&s), 0);
        return s;
}

START_TEST(test_one_address) {
        _cleanup_(synthetic_freep) Synthetic *s = synthetic_of_test(), *next = synthetic_of_test();
        NetCidr v4, v6, again, mapped;
        char text[] = "a.example";
        ck_assert_int_eq(synthetic_address(s, text, AF_INET, &v4), 0);
        text[0] = 'x'; /* a copy was kept */
        ck_assert_int_eq(synthetic_address(s, "a.example", AF_INET6, &v6), 0);
        ck_assert(address_is_synthetic(&v4) && address_is_synthetic(&v6));
        ck_assert(v4.family == AF_INET && v4.prefix == 32 && v6.family == AF_INET6 && v6.prefix == 128);
        ck_assert_str_eq(synthetic_host(s, &v4), "a.example");
        ck_assert_str_eq(synthetic_host(s, &v6), "a.example");
        ck_assert_int_eq(synthetic_address(s, "a.example", AF_INET, &again), 0);
        ck_assert(cidr_equal(&v4, &again));
        /* it follows from the name, whatever was asked for before */
        ck_assert_int_eq(synthetic_address(next, "b.example", AF_INET, &again), 0);
        ck_assert(!cidr_equal(&v4, &again));
        ck_assert_ptr_null(synthetic_host(s, &again));
        ck_assert_int_eq(synthetic_address(next, "a.example", AF_INET, &again), 0);
        ck_assert(cidr_equal(&v4, &again));
        uint8_t bytes[16] = { [10] = 0xff, [11] = 0xff };
        memcpy(bytes + 12, v4.address, 4);
        cidr_from_address(AF_INET6, bytes, &mapped);
        ck_assert_str_eq(synthetic_host(s, &mapped), "a.example");
        ck_assert_ptr_null(synthetic_free(NULL));
}
END_TEST

START_TEST(test_what_was_not_handed_out) {
        static const char *const others[] = { "198.18.0.0", "198.19.255.255", "198.17.255.255", "198.20.0.0",
                "10.0.0.1", "fd00:6d78:6301::", "fd00:6d78:6301::1",
                "fd00:6d78:6301:0:0:1::", "fd00:6d78:6301::c611:1", "fd00:6d78:6301::ffff:ffff",
                "fd00:6d78:6300::15" };
        _cleanup_(synthetic_freep) Synthetic *s = synthetic_of_test();
        NetCidr a;
        ck_assert_int_eq(synthetic_address(s, "a.example", AF_INET, &a), 0);
        for (size_t i = 0; i < ELEMENTSOF(others); i++) {
                ck_assert(cidr_parse_address(others[i], &a));
                ck_assert_msg(!synthetic_host(s, &a), "%s", others[i]);
        }
}
END_TEST

/* Many of them fall onto the same place at first, and none of them may stay there. */
START_TEST(test_bound) {
        _cleanup_(synthetic_freep) Synthetic *s = synthetic_of_test();
        char host[32];
        NetCidr a;
        for (unsigned i = 0; i <= SYNTHETIC_MAX; i++) {
                (void)snprintf(host, sizeof(host), "h%u.example", i);
                ck_assert_int_eq(synthetic_address(s, host, AF_INET, &a), i < SYNTHETIC_MAX ? 0 : -ENOSPC);
        }
        for (unsigned i = 0; i < SYNTHETIC_MAX; i++) {
                (void)snprintf(host, sizeof(host), "h%u.example", i);
                ck_assert_int_eq(synthetic_address(s, host, i % 2 ? AF_INET : AF_INET6, &a), 0);
                ck_assert_str_eq(synthetic_host(s, &a), host);
        }
}
END_TEST

static void count(void *userdata, const NetCidr *address) {
        unsigned *n = userdata;
        ck_assert(address_is_synthetic(address));
        n[address->family == AF_INET6]++;
}

/* Each of them of both families, wherever it is. */
START_TEST(test_each) {
        _cleanup_(synthetic_freep) Synthetic *s = synthetic_of_test();
        unsigned n[2] = { 0, 0 };
        char host[32];
        NetCidr a;
        synthetic_each(s, count, n);
        ck_assert(n[0] == 0 && n[1] == 0);
        for (unsigned i = 0; i < 1000; i++) {
                (void)snprintf(host, sizeof(host), "h%u.example", i);
                ck_assert_int_eq(synthetic_address(s, host, AF_INET, &a), 0);
        }
        synthetic_each(s, count, n);
        ck_assert(n[0] == 1000 && n[1] == 1000);
}
END_TEST

int main(void) {
        TCase *t = tcase_create("synthetic");
        tcase_add_test(t, test_one_address);
        tcase_add_test(t, test_what_was_not_handed_out);
        tcase_add_test(t, test_bound);
        tcase_add_test(t, test_each);
        return run_case("egress synthetic", t);
}
