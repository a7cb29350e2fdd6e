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
        Audit *audit;                        /* not owned */
        TAILQ_HEAD(Waiters, Waiter) waiters; /* the earliest deadline first */
        sd_event_source *room, *timer;       /* each enabled for one time */
        uint64_t last;                       /* deadline given out */
};

static int set_timer(RecordWait *w, uint64_t when) {
        int r = sd_event_source_set_time(w->timer, when);
        return r < 0 ? r : sd_event_source_set_enabled(w->timer, SD_EVENT_ONESHOT);
}

/* When to look again. A socket that nobody reads is not asked for room: it would say that there is, for ever. */
static int arm(RecordWait *w) {
        const Waiter *first = TAILQ_FIRST(&w->waiters);
        int r = sd_event_source_set_enabled(w->room, SD_EVENT_OFF);
        if (r >= 0 && !first && audit_pending(w->audit) == 0)
                return sd_event_source_set_enabled(w->timer, SD_EVENT_OFF);
        const int state = audit_check(w->audit);
        const uint64_t now = now_boottime();
        uint64_t when = now + AGAIN_USEC;
        if (first && state == 0)
                when = now;
        else if (first && first->deadline < when)
                when = first->deadline;
        if (r >= 0 && state == -EAGAIN)
                r = sd_event_source_set_enabled(w->room, SD_EVENT_ONESHOT);
        return r >= 0 ? set_timer(w, when) : r;
}

static void rearm(RecordWait *w) {
        int r = arm(w);
        if (r < 0)
                log_error("What waits for the journal cannot be tried again: %s", strerror(-r));
}

static Waiter *take_first(RecordWait *w) {
        Waiter *first = TAILQ_FIRST(&w->waiters);
        if (first)
                TAILQ_REMOVE(&w->waiters, first, entries);
        return first;
}

static void call(Waiter *waiter, int error) {
        const Waiter copy = *waiter;
        free(waiter);
        copy.done(error, copy.userdata);
}

static void look(RecordWait *w) {
        audit_flush(w->audit);
        const Waiter *first = TAILQ_FIRST(&w->waiters);
        if (first && (first->deadline <= now_boottime() || audit_check(w->audit) == 0))
                call(take_first(w), 0);
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
        TAILQ_INIT(&w->waiters);
        int r = sd_event_add_io(event, &w->room, audit_fd(audit), EPOLLOUT, on_room, w);
        if (r >= 0)
                r = sd_event_source_set_enabled(w->room, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time(event, &w->timer, CLOCK_BOOTTIME, 0, 1000, on_time, w);
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
        for (Waiter *first; (first = take_first(w));)
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

bool record_wait_has_waiters(const RecordWait *w) {
        return !TAILQ_EMPTY(&w->waiters);
}

int record_wait_begin(RecordWait *w, uint64_t deadline, RecordWaitDone done, void *userdata) {
        Waiter *waiter = calloc(1, sizeof(Waiter)), *before;
        if (!waiter)
                return -ENOMEM;
        *waiter = (Waiter){ .deadline = deadline, .done = done, .userdata = userdata };
        TAILQ_FOREACH_REVERSE(before, &w->waiters, Waiters, entries)
        if (before->deadline < deadline)
                break;
        if (before)
                TAILQ_INSERT_AFTER(&w->waiters, before, waiter, entries);
        else
                TAILQ_INSERT_HEAD(&w->waiters, waiter, entries);
        int r = arm(w);
        if (r < 0) {
                TAILQ_REMOVE(&w->waiters, waiter, entries);
                free(waiter);
        }
        return r < 0 ? r : 0;
}
