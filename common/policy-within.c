/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdarg.h>

#include "policy-internal.h"

/* within: a allows nothing that b forbids. Part by part, like meet; the first part that is wider is named. */

void widening_clear(Widening *w) {
        free(w->clause);
        free(w->sentence);
        *w = (Widening){ 0 };
}

/* Always false, so that a check reads: return wider(…). */
_printf_(3, 4) static bool wider(Widening *w, const char *clause, const char *format, ...) {
        if (!w)
                return false;
        char *sentence;
        va_list ap;
        va_start(ap, format);
        int r = vasprintf(&sentence, format, ap);
        va_end(ap);
        if (r < 0)
                return false;
        w->sentence = sentence;
        w->clause = strdup(clause);
        return false;
}

static const char *bound_name(const Policy *b) {
        return *b->name ? b->name : "its bound";
}

static const char *access_word(PathAccess access) {
        static const char *const words[_PATH_ACCESS_MAX] = { "no access to", "reading", "writing" };
        return words[access];
}

static bool path_within(const Policy *a, const Policy *b, const char *path, Widening *w) {
        const PathRule *rule = paths_find(a->paths, a->n_paths, path);
        PathAccess mine = rule ? rule->access : PATH_DENIED,
                   bound = paths_access(b->paths, b->n_paths, path);
        if (mine <= bound)
                return true;
        return wider(w, rule->clause, "allows %s %s, where %s allows %s it", access_word(mine), path,
                        bound_name(b), access_word(bound));
}

/* Exact: see paths_meet(). */
static bool paths_within(const Policy *a, const Policy *b, Widening *w) {
        for (size_t i = 0; i < a->n_paths; i++)
                if (!path_within(a, b, a->paths[i].path, w))
                        return false;
        for (size_t i = 0; i < b->n_paths; i++)
                if (!path_within(a, b, b->paths[i].path, w))
                        return false;
        return true;
}

/* Execution needs reading, so of an entry that b lacks only the parts that a can read count. */
static bool exec_within(const Policy *a, const Policy *b, Widening *w) {
        static const char clause[] = "/filesystem/executePaths";
        for (size_t i = 0; i < a->n_exec; i++) {
                const char *entry = a->exec[i];
                if (exec_covers(b->exec, b->n_exec, entry))
                        continue;
                if (paths_access(a->paths, a->n_paths, entry) != PATH_DENIED)
                        return wider(w, clause, "allows executing below %s, which %s does not", entry,
                                        bound_name(b));
                for (size_t j = 0; j < a->n_paths; j++)
                        if (a->paths[j].access != PATH_DENIED && path_covers(entry, a->paths[j].path) &&
                                        !exec_covers(b->exec, b->n_exec, a->paths[j].path))
                                return wider(w, clause, "allows executing below %s, which %s does not",
                                                a->paths[j].path, bound_name(b));
        }
        return true;
}

static bool filesystem_within(const Policy *a, const Policy *b, Widening *w) {
        if (a->workspace_mode < b->workspace_mode)
                return wider(w, "/filesystem/workspace",
                                "writes the workspace directly, where %s demands an overlay", bound_name(b));
        if (a->handoff_allowed && !b->handoff_allowed)
                return wider(w, "/filesystem/handoff",
                                "may write what programs of the host trust, which %s protects",
                                bound_name(b));
        return paths_within(a, b, w) && exec_within(a, b, w);
}

static bool environment_within(const Policy *a, const Policy *b, Widening *w) {
        if (b->pass_all_env)
                return true;
        if (a->pass_all_env)
                return wider(w, "/process/environment/pass", "passes every variable, where %s names a few",
                                bound_name(b));
        for (size_t i = 0; i < a->n_pass_env; i++)
                if (!strings_has(b->pass_env, b->n_pass_env, a->pass_env[i]))
                        return wider(w, "/process/environment/pass", "passes %s, which %s does not",
                                        a->pass_env[i], bound_name(b));
        for (size_t i = 0; i < a->n_set_env; i++)
                if (!env_allows(b, a->set_env[i].name, a->set_env[i].value))
                        return wider(w, "/process/environment/set",
                                        "sets %s to a value that %s does not allow", a->set_env[i].name,
                                        bound_name(b));
        return true;
}

static bool process_within(const Policy *a, const Policy *b, Widening *w) {
        if (a->debugging && !b->debugging)
                return wider(w, "/process/debugging", "allows debugging, which %s does not", bound_name(b));
        int index = syscall_set_first_beyond(&a->syscalls, &b->syscalls);
        if (index >= 0)
                return wider(w, "/process/syscalls", "allows the system call %s, which %s does not",
                                syscall_table[index], bound_name(b));
        return environment_within(a, b, w);
}

static bool amount_within(const char *section, const char *key, uint64_t mine, uint64_t bound,
                const Policy *b, Widening *w) {
        if (mine <= bound)
                return true;
        _cleanup_free_ char *clause = NULL;
        if (asprintf(&clause, "%s/%s", section, key) < 0) {
                clause = NULL;
                return false;
        }
        if (mine == RESOURCE_UNLIMITED)
                return wider(w, clause, "sets no limit, where %s has one", bound_name(b));
        return wider(w, clause, "is %" PRIu64 ", more than the %" PRIu64 " of %s", mine, bound,
                        bound_name(b));
}

/* Who may reach nothing by name is told no address. */
static bool asks_for_names(const Policy *p) {
        for (size_t i = 0; i < p->egress.n_allow; i++)
                for (size_t j = 0; j < p->egress.allow[i].n_peers; j++)
                        if (!p->egress.allow[i].peers[j].has_cidr)
                                return true;
        return p->egress.fallback == VERDICT_ALLOW;
}

bool policy_network_within(const Policy *a, const Policy *b, Widening *w) {
        const char *clause, *why;
        if (!net_direction_within(&a->egress, &b->egress, "/network/egress/default", &clause, &why) ||
                        !net_direction_within(
                                        &a->ingress, &b->ingress, "/network/ingress/default", &clause, &why))
                return wider(w, clause,
                                "%s %s (rules are compared one by one, so this may be said in doubt)", why,
                                bound_name(b));
        if (a->host_loopback > b->host_loopback)
                return wider(w, "/network/ingress/hostLoopback",
                                "opens the host's loopback, which %s does not", bound_name(b));
        if (a->dns < b->dns && asks_for_names(a))
                return wider(w, "/network/dns", "is told the addresses of names, which %s does not allow",
                                bound_name(b));
        const NetPublish *beyond = publish_beyond(a, b);
        if (beyond)
                return wider(w, beyond->clause,
                                "publishes more than any single entry of %s allows (ports of the host and "
                                "of the sandbox, address, clients)",
                                bound_name(b));
        for (size_t i = 0; i < _EGRESS_LIMIT_MAX; i++)
                if (!amount_within("/network/egress/limits", egress_limit_keys[i],
                                    policy_egress_limit_get(a, (EgressLimit)i),
                                    policy_egress_limit_get(b, (EgressLimit)i), b, w))
                        return false;
        return true;
}

static bool ui_within(const Policy *a, const Policy *b, Widening *w) {
        if (!a->ui_disabled && b->ui_disabled)
                return wider(w, "/ui/disable", "allows a user interface, which %s does not", bound_name(b));
        if (a->clipboard & ~b->clipboard)
                return wider(w, "/ui/clipboard", "allows more of the clipboard than %s", bound_name(b));
        if (a->injection && !b->injection)
                return wider(w, "/ui/injection", "allows input injection, which %s does not", bound_name(b));
        return true;
}

static bool delegation_within(const Policy *a, const Policy *b, Widening *w) {
        if (!a->delegation_spawn)
                return true;
        if (!b->delegation_spawn)
                return wider(w, "/delegation/spawn", "may start sub-agents, which %s does not allow",
                                bound_name(b));
        return amount_within("/delegation", "depth", a->delegation_depth, b->delegation_depth, b, w);
}

bool policy_within(const Policy *a, const Policy *b, Widening *ret) {
        if (streq(a->digest, b->digest))
                return true; /* one policy, however long */
        if (!filesystem_within(a, b, ret) || !process_within(a, b, ret) ||
                        !policy_network_within(a, b, ret) || !ui_within(a, b, ret) ||
                        !delegation_within(a, b, ret))
                return false;
        for (size_t i = 0; i < _RESOURCE_MAX; i++)
                if (!amount_within("/resources", resource_keys[i], a->resources[i], b->resources[i], b, ret))
                        return false;
        return true;
}
