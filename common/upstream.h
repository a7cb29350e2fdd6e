/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The proxy that this host's connections by name go through, where an administrator says so: upstream.json, of the host and of no policy. What a
 * policy allows by name is allowed as ever, and what the connection says of itself is looked at as ever; but it is dialled by asking the proxy, with
 * CONNECT NAME:PORT, which then finds the address itself. So no rule about addresses holds there: what a name leads to is for the proxy to bound.
 * What is allowed by address alone, and datagrams, are dialled from here. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UPSTREAM_AUTHORIZATION_BYTES 1024U /* of base64 */
#define UPSTREAM_DIRECT_MAX 256U

typedef struct Upstream {
        bool set;            /* false: there is none, and the rest is nothing */
        char *host;          /* a canonical name or an address as text; "": it is not known, and nothing is reached by name */
        uint16_t port;
        char *authorization; /* user:password as base64; "" where the proxy asks for none */
        char **direct;       /* names that are dialled from here all the same: canonical, "*.…" among them */
        size_t n_direct;
} Upstream;

void upstream_clear(Upstream *u);
int upstream_copy(const Upstream *u, Upstream *ret);
bool upstream_equal(const Upstream *a, const Upstream *b);
/* Whether this name goes that way. host is canonical. */
bool upstream_takes(const Upstream *u, const char *host);
bool upstream_authorization_is_good(const char *s); /* base64, or "" */
bool upstream_host_is_good(const char *s); /* as Upstream says of host, but not "" */
