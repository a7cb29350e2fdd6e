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
        JsonText allow, deny; /* rules, with commas between them */
        bool allow_rest, host_loopback;
        bool named_resolver; /* that was said of port 53 alone */
} Section;

/* Destinations, in rules of as many as one may have. */
typedef struct Peers {
        JsonText *rules;
        const JsonText *ports; /* of each of them; NULL: all */
        size_t n;
} Peers;

static void end_rule(JsonText *rules, const JsonText *ports) {
        if (ports) {
                json_text_key(rules, "ports");
                json_text_open(rules, '[');
                json_text_put(rules, ports);
                json_text_close(rules, ']');
        }
        json_text_close(rules, '}');
}

static void peers_end(const Peers *p) {
        if (p->n == 0)
                return;
        json_text_close(p->rules, ']');
        end_rule(p->rules, p->ports);
}

/* What is one follows: an object. */
static void peers_next(Peers *p) {
        if (p->n % LIMIT_POLICY_PEERS == 0) {
                peers_end(p);
                json_text_open(p->rules, '{');
                json_text_key(p->rules, "to");
                json_text_open(p->rules, '[');
        }
        p->n++;
}

static void write_cidr(JsonText *to, const NetCidr *block) {
        char text[CIDR_TEXT_SIZE];
        cidr_format(block, text);
        json_text_string(to, text, strlen(text));
}

static void begin_block(Peers *peers, const NetCidr *block) {
        peers_next(peers);
        json_text_open(peers->rules, '{');
        json_text_key(peers->rules, "cidr");
        write_cidr(peers->rules, block);
}

static void add_block(Peers *peers, const NetCidr *block) {
        begin_block(peers, block);
        json_text_close(peers->rules, '}');
}

static void add_name(Peers *peers, const char *host) {
        peers_next(peers);
        json_text_open(peers->rules, '{');
        json_text_member(peers->rules, "host", host);
        json_text_close(peers->rules, '}');
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

static int add_peer(Section *s, const MxcPeer *peer, Peers *to) {
        NetCidr block, except;
        BlockComplaint room;
        if (block_parse(peer->cidr, true, &block, &room)) /* the configuration was read with the same */
                return -EINVAL;
        int r = check_mapped(s, peer->cidr, &block, &peer->except);
        if (r < 0)
                return r;
        for (size_t i = 0; i < peer->except.n; i++) {
                if (block_parse(peer->except.items[i], true, &except, &room))
                        return -EINVAL;
                if (cidr_equal(&block, &except))
                        return 0; /* nothing is left of it */
        }
        begin_block(to, &block);
        if (peer->except.n > 0) {
                json_text_key(to->rules, "except");
                json_text_open(to->rules, '[');
        }
        for (size_t i = 0; i < peer->except.n && !block_parse(peer->except.items[i], true, &except, &room);
                        i++)
                write_cidr(to->rules, &except);
        if (peer->except.n > 0)
                json_text_close(to->rules, ']');
        json_text_close(to->rules, '}');
        return 0;
}

static bool is_anything(const MxcPort *port) {
        return port->protocol == MXC_ANY && port->port == 0;
}

static void write_port(const MxcPort *port, JsonText *ports) {
        static const char *const words[] = { "tcp", "udp", "icmp", "any" };
        json_text_open(ports, '{');
        json_text_member(ports, "protocol", words[port->protocol]);
        if (port->port > 0) {
                json_text_key(ports, "port");
                json_text_number(ports, port->port);
        }
        if (port->end_port > port->port) {
                json_text_key(ports, "endPort");
                json_text_number(ports, port->end_port);
        }
        json_text_close(ports, '}');
}

/* The ports of a rule; none, where there are none that anything can be said of, and true, where it is all of them. ICMP is carried for nobody, and
 * port 53 is the sandbox's own resolver: what is said of those alone has no rule. */
static bool write_ports(Section *s, const MxcRule *rule, JsonText *ports) {
        bool any = rule->n_ports == 0;
        for (size_t i = 0; i < rule->n_ports; i++) {
                const MxcPort *port = &rule->ports[i];
                any = any || is_anything(port);
                if (port->port == DNS_PORT && port->end_port == DNS_PORT)
                        s->named_resolver = true;
                else if (port->protocol != MXC_ICMP && !is_anything(port))
                        write_port(port, ports);
        }
        return any;
}

static int add_directional(Section *s, const MxcRule *rule, JsonText *rules) {
        _cleanup_(json_text_clear) JsonText ports = { 0 }, nowhere = { 0 };
        bool any = write_ports(s, rule, &ports), none = !any && ports.size == 0;
        Peers to = { .rules = none ? &nowhere : rules, .ports = any ? NULL : &ports };
        int r = ports.error; /* without memory there is no rule, and not one for all ports */
        for (size_t i = 0; r == 0 && i < rule->n_to; i++)
                r = add_peer(s, &rule->to[i], &to);
        if (r < 0 || none)
                return r;
        if (rule->n_to == 0) {
                json_text_open(rules, '{');
                end_rule(rules, to.ports);
        } else
                peers_end(&to);
        return 0;
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
                r = add_directional(s, &n->egress.allow_rules[i], &s->allow);
        for (size_t i = 0; r == 0 && i < n->egress.n_deny_rules; i++)
                r = add_directional(s, &n->egress.deny_rules[i], &s->deny);
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

/* The rest of its rule. */
static void write_proxy_port(Section *s, uint16_t number, bool literal) {
        const MxcPort port = { .protocol = MXC_TCP, .port = number };
        json_text_close(&s->allow, ']');
        json_text_key(&s->allow, "ports");
        json_text_open(&s->allow, '[');
        write_port(&port, &s->allow);
        json_text_close(&s->allow, ']');
        /* a proxy is asked for other names than its own: what is said to it is between the two */
        json_text_member(&s->allow, "tls", literal ? NULL : "opaque");
        json_text_close(&s->allow, '}');
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
        Peers to = { .rules = &s->allow };
        if (literal)
                add_block(&to, &address);
        else
                add_name(&to, host);
        write_proxy_port(s, proxy->port, literal);
        return 0;
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
static int add_host(Section *s, const char *host, Peers *to, NetCidr *ret, bool *ret_block) {
        BlockComplaint room;
        char name[LIMIT_HOST_BYTES + 1];
        *ret_block = !block_parse(host, true, ret, &room);
        if (*ret_block) {
                int r = check_mapped(s, host, ret, NULL);
                if (r < 0)
                        return r;
                add_block(to, ret);
                return 0;
        }
        if (s->d->config->since_0_8 || strchr(host, '/') || host_canonical(host, true, name))
                return refuse_host(s, host);
        add_name(to, name);
        return 0;
}

static int add_hosts(Section *s, const MxcStrings *hosts, JsonText *rules, bool *ret_loopback) {
        Peers to = { .rules = rules };
        NetCidr block, loopback;
        BlockComplaint room;
        bool is_block;
        int r = 0;
        if (block_parse(EGRESS_HOST_V4, false, &loopback, &room))
                return -EINVAL;
        for (size_t i = 0; r == 0 && i < hosts->n; i++) {
                r = add_host(s, hosts->items[i], &to, &block, &is_block);
                *ret_loopback = *ret_loopback || (r == 0 && is_block && cidr_covers(&block, &loopback));
        }
        peers_end(&to);
        return r;
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
                r = add_hosts(s, &n->allowed_hosts, &s->allow, &loopback);
        if (r == 0)
                r = add_hosts(s, &n->blocked_hosts, &s->deny, &blocked);
        /* in the modes with a network of its own, which have rules: the host's loopback is one address more there */
        s->host_loopback = c->since_0_8 && lists && (loopback || n->allow);
        s->d->names_loopback = s->host_loopback && loopback;
        return r;
}

static void write_rules(const char *key, const JsonText *rules, JsonText *to) {
        if (rules->size == 0 && rules->error == 0)
                return;
        json_text_key(to, key);
        json_text_open(to, '[');
        json_text_put(to, rules);
        json_text_close(to, ']');
}

static void write_section(const Section *s, JsonText *to) {
        json_text_open(to, '{');
        json_text_key(to, "egress");
        json_text_open(to, '{');
        json_text_member(to, "default", s->allow_rest ? "allow" : "deny");
        write_rules("allow", &s->allow, to);
        write_rules("deny", &s->deny, to);
        json_text_close(to, '}');
        json_text_key(to, "ingress");
        json_text_open(to, '{');
        json_text_member(to, "default", "deny");
        json_text_member(to, "hostLoopback", s->host_loopback ? "allow" : "deny");
        json_text_close(to, '}');
        json_text_close(to, '}');
}

static int fill_section(Section *s) {
        const MxcNetwork *n = &s->d->config->network;
        bool proxy = n->proxy.kind == MXC_PROXY_URL || n->proxy.kind == MXC_PROXY_LOCALHOST;
        int r = 0;
        if (n->directional)
                r = make_directional(s);
        else if (!proxy || s->d->config->since_0_8)
                r = make_legacy(s);
        if (r == 0 && proxy) { /* and nothing else; what a proxy that is not asked allows, none has allowed */
                s->allow_rest = false;
                r = make_proxy(s);
        }
        if (r == 0 && s->named_resolver)
                r = mxc_strings_add(&s->d->warnings,
                                "network.egress: port 53 is the sandbox's own resolver, which answers for "
                                "names that a rule allows "
                                "and asks no other; rules for that port alone have no effect");
        return r;
}

int network_make(Draft *d, JsonText *to) {
        Section s = { .d = d };
        int r = fill_section(&s);
        if (r == -EINVAL && d->error && d->config->phase == MXC_PROVISION)
                d->error->status = MXC_POLICY_VALIDATION; /* no backend of MXC's is asked yet */
        if (r == 0)
                write_section(&s, to);
        json_text_clear(&s.allow);
        json_text_clear(&s.deny);
        return r;
}
