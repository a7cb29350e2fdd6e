/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "egress.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "clock.h"
#include "codec.h"
#include "datagrams.h"
#include "egress-net.h"
#include "guest.h"
#include "near.h"
#include "pipes.h"
#include "proxy.h"
#include "refusals.h"
#include "reports.h"
#include "resolver.h"
#include "synthetic.h"

/* What it was begun with is what it expects, or nothing is done. */
static int check_socket(int fd, int family, int type) {
        int value;
        socklen_t size = sizeof(value);
        if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &value, &size) < 0)
                return -errno;
        if (value != family || getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &size) < 0)
                return -EBADF;
        return value == type ? 0 : -EBADF;
}

uint64_t egress_now(const Egress *e) {
        uint64_t usec = 0;
        (void)sd_event_now(e->event, CLOCK_MONOTONIC, &usec); /* fails for a clock that there is not */
        return usec;
}

static bool denies_names(const NetDirection *d) {
        for (size_t i = 0; i < d->n_deny; i++)
                for (size_t j = 0; j < d->deny[i].n_peers; j++)
                        if (d->deny[i].peers[j].host)
                                return true;
        return false;
}

static void judge_again(Egress *e) {
        e->has_host_denies = denies_names(&e->lease->egress);
        refusals_judge_again(e->refusals);
        connection_judge_again(e);
        if (e->datagrams)
                datagrams_judge_again(e->datagrams);
}

/* ---- rules for a time ---- */

/* Takes out those that are over at this time; what has been judged by them may point at them still. */
static int take_over(NetDirection *d, uint64_t now, NetRule **ret, size_t *ret_n) {
        NetRule *over = calloc(d->n_allow + 1, sizeof(NetRule));
        size_t kept = 0, n = 0;
        if (!over)
                return -ENOMEM;
        for (size_t i = 0; i < d->n_allow; i++)
                if (d->allow[i].until != 0 && d->allow[i].until <= now)
                        over[n++] = d->allow[i];
                else
                        d->allow[kept++] = d->allow[i];
        d->n_allow = kept;
        *ret = over;
        *ret_n = n;
        return 0;
}

static uint64_t first_end(const NetDirection *d) {
        uint64_t first = UINT64_MAX;
        for (size_t i = 0; i < d->n_allow; i++)
                if (d->allow[i].until != 0 && d->allow[i].until < first)
                        first = d->allow[i].until;
        return first;
}

static int watch_expiry(Egress *e);

static int on_expiry(sd_event_source *source, uint64_t usec, void *userdata) {
        Egress *e = userdata;
        NetRule *over = NULL;
        size_t n = 0;
        refusals_tell(e->refusals);
        int r = take_over(&e->lease->egress, now_boottime(), &over, &n);
        if (r == 0) {
                judge_again(e);
                net_rules_free(over, n);
                r = watch_expiry(e);
        }
        return r < 0 ? sd_event_exit(e->event, r) : 0; /* better nothing than too much */
}

static int watch_expiry(Egress *e) {
        const uint64_t first = first_end(&e->lease->egress);
        e->expiry = sd_event_source_disable_unref(e->expiry);
        if (first == UINT64_MAX)
                return 0;
        int r = sd_event_add_time(e->event, &e->expiry, CLOCK_BOOTTIME, first, 1, on_expiry, e);
        if (r >= 0)
                r = sd_event_source_set_priority(e->expiry, EGRESS_PRIORITY_RULES);
        return r < 0 ? r : 0;
}

int egress_set_lease(Egress *e, EgressLease *lease) {
        EgressLease *old = e->lease;
        NetRule *over = NULL;
        size_t n = 0;
        int r = take_over(&lease->egress, now_boottime(), &over, &n);
        if (r < 0) {
                (void)egress_lease_free(lease); /* NULL, as below */
                return r;
        }
        net_rules_free(over, n);
        refusals_tell(e->refusals);
        e->lease = lease;
        e->bytes_out = lease->spent_out > e->bytes_out ? lease->spent_out : e->bytes_out;
        e->bytes_in = lease->spent_in > e->bytes_in ? lease->spent_in : e->bytes_in;
        judge_again(e);
        (void)egress_lease_free(old);
        return watch_expiry(e);
}

static int read_lease(Egress *e) {
        _cleanup_free_ uint8_t *data = NULL;
        EgressLease *lease;
        size_t size;
        int r = sealed_memfd_read(EGRESS_FD_LEASE, &data, &size);
        if (r == 0)
                r = egress_lease_decode(data, size, &lease, NULL);
        return r < 0 ? r : egress_set_lease(e, lease);
}

/* The sandbox is over: what is open is told before this ends as well. */
static int take_signal(Egress *e) {
        sigset_t term;
        if (sigemptyset(&term) < 0 || sigaddset(&term, SIGTERM) < 0 ||
                        sigprocmask(SIG_BLOCK, &term, NULL) < 0)
                return -errno;
        return sd_event_add_signal(
                        e->event, NULL, SIGTERM, NULL, NULL); /* without a handler: the loop ends */
}

static int serve(Egress *e) {
        int r = names_new(&e->names);
        if (r == 0)
                r = pipes_new(e->event, &e->pipes);
        if (r == 0)
                r = reports_new(e, EGRESS_FD_CHANNEL, &e->reports);
        if (r == 0)
                r = datagrams_new(e, &e->datagrams);
        if (r == 0)
                r = resolver_new(e->event, &e->resolver);
        if (r == 0)
                near_listener(EGRESS_FD_TCP);
        if (r == 0)
                r = refusals_new(e, &e->refusals);
        if (r == 0)
                r = sd_event_add_io(e->event, &e->tcp, EGRESS_FD_TCP, EPOLLIN, connection_on_listener, e);
        if (r >= 0)
                r = sd_event_add_io(e->event, &e->udp, EGRESS_FD_UDP, EPOLLIN, dns_on_udp, e);
        if (r >= 0)
                r = guests_new(e, &e->guests);
        return r < 0 ? r : take_signal(e);
}

int egress_new(Egress **ret) {
        Egress *e = calloc(1, sizeof(Egress));
        if (!e)
                return -ENOMEM;
        LIST_INIT(&e->connections);
        LIST_INIT(&e->streams);
        LIST_INIT(&e->proxy_clients);
        int r = check_socket(EGRESS_FD_CHANNEL, AF_UNIX, SOCK_SEQPACKET);
        if (r == 0)
                r = check_socket(EGRESS_FD_TCP, AF_INET6, SOCK_STREAM);
        if (r == 0)
                r = check_socket(EGRESS_FD_UDP, AF_INET6, SOCK_DGRAM);
        if (r == 0)
                r = check_socket(EGRESS_FD_DATAGRAMS, AF_INET6, SOCK_DGRAM);
        if (r == 0)
                r = check_socket(EGRESS_FD_RAW_V4, AF_INET, SOCK_RAW);
        if (r == 0)
                r = check_socket(EGRESS_FD_RAW_V6, AF_INET6, SOCK_RAW);
        if (r == 0)
                r = sd_event_new(&e->event);
        if (r >= 0)
                r = read_lease(e);
        if (r == 0)
                r = serve(e);
        if (r < 0) {
                (void)egress_free(e); /* NULL */
                return r;
        }
        *ret = e;
        return 0;
}

Egress *egress_free(Egress *e) {
        if (!e)
                return NULL;
        (void)resolver_free(e->resolver); /* NULL; answers what waits */
        while (!LIST_EMPTY(&e->streams))
                dns_stream_end(LIST_FIRST(&e->streams));
        proxy_end_all(e);
        connection_end_all(e);
        (void)datagrams_free(e->datagrams); /* NULL */
        (void)guests_free(e->guests);       /* NULL */
        (void)refusals_free(e->refusals);   /* NULL; it tells the last of them */
        (void)reports_free(e->reports);     /* NULL, as the next */
        (void)names_free(e->names);
        (void)synthetic_free(e->synthetic);
        (void)pipes_free(e->pipes); /* NULL; connections gave theirs back */
        sd_event_source *const sources[] = { e->tcp, e->udp, e->again, e->expiry };
        for (size_t i = 0; i < ELEMENTSOF(sources); i++)
                sd_event_source_disable_unref(sources[i]);
        (void)egress_lease_free(e->lease); /* NULL */
        sd_event_unref(e->event);
        free(e);
        return NULL;
}
