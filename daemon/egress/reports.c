/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reports.h"

#include <poll.h>
#include <sys/epoll.h>

#include "cleanup.h"
#include "clock.h"
#include "codec.h"
#include "datagrams.h"
#include "log.h"

#define ALIKE_USEC (UINT64_C(10) * 1000000)
#define ALIKE_MAX 64U
#define LAST_TRIES 20U /* and so many milliseconds each, in all less than the launcher waits for an end */
#define LAST_MSEC 20

typedef struct Waiting {
        STAILQ_ENTRY(Waiting) entries;
        EgressReport report;
} Waiting;

/* A refusal that was told, and how many like it came since. */
typedef struct Alike {
        TAILQ_ENTRY(Alike) entries;
        EgressReport report;
        uint64_t until, count;
} Alike;

struct Reports {
        Egress *egress; /* not owned */
        int channel;
        sd_event_source *io, *flush;
        STAILQ_HEAD(, Waiting) waiting;
        size_t n_waiting;
        TAILQ_HEAD(AlikeList, Alike) alike; /* oldest first */
        size_t n_alike;
        uint64_t lost; /* refusals that there was no room for: told when there is, by themselves */
};

static int send_waiting(Reports *r) {
        for (Waiting *w; (w = STAILQ_FIRST(&r->waiting));) {
                int k = egress_send_report(r->channel, &w->report);
                if (k < 0)
                        return k;
                STAILQ_REMOVE_HEAD(&r->waiting, entries);
                r->n_waiting--;
                free(w);
        }
        return 0;
}

static int queue(Reports *r, const EgressReport *report) {
        Waiting *w = r->n_waiting < EGRESS_REPORTS_MAX ? calloc(1, sizeof(Waiting)) : NULL;
        if (!w)
                return -ENOBUFS;
        w->report = *report;
        STAILQ_INSERT_TAIL(&r->waiting, w, entries);
        r->n_waiting++;
        return sd_event_source_set_io_events(r->io, EPOLLIN | EPOLLOUT);
}

int report_send(Egress *e, EgressReport *report) {
        Reports *r = e->reports;
        int k = r->n_waiting > 0 ? -EAGAIN : egress_send_report(r->channel, report);
        if (k == -EAGAIN)
                k = queue(r, report);
        return k;
}

EgressReport report_of(EgressKind kind, const Destination *d, uint64_t serial, const Judgement *j) {
        EgressReport report = {
                .kind = kind, .verdict = j->verdict, .reason = j->reason, .serial = serial, .count = 1
        };
        if (d) {
                report.protocol = d->protocol;
                report.port = d->port;
                report.published = d->published;
                report.uid = d->published > 0 ? d->uid : EGRESS_UID_UNKNOWN;
                report.family = (uint32_t)d->address.family;
                memcpy(report.address, d->address.address, sizeof(report.address));
        }
        const bool may_be_named =
                        d && d->n_hosts > 0 && d->protocol != PROTOCOL_UDP; /* that goes by address */
        const char *host = j->host ? j->host : may_be_named ? d->hosts[0] : "";
        char canonical[LIMIT_HOST_BYTES + 1];
        if (*host && !host_canonical(host, false, canonical)) /* an address that was claimed is none */
                (void)snprintf(report.host, sizeof(report.host), "%s", canonical);
        (void)snprintf(report.clause, sizeof(report.clause), "%s", j->clause ? j->clause : "");
        return report;
}

/* ---- refusals that are alike ---- */

/* Under no other's name: who looks for what was refused there must not find more than there was. */
static void tell_lost(Reports *r) {
        const Judgement j = { .verdict = VERDICT_DENY, .reason = EGRESS_BY_DEFAULT };
        EgressReport report = report_of(EGRESS_CONNECT, NULL, 0, &j);
        report.count = r->lost;
        if (r->lost > 0 && report_send(r->egress, &report) == 0)
                r->lost = 0;
}

static void tell(Reports *r, EgressReport *report) {
        tell_lost(r);
        if (report_send(r->egress, report) < 0)
                r->lost += report->count;
}

static void forget(Reports *r, Alike *a) {
        TAILQ_REMOVE(&r->alike, a, entries);
        r->n_alike--;
        if (a->count > 0) {
                a->report.count = a->count;
                tell(r, &a->report);
        }
        free(a);
}

static int on_flush(sd_event_source *source, uint64_t usec, void *userdata) {
        Reports *r = userdata;
        for (Alike *a; (a = TAILQ_FIRST(&r->alike)) && a->until <= usec;)
                forget(r, a);
        if (TAILQ_EMPTY(&r->alike))
                return 0;
        int k = sd_event_source_set_time(source, TAILQ_FIRST(&r->alike)->until);
        return k < 0 ? k : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static bool is_alike(const EgressReport *a, const EgressReport *b) {
        return a->kind == b->kind && a->reason == b->reason && a->protocol == b->protocol &&
               a->published == b->published && a->uid == b->uid &&
               (a->published > 0 || a->port == b->port) && a->family == b->family &&
               memcmp(a->address, b->address, sizeof(a->address)) == 0 && streq(a->host, b->host) &&
               streq(a->program, b->program) && streq(a->clause, b->clause);
}

static void refuse(Reports *r, EgressReport *report) {
        uint64_t now = 0;
        Alike *a;
        TAILQ_FOREACH(a, &r->alike, entries)
                if (is_alike(&a->report, report)) {
                        a->count += report->count;
                        return;
                }
        tell(r, report);
        if (r->n_alike == ALIKE_MAX)
                forget(r, TAILQ_FIRST(&r->alike));
        a = sd_event_now(r->egress->event, CLOCK_MONOTONIC, &now) >= 0 ? calloc(1, sizeof(Alike)) : NULL;
        if (!a)
                return; /* the next one is told by itself */
        *a = (Alike){ .report = *report, .until = now + ALIKE_USEC };
        a->report.serial = 0; /* of all of them */
        a->report.pid = 0;
        TAILQ_INSERT_TAIL(&r->alike, a, entries);
        r->n_alike++;
        if (TAILQ_FIRST(&r->alike) == a &&
                        (sd_event_source_set_time(r->flush, a->until) < 0 ||
                                        sd_event_source_set_enabled(r->flush, SD_EVENT_ONESHOT) < 0))
                forget(r, a);
}

void report_name(Egress *e, const char *host, const Judgement *j) {
        EgressReport report = report_of(EGRESS_RESOLVE, NULL, 0, j);
        (void)snprintf(report.host, sizeof(report.host), "%s", host);
        refuse(e->reports, &report);
}

void report_refusal(Egress *e, const Destination *d, uint64_t serial, const Judgement *j) {
        EgressReport report = report_of(d->published > 0 ? EGRESS_ACCEPT : EGRESS_CONNECT, d, serial, j);
        refuse(e->reports, &report);
}

void report_call(Egress *e, const Destination *d, const Judgement *j, const RefusalEvent *event) {
        EgressReport report = report_of(EGRESS_CONNECT, d, 0, j);
        report.pid = event->pid;
        (void)snprintf(report.program, sizeof(report.program), "%.*s", (int)sizeof(event->program),
                        event->program);
        refuse(e->reports, &report);
}

void report_many(Egress *e, uint64_t count) {
        const Judgement j = { .verdict = VERDICT_DENY, .reason = EGRESS_BY_DEFAULT };
        EgressReport report = report_of(EGRESS_CONNECT, NULL, 0, &j);
        report.count = count;
        refuse(e->reports, &report);
}

/* ---- orders ---- */

/* What it ends is told before that it is in force. */
static int take_lease(Egress *e, int fd, uint64_t serial) {
        _cleanup_free_ uint8_t *data = NULL;
        EgressLease *lease;
        size_t size;
        int r = sealed_memfd_read(fd, &data, &size);
        if (r == 0)
                r = egress_lease_decode(data, size, &lease, NULL);
        if (r == 0)
                r = egress_set_lease(e, lease);
        if (r < 0)
                return r;
        EgressReport leased = { .kind = EGRESS_LEASED,
                .verdict = VERDICT_ALLOW,
                .serial = serial,
                .count = 1,
                .bytes_out = e->marked_out,
                .bytes_in = e->marked_in };
        return report_send(e, &leased);
}

/* What can be written there, and no more. */
static int write_all(int fd, const EgressReport *list, size_t n) {
        const uint8_t *data = (const uint8_t *)list;
        for (size_t left = n * sizeof(*list); left > 0;) {
                ssize_t k = write(fd, data, left);
                if (k < 0 && errno != EINTR)
                        return -errno;
                if (k > 0) {
                        data += k;
                        left -= (size_t)k;
                }
        }
        return 0;
}

/* For whoever looks: what is open is not told otherwise before it is over. Where it cannot be, mxcd waits for it in vain. */
_Static_assert(EGRESS_LOOK_MAX >= EGRESS_CONNECTIONS_MAX, "all of them fit");
static void take_look(Egress *e, int fd, uint64_t serial) {
        _cleanup_free_ EgressReport *list = calloc(EGRESS_LOOK_MAX, sizeof(EgressReport));
        if (!list)
                return;
        size_t n = connection_list(e, list, EGRESS_LOOK_MAX);
        n += datagrams_list(e->datagrams, list + n, EGRESS_LOOK_MAX - n);
        for (size_t i = 0; i < n; i++) {
                list[i].magic = EGRESS_MAGIC;
                list[i].version = EGRESS_VERSION;
        }
        EgressReport looked = {
                .kind = EGRESS_LOOKED, .verdict = VERDICT_ALLOW, .serial = serial, .count = 1
        };
        if (write_all(fd, list, n) == 0)
                (void)report_send(e, &looked);
}

/* The end of the channel is the end of the sandbox: mxcd's side of it outlives mxcd. What is no order is nobody's we should serve. */
static int on_channel(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        Reports *r = userdata;
        if ((events & EPOLLOUT) && send_waiting(r) == 0) {
                (void)sd_event_source_set_io_events(source, EPOLLIN); /* else it wakes us again */
                tell_lost(r);
        }
        for (;;) {
                EgressOrder order;
                _cleanup_close_ int file = -EBADF;
                int k = egress_receive_order(fd, &order, &file);
                if (k == -EAGAIN)
                        return 0;
                if (k > 0 && order.kind == EGRESS_LEASE)
                        k = take_lease(r->egress, file, order.serial) < 0 ? -EBADMSG : 1;
                else if (k > 0 && order.kind == EGRESS_LOOK)
                        take_look(r->egress, file, order.serial);
                else if (k > 0 && !connection_recorded(
                                                  r->egress, order.serial, order.verdict == VERDICT_ALLOW))
                        datagrams_recorded(
                                        r->egress->datagrams, order.serial, order.verdict == VERDICT_ALLOW);
                if (k <= 0)
                        return sd_event_exit(r->egress->event, k == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
        }
}

int reports_new(Egress *e, int channel, Reports **ret) {
        Reports *r = calloc(1, sizeof(Reports));
        if (!r)
                return -ENOMEM;
        r->egress = e;
        r->channel = channel;
        STAILQ_INIT(&r->waiting);
        TAILQ_INIT(&r->alike);
        int k = sd_event_add_io(e->event, &r->io, channel, EPOLLIN, on_channel, r);
        if (k >= 0)
                k = sd_event_source_set_priority(r->io, EGRESS_PRIORITY_LEASE);
        if (k >= 0)
                k = sd_event_add_time(e->event, &r->flush, CLOCK_MONOTONIC, UINT64_MAX, 100000, on_flush, r);
        if (k >= 0)
                k = sd_event_source_set_enabled(r->flush, SD_EVENT_OFF);
        if (k < 0) {
                (void)reports_free(r); /* NULL */
                return k;
        }
        *ret = r;
        return 0;
}

/* mxcd reads on until we have ended; where it does not, it is not waited for. */
static void send_last(Reports *r) {
        for (unsigned tries = 0; send_waiting(r) == -EAGAIN && tries < LAST_TRIES; tries++) {
                struct pollfd p = { .fd = r->channel, .events = POLLOUT };
                (void)poll(&p, 1, LAST_MSEC); /* the next try tells */
        }
}

Reports *reports_free(Reports *r) {
        if (!r)
                return NULL;
        send_last(r);
        for (Alike *a; (a = TAILQ_FIRST(&r->alike));)
                forget(r, a); /* what was counted is told */
        tell_lost(r);
        send_last(r);
        for (Waiting *w; (w = STAILQ_FIRST(&r->waiting));) {
                STAILQ_REMOVE_HEAD(&r->waiting, entries);
                free(w);
        }
        sd_event_source_disable_unref(r->io);
        sd_event_source_disable_unref(r->flush);
        free(r);
        return NULL;
}
