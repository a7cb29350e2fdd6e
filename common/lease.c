/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lease.h"

#include "cleanup.h"
#include "codec.h"

#define CLAUSE_BYTES 255U

DEFINE_CLEANUP(EgressLease *, egress_lease_free);

static void code_cidr(Codec *c, NetCidr *cidr, const char *where) {
        uint32_t family = cidr->family == AF_INET6 ? 6 : 4, prefix = cidr->prefix;
        code_u32(c, &family, 4, 6, where);
        if (c->error == 0 && family == 5)
                codec_refuse(c, where);
        code_u32(c, &prefix, 0, family == 6 ? 128 : 32, where);
        for (size_t i = 0; c->error == 0 && i < (family == 6 ? 16U : 4U); i++) {
                uint64_t byte = cidr->address[i];
                code_number(c, &byte, 1, where);
                cidr->address[i] = (uint8_t)byte;
        }
        cidr->family = family == 6 ? AF_INET6 : AF_INET;
        cidr->prefix = (uint8_t)prefix;
}

static void code_host(Codec *c, char **host, const char *where) {
        char canonical[LIMIT_HOST_BYTES + 1];
        code_string(c, host, LIMIT_HOST_BYTES, where);
        if (c->error == 0 && (host_canonical(*host, true, canonical) || !streq(*host, canonical)))
                codec_refuse(c, where);
}

static void code_peer(Codec *c, NetPeer *p, const char *where) {
        enum { PEER_ANY, PEER_HOST, PEER_CIDR };
        uint32_t kind = p->host ? PEER_HOST : p->has_cidr ? PEER_CIDR : PEER_ANY;
        code_u32(c, &kind, PEER_ANY, PEER_CIDR, where);
        if (c->error != 0 || kind == PEER_ANY)
                return;
        if (kind == PEER_HOST) {
                code_host(c, &p->host, where);
                return;
        }
        p->has_cidr = true;
        code_cidr(c, &p->cidr, where);
        code_count(c, (void **)&p->except, &p->n_except, sizeof(NetCidr), LIMIT_POLICY_PEERS, where);
        for (size_t i = 0; c->error == 0 && i < p->n_except; i++)
                code_cidr(c, &p->except[i], where);
}

static void code_port(Codec *c, NetPort *p, const char *where) {
        uint32_t protocol = p->protocol, from = p->from, to = p->to;
        code_u32(c, &protocol, 1, PROTOCOL_ANY, where);
        code_u32(c, &from, 0, UINT16_MAX, where);
        code_u32(c, &to, from, UINT16_MAX, where);
        *p = (NetPort){ .protocol = protocol, .from = (uint16_t)from, .to = (uint16_t)to };
}

static void code_speech(Codec *c, NetRule *rule, bool allow, const char *where) {
        const bool says = c->error == 0 && allow && net_rule_has_host(rule);
        uint32_t speech = rule->speech;
        code_u32(c, &speech, says ? SPEECH_PLAIN : SPEECH_OPAQUE, SPEECH_OPAQUE, where);
        rule->speech = (Speech)speech;
}

static void code_rules(Codec *c, NetRule **rules, size_t *n, bool allow, const char *where) {
        code_count(c, (void **)rules, n, sizeof(NetRule), LIMIT_POLICY_RULES, where);
        for (size_t i = 0; c->error == 0 && i < *n; i++) {
                NetRule *rule = &(*rules)[i];
                code_string(c, &rule->clause, CLAUSE_BYTES, where);
                code_number(c, &rule->until, 8, where);
                code_count(c, (void **)&rule->peers, &rule->n_peers, sizeof(NetPeer), LIMIT_POLICY_PEERS,
                                where);
                for (size_t j = 0; c->error == 0 && j < rule->n_peers; j++)
                        code_peer(c, &rule->peers[j], where);
                code_speech(c, rule, allow, where);
                code_count(c, (void **)&rule->ports, &rule->n_ports, sizeof(NetPort), LIMIT_POLICY_PEERS,
                                where);
                for (size_t j = 0; c->error == 0 && j < rule->n_ports; j++)
                        code_port(c, &rule->ports[j], where);
                if (c->error == 0 && (rule->n_peers == 0 || rule->n_ports == 0))
                        codec_refuse(c, where); /* nothing is not anything */
        }
}

static void code_single(Codec *c, PortRange *range, uint32_t min, const char *where) {
        uint32_t port = range->from;
        if (!c->decoding && range->from != range->to)
                codec_refuse(c, where);
        code_u32(c, &port, min, UINT16_MAX, where);
        *range = (PortRange){ (uint16_t)port, (uint16_t)port };
}

static void code_publish(Codec *c, NetPublish **list, size_t *n, const char *where) {
        code_count(c, (void **)list, n, sizeof(NetPublish), LIMIT_PUBLISHED, where);
        for (size_t i = 0; c->error == 0 && i < *n; i++) {
                NetPublish copy = (*list)[i], *p = c->decoding ? &(*list)[i] : &copy;
                uint32_t clients = p->clients;
                code_string(c, &p->clause, CLAUSE_BYTES, where);
                code_cidr(c, &p->address, where);
                code_single(c, &p->host, PUBLISH_PORT_MIN, where);
                code_single(c, &p->sandbox, 1, where);
                code_u32(c, &clients, PUBLISH_OWNER, PUBLISH_ANY, where);
                p->clients = (PublishClients)clients;
                if (c->error == 0 && !net_publish_is_single(p))
                        codec_refuse(c, where);
        }
}

static void code_upstream(Codec *c, Upstream *u) {
        const char *where = "upstream";
        uint32_t port = u->port;
        code_bool(c, &u->set, where);
        if (c->error != 0 || !u->set)
                return;
        code_string(c, &u->host, LIMIT_HOST_BYTES, where);
        code_u32(c, &port, 0, UINT16_MAX, where);
        u->port = (uint16_t)port;
        code_string(c, &u->authorization, UPSTREAM_AUTHORIZATION_BYTES, where);
        if (c->error == 0 && ((*u->host && (!upstream_host_is_good(u->host) || port == 0)) ||
                                             !upstream_authorization_is_good(u->authorization)))
                codec_refuse(c, where);
        code_count(c, (void **)&u->direct, &u->n_direct, sizeof(char *), UPSTREAM_DIRECT_MAX, where);
        for (size_t i = 0; c->error == 0 && i < u->n_direct; i++)
                code_host(c, &u->direct[i], where);
}

static void code_lease(Codec *c, EgressLease *l) {
        uint32_t magic = LEASE_MAGIC, version = LEASE_VERSION, fallback = l->egress.fallback,
                 loopback = l->host_loopback, dns = l->dns;
        code_u32(c, &magic, LEASE_MAGIC, LEASE_MAGIC, "magic");
        code_u32(c, &version, LEASE_VERSION, LEASE_VERSION, "version");
        code_id(c, &l->id, "id");
        code_u32(c, &fallback, VERDICT_DENY, VERDICT_ALLOW, "default");
        l->egress.fallback = (Verdict)fallback;
        code_u32(c, &loopback, VERDICT_DENY, VERDICT_ALLOW, "host_loopback");
        l->host_loopback = (Verdict)loopback;
        code_rules(c, &l->egress.allow, &l->egress.n_allow, true, "allow");
        code_rules(c, &l->egress.deny, &l->egress.n_deny, false, "deny");
        code_number(c, &l->bytes_out, 8, "bytes_out");
        code_number(c, &l->bytes_in, 8, "bytes_in");
        code_number(c, &l->spent_out, 8, "spent_out");
        code_number(c, &l->spent_in, 8, "spent_in");
        code_number(c, &l->connections, 8, "connections");
        code_number(c, &l->connection_rate, 8, "connection_rate");
        code_u32(c, &l->owner, 0, UINT32_MAX - 1, "owner");
        code_publish(c, &l->publish, &l->n_publish, "publish");
        code_upstream(c, &l->upstream);
        code_u32(c, &dns, DNS_REAL, DNS_SYNTHETIC, "dns");
        l->dns = (DnsAnswers)dns;
}

int egress_lease_encode(const EgressLease *l, uint8_t **ret_data, size_t *ret_size) {
        Codec c = { 0 };
        EgressLease copy = *l; /* shallow: encoding changes nothing */
        code_lease(&c, &copy);
        return codec_take_output(&c, ret_data, ret_size);
}

int egress_lease_decode(const uint8_t *data, size_t size, EgressLease **ret, const char **ret_where) {
        _cleanup_(egress_lease_freep) EgressLease *l = calloc(1, sizeof(EgressLease));
        if (!l)
                return -ENOMEM;
        Codec c = codec_for_input(data, size);
        code_lease(&c, l);
        int r = codec_finish_input(&c, ret_where);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

EgressLease *egress_lease_free(EgressLease *l) {
        if (!l)
                return NULL;
        free(l->id);
        net_direction_clear(&l->egress);
        net_publish_free(l->publish, l->n_publish);
        upstream_clear(&l->upstream);
        free(l);
        return NULL;
}
