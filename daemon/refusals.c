/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "refusals.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "limits.h"

DEFINE_CLEANUP(Refusal *, refusal_free);
DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free);

void refusals_init(Refusals *t) {
        *t = (Refusals){ 0 };
        TAILQ_INIT(&t->list);
}

/* With its NUL, so that no two lists of words are the same bytes. */
static bool add_text(EVP_MD_CTX *c, const char *text) {
        text = text ? text : "";
        return EVP_DigestUpdate(c, text, strlen(text) + 1) == 1;
}

bool refusal_kind_seal(RefusalKind *kind) {
        const uint32_t numbers[] = { kind->uid, kind->event, kind->reason, kind->on_behalf_uid, kind->exec };
        _cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *c = EVP_MD_CTX_new();
        bool good = c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) == 1 &&
                    EVP_DigestUpdate(c, numbers, sizeof(numbers)) == 1;
        for (size_t i = 0; good && i < _REFUSAL_TEXT_MAX; i++)
                if (i != REFUSAL_COMMAND)
                        good = add_text(c, kind->text[i]);
        for (size_t i = 0; good && kind->argv && kind->argv[i]; i++)
                good = add_text(c, kind->argv[i]);
        unsigned n = 0;
        return good && EVP_DigestFinal_ex(c, kind->digest, &n) == 1 && n == sizeof(kind->digest);
}

static bool same_kind(const RefusalKind *a, const RefusalKind *b) {
        return a->uid == b->uid && memcmp(a->digest, b->digest, sizeof(a->digest)) == 0;
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
        r->kind.uid = kind->uid;
        r->since = now;
        if (!r->rest) {
                r->kind.event = kind->event;
                r->kind.reason = kind->reason;
                memcpy(r->kind.digest, kind->digest, sizeof(kind->digest));
        }
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
