/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include "audit-net.h"
#include "cleanup.h"
#include "log.h"

#define REPORTS_AT_ONCE 64U /* then others have their turn */
#define REPORTS_LAST 2048U  /* more than a channel holds */

void relay_ends_close(RelayEnds *e) {
        cleanup_closep(&e->lease);
        cleanup_closep(&e->table);
        cleanup_closep(&e->theirs);
        cleanup_closep(&e->ours);
        *e = RELAY_ENDS_NONE;
}

int relay_ends_new(const char *id, const RelayTerms *terms, RelayEnds *ret) {
        RelayEnds e = RELAY_ENDS_NONE;
        int pair[2];
        int r = relay_lease_new(id, terms, &e.lease, &e.table);
        if (r == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
                r = -errno;
        if (r < 0) {
                relay_ends_close(&e);
                return r;
        }
        e.upstream = terms->upstream_number;
        e.theirs = pair[0];
        e.ours = pair[1];
        *ret = e;
        return 0;
}

/* ---- for those who look ---- */

/* The record of it is made in any case. */
static RelayConnection *remember(RelayList *list, size_t *n, size_t most, const EgressReport *report) {
        RelayConnection *c = *n < most ? calloc(1, sizeof(RelayConnection)) : NULL;
        if (!c)
                return NULL;
        c->report = *report;
        c->since = now_realtime();
        TAILQ_INSERT_TAIL(list, c, entries);
        (*n)++;
        return c;
}

RelayConnection *relay_remember_open(Relay *r, const EgressReport *report) {
        return remember(&r->open, &r->n_open, LIMIT_RELAY_CONNECTIONS, report);
}

static void forget(RelayList *list, size_t *n, RelayConnection *c) {
        TAILQ_REMOVE(list, c, entries);
        (*n)--;
        free(c);
}

static void forget_all(RelayList *list, size_t *n) {
        while (!TAILQ_EMPTY(list))
                forget(list, n, TAILQ_FIRST(list));
}

void relay_forget_one(Relay *r, RelayConnection *c) {
        forget(&r->open, &r->n_open, c);
}

void relay_tell_ends(Relay *r, EgressReason reason, int error) {
        const AuditSubject subject = sandbox_subject(r->sandbox, NULL);
        RelayConnection *c;
        TAILQ_FOREACH(c, &r->open, entries) {
                EgressReport over = c->report;
                over.kind = EGRESS_FAIL;
                over.reason = reason;
                over.error = error;
                if (audit_disconnect(r->sandbox->manager->audit, &subject, &over) < 0)
                        log_error("The end of a connection of sandbox %s is not on record.", r->sandbox->id);
        }
        forget_all(&r->open, &r->n_open);
}

static void show_refusal(Relay *r, const EgressReport *report) {
        if (r->n_shown == LIMIT_RELAY_SHOWN)
                forget(&r->refused, &r->n_shown, TAILQ_FIRST(&r->refused));
        (void)remember(&r->refused, &r->n_shown, LIMIT_RELAY_SHOWN, report); /* on record in any case */
}

static RelayConnection *find(Relay *r, uint64_t serial) {
        RelayConnection *c;
        TAILQ_FOREACH(c, &r->open, entries)
                if (c->report.serial == serial)
                        return c;
        return NULL;
}

/* ---- reports ---- */

static void tell_untold(Relay *r) {
        if (r->n_untold == 0)
                return;
        const AuditSubject subject = sandbox_subject(r->sandbox, NULL);
        if (audit_net_flood(r->sandbox->manager->audit, &subject, r->n_untold) < 0)
                log_error("%llu refusals of sandbox %s are not on record.", (unsigned long long)r->n_untold,
                                r->sandbox->id);
        r->n_untold = 0;
}

static int on_window(sd_event_source *source, uint64_t usec, void *userdata) {
        Relay *r = userdata;
        r->flood = sd_event_source_disable_unref(r->flood);
        r->n_told = 0;
        tell_untold(r);
        return 0;
}

/* The kernel counted them, and had no room for what they were. */
static bool is_of_many(const EgressReport *report) {
        return report->kind == EGRESS_CONNECT && report->protocol == 0;
}

/* True where this refusal is told by itself; else it is counted, and told with others when the window ends. */
static bool is_told(Relay *r, const EgressReport *report) {
        r->n_refused += report->count;
        const bool waits = r->flood ||
                           sd_event_add_time_relative(r->sandbox->manager->event, &r->flood, CLOCK_BOOTTIME,
                                           LIMIT_REFUSAL_USEC, 100000, on_window, r) >= 0;
        if (is_of_many(report)) {
                r->n_untold += report->count;
                if (!waits) /* nobody would tell it later, as below */
                        tell_untold(r);
                return false;
        }
        if (!waits)
                return true;
        if (r->n_told < LIMIT_RELAY_REFUSALS) {
                r->n_told++;
                return true;
        }
        r->n_untold += report->count;
        return false;
}

static void answer(Relay *r, const EgressReport *report, bool recorded) {
        EgressOrder order = { .kind = EGRESS_RECORDED,
                .verdict = recorded ? VERDICT_ALLOW : VERDICT_DENY,
                .serial = report->serial };
        int k = egress_send_order(r->channel, &order, -EBADF);
        if (k < 0) /* it refuses what it is not answered */
                log_warning("The relay of sandbox %s cannot be answered: %s", r->sandbox->id, strerror(-k));
}

static void take_decision(Relay *r, const EgressReport *report) {
        const AuditSubject subject = sandbox_subject(r->sandbox, NULL);
        bool allowed = report->verdict == VERDICT_ALLOW;
        if (allowed && r->shut) { /* by a lease that it should not have any more */
                if (report->awaits)
                        answer(r, report, false);
                return;
        }
        if (!allowed && !is_of_many(report))
                show_refusal(r, report);
        if (!allowed && !is_told(r, report))
                return;
        int k = audit_net_decision(r->sandbox->manager->audit, &subject, report);
        if (k < 0)
                log_error("What sandbox %s asked its relay for is not on record: %s", r->sandbox->id,
                                strerror(-k));
        if (allowed && k == 0) {
                r->n_allowed++;
                (void)relay_remember_open(r, report); /* so is this */
        }
        if (report->awaits)
                answer(r, report, allowed && k == 0);
}

static void take_end(Relay *r, EgressReport *report) {
        const AuditSubject subject = sandbox_subject(r->sandbox, NULL);
        RelayConnection *c = find(r, report->serial);
        r->bytes_out += report->bytes_out;
        r->bytes_in += report->bytes_in;
        if (audit_disconnect(r->sandbox->manager->audit, &subject, report) < 0)
                log_error("The end of a connection of sandbox %s is not on record.", r->sandbox->id);
        if (c)
                forget(&r->open, &r->n_open, c);
}

static void take(Relay *r, EgressReport *report) {
        switch ((EgressKind)report->kind) {
        case EGRESS_HELLO: /* a new one: what the last one held ended with it */
                relay_tell_ends(r, EGRESS_UNREACHABLE, ECONNRESET);
                relay_look_forget(r);
                r->n_unanswered = 0;
                relay_look_settle(r, true);
                relay_begun(r);
                break;
        case EGRESS_RESOLVE:
        case EGRESS_CONNECT:
        case EGRESS_ACCEPT:
                take_decision(r, report);
                break;
        case EGRESS_FAIL:
        case EGRESS_CLOSE:
                take_end(r, report);
                break;
        case EGRESS_LEASED:
                relay_spent(r, report);
                relay_leased(r, report->serial);
                break;
        case EGRESS_SPENT:
                relay_spent(r, report);
                break;
        case EGRESS_LOOKED:
                relay_looked(r, report->serial);
                break;
        case _EGRESS_KIND_MAX:
                break;
        }
}

static void take_some(Relay *r, unsigned n) {
        for (unsigned i = 0; i < n; i++) {
                EgressReport report;
                int k = egress_receive_report(r->channel, &report);
                if (k > 0) {
                        take(r, &report);
                } else if (k == -EBADMSG) {
                        log_warning("The relay of sandbox %s says what none of ours would, and is not "
                                    "listened to "
                                    "any more.",
                                        r->sandbox->id);
                        r->io = sd_event_source_disable_unref(r->io);
                        break;
                } else {
                        if (k != -EAGAIN) /* nobody is left who could say anything */
                                r->io = sd_event_source_disable_unref(r->io);
                        break;
                }
        }
}

static int on_report(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        take_some(userdata, REPORTS_AT_ONCE);
        return 0;
}

void relay_listen(Relay *r, bool listen) {
        (void)sd_event_source_set_enabled(r->io, listen ? SD_EVENT_ON : SD_EVENT_OFF); /* NULL: it is over */
}

int relay_new(Sandbox *s, int channel, Relay **ret) {
        Relay *r = calloc(1, sizeof(Relay));
        if (!r) {
                (void)close(channel);
                return -ENOMEM;
        }
        r->sandbox = s;
        r->channel = channel;
        r->lease = -EBADF;
        r->spent_out = s->spent_out;
        r->spent_in = s->spent_in;
        r->look = -EBADF;
        STAILQ_INIT(&r->lookers);
        STAILQ_INIT(&r->waiters);
        TAILQ_INIT(&r->open);
        TAILQ_INIT(&r->refused);
        int k = sd_event_add_io(s->manager->event, &r->io, channel, EPOLLIN, on_report, r);
        if (k < 0) {
                (void)relay_free(r); /* NULL */
                return k;
        }
        *ret = r;
        return 0;
}

int relay_take_channel(Relay *r) {
        if (!r->io)
                return -EBADF;
        r->io = sd_event_source_disable_unref(r->io);
        return TAKE_FD(r->channel);
}

Relay *relay_free(Relay *r) {
        if (!r)
                return NULL;
        if (r->io) /* its last words: the launcher tells the end of a sandbox after that of its relay */
                take_some(r, REPORTS_LAST);
        tell_untold(r);
        relay_settle(r, true);
        relay_look_settle(r, false);
        forget_all(&r->open, &r->n_open);
        forget_all(&r->refused, &r->n_shown);
        sd_event_source_disable_unref(r->io);
        sd_event_source_disable_unref(r->flood);
        sd_event_source_disable_unref(r->late);
        cleanup_closep(&r->channel);
        cleanup_closep(&r->lease);
        cleanup_closep(&r->look);
        free(r);
        return NULL;
}
