/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is open now, and how much it has carried: asked of the relay when somebody looks, and not otherwise. One question is out at a time,
 * however many look; one that nobody waits for any more is asked anew, but not for ever: a relay that stands still has RELAY_LOOKS_UNANSWERED orders
 * more to read, and no more. */

#include "cleanup.h"
#include "log.h"
#include "relay.h"

struct RelayLooker {
        STAILQ_ENTRY(RelayLooker) entries;
        Relay *relay; /* not owned */
        sd_event_source *late;
        RelayLookDone done;
        void *userdata;
};

/* ---- who waits ---- */

static void finish(RelayLooker *l, bool live) {
        STAILQ_REMOVE(&l->relay->lookers, l, RelayLooker, entries);
        sd_event_source_disable_unref(l->late);
        l->done(l->relay, live, l->userdata);
        free(l);
}

void relay_look_settle(Relay *r, bool live) {
        for (RelayLooker *l; (l = STAILQ_FIRST(&r->lookers));)
                finish(l, live);
}

static int on_late(sd_event_source *source, uint64_t usec, void *userdata) {
        RelayLooker *l = userdata;
        const bool is_last = STAILQ_FIRST(&l->relay->lookers) == l && !STAILQ_NEXT(l, entries);
        if (is_last && l->relay->n_unanswered < RELAY_LOOKS_UNANSWERED)
                relay_look_forget(l->relay); /* it may be on the way; or there was no room for it once */
        finish(l, false);
        return 0;
}

/* ---- the question ---- */

static int ask(Relay *r) {
        _cleanup_close_ int file = -EBADF;
        int k = egress_look_new(&file);
        if (k < 0)
                return k;
        const uint64_t now = now_boottime(), number = now > r->looked ? now : r->looked + 1;
        EgressOrder order = { .kind = EGRESS_LOOK, .verdict = VERDICT_ALLOW, .serial = number };
        k = egress_send_order(r->channel, &order, file);
        if (k < 0)
                return k;
        r->n_unanswered++;
        r->looked = number; /* and none of an earlier mxcd's */
        r->look = TAKE_FD(file);
        return 0;
}

int relay_look(Relay *r, RelayLookDone done, void *userdata) {
        if (!relay_has_process(r))
                return 1; /* what it held is forgotten with its record */
        if (!r->io)
                return -ENOTCONN;
        RelayLooker *l = calloc(1, sizeof(RelayLooker));
        if (!l)
                return -ENOMEM;
        *l = (RelayLooker){ .relay = r, .done = done, .userdata = userdata };
        int k = sd_event_add_time_relative(r->sandbox->manager->event, &l->late, CLOCK_MONOTONIC,
                        RELAY_LOOK_USEC, 1, on_late, l);
        if (k >= 0 && r->look < 0)
                k = ask(r);
        if (k < 0) {
                sd_event_source_disable_unref(l->late);
                free(l);
                return k;
        }
        STAILQ_INSERT_TAIL(&r->lookers, l, entries);
        return 0;
}

void relay_look_forget(Relay *r) {
        cleanup_closep(&r->look);
        r->look = -EBADF;
}

/* ---- the answer ---- */

/* What is known to be open, in order of its serials. */
typedef struct Known {
        RelayConnection *connection;
} Known;

static int by_serial(const void *a, const void *b) {
        const uint64_t x = ((const Known *)a)->connection->report.serial,
                       y = ((const Known *)b)->connection->report.serial;
        return x < y ? -1 : x > y;
}

static RelayConnection *find(const Known *known, size_t n, uint64_t serial) {
        RelayConnection wanted = { .report = { .serial = serial } };
        const Known key = { &wanted }, *found = bsearch(&key, known, n, sizeof(Known), by_serial);
        return found ? found->connection : NULL;
}

/* What is open since before this mxcd it hears of here. What is not on record is not open. */
static void take_one(Relay *r, const Known *known, size_t n, const EgressReport *report) {
        RelayConnection *c = find(known, n, report->serial);
        if (!c && !report->awaits) {
                const uint64_t now = now_realtime();
                c = relay_remember_open(r, report);
                if (c)
                        c->since = now > report->usec ? now - report->usec : 0;
        }
        if (!c)
                return;
        c->report.bytes_out = report->bytes_out;
        c->report.bytes_in = report->bytes_in;
        c->looked = r->looked;
}

/* Whose end was not told, for want of room in the channel, is over all the same. */
static void forget_others(Relay *r) {
        for (RelayConnection *c = TAILQ_FIRST(&r->open), *next; c; c = next) {
                next = TAILQ_NEXT(c, entries);
                if (c->looked != r->looked)
                        relay_forget_one(r, c);
        }
}

static int take_file(Relay *r, Known *known) {
        size_t n = 0;
        RelayConnection *c;
        TAILQ_FOREACH(c, &r->open, entries)
                known[n++].connection = c;
        if (n > 0)
                qsort(known, n, sizeof(Known), by_serial);
        for (size_t i = 0;; i++) {
                EgressReport report;
                int k = egress_look_read(r->look, i, &report);
                if (k < 0)
                        return k;
                if (k == 0)
                        break;
                take_one(r, known, n, &report);
        }
        forget_others(r);
        return 0;
}

void relay_looked(Relay *r, uint64_t serial) {
        r->n_unanswered = 0;
        if (r->look < 0 || serial != r->looked)
                return; /* an earlier mxcd's, or of a relay before this one */
        _cleanup_free_ Known *known = calloc(r->n_open + 1, sizeof(Known));
        int k = known ? take_file(r, known) : -ENOMEM;
        if (k < 0)
                log_warning("What is open of sandbox %s cannot be read: %s", r->sandbox->id, strerror(-k));
        relay_look_forget(r);
        relay_look_settle(r, k == 0);
}
