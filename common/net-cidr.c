/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>

#include "cleanup.h"
#include "egress-net.h"
#include "net-rule.h"

/* Address blocks. A v6 address that carries a v4 one (mapped, RFC 4291 2.5.5.2; NAT64, RFC 6052; 6to4, RFC 3056) is judged as
 * that v4 address everywhere, in rules and in requests, so no rule can be walked around by spelling. */

static bool bits_equal(const uint8_t *a, const uint8_t *b, unsigned n) {
        if (memcmp(a, b, n / 8) != 0)
                return false;
        unsigned rest = n % 8;
        return rest == 0 || ((a[n / 8] ^ b[n / 8]) >> (8 - rest)) == 0;
}

static void fold_at(NetCidr *c, unsigned byte) {
        uint8_t v4[4];
        memcpy(v4, c->address + byte, sizeof(v4));
        memset(c->address, 0, sizeof(c->address));
        memcpy(c->address, v4, sizeof(v4));
        c->family = AF_INET;
        unsigned from = byte * 8;
        c->prefix = (uint8_t)(c->prefix >= from + 32 ? 32 : c->prefix - from);
}

static void fold(NetCidr *c) {
        static const uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff };
        static const uint8_t nat64[16] = { 0x00, 0x64, 0xff, 0x9b };
        static const uint8_t six_to_four[16] = { 0x20, 0x02 };

        if (c->family != AF_INET6)
                return;
        if (c->prefix >= 96 && (bits_equal(c->address, mapped, 96) || bits_equal(c->address, nat64, 96)))
                fold_at(c, 12);
        else if (c->prefix >= 16 && bits_equal(c->address, six_to_four, 16))
                fold_at(c, 2);
}

static bool host_bits_zero(const NetCidr *c) {
        unsigned total = c->family == AF_INET ? 32 : 128;
        for (unsigned i = c->prefix; i < total; i++)
                if (c->address[i / 8] & (0x80 >> (i % 8)))
                        return false;
        return true;
}

static bool parse_literal(const char *s, NetCidr *ret) {
        NetCidr c = { .family = AF_INET, .prefix = 32 };
        if (inet_pton(AF_INET, s, c.address) != 1) {
                c = (NetCidr){ .family = AF_INET6, .prefix = 128 };
                if (inet_pton(AF_INET6, s, c.address) != 1)
                        return false;
        }
        *ret = c;
        return true;
}

bool cidr_parse_address(const char *s, NetCidr *ret) {
        if (!parse_literal(s, ret))
                return false;
        fold(ret);
        return true;
}

void cidr_from_address(int family, const void *address, NetCidr *ret) {
        NetCidr c = { .family = family, .prefix = family == AF_INET ? 32 : 128 };
        memcpy(c.address, address, family == AF_INET ? 4 : 16);
        fold(&c);
        *ret = c;
}

const char *cidr_parse(const char *s, NetCidr *ret) {
        static const char form[] = "is not an address or a block such as 10.1.0.0/16 or fd00::/8";
        NetCidr c;
        char address[INET6_ADDRSTRLEN];
        size_t n = strcspn(s, "/");
        if (n >= sizeof(address))
                return form;
        memcpy(address, s, n);
        address[n] = '\0';
        if (!parse_literal(address, &c))
                return form;

        if (s[n]) {
                const char *digits = s + n + 1;
                size_t length = strspn(digits, "0123456789");
                if (length == 0 || length > 3 || digits[length] || (digits[0] == '0' && length > 1))
                        return form;
                unsigned prefix = 0;
                for (size_t i = 0; i < length; i++)
                        prefix = prefix * 10 + (unsigned)(digits[i] - '0');
                if (prefix > (c.family == AF_INET ? 32U : 128U))
                        return "has a prefix longer than its address";
                c.prefix = (uint8_t)prefix;
        }
        if (!host_bits_zero(&c))
                return "has bits set behind its prefix";

        bool v6 = c.family == AF_INET6;
        fold(&c);
        if (v6 && c.family == AF_INET && c.prefix == 0)
                return "covers all of IPv4 in another spelling; write 0.0.0.0/0 if that is meant";
        *ret = c;
        return NULL;
}

void cidr_format(const NetCidr *c, char ret[CIDR_TEXT_SIZE]) {
        char address[INET6_ADDRSTRLEN] = "";
        (void)inet_ntop(c->family, c->address, address,
                        sizeof(address)); /* the family is one of two, the buffer fits both */
        snprintf(ret, CIDR_TEXT_SIZE, "%s/%u", address, c->prefix);
}

bool cidr_covers(const NetCidr *big, const NetCidr *small) {
        return big->family == small->family && big->prefix <= small->prefix &&
               bits_equal(big->address, small->address, big->prefix);
}

bool cidr_overlaps(const NetCidr *a, const NetCidr *b) {
        return cidr_covers(a, b) || cidr_covers(b, a);
}

bool cidr_equal(const NetCidr *a, const NetCidr *b) {
        return cidr_covers(a, b) && cidr_covers(b, a);
}

bool address_is_synthetic(const NetCidr *address) {
        NetCidr v4, v6;
        return !cidr_parse(EGRESS_SYNTHETIC_V4, &v4) && !cidr_parse(EGRESS_SYNTHETIC_V6, &v6) &&
               (cidr_covers(&v4, address) || cidr_covers(&v6, address));
}

bool address_is_host_loopback(const NetCidr *address) {
        static const char *const those[] = { EGRESS_HOST_V4, EGRESS_HOST_V6 };
        for (size_t i = 0; i < ELEMENTSOF(those); i++) {
                NetCidr host;
                if (cidr_parse_address(those[i], &host) && cidr_equal(&host, address))
                        return true;
        }
        return false;
}
