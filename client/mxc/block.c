/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "block.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* Up to the slash. */
static bool read_address(const char *text, size_t n, NetCidr *c) {
        char address[INET6_ADDRSTRLEN];
        if (n >= sizeof(address))
                return false;
        memcpy(address, text, n);
        address[n] = '\0';
        *c = (NetCidr){ .family = AF_INET, .prefix = 32 };
        if (inet_pton(AF_INET, address, c->address) == 1)
                return true;
        *c = (NetCidr){ .family = AF_INET6, .prefix = 128 };
        return inet_pton(AF_INET6, address, c->address) == 1;
}

static const char *read_prefix(const char *digits, NetCidr *c, BlockComplaint *room) {
        unsigned prefix = 0;
        if (*digits == '+')
                digits++;
        if (!*digits)
                return "couldn't parse length in network: cannot parse integer from empty string";
        for (const char *p = digits; *p; p++) {
                if (*p < '0' || *p > '9')
                        return "couldn't parse length in network: invalid digit found in string";
                prefix = prefix * 10 + (unsigned)(*p - '0');
                if (prefix > UINT8_MAX)
                        return "couldn't parse length in network: number too large to fit in target type";
        }
        if (prefix > c->prefix) {
                (void)snprintf(room->room, sizeof(room->room),
                                "invalid length for network: Network length %u is too long for Ipv%c "
                                "(maximum: %u)",
                                prefix, c->family == AF_INET ? '4' : '6', c->prefix);
                return room->room;
        }
        c->prefix = (uint8_t)prefix;
        return NULL;
}

/* True where there was something to cut. */
static bool cut(NetCidr *c) {
        bool found = false;
        for (unsigned i = c->prefix; i < (c->family == AF_INET ? 32U : 128U); i++) {
                uint8_t bit = (uint8_t)(0x80 >> (i % 8));
                found = found || (c->address[i / 8] & bit);
                c->address[i / 8] &= (uint8_t)~bit;
        }
        return found;
}

const char *block_parse(const char *text, bool loose, NetCidr *ret, BlockComplaint *room) {
        size_t n = strcspn(text, "/");
        NetCidr c;
        if (!read_address(text, n, &c))
                return "couldn't parse address in network: invalid IP address syntax";
        const char *complaint = text[n] ? read_prefix(text + n + 1, &c, room) : NULL;
        if (complaint)
                return complaint;
        if (cut(&c) && !loose)
                return "host part of address was not zero";
        *ret = c;
        return NULL;
}
