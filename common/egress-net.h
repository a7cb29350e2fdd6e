/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The network of a sandbox that may reach something: one interface, lo, to which every address belongs (local routes for all of IPv4 and
 * IPv6), and listening sockets in it that are held outside. There is no way out of it but by them, so there is no way round them.
 *
 *   own address     EGRESS_OWN_V4, EGRESS_OWN_V6: source of every connection
 *   resolver        any address, port 53, UDP and TCP
 *   any TCP         lands on one listener by an sk_lookup program (kernel 5.9); getsockname() of what is accepted is where it was going.
 *                   Not the loopback addresses (other than port 53) and the own ones: those are the sandbox's for its own servers
 *   any UDP         of the same addresses, but for port 53, lands on another socket in the same way; each datagram says where it was going.
 *                   What is answered must come from there, port and all, which no bound socket could say of every port: it is sent whole,
 *                   by raw sockets that receive nothing
 *   proxy           EGRESS_PROXY_V4, port EGRESS_PROXY_PORT: HTTP CONNECT, forward and SOCKS5
 *   host loopback   EGRESS_HOST_V4 is the host's 127.0.0.1, EGRESS_HOST_V6 its ::1, where ingress.hostLoopback allows it and a rule as well;
 *                   whatever else the host's network has at these addresses cannot be reached
 * They are the addresses of QEMU's and slirp4netns's user networks, which people know. */

#define EGRESS_OWN_V4 "10.0.2.15"
#define EGRESS_OWN_V6 "fd00:6d78:6300::15"
#define EGRESS_HOST_V4 "10.0.2.2"
#define EGRESS_HOST_V6 "fd00:6d78:6300::2"
#define EGRESS_PROXY_V4 "10.0.2.3"
#define EGRESS_PROXY_PORT 3128

/* Where the policy says "dns": "synthetic", what the resolver answers in the place of addresses: the block for benchmarks (RFC 2544), and one of our
 * own, in which the last four bytes are the other. Nothing of the host's network that has these addresses can be reached then. */
#define EGRESS_SYNTHETIC_V4 "198.18.0.0/15"
#define EGRESS_SYNTHETIC_V6 "fd00:6d78:6301::/96"

/* The leaf of a sandbox's mxc-egress: its own, with this behind the id. */
#define EGRESS_LEAF_SUFFIX ".egress"

/* What mxc-egress begins with, and no other descriptors. 0, 1 and 2 are /dev/null, and the journal's for messages. All sockets are
 * non-blocking. */
#define EGRESS_FD_LEASE 3   /* sealed memfd, lease.h */
#define EGRESS_FD_CHANNEL 4 /* to mxcd, egress-channel.h */
#define EGRESS_FD_TCP 5     /* listening, IPv6 and IPv4 in one */
#define EGRESS_FD_UDP 6     /* port 53 of every address, IPv6 and IPv4 in one, IPV6_RECVPKTINFO and IPV6_FREEBIND on */
#define EGRESS_FD_DATAGRAMS 7 /* all other UDP, IPv6 and IPv4 in one, IP_RECVORIGDSTADDR and IPV6_RECVORIGDSTADDR on */
#define EGRESS_FD_RAW_V4 8  /* SOCK_RAW of IPPROTO_RAW: takes whole packets (raw(7)) into the sandbox's network, where all there is is lo */
#define EGRESS_FD_RAW_V6 9
#define EGRESS_FD_TABLE 10   /* BPF maps, where the kernel refuses by itself (refusal-table.h): an array of one RefusalTable, */
#define EGRESS_FD_REFUSED 11 /* and a ring of RefusalEvent. Else /dev/null */
/* From here on, where a policy publishes ports: listeners of the host, as many as there are; and unconnected sockets of the sandbox's network,
 * LIMIT_PUBLISHED_CLIENTS of IPv4 and as many of IPv6, in turn. A socket is of the network in which it was made, whoever
 * holds it; and one that was connected can be another time (connect(2), AF_UNSPEC), so there is no need of more. */
#define EGRESS_FD_PUBLISHED 12
