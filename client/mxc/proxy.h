/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Where a proxy of a configuration is: http://host:port, with nothing that only a browser needs. */

#include "mxc-config.h"

typedef struct ProxyUrl {
        char *scheme, *host; /* lower case; an IPv6 address without brackets */
        char *shown;         /* the URL without what is secret */
        bool credentials, has_port;
        uint16_t port;
} ProxyUrl;

/* -EINVAL with *ret_why (static) where it is no URL; -ENOMEM. A default port is none: it must be said. */
int proxy_url_parse(const char *url, ProxyUrl *ret, const char **ret_why);
void proxy_url_clear(ProxyUrl *u);

bool proxy_host_is_loopback(const char *host); /* localhost, 127.x.y.z, ::1; and what the kernel takes for them, 0.0.0.0 and :: */
