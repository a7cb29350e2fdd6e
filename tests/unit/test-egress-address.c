/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What kind of place an address is: both ends of every block, what lies beside it, and every spelling of one address (N4, N5). */

#include <arpa/inet.h>

#include "address.h"
#include "policy-test.h"

static const struct {
        const char *address;
        AddressKind kind;
} cases[] = {
        /* the world */
        { "1.1.1.1", ADDRESS_GLOBAL }, { "93.184.216.34", ADDRESS_GLOBAL },
        { "2606:4700:4700::1111", ADDRESS_GLOBAL }, { "2a00:1450::1", ADDRESS_GLOBAL },
        { "2000::", ADDRESS_GLOBAL }, { "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ADDRESS_GLOBAL },

        /* N5: metadata and platform addresses of clouds */
        { "169.254.169.254", ADDRESS_SPECIAL }, { "169.254.170.2", ADDRESS_SPECIAL },
        { "168.63.129.16", ADDRESS_SPECIAL }, { "168.63.129.15", ADDRESS_GLOBAL },
        { "168.63.129.17", ADDRESS_GLOBAL }, { "100.100.100.200", ADDRESS_SPECIAL },
        { "192.0.0.192", ADDRESS_SPECIAL }, { "fd00:ec2::254", ADDRESS_SPECIAL },
        { "fd20:ce::254", ADDRESS_SPECIAL },

        /* blocks of v4, and their neighbours */
        { "0.0.0.0", ADDRESS_NEVER }, { "0.255.255.255", ADDRESS_NEVER }, { "1.0.0.0", ADDRESS_GLOBAL },
        { "9.255.255.255", ADDRESS_GLOBAL }, { "10.0.0.0", ADDRESS_SPECIAL },
        { "10.255.255.255", ADDRESS_SPECIAL }, { "11.0.0.0", ADDRESS_GLOBAL },
        { "100.63.255.255", ADDRESS_GLOBAL }, { "100.64.0.0", ADDRESS_SPECIAL },
        { "100.127.255.255", ADDRESS_SPECIAL }, { "100.128.0.0", ADDRESS_GLOBAL },
        { "126.255.255.255", ADDRESS_GLOBAL }, { "127.0.0.0", ADDRESS_NEVER },
        { "127.0.0.1", ADDRESS_NEVER }, { "127.0.0.53", ADDRESS_NEVER },
        { "127.255.255.255", ADDRESS_NEVER }, { "128.0.0.0", ADDRESS_GLOBAL },
        { "169.253.255.255", ADDRESS_GLOBAL }, { "169.254.0.0", ADDRESS_SPECIAL },
        { "169.254.255.255", ADDRESS_SPECIAL }, { "169.255.0.0", ADDRESS_GLOBAL },
        { "172.15.255.255", ADDRESS_GLOBAL }, { "172.16.0.0", ADDRESS_SPECIAL },
        { "172.31.255.255", ADDRESS_SPECIAL }, { "172.32.0.0", ADDRESS_GLOBAL },
        { "191.255.255.255", ADDRESS_GLOBAL }, { "192.0.0.0", ADDRESS_SPECIAL },
        { "192.0.0.255", ADDRESS_SPECIAL }, { "192.0.1.0", ADDRESS_GLOBAL },
        { "192.0.2.0", ADDRESS_SPECIAL }, { "192.0.2.255", ADDRESS_SPECIAL },
        { "192.0.3.0", ADDRESS_GLOBAL }, { "192.31.196.1", ADDRESS_SPECIAL },
        { "192.52.193.1", ADDRESS_SPECIAL }, { "192.88.99.1", ADDRESS_SPECIAL },
        { "192.167.255.255", ADDRESS_GLOBAL }, { "192.168.0.0", ADDRESS_SPECIAL },
        { "192.168.255.255", ADDRESS_SPECIAL }, { "192.169.0.0", ADDRESS_GLOBAL },
        { "192.175.48.1", ADDRESS_SPECIAL }, { "198.17.255.255", ADDRESS_GLOBAL },
        { "198.18.0.0", ADDRESS_SPECIAL }, { "198.19.255.255", ADDRESS_SPECIAL },
        { "198.20.0.0", ADDRESS_GLOBAL }, { "198.51.100.1", ADDRESS_SPECIAL },
        { "203.0.113.1", ADDRESS_SPECIAL }, { "223.255.255.255", ADDRESS_GLOBAL },
        { "224.0.0.0", ADDRESS_NEVER }, { "239.255.255.255", ADDRESS_NEVER }, { "240.0.0.0", ADDRESS_NEVER },
        { "255.255.255.255", ADDRESS_NEVER },

        /* blocks of v6 */
        { "::", ADDRESS_NEVER }, { "::1", ADDRESS_NEVER }, { "::2", ADDRESS_SPECIAL },
        { "100::1", ADDRESS_SPECIAL }, { "1fff:ffff::", ADDRESS_SPECIAL },
        { "2001::", ADDRESS_SPECIAL },                                 /* Teredo */
        { "2001:10::1", ADDRESS_SPECIAL },                             /* ORCHID */
        { "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", ADDRESS_SPECIAL }, /* the end of /23 */
        { "2001:200::", ADDRESS_GLOBAL }, { "2001:db8::1", ADDRESS_SPECIAL },
        { "2001:db7:ffff::", ADDRESS_GLOBAL }, { "2001:db9::", ADDRESS_GLOBAL },
        { "2620:4f:8000::1", ADDRESS_SPECIAL }, { "2620:4f:8001::", ADDRESS_GLOBAL },
        { "3fff::", ADDRESS_SPECIAL }, { "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", ADDRESS_SPECIAL },
        { "3fff:1000::", ADDRESS_GLOBAL }, { "4000::", ADDRESS_SPECIAL }, /* nobody's yet */
        { "5f00::1", ADDRESS_SPECIAL }, { "fc00::1", ADDRESS_SPECIAL }, { "fdff:ffff::1", ADDRESS_SPECIAL },
        { "fe80::1", ADDRESS_SPECIAL }, { "fec0::1", ADDRESS_SPECIAL },
        { "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ADDRESS_SPECIAL }, { "ff00::", ADDRESS_NEVER },
        { "ff02::1", ADDRESS_NEVER },

        /* N4: one address in the clothes of another */
        { "::ffff:127.0.0.1", ADDRESS_NEVER }, { "::ffff:169.254.169.254", ADDRESS_SPECIAL },
        { "::ffff:1.1.1.1", ADDRESS_GLOBAL }, { "::ffff:0.0.0.0", ADDRESS_NEVER },
        { "64:ff9b::7f00:1", ADDRESS_NEVER },      /* NAT64 of 127.0.0.1 */
        { "64:ff9b::a9fe:a9fe", ADDRESS_SPECIAL }, /* of 169.254.169.254 */
        { "64:ff9b::101:101", ADDRESS_GLOBAL },
        { "64:ff9b:1::101:101", ADDRESS_SPECIAL }, /* RFC 8215: what it means is the network's own */
        { "64:ff9b::1:101:101", ADDRESS_SPECIAL }, /* beyond the /96 */
        { "2002:7f00:1::", ADDRESS_NEVER },        /* 6to4 of 127.0.0.1 */
        { "2002:a00:1::1", ADDRESS_SPECIAL }, { "2002:a9fe:a9fe::1", ADDRESS_SPECIAL },
        { "2002:e000:1::1", ADDRESS_NEVER },
        { "::127.0.0.1", ADDRESS_SPECIAL },     /* compatible: dead since RFC 4291; no name leads there */
        { "::ffff:0:7f00:1", ADDRESS_SPECIAL }, /* SIIT */
};

START_TEST(test_kind) {
        NetCidr address;
        ck_assert_msg(cidr_parse_address(cases[_i].address, &address), "%s", cases[_i].address);
        ck_assert_msg(address_kind(&address) == cases[_i].kind, "%s is %d", cases[_i].address,
                        address_kind(&address));
}
END_TEST

/* What a socket says and what a text says are one. */
START_TEST(test_bytes_and_text_agree) {
        uint8_t bytes[16];
        NetCidr text, socket;
        int family = strchr(cases[_i].address, ':') ? AF_INET6 : AF_INET;
        ck_assert_int_eq(inet_pton(family, cases[_i].address, bytes), 1);
        cidr_from_address(family, bytes, &socket);
        ck_assert(cidr_parse_address(cases[_i].address, &text));
        ck_assert(cidr_equal(&text, &socket));
        if (family == AF_INET) { /* and so are the mapped form of an IPv4 address and itself */
                uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff };
                memcpy(mapped + 12, bytes, 4);
                cidr_from_address(AF_INET6, mapped, &socket);
                ck_assert(cidr_equal(&text, &socket));
        }
}
END_TEST

/* N2, N4: what some resolver takes for an address is neither a name nor an address here. */
static const char *const neither[] = { "2130706433", "0x7f000001", "0x7f.1", "0x7F.0.0.1", "127.1",
        "0177.0.0.1", "127.0.0.01", "017700000001", "127.0.0.1.", "127.0.0.0x1", "1.2.3.4.5",
        "256.256.256.256", "1.2.3", "127.0.0.1 ", " 127.0.0.1", "127.0.0.1%25", "::1%lo", "[::1]",
        "fe80::1%eth0", "0x", "", ".", "..", "a..b", ".a", "a.b..", "-a.b", "a-.b", "a_b.c", "a b.c", "a\tb",
        "a@b.c", "user:pass@b.c", "a.b:80", "a.b/c", "a%2eb", "b\303\274cher.example", "\343\200\202",
        "a\357\274\216b", "*.a.b", "*", "a.*.b", "a\r\nb" };

START_TEST(test_neither_name_nor_address) {
        NetCidr address;
        char host[LIMIT_HOST_BYTES + 1];
        ck_assert_msg(host_canonical(neither[_i], false, host) != NULL, "%s is the name %s", neither[_i],
                        host);
        ck_assert_msg(!cidr_parse_address(neither[_i], &address), "%s is an address", neither[_i]);
}
END_TEST

/* N2: one name, however it is written. */
static const struct {
        const char *written, *canonical;
} spellings[] = {
        { "a.example", "a.example" },
        { "A.EXAMPLE", "a.example" },
        { "a.example.", "a.example" },
        { "A.Example.", "a.example" },
        { "xn--bcher-kva.example", "xn--bcher-kva.example" },
        { "XN--BCHER-KVA.example", "xn--bcher-kva.example" },
        { "1.2.3.4.example", "1.2.3.4.example" },
        { "0x7f.1a", "0x7f.1a" },
};

START_TEST(test_spelling) {
        char host[LIMIT_HOST_BYTES + 1];
        const char *complaint = host_canonical(spellings[_i].written, false, host);
        ck_assert_msg(!complaint, "%s %s", spellings[_i].written, complaint);
        ck_assert_str_eq(host, spellings[_i].canonical);
}
END_TEST

/* A label of 63 bytes and a name of 253 are names; one byte more is not. */
START_TEST(test_long_names) {
        char label[80], host[LIMIT_HOST_BYTES + 1], name[4 * sizeof(label)];
        memset(label, 'a', sizeof(label));
        label[63] = '\0';
        ck_assert_ptr_null(host_canonical(label, false, host));
        (void)snprintf(name, sizeof(name), "%s.%s.%s.%.61s", label, label, label, label);
        ck_assert_uint_eq(strlen(name), LIMIT_HOST_BYTES);
        ck_assert_ptr_null(host_canonical(name, false, host));
        (void)snprintf(name, sizeof(name), "%s.%s.%s.%.61s.", label, label, label,
                        label); /* the root dot is free */
        ck_assert_ptr_null(host_canonical(name, false, host));
        (void)snprintf(name, sizeof(name), "%s.%s.%s.%.62s", label, label, label, label);
        ck_assert_ptr_nonnull(host_canonical(name, false, host));
        label[63] = 'a';
        label[64] = '\0';
        ck_assert_ptr_nonnull(host_canonical(label, false, host));
}
END_TEST

int main(void) {
        TCase *t = tcase_create("address");
        tcase_add_loop_test(t, test_kind, 0, ELEMENTSOF(cases));
        tcase_add_loop_test(t, test_bytes_and_text_agree, 0, ELEMENTSOF(cases));
        tcase_add_loop_test(t, test_neither_name_nor_address, 0, ELEMENTSOF(neither));
        tcase_add_loop_test(t, test_spelling, 0, ELEMENTSOF(spellings));
        tcase_add_test(t, test_long_names);
        return run_case("egress address", t);
}
