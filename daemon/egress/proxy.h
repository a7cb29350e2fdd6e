/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The proxy for clients that want one, at EGRESS_PROXY_V4: it hears where to, finds the address, and what follows is a connection like any other. */

#include "egress.h"

#define EGRESS_PROXY_CLIENTS_MAX 64U /* that have not said where to yet */

bool proxy_is(const struct sockaddr_in6 *local); /* whether that is where it listens */
void proxy_take(Egress *e, int fd);              /* takes it */
void proxy_end_all(Egress *e);                   /* after the resolver has ended */
