/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "connection.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "budget.h"
#include "cleanup.h"
#include "destination.h"
#include "guest.h"
#include "near.h"
#include "proxy.h"
#include "reports.h"
#include "upstream-dial.h"

#define ACCEPT_AT_ONCE 64U
#define PAUSE_USEC (UINT64_C(100) * 1000)    /* out of descriptors: for so long nothing is accepted */
#define REFUSED_USEC (UINT64_C(2) * 1000000) /* for the client to read why */

/* ---- ends ---- */

void connection_reset(int fd) {
        const struct linger at_once = { .l_onoff = 1 };
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)); /* else it ends politely */
        (void)close(fd);
}

/* One that was dialled is reset; a client of the proxy is told. */
static void dismiss(Connection *c, ProxyOutcome outcome) {
        size_t size;
        if (c->way || c->proxy == PROXY_NONE) {
                connection_reset(c->way ? TAKE_FD(c->outer) : TAKE_FD(c->inner));
                return;
        }
        const void *text = proxy_reply(c->proxy, outcome, &size);
        (void)send(c->inner, text, size, MSG_DONTWAIT | MSG_NOSIGNAL); /* it ends in any case */
        (void)close(TAKE_FD(c->inner));
}

static void connection_free(Connection *c) {
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

static EgressReport report_on(const Connection *c, EgressKind kind) {
        EgressReport report = report_of(kind, &c->destination, c->serial, &c->judgement);
        report.upstream = c->upstream;
        report.status = c->status;
        return report;
}

static EgressReport report_so_far(const Connection *c, EgressKind kind) {
        EgressReport report = report_on(c, kind);
        report.verdict = VERDICT_ALLOW;
        report.bytes_out = c->bytes_out;
        report.bytes_in = c->bytes_in;
        report.usec = egress_now(c->egress) - c->began;
        return report;
}

static void tell_end(const Connection *c, EgressKind kind, EgressReason reason, int error) {
        EgressReport report = report_so_far(c, kind);
        report.reason = reason;
        report.error = error < 0 ? -error : error;
        (void)report_send(c->egress,
                        &report); /* what was decided is on record; what came of it is lost with a full channel */
}

/* CLOSE or FAIL; then it is gone. By a reset on both sides, unless all that was to be said has been. */
static void end(Connection *c, EgressKind kind, EgressReason reason, int error, bool clean) {
        tell_end(c, kind, reason, error);
        c->clean = clean;
        if (!clean) {
                if (c->inner >= 0 && !c->way)
                        dismiss(c, PROXY_FAILED);
                if (c->outer >= 0)
                        connection_reset(TAKE_FD(c->outer));
        }
        connection_free(c);
}

static int set_timer(Connection *c, uint64_t usec) {
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
        if (sd_event_source_set_io_events(c->inner_io, EPOLLIN) < 0 || set_timer(c, REFUSED_USEC) < 0)
                end(c, EGRESS_CLOSE, EGRESS_BY_RULE, 0, true);
}

static void read_refused(Connection *c) {
        char ignored[4096];
        ssize_t n = recv(c->inner, ignored, sizeof(ignored), MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                end(c, EGRESS_CLOSE, EGRESS_BY_RULE, 0, true);
}

static void end_for(Connection *c, EgressKind kind, const Judgement *j) {
        report_refusal(c->egress, &c->destination, c->serial, j);
        end(c, kind, j->reason, 0, false);
}

static bool over_budget(Connection *c) {
        Judgement j;
        bool over = budget_is_over(c->egress, c->judgement.host, &j);
        if (over)
                end_for(c, EGRESS_CLOSE, &j);
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
                r = waits ? set_timer(c, EGRESS_SNIFF_USEC)
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
        if (c->sniff == SNIFF_OPAQUE || c->in_http)
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
                end(c, EGRESS_CLOSE, EGRESS_BY_RULE, 0, true);
                return;
        }
        if (r == 0)
                r = watch(c);
        if (r < 0)
                end(c, EGRESS_CLOSE, EGRESS_BY_RULE, r, false);
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
                end(c, EGRESS_CLOSE, EGRESS_BY_RULE, r, false);
}

/* ---- dialling ---- */

static void dialled(Connection *c, int fd);
static void leads_nowhere(Connection *c, EgressReason reason);
static void seek(Connection *c);

/* What its client said goes along; this one is gone. */
static void go_elsewhere(Connection *c) {
        const ConnectionClient client = { .fd = TAKE_FD(c->inner),
                .to = { .sin6_family = AF_INET6,
                                .sin6_port = c->address.sin6_port,
                                .sin6_addr = c->more[0] },
                .kind = c->proxy,
                .more = c->more + 1,
                .n_more = c->n_more - 1,
                .said = c->up.data,
                .size = flow_held(&c->up) };
        c->inner_io = sd_event_source_disable_unref(c->inner_io);
        c->egress->n_connections--; /* in its place */
        connection_take(c->egress, &client);
        c->egress->n_connections++;
        connection_free(c);
}

/* Of what stands for a name there may be other places, and each that is dialled is on record by itself. */
static void seek_on(Connection *c) {
        c->outer_io = sd_event_source_disable_unref(c->outer_io);
        cleanup_closep(&c->outer);
        c->outer = -EBADF;
        c->tried = true;
        c->serial = ++c->egress->serial;
        c->state = CONNECTION_SEEKING;
        seek(c);
}

static void unreachable(Connection *c, int error) {
        if (c->n_more == 0 && !c->stands_for) {
                end(c, EGRESS_FAIL, c->upstream ? EGRESS_UPSTREAM_UNREACHABLE : EGRESS_UNREACHABLE, error,
                                false);
                return;
        }
        tell_end(c, EGRESS_FAIL, EGRESS_UNREACHABLE, error);
        if (c->stands_for)
                seek_on(c);
        else
                go_elsewhere(c);
}

static int on_inner(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        Connection *c = userdata;
        if (c->state == CONNECTION_REFUSED)
                read_refused(c);
        else if (c->state == CONNECTION_OPEN && (events & (EPOLLIN | EPOLLOUT)))
                pump(c, events & EPOLLIN, false);
        else if (c->state == CONNECTION_OPEN)
                hang_up(c, source, fd);
        else if (c->way && c->state == CONNECTION_DIALING)
                dialled(c, fd);
        else if (c->state == CONNECTION_SEEKING)
                connection_free(c); /* nothing was done for it yet, or that is told */
        else
                end(c, EGRESS_FAIL, EGRESS_UNREACHABLE, ECONNRESET, false);
        return 0;
}

static void opened(Connection *c) {
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
                end(c, EGRESS_FAIL, EGRESS_UNREACHABLE, r, false);
        else
                pump(c, true, true);
}

/* What the other side says may be behind the answer already. */
static void hear_upstream(Connection *c) {
        EgressReason reason;
        int r = upstream_read(c, &reason);
        if (r < 0)
                end(c, EGRESS_FAIL, reason, r, false);
        if (r <= 0)
                return;
        if (flow_held(&c->down) > 0)
                sniff_down(c, c->down.data, flow_held(&c->down));
        opened(c);
}

static int on_outer(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        Connection *c = userdata;
        if (c->state == CONNECTION_OPEN) {
                if (events & (EPOLLIN | EPOLLOUT))
                        pump(c, false, events & EPOLLIN);
                else
                        hang_up(c, source, fd);
                return 0;
        }
        if (c->way)
                end(c, EGRESS_FAIL, EGRESS_UNREACHABLE, ECONNRESET, false); /* it has gone again */
        else if (upstream_is_asked(c))
                hear_upstream(c);
        else
                dialled(c, fd);
        return 0;
}

static void dialled(Connection *c, int fd) {
        int error = 0;
        socklen_t size = sizeof(error);
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
                error = errno;
        if (error == ECONNREFUSED && c->way) {
                int r = guest_dial_other(c, on_inner);
                if (r > 0)
                        return;
                error = r < 0 ? -r : error;
        }
        if (c->dial)
                connection_go_on(c, error != 0 ? upstream_next(c, -error) : upstream_ask(c));
        else if (error != 0)
                unreachable(c, error);
        else
                opened(c);
}

static int wait_for_upstream(Connection *c) {
        return set_timer(c, upstream_has_more(c) ? EGRESS_TRY_USEC : EGRESS_DIAL_USEC);
}

static int dial(Connection *c) {
        if (c->way) {
                int k = guest_dial(c, on_inner);
                return k < 0 ? k : set_timer(c, EGRESS_DIAL_USEC);
        }
        if (c->upstream) {
                int k = upstream_begin(c, on_outer);
                return k < 0 ? k : wait_for_upstream(c);
        }
        c->outer = destination_dial(&c->address, SOCK_STREAM);
        if (c->outer < 0)
                return c->outer;
        int r = sd_event_add_io(c->egress->event, &c->outer_io, c->outer, EPOLLOUT, on_outer, c);
        return r < 0 ? r
                     : set_timer(c, c->n_more > 0 || c->n_places > 0 ? EGRESS_TRY_USEC : EGRESS_DIAL_USEC);
}

void connection_go_on(Connection *c, int result) {
        if (result == 0)
                result = wait_for_upstream(c);
        if (result < 0)
                unreachable(c, result);
}

bool connection_recorded(Egress *e, uint64_t serial, bool recorded) {
        Connection *c;
        LIST_FOREACH(c, &e->connections, entries)
                if (c->serial == serial)
                        break;
        if (!c || c->state != CONNECTION_ASKED)
                return c;
        if (!recorded) {
                dismiss(c, PROXY_DENIED);
                connection_free(c); /* it never was */
                return true;
        }
        Judgement j;
        if (budget_is_spent(e, c->judgement.host, &j)) { /* as mxcd says meanwhile: not by this relay */
                end_for(c, EGRESS_FAIL, &j);
                return true;
        }
        c->state = CONNECTION_DIALING;
        int r = dial(c);
        if (r < 0)
                unreachable(c, r);
        return true;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Connection *c = userdata;
        switch (c->state) {
        case CONNECTION_ASKED:
                dismiss(c, PROXY_DENIED);
                connection_free(c); /* nobody said that it is on record */
                break;
        case CONNECTION_SEEKING:
                leads_nowhere(c, EGRESS_NO_ADDRESS);
                break;
        case CONNECTION_DIALING:
                if (upstream_has_more(c))
                        connection_go_on(c, upstream_next(c, -ETIMEDOUT));
                else
                        unreachable(c, ETIMEDOUT);
                break;
        case CONNECTION_OPEN: {
                const Judgement j = {
                        .reason = EGRESS_PROTOCOL, .clause = c->judgement.clause, .host = c->judgement.host
                };
                refuse(c, &j, NULL, 0);
                break;
        }
        case CONNECTION_REFUSED:
                end(c, EGRESS_CLOSE, EGRESS_BY_RULE, 0, true);
                break;
        }
        return 0;
}

/* ---- the beginning ---- */

static int ask(Connection *c) {
        Egress *e = c->egress;
        int r = 0;
        if (c->way)
                r = sd_event_add_io(e->event, &c->outer_io, c->outer, 0, on_outer, c);
        else if (!c->inner_io)
                r = sd_event_add_io(e->event, &c->inner_io, c->inner, 0, on_inner,
                                c); /* its end is told in any case */
        if (r >= 0)
                r = c->timer ? set_timer(c, EGRESS_RECORD_USEC)
                             : sd_event_add_time_relative(e->event, &c->timer, CLOCK_MONOTONIC,
                                               EGRESS_RECORD_USEC, 0, on_timer, c);
        if (r < 0)
                return r;
        c->state = CONNECTION_ASKED;
        EgressReport report = report_on(c, c->way ? EGRESS_ACCEPT : EGRESS_CONNECT);
        report.awaits = 1;
        return report_send(e, &report);
}

static void find_destination(Connection *c, const char *host) {
        if (!host) {
                destination_find(c->egress, &c->address, PROTOCOL_TCP, c->hosts, &c->destination);
                return;
        }
        (void)snprintf(c->named, sizeof(c->named), "%s", host);
        c->hosts[0] = c->named;
        c->destination = (Destination){ .protocol = PROTOCOL_TCP,
                .port = ntohs(c->address.sin6_port),
                .hosts = c->hosts,
                .n_hosts = 1 };
}

static void listen_to(Connection *c) {
        c->sniff = c->judgement.by_name || c->egress->has_host_denies ? SNIFF_FIRST : SNIFF_OPAQUE;
        c->unheard = c->sniff == SNIFF_OPAQUE;
}

/* ---- where a name leads ---- */

/* A question to the resolver: the connection may have gone when it is answered. */
typedef struct Sought {
        uint64_t serial;
} Sought;

static void leads_nowhere(Connection *c, EgressReason reason) {
        const Judgement j = { .reason = reason, .clause = c->judgement.clause, .host = c->stands_for };
        if (!c->tried) /* what was is on record, and what came of it */
                report_refusal(c->egress, &c->destination, c->serial, &j);
        dismiss(c, reason == EGRESS_NO_ADDRESS ? PROXY_FAILED : PROXY_DENIED);
        connection_free(c);
}

static void on_sought(Egress *e, DnsCode code, EgressReason reason, const NetCidr *addresses, size_t n,
                void *userdata) {
        _cleanup_free_ Sought *s = userdata;
        Connection *c;
        LIST_FOREACH(c, &e->connections, entries)
                if (c->serial == s->serial && c->state == CONNECTION_SEEKING)
                        break;
        if (!c)
                return;
        free(c->places);
        c->places = n > 0 ? calloc(n, sizeof(NetCidr)) : NULL;
        c->n_places = c->places ? n : 0;
        if (c->n_places > 0)
                memcpy(c->places, addresses, n * sizeof(NetCidr));
        if (code == DNS_NOERROR)
                seek(c);
        else
                leads_nowhere(c, reason == EGRESS_SPECIAL ? reason : EGRESS_NO_ADDRESS);
}

/* That of the two that was not asked for yet, that of what was dialled inside first. */
static int family_to_seek(const Connection *c) {
        const int first = IN6_IS_ADDR_V4MAPPED(&c->address.sin6_addr) ? AF_INET : AF_INET6;
        if (c->sought[0] == AF_UNSPEC)
                return first;
        if (c->sought[1] == AF_UNSPEC)
                return c->sought[0] == AF_INET ? AF_INET6 : AF_INET;
        return AF_UNSPEC;
}

/* As if this had been dialled, under that name; it is judged as that. */
static Judgement turn_to(Connection *c, const NetCidr *place) {
        c->address.sin6_addr = (struct in6_addr){ .s6_addr = { [10] = 0xff, [11] = 0xff } };
        memcpy(c->address.sin6_addr.s6_addr + (place->family == AF_INET ? 12 : 0), place->address,
                        place->family == AF_INET ? 4 : 16);
        c->hosts[0] = c->stands_for;
        c->destination.address = *place;
        c->destination.synthetic = false;
        return judge_connect(c->egress->lease, &c->destination);
}

/* c is gone after it, or another state's. */
static void seek(Connection *c) {
        while (c->n_places > 0) {
                const NetCidr place = c->places[0];
                memmove(c->places, c->places + 1, --c->n_places * sizeof(NetCidr));
                c->judgement = turn_to(c, &place);
                if (c->judgement.verdict == VERDICT_DENY) {
                        report_refusal(c->egress, &c->destination, c->serial, &c->judgement);
                        continue;
                }
                listen_to(c);
                if (ask(c) < 0)
                        leads_nowhere(c, EGRESS_NO_ADDRESS);
                return;
        }
        const int family = family_to_seek(c);
        Sought *s = family == AF_UNSPEC ? NULL : calloc(1, sizeof(Sought));
        if (!s || set_timer(c, EGRESS_DIAL_USEC) < 0) {
                free(s);
                leads_nowhere(c, EGRESS_NO_ADDRESS);
                return;
        }
        c->sought[c->sought[0] == AF_UNSPEC ? 0 : 1] = family;
        s->serial = c->serial;
        dns_resolve_place(c->egress, c->stands_for, family, on_sought, s);
}

/* False: it cannot be, and c is as it was. */
static bool begin_to_seek(Connection *c) {
        Egress *e = c->egress;
        c->stands_for = c->destination.hosts[0];
        c->n_more = 0; /* they stand for the same name */
        c->state = CONNECTION_SEEKING;
        if (sd_event_add_io(e->event, &c->inner_io, c->inner, 0, on_inner, c) < 0 ||
                        sd_event_add_time_relative(e->event, &c->timer, CLOCK_MONOTONIC, EGRESS_DIAL_USEC, 0,
                                        on_timer, c) < 0)
                return false;
        seek(c);
        return true;
}

/* ---- the beginning of what was dialled ---- */

/* What stands for a name that the host's proxy is given is not looked for here. False: it is refused, or cannot be. */
static bool begin(Connection *c) {
        c->upstream = c->judgement.host && upstream_takes(&c->egress->lease->upstream, c->judgement.host);
        if (!c->destination.synthetic || c->destination.n_hosts == 0)
                return ask(c) >= 0;
        if (!c->upstream)
                return begin_to_seek(c);
        find_destination(c, c->destination.hosts[0]);
        c->judgement = judge_connect(c->egress->lease, &c->destination);
        listen_to(c);
        if (c->judgement.verdict == VERDICT_DENY)
                report_refusal(c->egress, &c->destination, c->serial, &c->judgement);
        return c->judgement.verdict == VERDICT_ALLOW && ask(c) >= 0;
}

void connection_take(Egress *e, const ConnectionClient *client) {
        Connection *c = calloc(1, sizeof(Connection));
        if (!c) {
                connection_reset(client->fd);
                return;
        }
        *c = (Connection){ .egress = e,
                .state = CONNECTION_ASKED,
                .inner = client->fd,
                .outer = -EBADF,
                .began = egress_now(e),
                .serial = ++e->serial,
                .address = client->to,
                .proxy = client->kind,
                .n_more = client->n_more };
        if (c->n_more > 0)
                memcpy(c->more, client->more, c->n_more * sizeof(c->more[0]));
        flow_init(&c->up, e->pipes);
        flow_init(&c->down, e->pipes);
        LIST_INSERT_HEAD(&e->connections, c, entries);
        e->n_connections++;
        bool allowed = false;
        if (c->address.sin6_family == AF_INET6 && flow_put(&c->up, client->said, client->size) == 0) {
                find_destination(c, client->host);
                e->n_connections--; /* not this one */
                allowed = budget_take(e, &c->destination);
                e->n_connections++;
        }
        if (allowed) {
                c->judgement = judge_connect(e->lease, &c->destination);
                allowed = c->judgement.verdict == VERDICT_ALLOW;
                if (!allowed)
                        report_refusal(e, &c->destination, c->serial, &c->judgement);
        }
        listen_to(c);
        if (allowed && begin(c))
                return;
        if (c->n_more > 0) {
                go_elsewhere(c);
                return;
        }
        dismiss(c, PROXY_DENIED);
        connection_free(c);
}

bool connection_take_guest(Egress *e, const ConnectionGuest *q) {
        Connection *c = calloc(1, sizeof(Connection));
        if (!c)
                return false;
        *c = (Connection){ .egress = e,
                .state = CONNECTION_ASKED,
                .inner = -EBADF,
                .outer = q->fd,
                .began = egress_now(e),
                .serial = ++e->serial,
                .destination = q->from,
                .judgement = q->judgement,
                .sniff = SNIFF_OPAQUE,
                .way = q->way,
                .guest = q->guest,
                .inside = q->port };
        flow_init(&c->up, e->pipes);
        flow_init(&c->down, e->pipes);
        LIST_INSERT_HEAD(&e->connections, c, entries);
        e->n_connections++;
        if (ask(c) < 0) {
                dismiss(c, PROXY_DENIED);
                connection_free(c);
        }
        return true;
}

static int on_again(sd_event_source *source, uint64_t usec, void *userdata) {
        const Egress *e = userdata;
        return sd_event_source_set_enabled(e->tcp, SD_EVENT_ON);
}

/* Out of descriptors or memory: what has come waits a moment in the kernel's queue. */
static int pause_listening(Egress *e) {
        sd_event_source_disable_unref(e->again);
        e->again = NULL;
        int r = sd_event_add_time_relative(e->event, &e->again, CLOCK_MONOTONIC, PAUSE_USEC, 0, on_again, e);
        return r < 0 ? r : sd_event_source_set_enabled(e->tcp, SD_EVENT_OFF);
}

int connection_on_listener(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        Egress *e = userdata;
        for (unsigned i = 0; i < ACCEPT_AT_ONCE; i++) {
                struct sockaddr_in6 local = { 0 };
                socklen_t size = sizeof(local);
                int inner = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
                if (inner < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS))
                        return pause_listening(e);
                if (inner < 0)
                        return 0; /* none left, or it went again */
                if (getsockname(inner, (struct sockaddr *)&local, &size) < 0)
                        local.sin6_family = AF_UNSPEC; /* goes nowhere */
                const ConnectionClient client = { .fd = inner, .to = local };
                if (ntohs(local.sin6_port) == 53)
                        dns_stream_take(e, inner);
                else if (proxy_is(&local))
                        proxy_take(e, inner);
                else
                        connection_take(e, &client);
        }
        return 0;
}

/* ---- all of them ---- */

/* By what it has said meanwhile. What nobody listened to, and has gone out, may have been for any name. */
static Judgement judge_as_it_is(const Connection *c) {
        const EgressLease *l = c->egress->lease;
        if (c->way)
                return guest_judge(c);
        Judgement j = *c->claimed ? judge_claim(l, &c->destination, c->claimed, EGRESS_REVOKED)
                                  : judge_connect(l, &c->destination);
        if (j.verdict == VERDICT_ALLOW && c->encrypted)
                j = judge_encrypted(&j);
        if (j.verdict == VERDICT_ALLOW && j.by_name && c->unheard && (c->bytes_out > 0 || c->up.piped > 0))
                j.verdict = VERDICT_DENY;
        return j;
}

/* What is not open yet is begun, or asked for, as mxcd recorded it: by the host's proxy under that name, or not by it. */
static bool is_as_recorded(const Connection *c, const Judgement *j) {
        if (c->way || c->state == CONNECTION_OPEN)
                return true;
        const bool upstream = j->host && upstream_takes(&c->egress->lease->upstream, j->host);
        return upstream == c->upstream &&
               (!upstream || (c->judgement.host && streq(c->judgement.host, j->host)));
}

static void listen_from_now_on(Connection *c) {
        c->unheard = false;
        c->sniff = SNIFF_FIRST;
        c->walk = (TlsWalk){ 0 };
        c->http = (HttpStream){ 0 };
        c->in_http = false;
        c->up.cleared = 0;
}

void connection_judge_again(Egress *e) {
        for (Connection *c = LIST_FIRST(&e->connections), *next; c; c = next) {
                next = LIST_NEXT(c, entries);
                if (c->state == CONNECTION_REFUSED) {
                        c->judgement.clause = ""; /* the old lease's */
                        continue;
                }
                Judgement j = judge_as_it_is(c);
                if (j.verdict == VERDICT_ALLOW && is_as_recorded(c, &j)) {
                        c->judgement = j;
                        if (j.by_name && c->unheard)
                                listen_from_now_on(c);
                } else if (c->state == CONNECTION_SEEKING) {
                        c->judgement.clause = j.clause;
                        leads_nowhere(c, EGRESS_REVOKED);
                } else {
                        c->judgement.clause = j.clause; /* the other is the old lease's */
                        end(c, EGRESS_FAIL, EGRESS_REVOKED, 0, false);
                }
        }
}

size_t connection_list(const Egress *e, EgressReport *ret, size_t max) {
        const Connection *c;
        size_t n = 0;
        LIST_FOREACH(c, &e->connections, entries) {
                if (c->state == CONNECTION_SEEKING || n == max)
                        continue;
                ret[n] = report_so_far(c, c->way ? EGRESS_ACCEPT : EGRESS_CONNECT);
                ret[n].awaits = c->state == CONNECTION_ASKED;
                n++;
        }
        return n;
}

void connection_end_all(Egress *e) {
        for (Connection *c; (c = LIST_FIRST(&e->connections));)
                if (c->state == CONNECTION_ASKED || c->state == CONNECTION_SEEKING)
                        connection_free(c); /* it never was */
                else
                        end(c, EGRESS_CLOSE, EGRESS_BY_RULE, 0, false);
}
