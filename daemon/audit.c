/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit.h"

#include <inttypes.h>
#include <signal.h>

#include "audit-internal.h"
#include "audit-who.h"
#include "cleanup.h"

static RefusalKind kind_of(
                AuditEvent event, const AuditSubject *s, DecisionReason reason, const char *note) {
        return (RefusalKind){ .uid = s->caller ? s->caller->uid : AUDIT_NO_UID,
                .event = event,
                .reason = reason,
                .on_behalf_uid = s->on_behalf_uid,
                .text = { [REFUSAL_AGENT] = s->agent,
                                [REFUSAL_AGENT_UUID] = s->agent_uuid,
                                [REFUSAL_SANDBOX] = s->sandbox,
                                [REFUSAL_USER] = s->on_behalf_user,
                                [REFUSAL_POLICY] = s->policy,
                                [REFUSAL_POLICY_DIGEST] = s->digest,
                                [REFUSAL_NOTE] = note } };
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

/* A document that could not be read stands in the record as it was sent: the sentence has no place for that. */
static const char *policy_text(const char *policy) {
        return !policy ? "not known" : policy[0] == '{' ? "a document" : policy;
}

static void say_decision(AuditRecord *r, AuditEvent event, const AuditSubject *s, const Decision *d,
                char *const *argv) {
        _cleanup_(who_clear) Who who = who_of(s);
        _cleanup_free_ char *words = audit_argv_text(argv);
        const char *command = or_else(words, "no command");
        if (d->verdict == VERDICT_ALLOW)
                audit_record_message(r, "Sandbox %s of %s may run under policy %s: %s",
                                or_else(s->sandbox, "?"), who_text(&who), or_else(s->policy, "?"), command);
        else
                audit_record_message(r, "Refused %sto %s, policy %s, command %s: %s",
                                event == AUDIT_PLAN ? "a dry run " : "", who_text(&who),
                                policy_text(s->policy), command,
                                or_else(d->sentence, decision_reason_to_string(d->reason)));
}

static int commit_decision(
                Audit *a, AuditRecord *r, RefusalKind *kind, const Decision *d, char *const *argv) {
        if (d->verdict == VERDICT_ALLOW)
                return audit_commit(a, r);
        _cleanup_free_ char *words = audit_argv_text(argv);
        if (!words) /* no memory: whole then */
                return audit_commit(a, r);
        kind->text[REFUSAL_CLAUSE] = d->clause;
        kind->text[REFUSAL_COMMAND] = words;
        kind->argv = argv;
        return audit_commit_refusal(a, r, kind);
}

static int decided(Audit *a, AuditEvent event, const AuditSubject *s, const Decision *d, char *const *argv,
                const char *workspace, const char *labels_json, const char *walls, const char *unheld) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = begin_decision(&r, event, s, d);
        if (k < 0)
                return k;
        audit_record_argv(&r, AUDIT_TARGET, argv);
        audit_record_text(&r, AUDIT_WORKSPACE, workspace);
        audit_record_text(&r, AUDIT_LABELS, labels_json);
        audit_record_text(&r, AUDIT_WALLS, walls);
        audit_record_text(&r, AUDIT_UNHELD, unheld && *unheld ? unheld : NULL);
        audit_record_text(&r, AUDIT_CLAMPED, d->cut);
        say_decision(&r, event, s, d, argv);
        RefusalKind kind = kind_of(event, s, d->reason, d->sentence);
        kind.text[REFUSAL_WORKSPACE] = workspace;
        kind.text[REFUSAL_LABELS] = labels_json;
        return commit_decision(a, &r, &kind, d, argv);
}

int audit_spawn(Audit *a, const AuditSubject *s, const Decision *d, char *const *argv, const char *workspace,
                const char *labels_json, const char *walls, const char *unheld) {
        return decided(a, AUDIT_SPAWN, s, d, argv, workspace, labels_json, walls, unheld);
}

int audit_plan(Audit *a, const AuditSubject *s, const Decision *d, char *const *argv,
                const char *workspace) {
        return decided(a, AUDIT_PLAN, s, d, argv, workspace, NULL, NULL, NULL);
}

int audit_exec(Audit *a, const AuditSubject *s, uint32_t exec, const Decision *d, char *const *argv) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = begin_decision(&r, AUDIT_EXEC, s, d);
        if (k < 0)
                return k;
        audit_record_number(&r, AUDIT_EXEC_ID, exec);
        audit_record_argv(&r, AUDIT_TARGET, argv);
        say_decision(&r, AUDIT_EXEC, s, d, argv);
        RefusalKind kind = kind_of(AUDIT_EXEC, s, d->reason, d->sentence);
        kind.exec = exec;
        return commit_decision(a, &r, &kind, d, argv);
}

int audit_start(Audit *a, const AuditSubject *s, pid_t leader, uint64_t usec) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = audit_begin_telling(a, &r, AUDIT_START, "none", PRIORITY_INFO, s);
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
        int k = audit_begin_telling(a, &r, AUDIT_FAIL, "none", PRIORITY_NOTICE, s);
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
        int k = audit_begin_telling(a, &r, AUDIT_EXIT, "none", PRIORITY_INFO, s);
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
static int begin_act(Audit *a, AuditRecord *r, AuditEvent event, int priority, const AuditSubject *s) {
        return s->caller ? audit_begin(r, event, "allow", priority, s)
                         : audit_begin_telling(a, r, event, "none", priority, s);
}

static int commit_act(Audit *a, AuditRecord *r, const AuditSubject *s) {
        if (!s->caller || s->order == AUDIT_PART)
                return audit_tell(a, r);
        return s->order == AUDIT_BEFORE_OR_STORED ? audit_commit_or_store(a, r, s->caller->uid)
                                                  : audit_commit(a, r);
}

int audit_kill(Audit *a, const AuditSubject *s, const char *whom, int signal) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = begin_act(a, &r, AUDIT_KILL, PRIORITY_INFO, s);
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
        return commit_act(a, &r, s);
}

int audit_stop(Audit *a, const AuditSubject *s, const char *reason) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = begin_act(a, &r, AUDIT_STOP, PRIORITY_INFO, s);
        if (k < 0)
                return k;
        _cleanup_(who_clear) Who who = who_of(s);
        audit_record_text(&r, AUDIT_REASON, reason);
        audit_record_message(&r, "Sandbox %s of %s is to end (%s).", or_else(s->sandbox, "?"),
                        who_text(&who), or_else(reason, "asked for"));
        return commit_act(a, &r, s);
}

/* "Sandbox X of Y …" */
static int act_on_sandbox(
                Audit *a, AuditEvent event, const AuditSubject *s, uint32_t exec, const char *what) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = begin_act(a, &r, event, PRIORITY_INFO, s);
        if (k < 0)
                return k;
        _cleanup_(who_clear) Who who = who_of(s);
        if (exec > 0)
                audit_record_number(&r, AUDIT_EXEC_ID, exec);
        audit_record_message(&r, "Sandbox %s of %s %s.", or_else(s->sandbox, "?"), who_text(&who), what);
        return commit_act(a, &r, s);
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
        int k = begin_act(a, &r, AUDIT_REGISTER, PRIORITY_NOTICE, s);
        if (k < 0)
                return k;
        _cleanup_(who_clear) Who who = who_of(s);
        audit_record_message(&r, "Registered %s, under policy %s.", who_text(&who), or_else(s->policy, "?"));
        return commit_act(a, &r, s);
}

int audit_agent_state(Audit *a, const AuditSubject *s, AuditEvent event, const char *reason) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = begin_act(a, &r, event, PRIORITY_NOTICE, s);
        if (k < 0)
                return k;
        _cleanup_(who_clear) Who who = who_of(s);
        const char *what = event == AUDIT_SUSPEND  ? "Suspended"
                           : event == AUDIT_RESUME ? "Resumed"
                                                   : "Revoked";
        audit_record_text(&r, AUDIT_NOTE, reason);
        audit_record_message(&r, "%s %s%s%s", what, who_text(&who), reason && *reason ? ": " : ".",
                        or_else(reason, ""));
        return commit_act(a, &r, s);
}

int audit_agent_file(
                Audit *a, const AuditSubject *s, AuditEvent event, const char *file, const char *error) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        const char *decision = error ? "deny" : event == AUDIT_REVOKE ? "none" : "allow";
        int k = audit_begin_telling(a, &r, event, decision, error ? PRIORITY_WARNING : PRIORITY_NOTICE, s);
        if (k < 0)
                return k;
        _cleanup_(who_clear) Who who = who_of(s);
        audit_record_text(&r, AUDIT_ORIGIN, "file");
        audit_record_text(&r, AUDIT_TARGET, file);
        audit_record_text(&r, AUDIT_NOTE, error);
        if (error)
                audit_record_message(&r, "The file of %s is refused, and what was good before stays: %s",
                                who_text(&who), error);
        else if (event == AUDIT_REVOKE)
                audit_record_message(
                                &r, "Revoked %s: its file %s is gone.", who_text(&who), or_else(file, "?"));
        else
                audit_record_message(&r, "By its file %s, %s is known, under policy %s.", or_else(file, "?"),
                                who_text(&who), or_else(s->policy, "?"));
        return audit_tell(a, &r);
}

int audit_set_policy(Audit *a, const AuditSubject *s) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = begin_act(a, &r, AUDIT_SET_POLICY, PRIORITY_NOTICE, s);
        if (k < 0)
                return k;
        _cleanup_(who_clear) Who who = who_of(s);
        audit_record_message(
                        &r, "The policy of %s is %s from now on.", who_text(&who), or_else(s->policy, "?"));
        return commit_act(a, &r, s);
}

int audit_policy_load(Audit *a, const char *file, const char *name, const char *digest, const char *error) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = audit_begin_telling(a, &r, AUDIT_POLICY_LOAD,
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
        return audit_commit_refusal(a, &r, &kind);
}

int audit_inspect(Audit *a, const AuditSubject *s, const char *method) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = audit_begin_telling(a, &r, AUDIT_INSPECT, "allow", PRIORITY_INFO, s);
        if (k < 0)
                return k;
        _cleanup_(who_clear) Who who = who_of(s);
        const uid_t uid = s->caller ? s->caller->uid : AUDIT_NO_UID;
        audit_record_text(&r, AUDIT_ACTION, method);
        if (s->sandbox)
                audit_record_message(&r, "Uid %u looks at sandbox %s of %s: %s", uid, s->sandbox,
                                who_text(&who), or_else(method, "?"));
        else
                audit_record_message(&r, "Uid %u looks at %s: %s", uid,
                                s->agent ? who_text(&who) : "what is other people's", or_else(method, "?"));
        RefusalKind kind = kind_of(AUDIT_INSPECT, s, REASON_ALLOWED, NULL);
        kind.text[REFUSAL_ACTION] = method;
        return audit_tell_look(a, &r, &kind);
}

int audit_adopt(Audit *a, const AuditSubject *s, pid_t leader, const char *note) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = audit_begin_telling(a, &r, AUDIT_ADOPT, "none", PRIORITY_NOTICE, s);
        if (k < 0)
                return k;
        _cleanup_(who_clear) Who who = who_of(s);
        audit_record_message(&r,
                        "Sandbox %s of %s was found running as process %d, and is looked after again%s%s.",
                        or_else(s->sandbox, "?"), who_text(&who), (int)leader, note ? "; " : "",
                        or_else(note, ""));
        audit_record_text(&r, AUDIT_NOTE, note);
        return audit_tell(a, &r);
}

int audit_bounds(Audit *a, const AuditSubject *s, const char *cause, const char *words) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = audit_begin_telling(a, &r, AUDIT_BOUNDS, "none", PRIORITY_NOTICE, s);
        if (k < 0)
                return k;
        audit_record_text(&r, AUDIT_REASON, cause);
        audit_record_text(&r, AUDIT_NOTE, words);
        audit_record_message(&r, "Agent %s as a whole has other limits from now on (%s): %s",
                        or_else(s->agent, "?"), cause, words);
        return audit_tell(a, &r);
}

int audit_lost(Audit *a, const AuditSubject *s, const char *what) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = audit_begin_telling(a, &r, AUDIT_LOST, "none", PRIORITY_WARNING, s);
        if (k < 0)
                return k;
        _cleanup_(who_clear) Who who = who_of(s);
        audit_record_text(&r, AUDIT_NOTE, what);
        audit_record_message(&r, "Sandbox %s of %s: %s", or_else(s->sandbox, "?"), who_text(&who),
                        or_else(what, "its end was not seen"));
        return audit_tell(a, &r);
}

int audit_stuck(Audit *a, const AuditSubject *s) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        int k = audit_begin_telling(a, &r, AUDIT_STUCK, "none", PRIORITY_WARNING, s);
        if (k < 0)
                return k;
        _cleanup_(who_clear) Who who = who_of(s);
        audit_record_message(&r,
                        "Sandbox %s of %s has ended, but its first process does not finish dying; its "
                        "control group stays until it does.",
                        or_else(s->sandbox, "?"), who_text(&who));
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
