/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy-internal.h"

/* The section network. A rule without "to" means any destination and one without "ports" any port, as in MXC; an empty list
 * never means anything: it is refused (attack N1). */

typedef struct PeerParse {
        NetPeer peer;
        json_t *except;
} PeerParse;

static int peer_host(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        PeerParse *parse = userdata;
        const char *text;
        char host[LIMIT_HOST_BYTES + 1];
        int r = json_read_text(source, place, value, SIZE_MAX, &text);
        if (r < 0)
                return r;
        const char *complaint = host_canonical(text, true, host);
        if (complaint)
                return json_refuse(source, place, "the host %s", complaint);
        parse->peer.host = strdup(host);
        return parse->peer.host ? 0 : -ENOMEM;
}

int read_cidr(const JsonSource *source, const JsonPlace *place, json_t *value, NetCidr *ret) {
        const char *text;
        int r = json_read_text(source, place, value, SIZE_MAX, &text);
        if (r < 0)
                return r;
        const char *complaint = cidr_parse(text, ret);
        return complaint ? json_refuse(source, place, "%s", complaint) : 0;
}

static int peer_cidr(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        PeerParse *parse = userdata;
        parse->peer.has_cidr = true;
        return read_cidr(source, place, value, &parse->peer.cidr);
}

static int peer_except(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        ((PeerParse *)userdata)->except = value; /* read once cidr is known */
        return 0;
}

static int add_except(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        NetPeer *peer = userdata;
        NetCidr c;
        int r = read_cidr(source, place, value, &c);
        if (r < 0)
                return r;
        if (!cidr_covers(&peer->cidr, &c))
                return json_refuse(source, place, "must be contained in the cidr it is taken from");
        if (cidr_equal(&peer->cidr, &c))
                return json_refuse(source, place, "takes out all of the cidr");
        NetCidr *slot = array_append(&peer->except, &peer->n_except, sizeof(NetCidr));
        if (!slot)
                return -ENOMEM;
        *slot = c;
        return 0;
}

static int read_peer(const JsonSource *source, const JsonPlace *place, json_t *value, PeerParse *parse) {
        static const JsonKey keys[] = { { "host", peer_host }, { "cidr", peer_cidr },
                { "except", peer_except } };
        int r = json_apply_object(source, place, value, keys, ELEMENTSOF(keys), parse);
        if (r < 0)
                return r;
        if (!parse->peer.host == !parse->peer.has_cidr)
                return json_refuse(source, place, "must have exactly one of \"host\" and \"cidr\"");
        if (!parse->except)
                return 0;
        const JsonPlace except = { .parent = place, .key = "except" };
        if (!parse->peer.has_cidr)
                return json_refuse(source, &except, "only a cidr can have exceptions");
        return json_apply_list(source, &except, parse->except, LIMIT_POLICY_PEERS, add_except, &parse->peer);
}

static int add_peer(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        NetRule *rule = userdata;
        PeerParse parse = { 0 };
        int r = read_peer(source, place, value, &parse);
        NetPeer *slot = r == 0 ? array_append(&rule->peers, &rule->n_peers, sizeof(NetPeer)) : NULL;
        if (!slot) {
                net_peer_clear(&parse.peer);
                return r < 0 ? r : -ENOMEM;
        }
        *slot = parse.peer;
        return 0;
}

typedef struct PortParse {
        int word; /* into protocol_words */
        uint64_t port, end;
} PortParse;

static const char *const protocol_words[] = { "any", "tcp", "udp", "icmp" };

static int port_protocol(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return json_read_word(source, place, value, protocol_words, ELEMENTSOF(protocol_words),
                        &((PortParse *)userdata)->word);
}

static int port_port(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return json_read_integer(source, place, value, 1, UINT16_MAX, &((PortParse *)userdata)->port);
}

static int port_end(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return json_read_integer(source, place, value, 1, UINT16_MAX, &((PortParse *)userdata)->end);
}

static int add_port(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        static const JsonKey keys[] = { { "protocol", port_protocol }, { "port", port_port },
                { "endPort", port_end } };
        static const unsigned masks[] = { PROTOCOL_ANY, PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_ICMP };
        NetRule *rule = userdata;
        PortParse parse = { 0 };
        int r = json_apply_object(source, place, value, keys, ELEMENTSOF(keys), &parse);
        if (r < 0)
                return r;
        if (parse.end > 0 && parse.port == 0)
                return json_refuse(source, place, "\"endPort\" needs \"port\"");
        if (parse.end > 0 && parse.end < parse.port)
                return json_refuse(source, place, "\"endPort\" must not be below \"port\"");
        if (masks[parse.word] == PROTOCOL_ICMP && parse.port > 0)
                return json_refuse(source, place, "icmp has no ports");

        NetPort *slot = array_append(&rule->ports, &rule->n_ports, sizeof(NetPort));
        if (!slot)
                return -ENOMEM;
        *slot = (NetPort){ .protocol = masks[parse.word], .from = 0, .to = UINT16_MAX };
        if (parse.port > 0) {
                slot->protocol &= ~(unsigned)PROTOCOL_ICMP;
                slot->from = (uint16_t)parse.port;
                slot->to = (uint16_t)(parse.end > 0 ? parse.end : parse.port);
        }
        return 0;
}

static int rule_to(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return json_apply_list(source, place, value, LIMIT_POLICY_PEERS, add_peer, userdata);
}

static int rule_ports(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return json_apply_list(source, place, value, LIMIT_POLICY_PEERS, add_port, userdata);
}

/* What may be said; only of names, which is seen once the whole rule is read. */
typedef struct SpeechParse {
        NetRule *rule;
        int tls, ech; /* into the words below, or -1: not said */
} SpeechParse;

static const char *const tls_words[] = { "inspect", "opaque" }, *const ech_words[] = { "refuse", "allow" };

static int rule_to_of(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return rule_to(source, place, value, ((SpeechParse *)userdata)->rule);
}

static int rule_ports_of(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return rule_ports(source, place, value, ((SpeechParse *)userdata)->rule);
}

static int rule_tls(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return json_read_word(source, place, value, tls_words, ELEMENTSOF(tls_words),
                        &((SpeechParse *)userdata)->tls);
}

static int rule_ech(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return json_read_word(source, place, value, ech_words, ELEMENTSOF(ech_words),
                        &((SpeechParse *)userdata)->ech);
}

static int read_speech(const JsonSource *source, const JsonPlace *place, const SpeechParse *said) {
        const bool opaque = said->tls == 1, plain = said->ech == 0;
        const JsonPlace word = { .parent = place, .key = said->tls >= 0 ? "tls" : "ech" };
        said->rule->speech = SPEECH_OPAQUE;
        if (!net_rule_has_host(said->rule))
                return said->tls < 0 && said->ech < 0
                                       ? 0
                                       : json_refuse(source, &word,
                                                         "is of names, and this rule has no \"host\": what "
                                                         "an address alone allows is not looked at");
        if (opaque && plain)
                return json_refuse(source, &word,
                                "\"opaque\" looks at nothing, so \"ech\" cannot be refused; say one of the "
                                "two");
        said->rule->speech = opaque ? SPEECH_OPAQUE : plain ? SPEECH_PLAIN : SPEECH_NAMED;
        return 0;
}

typedef struct RuleList {
        NetRule **rules;
        size_t *n;
        bool allow;
} RuleList;

static int read_rule(
                const JsonSource *source, const JsonPlace *place, json_t *value, bool allow, NetRule *rule) {
        static const JsonKey keys[] = { { "to", rule_to_of }, { "ports", rule_ports_of },
                { "tls", rule_tls }, { "ech", rule_ech } };
        SpeechParse said = { .rule = rule, .tls = -1, .ech = -1 };
        int r = json_apply_object(source, place, value, keys, allow ? 4 : 2, &said);
        if (r == 0 && allow)
                r = read_speech(source, place, &said);
        if (!allow)
                rule->speech = SPEECH_OPAQUE;
        return r;
}

static int add_rule(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        RuleList *list = userdata;
        NetRule *rule = array_append(list->rules, list->n, sizeof(NetRule));
        if (!rule)
                return -ENOMEM;
        int r = read_rule(source, place, value, list->allow, rule);
        if (r < 0)
                return r;
        rule->clause = json_place_pointer(place);
        if (!rule->clause ||
                        (rule->n_peers == 0 && !array_append(&rule->peers, &rule->n_peers, sizeof(NetPeer))))
                return -ENOMEM;
        if (rule->n_ports > 0)
                return 0;
        NetPort *any = array_append(&rule->ports, &rule->n_ports, sizeof(NetPort));
        if (!any)
                return -ENOMEM;
        *any = (NetPort){ .protocol = PROTOCOL_ANY, .from = 0, .to = UINT16_MAX };
        return 0;
}

static int egress_allow(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        Policy *p = userdata;
        RuleList list = { &p->egress.allow, &p->egress.n_allow, true };
        return json_apply_list(source, place, value, LIMIT_POLICY_RULES, add_rule, &list);
}

static int egress_deny(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        Policy *p = userdata;
        RuleList list = { &p->egress.deny, &p->egress.n_deny, false };
        return json_apply_list(source, place, value, LIMIT_POLICY_RULES, add_rule, &list);
}

static int read_verdict(const JsonSource *source, const JsonPlace *place, json_t *value, Verdict *ret) {
        int word, r = json_read_word(source, place, value, verdict_words, ELEMENTSOF(verdict_words), &word);
        if (r == 0)
                *ret = (Verdict)word;
        return r;
}

static int egress_default(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return read_verdict(source, place, value, &((Policy *)userdata)->egress.fallback);
}

static int egress_limit(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        EgressLimit which = EGRESS_BYTES_IN;
        while (!streq(egress_limit_keys[which], place->key))
                which++;
        uint64_t *limit = policy_egress_limit(userdata, which);
        bool bytes = which == EGRESS_BYTES_IN || which == EGRESS_BYTES_OUT;
        return bytes ? read_size(source, place, value, 0, limit)
                     : read_count(source, place, value, 0, INT64_MAX, limit);
}

static int egress_limits(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        JsonKey keys[_EGRESS_LIMIT_MAX];
        for (size_t i = 0; i < _EGRESS_LIMIT_MAX; i++)
                keys[i] = (JsonKey){ egress_limit_keys[i], egress_limit };
        return json_apply_object(source, place, value, keys, ELEMENTSOF(keys), userdata);
}

static int network_egress(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        static const JsonKey keys[] = { { "default", egress_default }, { "allow", egress_allow },
                { "deny", egress_deny }, { "limits", egress_limits } };
        return json_apply_object(source, place, value, keys, ELEMENTSOF(keys), userdata);
}

static int ingress_default(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return read_verdict(source, place, value, &((Policy *)userdata)->ingress.fallback);
}

static int ingress_loopback(
                const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return read_verdict(source, place, value, &((Policy *)userdata)->host_loopback);
}

static int network_ingress(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        static const JsonKey keys[] = { { "default", ingress_default }, { "hostLoopback", ingress_loopback },
                { "publish", parse_publish } };
        return json_apply_object(source, place, value, keys, ELEMENTSOF(keys), userdata);
}

static int network_dns(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        int word, r = json_read_word(source, place, value, dns_words, ELEMENTSOF(dns_words), &word);
        if (r == 0)
                ((Policy *)userdata)->dns = (DnsAnswers)word;
        return r;
}

int parse_network(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        static const JsonKey keys[] = { { "dns", network_dns }, { "egress", network_egress },
                { "ingress", network_ingress } };
        return json_apply_object(source, place, value, keys, ELEMENTSOF(keys), ((Parse *)userdata)->policy);
}
