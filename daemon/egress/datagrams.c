/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "datagrams.h"

#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "budget.h"
#include "cleanup.h"
#include "destination.h"
#include "egress-net.h"
#include "packet.h"
#include "reports.h"

#define AT_ONCE 64U /* then others have their turn */
#define BUCKETS 256U
#define DATAGRAM_MAX 65536U /* none is longer */

typedef struct Held {
        STAILQ_ENTRY(Held) entries;
        size_t size;
        uint8_t data[];
} Held;

typedef struct Exchange {
        LIST_ENTRY(Exchange) entries; /* of a bucket */
        Datagrams *all;               /* not owned */
        bool open;
        uint64_t serial, began, used; /* CLOCK_MONOTONIC */
        int outer;
        sd_event_source *io, *timer;
        struct sockaddr_in6 client, to;
        Destination destination;
        const char *hosts[NAMES_PER_ADDRESS];
        Judgement judgement;
        STAILQ_HEAD(, Held) held;
        size_t n_held;
        uint64_t bytes_out, bytes_in;
        bool answered;
} Exchange;

struct Datagrams {
        Egress *egress; /* not owned */
        sd_event_source *io;
        LIST_HEAD(, Exchange) buckets[BUCKETS];
        size_t held_bytes;
        struct in6_addr own_v4, own_v6; /* the sandbox's */
        uint8_t buffer[DATAGRAM_MAX];
};

/* ---- into the sandbox ---- */

/* Where it is not taken it is lost, as datagrams are. */
static void inject(const struct sockaddr_in6 *to, struct iovec *parts, size_t n_parts) {
        struct sockaddr_in v4 = { .sin_family = AF_INET };
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = to->sin6_addr };
        const bool mapped = IN6_IS_ADDR_V4MAPPED(&to->sin6_addr);
        memcpy(&v4.sin_addr, to->sin6_addr.s6_addr + 12, 4);
        const struct msghdr m = { .msg_name = mapped ? (void *)&v4 : (void *)&v6,
                .msg_namelen = mapped ? sizeof(v4) : sizeof(v6),
                .msg_iov = parts,
                .msg_iovlen = n_parts };
        (void)sendmsg(mapped ? EGRESS_FD_RAW_V4 : EGRESS_FD_RAW_V6, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void pass_in(const Exchange *x, uint8_t *data, size_t size) {
        uint8_t head[PACKET_HEAD_MAX];
        const size_t n = packet_datagram(&x->to, &x->client, data, size, head);
        struct iovec parts[] = { { head, n }, { data, size } };
        if (n > 0)
                inject(&x->client, parts, ELEMENTSOF(parts));
}

/* Says so to who sent a datagram of that size. */
static void refuse(
                const struct sockaddr_in6 *client, const struct sockaddr_in6 *to, size_t size, int error) {
        uint8_t packet[PACKET_ERROR_MAX];
        struct iovec part = { packet, packet_unreachable(client, to, size, error, packet) };
        inject(client, &part, 1);
}

/* ---- ends ---- */

static Held *take_held(Exchange *x) {
        Held *h = STAILQ_FIRST(&x->held);
        if (!h)
                return NULL;
        STAILQ_REMOVE_HEAD(&x->held, entries);
        x->n_held--;
        x->all->held_bytes -= h->size;
        return h;
}

static void exchange_free(Exchange *x) {
        for (Held *h; (h = take_held(x));)
                free(h);
        sd_event_source_disable_unref(x->io);
        sd_event_source_disable_unref(x->timer);
        cleanup_closep(&x->outer);
        LIST_REMOVE(x, entries);
        x->all->egress->n_connections--;
        free(x);
}

static EgressReport report_so_far(const Exchange *x, EgressKind kind) {
        EgressReport report = report_of(kind, &x->destination, x->serial, &x->judgement);
        report.verdict = VERDICT_ALLOW;
        report.bytes_out = x->bytes_out;
        report.bytes_in = x->bytes_in;
        report.usec = egress_now(x->all->egress) - x->began;
        return report;
}

/* CLOSE or FAIL; then it is gone. */
static void end(Exchange *x, EgressKind kind, EgressReason reason, int error) {
        EgressReport report = report_so_far(x, kind);
        report.reason = reason;
        report.error = error;
        (void)report_send(x->all->egress, &report); /* as of connections: what was decided is on record */
        exchange_free(x);
}

/* The same where the client may still wait for it. */
static void cut(Exchange *x, EgressKind kind, EgressReason reason, int error) {
        refuse(&x->client, &x->to, 0, error == 0 ? ECONNREFUSED : error);
        end(x, kind, reason, error);
}

static bool over_budget(Exchange *x) {
        Judgement j;
        if (!budget_is_over(x->all->egress, x->judgement.host, &j))
                return false;
        report_refusal(x->all->egress, &x->destination, x->serial, &j);
        cut(x, EGRESS_CLOSE, j.reason, 0);
        return true;
}

/* ---- open ---- */

static uint64_t patience(const Exchange *x) {
        return x->answered && x->used - x->began > EGRESS_TALK_AFTER_USEC ? EGRESS_TALK_USEC
                                                                          : EGRESS_QUESTION_USEC;
}

static bool is_lost(int error) {
        return error == EAGAIN || error == ENOBUFS || error == ENOMEM || error == EMSGSIZE || error == EINTR;
}

/* Only the first attempt may be told of the datagram before it: that one is sent again. */
static void pass_out(Exchange *x, const void *data, size_t size) {
        ssize_t n = -1;
        for (unsigned i = 0; i < 2 && n < 0; i++) {
                n = send(x->outer, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
                if (n < 0 && is_lost(errno))
                        return;
                if (n < 0)
                        refuse(&x->client, &x->to, size, errno);
        }
        if (n < 0)
                return;
        x->bytes_out += (uint64_t)n;
        x->all->egress->bytes_out += (uint64_t)n;
}

static int on_outer(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        Exchange *x = userdata;
        Datagrams *d = x->all;
        x->used = egress_now(d->egress);
        for (unsigned i = 0; i < AT_ONCE; i++) {
                ssize_t n = recv(fd, d->buffer, sizeof(d->buffer), MSG_DONTWAIT);
                if (n < 0) {
                        if (!is_lost(errno))
                                refuse(&x->client, &x->to, 0, errno);
                        break;
                }
                pass_in(x, d->buffer, (size_t)n);
                x->answered = true;
                x->bytes_in += (uint64_t)n;
                d->egress->bytes_in += (uint64_t)n;
                if (over_budget(x))
                        break;
        }
        return 0;
}

static int open_exchange(Exchange *x) {
        x->outer = destination_dial(&x->to, SOCK_DGRAM);
        if (x->outer < 0)
                return x->outer;
        x->open = true;
        x->used = egress_now(x->all->egress);
        int r = sd_event_add_io(x->all->egress->event, &x->io, x->outer, EPOLLIN, on_outer, x);
        if (r >= 0)
                r = sd_event_source_set_time_relative(x->timer, EGRESS_QUESTION_USEC);
        return r < 0 ? r : sd_event_source_set_enabled(x->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Exchange *x = userdata;
        const uint64_t until = x->used + patience(x);
        if (!x->open) {
                refuse(&x->client, &x->to, 0, ECONNREFUSED);
                exchange_free(x); /* nobody said that it is on record */
        } else if (until <= egress_now(x->all->egress) || sd_event_source_set_time(source, until) < 0 ||
                        sd_event_source_set_enabled(source, SD_EVENT_ONESHOT) < 0) {
                end(x, EGRESS_CLOSE, EGRESS_BY_RULE, 0);
        }
        return 0;
}

/* ---- on record ---- */

void datagrams_recorded(Datagrams *d, uint64_t serial, bool recorded) {
        Exchange *x = NULL;
        for (size_t i = 0; i < BUCKETS && !x; i++)
                LIST_FOREACH(x, &d->buckets[i], entries)
                        if (x->serial == serial)
                                break;
        if (!x || x->open)
                return;
        if (!recorded) {
                refuse(&x->client, &x->to, 0, ECONNREFUSED);
                exchange_free(x); /* it never was */
                return;
        }
        Judgement j;
        if (budget_is_spent(d->egress, x->judgement.host,
                            &j)) { /* as mxcd says meanwhile: not by this relay */
                report_refusal(d->egress, &x->destination, x->serial, &j);
                cut(x, EGRESS_FAIL, j.reason, 0);
                return;
        }
        int r = open_exchange(x);
        if (r < 0) {
                cut(x, EGRESS_FAIL, EGRESS_UNREACHABLE, -r);
                return;
        }
        for (Held *h; (h = take_held(x)); free(h))
                pass_out(x, h->data, h->size);
        (void)over_budget(x); /* then it is gone */
}

static void hold(Exchange *x, const uint8_t *data, size_t size) {
        Datagrams *d = x->all;
        Held *h = x->n_held < EGRESS_HELD_MAX && d->held_bytes + size <= EGRESS_HELD_BYTES
                                  ? malloc(sizeof(Held) + size)
                                  : NULL;
        if (!h)
                return;
        h->size = size;
        memcpy(h->data, data, size);
        STAILQ_INSERT_TAIL(&x->held, h, entries);
        x->n_held++;
        d->held_bytes += size;
}

static int ask(Exchange *x) {
        Egress *e = x->all->egress;
        int r = sd_event_add_time_relative(
                        e->event, &x->timer, CLOCK_MONOTONIC, EGRESS_RECORD_USEC, 0, on_timer, x);
        if (r < 0)
                return r;
        EgressReport report = report_of(EGRESS_CONNECT, &x->destination, x->serial, &x->judgement);
        report.awaits = 1;
        return report_send(e, &report);
}

/* ---- the beginning ---- */

static uint32_t hash(uint32_t h, const void *data, size_t size) {
        for (size_t i = 0; i < size; i++)
                h = (h ^ ((const uint8_t *)data)[i]) *
                    16777619U; /* FNV-1a; chosen to collide, it is a list */
        return h;
}

static unsigned bucket(const struct sockaddr_in6 *client, const struct sockaddr_in6 *to) {
        uint32_t h = hash(2166136261U, &client->sin6_port, sizeof(client->sin6_port));
        h = hash(h, &to->sin6_port, sizeof(to->sin6_port));
        return hash(h, &to->sin6_addr, sizeof(to->sin6_addr)) % BUCKETS;
}

static bool same_end(const struct sockaddr_in6 *a, const struct sockaddr_in6 *b) {
        return a->sin6_port == b->sin6_port && IN6_ARE_ADDR_EQUAL(&a->sin6_addr, &b->sin6_addr);
}

static Exchange *find(
                Datagrams *d, unsigned b, const struct sockaddr_in6 *client, const struct sockaddr_in6 *to) {
        Exchange *x;
        LIST_FOREACH(x, &d->buckets[b], entries)
                if (same_end(&x->client, client) && same_end(&x->to, to))
                        break;
        return x;
}

/* In there everybody may call themselves what they want; what is sent to such a name comes back to us, and an answer would go round. */
static bool may_be_answered(const Datagrams *d, const struct sockaddr_in6 *client) {
        const struct in6_addr *a = &client->sin6_addr;
        return IN6_ARE_ADDR_EQUAL(a, &d->own_v4) || IN6_ARE_ADDR_EQUAL(a, &d->own_v6) ||
               IN6_IS_ADDR_LOOPBACK(a) || (IN6_IS_ADDR_V4MAPPED(a) && a->s6_addr[12] == IN_LOOPBACKNET);
}

static bool is_allowed(Datagrams *d, Exchange *x) {
        Egress *e = d->egress;
        x->judgement = may_be_answered(d, &x->client) ? judge_connect(e->lease, &x->destination)
                                                      : (Judgement){ .verdict = VERDICT_DENY,
                                                                .reason = EGRESS_SPECIAL,
                                                                .clause = "" };
        if (x->judgement.verdict == VERDICT_ALLOW)
                return budget_take(e, &x->destination);
        report_refusal(e, &x->destination, 0, &x->judgement);
        return false;
}

/* NULL: it is refused. */
static Exchange *begin(
                Datagrams *d, unsigned b, const struct sockaddr_in6 *client, const struct sockaddr_in6 *to) {
        Exchange *x = calloc(1, sizeof(Exchange));
        if (!x)
                return NULL;
        *x = (Exchange){
                .all = d, .outer = -EBADF, .began = egress_now(d->egress), .client = *client, .to = *to
        };
        STAILQ_INIT(&x->held);
        destination_find(d->egress, to, PROTOCOL_UDP, x->hosts, &x->destination);
        if (!is_allowed(d, x)) {
                free(x);
                return NULL;
        }
        x->serial = ++d->egress->serial;
        LIST_INSERT_HEAD(&d->buckets[b], x, entries);
        d->egress->n_connections++;
        if (ask(x) >= 0)
                return x;
        exchange_free(x);
        return NULL;
}

static void take(Datagrams *d, const struct sockaddr_in6 *client, const struct sockaddr_in6 *to,
                size_t size) {
        const unsigned b = bucket(client, to);
        Exchange *x = find(d, b, client, to);
        if (!x)
                x = begin(d, b, client, to);
        if (!x) {
                refuse(client, to, size, ECONNREFUSED);
        } else if (!x->open) {
                hold(x, d->buffer, size);
        } else {
                x->used = egress_now(d->egress);
                pass_out(x, d->buffer, size);
                (void)over_budget(x); /* then it is gone */
        }
}

/* Where a datagram was going. */
static bool find_to(struct msghdr *m, struct sockaddr_in6 *ret) {
        for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
                struct sockaddr_in v4;
                if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_ORIGDSTADDR &&
                                c->cmsg_len >= CMSG_LEN(sizeof(*ret))) {
                        memcpy(ret, CMSG_DATA(c), sizeof(*ret));
                        return true;
                }
                if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_ORIGDSTADDR ||
                                c->cmsg_len < CMSG_LEN(sizeof(v4)))
                        continue;
                memcpy(&v4, CMSG_DATA(c), sizeof(v4));
                *ret = (struct sockaddr_in6){ .sin6_family = AF_INET6,
                        .sin6_port = v4.sin_port,
                        .sin6_addr = { .s6_addr = { [10] = 0xff, [11] = 0xff } } };
                memcpy(ret->sin6_addr.s6_addr + 12, &v4.sin_addr, 4);
                return true;
        }
        return false;
}

static int on_datagrams(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        Datagrams *d = userdata;
        for (unsigned i = 0; i < AT_ONCE; i++) {
                union {
                        struct cmsghdr header;
                        char bytes[CMSG_SPACE(sizeof(struct sockaddr_in6)) + 64];
                } control;
                struct sockaddr_in6 client = { 0 }, to;
                struct iovec part = { .iov_base = d->buffer, .iov_len = sizeof(d->buffer) };
                struct msghdr m = {
                        .msg_name = &client,
                        .msg_namelen = sizeof(client),
                        .msg_iov = &part,
                        .msg_iovlen = 1,
                        .msg_control = control.bytes,
                        .msg_controllen = sizeof(control.bytes),
                };
                ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);
                if (n < 0)
                        return 0; /* none left */
                if ((m.msg_flags & MSG_TRUNC) == 0 && find_to(&m, &to))
                        take(d, &client, &to, (size_t)n);
        }
        return 0;
}

/* ---- all of them ---- */

void datagrams_judge_again(Datagrams *d) {
        for (size_t i = 0; i < BUCKETS; i++)
                for (Exchange *x = LIST_FIRST(&d->buckets[i]), *next; x; x = next) {
                        next = LIST_NEXT(x, entries);
                        x->judgement = judge_connect(d->egress->lease, &x->destination);
                        if (x->judgement.verdict == VERDICT_DENY)
                                cut(x, EGRESS_FAIL, EGRESS_REVOKED, 0);
                }
}

size_t datagrams_list(const Datagrams *d, EgressReport *ret, size_t max) {
        size_t n = 0;
        for (size_t i = 0; i < BUCKETS; i++) {
                const Exchange *x;
                LIST_FOREACH(x, &d->buckets[i], entries) {
                        if (n == max)
                                return n;
                        ret[n] = report_so_far(x, EGRESS_CONNECT);
                        ret[n].awaits = !x->open;
                        n++;
                }
        }
        return n;
}

int datagrams_new(Egress *e, Datagrams **ret) {
        Datagrams *d = calloc(1, sizeof(Datagrams)); /* empty lists are NULL */
        if (!d)
                return -ENOMEM;
        d->egress = e;
        (void)inet_pton(AF_INET6, "::ffff:" EGRESS_OWN_V4, &d->own_v4); /* they are some, and tested */
        (void)inet_pton(AF_INET6, EGRESS_OWN_V6, &d->own_v6);
        int r = sd_event_add_io(e->event, &d->io, EGRESS_FD_DATAGRAMS, EPOLLIN, on_datagrams, d);
        if (r < 0) {
                (void)datagrams_free(d); /* NULL */
                return r;
        }
        *ret = d;
        return 0;
}

Datagrams *datagrams_free(Datagrams *d) {
        if (!d)
                return NULL;
        for (size_t i = 0; i < BUCKETS; i++)
                for (Exchange *x; (x = LIST_FIRST(&d->buckets[i]));)
                        if (x->open)
                                end(x, EGRESS_CLOSE, EGRESS_BY_RULE, 0);
                        else
                                exchange_free(x); /* it never was */
        sd_event_source_disable_unref(d->io);
        free(d);
        return NULL;
}
