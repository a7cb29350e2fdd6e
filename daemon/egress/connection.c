/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A connection that is open, and the ends of each. */

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "budget.h"
#include "cleanup.h"
#include "connection-internal.h"
#include "guest.h"
#include "near.h"
#include "proxy.h"
#include "reports.h"
#include "upstream-dial.h"

#define REFUSED_USEC (UINT64_C(2) * 1000000) /* for the client to read why */

/* ---- ends ---- */

void connection_reset(int fd) {
        const struct linger at_once = { .l_onoff = 1 };
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)); /* else it ends politely */
        (void)close(fd);
}

/* One that was dialled is reset; a client of the proxy is told. */
void connection_dismiss(Connection *c, ProxyOutcome outcome) {
        size_t size;
        if (c->way || c->proxy == PROXY_NONE) {
                connection_reset(c->way ? TAKE_FD(c->outer) : TAKE_FD(c->inner));
                return;
        }
        const void *text = proxy_reply(c->proxy, outcome, &size);
        (void)send(c->inner, text, size, MSG_DONTWAIT | MSG_NOSIGNAL); /* it ends in any case */
        (void)close(TAKE_FD(c->inner));
}

void connection_free(Connection *c) {
        Egress *e = c->egress;
        sd_event_source *const sources[] = { c->inner_io, c->outer_io, c->timer };
        for (size_t i = 0; i < ELEMENTSOF(sources); i++)
                sd_event_source_disable_unref(sources[i]);
        if (c->way)
                guest_leave(c, c->clean);
        upstream_leave(c);
        cleanup_closep(&c->inner);
        cleanup_closep(&c->outer);
        flow_clear(&c->up);
        flow_clear(&c->down);
        free(c->places);
        LIST_REMOVE(c, entries);
        e->n_connections--;
        free(c);
}

EgressReport connection_report(const Connection *c, EgressKind kind) {
        EgressReport report = report_of(kind, &c->destination, c->serial, &c->judgement);
        report.upstream = c->upstream;
        report.status = c->status;
        return report;
}

EgressReport connection_report_so_far(const Connection *c, EgressKind kind) {
        EgressReport report = connection_report(c, kind);
        report.verdict = VERDICT_ALLOW;
        report.bytes_out = c->bytes_out;
        report.bytes_in = c->bytes_in;
        report.usec = egress_now(c->egress) - c->began;
        return report;
}

void connection_tell_end(const Connection *c, EgressKind kind, EgressReason reason, int error) {
        EgressReport report = connection_report_so_far(c, kind);
        report.reason = reason;
        report.error = error < 0 ? -error : error;
        (void)report_send(c->egress,
                        &report); /* what was decided is on record; what came of it is lost with a full channel */
}

/* CLOSE or FAIL; then it is gone. By a reset on both sides, unless all that was to be said has been. */
void connection_end(Connection *c, EgressKind kind, EgressReason reason, int error, bool clean) {
        connection_tell_end(c, kind, reason, error);
        c->clean = clean;
        if (!clean) {
                if (c->inner >= 0 && !c->way)
                        connection_dismiss(c, PROXY_FAILED);
                if (c->outer >= 0)
                        connection_reset(TAKE_FD(c->outer));
        }
        connection_free(c);
}

int connection_set_timer(Connection *c, uint64_t usec) {
        int r = sd_event_source_set_time_relative(c->timer, usec);
        return r < 0 ? r : sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
}

/* The client is told, in the words of its protocol, and given the time to read it: a close with bytes unread would be a reset. */
static void refuse(Connection *c, const Judgement *j, const void *text, size_t size) {
        report_refusal(c->egress, &c->destination, c->serial, j);
        c->state = CONNECTION_REFUSED;
        c->outer_io = sd_event_source_disable_unref(c->outer_io);
        if (c->outer >= 0)
                connection_reset(TAKE_FD(c->outer));
        flow_clear(&c->up);
        flow_clear(&c->down);
        if (size > 0)
                (void)send(c->inner, text, size, MSG_DONTWAIT | MSG_NOSIGNAL); /* it ends in any case */
        (void)shutdown(c->inner, SHUT_WR);
        if (sd_event_source_set_io_events(c->inner_io, EPOLLIN) < 0 ||
                        connection_set_timer(c, REFUSED_USEC) < 0)
                connection_end(c, EGRESS_CLOSE, EGRESS_BY_RULE, 0, true);
}

static void read_refused(Connection *c) {
        char ignored[4096];
        ssize_t n = recv(c->inner, ignored, sizeof(ignored), MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                connection_end(c, EGRESS_CLOSE, EGRESS_BY_RULE, 0, true);
}

void connection_end_for(Connection *c, EgressKind kind, const Judgement *j) {
        report_refusal(c->egress, &c->destination, c->serial, j);
        connection_end(c, kind, j->reason, 0, false);
}

static bool over_budget(Connection *c) {
        Judgement j;
        bool over = budget_is_over(c->egress, c->judgement.host, &j);
        if (over)
                connection_end_for(c, EGRESS_CLOSE, &j);
        return over;
}

/* ---- open ---- */

static int watch_side(sd_event_source *io, uint32_t events) {
        int r = sd_event_source_set_io_events(io, events);
        return r < 0 || events == 0 ? r : sd_event_source_set_enabled(io, SD_EVENT_ON);
}

/* What each side is waited for. */
static int watch(Connection *c) {
        uint32_t in = (!c->up.eof && flow_has_room(&c->up) ? EPOLLIN : 0) |
                      (flow_can_write(&c->down) ? EPOLLOUT : 0);
        uint32_t out = (!c->down.eof && flow_is_empty(&c->down) ? EPOLLIN : 0) |
                       (flow_can_write(&c->up) ? EPOLLOUT : 0);
        int r = watch_side(c->inner_io, in);
        if (r >= 0)
                r = watch_side(c->outer_io, out);
        bool waits = c->sniff != SNIFF_OPAQUE && sniff_waits(c);
        if (r >= 0 && waits != c->timing) {
                r = waits ? connection_set_timer(c, EGRESS_SNIFF_USEC)
                          : sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
                c->timing = waits;
        }
        return r;
}

static void pass_end(Flow *f, int to) {
        if (!f->eof || f->shut || !flow_is_empty(f))
                return;
        (void)shutdown(to, SHUT_WR); /* fails where the other side has gone, which is told otherwise */
        f->shut = true;
}

/* 0, a negative errno, or 1: c is refused, and maybe gone. */
static int read_up(Connection *c) {
        const Egress *e = c->egress;
        if (c->up.eof || !flow_has_room(&c->up))
                return 0;
        if (c->sniff == SNIFF_OPAQUE && flow_is_empty(&c->up))
                return flow_pass(&c->up, c->inner, budget_most(e->lease->bytes_out, e->bytes_out));
        return flow_read(&c->up, c->inner);
}

static int pump_up(Connection *c, bool readable) {
        int r = readable ? read_up(c) : 0;
        if (r < 0)
                return r;
        Judgement j;
        const void *text;
        size_t size;
        if (!sniff_up(c, &j, &text, &size)) {
                refuse(c, &j, text, size);
                return 1;
        }
        ssize_t n = flow_write(&c->up, c->outer);
        if (n < 0)
                return (int)n;
        c->bytes_out += (uint64_t)n;
        c->egress->bytes_out += (uint64_t)n;
        pass_end(&c->up, c->outer);
        return 0;
}

/* sniff_down wants what the server says until it is known which protocol that is, and in TLS a little longer. */
static int read_down(Connection *c) {
        const Egress *e = c->egress;
        if (c->down.eof || !flow_is_empty(&c->down))
                return 0;
        if (c->sniff == SNIFF_OPAQUE || c->in_http || c->http.state == HTTP_OTHER)
                return flow_pass(&c->down, c->outer, budget_most(e->lease->bytes_in, e->bytes_in));
        return flow_read(&c->down, c->outer);
}

static int pump_down(Connection *c, bool readable) {
        int r = readable ? read_down(c) : 0;
        if (r < 0)
                return r;
        if (r > 0 && flow_held(&c->down) > 0)
                sniff_down(c, c->down.data, flow_held(&c->down));
        c->down.cleared = flow_held(&c->down);
        ssize_t n = flow_write(&c->down, c->inner);
        if (n < 0)
                return (int)n;
        c->bytes_in += (uint64_t)n;
        c->egress->bytes_in += (uint64_t)n;
        pass_end(&c->down, c->inner);
        return 0;
}

static void pump(Connection *c, bool inner_readable, bool outer_readable) {
        int r = pump_up(c, inner_readable);
        if (r > 0)
                return;
        if (r == 0)
                r = pump_down(c, outer_readable);
        if (r == 0 && over_budget(c))
                return;
        if (r == 0 && c->up.shut && c->down.shut) {
                connection_end(c, EGRESS_CLOSE, EGRESS_BY_RULE, 0, true);
                return;
        }
        if (r == 0)
                r = watch(c);
        if (r < 0)
                connection_end(c, EGRESS_CLOSE, EGRESS_BY_RULE, r, false);
}

/* A side with which nothing is to be done now is broken, or both have said all to each other there: the kernel tells that again and again, asked
 * or not, while the other side may still be taking what was said. */
static void hang_up(Connection *c, sd_event_source *io, int fd) {
        int error = 0;
        socklen_t size = sizeof(error);
        int r = getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? -errno : -error;
        if (r == 0)
                r = sd_event_source_set_enabled(io, SD_EVENT_OFF);
        if (r < 0)
                connection_end(c, EGRESS_CLOSE, EGRESS_BY_RULE, r, false);
}

void connection_opened(Connection *c) {
        static const int on = 1;
        const int fds[] = { c->inner, c->outer };
        for (size_t i = 0; i < ELEMENTSOF(fds); i++) {
                (void)setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &on,
                                sizeof(on)); /* slower without, no worse */
                (void)setsockopt(fds[i], SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
                near_connected(fds[i]);
        }
        c->state = CONNECTION_OPEN;
        upstream_leave(c);
        int r = sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
        size_t size;
        const void *text = proxy_reply(c->proxy, PROXY_OPEN, &size);
        if (c->proxy == PROXY_NONE)
                size = 0;
        if (r >= 0 && size > 0 && send(c->inner, text, size, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)size)
                r = -ECONNRESET; /* the first that it is told fits */
        c->proxy = PROXY_NONE;
        if (r < 0)
                connection_end(c, EGRESS_FAIL, EGRESS_UNREACHABLE, r, false);
        else
                pump(c, true, true);
}

void connection_hear(Connection *c, sd_event_source *source, int fd, uint32_t events) {
        const bool readable = events & EPOLLIN;
        if (c->state == CONNECTION_REFUSED)
                read_refused(c);
        else if (events & (EPOLLIN | EPOLLOUT))
                pump(c, readable && source == c->inner_io, readable && source == c->outer_io);
        else
                hang_up(c, source, fd);
}

void connection_late(Connection *c) {
        const Judgement j = {
                .reason = EGRESS_PROTOCOL, .clause = c->judgement.clause, .host = c->judgement.host
        };
        if (c->state == CONNECTION_OPEN)
                refuse(c, &j, NULL, 0);
        else
                connection_end(c, EGRESS_CLOSE, EGRESS_BY_RULE, 0, true);
}
