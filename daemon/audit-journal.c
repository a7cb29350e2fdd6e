/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <sys/queue.h>

#include "audit-internal.h"
#include "audit-store.h"
#include "audit-who.h"
#include "cleanup.h"
#include "clock.h"
#include "journal-socket.h"
#include "limits.h"
#include "log.h"
#include "refusals.h"

typedef struct Kept {
        TAILQ_ENTRY(Kept) entries;
        char *data;
        size_t size;
        uint64_t number; /* in the store; 0: in memory alone */
        uid_t uid;       /* of one in the store: who asked */
} Kept;

struct Audit {
        JournalSocket journal;
        TAILQ_HEAD(, Kept) kept;   /* oldest first */
        size_t n_kept, kept_bytes; /* of those that are in memory alone */
        size_t n_stored;
        AuditStore store;
        uint64_t n_missing; /* did not fit since the last gap was told */
        uint64_t missing_since;
        Refusals refusals; /* alike, and counted */
        Refusals looks;    /* the same of who was let look */
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
        a->store.dir = -EBADF;
        refusals_init(&a->refusals);
        refusals_init(&a->looks);
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
        if (k->number > 0) {
                a->n_stored--;
        } else {
                a->n_kept--;
                a->kept_bytes -= k->size;
        }
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
        for (Refusal *r; (r = refusals_take(&a->looks, UINT64_MAX));)
                (void)refusal_free(r); /* NULL */
        audit_store_close(&a->store);
        journal_socket_close(&a->journal);
        free(a);
        return NULL;
}

void audit_set_kept(Audit *a, void (*kept)(void *userdata), void *userdata) {
        a->on_kept = kept;
        a->userdata = userdata;
}

int audit_fd(const Audit *a) {
        return a->journal.fd;
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
        audit_record_text(r, AUDIT_STORED_DIGEST, s->stored_digest);
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
                        "%" PRIu64 " audit records are missing: the journal was away for so long, or memory "
                        "so short, that they could not be kept.",
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
                if (k->number > 0)
                        audit_store_remove(&a->store, k->number, k->uid);
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

/* Whoever begins to wait for the journal has somebody told, once: see audit_set_kept(). */
static void woke(Audit *a, bool was_quiet) {
        if (was_quiet && a->on_kept)
                a->on_kept(a->userdata);
}

static void miss(Audit *a, uint64_t n, uint64_t when) {
        bool quiet = audit_pending(a) == 0;
        if (a->n_missing == 0)
                a->missing_since = when;
        a->n_missing += n;
        woke(a, quiet);
}

int audit_begin_telling(Audit *a, AuditRecord *r, AuditEvent event, const char *decision, int priority,
                const AuditSubject *s) {
        int k = audit_begin(r, event, decision, priority, s);
        if (k < 0)
                miss(a, 1, now_realtime());
        return k;
}

/* With the time that it is of, since the journal will have a later one. */
static int stamp(AuditRecord *r, uint64_t when) {
        char text[64];
        size_t n = (size_t)snprintf(text, sizeof(text), AUDIT_TIME "=%" PRIu64 "\n", when);
        char *data = realloc(r->data, r->size + n);
        if (!data)
                return -ENOMEM;
        memcpy(data + r->size, text, n);
        r->data = data;
        r->size += n;
        return 0;
}

/* Takes data. */
static int enqueue(Audit *a, char *data, size_t size, uint64_t number, uid_t uid) {
        bool quiet = audit_pending(a) == 0;
        Kept *k = calloc(1, sizeof(Kept));
        if (!k) {
                free(data);
                return -ENOMEM;
        }
        *k = (Kept){ .data = data, .size = size, .number = number, .uid = uid };
        TAILQ_INSERT_TAIL(&a->kept, k, entries);
        if (number > 0) {
                a->n_stored++;
        } else {
                a->n_kept++;
                a->kept_bytes += size;
        }
        woke(a, quiet);
        return 0;
}

static int keep(Audit *a, AuditRecord *r, uint64_t when) {
        if (stamp(r, when) < 0 || a->n_kept >= LIMIT_AUDIT_PENDING ||
                        a->kept_bytes + r->size > LIMIT_AUDIT_PENDING_BYTES)
                return -ENOBUFS;
        return enqueue(a, TAKE_PTR(r->data), r->size, 0, 0) < 0 ? -ENOBUFS : 0;
}

/* ---- on disk ---- */

static void add_stored(uint64_t number, uid_t uid, char *data, size_t size, void *userdata) {
        if (enqueue(userdata, data, size, number, uid) < 0)
                log_error("A record of the audit stays on disk until mxcd is started again.");
}

int audit_store_at(Audit *a, const char *path) {
        return audit_store_open(&a->store, path, add_stored, a);
}

/* Root has room of its own: nobody else's records keep an administrator's from being made. Of the others' nobody can take all: the more there is
 * of them, the less is one's share of what is free. */
static bool store_has_room(const Audit *a, uid_t uid) {
        size_t mine = 0, all = 0;
        const Kept *k;
        TAILQ_FOREACH(k, &a->kept, entries) {
                mine += k->number > 0 && k->uid == uid;
                all += k->number > 0 && k->uid != 0;
        }
        if (uid == 0)
                return mine < LIMIT_AUDIT_STORED;
        const size_t left = all < LIMIT_AUDIT_STORED_OTHERS ? LIMIT_AUDIT_STORED_OTHERS - all : 0;
        return mine < (left + LIMIT_AUDIT_STORED_SHARE - 1) / LIMIT_AUDIT_STORED_SHARE;
}

static int store(Audit *a, AuditRecord *r, uid_t uid, uint64_t when) {
        uint64_t number;
        if (!store_has_room(a, uid))
                return -ENOBUFS;
        int k = stamp(r, when);
        if (k == 0)
                k = audit_store_put(&a->store, uid, r->data, r->size, &number);
        if (k < 0)
                return k;
        if (enqueue(a, TAKE_PTR(r->data), r->size, number, uid) < 0)
                log_error("A record of the audit stays on disk until mxcd is started again.");
        return 0;
}

int audit_commit_or_store(Audit *a, AuditRecord *r, uid_t uid) {
        int k = audit_record_end(r);
        if (k < 0)
                return k;
        k = send_kept(a);
        if (k == 0)
                k = journal_socket_send(&a->journal, r->data, r->size);
        return k < 0 && store(a, r, uid, now_realtime()) < 0 ? k : 0;
}

/* r stands for so many. */
static int tell_many(Audit *a, AuditRecord *r, uint64_t n) {
        int k = audit_record_end(r);
        if (k == 0) {
                k = send_kept(a);
                if (k == 0)
                        k = journal_socket_send(&a->journal, r->data, r->size);
                if (k < 0)
                        k = keep(a, r, now_realtime());
        }
        if (k < 0)
                miss(a, n, now_realtime());
        return k;
}

int audit_tell(Audit *a, AuditRecord *r) {
        return tell_many(a, r, 1);
}

/* ---- refusals that are alike ---- */

static void say_alike(AuditRecord *r, const Refusal *f) {
        static const char *const fields[_REFUSAL_TEXT_MAX] = { [REFUSAL_AGENT] = AUDIT_AGENT,
                [REFUSAL_AGENT_UUID] = AUDIT_AGENT_UUID,
                [REFUSAL_SANDBOX] = AUDIT_SANDBOX,
                [REFUSAL_USER] = AUDIT_ON_BEHALF_USER,
                [REFUSAL_POLICY] = AUDIT_POLICY,
                [REFUSAL_POLICY_DIGEST] = AUDIT_POLICY_DIGEST,
                [REFUSAL_CLAUSE] = AUDIT_CLAUSE,
                [REFUSAL_ACTION] = AUDIT_ACTION,
                [REFUSAL_WORKSPACE] = AUDIT_WORKSPACE,
                [REFUSAL_LABELS] = AUDIT_LABELS,
                [REFUSAL_NOTE] = AUDIT_NOTE };
        const char *const *text = f->kind.text;
        const char *reason = decision_reason_to_string(f->kind.reason);
        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                if (fields[i])
                        audit_record_text(r, fields[i], text[i]);
        audit_record_text(r, AUDIT_REASON, reason);
        audit_record_message(r, "Refused %" PRIu64 " more times to uid %u: %s. Asked for: %s", f->count,
                        f->kind.uid, or_else(text[REFUSAL_NOTE], reason),
                        or_else(text[REFUSAL_COMMAND], or_else(text[REFUSAL_ACTION], "?")));
}

static void say_unlike(AuditRecord *r, const Refusal *f) {
        audit_record_text(r, AUDIT_NOTE,
                        "requests of many kinds, of which only the first were told one by one");
        audit_record_message(r,
                        "Refused %" PRIu64 " requests of many kinds to uid %u, which are only counted: the "
                        "first %u kinds are on record.",
                        f->count, f->kind.uid, LIMIT_REFUSALS_PER_UID + 1);
}

static void say_looks(AuditRecord *r, const Refusal *f) {
        if (f->rest) {
                audit_record_text(r, AUDIT_NOTE,
                                "looks of many kinds, of which only the first were told one by one");
        } else {
                audit_record_text(r, AUDIT_AGENT, f->kind.text[REFUSAL_AGENT]);
                audit_record_text(r, AUDIT_AGENT_UUID, f->kind.text[REFUSAL_AGENT_UUID]);
                audit_record_text(r, AUDIT_SANDBOX, f->kind.text[REFUSAL_SANDBOX]);
                audit_record_text(r, AUDIT_ACTION, f->kind.text[REFUSAL_ACTION]);
        }
        audit_record_message(r, "Uid %u looked %" PRIu64 " more times at what is other people's: %s",
                        f->kind.uid, f->count, or_else(f->kind.text[REFUSAL_ACTION], "in many ways"));
}

static int begin_count(AuditRecord *r, const Refusal *f, bool looks) {
        if (looks)
                return audit_begin(r, AUDIT_INSPECT, "allow", PRIORITY_INFO, NULL);
        return audit_begin(r, f->rest ? AUDIT_REFUSALS : f->kind.event, "deny", PRIORITY_WARNING, NULL);
}

static void tell_count(Audit *a, const Refusal *f, bool looks) {
        _cleanup_(audit_record_clear) AuditRecord r = { 0 };
        if (begin_count(&r, f, looks) < 0) {
                miss(a, f->count, now_realtime());
                return;
        }
        if (f->kind.uid != AUDIT_NO_UID)
                audit_record_number(&r, AUDIT_CALLER_UID, f->kind.uid);
        if (f->rest || f->count > 1)
                audit_record_number(&r, AUDIT_COUNT, f->count);
        if (looks)
                say_looks(&r, f);
        else if (f->rest)
                say_unlike(&r, f);
        else
                say_alike(&r, f);
        (void)tell_many(a, &r, f->count); /* what is not kept either is told as a gap */
}

static void end_counts(Audit *a, uint64_t now) {
        for (Refusal *f; (f = refusals_take(&a->refusals, now)); (void)refusal_free(f))
                if (f->count > 0)
                        tell_count(a, f, false);
        for (Refusal *f; (f = refusals_take(&a->looks, now)); (void)refusal_free(f))
                if (f->count > 0)
                        tell_count(a, f, true);
}

/* It is on record. Where there is no room, the oldest of all goes before its time. */
static void add_kind(Audit *a, Refusals *t, const RefusalKind *kind, uint64_t now) {
        if (refusals_full(t)) {
                Refusal *f = refusals_take(t, UINT64_MAX);
                if (f->count > 0)
                        tell_count(a, f, t == &a->looks);
                (void)refusal_free(f); /* NULL */
        }
        refusals_add(t, kind, now);
}

int audit_commit_refusal(Audit *a, AuditRecord *r, RefusalKind *kind) {
        const uint64_t now = now_boottime();
        end_counts(a, now);
        if (!refusal_kind_seal(kind)) /* no memory: whole then */
                return audit_commit(a, r);
        bool quiet = audit_pending(a) == 0;
        if (refusals_count(&a->refusals, kind)) {
                woke(a, quiet);
                return 0;
        }
        int k = audit_commit(a, r);
        if (k < 0)
                return k;
        add_kind(a, &a->refusals, kind, now);
        return 0;
}

int audit_tell_look(Audit *a, AuditRecord *r, RefusalKind *kind) {
        const uint64_t now = now_boottime();
        end_counts(a, now);
        if (!refusal_kind_seal(kind)) /* no memory: whole then */
                return audit_tell(a, r);
        bool quiet = audit_pending(a) == 0;
        if (refusals_count(&a->looks, kind)) {
                woke(a, quiet);
                return 0;
        }
        int k = audit_tell(a, r);
        if (k == 0)
                add_kind(a, &a->looks, kind, now);
        return k;
}

size_t audit_pending(const Audit *a) {
        return a->n_kept + a->n_stored + (a->n_missing > 0) + (a->refusals.n_counted > 0) +
               (a->looks.n_counted > 0);
}

void audit_flush(Audit *a) {
        end_counts(a, now_boottime());
        (void)send_kept(a); /* what does not go stays */
}

void audit_settle(Audit *a) {
        end_counts(a, UINT64_MAX);
        (void)send_kept(a); /* there is no later: what does not go is lost with the daemon */
}
