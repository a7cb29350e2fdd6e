/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "egress.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "codec.h"
#include "datagrams.h"
#include "egress-net.h"
#include "pipes.h"
#include "proxy.h"
#include "reports.h"
#include "resolver.h"

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

void egress_set_lease(Egress *e, EgressLease *lease) {
        EgressLease *old = e->lease;
        e->lease = lease;
        e->has_host_denies = denies_names(&lease->egress);
        connection_judge_again(e);
        if (e->datagrams)
                datagrams_judge_again(e->datagrams);
        (void)egress_lease_free(old); /* NULL */
}

static int read_lease(Egress *e) {
        _cleanup_free_ uint8_t *data = NULL;
        EgressLease *lease;
        size_t size;
        int r = sealed_memfd_read(EGRESS_FD_LEASE, &data, &size);
        if (r == 0)
                r = egress_lease_decode(data, size, &lease, NULL);
        if (r == 0)
                egress_set_lease(e, lease);
        return r;
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
                r = sd_event_add_io(e->event, &e->tcp, EGRESS_FD_TCP, EPOLLIN, connection_on_listener, e);
        if (r >= 0)
                r = sd_event_add_io(e->event, &e->udp, EGRESS_FD_UDP, EPOLLIN, dns_on_udp, e);
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
        (void)reports_free(e->reports);     /* NULL, as the next */
        (void)names_free(e->names);
        (void)pipes_free(e->pipes); /* NULL; connections gave theirs back */
        sd_event_source *const sources[] = { e->tcp, e->udp, e->again };
        for (size_t i = 0; i < ELEMENTSOF(sources); i++)
                sd_event_source_disable_unref(sources[i]);
        (void)egress_lease_free(e->lease); /* NULL */
        sd_event_unref(e->event);
        free(e);
        return NULL;
}
