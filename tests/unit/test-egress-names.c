/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which names an address was handed out for, and the bounds on them. */

#include "names.h"
#include "policy-test.h"

DEFINE_CLEANUP(Names *, names_free);

static Names *names_of_test(void) {
        Names *n = NULL;
        ck_assert_int_eq(names_new(&n), 0);
        return n;
}

static NetCidr address_of(const char *text) {
        NetCidr a;
        ck_assert(cidr_parse_address(text, &a));
        return a;
}

static NetCidr nth(uint32_t i) {
        const uint8_t bytes[4] = { 1, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i };
        NetCidr a;
        cidr_from_address(AF_INET, bytes, &a);
        return a;
}

START_TEST(test_learn) {
        _cleanup_(names_freep) Names *n = names_of_test();
        const NetCidr a = address_of("1.2.3.4"), mapped = address_of("::ffff:1.2.3.4"),
                      v6 = address_of("2a00::1"),
                      same_bytes = { .family = AF_INET6, .address = { 1, 2, 3, 4 }, .prefix = 128 };
        const char *hosts[NAMES_PER_ADDRESS];
        ck_assert_uint_eq(names_of(n, &a, hosts), 0);
        ck_assert_int_eq(names_learn(n, &a, "a.example"), 0);
        ck_assert_int_eq(names_learn(n, &a, "a.example"), 0);
        ck_assert_uint_eq(names_of(n, &a, hosts), 1);
        ck_assert_str_eq(hosts[0], "a.example");
        ck_assert_uint_eq(names_of(n, &mapped, hosts), 1);
        ck_assert_uint_eq(names_of(n, &v6, hosts), 0);
        ck_assert_uint_eq(names_of(n, &same_bytes, hosts), 0); /* 102:304:: is not 1.2.3.4 */

        char text[] = "b.example";
        ck_assert_int_eq(names_learn(n, &a, text), 0);
        text[0] = 'x'; /* a copy was kept */
        ck_assert_uint_eq(names_of(n, &a, hosts), 2);
        ck_assert(streq(hosts[0], "b.example") || streq(hosts[1], "b.example"));
        ck_assert(streq(hosts[0], "a.example") || streq(hosts[1], "a.example"));
        ck_assert_ptr_null(names_free(NULL));
}
END_TEST

START_TEST(test_bound_of_an_address) {
        _cleanup_(names_freep) Names *n = names_of_test();
        const NetCidr a = nth(1), b = nth(2);
        const char *hosts[NAMES_PER_ADDRESS];
        char host[32];
        for (unsigned i = 0; i <= NAMES_PER_ADDRESS; i++) {
                (void)snprintf(host, sizeof(host), "h%u.example", i);
                ck_assert_int_eq(names_learn(n, &a, host), i < NAMES_PER_ADDRESS ? 0 : -ENOSPC);
        }
        ck_assert_int_eq(names_learn(n, &a, "h0.example"), 0); /* known */
        ck_assert_int_eq(names_learn(n, &b, host), 0);         /* another has room */
        ck_assert_uint_eq(names_of(n, &a, hosts), NAMES_PER_ADDRESS);
        for (size_t i = 0; i < NAMES_PER_ADDRESS; i++)
                ck_assert(!streq(hosts[i], host));
}
END_TEST

START_TEST(test_bound_of_all) {
        _cleanup_(names_freep) Names *n = names_of_test();
        for (uint32_t i = 0; i <= NAMES_MAX; i++) {
                const NetCidr a = nth(i);
                ck_assert_int_eq(names_learn(n, &a, "a.example"), i < NAMES_MAX ? 0 : -ENOSPC);
        }
        const char *hosts[NAMES_PER_ADDRESS];
        for (uint32_t i = 0; i <= NAMES_MAX; i++) {
                const NetCidr a = nth(i);
                ck_assert_uint_eq(names_of(n, &a, hosts), i < NAMES_MAX);
        }
        const NetCidr known = nth(7);
        ck_assert_int_eq(names_learn(n, &known, "a.example"), 0);
        ck_assert_int_eq(names_learn(n, &known, "b.example"), -ENOSPC);
}
END_TEST

int main(void) {
        TCase *t = tcase_create("names");
        tcase_add_test(t, test_learn);
        tcase_add_test(t, test_bound_of_an_address);
        tcase_add_test(t, test_bound_of_all);
        return run_case("egress names", t);
}
