/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The decisions of mxc-egress, pure: a lease and what is known of a connection in, a verdict with its reason and clause out. mxcd's Explain says
 * the same of a name or an address, since both go by net-rule.h. Deny wins over allow. */

#include "egress-channel.h"
#include "lease.h"

typedef struct Judgement {
        Verdict verdict;
        EgressReason reason;
        const char *clause; /* of the lease, or static ("/network/egress/default") */
        bool by_name;       /* allowed because of host, and not by address alone nor by "opaque": what the connection says of itself must then agree */
        Speech speech;      /* what may be said, where it is by_name */
        const char *host;   /* the name that decided, one of those given; NULL: none */
} Judgement;

/* Whether anything could be reached under this name: a TCP port is open for it. Only then may the resolver be asked for it, since a question
 * is a message to whoever serves the name (attack N6). host is canonical. */
Judgement judge_name(const EgressLease *l, const char *host);

/* Where a connection goes: an address, and the names that were asked for and answered with it. */
typedef struct Destination {
        NetCidr address;           /* folded; of family 0: it is for the host's proxy to find, and hosts is one name */
        bool by_address_only;      /* one of this host's own, or a translated one (NAT64, 6to4): no name leads there */
        bool synthetic;            /* it is no place, and stands for the one name, or for none: DnsAnswers */
        unsigned protocol;         /* one bit */
        uint16_t port;
        const char *const *hosts;  /* canonical */
        size_t n_hosts;
        uint16_t published;        /* it comes from there, to this port of the host: judge_guest(); 0: it goes out */
        uint32_t uid;              /* whose process it is then, or EGRESS_UID_UNKNOWN */
} Destination;

/* An address rule (or a rule for any destination, or the default) may open what is special, a name rule only what is global, not the host's
 * own and not translated. What stands for the host's loopback needs hostLoopback as well. A deny rule for a name denies its address
 * as well, where no other name of it is allowed. Of several names and rules that allow it the freest counts (Speech). Datagrams go by address alone:
 * a name allows none, each that is denied denies its address, and where a name is denied at all only an address rule proper allows any. */
/* Of what stands for a name the name alone is judged; the address that it leads to is another destination. */
Judgement judge_connect(const EgressLease *l, const Destination *d);

/* What the connection says itself: the server name of a TLS hello, the Host of an HTTP request. claimed is canonical; NULL: none was said.
 * Where a name was what allowed it, claimed must be one of the names of the destination that are allowed there; in any case it must not be
 * denied by a name rule. reason is that of a refusal: EGRESS_SNI or EGRESS_HOST. */
Judgement judge_claim(const EgressLease *l, const Destination *d, const char *claimed, EgressReason reason);

/* A hello for a name that j allowed, and that has an encrypted name as well, which nobody here can read: j, or a refusal. */
Judgement judge_encrypted(const Judgement *j);

/* Somebody outside who connects to a port that is published. */
typedef struct Guest {
        NetCidr address;           /* where it came to: what the listener is bound to */
        uint16_t port;
        bool local;                /* from this host itself */
        uint32_t uid;              /* whose process, or EGRESS_UID_UNKNOWN */
        uint32_t relays;           /* the user that relays run as */
} Guest;

/* *ret_port: the sandbox's port, where it may. Who is of this host must be known: the relay of another sandbox is nobody's process. */
Judgement judge_guest(const EgressLease *l, const Guest *g, uint16_t *ret_port);
