/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mxcd's end of a sandbox's network. The relay is the test, and now and then it is hostile. */

#include "relay.h"

#include "bus-test.h"
#include "codec.h"
#include "daemon-test.h"
#include "egress-net.h"
#include "lease.h"
#include "net-rule.h"

#define ID "0123456789abcdef0123456789abcdef"

static Manager m;
static TestBus bus;
static Agent agent;
static Sandbox *sandbox;
static int journal, theirs;

static int nothing(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        return 0;
}

static void begin(bool with_journal) {
        m = (Manager){ .cgroup_path = test_dir };
        journal = with_journal ? journal_listen() : -EBADF;
        _cleanup_free_ char *path = path_of("journal");
        test_bus_open(&bus, nothing, NULL);
        m.event = bus.event;
        m.bus = bus.server;
        ck_assert_int_eq(audit_new(path, &m.audit), 0);
        agent = (Agent){ .name = (char *)"x", .owner = 4711, .policy = (char *)"p", .reason = (char *)"" };
        ck_assert_int_eq(sandbox_new(&m, ID, &agent, &sandbox), 0);
        sandbox->policy = strdup("p");
        int pair[2];
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        theirs = pair[0];
        ck_assert_int_eq(relay_new(sandbox, pair[1], &sandbox->relay), 0);
}

static void end(void) {
        sandbox_free(sandbox);
        audit_free(m.audit);
        if (journal >= 0)
                (void)close(journal);
        (void)close(theirs);
        test_bus_close(&bus);
}

static EgressReport connection(uint64_t serial, Verdict verdict) {
        return (EgressReport){ .kind = EGRESS_CONNECT,
                .verdict = verdict,
                .awaits = verdict == VERDICT_ALLOW,
                .serial = serial,
                .protocol = PROTOCOL_TCP,
                .port = 443,
                .family = AF_INET,
                .address = { 192, 0, 2, 1 },
                .count = 1,
                .host = "api.example.com",
                .clause = "p#/network/egress/allow/0" };
}

static void say(EgressReport report) {
        ck_assert_int_eq(egress_send_report(theirs, &report), 0);
        test_bus_settle(&bus);
}

/* What mxcd answers; false: nothing. */
static bool hear(EgressOrder *ret) {
        int fd;
        return egress_receive_order(theirs, ret, &fd) == 1;
}

static void expect_record(const char *event, const char *decision) {
        _cleanup_(record_clear) Record r = { 0 };
        ck_assert(journal_read(journal, &r));
        record_expect(&r, "MXC_EVENT", event);
        record_expect(&r, "MXC_DECISION", decision);
        record_expect(&r, "MXC_SANDBOX", ID);
        record_expect(&r, "MXC_AGENT", "x");
}

START_TEST(test_what_is_allowed_is_on_record_before_it_is_answered) {
        begin(true);
        say(connection(7, VERDICT_ALLOW));
        expect_record("connect", "allow");
        EgressOrder order;
        ck_assert(hear(&order));
        ck_assert_uint_eq(order.kind, EGRESS_RECORDED);
        ck_assert_uint_eq(order.serial, 7);
        ck_assert_uint_eq(order.verdict, VERDICT_ALLOW);
        ck_assert_uint_eq(sandbox->relay->n_open, 1);
        ck_assert_uint_eq(sandbox->relay->n_allowed, 1);

        EgressReport over = connection(7, VERDICT_ALLOW);
        over.kind = EGRESS_CLOSE;
        over.awaits = 0;
        over.bytes_out = 3;
        over.bytes_in = 5;
        say(over);
        expect_record("disconnect", "none");
        ck_assert(!hear(&order));
        ck_assert_uint_eq(sandbox->relay->n_open, 0);
        ck_assert_uint_eq(sandbox->relay->bytes_in, 5);
        end();
}
END_TEST

/* No journal, no connection. */
START_TEST(test_what_is_not_on_record_is_answered_no) {
        begin(false);
        say(connection(8, VERDICT_ALLOW));
        EgressOrder order;
        ck_assert(hear(&order));
        ck_assert_uint_eq(order.serial, 8);
        ck_assert_uint_eq(order.verdict, VERDICT_DENY);
        ck_assert_uint_eq(sandbox->relay->n_open, 0);
        end();
}
END_TEST

START_TEST(test_a_refusal_is_recorded_and_not_answered) {
        begin(true);
        say(connection(9, VERDICT_DENY));
        expect_record("connect", "deny");
        EgressOrder order;
        ck_assert(!hear(&order));
        ck_assert_uint_eq(sandbox->relay->n_refused, 1);
        ck_assert_uint_eq(sandbox->relay->n_shown, 1);
        end();
}
END_TEST

/* n and n + 1: the first of a window one by one, the rest as a number, told at the latest with the sandbox's end. */
START_TEST(test_a_flood_of_refusals_is_counted) {
        begin(true);
        for (size_t i = 0; i < LIMIT_RELAY_REFUSALS; i++) {
                say(connection(i + 1, VERDICT_DENY));
                expect_record("connect", "deny");
        }
        Record none = { 0 };
        for (size_t i = 0; i < 3; i++)
                say(connection(1000 + i, VERDICT_DENY));
        ck_assert(!journal_read(journal, &none));
        ck_assert_uint_eq(sandbox->relay->n_shown, LIMIT_RELAY_SHOWN);
        ck_assert_uint_eq(sandbox->relay->n_refused, LIMIT_RELAY_REFUSALS + 3);
        sandbox->relay = relay_free(sandbox->relay);
        _cleanup_(record_clear) Record r = { 0 };
        ck_assert(journal_read(journal, &r));
        record_expect(&r, "MXC_REASON", "many");
        record_expect(&r, "MXC_COUNT", "3");
        end();
}
END_TEST

/* What the kernel had no room to tell of has no destination, no process and no program, and is not told under another's. */
START_TEST(test_refusals_of_which_only_the_number_is_known) {
        begin(true);
        say(connection(1, VERDICT_DENY));
        expect_record("connect", "deny");
        for (unsigned i = 0; i < 2; i++)
                say((EgressReport){ .kind = EGRESS_CONNECT, .verdict = VERDICT_DENY, .count = 20 });
        Record none = { 0 };
        ck_assert(!journal_read(journal, &none));
        ck_assert_uint_eq(sandbox->relay->n_shown, 1);
        ck_assert_uint_eq(sandbox->relay->n_refused, 41);
        sandbox->relay = relay_free(sandbox->relay);
        _cleanup_(record_clear) Record r = { 0 };
        ck_assert(journal_read(journal, &r));
        record_expect(&r, "MXC_REASON", "many");
        record_expect(&r, "MXC_COUNT", "40");
        record_expect(&r, "MXC_TARGET", NULL);
        end();
}
END_TEST

START_TEST(test_more_connections_than_are_shown) {
        begin(true);
        EgressOrder order;
        for (uint64_t i = 0; i < LIMIT_RELAY_CONNECTIONS + 1; i++) {
                EgressReport report = connection(i + 1, VERDICT_ALLOW);
                ck_assert_int_eq(egress_send_report(theirs, &report), 0);
                if (i % 4 != 3 && i < LIMIT_RELAY_CONNECTIONS)
                        continue;
                test_bus_settle(&bus);
                for (uint64_t k = 0; k <= i % 4; k++) {
                        expect_record("connect", "allow");
                        ck_assert(hear(&order));
                        ck_assert_uint_eq(order.verdict, VERDICT_ALLOW);
                }
        }
        ck_assert_uint_eq(sandbox->relay->n_open, LIMIT_RELAY_CONNECTIONS);
        EgressReport hello = { .kind = EGRESS_HELLO, .verdict = VERDICT_ALLOW, .count = 1 };
        say(hello); /* another relay: what the last one held is gone */
        ck_assert_uint_eq(sandbox->relay->n_open, 0);
        ck_assert(sandbox->relay->serves);
        end();
}
END_TEST

static void spoil_kind(EgressReport *r) {
        r->kind = _EGRESS_KIND_MAX;
}
static void spoil_reason(EgressReport *r) {
        r->reason = _EGRESS_REASON_MAX;
}
static void spoil_verdict(EgressReport *r) {
        r->verdict = 2;
}
static void spoil_port(EgressReport *r) {
        r->port = 65536;
}
static void spoil_family(EgressReport *r) {
        r->family = AF_UNIX;
}
static void spoil_protocol(EgressReport *r) {
        r->protocol = PROTOCOL_ICMP;
}
static void spoil_count(EgressReport *r) {
        r->count = 0;
}
static void spoil_host(EgressReport *r) {
        memcpy(r->host, "a\nb", 4);
}
static void spoil_host_end(EgressReport *r) {
        memset(r->host, 'a', sizeof(r->host));
}
static void spoil_clause_end(EgressReport *r) {
        memset(r->clause, 'a', sizeof(r->clause));
}
static void (*const spoilers[])(EgressReport *) = { spoil_kind, spoil_reason, spoil_verdict, spoil_port,
        spoil_family, spoil_protocol, spoil_count, spoil_host, spoil_host_end, spoil_clause_end };

/* A relay that is not ours any more gets nothing recorded, and nothing allowed. */
START_TEST(test_a_report_that_is_none) {
        begin(true);
        EgressReport report = connection(1, VERDICT_ALLOW);
        spoilers[_i](&report);
        say(report);
        say(connection(2, VERDICT_ALLOW));
        Record none = { 0 };
        EgressOrder order;
        ck_assert(!journal_read(journal, &none));
        ck_assert(!hear(&order));
        ck_assert_uint_eq(sandbox->relay->n_open, 0);
        end();
}
END_TEST

START_TEST(test_a_report_of_another_size) {
        begin(true);
        const EgressReport report = connection(1, VERDICT_ALLOW);
        ck_assert_int_eq(send(theirs, &report, sizeof(report) - 1, 0), sizeof(report) - 1);
        test_bus_settle(&bus);
        say(connection(2, VERDICT_ALLOW));
        EgressOrder order;
        ck_assert(!hear(&order));
        end();
}
END_TEST

START_TEST(test_the_end_of_the_channel) {
        begin(true);
        (void)shutdown(theirs, SHUT_RDWR);
        test_bus_settle(&bus);
        ck_assert_ptr_null(sandbox->relay->io);
        end();
}
END_TEST

/* What the launcher hands on is the effective policy's network, and nothing that can still be changed. */
START_TEST(test_the_ends_of_a_new_relay) {
        static const char text[] = "{\"schema\": \"mxc-policy/1\", \"name\": \"n\", \"network\": "
                                   "{\"egress\": {\"allow\": [{\"to\": "
                                   "[{\"host\": \"a.example\"}, {\"cidr\": \"192.0.2.0/24\", \"except\": "
                                   "[\"192.0.2.9\"]}, "
                                   "{\"cidr\": \"2001:db8::/32\"}], \"ports\": [{\"protocol\": \"tcp\", "
                                   "\"port\": 1, \"endPort\": "
                                   "9}]}], \"deny\": [{\"to\": [{\"host\": \"*.b.example\"}]}], \"limits\": "
                                   "{\"connections\": 5, "
                                   "\"bytesOut\": \"1M\"}}, \"ingress\": {\"publish\": [{\"port\": 80, "
                                   "\"hostPort\": 8080, \"clients\": \"any\"}]}}}";
        Policy *p = NULL;
        PolicyError error = { 0 };
        ck_assert_msg(policy_parse(text, strlen(text), NULL, NULL, &p, &error) == 0, "%s", error.sentence);
        RelayEnds ends;
        char direct[] = "*.b.example", *const list[] = { direct };
        const Upstream upstream = { true, (char *)"10.0.0.1", 3128, (char *)"dTpw", (char **)list, 1 };
        const RelayTerms terms = { p, &upstream, 5, 4711 };
        ck_assert_int_eq(relay_ends_new(ID, &terms, &ends), 0);
        ck_assert_uint_eq(ends.upstream, 5);
        _cleanup_free_ uint8_t *data = NULL;
        size_t size;
        ck_assert_int_eq(sealed_memfd_read(ends.lease, &data, &size), 0);
        EgressLease *l = NULL;
        const char *where = "";
        ck_assert_msg(egress_lease_decode(data, size, &l, &where) == 0, "%s", where);
        ck_assert_str_eq(l->id, ID);
        ck_assert_uint_eq(l->egress.fallback, VERDICT_DENY);
        ck_assert_uint_eq(l->egress.n_allow, 1);
        ck_assert_uint_eq(l->egress.allow[0].n_peers, 3);
        ck_assert_str_eq(l->egress.deny[0].peers[0].host, "*.b.example");
        ck_assert_uint_eq(l->connections, 5);
        ck_assert_uint_eq(l->bytes_out, 1024 * 1024);
        ck_assert_uint_eq(l->bytes_in, LEASE_UNLIMITED);
        ck_assert_uint_eq(l->owner, 4711);
        ck_assert_uint_eq(l->n_publish, 1);
        ck_assert(net_publish_covers(&l->publish[0], &p->publish[0]) &&
                        net_publish_covers(&p->publish[0], &l->publish[0]));
        ck_assert_str_eq(l->publish[0].clause, "/network/ingress/publish/0");
        ck_assert(upstream_equal(&l->upstream, &upstream));
        for (size_t i = 0; i < l->egress.allow[0].n_peers; i++)
                ck_assert(net_peer_covers(&l->egress.allow[0].peers[i], &p->egress.allow[0].peers[i]) &&
                                net_peer_covers(&p->egress.allow[0].peers[i], &l->egress.allow[0].peers[i]));
        (void)egress_lease_free(l); /* NULL */
        relay_ends_close(&ends);
        policy_unref(p);
}
END_TEST

/* ---- whoever looks ---- */

static unsigned n_looked;
static int has_looked;
static bool looked_live;

static void on_looked(Relay *r, bool live, void *userdata) {
        ck_assert_ptr_eq(r, sandbox->relay);
        ck_assert_ptr_eq(userdata, &n_looked);
        n_looked++;
        has_looked = 1;
        looked_live = live;
}

static void begin_to_look(void) {
        begin(true);
        n_looked = 0;
        sandbox->leaf = strdup("/leaf");
        make_dir("leaf" EGRESS_LEAF_SUFFIX);
        write_file("leaf" EGRESS_LEAF_SUFFIX "/cgroup.procs", "1\n");
        say((EgressReport){ .kind = EGRESS_HELLO, .verdict = VERDICT_ALLOW, .count = 1 });
}

static void open_one(uint64_t serial) {
        EgressOrder order;
        say(connection(serial, VERDICT_ALLOW));
        expect_record("connect", "allow");
        ck_assert(hear(&order));
}

static int look(void) {
        return relay_look(sandbox->relay, on_looked, &n_looked);
}

static uint64_t hear_look(int *ret_fd) {
        EgressOrder order;
        ck_assert_int_eq(egress_receive_order(theirs, &order, ret_fd), 1);
        ck_assert_uint_eq(order.kind, EGRESS_LOOK);
        return order.serial;
}

static void write_look(int fd, size_t i, EgressReport report) {
        report.magic = EGRESS_MAGIC;
        report.version = EGRESS_VERSION;
        ck_assert_int_eq(pwrite(fd, &report, sizeof(report), (off_t)(i * sizeof(report))), sizeof(report));
}

static void say_looked(uint64_t serial) {
        say((EgressReport){ .kind = EGRESS_LOOKED, .verdict = VERDICT_ALLOW, .serial = serial, .count = 1 });
}

static const RelayConnection *open_with(uint64_t serial) {
        const RelayConnection *c;
        TAILQ_FOREACH(c, &sandbox->relay->open, entries)
                if (c->report.serial == serial)
                        return c;
        return NULL;
}

/* What mxcd has known, what it has not (it began after that), what is not on record, and what is over without a word. */
START_TEST(test_what_is_open_is_asked_for) {
        begin_to_look();
        open_one(1);
        open_one(2);
        open_one(3);
        ck_assert_int_eq(look(), 0);
        ck_assert_int_eq(look(), 0);
        _cleanup_close_ int file = -EBADF;
        uint64_t number = hear_look(&file);
        EgressOrder order;
        ck_assert(!hear(&order)); /* one question for both */
        EgressReport known = connection(3, VERDICT_ALLOW), own = known,
                     older = connection(90, VERDICT_ALLOW), unrecorded = connection(91, VERDICT_ALLOW);
        known.bytes_out = 5;
        known.bytes_in = UINT64_MAX;
        known.awaits = 0;
        own.serial = 1; /* its answer is on the way */
        older.awaits = 0;
        older.usec = 1000000;
        write_look(file, 0, known);
        write_look(file, 1, own);
        write_look(file, 2, older);
        write_look(file, 3, unrecorded);
        ck_assert_uint_eq(n_looked, 0);
        const uint64_t since = open_with(3)->since;
        say_looked(number - 1); /* of an earlier mxcd */
        ck_assert_uint_eq(n_looked, 0);
        say_looked(number);
        ck_assert_uint_eq(n_looked, 2);
        ck_assert(looked_live);
        ck_assert_uint_eq(sandbox->relay->n_open, 3);
        ck_assert_uint_eq(open_with(3)->report.bytes_out, 5);
        ck_assert_uint_eq(open_with(3)->report.bytes_in, UINT64_MAX);
        ck_assert_uint_eq(open_with(3)->since, since);
        ck_assert_ptr_nonnull(open_with(1));
        ck_assert_ptr_nonnull(open_with(90));
        ck_assert_uint_le(open_with(90)->since, now_realtime() - 1000000);
        say_looked(number); /* again: nobody asked */
        ck_assert_uint_eq(n_looked, 2);
        end();
}
END_TEST

/* n and n + 1. */
START_TEST(test_as_much_as_can_be_open) {
        begin_to_look();
        ck_assert_int_eq(look(), 0);
        _cleanup_close_ int file = -EBADF;
        uint64_t number = hear_look(&file);
        EgressReport one = connection(1, VERDICT_ALLOW);
        one.awaits = 0;
        for (size_t i = 0; i < EGRESS_LOOK_MAX; i++) {
                one.serial = i + 1;
                write_look(file, i, one);
        }
        ck_assert_int_lt(pwrite(file, &one, sizeof(one), (off_t)EGRESS_LOOK_BYTES), 0);
        ck_assert_int_lt(ftruncate(file, 0), 0);
        say_looked(number);
        ck_assert_uint_eq(n_looked, 1);
        ck_assert(looked_live);
        ck_assert_uint_eq(sandbox->relay->n_open, EGRESS_LOOK_MAX);
        end();
}
END_TEST

static void spoil_to_refusal(EgressReport *r) {
        r->verdict = VERDICT_DENY;
}
static void spoil_to_end(EgressReport *r) {
        r->kind = EGRESS_CLOSE;
}
static void spoil_serial(EgressReport *r) {
        r->serial = 0;
}
static void (*const look_spoilers[])(EgressReport *) = { spoil_to_refusal, spoil_to_end, spoil_serial,
        spoil_kind, spoil_port, spoil_host, spoil_host_end, spoil_clause_end };

/* Then it is as it was heard to be. */
START_TEST(test_what_is_open_is_not_believed) {
        begin_to_look();
        open_one(1);
        ck_assert_int_eq(look(), 0);
        _cleanup_close_ int file = -EBADF;
        uint64_t number = hear_look(&file);
        EgressReport report = connection(2, VERDICT_ALLOW);
        report.awaits = 0;
        look_spoilers[_i](&report);
        write_look(file, 0, report);
        say_looked(number);
        ck_assert_uint_eq(n_looked, 1);
        ck_assert(!looked_live);
        ck_assert_uint_eq(sandbox->relay->n_open, 1);
        ck_assert_ptr_nonnull(open_with(1));
        end();
}
END_TEST

static void wait_for_looked(void) {
        has_looked = 0;
        test_bus_run(&bus, &has_looked);
}

/* Who looks does not wait for ever; and what does not answer is asked anew. */
START_TEST(test_a_relay_that_does_not_answer) {
        begin_to_look();
        open_one(1);
        ck_assert_int_eq(look(), 0);
        _cleanup_close_ int file = -EBADF;
        const uint64_t first = hear_look(&file);
        wait_for_looked();
        ck_assert(!looked_live);
        ck_assert_ptr_nonnull(open_with(1));
        ck_assert_int_eq(look(), 0);
        cleanup_closep(&file);
        const uint64_t second = hear_look(&file);
        ck_assert_uint_ne(first, second);
        say_looked(first); /* late: nobody waits for that any more */
        ck_assert_uint_eq(n_looked, 1);
        say_looked(second);
        ck_assert_uint_eq(n_looked, 2);
        ck_assert(looked_live);
        ck_assert_uint_eq(sandbox->relay->n_open, 0);
        end();
}
END_TEST

/* And not for ever: the last question stays out, until one is answered. */
START_TEST(test_a_relay_that_stands_still) {
        begin_to_look();
        for (unsigned i = 0; i < RELAY_LOOKS_UNANSWERED; i++) {
                _cleanup_close_ int file = -EBADF;
                ck_assert_int_eq(look(), 0);
                (void)hear_look(&file);
                wait_for_looked();
                ck_assert(!looked_live);
        }
        ck_assert_int_eq(look(), 0);
        EgressOrder order;
        ck_assert(!hear(&order));
        say_looked(sandbox->relay->looked);
        ck_assert(looked_live);
        ck_assert_int_eq(look(), 0);
        ck_assert(hear(&order));
        ck_assert_uint_eq(order.kind, EGRESS_LOOK);
        end();
}
END_TEST

START_TEST(test_a_relay_that_is_gone) {
        begin_to_look();
        open_one(1);
        ck_assert_int_eq(look(), 0);
        say((EgressReport){ .kind = EGRESS_HELLO, .verdict = VERDICT_ALLOW, .count = 1 }); /* the next one */
        ck_assert_uint_eq(n_looked, 1);
        ck_assert(looked_live);
        ck_assert_uint_eq(sandbox->relay->n_open, 0);
        expect_record("disconnect", "none"); /* of what ended with the first */
        open_one(1);
        ck_assert_int_eq(look(), 0);
        sandbox->relay = relay_free(sandbox->relay);
        ck_assert_uint_eq(n_looked, 2);
        ck_assert(!looked_live);
        end();
}
END_TEST

/* Nor does a look take the record of what ended with it. */
START_TEST(test_no_relay_is_not_asked) {
        begin_to_look();
        open_one(1);
        write_file("leaf" EGRESS_LEAF_SUFFIX "/cgroup.procs", "");
        ck_assert_int_eq(look(), 1);
        ck_assert_uint_eq(n_looked, 0);
        relay_shut(sandbox->relay);
        expect_record("disconnect", "none");
        ck_assert_uint_eq(sandbox->relay->n_open, 0);
        end();
}
END_TEST

static const struct {
        const char *egress;
        bool by_name;
} reaching[] = {
        { "{\"allow\": [{\"to\": [{\"cidr\": \"192.0.2.0/24\"}]}]}", false },
        { "{\"allow\": [{\"to\": [{\"cidr\": \"192.0.2.0/24\"}]}], \"deny\": [{\"to\": [{\"host\": "
          "\"a.example\"}]}]}",
                        false },
        { "{\"allow\": [{\"to\": [{\"cidr\": \"192.0.2.0/24\"}, {\"host\": \"a.example\"}]}]}", true },
        { "{\"allow\": [{\"to\": [{\"cidr\": \"192.0.2.0/24\"}]}, {\"ports\": [{\"protocol\": \"tcp\"}]}]}",
                        true },
        { "{\"default\": \"allow\"}", true },
};

/* The proxy's credentials go to those relays alone that ask it for anything. */
START_TEST(test_who_is_given_the_proxy_s_credentials) {
        _cleanup_free_ char *text = NULL;
        ck_assert_int_ge(asprintf(&text, "{\"schema\": \"mxc-policy/1\", \"network\": {\"egress\": %s}}",
                                         reaching[_i].egress),
                        0);
        Policy *p = NULL;
        PolicyError error = { 0 };
        ck_assert_msg(policy_parse(text, strlen(text), NULL, NULL, &p, &error) == 0, "%s", error.sentence);
        const Upstream upstream = {
                .set = true, .host = (char *)"10.0.0.1", .port = 3128, .authorization = (char *)"dTpw"
        };
        const RelayTerms terms = { .policy = p, .upstream = &upstream };
        _cleanup_close_ int lease = -EBADF, table = -EBADF;
        ck_assert_int_eq(relay_lease_new(ID, &terms, &lease, &table), 0);
        _cleanup_free_ uint8_t *data = NULL;
        size_t size;
        ck_assert_int_eq(sealed_memfd_read(lease, &data, &size), 0);
        EgressLease *l = NULL;
        ck_assert_int_eq(egress_lease_decode(data, size, &l, NULL), 0);
        ck_assert(l->upstream.set);
        ck_assert_str_eq(l->upstream.host, "10.0.0.1");
        ck_assert_str_eq(l->upstream.authorization, reaching[_i].by_name ? "dTpw" : "");
        (void)egress_lease_free(l); /* NULL */
        policy_unref(p);
}
END_TEST

int main(void) {
        TCase *t = daemon_case("relay");
        tcase_add_test(t, test_what_is_allowed_is_on_record_before_it_is_answered);
        tcase_add_test(t, test_what_is_not_on_record_is_answered_no);
        tcase_add_test(t, test_a_refusal_is_recorded_and_not_answered);
        tcase_add_test(t, test_a_flood_of_refusals_is_counted);
        tcase_add_test(t, test_refusals_of_which_only_the_number_is_known);
        tcase_add_test(t, test_more_connections_than_are_shown);
        tcase_add_loop_test(t, test_a_report_that_is_none, 0, ELEMENTSOF(spoilers));
        tcase_add_test(t, test_a_report_of_another_size);
        tcase_add_test(t, test_the_end_of_the_channel);
        tcase_add_test(t, test_what_is_open_is_asked_for);
        tcase_add_test(t, test_as_much_as_can_be_open);
        tcase_add_loop_test(t, test_what_is_open_is_not_believed, 0, ELEMENTSOF(look_spoilers));
        tcase_add_test(t, test_a_relay_that_does_not_answer);
        tcase_add_test(t, test_a_relay_that_stands_still);
        tcase_add_test(t, test_a_relay_that_is_gone);
        tcase_add_test(t, test_no_relay_is_not_asked);
        tcase_add_test(t, test_the_ends_of_a_new_relay);
        tcase_add_loop_test(t, test_who_is_given_the_proxy_s_credentials, 0, ELEMENTSOF(reaching));
        return run_daemon_case(t);
}
