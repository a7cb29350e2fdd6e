/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "address.h"
#include "cleanup.h"
#include "fuzz.h"
#include "refusal-property.h"

/* The first byte is a number of places, each of 16 bytes of an address, two of a port, and one: for how many names it was handed out (0: nobody was
 * told of it). The rest is a lease. Properties: the table says of each place, and of every edge of every rule, what the relay would say;
 * where it does not fit, it refuses nothing; it says so of what was told before when more is told. */

DEFINE_CLEANUP(EgressLease *, egress_lease_free);

#define PLACE_BYTES 19U
#define PLACES_MAX 16U
#define EDGES_MAX                                                                                           \
        64U /* a lease may have many rules, and a table that is asked about all of them tells no more */

static RefusalTable table;

static void judge_untold(const EgressLease *l, const struct in6_addr *a, uint16_t port) {
        for (RefusalWay way = 0; way < _REFUSAL_WAY_MAX; way++)
                for (int step = -1; step <= 1; step++) {
                        const char *fault = refusal_fault_untold(&table, l, a, way, (uint16_t)(port + step));
                        fuzz_holds(!fault, fault ? fault : "");
                }
}

static struct in6_addr edge_of(const NetCidr *c, bool last) {
        struct in6_addr a = { .s6_addr = { [10] = 0xff, [11] = 0xff } };
        const unsigned at = c->family == AF_INET ? 12 : 0;
        memcpy(a.s6_addr + at, c->address, 16 - at);
        for (unsigned i = at * 8 + c->prefix; last && i < 128; i++)
                a.s6_addr[i / 8] |= (uint8_t)(0x80 >> i % 8);
        return a;
}

static void judge_block(const EgressLease *l, const NetCidr *c, uint16_t port, unsigned *left) {
        for (int last = 0; last < 2 && *left > 0; last++, --*left) {
                struct in6_addr a = edge_of(c, last), beside = a;
                judge_untold(l, &a, port);
                for (int i = 15; i >= 0; i--) { /* the next one outside */
                        beside.s6_addr[i] = (uint8_t)(beside.s6_addr[i] + (last ? 1 : -1));
                        if (beside.s6_addr[i] != (last ? 0 : 0xff))
                                break;
                }
                judge_untold(l, &beside, port);
        }
}

static void judge_rules(const EgressLease *l, const NetRule *rules, size_t n, unsigned *left) {
        for (size_t i = 0; i < n; i++) {
                const uint16_t port = rules[i].n_ports > 0 ? rules[i].ports[0].from : 443;
                for (size_t k = 0; k < rules[i].n_peers; k++) {
                        const NetPeer *p = &rules[i].peers[k];
                        if (p->has_cidr)
                                judge_block(l, &p->cidr, port, left);
                        for (size_t j = 0; j < p->n_except; j++)
                                judge_block(l, &p->except[j], port, left);
                }
        }
}

/* As dns.c tells of it: with real answers a connection is for its names, with synthetic ones only what stands for a name is. */
static void judge_told(const EgressLease *l, const struct in6_addr *a, size_t n_names, uint16_t port) {
        static const char *const hosts[] = { "a.example", "x.b.example", "c" };
        Destination d = refusal_untold(l, a), known[_REFUSAL_WAY_MAX];
        d.hosts = hosts;
        d.n_hosts = d.synthetic ? 1 : n_names;
        known[REFUSAL_TCP] = known[REFUSAL_UDP] = d;
        if (l->dns == DNS_SYNTHETIC && !d.synthetic)
                known[REFUSAL_TCP].n_hosts = 0;
        refusal_table_learn(&table, l, &known[REFUSAL_TCP], &known[REFUSAL_UDP]);
        for (RefusalWay way = 0; way < _REFUSAL_WAY_MAX; way++) {
                const char *fault = refusal_fault(&table, l, a, known, way, port);
                fuzz_holds(!fault, fault ? fault : "");
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(egress_lease_freep) EgressLease *l = NULL;
        const size_t n = size > 0 ? data[0] % (PLACES_MAX + 1) : 0;
        if (size < 1 + n * PLACE_BYTES || egress_lease_decode(data + 1 + n * PLACE_BYTES,
                                                          size - 1 - n * PLACE_BYTES, &l, NULL) < 0)
                return 0;
        unsigned left = EDGES_MAX;
        refusal_table_fill(&table, l);
        fuzz_holds(table.version % 2 == 0, "it is written");
        judge_rules(l, l->egress.allow, l->egress.n_allow, &left);
        judge_rules(l, l->egress.deny, l->egress.n_deny, &left);
        for (size_t i = 0; i < n; i++) {
                const uint8_t *place = data + 1 + i * PLACE_BYTES;
                const uint16_t port = (uint16_t)(place[16] << 8 | place[17]);
                struct in6_addr a;
                memcpy(&a, place, sizeof(a));
                if (place[18] % 4 == 0)
                        judge_untold(l, &a, port);
                else
                        judge_told(l, &a, place[18] % 4, port);
        }
        return 0;
}
