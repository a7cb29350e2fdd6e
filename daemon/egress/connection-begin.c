/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A connection that is not open yet: from accept(), from a client of the proxy, or from a guest, until it is. */

#include <sys/epoll.h>
#include <sys/socket.h>

#include "budget.h"
#include "cleanup.h"
#include "connection-internal.h"
#include "destination.h"
#include "guest.h"
#include "near.h"
#include "proxy.h"
#include "reports.h"
#include "upstream-dial.h"

#define ACCEPT_AT_ONCE 64U
#define PAUSE_USEC (UINT64_C(100) * 1000) /* out of descriptors: for so long nothing is accepted */

static void dialled(Connection *c, int fd);
static void seek(Connection *c);

/* ---- where it comes to nothing ---- */

void connection_leads_nowhere(Connection *c, EgressReason reason) {
        const Judgement j = { .reason = reason, .clause = c->judgement.clause, .host = c->stands_for };
        if (!c->tried) /* what was is on record, and what came of it */
                report_refusal(c->egress, &c->destination, c->serial, &j);
        connection_dismiss(c, reason == EGRESS_NO_ADDRESS ? PROXY_FAILED : PROXY_DENIED);
        connection_free(c);
}

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
                connection_end(c, EGRESS_FAIL,
                                c->upstream ? EGRESS_UPSTREAM_UNREACHABLE : EGRESS_UNREACHABLE, error,
                                false);
                return;
        }
        connection_tell_end(c, EGRESS_FAIL, EGRESS_UNREACHABLE, error);
        if (c->stands_for)
                seek_on(c);
        else
                go_elsewhere(c);
}

static int wait_for_upstream(Connection *c) {
        return connection_set_timer(c, upstream_has_more(c) ? EGRESS_TRY_USEC : EGRESS_DIAL_USEC);
}

void connection_go_on(Connection *c, int result) {
        if (result == 0)
                result = wait_for_upstream(c);
        if (result < 0)
                unreachable(c, result);
}

/* ---- what is heard of it ---- */

static int on_inner(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        Connection *c = userdata;
        if (connection_is_open(c))
                connection_hear(c, source, fd, events);
        else if (c->way && c->state == CONNECTION_DIALING)
                dialled(c, fd);
        else if (c->state == CONNECTION_SEEKING)
                connection_free(c); /* nothing was done for it yet, or that is told */
        else
                connection_end(c, EGRESS_FAIL, EGRESS_UNREACHABLE, ECONNRESET, false);
        return 0;
}

/* What the other side says may be behind the answer already. */
static void hear_upstream(Connection *c) {
        EgressReason reason;
        int r = upstream_read(c, &reason);
        if (r < 0)
                connection_end(c, EGRESS_FAIL, reason, r, false);
        if (r <= 0)
                return;
        if (flow_held(&c->down) > 0)
                sniff_down(c, c->down.data, flow_held(&c->down));
        connection_opened(c);
}

static int on_outer(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        Connection *c = userdata;
        if (connection_is_open(c))
                connection_hear(c, source, fd, events);
        else if (c->way)
                connection_end(c, EGRESS_FAIL, EGRESS_UNREACHABLE, ECONNRESET,
                                false); /* it has gone again */
        else if (upstream_is_asked(c))
                hear_upstream(c);
        else
                dialled(c, fd);
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Connection *c = userdata;
        switch (c->state) {
        case CONNECTION_ASKED:
                connection_dismiss(c, PROXY_DENIED);
                connection_free(c); /* nobody said that it is on record */
                break;
        case CONNECTION_SEEKING:
                connection_leads_nowhere(c, EGRESS_NO_ADDRESS);
                break;
        case CONNECTION_DIALING:
                if (upstream_has_more(c))
                        connection_go_on(c, upstream_next(c, -ETIMEDOUT));
                else
                        unreachable(c, ETIMEDOUT);
                break;
        case CONNECTION_OPEN:
        case CONNECTION_REFUSED:
                connection_late(c);
                break;
        }
        return 0;
}

/* ---- dialling ---- */

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
                connection_opened(c);
}

static int dial(Connection *c) {
        if (c->way) {
                int k = guest_dial(c, on_inner);
                return k < 0 ? k : connection_set_timer(c, EGRESS_DIAL_USEC);
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
                     : connection_set_timer(c, c->n_more > 0 || c->n_places > 0 ? EGRESS_TRY_USEC
                                                                                : EGRESS_DIAL_USEC);
}

bool connection_recorded(Egress *e, uint64_t serial, bool recorded) {
        Connection *c;
        LIST_FOREACH(c, &e->connections, entries)
                if (c->serial == serial)
                        break;
        if (!c || c->state != CONNECTION_ASKED)
                return c;
        if (!recorded) {
                connection_dismiss(c, PROXY_DENIED);
                connection_free(c); /* it never was */
                return true;
        }
        Judgement j;
        if (budget_is_spent(e, c->judgement.host, &j)) { /* as mxcd says meanwhile: not by this relay */
                connection_end_for(c, EGRESS_FAIL, &j);
                return true;
        }
        c->state = CONNECTION_DIALING;
        int r = dial(c);
        if (r < 0)
                unreachable(c, r);
        return true;
}

/* ---- asking ---- */

static int ask(Connection *c) {
        Egress *e = c->egress;
        int r = 0;
        if (c->way)
                r = sd_event_add_io(e->event, &c->outer_io, c->outer, 0, on_outer, c);
        else if (!c->inner_io)
                r = sd_event_add_io(e->event, &c->inner_io, c->inner, 0, on_inner,
                                c); /* its end is told in any case */
        if (r >= 0)
                r = c->timer ? connection_set_timer(c, EGRESS_RECORD_USEC)
                             : sd_event_add_time_relative(e->event, &c->timer, CLOCK_MONOTONIC,
                                               EGRESS_RECORD_USEC, 0, on_timer, c);
        if (r < 0)
                return r;
        c->state = CONNECTION_ASKED;
        EgressReport report = connection_report(c, c->way ? EGRESS_ACCEPT : EGRESS_CONNECT);
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
                connection_leads_nowhere(c, reason == EGRESS_SPECIAL ? reason : EGRESS_NO_ADDRESS);
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
                        connection_leads_nowhere(c, EGRESS_NO_ADDRESS);
                return;
        }
        const int family = family_to_seek(c);
        Sought *s = family == AF_UNSPEC ? NULL : calloc(1, sizeof(Sought));
        if (!s || connection_set_timer(c, EGRESS_DIAL_USEC) < 0) {
                free(s);
                connection_leads_nowhere(c, EGRESS_NO_ADDRESS);
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
        connection_dismiss(c, PROXY_DENIED);
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
                connection_dismiss(c, PROXY_DENIED);
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
