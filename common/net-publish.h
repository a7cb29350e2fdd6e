/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Ports of a sandbox that are shown outside: what a policy says of them, and what mxc-egress goes by. No policy, no JSON.
 *
 * An entry is the product of its four parts. What is published is one port of the sandbox at one port of one address of the host, for
 * somebody; it may be where one entry covers it. */

#include "net-rule.h"

#define PUBLISH_PORT_MIN 1024U /* of the host: what is below is not for everybody to have */

typedef enum PublishClients { PUBLISH_OWNER, PUBLISH_ANY, _PUBLISH_CLIENTS_MAX } PublishClients; /* ordered: meet is the lesser */

typedef struct PortRange {
        uint16_t from, to;   /* inclusive, from 1 on */
} PortRange;

typedef struct NetPublish {
        NetCidr address;     /* of the host; 0.0.0.0 and :: are all of one family */
        PortRange host;      /* there; from PUBLISH_PORT_MIN on */
        PortRange sandbox;   /* of the sandbox's loopback */
        PublishClients clients; /* local users who may connect, root beside them; whoever comes from elsewhere is not the owner */
        char *clause;
} NetPublish;

extern const char *const publish_clients_words[_PUBLISH_CLIENTS_MAX];

void net_publish_free(NetPublish *list, size_t n);
bool net_publish_covers(const NetPublish *big, const NetPublish *small);
/* The first that covers small; NULL: none. */
const NetPublish *net_publish_find(const NetPublish *list, size_t n, const NetPublish *small);
/* What is in both. The clause is neither's. False: nothing. */
bool net_publish_meet(const NetPublish *a, const NetPublish *b, NetPublish *ret);
/* One port at one port of one address: what can be done. */
bool net_publish_is_single(const NetPublish *p);
