/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "refusal-table.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "address.h"
#include "cleanup.h"
#include "codec.h"
#include "egress-net.h"
#include "judge.h"

/* ---- while it is written ---- */

static void begin_write(RefusalTable *t) {
        (void)__atomic_or_fetch(&t->version, 1, __ATOMIC_SEQ_CST);
}

static void end_write(RefusalTable *t) {
        (void)__atomic_add_fetch(&t->version, 1, __ATOMIC_SEQ_CST);
}

static void give_up(RefusalTable *t) {
        t->holds = 0;
}

/* ---- ports ---- */

static const unsigned protocols[_REFUSAL_WAY_MAX] = { PROTOCOL_TCP, PROTOCOL_UDP };

/* A stretch begins there. False: there are too many. */
static bool add_stretch(uint32_t *list, size_t *n, uint32_t port) {
        size_t at = *n;
        while (at > 0 && list[at - 1] >= port)
                at--;
        if (port > UINT16_MAX || (at < *n && list[at] == port))
                return true;
        if (*n == REFUSAL_STRETCHES)
                return false;
        memmove(list + at + 1, list + at, (*n - at) * sizeof(*list));
        list[at] = port;
        (*n)++;
        return true;
}

static bool add_stretches(
                uint32_t *list, size_t *n, const NetRule *rules, size_t n_rules, unsigned protocol) {
        for (size_t i = 0; i < n_rules; i++)
                for (size_t k = 0; k < rules[i].n_ports; k++) {
                        const NetPort *p = &rules[i].ports[k];
                        if ((p->protocol & protocol) == 0)
                                continue;
                        if (!add_stretch(list, n, p->from) || !add_stretch(list, n, p->to + 1U))
                                return false;
                }
        return true;
}

/* Returns their number, or 0. */
static size_t fill_ports(uint32_t list[REFUSAL_STRETCHES], const NetDirection *d, unsigned protocol) {
        size_t n = 1;
        memset(list, 0xff, REFUSAL_STRETCHES * sizeof(*list));
        list[0] = 0;
        return add_stretches(list, &n, d->allow, d->n_allow, protocol) &&
                                               add_stretches(list, &n, d->deny, d->n_deny, protocol)
                               ? n
                               : 0;
}

/* ---- addresses ---- */

typedef struct Address {
        uint64_t words[2];
} Address;

static Address address_of(const struct in6_addr *a) {
        Address ret = { { 0, 0 } };
        for (unsigned i = 0; i < 16; i++)
                ret.words[i / 8] = ret.words[i / 8] << 8 | a->s6_addr[i];
        return ret;
}

static struct in6_addr bytes_of(const Address *a) {
        struct in6_addr ret;
        for (unsigned i = 0; i < 16; i++)
                ret.s6_addr[i] = (uint8_t)(a->words[i / 8] >> (56 - i % 8 * 8));
        return ret;
}

static int compare(const void *a, const void *b) {
        const Address *x = a, *y = b;
        for (unsigned i = 0; i < 2; i++)
                if (x->words[i] != y->words[i])
                        return x->words[i] < y->words[i] ? -1 : 1;
        return 0;
}

/* The first of a block, and the prefix that it has among all addresses. */
static Address first_of(const NetCidr *c, unsigned *ret_prefix) {
        struct in6_addr bytes = { .s6_addr = { 0 } };
        if (c->family == AF_INET) {
                bytes.s6_addr[10] = bytes.s6_addr[11] = 0xff;
                memcpy(bytes.s6_addr + 12, c->address, 4);
        } else {
                memcpy(bytes.s6_addr, c->address, 16);
        }
        *ret_prefix = c->prefix + (c->family == AF_INET ? 96U : 0U);
        return address_of(&bytes);
}

/* The first one behind it; false where it is all there is to the end. */
static bool behind(const Address *first, unsigned prefix, Address *ret) {
        *ret = *first;
        if (prefix == 0)
                return false;
        const unsigned word = (prefix - 1) / 64;
        const uint64_t step = UINT64_C(1) << (63 - (prefix - 1) % 64);
        ret->words[word] += step;
        if (ret->words[word] < step && (word == 0 || ++ret->words[0] == 0))
                return false;
        return true;
}

/* Blocks that something is said of. */
typedef struct Cuts {
        Address *list;
        size_t n, size;
} Cuts;

static void add_block(Cuts *c, const NetCidr *block) {
        unsigned prefix;
        const Address first = first_of(block, &prefix);
        if (c->n + 2 > c->size) {
                c->size = 0; /* too many */
                return;
        }
        c->list[c->n++] = first;
        if (behind(&first, prefix, &c->list[c->n]))
                c->n++;
}

static void add_rules(Cuts *c, const NetRule *rules, size_t n) {
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < rules[i].n_peers; k++) {
                        const NetPeer *p = &rules[i].peers[k];
                        if (p->has_cidr)
                                add_block(c, &p->cidr);
                        for (size_t j = 0; p->has_cidr && j < p->n_except; j++)
                                add_block(c, &p->except[j]);
                }
}

/* What lies in the sandbox itself, or is served by the relay whatever the lease says. */
static const char *const always[] = { "127.0.0.0/8", "::1/128", "0.0.0.0/32", "::/128", EGRESS_OWN_V4 "/32",
        EGRESS_OWN_V6 "/128", EGRESS_PROXY_V4 "/32" };

/* Addresses that carry another one, as which they are judged: not by where they lie themselves. A block of them is none for cidr_parse(). */
static const NetCidr translated[] = {
        { .family = AF_INET6, .address = { 0x00, 0x64, 0xff, 0x9b }, .prefix = 96 },
        { .family = AF_INET6, .address = { 0x20, 0x02 }, .prefix = 16 },
};

/* Addresses that are no places where the lease says so: DNS_SYNTHETIC. */
static const char *const synthetic[] = { EGRESS_SYNTHETIC_V4, EGRESS_SYNTHETIC_V6 };

static const NetCidr all_of_ipv4 = { .family = AF_INET };

static void add_blocks(Cuts *c, const char *const *list, size_t n) {
        for (size_t i = 0; i < n; i++) {
                NetCidr block;
                if (!cidr_parse(list[i], &block)) /* it is one, and tested */
                        add_block(c, &block);
        }
}

static void add_fixed(Cuts *c) {
        add_blocks(c, always, ELEMENTSOF(always));
        add_blocks(c, synthetic, ELEMENTSOF(synthetic));
        for (size_t i = 0; i < ELEMENTSOF(translated); i++)
                add_block(c, &translated[i]);
        add_block(c, &all_of_ipv4);
        for (const char *const *a = (const char *const[]){ EGRESS_HOST_V4, EGRESS_HOST_V6, NULL }; *a; a++) {
                NetCidr block;
                if (cidr_parse_address(*a, &block))
                        add_block(c, &block);
        }
        for (size_t i = 0; address_block(i); i++)
                add_block(c, address_block(i));
}

static bool is_in(const NetCidr *block, const Address *a) {
        unsigned prefix;
        const Address first = first_of(block, &prefix);
        Address end;
        return compare(a, &first) >= 0 && (!behind(&first, prefix, &end) || compare(a, &end) < 0);
}

static bool is_always_open(const Address *a) {
        for (size_t i = 0; i < ELEMENTSOF(always); i++) {
                NetCidr block;
                if (!cidr_parse(always[i], &block) && is_in(&block, a))
                        return true;
        }
        return false;
}

static bool is_translated(const Address *a) {
        for (size_t i = 0; i < ELEMENTSOF(translated); i++)
                if (is_in(&translated[i], a))
                        return true;
        return false;
}

/* ---- answers ---- */

static void judge_stretches(const RefusalTable *t, const EgressLease *l,
                const Destination *const of[_REFUSAL_WAY_MAX], uint64_t ret[_REFUSAL_WAY_MAX]) {
        for (size_t way = 0; way < _REFUSAL_WAY_MAX; way++) {
                Destination d = *of[way];
                ret[way] = 0;
                d.protocol = protocols[way];
                for (size_t i = 0; i < REFUSAL_STRETCHES && t->ports[way][i] <= UINT16_MAX; i++) {
                        d.port = (uint16_t)t->ports[way][i];
                        if (judge_connect(l, &d).verdict == VERDICT_ALLOW)
                                ret[way] |= UINT64_C(1) << i;
                }
        }
}

/* A range that begins there. */
static RefusalPlace place_of(const RefusalTable *t, const EgressLease *l, const Address *a) {
        RefusalPlace ret = { .address = { a->words[0], a->words[1] } };
        if (is_always_open(a)) {
                memset(ret.open, 0xff, sizeof(ret.open));
        } else if (!is_translated(a)) {
                const struct in6_addr bytes = bytes_of(a);
                Destination d = { .port = 0 };
                cidr_from_address(AF_INET6, bytes.s6_addr, &d.address);
                d.synthetic = l->dns == DNS_SYNTHETIC && address_is_synthetic(&d.address);
                judge_stretches(t, l, (const Destination *const[]){ &d, &d }, ret.open);
        }
        return ret;
}

static bool same_answer(const RefusalPlace *a, const RefusalPlace *b) {
        return memcmp(a->open, b->open, sizeof(a->open)) == 0;
}

/* Whatever one of IPv4 is, one that carries it may be. */
static void open_translated(RefusalPlace *list, size_t n) {
        uint64_t open[_REFUSAL_WAY_MAX] = { 0 };
        for (size_t i = 0; i < n; i++)
                for (size_t way = 0; way < _REFUSAL_WAY_MAX; way++)
                        if (is_in(&all_of_ipv4, &(Address){ { list[i].address[0], list[i].address[1] } }))
                                open[way] |= list[i].open[way];
        for (size_t i = 0; i < n; i++)
                if (is_translated(&(Address){ { list[i].address[0], list[i].address[1] } }))
                        memcpy(list[i].open, open, sizeof(open));
}

static size_t count_matches(const NetRule *rules, size_t n) {
        size_t sum = 1;
        for (size_t i = 0; i < n; i++) {
                sum += rules[i].n_peers + rules[i].n_ports;
                for (size_t k = 0; k < rules[i].n_peers; k++)
                        sum += rules[i].peers[k].n_except;
        }
        return sum;
}

static bool fill_ranges(RefusalTable *t, const EgressLease *l, size_t n_stretches) {
        const NetDirection *d = &l->egress;
        const size_t matches = count_matches(d->allow, d->n_allow) + count_matches(d->deny, d->n_deny);
        Cuts cuts = { .size = REFUSAL_WORK / matches / n_stretches };
        cuts.size = cuts.size < 4096 ? cuts.size : 4096;
        _cleanup_free_ Address *list = calloc(cuts.size + 1, sizeof(Address));
        _cleanup_free_ RefusalPlace *places = calloc(cuts.size + 1, sizeof(RefusalPlace));
        if (!list || !places)
                return false;
        cuts.list = list;
        add_fixed(&cuts);
        add_rules(&cuts, d->allow, d->n_allow);
        add_rules(&cuts, d->deny, d->n_deny);
        if (cuts.size == 0)
                return false;
        qsort(list, cuts.n, sizeof(Address), compare); /* the first is ::, of the fixed ones */
        size_t n = 0, kept = 0;
        for (size_t i = 0; i < cuts.n; i++)
                if (i == 0 || compare(&list[i], &list[i - 1]) != 0)
                        places[n++] = place_of(t, l, &list[i]);
        open_translated(places, n);
        for (size_t i = 0; i < n; i++) {
                if (kept > 0 && same_answer(&places[i], &t->ranges[kept - 1]))
                        continue;
                if (kept == REFUSAL_RANGES)
                        return false;
                t->ranges[kept++] = places[i];
        }
        return true;
}

/* Nobody's, and refused: nobody is there. */
static void clear(RefusalPlace *list, size_t n) {
        for (size_t i = 0; i < n; i++)
                list[i] = (RefusalPlace){ .address = { UINT64_MAX, UINT64_MAX } };
}

void refusal_table_fill(RefusalTable *t, const EgressLease *l) {
        begin_write(t);
        t->holds = 1;
        t->n_learnt = t->zero = 0;
        clear(t->ranges, REFUSAL_RANGES);
        clear(t->learnt, REFUSAL_LEARNT);
        size_t tcp = fill_ports(t->ports[REFUSAL_TCP], &l->egress, PROTOCOL_TCP),
               udp = fill_ports(t->ports[REFUSAL_UDP], &l->egress, PROTOCOL_UDP);
        if (tcp == 0 || udp == 0 || !fill_ranges(t, l, tcp + udp))
                give_up(t);
        end_write(t);
}

/* ---- what is looked up ---- */

static size_t hash(const Address *a) {
        return (size_t)((a->words[0] ^ a->words[1]) * REFUSAL_HASH >> (64 - REFUSAL_LEARNT_BITS));
}

static bool is_there(const RefusalPlace *p, const Address *a) {
        return p->address[0] == a->words[0] && p->address[1] == a->words[1];
}

static const RefusalPlace *find_learnt(const RefusalTable *t, const Address *a) {
        for (size_t i = 0; i < REFUSAL_PROBES; i++) {
                const RefusalPlace *p = &t->learnt[(hash(a) + i) % REFUSAL_LEARNT];
                if (is_there(p, a))
                        return p;
        }
        return NULL;
}

static const RefusalPlace *find_range(const RefusalTable *t, const Address *a) {
        size_t i = 0;
        while (i + 1 < REFUSAL_RANGES && compare(a, t->ranges[i + 1].address) >= 0)
                i++;
        return &t->ranges[i];
}

bool refusal_table_refuses(const RefusalTable *t, const struct in6_addr *to, RefusalWay way, uint16_t port) {
        const Address a = address_of(to);
        if (port == 53 || !t->holds || t->version % 2 != 0)
                return false;
        const RefusalPlace *p = find_learnt(t, &a);
        if (!p)
                p = find_range(t, &a);
        size_t i = 0;
        while (i + 1 < REFUSAL_STRETCHES && port >= t->ports[way][i + 1])
                i++;
        return (p->open[way] >> i & 1) == 0;
}

/* ---- what was handed out ---- */

static RefusalPlace *place_for(RefusalTable *t, const Address *a) {
        RefusalPlace *free_one = NULL;
        for (size_t i = 0; i < REFUSAL_PROBES; i++) {
                RefusalPlace *p = &t->learnt[(hash(a) + i) % REFUSAL_LEARNT];
                if (is_there(p, a))
                        return p;
                if (!free_one && p->address[0] == UINT64_MAX && p->address[1] == UINT64_MAX)
                        free_one = p;
        }
        return t->n_learnt < REFUSAL_LEARNT_MAX ? free_one : NULL;
}

void refusal_table_learn(
                RefusalTable *t, const EgressLease *l, const Destination *tcp, const Destination *udp) {
        unsigned prefix;
        const Address a = first_of(&tcp->address, &prefix);
        RefusalPlace place = { .address = { a.words[0], a.words[1] } };
        if (!t->holds)
                return;
        judge_stretches(t, l, (const Destination *const[]){ [REFUSAL_TCP] = tcp, [REFUSAL_UDP] = udp },
                        place.open);
        const RefusalPlace *was = find_learnt(t, &a);
        if (same_answer(&place, was ? was : find_range(t, &a)))
                return;
        begin_write(t);
        RefusalPlace *p = place_for(t, &a);
        if (p) {
                t->n_learnt += !was;
                *p = place;
        } else {
                give_up(t);
        }
        end_write(t);
}

int refusal_table_new(const EgressLease *l, int *ret) {
        _cleanup_free_ RefusalTable *t = calloc(1, sizeof(RefusalTable));
        if (!t)
                return -ENOMEM;
        refusal_table_fill(t, l);
        return sealed_memfd_new((const uint8_t *)t, sizeof(*t), ret);
}
