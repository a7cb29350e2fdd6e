/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>

#include "block.h"
#include "egress-net.h"
#include "limits.h"
#include "proxy.h"
#include "request-internal.h"
#include "text-list.h"

/* A sandbox has a network of its own in every case, and what may be dialled is the relay's to decide: MXC's modes become rules, and those of its modes
 * that share the host's network, or filter nothing, become what they promise. */

enum { DNS_PORT = 53 };

typedef struct Section {
        Draft *d;
        json_t *allow, *deny; /* lists of rules; borrowed by the whole once made */
        bool allow_rest, host_loopback;
        bool named_resolver; /* that was said of port 53 alone */
} Section;

static int add_rule(json_t *rules, json_t *rule) {
        return json_array_append_new(rules, rule) < 0 ? -ENOMEM : 0; /* of NULL as well */
}

/* A whole list of destinations, in rules of as many as one may have. Takes nothing. */
static int add_destinations(json_t *rules, const json_t *to, const json_t *ports) {
        for (size_t i = 0; i < json_array_size(to); i += LIMIT_POLICY_PEERS) {
                json_t *part = json_array();
                int r = part ? 0 : -ENOMEM;
                for (size_t k = i; r == 0 && k < i + LIMIT_POLICY_PEERS && k < json_array_size(to); k++)
                        r = json_array_append(part, json_array_get(to, k));
                if (r == 0)
                        r = add_rule(rules, json_pack("{s:O, s:O*}", "to", part, "ports", ports));
                json_decref(part);
                if (r < 0)
                        return -ENOMEM;
        }
        return 0;
}

static json_t *cidr_json(const NetCidr *block) {
        char text[CIDR_TEXT_SIZE];
        cidr_format(block, text);
        return json_string(text);
}

static bool one_covers(const MxcStrings *blocks, const NetCidr *small) {
        NetCidr block;
        BlockComplaint room;
        for (size_t i = 0; blocks && i < blocks->n; i++)
                if (!block_parse(blocks->items[i], true, &block, &room) && cidr_covers(&block, small))
                        return true;
        return false;
}

/* An IPv6 block that has all of IPv4 in it, by the addresses that stand for that, does not mean it: such an address is judged as the IPv4
 * one. except: what is taken out of it, or NULL. */
static int check_mapped(Section *s, const char *text, const NetCidr *block, const MxcStrings *except) {
        NetCidr mapped;
        BlockComplaint room;
        if (block_parse("::ffff:0:0/96", true, &mapped, &room))
                return -EINVAL;
        if (block->prefix >= mapped.prefix || !cidr_covers(block, &mapped) || one_covers(except, &mapped))
                return 0;
        return mxc_refuse(s->d->error, MXC_BACKEND_ERROR,
                        "Bubblewrap: network rule '%s' is an IPv6 block shorter than /96 that contains the "
                        "IPv4-mapped range "
                        "'::ffff:0:0/96'. Addresses in that range travel as IPv4 packets. Write the IPv4 "
                        "side explicitly instead: keep "
                        "the IPv6 block for native IPv6 traffic and add the IPv4 block you intend (for "
                        "example '0.0.0.0/0' to cover all "
                        "of IPv4).",
                        text);
}

static int peer_json(Section *s, const MxcPeer *peer, json_t *to) {
        NetCidr block, except;
        BlockComplaint room;
        if (block_parse(peer->cidr, true, &block, &room)) /* the configuration was read with the same */
                return -EINVAL;
        int r = check_mapped(s, peer->cidr, &block, &peer->except);
        if (r < 0)
                return r;
        json_auto_t *list = json_array();
        for (size_t i = 0; list && i < peer->except.n; i++) {
                if (block_parse(peer->except.items[i], true, &except, &room))
                        return -EINVAL;
                if (cidr_equal(&block, &except))
                        return 0; /* nothing is left of it */
                if (json_array_append_new(list, cidr_json(&except)) < 0)
                        return -ENOMEM;
        }
        json_t *entry = list ? json_pack("{s:o, s:O*}", "cidr", cidr_json(&block), "except",
                                               json_array_size(list) > 0 ? list : NULL)
                             : NULL;
        return json_array_append_new(to, entry) < 0 ? -ENOMEM : 0;
}

static bool is_anything(const MxcPort *port) {
        return port->protocol == MXC_ANY && port->port == 0;
}

static int port_json(const MxcPort *port, json_t *ports) {
        static const char *const words[] = { "tcp", "udp", "icmp", "any" };
        json_t *entry = json_pack("{s:s}", "protocol", words[port->protocol]);
        int r = entry ? 0 : -1;
        if (r == 0 && port->port > 0)
                r = json_object_set_new(entry, "port", json_integer(port->port));
        if (r == 0 && port->end_port > port->port)
                r = json_object_set_new(entry, "endPort", json_integer(port->end_port));
        if (r < 0) {
                json_decref(entry);
                return -ENOMEM;
        }
        return json_array_append_new(ports, entry) < 0 ? -ENOMEM : 0;
}

/* The ports of a rule; an empty list, where there are none that anything can be said of, and *ret_any, where it is all of them. ICMP is carried for nobody, and
 * port 53 is the sandbox's own resolver: what is said of those alone has no rule. */
static int ports_json(Section *s, const MxcRule *rule, json_t *ports, bool *ret_any) {
        *ret_any = rule->n_ports == 0;
        for (size_t i = 0; i < rule->n_ports; i++) {
                const MxcPort *port = &rule->ports[i];
                *ret_any = *ret_any || is_anything(port);
                if (port->port == DNS_PORT && port->end_port == DNS_PORT)
                        s->named_resolver = true;
                else if (port->protocol != MXC_ICMP && !is_anything(port) && port_json(port, ports) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int add_directional(Section *s, const MxcRule *rule, json_t *rules) {
        json_auto_t *to = json_array(), *ports = json_array();
        bool any = false;
        int r = to && ports ? ports_json(s, rule, ports, &any) : -ENOMEM;
        for (size_t i = 0; r == 0 && i < rule->n_to; i++)
                r = peer_json(s, &rule->to[i], to);
        if (r < 0 || (!any && json_array_size(ports) == 0))
                return r;
        const json_t *said = any ? NULL : ports;
        if (rule->n_to > 0)
                return add_destinations(rules, to, said);
        return add_rule(rules, said ? json_pack("{s:O}", "ports", said) : json_object());
}

static int make_directional(Section *s) {
        const MxcNetwork *n = &s->d->config->network;
        int r = 0;
        if (n->ingress_allow)
                return mxc_refuse(s->d->error, MXC_BACKEND_ERROR,
                                "Bubblewrap: network.ingress.default='allow' is not supported. The sandbox "
                                "runs in a private network namespace "
                                "which has no route in, and the schema carries no port list to forward. A "
                                "listener inside the sandbox is "
                                "reachable from the sandbox only. Use network.ingress.default='deny'.");
        if (n->host_loopback_allow)
                return mxc_refuse(s->d->error, MXC_BACKEND_ERROR,
                                "Bubblewrap: network.ingress.hostLoopback='allow' is not supported. The "
                                "sandbox's loopback belongs to its own "
                                "network namespace and is not the host's, so the host cannot dial a sandbox "
                                "listener and nothing bridges the "
                                "two. Use network.ingress.hostLoopback='deny'.");
        s->allow_rest = n->egress.allow;
        for (size_t i = 0; r == 0 && i < n->egress.n_allow_rules; i++)
                r = add_directional(s, &n->egress.allow_rules[i], s->allow);
        for (size_t i = 0; r == 0 && i < n->egress.n_deny_rules; i++)
                r = add_directional(s, &n->egress.deny_rules[i], s->deny);
        return r;
}

/* The host's loopback is at another address there. */
const char *network_proxy_host(const MxcProxy *proxy) {
        return !proxy_host_is_loopback(proxy->host) ? proxy->host
               : strchr(proxy->host, ':')           ? EGRESS_HOST_V6
                                                    : EGRESS_HOST_V4;
}

char *network_proxy_url(const MxcProxy *proxy) {
        const char *host = network_proxy_host(proxy);
        bool v6 = strchr(host, ':') != NULL;
        char *url = NULL;
        int n = asprintf(&url, "http%s://%s%s%s:%u", proxy->https ? "s" : "", v6 ? "[" : "", host,
                        v6 ? "]" : "", proxy->port);
        return n < 0 ? NULL : url;
}

static int make_proxy(Section *s) {
        const MxcProxy *proxy = &s->d->config->network.proxy;
        NetCidr address, slirp;
        BlockComplaint room;
        const char *host = network_proxy_host(proxy);
        bool literal = !block_parse(host, false, &address, &room);
        s->host_loopback = proxy_host_is_loopback(proxy->host);
        if (!s->host_loopback && literal && !block_parse("10.0.2.0/24", false, &slirp, &room) &&
                        cidr_covers(&slirp, &address))
                return mxc_refuse(s->d->error, MXC_BACKEND_ERROR,
                                "Bubblewrap: network.proxy address '%s' lies in 10.0.2.0/24, which is the "
                                "sandbox's own network: it would reach "
                                "another place there than here",
                                host);
        json_t *peer = literal ? json_pack("{s:o}", "cidr", cidr_json(&address))
                               : json_pack("{s:s}", "host", host);
        /* a proxy is asked for other names than its own: what is said to it is between the two */
        json_t *rule = json_pack("{s:[o], s:[{s:s, s:i}], s:s*}", "to", peer, "ports", "protocol", "tcp",
                        "port", proxy->port, "tls", literal ? NULL : "opaque");
        return add_rule(s->allow, rule);
}

static int refuse_host(Section *s, const char *host) {
        NetCidr address;
        BlockComplaint room;
        size_t n = strcspn(host, "/");
        _cleanup_free_ char *bare = strndup(host, n);
        if (!bare)
                return -ENOMEM;
        if (!*host)
                return mxc_refuse(s->d->error, MXC_BACKEND_ERROR,
                                "Bubblewrap: an empty network rule address is not a destination");
        if (host[n] && !block_parse(bare, true, &address, &room))
                return mxc_refuse(s->d->error, MXC_BACKEND_ERROR,
                                strspn(host + n + 1, "0123456789") == strlen(host + n + 1) && host[n + 1]
                                                ? "Bubblewrap: network rule '%s' has a CIDR prefix wider "
                                                  "than its address family allows; expected a "
                                                  "number between 0 and %u."
                                                : "Bubblewrap: network rule '%s' has a malformed CIDR "
                                                  "prefix; expected a number between 0 and %u.",
                                host, address.family == AF_INET ? 32U : 128U);
        if (!s->d->config->since_0_8)
                return mxc_refuse(s->d->error, MXC_BACKEND_ERROR,
                                "Bubblewrap: network rule '%s' is not an IP address or CIDR block, and no "
                                "host name",
                                host);
        return mxc_refuse(s->d->error, MXC_BACKEND_ERROR,
                        "Bubblewrap: network rule '%s' is not an IP address or CIDR block. Host filtering "
                        "matches on addresses, not names, from "
                        "version 0.8 on. Use an IPv4/IPv6 literal or CIDR (for example '203.0.113.4' or "
                        "'10.0.0.0/8'), or route the traffic "
                        "through network.proxy, which filters on the requested host.",
                        host);
}

/* From 0.8 on addresses alone; before, names as well, which are a relay's to enforce and no firewall's. */
static int add_host(Section *s, const char *host, json_t *to, NetCidr *ret, bool *ret_block) {
        BlockComplaint room;
        char name[LIMIT_HOST_BYTES + 1];
        *ret_block = !block_parse(host, true, ret, &room);
        if (*ret_block) {
                int r = check_mapped(s, host, ret, NULL);
                if (r < 0)
                        return r;
                return json_array_append_new(to, json_pack("{s:o}", "cidr", cidr_json(ret))) < 0 ? -ENOMEM
                                                                                                 : 0;
        }
        if (s->d->config->since_0_8 || strchr(host, '/') || host_canonical(host, true, name))
                return refuse_host(s, host);
        return json_array_append_new(to, json_pack("{s:s}", "host", name)) < 0 ? -ENOMEM : 0;
}

static int add_hosts(Section *s, const MxcStrings *hosts, json_t *rules, bool *ret_loopback) {
        json_auto_t *to = json_array();
        NetCidr block, loopback;
        BlockComplaint room;
        bool is_block;
        int r = to ? 0 : -ENOMEM;
        if (block_parse(EGRESS_HOST_V4, false, &loopback, &room))
                return -EINVAL;
        for (size_t i = 0; r == 0 && i < hosts->n; i++) {
                r = add_host(s, hosts->items[i], to, &block, &is_block);
                *ret_loopback = *ret_loopback || (r == 0 && is_block && cidr_covers(&block, &loopback));
        }
        return r == 0 ? add_destinations(rules, to, NULL) : r;
}

/* What 0.8 refuses to promise of bubblewrap, which provisions nothing; before, it was a line in a log. */
static int check_promises(Section *s, bool lists, bool shared) {
        const MxcNetwork *n = &s->d->config->network;
        if (lists && n->enforcement == MXC_CAPABILITIES && n->proxy.kind == MXC_PROXY_NONE)
                return mxc_refuse(s->d->error, MXC_BACKEND_ERROR,
                                "Bubblewrap: network.allowedHosts and network.blockedHosts require an "
                                "enforcement mechanism. Set "
                                "network.enforcementMode to 'firewall' to filter by address inside the "
                                "sandbox's own network namespace, set "
                                "network.proxy to enforce host filtering at the proxy layer, or drop the "
                                "host lists to get the block that "
                                "defaultPolicy='block' applies on its own.");
        if (shared && !n->local)
                return mxc_refuse(s->d->error, MXC_BACKEND_ERROR,
                                "Bubblewrap: network.allowLocalNetwork=false is not enforced while the "
                                "sandbox shares the host network namespace "
                                "(defaultPolicy='allow'). For an unreachable sandbox use "
                                "defaultPolicy='block' with no host rules and no proxy; to "
                                "keep the shared namespace, acknowledge the exposure with "
                                "allowLocalNetwork=true.");
        if (!shared && n->local)
                return mxc_refuse(s->d->error, MXC_BACKEND_ERROR,
                                "Bubblewrap: network.allowLocalNetwork=true is confined to the sandbox's "
                                "own network namespace. A listener inside "
                                "the sandbox is reachable only from within it, never from the host. Use "
                                "defaultPolicy='allow' with no host rules "
                                "and no proxy to share the host network namespace.");
        return 0;
}

static int make_legacy(Section *s) {
        const MxcConfig *c = s->d->config;
        const MxcNetwork *n = &c->network;
        bool lists = n->allowed_hosts.n > 0 || n->blocked_hosts.n > 0, loopback = false, blocked = false;
        bool shared = !lists && n->allow && n->proxy.kind == MXC_PROXY_NONE;
        if (n->proxy.kind == MXC_PROXY_TEST_SERVER && !s->d->caller->testing)
                return mxc_refuse(s->d->error, MXC_BACKEND_ERROR,
                                "network.proxy.builtinTestServer is a testing-only feature and requires the "
                                "--allow-testing-features flag. For "
                                "production, point network.proxy at a real HTTP proxy via 'localhost' or "
                                "'url'.");
        int r = c->since_0_8 && c->phase == MXC_ONE_SHOT ? check_promises(s, lists, shared) : 0;
        if (r == 0 && n->local)
                r = mxc_strings_add(&s->d->warnings, "network.allowLocalNetwork: what listens in the "
                                                     "sandbox is reachable from within it only");
        s->allow_rest = n->allow;
        if (r == 0)
                r = add_hosts(s, &n->allowed_hosts, s->allow, &loopback);
        if (r == 0)
                r = add_hosts(s, &n->blocked_hosts, s->deny, &blocked);
        /* in the modes with a network of its own, which have rules: the host's loopback is one address more there */
        s->host_loopback = c->since_0_8 && lists && (loopback || n->allow);
        s->d->names_loopback = s->host_loopback && loopback;
        return r;
}

static json_t *section_json(const Section *s) {
        json_t *egress = json_pack("{s:s}", "default", s->allow_rest ? "allow" : "deny");
        int r = egress ? 0 : -1;
        if (r == 0 && json_array_size(s->allow) > 0)
                r = json_object_set(egress, "allow", s->allow);
        if (r == 0 && json_array_size(s->deny) > 0)
                r = json_object_set(egress, "deny", s->deny);
        if (r < 0) {
                json_decref(egress);
                return NULL;
        }
        return json_pack("{s:o, s:{s:s, s:s}}", "egress", egress, "ingress", "default", "deny",
                        "hostLoopback", s->host_loopback ? "allow" : "deny");
}

int network_make(Draft *d, json_t **ret) {
        const MxcNetwork *n = &d->config->network;
        json_auto_t *allow = json_array(), *deny = json_array();
        Section s = { .d = d, .allow = allow, .deny = deny };
        if (!allow || !deny)
                return -ENOMEM;
        bool proxy = n->proxy.kind == MXC_PROXY_URL || n->proxy.kind == MXC_PROXY_LOCALHOST;
        int r = 0;
        if (n->directional)
                r = make_directional(&s);
        else if (!proxy || d->config->since_0_8)
                r = make_legacy(&s);
        if (r == 0 && proxy) { /* and nothing else; what a proxy that is not asked allows, none has allowed */
                s.allow_rest = false;
                r = make_proxy(&s);
        }
        if (r == 0 && s.named_resolver)
                r = mxc_strings_add(&d->warnings,
                                "network.egress: port 53 is the sandbox's own resolver, which answers for "
                                "names that a rule allows "
                                "and asks no other; rules for that port alone have no effect");
        if (r == -EINVAL && d->error && d->config->phase == MXC_PROVISION)
                d->error->status = MXC_POLICY_VALIDATION; /* no backend of MXC's is asked yet */
        json_t *section = r == 0 ? section_json(&s) : NULL;
        if (!section)
                return r < 0 ? r : -ENOMEM;
        *ret = section;
        return 0;
}
