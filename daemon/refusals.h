/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Refusals that are alike, counted: who is refused a thousand times a second must not fill the journal with it. The first of its kind is
 * recorded whole; what is exactly like it, within LIMIT_REFUSAL_USEC of it, is counted, and one record stands for all of those. Who
 * changes what is asked for gets LIMIT_REFUSALS_PER_UID kinds, and one more for all the rest. Nothing is dropped: what leaves the table
 * with a count is handed to who asked for that. Pure: no clock, no descriptor, no log.
 *
 * Alike is what has the same digest, of all that is said of it at its full length: a command that hides behind the beginning of another
 * is another. The texts that are kept only tell what was counted. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "audit-event.h"
#include "decide.h"

typedef enum RefusalText {
        REFUSAL_AGENT,
        REFUSAL_AGENT_UUID,
        REFUSAL_SANDBOX,
        REFUSAL_USER,
        REFUSAL_POLICY,
        REFUSAL_POLICY_DIGEST,
        REFUSAL_CLAUSE,
        REFUSAL_ACTION,
        REFUSAL_WORKSPACE,
        REFUSAL_NOTE,
        REFUSAL_LABELS,
        REFUSAL_COMMAND, /* as audit_argv_text() shows it; argv is what counts */
        _REFUSAL_TEXT_MAX,
} RefusalText;

#define REFUSAL_TEXT_BYTES 512U  /* what is kept of each text, for showing */
#define REFUSAL_DIGEST_BYTES 32U /* SHA-256 */
typedef struct RefusalKind {
        uid_t uid; /* the caller's */
        AuditEvent event;
        DecisionReason reason;
        uid_t on_behalf_uid;
        uint32_t exec;
        const char *text[_REFUSAL_TEXT_MAX]; /* NULL and "" are the same */
        char *const *argv;                   /* may be NULL; not kept */
        uint8_t digest[REFUSAL_DIGEST_BYTES];
} RefusalKind;

typedef struct Refusal {
        TAILQ_ENTRY(Refusal) entries;
        RefusalKind kind; /* its texts are its own */
        bool rest;        /* of many kinds of one uid, which is all that its kind holds */
        uint64_t since;   /* of the one that was recorded whole */
        uint64_t count;   /* more of them, not recorded yet */
} Refusal;

typedef struct Refusals {
        TAILQ_HEAD(, Refusal) list; /* oldest first */
        size_t n;
        uint64_t n_counted; /* of all */
} Refusals;

void refusals_init(Refusals *t);

/* Sets digest from all the rest. False: there is no memory for that; it cannot be told apart then, and is to be recorded whole. */
bool refusal_kind_seal(RefusalKind *kind);

/* What follows takes sealed kinds. True: it was one of a kind that is recorded already, and is counted. False: record it, and on success say so with refusals_add(). */
bool refusals_count(Refusals *t, const RefusalKind *kind);

/* It was recorded whole, at now. Where there is no room, make some first, with refusals_take() of all that is too much: see
 * refusals_full(). Out of memory: nothing is remembered, the next one is recorded whole. */
void refusals_add(Refusals *t, const RefusalKind *kind, uint64_t now);
bool refusals_full(const Refusals *t);

/* The oldest, where its time is over at now (UINT64_MAX: in any case), or NULL. The caller records it if it has a count, and frees it. */
Refusal *refusals_take(Refusals *t, uint64_t now);
Refusal *refusal_free(Refusal *r);
