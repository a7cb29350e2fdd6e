/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "judge.h"

#include "address.h"
#include "cleanup.h"

#define BY_DEFAULT "/network/egress/default"

static Judgement deny(EgressReason reason, const char *clause) {
        return (Judgement){ .verdict = VERDICT_DENY, .reason = reason, .clause = clause };
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

static bool denies_every_port(const NetRule *rule) {
        for (size_t i = 0; i < rule->n_ports; i++) {
                const NetPort *p = &rule->ports[i];
                if ((p->protocol & PROTOCOL_TCP) && p->from <= 1 && p->to == UINT16_MAX)
                        return true;
        }
        return false;
}

static bool carries(const NetRule *rule) {
        for (size_t i = 0; i < rule->n_ports; i++)
                if (rule->ports[i].protocol & PROTOCOL_TCP)
                        return true;
        return false;
}

Judgement judge_name(const EgressLease *l, const char *host) {
        const NetDirection *d = &l->egress;
        for (size_t i = 0; i < d->n_deny; i++)
                if (names_host(&d->deny[i], host) && denies_every_port(&d->deny[i]))
                        return deny_by(&d->deny[i]);
        for (size_t i = 0; i < d->n_allow; i++)
                if (names_host(&d->allow[i], host) && carries(&d->allow[i]))
                        return (Judgement){ VERDICT_ALLOW, EGRESS_BY_RULE, d->allow[i].clause, true, host };
        return (Judgement){ d->fallback, EGRESS_BY_DEFAULT, BY_DEFAULT, true,
                d->fallback == VERDICT_ALLOW ? host : NULL };
}

/* ---- connections ---- */

static const NetRule *find(const NetRule *rules, size_t n, const Destination *d, const NetCidr *address,
                const char *host) {
        return net_rules_find(rules, n, address, host, d->protocol, d->port);
}

/* A rule for any destination says nothing of addresses by name or by block: it is an address rule, as the default is. */
static Judgement judge_address(const EgressLease *l, const Destination *d) {
        const NetRule *rule = find(l->egress.allow, l->egress.n_allow, d, &d->address, NULL);
        if (rule)
                return (Judgement){ VERDICT_ALLOW, EGRESS_BY_RULE, rule->clause, false, NULL };
        return (Judgement){ l->egress.fallback, EGRESS_BY_DEFAULT, BY_DEFAULT, false, NULL };
}

/* Of one name of the destination. */
static Judgement judge_host(const EgressLease *l, const Destination *d, const char *host) {
        const NetRule *rule = find(l->egress.deny, l->egress.n_deny, d, NULL, host);
        if (rule)
                return deny_by(rule);
        rule = find(l->egress.allow, l->egress.n_allow, d, NULL, host);
        if (rule)
                return (Judgement){ VERDICT_ALLOW, EGRESS_BY_RULE, rule->clause, true, host };
        return (Judgement){ l->egress.fallback, EGRESS_BY_DEFAULT, BY_DEFAULT,
                l->egress.fallback == VERDICT_ALLOW, host };
}

Judgement judge_connect(const EgressLease *l, const Destination *d) {
        AddressKind kind = address_kind(&d->address);
        if (kind == ADDRESS_NEVER)
                return deny(EGRESS_SPECIAL, "");
        const NetRule *rule = find(l->egress.deny, l->egress.n_deny, d, &d->address, NULL);
        if (rule)
                return deny_by(rule);

        Judgement refusal = { .clause = NULL };
        for (size_t i = 0; i < d->n_hosts; i++) {
                Judgement j = judge_host(l, d, d->hosts[i]);
                if (j.verdict == VERDICT_DENY && j.reason == EGRESS_BY_RULE && !refusal.clause)
                        refusal = j;
                if (j.verdict == VERDICT_ALLOW && kind == ADDRESS_GLOBAL && !d->by_address_only)
                        return j;
        }
        /* no name of it is allowed, and one is denied: the address is not a way round that */
        if (refusal.clause) {
                refusal.host = d->hosts[0];
                return refusal;
        }
        Judgement by_address = judge_address(l, d);
        if (by_address.verdict == VERDICT_ALLOW)
                return by_address;
        if (d->n_hosts > 0 && (kind != ADDRESS_GLOBAL || d->by_address_only))
                return (Judgement){ VERDICT_DENY, EGRESS_SPECIAL, "", false, d->hosts[0] };
        if (d->n_hosts > 0)
                return (Judgement){ VERDICT_DENY, EGRESS_BY_DEFAULT, BY_DEFAULT, false, d->hosts[0] };
        return deny(EGRESS_NO_NAME, BY_DEFAULT);
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
                return (Judgement){ VERDICT_DENY, reason, rule->clause, false, claimed };
        if (!j.by_name)
                return j;
        if (!claimed || !is_one_of(d, claimed))
                return (Judgement){ VERDICT_DENY, reason, j.clause, false, claimed };
        Judgement host = judge_host(l, d, claimed);
        return host.verdict == VERDICT_ALLOW
                               ? host
                               : (Judgement){ VERDICT_DENY, reason, host.clause, false, claimed };
}
