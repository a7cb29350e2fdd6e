/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record-wait.h"

#include <sys/epoll.h>
#include <sys/queue.h>
#include <time.h>

#include "cleanup.h"
#include "clock.h"
#include "limits.h"
#include "log.h"

#define AGAIN_USEC (UINT64_C(250) * 1000)

typedef struct Waiter {
        TAILQ_ENTRY(Waiter) entries;
        uint64_t deadline;
        RecordWaitDone done;
        void *userdata;
} Waiter;

struct RecordWait {
        Audit *audit;                                          /* not owned */
        TAILQ_HEAD(Waiters, Waiter) waiters[_RECORD_LINE_MAX]; /* the earliest deadline first */
        size_t n;                                              /* of all lines */
        sd_event_source *room, *timer;                         /* each enabled for one time */
        uint64_t last;                                         /* deadline given out */
};

static int set_timer(RecordWait *w, uint64_t when) {
        int r = sd_event_source_set_time(w->timer, when);
        return r < 0 ? r : sd_event_source_set_enabled(w->timer, SD_EVENT_ONESHOT);
}

/* When the first one's time is over; 0: nobody waits. */
static uint64_t first_deadline(const RecordWait *w) {
        uint64_t first = 0;
        for (size_t i = 0; i < _RECORD_LINE_MAX; i++) {
                const Waiter *waiter = TAILQ_FIRST(&w->waiters[i]);
                if (waiter && (first == 0 || waiter->deadline < first))
                        first = waiter->deadline;
        }
        return first;
}

/* When to look again. A socket that nobody reads is not asked for room: it would say that there is, for ever. */
static int arm(RecordWait *w) {
        const uint64_t first = first_deadline(w);
        int r = sd_event_source_set_enabled(w->room, SD_EVENT_OFF);
        if (r >= 0 && first == 0 && audit_pending(w->audit) == 0)
                return sd_event_source_set_enabled(w->timer, SD_EVENT_OFF);
        const int state = audit_check(w->audit);
        const uint64_t now = now_boottime();
        uint64_t when = now + AGAIN_USEC;
        if (first > 0 && state == 0)
                when = now;
        else if (first > 0 && first < when)
                when = first;
        if (r >= 0 && state == -EAGAIN)
                r = sd_event_source_set_enabled(w->room, SD_EVENT_ONESHOT);
        return r >= 0 ? set_timer(w, when) : r;
}

static void rearm(RecordWait *w) {
        int r = arm(w);
        if (r < 0)
                log_error("What waits for the journal cannot be tried again: %s", strerror(-r));
}

/* The first of the first line that one of is due by that time; NULL: nobody. */
static Waiter *take_due(RecordWait *w, uint64_t by) {
        for (size_t i = 0; i < _RECORD_LINE_MAX; i++) {
                Waiter *first = TAILQ_FIRST(&w->waiters[i]);
                if (!first || first->deadline > by)
                        continue;
                TAILQ_REMOVE(&w->waiters[i], first, entries);
                w->n--;
                return first;
        }
        return NULL;
}

static void call(Waiter *waiter, int error) {
        const Waiter copy = *waiter;
        free(waiter);
        copy.done(error, copy.userdata);
}

/* A piece of what waits, as far as there is room or their time is over: whoever found none after all is back in its line. The rest comes at once, but after
 * what else has happened meanwhile. */
static void look(RecordWait *w) {
        audit_flush(w->audit);
        for (size_t left = w->n < LIMIT_AUDIT_WAIT_PIECE ? w->n : LIMIT_AUDIT_WAIT_PIECE; left > 0; left--) {
                Waiter *due = take_due(w, audit_check(w->audit) == 0 ? UINT64_MAX : now_boottime());
                if (!due)
                        break;
                call(due, 0);
        }
        rearm(w);
}

static int on_room(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        look(userdata);
        return 0;
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata) {
        look(userdata);
        return 0;
}

static void on_kept(void *userdata) {
        rearm(userdata);
}

int record_wait_new(sd_event *event, Audit *audit, RecordWait **ret) {
        RecordWait *w = calloc(1, sizeof(RecordWait));
        if (!w)
                return -ENOMEM;
        w->audit = audit;
        for (size_t i = 0; i < _RECORD_LINE_MAX; i++)
                TAILQ_INIT(&w->waiters[i]);
        int r = sd_event_add_io(event, &w->room, audit_fd(audit), EPOLLOUT, on_room, w);
        if (r >= 0)
                r = sd_event_source_set_enabled(w->room, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time(event, &w->timer, CLOCK_BOOTTIME, 0, 1, on_time, w);
        if (r >= 0)
                r = arm(w); /* there may be something to tell already */
        if (r < 0) {
                (void)record_wait_free(w); /* NULL */
                return r;
        }
        audit_set_kept(audit, on_kept, w);
        *ret = w;
        return 0;
}

RecordWait *record_wait_free(RecordWait *w) {
        if (!w)
                return NULL;
        audit_set_kept(w->audit, NULL, NULL);
        for (Waiter *first; (first = take_due(w, UINT64_MAX));)
                call(first, -ESHUTDOWN);
        sd_event_source_disable_unref(w->room);
        sd_event_source_disable_unref(w->timer);
        free(w);
        return NULL;
}

uint64_t record_wait_deadline(RecordWait *w) {
        const uint64_t usual = now_boottime() + LIMIT_AUDIT_WAIT_USEC;
        w->last = usual > w->last ? usual : w->last + 1;
        return w->last;
}

bool record_wait_is_behind(const RecordWait *w, RecordLine line) {
        for (size_t i = 0; i <= line; i++)
                if (!TAILQ_EMPTY(&w->waiters[i]))
                        return true;
        return false;
}

int record_wait_begin(
                RecordWait *w, RecordLine line, uint64_t deadline, RecordWaitDone done, void *userdata) {
        struct Waiters *waiters = &w->waiters[line];
        Waiter *waiter = calloc(1, sizeof(Waiter)), *before;
        if (!waiter)
                return -ENOMEM;
        *waiter = (Waiter){ .deadline = deadline, .done = done, .userdata = userdata };
        TAILQ_FOREACH_REVERSE(before, waiters, Waiters, entries)
        if (before->deadline < deadline)
                break;
        if (before)
                TAILQ_INSERT_AFTER(waiters, before, waiter, entries);
        else
                TAILQ_INSERT_HEAD(waiters, waiter, entries);
        w->n++;
        int r = arm(w);
        if (r < 0) {
                TAILQ_REMOVE(waiters, waiter, entries);
                w->n--;
                free(waiter);
        }
        return r < 0 ? r : 0;
}
