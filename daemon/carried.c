/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "carried.h"

#include "address.h"
#include "cleanup.h"

#define PORT_DOMAIN 53

static bool is_icmp(const NetRule *rule, const NetPort *port) {
        return port->protocol == PROTOCOL_ICMP;
}

static bool is_udp_by_name(const NetRule *rule, const NetPort *port) {
        for (size_t i = 0; i < rule->n_peers; i++)
                if (rule->peers[i].host)
                        return port->protocol == PROTOCOL_UDP;
        return false;
}

static bool is_domain(const NetRule *rule, const NetPort *port) {
        return port->from == PORT_DOMAIN && port->to == PORT_DOMAIN;
}

static const struct {
        bool (*is)(const NetRule *rule, const NetPort *port);
        const char *what, *why;
} uncarried[] = {
        { is_icmp, "ICMP", "a sandbox's relay carries TCP and UDP only. Take that out" },
        { is_udp_by_name, "UDP by name",
                        "nothing in a datagram says for which name it is. Allow it by address (\"cidr\"), "
                        "or "
                        "the name by TCP" },
        { is_domain, "port 53",
                        "at every address that is the sandbox's own resolver. Take that out, and allow "
                        "names (\"host\"): they are answered" },
};

static const NetRule *find(const NetDirection *d, bool (*is)(const NetRule *rule, const NetPort *port)) {
        for (size_t i = 0; i < d->n_allow; i++)
                for (size_t j = 0; j < d->allow[i].n_ports; j++)
                        if (is(&d->allow[i], &d->allow[i].ports[j]))
                                return &d->allow[i];
        return NULL;
}

const NetRule *uncarried_rule(const NetDirection *effective, const NetDirection *requested,
                const char **ret_what, const char **ret_why) {
        for (size_t i = 0; i < ELEMENTSOF(uncarried); i++) {
                const NetRule *rule = find(effective, uncarried[i].is);
                if (!rule || !find(requested, uncarried[i].is))
                        continue;
                *ret_what = uncarried[i].what;
                *ret_why = uncarried[i].why;
                return rule;
        }
        return NULL;
}

/* Names may be denied that nobody has asked for: then the one who opens datagrams says where to. See judge.h of the relay. */
static bool is_certain(
                const Policy *const *those, size_t n, const NetCidr *address, const PolicyRequest *q) {
        bool denied = false, named = false;
        for (size_t i = 0; i < n; i++) {
                const NetDirection *e = those[i] ? &those[i]->egress : NULL;
                denied = denied || (e && net_rules_find_name(e->deny, e->n_deny, q->protocol, q->port));
                named = named ||
                        (e && net_rules_find_block(e->allow, e->n_allow, address, q->protocol, q->port));
        }
        return named || !denied;
}

const char *uncarried_request(const Policy *const *those, size_t n, const PolicyRequest *q) {
        NetCidr address;
        if (q->kind != REQUEST_CONNECT)
                return NULL;
        if (q->protocol == PROTOCOL_ICMP)
                return "A sandbox's relay carries TCP and UDP only.";
        if (q->port == PORT_DOMAIN)
                return "At every address port 53 is the sandbox's own resolver, which answers for names "
                       "that "
                       "are allowed.";
        const bool is_address = cidr_parse_address(q->target, &address);
        if (is_address ? address_is_loopback(&address) : host_is_localhost(q->target))
                return "In a sandbox that is its own loopback, which no policy is about.";
        if (is_address && address_kind(&address) == ADDRESS_NEVER)
                return "Nothing leads to that address: it is of a group, of everybody, of nobody, or "
                       "reserved.";
        for (size_t i = 0; is_address && i < n; i++)
                if (those[i] && those[i]->dns == DNS_SYNTHETIC && address_is_synthetic(&address))
                        return "Where \"dns\" is \"synthetic\" that address stands for a name of the "
                               "sandbox, or for nothing.";
        if (q->protocol != PROTOCOL_UDP)
                return NULL;
        if (!is_address)
                return "UDP goes by address only: nothing in a datagram says for which name it is.";
        if (!is_certain(those, n, &address, q))
                return "Names are denied, and nothing in a datagram says for which name it is: only a rule "
                       "with that address (\"cidr\") opens UDP to it.";
        return NULL;
}
