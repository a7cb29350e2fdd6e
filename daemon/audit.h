/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Records of decisions and changes, before their effect. Each function returns 0 once journald has the record in its queue, or a negative
 * errno: the effect must then not happen, and the caller gets AuditUnavailable. sd_journal_send() says 0 with nobody listening, and
 * waits for one who is stuck, so the journal's socket is spoken to directly (journal-socket.h) and nothing here ever blocks.
 *
 * What ends something or takes it away (kill, stop, freeze, suspend, revoke) must be possible when the journal is flooded or gone, of all
 * times: where it has been waited for long enough (record-wait.h), the record is written to disk before the effect (audit-store.h), with the
 * time that it is of, and goes to the journal when that takes it, be it from the next mxcd.
 *
 * What only tells of what has happened already (start, fail, exit, adopt, bounds, lost, stuck, policy-load, what files say of agents, and a stop or a
 * thaw that no caller asked for, which must not wait for a journal) is kept, in order and bounded, and tried again when the journal is back: 0 then too. -ENOBUFS: it did
 * not fit; the number that did not is told in a record of its own (gap).
 *
 * Refusals that are exactly alike are counted for a while after the first (refusals.h), and one record tells how many.
 *
 * Values come from strangers: they are passed as lengths and bytes, never formatted into a field. MXC_TARGET holds argv as it was
 * asked for: secrets on a command line are in the journal then, as they are in /proc/PID/cmdline for everybody meanwhile; pass
 * them in the environment or in a file, neither of which is recorded. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "audit-event.h"
#include "caller.h"
#include "decide.h"

typedef struct Audit Audit;
/* socket: NULL for journald's own; tests name another. */
int audit_new(const char *socket, Audit **ret);
Audit *audit_free(Audit *a);
/* Where records can be stored from now on, and those are that an earlier mxcd has stored. Without, none can. */
int audit_store_at(Audit *a, const char *path);
/* Of the journal's socket: writable when that has room, where audit_check() said -EAGAIN. Borrowed. */
int audit_fd(const Audit *a);

/* Of what a caller asked for, where the journal does not take the record: it must not be done; it is stored and may be; or it is part of what is on
 * record already, and is kept. */
typedef enum AuditOrder { AUDIT_BEFORE, AUDIT_BEFORE_OR_STORED, AUDIT_PART } AuditOrder;

/* What a record is about; NULL, 0-length and AUDIT_NO_UID fields are left out. All borrowed. */
#define AUDIT_NO_UID ((uid_t)-1)
typedef struct AuditSubject {
        const Caller *caller;
        const char *agent, *agent_uuid, *sandbox;
        uid_t on_behalf_uid;
        const char *on_behalf_user;
        const char *policy, *digest, *tier, *unit;
        const char *stored_digest; /* where digest is of what came of it */
        AuditOrder order;
} AuditSubject;

/* 0 when a record could be made now, else a negative errno; for Features and for a cheap early refusal. */
int audit_check(Audit *a);

int audit_spawn(Audit *a, const AuditSubject *s, const Decision *d, char *const *argv, const char *workspace,
                const char *labels_json, const char *walls, const char *unheld);
/* A dry run that is refused; d denies. */
int audit_plan(Audit *a, const AuditSubject *s, const Decision *d, char *const *argv, const char *workspace);
int audit_start(Audit *a, const AuditSubject *s, pid_t leader, uint64_t usec);
int audit_fail(Audit *a, const AuditSubject *s, const char *step, int error, const char *detail);
int audit_exec(Audit *a, const AuditSubject *s, uint32_t exec, const Decision *d, char *const *argv);
int audit_exit(Audit *a, const AuditSubject *s, uint32_t exec, int code, int signal, const char *reason, uint64_t usec,
                const char *const *handoff, size_t n_handoff, bool handoff_whole);
int audit_kill(Audit *a, const AuditSubject *s, const char *whom, int signal);
int audit_stop(Audit *a, const AuditSubject *s, const char *reason);
int audit_freeze(Audit *a, const AuditSubject *s, bool frozen);
int audit_attach(Audit *a, const AuditSubject *s, uint32_t exec);
int audit_register(Audit *a, const AuditSubject *s);
int audit_agent_state(Audit *a, const AuditSubject *s, AuditEvent event, const char *reason); /* SUSPEND RESUME REVOKE */
/* The same of an agent that a file makes known: REGISTER, SET_POLICY or REVOKE; with an error (then REGISTER), the file is refused. */
int audit_agent_file(Audit *a, const AuditSubject *s, AuditEvent event, const char *file, const char *error);
int audit_set_policy(Audit *a, const AuditSubject *s);
int audit_policy_load(Audit *a, const char *file, const char *name, const char *digest, const char *error);
int audit_control(Audit *a, const AuditSubject *s, const char *method, DecisionReason reason, const char *sentence);
/* By method, who is not root (s->caller) looks at what is somebody else's: on record before it is shown, or kept for the journal. Looks that are alike are
 * counted as refusals are. */
int audit_inspect(Audit *a, const AuditSubject *s, const char *method);
int audit_adopt(Audit *a, const AuditSubject *s, pid_t leader, const char *note); /* note: NULL, or what it lacks */
/* words: the properties of its scope that change, "MemoryMax=1073741824 …". Told even where nobody can take it now, as less must not wait. */
int audit_bounds(Audit *a, const AuditSubject *s, const char *cause, const char *words);
int audit_lost(Audit *a, const AuditSubject *s, const char *what);
int audit_stuck(Audit *a, const AuditSubject *s);
int audit_daemon(Audit *a, bool up, const char *how);

/* kept is called when something begins to be kept: have audit_flush() called every now and then from there on, while audit_pending() > 0. */
void audit_set_kept(Audit *a, void (*kept)(void *userdata), void *userdata);
size_t audit_pending(const Audit *a);
void audit_flush(Audit *a);
/* Before the end: what is counted is told now. */
void audit_settle(Audit *a);
