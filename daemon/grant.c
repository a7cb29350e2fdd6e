/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "grant.h"

#include "address.h"
#include "carried.h"
#include "cleanup.h"

DEFINE_CLEANUP(Policy *, policy_unref);
DEFINE_CLEANUP(Grant *, grant_free);

Grant *grant_free(Grant *g) {
        if (!g)
                return NULL;
        free(g->rule);
        policy_unref(g->policy);
        free(g);
        return NULL;
}

/* ---- what is asked for ---- */

bool grant_usec_is_good(uint64_t usec) {
        return usec >= 1000000 && usec <= LIMIT_GRANT_USEC;
}

bool grants_have_room(const GrantList *list) {
        size_t n = 0;
        const Grant *g;
        LIST_FOREACH(g, list, entries)
                n++;
        return n < LIMIT_GRANTS;
}

/* A policy with that rule and no budget of its own: it spends what the sandbox has. */
static int parse(json_t *rule, uint32_t number, Policy **ret, char **ret_sentence) {
        char name[LIMIT_NAME_BYTES + 1];
        (void)snprintf(name, sizeof(name), "grant-%u", number);
        json_auto_t *document = json_pack("{s:s, s:s, s:{s:{s:[O], s:{s:i, s:i, s:i, s:i}}}}", "schema",
                        "mxc-policy/1", "name", name, "network", "egress", "allow", rule, "limits",
                        "bytesOut", 0, "bytesIn", 0, "connections", 0, "connectionRate", 0);
        _cleanup_free_ char *text = document ? json_dumps(document, JSON_COMPACT) : NULL;
        if (!text)
                return -ENOMEM;
        PolicyError error = { 0 };
        int r = policy_parse(text, strlen(text), NULL, NULL, ret, &error);
        if (r == -EINVAL && asprintf(ret_sentence, "The rule is none: %s: %s",
                                            error.pointer ? error.pointer : "",
                                            error.sentence ? error.sentence : "") < 0)
                *ret_sentence = NULL;
        policy_error_clear(&error);
        return r;
}

int grant_new(const char *rule, uint32_t number, Grant **ret, char **ret_sentence) {
        *ret_sentence = NULL;
        json_error_t error;
        json_auto_t *object = strlen(rule) <= LIMIT_GRANT_BYTES
                                              ? json_loads(rule, JSON_REJECT_DUPLICATES, &error)
                                              : NULL;
        _cleanup_(grant_freep) Grant *g = calloc(1, sizeof(Grant));
        if (!g)
                return -ENOMEM;
        if (!json_is_object(object)) {
                *ret_sentence = strdup("The rule is no JSON object: it looks like {\"to\": [{\"host\": "
                                       "\"api.example.com\"}], \"ports\": [{\"protocol\": \"tcp\", "
                                       "\"port\": 443}]}.");
                return *ret_sentence ? -EINVAL : -ENOMEM;
        }
        int r = parse(object, number, &g->policy, ret_sentence);
        if (r < 0)
                return r;
        g->number = number;
        g->rule = json_dumps(object, JSON_COMPACT);
        if (!g->rule)
                return -ENOMEM;
        *ret = TAKE_PTR(g);
        return 0;
}

json_t *grant_to_json(const Grant *g) {
        return json_pack("{s:I, s:s, s:I, s:b}", "number", (json_int_t)g->number, "rule", g->rule, "until",
                        (json_int_t)g->until, "beyondAgent", g->beyond_agent);
}

Grant *grant_from_json(const json_t *record) {
        const json_t *number = json_object_get(record, "number"), *until = json_object_get(record, "until");
        const char *rule = json_string_value(json_object_get(record, "rule"));
        _cleanup_free_ char *sentence = NULL;
        Grant *g;
        if (!rule || !json_is_integer(number) || !json_is_integer(until) ||
                        grant_new(rule, (uint32_t)json_integer_value(number), &g, &sentence) < 0)
                return NULL;
        g->until = (uint64_t)json_integer_value(until);
        g->beyond_agent = json_is_true(json_object_get(record, "beyondAgent"));
        return g;
}

/* ---- the rule ---- */

static int deny(Decision *d, DecisionReason reason, const char *bound, const char *clause,
                const char *sentence) {
        d->verdict = VERDICT_DENY;
        d->reason = reason;
        d->bound = bound;
        d->clause = strdup(clause);
        d->sentence = strdup(sentence);
        return d->clause && d->sentence ? 0 : -ENOMEM;
}

/* Of a grant that is for the host's loopback, which a sandbox has by its policy or not at all. */
static bool is_for_host(const Policy *grant) {
        const NetRule *rule = &grant->egress.allow[0];
        for (size_t i = 0; i < rule->n_peers; i++)
                if (rule->peers[i].has_cidr && address_is_host_loopback(&rule->peers[i].cidr))
                        return true;
        return false;
}

/* Of one that is for the sandbox's own loopback, where it would open nothing. */
static bool is_for_itself(const Policy *grant) {
        const NetRule *rule = &grant->egress.allow[0];
        for (size_t i = 0; i < rule->n_peers; i++)
                if (rule->peers[i].has_cidr && address_is_loopback(&rule->peers[i].cidr))
                        return true;
        return false;
}

/* A rule of the sandbox's own policy that says no to all of it. */
static const NetRule *find_denial(const Policy *p, const Policy *grant) {
        uint64_t budget = LIMIT_POLICY_PAIRS;
        for (size_t i = 0; i < p->egress.n_deny; i++)
                if (net_rule_covers(&p->egress.deny[i], &grant->egress.allow[0], &budget))
                        return &p->egress.deny[i];
        return NULL;
}

int grant_decide(const GrantInput *in, Decision *ret, bool *ret_beyond_agent) {
        const Policy *g = in->grant->policy;
        Widening w = { NULL, NULL };
        *ret = (Decision){ .verdict = VERDICT_ALLOW, .bound = "" };
        if (!policy_network_within(g, in->ceiling, &w)) {
                _cleanup_free_ char *sentence = NULL;
                int r = asprintf(&sentence,
                                "The grant %s. Ask for less, or ask the administrator to widen the ceiling "
                                "of this host.",
                                w.sentence ? w.sentence : "is more than the ceiling of this host allows");
                if (r < 0)
                        sentence = NULL;
                r = r < 0 ? -ENOMEM : deny(ret, REASON_BEYOND_CEILING, "ceiling", "ceiling", sentence);
                widening_clear(&w);
                return r;
        }
        if (is_for_host(g) && in->effective->host_loopback != VERDICT_ALLOW)
                return deny(ret, REASON_BEYOND_AGENT, "policy", "/network/ingress/hostLoopback",
                                "That address is the host's own loopback, which the policy of the sandbox "
                                "does not open, and no grant does.");
        if (is_for_itself(g))
                return deny(ret, REASON_UNSUPPORTED, "host", "grant",
                                "In a sandbox that is its own loopback, which it reaches without a grant. "
                                "No grant opens the host's.");
        const NetRule *denial = find_denial(in->effective, g);
        if (denial)
                return deny(ret, REASON_BEYOND_AGENT, "policy", denial->clause,
                                "The policy of the sandbox denies that by a rule, which no grant undoes.");
        const char *what, *why;
        if (uncarried_rule(&g->egress, &g->egress, &what, &why)) {
                _cleanup_free_ char *sentence = NULL;
                if (asprintf(&sentence, "The grant is of %s, and %s.", what, why) < 0)
                        sentence = NULL;
                return sentence ? deny(ret, REASON_UNSUPPORTED, "host", "grant", sentence) : -ENOMEM;
        }
        *ret_beyond_agent = in->agent && !policy_network_within(g, in->agent, NULL);
        ret->clause = strdup("");
        return ret->clause ? 0 : -ENOMEM;
}

int grant_join(const GrantInput *in, const Policy *live, Policy **ret) {
        _cleanup_(policy_unrefp) Policy *bounded = NULL, *both = NULL;
        int r = policy_meet_network(in->grant->policy, in->ceiling, &bounded);
        if (r == 0 && in->agent && !in->grant->beyond_agent) {
                r = policy_meet_network(bounded, in->agent, &both);
                if (r == 0) {
                        policy_unref(bounded);
                        bounded = TAKE_PTR(both);
                }
        }
        return r < 0 ? r : policy_join_egress(live, bounded, in->grant->until, in->effective, ret);
}
