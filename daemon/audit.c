/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <signal.h>
#include <sys/queue.h>

#include "audit-internal.h"
#include "audit-who.h"
#include "audit.h"
#include "cleanup.h"
#include "clock.h"
#include "journal-socket.h"
#include "limits.h"
#include "refusals.h"

typedef struct Kept {
        TAILQ_ENTRY(Kept) entries;
        char *data;
        size_t size;
} Kept;

struct Audit {
        JournalSocket journal;
        TAILQ_HEAD(, Kept) kept; /* oldest first */
        size_t n_kept, kept_bytes;
        uint64_t n_missing; /* did not fit since the last gap was told */
        uint64_t missing_since;
        Refusals refusals; /* alike, and counted */
        void (*on_kept)(void *userdata);
        void *userdata;
};

static const struct {
        const char *word, *id;
} events[_AUDIT_EVENT_MAX] = {
#define X(name, word, id, text) [AUDIT_##name] = { word, id },
        AUDIT_EVENTS(X)
#undef X
};

int audit_new(const char *socket, Audit **ret) {
        Audit *a = calloc(1, sizeof(Audit));
        if (!a)
                return -ENOMEM;
        TAILQ_INIT(&a->kept);
        refusals_init(&a->refusals);
        int r = journal_socket_open(&a->journal, socket ? socket : JOURNAL_SOCKET);
        if (r < 0) {
                free(a);
                return r;
        }
        *ret = a;
        return 0;
}

static void forget_first(Audit *a) {
        Kept *k = TAILQ_FIRST(&a->kept);
        TAILQ_REMOVE(&a->kept, k, entries);
        a->n_kept--;
        a->kept_bytes -= k->size;
        free(k->data);
        free(k);
}

Audit *audit_free(Audit *a) {
        if (!a)
                return NULL;
        while (!TAILQ_EMPTY(&a->kept))
                forget_first(a);
        for (Refusal *r; (r = refusals_take(&a->refusals, UINT64_MAX));)
                (void)refusal_free(r); /* NULL */
        journal_socket_close(&a->journal);
        free(a);
        return NULL;
}

void audit_set_kept(Audit *a, void (*kept)(void *userdata), void *userdata) {
        a->on_kept = kept;
        a->userdata = userdata;
}

int audit_check(Audit *a) {
        return journal_socket_check(&a->journal);
}

static void add_caller(AuditRecord *r, const Caller *c) {
        audit_record_number(r, AUDIT_CALLER_UID, c->uid);
        if (c->pid > 0)
                audit_record_number(r, AUDIT_CALLER_PID, (uint64_t)c->pid);
        audit_record_text(r, AUDIT_CALLER_UNIT, c->unit);
}

static void add_subject(AuditRecord *r, const AuditSubject *s) {
        audit_record_text(r, AUDIT_AGENT, s->agent);
        audit_record_text(r, AUDIT_AGENT_UUID, s->agent_uuid);
        audit_record_text(r, AUDIT_SANDBOX, s->sandbox);
        if (s->on_behalf_uid != AUDIT_NO_UID)
                audit_record_number(r, AUDIT_ON_BEHALF_UID, s->on_behalf_uid);
        audit_record_text(r, AUDIT_ON_BEHALF_USER, s->on_behalf_user);
        audit_record_text(r, AUDIT_POLICY, s->policy);
        audit_record_text(r, AUDIT_POLICY_DIGEST, s->digest);
        audit_record_text(r, AUDIT_TIER, s->tier);
        audit_record_text(r, AUDIT_UNIT, s->unit);
        if (s->caller)
                add_caller(r, s->caller);
}

int audit_begin(AuditRecord *r, AuditEvent event, const char *decision, int priority,
                const AuditSubject *s) {
        int k = audit_record_begin(r);
        if (k < 0)
                return k;
        audit_record_text(r, "MESSAGE_ID", events[event].id);
        audit_record_text(r, "SYSLOG_IDENTIFIER", "mxcd");
        audit_record_number(r, "PRIORITY", (uint64_t)priority);
        audit_record_text(r, AUDIT_EVENT, events[event].word);
        audit_record_text(r, AUDIT_DECISION, decision);
        if (s)
                add_subject(r, s);
        return 0;
}

static int tell_gap(Audit *a) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = audit_begin(&r, AUDIT_GAP, "none", PRIORITY_WARNING, NULL);
        if (k < 0)
                return k;
        audit_record_number(&r, AUDIT_COUNT, a->n_missing);
        audit_record_number(&r, AUDIT_TIME, a->missing_since);
        audit_record_message(&r,
                        "%" PRIu64 " audit records are missing: the journal was away for so long that "
                        "they could not be kept.",
                        a->n_missing);
        k = audit_record_end(&r);
        if (k == 0)
                k = journal_socket_send(&a->journal, r.data, r.size);
        if (k == 0)
                a->n_missing = 0;
        return k;
}

/* Everything that is kept, in order; the first that does not go ends it. */
static int send_kept(Audit *a) {
        for (Kept *k; (k = TAILQ_FIRST(&a->kept));) {
                int r = journal_socket_send(&a->journal, k->data, k->size);
                if (r < 0)
                        return r;
                forget_first(a);
        }
        return a->n_missing > 0 ? tell_gap(a) : 0;
}

int audit_commit(Audit *a, AuditRecord *r) {
        int k = audit_record_end(r);
        if (k == 0)
                k = send_kept(a);
        if (k == 0)
                k = journal_socket_send(&a->journal, r->data, r->size);
        return k;
}

static int keep_record(Audit *a, AuditRecord *r, uint64_t when) {
        char stamp[64];
        size_t n = (size_t)snprintf(stamp, sizeof(stamp), AUDIT_TIME "=%" PRIu64 "\n", when);
        bool fits = a->n_kept < LIMIT_AUDIT_PENDING &&
                    a->kept_bytes + r->size + n <= LIMIT_AUDIT_PENDING_BYTES;
        Kept *k = fits ? calloc(1, sizeof(Kept)) : NULL;
        char *data = k ? realloc(r->data, r->size + n) : NULL;
        if (!data) {
                free(k);
                if (a->n_missing++ == 0)
                        a->missing_since = when;
                return -ENOBUFS;
        }
        r->data = NULL;
        memcpy(data + r->size, stamp, n);
        *k = (Kept){ .data = data, .size = r->size + n };
        TAILQ_INSERT_TAIL(&a->kept, k, entries);
        a->n_kept++;
        a->kept_bytes += k->size;
        return 0;
}

static int keep(Audit *a, AuditRecord *r, uint64_t when) {
        bool first = audit_pending(a) == 0;
        int k = keep_record(a, r, when);
        if (first && a->on_kept)
                a->on_kept(a->userdata);
        return k;
}

int audit_tell(Audit *a, AuditRecord *r) {
        int k = audit_record_end(r);
        if (k < 0) {
                if (a->n_missing++ == 0)
                        a->missing_since = now_realtime();
                return k;
        }
        k = send_kept(a);
        if (k == 0)
                k = journal_socket_send(&a->journal, r->data, r->size);
        return k < 0 ? keep(a, r, now_realtime()) : 0;
}

/* ---- refusals that are alike ---- */

static void tell_count(Audit *a, const Refusal *f) {
        static const char *const fields[_REFUSAL_TEXT_MAX] = { [REFUSAL_AGENT] = AUDIT_AGENT,
                [REFUSAL_SANDBOX] = AUDIT_SANDBOX,
                [REFUSAL_USER] = AUDIT_ON_BEHALF_USER,
                [REFUSAL_POLICY] = AUDIT_POLICY,
                [REFUSAL_CLAUSE] = AUDIT_CLAUSE,
                [REFUSAL_ACTION] = AUDIT_ACTION,
                [REFUSAL_WORKSPACE] = AUDIT_WORKSPACE };
        static const char rest[] = "many kinds of requests, of which only the first are told one by one";
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        if (audit_begin(&r, f->kind.event, "deny", PRIORITY_WARNING, NULL) < 0) {
                if (a->n_missing == 0)
                        a->missing_since = now_realtime();
                a->n_missing += f->count;
                return;
        }
        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                if (fields[i])
                        audit_record_text(&r, fields[i], f->kind.text[i]);
        const char *note = f->rest ? rest : f->kind.text[REFUSAL_NOTE];
        if (f->kind.uid != AUDIT_NO_UID)
                audit_record_number(&r, AUDIT_CALLER_UID, f->kind.uid);
        audit_record_text(&r, AUDIT_REASON, decision_reason_to_string(f->kind.reason));
        audit_record_text(&r, AUDIT_NOTE, note);
        if (f->count > 1)
                audit_record_number(&r, AUDIT_COUNT, f->count);
        audit_record_message(&r, "Refused %" PRIu64 " more times to uid %u: %s. Asked for: %s", f->count,
                        f->kind.uid, or_else(note, decision_reason_to_string(f->kind.reason)),
                        or_else(f->kind.text[REFUSAL_COMMAND], or_else(f->kind.text[REFUSAL_ACTION], "?")));
        (void)audit_tell(a, &r); /* what is not kept either is told as a gap */
}

static void end_counts(Audit *a, uint64_t now) {
        for (Refusal *f; (f = refusals_take(&a->refusals, now)); (void)refusal_free(f))
                if (f->count > 0)
                        tell_count(a, f);
}

/* A refusal: recorded, or counted where one just like it is on record. */
static int commit_refusal(Audit *a, AuditRecord *r, const RefusalKind *kind) {
        const uint64_t now = now_boottime();
        end_counts(a, now);
        bool quiet = audit_pending(a) == 0;
        if (refusals_count(&a->refusals, kind)) {
                if (quiet && a->on_kept)
                        a->on_kept(a->userdata);
                return 0;
        }
        int k = audit_commit(a, r);
        if (k < 0)
                return k;
        if (refusals_full(&a->refusals)) { /* the oldest of all goes before its time */
                Refusal *f = refusals_take(&a->refusals, UINT64_MAX);
                if (f->count > 0)
                        tell_count(a, f);
                (void)refusal_free(f); /* NULL */
        }
        refusals_add(&a->refusals, kind, now);
        return 0;
}

static RefusalKind kind_of(
                AuditEvent event, const AuditSubject *s, DecisionReason reason, const char *note) {
        return (RefusalKind){ .uid = s->caller ? s->caller->uid : AUDIT_NO_UID,
                .event = event,
                .reason = reason,
                .text = { [REFUSAL_AGENT] = s->agent,
                                [REFUSAL_SANDBOX] = s->sandbox,
                                [REFUSAL_USER] = s->on_behalf_user,
                                [REFUSAL_POLICY] = s->policy,
                                [REFUSAL_NOTE] = note } };
}

size_t audit_pending(const Audit *a) {
        return a->n_kept + (a->n_missing > 0) + (a->refusals.n_counted > 0);
}

void audit_flush(Audit *a) {
        end_counts(a, now_boottime());
        (void)send_kept(a); /* what does not go stays */
}

void audit_settle(Audit *a) {
        end_counts(a, UINT64_MAX);
        (void)send_kept(a); /* there is no later: what does not go is lost with the daemon */
}

static int begin_decision(AuditRecord *r, AuditEvent event, const AuditSubject *s, const Decision *d) {
        bool allowed = d->verdict == VERDICT_ALLOW;
        int k = audit_begin(
                        r, event, allowed ? "allow" : "deny", allowed ? PRIORITY_INFO : PRIORITY_WARNING, s);
        if (k < 0)
                return k;
        audit_record_text(r, AUDIT_REASON, decision_reason_to_string(d->reason));
        audit_record_text(r, AUDIT_CLAUSE, d->clause);
        audit_record_text(r, AUDIT_NOTE, d->sentence);
        return 0;
}

static void say_decision(AuditRecord *r, const AuditSubject *s, const Decision *d, char *const *argv) {
        _cleanup_(who_clear) Who who = who_of(s);
        _cleanup_free_ char *words = audit_argv_text(argv);
        const char *command = or_else(words, "no command");
        if (d->verdict == VERDICT_ALLOW)
                audit_record_message(r, "Sandbox %s of %s may run under policy %s: %s",
                                or_else(s->sandbox, "?"), who_text(&who), or_else(s->policy, "?"), command);
        else
                audit_record_message(r, "Refused to %s, policy %s: %s. Asked for: %s", who_text(&who),
                                or_else(s->policy, "?"),
                                or_else(d->sentence, decision_reason_to_string(d->reason)), command);
}

static int commit_decision(Audit *a, AuditRecord *r, AuditEvent event, const AuditSubject *s,
                const Decision *d, char *const *argv, const char *workspace) {
        if (d->verdict == VERDICT_ALLOW)
                return audit_commit(a, r);
        _cleanup_free_ char *words = audit_argv_text(argv);
        RefusalKind kind = kind_of(event, s, d->reason, d->sentence);
        kind.text[REFUSAL_CLAUSE] = d->clause;
        kind.text[REFUSAL_WORKSPACE] = workspace;
        kind.text[REFUSAL_COMMAND] = words;
        return commit_refusal(a, r, &kind);
}

int audit_spawn(Audit *a, const AuditSubject *s, const Decision *d, char *const *argv, const char *workspace,
                const char *labels_json, const char *walls) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = begin_decision(&r, AUDIT_SPAWN, s, d);
        if (k < 0)
                return k;
        audit_record_argv(&r, AUDIT_TARGET, argv);
        audit_record_text(&r, AUDIT_WORKSPACE, workspace);
        audit_record_text(&r, AUDIT_LABELS, labels_json);
        audit_record_text(&r, AUDIT_WALLS, walls);
        say_decision(&r, s, d, argv);
        return commit_decision(a, &r, AUDIT_SPAWN, s, d, argv, workspace);
}

int audit_exec(Audit *a, const AuditSubject *s, uint32_t exec, const Decision *d, char *const *argv) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = begin_decision(&r, AUDIT_EXEC, s, d);
        if (k < 0)
                return k;
        audit_record_number(&r, AUDIT_EXEC_ID, exec);
        audit_record_argv(&r, AUDIT_TARGET, argv);
        say_decision(&r, s, d, argv);
        return commit_decision(a, &r, AUDIT_EXEC, s, d, argv, NULL);
}

int audit_start(Audit *a, const AuditSubject *s, pid_t leader, uint64_t usec) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = audit_begin(&r, AUDIT_START, "none", PRIORITY_INFO, s);
        if (k < 0)
                return k;
        _cleanup_(who_clear) Who who = who_of(s);
        audit_record_number(&r, AUDIT_USEC, usec);
        audit_record_message(&r,
                        "Sandbox %s of %s runs as process %d, %" PRIu64 " us after it was asked for.",
                        or_else(s->sandbox, "?"), who_text(&who), (int)leader, usec);
        return audit_tell(a, &r);
}

int audit_fail(Audit *a, const AuditSubject *s, const char *step, int error, const char *detail) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = audit_begin(&r, AUDIT_FAIL, "none", PRIORITY_NOTICE, s);
        if (k < 0)
                return k;
        _cleanup_(who_clear) Who who = who_of(s);
        error = error < 0 ? -error : error;
        audit_record_text(&r, AUDIT_STEP, step);
        if (error > 0)
                audit_record_number(&r, AUDIT_ERRNO, (uint64_t)error);
        audit_record_text(&r, AUDIT_TARGET, detail);
        audit_record_message(&r, "Sandbox %s of %s could not be made at step %s: %s%s%s",
                        or_else(s->sandbox, "?"), who_text(&who), or_else(step, "?"),
                        error > 0 ? strerror(error) : "refused", detail && *detail ? ": " : "",
                        or_else(detail, ""));
        return audit_tell(a, &r);
}

static void say_exit(AuditRecord *r, const AuditSubject *s, uint32_t exec, int code, int signal,
                const char *reason, size_t n_handoff) {
        _cleanup_(who_clear) Who who = who_of(s);
        char command[32] = "The command", trust[96] = "";
        if (exec > 0)
                (void)snprintf(command, sizeof(command), "Command %" PRIu32, exec);
        if (n_handoff > 0)
                (void)snprintf(trust, sizeof(trust),
                                " It leaves %zu new files that programs of the host would trust.",
                                n_handoff);
        audit_record_message(r, "%s of sandbox %s of %s ended by %s %d (%s).%s", command,
                        or_else(s->sandbox, "?"), who_text(&who), signal > 0 ? "signal" : "exit status",
                        signal > 0 ? signal : code, or_else(reason, "?"), trust);
}

int audit_exit(Audit *a, const AuditSubject *s, uint32_t exec, int code, int signal, const char *reason,
                uint64_t usec, const char *const *handoff, size_t n_handoff, bool handoff_whole) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = audit_begin(&r, AUDIT_EXIT, "none", PRIORITY_INFO, s);
        if (k < 0)
                return k;
        if (exec > 0)
                audit_record_number(&r, AUDIT_EXEC_ID, exec);
        if (signal > 0)
                audit_record_number(&r, AUDIT_EXIT_SIGNAL, (uint64_t)signal);
        else
                audit_record_number(&r, AUDIT_EXIT_CODE, (uint64_t)(code & 0xff));
        audit_record_text(&r, AUDIT_REASON, reason);
        audit_record_number(&r, AUDIT_USEC, usec);
        for (size_t i = 0; i < n_handoff; i++)
                audit_record_text(&r, AUDIT_HANDOFF, handoff[i]);
        audit_record_number(&r, AUDIT_HANDOFF_WHOLE, handoff_whole);
        say_exit(&r, s, exec, code, signal, reason, n_handoff);
        return audit_tell(a, &r);
}

/* Of an act on a sandbox or an agent: allowed where a caller asked, and nobody's decision where none did. */
static int begin_act(AuditRecord *r, AuditEvent event, int priority, const AuditSubject *s) {
        return audit_begin(r, event, s->caller ? "allow" : "none", priority, s);
}

int audit_kill(Audit *a, const AuditSubject *s, const char *whom, int signal) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = begin_act(&r, AUDIT_KILL, PRIORITY_INFO, s);
        if (k < 0)
                return k;
        _cleanup_(who_clear) Who who = who_of(s);
        char target[64];
        const char *name = sigabbrev_np(signal);
        if (name)
                (void)snprintf(target, sizeof(target), "SIG%s %s", name, or_else(whom, "all"));
        else
                (void)snprintf(target, sizeof(target), "%d %s", signal, or_else(whom, "all"));
        audit_record_text(&r, AUDIT_TARGET, target);
        audit_record_message(&r, "Sandbox %s of %s is sent a signal: %s.", or_else(s->sandbox, "?"),
                        who_text(&who), target);
        return audit_commit(a, &r);
}

int audit_stop(Audit *a, const AuditSubject *s, const char *reason) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = begin_act(&r, AUDIT_STOP, PRIORITY_INFO, s);
        if (k < 0)
                return k;
        _cleanup_(who_clear) Who who = who_of(s);
        audit_record_text(&r, AUDIT_REASON, reason);
        audit_record_message(&r, "Sandbox %s of %s is to end (%s).", or_else(s->sandbox, "?"),
                        who_text(&who), or_else(reason, "asked for"));
        return s->caller ? audit_commit(a, &r) : audit_tell(a, &r);
}

/* "Sandbox X of Y …" */
static int act_on_sandbox(
                Audit *a, AuditEvent event, const AuditSubject *s, uint32_t exec, const char *what) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = begin_act(&r, event, PRIORITY_INFO, s);
        if (k < 0)
                return k;
        _cleanup_(who_clear) Who who = who_of(s);
        if (exec > 0)
                audit_record_number(&r, AUDIT_EXEC_ID, exec);
        audit_record_message(&r, "Sandbox %s of %s %s.", or_else(s->sandbox, "?"), who_text(&who), what);
        return audit_commit(a, &r);
}

int audit_freeze(Audit *a, const AuditSubject *s, bool frozen) {
        return act_on_sandbox(a, frozen ? AUDIT_FREEZE : AUDIT_THAW, s, 0,
                        frozen ? "is made to stand still" : "may go on");
}

int audit_attach(Audit *a, const AuditSubject *s, uint32_t exec) {
        return act_on_sandbox(a, AUDIT_ATTACH, s, exec, "has another connection waiting for its command");
}

int audit_register(Audit *a, const AuditSubject *s) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = begin_act(&r, AUDIT_REGISTER, PRIORITY_NOTICE, s);
        if (k < 0)
                return k;
        _cleanup_(who_clear) Who who = who_of(s);
        audit_record_message(&r, "Registered %s, under policy %s.", who_text(&who), or_else(s->policy, "?"));
        return audit_commit(a, &r);
}

int audit_agent_state(Audit *a, const AuditSubject *s, AuditEvent event, const char *reason) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = begin_act(&r, event, PRIORITY_NOTICE, s);
        if (k < 0)
                return k;
        _cleanup_(who_clear) Who who = who_of(s);
        const char *what = event == AUDIT_SUSPEND  ? "Suspended"
                           : event == AUDIT_RESUME ? "Resumed"
                                                   : "Revoked";
        audit_record_text(&r, AUDIT_NOTE, reason);
        audit_record_message(&r, "%s %s%s%s", what, who_text(&who), reason && *reason ? ": " : ".",
                        or_else(reason, ""));
        return audit_commit(a, &r);
}

int audit_set_policy(Audit *a, const AuditSubject *s) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = begin_act(&r, AUDIT_SET_POLICY, PRIORITY_NOTICE, s);
        if (k < 0)
                return k;
        _cleanup_(who_clear) Who who = who_of(s);
        audit_record_message(
                        &r, "The policy of %s is %s from now on.", who_text(&who), or_else(s->policy, "?"));
        return audit_commit(a, &r);
}

int audit_policy_load(Audit *a, const char *file, const char *name, const char *digest, const char *error) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = audit_begin(&r, AUDIT_POLICY_LOAD,
                        error    ? "deny"
                        : digest ? "allow"
                                 : "none",
                        error ? PRIORITY_WARNING : PRIORITY_NOTICE, NULL);
        if (k < 0)
                return k;
        audit_record_text(&r, AUDIT_TARGET, file);
        audit_record_text(&r, AUDIT_POLICY, name);
        audit_record_text(&r, AUDIT_POLICY_DIGEST, digest);
        audit_record_text(&r, AUDIT_NOTE, error);
        if (error)
                audit_record_message(&r, "The file of policy %s is refused, and the last good one stays: %s",
                                or_else(name, "?"), error);
        else if (digest)
                audit_record_message(
                                &r, "Policy %s of %s is in force.", or_else(name, "?"), or_else(file, "?"));
        else
                audit_record_message(&r, "Policy %s of %s is gone.", or_else(name, "?"), or_else(file, "?"));
        return audit_tell(a, &r);
}

int audit_control(Audit *a, const AuditSubject *s, const char *method, DecisionReason reason,
                const char *sentence) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = audit_begin(&r, AUDIT_CONTROL, "deny", PRIORITY_WARNING, s);
        if (k < 0)
                return k;
        audit_record_text(&r, AUDIT_ACTION, method);
        audit_record_text(&r, AUDIT_REASON, decision_reason_to_string(reason));
        audit_record_text(&r, AUDIT_NOTE, sentence);
        audit_record_message(&r, "%s is refused: %s", or_else(method, "An act"),
                        or_else(sentence, decision_reason_to_string(reason)));
        RefusalKind kind = kind_of(AUDIT_CONTROL, s, reason, sentence);
        kind.text[REFUSAL_ACTION] = method;
        return commit_refusal(a, &r, &kind);
}

int audit_adopt(Audit *a, const AuditSubject *s, pid_t leader) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = audit_begin(&r, AUDIT_ADOPT, "none", PRIORITY_NOTICE, s);
        if (k < 0)
                return k;
        _cleanup_(who_clear) Who who = who_of(s);
        audit_record_message(&r,
                        "Sandbox %s of %s was found running as process %d, and is looked after again.",
                        or_else(s->sandbox, "?"), who_text(&who), (int)leader);
        return audit_tell(a, &r);
}

int audit_lost(Audit *a, const AuditSubject *s, const char *what) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = audit_begin(&r, AUDIT_LOST, "none", PRIORITY_WARNING, s);
        if (k < 0)
                return k;
        _cleanup_(who_clear) Who who = who_of(s);
        audit_record_text(&r, AUDIT_NOTE, what);
        audit_record_message(&r, "Sandbox %s of %s: %s", or_else(s->sandbox, "?"), who_text(&who),
                        or_else(what, "its end was not seen"));
        return audit_tell(a, &r);
}

int audit_daemon(Audit *a, bool up, const char *how) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = audit_begin(&r, AUDIT_DAEMON, "none", PRIORITY_NOTICE, NULL);
        if (k < 0)
                return k;
        audit_record_text(&r, AUDIT_NOTE, how);
        audit_record_message(&r, "mxcd %s %s%s%s", MXC_VERSION, up ? "comes up" : "goes down",
                        how && *how ? ": " : ".", or_else(how, ""));
        return audit_commit(a, &r);
}
