/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What records hold, what strangers can put into them, and what happens where no journal is. */

#include <dlfcn.h>
#include <inttypes.h>
#include <jansson.h>
#include <sys/resource.h>

#include "audit-net.h"
#include "audit-record.h"
#include "daemon-test.h"
#include "limits.h"
#include "net-rule.h"

static void audit_freep(Audit **a) {
        if (*a)
                audit_free(*a);
}

static char *argv_make[] = { (char *)"make", (char *)"-j", (char *)"all", NULL };

static Caller the_caller = {
        .n_ref = 1, .uid = 1000, .gid = 1000, .pid = 4711, .unit = (char *)"session-3.scope"
};
static const AuditSubject subject = { .caller = &the_caller,
        .agent = "web-coder",
        .agent_uuid = "0-1-2",
        .sandbox = "7f3a",
        .on_behalf_uid = 1001,
        .on_behalf_user = "alice",
        .policy = "workspace",
        .digest = "abc",
        .stored_digest = "def",
        .tier = "process",
        .unit = "mxc-web-coder.scope" };
static const Decision allowed = { .verdict = VERDICT_ALLOW,
        .reason = REASON_ALLOWED,
        .clause = (char *)"",
        .bound = "",
        .cut = (char *)"[[\"/resources/tasksMax\",\"6\",\"5\",\"ceiling\"]]" };
static const Decision denied = { .verdict = VERDICT_DENY,
        .reason = REASON_BEYOND_CEILING,
        .clause = (char *)"/filesystem/readwritePaths/0",
        .sentence = (char *)"/etc is wider than the ceiling",
        .bound = "ceiling" };

static Audit *audit_open(void) {
        _cleanup_free_ char *path = path_of("journal");
        Audit *a = NULL;
        ck_assert_int_eq(audit_new(path, &a), 0);
        return a;
}

/* ---- the events ---- */

static int call_spawn(Audit *a) {
        return audit_spawn(a, &subject, &allowed, argv_make, "/home/alice/w", "{\"job\":\"1\"}",
                        "seccomp landlock-7", "memory.max");
}
static int call_spawn_denied(Audit *a) {
        return audit_spawn(a, &subject, &denied, argv_make, NULL, NULL, NULL, NULL);
}
static int call_plan(Audit *a) {
        return audit_plan(a, &subject, &denied, argv_make, "/home/alice/w");
}
static int call_start(Audit *a) {
        return audit_start(a, &subject, 99, 1200);
}
static int call_fail(Audit *a) {
        return audit_fail(a, &subject, "open", -ENOENT, "/home/alice/w");
}
static int call_exec(Audit *a) {
        return audit_exec(a, &subject, 3, &allowed, argv_make);
}
static int call_exit(Audit *a) {
        static const char *const handoff[] = { "/w/.envrc", "/w/.git/hooks/pre-commit" };
        return audit_exit(a, &subject, 0, 3, 0, "exited", 77, handoff, 2, false);
}
static int call_exit_signal(Audit *a) {
        return audit_exit(a, &subject, 2, 0, 9, "oom", 77, NULL, 0, true);
}
static int call_kill(Audit *a) {
        return audit_kill(a, &subject, "main", 15);
}
static int call_stop(Audit *a) {
        return audit_stop(a, &subject, "stopped");
}
static int call_freeze(Audit *a) {
        return audit_freeze(a, &subject, true);
}

static int call_attach(Audit *a) {
        return audit_attach(a, &subject, 3);
}
static int call_thaw(Audit *a) {
        return audit_freeze(a, &subject, false);
}
static int call_register(Audit *a) {
        return audit_register(a, &subject);
}
static int call_suspend(Audit *a) {
        return audit_agent_state(a, &subject, AUDIT_SUSPEND, "looked odd");
}
static int call_resume(Audit *a) {
        return audit_agent_state(a, &subject, AUDIT_RESUME, "");
}
static int call_revoke(Audit *a) {
        return audit_agent_state(a, &subject, AUDIT_REVOKE, "was odd");
}
static int call_set_policy(Audit *a) {
        return audit_set_policy(a, &subject);
}
static AuditSubject subject_of_file(void) {
        AuditSubject s = subject;
        s.caller = NULL;
        return s;
}
static int call_register_file(Audit *a) {
        const AuditSubject s = subject_of_file();
        return audit_agent_file(a, &s, AUDIT_REGISTER, "/etc/mxc/agents/x.json", NULL);
}
static int call_set_policy_file(Audit *a) {
        const AuditSubject s = subject_of_file();
        return audit_agent_file(a, &s, AUDIT_SET_POLICY, "/etc/mxc/agents/x.json", NULL);
}
static int call_revoke_file(Audit *a) {
        const AuditSubject s = subject_of_file();
        return audit_agent_file(a, &s, AUDIT_REVOKE, "/etc/mxc/agents/x.json", NULL);
}
static int call_bad_file(Audit *a) {
        const AuditSubject s = { .agent = "x", .on_behalf_uid = AUDIT_NO_UID };
        return audit_agent_file(a, &s, AUDIT_REGISTER, "/etc/mxc/agents/x.json", "x.json:1:1: no");
}
static int call_policy_load(Audit *a) {
        return audit_policy_load(a, "/etc/mxc/policies/x.json", "x", "abc", NULL);
}
static int call_policy_bad(Audit *a) {
        return audit_policy_load(a, "/etc/mxc/policies/x.json", "x", "abc", "x.json:1:1: no");
}
static int call_policy_gone(Audit *a) {
        return audit_policy_load(a, "/etc/mxc/policies/x.json", "x", NULL, NULL);
}
static int call_control(Audit *a) {
        return audit_control(a, &subject, "org.mxc1.Agent.Revoke", REASON_NOT_AUTHORIZED, "polkit says no");
}
static const EgressReport report = { .kind = EGRESS_CONNECT,
        .verdict = VERDICT_ALLOW,
        .serial = 7,
        .protocol = PROTOCOL_TCP,
        .port = 443,
        .family = AF_INET,
        .address = { 140, 82, 112, 5 },
        .count = 1,
        .host = "api.github.com",
        .clause = "web#/network/egress/allow/0" };
static int call_connect(Audit *a) {
        return audit_net_decision(a, &subject, &report);
}
static int call_connect_denied(Audit *a) {
        EgressReport refused = report;
        refused.verdict = VERDICT_DENY;
        refused.reason = EGRESS_NO_NAME;
        refused.host[0] = refused.clause[0] = '\0';
        refused.family = AF_INET6;
        refused.address[0] = 0x20;
        refused.count = 3;
        return audit_net_decision(a, &subject, &refused);
}
static EgressReport guest(Verdict verdict) {
        EgressReport came = report;
        came.kind = EGRESS_ACCEPT;
        came.verdict = verdict;
        came.published = 8080;
        came.uid = verdict == VERDICT_ALLOW ? 1000 : EGRESS_UID_UNKNOWN;
        came.reason = verdict == VERDICT_ALLOW ? EGRESS_BY_RULE : EGRESS_UNKNOWN_PEER;
        came.host[0] = '\0';
        return came;
}
static int call_accept(Audit *a) {
        const EgressReport came = guest(VERDICT_ALLOW);
        return audit_net_decision(a, &subject, &came);
}
static int call_accept_denied(Audit *a) {
        const EgressReport came = guest(VERDICT_DENY);
        return audit_net_decision(a, &subject, &came);
}
static int call_resolve(Audit *a) {
        const EgressReport refused = { .kind = EGRESS_RESOLVE,
                .reason = EGRESS_BY_DEFAULT,
                .count = 2,
                .host = "evil.example",
                .clause = "/network/egress/default" };
        return audit_net_decision(a, &subject, &refused);
}
static int call_disconnect(Audit *a) {
        EgressReport over = report;
        over.kind = EGRESS_CLOSE;
        over.bytes_out = 10;
        over.bytes_in = 20;
        over.usec = 30;
        return audit_disconnect(a, &subject, &over);
}
static int call_disconnect_failed(Audit *a) {
        EgressReport failed = report;
        failed.kind = EGRESS_FAIL;
        failed.reason = EGRESS_UNREACHABLE;
        failed.error = ECONNREFUSED;
        return audit_disconnect(a, &subject, &failed);
}
static int call_lease(Audit *a) {
        return audit_lease(a, &subject, "set-policy");
}
static int call_bounds(Audit *a) {
        return audit_bounds(a, &subject, "set-policy", "TasksMax=7");
}
static int call_lease_late(Audit *a) {
        return audit_lease(a, &subject, "late");
}
static int call_grant(Audit *a) {
        const Decision d = { .verdict = VERDICT_ALLOW, .reason = REASON_ALLOWED, .clause = (char *)"" };
        return audit_grant(a, &subject, &d, 3, "{\"to\":[]}", 60000000);
}
static int call_grant_denied(Audit *a) {
        const Decision d = { .verdict = VERDICT_DENY,
                .reason = REASON_BEYOND_CEILING,
                .clause = (char *)"ceiling#/x",
                .sentence = (char *)"too much" };
        return audit_grant(a, &subject, &d, 4, "{\"to\":[]}", 60000000);
}
static int call_grant_over(Audit *a) {
        return audit_grant_over(a, &subject, 3, "{\"to\":[]}", "revoked");
}
static int call_flood(Audit *a) {
        return audit_net_flood(a, &subject, 99);
}
static int call_inspect(Audit *a) {
        return audit_inspect(a, &subject, "org.mxc1.Manager.Dump");
}
static int call_adopt(Audit *a) {
        return audit_adopt(a, &subject, 99, "elsewhere");
}
static int call_lost(Audit *a) {
        return audit_lost(a, &subject, "it had no record");
}
static int call_stuck(Audit *a) {
        return audit_stuck(a, &subject);
}
static int call_daemon(Audit *a) {
        return audit_daemon(a, true, "started");
}

/* fields: "NAME=value" each; after: what has happened already is kept where no journal is */
static const struct {
        int (*call)(Audit *a);
        AuditEvent event;
        const char *decision, *priority;
        bool about, after;
        const char *fields[10];
} events[] = {
        { call_spawn, AUDIT_SPAWN, "allow", "6", true, false,
                        { "MXC_REASON=allowed", "MXC_TARGET=[\"make\",\"-j\",\"all\"]",
                                        "MXC_WORKSPACE=/home/alice/w", "MXC_LABELS={\"job\":\"1\"}",
                                        "MXC_WALLS=seccomp landlock-7", "MXC_UNHELD=memory.max",
                                        "MXC_CUT=[[\"/resources/tasksMax\",\"6\",\"5\",\"ceiling\"]]" } },
        { call_spawn_denied, AUDIT_SPAWN, "deny", "4", true, false,
                        { "MXC_REASON=beyond-ceiling", "MXC_CLAUSE=/filesystem/readwritePaths/0",
                                        "MXC_NOTE=/etc is wider than the ceiling" } },
        { call_plan, AUDIT_PLAN, "deny", "4", true, false,
                        { "MXC_REASON=beyond-ceiling", "MXC_CLAUSE=/filesystem/readwritePaths/0",
                                        "MXC_TARGET=[\"make\",\"-j\",\"all\"]",
                                        "MXC_WORKSPACE=/home/alice/w" } },
        { call_start, AUDIT_START, "none", "6", true, true, { "MXC_USEC=1200" } },
        { call_fail, AUDIT_FAIL, "none", "5", true, true,
                        { "MXC_STEP=open", "ERRNO=2", "MXC_TARGET=/home/alice/w" } },
        { call_exec, AUDIT_EXEC, "allow", "6", true, false,
                        { "MXC_EXEC=3", "MXC_TARGET=[\"make\",\"-j\",\"all\"]" } },
        { call_exit, AUDIT_EXIT, "none", "6", true, true,
                        { "MXC_EXIT_CODE=3", "MXC_REASON=exited", "MXC_USEC=77", "MXC_HANDOFF=/w/.envrc",
                                        "MXC_HANDOFF_WHOLE=0" } },
        { call_exit_signal, AUDIT_EXIT, "none", "6", true, true,
                        { "MXC_EXEC=2", "MXC_EXIT_SIGNAL=9", "MXC_REASON=oom", "MXC_HANDOFF_WHOLE=1" } },
        { call_kill, AUDIT_KILL, "allow", "6", true, false, { "MXC_TARGET=SIGTERM main" } },
        { call_stop, AUDIT_STOP, "allow", "6", true, false, { "MXC_REASON=stopped" } },
        { call_freeze, AUDIT_FREEZE, "allow", "6", true, false, { NULL } },
        { call_attach, AUDIT_ATTACH, "allow", "6", true, false, { "MXC_EXEC=3" } },
        { call_thaw, AUDIT_THAW, "allow", "6", true, false, { NULL } },
        { call_register, AUDIT_REGISTER, "allow", "5", true, false, { NULL } },
        { call_suspend, AUDIT_SUSPEND, "allow", "5", true, false, { "MXC_NOTE=looked odd" } },
        { call_resume, AUDIT_RESUME, "allow", "5", true, false, { NULL } },
        { call_revoke, AUDIT_REVOKE, "allow", "5", true, false, { "MXC_NOTE=was odd" } },
        { call_set_policy, AUDIT_SET_POLICY, "allow", "5", true, false, { NULL } },
#define OF_FILE "MXC_ORIGIN=file", "MXC_TARGET=/etc/mxc/agents/x.json"
        { call_register_file, AUDIT_REGISTER, "allow", "5", false, true,
                        { OF_FILE, "MXC_AGENT=web-coder", "MXC_AGENT_UUID=0-1-2", "MXC_POLICY=workspace",
                                        "MXC_POLICY_DIGEST=abc" } },
        { call_set_policy_file, AUDIT_SET_POLICY, "allow", "5", false, true, { OF_FILE } },
        { call_revoke_file, AUDIT_REVOKE, "none", "5", false, true, { OF_FILE, "MXC_AGENT=web-coder" } },
        { call_bad_file, AUDIT_REGISTER, "deny", "4", false, true,
                        { OF_FILE, "MXC_AGENT=x", "MXC_NOTE=x.json:1:1: no" } },
#undef OF_FILE
        { call_policy_load, AUDIT_POLICY_LOAD, "allow", "5", false, true,
                        { "MXC_TARGET=/etc/mxc/policies/x.json", "MXC_POLICY=x", "MXC_POLICY_DIGEST=abc" } },
        { call_policy_bad, AUDIT_POLICY_LOAD, "deny", "4", false, true, { "MXC_NOTE=x.json:1:1: no" } },
        { call_policy_gone, AUDIT_POLICY_LOAD, "none", "5", false, true, { "MXC_POLICY=x" } },
        { call_control, AUDIT_CONTROL, "deny", "4", true, false,
                        { "MXC_ACTION=org.mxc1.Agent.Revoke", "MXC_REASON=not-authorized",
                                        "MXC_NOTE=polkit says no" } },
        { call_inspect, AUDIT_INSPECT, "allow", "6", true, true, { "MXC_ACTION=org.mxc1.Manager.Dump" } },
        { call_connect, AUDIT_CONNECT, "allow", "6", true, false,
                        { "MXC_TARGET=tcp/api.github.com:443", "MXC_ADDRESS=140.82.112.5:443",
                                        "MXC_REASON=rule", "MXC_CLAUSE=web#/network/egress/allow/0",
                                        "MXC_CONNECTION=7" } },
        { call_connect_denied, AUDIT_CONNECT, "deny", "4", true, true,
                        { "MXC_TARGET=tcp/[2052:7005::]:443", "MXC_REASON=no-name", "MXC_COUNT=3" } },
        { call_accept, AUDIT_ACCEPT, "allow", "6", true, false,
                        { "MXC_TARGET=published/8080", "MXC_ADDRESS=140.82.112.5:443", "MXC_PEER_UID=1000",
                                        "MXC_REASON=rule", "MXC_CONNECTION=7" } },
        { call_accept_denied, AUDIT_ACCEPT, "deny", "4", true, true,
                        { "MXC_TARGET=published/8080", "MXC_REASON=unknown-peer" } },
        { call_resolve, AUDIT_RESOLVE, "deny", "4", true, true,
                        { "MXC_TARGET=dns/evil.example", "MXC_REASON=default", "MXC_COUNT=2" } },
        { call_disconnect, AUDIT_DISCONNECT, "none", "6", true, true,
                        { "MXC_TARGET=tcp/api.github.com:443", "MXC_BYTES_OUT=10", "MXC_BYTES_IN=20",
                                        "MXC_USEC=30", "MXC_CONNECTION=7" } },
        { call_disconnect_failed, AUDIT_DISCONNECT, "none", "6", true, true,
                        { "ERRNO=111", "MXC_REASON=unreachable" } },
        { call_flood, AUDIT_CONNECT, "deny", "4", true, true, { "MXC_REASON=many", "MXC_COUNT=99" } },
        { call_grant, AUDIT_GRANT, "allow", "5", true, false,
                        { "MXC_GRANT=3", "MXC_TARGET={\"to\":[]}", "MXC_USEC=60000000" } },
        { call_grant_denied, AUDIT_GRANT, "deny", "4", true, false,
                        { "MXC_REASON=beyond-ceiling", "MXC_CLAUSE=ceiling#/x", "MXC_NOTE=too much" } },
        { call_grant_over, AUDIT_GRANT_OVER, "allow", "5", true, true,
                        { "MXC_GRANT=3", "MXC_REASON=revoked" } },
        { call_lease, AUDIT_LEASE, "none", "5", true, true, { "MXC_REASON=set-policy" } },
        { call_lease_late, AUDIT_LEASE, "none", "4", true, true, { "MXC_REASON=late" } },
        { call_bounds, AUDIT_BOUNDS, "none", "5", true, true,
                        { "MXC_REASON=set-policy", "MXC_NOTE=TasksMax=7" } },
        { call_adopt, AUDIT_ADOPT, "none", "5", true, true, { "MXC_NOTE=elsewhere" } },
        { call_lost, AUDIT_LOST, "none", "4", true, true, { "MXC_NOTE=it had no record" } },
        { call_stuck, AUDIT_STUCK, "none", "4", true, true, { NULL } },
        { call_daemon, AUDIT_DAEMON, "none", "5", false, false, { "MXC_NOTE=started" } },
};

static const struct {
        const char *word, *id;
} words[] = {
#define X(name, word, id, text) { word, id },
        AUDIT_EVENTS(X)
#undef X
};

static const char *const about[] = { "MXC_AGENT=web-coder", "MXC_AGENT_UUID=0-1-2", "MXC_SANDBOX=7f3a",
        "MXC_ON_BEHALF_UID=1001", "MXC_ON_BEHALF_USER=alice", "MXC_CALLER_UID=1000", "MXC_CALLER_PID=4711",
        "MXC_CALLER_UNIT=session-3.scope", "MXC_POLICY=workspace", "MXC_POLICY_DIGEST=abc",
        "MXC_STORED_DIGEST=def", "MXC_TIER=process", "MXC_UNIT=mxc-web-coder.scope" };

static void expect_pair(const Record *r, const char *pair) {
        const char *equals = strchr(pair, '=');
        _cleanup_free_ char *name = strndup(pair, (size_t)(equals - pair));
        record_expect(r, name, equals + 1);
}

START_TEST(test_each_event) {
        _cleanup_close_ int journal = journal_listen();
        _cleanup_(audit_freep) Audit *a = audit_open();
        _cleanup_(record_clear) Record r = { 0 };
        ck_assert_int_eq(events[_i].call(a), 0);
        ck_assert(journal_read(journal, &r));
        record_expect(&r, "MESSAGE_ID", words[events[_i].event].id);
        record_expect(&r, "MXC_EVENT", words[events[_i].event].word);
        record_expect(&r, "MXC_DECISION", events[_i].decision);
        record_expect(&r, "PRIORITY", events[_i].priority);
        record_expect(&r, "SYSLOG_IDENTIFIER", "mxcd");
        record_expect(&r, "MXC_TRUNCATED", NULL);
        record_expect(&r, "MXC_TIME", NULL); /* the journal's own is right */
        for (size_t i = 0; events[_i].about && i < ELEMENTSOF(about); i++)
                expect_pair(&r, about[i]);
        for (size_t i = 0; i < ELEMENTSOF(events[_i].fields) && events[_i].fields[i]; i++)
                expect_pair(&r, events[_i].fields[i]);
        _cleanup_free_ char *message = record_get(&r, "MESSAGE");
        ck_assert_uint_gt(strlen(message), 10);
        Record more = { 0 };
        ck_assert(!journal_read(journal, &more));
}
END_TEST

/* With nobody there: a decision and an act are refused, what has happened is kept. */
START_TEST(test_each_event_without_a_journal) {
        _cleanup_(audit_freep) Audit *a = audit_open();
        ck_assert_int_eq(audit_check(a), -ENOENT);
        ck_assert_int_eq(events[_i].call(a), events[_i].after ? 0 : -ENOENT);
        ck_assert_uint_eq(audit_pending(a), events[_i].after);

        _cleanup_close_ int journal = journal_listen();
        ck_assert_int_eq(audit_check(a), 0);
        audit_flush(a);
        ck_assert_uint_eq(audit_pending(a), 0);
        _cleanup_(record_clear) Record r = { 0 };
        ck_assert(journal_read(journal, &r) == events[_i].after);
        if (events[_i].after) {
                record_expect(&r, "MESSAGE_ID", words[events[_i].event].id);
                _cleanup_free_ char *when = record_get(&r, "MXC_TIME");
                ck_assert_ptr_nonnull(when);
                ck_assert_uint_eq(strlen(when), 16); /* microseconds of this century */
        }
}
END_TEST

START_TEST(test_every_event_has_a_function) {
        for (AuditEvent e = 0; e < _AUDIT_EVENT_MAX; e++) {
                bool found = e == AUDIT_GAP || e == AUDIT_REFUSALS; /* of audit-journal.c */
                for (size_t i = 0; i < ELEMENTSOF(events); i++)
                        found |= events[i].event == e;
                ck_assert_msg(found, "nothing writes %s", words[e].word);
                for (AuditEvent f = 0; f < e; f++)
                        ck_assert_str_ne(words[e].id, words[f].id);
        }
}
END_TEST

START_TEST(test_nobody_asked_for_it) {
        _cleanup_(audit_freep) Audit *a = audit_open();
        AuditSubject s = subject;
        s.caller = NULL;
        ck_assert_int_eq(audit_stop(a, &s, "timeout"), 0); /* an end must not wait for a journal */
        ck_assert_uint_eq(audit_pending(a), 1);
        _cleanup_close_ int journal = journal_listen();
        audit_flush(a);
        _cleanup_(record_clear) Record r = { 0 };
        ck_assert(journal_read(journal, &r));
        record_expect(&r, "MXC_DECISION", "none");
        record_expect(&r, "MXC_CALLER_UID", NULL);
        record_expect(&r, "MXC_REASON", "timeout");
}
END_TEST

START_TEST(test_root_is_somebody) {
        _cleanup_close_ int journal = journal_listen();
        _cleanup_(audit_freep) Audit *a = audit_open();
        Caller root = { .n_ref = 1, .unit = (char *)"" };
        const AuditSubject s = { .caller = &root, .agent = "x" };
        _cleanup_(record_clear) Record r = { 0 };
        ck_assert_int_eq(audit_register(a, &s), 0);
        ck_assert(journal_read(journal, &r));
        record_expect(&r, "MXC_ON_BEHALF_UID", "0");
        record_expect(&r, "MXC_CALLER_UID", "0");
        record_expect(&r, "MXC_CALLER_PID", NULL); /* unknown */
        record_expect(&r, "MXC_CALLER_UNIT", NULL);
        record_clear(&r);
        const AuditSubject nobody = { .on_behalf_uid = AUDIT_NO_UID };
        ck_assert_int_eq(audit_register(a, &nobody), 0);
        ck_assert(journal_read(journal, &r));
        record_expect(&r, "MXC_ON_BEHALF_UID", NULL);
}
END_TEST

/* ---- what strangers write ---- */

START_TEST(test_a_value_cannot_become_a_field) {
        static const char *const attacks[] = { "/w\nMXC_DECISION=allow\nMXC_AGENT=other", "\n", "a=b\n\nc",
                "/w\n\x01\0", "\xff\xfe\n\x80", "MESSAGE=x\nPRIORITY=0" };
        _cleanup_close_ int journal = journal_listen();
        _cleanup_(audit_freep) Audit *a = audit_open();
        for (size_t i = 0; i < ELEMENTSOF(attacks); i++) {
                _cleanup_(record_clear) Record r = { 0 };
                AuditSubject s = subject;
                s.on_behalf_user = attacks[i];
                ck_assert_int_eq(audit_spawn(a, &s, &denied, argv_make, attacks[i], attacks[i], attacks[i],
                                                 attacks[i]),
                                0);
                ck_assert(journal_read(journal, &r));
                record_expect(&r, "MXC_WORKSPACE", attacks[i]); /* byte for byte */
                record_expect(&r, "MXC_ON_BEHALF_USER", attacks[i]);
                record_expect(&r, "MXC_DECISION", "deny");
                record_expect(&r, "MXC_AGENT", "web-coder");
                record_expect(&r, "PRIORITY", "4");
                static const char *const once[] = { "MXC_DECISION", "MXC_AGENT", "MESSAGE", "PRIORITY" };
                for (size_t j = 0; j < ELEMENTSOF(once); j++) {
                        size_t size;
                        ck_assert_ptr_null(record_field(&r, once[j], 1, &size));
                }
        }
}
END_TEST

START_TEST(test_the_sentence_is_one_line_that_is_only_shown) {
        static const struct {
                const char *bytes, *shown;
        } cases[] = {
                { "a\nb", "a\\x0ab" },
                { "\x1b]0;owned\x07", "\\x1b]0;owned\\x07" },
                { "\x7f", "\\x7f" },
                { "\xc2\x9b\x33m", "\\xc2\\x9b3m" }, /* C1: a terminal's other escape */
                { "\xe2\x80\xae"
                  "txt.exe",
                                "\\xe2\\x80\\xaetxt.exe" }, /* right to left */
                { "\xe2\x81\xa6x", "\\xe2\\x81\\xa6x" },
                { "\xe2\x80\xa8x", "\\xe2\\x80\\xa8x" }, /* a line separator */
                { "\xff", "\\xff" },
                { "\xc0\xaf", "\\xc0\\xaf" },          /* overlong */
                { "\xed\xa0\x80", "\\xed\\xa0\\x80" }, /* a surrogate */
                { "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },
                { "\xe2\x82", "\\xe2\\x82" }, /* cut off */
                { "gr\xc3\xbc\xc3\x9f dich \xe2\x82\xac \xf0\x9f\x98\x80",
                                "gr\xc3\xbc\xc3\x9f dich \xe2\x82\xac \xf0\x9f\x98\x80" },
        };
        _cleanup_close_ int journal = journal_listen();
        _cleanup_(audit_freep) Audit *a = audit_open();
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(record_clear) Record r = { 0 };
                ck_assert_int_eq(audit_control(a, &subject, "M", REASON_NOT_OWNER, cases[i].bytes), 0);
                ck_assert(journal_read(journal, &r));
                _cleanup_free_ char *expected = NULL;
                ck_assert_int_ge(asprintf(&expected, "M is refused: %s", cases[i].shown), 0);
                record_expect(&r, "MESSAGE", expected);
        }
}
END_TEST

static char *fill(size_t n, const char *unit) {
        char *s = malloc(n + 1);
        ck_assert_ptr_nonnull(s);
        for (size_t i = 0; i < n; i++)
                s[i] = unit[i % strlen(unit)];
        s[n] = '\0';
        return s;
}

START_TEST(test_values_are_cut_at_their_limit) {
        _cleanup_close_ int journal = journal_listen();
        _cleanup_(audit_freep) Audit *a = audit_open();
        _cleanup_free_ char *fits = fill(AUDIT_VALUE_MAX, "x"), *longer = fill(AUDIT_VALUE_MAX + 1, "x"),
                            *euros = fill(AUDIT_VALUE_MAX + 5, "\xe2\x82\xac"),
                            *lines = fill(AUDIT_VALUE_MAX + 1, "\n");
        const struct {
                const char *value;
                size_t size;
        } cases[] = {
                { fits, AUDIT_VALUE_MAX },
                { longer, AUDIT_VALUE_MAX },
                { euros, AUDIT_VALUE_MAX / 3 * 3 }, /* not within a character */
                { lines, AUDIT_VALUE_MAX },
        };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(record_clear) Record r = { 0 };
                size_t size;
                ck_assert_int_eq(audit_spawn(a, &subject, &allowed, NULL, cases[i].value, NULL, NULL, NULL),
                                0);
                ck_assert(journal_read(journal, &r));
                ck_assert_ptr_nonnull(record_field(&r, "MXC_WORKSPACE", 0, &size));
                ck_assert_uint_eq(size, cases[i].size);
                record_expect(&r, "MXC_TRUNCATED", strlen(cases[i].value) > size ? "MXC_WORKSPACE" : NULL);
                record_expect(&r, "MXC_TARGET", NULL); /* no command */
        }
}
END_TEST

/* The words that MXC_TARGET has of these. */
static json_t *target_of(Audit *a, int journal, char *const *argv, bool *ret_cut) {
        _cleanup_(record_clear) Record r = { 0 };
        ck_assert_int_eq(audit_spawn(a, &subject, &allowed, argv, NULL, NULL, NULL, NULL), 0);
        ck_assert(journal_read(journal, &r));
        _cleanup_free_ char *target = record_get(&r, "MXC_TARGET"), *cut = record_get(&r, "MXC_TRUNCATED");
        ck_assert_uint_le(strlen(target), AUDIT_VALUE_MAX);
        json_t *list = json_loads(target, JSON_REJECT_DUPLICATES, NULL);
        ck_assert_msg(json_is_array(list), "not JSON: %.200s", target);
        *ret_cut = cut;
        return list;
}

START_TEST(test_a_command_is_json_however_long) {
        _cleanup_close_ int journal = journal_listen();
        _cleanup_(audit_freep) Audit *a = audit_open();
        bool cut;
        for (size_t n = AUDIT_VALUE_MAX - 40; n < AUDIT_VALUE_MAX + 10; n++) {
                _cleanup_free_ char *word = fill(n, "y");
                char *argv[] = { (char *)"echo", word, (char *)"z", NULL };
                json_auto_t *list = target_of(a, journal, argv, &cut);
                size_t whole = strlen("[\"echo\",\"\",\"z\"]") + n;
                ck_assert(cut == (whole > AUDIT_VALUE_MAX));
                ck_assert_str_eq(json_string_value(json_array_get(list, 0)), "echo");
                ck_assert(cut || json_array_size(list) == 3);
        }
        static const struct {
                const char *word, *read;
        } odd[] = { { "a\"b\\c", "a\"b\\c" }, { "\n\t\x1b\x7f", "\n\t\x1b\x7f" },
                { "\xc3\xbc\xe2\x82\xac", "\xc3\xbc\xe2\x82\xac" },
                { "a\xff"
                  "b",
                                "a\xef\xbf\xbd"
                                "b" },
                { "", "" } };
        for (size_t i = 0; i < ELEMENTSOF(odd); i++) {
                char *argv[] = { (char *)odd[i].word, NULL };
                json_auto_t *list = target_of(a, journal, argv, &cut);
                ck_assert_str_eq(json_string_value(json_array_get(list, 0)), odd[i].read);
        }
        _cleanup_free_ char **many = calloc(5001, sizeof(char *));
        for (size_t i = 0; i < 5000; i++)
                many[i] = (char *)"w\n";
        json_auto_t *list = target_of(a, journal, many, &cut);
        ck_assert(cut);
        ck_assert_uint_gt(json_array_size(list), 800);
}
END_TEST

START_TEST(test_the_sentence_is_short_however_long_the_command) {
        _cleanup_close_ int journal = journal_listen();
        _cleanup_(audit_freep) Audit *a = audit_open();
        _cleanup_free_ char *word = fill(100000, "\x1b");
        char *argv[] = { (char *)"sh", (char *)"-c", word, NULL };
        _cleanup_(record_clear) Record r = { 0 };
        ck_assert_int_eq(audit_spawn(a, &subject, &allowed, argv, NULL, NULL, NULL, NULL), 0);
        ck_assert(journal_read(journal, &r));
        _cleanup_free_ char *message = record_get(&r, "MESSAGE");
        ck_assert_uint_le(strlen(message), AUDIT_MESSAGE_MAX);
        record_clear(&r);
        ck_assert_int_eq(audit_control(a, &subject, "M", REASON_NOT_OWNER, word), 0);
        ck_assert(journal_read(journal, &r));
        _cleanup_free_ char *second = record_get(&r, "MESSAGE");
        ck_assert_uint_le(strlen(second), AUDIT_MESSAGE_MAX);
        ck_assert_uint_gt(strlen(second), AUDIT_MESSAGE_MAX - 8);
        ck_assert_ptr_nonnull(strstr(second, "\xe2\x80\xa6"));
}
END_TEST

START_TEST(test_a_record_larger_than_a_datagram) {
        enum { N = 4000 };
        _cleanup_close_ int journal = journal_listen();
        _cleanup_(audit_freep) Audit *a = audit_open();
        _cleanup_free_ char *path = fill(AUDIT_VALUE_MAX, "/p");
        _cleanup_free_ const char **handoff = calloc(N, sizeof(char *));
        for (size_t i = 0; i < N; i++)
                handoff[i] = path;
        ck_assert_int_eq(audit_exit(a, &subject, 0, 0, 0, "exited", 1, handoff, N, true), 0);
        ck_assert_uint_eq(audit_pending(a), 0);
        _cleanup_(record_clear) Record r = { 0 };
        ck_assert(journal_read(journal, &r));
        ck_assert(r.by_memfd);
        size_t size;
        ck_assert_ptr_nonnull(record_field(&r, "MXC_HANDOFF", N - 1, &size));
        ck_assert_ptr_null(record_field(&r, "MXC_HANDOFF", N, &size));
        record_expect(&r, "MXC_EVENT", "exit");
}
END_TEST

/* ---- no journal ---- */

START_TEST(test_a_journal_that_is_stuck) {
        _cleanup_close_ int journal = journal_listen();
        _cleanup_(audit_freep) Audit *a = audit_open();
        int r = 0;
        for (unsigned i = 0; i < 100000 && r == 0; i++)
                r = audit_daemon(a, true, "again");
        ck_assert_int_eq(r, -EAGAIN); /* at once: a call that waited would be ended by the case's timeout */
        ck_assert_int_eq(audit_check(a), -EAGAIN);
        ck_assert_int_eq(call_spawn(a), -EAGAIN);
        ck_assert_int_eq(call_exit(a), 0);
        ck_assert_uint_eq(audit_pending(a), 1);
        _cleanup_(record_clear) Record one = { 0 };
        ck_assert(journal_read(journal, &one));
        ck_assert_int_eq(audit_check(a), 0);
}
END_TEST

START_TEST(test_a_journal_that_is_gone_and_comes_again) {
        _cleanup_(audit_freep) Audit *a = audit_open();
        int journal = journal_listen();
        ck_assert_int_eq(call_spawn(a), 0);
        (void)close(journal);
        ck_assert_int_eq(audit_check(a), -ECONNREFUSED);
        ck_assert_int_eq(call_spawn(a), -ECONNREFUSED);
        remove_file("journal");
        ck_assert_int_eq(call_spawn(a), -ENOENT);
        journal = journal_listen();
        ck_assert_int_eq(call_spawn(a), 0);
        _cleanup_(record_clear) Record r = { 0 };
        ck_assert(journal_read(journal, &r));
        (void)close(journal);
}
END_TEST

/* A decision never overtakes what happened before it. */
START_TEST(test_order) {
        _cleanup_(audit_freep) Audit *a = audit_open();
        ck_assert_int_eq(call_start(a), 0);
        ck_assert_int_eq(call_exit(a), 0);
        ck_assert_uint_eq(audit_pending(a), 2);
        _cleanup_close_ int journal = journal_listen();
        ck_assert_int_eq(call_spawn(a), 0);
        ck_assert_uint_eq(audit_pending(a), 0);
        static const char *const order[] = { "start", "exit", "spawn" };
        for (size_t i = 0; i < ELEMENTSOF(order); i++) {
                _cleanup_(record_clear) Record r = { 0 };
                ck_assert(journal_read(journal, &r));
                record_expect(&r, "MXC_EVENT", order[i]);
        }
}
END_TEST

/* Reads everything that is kept; the journal's queue is shorter than that. */
static size_t read_kept(Audit *a, int journal, uint64_t *ret_missing) {
        size_t n = 0;
        *ret_missing = 0;
        for (bool more = true; more;) {
                audit_flush(a);
                Record r = { 0 };
                for (more = false; journal_read(journal, &r); record_clear(&r)) {
                        more = true;
                        _cleanup_free_ char *event = record_get(&r, "MXC_EVENT"),
                                            *count = record_get(&r, "MXC_COUNT"),
                                            *usec = record_get(&r, "MXC_USEC");
                        if (streq(event, "gap")) {
                                ck_assert_uint_eq(*ret_missing, 0);
                                *ret_missing = strtoull(count, NULL, 10);
                                continue;
                        }
                        ck_assert_uint_eq(strtoull(usec, NULL, 10), n); /* in order, none left out */
                        ck_assert_uint_eq(*ret_missing, 0); /* the gap is told where it is: at the end */
                        n++;
                }
        }
        ck_assert_uint_eq(audit_pending(a), 0);
        return n;
}

START_TEST(test_so_many_are_kept) {
        _cleanup_(audit_freep) Audit *a = audit_open();
        for (uint64_t i = 0; i < LIMIT_AUDIT_PENDING; i++)
                ck_assert_int_eq(audit_start(a, &subject, 1, i), 0);
        ck_assert_uint_eq(audit_pending(a), LIMIT_AUDIT_PENDING);
        ck_assert_int_eq(audit_start(a, &subject, 1, 0), -ENOBUFS);
        ck_assert_int_eq(audit_start(a, &subject, 1, 0), -ENOBUFS);
        ck_assert_uint_eq(audit_pending(a), LIMIT_AUDIT_PENDING + 1); /* and the gap */

        _cleanup_close_ int journal = journal_listen();
        uint64_t missing;
        ck_assert_uint_eq(read_kept(a, journal, &missing), LIMIT_AUDIT_PENDING);
        ck_assert_uint_eq(missing, 2);
        ck_assert_uint_eq(read_kept(a, journal, &missing), 0);
        ck_assert_uint_eq(missing, 0); /* it is told once */
}
END_TEST

static void count(void *userdata) {
        (*(unsigned *)userdata)++;
}

START_TEST(test_what_begins_to_be_kept_is_told) {
        _cleanup_(audit_freep) Audit *a = audit_open();
        unsigned n = 0;
        uint64_t missing;
        audit_set_kept(a, count, &n);
        ck_assert_int_eq(call_spawn(a), -ENOENT);
        ck_assert_uint_eq(n, 0); /* a decision is not kept */
        for (unsigned i = 0; i < 3; i++)
                ck_assert_int_eq(audit_start(a, &subject, 1, i), 0);
        ck_assert_uint_eq(n, 1); /* once, until all is gone */
        int journal = journal_listen();
        ck_assert_uint_eq(read_kept(a, journal, &missing), 3);
        ck_assert_int_eq(call_start(a), 0);
        ck_assert_uint_eq(n, 1);
        (void)close(journal);
        ck_assert_int_eq(call_start(a), 0);
        ck_assert_uint_eq(n, 2);
}
END_TEST

START_TEST(test_so_much_is_kept) {
        _cleanup_(audit_freep) Audit *a = audit_open();
        _cleanup_free_ char *path = fill(AUDIT_VALUE_MAX, "/p");
        const char *handoff[64];
        for (size_t i = 0; i < ELEMENTSOF(handoff); i++)
                handoff[i] = path;
        uint64_t n = 0, missing;
        while (audit_exit(a, &subject, 0, 0, 0, "exited", n, handoff, ELEMENTSOF(handoff), true) == 0)
                n++;
        const size_t least = ELEMENTSOF(handoff) * AUDIT_VALUE_MAX;
        ck_assert_uint_le(n * least, LIMIT_AUDIT_PENDING_BYTES);
        ck_assert_uint_gt((n + 1) * (least + 8192), LIMIT_AUDIT_PENDING_BYTES);
        _cleanup_close_ int journal = journal_listen();
        ck_assert_uint_eq(read_kept(a, journal, &missing), n);
        ck_assert_uint_eq(missing, 1);
}
END_TEST

/* ---- on disk ---- */

static Audit *audit_open_with_store(void) {
        _cleanup_free_ char *path = path_of("store");
        Audit *a = audit_open();
        ck_assert_int_eq(audit_store_at(a, path), 0);
        return a;
}

static AuditSubject of_uid(Caller *c, uid_t uid) {
        AuditSubject s = subject;
        *c = the_caller;
        c->uid = uid;
        s.caller = c;
        s.order = AUDIT_BEFORE_OR_STORED;
        return s;
}

static int end_kill(Audit *a, const AuditSubject *s) {
        return audit_kill(a, s, "all", 9);
}
static int end_stop(Audit *a, const AuditSubject *s) {
        return audit_stop(a, s, "request");
}
static int end_freeze(Audit *a, const AuditSubject *s) {
        return audit_freeze(a, s, true);
}
static int end_suspend(Audit *a, const AuditSubject *s) {
        return audit_agent_state(a, s, AUDIT_SUSPEND, "looked odd");
}
static int end_revoke(Audit *a, const AuditSubject *s) {
        return audit_agent_state(a, s, AUDIT_REVOKE, "was odd");
}
static const struct {
        const char *event;
        int (*call)(Audit *a, const AuditSubject *s);
} endings[] = { { "kill", end_kill }, { "stop", end_stop }, { "freeze", end_freeze },
        { "suspend", end_suspend }, { "revoke", end_revoke } };

/* What ends something is on disk before it is done, and in the journal when that is back: whole, in order, with its time, and once. */
START_TEST(test_what_ends_something_is_stored) {
        Audit *a = audit_open_with_store();
        Caller c;
        const AuditSubject s = of_uid(&c, 1000);
        ck_assert_int_eq(call_start(a), 0);
        ck_assert_int_eq(endings[_i].call(a, &s), 0);
        ck_assert_int_eq(call_kill(a), -ENOENT); /* of another order: not done */
        ck_assert_uint_eq(audit_pending(a), 2);
        ck_assert(file_exists("store/00000000000000000001.1000"));

        _cleanup_close_ int journal = journal_listen();
        audit_flush(a);
        ck_assert_uint_eq(audit_pending(a), 0);
        ck_assert(!file_exists("store/00000000000000000001.1000"));
        const char *const order[] = { "start", endings[_i].event };
        for (size_t i = 0; i < ELEMENTSOF(order); i++) {
                _cleanup_(record_clear) Record r = { 0 };
                ck_assert(journal_read(journal, &r));
                record_expect(&r, "MXC_EVENT", order[i]);
                _cleanup_free_ char *when = record_get(&r, "MXC_TIME");
                ck_assert_ptr_nonnull(when);
        }
        audit_free(a);
}
END_TEST

/* While the journal takes records they go there, and leave nothing on disk. */
START_TEST(test_nothing_is_stored_beside_a_journal) {
        _cleanup_close_ int journal = journal_listen();
        _cleanup_(audit_freep) Audit *a = audit_open_with_store();
        Caller c;
        const AuditSubject s = of_uid(&c, 1000);
        ck_assert_int_eq(endings[_i].call(a, &s), 0);
        _cleanup_(record_clear) Record r = { 0 };
        ck_assert(journal_read(journal, &r));
        record_expect(&r, "MXC_EVENT", endings[_i].event);
        record_expect(&r, "MXC_TIME", NULL);
        ck_assert(!file_exists("store/00000000000000000001.1000"));
}
END_TEST

/* The next mxcd tells what this one could not, and its own come after. */
START_TEST(test_what_is_stored_outlives_mxcd) {
        Caller c;
        const AuditSubject s = of_uid(&c, 1000);
        Audit *a = audit_open_with_store();
        for (size_t i = 0; i < 12; i++) /* "10" is after "9" */
                ck_assert_int_eq(audit_kill(a, &s, "all", (int)i + 1), 0);
        audit_free(a);
        write_file("store/.00000000000000000099.0.new", "half of one");
        write_file("store/README", "no record");
        a = audit_open_with_store();
        ck_assert_uint_eq(audit_pending(a), 12);
        ck_assert_int_eq(audit_kill(a, &s, "all", 13), 0);
        _cleanup_close_ int journal = journal_listen();
        for (int i = 1; i <= 13; i++) {
                _cleanup_(record_clear) Record r = { 0 };
                audit_flush(a); /* the journal's queue is shorter than that */
                ck_assert(journal_read(journal, &r));
                char target[32];
                (void)snprintf(target, sizeof(target), "SIG%s all", sigabbrev_np(i));
                record_expect(&r, "MXC_TARGET", target);
        }
        audit_flush(a);
        ck_assert_uint_eq(audit_pending(a), 0);
        audit_free(a);
        a = audit_open_with_store();
        ck_assert_uint_eq(audit_pending(a), 0); /* told once */
        audit_free(a);
}
END_TEST

/* All that this uid can; how many. */
static size_t store_greedily(Audit *a, uid_t uid) {
        size_t n = 0;
        Caller c;
        const AuditSubject s = of_uid(&c, uid);
        int r;
        while ((r = end_kill(a, &s)) == 0)
                n++;
        ck_assert_int_eq(r, -ENOENT); /* of the journal that is not there: one more is not done */
        return n;
}

/* LIMIT_AUDIT_STORED of root, and no more. Of LIMIT_AUDIT_STORED_OTHERS one part in LIMIT_AUDIT_STORED_SHARE of what is left: nobody uses up what is
 * another's, be they three hundred, until there is none at all. */
START_TEST(test_so_many_are_stored) {
        _cleanup_(audit_freep) Audit *a = audit_open_with_store();
        size_t others = 0;
        uid_t uid = 1000;
        ck_assert_uint_eq(store_greedily(a, uid),
                        LIMIT_AUDIT_STORED_OTHERS / (LIMIT_AUDIT_STORED_SHARE + 1) + 1);
        others = audit_pending(a);
        while (others < LIMIT_AUDIT_STORED_OTHERS) {
                const size_t n = store_greedily(a, ++uid);
                ck_assert_uint_gt(n, 0);
                ck_assert_uint_le(n, 1 + (LIMIT_AUDIT_STORED_OTHERS - others) / LIMIT_AUDIT_STORED_SHARE);
                others += n;
        }
        ck_assert_uint_gt(uid, 1300);
        ck_assert_uint_eq(store_greedily(a, ++uid), 0);
        ck_assert_uint_eq(others, LIMIT_AUDIT_STORED_OTHERS);
        ck_assert_uint_eq(store_greedily(a, 0), LIMIT_AUDIT_STORED); /* whom they do not keep from it */
        ck_assert_uint_eq(audit_pending(a), LIMIT_AUDIT_STORED_OTHERS + LIMIT_AUDIT_STORED);
}
END_TEST

/* Of many sandboxes that one act ends, each is told: after, and with who asked. */
START_TEST(test_a_part_of_an_act_is_told) {
        _cleanup_(audit_freep) Audit *a = audit_open();
        AuditSubject s = subject;
        s.order = AUDIT_PART;
        ck_assert_int_eq(audit_stop(a, &s, "killed"), 0);
        _cleanup_close_ int journal = journal_listen();
        audit_flush(a);
        _cleanup_(record_clear) Record r = { 0 };
        ck_assert(journal_read(journal, &r));
        record_expect(&r, "MXC_DECISION", "allow");
        record_expect(&r, "MXC_CALLER_UID", "1000");
}
END_TEST

START_TEST(test_a_path_that_no_socket_can_have) {
        Audit *a = NULL;
        _cleanup_free_ char *path = fill(108, "x");
        ck_assert_int_eq(audit_new(path, &a), -ENAMETOOLONG);
        ck_assert_int_eq(audit_new("", &a), -ENAMETOOLONG);
        ck_assert_ptr_null(a);
        path[107] = '\0';
        ck_assert_int_eq(audit_new(path, &a), 0);
        audit_free(a);
}
END_TEST

/* ---- floods ---- */

static uint64_t count_of(const Record *r) {
        _cleanup_free_ char *n = record_get(r, "MXC_COUNT");
        return n ? strtoull(n, NULL, 10) : 1;
}

static uint64_t read_counts(int journal, uint64_t *ret_records) {
        uint64_t sum = 0;
        *ret_records = 0;
        for (;;) {
                _cleanup_(record_clear) Record r = { 0 };
                if (!journal_read(journal, &r))
                        return sum;
                record_expect(&r, "MXC_DECISION", "deny");
                record_expect(&r, "MXC_CALLER_UID", "1000");
                sum += count_of(&r);
                ++*ret_records;
        }
}

START_TEST(test_a_flood_is_counted) {
        _cleanup_close_ int journal = journal_listen();
        _cleanup_(audit_freep) Audit *a = audit_open();
        unsigned told = 0;
        uint64_t n;
        audit_set_kept(a, count, &told);
        for (unsigned i = 0; i < 1000; i++) {
                ck_assert_int_eq(call_spawn_denied(a), 0);
                ck_assert_int_eq(call_control(a), 0);
        }
        ck_assert_uint_eq(read_counts(journal, &n), 2); /* the first of each, at once */
        ck_assert_uint_eq(told, 1);
        ck_assert_uint_eq(audit_pending(a), 1);
        audit_flush(a); /* it is not time yet */
        ck_assert_uint_eq(audit_pending(a), 1);
        audit_settle(a);
        ck_assert_uint_eq(audit_pending(a), 0);
        ck_assert_uint_eq(read_counts(journal, &n), 1998);
        ck_assert_uint_eq(n, 2);
        ck_assert_int_eq(call_spawn_denied(a), 0); /* and begins again */
        ck_assert_uint_eq(read_counts(journal, &n), 1);
}
END_TEST

START_TEST(test_a_flood_of_ever_other_requests_is_counted) {
        _cleanup_close_ int journal = journal_listen();
        _cleanup_(audit_freep) Audit *a = audit_open();
        uint64_t n, sum = 0, records = 0;
        for (unsigned i = 0; i < 1000; i++) {
                char word[16];
                (void)snprintf(word, sizeof(word), "%u", i);
                char *argv[] = { word, NULL };
                ck_assert_int_eq(audit_spawn(a, &subject, &denied, argv, NULL, NULL, NULL, NULL), 0);
                sum += read_counts(journal, &n); /* a socket holds few */
                records += n;
        }
        ck_assert_uint_eq(sum, LIMIT_REFUSALS_PER_UID + 1);
        ck_assert_uint_eq(records, LIMIT_REFUSALS_PER_UID + 1);
        audit_settle(a);
        _cleanup_(record_clear) Record r = { 0 };
        ck_assert(journal_read(journal, &r));
        record_expect(&r, "MXC_EVENT", "refusals"); /* what it is, and none of them */
        record_expect(&r, "MXC_DECISION", "deny");
        record_expect(&r, "MXC_CALLER_UID", "1000");
        static const char *const none[] = { "MXC_AGENT", "MXC_REASON", "MXC_TARGET", "MXC_POLICY",
                "MXC_CLAUSE", "MXC_SANDBOX" };
        for (size_t i = 0; i < ELEMENTSOF(none); i++)
                record_expect(&r, none[i], NULL);
        ck_assert_uint_eq(sum + count_of(&r), 1000);
        ck_assert_uint_eq(read_counts(journal, &n), 0);
}
END_TEST

/* A kind more than is told apart is recorded whole; the one after it is counted, and said to be that also where it is alone. */
START_TEST(test_one_kind_too_many) {
        _cleanup_close_ int journal = journal_listen();
        _cleanup_(audit_freep) Audit *a = audit_open();
        uint64_t n;
        for (unsigned i = 0; i <= LIMIT_REFUSALS_PER_UID + 1; i++) {
                char word[16];
                (void)snprintf(word, sizeof(word), "%u", i);
                ck_assert_int_eq(audit_control(a, &subject, word, REASON_NOT_AUTHORIZED, "no"), 0);
                ck_assert_uint_eq(read_counts(journal, &n), i <= LIMIT_REFUSALS_PER_UID);
        }
        audit_settle(a);
        _cleanup_(record_clear) Record r = { 0 };
        ck_assert(journal_read(journal, &r));
        record_expect(&r, "MXC_EVENT", "refusals");
        record_expect(&r, "MXC_COUNT", "1");
}
END_TEST

static int look(Audit *a, const char *sandbox, const char *method) {
        AuditSubject s = subject;
        s.sandbox = sandbox;
        return audit_inspect(a, &s, method);
}

/* One record of many that are alike, a journal or none, and none is lost. */
START_TEST(test_looks_are_counted) {
        _cleanup_(audit_freep) Audit *a = audit_open();
        for (unsigned i = 0; i < 1000; i++)
                ck_assert_int_eq(look(a, "1", "Get"), 0);
        ck_assert_int_eq(look(a, "2", "Get"), 0);
        ck_assert_uint_eq(audit_pending(a), 3); /* two of them, and that there is a count */
        _cleanup_close_ int journal = journal_listen();
        audit_settle(a);
        static const char *const sandboxes[] = { "1", "2", "1" };
        for (size_t i = 0; i < ELEMENTSOF(sandboxes); i++) {
                _cleanup_(record_clear) Record r = { 0 };
                ck_assert(journal_read(journal, &r));
                record_expect(&r, "MXC_EVENT", "inspect");
                record_expect(&r, "MXC_DECISION", "allow");
                record_expect(&r, "MXC_SANDBOX", sandboxes[i]);
                record_expect(&r, "MXC_ACTION", "Get");
                record_expect(&r, "MXC_CALLER_UID", "1000");
                record_expect(&r, "MXC_COUNT", i < 2 ? NULL : "999");
        }
        for (unsigned i = 0; i <= LIMIT_REFUSALS_PER_UID + 1; i++) {
                char word[16];
                (void)snprintf(word, sizeof(word), "%u", i);
                ck_assert_int_eq(look(a, word, "List"), 0);
                _cleanup_(record_clear) Record r = { 0 };
                ck_assert(journal_read(journal, &r) == (i <= LIMIT_REFUSALS_PER_UID));
        }
        audit_settle(a);
        _cleanup_(record_clear) Record rest = { 0 };
        ck_assert(journal_read(journal, &rest));
        record_expect(&rest, "MXC_EVENT", "inspect"); /* and not a refusal */
        record_expect(&rest, "MXC_COUNT", "1");
}
END_TEST

/* Behind one beginning that fills all that is shown of a command. */
START_TEST(test_other_commands_behind_one_beginning) {
        _cleanup_close_ int journal = journal_listen();
        _cleanup_(audit_freep) Audit *a = audit_open();
        _cleanup_free_ char *word = fill(60000, "x");
        uint64_t n, sum = 0;
        for (unsigned i = 0; i < 10; i++) {
                char last[16];
                (void)snprintf(last, sizeof(last), "%u", i);
                char *argv[] = { word, last, NULL };
                ck_assert_int_eq(audit_spawn(a, &subject, &denied, argv, NULL, NULL, NULL, NULL), 0);
                ck_assert_int_eq(audit_exec(a, &subject, 0, &denied, argv), 0);
                sum += read_counts(journal, &n);
        }
        ck_assert_uint_eq(sum, 20);
        ck_assert_uint_eq(audit_pending(a), 0);
}
END_TEST

/* ---- no memory ---- */

static unsigned n_memstreams = UINT32_MAX; /* how many more there are */

FILE *open_memstream(char **data, size_t *size) {
        static FILE *(*real)(char **data, size_t *size);
        if (!real)
                *(void **)&real = dlsym(RTLD_NEXT, "open_memstream");
        if (n_memstreams == 0) {
                errno = ENOMEM;
                return NULL;
        }
        n_memstreams -= n_memstreams < UINT32_MAX;
        return real(data, size);
}

/* What had happened and could not be put into words is missing, and somebody sees to it that this is told. */
START_TEST(test_what_no_memory_is_left_for_is_missing) {
        _cleanup_close_ int journal = journal_listen();
        _cleanup_(audit_freep) Audit *a = audit_open();
        unsigned told = 0;
        audit_set_kept(a, count, &told);
        n_memstreams = 0;
        ck_assert_int_eq(events[_i].call(a), -ENOMEM);
        n_memstreams = UINT32_MAX;
        ck_assert_uint_eq(audit_pending(a), events[_i].after);
        ck_assert_uint_eq(told, events[_i].after);
        audit_flush(a);
        ck_assert_uint_eq(audit_pending(a), 0);
        _cleanup_(record_clear) Record r = { 0 };
        ck_assert(journal_read(journal, &r) == events[_i].after);
        if (events[_i].after) {
                record_expect(&r, "MXC_EVENT", "gap");
                record_expect(&r, "MXC_COUNT", "1");
        }
}
END_TEST

/* A refusal that cannot be told apart is recorded whole, and a count that cannot be told is missing in full. */
START_TEST(test_no_memory_to_tell_refusals_apart) {
        _cleanup_close_ int journal = journal_listen();
        _cleanup_(audit_freep) Audit *a = audit_open();
        uint64_t n;
        for (unsigned i = 0; i < 4; i++) {
                n_memstreams = 1; /* the record, but not the words */
                ck_assert_int_eq(call_spawn_denied(a), 0);
                n_memstreams = UINT32_MAX;
                ck_assert_uint_eq(read_counts(journal, &n), 1);
        }
        for (unsigned i = 0; i < 4; i++)
                ck_assert_int_eq(call_spawn_denied(a), 0);
        ck_assert_uint_eq(read_counts(journal, &n), 1);
        n_memstreams = 0;
        audit_settle(a);
        n_memstreams = UINT32_MAX;
        audit_flush(a);
        _cleanup_(record_clear) Record r = { 0 };
        ck_assert(journal_read(journal, &r));
        record_expect(&r, "MXC_EVENT", "gap");
        record_expect(&r, "MXC_COUNT", "3");
}
END_TEST

/* What was counted is told when the journal is back; what was not recorded whole is not on record, and is not counted. */
START_TEST(test_a_flood_and_no_journal) {
        _cleanup_(audit_freep) Audit *a = audit_open();
        uint64_t n;
        ck_assert_int_eq(call_control(a), -ENOENT);
        ck_assert_int_eq(call_control(a), -ENOENT);
        int journal = journal_listen();
        ck_assert_int_eq(call_control(a), 0);
        ck_assert_int_eq(call_control(a), 0);
        ck_assert_int_eq(call_control(a), 0);
        ck_assert_uint_eq(read_counts(journal, &n), 1);
        (void)close(journal);
        _cleanup_free_ char *path = path_of("journal");
        ck_assert_int_eq(unlink(path), 0);
        audit_settle(a);
        ck_assert_uint_eq(audit_pending(a), 1);
        journal = journal_listen();
        audit_flush(a);
        ck_assert_uint_eq(read_counts(journal, &n), 2);
        ck_assert_uint_eq(n, 1);
        (void)close(journal);
}
END_TEST

int main(void) {
        TCase *t = daemon_case("audit");
        tcase_add_test(t, test_a_flood_is_counted);
        tcase_add_test(t, test_a_flood_of_ever_other_requests_is_counted);
        tcase_add_test(t, test_one_kind_too_many);
        tcase_add_test(t, test_looks_are_counted);
        tcase_add_test(t, test_other_commands_behind_one_beginning);
        tcase_add_loop_test(t, test_what_no_memory_is_left_for_is_missing, 0, ELEMENTSOF(events));
        tcase_add_test(t, test_no_memory_to_tell_refusals_apart);
        tcase_add_test(t, test_a_flood_and_no_journal);
        tcase_add_loop_test(t, test_each_event, 0, ELEMENTSOF(events));
        tcase_add_loop_test(t, test_each_event_without_a_journal, 0, ELEMENTSOF(events));
        tcase_add_test(t, test_every_event_has_a_function);
        tcase_add_test(t, test_nobody_asked_for_it);
        tcase_add_test(t, test_root_is_somebody);
        tcase_add_test(t, test_a_value_cannot_become_a_field);
        tcase_add_test(t, test_the_sentence_is_one_line_that_is_only_shown);
        tcase_add_test(t, test_values_are_cut_at_their_limit);
        tcase_add_test(t, test_a_command_is_json_however_long);
        tcase_add_test(t, test_the_sentence_is_short_however_long_the_command);
        tcase_add_test(t, test_a_record_larger_than_a_datagram);
        tcase_add_test(t, test_a_journal_that_is_stuck);
        tcase_add_test(t, test_a_journal_that_is_gone_and_comes_again);
        tcase_add_test(t, test_order);
        tcase_add_test(t, test_so_many_are_kept);
        tcase_add_test(t, test_what_begins_to_be_kept_is_told);
        tcase_add_test(t, test_so_much_is_kept);
        tcase_add_loop_test(t, test_what_ends_something_is_stored, 0, ELEMENTSOF(endings));
        tcase_add_loop_test(t, test_nothing_is_stored_beside_a_journal, 0, ELEMENTSOF(endings));
        tcase_add_test(t, test_what_is_stored_outlives_mxcd);
        tcase_add_test(t, test_so_many_are_stored);
        tcase_add_test(t, test_a_part_of_an_act_is_told);
        tcase_add_test(t, test_a_path_that_no_socket_can_have);
        return run_daemon_case(t);
}
