/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <inttypes.h>

#include "audit-internal.h"
#include "audit-net.h"
#include "audit-who.h"
#include "net-rule.h"

void net_address(const EgressReport *r, char ret[NET_TARGET_SIZE]) {
        char text[INET6_ADDRSTRLEN] = "?";
        (void)inet_ntop((int)r->family, r->address, text, sizeof(text)); /* fails for no address only */
        (void)snprintf(ret, NET_TARGET_SIZE, r->family == AF_INET6 ? "[%s]:%" PRIu32 : "%s:%" PRIu32, text,
                        r->port);
}

void net_target(const EgressReport *r, char ret[NET_TARGET_SIZE]) {
        const char *protocol = r->protocol == PROTOCOL_UDP ? "udp" : "tcp";
        char address[NET_TARGET_SIZE];
        if (r->published > 0) {
                (void)snprintf(ret, NET_TARGET_SIZE, "published/%" PRIu32, r->published);
        } else if (r->kind == EGRESS_RESOLVE) {
                (void)snprintf(ret, NET_TARGET_SIZE, "dns/%s", r->host);
        } else if (r->host[0]) {
                (void)snprintf(ret, NET_TARGET_SIZE, "%s/%s:%" PRIu32, protocol, r->host, r->port);
        } else {
                net_address(r, address);
                (void)snprintf(ret, NET_TARGET_SIZE, "%s/%.*s", protocol, NET_TARGET_SIZE - 8, address);
        }
}

/* All but the sentence. */
static int begin(Audit *a, AuditRecord *r, AuditEvent event, const AuditSubject *s,
                const EgressReport *report) {
        bool denied = report->verdict == VERDICT_DENY, decides = event != AUDIT_DISCONNECT;
        const char *decision = !decides ? "none" : denied ? "deny" : "allow";
        int priority = decides && denied ? PRIORITY_WARNING : PRIORITY_INFO;
        int k = decides && !denied ? audit_begin(r, event, decision, priority, s)
                                   : audit_begin_telling(a, r, event, decision, priority, s);
        if (k < 0)
                return k;
        char text[NET_TARGET_SIZE];
        net_target(report, text);
        audit_record_text(r, AUDIT_TARGET, text);
        if (report->family != 0) {
                net_address(report, text);
                audit_record_text(r, AUDIT_ADDRESS, text);
        }
        if (decides || denied || report->kind == EGRESS_FAIL)
                audit_record_text(r, AUDIT_REASON, egress_reason_to_string((EgressReason)report->reason));
        audit_record_text(r, AUDIT_CLAUSE, report->clause);
        if (report->published > 0 && report->uid != EGRESS_UID_UNKNOWN)
                audit_record_number(r, AUDIT_PEER_UID, report->uid);
        if (report->upstream)
                audit_record_number(r, AUDIT_UPSTREAM, 1);
        if (report->status > 0)
                audit_record_number(r, AUDIT_UPSTREAM_STATUS, report->status);
        if (report->pid > 0)
                audit_record_number(r, AUDIT_PROCESS, report->pid);
        audit_record_text(r, AUDIT_PROGRAM, report->program);
        if (report->serial > 0)
                audit_record_number(r, AUDIT_CONNECTION, report->serial);
        if (report->count > 1)
                audit_record_number(r, AUDIT_COUNT, report->count);
        return 0;
}

static void accept_message(AuditRecord *r, const AuditSubject *s, const Who *who, const EgressReport *report,
                const char *times) {
        char address[NET_TARGET_SIZE], user[32] = "";
        net_address(report, address);
        if (report->uid != EGRESS_UID_UNKNOWN)
                (void)snprintf(user, sizeof(user), ", user %" PRIu32 ",", report->uid);
        audit_record_message(r,
                        "%s%s %s connect to port %" PRIu32 " that sandbox %s of %s publishes%s (%s, %s).",
                        address, user, report->verdict == VERDICT_ALLOW ? "may" : "may not",
                        report->published, or_else(s->sandbox, "?"), who_text(who), times,
                        or_else(egress_reason_to_string((EgressReason)report->reason), "?"),
                        or_else(report->clause, "no clause"));
}

int audit_net_decision(Audit *a, const AuditSubject *s, const EgressReport *report) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        bool allowed = report->verdict == VERDICT_ALLOW;
        int k = begin(a, &r,
                        report->kind == EGRESS_RESOLVE  ? AUDIT_RESOLVE
                        : report->kind == EGRESS_ACCEPT ? AUDIT_ACCEPT
                                                        : AUDIT_CONNECT,
                        s, report);
        if (k < 0)
                return k;
        _cleanup_(who_clear) Who who = who_of(s);
        char target[NET_TARGET_SIZE], times[48] = "", program[64] = "";
        net_target(report, target);
        if (report->count > 1)
                (void)snprintf(times, sizeof(times), " %" PRIu64 " times", report->count);
        if (report->program[0])
                (void)snprintf(program, sizeof(program), ", by %s,", report->program);
        if (report->kind == EGRESS_ACCEPT)
                accept_message(&r, s, &who, report, times);
        else
                audit_record_message(&r, "Sandbox %s of %s%s %s %s%s (%s, %s).", or_else(s->sandbox, "?"),
                                who_text(&who), program, allowed ? "may reach" : "is refused", target, times,
                                or_else(egress_reason_to_string((EgressReason)report->reason), "?"),
                                or_else(report->clause, "no clause"));
        return allowed ? audit_commit(a, &r) : audit_tell(a, &r); /* a refusal has no effect to wait for */
}

static const char *fail_words(const EgressReport *report) {
        static const char *const sentences[_EGRESS_REASON_MAX] = {
                [EGRESS_UPSTREAM_UNREACHABLE] = "the host's proxy cannot be reached",
                [EGRESS_UPSTREAM_REFUSED] = "the host's proxy refuses it",
                [EGRESS_UPSTREAM_LOGIN] = "the host's proxy wants other credentials",
                [EGRESS_UPSTREAM_ANSWER] = "the host's proxy does not answer as one",
        };
        const char *word = egress_reason_to_string((EgressReason)report->reason);
        if (word && sentences[report->reason])
                return sentences[report->reason];
        return report->error > 0 ? strerror(report->error) : or_else(word, "?");
}

static void fail_message(AuditRecord *r, const AuditSubject *s, const Who *who, const EgressReport *report,
                const char *target) {
        char status[32] = "";
        if (report->status > 0)
                (void)snprintf(status, sizeof(status), " (status %" PRIu32 ")", report->status);
        audit_record_message(r, "The connection of sandbox %s of %s to %s came to nothing: %s%s.",
                        or_else(s->sandbox, "?"), who_text(who), target, fail_words(report), status);
}

int audit_disconnect(Audit *a, const AuditSubject *s, const EgressReport *report) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = begin(a, &r, AUDIT_DISCONNECT, s, report);
        if (k < 0)
                return k;
        _cleanup_(who_clear) Who who = who_of(s);
        char target[NET_TARGET_SIZE];
        net_target(report, target);
        audit_record_number(&r, AUDIT_BYTES_OUT, report->bytes_out);
        audit_record_number(&r, AUDIT_BYTES_IN, report->bytes_in);
        audit_record_number(&r, AUDIT_USEC, report->usec);
        if (report->error > 0)
                audit_record_number(&r, AUDIT_ERRNO, (uint64_t)report->error);
        if (report->kind == EGRESS_FAIL)
                fail_message(&r, s, &who, report, target);
        else
                audit_record_message(&r,
                                "The connection of sandbox %s of %s to %s is over: %" PRIu64
                                " bytes out, %" PRIu64 " bytes in.",
                                or_else(s->sandbox, "?"), who_text(&who), target, report->bytes_out,
                                report->bytes_in);
        return audit_tell(a, &r);
}

int audit_net_flood(Audit *a, const AuditSubject *s, uint64_t count) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = audit_begin_telling(a, &r, AUDIT_CONNECT, "deny", PRIORITY_WARNING, s);
        if (k < 0)
                return k;
        _cleanup_(who_clear) Who who = who_of(s);
        audit_record_text(&r, AUDIT_REASON, "many");
        audit_record_number(&r, AUDIT_COUNT, count);
        audit_record_message(&r,
                        "Sandbox %s of %s was refused %" PRIu64
                        " more names and connections, of which only the first are told one by one.",
                        or_else(s->sandbox, "?"), who_text(&who), count);
        return audit_tell(a, &r);
}

static const char *lease_sentence(const char *cause) {
        if (streq(cause, "late"))
                return "does not go by what it may reach now, and its relay is killed";
        if (streq(cause, "shut"))
                return "reaches nothing any more, because what it may reach cannot be worked out";
        return "may reach something else from now on";
}

int audit_lease(Audit *a, const AuditSubject *s, const char *cause) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        bool wrong = streq(cause, "late") || streq(cause, "shut");
        int k = audit_begin_telling(
                        a, &r, AUDIT_LEASE, "none", wrong ? PRIORITY_WARNING : PRIORITY_NOTICE, s);
        if (k < 0)
                return k;
        _cleanup_(who_clear) Who who = who_of(s);
        audit_record_text(&r, AUDIT_REASON, cause);
        audit_record_message(&r, "Sandbox %s of %s %s (%s).", or_else(s->sandbox, "?"), who_text(&who),
                        lease_sentence(cause), cause);
        return audit_tell(a, &r);
}

int audit_grant(Audit *a, const AuditSubject *s, const Decision *d, uint32_t number, const char *rule,
                uint64_t usec) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        bool allowed = d->verdict == VERDICT_ALLOW;
        int k = audit_begin(&r, AUDIT_GRANT, allowed ? "allow" : "deny",
                        allowed ? PRIORITY_NOTICE : PRIORITY_WARNING, s);
        if (k < 0)
                return k;
        _cleanup_(who_clear) Who who = who_of(s);
        audit_record_text(&r, AUDIT_REASON, decision_reason_to_string(d->reason));
        audit_record_text(&r, AUDIT_CLAUSE, d->clause);
        audit_record_text(&r, AUDIT_NOTE, d->sentence);
        audit_record_number(&r, AUDIT_GRANT_NUMBER, number);
        audit_record_text(&r, AUDIT_TARGET, rule);
        audit_record_number(&r, AUDIT_USEC, usec);
        audit_record_message(&r, "Sandbox %s of %s %s reach %s for %" PRIu64 " s%s%s",
                        or_else(s->sandbox, "?"), who_text(&who), allowed ? "may" : "is not to",
                        or_else(rule, "?"), (usec + 999999) / 1000000, allowed ? "." : ": ",
                        allowed ? "" : or_else(d->sentence, decision_reason_to_string(d->reason)));
        return audit_commit(a, &r);
}

int audit_grant_over(
                Audit *a, const AuditSubject *s, uint32_t number, const char *rule, const char *reason) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = audit_begin_telling(
                        a, &r, AUDIT_GRANT_OVER, s->caller ? "allow" : "none", PRIORITY_NOTICE, s);
        if (k < 0)
                return k;
        _cleanup_(who_clear) Who who = who_of(s);
        audit_record_text(&r, AUDIT_REASON, reason);
        audit_record_number(&r, AUDIT_GRANT_NUMBER, number);
        audit_record_text(&r, AUDIT_TARGET, rule);
        audit_record_message(&r, "Grant %" PRIu32 " of sandbox %s of %s is over (%s): %s", number,
                        or_else(s->sandbox, "?"), who_text(&who), or_else(reason, "?"), or_else(rule, "?"));
        return audit_tell(a, &r);
}
