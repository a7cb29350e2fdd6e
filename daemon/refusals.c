/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "refusals.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "limits.h"

DEFINE_CLEANUP(Refusal *, refusal_free);

void refusals_init(Refusals *t) {
        *t = (Refusals){ 0 };
        TAILQ_INIT(&t->list);
}

static bool same_text(const char *a, const char *b) {
        return strncmp(a ? a : "", b ? b : "", REFUSAL_TEXT_BYTES) == 0;
}

static bool same_kind(const RefusalKind *a, const RefusalKind *b) {
        if (a->uid != b->uid || a->event != b->event || a->reason != b->reason)
                return false;
        for (size_t i = 0; i < _REFUSAL_TEXT_MAX; i++)
                if (!same_text(a->text[i], b->text[i]))
                        return false;
        return true;
}

bool refusals_count(Refusals *t, const RefusalKind *kind) {
        Refusal *r, *found = NULL;
        TAILQ_FOREACH(r, &t->list, entries) {
                if (r->rest ? r->kind.uid == kind->uid && !found : same_kind(&r->kind, kind))
                        found = r;
                if (found && !found->rest)
                        break;
        }
        if (!found)
                return false;
        found->count++;
        t->n_counted++;
        return true;
}

static size_t kinds_of(const Refusals *t, uid_t uid) {
        const Refusal *r;
        size_t n = 0;
        TAILQ_FOREACH(r, &t->list, entries)
                n += r->kind.uid == uid;
        return n;
}

void refusals_add(Refusals *t, const RefusalKind *kind, uint64_t now) {
        _cleanup_(refusal_freep) Refusal *r = calloc(1, sizeof(Refusal));
        if (!r || refusals_full(t))
                return;
        r->rest = kinds_of(t, kind->uid) >= LIMIT_REFUSALS_PER_UID;
        r->kind = (RefusalKind){ .uid = kind->uid, .event = kind->event, .reason = kind->reason };
        r->since = now;
        for (size_t i = 0; i < _REFUSAL_TEXT_MAX && !r->rest; i++) {
                r->kind.text[i] = strndup(kind->text[i] ? kind->text[i] : "", REFUSAL_TEXT_BYTES);
                if (!r->kind.text[i])
                        return;
        }
        TAILQ_INSERT_TAIL(&t->list, r, entries);
        t->n++;
        r = NULL; /* the list's */
}

bool refusals_full(const Refusals *t) {
        return t->n >= LIMIT_REFUSALS;
}

Refusal *refusals_take(Refusals *t, uint64_t now) {
        Refusal *r = TAILQ_FIRST(&t->list);
        if (!r || now < r->since || now - r->since < LIMIT_REFUSAL_USEC)
                return NULL;
        TAILQ_REMOVE(&t->list, r, entries);
        t->n--;
        t->n_counted -= r->count;
        return r;
}

Refusal *refusal_free(Refusal *r) {
        if (!r)
                return NULL;
        for (size_t i = 0; i < _REFUSAL_TEXT_MAX; i++)
                free((char *)r->kind.text[i]);
        free(r);
        return NULL;
}
