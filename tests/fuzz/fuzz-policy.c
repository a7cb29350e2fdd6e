/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <jansson.h>

#include "fuzz.h"
#include "handoff.h"
#include "policy-internal.h"

/* Two documents with a record separator (0x1e) between, or one, which then meets a fixed one.
 *
 * Properties: nothing crashes; what is refused has its reason; the canonical form is a fixpoint; meet is "and" and lies within
 * both, within implies, asked with the documents' own paths, hosts and names; binding gives policies that are documents
 * again; nothing that is parsed is wider than itself. */

static const char fixed_text[] =
                "{\"schema\":\"mxc-policy/1\",\"name\":\"fixed\",\"filesystem\":{\"readonlyPaths\":[\"/"
                "usr\",\"/w/ro\"],"
                "\"readwritePaths\":[\"/w\",\"${workspace}\"],\"deniedPaths\":[\"${workspace}/.env\",\"/usr/"
                "lib\"],"
                "\"executePaths\":[\"/usr/bin\",\"/"
                "w\"]},\"process\":{\"environment\":{\"pass\":[\"A\"],\"set\":{\"B\":\"1\"}}},"
                "\"network\":{\"egress\":{\"allow\":[{\"to\":[{\"host\":\"*.com\"},{\"cidr\":\"10.0.0.0/"
                "8\",\"except\":[\"10.1.0.0/16\"]}]}],"
                "\"deny\":[{\"to\":[{\"host\":\"bad.com\"}],\"ports\":[{\"protocol\":\"tcp\",\"port\":443}]}"
                "]}}}";

static json_t *lookup(const char *name, void *userdata) {
        return streq(name, "fixed") ? json_loads(fixed_text, 0, NULL) : NULL;
}

static Policy *parse(const char *text, size_t size) {
        Policy *p = NULL;
        PolicyError error = { 0 };
        int r = policy_parse(text, size, lookup, NULL, &p, &error);
        fuzz_holds(r == 0 || r == -EINVAL, "the parser takes it or refuses it");
        fuzz_holds((r == 0) == (p != NULL), "a policy comes with success only");
        fuzz_holds(r == 0 || (error.pointer && error.sentence && *error.sentence),
                        "a refusal has its reason");
        fuzz_holds(error.line >= 0 && error.column >= 0, "a place is a place");
        policy_error_clear(&error);
        return p;
}

/* Asked of all three: is m the meet; and does within, where it said so, imply? */
typedef struct Triple {
        const Policy *a, *b, *m; /* m is NULL where the meet outgrew its limits */
        bool a_within_b, b_within_a;
} Triple;

static void ask(const Triple *t, const PolicyRequest *q) {
        bool a = policy_allows(t->a, q, NULL) == VERDICT_ALLOW,
             b = policy_allows(t->b, q, NULL) == VERDICT_ALLOW;
        fuzz_holds(!t->m || (policy_allows(t->m, q, NULL) == VERDICT_ALLOW) == (a && b), "meet is and");
        fuzz_holds(!t->a_within_b || !a || b, "within implies");
        fuzz_holds(!t->b_within_a || !b || a, "within implies");
}

static void ask_path(const Triple *t, const char *path) {
        static const char *const suffixes[] = { "", "/x", "/bin" };
        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                _cleanup_free_ char *below = NULL;
                if (asprintf(&below, "%s%s", streq(path, "/") && i > 0 ? "" : path, suffixes[i]) < 0) {
                        below = NULL;
                        return;
                }
                for (RequestKind kind = REQUEST_READ; kind <= REQUEST_EXEC; kind++)
                        ask(t, &(PolicyRequest){ .kind = kind, .target = below });
        }
}

static void ask_target(const Triple *t, const char *target, uint16_t port) {
        static const unsigned protocols[] = { PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_ICMP };
        for (size_t i = 0; i < ELEMENTSOF(protocols); i++) {
                ask(t, &(PolicyRequest){ .kind = REQUEST_CONNECT,
                                       .target = target,
                                       .protocol = protocols[i],
                                       .port = port });
                ask(t, &(PolicyRequest){ .kind = REQUEST_CONNECT,
                                       .target = target,
                                       .protocol = protocols[i],
                                       .port = 443 });
        }
}

static void ask_cidr(const Triple *t, const NetCidr *c, uint16_t port) {
        char text[CIDR_TEXT_SIZE];
        NetCidr last = *c;
        cidr_format(c, text);
        *strchr(text, '/') = '\0';
        ask_target(t, text, port);
        last.address[c->family == AF_INET ? 3 : 15] |=
                        c->prefix == (c->family == AF_INET ? 32 : 128) ? 0 : 1;
        cidr_format(&last, text);
        *strchr(text, '/') = '\0';
        ask_target(t, text, port);
}

static void ask_rules(const Triple *t, const NetRule *rules, size_t n) {
        for (size_t i = 0; i < n && i < 8; i++)
                for (size_t j = 0; j < rules[i].n_peers && j < 8; j++) {
                        const NetPeer *peer = &rules[i].peers[j];
                        uint16_t port = rules[i].ports[j % rules[i].n_ports].from;
                        if (peer->host) {
                                _cleanup_free_ char *below = NULL;
                                ask_target(t, peer->host + (peer->host[0] == '*' ? 2 : 0), port);
                                if (asprintf(&below, "x.%s", peer->host + (peer->host[0] == '*' ? 2 : 0)) >=
                                                0)
                                        ask_target(t, below, port);
                                else
                                        below = NULL;
                        }
                        if (peer->has_cidr)
                                ask_cidr(t, &peer->cidr, port);
                        for (size_t k = 0; k < peer->n_except && k < 4; k++)
                                ask_cidr(t, &peer->except[k], port);
                }
}

static void ask_about(const Triple *t, const Policy *p) {
        for (size_t i = 0; i < p->n_paths && i < 64; i++)
                ask_path(t, p->paths[i].path);
        for (size_t i = 0; i < p->n_exec && i < 64; i++)
                ask_path(t, p->exec[i]);
        for (size_t i = 0; i < p->n_pass_env && i < 64; i++)
                ask(t, &(PolicyRequest){ .kind = REQUEST_ENV, .target = p->pass_env[i], .value = "v" });
        for (size_t i = 0; i < p->n_set_env && i < 64; i++)
                ask(t, &(PolicyRequest){ .kind = REQUEST_ENV,
                                       .target = p->set_env[i].name,
                                       .value = p->set_env[i].value });
        for (size_t i = 0; i < n_syscall_table; i++)
                ask(t, &(PolicyRequest){ .kind = REQUEST_SYSCALL, .target = syscall_table[i] });
        for (size_t i = 0; i < _RESOURCE_MAX; i++)
                ask(t, &(PolicyRequest){ .kind = REQUEST_RESOURCE,
                                       .target = resource_keys[i],
                                       .amount = p->resources[i] });
        ask(t, &(PolicyRequest){ .kind = REQUEST_SPAWN, .amount = p->delegation_depth });
        ask_rules(t, p->egress.allow, p->egress.n_allow);
        ask_rules(t, p->egress.deny, p->egress.n_deny);
}

static void check_one(const Policy *p) {
        _cleanup_free_ char *text = policy_canonical(p);
        json_auto_t *object = policy_to_json(p);
        _cleanup_free_ char *dumped = object ? json_dumps(object, JSON_SORT_KEYS | JSON_COMPACT) : NULL;
        fuzz_holds(text && dumped && streq(text, dumped), "the canonical form is sorted and compact");

        _cleanup_(policy_unrefp) Policy *again = parse(text, strlen(text));
        fuzz_holds(again && streq(again->digest, p->digest), "the canonical form is a fixpoint");
        fuzz_holds(policy_within(p, p, NULL), "nothing is wider than itself");

        /* equal digests prove nothing about what the form leaves out: each must imply the other */
        const Triple t = { .a = p, .b = again, .a_within_b = true, .b_within_a = true };
        ask_about(&t, p);
}

static void check_bound(const Policy *p) {
        static const PolicyBinding bindings[] = { { "/w", "/home/u", NULL }, { "/", "/", "/" },
                { "/w/ro", "/w", "/usr" } };
        for (size_t i = 0; i < ELEMENTSOF(bindings); i++) {
                _cleanup_(policy_unrefp) Policy *bound = NULL;
                PolicyError error = { 0 };
                int r = policy_bind(p, &bindings[i], &bound, &error);
                fuzz_holds(r == 0 || (r == -EINVAL && error.pointer && error.sentence),
                                "binding says why not");
                policy_error_clear(&error);
                if (r == 0)
                        check_one(bound);
        }
}

static void check_pair(const Policy *a, const Policy *b) {
        _cleanup_(policy_unrefp) Policy *m = NULL;
        Widening w = { 0 };
        int r = policy_meet(a, b, &m);
        fuzz_holds(r == 0 || r == -E2BIG, "policies meet, or are too much");
        Triple t = { .a = a,
                .b = b,
                .m = m,
                .a_within_b = policy_within(a, b, &w),
                .b_within_a = policy_within(b, a, NULL) };
        fuzz_holds(t.a_within_b || (w.clause && w.sentence), "a widening is named");
        widening_clear(&w);
        if (m) {
                check_one(m);
                if (!policy_within(m, a, &w))
                        fuzz_holds(strstr(w.sentence, "too much"), "the meet is within");
                widening_clear(&w);
        }
        ask_about(&t, a);
        ask_about(&t, b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const char *text = (const char *)data;
        const char *mark = size > 0 ? memchr(text, 0x1e, size) : NULL;
        size_t first = mark ? (size_t)(mark - text) : size;

        Handoff *handoff = NULL;
        (void)handoff_parse(text, first, &handoff, NULL); /* either is right */
        handoff_free(handoff);

        _cleanup_(policy_unrefp) Policy *a = parse(text, first),
                                        *b = mark ? parse(mark + 1, size - first - 1)
                                                  : parse(fixed_text, sizeof(fixed_text) - 1);
        if (a) {
                check_one(a);
                check_bound(a);
        }
        if (a && b)
                check_pair(a, b);
        return 0;
}
