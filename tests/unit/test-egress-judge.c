/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What mxc-egress decides: cases by name, and, for thousands of random leases, that it never says yes where the policy says no. */

#include <inttypes.h>

#include "address.h"
#include "judge.h"
#include "policy-random.h"

#define ROUNDS 1000
#define MAX_HOSTS 4

/* The lease of a policy, by its own rules. */
static EgressLease lease_of(const Policy *p) {
        return (EgressLease){ .egress = p->egress, .host_loopback = p->host_loopback };
}

typedef struct Dial {
        const char *address;
        uint16_t port;
        const char *hosts[MAX_HOSTS + 1];
        bool by_address_only;
} Dial;

static Destination destination_of(const Dial *dial) {
        Destination d = { .protocol = PROTOCOL_TCP,
                .port = dial->port,
                .hosts = dial->hosts,
                .by_address_only = dial->by_address_only };
        while (dial->hosts[d.n_hosts])
                d.n_hosts++;
        ck_assert_msg(cidr_parse_address(dial->address, &d.address), "%s", dial->address);
        return d;
}

#define RULE(what) "{'to': [" what "]}"
#define RULE_PORT(what, port) "{'to': [" what "], 'ports': [{'protocol': 'tcp', 'port': " port "}]}"
#define OPAQUE(what) "{'to': [" what "], 'tls': 'opaque'}"
#define PLAIN(what) "{'to': [" what "], 'ech': 'refuse'}"
#define NETWORK(keys) "'network': {'egress': {" keys "}}"
#define NOTHING ""
#define GRANT(allow) NETWORK("'allow': [" allow "]")
#define GRANT_BUT(allow, deny) NETWORK("'allow': [" allow "], 'deny': [" deny "]")
#define REFUSE(deny) NETWORK("'deny': [" deny "]")
#define LOOPBACK(allow) "'network': {'egress': {'allow': [" allow "]}, 'ingress': {'hostLoopback': 'allow'}}"
#define OPEN NETWORK("'default': 'allow'")
#define OPEN_BUT(deny) NETWORK("'default': 'allow', 'deny': [" deny "]")
#define WEB "93.184.216.34"
#define HOST "10.0.2.2"
#define HOST6 "fd00:6d78:6300::2"
#define WEB6 "2606:2800:220:1::34"
#define A "{'host': 'a.example'}"
#define STAR "{'host': '*.example'}"
#define CIDR(c) "{'cidr': '" c "'}"
#define ALLOW0 "/network/egress/allow/0"
#define DENY0 "/network/egress/deny/0"
#define BY_DEFAULT "/network/egress/default"
#define BY_HOST_LOOPBACK "/network/ingress/hostLoopback"

/* ---- connections ---- */

static const struct {
        const char *name, *policy;
        Dial dial;
        Verdict verdict;
        EgressReason reason;
        const char *clause;
        bool by_name;
        const char *host;
} connects[] = {
        /* N1: nothing is not anything */
        { "no rules", NOTHING, { WEB, 443 }, VERDICT_DENY, EGRESS_NO_NAME, BY_DEFAULT, false, NULL },
        { "no rules, a name", NOTHING, { WEB, 443, { "a.example" } }, VERDICT_DENY, EGRESS_BY_DEFAULT,
                        BY_DEFAULT, false, "a.example" },

        { "a name", GRANT(RULE(A)), { WEB, 443, { "a.example" } }, VERDICT_ALLOW, EGRESS_BY_RULE, ALLOW0,
                        true, "a.example" },
        { "its address alone", GRANT(RULE(A)), { WEB, 443 }, VERDICT_DENY, EGRESS_NO_NAME, BY_DEFAULT, false,
                        NULL },
        { "another name", GRANT(RULE(A)), { WEB, 443, { "b.example" } }, VERDICT_DENY, EGRESS_BY_DEFAULT,
                        BY_DEFAULT, false, "b.example" },
        { "one name of two", GRANT(RULE(A)), { WEB, 443, { "b.example", "a.example" } }, VERDICT_ALLOW,
                        EGRESS_BY_RULE, ALLOW0, true, "a.example" },
        { "another port", GRANT(RULE_PORT(A, "443")), { WEB, 444, { "a.example" } }, VERDICT_DENY,
                        EGRESS_BY_DEFAULT, BY_DEFAULT, false, "a.example" },
        { "a wildcard", GRANT(RULE(STAR)), { WEB, 443, { "a.example" } }, VERDICT_ALLOW, EGRESS_BY_RULE,
                        ALLOW0, true, "a.example" },
        { "a wildcard's apex", GRANT(RULE(STAR)), { WEB, 443, { "example" } }, VERDICT_DENY,
                        EGRESS_BY_DEFAULT, BY_DEFAULT, false, "example" },
        { "a name that ends alike", GRANT(RULE(STAR)), { WEB, 443, { "aexample" } }, VERDICT_DENY,
                        EGRESS_BY_DEFAULT, BY_DEFAULT, false, "aexample" },

        /* deny wins, by name and by address */
        { "denied by address", GRANT_BUT(RULE(A), RULE(CIDR("93.184.0.0/16"))),
                        { WEB, 443, { "a.example" } }, VERDICT_DENY, EGRESS_BY_RULE, DENY0, false, NULL },
        { "denied by name", GRANT_BUT(RULE(STAR), RULE(A)), { WEB, 443, { "a.example" } }, VERDICT_DENY,
                        EGRESS_BY_RULE, DENY0, false, "a.example" },
        { "the second is denied", REFUSE(RULE(A)), { WEB, 443, { "b.test", "a.example" } }, VERDICT_DENY,
                        EGRESS_BY_RULE, DENY0, false, "a.example" },
        { "one denied, one allowed", GRANT_BUT(RULE(STAR), RULE(A)),
                        { WEB, 443, { "a.example", "b.example" } }, VERDICT_ALLOW, EGRESS_BY_RULE, ALLOW0,
                        true, "b.example" },
        { "no way round by address", GRANT_BUT(RULE(CIDR("93.0.0.0/8")), RULE(A)),
                        { WEB, 443, { "a.example" } }, VERDICT_DENY, EGRESS_BY_RULE, DENY0, false,
                        "a.example" },
        { "denied on another port", GRANT_BUT(RULE(STAR), RULE_PORT(A, "25")), { WEB, 443, { "a.example" } },
                        VERDICT_ALLOW, EGRESS_BY_RULE, ALLOW0, true, "a.example" },
        { "everything is denied", GRANT_BUT(RULE(A), RULE("{'cidr': '0.0.0.0/0'}")),
                        { WEB, 443, { "a.example" } }, VERDICT_DENY, EGRESS_BY_RULE, DENY0, false, NULL },

        /* what may be said: of rules and names the freest counts */
        { "opaque", GRANT(OPAQUE(A)), { WEB, 443, { "a.example" } }, VERDICT_ALLOW, EGRESS_OPAQUE, ALLOW0,
                        false, "a.example" },
        { "inspected, and below it opaque", GRANT(RULE(STAR) "," OPAQUE(A)), { WEB, 443, { "a.example" } },
                        VERDICT_ALLOW, EGRESS_OPAQUE, "/network/egress/allow/1", false, "a.example" },
        { "and beside it", GRANT(RULE(STAR) "," OPAQUE(A)), { WEB, 443, { "b.example" } }, VERDICT_ALLOW,
                        EGRESS_BY_RULE, ALLOW0, true, "b.example" },
        { "two names, and one is opaque", GRANT(RULE(STAR) "," OPAQUE(A)),
                        { WEB, 443, { "b.example", "a.example" } }, VERDICT_ALLOW, EGRESS_OPAQUE,
                        "/network/egress/allow/1", false, "a.example" },
        { "opaque, and not asked for", GRANT(OPAQUE(A)), { WEB, 443 }, VERDICT_DENY, EGRESS_NO_NAME,
                        BY_DEFAULT, false, NULL },
        { "opaque, another port", GRANT("{'to': [" A "], 'ports': [{'port': 443}], 'tls': 'opaque'}"),
                        { WEB, 444, { "a.example" } }, VERDICT_DENY, EGRESS_BY_DEFAULT, BY_DEFAULT, false,
                        "a.example" },
        { "opaque, and denied", GRANT_BUT(OPAQUE(STAR), RULE(A)), { WEB, 443, { "a.example" } },
                        VERDICT_DENY, EGRESS_BY_RULE, DENY0, false, "a.example" },
        { "opaque, and private", GRANT(OPAQUE(A)), { "10.0.0.1", 443, { "a.example" } }, VERDICT_DENY,
                        EGRESS_SPECIAL, "", false, "a.example" },
        { "opaque, and by address", GRANT(OPAQUE(A) "," RULE(CIDR(WEB))), { WEB, 443, { "a.example" } },
                        VERDICT_ALLOW, EGRESS_BY_RULE, ALLOW0, false, "a.example" },

        /* by address */
        { "an address", GRANT(RULE(CIDR(WEB))), { WEB, 443 }, VERDICT_ALLOW, EGRESS_BY_RULE, ALLOW0, false,
                        NULL },
        { "an address, and a name that says nothing", GRANT(RULE(CIDR(WEB))), { WEB, 443, { "a.example" } },
                        VERDICT_ALLOW, EGRESS_BY_RULE, ALLOW0, false, NULL },
        { "both ways", GRANT(RULE(A) "," RULE(CIDR(WEB))), { WEB, 443, { "a.example" } }, VERDICT_ALLOW,
                        EGRESS_BY_RULE, ALLOW0, false, "a.example" },
        { "an address of a block", GRANT(RULE(CIDR("2606::/16"))), { WEB6, 443 }, VERDICT_ALLOW,
                        EGRESS_BY_RULE, ALLOW0, false, NULL },
        { "out of a block", GRANT("{'to': [{'cidr': '93.0.0.0/8', 'except': ['93.184.0.0/16']}]}"),
                        { WEB, 443 }, VERDICT_DENY, EGRESS_NO_NAME, BY_DEFAULT, false, NULL },

        /* N5: names do not lead to the neighbourhood */
        { "private, by name", GRANT(RULE(A)), { "10.0.0.1", 443, { "a.example" } }, VERDICT_DENY,
                        EGRESS_SPECIAL, "", false, "a.example" },
        { "private, by address", GRANT(RULE(CIDR("10.0.0.0/8"))), { "10.0.0.1", 443, { "a.example" } },
                        VERDICT_ALLOW, EGRESS_BY_RULE, ALLOW0, false, NULL },
        { "private, by no rule", GRANT(RULE(A)), { "10.0.0.1", 443 }, VERDICT_DENY, EGRESS_SPECIAL, "",
                        false, NULL },
        { "metadata, by name", GRANT(RULE(A)), { "169.254.169.254", 80, { "a.example" } }, VERDICT_DENY,
                        EGRESS_SPECIAL, "", false, "a.example" },
        { "metadata of Azure, by name", GRANT(RULE(A)), { "168.63.129.16", 80, { "a.example" } },
                        VERDICT_DENY, EGRESS_SPECIAL, "", false, "a.example" },
        { "metadata of Alibaba, by name", GRANT(RULE(A)), { "100.100.100.200", 80, { "a.example" } },
                        VERDICT_DENY, EGRESS_SPECIAL, "", false, "a.example" },
        { "metadata by v6, by name", GRANT(RULE(A)), { "fd00:ec2::254", 80, { "a.example" } }, VERDICT_DENY,
                        EGRESS_SPECIAL, "", false, "a.example" },
        { "metadata, mapped", GRANT(RULE(A)), { "::ffff:169.254.169.254", 80, { "a.example" } },
                        VERDICT_DENY, EGRESS_SPECIAL, "", false, "a.example" },
        { "metadata, by NAT64", GRANT(RULE(A)), { "64:ff9b::a9fe:a9fe", 80, { "a.example" } }, VERDICT_DENY,
                        EGRESS_SPECIAL, "", false, "a.example" },
        { "metadata, by 6to4", GRANT(RULE(A)), { "2002:a9fe:a9fe::", 80, { "a.example" } }, VERDICT_DENY,
                        EGRESS_SPECIAL, "", false, "a.example" },
        /* N9: the host's loopback, by hostLoopback and a rule */
        { "the host's loopback", LOOPBACK(RULE_PORT(CIDR(HOST), "80")), { HOST, 80 }, VERDICT_ALLOW,
                        EGRESS_BY_RULE, ALLOW0, false, NULL },
        { "the host's loopback, by v6", LOOPBACK(RULE(CIDR(HOST6))), { HOST6, 80 }, VERDICT_ALLOW,
                        EGRESS_BY_RULE, ALLOW0, false, NULL },
        { "the host's loopback, mapped", LOOPBACK(RULE(CIDR(HOST))), { "::ffff:" HOST, 80 }, VERDICT_ALLOW,
                        EGRESS_BY_RULE, ALLOW0, false, NULL },
        { "the host's loopback, another port", LOOPBACK(RULE_PORT(CIDR(HOST), "80")), { HOST, 81 },
                        VERDICT_DENY, EGRESS_SPECIAL, "", false, NULL },
        { "the host's loopback, without a rule", LOOPBACK(RULE(CIDR("10.1.0.0/16"))), { HOST, 80 },
                        VERDICT_DENY, EGRESS_SPECIAL, "", false, NULL },
        { "the host's loopback, by a rule alone", GRANT(RULE(CIDR(HOST))), { HOST, 80 }, VERDICT_DENY,
                        EGRESS_HOST_LOOPBACK, BY_HOST_LOOPBACK, false, NULL },
        { "the host's loopback, by a block alone", GRANT(RULE(CIDR("10.0.0.0/8"))), { HOST, 80 },
                        VERDICT_DENY, EGRESS_HOST_LOOPBACK, BY_HOST_LOOPBACK, false, NULL },
        { "the host's loopback, by v6 and a rule alone", GRANT(RULE(CIDR(HOST6))), { HOST6, 80 },
                        VERDICT_DENY, EGRESS_HOST_LOOPBACK, BY_HOST_LOOPBACK, false, NULL },
        { "the host's loopback, by default", OPEN, { HOST, 80 }, VERDICT_DENY, EGRESS_HOST_LOOPBACK,
                        BY_HOST_LOOPBACK, false, NULL },
        { "the host's loopback, by NAT64", OPEN, { "64:ff9b::a00:202", 80 }, VERDICT_DENY,
                        EGRESS_HOST_LOOPBACK, BY_HOST_LOOPBACK, false, NULL },
        { "the host's loopback, by name", LOOPBACK(RULE(A)), { HOST, 80, { "a.example" } }, VERDICT_DENY,
                        EGRESS_SPECIAL, "", false, "a.example" },
        { "the host's loopback, denied",
                        "'network': {'egress': {'default': 'allow', 'deny': [" RULE_PORT(
                                        CIDR(HOST), "5432") "]}, 'ingress': {'hostLoopback': 'allow'}}",
                        { HOST, 5432 }, VERDICT_DENY, EGRESS_BY_RULE, DENY0, false, NULL },
        { "beside the host's loopback", GRANT(RULE(CIDR("10.0.0.0/8"))), { "10.0.2.4", 80 }, VERDICT_ALLOW,
                        EGRESS_BY_RULE, ALLOW0, false, NULL },
        { "the host's own, by name", GRANT(RULE(A)), { WEB, 443, { "a.example" }, true }, VERDICT_DENY,
                        EGRESS_SPECIAL, "", false, "a.example" },
        { "the host's own, by address", GRANT(RULE(CIDR(WEB))), { WEB, 443, { "a.example" }, true },
                        VERDICT_ALLOW, EGRESS_BY_RULE, ALLOW0, false, NULL },
        { "mapped, denied by its v4",
                        GRANT_BUT(RULE(CIDR("::/0")) "," RULE(CIDR("0.0.0.0/0")), RULE(CIDR("10.0.0.0/8"))),
                        { "::ffff:10.1.1.1", 443 }, VERDICT_DENY, EGRESS_BY_RULE, DENY0, false, NULL },

        /* nothing opens these */
        { "loopback, by default", OPEN, { "127.0.0.1", 443 }, VERDICT_DENY, EGRESS_SPECIAL, "", false,
                        NULL },
        { "loopback, by address", GRANT(RULE(CIDR("127.0.0.0/8"))), { "127.0.0.1", 443 }, VERDICT_DENY,
                        EGRESS_SPECIAL, "", false, NULL },
        { "loopback, by all of v4", GRANT(RULE(CIDR("0.0.0.0/0"))), { "127.0.0.1", 443 }, VERDICT_DENY,
                        EGRESS_SPECIAL, "", false, NULL },
        { "loopback by v6", GRANT(RULE(CIDR("::/0"))), { "::1", 443 }, VERDICT_DENY, EGRESS_SPECIAL, "",
                        false, NULL },
        { "loopback, by name", GRANT(RULE(A)), { "127.0.0.1", 443, { "a.example" } }, VERDICT_DENY,
                        EGRESS_SPECIAL, "", false, NULL },
        { "loopback by 6to4", GRANT(RULE(CIDR("2000::/3"))), { "2002:7f00:1::1", 443 }, VERDICT_DENY,
                        EGRESS_SPECIAL, "", false, NULL },
        { "unspecified", OPEN, { "0.0.0.0", 443 }, VERDICT_DENY, EGRESS_SPECIAL, "", false, NULL },
        { "broadcast", OPEN, { "255.255.255.255", 443 }, VERDICT_DENY, EGRESS_SPECIAL, "", false, NULL },
        { "multicast", OPEN, { "ff02::1", 443 }, VERDICT_DENY, EGRESS_SPECIAL, "", false, NULL },

        /* the default */
        { "open", OPEN, { WEB, 443 }, VERDICT_ALLOW, EGRESS_BY_DEFAULT, BY_DEFAULT, false, NULL },
        { "open, a name", OPEN, { WEB, 443, { "a.example" } }, VERDICT_ALLOW, EGRESS_BY_DEFAULT, BY_DEFAULT,
                        false, "a.example" },
        { "open, and private", OPEN, { "10.0.0.1", 443 }, VERDICT_ALLOW, EGRESS_BY_DEFAULT, BY_DEFAULT,
                        false, NULL },
        { "open, the name denied", OPEN_BUT(RULE(A)), { WEB, 443, { "a.example" } }, VERDICT_DENY,
                        EGRESS_BY_RULE, DENY0, false, "a.example" },
};

/* Of what stands for a name only that is judged, whatever rules say of addresses. */
START_TEST(test_synthetic) {
        static const struct {
                const char *policy, *host;
                unsigned protocol;
                Verdict verdict;
                EgressReason reason;
        } cases[] = {
                { GRANT(RULE(A)), "a.example", PROTOCOL_TCP, VERDICT_ALLOW, EGRESS_BY_RULE },
                { GRANT(RULE(A)), "b.example", PROTOCOL_TCP, VERDICT_DENY, EGRESS_BY_DEFAULT },
                { GRANT_BUT(RULE(STAR), RULE(A)), "a.example", PROTOCOL_TCP, VERDICT_DENY, EGRESS_BY_RULE },
                { GRANT(RULE(A)), "a.example", PROTOCOL_UDP, VERDICT_DENY, EGRESS_NO_NAME },
                { GRANT(RULE(CIDR("198.18.0.0/15"))), NULL, PROTOCOL_TCP, VERDICT_DENY, EGRESS_NO_NAME },
                { GRANT(RULE(CIDR("198.18.0.0/15"))), NULL, PROTOCOL_UDP, VERDICT_DENY, EGRESS_NO_NAME },
                { OPEN, NULL, PROTOCOL_TCP, VERDICT_DENY, EGRESS_NO_NAME },
                { OPEN, "a.example", PROTOCOL_TCP, VERDICT_ALLOW, EGRESS_BY_DEFAULT },
        };
        const Dial dial = { "198.18.1.2", 443, { cases[_i].host }, false };
        _cleanup_(policy_unrefp) Policy *p = policy_of(cases[_i].policy);
        const EgressLease l = lease_of(p);
        Destination d = destination_of(&dial);
        d.synthetic = true;
        d.protocol = cases[_i].protocol;
        const Judgement j = judge_connect(&l, &d);
        ck_assert_int_eq(j.verdict, cases[_i].verdict);
        ck_assert_int_eq(j.reason, cases[_i].reason);
}
END_TEST

/* ---- datagrams ---- */

#define RULE_UDP(what, port) "{'to': [" what "], 'ports': [{'protocol': 'udp', 'port': " port "}]}"
#define ANY_UDP "{'ports': [{'protocol': 'udp'}]}"

static const struct {
        const char *name, *policy;
        Dial dial;
        Verdict verdict;
        EgressReason reason;
        const char *clause, *host;
} datagrams[] = {
        { "no rules", NOTHING, { WEB, 443 }, VERDICT_DENY, EGRESS_BY_DEFAULT, BY_DEFAULT, NULL },
        { "an address", GRANT(RULE(CIDR(WEB))), { WEB, 443 }, VERDICT_ALLOW, EGRESS_BY_RULE, ALLOW0, NULL },
        { "its port", GRANT(RULE_UDP(CIDR(WEB), "443")), { WEB, 443 }, VERDICT_ALLOW, EGRESS_BY_RULE, ALLOW0,
                        NULL },
        { "another port", GRANT(RULE_UDP(CIDR(WEB), "443")), { WEB, 444 }, VERDICT_DENY, EGRESS_BY_DEFAULT,
                        BY_DEFAULT, NULL },
        { "of TCP only", GRANT(RULE_PORT(CIDR(WEB), "443")), { WEB, 443 }, VERDICT_DENY, EGRESS_BY_DEFAULT,
                        BY_DEFAULT, NULL },
        { "out of a block", GRANT("{'to': [{'cidr': '93.0.0.0/8', 'except': ['93.184.0.0/16']}]}"),
                        { WEB, 443 }, VERDICT_DENY, EGRESS_BY_DEFAULT, BY_DEFAULT, NULL },
        { "to anywhere", GRANT(ANY_UDP), { WEB6, 443 }, VERDICT_ALLOW, EGRESS_BY_RULE, ALLOW0, NULL },
        { "open", OPEN, { WEB, 443 }, VERDICT_ALLOW, EGRESS_BY_DEFAULT, BY_DEFAULT, NULL },
        { "denied", GRANT_BUT(RULE(CIDR("93.0.0.0/8")), RULE(CIDR(WEB))), { WEB, 443 }, VERDICT_DENY,
                        EGRESS_BY_RULE, DENY0, NULL },
        /* QUIC says its names to nobody else: a name allows nothing */
        { "a name", GRANT(RULE(A)), { WEB, 443, { "a.example" } }, VERDICT_DENY, EGRESS_BY_DEFAULT,
                        BY_DEFAULT, NULL },
        { "a name, and its address", GRANT(RULE(A) "," RULE(CIDR(WEB))), { WEB, 443, { "a.example" } },
                        VERDICT_ALLOW, EGRESS_BY_RULE, "/network/egress/allow/1", NULL },
        { "denied by name", GRANT_BUT(RULE(CIDR(WEB)), RULE(A)), { WEB, 443, { "b.example", "a.example" } },
                        VERDICT_DENY, EGRESS_BY_RULE, DENY0, "a.example" },
        /* and who denies names, which need not be asked for, has not opened everything else by silence */
        { "open, and a name is denied", OPEN_BUT(RULE(A)), { WEB, 443 }, VERDICT_DENY, EGRESS_BY_RULE, DENY0,
                        NULL },
        { "to anywhere, and a name is denied", GRANT_BUT(ANY_UDP, RULE(A)), { WEB, 443 }, VERDICT_DENY,
                        EGRESS_BY_RULE, DENY0, NULL },
        { "an address, and a name is denied", GRANT_BUT(RULE(CIDR(WEB)), RULE(A)), { WEB, 443 },
                        VERDICT_ALLOW, EGRESS_BY_RULE, ALLOW0, NULL },
        { "open, and a name is denied by TCP", OPEN_BUT(RULE_PORT(A, "443")), { WEB, 443 }, VERDICT_ALLOW,
                        EGRESS_BY_DEFAULT, BY_DEFAULT, NULL },
        { "open, and a name is denied elsewhere", OPEN_BUT(RULE_UDP(A, "444")), { WEB, 443 }, VERDICT_ALLOW,
                        EGRESS_BY_DEFAULT, BY_DEFAULT, NULL },
        /* as connections */
        { "private, by no rule", GRANT(RULE(CIDR(WEB))), { "10.0.0.1", 443 }, VERDICT_DENY, EGRESS_SPECIAL,
                        "", NULL },
        { "private, by address", GRANT(RULE(CIDR("10.0.0.0/8"))), { "10.0.0.1", 443 }, VERDICT_ALLOW,
                        EGRESS_BY_RULE, ALLOW0, NULL },
        { "the host's own", GRANT(RULE(A)), { WEB, 443, { "a.example" }, true }, VERDICT_DENY,
                        EGRESS_SPECIAL, "", NULL },
        { "metadata, by NAT64", GRANT(RULE(CIDR("2000::/3"))), { "64:ff9b::a9fe:a9fe", 80 }, VERDICT_DENY,
                        EGRESS_SPECIAL, "", NULL },
        { "loopback", OPEN, { "127.0.0.1", 443 }, VERDICT_DENY, EGRESS_SPECIAL, "", NULL },
        { "loopback, by all of v4", GRANT(RULE(CIDR("0.0.0.0/0"))), { "127.0.0.1", 443 }, VERDICT_DENY,
                        EGRESS_SPECIAL, "", NULL },
        /* N9: the host's loopback, as by TCP */
        { "the host's loopback", LOOPBACK(RULE_UDP(CIDR(HOST), "5353")), { HOST, 5353 }, VERDICT_ALLOW,
                        EGRESS_BY_RULE, ALLOW0, NULL },
        { "the host's loopback, by v6", LOOPBACK(RULE(CIDR(HOST6))), { HOST6, 5353 }, VERDICT_ALLOW,
                        EGRESS_BY_RULE, ALLOW0, NULL },
        { "the host's loopback, another port", LOOPBACK(RULE_UDP(CIDR(HOST), "5353")), { HOST, 5354 },
                        VERDICT_DENY, EGRESS_SPECIAL, "", NULL },
        { "the host's loopback, of TCP only", LOOPBACK(RULE_PORT(CIDR(HOST), "5353")), { HOST, 5353 },
                        VERDICT_DENY, EGRESS_SPECIAL, "", NULL },
        { "the host's loopback, by name", LOOPBACK(RULE(A)), { HOST, 5353, { "a.example" } }, VERDICT_DENY,
                        EGRESS_SPECIAL, "", NULL },
        { "the host's loopback, by a rule alone", GRANT(RULE_UDP(CIDR(HOST), "5353")), { HOST, 5353 },
                        VERDICT_DENY, EGRESS_HOST_LOOPBACK, BY_HOST_LOOPBACK, NULL },
        { "the host's loopback, by NAT64", OPEN, { "64:ff9b::a00:202", 5353 }, VERDICT_DENY,
                        EGRESS_HOST_LOOPBACK, BY_HOST_LOOPBACK, NULL },
        { "the host's loopback, by default", OPEN, { HOST6, 5353 }, VERDICT_DENY, EGRESS_HOST_LOOPBACK,
                        BY_HOST_LOOPBACK, NULL },
        { "multicast", GRANT(RULE(CIDR("224.0.0.0/4"))), { "224.0.0.251", 5353 }, VERDICT_DENY,
                        EGRESS_SPECIAL, "", NULL },
        { "broadcast", GRANT(RULE(CIDR("0.0.0.0/0"))), { "255.255.255.255", 67 }, VERDICT_DENY,
                        EGRESS_SPECIAL, "", NULL },
};

static bool same(const char *a, const char *b) {
        return a && b ? streq(a, b) : a == b;
}

START_TEST(test_connect) {
        _cleanup_(policy_unrefp) Policy *p = policy_of(connects[_i].policy);
        const EgressLease l = lease_of(p);
        const Destination d = destination_of(&connects[_i].dial);
        const Judgement j = judge_connect(&l, &d);
        ck_assert_msg(j.verdict == connects[_i].verdict, "%s: %s", connects[_i].name, j.clause);
        ck_assert_msg(j.reason == connects[_i].reason, "%s: %s", connects[_i].name,
                        egress_reason_to_string(j.reason));
        ck_assert_msg(same(j.clause, connects[_i].clause), "%s: %s", connects[_i].name, j.clause);
        ck_assert_msg(j.by_name == connects[_i].by_name, "%s", connects[_i].name);
        ck_assert_msg(same(j.host, connects[_i].host), "%s: %s", connects[_i].name, j.host);
}
END_TEST

START_TEST(test_datagrams) {
        _cleanup_(policy_unrefp) Policy *p = policy_of(datagrams[_i].policy);
        const EgressLease l = lease_of(p);
        Destination d = destination_of(&datagrams[_i].dial);
        d.protocol = PROTOCOL_UDP;
        const Judgement j = judge_connect(&l, &d);
        ck_assert_msg(j.verdict == datagrams[_i].verdict, "%s: %s", datagrams[_i].name, j.clause);
        ck_assert_msg(j.reason == datagrams[_i].reason, "%s: %s", datagrams[_i].name,
                        egress_reason_to_string(j.reason));
        ck_assert_msg(same(j.clause, datagrams[_i].clause), "%s: %s", datagrams[_i].name, j.clause);
        ck_assert_msg(same(j.host, datagrams[_i].host), "%s: %s", datagrams[_i].name, j.host);
        ck_assert(!j.by_name);
}
END_TEST

/* ---- claims ---- */

static const struct {
        const char *name, *policy;
        Dial dial;
        const char *claimed;
        Verdict verdict;
        EgressReason reason; /* of a refusal */
} claims[] = {
        { "the name", GRANT(RULE(A)), { WEB, 443, { "a.example" } }, "a.example", VERDICT_ALLOW,
                        EGRESS_BY_RULE },
        { "none", GRANT(RULE(A)), { WEB, 443, { "a.example" } }, NULL, VERDICT_DENY, EGRESS_SNI },
        { "another", GRANT(RULE(A)), { WEB, 443, { "a.example" } }, "b.example", VERDICT_DENY, EGRESS_SNI },
        { "allowed, and not asked for", GRANT(RULE(STAR)), { WEB, 443, { "a.example" } }, "b.example",
                        VERDICT_DENY, EGRESS_SNI },
        { "allowed, and asked for too", GRANT(RULE(STAR)), { WEB, 443, { "a.example", "b.example" } },
                        "b.example", VERDICT_ALLOW, EGRESS_BY_RULE },
        { "asked for, and not allowed", GRANT(RULE(A)), { WEB, 443, { "a.example", "b.example" } },
                        "b.example", VERDICT_DENY, EGRESS_SNI },
        { "asked for, and denied", GRANT_BUT(RULE(STAR), RULE("{'host': 'b.example'}")),
                        { WEB, 443, { "a.example", "b.example" } }, "b.example", VERDICT_DENY, EGRESS_SNI },
        { "an address for a name", GRANT(RULE(A)), { WEB, 80, { "a.example" } }, WEB, VERDICT_DENY,
                        EGRESS_SNI },
        { "by address, any", GRANT(RULE(CIDR(WEB))), { WEB, 443 }, "b.example", VERDICT_ALLOW,
                        EGRESS_BY_RULE },
        { "by address, none", GRANT(RULE(CIDR(WEB))), { WEB, 443 }, NULL, VERDICT_ALLOW, EGRESS_BY_RULE },
        { "by address, denied", GRANT_BUT(RULE(CIDR(WEB)), RULE(A)), { WEB, 443 }, "a.example", VERDICT_DENY,
                        EGRESS_SNI },
        { "opaque, another", GRANT(OPAQUE(A)), { WEB, 443, { "a.example" } }, "b.example", VERDICT_ALLOW,
                        EGRESS_BY_RULE },
        { "opaque, none", GRANT(OPAQUE(A)), { WEB, 443, { "a.example" } }, NULL, VERDICT_ALLOW,
                        EGRESS_BY_RULE },
        { "opaque, denied", GRANT_BUT(OPAQUE(A), RULE("{'host': 'b.example'}")),
                        { WEB, 443, { "a.example" } }, "b.example", VERDICT_DENY, EGRESS_SNI },
        /* what was asked for before does not forbid what the address may */
        { "both ways, none", GRANT(RULE(A) "," RULE(CIDR(WEB))), { WEB, 443, { "a.example" } }, NULL,
                        VERDICT_ALLOW, EGRESS_BY_RULE },
        { "open, another", OPEN, { WEB, 443, { "a.example" } }, "b.example", VERDICT_ALLOW, EGRESS_BY_RULE },
        { "open, denied", OPEN_BUT(RULE("{'host': 'b.example'}")), { WEB, 443, { "a.example" } },
                        "b.example", VERDICT_DENY, EGRESS_SNI },
        { "the connection is not allowed any more", NOTHING, { WEB, 443, { "a.example" } }, "a.example",
                        VERDICT_DENY, EGRESS_BY_DEFAULT },
};

START_TEST(test_claim) {
        _cleanup_(policy_unrefp) Policy *p = policy_of(claims[_i].policy);
        const EgressLease l = lease_of(p);
        const Destination d = destination_of(&claims[_i].dial);
        const Judgement j = judge_claim(&l, &d, claims[_i].claimed, EGRESS_SNI);
        ck_assert_msg(j.verdict == claims[_i].verdict, "%s: %s", claims[_i].name, j.clause);
        ck_assert_ptr_nonnull(j.clause);
        if (j.verdict == VERDICT_DENY)
                ck_assert_msg(j.reason == claims[_i].reason, "%s: %s", claims[_i].name,
                                egress_reason_to_string(j.reason));
}
END_TEST

/* What the rule of the name that is claimed says, whatever those of others at that address do. */
START_TEST(test_encrypted) {
        static const struct {
                const char *policy, *claimed;
                Verdict verdict;
        } cases[] = {
                { GRANT(RULE(A)), "a.example", VERDICT_ALLOW },
                { GRANT(PLAIN(A)), "a.example", VERDICT_DENY },
                { GRANT(PLAIN(STAR) "," RULE(A)), "a.example", VERDICT_ALLOW },
                { GRANT(PLAIN(STAR) "," RULE(A)), "b.example", VERDICT_DENY },
                { GRANT(PLAIN(A) "," RULE(CIDR(WEB))), "a.example", VERDICT_ALLOW },
                { GRANT(PLAIN(STAR) "," OPAQUE(A)), "b.example", VERDICT_ALLOW },
        };
        const Dial dial = { WEB, 443, { "a.example", "b.example" }, false };
        _cleanup_(policy_unrefp) Policy *p = policy_of(cases[_i].policy);
        const EgressLease l = lease_of(p);
        const Destination d = destination_of(&dial);
        const Judgement claimed = judge_claim(&l, &d, cases[_i].claimed, EGRESS_SNI),
                        j = judge_encrypted(&claimed);
        ck_assert_int_eq(claimed.verdict, VERDICT_ALLOW);
        ck_assert_int_eq(j.verdict, cases[_i].verdict);
        ck_assert(j.verdict == VERDICT_ALLOW || (j.reason == EGRESS_ECH && streq(j.clause, ALLOW0)));
}
END_TEST

/* ---- names ---- */

static const struct {
        const char *name, *policy, *host;
        Verdict verdict;
        EgressReason reason;
        const char *clause;
} asked[] = {
        { "no rules", NOTHING, "a.example", VERDICT_DENY, EGRESS_BY_DEFAULT, BY_DEFAULT },
        { "a rule", GRANT(RULE(A)), "a.example", VERDICT_ALLOW, EGRESS_BY_RULE, ALLOW0 },
        { "another's rule", GRANT(RULE(A)), "b.example", VERDICT_DENY, EGRESS_BY_DEFAULT, BY_DEFAULT },
        { "by address only", GRANT(RULE(CIDR("0.0.0.0/0"))), "a.example", VERDICT_DENY, EGRESS_BY_DEFAULT,
                        BY_DEFAULT },
        { "open", OPEN, "a.example", VERDICT_ALLOW, EGRESS_BY_DEFAULT, BY_DEFAULT },
        { "denied", GRANT_BUT(RULE(STAR), RULE(A)), "a.example", VERDICT_DENY, EGRESS_BY_RULE, DENY0 },
        { "open and denied", OPEN_BUT(RULE(A)), "a.example", VERDICT_DENY, EGRESS_BY_RULE, DENY0 },
        { "denied on a port", GRANT_BUT(RULE(STAR), RULE_PORT(A, "25")), "a.example", VERDICT_ALLOW,
                        EGRESS_BY_RULE, ALLOW0 },
        /* N6: what is denied on the only port that is open for it must not be asked for */
        { "denied on the port", GRANT_BUT(RULE_PORT(STAR, "443"), RULE_PORT(A, "443")), "a.example",
                        VERDICT_DENY, EGRESS_BY_RULE, DENY0 },
        { "denied on all ports, in pieces",
                        GRANT_BUT(RULE(STAR),
                                        "{'to': [" A
                                        "], 'ports': [{'protocol': 'tcp', 'port': 1, 'endPort': 1000}, "
                                        "{'protocol': 'tcp', 'port': 1001, 'endPort': 65535}]}"),
                        "a.example", VERDICT_DENY, EGRESS_BY_RULE, DENY0 },
        { "and one left out",
                        GRANT_BUT(RULE(STAR),
                                        "{'to': [" A
                                        "], 'ports': [{'protocol': 'tcp', 'port': 1, 'endPort': 1000}, "
                                        "{'protocol': 'tcp', 'port': 1002, 'endPort': 65535}]}"),
                        "a.example", VERDICT_ALLOW, EGRESS_BY_RULE, ALLOW0 },
};

START_TEST(test_name) {
        _cleanup_(policy_unrefp) Policy *p = policy_of(asked[_i].policy);
        const EgressLease l = lease_of(p);
        const Judgement j = judge_name(&l, asked[_i].host);
        ck_assert_msg(j.verdict == asked[_i].verdict, "%s: %s", asked[_i].name, j.clause);
        ck_assert_msg(j.reason == asked[_i].reason, "%s", asked[_i].name);
        ck_assert_msg(streq(j.clause, asked[_i].clause), "%s: %s", asked[_i].name, j.clause);
}
END_TEST

/* ---- who comes from outside ---- */

#define OWNER 1000
#define RELAYS 994
#define ENTRY "/network/ingress/publish/0"

static const struct {
        const char *name, *entry;
        Guest guest;
        Verdict verdict;
        EgressReason reason;
        const char *clause;
} guests[] = {
        { "the owner", "", { .port = 8080, .local = true, .uid = OWNER }, VERDICT_ALLOW, EGRESS_BY_RULE,
                        ENTRY },
        { "root", "", { .port = 8080, .local = true, .uid = 0 }, VERDICT_ALLOW, EGRESS_BY_RULE, ENTRY },
        { "another user", "", { .port = 8080, .local = true, .uid = OWNER + 1 }, VERDICT_DENY,
                        EGRESS_NOT_OWNER, ENTRY },
        { "another user, of any", ", 'clients': 'any'", { .port = 8080, .local = true, .uid = OWNER + 1 },
                        VERDICT_ALLOW, EGRESS_BY_RULE, ENTRY },
        { "a sandbox", ", 'clients': 'any'", { .port = 8080, .local = true, .uid = RELAYS }, VERDICT_DENY,
                        EGRESS_FROM_SANDBOX, ENTRY },
        { "nobody knows who", ", 'clients': 'any'",
                        { .port = 8080, .local = true, .uid = EGRESS_UID_UNKNOWN }, VERDICT_DENY,
                        EGRESS_UNKNOWN_PEER, ENTRY },
        { "another machine", "", { .port = 8080, .uid = EGRESS_UID_UNKNOWN }, VERDICT_DENY, EGRESS_NOT_OWNER,
                        ENTRY },
        { "another machine, of any", ", 'clients': 'any'", { .port = 8080, .uid = EGRESS_UID_UNKNOWN },
                        VERDICT_ALLOW, EGRESS_BY_RULE, ENTRY },
        { "another port", "", { .port = 8081, .local = true, .uid = OWNER }, VERDICT_DENY, EGRESS_REVOKED,
                        "/network/ingress/publish" },
        { "another address", ", 'address': '127.0.0.2'", { .port = 8080, .local = true, .uid = OWNER },
                        VERDICT_DENY, EGRESS_REVOKED, "/network/ingress/publish" },
};

START_TEST(test_guest) {
        _cleanup_free_ char *text = NULL;
        ck_assert_int_ge(asprintf(&text,
                                         "'network': {'ingress': {'publish': [{'port': 80, 'hostPort': "
                                         "8080%s}]}}",
                                         guests[_i].entry),
                        0);
        _cleanup_(policy_unrefp) Policy *p = policy_of(text);
        const EgressLease l = { .owner = OWNER, .publish = p->publish, .n_publish = p->n_publish };
        Guest g = guests[_i].guest;
        uint16_t port = 0;
        g.relays = RELAYS;
        ck_assert(cidr_parse_address("127.0.0.1", &g.address));
        const Judgement j = judge_guest(&l, &g, &port);
        ck_assert_msg(j.verdict == guests[_i].verdict && j.reason == guests[_i].reason, "%s: %s",
                        guests[_i].name, egress_reason_to_string(j.reason));
        ck_assert_str_eq(j.clause, guests[_i].clause);
        ck_assert_uint_eq(port, j.verdict == VERDICT_ALLOW ? 80 : 0);
}
END_TEST

/* ---- properties, on random policies ---- */

static const char *const hosts[] = { "b", "a.b", "x.a.b", "y.x.a.b", "c", "a.c", "z" };
static const char *const addresses[] = { "10.0.0.1", "10.1.2.3", "10.200.0.1", "11.1.1.1", "fd00:1::1",
        "2a00::1", "::ffff:10.1.2.3", "10.0.2.2", "::ffff:10.0.2.2", "fd00:6d78:6300::2", "64:ff9b::a01:203",
        "127.0.0.1", "::1", "224.0.0.1" };
#define N_PORTS 7 /* policy-random.c's */

static Verdict policy_says_by(const Policy *p, unsigned protocol, const char *target, uint16_t port) {
        const PolicyRequest q = {
                .kind = REQUEST_CONNECT, .target = target, .protocol = protocol, .port = port
        };
        return policy_allows(p, &q, NULL);
}

static Verdict policy_says(const Policy *p, const char *target, uint16_t port) {
        return policy_says_by(p, PROTOCOL_TCP, target, port);
}

/* Whether so much may be said to that name. */
static bool policy_hears(const Policy *p, const char *host, uint16_t port, Speech speech) {
        const PolicyRequest q = { .kind = REQUEST_CONNECT,
                .target = host,
                .protocol = PROTOCOL_TCP,
                .speech = speech,
                .port = port };
        return policy_allows(p, &q, NULL) == VERDICT_ALLOW;
}

static Dial random_dial(Random *r) {
        Dial dial = { .address = addresses[random_below(r, ELEMENTSOF(addresses))],
                .port = (uint16_t)random_below(r, N_PORTS),
                .by_address_only = random_below(r, 4) == 0 };
        unsigned n = random_below(r, MAX_HOSTS);
        for (unsigned i = 0; i < n; i++)
                dial.hosts[i] = hosts[random_below(r, ELEMENTSOF(hosts))];
        return dial;
}

#define HOLDS(condition)                                                                                    \
        ck_assert_msg(condition, "MXC_TEST_SEED=%" PRIu64 ": %s, %s port %u: %s", r->seed, #condition,      \
                        dial->address, dial->port, text)

static void check_connect(Random *r, const Policy *p, const Dial *dial, const char *text) {
        const EgressLease l = lease_of(p);
        const Destination d = destination_of(dial);
        const Judgement j = judge_connect(&l, &d);
        const Verdict address = policy_says(p, dial->address, dial->port);
        const bool reachable_by_name = address_kind(&d.address) == ADDRESS_GLOBAL && !dial->by_address_only;
        bool some_name = false, opaque = false;
        for (size_t i = 0; i < d.n_hosts; i++) {
                some_name = some_name || policy_says(p, dial->hosts[i], dial->port) == VERDICT_ALLOW;
                opaque = opaque || policy_hears(p, dial->hosts[i], dial->port, SPEECH_OPAQUE);
        }

        HOLDS(j.clause != NULL);
        HOLDS(address_kind(&d.address) != ADDRESS_NEVER || j.verdict == VERDICT_DENY);
        if (j.verdict == VERDICT_ALLOW) {
                HOLDS(address == VERDICT_ALLOW || (some_name && reachable_by_name));
                HOLDS(!net_rules_find(
                                p->egress.deny, p->egress.n_deny, &d.address, NULL, d.protocol, d.port));
                HOLDS(!j.host || policy_says(p, j.host, dial->port) == VERDICT_ALLOW);
                HOLDS(j.by_name == (address == VERDICT_DENY && !opaque));
                HOLDS(!j.by_name || (j.host && reachable_by_name));
                HOLDS(!j.by_name || policy_hears(p, j.host, dial->port, j.speech));
                HOLDS((j.reason == EGRESS_OPAQUE) == (address == VERDICT_DENY && opaque));
        }
        for (size_t i = 0; i <= ELEMENTSOF(hosts); i++) {
                const char *claimed = i < ELEMENTSOF(hosts) ? hosts[i] : NULL;
                const Judgement c = judge_claim(&l, &d, claimed, EGRESS_SNI);
                if (c.verdict == VERDICT_DENY)
                        continue;
                HOLDS(j.verdict == VERDICT_ALLOW);
                const bool free = address == VERDICT_ALLOW || opaque;
                HOLDS(free || claimed);
                HOLDS(free || policy_says(p, claimed, dial->port) == VERDICT_ALLOW);
                HOLDS(free || c.speech == (policy_hears(p, claimed, dial->port, SPEECH_NAMED)
                                                                          ? SPEECH_NAMED
                                                                          : SPEECH_PLAIN));
                HOLDS((judge_encrypted(&c).verdict == VERDICT_ALLOW) == (free || c.speech != SPEECH_PLAIN));
                HOLDS(!claimed || !net_rules_find(p->egress.deny, p->egress.n_deny, NULL, claimed,
                                                  d.protocol, d.port));
        }
}

/* What is judged by a name is allowed by its address alone, and not denied by any of its names. */
static bool check_datagrams(Random *r, const Policy *p, const Dial *dial, const char *text) {
        const EgressLease l = lease_of(p);
        Destination d = destination_of(dial);
        d.protocol = PROTOCOL_UDP;
        const Judgement j = judge_connect(&l, &d);
        HOLDS(j.clause != NULL && !j.by_name);
        if (j.verdict == VERDICT_DENY)
                return false;
        HOLDS(address_kind(&d.address) != ADDRESS_NEVER);
        HOLDS(policy_says_by(p, PROTOCOL_UDP, dial->address, dial->port) == VERDICT_ALLOW);
        for (size_t i = 0; i < d.n_hosts; i++)
                HOLDS(!net_rules_find(
                                p->egress.deny, p->egress.n_deny, NULL, d.hosts[i], d.protocol, d.port));
        return true;
}

START_TEST(test_never_more_than_the_policy) {
        Random random = random_new(), *r = &random;
        unsigned allowed = 0, datagrams_allowed = 0;
        for (unsigned round = 0; round < ROUNDS; round++) {
                _cleanup_free_ char *text = NULL;
                _cleanup_(policy_unrefp) Policy *p = random_policy(r, false, &text);
                for (unsigned i = 0; i < 50; i++) {
                        const Dial dial = random_dial(r);
                        const EgressLease l = lease_of(p);
                        const Destination d = destination_of(&dial);
                        check_connect(r, p, &dial, text);
                        allowed += judge_connect(&l, &d).verdict == VERDICT_ALLOW;
                        datagrams_allowed += check_datagrams(r, p, &dial, text);
                }
        }
        ck_assert_uint_gt(allowed, ROUNDS); /* or else this says nothing */
        ck_assert_uint_gt(datagrams_allowed, ROUNDS / 4);
}
END_TEST

/* A name may be asked for exactly where one port of it is open. */
START_TEST(test_names_are_asked_for_where_a_port_is_open) {
        Random random = random_new(), *r = &random;
        for (unsigned round = 0; round < ROUNDS / 10; round++) {
                _cleanup_free_ char *text = NULL;
                _cleanup_(policy_unrefp) Policy *p = random_policy(r, false, &text);
                const EgressLease l = lease_of(p);
                for (size_t i = 0; i < ELEMENTSOF(hosts); i++) {
                        bool open = false;
                        for (unsigned port = 1; port <= UINT16_MAX && !open; port++)
                                open = policy_says(p, hosts[i], (uint16_t)port) == VERDICT_ALLOW;
                        ck_assert_msg((judge_name(&l, hosts[i]).verdict == VERDICT_ALLOW) == open,
                                        "MXC_TEST_SEED=%" PRIu64 ": %s: %s", r->seed, hosts[i], text);
                }
        }
}
END_TEST

int main(void) {
        TCase *t = tcase_create("judge");
        tcase_add_loop_test(t, test_guest, 0, ELEMENTSOF(guests));
        tcase_add_loop_test(t, test_connect, 0, ELEMENTSOF(connects));
        tcase_add_loop_test(t, test_datagrams, 0, ELEMENTSOF(datagrams));
        tcase_add_loop_test(t, test_claim, 0, ELEMENTSOF(claims));
        tcase_add_loop_test(t, test_encrypted, 0, 6);
        tcase_add_loop_test(t, test_synthetic, 0, 8);
        tcase_add_loop_test(t, test_name, 0, ELEMENTSOF(asked));
        tcase_add_test(t, test_never_more_than_the_policy);
        tcase_add_test(t, test_names_are_asked_for_where_a_port_is_open);
        return run_case("egress judge", t);
}
