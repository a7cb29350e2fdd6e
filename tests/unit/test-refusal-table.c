/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel refuses at once is what the relay would refuse, for thousands of random leases at every edge that they have; and a lease that does
 * not fit refuses nothing. */

#include <arpa/inet.h>
#include <inttypes.h>

#include "address.h"
#include "codec.h"
#include "egress-net.h"
#include "policy-random.h"
#include "refusal-property.h"

#define ROUNDS 300

static RefusalTable table;

static EgressLease lease_of(const Policy *p) {
        return (EgressLease){ .egress = p->egress, .host_loopback = p->host_loopback, .dns = p->dns };
}

static struct in6_addr bytes_of(const char *text) {
        struct in6_addr ret = { .s6_addr = { [10] = 0xff, [11] = 0xff } };
        if (inet_pton(AF_INET, text, ret.s6_addr + 12) != 1)
                ck_assert_msg(inet_pton(AF_INET6, text, &ret) == 1, "%s", text);
        return ret;
}

static bool refuses(const char *address, RefusalWay way, uint16_t port) {
        const struct in6_addr to = bytes_of(address);
        return refusal_table_refuses(&table, &to, way, port);
}

static void fill(const char *body) {
        _cleanup_(policy_unrefp) Policy *p = policy_of(body);
        const EgressLease l = lease_of(p);
        refusal_table_fill(&table, &l);
        ck_assert_uint_eq(table.version % 2, 0);
}

/* ---- against the relay's own decision ---- */

static const char *const always[] = { "127.0.0.1", "127.255.255.255", "::1", "0.0.0.0", "::", "10.0.2.15",
        "fd00:6d78:6300::15", "10.0.2.3" };
static const char *const carriers[] = { "64:ff9b::a01:203", "64:ff9b::", "64:ff9b::ffff:ffff",
        "2002:a01:203::1", "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff" };
static const uint16_t ports[] = { 0, 1, 22, 52, 53, 54, 79, 80, 81, 442, 443, 444, 1023, 1024, 1025, 8000,
        8079, 8080, 8081, 8090, 8999, 9000, 65534, 65535 };

static void compare_known(const EgressLease *l, const struct in6_addr *a,
                const Destination known[_REFUSAL_WAY_MAX], uint64_t seed) {
        char text[INET6_ADDRSTRLEN];
        for (size_t i = 0; i < ELEMENTSOF(ports) * 2; i++) {
                const char *fault = refusal_fault(
                                &table, l, a, known, i % 2 ? REFUSAL_UDP : REFUSAL_TCP, ports[i / 2]);
                if (fault)
                        ck_abort_msg("seed %" PRIu64 ": %s port %u: %s", seed,
                                        inet_ntop(AF_INET6, a, text, sizeof(text)), ports[i / 2], fault);
        }
}

/* Nobody was told of it. */
static void compare(const EgressLease *l, const struct in6_addr *a, uint64_t seed) {
        const Destination d = refusal_untold(l, a);
        compare_known(l, a, (const Destination[]){ d, d }, seed);
}

/* The address, and those beside it. */
static void compare_around(const EgressLease *l, struct in6_addr a, uint64_t seed) {
        compare(l, &a, seed);
        for (int step = -1; step <= 1; step += 2) {
                struct in6_addr b = a;
                for (int i = 15; i >= 0; i--) {
                        b.s6_addr[i] = (uint8_t)(b.s6_addr[i] + step);
                        if (b.s6_addr[i] != (step < 0 ? 0xff : 0))
                                break;
                }
                compare(l, &b, seed);
        }
}

static struct in6_addr edge_of(const NetCidr *c, bool last) {
        struct in6_addr a = { .s6_addr = { 0 } };
        unsigned prefix = c->prefix;
        if (c->family == AF_INET) {
                a = bytes_of("0.0.0.0");
                prefix += 96;
        }
        memcpy(a.s6_addr + (c->family == AF_INET ? 12 : 0), c->address, c->family == AF_INET ? 4 : 16);
        for (unsigned i = prefix; last && i < 128; i++)
                a.s6_addr[i / 8] |= (uint8_t)(0x80 >> i % 8);
        return a;
}

static void compare_block(const EgressLease *l, const NetCidr *c, uint64_t seed) {
        compare_around(l, edge_of(c, false), seed);
        compare_around(l, edge_of(c, true), seed);
}

static void compare_rules(const EgressLease *l, const NetRule *rules, size_t n, uint64_t seed) {
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < rules[i].n_peers; k++) {
                        const NetPeer *p = &rules[i].peers[k];
                        if (p->has_cidr)
                                compare_block(l, &p->cidr, seed);
                        for (size_t j = 0; j < p->n_except; j++)
                                compare_block(l, &p->except[j], seed);
                }
}

static void learn(const EgressLease *l, const Destination known[_REFUSAL_WAY_MAX]) {
        refusal_table_learn(&table, l, &known[REFUSAL_TCP], &known[REFUSAL_UDP]);
}

static const char *random_host(Random *r) {
        static const char *const hosts[] = { "b", "a.b", "x.a.b", "c", "a.c", "z" };
        return hosts[random_below(r, ELEMENTSOF(hosts))];
}

/* Addresses with names, and one that gets another name later. Where names are told by other addresses, a connection to these is for no name. */
static void compare_names(const EgressLease *l, Random *r) {
        static const char *const those[] = { "93.184.216.34", "2606:2800:220:1::34", "10.1.2.3" };
        for (size_t k = 0; k < ELEMENTSOF(those); k++)
                for (size_t n = 1; n <= 2; n++) {
                        const char *names[] = { random_host(r), random_host(r) };
                        const struct in6_addr bytes = bytes_of(those[k]);
                        Destination known[] = { { .hosts = names, .n_hosts = n },
                                { .hosts = names, .n_hosts = n } };
                        if (l->dns == DNS_SYNTHETIC)
                                known[REFUSAL_TCP].n_hosts = 0;
                        for (size_t way = 0; way < _REFUSAL_WAY_MAX; way++)
                                cidr_from_address(AF_INET6, bytes.s6_addr, &known[way].address);
                        learn(l, known);
                        compare_known(l, &bytes, known, r->seed);
                }
}

/* Addresses that stand for a name, which they go on doing under another lease; those beside them stand for none. */
static void compare_synthetic(const EgressLease *l, Random *r) {
        static const char *const those[] = { "198.18.0.1", "198.19.7.255", "fd00:6d78:6301::c612:1",
                "fd00:6d78:6301::c613:7ff" };
        static const char *const blocks[] = { EGRESS_SYNTHETIC_V4, EGRESS_SYNTHETIC_V6 };
        for (size_t k = 0; k < ELEMENTSOF(blocks); k++) {
                NetCidr block;
                ck_assert(!cidr_parse(blocks[k], &block));
                compare_block(l, &block, r->seed);
        }
        for (size_t k = 0; k < ELEMENTSOF(those); k++) {
                const char *name = random_host(r);
                const struct in6_addr bytes = bytes_of(those[k]);
                struct in6_addr beside = bytes;
                Destination d = { .synthetic = true, .hosts = &name, .n_hosts = 1 };
                cidr_from_address(AF_INET6, bytes.s6_addr, &d.address);
                const Destination known[] = { d, d };
                learn(l, known);
                compare_known(l, &bytes, known, r->seed);
                beside.s6_addr[14] ^= 1;
                compare(l, &beside, r->seed);
        }
}

START_TEST(test_same_as_the_relay) {
        Random r = random_new();
        for (int i = 0; i < ROUNDS; i++) {
                _cleanup_free_ char *text = NULL;
                _cleanup_(policy_unrefp) Policy *p = random_policy(&r, false, &text);
                EgressLease l = lease_of(p);
                l.dns = i % 2 ? DNS_SYNTHETIC : DNS_REAL;
                refusal_table_fill(&table, &l);
                ck_assert_msg(table.holds, "seed %" PRIu64 ": does not fit", r.seed);
                for (size_t k = 0; address_block(k); k++)
                        compare_block(&l, address_block(k), r.seed);
                for (size_t k = 0; k < ELEMENTSOF(always); k++)
                        compare_around(&l, bytes_of(always[k]), r.seed);
                for (size_t k = 0; k < ELEMENTSOF(carriers); k++)
                        compare_around(&l, bytes_of(carriers[k]), r.seed);
                compare_rules(&l, l.egress.allow, l.egress.n_allow, r.seed);
                compare_rules(&l, l.egress.deny, l.egress.n_deny, r.seed);
                compare_names(&l, &r);
                compare_synthetic(&l, &r);
        }
}
END_TEST

/* ---- cases ---- */

#define NAMES                                                                                               \
        "'network': {'egress': {'allow': [{'to': [{'host': 'a.example'}], 'ports': [{'protocol': 'tcp', "   \
        "'port': 443}]}]}}"

START_TEST(test_names) {
        static const char *const host = "a.example";
        _cleanup_(policy_unrefp) Policy *p = policy_of(NAMES);
        const EgressLease l = lease_of(p);
        refusal_table_fill(&table, &l);
        ck_assert(refuses("93.184.216.34", REFUSAL_TCP, 443));
        ck_assert(!refuses("93.184.216.34", REFUSAL_TCP, 53));
        ck_assert(!refuses("93.184.216.34", REFUSAL_UDP, 53));
        Destination d = { .hosts = &host, .n_hosts = 1 };
        ck_assert(cidr_parse_address("93.184.216.34", &d.address));
        const Destination known[] = { d, d };
        learn(&l, known);
        ck_assert(!refuses("93.184.216.34", REFUSAL_TCP, 443));
        ck_assert(!refuses("::ffff:93.184.216.34", REFUSAL_TCP, 443));
        ck_assert(refuses("93.184.216.34", REFUSAL_TCP, 80));
        ck_assert(refuses("93.184.216.34", REFUSAL_UDP, 443));
        ck_assert(refuses("93.184.216.35", REFUSAL_TCP, 443));
        learn(&l, known);
        ck_assert_uint_eq(table.n_learnt, 1);
        refusal_table_fill(&table, &l); /* another lease forgets it */
        ck_assert(refuses("93.184.216.34", REFUSAL_TCP, 443));
}
END_TEST

/* What stands for no name is refused whatever the rules say, and nothing beside it; where the policy does not say so, these are addresses like others. */
START_TEST(test_synthetic) {
        static const char *const inside[] = { "198.18.0.0", "198.19.255.255",
                "fd00:6d78:6301::", "fd00:6d78:6301::ffff:ffff" },
                                 *const outside[] = { "198.17.255.255", "198.20.0.0",
                                         "fd00:6d78:6300:ffff:ffff:ffff:ffff:ffff",
                                         "fd00:6d78:6301:0:0:1::" };
        static const char *const host = "a.example";
        for (int told = 0; told < 2; told++) {
                _cleanup_(policy_unrefp) Policy *p = policy_of(
                                told ? "'network': {'dns': 'synthetic', 'egress': {'default': 'allow'}}"
                                     : "'network': {'egress': {'default': 'allow'}}");
                const EgressLease l = lease_of(p);
                refusal_table_fill(&table, &l);
                for (size_t i = 0; i < ELEMENTSOF(inside); i++)
                        for (RefusalWay way = 0; way < _REFUSAL_WAY_MAX; way++) {
                                ck_assert_msg(refuses(inside[i], way, 443) == (told == 1), "%s", inside[i]);
                                ck_assert_msg(!refuses(outside[i], way, 443), "%s", outside[i]);
                        }
                Destination d = { .synthetic = true, .hosts = &host, .n_hosts = 1 };
                ck_assert(cidr_parse_address("198.18.0.1", &d.address));
                learn(&l, (const Destination[]){ d, d });
                ck_assert(!refuses("198.18.0.1", REFUSAL_TCP, 443));
                ck_assert(refuses("198.18.0.1", REFUSAL_UDP, 443));
                ck_assert(refuses("198.18.0.2", REFUSAL_TCP, 443) == (told == 1));
        }
}
END_TEST

/* Nothing is refused while it is written. */
START_TEST(test_version) {
        fill(NAMES);
        const uint32_t version = table.version;
        ck_assert(refuses("1.1.1.1", REFUSAL_TCP, 443));
        table.version |= 1;
        ck_assert(!refuses("1.1.1.1", REFUSAL_TCP, 443));
        fill(NAMES); /* whoever died while he wrote is no hindrance */
        ck_assert(refuses("1.1.1.1", REFUSAL_TCP, 443));
        ck_assert_uint_ne(table.version, version);
}
END_TEST

/* Whatever was there before: of one lease there is one table. */
START_TEST(test_one_table_of_a_lease) {
        static RefusalTable other;
        _cleanup_(policy_unrefp) Policy *p = policy_of(NAMES);
        const EgressLease l = lease_of(p);
        memset(&other, 0x55, sizeof(other));
        refusal_table_fill(&other, &l);
        memset(&table, 0, sizeof(table));
        refusal_table_fill(&table, &l);
        const size_t head = offsetof(RefusalTable, n_learnt);
        ck_assert_mem_eq((uint8_t *)&other + head, (uint8_t *)&table + head, sizeof(table) - head);
        ck_assert_uint_eq(other.holds, table.holds);
}
END_TEST

/* Whoever replaces a table by one like it does not open it for a moment. */
START_TEST(test_replace) {
        static RefusalTable other;
        fill(NAMES);
        memset(&other, 0xff, sizeof(other));
        refusal_table_replace(&other, &table);
        ck_assert_mem_eq(&other.holds, &table.holds, sizeof(table.holds));
        ck_assert_mem_eq(other.ranges, table.ranges, sizeof(table.ranges));
        const uint32_t version = other.version;
        ck_assert_uint_eq(version % 2, 0);
        refusal_table_replace(&other, &table);
        ck_assert_uint_eq(other.version, version);
        other.version |= 1; /* unless somebody died while he wrote */
        refusal_table_replace(&other, &table);
        ck_assert_uint_eq(other.version % 2, 0);
        const uint32_t again = other.version;
        other.holds = !other.holds;
        refusal_table_replace(&other, &table);
        ck_assert_uint_ne(other.version, again);
        ck_assert_uint_eq(other.holds, table.holds);
}
END_TEST

/* As many as there is room for, and one more. */
START_TEST(test_learnt_full) {
        static const char *const host = "a.example";
        _cleanup_(policy_unrefp) Policy *p = policy_of(NAMES);
        const EgressLease l = lease_of(p);
        refusal_table_fill(&table, &l);
        uint32_t n = 0;
        for (; table.holds && n <= REFUSAL_LEARNT_MAX; n++) {
                const NetCidr a = { .family = AF_INET,
                        .prefix = 32,
                        .address = { 93, 184, (uint8_t)(n >> 8), (uint8_t)n } };
                const Destination d = { .address = a, .hosts = &host, .n_hosts = 1 };
                learn(&l, (const Destination[]){ d, d });
                ck_assert_uint_le(table.n_learnt, REFUSAL_LEARNT_MAX);
        }
        ck_assert(!table.holds);
        ck_assert(!refuses("1.1.1.1", REFUSAL_TCP, 443));
}
END_TEST

/* Odd numbers, each between the two texts. */
static char *many(unsigned n, const char *before, const char *after, const char *head, const char *tail) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        ck_assert_ptr_nonnull(f);
        (void)fputs(head, f);
        for (unsigned i = 0; i < n; i++) {
                (void)fprintf(f, "%s%s%u%s", i > 0 ? ", " : "", before, 2 * i + 1, after);
        }
        (void)fputs(tail, f);
        ck_assert_int_eq(fclose(f), 0);
        return text;
}

START_TEST(test_stretches_full) {
        static const char head[] =
                        "'network': {'egress': {'allow': [{'to': [{'host': 'a.example'}], 'ports': [",
                          tail[] = "]}]}}";
        static const char before[] = "{'protocol': 'tcp', 'port': ";
        /* the stretch from 0, and two for each: the port, and what is behind it; of the last, that begins where the one before it ended */
        _cleanup_free_ char *fits = many((REFUSAL_STRETCHES - 1) / 2, before, "}", head, tail),
                            *too_many = many(REFUSAL_STRETCHES / 2, before, "}", head, tail);
        fill(fits);
        ck_assert(table.holds);
        ck_assert(refuses("1.1.1.1", REFUSAL_TCP, 1));
        fill(too_many);
        ck_assert(!table.holds);
        ck_assert(!refuses("1.1.1.1", REFUSAL_TCP, 2));
}
END_TEST

START_TEST(test_ranges_full) {
        static const char head[] = "'network': {'egress': {'allow': [{'to': [",
                          tail[] = "], 'ports': [{'protocol': 'tcp', 'port': 443}]}]}}";
        static const char before[] = "{'cidr': '93.184.", after[] = ".0/24'}";
        _cleanup_free_ char *fits = many(32, before, after, head, tail),
                            *too_many = many(REFUSAL_RANGES / 2, before, after, head, tail);
        fill(fits);
        ck_assert(table.holds);
        ck_assert(refuses("93.184.0.1", REFUSAL_TCP, 443));
        ck_assert(!refuses("93.184.1.1", REFUSAL_TCP, 443));
        ck_assert(refuses("93.184.1.1", REFUSAL_TCP, 444));
        fill(too_many);
        ck_assert(!table.holds);
        ck_assert(!refuses("93.184.0.1", REFUSAL_TCP, 443));
}
END_TEST

/* Blocks, each without 60 pieces that lie side by side. */
static void fill_with_exceptions(unsigned n) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        ck_assert_ptr_nonnull(f);
        (void)fputs("'network': {'egress': {'allow': [{'to': [", f);
        for (unsigned i = 0; i < n; i++) {
                (void)fprintf(f, "%s{'cidr': '10.%u.0.0/16', 'except': [", i > 0 ? ", " : "", 2 * i);
                for (unsigned k = 0; k < 60; k++)
                        (void)fprintf(f, "%s'10.%u.%u.%u/25'", k > 0 ? ", " : "", 2 * i, k / 2, k % 2 * 128);
                (void)fputs("]}", f);
        }
        (void)fputs("], 'ports': [{'protocol': 'tcp', 'port': 443}]}]}}", f);
        ck_assert_int_eq(fclose(f), 0);
        fill(text);
}

/* Each address is looked for among all exceptions: they are of the work, even where they make few ranges. */
START_TEST(test_exceptions_are_work) {
        fill_with_exceptions(2);
        ck_assert(table.holds);
        ck_assert(refuses("10.2.29.255", REFUSAL_TCP, 443) && !refuses("10.2.30.0", REFUSAL_TCP, 443));
        fill_with_exceptions(10);
        ck_assert(!table.holds);
}
END_TEST

START_TEST(test_memfd) {
        _cleanup_(policy_unrefp) Policy *p = policy_of(NAMES);
        const EgressLease l = lease_of(p);
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ uint8_t *data = NULL;
        size_t size;
        ck_assert_int_eq(refusal_table_new(&l, &fd), 0);
        ck_assert_int_eq(sealed_memfd_read(fd, &data, &size), 0);
        ck_assert_uint_eq(size, sizeof(RefusalTable));
}
END_TEST

int main(void) {
        TCase *t = tcase_create("refusal table");
        tcase_set_timeout(t, 240);
        tcase_add_test(t, test_same_as_the_relay);
        tcase_add_test(t, test_names);
        tcase_add_test(t, test_synthetic);
        tcase_add_test(t, test_version);
        tcase_add_test(t, test_one_table_of_a_lease);
        tcase_add_test(t, test_replace);
        tcase_add_test(t, test_learnt_full);
        tcase_add_test(t, test_stretches_full);
        tcase_add_test(t, test_ranges_full);
        tcase_add_test(t, test_exceptions_are_work);
        tcase_add_test(t, test_memfd);
        return run_case("refusal table", t);
}
