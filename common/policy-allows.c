/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy-internal.h"

/* One concrete request against one policy. This is the meaning of a policy; meet and within are tested against it. */

PathAccess policy_path_access(const Policy *p, const char *path, const PathRule **ret_rule) {
        const PathRule *rule = path_complaint(path) ? NULL : paths_find(p->paths, p->n_paths, path);
        if (ret_rule)
                *ret_rule = rule;
        return rule ? rule->access : PATH_DENIED;
}

bool policy_path_exec(const Policy *p, const char *path) {
        return policy_path_access(p, path, NULL) != PATH_DENIED && exec_covers(p->exec, p->n_exec, path);
}

static Verdict verdict(bool allowed) {
        return allowed ? VERDICT_ALLOW : VERDICT_DENY;
}

static Verdict allows_path(const Policy *p, const PolicyRequest *r, const char **ret_clause) {
        const PathRule *rule;
        PathAccess access = policy_path_access(p, r->target, &rule);
        *ret_clause = rule ? rule->clause : "/filesystem";
        if (r->kind == REQUEST_WRITE)
                return verdict(access == PATH_READWRITE);
        if (r->kind == REQUEST_READ || access == PATH_DENIED)
                return verdict(access != PATH_DENIED);
        bool exec = policy_path_exec(p, r->target);
        if (!exec)
                *ret_clause = "/filesystem/executePaths";
        return verdict(exec);
}

static Verdict allows_connect(const Policy *p, const PolicyRequest *r, const char **ret_clause) {
        NetCidr literal;
        char name[LIMIT_HOST_BYTES + 1];
        const NetCidr *address = cidr_parse_address(r->target, &literal) ? &literal : NULL;
        const char *host = !address && !host_canonical(r->target, false, name) ? name : NULL;

        *ret_clause = "/network/egress";
        if ((!address && !host) || (r->protocol != PROTOCOL_TCP && r->protocol != PROTOCOL_UDP &&
                                                   r->protocol != PROTOCOL_ICMP))
                return VERDICT_DENY;
        if (address && address_is_host_loopback(address) &&
                        (p->host_loopback == VERDICT_DENY || r->protocol == PROTOCOL_ICMP)) {
                *ret_clause = "/network/ingress/hostLoopback";
                return VERDICT_DENY;
        }
        const NetRule *rule = net_rules_find(
                        p->egress.deny, p->egress.n_deny, address, host, r->protocol, r->port);
        Verdict found = VERDICT_DENY;
        if (!rule) {
                rule = net_rules_find(
                                p->egress.allow, p->egress.n_allow, address, host, r->protocol, r->port);
                found = VERDICT_ALLOW;
        }
        if (rule && host && found == VERDICT_ALLOW && rule->speech < r->speech) {
                rule = net_rules_find_freest(p->egress.allow, p->egress.n_allow, host, r->protocol, r->port);
                if (rule->speech < r->speech) { /* more than names allow */
                        found = p->egress.fallback;
                        rule = found == VERDICT_ALLOW ? NULL : rule;
                }
        }
        if (rule) {
                *ret_clause = rule->clause;
                return found;
        }
        *ret_clause = "/network/egress/default";
        return p->egress.fallback;
}

/* target: an address of the host; port: there; amount: of the sandbox, 0 the same; value: for whom. */
static Verdict allows_publish(const Policy *p, const PolicyRequest *r, const char **ret_clause) {
        NetPublish asked = { .host = { r->port, r->port }, .sandbox = { r->port, r->port } };
        *ret_clause = "/network/ingress/publish";
        if (!cidr_parse_address(r->target, &asked.address) || r->amount > UINT16_MAX)
                return VERDICT_DENY;
        if (r->amount > 0)
                asked.sandbox = (PortRange){ (uint16_t)r->amount, (uint16_t)r->amount };
        if (r->value && streq(r->value, publish_clients_words[PUBLISH_ANY]))
                asked.clients = PUBLISH_ANY;
        const NetPublish *found = net_publish_find(p->publish, p->n_publish, &asked);
        if (!found)
                return VERDICT_DENY;
        *ret_clause = found->clause;
        return VERDICT_ALLOW;
}

static Verdict allows_resource(const Policy *p, const PolicyRequest *r, const char **ret_clause) {
        *ret_clause = "/resources";
        for (size_t i = 0; i < _RESOURCE_MAX; i++)
                if (streq(r->target, resource_keys[i]))
                        return verdict(r->amount <= p->resources[i]);
        *ret_clause = "/network/egress/limits";
        for (size_t i = 0; i < _EGRESS_LIMIT_MAX; i++)
                if (streq(r->target, egress_limit_keys[i]))
                        return verdict(r->amount <= policy_egress_limit_get(p, (EgressLimit)i));
        return VERDICT_DENY;
}

Verdict policy_allows(const Policy *p, const PolicyRequest *r, const char **ret_clause) {
        const char *ignored;
        if (!ret_clause)
                ret_clause = &ignored;
        *ret_clause = "";
        if (!r->target && r->kind != REQUEST_SPAWN)
                return VERDICT_DENY;

        switch (r->kind) {
        case REQUEST_READ:
        case REQUEST_WRITE:
        case REQUEST_EXEC:
                return allows_path(p, r, ret_clause);
        case REQUEST_CONNECT:
                return allows_connect(p, r, ret_clause);
        case REQUEST_ENV:
                *ret_clause = "/process/environment";
                return verdict(env_allows(p, r->target, r->value ? r->value : ""));
        case REQUEST_SYSCALL:
                *ret_clause = "/process/syscalls";
                return verdict(syscall_set_has(&p->syscalls, syscall_index(r->target)));
        case REQUEST_RESOURCE:
                return allows_resource(p, r, ret_clause);
        case REQUEST_SPAWN:
                *ret_clause = "/delegation";
                return verdict(p->delegation_spawn && r->amount <= p->delegation_depth);
        case REQUEST_PUBLISH:
                return allows_publish(p, r, ret_clause);
        case _REQUEST_MAX:
                break;
        }
        return VERDICT_DENY;
}
