/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "upstream-dial.h"

#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "destination.h"
#include "resolver.h"
#include "upstream-answer.h"

#define ADDRESSES 8U /* of the host's proxy: the others are not tried */

struct UpstreamDial {
        Connection *connection; /* NULL: it has gone, but the resolver still has this */
        sd_event_io_handler_t on_outer;
        struct sockaddr_in6 addresses[ADDRESSES]; /* IPv4 mapped */
        size_t n, next;
        unsigned asking; /* answers that the resolver owes */
        bool beginning, asked;
        uint16_t port;
        size_t size; /* of what it is asked, which is this proxy's: the next lease may know another */
        char request[UPSTREAM_REQUEST_SIZE];
};

static void add_address(UpstreamDial *d, int family, const uint8_t *bytes) {
        if (d->n == ADDRESSES)
                return;
        struct sockaddr_in6 *a = &d->addresses[d->n++];
        *a = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(d->port) };
        if (family == AF_INET) {
                a->sin6_addr = (struct in6_addr){ .s6_addr = { [10] = 0xff, [11] = 0xff } };
                memcpy(a->sin6_addr.s6_addr + 12, bytes, 4);
        } else {
                memcpy(&a->sin6_addr, bytes, 16);
        }
}

static int try_one(Connection *c) {
        UpstreamDial *d = c->dial;
        int r = destination_dial_as_it_is(&d->addresses[d->next++], SOCK_STREAM);
        if (r < 0)
                return r;
        c->outer = r;
        r = sd_event_add_io(c->egress->event, &c->outer_io, c->outer, EPOLLOUT, d->on_outer, c);
        return r < 0 ? r : 0;
}

int upstream_next(Connection *c, int error) {
        UpstreamDial *d = c->dial;
        int r = error;
        while (r < 0 && !d->asked && d->next < d->n) {
                c->outer_io = sd_event_source_disable_unref(c->outer_io);
                cleanup_closep(&c->outer);
                c->outer = -EBADF;
                r = try_one(c);
        }
        return r;
}

bool upstream_has_more(const Connection *c) {
        return c->dial && !c->dial->asked && c->dial->next < c->dial->n;
}

/* ---- its name ---- */

static void on_resolved(int status, const RawAddress *addresses, size_t n, void *userdata) {
        UpstreamDial *d = userdata;
        Connection *c = d->connection;
        const bool last = --d->asking == 0;
        if (!c) {
                if (last)
                        free(d);
                return;
        }
        for (size_t i = 0; i < n; i++)
                add_address(d, addresses[i].family, addresses[i].bytes);
        if (last && !d->beginning)
                connection_go_on(c, upstream_next(c, -EHOSTUNREACH));
}

/* Both families at once; an answer may be there before this returns. */
static int resolve(UpstreamDial *d, const char *host) {
        Connection *c = d->connection;
        d->asking = 2;
        d->beginning = true;
        resolver_ask(c->egress->resolver, host, AF_INET, on_resolved, d);
        resolver_ask(c->egress->resolver, host, AF_INET6, on_resolved, d);
        d->beginning = false;
        return d->asking > 0 ? 0 : upstream_next(c, -EHOSTUNREACH);
}

int upstream_begin(Connection *c, sd_event_io_handler_t on_outer) {
        const Upstream *u = &c->egress->lease->upstream;
        uint8_t address[16];
        if (!u->set || !*u->host)
                return -EDESTADDRREQ;
        UpstreamDial *d = calloc(1, sizeof(UpstreamDial));
        if (!d)
                return -ENOMEM;
        *d = (UpstreamDial){ .connection = c, .on_outer = on_outer, .port = u->port };
        c->dial = d;
        d->size = upstream_request_write(u, c->judgement.host, c->destination.port, d->request);
        if (inet_pton(AF_INET, u->host, address) == 1)
                add_address(d, AF_INET, address);
        else if (inet_pton(AF_INET6, u->host, address) == 1)
                add_address(d, AF_INET6, address);
        else
                return resolve(d, u->host);
        return upstream_next(c, -EHOSTUNREACH);
}

void upstream_leave(Connection *c) {
        UpstreamDial *d = c->dial;
        c->dial = NULL;
        if (!d)
                return;
        d->connection = NULL;
        if (d->asking == 0)
                free(d);
}

/* ---- what is said ---- */

bool upstream_is_asked(const Connection *c) {
        return c->dial && c->dial->asked;
}

int upstream_ask(Connection *c) {
        UpstreamDial *d = c->dial;
        d->asked = true;
        ssize_t sent = send(c->outer, d->request, d->size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent != (ssize_t)d->size)
                return sent < 0 ? -errno : -ECONNRESET; /* the first that it is told fits */
        int r = sd_event_source_set_io_events(c->outer_io, EPOLLIN);
        return r < 0 ? r : 0;
}

int upstream_read(Connection *c, EgressReason *ret_reason) {
        size_t used;
        *ret_reason = EGRESS_UPSTREAM_UNREACHABLE;
        int r = flow_read(&c->down, c->outer);
        if (r <= 0)
                return r;
        *ret_reason = EGRESS_UPSTREAM_ANSWER;
        switch (upstream_answer_parse(c->down.data, flow_held(&c->down), &c->status, &used)) {
        case UPSTREAM_MORE:
                return c->down.eof ? -ECONNRESET : 0;
        case UPSTREAM_BAD:
                return -EBADMSG;
        case UPSTREAM_ANSWERED:
                break;
        }
        /* 407 (RFC 9110, 15.5.8); tinyproxy says 401 to who gives it a wrong password */
        *ret_reason = c->status == 407 || c->status == 401 ? EGRESS_UPSTREAM_LOGIN : EGRESS_UPSTREAM_REFUSED;
        if (c->status >= 300)
                return -ECONNREFUSED;
        flow_drop(&c->down, used);
        return 1;
}
