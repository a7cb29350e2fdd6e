/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The lease: what a sandbox may reach, as mxcd tells it to the sandbox's mxc-egress. The network part of the effective policy, nothing else:
 * a relay that is taken over learns no more than it must know. Encoded by codec.h; it travels as a sealed memfd. */

#include "net-publish.h"
#include "net-rule.h"
#include "upstream.h"

#define LEASE_MAGIC 0x6573786dU
#define LEASE_VERSION 6U
#define LEASE_UNLIMITED UINT64_MAX

typedef struct EgressLease {
        char *id;                 /* of the sandbox */
        NetDirection egress;      /* clauses name the policy: "NAME#/network/egress/allow/0". A rule whose time is over is none: mxc-egress sees to that */
        Verdict host_loopback;    /* ingress.hostLoopback: rules of egress may open the host's loopback */
        uint64_t bytes_out, bytes_in;    /* of all connections together; LEASE_UNLIMITED */
        uint64_t spent_out, spent_in;    /* of those, by relays that this sandbox had before */
        uint64_t connections;     /* open at once */
        uint64_t connection_rate; /* new ones a second */
        uint32_t owner;           /* whose processes may connect to what is for the owner */
        NetPublish *publish;      /* single ones, at most LIMIT_PUBLISHED */
        size_t n_publish;
        Upstream upstream;        /* the host's, and none of the policy */
        DnsAnswers dns;
} EgressLease;

EgressLease *egress_lease_free(EgressLease *l);

/* -E2BIG or -EINVAL for a lease that the decoder would refuse, -ENOMEM. The caller frees *ret_data. */
int egress_lease_encode(const EgressLease *l, uint8_t **ret_data, size_t *ret_size);
/* -EBADMSG for anything that is not exactly a lease; *ret_where (optional, static) then names the field. */
int egress_lease_decode(const uint8_t *data, size_t size, EgressLease **ret, const char **ret_where);
