/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <jansson.h>

#include "handoff.h"
#include "policy-test.h"

/* Every limit of limits.h that a policy can meet, at n and at n + 1. */

/* The pattern n times with commas between; '#' in it becomes a running number. The caller frees. */
static char *repeat(size_t n, const char *pattern) {
        char *s = NULL;
        size_t size;
        FILE *f = open_memstream(&s, &size);
        ck_assert_ptr_nonnull(f);
        for (size_t i = 0; i < n; i++) {
                fputs(i > 0 ? ", " : "", f);
                for (const char *p = pattern; *p; p++)
                        if (*p == '#')
                                fprintf(f, "%zu", i);
                        else
                                fputc(*p, f);
        }
        ck_assert_int_eq(fclose(f), 0);
        return s;
}

static char *fill(size_t n, char c) {
        char *s = malloc(n + 1);
        ck_assert_ptr_nonnull(s);
        memset(s, c, n);
        s[n] = '\0';
        return s;
}

static char *join(const char *before, const char *middle, const char *after) {
        char *s;
        ck_assert_int_ge(asprintf(&s, "%s%s%s", before, middle, after), 0);
        return s;
}

/* before + n elements + after is read, with n + 1 it is refused at pointer. */
static void bound(size_t n, const char *format, const char *before, const char *after, const char *pointer,
                const char *fragment) {
        _cleanup_free_ char *good = repeat(n, format), *bad = repeat(n + 1, format);
        _cleanup_free_ char *good_body = join(before, good, after), *bad_body = join(before, bad, after);
        policy_unref(policy_of(good_body));
        refused_body(bad_body, pointer, fragment);
}

START_TEST(test_lists) {
        static const char *const lists[] = { "readonlyPaths", "readwritePaths", "deniedPaths",
                "executePaths" };
        for (size_t i = 0; i < ELEMENTSOF(lists); i++) {
                _cleanup_free_ char *before = join("'filesystem': {'", lists[i], "': ["),
                                    *pointer = join("/filesystem/", lists[i], "");
                bound(LIMIT_POLICY_PATHS, "'/p#'", before, "]}", pointer, "at most 512");
        }
        static const char *const rules[] = { "allow", "deny" };
        for (size_t i = 0; i < ELEMENTSOF(rules); i++) {
                _cleanup_free_ char *before = join("'network': {'egress': {'", rules[i], "': ["),
                                    *pointer = join("/network/egress/", rules[i], "");
                bound(LIMIT_POLICY_RULES, "{'to': [{'host': 'h#.x'}]}", before, "]}}", pointer,
                                "at most 256");
        }
        bound(LIMIT_POLICY_PEERS, "{'host': 'h#.x'}", "'network': {'egress': {'allow': [{'to': [", "]}]}}",
                        "/network/egress/allow/0/to", "at most 64");
        bound(LIMIT_POLICY_PEERS, "{'protocol': 'tcp', 'port': 1#}",
                        "'network': {'egress': {'deny': [{'ports': [", "]}]}}",
                        "/network/egress/deny/0/ports", "at most 64");
        bound(LIMIT_POLICY_PEERS, "'10.#.0.0/16'",
                        "'network': {'egress': {'allow': [{'to': [{'cidr': '10.0.0.0/8', 'except': [",
                        "]}]}]}}", "/network/egress/allow/0/to/0/except", "at most 64");
        bound(LIMIT_POLICY_PUBLISH, "{'port': 1#, 'hostPort': 1024}", "'network': {'ingress': {'publish': [",
                        "]}}", "/network/ingress/publish", "at most 64");
        bound(LIMIT_POLICY_ENV, "'V#'", "'process': {'environment': {'pass': [", "]}}",
                        "/process/environment/pass", "at most 256");
        bound(LIMIT_POLICY_ENV, "'V#': 'x'", "'process': {'environment': {'set': {", "}}}",
                        "/process/environment/set", "at most 256");
}
END_TEST

/* before + n times c + after */
static void length(size_t n, char c, const char *before, const char *after, const char *pointer,
                const char *fragment) {
        _cleanup_free_ char *good = fill(n, c), *bad = fill(n + 1, c);
        _cleanup_free_ char *good_body = join(before, good, after), *bad_body = join(before, bad, after);
        policy_unref(policy_of(good_body));
        refused_body(bad_body, pointer, fragment);
}

START_TEST(test_lengths) {
        length(LIMIT_NAME_BYTES, 'a', "'name': '", "'", "/name", "1 to 63");
        length(LIMIT_DESCRIPTION_BYTES, 'a', "'description': '", "'", "/description", "at most 1024");
        length(LIMIT_DESCRIPTION_BYTES - 2, 'a', "'description': '\xc3\xa4", "'", "/description",
                        "1025 bytes"); /* bytes, not characters */
        length(LIMIT_PATH_BYTES - 1, 'a', "'filesystem': {'readonlyPaths': ['/", "']}",
                        "/filesystem/readonlyPaths/0", "longer");
        length(LIMIT_PATH_BYTES - strlen("${home}/"), 'a', "'filesystem': {'executePaths': ['${home}/",
                        "']}", "/filesystem/executePaths/0", "longer");
        length(LIMIT_LABEL_BYTES, 'a', "'network': {'egress': {'allow': [{'to': [{'host': '", ".b'}]}]}}",
                        "/network/egress/allow/0/to/0/host", "63 bytes");
        length(LIMIT_POLICY_ENV_NAME_BYTES, 'a', "'process': {'environment': {'pass': ['", "']}}",
                        "/process/environment/pass/0", "at most 255");
        length(LIMIT_POLICY_ENV_VALUE_BYTES, 'a', "'process': {'environment': {'set': {'A': '", "'}}}",
                        "/process/environment/set/A", "at most 32768");

        _cleanup_free_ char *label = fill(61, 'a'), *four = NULL,
                            *body = NULL; /* 4 * 62 = 248, and 5 or 6 more */
        ck_assert_int_ge(asprintf(&four, "'network': {'egress': {'allow': [{'to': [{'host': '%s.%s.%s.%s.",
                                         label, label, label, label),
                        0);
        length(5, 'b', four, ".'}]}]}}", "/network/egress/allow/0/to/0/host", "253 bytes");
}
END_TEST

START_TEST(test_numbers) {
        static const struct {
                const char *good, *bad, *pointer;
        } cases[] = {
                { "'delegation': {'spawn': true, 'depth': 16}", "'delegation': {'spawn': true, 'depth': 17}",
                                "/delegation/depth" },
                { "'resources': {'ioWeight': 10000}", "'resources': {'ioWeight': 10001}",
                                "/resources/ioWeight" },
                { "'resources': {'cpuWeight': 1}", "'resources': {'cpuWeight': 0}", "/resources/cpuWeight" },
                { "'resources': {'filesMax': 1048576}", "'resources': {'filesMax': 1048577}",
                                "/resources/filesMax" },
                { "'resources': {'tasksMax': 9223372036854775807}",
                                "'resources': {'tasksMax': 9223372036854775808}", "/resources/tasksMax" },
                { "'resources': {'memoryMax': '7E'}", "'resources': {'memoryMax': '8E'}",
                                "/resources/memoryMax" },
                { "'resources': {'runtimeMax': 9223372036854}", "'resources': {'runtimeMax': 9223372036855}",
                                "/resources/runtimeMax" },
                { "'network': {'egress': {'allow': [{'ports': [{'port': 65535}]}]}}",
                                "'network': {'egress': {'allow': [{'ports': [{'port': 65536}]}]}}",
                                "/network/egress/allow/0/ports/0/port" },
                { "'network': {'ingress': {'publish': [{'port': 1, 'hostPort': 1024}]}}",
                                "'network': {'ingress': {'publish': [{'port': 1, 'hostPort': 1023}]}}",
                                "/network/ingress/publish/0/hostPort" },
                { "'network': {'ingress': {'publish': [{'port': 1024}]}}",
                                "'network': {'ingress': {'publish': [{'port': 1023}]}}",
                                "/network/ingress/publish/0" },
                { "'network': {'ingress': {'publish': [{'port': 65535}]}}",
                                "'network': {'ingress': {'publish': [{'port': 65536}]}}",
                                "/network/ingress/publish/0/port" },
        };
        _Static_assert(LIMIT_POLICY_DELEGATION_DEPTH == 16, "the first row");
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                policy_unref(policy_of(cases[i].good));
                refused_body(cases[i].bad, cases[i].pointer, "");
        }
}
END_TEST

START_TEST(test_document) {
        _cleanup_free_ char *text = fill(LIMIT_POLICY_BYTES + 1, ' ');
        static const char document[] = "{\"schema\": \"mxc-policy/1\"}";
        memcpy(text, document, sizeof(document) - 1);
        Policy *p = NULL;
        PolicyError error = { 0 };
        ck_assert_int_eq(policy_parse(text, LIMIT_POLICY_BYTES, NULL, NULL, &p, &error), 0);
        p = policy_unref(p);
        ck_assert_int_eq(policy_parse(text, LIMIT_POLICY_BYTES + 1, NULL, NULL, &p, &error), -EINVAL);
        ck_assert_ptr_nonnull(strstr(error.sentence, "at most 262144"));
        policy_error_clear(&error);

        /* The document is one level. At the limit it is refused for what it says, above it for its depth. */
        _cleanup_free_ char *open = fill(LIMIT_POLICY_DEPTH - 1, '['),
                            *close = fill(LIMIT_POLICY_DEPTH - 1, ']'), *nested = join(open, close, ""),
                            *body = join("'x': ", nested, ""), *deeper = join("'x': [", nested, "]");
        refused_body(body, "/x", "unknown key");
        refused_body(deeper, "", "deeper than 16");
        _cleanup_free_ char *very = fill(LIMIT_POLICY_BYTES, '[');
        refused(very, "", "deeper than 16");
}
END_TEST

/* Short in the text, long when written out: the canonical form must be a document too. */
START_TEST(test_canonical_form_fits) {
        _cleanup_free_ char *ports = repeat(64, "{'port':1#}"), *rule = join("{'ports':[", ports, "]}"),
                            *rules = NULL;
        size_t size;
        FILE *f = open_memstream(&rules, &size);
        for (unsigned i = 0; i < 250; i++)
                fprintf(f, "%s%s", i == 0 ? "" : ",", rule);
        fclose(f);
        _cleanup_free_ char *body = join("'network': {'egress': {'allow': [", rules, "]}}");
        ck_assert_uint_lt(strlen(body), LIMIT_POLICY_BYTES);
        refused_body(body, "", "outgrows the limits");
}
END_TEST

/* "p0" extends "p1" and so on; the last one nothing. */
static json_t *chain(const char *name, void *userdata) {
        unsigned i = 0, last = *(unsigned *)userdata;
        ck_assert_int_eq(sscanf(name, "p%u", &i), 1);
        if (i == last)
                return json_pack("{s:s}", "schema", "mxc-policy/1");
        _cleanup_free_ char *next = NULL;
        ck_assert_int_ge(asprintf(&next, "p%u", i + 1), 0);
        return json_pack("{s:s, s:s}", "schema", "mxc-policy/1", "extends", next);
}

START_TEST(test_extends_chain) {
        static const char text[] = "{\"schema\": \"mxc-policy/1\", \"extends\": \"p1\"}";
        Policy *p = NULL;
        PolicyError error = { 0 };
        unsigned last = LIMIT_POLICY_EXTENDS;
        ck_assert_int_eq(policy_parse(text, strlen(text), chain, &last, &p, &error), 0);
        p = policy_unref(p);
        last++;
        ck_assert_int_eq(policy_parse(text, strlen(text), chain, &last, &p, &error), -EINVAL);
        ck_assert_str_eq(error.pointer, "/extends");
        policy_error_clear(&error);
}
END_TEST

/* What two good policies make together must fit as well, or nothing is made. */
START_TEST(test_meet_outgrows) {
        _cleanup_free_ char *denied = repeat(LIMIT_POLICY_PATHS, "'/w/p#'"),
                            *others = repeat(LIMIT_POLICY_PATHS, "'/w/q#'"),
                            *a = join("'filesystem': {'readwritePaths': ['/w'], 'deniedPaths': [", denied,
                                            "]}"),
                            *b = join("'filesystem': {'readwritePaths': ['/w'], 'deniedPaths': [", others,
                                            "]}");
        _cleanup_free_ char *a_twin = join(a, ", 'name': 'twin'", "");
        _cleanup_(policy_unrefp) Policy *pa = policy_of(a), *pa2 = policy_of(a_twin), *pb = policy_of(b),
                                        *same = NULL;
        Policy *m = NULL;
        ck_assert_int_eq(policy_meet(pa, pa2, &same), 0);
        ck_assert_uint_eq(same->n_paths, LIMIT_POLICY_PATHS + 1);
        ck_assert_int_eq(policy_meet(pa, pb, &m), -E2BIG);
        ck_assert_ptr_null(m);

        _cleanup_free_ char *rules = repeat(LIMIT_POLICY_RULES, "{'to': [{'host': 'a#.x'}]}"),
                            *other_rules = repeat(LIMIT_POLICY_RULES, "{'to': [{'host': 'b#.x'}]}"),
                            *c = join("'network': {'egress': {'default': 'allow', 'deny': [", rules, "]}}"),
                            *d = join("'network': {'egress': {'default': 'allow', 'deny': [", other_rules,
                                            "]}}");
        _cleanup_free_ char *c_twin = join(c, ", 'name': 'twin'", "");
        _cleanup_(policy_unrefp) Policy *pc = policy_of(c), *pc2 = policy_of(c_twin), *pd = policy_of(d),
                                        *equal = NULL;
        ck_assert_int_eq(policy_meet(pc, pc2, &equal), 0);
        ck_assert_uint_eq(equal->egress.n_deny, LIMIT_POLICY_RULES);
        ck_assert_int_eq(policy_meet(pc, pd, &m), -E2BIG);
}
END_TEST

/* A list that is good by itself and costs too much beside another: the answer is no, soon, and says why. */
START_TEST(test_too_much_to_compare) {
        _cleanup_free_ char *peers = repeat(50, "{'host': 'a#.x'}"), *rule = join("{'to': [", peers, "]}"),
                            *rules = NULL;
        size_t size;
        FILE *f = open_memstream(&rules, &size);
        for (unsigned i = 0; i < 100; i++)
                fprintf(f, "%s%s", i == 0 ? "" : ",", rule);
        fclose(f);
        _cleanup_free_ char *body = join("'network': {'egress': {'allow': [", rules, "]}}"),
                            *twin = join(body, ", 'name': 'twin'", "");
        _cleanup_(policy_unrefp) Policy
                        *a = policy_of(body),
                        *a2 = policy_of(twin),
                        *b = policy_of("'network': {'egress': {'allow': [{'to': [{'host': 'y.x'}]}]}}");
        Policy *m = NULL;
        ck_assert_int_eq(policy_meet(a, a2, &m), -E2BIG);
        ck_assert_int_eq(policy_meet(a, a, &m), 0); /* one policy */
        m = policy_unref(m);
        ck_assert_int_eq(policy_meet(a, b, &m), 0);
        m = policy_unref(m);

        _cleanup_free_ char *dead = join("'network': {'egress': {'allow': [", rules, ""),
                            *denied = join(dead, "], 'deny': [", rules), *whole = join(denied, "]}}", "");
        _cleanup_(policy_unrefp) Policy *c = policy_of(whole);
        Widening w = { 0 };
        ck_assert(policy_within(c, b, NULL)); /* each rule is dead at once */
        ck_assert(!policy_within(a, b, &w));
        widening_clear(&w);
        _cleanup_free_ char *many = NULL;
        f = open_memstream(&many, &size);
        for (unsigned i = 0; i < 100; i++)
                for (unsigned j = 0; j < 64; j++)
                        fprintf(f, "%s{'host':'r%u.p%u.x'}%s",
                                        j > 0   ? ","
                                        : i > 0 ? ",{'to':["
                                                : "{'to':[",
                                        i, j, j == 63 ? "]}" : "");
        fclose(f);
        _cleanup_free_ char *
                        wide = join("'network': {'egress': {'allow': [{'to': [{'host': '*.x'}]}], 'deny': [",
                                       many, "]}}"),
                       *wide_twin = join(wide, ", 'name': 'twin'", "");
        _cleanup_(policy_unrefp)
                        Policy *d = policy_of(wide),
                               *d2 = policy_of(wide_twin),
                               *e = policy_of("'network': {'egress': {'allow': [{'to': [{'host': '*.x'}]}],"
                                              "'deny': [{'to': [{'host': '*.x'}]}]}}");
        ck_assert(policy_within(d, d, NULL));
        ck_assert(!policy_within(d, d2, &w));
        ck_assert_ptr_nonnull(strstr(w.sentence, "too much to compare"));
        widening_clear(&w);
        ck_assert(policy_within(e, d, NULL));
}
END_TEST

/* Of n rules with that many hosts in all, no two alike. */
static Policy *hosts(char letter, size_t n_rules, size_t n_hosts) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        ck_assert_ptr_nonnull(f);
        fputs("'network': {'egress': {'allow': [", f);
        for (size_t i = 0, k = 0; i < n_rules; i++) {
                size_t until = n_hosts * (i + 1) / n_rules;
                fputs(i == 0 ? "{'to': [" : ", {'to': [", f);
                for (size_t j = k; k < until; k++)
                        fprintf(f, "%s{'host': '%c%zu.x'}", k > j ? ", " : "", letter, k);
                fputs("]}", f);
        }
        fputs("]}}", f);
        ck_assert_int_eq(fclose(f), 0);
        Policy *p = policy_of(text);
        free(text);
        return p;
}

/* Each pair of rules costs its pairs of hosts, and one for their ports. */
START_TEST(test_pairs) {
        static const struct {
                size_t rules, hosts, other_rules, other_hosts;
        } cases[] = { { 33, 977, 16, 1023 }, { 36, 976, 16, 1024 } };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const size_t pairs = cases[i].hosts * cases[i].other_hosts +
                                     cases[i].rules * cases[i].other_rules;
                _cleanup_(policy_unrefp) Policy *a = hosts('a', cases[i].rules, cases[i].hosts),
                                                *b = hosts('b', cases[i].other_rules, cases[i].other_hosts);
                Policy *m = NULL;
                ck_assert_uint_eq(pairs, LIMIT_POLICY_PAIRS - 1 + i);
                ck_assert_int_eq(policy_meet(a, b, &m), i == 0 ? 0 : -E2BIG);
                if (m)
                        ck_assert_uint_eq(m->egress.n_allow, 0);
                (void)policy_unref(m); /* NULL */
        }
}
END_TEST

START_TEST(test_bind_outgrows) {
        _cleanup_free_ char *tail = fill(LIMIT_PATH_BYTES - strlen("${home}/"), 'a'),
                            *long_home = fill(8, 'h'),
                            *body = join("'filesystem': {'readonlyPaths': ['${home}/", tail, "']}");
        long_home[0] = '/';
        _cleanup_(policy_unrefp) Policy *p = policy_of(body), *bound_policy = NULL;
        PolicyError error = { 0 };
        Policy *none = NULL;
        ck_assert_int_eq(policy_bind(p, &(PolicyBinding){ .home = "/hhhhhh" }, &bound_policy, &error),
                        0); /* as long as ${home} */
        ck_assert_int_eq(policy_bind(p, &(PolicyBinding){ .home = long_home }, &none, &error), -EINVAL);
        ck_assert_str_eq(error.pointer, "/bind/home");
        policy_error_clear(&error);
}
END_TEST

START_TEST(test_handoff_names) {
        for (unsigned extra = 0; extra < 2; extra++) {
                _cleanup_free_ char *half = repeat(LIMIT_PLAN_HANDOFF / 2, "'a#'"),
                                    *rest = repeat(LIMIT_PLAN_HANDOFF / 2 + extra, "'a#'"),
                                    *start = join("{'schema': 'mxc-handoff/1', 'root': [", half,
                                                    "], 'report': ["),
                                    *quoted = join(start, rest, "]}"), *text = requote(quoted);
                Handoff *h = NULL;
                PolicyError error = { 0 };
                ck_assert_int_eq(handoff_parse(text, strlen(text), &h, &error), extra == 0 ? 0 : -EINVAL);
                if (h)
                        ck_assert_uint_eq(h->n, LIMIT_PLAN_HANDOFF);
                policy_error_clear(&error);
                handoff_free(h);
        }
}
END_TEST

int main(void) {
        TCase *t = tcase_create("limits");
        tcase_add_test(t, test_lists);
        tcase_add_test(t, test_lengths);
        tcase_add_test(t, test_numbers);
        tcase_add_test(t, test_document);
        tcase_add_test(t, test_canonical_form_fits);
        tcase_add_test(t, test_extends_chain);
        tcase_add_test(t, test_meet_outgrows);
        tcase_add_test(t, test_too_much_to_compare);
        tcase_add_test(t, test_pairs);
        tcase_add_test(t, test_bind_outgrows);
        tcase_add_test(t, test_handoff_names);
        return run_case("policy-limits", t);
}
