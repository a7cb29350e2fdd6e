/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "turns.h"

#include <sys/queue.h>
#include <time.h>

#include "cleanup.h"

typedef struct Waiter {
        STAILQ_ENTRY(Waiter) entries;
        TurnDone done;
        void *userdata;
} Waiter;

/* Of one uid; there is none that is empty. */
typedef struct Line {
        TAILQ_ENTRY(Line) entries;
        uid_t uid;
        STAILQ_HEAD(, Waiter) waiters;
} Line;

struct Turns {
        TAILQ_HEAD(, Line) lines; /* whose turn it is first */
        sd_event_source *next;
};

static Line *find(Turns *t, uid_t uid) {
        Line *l;
        TAILQ_FOREACH(l, &t->lines, entries)
                if (l->uid == uid)
                        return l;
        return NULL;
}

/* The one whose turn it is, out of its line, which goes to the end of the lines. */
static Waiter *take(Turns *t) {
        Line *l = TAILQ_FIRST(&t->lines);
        if (!l)
                return NULL;
        Waiter *w = STAILQ_FIRST(&l->waiters);
        STAILQ_REMOVE_HEAD(&l->waiters, entries);
        TAILQ_REMOVE(&t->lines, l, entries);
        if (STAILQ_EMPTY(&l->waiters))
                free(l);
        else
                TAILQ_INSERT_TAIL(&t->lines, l, entries);
        return w;
}

/* A timer that is over at once, and no deferred source: the loop takes what has been pending longest, a timer is pending anew each time, and a
 * deferred source would be pending for ever and always be first. */
static int arm(Turns *t) {
        int r = sd_event_source_set_time(t->next, 1);
        return r < 0 ? r : sd_event_source_set_enabled(t->next, SD_EVENT_ONESHOT);
}

static void call(Waiter *w, int error) {
        const Waiter copy = *w;
        free(w);
        copy.done(error, copy.userdata);
}

static int on_turn(sd_event_source *source, uint64_t usec, void *userdata) {
        Turns *t = userdata;
        Waiter *w = take(t);
        int r = TAILQ_EMPTY(&t->lines) ? 0 : arm(t);
        if (w)
                call(w, 0);
        return r;
}

int turns_new(sd_event *event, Turns **ret) {
        Turns *t = calloc(1, sizeof(Turns));
        if (!t)
                return -ENOMEM;
        TAILQ_INIT(&t->lines);
        int r = sd_event_add_time(event, &t->next, CLOCK_MONOTONIC, 1, 1, on_turn, t);
        if (r >= 0)
                r = sd_event_source_set_enabled(t->next, SD_EVENT_OFF);
        if (r < 0) {
                turns_free(t);
                return r;
        }
        *ret = t;
        return 0;
}

Turns *turns_free(Turns *t) {
        if (!t)
                return NULL;
        for (Waiter *w; (w = take(t));)
                call(w, -ESHUTDOWN);
        sd_event_source_disable_unref(t->next);
        free(t);
        return NULL;
}

int turns_wait(Turns *t, uid_t uid, TurnDone done, void *userdata) {
        Waiter *w = calloc(1, sizeof(Waiter));
        Line *l = find(t, uid), *made = NULL;
        if (w && !l)
                l = made = calloc(1, sizeof(Line));
        int r = l && w ? arm(t) : -ENOMEM;
        if (r < 0) {
                free(made);
                free(w);
                return r;
        }
        if (made) {
                made->uid = uid;
                STAILQ_INIT(&made->waiters);
                TAILQ_INSERT_TAIL(&t->lines, made, entries);
        }
        *w = (Waiter){ .done = done, .userdata = userdata };
        STAILQ_INSERT_TAIL(&l->waiters, w, entries);
        return 0;
}
