/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Destinations on a network, and rules over them: what a policy says of connections, and what mxc-egress goes by. No policy, no JSON.
 *
 * A rule is the product of its peers and its ports. A destination is a name or an address, and never both: a name rule says nothing
 * of addresses, nor the other way round. A direction denies what a deny rule matches, allows what an allow rule matches, and for the
 * rest has a default. An address that carries another (IPv4-mapped, NAT64, 6to4) is judged as that one everywhere. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "limits.h"

typedef enum Verdict { VERDICT_DENY, VERDICT_ALLOW } Verdict;
typedef enum Protocol { PROTOCOL_TCP = 1, PROTOCOL_UDP = 2, PROTOCOL_ICMP = 4, PROTOCOL_ANY = 7 } Protocol; /* a mask */

typedef struct NetCidr {
        int family;          /* AF_INET or AF_INET6; mapped and translated v6 forms are folded to AF_INET */
        uint8_t address[16]; /* network order, host bits zero */
        uint8_t prefix;
} NetCidr;

typedef struct NetPeer {     /* exactly one of host and cidr, or neither: any destination */
        char *host;          /* canonical: lower case, no trailing dot, LDH labels; may begin with "*." */
        bool has_cidr;
        NetCidr cidr;
        NetCidr *except;
        size_t n_except;
} NetPeer;

typedef struct NetPort {
        unsigned protocol;   /* mask of Protocol */
        uint16_t from, to;   /* inclusive; 0..65535 where the rule names no port */
} NetPort;

/* What may be said on a connection that is allowed because of a name. Each allows what those before it allow; what an address alone allows is not
 * looked at in any case. */
typedef enum Speech {
        SPEECH_PLAIN,        /* TLS and HTTP for that name, other protocols; "ech": "refuse" */
        SPEECH_NAMED,        /* and an encrypted server name behind that name */
        SPEECH_OPAQUE,       /* anything: "tls": "opaque" */
        _SPEECH_MAX,
} Speech;

/* What a sandbox is told of the names that it may reach. */
typedef enum DnsAnswers {
        DNS_REAL,            /* their addresses */
        DNS_SYNTHETIC,       /* addresses that are no places (egress-net.h), each of which stands for one name */
        _DNS_ANSWERS_MAX,
} DnsAnswers;

typedef struct NetRule {
        NetPeer *peers;      /* never empty */
        size_t n_peers;
        NetPort *ports;      /* never empty: "any port" is one entry */
        size_t n_ports;
        char *clause;
        Speech speech;       /* on what its names allow; SPEECH_OPAQUE where it has none, and of a rule that denies: that denies all of it */
        uint64_t until;      /* CLOCK_BOOTTIME: afterwards it is no rule any more. 0: for ever, as each is that a policy says. Nothing here looks at it */
} NetRule;

typedef struct NetDirection {
        Verdict fallback;    /* "default" */
        NetRule *allow, *deny;
        size_t n_allow, n_deny;
} NetDirection;

/* net-host.c: the one canonicaliser. Writes lower case without the trailing dot into ret; NULL, or a complaint. */
const char *host_canonical(const char *s, bool wildcard, char ret[LIMIT_HOST_BYTES + 1]);
bool host_covers(const char *rule, const char *host); /* host may be a rule itself */

/* net-cidr.c: NULL or a complaint */
const char *cidr_parse(const char *s, NetCidr *ret);
bool cidr_parse_address(const char *s, NetCidr *ret); /* a literal address, folded, as its own /32 or /128 */
/* The same of an address in network order, 4 or 16 bytes by family. */
void cidr_from_address(int family, const void *address, NetCidr *ret);
#define CIDR_TEXT_SIZE (INET6_ADDRSTRLEN + sizeof("/128"))
void cidr_format(const NetCidr *c, char ret[CIDR_TEXT_SIZE]);
bool cidr_covers(const NetCidr *big, const NetCidr *small);
bool cidr_overlaps(const NetCidr *a, const NetCidr *b);
bool cidr_equal(const NetCidr *a, const NetCidr *b);
/* The addresses under which a sandbox knows the host's loopback (egress-net.h). Rules about them count only where hostLoopback allows it. */
bool address_is_host_loopback(const NetCidr *address);
/* One of those that stand for a name where the policy says "dns": "synthetic" (egress-net.h). */
bool address_is_synthetic(const NetCidr *address);

/* net-rule.c. A budget counts pairs down; at zero the work is given up and the result does not matter. */
void net_peer_clear(NetPeer *p);
void net_rules_free(NetRule *rules, size_t n);
void net_direction_clear(NetDirection *d);
int net_peer_copy(const NetPeer *p, NetPeer *ret);
bool net_peer_covers(const NetPeer *big, const NetPeer *small);
bool net_port_covers(const NetPort *big, const NetPort *small);
bool net_peer_meet(const NetPeer *a, const NetPeer *b, NetPeer *ret, int *ret_error); /* false: nothing in common */
bool net_port_meet(const NetPort *a, const NetPort *b, NetPort *ret);
bool net_rule_covers(const NetRule *big, const NetRule *small, uint64_t *budget);
bool net_rule_has_host(const NetRule *rule);
/* address or host, or both: then either will do. protocol: one bit. */
bool net_rule_matches(const NetRule *rule, const NetCidr *address, const char *host, unsigned protocol, uint16_t port);
/* Of datagrams, which say nothing of the name they are for. A rule that names addresses, and not everything there is, and matches this one; a
 * rule that denies any name. Where there is one of these, only what one of those allows is certain not to be denied. Or NULL. */
const NetRule *net_rules_find_block(const NetRule *rules, size_t n, const NetCidr *address, unsigned protocol, uint16_t port);
const NetRule *net_rules_find_name(const NetRule *rules, size_t n, unsigned protocol, uint16_t port);
/* Of the rules that match this name, the one that lets most be said, and the first of those: what one of them allows is allowed. Or NULL. */
const NetRule *net_rules_find_freest(const NetRule *rules, size_t n, const char *host, unsigned protocol, uint16_t port);
/* The rule of rules that matches first, or NULL. */
const NetRule *net_rules_find(const NetRule *rules, size_t n, const NetCidr *address, const char *host, unsigned protocol, uint16_t port);
