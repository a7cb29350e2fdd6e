/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net-publish.h"

#include "cleanup.h"

const char *const publish_clients_words[_PUBLISH_CLIENTS_MAX] = { "owner", "any" };

void net_publish_free(NetPublish *list, size_t n) {
        for (size_t i = 0; i < n; i++)
                free(list[i].clause);
        free(list);
}

static bool range_covers(const PortRange *big, const PortRange *small) {
        return big->from <= small->from && small->to <= big->to;
}

bool net_publish_covers(const NetPublish *big, const NetPublish *small) {
        return cidr_covers(&big->address, &small->address) && range_covers(&big->host, &small->host) &&
               range_covers(&big->sandbox, &small->sandbox) && small->clients <= big->clients;
}

const NetPublish *net_publish_find(const NetPublish *list, size_t n, const NetPublish *small) {
        for (size_t i = 0; i < n; i++)
                if (net_publish_covers(&list[i], small))
                        return &list[i];
        return NULL;
}

static PortRange range_meet(const PortRange *a, const PortRange *b) {
        return (PortRange){ a->from > b->from ? a->from : b->from, a->to < b->to ? a->to : b->to };
}

bool net_publish_meet(const NetPublish *a, const NetPublish *b, NetPublish *ret) {
        if (!cidr_overlaps(&a->address, &b->address))
                return false;
        NetPublish m = {
                .address = cidr_covers(&a->address, &b->address) ? b->address : a->address,
                .host = range_meet(&a->host, &b->host),
                .sandbox = range_meet(&a->sandbox, &b->sandbox),
                .clients = a->clients < b->clients ? a->clients : b->clients,
        };
        if (m.host.from > m.host.to || m.sandbox.from > m.sandbox.to)
                return false;
        *ret = m;
        return true;
}

bool net_publish_is_single(const NetPublish *p) {
        return p->address.prefix == (p->address.family == AF_INET ? 32 : 128) &&
               p->host.from == p->host.to && p->sandbox.from == p->sandbox.to;
}
