/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a sandbox that runs may reach now. The relay is the test, and now and then it does not listen. */

#include "live.h"

#include "bus-test.h"
#include "codec.h"
#include "daemon-test.h"
#include "lease.h"
#include "policy-store.h"
#include "relay.h"

#define ID "0123456789abcdef0123456789abcdef"

static Manager m;
static TestBus bus;
static Agent agent;
static Sandbox *sandbox;
static int journal, theirs;

static int nothing(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        return 0;
}

/* A policy file that allows these hosts: "'a.example', 'b.example'". */
static void write_policy(const char *name, const char *hosts) {
        _cleanup_free_ char *file = NULL, *text = NULL;
        bool ceiling = streq(name, "ceiling");
        ck_assert_int_ge(asprintf(&file, "usr/%s%s.json", ceiling ? "" : "policies/", name), 0);
        ck_assert_int_ge(asprintf(&text,
                                         "{'schema': 'mxc-policy/1', 'name': '%s', 'network': {'egress': "
                                         "{'allow': "
                                         "[{'to': [%s], 'ports': [{'protocol': 'tcp'}]}]}}}",
                                         name, hosts),
                        0);
        for (char *p = text; *p; p++)
                if (*p == '\'')
                        *p = '"';
        write_file(file, text);
}

static void load(void) {
        ck_assert_int_eq(policy_store_load(m.policies, NULL, NULL), 0);
}

#define A "{'host': 'a.example'}"
#define B "{'host': 'b.example'}"
#define C "{'host': 'c.example'}"

static void open_store(void) {
        _cleanup_free_ char *usr = path_of("usr");
        const char *const dirs[] = { usr, NULL };
        make_dir("usr");
        make_dir("usr/policies");
        write_file("usr/handoff.json", "{\"schema\": \"mxc-handoff/1\", \"root\": [\".envrc\"]}");
        write_policy("ceiling", A ", " B ", " C);
        write_policy("p", A ", " B);
        write_policy("q", A);
        ck_assert_int_eq(policy_store_new(dirs, &m.policies), 0);
        load();
}

/* Sandbox of a registered agent under its policy p, with a relay that serves. */
static void begin(void) {
        m = (Manager){ .cgroup_path = test_dir };
        journal = journal_listen();
        _cleanup_free_ char *path = path_of("journal"), *launch = path_of("launch");
        test_bus_open(&bus, nothing, NULL);
        m.event = bus.event;
        m.bus = bus.server;
        const LaunchOwner owner = { .answer_usec = 0 };
        ck_assert_int_eq(launch_channel_new(m.event, launch, &owner, &m.launch), 0);
        ck_assert_int_eq(audit_new(path, &m.audit), 0);
        open_store();
        agent = (Agent){ .name = (char *)"x", .owner = 4711, .policy = (char *)"p", .reason = (char *)"" };
        ck_assert_int_eq(sandbox_new(&m, ID, &agent, &sandbox), 0);
        sandbox->policy = strdup("p");
        sandbox->leaf = strdup("/leaf");
        sandbox->state = SANDBOX_RUNNING;
        sandbox->origin = ORIGIN_AGENT;
        sandbox->leased = true; /* nothing is written to /run */
        sandbox->effective = calloc(1, sizeof(StoredEffective));
        sandbox->effective->n_ref = 2;
        sandbox->effective->policy = policy_ref((Policy *)policy_store_find(m.policies, "p"));
        make_dir("leaf.egress");
        write_file("leaf.egress/cgroup.kill", "");
        write_file("leaf.egress/cgroup.procs", "1\n");
        int pair[2];
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        theirs = pair[0];
        ck_assert_int_eq(relay_new(sandbox, pair[1], &sandbox->relay), 0);
        sandbox->relay->serves = true;
}

static void end(void) {
        StoredEffective *effective = sandbox->effective;
        sandbox_free(sandbox);
        policy_unref(effective->policy);
        free(effective);
        launch_channel_free(m.launch);
        policy_store_free(m.policies);
        audit_free(m.audit);
        (void)close(journal);
        (void)close(theirs);
        test_bus_close(&bus);
}

static void say(EgressReport report) {
        report.count = 1;
        report.verdict = VERDICT_ALLOW;
        ck_assert_int_eq(egress_send_report(theirs, &report), 0);
        test_bus_settle(&bus);
}

/* The lease that it is sent, and its number; NULL: none. The caller frees. */
static EgressLease *hear_lease(uint64_t *ret_serial) {
        EgressOrder order;
        EgressLease *l = NULL;
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ uint8_t *data = NULL;
        size_t size;
        if (egress_receive_order(theirs, &order, &fd) != 1)
                return NULL;
        ck_assert_uint_eq(order.kind, EGRESS_LEASE);
        ck_assert_int_eq(sealed_memfd_read(fd, &data, &size), 0);
        ck_assert_int_eq(egress_lease_decode(data, size, &l, NULL), 0);
        *ret_serial = order.serial;
        return l;
}

static bool reaches(const EgressLease *l, const char *host) {
        return net_rules_find(l->egress.allow, l->egress.n_allow, NULL, host, PROTOCOL_TCP, 443) &&
               !net_rules_find(l->egress.deny, l->egress.n_deny, NULL, host, PROTOCOL_TCP, 443);
}

/* It is told, on record by this cause, that it reaches these; and it says that it goes by that. */
static void expect_lease(const char *cause, bool a, bool b, bool c) {
        uint64_t serial = 0;
        EgressLease *l = hear_lease(&serial);
        ck_assert_ptr_nonnull(l);
        ck_assert_int_eq(reaches(l, "a.example"), a);
        ck_assert_int_eq(reaches(l, "b.example"), b);
        ck_assert_int_eq(reaches(l, "c.example"), c);
        (void)egress_lease_free(l); /* NULL */
        if (cause) {
                _cleanup_(record_clear) Record r = { 0 };
                ck_assert(journal_read(journal, &r));
                record_expect(&r, "MXC_EVENT", "lease");
                record_expect(&r, "MXC_REASON", cause);
                record_expect(&r, "MXC_POLICY_DIGEST", sandbox->live->digest);
        }
        ck_assert_ptr_nonnull(sandbox->relay->late);
        say((EgressReport){ .kind = EGRESS_LEASED, .serial = serial });
        ck_assert_ptr_null(sandbox->relay->late);
}

static void expect_nothing(void) {
        uint64_t serial;
        Record none = { 0 };
        ck_assert_ptr_null(hear_lease(&serial));
        ck_assert(!journal_read(journal, &none));
}

static bool was_killed(void) {
        _cleanup_free_ char *path = path_of("leaf.egress/cgroup.kill");
        char text[8] = "";
        FILE *f = fopen(path, "r");
        ck_assert_ptr_nonnull(f);
        size_t n = fread(text, 1, sizeof(text) - 1, f);
        (void)fclose(f); /* read only */
        return n > 0 && text[0] == '1';
}

/* ---- what it is held to ---- */

START_TEST(test_its_agents_policy) {
        begin();
        live_update_all(&m, "policy-load", NULL);
        expect_nothing();
        agent.policy = (char *)"q";
        live_update_agent(&m, &agent, "set-policy", NULL);
        expect_lease("set-policy", true, false, false);
        live_update_all(&m, "policy-load", NULL);
        expect_nothing();
        agent.policy = (char *)"p"; /* and back */
        live_update_agent(&m, &agent, "set-policy", NULL);
        expect_lease("set-policy", true, true, false);
        end();
}
END_TEST

START_TEST(test_files) {
        begin();
        write_policy("p", A ", " C); /* never more than it began with */
        load();
        live_update_all(&m, "policy-load", NULL);
        expect_lease("policy-load", true, false, false);
        write_policy("p", A ", " B ", " C);
        load();
        live_update_all(&m, "policy-load", NULL);
        expect_lease("policy-load", true, true, false);
        write_policy("ceiling", B);
        load();
        live_update_all(&m, "policy-load", NULL);
        expect_lease("policy-load", false, true, false);
        remove_file("usr/policies/p.json");
        load();
        live_update_all(&m, "policy-load", NULL);
        expect_lease("policy-load", false, false, false);
        end();
}
END_TEST

/* By name: that file as well as its agent's. A document: its agent's alone, and of a default agent the ceiling's. */
START_TEST(test_where_its_policy_is_from) {
        begin();
        write_policy("wide", A ", " B ", " C);
        load();
        agent.policy = (char *)"wide";
        sandbox->origin = ORIGIN_STORE;
        live_update_all(&m, "policy-load", NULL);
        expect_nothing();
        write_policy("p", B);
        load();
        live_update_all(&m, "policy-load", NULL);
        expect_lease("policy-load", false, true, false);
        sandbox->origin = ORIGIN_DOCUMENT;
        live_update_all(&m, "policy-load", NULL);
        expect_lease("policy-load", true, true, false);
        agent.is_default = true;
        agent.policy = (char *)"q";
        live_update_all(&m, "policy-load", NULL);
        expect_nothing();
        sandbox->origin = ORIGIN_AGENT;
        live_update_all(&m, "policy-load", NULL);
        expect_lease("policy-load", true, false, false);
        end();
}
END_TEST

START_TEST(test_a_revoked_agent) {
        begin();
        agent.state = AGENT_REVOKED;
        live_update_agent(&m, &agent, "revoke", NULL);
        expect_lease("revoke", false, false, false);
        end();
}
END_TEST

START_TEST(test_another_agent) {
        begin();
        const Agent other = { .name = (char *)"y" };
        agent.policy = (char *)"q";
        live_update_agent(&m, &other, "set-policy", NULL);
        expect_nothing();
        end();
}
END_TEST

/* The next mxcd: told again, whatever the last one said, and only then listened to. */
START_TEST(test_adopted) {
        begin();
        const EgressReport asks = { .kind = EGRESS_CONNECT,
                .awaits = 1,
                .serial = 1,
                .protocol = PROTOCOL_TCP,
                .port = 443,
                .family = AF_INET };
        sandbox->relay->serves = false; /* not known yet */
        relay_listen(sandbox->relay, false);
        say(asks);
        expect_nothing();
        live_adopt(sandbox);
        uint64_t serial;
        EgressLease *l = hear_lease(&serial);
        ck_assert_ptr_nonnull(l);
        (void)egress_lease_free(l); /* NULL */
        test_bus_settle(&bus);
        EgressOrder order;
        int fd;
        ck_assert_int_eq(egress_receive_order(theirs, &order, &fd), 1);
        ck_assert_uint_eq(order.kind, EGRESS_RECORDED);
        end();
}
END_TEST

/* ---- grants ---- */

#define RULE(host)                                                                                          \
        "{\"to\": [{\"host\": \"" host "\"}], \"ports\": [{\"protocol\": \"tcp\", \"port\": 443}]}"

static Grant *grant(const char *rule, uint64_t usec) {
        Grant *g = NULL;
        _cleanup_free_ char *sentence = NULL;
        ck_assert_msg(grant_new(rule, ++sandbox->last_grant, &g, &sentence) == 0, "%s", sentence);
        g->until = now_boottime() + usec;
        return g;
}

/* What is said of it; it is not given. */
static void expect_decision(const char *rule, Verdict verdict, DecisionReason reason, bool beyond) {
        Grant *g = grant(rule, 1);
        GrantInput in;
        Decision d = { .verdict = VERDICT_DENY };
        bool beyond_agent = false;
        ck_assert(live_grant_input(sandbox, g, &in));
        ck_assert_int_eq(grant_decide(&in, &d, &beyond_agent), 0);
        ck_assert_int_eq(d.verdict, verdict);
        ck_assert_int_eq(d.reason, reason);
        ck_assert_int_eq(beyond_agent, beyond);
        decision_clear(&d);
        (void)grant_free(g); /* NULL */
}

START_TEST(test_what_may_be_granted) {
        begin();
        expect_decision(RULE("a.example"), VERDICT_ALLOW, REASON_ALLOWED, false);
        expect_decision(RULE("c.example"), VERDICT_ALLOW, REASON_ALLOWED, true); /* more than p */
        expect_decision(RULE("d.example"), VERDICT_DENY, REASON_BEYOND_CEILING, false);
        expect_decision("{}", VERDICT_DENY, REASON_BEYOND_CEILING, false); /* everything */
        agent.is_default = true;                                           /* the ceiling alone */
        expect_decision(RULE("c.example"), VERDICT_ALLOW, REASON_ALLOWED, false);
        end();
}
END_TEST

/* A sandbox has the host's loopback by its policy; no grant opens it, and one that did nothing would be a promise. */
START_TEST(test_the_host_s_loopback) {
#define EVERYTHING(name, more)                                                                              \
        "{\"schema\": \"mxc-policy/1\", \"name\": \"" name                                                  \
        "\", \"network\": {\"egress\": {\"default\": \"allow\"}" more "}}"
#define TO(address)                                                                                         \
        "{\"to\": [{\"cidr\": \"" address "\"}], \"ports\": [{\"protocol\": \"tcp\", \"port\": 22}]}"
        begin();
        write_file("usr/ceiling.json",
                        EVERYTHING("ceiling", ", \"ingress\": {\"hostLoopback\": \"allow\"}"));
        load();
        expect_decision(TO("10.0.2.2"), VERDICT_DENY, REASON_BEYOND_AGENT, false);
        expect_decision(TO("fd00:6d78:6300::2"), VERDICT_DENY, REASON_BEYOND_AGENT, false);
        expect_decision(TO("10.0.2.4"), VERDICT_ALLOW, REASON_ALLOWED, true);
        expect_decision(TO("127.0.0.1"), VERDICT_DENY, REASON_UNSUPPORTED, false);
        expect_decision(TO("::1"), VERDICT_DENY, REASON_UNSUPPORTED, false);
        expect_decision("{\"to\": [{\"cidr\": \"10.0.2.4\"}], \"ports\": [{\"protocol\": \"tcp\", \"port\": "
                        "53}]}",
                        VERDICT_DENY, REASON_UNSUPPORTED, false);
        write_file("usr/policies/p.json", EVERYTHING("p", ", \"ingress\": {\"hostLoopback\": \"allow\"}"));
        load();
        policy_unref(sandbox->effective->policy);
        sandbox->effective->policy = policy_ref((Policy *)policy_store_find(m.policies, "p"));
        expect_decision(TO("10.0.2.2"), VERDICT_ALLOW, REASON_ALLOWED, false);
        end();
}
END_TEST

/* What the policy denies by a rule, no grant undoes: neither all of it, nor a part. */
START_TEST(test_a_denial_stays) {
        begin();
        write_file("usr/policies/p.json", "{\"schema\": \"mxc-policy/1\", \"name\": \"p\", \"network\": "
                                          "{\"egress\": {\"allow\": [{\"to\": "
                                          "[{\"host\": \"a.example\"}], \"ports\": [{\"protocol\": "
                                          "\"tcp\"}]}], \"deny\": [{\"to\": [{\"host\": "
                                          "\"c.example\"}]}]}}}");
        load();
        policy_unref(sandbox->effective->policy);
        sandbox->effective->policy = policy_ref((Policy *)policy_store_find(m.policies, "p"));
        agent.policy = (char *)"q";
        expect_decision(RULE("c.example"), VERDICT_DENY, REASON_BEYOND_AGENT, false);
        write_policy("q", B); /* with a, nothing is left but what is granted */
        load();
        Grant *g = grant("{\"to\": [{\"host\": \"b.example\"}, {\"host\": \"c.example\"}], \"ports\": "
                         "[{\"protocol\": \"tcp\"}]}",
                        3600000000);
        g->beyond_agent = true;
        LIST_INSERT_HEAD(&sandbox->grants, g, entries);
        live_update_all(&m, "policy-load", NULL);
        expect_lease("policy-load", false, true, false);
        end();
}
END_TEST

/* Held to what bounds it, as that is now. */
START_TEST(test_a_grant_is_held_to_its_bounds) {
        begin();
        Grant *mine = grant(RULE("b.example"), 3600000000), *more = grant(RULE("c.example"), 3600000000);
        more->beyond_agent = true;
        LIST_INSERT_HEAD(&sandbox->grants, mine, entries);
        LIST_INSERT_HEAD(&sandbox->grants, more, entries);
        live_update_all(&m, "policy-load", NULL);
        expect_lease("policy-load", true, true, true);
        agent.policy = (char *)"q";
        live_update_all(&m, "set-policy", NULL);
        expect_lease("set-policy", true, false, true);
        write_policy("ceiling", A);
        load();
        live_update_all(&m, "policy-load", NULL);
        expect_lease("policy-load", true, false, false);
        agent.state = AGENT_REVOKED;
        live_update_all(&m, "revoke", NULL);
        expect_lease("revoke", false, false, false);
        end();
}
END_TEST

/* The lease itself says until when, so that mxc-egress knows without mxcd. */
START_TEST(test_a_lease_says_when_a_grant_is_over) {
        begin();
        Grant *g = grant(RULE("c.example"), 3600000000);
        const uint64_t until = g->until;
        g->beyond_agent = true;
        LIST_INSERT_HEAD(&sandbox->grants, g, entries);
        live_update_all(&m, "policy-load", NULL);
        uint64_t serial;
        EgressLease *l = hear_lease(&serial);
        ck_assert_ptr_nonnull(l);
        const NetRule *rule = net_rules_find(
                        l->egress.allow, l->egress.n_allow, NULL, "c.example", PROTOCOL_TCP, 443);
        ck_assert_ptr_nonnull(rule);
        ck_assert_uint_eq(rule->until, until);
        ck_assert_str_eq(rule->clause, "grant-1#/network/egress/allow/0");
        rule = net_rules_find(l->egress.allow, l->egress.n_allow, NULL, "a.example", PROTOCOL_TCP, 443);
        ck_assert_uint_eq(rule->until, 0);
        (void)egress_lease_free(l); /* NULL */
        end();
}
END_TEST

static const char *const no_rules[] = { "", "[]", "{", "{\"to\": []}", "{\"from\": []}",
        "{\"to\": [{\"host\": \"a..b\"}]}", "{\"to\": [{\"host\": \"a.example\"}]}, {}",
        "{\"to\": [{\"host\": \"a\"}], \"to\": [{\"host\": \"b\"}]}" };

START_TEST(test_what_is_no_rule) {
        Grant *g = NULL;
        char *sentence = NULL;
        ck_assert_int_eq(grant_new(no_rules[_i], 1, &g, &sentence), -EINVAL);
        ck_assert_ptr_nonnull(sentence);
        free(sentence);
}
END_TEST

/* n and n + 1 */
START_TEST(test_a_rule_that_is_long) {
        for (unsigned more = 0; more < 2; more++) {
                _cleanup_free_ char *sentence = NULL, *rule = NULL;
                Grant *g = NULL;
                ck_assert_int_ge(asprintf(&rule, "%-*s", (int)(LIMIT_GRANT_BYTES + more), RULE("a.example")),
                                0);
                ck_assert_int_eq(grant_new(rule, 1, &g, &sentence), more ? -EINVAL : 0);
                if (!more)
                        (void)grant_free(g); /* NULL */
        }
}
END_TEST

START_TEST(test_how_many_and_for_how_long) {
        begin();
        for (size_t i = 0; i < LIMIT_GRANTS; i++) {
                ck_assert(grants_have_room(&sandbox->grants));
                Grant *g = grant(RULE("a.example"), 3600000000);
                LIST_INSERT_HEAD(&sandbox->grants, g, entries);
        }
        ck_assert(!grants_have_room(&sandbox->grants));
        ck_assert(!grant_usec_is_good(999999));
        ck_assert(grant_usec_is_good(1000000));
        ck_assert(grant_usec_is_good(LIMIT_GRANT_USEC));
        ck_assert(!grant_usec_is_good(LIMIT_GRANT_USEC + 1));
        end();
}
END_TEST

/* As the next mxcd reads it. */
START_TEST(test_the_record_of_a_grant) {
        Grant *g = NULL;
        _cleanup_free_ char *sentence = NULL;
        ck_assert_int_eq(grant_new(RULE("a.example"), 7, &g, &sentence), 0);
        g->until = 4711;
        g->beyond_agent = true;
        json_auto_t *record = grant_to_json(g);
        Grant *again = grant_from_json(record);
        ck_assert_ptr_nonnull(again);
        ck_assert_uint_eq(again->number, 7);
        ck_assert_uint_eq(again->until, 4711);
        ck_assert(again->beyond_agent);
        ck_assert_str_eq(again->policy->digest, g->policy->digest);
        (void)grant_free(again); /* NULL, as the next */
        (void)grant_free(g);
        json_object_set_new(record, "rule", json_string("no"));
        ck_assert_ptr_null(grant_from_json(record));
}
END_TEST

/* ---- a relay that does not follow ---- */

static void expect_killed(const char *event, const char *reason) {
        _cleanup_(record_clear) Record r = { 0 };
        ck_assert(journal_read(journal, &r));
        record_expect(&r, "MXC_EVENT", event);
        record_expect(&r, "MXC_REASON", reason);
}

START_TEST(test_one_that_does_not_answer_is_killed) {
        begin();
        say((EgressReport){ .kind = EGRESS_CONNECT,
                        .awaits = 1,
                        .serial = 1,
                        .protocol = PROTOCOL_TCP,
                        .port = 443,
                        .family = AF_INET });
        expect_killed("connect", "rule");
        EgressOrder order;
        int fd;
        ck_assert_int_eq(egress_receive_order(theirs, &order, &fd), 1);
        agent.policy = (char *)"q";
        live_update_agent(&m, &agent, "set-policy", NULL);
        expect_killed("lease", "set-policy");
        say((EgressReport){ .kind = EGRESS_LEASED,
                        .serial = sandbox->relay->leased - 1 }); /* of another lease */
        ck_assert(!was_killed());
        while (sandbox->relay->late)
                ck_assert_int_ge(sd_event_run(bus.event, UINT64_MAX), 0);
        ck_assert(was_killed());
        expect_killed("lease", "late");
        expect_killed("disconnect", "revoked");
        ck_assert_uint_eq(sandbox->relay->n_open, 0);
        /* the next one is told before anything that it asks is answered */
        uint64_t serial;
        (void)egress_lease_free(hear_lease(&serial)); /* NULL */
        say((EgressReport){ .kind = EGRESS_HELLO });
        expect_lease(NULL, true, false, false);
        end();
}
END_TEST

/* One that reads nothing: its socket is full. */
START_TEST(test_one_that_reads_nothing_is_killed) {
        begin();
        EgressOrder order = { .kind = EGRESS_RECORDED };
        while (egress_send_order(sandbox->relay->channel, &order, -EBADF) == 0)
                ;
        agent.policy = (char *)"q";
        live_update_agent(&m, &agent, "set-policy", NULL);
        ck_assert(was_killed());
        ck_assert(!sandbox->relay->serves);
        end();
}
END_TEST

/* No lease can be made: nothing is allowed, until one can. */
START_TEST(test_one_that_cannot_be_told_is_shut) {
        begin();
        relay_shut(sandbox->relay);
        ck_assert(was_killed());
        say((EgressReport){ .kind = EGRESS_CONNECT,
                        .awaits = 1,
                        .serial = 1,
                        .protocol = PROTOCOL_TCP,
                        .port = 443,
                        .family = AF_INET });
        EgressOrder order;
        int fd;
        ck_assert_int_eq(egress_receive_order(theirs, &order, &fd), 1);
        ck_assert_uint_eq(order.verdict, VERDICT_DENY);
        sandbox->relay->serves = true;
        live_update_all(&m, "policy-load", NULL);
        expect_lease("policy-load", true, true, false);
        ck_assert(!sandbox->relay->shut);
        end();
}
END_TEST

/* What a relay before it has spent, whatever the last lease said; and not what it says of less. */
START_TEST(test_the_next_relay_begins_with_what_is_left) {
        begin();
        say((EgressReport){ .kind = EGRESS_HELLO });
        expect_nothing();
        say((EgressReport){ .kind = EGRESS_SPENT, .bytes_out = 5, .bytes_in = 7 });
        say((EgressReport){ .kind = EGRESS_SPENT, .bytes_out = 3, .bytes_in = 9 });
        expect_nothing();
        say((EgressReport){ .kind = EGRESS_HELLO });
        uint64_t serial = 0;
        EgressLease *l = hear_lease(&serial);
        ck_assert_ptr_nonnull(l);
        ck_assert(reaches(l, "a.example") && l->spent_out == 5 && l->spent_in == 9);
        (void)egress_lease_free(l); /* NULL */
        say((EgressReport){ .kind = EGRESS_LEASED, .serial = serial, .bytes_out = 50 });
        agent.policy = (char *)"q";
        live_update_agent(&m, &agent, "set-policy", NULL);
        l = hear_lease(&serial);
        ck_assert_ptr_nonnull(l);
        ck_assert(!reaches(l, "b.example") && l->spent_out == 50 && l->spent_in == 9);
        (void)egress_lease_free(l); /* NULL */
        end();
}
END_TEST

/* A document's, of at most a megabyte. */
static Policy *bounded(void) {
        static const char text[] = "{\"schema\": \"mxc-policy/1\", \"network\": {\"egress\": {\"allow\": "
                                   "[{\"to\": [{\"host\": \"a.example\"}], \"ports\": [{\"protocol\": "
                                   "\"tcp\"}]}], \"limits\": {\"bytesOut\": \"1M\"}}}}";
        Policy *p = NULL;
        PolicyError error = { 0 };
        ck_assert_msg(policy_parse(text, strlen(text), NULL, NULL, &p, &error) == 0, "%s", error.sentence);
        return p;
}

static void spend(uint64_t out, uint64_t kept) {
        say((EgressReport){ .kind = EGRESS_SPENT, .bytes_out = out, .bytes_in = out });
        ck_assert_uint_eq(sandbox->relay->spent_out, out);
        ck_assert_uint_eq(sandbox->spent_out, kept);
}

/* As the next mxcd finds it, by its record. */
static Sandbox *adopt(void) {
        Sandbox *s;
        _cleanup_free_ char *text = runtime_record(sandbox);
        ck_assert_ptr_nonnull(text);
        json_auto_t *record = json_loads(text, 0, NULL);
        ck_assert_int_eq(sandbox_new(&m, "fedcba9876543210fedcba9876543210", &agent, &s), 0);
        (void)runtime_restore(s, record); /* its policy is in no file */
        ck_assert(s->leased && streq(s->owner.name, "alice"));
        ck_assert_uint_eq(s->spent_out, sandbox->spent_out);
        ck_assert_uint_eq(s->spent_in, sandbox->spent_in);
        ck_assert_int_eq(json_object_del(record, "spentOut"), 0); /* of an older mxcd */
        ck_assert_int_eq(json_object_del(record, "spentIn"), 0);
        sandbox_free(s);
        ck_assert_int_eq(sandbox_new(&m, "fedcba9876543210fedcba9876543210", &agent, &s), 0);
        (void)runtime_restore(s, record);
        ck_assert(s->leased && s->spent_out == 0 && s->spent_in == 0);
        s->spent_out = sandbox->spent_out;
        s->spent_in = sandbox->spent_in;
        s->leaf = strdup("/leaf");
        s->effective = sandbox->effective;
        s->state = SANDBOX_RUNNING;
        return s;
}

/* Whether there is a relay that still knows or not; and however often one says it, it is written but so often. */
START_TEST(test_the_next_mxcd_knows_what_is_spent) {
        static Scope scope = { .path = (char *)"/mxc-x.scope" };
        begin();
        policy_unref(sandbox->effective->policy);
        sandbox->effective->policy = bounded();
        sandbox->scope = &scope;
        sandbox->owner.name = strdup("alice");
        sandbox->workspace = strdup("");
        sandbox->walls = strdup("");
        sandbox->unheld = strdup("");
        spend(4000, 0); /* less than a step */
        spend(5000, 5000);
        spend(5001, 5000);
        spend(5000 + 4096, 5000);
        spend(5000 + 4097, 5000 + 4097);
        spend((1 << 20) - 1, (1 << 20) - 1);
        spend(1 << 20, 1 << 20);
        spend(2 << 20, 1 << 20); /* it is all gone */
        ck_assert_uint_gt(sandbox->spent_in, 0);
        sandbox->relay = relay_free(sandbox->relay);
        Sandbox *s = adopt();
        int pair[2];
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        (void)close(theirs);
        theirs = pair[0];
        ck_assert_int_eq(relay_new(s, pair[1], &s->relay), 0);
        live_adopt(s);
        uint64_t serial = 0;
        EgressLease *l = hear_lease(&serial);
        ck_assert_ptr_nonnull(l);
        ck_assert_uint_eq(l->spent_out, 1 << 20);
        (void)egress_lease_free(l); /* NULL */
        s->effective = NULL;
        sandbox_free(s);
        sandbox->scope = NULL;
        runtime_remove(ID); /* where this is a host of mxcd's */
        end();
}
END_TEST

/* Nobody is there to be told; who comes then is. */
START_TEST(test_a_grant_before_there_is_a_relay) {
        begin();
        sandbox->relay->serves = false;
        Grant *g = grant(RULE("c.example"), 3600000000);
        g->beyond_agent = true;
        LIST_INSERT_HEAD(&sandbox->grants, g, entries);
        live_update_all(&m, "policy-load", NULL);
        uint64_t serial = 0;
        ck_assert_ptr_null(hear_lease(&serial));
        ck_assert_ptr_null(sandbox->relay->late);
        say((EgressReport){ .kind = EGRESS_HELLO });
        expect_lease(NULL, true, true, true);
        end();
}
END_TEST

/* The host's proxy is told, and the same again is not. */
START_TEST(test_the_host_s_proxy) {
        begin();
        write_file("usr/upstream.json",
                        "{\"schema\": \"mxc-upstream/1\", \"host\": \"10.0.0.1\", \"port\": 3128}");
        load();
        live_update_all(&m, "policy-load", NULL);
        uint64_t serial = 0;
        EgressLease *l = hear_lease(&serial);
        ck_assert_ptr_nonnull(l);
        ck_assert(l->upstream.set && l->upstream.port == 3128);
        ck_assert_str_eq(l->upstream.host, "10.0.0.1");
        (void)egress_lease_free(l); /* NULL */
        load();
        live_update_all(&m, "policy-load", NULL);
        ck_assert_ptr_null(hear_lease(&serial));
        remove_file("usr/upstream.json");
        load();
        live_update_all(&m, "policy-load", NULL);
        l = hear_lease(&serial);
        ck_assert_ptr_nonnull(l);
        ck_assert(!l->upstream.set);
        (void)egress_lease_free(l); /* NULL */
        end();
}
END_TEST

int main(void) {
        TCase *t = daemon_case("live");
        tcase_add_test(t, test_the_next_relay_begins_with_what_is_left);
        tcase_add_test(t, test_the_next_mxcd_knows_what_is_spent);
        tcase_add_test(t, test_a_grant_before_there_is_a_relay);
        tcase_add_test(t, test_the_host_s_proxy);
        tcase_add_test(t, test_its_agents_policy);
        tcase_add_test(t, test_files);
        tcase_add_test(t, test_where_its_policy_is_from);
        tcase_add_test(t, test_a_revoked_agent);
        tcase_add_test(t, test_another_agent);
        tcase_add_test(t, test_adopted);
        tcase_add_test(t, test_what_may_be_granted);
        tcase_add_test(t, test_the_host_s_loopback);
        tcase_add_test(t, test_a_denial_stays);
        tcase_add_test(t, test_a_grant_is_held_to_its_bounds);
        tcase_add_test(t, test_a_lease_says_when_a_grant_is_over);
        tcase_add_loop_test(t, test_what_is_no_rule, 0, ELEMENTSOF(no_rules));
        tcase_add_test(t, test_a_rule_that_is_long);
        tcase_add_test(t, test_how_many_and_for_how_long);
        tcase_add_test(t, test_the_record_of_a_grant);
        tcase_add_test(t, test_one_that_does_not_answer_is_killed);
        tcase_add_test(t, test_one_that_reads_nothing_is_killed);
        tcase_add_test(t, test_one_that_cannot_be_told_is_shut);
        return run_daemon_case(t);
}
