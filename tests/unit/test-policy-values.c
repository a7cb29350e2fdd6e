/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <seccomp.h>

#include "policy-test.h"

/* Sizes, spans, hosts, address blocks, system call names: each spelling that is read and each that is not. */

START_TEST(test_sizes) {
        static const struct {
                const char *text;
                int r;
                uint64_t value;
        } cases[] = {
                { "0", 0, 0 },
                { "1", 0, 1 },
                { "4096", 0, 4096 },
                { "1K", 0, 1024 },
                { "512M", 0, UINT64_C(512) << 20 },
                { "4G", 0, UINT64_C(4) << 30 },
                { "3T", 0, UINT64_C(3) << 40 },
                { "1P", 0, UINT64_C(1) << 50 },
                { "7E", 0, UINT64_C(7) << 60 },
                { "infinity", 0, RESOURCE_UNLIMITED },
                { "9223372036854775807", 0, INT64_MAX },
                { "9223372036854775808", -ERANGE, 0 },
                { "18446744073709551616", -ERANGE, 0 },
                { "8E", -ERANGE, 0 },
                { "99999999999999999999999", -ERANGE, 0 },
                { "", -EINVAL, 0 },
                { "G", -EINVAL, 0 },
                { "1g", -EINVAL, 0 },
                { "1GB", -EINVAL, 0 },
                { "1 G", -EINVAL, 0 },
                { " 1", -EINVAL, 0 },
                { "1 ", -EINVAL, 0 },
                { "-1", -EINVAL, 0 },
                { "+1", -EINVAL, 0 },
                { "0x10", -EINVAL, 0 },
                { "1.5G", -EINVAL, 0 },
                { "50%", -EINVAL, 0 },
                { "Infinity", -EINVAL, 0 },
        };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint64_t v = 0;
                int r = parse_size(cases[i].text, &v);
                ck_assert_msg(r == cases[i].r && v == cases[i].value, "\"%s\" gives %d", cases[i].text, r);
        }
}
END_TEST

START_TEST(test_percentages) {
        static const struct {
                const char *text;
                int r;
                uint64_t value;
        } cases[] = { { "1%", 0, 10000 }, { "100%", 0, 1000000 }, { "250%", 0, 2500000 },
                { "infinity", 0, RESOURCE_UNLIMITED }, { "0%", 0, 0 }, { "99999999999999999%", -ERANGE, 0 },
                { "1", -EINVAL, 0 }, { "%", -EINVAL, 0 }, { "1%%", -EINVAL, 0 }, { "-1%", -EINVAL, 0 },
                { "1.5%", -EINVAL, 0 }, { "", -EINVAL, 0 } };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint64_t v = 0;
                int r = parse_percent(cases[i].text, &v);
                ck_assert_msg(r == cases[i].r && v == cases[i].value, "\"%s\" gives %d", cases[i].text, r);
        }
}
END_TEST

START_TEST(test_spans) {
        const uint64_t second = 1000000;
        const struct {
                const char *text;
                int r;
                uint64_t value;
        } cases[] = {
                { "0", 0, 0 },
                { "90", 0, 90 * second },
                { "7us", 0, 7 },
                { "7usec", 0, 7 },
                { "5ms", 0, 5000 },
                { "5msec", 0, 5000 },
                { "1s", 0, second },
                { "2 s", -EINVAL, 0 },
                { "1sec", 0, second },
                { "3seconds", 0, 3 * second },
                { "2m", 0, 120 * second },
                { "2min", 0, 120 * second },
                { "1minute", 0, 60 * second },
                { "2h", 0, 7200 * second },
                { "1hr", 0, 3600 * second },
                { "1h 30min", 0, 5400 * second },
                { "1h30min", 0, 5400 * second },
                { "1d", 0, 86400 * second },
                { "1w", 0, 604800 * second },
                { "infinity", 0, RESOURCE_UNLIMITED },
                { "1h 30", -EINVAL, 0 },
                { "1h  30min", -EINVAL, 0 },
                { "1h ", -EINVAL, 0 },
                { " 1h", -EINVAL, 0 },
                { "1M", -EINVAL, 0 },
                { "1month", -EINVAL, 0 },
                { "1y", -EINVAL, 0 },
                { "1hx", -EINVAL, 0 },
                { "1.5h", -EINVAL, 0 },
                { "-1s", -EINVAL, 0 },
                { "h", -EINVAL, 0 },
                { "", -EINVAL, 0 },
                { "9223372036854775807us", 0, INT64_MAX },
                { "9223372036854775807us 1us", -ERANGE, 0 },
                { "9223372036855", -ERANGE, 0 },
                { "99999999999999w", -ERANGE, 0 },
        };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint64_t v = 0;
                int r = parse_timespan(cases[i].text, &v);
                ck_assert_msg(r == cases[i].r && v == cases[i].value, "\"%s\" gives %d", cases[i].text, r);
        }
}
END_TEST

START_TEST(test_hosts) {
        static const struct {
                const char *text, *canonical; /* NULL: refused */
        } cases[] = {
                { "example.com", "example.com" },
                { "EXAMPLE.Com.", "example.com" },
                { "localhost", "localhost" },
                { "a", "a" },
                { "x1-2.y", "x1-2.y" },
                { "xn--bcher-kva.example", "xn--bcher-kva.example" },
                { "*.example.com", "*.example.com" },
                { "*.COM.", "*.com" },
                { "1password.com", "1password.com" },
                { "1.2.3.4.example", "1.2.3.4.example" },
                { "0xg", "0xg" },
                { "", NULL },
                { ".", NULL },
                { "..", NULL },
                { "a..b", NULL },
                { ".a", NULL },
                { "a..", NULL },
                { "*", NULL },
                { "*.", NULL },
                { "*.*.com", NULL },
                { "a.*.com", NULL },
                { "*a.com", NULL },
                { "a*.com", NULL },
                { "-a.com", NULL },
                { "a-.com", NULL },
                { "a_b.com", NULL },
                { "a b.com", NULL },
                { " a.com", NULL },
                { "a.com ", NULL },
                { "a.com/", NULL },
                { "a.com:443", NULL },
                { "user@a.com", NULL },
                { "a.com%00.b.com", NULL },
                { "b\xc3\xbc"
                  "cher.example",
                                NULL },
                { "a\xe3\x80\x82"
                  "com",
                                NULL }, /* ideographic full stop: a dot to some */
                { "1.2.3.4", NULL },
                { "2130706433", NULL },
                { "0x7f.1", NULL },
                { "0x7f000001", NULL },
                { "a.0x", NULL },
                { "example.123", NULL },
                { "::1", NULL },
                { "[::1]", NULL },
        };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char host[LIMIT_HOST_BYTES + 1] = "";
                const char *complaint = host_canonical(cases[i].text, true, host);
                if (!cases[i].canonical)
                        ck_assert_msg(complaint, "\"%s\" is read as %s", cases[i].text, host);
                else
                        ck_assert_msg(!complaint && streq(host, cases[i].canonical), "\"%s\": %s",
                                        cases[i].text, complaint);
        }
        char host[LIMIT_HOST_BYTES + 1];
        ck_assert_ptr_nonnull(host_canonical("*.a.b", false, host));
        ck_assert(host_covers("*.a.b", "x.a.b") && host_covers("*.a.b", "y.x.a.b") &&
                        host_covers("*.a.b", "*.x.a.b"));
        ck_assert(!host_covers("*.a.b", "a.b") && !host_covers("*.a.b", "xa.b") &&
                        !host_covers("*.x.a.b", "*.a.b"));
        ck_assert(!host_covers("a.b", "*.a.b") && !host_covers("a.b", "x.a.b"));
}
END_TEST

START_TEST(test_blocks) {
        static const struct {
                const char *text, *canonical; /* NULL: refused */
        } cases[] = {
                { "10.0.0.0/8", "10.0.0.0/8" },
                { "10.1.2.3", "10.1.2.3/32" },
                { "0.0.0.0/0", "0.0.0.0/0" },
                { "::/0", "::/0" },
                { "FD00::/8", "fd00::/8" },
                { "fd00:0:0::1", "fd00::1/128" },
                /* v4 in other spellings */
                { "::ffff:10.0.0.0/104", "10.0.0.0/8" },
                { "::ffff:10.1.2.3", "10.1.2.3/32" },
                { "::ffff:a01:203", "10.1.2.3/32" },
                { "64:ff9b::10.1.2.0/120", "10.1.2.0/24" },
                { "2002:a01:203::/48", "10.1.2.3/32" },
                { "2002:a01:203:1::1", "10.1.2.3/32" },
                { "2002:a00::/24", "10.0.0.0/8" },
                { "::ffff:0:0/95", NULL }, /* bits behind the prefix */
                { "::fffe:0:0/95", "::fffe:0:0/95" },
                { "64:ff9b::/64", "64:ff9b::/64" }, /* wider than the translated range: plain v6 */
                /* all of v4 by another name is an accident */
                { "::ffff:0:0/96", NULL },
                { "64:ff9b::/96", NULL },
                { "2002::/16", NULL },
                { "10.0.0.1/8", NULL },
                { "fd00::1/8", NULL },
                { "10.0.0.0/33", NULL },
                { "::/129", NULL },
                { "10.0.0.0/08", NULL },
                { "10.0.0.0/", NULL },
                { "10.0.0.0/-1", NULL },
                { "10.0.0.0/8/8", NULL },
                { "10.0.0/8", NULL },
                { "10.0.0.0.0", NULL },
                { "010.0.0.1", NULL },
                { "10.0.0.256", NULL },
                { "0x0a.0.0.1", NULL },
                { "fe80::1%eth0", NULL },
                { "[::1]", NULL },
                { "example.com", NULL },
                { "", NULL },
                { " 10.0.0.1", NULL },
                { "10.0.0.1 ", NULL },
                { "1234:1234:1234:1234:1234:1234:1234:1234:1234:1234/8", NULL },
        };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                NetCidr c = { 0 };
                char text[CIDR_TEXT_SIZE] = "";
                const char *complaint = cidr_parse(cases[i].text, &c);
                if (!complaint)
                        cidr_format(&c, text);
                if (!cases[i].canonical)
                        ck_assert_msg(complaint, "\"%s\" is read as %s", cases[i].text, text);
                else
                        ck_assert_msg(!complaint && streq(text, cases[i].canonical), "\"%s\": %s %s",
                                        cases[i].text, text, complaint);
        }
}
END_TEST

/* Every prefix length against every bit of an address: the arithmetic of odd prefixes. */
START_TEST(test_covering_bit_by_bit) {
        for (unsigned prefix = 0; prefix <= 128; prefix++) {
                NetCidr net = { .family = AF_INET6, .prefix = (uint8_t)prefix };
                for (unsigned bit = 0; bit < 128; bit++) {
                        NetCidr address = { .family = AF_INET6, .prefix = 128 };
                        address.address[bit / 8] = (uint8_t)(0x80 >> (bit % 8));
                        ck_assert_msg(cidr_covers(&net, &address) == (bit >= prefix), "/%u and bit %u",
                                        prefix, bit);
                }
        }
}
END_TEST

START_TEST(test_requests_are_folded_too) {
        _cleanup_(policy_unrefp) Policy *
                        p = policy_of("'network': {'egress': {'default': 'allow', 'deny': [{'to': [{'cidr': "
                                      "'10.0.0.0/8'}]}]}}"),
                       *mapped = policy_of("'network': {'egress': {'allow': [{'to': [{'cidr': '::/0'}]}]}}");
        static const char *const spellings[] = { "10.1.2.3", "::ffff:10.1.2.3", "::ffff:a01:203",
                "64:ff9b::a01:203", "2002:a01:203::", "2002:a01:203:ffff::1", "2002:0A01:0203::1" };
        for (size_t i = 0; i < ELEMENTSOF(spellings); i++) {
                ck_assert_msg(asks(p, REQUEST_CONNECT, spellings[i]) == VERDICT_DENY, "%s", spellings[i]);
                ck_assert_msg(asks(mapped, REQUEST_CONNECT, spellings[i]) == VERDICT_DENY, "%s",
                                spellings[i]);
        }
        static const char *const others[] = { "11.1.2.3", "64:ff9b:1::a01:203",
                "2003:a01:203::", "::a01:203", "::fffe:a01:203" };
        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                ck_assert_msg(asks(p, REQUEST_CONNECT, others[i]) == VERDICT_ALLOW, "%s", others[i]);
}
END_TEST

START_TEST(test_system_calls) {
        for (size_t i = 1; i < n_syscall_table; i++)
                ck_assert_msg(strcmp(syscall_table[i - 1], syscall_table[i]) < 0, "%s is out of order",
                                syscall_table[i]);
        for (size_t i = 0; i < n_syscall_table; i++) {
                ck_assert_int_eq(syscall_index(syscall_table[i]), (int)i);
                /* the launcher asks libseccomp, which must know each name */
                ck_assert_msg(seccomp_syscall_resolve_name(syscall_table[i]) != __NR_SCMP_ERROR,
                                "libseccomp does not know %s", syscall_table[i]);
        }
        ck_assert_int_eq(syscall_index("nonsense"), -ENOENT);
        ck_assert_int_eq(syscall_index(""), -ENOENT);
}
END_TEST

static size_t count(const SyscallSet *s) {
        size_t n = 0;
        for (size_t i = 0; i < SYSCALL_WORDS * 64; i++)
                n += syscall_set_has(s, (int)i);
        return n;
}

START_TEST(test_profiles) {
        SyscallSet none, strict, agent, build, debug, extra = syscall_set_debugging();
        ck_assert(syscall_profile("none", &none) && syscall_profile("strict", &strict) &&
                        syscall_profile("agent", &agent));
        ck_assert(syscall_profile("build", &build) && syscall_profile("debug", &debug) &&
                        !syscall_profile("root", &none));
        ck_assert_uint_eq(count(&none), 0);
        ck_assert_int_eq(syscall_set_first_beyond(&strict, &agent), -1);
        ck_assert_int_eq(syscall_set_first_beyond(&agent, &build), -1);
        ck_assert_int_eq(syscall_set_first_beyond(&agent, &debug), -1);
        ck_assert_uint_gt(count(&agent), count(&strict));
        ck_assert_uint_gt(count(&build), count(&agent));
        ck_assert_uint_eq(count(&debug), count(&agent) + count(&extra));
        ck_assert_uint_eq(count(&extra),
                        5); /* each name of a profile is in the table, or the sets would be smaller */
        ck_assert_uint_gt(count(&strict), 150);
        SyscallSet common = syscall_set_meet(&build, &extra);
        ck_assert_uint_eq(count(&common), 0);
        ck_assert(!syscall_set_has(&build, -1) && !syscall_set_has(&build, 100000));
}
END_TEST

START_TEST(test_debugging_is_a_permission) {
        _cleanup_(policy_unrefp)
                        Policy *a = policy_of("'process': {'debugging': true, 'syscalls': {'profile': "
                                              "'none', 'deny': ['kcmp', 'ptrace',"
                                              "'process_vm_readv', 'process_vm_writev', 'pidfd_getfd']}}"),
                               *b = policy_of("'process': {'syscalls': 'none'}"),
                               *c = policy_of("'process': {'debugging': true}");
        ck_assert(!policy_within(a, b, NULL)); /* the launcher's own switch, apart from the calls */
        ck_assert(policy_within(b, a, NULL));
        ck_assert_int_eq(asks(a, REQUEST_SYSCALL, "ptrace"), VERDICT_DENY);
        ck_assert_int_eq(asks(c, REQUEST_SYSCALL, "ptrace"), VERDICT_ALLOW);
}
END_TEST

/* Each way to be wider, one at a time, and the clause that is named for it. */
START_TEST(test_widenings) {
        static const struct {
                const char *a, *b, *clause;
        } cases[] = {
                { "'filesystem': {'readonlyPaths': ['/a']}", "", "/filesystem/readonlyPaths/0" },
                { "'filesystem': {'readwritePaths': ['/a']}", "'filesystem': {'readonlyPaths': ['/a']}",
                                "/filesystem/readwritePaths/0" },
                { "'filesystem': {'readonlyPaths': ['/a']}",
                                "'filesystem': {'readonlyPaths': ['/a'], 'deniedPaths': ['/a/b']}",
                                "/filesystem/readonlyPaths/0" },
                { "'filesystem': {'readonlyPaths': ['/a']}",
                                "'filesystem': {'readonlyPaths': ['/a'], 'executePaths': ['/a/b']}",
                                "/filesystem/executePaths" },
                { "'filesystem': {'handoff': 'allow'}", "", "/filesystem/handoff" },
                { "", "'filesystem': {'workspace': 'overlay'}", "/filesystem/workspace" },
                { "'process': {'environment': {'pass': ['A']}}", "", "/process/environment/pass" },
                { "'process': {'environment': {'pass': 'all'}}",
                                "'process': {'environment': {'pass': ['A']}}", "/process/environment/pass" },
                { "'process': {'environment': {'set': {'A': '1'}}}",
                                "'process': {'environment': {'set': {'A': '2'}}}",
                                "/process/environment/set" },
                { "'process': {'syscalls': 'build'}", "", "/process/syscalls" },
                { "'network': {'egress': {'default': 'allow'}}", "", "/network/egress/default" },
                { "'network': {'egress': {'allow': [{'to': [{'host': 'a'}]}]}}", "",
                                "/network/egress/allow/0" },
                { "'network': {'egress': {'allow': [{'to': [{'host': 'a'}], 'tls': 'opaque'}]}}",
                                "'network': {'egress': {'allow': [{'to': [{'host': '*.a'}, {'host': "
                                "'a'}]}]}}",
                                "/network/egress/allow/0" },
                { "'network': {'egress': {'allow': [{'to': [{'host': 'a'}]}]}}",
                                "'network': {'egress': {'allow': [{'to': [{'host': 'a'}], 'ech': "
                                "'refuse'}]}}",
                                "/network/egress/allow/0" },
                { "'network': {'egress': {'default': 'allow'}}",
                                "'network': {'egress': {'default': 'allow', 'deny': [{'to': [{'host': "
                                "'a'}]}]}}",
                                "/network/egress/default" },
                { "'network': {'egress': {'allow': [{'to': [{'host': 'a'}]}]}}",
                                "'network': {'dns': 'synthetic', 'egress': {'default': 'allow'}}",
                                "/network/dns" },
                { "'network': {'egress': {'allow': [{}]}}",
                                "'network': {'dns': 'synthetic', 'egress': {'default': 'allow'}}",
                                "/network/dns" },
                { "'network': {'ingress': {'default': 'allow'}}", "", "/network/ingress/default" },
                { "'network': {'ingress': {'hostLoopback': 'allow'}}", "", "/network/ingress/hostLoopback" },
                { "'network': {'ingress': {'publish': [{'port': 8080}]}}", "",
                                "/network/ingress/publish/0" },
                { "'network': {'ingress': {'publish': [{'port': 8080}, {'port': 8081}]}}",
                                "'network': {'ingress': {'publish': [{'port': 8000, 'endPort': 8080}]}}",
                                "/network/ingress/publish/1" },
                { "'network': {'ingress': {'publish': [{'port': 80, 'hostPort': 9090}]}}",
                                "'network': {'ingress': {'publish': [{'port': 80, 'hostPort': 8080}]}}",
                                "/network/ingress/publish/0" },
                { "'network': {'ingress': {'publish': [{'port': 8080, 'address': '0.0.0.0'}]}}",
                                "'network': {'ingress': {'publish': [{'port': 8080, 'address': "
                                "'127.0.0.0/8'}]}}",
                                "/network/ingress/publish/0" },
                { "'network': {'ingress': {'publish': [{'port': 8080, 'clients': 'any'}]}}",
                                "'network': {'ingress': {'publish': [{'port': 8080}]}}",
                                "/network/ingress/publish/0" },
                { "", "'network': {'egress': {'limits': {'bytesOut': 0}}}",
                                "/network/egress/limits/bytesOut" },
                { "'ui': {'disable': false}", "", "/ui/disable" },
                { "'ui': {'clipboard': 'read'}", "'ui': {'clipboard': 'write'}", "/ui/clipboard" },
                { "'ui': {'injection': true}", "", "/ui/injection" },
                { "'resources': {'memoryMax': '2G'}", "'resources': {'memoryMax': '1G'}",
                                "/resources/memoryMax" },
                { "", "'resources': {'tasksMax': 5}", "/resources/tasksMax" },
                { "'delegation': {'spawn': true}", "", "/delegation/spawn" },
                { "'delegation': {'spawn': true, 'depth': 3}", "'delegation': {'spawn': true, 'depth': 2}",
                                "/delegation/depth" },
        };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(policy_unrefp) Policy *a = policy_of(cases[i].a), *b = policy_of(cases[i].b);
                Widening w = { 0 };
                ck_assert_msg(!policy_within(a, b, &w), "%s is not wider", cases[i].a);
                ck_assert_msg(streq(w.clause, cases[i].clause), "%s: %s: %s", cases[i].a, w.clause,
                                w.sentence);
                ck_assert_uint_gt(strlen(w.sentence), 10);
                widening_clear(&w);
        }
}
END_TEST

/* What names let be said is a permission; an address lets anything be said, and a denial denies all of it. */
START_TEST(test_speech) {
        static const char *const rules[] = { "{'to': [{'host': 'a'}], 'ech': 'refuse'}",
                "{'to': [{'host': 'a'}]}", "{'to': [{'host': 'a'}], 'tls': 'opaque'}" };
        static const char *const words[] = { "\"ech\":\"refuse\",", "\"ech\":\"allow\",",
                "\"tls\":\"opaque\"," };
        for (size_t i = 0; i < ELEMENTSOF(rules); i++)
                for (size_t j = 0; j < ELEMENTSOF(rules); j++) {
                        _cleanup_free_ char *ta = NULL, *tb = NULL, *text = NULL;
                        ck_assert_int_ge(asprintf(&ta, "'network': {'egress': {'allow': [%s]}}", rules[i]),
                                        0);
                        ck_assert_int_ge(asprintf(&tb, "'network': {'egress': {'allow': [%s]}}", rules[j]),
                                        0);
                        _cleanup_(policy_unrefp) Policy *a = policy_of(ta), *b = policy_of(tb), *m = NULL;
                        ck_assert(policy_within(a, b, NULL) == (i <= j));
                        ck_assert_int_eq(policy_meet(a, b, &m), 0);
                        ck_assert_uint_eq(m->egress.allow[0].speech, i < j ? i : j);
                        text = policy_canonical(m);
                        ck_assert_ptr_nonnull(strstr(text, words[i < j ? i : j]));
                        ck_assert(streq(a->digest, b->digest) == (i == j));
                }
        _cleanup_(policy_unrefp)
                        Policy *opaque = policy_of(
                                               "'network': {'egress': {'allow': [{'to': [{'host': 'a'}], "
                                               "'tls': 'opaque'}]}}"),
                               *open = policy_of("'network': {'egress': {'default': 'allow'}}"),
                               *anywhere = policy_of("'network': {'egress': {'allow': [{}]}}"),
                               *denied = policy_of(
                                               "'network': {'egress': {'default': 'allow', 'deny': [{'to': "
                                               "[{'host': 'a'}]}]}}"),
                               *m = NULL;
        ck_assert(policy_within(opaque, open, NULL) && policy_within(opaque, anywhere, NULL));
        ck_assert(!policy_within(opaque, denied, NULL));
        _cleanup_(policy_unrefp) Policy
                        *synthetic = policy_of(
                                        "'network': {'dns': 'synthetic', 'egress': {'default': 'allow'}}"),
                        *offline = policy_of(""),
                        *blocks = policy_of("'network': {'egress': {'allow': [{'to': [{'cidr': "
                                            "'10.0.0.0/8'}]}]}}"),
                        *told = NULL;
        ck_assert(policy_within(synthetic, open, NULL) && !policy_within(open, synthetic, NULL));
        /* who reaches nothing by name is told nothing */
        ck_assert(policy_within(offline, synthetic, NULL) && policy_within(blocks, synthetic, NULL));
        ck_assert_int_eq(policy_meet_network(opaque, synthetic, &told), 0);
        ck_assert_int_eq(told->dns, DNS_SYNTHETIC);
        ck_assert_int_eq(policy_meet(opaque, anywhere, &m), 0);
        ck_assert_str_eq(m->digest, opaque->digest);
}
END_TEST

START_TEST(test_amounts) {
        static const struct {
                const char *name, *text;
                int r;
                uint64_t value;
        } rows[] = {
                { "memoryMax", "4G", 0, UINT64_C(4) << 30 },
                { "memorySwapMax", "0", 0, 0 },
                { "cpuQuota", "200%", 0, 2000000 },
                { "cpuQuota", "200", -EINVAL, 0 },
                { "runtimeMax", "2h", 0, UINT64_C(7200) * 1000000 },
                { "tasksMax", "512", 0, 512 },
                { "tasksMax", "infinity", 0, RESOURCE_UNLIMITED },
                { "tasksMax", "9223372036854775807", 0, INT64_MAX },
                { "tasksMax", "9223372036854775808", -ERANGE, 0 },
                { "tasksMax", "4G", -EINVAL, 0 },
                { "tasksMax", "", -EINVAL, 0 },
                { "ioWeight", "-1", -EINVAL, 0 },
                { "bytesOut", "200M", 0, UINT64_C(200) << 20 },
                { "connections", "64", 0, 64 },
                { "nonsense", "1", -ENOENT, 0 },
                { "", "1", -ENOENT, 0 },
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                uint64_t v = 0;
                int r = policy_amount_parse(rows[i].name, rows[i].text, &v);
                ck_assert_msg(r == rows[i].r && v == rows[i].value, "%s of %s gives %d", rows[i].text,
                                rows[i].name, r);
                ck_assert(policy_resource_is_known(rows[i].name) == (r != -ENOENT));
        }
}
END_TEST

int main(void) {
        TCase *t = tcase_create("values");
        tcase_add_test(t, test_sizes);
        tcase_add_test(t, test_percentages);
        tcase_add_test(t, test_spans);
        tcase_add_test(t, test_amounts);
        tcase_add_test(t, test_hosts);
        tcase_add_test(t, test_blocks);
        tcase_add_test(t, test_covering_bit_by_bit);
        tcase_add_test(t, test_requests_are_folded_too);
        tcase_add_test(t, test_system_calls);
        tcase_add_test(t, test_profiles);
        tcase_add_test(t, test_debugging_is_a_permission);
        tcase_add_test(t, test_widenings);
        tcase_add_test(t, test_speech);
        return run_case("policy-values", t);
}
