/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proxy.h"

#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "address.h"
#include "cleanup.h"
#include "connection.h"
#include "egress-net.h"

struct ProxyClient {
        LIST_ENTRY(ProxyClient) entries;
        Egress *egress; /* not owned */
        int fd;
        sd_event_source *io, *timer;
        uint8_t in[PROXY_REQUEST_MAX];
        size_t used;
        bool greeted, beginning;
        unsigned asking;     /* answers that the resolver owes */
        EgressReason reason; /* why there is no address */
        struct in6_addr addresses[1 + CONNECTION_MORE];
        size_t n;
        ProxyRequest request;
};

bool proxy_is(const struct sockaddr_in6 *local) {
        struct in6_addr proxy;
        return inet_pton(AF_INET6, "::ffff:" EGRESS_PROXY_V4, &proxy) == 1 &&
               IN6_ARE_ADDR_EQUAL(&local->sin6_addr, &proxy) && ntohs(local->sin6_port) == EGRESS_PROXY_PORT;
}

static void client_free(ProxyClient *p) {
        sd_event_source_disable_unref(p->io);
        sd_event_source_disable_unref(p->timer);
        cleanup_closep(&p->fd);
        LIST_REMOVE(p, entries);
        p->egress->n_proxy_clients--;
        free(p);
}

/* The client goes, but what the resolver has must stay until it is answered. */
static void client_end(ProxyClient *p) {
        p->io = sd_event_source_disable_unref(p->io);
        p->timer = sd_event_source_disable_unref(p->timer);
        cleanup_closep(&p->fd);
        p->fd = -EBADF;
        if (p->asking == 0)
                client_free(p);
}

static void refuse(ProxyClient *p, ProxyOutcome outcome) {
        size_t size;
        const void *text = proxy_reply(p->request.kind, outcome, &size);
        if (p->fd >= 0)
                (void)send(p->fd, text, size, MSG_DONTWAIT | MSG_NOSIGNAL); /* it ends in any case */
        client_end(p);
}

static void begin(ProxyClient *p, const char *host) {
        const ProxyRequest *q = &p->request;
        const ConnectionClient client = { .fd = TAKE_FD(p->fd),
                .host = host,
                .to = { .sin6_family = AF_INET6, .sin6_port = htons(q->port), .sin6_addr = q->address },
                .kind = q->kind,
                .more = p->addresses + 1,
                .n_more = p->n > 0 ? p->n - 1 : 0,
                .said = p->in + q->used,
                .size = p->used - q->used };
        p->io = sd_event_source_disable_unref(p->io);
        connection_take(p->egress, &client);
        client_free(p);
}

static void take_addresses(ProxyClient *p, const NetCidr *addresses, size_t n) {
        for (size_t i = 0; i < n && p->n < ELEMENTSOF(p->addresses); i++) {
                struct in6_addr *a = &p->addresses[p->n++];
                *a = (struct in6_addr){ .s6_addr = { [10] = 0xff, [11] = 0xff } };
                if (addresses[i].family == AF_INET)
                        memcpy(a->s6_addr + 12, addresses[i].address, 4);
                else
                        memcpy(a, addresses[i].address, 16);
        }
}

static void answered(ProxyClient *p) {
        p->request.address = p->addresses[0];
        if (p->fd < 0)
                client_free(p);
        else if (p->n > 0)
                begin(p, NULL);
        else
                refuse(p, p->reason == EGRESS_BY_RULE ? PROXY_FAILED : PROXY_DENIED);
}

static void on_resolved(Egress *e, DnsCode code, EgressReason reason, const NetCidr *addresses, size_t n,
                void *userdata) {
        ProxyClient *p = userdata;
        p->asking--;
        p->reason = p->reason == EGRESS_BY_RULE ? reason : p->reason;
        take_addresses(p, addresses, n);
        if (p->asking == 0 && !p->beginning)
                answered(p);
}

/* Both families at once; what is refused is so at once, and not asked for again. */
static void ask(ProxyClient *p) {
        p->reason = EGRESS_BY_RULE;
        p->beginning = true;
        p->asking++;
        dns_resolve(p->egress, p->request.host, AF_INET, on_resolved, p);
        if (p->asking > 0 || p->reason == EGRESS_BY_RULE) {
                p->asking++;
                dns_resolve(p->egress, p->request.host, AF_INET6, on_resolved, p);
        }
        p->beginning = false;
        if (p->asking == 0)
                answered(p);
}

/* Nothing happens to p after it. */
static void look(ProxyClient *p) {
        switch (proxy_request_parse(p->in, p->used, p->greeted, &p->request)) {
        case PROXY_MORE:
                if (p->used == sizeof(p->in))
                        client_end(p);
                return;
        case PROXY_BAD:
                refuse(p, PROXY_DENIED);
                return;
        case PROXY_GREETING:
                p->used -= p->request.used;
                memmove(p->in, p->in + p->request.used, p->used);
                p->greeted = true;
                if (send(p->fd, proxy_greeting, sizeof(proxy_greeting), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
                        client_end(p);
                else
                        look(p); /* once: it is greeted */
                return;
        case PROXY_REQUEST:
                if (sd_event_source_set_io_events(p->io, 0) < 0)
                        client_end(p);
                else if (!*p->request.host)
                        begin(p, NULL);
                else if (upstream_takes(&p->egress->lease->upstream, p->request.host))
                        begin(p, p->request.host); /* not even asked for here: that proxy finds it */
                else
                        ask(p);
        }
}

static int on_client(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        ProxyClient *p = userdata;
        ssize_t n = p->asking > 0 ? -1 : recv(fd, p->in + p->used, sizeof(p->in) - p->used, MSG_DONTWAIT);
        if (n < 0 && p->asking == 0 && errno == EAGAIN)
                return 0;
        if (n <= 0) {
                client_end(p);
                return 0;
        }
        p->used += (size_t)n;
        look(p);
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        client_end(userdata);
        return 0;
}

void proxy_take(Egress *e, int fd) {
        ProxyClient *p = e->n_proxy_clients < EGRESS_PROXY_CLIENTS_MAX ? calloc(1, sizeof(ProxyClient))
                                                                       : NULL;
        if (!p) {
                (void)close(fd);
                return;
        }
        p->egress = e;
        p->fd = fd;
        LIST_INSERT_HEAD(&e->proxy_clients, p, entries);
        e->n_proxy_clients++;
        if (sd_event_add_io(e->event, &p->io, fd, EPOLLIN, on_client, p) < 0 ||
                        sd_event_add_time_relative(e->event, &p->timer, CLOCK_MONOTONIC, EGRESS_SNIFF_USEC,
                                        0, on_timer, p) < 0)
                client_end(p);
}

void proxy_end_all(Egress *e) {
        for (ProxyClient *p; (p = LIST_FIRST(&e->proxy_clients));)
                client_free(p);
}
