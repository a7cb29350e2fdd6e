/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Packets as they are sent whole into the network of a sandbox: answers that come from where a datagram went, port and all, and the word that there
 * is no way. Pure. Ends are as the kernel tells them, IPv4 as ::ffff:a.b.c.d; both are of one family. Sources: RFC 768, 791, 792, 4443, 8200. */

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#define PACKET_HEAD_MAX 48U     /* IPv6 and UDP */
#define PACKET_V4_DATA_MAX 65507U /* what fits into a packet of IPv4 */
#define PACKET_V6_DATA_MAX 65488U /* and of IPv6, whole, through an interface that takes 65536 bytes */
#define PACKET_ERROR_MAX 96U

/* The heads of a datagram with that data, to be sent in front of it. Their length, or 0 where it is too long. */
size_t packet_datagram(const struct sockaddr_in6 *from, const struct sockaddr_in6 *to, const uint8_t *data, size_t size, uint8_t ret[PACKET_HEAD_MAX]);

/* What by tells from, whose datagram of so many bytes went there: error is a positive errno, of which EHOSTUNREACH and ENETUNREACH are told as they
 * are, and all others as ECONNREFUSED. Its length. */
size_t packet_unreachable(const struct sockaddr_in6 *from, const struct sockaddr_in6 *by, size_t size, int error, uint8_t ret[PACKET_ERROR_MAX]);
