/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ffi-own.h"

#include <pthread.h>
#include <search.h>

#include "cleanup.h"

typedef struct Owned {
        const void *thing; /* first: the key */
        OwnKind kind;
        void (*destroy)(void *thing);
        size_t users;
        bool dropped; /* nobody else may use it */
} Owned;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *tree;

static int compare(const void *a, const void *b) {
        uintptr_t x = (uintptr_t)((const Owned *)a)->thing, y = (uintptr_t)((const Owned *)b)->thing;
        return x < y ? -1 : x > y;
}

static Owned *find(const void *thing) {
        const Owned key = { .thing = thing };
        Owned **o = tfind(&key, &tree, compare);
        return o ? *o : NULL;
}

bool own_add(OwnKind kind, void *thing, void (*destroy)(void *thing)) {
        Owned *o = malloc(sizeof(Owned));
        if (!o)
                return false;
        *o = (Owned){ .thing = thing, .kind = kind, .destroy = destroy };
        (void)pthread_mutex_lock(&lock); /* it is of no kind that fails */
        bool added = tsearch(o, &tree, compare) != NULL;
        (void)pthread_mutex_unlock(&lock);
        if (!added)
                free(o);
        return added;
}

void *own_use(OwnKind kind, const void *thing) {
        if (!thing)
                return NULL;
        (void)pthread_mutex_lock(&lock);
        Owned *o = find(thing);
        if (o && (o->kind != kind || o->dropped))
                o = NULL;
        if (o)
                o->users++;
        (void)pthread_mutex_unlock(&lock);
        return o ? (void *)thing : NULL;
}

/* Outside of the lock, for what destroys may wait. */
static void destroy(Owned *o) {
        if (!o)
                return;
        o->destroy((void *)o->thing);
        free(o);
}

static Owned *forget_unused(Owned *o) {
        if (o->users > 0 || !o->dropped)
                return NULL;
        (void)tdelete(o, &tree, compare); /* it is there */
        return o;
}

void own_done(const void *thing) {
        (void)pthread_mutex_lock(&lock);
        Owned *o = find(thing);
        o->users--;
        o = forget_unused(o);
        (void)pthread_mutex_unlock(&lock);
        destroy(o);
}

bool own_drop(OwnKind kind, void *thing) {
        if (!thing)
                return false;
        (void)pthread_mutex_lock(&lock);
        Owned *o = find(thing);
        bool ours = o && o->kind == kind && !o->dropped;
        if (ours) {
                o->dropped = true;
                o = forget_unused(o);
        }
        (void)pthread_mutex_unlock(&lock);
        if (ours)
                destroy(o);
        return ours;
}

char *own_text(char *s) {
        if (s && !own_add(OWN_TEXT, s, free)) {
                free(s);
                return NULL;
        }
        return s;
}

char *own_text_copy(const char *s) {
        return s ? own_text(strdup(s)) : NULL;
}

int32_t own_fail(MxcErrorDetail *d, int32_t status, const char *message) {
        if (d)
                *d = (MxcErrorDetail){ .message = own_text_copy(message) };
        return status;
}

int32_t own_fail_with(MxcErrorDetail *d, int r, MxcError *e) {
        int32_t status = e->status != MXC_OK ? (int32_t)e->status : MXC_BACKEND_ERROR;
        if (d)
                *d = (MxcErrorDetail){ .message = own_text_copy(e->message ? e->message : strerror(-r)),
                        .operation = own_text_copy(e->operation),
                        .native_code = own_text_copy(e->native_code),
                        .remediation = own_text_copy(e->remediation) };
        mxc_error_clear(e);
        return status;
}

void mxc_string_free(char *s) {
        (void)own_drop(OWN_TEXT, s); /* not ours: not ours to free */
}

void mxc_error_detail_free(MxcErrorDetail *d) {
        if (!d)
                return;
        char *const texts[] = { d->message, d->operation, d->native_code, d->remediation };
        *d = (MxcErrorDetail){ 0 };
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                mxc_string_free(texts[i]);
}

const char *mxc_version(void) {
        return MXC_VERSION;
}
