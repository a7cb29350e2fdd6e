/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The resolver that a sandbox sees, whichever it asks: by UDP, and by TCP for what is too long. */

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "address.h"
#include "cleanup.h"
#include "egress.h"
#include "host-address.h"
#include "refusals.h"
#include "reports.h"
#include "resolver.h"
#include "synthetic.h"

#define QUESTIONS_AT_ONCE 32U /* then others have their turn */
#define STREAM_IDLE_USEC (UINT64_C(10) * 1000000)
#define STREAM_QUESTION_MAX 512U /* no question with its EDNS is longer */

/* ---- names ---- */

typedef struct Lookup {
        Egress *egress; /* not owned */
        DnsDone done;
        void *userdata;
        bool is_told; /* to the sandbox, which may dial what it is told */
        char host[LIMIT_HOST_BYTES + 1];
} Lookup;

/* A name leads to the world only: not to this host, its neighbourhood, or through a translator to who knows where. */
static bool may_be_handed_out(const RawAddress *a, NetCidr *ret) {
        cidr_from_address(a->family, a->bytes, ret);
        return ret->family == a->family && address_kind(ret) == ADDRESS_GLOBAL &&
               !host_has_address(a->family, a->bytes);
}

static void on_resolved(int status, const RawAddress *addresses, size_t n, void *userdata) {
        Lookup *k = userdata;
        Egress *e = k->egress;
        NetCidr good[DNS_ADDRESSES_MAX];
        size_t n_good = 0;
        DnsCode code = status == 0 ? DNS_NOERROR : status == -ENOENT ? DNS_NXDOMAIN : DNS_SERVFAIL;
        EgressReason reason = EGRESS_BY_RULE;
        e->n_queries--;
        for (size_t i = 0; i < n && code == DNS_NOERROR; i++) {
                if (!may_be_handed_out(&addresses[i], &good[n_good]))
                        continue;
                if (k->is_told && names_learn(e->names, &good[n_good], k->host) < 0) {
                        code = DNS_SERVFAIL; /* what is not remembered could not be dialled */
                        continue;
                }
                if (k->is_told)
                        refusals_learn(e->refusals, &good[n_good]);
                n_good++;
        }
        if (code == DNS_NOERROR && n > 0 && n_good == 0) {
                const Judgement j = { .reason = EGRESS_SPECIAL, .clause = "", .host = k->host };
                report_name(e, k->host, &j);
                code = DNS_NXDOMAIN;
                reason = EGRESS_SPECIAL;
        }
        k->done(e, code, reason, good, code == DNS_NOERROR ? n_good : 0, k->userdata);
        free(k);
}

static void ask(Egress *e, const char *host, int family, bool is_told, DnsDone done, void *userdata) {
        Lookup *k = e->n_queries < EGRESS_QUERIES_MAX ? calloc(1, sizeof(Lookup)) : NULL;
        if (!k) {
                done(e, DNS_SERVFAIL, EGRESS_BY_RULE, NULL, 0, userdata);
                return;
        }
        *k = (Lookup){ .egress = e, .done = done, .userdata = userdata, .is_told = is_told };
        (void)snprintf(k->host, sizeof(k->host), "%s", host);
        e->n_queries++;
        resolver_ask(e->resolver, host, family, on_resolved, k);
}

void dns_resolve_place(Egress *e, const char *host, int family, DnsDone done, void *userdata) {
        ask(e, host, family, false, done, userdata);
}

static void make_up(Egress *e, const char *host, int family, DnsDone done, void *userdata) {
        NetCidr address, other; /* of which either stands for it, whichever is told */
        int r = e->synthetic ? 0 : synthetic_new(&e->synthetic);
        if (r == 0)
                r = synthetic_address(e->synthetic, host, family, &address);
        if (r == 0)
                r = synthetic_address(e->synthetic, host, family == AF_INET ? AF_INET6 : AF_INET, &other);
        if (r == 0) {
                refusals_learn(e->refusals, &address);
                refusals_learn(e->refusals, &other);
        }
        if (r == -ENOSPC) {
                const Judgement j = { .reason = EGRESS_LIMIT_NAMES, .clause = "/network/dns", .host = host };
                report_name(e, host, &j);
        }
        done(e, r < 0 ? DNS_SERVFAIL : DNS_NOERROR, EGRESS_BY_RULE, &address, r < 0 ? 0 : 1, userdata);
}

void dns_resolve(Egress *e, const char *host, int family, DnsDone done, void *userdata) {
        Judgement j = judge_name(e->lease, host);
        if (j.verdict == VERDICT_DENY) {
                report_name(e, host, &j);
                done(e, DNS_NXDOMAIN, j.reason == EGRESS_BY_RULE ? EGRESS_BY_DEFAULT : j.reason, NULL, 0,
                                userdata);
                return;
        }
        if (e->lease->dns == DNS_SYNTHETIC)
                make_up(e, host, family, done, userdata);
        else
                ask(e, host, family, true, done, userdata);
}

/* ---- questions ---- */

struct DnsStream {
        LIST_ENTRY(DnsStream) entries;
        Egress *egress; /* not owned */
        int fd;
        sd_event_source *io, *idle;
        struct Query *query; /* that is being answered, not owned: one at a time, in their order */
        uint8_t in[2 + STREAM_QUESTION_MAX];
        size_t in_used;
        uint8_t *out;
        size_t out_size, out_sent;
};

typedef struct Query {
        DnsQuestion question;
        DnsStream *stream; /* NULL: by UDP, or it has gone */
        int udp;           /* not owned; -EBADF: by a stream */
        struct sockaddr_in6 client;
        struct in6_pktinfo asked; /* the address that was asked: it is the one that answers */
} Query;

static void send_udp(const Query *q, const uint8_t *data, size_t size) {
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
        } control = { 0 };
        struct iovec part = { .iov_base = (void *)data, .iov_len = size };
        struct msghdr m = {
                .msg_name = (void *)&q->client,
                .msg_namelen = sizeof(q->client),
                .msg_iov = &part,
                .msg_iovlen = 1,
                .msg_control = control.bytes,
                .msg_controllen = sizeof(control.bytes),
        };
        const struct in6_pktinfo from = { .ipi6_addr = q->asked.ipi6_addr };
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = IPPROTO_IPV6;
        c->cmsg_type = IPV6_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof(from));
        memcpy(CMSG_DATA(c), &from, sizeof(from));
        (void)sendmsg(q->udp, &m, MSG_DONTWAIT | MSG_NOSIGNAL); /* one that is lost is asked again */
}

static void stream_send(DnsStream *s, const uint8_t *data, size_t size);

static void answer(Query *q, const DnsAnswer *a) {
        uint8_t out[2 + 4096];
        size_t n = dns_answer_write(&q->question, a, q->udp >= 0, out + 2, sizeof(out) - 2);
        if (q->udp >= 0) {
                send_udp(q, out + 2, n);
        } else if (q->stream) {
                out[0] = (uint8_t)(n >> 8);
                out[1] = (uint8_t)n;
                q->stream->query = NULL;
                stream_send(q->stream, out, n + 2);
        }
        free(q);
}

static void on_lookup(Egress *e, DnsCode code, EgressReason reason, const NetCidr *addresses, size_t n,
                void *userdata) {
        DnsAnswer a = { .code = code, .addresses = addresses, .n_addresses = n, .ttl = DNS_TTL };
        if (reason != EGRESS_BY_RULE) {
                a.extended_error = DNS_EDE_BLOCKED;
                a.extended_text = "the policy of this sandbox";
        }
        answer(userdata, &a);
}

static void answer_localhost(Query *q) {
        static const NetCidr v4 = { .family = AF_INET, .address = { 127, 0, 0, 1 }, .prefix = 32 },
                             v6 = { .family = AF_INET6, .address = { [15] = 1 }, .prefix = 128 };
        const DnsAnswer a = { .addresses = q->question.type == DNS_A ? &v4 : &v6,
                .n_addresses = q->question.type == DNS_A || q->question.type == DNS_AAAA,
                .ttl = DNS_TTL };
        answer(q, &a);
}

/* Takes q. */
static void take_question(Egress *e, Query *q, const uint8_t *data, size_t size) {
        int r = dns_question_parse(data, size, &q->question);
        if (r < 0) {
                DnsStream *s = q->stream;
                free(q);
                if (!s)
                        return;
                s->query = NULL;
                dns_stream_end(s);
                return;
        }
        const char *host = q->question.host;
        if (r > 0) {
                const DnsAnswer a = { .code = (DnsCode)r };
                answer(q, &a);
        } else if (!q->question.is_host) {
                const DnsAnswer a = { .code = DNS_NXDOMAIN,
                        .extended_error = DNS_EDE_BLOCKED,
                        .extended_text = "not a host name" };
                const Judgement j = { .reason = EGRESS_BAD_NAME, .clause = "" };
                report_name(e, "", &j);
                answer(q, &a);
        } else if (host_is_localhost(host)) {
                answer_localhost(q);
        } else if (q->question.type == DNS_A || q->question.type == DNS_AAAA) {
                dns_resolve(e, host, q->question.type == DNS_A ? AF_INET : AF_INET6, on_lookup, q);
        } else {
                Judgement j = judge_name(e->lease, host);
                if (j.verdict == VERDICT_DENY)
                        report_name(e, host, &j);
                on_lookup(e, j.verdict == VERDICT_DENY ? DNS_NXDOMAIN : DNS_NOERROR,
                                j.verdict == VERDICT_DENY ? EGRESS_BY_DEFAULT : EGRESS_BY_RULE, NULL, 0, q);
        }
}

/* ---- UDP ---- */

static bool find_asked(struct msghdr *m, struct in6_pktinfo *ret) {
        for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
                if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO &&
                                c->cmsg_len >= CMSG_LEN(sizeof(*ret))) {
                        memcpy(ret, CMSG_DATA(c), sizeof(*ret));
                        return true;
                }
        return false;
}

int dns_on_udp(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        Egress *e = userdata;
        for (unsigned i = 0; i < QUESTIONS_AT_ONCE; i++) {
                uint8_t data[DNS_UDP_MAX];
                union {
                        struct cmsghdr header;
                        char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + 64];
                } control;
                struct sockaddr_in6 client = { 0 };
                struct iovec part = { .iov_base = data, .iov_len = sizeof(data) };
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
                        return 0; /* none left, or the error of an answer that nobody took */
                struct in6_pktinfo asked;
                Query *q = (m.msg_flags & MSG_TRUNC) == 0 && find_asked(&m, &asked)
                                           ? calloc(1, sizeof(Query))
                                           : NULL;
                if (!q)
                        continue; /* it is asked again */
                q->udp = fd;
                q->client = client;
                q->asked = asked;
                take_question(e, q, data, (size_t)n);
        }
        return 0;
}

/* ---- TCP ---- */

void dns_stream_end(DnsStream *s) {
        if (s->query)
                s->query->stream = NULL; /* it is answered, to nobody */
        sd_event_source_disable_unref(s->io);
        sd_event_source_disable_unref(s->idle);
        (void)close(s->fd);
        LIST_REMOVE(s, entries);
        s->egress->n_streams--;
        free(s->out);
        free(s);
}

static int on_idle(sd_event_source *source, uint64_t usec, void *userdata) {
        dns_stream_end(userdata);
        return 0;
}

/* The first whole question of what has come; nothing happens to s after it. */
static void stream_look(DnsStream *s) {
        size_t n = s->in_used >= 2 ? (size_t)s->in[0] << 8 | s->in[1] : 0;
        if (s->query || s->out || s->in_used < 2)
                return;
        if (n > STREAM_QUESTION_MAX || n == 0) {
                dns_stream_end(s);
                return;
        }
        if (s->in_used < 2 + n)
                return;
        uint8_t data[STREAM_QUESTION_MAX];
        memcpy(data, s->in + 2, n);
        s->in_used -= 2 + n;
        memmove(s->in, s->in + 2 + n, s->in_used);
        Query *q = calloc(1, sizeof(Query));
        if (!q || sd_event_source_set_time_relative(s->idle, STREAM_IDLE_USEC) < 0) {
                free(q);
                dns_stream_end(s);
                return;
        }
        q->udp = -EBADF;
        q->stream = s;
        s->query = q;
        take_question(s->egress, q, data, n);
}

/* What is left to send; then the next question. */
static void stream_flush(DnsStream *s) {
        while (s->out && s->out_sent < s->out_size) {
                ssize_t n = send(s->fd, s->out + s->out_sent, s->out_size - s->out_sent,
                                MSG_NOSIGNAL | MSG_DONTWAIT);
                if (n < 0 && errno == EAGAIN) {
                        (void)sd_event_source_set_io_events(
                                        s->io, EPOLLOUT); /* else it is idle until it ends */
                        return;
                }
                if (n < 0) {
                        dns_stream_end(s);
                        return;
                }
                s->out_sent += (size_t)n;
        }
        free(s->out);
        s->out = NULL;
        (void)sd_event_source_set_io_events(s->io, EPOLLIN); /* as above */
        stream_look(s);
}

static void stream_send(DnsStream *s, const uint8_t *data, size_t size) {
        s->out = malloc(size);
        if (!s->out) {
                dns_stream_end(s);
                return;
        }
        memcpy(s->out, data, size);
        s->out_size = size;
        s->out_sent = 0;
        stream_flush(s);
}

static int on_stream(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        DnsStream *s = userdata;
        if (events & (EPOLLHUP | EPOLLERR)) { /* told again and again, whatever is waited for */
                dns_stream_end(s);
                return 0;
        }
        if (s->out) {
                stream_flush(s);
                return 0;
        }
        if (s->in_used == sizeof(s->in)) { /* it talks on and does not wait for answers */
                (void)sd_event_source_set_io_events(s->io, 0);
                return 0;
        }
        ssize_t n = recv(fd, s->in + s->in_used, sizeof(s->in) - s->in_used, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
                return 0;
        if (n <= 0) {
                dns_stream_end(s);
                return 0;
        }
        s->in_used += (size_t)n;
        stream_look(s);
        return 0;
}

void dns_stream_take(Egress *e, int fd) {
        DnsStream *s = e->n_streams < EGRESS_STREAMS_MAX ? calloc(1, sizeof(DnsStream)) : NULL;
        if (!s) {
                (void)close(fd);
                return;
        }
        s->egress = e;
        s->fd = fd;
        LIST_INSERT_HEAD(&e->streams, s, entries);
        e->n_streams++;
        if (sd_event_add_io(e->event, &s->io, fd, EPOLLIN, on_stream, s) < 0 ||
                        sd_event_add_time_relative(e->event, &s->idle, CLOCK_MONOTONIC, STREAM_IDLE_USEC, 0,
                                        on_idle, s) < 0)
                dns_stream_end(s);
}
