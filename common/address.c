/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "address.h"

#include "cleanup.h"

/* Blocks as network order bytes. The first that covers an address decides; what none covers is global. */
typedef struct Block {
        NetCidr cidr;
        AddressKind kind;
} Block;

#define V4(a, b, c, d, n)                                                                                   \
        { .family = AF_INET, .address = { a, b, c, d }, .prefix = n }
#define V6(n, ...)                                                                                          \
        { .family = AF_INET6, .address = { __VA_ARGS__ }, .prefix = n }

static const Block blocks[] = {
        { V4(0, 0, 0, 0, 8), ADDRESS_NEVER },        /* RFC 1122 3.2.1.3: this host */
        { V4(127, 0, 0, 0, 8), ADDRESS_NEVER },      /* RFC 1122: loopback */
        { V4(224, 0, 0, 0, 4), ADDRESS_NEVER },      /* RFC 5771: multicast */
        { V4(240, 0, 0, 0, 4), ADDRESS_NEVER },      /* RFC 1112: reserved, and broadcast */
        { V4(10, 0, 0, 0, 8), ADDRESS_SPECIAL },     /* RFC 1918 */
        { V4(172, 16, 0, 0, 12), ADDRESS_SPECIAL },  /* RFC 1918 */
        { V4(192, 168, 0, 0, 16), ADDRESS_SPECIAL }, /* RFC 1918 */
        { V4(100, 64, 0, 0, 10),
                        ADDRESS_SPECIAL }, /* RFC 6598: shared; Alibaba's metadata is 100.100.100.200 */
        { V4(169, 254, 0, 0, 16), ADDRESS_SPECIAL },   /* RFC 3927: link-local, and most clouds' metadata */
        { V4(168, 63, 129, 16, 32), ADDRESS_SPECIAL }, /* Azure's platform address */
        { V4(192, 0, 0, 0, 24), ADDRESS_SPECIAL },    /* RFC 6890: protocol assignments; Oracle's metadata */
        { V4(192, 0, 2, 0, 24), ADDRESS_SPECIAL },    /* RFC 5737: documentation */
        { V4(192, 31, 196, 0, 24), ADDRESS_SPECIAL }, /* RFC 7535: AS112 */
        { V4(192, 52, 193, 0, 24), ADDRESS_SPECIAL }, /* RFC 7450: AMT */
        { V4(192, 88, 99, 0, 24), ADDRESS_SPECIAL },  /* RFC 7526: 6to4 relays */
        { V4(192, 175, 48, 0, 24), ADDRESS_SPECIAL }, /* RFC 7534: AS112 */
        { V4(198, 18, 0, 0, 15), ADDRESS_SPECIAL },   /* RFC 2544: benchmarking */
        { V4(198, 51, 100, 0, 24), ADDRESS_SPECIAL }, /* RFC 5737 */
        { V4(203, 0, 113, 0, 24), ADDRESS_SPECIAL },  /* RFC 5737 */

        { V6(128, 0), ADDRESS_NEVER },                                              /* unspecified */
        { V6(128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), ADDRESS_NEVER }, /* loopback */
        { V6(8, 0xff), ADDRESS_NEVER }, /* RFC 4291 2.7: multicast */
        { V6(16, 0x20, 0x02),
                        ADDRESS_SPECIAL }, /* RFC 3056: 6to4; folded, where it holds a whole v4 address */
        { V6(23, 0x20, 0x01, 0x00),
                        ADDRESS_SPECIAL }, /* RFC 2928: protocol assignments; Teredo, ORCHID, … */
        { V6(32, 0x20, 0x01, 0x0d, 0xb8), ADDRESS_SPECIAL },             /* RFC 3849: documentation */
        { V6(20, 0x3f, 0xff, 0x00), ADDRESS_SPECIAL },                   /* RFC 9637: documentation */
        { V6(48, 0x26, 0x20, 0x00, 0x4f, 0x80, 0x00), ADDRESS_SPECIAL }, /* RFC 7534: AS112 */
};

/* RFC 4291 2.4: what is outside it is local, translated, unassigned or an old compatible form of v4: nothing of that is the world. */
static const NetCidr global_unicast = V6(3, 0x20);

AddressKind address_kind(const NetCidr *address) {
        for (size_t i = 0; i < ELEMENTSOF(blocks); i++)
                if (cidr_covers(&blocks[i].cidr, address))
                        return blocks[i].kind;
        if (address->family == AF_INET6 && !cidr_covers(&global_unicast, address))
                return ADDRESS_SPECIAL;
        return ADDRESS_GLOBAL;
}

/* RFC 6761 6.3 */
bool host_is_localhost(const char *host) {
        static const char name[] = "localhost";
        size_t n = strlen(host), k = sizeof(name) - 1;
        return n >= k && streq(host + n - k, name) && (n == k || host[n - k - 1] == '.');
}

bool address_is_loopback(const NetCidr *address) {
        static const NetCidr loopback[] = { V4(127, 0, 0, 0, 8),
                V6(128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1) };
        return cidr_covers(&loopback[0], address) || cidr_covers(&loopback[1], address);
}

const NetCidr *address_block(size_t i) {
        if (i < ELEMENTSOF(blocks))
                return &blocks[i].cidr;
        return i == ELEMENTSOF(blocks) ? &global_unicast : NULL;
}
