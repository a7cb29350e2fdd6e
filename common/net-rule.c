/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net-rule.h"

#include "array.h"
#include "cleanup.h"

void net_peer_clear(NetPeer *p) {
        free(p->host);
        free(p->except);
        *p = (NetPeer){ 0 };
}

void net_rules_free(NetRule *rules, size_t n) {
        for (size_t i = 0; i < n; i++) {
                for (size_t j = 0; j < rules[i].n_peers; j++)
                        net_peer_clear(&rules[i].peers[j]);
                free(rules[i].peers);
                free(rules[i].ports);
                free(rules[i].clause);
        }
        free(rules);
}

void net_direction_clear(NetDirection *d) {
        net_rules_free(d->allow, d->n_allow);
        net_rules_free(d->deny, d->n_deny);
        *d = (NetDirection){ 0 };
}

int net_peer_copy(const NetPeer *p, NetPeer *ret) {
        NetPeer c = { .has_cidr = p->has_cidr, .cidr = p->cidr };
        if (p->host) {
                c.host = strdup(p->host);
                if (!c.host)
                        return -ENOMEM;
        }
        for (size_t i = 0; i < p->n_except; i++) {
                NetCidr *e = array_append(&c.except, &c.n_except, sizeof(NetCidr));
                if (!e) {
                        net_peer_clear(&c);
                        return -ENOMEM;
                }
                *e = p->except[i];
        }
        *ret = c;
        return 0;
}

static bool excepted(const NetPeer *p, const NetCidr *c) {
        for (size_t i = 0; i < p->n_except; i++)
                if (cidr_covers(&p->except[i], c))
                        return true;
        return false;
}

static bool peer_is_any(const NetPeer *p) {
        return !p->host && !p->has_cidr;
}

bool net_peer_covers(const NetPeer *big, const NetPeer *small) {
        if (peer_is_any(big))
                return true;
        if (big->host)
                return small->host && host_covers(big->host, small->host);
        if (!small->has_cidr || !cidr_covers(&big->cidr, &small->cidr))
                return false;
        /* what big takes out must not be in small: outside it, or taken out there too */
        for (size_t i = 0; i < big->n_except; i++)
                if (cidr_covers(&big->except[i], &small->cidr) ||
                                (cidr_covers(&small->cidr, &big->except[i]) &&
                                                !excepted(small, &big->except[i])))
                        return false;
        return true;
}

bool net_port_covers(const NetPort *big, const NetPort *small) {
        return (small->protocol & ~big->protocol) == 0 && big->from <= small->from && small->to <= big->to;
}

static int add_excepts(NetPeer *m, const NetPeer *from) {
        for (size_t i = 0; i < from->n_except; i++) {
                if (!cidr_covers(&m->cidr, &from->except[i]) || excepted(m, &from->except[i]))
                        continue;
                NetCidr *e = array_append(&m->except, &m->n_except, sizeof(NetCidr));
                if (!e)
                        return -ENOMEM;
                *e = from->except[i];
        }
        return 0;
}

static bool meet_cidrs(const NetPeer *a, const NetPeer *b, NetPeer *ret, int *ret_error) {
        const NetCidr *narrow = cidr_covers(&a->cidr, &b->cidr) ? &b->cidr : &a->cidr;
        if (!cidr_overlaps(&a->cidr, &b->cidr) || excepted(a, narrow) || excepted(b, narrow))
                return false;
        NetPeer m = { .has_cidr = true, .cidr = *narrow };
        int r = add_excepts(&m, a);
        if (r == 0)
                r = add_excepts(&m, b);
        if (r < 0) {
                net_peer_clear(&m);
                *ret_error = r;
                return false;
        }
        *ret = m;
        return true;
}

bool net_peer_meet(const NetPeer *a, const NetPeer *b, NetPeer *ret, int *ret_error) {
        *ret_error = 0;
        if (a->has_cidr && b->has_cidr)
                return meet_cidrs(a, b, ret, ret_error);

        const NetPeer *lesser = NULL;
        if (net_peer_covers(a, b))
                lesser = b;
        else if (net_peer_covers(b, a))
                lesser = a;
        if (!lesser)
                return false;
        *ret_error = net_peer_copy(lesser, ret);
        return *ret_error == 0;
}

bool net_port_meet(const NetPort *a, const NetPort *b, NetPort *ret) {
        NetPort m = {
                .protocol = a->protocol & b->protocol,
                .from = a->from > b->from ? a->from : b->from,
                .to = a->to < b->to ? a->to : b->to,
        };
        if (m.protocol == 0 || m.from > m.to)
                return false;
        *ret = m;
        return true;
}

/* One peer and one port of big for each of small: a union is not looked through, so no is sometimes said in doubt. */
bool net_rule_covers(const NetRule *big, const NetRule *small, uint64_t *budget) {
        uint64_t cost = (uint64_t)big->n_peers * small->n_peers + (uint64_t)big->n_ports * small->n_ports;
        if (cost > *budget) {
                *budget = 0;
                return false;
        }
        *budget -= cost;
        if (big->until != 0 && (small->until == 0 || small->until > big->until))
                return false; /* not for as long */

        for (size_t i = 0; i < small->n_ports; i++) {
                bool covered = false;
                for (size_t j = 0; j < big->n_ports && !covered; j++)
                        covered = net_port_covers(&big->ports[j], &small->ports[i]);
                if (!covered)
                        return false;
        }
        for (size_t i = 0; i < small->n_peers; i++) {
                bool covered = false;
                for (size_t j = 0; j < big->n_peers && !covered; j++)
                        covered = net_peer_covers(&big->peers[j], &small->peers[i]) &&
                                  (!big->peers[j].host || small->speech <= big->speech);
                if (!covered)
                        return false;
        }
        return true;
}

static bool peer_matches(const NetPeer *p, const NetCidr *address, const char *host) {
        if (peer_is_any(p))
                return true;
        if (p->host)
                return host && host_covers(p->host, host);
        return address && cidr_covers(&p->cidr, address) && !excepted(p, address);
}

static bool ports_match(const NetRule *rule, unsigned protocol, uint16_t port) {
        for (size_t i = 0; i < rule->n_ports; i++)
                if ((rule->ports[i].protocol & protocol) != 0 &&
                                (protocol == PROTOCOL_ICMP ||
                                                (rule->ports[i].from <= port && port <= rule->ports[i].to)))
                        return true;
        return false;
}

bool net_rule_matches(const NetRule *rule, const NetCidr *address, const char *host, unsigned protocol,
                uint16_t port) {
        if (!ports_match(rule, protocol, port))
                return false;
        for (size_t i = 0; i < rule->n_peers; i++)
                if (peer_matches(&rule->peers[i], address, host))
                        return true;
        return false;
}

bool net_rule_has_host(const NetRule *rule) {
        for (size_t i = 0; i < rule->n_peers; i++)
                if (rule->peers[i].host)
                        return true;
        return false;
}

const NetRule *net_rules_find_freest(
                const NetRule *rules, size_t n, const char *host, unsigned protocol, uint16_t port) {
        const NetRule *best = NULL;
        for (size_t i = 0; i < n; i++)
                if ((!best || rules[i].speech > best->speech) &&
                                net_rule_matches(&rules[i], NULL, host, protocol, port))
                        best = &rules[i];
        return best;
}

const NetRule *net_rules_find(const NetRule *rules, size_t n, const NetCidr *address, const char *host,
                unsigned protocol, uint16_t port) {
        for (size_t i = 0; i < n; i++)
                if (net_rule_matches(&rules[i], address, host, protocol, port))
                        return &rules[i];
        return NULL;
}

const NetRule *net_rules_find_block(
                const NetRule *rules, size_t n, const NetCidr *address, unsigned protocol, uint16_t port) {
        for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < rules[i].n_peers; j++)
                        if (rules[i].peers[j].has_cidr && peer_matches(&rules[i].peers[j], address, NULL) &&
                                        ports_match(&rules[i], protocol, port))
                                return &rules[i];
        return NULL;
}

const NetRule *net_rules_find_name(const NetRule *rules, size_t n, unsigned protocol, uint16_t port) {
        for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < rules[i].n_peers; j++)
                        if (rules[i].peers[j].host && ports_match(&rules[i], protocol, port))
                                return &rules[i];
        return NULL;
}
