/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The relay of one sandbox: what its parts share. It stands in the host's network with no privilege at all, and takes from the sandbox's network
 * what comes to three sockets: questions for names, and connections and datagrams to anywhere. Single-threaded, on sd-event; nothing in it
 * waits. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <systemd/sd-event.h>

#include "dns-wire.h"
#include "judge.h"
#include "names.h"

/* Bounds of one relay, whatever the policy says. Each is tested at n and n+1. */
#define EGRESS_CONNECTIONS_MAX 1024U        /* exchanges of datagrams among them */
#define EGRESS_QUERIES_MAX 256U             /* questions that wait for the host's resolver */
#define EGRESS_STREAMS_MAX 64U              /* connections to the resolver, by TCP */
#define EGRESS_REPORTS_MAX 1024U            /* that the channel did not take yet */
#define EGRESS_RECORD_USEC (UINT64_C(10) * 1000000)  /* mxcd says within that time that it is on record, or it is refused */
#define EGRESS_DIAL_USEC (UINT64_C(30) * 1000000)
#define EGRESS_TRY_USEC (UINT64_C(3) * 1000000)      /* for each address of several but the last, which has the time above */
#define EGRESS_SNIFF_USEC (UINT64_C(10) * 1000000)   /* from the first byte of a hello or a head to its last */
#define EGRESS_RATE_SECONDS 10U             /* connectionRate may be saved up for so long */

/* Whatever else there is to do at that moment, nothing more goes by what is over or has been taken back. */
#define EGRESS_PRIORITY_RULES (SD_EVENT_PRIORITY_IMPORTANT - 1) /* before an answer by which something would begin under them */
#define EGRESS_PRIORITY_LEASE SD_EVENT_PRIORITY_IMPORTANT

typedef struct Resolver Resolver;
typedef struct Reports Reports;
typedef struct Pipes Pipes;
typedef struct Refusals Refusals;
typedef struct Connection Connection;
typedef struct Datagrams Datagrams;
typedef struct DnsStream DnsStream;
typedef struct ProxyClient ProxyClient;
struct Guests;

typedef struct Egress {
        sd_event *event;
        EgressLease *lease;
        Names *names;
        struct Synthetic *synthetic;        /* NULL: there was no need of it yet */
        Resolver *resolver;
        Reports *reports;
        struct Guests *guests;              /* NULL: nothing is published */
        Refusals *refusals;                 /* NULL: the kernel does not refuse by itself */
        Pipes *pipes;
        Datagrams *datagrams;
        sd_event_source *tcp, *udp, *again;
        sd_event_source *expiry;            /* of the rule that is over first; CLOCK_BOOTTIME */
        LIST_HEAD(, Connection) connections;
        LIST_HEAD(, DnsStream) streams;
        LIST_HEAD(, ProxyClient) proxy_clients;
        size_t n_connections, n_streams, n_proxy_clients, n_queries;
        uint64_t serial;                    /* of the last connection or exchange */
        uint64_t bytes_out, bytes_in;       /* of all connections, those of relays before this one among them */
        uint64_t marked_out, marked_in;     /* what mxcd has been told of them: they are not more */
        uint64_t tokens, tokens_since;      /* connections that connectionRate leaves, in millionths; CLOCK_MONOTONIC */
        bool has_host_denies;               /* the lease denies names: every connection must say whose it is */
} Egress;

/* egress.c. Takes the descriptors of egress-net.h, and what they say, in any case. */
int egress_new(Egress **ret);
Egress *egress_free(Egress *e);
uint64_t egress_now(const Egress *e); /* CLOCK_MONOTONIC */
/* Takes it, in any case; connections that it does not allow end, now and whenever a rule's time is over. A negative errno: it cannot be kept to, and the
 * caller must end. */
int egress_set_lease(Egress *e, EgressLease *lease);

/* dns.c */
int dns_on_udp(sd_event_source *source, int fd, uint32_t events, void *userdata);
void dns_stream_take(Egress *e, int fd);    /* a connection to port 53; takes it */
void dns_stream_end(DnsStream *s);
/* The name's addresses that may be handed out, learnt already, once they are known; n 0: none. Called exactly once, maybe at once. Of one family. */
typedef void (*DnsDone)(Egress *e, DnsCode code, EgressReason reason, const NetCidr *addresses, size_t n, void *userdata);
/* In the place of addresses, where the lease says so, one that stands for the name; nobody is asked. */
void dns_resolve(Egress *e, const char *host, int family, DnsDone done, void *userdata);

/* Where a name that is judged already leads to; nothing is learnt. */
void dns_resolve_place(Egress *e, const char *host, int family, DnsDone done, void *userdata);

/* connection.c */
int connection_on_listener(sd_event_source *source, int fd, uint32_t events, void *userdata);
bool connection_recorded(Egress *e, uint64_t serial, bool recorded); /* false: it is not one of these */
size_t connection_list(const Egress *e, EgressReport *ret, size_t max); /* those that are on record, or asked for, as of now */
void connection_judge_again(Egress *e);
void connection_end_all(Egress *e); /* each is told */
