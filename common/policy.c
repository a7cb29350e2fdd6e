/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <openssl/evp.h>

#include "policy-internal.h"

/* The life of a policy, and the words of its enums. */

const char *const containment_words[_CONTAINMENT_MAX] = { "auto", "process", "session", "container",
        "microvm" };
const char *const workspace_mode_words[_WORKSPACE_MAX] = { "direct", "overlay" };
const char *const verdict_words[2] = { "deny", "allow" };
const char *const audit_level_words[_AUDIT_LEVEL_MAX] = { "none", "denied", "all" };
const char *const violation_action_words[_VIOLATION_ACTION_MAX] = { "none", "record", "freeze", "kill",
        "quarantine" };
const char *const clipboard_words[_CLIPBOARD_MAX] = { "none", "read", "write", "all" };
const char *const dns_words[_DNS_ANSWERS_MAX] = { "real", "synthetic" };
const char *const handoff_words[2] = { "protect", "allow" };
const char *const resource_keys[_RESOURCE_MAX] = { "memoryMax", "memorySwapMax", "tasksMax", "cpuQuota",
        "runtimeMax", "ioWeight", "cpuWeight", "filesMax" };
const char *const egress_limit_keys[_EGRESS_LIMIT_MAX] = { "bytesIn", "bytesOut", "connectionRate",
        "connections" };

uint64_t *policy_egress_limit(Policy *p, EgressLimit which) {
        switch (which) {
        case EGRESS_BYTES_IN:
                return &p->bytes_in;
        case EGRESS_BYTES_OUT:
                return &p->bytes_out;
        case EGRESS_CONNECTION_RATE:
                return &p->connection_rate;
        case EGRESS_CONNECTIONS:
        case _EGRESS_LIMIT_MAX:
                break;
        }
        return &p->connections;
}

uint64_t policy_egress_limit_get(const Policy *p, EgressLimit which) {
        const uint64_t limits[_EGRESS_LIMIT_MAX] = { p->bytes_in, p->bytes_out, p->connection_rate,
                p->connections };
        return limits[which];
}

int policy_new(Policy **ret) {
        Policy *p = calloc(1, sizeof(Policy));
        if (!p)
                return -ENOMEM;
        p->n_ref = 1;
        p->name = strdup("");
        p->description = strdup("");
        if (!p->name || !p->description) {
                policy_unref(p);
                return -ENOMEM;
        }
        p->ui_disabled = true;
        for (size_t i = 0; i < _EGRESS_LIMIT_MAX; i++)
                *policy_egress_limit(p, (EgressLimit)i) = RESOURCE_UNLIMITED;
        for (size_t i = 0; i < _RESOURCE_MAX; i++)
                p->resources[i] = RESOURCE_UNLIMITED;
        p->violation_threshold = RESOURCE_UNLIMITED;
        *ret = p;
        return 0;
}

Policy *policy_ref(Policy *p) {
        if (p)
                p->n_ref++;
        return p;
}

Policy *policy_unref(Policy *p) {
        if (!p || --p->n_ref > 0)
                return NULL;
        free(p->name);
        free(p->description);
        paths_free(p->paths, p->n_paths);
        strings_free(p->exec, p->n_exec);
        strings_free(p->pass_env, p->n_pass_env);
        env_free(p->set_env, p->n_set_env);
        net_direction_clear(&p->egress);
        net_direction_clear(&p->ingress);
        net_publish_free(p->publish, p->n_publish);
        free(p);
        return NULL;
}

char *clause_in(const Policy *origin, const char *clause) {
        char *s;
        if (clause[0] != '/' || !origin || !origin->name[0])
                return strdup(clause);
        return asprintf(&s, "%s#%s", origin->name, clause) < 0 ? NULL : s;
}

static int copy_lists(const Policy *p, const Policy *origin, Policy *c) {
        int r = 0;
        for (size_t i = 0; i < p->n_paths && r == 0; i++) {
                _cleanup_free_ char *clause = clause_in(origin, p->paths[i].clause);
                r = clause ? paths_add(&c->paths, &c->n_paths, p->paths[i].path, p->paths[i].access, clause)
                           : -ENOMEM;
        }
        for (size_t i = 0; i < p->n_exec && r == 0; i++)
                r = strings_add(&c->exec, &c->n_exec, p->exec[i]);
        for (size_t i = 0; i < p->n_pass_env && r == 0; i++)
                r = strings_add(&c->pass_env, &c->n_pass_env, p->pass_env[i]);
        for (size_t i = 0; i < p->n_set_env && r == 0; i++)
                r = env_add(&c->set_env, &c->n_set_env, p->set_env[i].name, p->set_env[i].value);
        return r;
}

static int copy_direction(const Policy *origin, const NetDirection *d, NetDirection *c) {
        c->fallback = d->fallback;
        int r = net_rules_append(origin, d->allow, d->n_allow, &c->allow, &c->n_allow);
        return r < 0 ? r : net_rules_append(origin, d->deny, d->n_deny, &c->deny, &c->n_deny);
}

int policy_copy(const Policy *p, const Policy *origin, Policy **ret) {
        _cleanup_(policy_unrefp) Policy *c = malloc(sizeof(Policy));
        if (!c)
                return -ENOMEM;
        *c = *p;
        /* what is owned is copied by hand; everything else is a value */
        c->n_ref = 1;
        c->paths = NULL;
        c->exec = c->pass_env = NULL;
        c->set_env = NULL;
        c->publish = NULL;
        c->n_paths = c->n_exec = c->n_pass_env = c->n_set_env = c->n_publish = 0;
        c->egress = c->ingress = (NetDirection){ 0 };
        c->name = strdup(p->name);
        c->description = strdup(p->description);
        if (!c->name || !c->description)
                return -ENOMEM;

        int r = copy_lists(p, origin, c);
        if (r == 0)
                r = copy_direction(origin, &p->egress, &c->egress);
        if (r == 0)
                r = copy_direction(origin, &p->ingress, &c->ingress);
        if (r == 0)
                r = publish_append(origin, p->publish, p->n_publish, &c->publish, &c->n_publish);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

static bool direction_fits(const NetDirection *d) {
        const NetRule *lists[] = { d->allow, d->deny };
        const size_t n[] = { d->n_allow, d->n_deny };
        for (size_t i = 0; i < ELEMENTSOF(lists); i++) {
                if (n[i] > LIMIT_POLICY_RULES)
                        return false;
                for (size_t j = 0; j < n[i]; j++)
                        if (lists[i][j].n_peers > LIMIT_POLICY_PEERS ||
                                        lists[i][j].n_ports > LIMIT_POLICY_PEERS)
                                return false;
        }
        return true;
}

static bool policy_fits(const Policy *p) {
        size_t n[_PATH_ACCESS_MAX] = { 0 };
        for (size_t i = 0; i < p->n_paths; i++)
                n[p->paths[i].access]++;
        return n[PATH_DENIED] <= LIMIT_POLICY_PATHS && n[PATH_READONLY] <= LIMIT_POLICY_PATHS &&
               n[PATH_READWRITE] <= LIMIT_POLICY_PATHS && p->n_exec <= LIMIT_POLICY_PATHS &&
               p->n_pass_env <= LIMIT_POLICY_ENV && p->n_set_env <= LIMIT_POLICY_ENV &&
               direction_fits(&p->egress) && direction_fits(&p->ingress) &&
               p->n_publish <= LIMIT_POLICY_PUBLISH;
}

int policy_seal(Policy *p) {
        paths_sort(p->paths, &p->n_paths);
        exec_reduce(p->exec, &p->n_exec);
        strings_sort(p->pass_env, &p->n_pass_env);
        env_sort(p->set_env, p->n_set_env);
        if (!policy_fits(p))
                return -E2BIG;

        _cleanup_free_ char *text = policy_canonical(p);
        if (!text)
                return -ENOMEM;
        size_t size = strlen(text);
        if (size > LIMIT_POLICY_BYTES)
                return -E2BIG; /* the canonical form must be a document again */

        unsigned char hash[EVP_MAX_MD_SIZE];
        unsigned n_hash;
        if (EVP_Digest(text, size, hash, &n_hash, EVP_sha256(), NULL) != 1 || n_hash != 32)
                return -ENOMEM;
        for (unsigned i = 0; i < n_hash; i++) {
                p->digest[2 * i] = "0123456789abcdef"[hash[i] >> 4];
                p->digest[2 * i + 1] = "0123456789abcdef"[hash[i] & 15];
        }
        p->digest[2 * n_hash] = '\0';
        return 0;
}

bool policy_name_is_valid(const char *name) {
        static const char bytes[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
        size_t n = strlen(name);
        return n > 0 && n <= LIMIT_NAME_BYTES && name[0] != '-' && strspn(name, bytes) == n;
}

bool policy_is_offline(const Policy *p) {
        return p->egress.fallback == VERDICT_DENY && p->egress.n_allow == 0 &&
               p->ingress.fallback == VERDICT_DENY && p->ingress.n_allow == 0 &&
               p->host_loopback == VERDICT_DENY && p->n_publish == 0;
}
