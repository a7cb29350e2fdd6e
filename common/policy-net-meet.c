/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy-internal.h"

/* The algebra of one direction of the network. What it allows is (allow, or everything where the default is allow) less deny. Both
 * lists may come from a caller, and their product is what an answer costs: the budget bounds it, and in doubt meet fails
 * and within says no. */

static int rule_copy(const Policy *origin, const NetRule *rule, NetRule *copy) {
        copy->until = rule->until;
        copy->speech = rule->speech;
        copy->clause = clause_in(origin, rule->clause);
        if (!copy->clause)
                return -ENOMEM;
        for (size_t i = 0; i < rule->n_peers; i++) {
                NetPeer *peer = array_append(&copy->peers, &copy->n_peers, sizeof(NetPeer));
                int r = peer ? net_peer_copy(&rule->peers[i], peer) : -ENOMEM;
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < rule->n_ports; i++) {
                NetPort *port = array_append(&copy->ports, &copy->n_ports, sizeof(NetPort));
                if (!port)
                        return -ENOMEM;
                *port = rule->ports[i];
        }
        return 0;
}

int net_rules_append(const Policy *origin, const NetRule *rules, size_t n, NetRule **ret, size_t *ret_n) {
        for (size_t i = 0; i < n; i++) {
                NetRule *copy = array_append(ret, ret_n, sizeof(NetRule));
                int r = copy ? rule_copy(origin, &rules[i], copy) : -ENOMEM;
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool spend(uint64_t *budget, uint64_t cost) {
        if (cost >= *budget) {
                *budget = 0;
                return false;
        }
        *budget -= cost;
        return true;
}

static int add_peer(NetRule *rule, NetPeer *peer) {
        size_t kept = 0;
        for (size_t i = 0; i < rule->n_peers; i++)
                if (net_peer_covers(&rule->peers[i], peer)) {
                        net_peer_clear(peer);
                        return 0; /* nothing was dropped yet: covering is transitive */
                }
        for (size_t i = 0; i < rule->n_peers; i++)
                if (net_peer_covers(peer, &rule->peers[i]))
                        net_peer_clear(&rule->peers[i]);
                else
                        rule->peers[kept++] = rule->peers[i];
        rule->n_peers = kept;

        NetPeer *slot = kept < LIMIT_POLICY_PEERS
                                        ? array_append(&rule->peers, &rule->n_peers, sizeof(NetPeer))
                                        : NULL;
        if (!slot) {
                net_peer_clear(peer);
                return kept < LIMIT_POLICY_PEERS ? -ENOMEM : -E2BIG;
        }
        *slot = *peer;
        return 0;
}

static int add_port(NetRule *rule, const NetPort *port) {
        size_t kept = 0;
        for (size_t i = 0; i < rule->n_ports; i++)
                if (net_port_covers(&rule->ports[i], port))
                        return 0;
        for (size_t i = 0; i < rule->n_ports; i++)
                if (!net_port_covers(port, &rule->ports[i]))
                        rule->ports[kept++] = rule->ports[i];
        rule->n_ports = kept;
        if (kept >= LIMIT_POLICY_PEERS)
                return -E2BIG;
        NetPort *slot = array_append(&rule->ports, &rule->n_ports, sizeof(NetPort));
        if (!slot)
                return -ENOMEM;
        *slot = *port;
        return 0;
}

static uint64_t sooner(uint64_t a, uint64_t b) {
        return a == 0 || (b != 0 && b < a) ? b : a;
}

/* The products' intersection is the product of the intersections. What is a name in it is one in a or b: a rule that has none lets anything be said. */
static int rule_meet(const NetRule *a, const NetRule *b, NetRule *m) {
        m->until = sooner(a->until, b->until);
        m->speech = a->speech < b->speech ? a->speech : b->speech;
        for (size_t i = 0; i < a->n_ports; i++)
                for (size_t j = 0; j < b->n_ports; j++) {
                        NetPort port;
                        int r = net_port_meet(&a->ports[i], &b->ports[j], &port) ? add_port(m, &port) : 0;
                        if (r < 0)
                                return r;
                }
        for (size_t i = 0; i < a->n_peers && m->n_ports > 0; i++)
                for (size_t j = 0; j < b->n_peers; j++) {
                        NetPeer peer;
                        int error, r = net_peer_meet(&a->peers[i], &b->peers[j], &peer, &error)
                                                       ? add_peer(m, &peer)
                                                       : error;
                        if (r < 0)
                                return r;
                }
        if (!net_rule_has_host(m))
                m->speech = SPEECH_OPAQUE;
        return 0;
}

static void rule_clear(NetRule *rule) {
        for (size_t i = 0; i < rule->n_peers; i++)
                net_peer_clear(&rule->peers[i]);
        free(rule->peers);
        free(rule->ports);
        free(rule->clause);
        *rule = (NetRule){ 0 };
}

/* Takes what rule owns, whatever it returns. A rule that another covers is left out, so that meets of meets do not grow. */
static int add_rule(NetRule **rules, size_t *n, NetRule *rule, uint64_t *budget) {
        for (size_t i = 0; i < *n; i++)
                if (net_rule_covers(&(*rules)[i], rule, budget)) {
                        rule_clear(rule);
                        return 0;
                }
        size_t kept = 0;
        for (size_t i = 0; i < *n; i++)
                if (net_rule_covers(rule, &(*rules)[i], budget))
                        rule_clear(&(*rules)[i]);
                else
                        (*rules)[kept++] = (*rules)[i];
        *n = kept;

        int r = *budget == 0 || kept >= LIMIT_POLICY_RULES ? -E2BIG : 0;
        NetRule *slot = r == 0 ? array_append(rules, n, sizeof(NetRule)) : NULL;
        if (!slot) {
                rule_clear(rule);
                return r < 0 ? r : -ENOMEM;
        }
        *slot = *rule;
        return 0;
}

static int meet_allow(const Policy *pa, const NetDirection *a, const Policy *pb, const NetDirection *b,
                NetDirection *m, uint64_t *budget) {
        for (size_t i = 0; i < a->n_allow; i++)
                for (size_t j = 0; j < b->n_allow; j++) {
                        const NetRule *ra = &a->allow[i], *rb = &b->allow[j];
                        if (!spend(budget, (uint64_t)ra->n_peers * rb->n_peers +
                                                            (uint64_t)ra->n_ports * rb->n_ports))
                                return -E2BIG;
                        NetRule rule = { 0 };
                        int r = rule_meet(ra, rb, &rule);
                        if (r < 0 || rule.n_peers == 0 || rule.n_ports == 0) {
                                rule_clear(&rule);
                                if (r < 0)
                                        return r;
                                continue;
                        }
                        rule.clause = net_rule_covers(ra, rb, budget) ? clause_in(pb, rb->clause)
                                                                      : clause_in(pa, ra->clause);
                        if (!rule.clause) {
                                rule_clear(&rule);
                                return -ENOMEM;
                        }
                        r = add_rule(&m->allow, &m->n_allow, &rule, budget);
                        if (r < 0)
                                return r;
                }
        return 0;
}

static int unite_deny(const Policy *p, const NetDirection *d, NetDirection *m, uint64_t *budget) {
        NetRule *copies = NULL;
        size_t n = 0;
        int r = net_rules_append(p, d->deny, d->n_deny, &copies, &n);
        for (size_t i = 0; i < n && r == 0; i++) {
                r = add_rule(&m->deny, &m->n_deny, &copies[i], budget);
                copies[i] = (NetRule){ 0 }; /* taken */
        }
        net_rules_free(copies, n);
        return r;
}

int net_direction_meet(const Policy *pa, const NetDirection *a, const Policy *pb, const NetDirection *b,
                NetDirection *ret) {
        uint64_t budget = LIMIT_POLICY_PAIRS;
        int r = 0;

        ret->fallback = a->fallback == VERDICT_ALLOW ? b->fallback : VERDICT_DENY;
        if (ret->fallback == VERDICT_DENY) {
                if (a->fallback == VERDICT_ALLOW)
                        r = net_rules_append(pb, b->allow, b->n_allow, &ret->allow, &ret->n_allow);
                else if (b->fallback == VERDICT_ALLOW)
                        r = net_rules_append(pa, a->allow, a->n_allow, &ret->allow, &ret->n_allow);
                else
                        r = meet_allow(pa, a, pb, b, ret, &budget);
                if (r < 0 || ret->n_allow == 0)
                        return r; /* where nothing is allowed there is nothing to deny */
        }
        r = unite_deny(pa, a, ret, &budget);
        return r < 0 ? r : unite_deny(pb, b, ret, &budget);
}

int net_direction_join(const NetDirection *a, const NetDirection *b, uint64_t until,
                const NetDirection *denies, NetDirection *m) {
        uint64_t budget = LIMIT_POLICY_PAIRS;
        m->fallback = a->fallback;
        int r = net_rules_append(NULL, a->allow, a->n_allow, &m->allow, &m->n_allow);
        const size_t n = m->n_allow;
        if (r == 0)
                r = net_rules_append(NULL, b->allow, b->n_allow, &m->allow, &m->n_allow);
        for (size_t i = n; i < m->n_allow; i++)
                m->allow[i].until = until;
        if (r == 0)
                r = unite_deny(NULL, a, m, &budget);
        if (r == 0)
                r = unite_deny(NULL, b, m, &budget);
        return r < 0 ? r : unite_deny(NULL, denies, m, &budget);
}

/* One peer and one port: the smallest clause. */
static NetRule atom(NetPeer *peer, NetPort *port, Speech speech) {
        return (NetRule){ .peers = peer, .n_peers = 1, .ports = port, .n_ports = 1, .speech = speech };
}

static bool any_covers(const NetRule *rules, size_t n, const NetRule *rule, uint64_t *budget) {
        for (size_t i = 0; i < n; i++)
                if (net_rule_covers(&rules[i], rule, budget))
                        return true;
        return false;
}

/* What b denies of this atom, a must deny as well. */
static bool denials_hold(
                const NetDirection *a, const NetRule *rule, const NetRule *denial, uint64_t *budget) {
        for (size_t i = 0; i < denial->n_ports; i++) {
                NetPort port;
                if (!net_port_meet(rule->ports, &denial->ports[i], &port))
                        continue;
                for (size_t j = 0; j < denial->n_peers; j++) {
                        NetPeer peer;
                        int error;
                        if (!spend(budget, 1))
                                return false;
                        if (!net_peer_meet(rule->peers, &denial->peers[j], &peer, &error)) {
                                if (error < 0)
                                        return false;
                                continue;
                        }
                        NetRule common = atom(&peer, &port, rule->speech);
                        bool held = any_covers(a->deny, a->n_deny, &common, budget);
                        net_peer_clear(&peer);
                        if (!held)
                                return false;
                }
        }
        return true;
}

static const char *atom_beyond(
                const NetDirection *a, const NetDirection *b, const NetRule *rule, uint64_t *budget) {
        if (any_covers(a->deny, a->n_deny, rule, budget))
                return NULL; /* never takes effect */
        if (b->fallback == VERDICT_DENY && !any_covers(b->allow, b->n_allow, rule, budget)) {
                NetRule plain = *rule;
                plain.speech = SPEECH_PLAIN;
                const bool only_said = any_covers(b->allow, b->n_allow, &plain, budget);
                return *budget == 0 ? "is too much to compare"
                       : only_said  ? "lets more be said (\"tls\", \"ech\") than any single rule of"
                                    : "is allowed by no single rule of";
        }
        for (size_t i = 0; i < b->n_deny; i++)
                if (!denials_hold(a, rule, &b->deny[i], budget))
                        return *budget == 0 ? "is too much to compare" : "is denied, in part or whole, by";
        return NULL;
}

static const char *rule_beyond(
                const NetDirection *a, const NetDirection *b, const NetRule *rule, uint64_t *budget) {
        for (size_t i = 0; i < rule->n_peers; i++)
                for (size_t j = 0; j < rule->n_ports; j++) {
                        NetRule one = atom(&rule->peers[i], &rule->ports[j], rule->speech);
                        const char *why = atom_beyond(a, b, &one, budget);
                        if (why)
                                return why;
                }
        return NULL;
}

bool net_direction_beyond(const NetDirection *a, const NetDirection *b, const char *where, size_t *i,
                uint64_t *budget, const char **ret_clause, const char **ret_why) {
        *ret_why = NULL;
        if (a->fallback == VERDICT_ALLOW) {
                NetPeer anywhere = { 0 };
                NetPort any = { .protocol = PROTOCOL_ANY, .from = 0, .to = UINT16_MAX };
                NetRule everything = atom(&anywhere, &any, SPEECH_OPAQUE);
                *ret_clause = where;
                if ((*i)++ == 0)
                        *ret_why = rule_beyond(a, b, &everything, budget);
                return *ret_why;
        }
        while (*i < a->n_allow && !*ret_why) {
                const NetRule *rule = &a->allow[(*i)++];
                *ret_clause = rule->clause;
                *ret_why = rule_beyond(a, b, rule, budget);
        }
        return *ret_why;
}
