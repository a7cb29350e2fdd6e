/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "judge.h"

#include "address.h"
#include "cleanup.h"

#define BY_DEFAULT "/network/egress/default"
#define BY_HOST_LOOPBACK "/network/ingress/hostLoopback"

static Judgement deny(EgressReason reason, const char *clause) {
        return (Judgement){ .verdict = VERDICT_DENY, .reason = reason, .clause = clause };
}

static Judgement deny_for(EgressReason reason, const char *clause, const char *host) {
        return (Judgement){ .verdict = VERDICT_DENY, .reason = reason, .clause = clause, .host = host };
}

static Judgement deny_by(const NetRule *rule) {
        return deny(EGRESS_BY_RULE, rule->clause);
}

/* ---- names ---- */

static bool names_host(const NetRule *rule, const char *host) {
        for (size_t i = 0; i < rule->n_peers; i++) {
                const NetPeer *p = &rule->peers[i];
                if (p->host ? host_covers(p->host, host) : !p->has_cidr)
                        return true;
        }
        return false;
}

/* The TCP ports, as a set of bits. */
typedef struct Ports {
        uint64_t words[(UINT16_MAX + 1) / 64];
} Ports;

static void ports_set(Ports *set, unsigned from, unsigned to, bool value) {
        for (unsigned w = from / 64; w <= to / 64; w++) {
                uint64_t mask = UINT64_MAX;
                if (w == from / 64)
                        mask &= UINT64_MAX << from % 64;
                if (w == to / 64)
                        mask &= UINT64_MAX >> (63 - to % 64);
                set->words[w] = value ? set->words[w] | mask : set->words[w] & ~mask;
        }
}

/* Those of one rule. */
static void ports_of_rule(Ports *set, const NetRule *rule, bool value) {
        for (size_t i = 0; i < rule->n_ports; i++)
                if (rule->ports[i].protocol & PROTOCOL_TCP)
                        ports_set(set, rule->ports[i].from, rule->ports[i].to, value);
}

static bool ports_any(const Ports *set) {
        for (size_t i = 0; i < ELEMENTSOF(set->words); i++)
                if (set->words[i] != 0)
                        return true;
        return false;
}

/* Opens, or shuts, the ports of every rule that names host; the first of those rules. */
static const NetRule *apply(const NetRule *rules, size_t n, const char *host, Ports *open, bool value) {
        const NetRule *first = NULL;
        for (size_t i = 0; i < n; i++)
                if (names_host(&rules[i], host)) {
                        ports_of_rule(open, &rules[i], value);
                        first = first ? first : &rules[i];
                }
        return first;
}

Judgement judge_name(const EgressLease *l, const char *host) {
        const NetDirection *d = &l->egress;
        Ports open = { .words = { 0 } };
        const NetRule *allow = apply(d->allow, d->n_allow, host, &open, true);
        if (d->fallback == VERDICT_ALLOW)
                ports_set(&open, 0, UINT16_MAX, true);
        ports_set(&open, 0, 0, false); /* nobody listens there */
        const bool was_open = ports_any(&open);
        const NetRule *denied = apply(d->deny, d->n_deny, host, &open, false);
        if (ports_any(&open))
                return (Judgement){ VERDICT_ALLOW, allow ? EGRESS_BY_RULE : EGRESS_BY_DEFAULT,
                        allow ? allow->clause : BY_DEFAULT, true, SPEECH_NAMED, host };
        if (was_open && denied)
                return deny_by(denied);
        return deny(EGRESS_BY_DEFAULT, BY_DEFAULT);
}

/* ---- connections ---- */

static const NetRule *find(const NetRule *rules, size_t n, const Destination *d, const NetCidr *address,
                const char *host) {
        return net_rules_find(rules, n, address, host, d->protocol, d->port);
}

/* A rule for any destination says nothing of addresses by name or by block: it is an address rule, as the default is. */
static Judgement judge_address(const EgressLease *l, const Destination *d) {
        const NetRule *rule = find(l->egress.allow, l->egress.n_allow, d, &d->address, NULL);
        return (Judgement){
                .verdict = rule ? VERDICT_ALLOW : l->egress.fallback,
                .reason = rule ? EGRESS_BY_RULE : EGRESS_BY_DEFAULT,
                .clause = rule ? rule->clause : BY_DEFAULT,
                .speech = SPEECH_OPAQUE,
        };
}

/* Of one name of the destination. */
static Judgement judge_host(const EgressLease *l, const Destination *d, const char *host) {
        const NetRule *rule = find(l->egress.deny, l->egress.n_deny, d, NULL, host);
        if (rule)
                return deny_by(rule);
        rule = net_rules_find_freest(l->egress.allow, l->egress.n_allow, host, d->protocol, d->port);
        if (rule)
                return (Judgement){ VERDICT_ALLOW,
                        rule->speech == SPEECH_OPAQUE ? EGRESS_OPAQUE : EGRESS_BY_RULE, rule->clause,
                        rule->speech != SPEECH_OPAQUE, rule->speech, host };
        return (Judgement){ l->egress.fallback, EGRESS_BY_DEFAULT, BY_DEFAULT, false, SPEECH_OPAQUE, host };
}

/* Nothing in datagrams says for whom they are: a name allows none. One that is denied denies its addresses; and since they need not be known,
 * where any is denied only those addresses are allowed that a rule names itself. */
static Judgement judge_datagrams(const EgressLease *l, const Destination *d) {
        const NetDirection *e = &l->egress;
        for (size_t i = 0; i < d->n_hosts; i++) {
                const NetRule *rule = find(e->deny, e->n_deny, d, NULL, d->hosts[i]);
                if (rule)
                        return deny_for(EGRESS_BY_RULE, rule->clause, d->hosts[i]);
        }
        const NetRule *denied = net_rules_find_name(e->deny, e->n_deny, d->protocol, d->port),
                      *block = net_rules_find_block(e->allow, e->n_allow, &d->address, d->protocol, d->port);
        Judgement j = judge_address(l, d);
        if (block)
                j = (Judgement){
                        .verdict = VERDICT_ALLOW, .reason = EGRESS_BY_RULE, .clause = block->clause
                };
        else if (denied && j.verdict == VERDICT_ALLOW)
                j = deny_by(denied);
        if (j.verdict == VERDICT_DENY && j.reason == EGRESS_BY_DEFAULT &&
                        (d->by_address_only || address_kind(&d->address) != ADDRESS_GLOBAL))
                j = deny(EGRESS_SPECIAL, "");
        return j;
}

/* Or else what was asked for before would forbid what the address alone may. */
static Judgement unchecked(Judgement j) {
        j.by_name = false;
        j.speech = SPEECH_OPAQUE;
        j.reason = j.reason == EGRESS_OPAQUE ? EGRESS_BY_RULE : j.reason;
        return j;
}

/* Somebody else finds the address: the name is all that there is to go by. */
static Judgement judge_named(const EgressLease *l, const Destination *d) {
        Judgement j = judge_host(l, d, d->hosts[0]);
        if (host_is_localhost(d->hosts[0]))
                j = deny(EGRESS_SPECIAL, "");
        j.host = d->hosts[0];
        return j;
}

Judgement judge_connect(const EgressLease *l, const Destination *d) {
        if (d->address.family == 0)
                return judge_named(l, d);
        AddressKind kind = address_kind(&d->address);
        if (d->synthetic)
                return d->n_hosts == 0 || d->protocol != PROTOCOL_TCP ? deny(EGRESS_NO_NAME, BY_DEFAULT)
                                                                      : judge_host(l, d, d->hosts[0]);
        if (kind == ADDRESS_NEVER)
                return deny(EGRESS_SPECIAL, "");
        if (address_is_host_loopback(&d->address) &&
                        (l->host_loopback != VERDICT_ALLOW || d->protocol == PROTOCOL_ICMP))
                return deny(EGRESS_HOST_LOOPBACK, BY_HOST_LOOPBACK);
        const NetRule *rule = find(l->egress.deny, l->egress.n_deny, d, &d->address, NULL);
        if (rule)
                return deny_by(rule);
        if (d->protocol == PROTOCOL_UDP)
                return judge_datagrams(l, d);

        const bool by_name_too = kind == ADDRESS_GLOBAL && !d->by_address_only;
        const Judgement by_address = judge_address(l, d);
        Judgement refusal = { .clause = NULL }, best = { .verdict = VERDICT_DENY };
        for (size_t i = 0; i < d->n_hosts; i++) {
                Judgement j = judge_host(l, d, d->hosts[i]);
                if (j.verdict == VERDICT_ALLOW && by_name_too &&
                                (best.verdict == VERDICT_DENY || j.speech > best.speech))
                        best = j;
                if (j.verdict == VERDICT_DENY && j.reason == EGRESS_BY_RULE && !refusal.clause) {
                        refusal = j;
                        refusal.host = d->hosts[i];
                }
        }
        /* the host's proxy is given the name, and no rule about addresses holds there */
        if (best.verdict == VERDICT_ALLOW)
                return by_address.verdict == VERDICT_DENY || upstream_takes(&l->upstream, best.host)
                                       ? best
                                       : unchecked(best);
        /* no name of it is allowed, and one is denied: the address is not a way round that */
        if (refusal.clause)
                return refusal;
        if (by_address.verdict == VERDICT_ALLOW)
                return by_address;
        const char *host = d->n_hosts > 0 ? d->hosts[0] : NULL;
        if (!by_name_too)
                return deny_for(EGRESS_SPECIAL, "", host);
        return deny_for(host ? EGRESS_BY_DEFAULT : EGRESS_NO_NAME, BY_DEFAULT, host);
}

/* ---- what a connection says of itself ---- */

static bool is_one_of(const Destination *d, const char *host) {
        for (size_t i = 0; i < d->n_hosts; i++)
                if (streq(d->hosts[i], host))
                        return true;
        return false;
}

Judgement judge_claim(const EgressLease *l, const Destination *d, const char *claimed, EgressReason reason) {
        Judgement j = judge_connect(l, d); /* the lease may be another than when it began */
        if (j.verdict == VERDICT_DENY)
                return j;
        const NetRule *rule = claimed ? find(l->egress.deny, l->egress.n_deny, d, NULL, claimed) : NULL;
        if (rule)
                return deny_for(reason, rule->clause, claimed);
        if (!j.by_name)
                return j;
        if (!claimed || !is_one_of(d, claimed))
                return deny_for(reason, j.clause, claimed);
        Judgement host = judge_host(l, d, claimed);
        return host.verdict == VERDICT_ALLOW ? host : deny_for(reason, host.clause, claimed);
}

Judgement judge_encrypted(const Judgement *j) {
        return j->by_name && j->speech == SPEECH_PLAIN ? deny_for(EGRESS_ECH, j->clause, j->host) : *j;
}

/* ---- who comes from outside ---- */

#define BY_PUBLISH "/network/ingress/publish"

static const NetPublish *find_published(const EgressLease *l, const Guest *g) {
        for (size_t i = 0; i < l->n_publish; i++)
                if (cidr_equal(&l->publish[i].address, &g->address) && l->publish[i].host.from == g->port)
                        return &l->publish[i];
        return NULL;
}

Judgement judge_guest(const EgressLease *l, const Guest *g, uint16_t *ret_port) {
        const NetPublish *p = find_published(l, g);
        const bool known = g->uid != EGRESS_UID_UNKNOWN;
        if (!p)
                return deny(EGRESS_REVOKED, BY_PUBLISH);
        if (g->local && !known)
                return deny(EGRESS_UNKNOWN_PEER, p->clause);
        if (known && g->uid == g->relays)
                return deny(EGRESS_FROM_SANDBOX, p->clause);
        if (p->clients == PUBLISH_OWNER && (!known || (g->uid != l->owner && g->uid != 0)))
                return deny(EGRESS_NOT_OWNER, p->clause);
        *ret_port = p->sandbox.from;
        return (Judgement){ .verdict = VERDICT_ALLOW, .reason = EGRESS_BY_RULE, .clause = p->clause };
}
