/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "refusal-property.h"

#include <arpa/inet.h>

#include "address.h"
#include "cleanup.h"

/* What is answered inside of the sandbox, or refused there: the kernel lets it through. */
static bool is_inside(const struct in6_addr *a) {
        static const char *const those[] = { "::1", "::ffff:0.0.0.0", "::", "::ffff:10.0.2.15",
                "fd00:6d78:6300::15", "::ffff:10.0.2.3" };
        struct in6_addr one;
        for (size_t i = 0; i < ELEMENTSOF(those); i++)
                if (inet_pton(AF_INET6, those[i], &one) == 1 && IN6_ARE_ADDR_EQUAL(&one, a))
                        return true;
        return IN6_IS_ADDR_V4MAPPED(a) && a->s6_addr[12] == 127;
}

/* Another address is within: that is seen to by the relay. */
static bool is_carrier(const struct in6_addr *a) {
        static const uint8_t nat64[12] = { 0x00, 0x64, 0xff, 0x9b };
        return (a->s6_addr[0] == 0x20 && a->s6_addr[1] == 0x02) ||
               memcmp(a->s6_addr, nat64, sizeof(nat64)) == 0;
}

Destination refusal_untold(const EgressLease *l, const struct in6_addr *a) {
        Destination d = { .n_hosts = 0 };
        cidr_from_address(AF_INET6, a->s6_addr, &d.address);
        d.synthetic = l->dns == DNS_SYNTHETIC && address_is_synthetic(&d.address);
        return d;
}

const char *refusal_fault(const RefusalTable *t, const EgressLease *l, const struct in6_addr *a,
                const Destination known[_REFUSAL_WAY_MAX], RefusalWay way, uint16_t port) {
        Destination d = known[way];
        d.protocol = way == REFUSAL_UDP ? PROTOCOL_UDP : PROTOCOL_TCP;
        d.port = port;
        const bool open = judge_connect(l, &d).verdict == VERDICT_ALLOW || is_inside(a) || port == 53;
        const bool refused = refusal_table_refuses(t, a, way, port);
        if (open && refused)
                return "it is refused";
        return !open && !refused && t->holds && !is_carrier(a) ? "it is let through" : NULL;
}

const char *refusal_fault_untold(const RefusalTable *t, const EgressLease *l, const struct in6_addr *a,
                RefusalWay way, uint16_t port) {
        const Destination d = refusal_untold(l, a), known[_REFUSAL_WAY_MAX] = { d, d };
        return refusal_fault(t, l, a, known, way, port);
}
