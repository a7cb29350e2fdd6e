/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The host's resolver, asked as the host asks it (/etc/hosts, /etc/resolv.conf), by c-ares on sd-event. */

#include "egress.h"

int resolver_new(sd_event *event, Resolver **ret);
Resolver *resolver_free(Resolver *r); /* what waits is answered with ECANCELED */

/* status: 0 and addresses of that family; 0 and none: the name is there, and has none; -ENOENT: there is no such name; another negative errno:
 * nobody could say. Raw, in network order. Called exactly once, maybe at once. */
typedef struct RawAddress {
        int family;
        uint8_t bytes[16];
} RawAddress;
typedef void (*ResolverDone)(int status, const RawAddress *addresses, size_t n, void *userdata);
void resolver_ask(Resolver *r, const char *host, int family, ResolverDone done, void *userdata);
