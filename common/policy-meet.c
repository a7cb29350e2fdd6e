/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy-internal.h"

/* meet: what both allow. Each part of a policy is a set of its own, so the meet is taken part by part. */

static uint64_t lesser(uint64_t a, uint64_t b) {
        return a < b ? a : b;
}

static uint64_t greater(uint64_t a, uint64_t b) {
        return a > b ? a : b;
}

static int meet_names(const Policy *a, const Policy *b, Policy *m) {
        if (streq(a->name, b->name)) {
                free(m->name);
                m->name = strdup(a->name);
        }
        if (streq(a->description, b->description)) {
                free(m->description);
                m->description = strdup(a->description);
        }
        return m->name && m->description ? 0 : -ENOMEM;
}

/* What is executable in both: the entries of each that the other covers. */
static int meet_exec(const Policy *a, const Policy *b, Policy *m) {
        int r = 0;
        for (size_t i = 0; i < a->n_exec && r == 0; i++)
                if (exec_covers(b->exec, b->n_exec, a->exec[i]))
                        r = strings_add(&m->exec, &m->n_exec, a->exec[i]);
        for (size_t i = 0; i < b->n_exec && r == 0; i++)
                if (exec_covers(a->exec, a->n_exec, b->exec[i]))
                        r = strings_add(&m->exec, &m->n_exec, b->exec[i]);
        return r;
}

static int meet_network(const Policy *a, const Policy *b, Policy *m) {
        m->dns = a->dns > b->dns ? a->dns : b->dns;
        m->host_loopback = a->host_loopback < b->host_loopback ? a->host_loopback : b->host_loopback;
        for (size_t i = 0; i < _EGRESS_LIMIT_MAX; i++)
                *policy_egress_limit(m, (EgressLimit)i) = lesser(policy_egress_limit_get(a, (EgressLimit)i),
                                policy_egress_limit_get(b, (EgressLimit)i));
        int r = net_direction_meet(a, &a->egress, b, &b->egress, &m->egress);
        if (r == 0)
                r = net_direction_meet(a, &a->ingress, b, &b->ingress, &m->ingress);
        return r < 0 ? r : publish_meet(a, b, m);
}

static void meet_values(const Policy *a, const Policy *b, Policy *m) {
        m->workspace_mode = a->workspace_mode > b->workspace_mode ? a->workspace_mode : b->workspace_mode;
        m->handoff_allowed = a->handoff_allowed && b->handoff_allowed;
        m->syscalls = syscall_set_meet(&a->syscalls, &b->syscalls);
        m->debugging = a->debugging && b->debugging;
        m->ui_disabled = a->ui_disabled || b->ui_disabled;
        m->clipboard = (Clipboard)(a->clipboard &
                                   b->clipboard); /* read and write are one bit each, all is both */
        m->injection = a->injection && b->injection;
        for (size_t i = 0; i < _RESOURCE_MAX; i++)
                m->resources[i] = lesser(a->resources[i], b->resources[i]);
        m->delegation_spawn = a->delegation_spawn && b->delegation_spawn;
        m->delegation_depth =
                        m->delegation_spawn ? (uint32_t)lesser(a->delegation_depth, b->delegation_depth) : 0;
}

/* Obligations: the stricter. More violations sooner, over a longer window, with the harder answer. */
static void meet_duties(const Policy *a, const Policy *b, Policy *m) {
        m->containment = a->containment > b->containment ? a->containment : b->containment;
        m->audit_files = a->audit_files > b->audit_files ? a->audit_files : b->audit_files;
        m->audit_exec = a->audit_exec > b->audit_exec ? a->audit_exec : b->audit_exec;
        m->audit_network = a->audit_network > b->audit_network ? a->audit_network : b->audit_network;
        m->violation_action = a->violation_action > b->violation_action ? a->violation_action
                                                                        : b->violation_action;
        m->violation_threshold = lesser(a->violation_threshold, b->violation_threshold);
        m->violation_window_usec = greater(a->violation_window_usec, b->violation_window_usec);
}

int policy_meet(const Policy *a, const Policy *b, Policy **ret) {
        _cleanup_(policy_unrefp) Policy *m = NULL;
        int r;
        if (streq(a->digest, b->digest)) { /* one policy, as when a request names the agent's own */
                r = policy_copy(a, a, &m);
                if (r == 0)
                        r = policy_seal(m);
                if (r == 0)
                        *ret = TAKE_PTR(m);
                return r;
        }
        r = policy_new(&m);
        if (r < 0)
                return r;

        meet_values(a, b, m);
        meet_duties(a, b, m);
        r = meet_names(a, b, m);
        if (r == 0)
                r = paths_meet(a, b, &m->paths, &m->n_paths);
        if (r == 0)
                r = meet_exec(a, b, m);
        if (r == 0)
                r = env_meet(a, b, m);
        if (r == 0)
                r = meet_network(a, b, m);
        if (r == 0)
                r = policy_seal(m);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

/* What is said of networks is the caller's to say. */
static int copy_without_network(const Policy *a, Policy **ret) {
        int r = policy_copy(a, a, ret);
        if (r < 0)
                return r;
        net_direction_clear(&(*ret)->egress);
        net_direction_clear(&(*ret)->ingress);
        net_publish_free((*ret)->publish, (*ret)->n_publish);
        (*ret)->publish = NULL;
        (*ret)->n_publish = 0;
        return 0;
}

int policy_meet_network(const Policy *a, const Policy *b, Policy **ret) {
        _cleanup_(policy_unrefp) Policy *m = NULL;
        int r = copy_without_network(a, &m);
        if (r == 0)
                r = meet_network(a, b, m);
        if (r == 0)
                r = policy_seal(m);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

int policy_join_egress(
                const Policy *a, const Policy *b, uint64_t until, const Policy *denies, Policy **ret) {
        _cleanup_(policy_unrefp) Policy *m = NULL;
        NetDirection egress = { .fallback = VERDICT_DENY };
        int r = policy_copy(a, NULL, &m);
        if (r == 0)
                r = net_direction_join(&a->egress, &b->egress, until, &denies->egress, &egress);
        if (r < 0) {
                net_direction_clear(&egress);
                return r;
        }
        net_direction_clear(&m->egress);
        m->egress = egress;
        r = policy_seal(m);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}
