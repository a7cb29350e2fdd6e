/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packet.h"

#include "cleanup.h"

#define V4_HEAD 20U
#define V6_HEAD 40U
#define UDP_HEAD 8U
#define ICMP_HEAD 8U
#define HOPS 64U

static void put_16(uint8_t *at, size_t value) {
        at[0] = (uint8_t)(value >> 8);
        at[1] = (uint8_t)value;
}

/* RFC 1071. A sum is of pieces, all of an even length but the last. */
static uint32_t add(uint32_t sum, const uint8_t *data, size_t size) {
        uint64_t all = sum;
        for (size_t i = 0; i + 1 < size; i += 2)
                all += (uint32_t)data[i] << 8 | data[i + 1];
        if (size % 2 != 0)
                all += (uint32_t)data[size - 1] << 8;
        while (all > UINT16_MAX)
                all = (all >> 16) + (all & UINT16_MAX);
        return (uint32_t)all;
}

static uint16_t sum_up(uint32_t sum) {
        return (uint16_t)~sum;
}

/* RFC 8200 8.1: the addresses, as they are in the head, the length and the protocol. */
static uint32_t add_pseudo_head(const uint8_t *v6, size_t size, uint8_t protocol) {
        uint8_t rest[8] = { [7] = protocol };
        put_16(rest + 2, size);
        return add(add(0, v6 + 8, 32), rest, sizeof(rest));
}

/* size: of what follows. */
static void put_v4(uint8_t *at, const struct sockaddr_in6 *from, const struct sockaddr_in6 *to,
                uint8_t protocol, size_t size) {
        memset(at, 0, V4_HEAD);
        at[0] = 4 << 4 | V4_HEAD / 4;
        put_16(at + 2, V4_HEAD + size);
        at[8] = HOPS;
        at[9] = protocol;
        memcpy(at + 12, from->sin6_addr.s6_addr + 12, 4);
        memcpy(at + 16, to->sin6_addr.s6_addr + 12, 4);
        put_16(at + 10, sum_up(add(0, at, V4_HEAD)));
}

static void put_v6(uint8_t *at, const struct sockaddr_in6 *from, const struct sockaddr_in6 *to,
                uint8_t protocol, size_t size) {
        memset(at, 0, V6_HEAD);
        at[0] = 6 << 4;
        put_16(at + 4, size);
        at[6] = protocol;
        at[7] = HOPS;
        memcpy(at + 8, &from->sin6_addr, 16);
        memcpy(at + 24, &to->sin6_addr, 16);
}

static void put_udp(
                uint8_t *at, const struct sockaddr_in6 *from, const struct sockaddr_in6 *to, size_t size) {
        put_16(at, ntohs(from->sin6_port));
        put_16(at + 2, ntohs(to->sin6_port));
        put_16(at + 4, UDP_HEAD + size);
        put_16(at + 6, 0); /* IPv4: none is needed, and none is looked at; nothing changes it on this way */
}

size_t packet_datagram(const struct sockaddr_in6 *from, const struct sockaddr_in6 *to, const uint8_t *data,
                size_t size, uint8_t ret[PACKET_HEAD_MAX]) {
        if (IN6_IS_ADDR_V4MAPPED(&to->sin6_addr)) {
                if (size > PACKET_V4_DATA_MAX)
                        return 0;
                put_v4(ret, from, to, IPPROTO_UDP, UDP_HEAD + size);
                put_udp(ret + V4_HEAD, from, to, size);
                return V4_HEAD + UDP_HEAD;
        }
        if (size > PACKET_V6_DATA_MAX)
                return 0;
        uint8_t *udp = ret + V6_HEAD;
        put_v6(ret, from, to, IPPROTO_UDP, UDP_HEAD + size);
        put_udp(udp, from, to, size);
        uint16_t sum = sum_up(add(
                        add(add_pseudo_head(ret, UDP_HEAD + size, IPPROTO_UDP), udp, UDP_HEAD), data, size));
        put_16(udp + 6, sum == 0 ? UINT16_MAX : sum); /* RFC 768: 0 is none */
        return V6_HEAD + UDP_HEAD;
}

/* RFC 792: net, host, port unreachable. */
static uint8_t v4_code(int error) {
        return error == ENETUNREACH ? 0 : error == EHOSTUNREACH ? 1 : 3;
}

/* RFC 4443 3.1: no route, address, port unreachable. */
static uint8_t v6_code(int error) {
        return error == ENETUNREACH ? 0 : error == EHOSTUNREACH ? 3 : 4;
}

size_t packet_unreachable(const struct sockaddr_in6 *from, const struct sockaddr_in6 *by, size_t size,
                int error, uint8_t ret[PACKET_ERROR_MAX]) {
        if (IN6_IS_ADDR_V4MAPPED(&from->sin6_addr)) {
                uint8_t *icmp = ret + V4_HEAD, *quoted = icmp + ICMP_HEAD;
                const size_t n = ICMP_HEAD + V4_HEAD + UDP_HEAD;
                put_v4(quoted, from, by, IPPROTO_UDP, UDP_HEAD + size);
                put_udp(quoted + V4_HEAD, from, by, size);
                memset(icmp, 0, ICMP_HEAD);
                icmp[0] = 3;
                icmp[1] = v4_code(error);
                put_16(icmp + 2, sum_up(add(0, icmp, n)));
                put_v4(ret, by, from, IPPROTO_ICMP, n);
                return V4_HEAD + n;
        }
        uint8_t *icmp = ret + V6_HEAD, *quoted = icmp + ICMP_HEAD;
        const size_t n = ICMP_HEAD + V6_HEAD + UDP_HEAD;
        put_v6(quoted, from, by, IPPROTO_UDP, UDP_HEAD + size);
        put_udp(quoted + V6_HEAD, from, by, size);
        memset(icmp, 0, ICMP_HEAD);
        icmp[0] = 1;
        icmp[1] = v6_code(error);
        put_v6(ret, by, from, IPPROTO_ICMPV6, n);
        put_16(icmp + 2, sum_up(add(add_pseudo_head(ret, n, IPPROTO_ICMPV6), icmp, n)));
        return V6_HEAD + n;
}
