/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "budget.h"
#include "cleanup.h"
#include "egress-net.h"
#include "host-address.h"
#include "peer.h"
#include "reports.h"

#define ACCEPT_AT_ONCE 16U
#define PAUSE_USEC (UINT64_C(100) * 1000) /* out of descriptors: for so long nothing is accepted */
#define DRAIN_USEC (UINT64_C(20) * 1000)  /* how often it is looked whether all has arrived */
#define DRAIN_TURNS 500U                  /* and how many times */

/* A way into the sandbox: one of the two is used at a time. */
struct Way {
        int fds[2]; /* IPv4, IPv6 */
        bool taken;
        sd_event_source *drain;
        int draining;
        unsigned turns;
};

struct Guests {
        Egress *egress; /* not owned */
        int diag;       /* or a negative errno */
        uint32_t relays;
        int listeners[LIMIT_PUBLISHED];
        sd_event_source *io[LIMIT_PUBLISHED], *again;
        size_t n_listeners;
        struct Way ways[LIMIT_PUBLISHED_CLIENTS];
};

/* ---- ways in ---- */

static struct Way *take_way(Guests *g) {
        for (size_t i = 0; i < ELEMENTSOF(g->ways); i++)
                if (!g->ways[i].taken) {
                        g->ways[i].taken = true;
                        return &g->ways[i];
                }
        return NULL;
}

/* Whatever it was, it is not connected any more, and can be again: connect(2). The other side, if there is one still, is told by a reset. */
static void dissolve(int fd) {
        const struct sockaddr nowhere = { .sa_family = AF_UNSPEC };
        int error;
        socklen_t size = sizeof(error);
        (void)connect(fd, &nowhere,
                        sizeof(nowhere)); /* one that stays as it is fails when it is used next */
        (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size); /* forgets what was */
}

static bool is_over(int fd) {
        struct tcp_info info = { .tcpi_state = TCP_CLOSE };
        socklen_t size = sizeof(info);
        return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0 || info.tcpi_state == TCP_CLOSE;
}

static void give_way(struct Way *w) {
        w->drain = sd_event_source_disable_unref(w->drain);
        dissolve(w->draining);
        w->taken = false;
}

static int on_drain(sd_event_source *source, uint64_t usec, void *userdata) {
        struct Way *w = userdata;
        if (is_over(w->draining) || ++w->turns == DRAIN_TURNS ||
                        sd_event_source_set_time_relative(source, DRAIN_USEC) < 0 ||
                        sd_event_source_set_enabled(source, SD_EVENT_ONESHOT) < 0)
                give_way(w);
        return 0;
}

void guest_leave(Connection *c, bool clean) {
        struct Way *w = c->way;
        c->way = NULL;
        w->draining = c->inner >= 0 ? TAKE_FD(c->inner) : w->fds[0];
        w->turns = 0;
        if (!clean || is_over(w->draining) ||
                        sd_event_add_time_relative(c->egress->event, &w->drain, CLOCK_MONOTONIC, DRAIN_USEC,
                                        0, on_drain, w) < 0)
                give_way(w);
}

/* ---- into the sandbox ---- */

static int dial_inside(Connection *c, int which, sd_event_io_handler_t on_inner) {
        const struct sockaddr_in v4 = {
                .sin_family = AF_INET, .sin_port = htons(c->inside), .sin_addr = { htonl(INADDR_LOOPBACK) }
        };
        const struct sockaddr_in6 v6 = {
                .sin6_family = AF_INET6, .sin6_port = htons(c->inside), .sin6_addr = in6addr_loopback
        };
        c->inner = c->way->fds[which];
        int r = which == 0 ? connect(c->inner, (const struct sockaddr *)&v4, sizeof(v4))
                           : connect(c->inner, (const struct sockaddr *)&v6, sizeof(v6));
        if (r < 0 && errno != EINPROGRESS)
                return -errno;
        r = sd_event_add_io(c->egress->event, &c->inner_io, c->inner, EPOLLOUT, on_inner, c);
        return r < 0 ? r : 0;
}

int guest_dial(Connection *c, sd_event_io_handler_t on_inner) {
        int r = dial_inside(c, 0, on_inner);
        return r == -ECONNREFUSED ? guest_dial_other(c, on_inner) : r;
}

int guest_dial_other(Connection *c, sd_event_io_handler_t on_inner) {
        if (c->inner != c->way->fds[0])
                return 0;
        c->inner_io = sd_event_source_disable_unref(c->inner_io);
        dissolve(TAKE_FD(c->inner));
        int r = dial_inside(c, 1, on_inner);
        return r < 0 ? r : 1;
}

/* ---- who it is ---- */

static void take_address(const struct sockaddr_storage *s, NetCidr *ret_address, uint16_t *ret_port) {
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        if (s->ss_family == AF_INET) {
                memcpy(&v4, s, sizeof(v4));
                cidr_from_address(AF_INET, &v4.sin_addr, ret_address);
                *ret_port = ntohs(v4.sin_port);
        } else {
                memcpy(&v6, s, sizeof(v6));
                cidr_from_address(AF_INET6, &v6.sin6_addr, ret_address);
                *ret_port = ntohs(v6.sin6_port);
        }
}

/* Both ends are ours where it came from an address of this host. */
static void look_at(const Guests *g, int listener, int fd, const struct sockaddr_storage *peer, Guest *ret,
                Destination *ret_from) {
        struct sockaddr_storage bound = { .ss_family = AF_INET }, here = { .ss_family = AF_INET };
        socklen_t size = sizeof(bound);
        (void)getsockname(listener, (struct sockaddr *)&bound,
                        &size); /* else 0.0.0.0, port 0: not published */
        size = sizeof(here);
        (void)getsockname(fd, (struct sockaddr *)&here, &size); /* else nobody is found at it */
        *ret_from = (Destination){ .protocol = PROTOCOL_TCP };
        take_address(&bound, &ret->address, &ret->port);
        take_address(peer, &ret_from->address, &ret_from->port);
        const NetCidr *a = &ret_from->address;
        ret->local = host_has_address(a->family, a->address);
        ret->uid = ret->local ? peer_uid(g->diag, peer, &here) : EGRESS_UID_UNKNOWN;
        ret->relays = g->relays;
        ret_from->published = ret->port;
        ret_from->uid = ret->uid;
}

Judgement guest_judge(const Connection *c) {
        uint16_t port;
        return judge_guest(c->egress->lease, &c->guest, &port);
}

static struct Way *let_in(
                Guests *g, const Guest *guest, const Destination *from, Judgement *ret, uint16_t *ret_port) {
        *ret = judge_guest(g->egress->lease, guest, ret_port);
        if (ret->verdict == VERDICT_DENY) {
                report_refusal(g->egress, from, 0, ret);
                return NULL;
        }
        if (!budget_take(g->egress, from))
                return NULL;
        struct Way *way = take_way(g);
        const Judgement full = { .reason = EGRESS_LIMIT_CONNECTIONS, .clause = ret->clause };
        if (!way)
                report_refusal(g->egress, from, 0, &full);
        return way;
}

static void receive(Guests *g, int listener, int fd, const struct sockaddr_storage *peer) {
        Guest guest = { .uid = EGRESS_UID_UNKNOWN };
        ConnectionGuest q = { .fd = fd };
        look_at(g, listener, fd, peer, &guest, &q.from);
        q.guest = guest;
        q.way = let_in(g, &guest, &q.from, &q.judgement, &q.port);
        if (q.way && connection_take_guest(g->egress, &q))
                return;
        if (q.way)
                q.way->taken = false;
        connection_reset(fd);
}

/* ---- listening ---- */

static int on_again(sd_event_source *source, uint64_t usec, void *userdata) {
        const Guests *g = userdata;
        for (size_t i = 0; i < g->n_listeners; i++) {
                int r = sd_event_source_set_enabled(g->io[i], SD_EVENT_ON);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int pause_listening(Guests *g) {
        g->again = sd_event_source_disable_unref(g->again);
        int r = sd_event_add_time_relative(
                        g->egress->event, &g->again, CLOCK_MONOTONIC, PAUSE_USEC, 0, on_again, g);
        for (size_t i = 0; i < g->n_listeners && r >= 0; i++)
                r = sd_event_source_set_enabled(g->io[i], SD_EVENT_OFF);
        return r;
}

static int on_guest(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        Guests *g = userdata;
        for (unsigned i = 0; i < ACCEPT_AT_ONCE; i++) {
                struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
                socklen_t size = sizeof(peer);
                int came = accept4(fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
                if (came < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS))
                        return pause_listening(g);
                if (came < 0)
                        return 0; /* none left, or it went again */
                receive(g, fd, came, &peer);
        }
        return 0;
}

static int option(int fd, int name) {
        int value;
        socklen_t size = sizeof(value);
        return getsockopt(fd, SOL_SOCKET, name, &value, &size) < 0 ? -errno : value;
}

/* What it was begun with is what it expects, or nothing is done. */
static int take_descriptors(Guests *g) {
        int fd = EGRESS_FD_PUBLISHED;
        for (; option(fd, SO_ACCEPTCONN) == 1; fd++) {
                if (g->n_listeners == LIMIT_PUBLISHED || option(fd, SO_TYPE) != SOCK_STREAM)
                        return -EBADF;
                g->listeners[g->n_listeners++] = fd;
        }
        for (size_t i = 0; i < ELEMENTSOF(g->ways); i++) {
                struct Way *w = &g->ways[i];
                *w = (struct Way){ .fds = { fd, fd + 1 } };
                fd += 2;
                if (option(w->fds[0], SO_DOMAIN) != AF_INET || option(w->fds[1], SO_DOMAIN) != AF_INET6)
                        return -EBADF;
        }
        return 0;
}

int guests_new(Egress *e, Guests **ret) {
        if (option(EGRESS_FD_PUBLISHED, SO_ACCEPTCONN) != 1)
                return 0; /* that number is something else by now, or nothing */
        Guests *g = calloc(1, sizeof(Guests));
        if (!g)
                return -ENOMEM;
        g->egress = e;
        g->relays = getuid();
        g->diag = peer_open(); /* without it nobody of this host is known, and so refused */
        int r = take_descriptors(g);
        for (size_t i = 0; i < g->n_listeners && r >= 0; i++)
                r = sd_event_add_io(e->event, &g->io[i], g->listeners[i], EPOLLIN, on_guest, g);
        if (r < 0) {
                (void)guests_free(g); /* NULL */
                return r;
        }
        *ret = g;
        return 0;
}

Guests *guests_free(Guests *g) {
        if (!g)
                return NULL;
        for (size_t i = 0; i < g->n_listeners; i++)
                sd_event_source_disable_unref(g->io[i]);
        for (size_t i = 0; i < ELEMENTSOF(g->ways); i++)
                sd_event_source_disable_unref(g->ways[i].drain);
        sd_event_source_disable_unref(g->again);
        if (g->diag >= 0)
                (void)close(g->diag);
        free(g);
        return NULL;
}
