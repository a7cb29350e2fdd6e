/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packets that mxc-egress sends whole: every byte of some, and of all that the sums are right and nothing is written behind them. That kernels
 * take them is seen in tests/sandbox. */

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "packet.h"
#include "policy-test.h"

static struct sockaddr_in6 end_of(const char *address, uint16_t port) {
        struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
        ck_assert_int_eq(inet_pton(AF_INET6, address, &a.sin6_addr), 1);
        return a;
}

/* RFC 1071, the slow way: 0 where a sum is right. */
static unsigned sum(const uint8_t *data, size_t size, unsigned so_far) {
        for (size_t i = 0; i < size; i++)
                so_far += i % 2 == 0 ? (unsigned)data[i] << 8 : data[i];
        while (so_far > 0xffff)
                so_far = (so_far & 0xffff) + (so_far >> 16);
        return so_far;
}

static unsigned pseudo(const uint8_t *v6, size_t size, uint8_t protocol) {
        return sum(v6 + 8, 32, (unsigned)size + protocol);
}

START_TEST(test_v4_datagram) {
        const struct sockaddr_in6 from = end_of("::ffff:192.0.2.1", 443),
                                  to = end_of("::ffff:10.0.2.15", 40000);
        static const uint8_t wanted[] = { 0x45, 0, 0, 31, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 10, 0, 2,
                15, 1, 0xbb, 0x9c, 0x40, 0, 11, 0, 0 };
        uint8_t head[PACKET_HEAD_MAX];
        memset(head, 0xaa, sizeof(head));
        ck_assert_uint_eq(packet_datagram(&from, &to, (const uint8_t *)"abc", 3, head), sizeof(wanted));
        ck_assert_uint_eq(sum(head, 20, 0), 0xffff);
        head[10] = head[11] = 0;
        ck_assert_mem_eq(head, wanted, sizeof(wanted));
        ck_assert_uint_eq(head[sizeof(wanted)], 0xaa);
}
END_TEST

START_TEST(test_v6_datagram) {
        const struct sockaddr_in6 from = end_of("2001:db8::1", 443), to = end_of("fd00::15", 40000);
        static uint8_t packet[PACKET_HEAD_MAX + PACKET_V6_DATA_MAX];
        for (size_t i = PACKET_HEAD_MAX; i < sizeof(packet); i++)
                packet[i] = (uint8_t)(i * 7 + i / 256);
        static const size_t sizes[] = { 0, 1, 2, 3, 1471, 9000, PACKET_V6_DATA_MAX };
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
                const size_t size = sizes[i];
                ck_assert_uint_eq(packet_datagram(&from, &to, packet + PACKET_HEAD_MAX, size, packet),
                                PACKET_HEAD_MAX);
                ck_assert_uint_eq(packet[0], 0x60);
                ck_assert_uint_eq((unsigned)packet[4] << 8 | packet[5], 8 + size);
                ck_assert_uint_eq(packet[6], IPPROTO_UDP);
                ck_assert_mem_eq(packet + 8, &from.sin6_addr, 16);
                ck_assert_mem_eq(packet + 24, &to.sin6_addr, 16);
                ck_assert_mem_eq(packet + 40, "\x01\xbb\x9c\x40", 4);
                ck_assert_uint_eq((unsigned)packet[44] << 8 | packet[45], 8 + size);
                ck_assert_uint_eq(sum(packet + 40, 8 + size, pseudo(packet, 8 + size, IPPROTO_UDP)), 0xffff);
                ck_assert((packet[46] | packet[47]) != 0);
        }
}
END_TEST

/* A sum of 0 is written as the other 0: else there is none, which IPv6 does not take. */
START_TEST(test_sum_of_zero) {
        const struct sockaddr_in6 from = end_of("2001:db8::1", 443), to = end_of("fd00::15", 40000);
        uint8_t head[PACKET_HEAD_MAX], data[2] = { 0 };
        ck_assert_uint_eq(packet_datagram(&from, &to, data, 2, head), PACKET_HEAD_MAX);
        data[0] = head[46]; /* now what is summed is all ones */
        data[1] = head[47];
        ck_assert_uint_eq(packet_datagram(&from, &to, data, 2, head), PACKET_HEAD_MAX);
        ck_assert_mem_eq(head + 46, "\xff\xff", 2);
}
END_TEST

START_TEST(test_longest) {
        const struct sockaddr_in6 v4 = end_of("::ffff:192.0.2.1", 1), v6 = end_of("2001:db8::1", 1);
        static const uint8_t data[PACKET_V4_DATA_MAX + 1];
        uint8_t head[PACKET_HEAD_MAX];
        ck_assert_uint_eq(packet_datagram(&v4, &v4, data, PACKET_V4_DATA_MAX, head), 28);
        ck_assert_mem_eq(head + 2, "\xff\xff", 2);
        ck_assert_uint_eq(packet_datagram(&v4, &v4, data, PACKET_V4_DATA_MAX + 1, head), 0);
        ck_assert_uint_eq(packet_datagram(&v6, &v6, data, PACKET_V6_DATA_MAX, head), 48);
        ck_assert_uint_eq(packet_datagram(&v6, &v6, data, PACKET_V6_DATA_MAX + 1, head), 0);
}
END_TEST

static const struct {
        int error;
        uint8_t v4, v6;
} codes[] = {
        { ECONNREFUSED, 3, 4 },
        { EHOSTUNREACH, 1, 3 },
        { ENETUNREACH, 0, 0 },
        { EPERM, 3, 4 },
        { 0, 3, 4 },
};

START_TEST(test_unreachable) {
        const struct sockaddr_in6 v4 = end_of("::ffff:10.0.2.15", 40000),
                                  v4_by = end_of("::ffff:192.0.2.1", 443), v6 = end_of("fd00::15", 40000),
                                  v6_by = end_of("2001:db8::1", 443);
        uint8_t p[PACKET_ERROR_MAX + 1];
        memset(p, 0xaa, sizeof(p));
        ck_assert_uint_eq(packet_unreachable(&v4, &v4_by, 5, codes[_i].error, p), 56);
        ck_assert_uint_eq(sum(p, 20, 0), 0xffff);
        ck_assert_uint_eq(sum(p + 20, 36, 0), 0xffff);
        ck_assert_uint_eq(sum(p + 28, 20, 0), 0xffff);
        ck_assert_uint_eq(p[3], 56);
        ck_assert_uint_eq(p[9], IPPROTO_ICMP);
        ck_assert_mem_eq(p + 12, "\xc0\x00\x02\x01\x0a\x00\x02\x0f", 8);
        ck_assert(p[20] == 3 && p[21] == codes[_i].v4);
        ck_assert_mem_eq(p + 40, "\x0a\x00\x02\x0f\xc0\x00\x02\x01\x9c\x40\x01\xbb\x00\x0d\x00\x00", 16);
        ck_assert_uint_eq(p[56], 0xaa);

        ck_assert_uint_eq(packet_unreachable(&v6, &v6_by, 5, codes[_i].error, p), 96);
        ck_assert_uint_eq(sum(p + 40, 56, pseudo(p, 56, IPPROTO_ICMPV6)), 0xffff);
        ck_assert_uint_eq(p[6], IPPROTO_ICMPV6);
        ck_assert_mem_eq(p + 8, &v6_by.sin6_addr, 16);
        ck_assert_mem_eq(p + 24, &v6.sin6_addr, 16);
        ck_assert(p[40] == 1 && p[41] == codes[_i].v6);
        ck_assert_mem_eq(p + 56, &v6.sin6_addr, 16);
        ck_assert_mem_eq(p + 72, &v6_by.sin6_addr, 16);
        ck_assert_mem_eq(p + 88, "\x9c\x40\x01\xbb\x00\x0d\x00\x00", 8);
        ck_assert_uint_eq(p[96], 0xaa);
}
END_TEST

int main(void) {
        TCase *t = tcase_create("packet");
        tcase_add_test(t, test_v4_datagram);
        tcase_add_test(t, test_v6_datagram);
        tcase_add_test(t, test_sum_of_zero);
        tcase_add_test(t, test_longest);
        tcase_add_loop_test(t, test_unreachable, 0, sizeof(codes) / sizeof(codes[0]));
        return run_case("egress packet", t);
}
