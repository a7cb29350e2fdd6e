/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdarg.h>

#include "policy-internal.h"

/* within: a allows nothing that b forbids. Part by part, like meet; what is wider is named. Each of these is true where the next may be looked
 * at: always where all is wanted, and where one is enough as long as there was none. */

void widening_clear(Widening *w) {
        free(w->clause);
        free(w->sentence);
        free(w->asked);
        free(w->held);
        *w = (Widening){ 0 };
}

typedef struct Search {
        const Policy *a, *b;
        Widening *list; /* of max; NULL where nothing is to be told */
        size_t max, n;  /* n: found */
        bool all, failed;
} Search;

static const char *bound_name(const Search *s) {
        return *s->b->name ? s->b->name : "its bound";
}

typedef struct Found {
        const char *clause, *asked, *held;
        bool below;
} Found;

_printf_(3, 4) static bool wider(Search *s, const Found *found, const char *format, ...) {
        const size_t i = s->n++;
        if (i >= s->max)
                return s->all;
        char *sentence;
        va_list ap;
        va_start(ap, format);
        int r = vasprintf(&sentence, format, ap);
        va_end(ap);
        Widening w = { .sentence = r < 0 ? NULL : sentence, .below = found->below };
        w.clause = strdup(found->clause);
        w.asked = strdup(found->asked);
        w.held = strdup(found->held);
        if (w.sentence && w.clause && w.asked && w.held) {
                s->list[i] = w;
                return s->all;
        }
        widening_clear(&w);
        s->failed = true;
        return false;
}

static const char *access_word(PathAccess access) {
        static const char *const words[_PATH_ACCESS_MAX] = { "no access to", "reading", "writing" };
        return words[access];
}

static bool path_within(Search *s, const char *path, bool below) {
        const PathRule *rule = paths_find(s->a->paths, s->a->n_paths, path);
        PathAccess mine = rule ? rule->access : PATH_DENIED,
                   bound = paths_access(s->b->paths, s->b->n_paths, path);
        if (mine <= bound)
                return true;
        _cleanup_free_ char *asked = NULL;
        if (asprintf(&asked, "%s %s", access_word(mine), path) < 0) {
                asked = NULL;
                s->failed = true;
                return false;
        }
        const Found found = { rule->clause, asked, bound == PATH_DENIED ? "nothing" : access_word(bound),
                below };
        return wider(s, &found, "allows %s, where %s allows %s it", asked, bound_name(s),
                        access_word(bound));
}

static bool own_paths_within(Search *s) {
        for (size_t i = 0; i < s->a->n_paths; i++)
                if (!path_within(s, s->a->paths[i].path, false))
                        return false;
        return true;
}

/* With those, exact: see paths_meet(). */
static bool paths_below_within(Search *s) {
        for (size_t i = 0; i < s->b->n_paths; i++) {
                const char *path = s->b->paths[i].path;
                const PathRule *rule = paths_find(s->a->paths, s->a->n_paths, path);
                if (rule && streq(rule->path, path)) /* one of its own */
                        continue;
                if (!path_within(s, path, true))
                        return false;
        }
        return true;
}

static bool exec_entry_within(Search *s, const char *path) {
        _cleanup_free_ char *asked = NULL;
        if (asprintf(&asked, "executing below %s", path) < 0) {
                asked = NULL;
                s->failed = true;
                return false;
        }
        const Found found = { "/filesystem/executePaths", asked, "nothing", false };
        return wider(s, &found, "allows %s, which %s does not", asked, bound_name(s));
}

/* Execution needs reading, so of an entry that b lacks only the parts that a can read count. */
static bool exec_within(Search *s) {
        const Policy *a = s->a, *b = s->b;
        for (size_t i = 0; i < a->n_exec; i++) {
                const char *entry = a->exec[i];
                if (exec_covers(b->exec, b->n_exec, entry))
                        continue;
                if (paths_access(a->paths, a->n_paths, entry) != PATH_DENIED) {
                        if (!exec_entry_within(s, entry))
                                return false;
                        continue;
                }
                for (size_t j = 0; j < a->n_paths; j++)
                        if (a->paths[j].access != PATH_DENIED && path_covers(entry, a->paths[j].path) &&
                                        !exec_covers(b->exec, b->n_exec, a->paths[j].path) &&
                                        !exec_entry_within(s, a->paths[j].path))
                                return false;
        }
        return true;
}

static bool filesystem_within(Search *s) {
        static const Found direct = { "/filesystem/workspace", "direct", "overlay", false },
                           handoff = { "/filesystem/handoff", "allow", "protect", false };
        if (s->a->workspace_mode < s->b->workspace_mode &&
                        !wider(s, &direct, "writes the workspace directly, where %s demands an overlay",
                                        bound_name(s)))
                return false;
        if (s->a->handoff_allowed && !s->b->handoff_allowed &&
                        !wider(s, &handoff, "may write what programs of the host trust, which %s protects",
                                        bound_name(s)))
                return false;
        return own_paths_within(s) && exec_within(s);
}

static bool variables_within(Search *s) {
        const Policy *a = s->a, *b = s->b;
        for (size_t i = 0; i < a->n_pass_env; i++) {
                const Found found = { "/process/environment/pass", a->pass_env[i], "nothing", false };
                if (!strings_has(b->pass_env, b->n_pass_env, a->pass_env[i]) &&
                                !wider(s, &found, "passes %s, which %s does not", a->pass_env[i],
                                                bound_name(s)))
                        return false;
        }
        for (size_t i = 0; i < a->n_set_env; i++) {
                const Found found = { "/process/environment/set", a->set_env[i].name, "nothing", false };
                if (!env_allows(b, a->set_env[i].name, a->set_env[i].value) &&
                                !wider(s, &found, "sets %s to a value that %s does not allow",
                                                a->set_env[i].name, bound_name(s)))
                        return false;
        }
        return true;
}

static bool environment_within(Search *s) {
        static const Found all = { "/process/environment/pass", "all", "a few", false };
        if (s->b->pass_all_env)
                return true;
        if (s->a->pass_all_env)
                return wider(s, &all, "passes every variable, where %s names a few", bound_name(s));
        return variables_within(s);
}

/* Those of a that b has not: the first of them by name, and how many there are besides. */
static int calls_text(SyscallSet a, const SyscallSet *b, char **ret) {
        char *text = NULL;
        size_t size, n = 0;
        FILE *f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        for (int i; (i = syscall_set_first_beyond(&a, b)) >= 0; syscall_set_remove(&a, i))
                if (n++ < POLICY_CALLS_NAMED)
                        fprintf(f, "%s%s", n > 1 ? ", " : "", syscall_table[i]);
        if (n > POLICY_CALLS_NAMED)
                fprintf(f, " and %zu more", n - POLICY_CALLS_NAMED);
        if (fclose(f) != 0) {
                free(text);
                return -ENOMEM;
        }
        *ret = text;
        return 0;
}

static bool calls_within(Search *s) {
        const int first = syscall_set_first_beyond(&s->a->syscalls, &s->b->syscalls);
        _cleanup_free_ char *asked = NULL;
        if (first < 0)
                return true;
        if (calls_text(s->a->syscalls, &s->b->syscalls, &asked) < 0) {
                s->failed = true;
                return false;
        }
        const Found found = { "/process/syscalls", asked, "nothing", false };
        return wider(s, &found, "allows the system call %s, which %s does not", syscall_table[first],
                        bound_name(s));
}

static bool process_within(Search *s) {
        static const Found debugging = { "/process/debugging", "true", "false", false };
        if (s->a->debugging && !s->b->debugging &&
                        !wider(s, &debugging, "allows debugging, which %s does not", bound_name(s)))
                return false;
        return calls_within(s) && environment_within(s);
}

typedef char AmountText[32];

static const char *amount_text(uint64_t amount, AmountText buffer) {
        if (amount == RESOURCE_UNLIMITED)
                return "infinity";
        (void)snprintf(buffer, sizeof(AmountText), "%" PRIu64, amount);
        return buffer;
}

static bool amount_within(Search *s, const char *section, const char *key, uint64_t mine, uint64_t bound) {
        if (mine <= bound)
                return true;
        AmountText asked, held;
        _cleanup_free_ char *clause = NULL;
        if (asprintf(&clause, "%s/%s", section, key) < 0) {
                clause = NULL;
                s->failed = true;
                return false;
        }
        const Found found = { clause, amount_text(mine, asked), amount_text(bound, held), false };
        if (mine == RESOURCE_UNLIMITED)
                return wider(s, &found, "sets no limit, where %s has one", bound_name(s));
        return wider(s, &found, "is %" PRIu64 ", more than the %" PRIu64 " of %s", mine, bound,
                        bound_name(s));
}

/* Who may reach nothing by name is told no address. */
static bool asks_for_names(const Policy *p) {
        for (size_t i = 0; i < p->egress.n_allow; i++)
                for (size_t j = 0; j < p->egress.allow[i].n_peers; j++)
                        if (!p->egress.allow[i].peers[j].has_cidr)
                                return true;
        return p->egress.fallback == VERDICT_ALLOW;
}

static bool direction_within(Search *s, const NetDirection *a, const NetDirection *b, const char *where) {
        uint64_t budget = LIMIT_POLICY_PAIRS;
        const char *clause, *why;
        for (size_t i = 0; net_direction_beyond(a, b, where, &i, &budget, &clause, &why);) {
                const bool rest = a->fallback == VERDICT_ALLOW;
                const Found found = { clause, rest ? "allow" : "all of it",
                        rest && b->fallback == VERDICT_DENY ? "deny" : "less",
                        rest && b->fallback == VERDICT_ALLOW };
                if (!wider(s, &found, "%s %s (rules are compared one by one, so this may be said in doubt)",
                                    why, bound_name(s)))
                        return false;
        }
        return true;
}

static bool loopback_within(Search *s) {
        static const Found found = { "/network/ingress/hostLoopback", "allow", "deny", false };
        return s->a->host_loopback <= s->b->host_loopback ||
               wider(s, &found, "opens the host's loopback, which %s does not", bound_name(s));
}

static bool names_within(Search *s) {
        const Found found = { "/network/dns", dns_words[s->a->dns], dns_words[s->b->dns], false };
        return s->a->dns >= s->b->dns || !asks_for_names(s->a) ||
               wider(s, &found, "is told the addresses of names, which %s does not allow", bound_name(s));
}

static bool published_within(Search *s) {
        const NetPublish *beyond;
        for (size_t i = 0; (beyond = publish_beyond(s->a, s->b, &i));) {
                const Found found = { beyond->clause, "all of it", "less", false };
                if (!wider(s, &found,
                                    "publishes more than any single entry of %s allows (ports of the host "
                                    "and of the sandbox, address, clients)",
                                    bound_name(s)))
                        return false;
        }
        return true;
}

static bool network_within(Search *s) {
        if (!direction_within(s, &s->a->egress, &s->b->egress, "/network/egress/default") ||
                        !direction_within(s, &s->a->ingress, &s->b->ingress, "/network/ingress/default") ||
                        !loopback_within(s) || !names_within(s) || !published_within(s))
                return false;
        for (size_t i = 0; i < _EGRESS_LIMIT_MAX; i++)
                if (!amount_within(s, "/network/egress/limits", egress_limit_keys[i],
                                    policy_egress_limit_get(s->a, (EgressLimit)i),
                                    policy_egress_limit_get(s->b, (EgressLimit)i)))
                        return false;
        return true;
}

static bool ui_within(Search *s) {
        static const Found injection = { "/ui/injection", "true", "false", false },
                           interface = { "/ui/disable", "false", "true", false };
        const Clipboard both = (Clipboard)(s->a->clipboard & s->b->clipboard);
        const Found clipboard = { "/ui/clipboard", clipboard_words[s->a->clipboard], clipboard_words[both],
                false };
        if (!s->a->ui_disabled && s->b->ui_disabled &&
                        !wider(s, &interface, "allows a user interface, which %s does not", bound_name(s)))
                return false;
        if (s->a->clipboard != both &&
                        !wider(s, &clipboard, "allows more of the clipboard than %s", bound_name(s)))
                return false;
        return !s->a->injection || s->b->injection ||
               wider(s, &injection, "allows input injection, which %s does not", bound_name(s));
}

static bool delegation_within(Search *s) {
        static const Found found = { "/delegation/spawn", "true", "false", false };
        if (!s->a->delegation_spawn)
                return true;
        if (!s->b->delegation_spawn)
                return wider(s, &found, "may start sub-agents, which %s does not allow", bound_name(s));
        return amount_within(s, "/delegation", "depth", s->a->delegation_depth, s->b->delegation_depth);
}

/* What is below comes last, so that where not all is told it is what is named that is. */
static void search(Search *s) {
        if (streq(s->a->digest, s->b->digest))
                return; /* one policy, however long */
        if (!filesystem_within(s) || !process_within(s) || !network_within(s) || !ui_within(s) ||
                        !delegation_within(s))
                return;
        for (size_t i = 0; i < _RESOURCE_MAX; i++)
                if (!amount_within(s, "/resources", resource_keys[i], s->a->resources[i],
                                    s->b->resources[i]))
                        return;
        (void)paths_below_within(s); /* the last */
}

bool policy_within(const Policy *a, const Policy *b, Widening *ret) {
        Search s = { .a = a, .b = b, .list = ret, .max = ret ? 1 : 0 };
        search(&s);
        return s.n == 0 && !s.failed;
}

bool policy_network_within(const Policy *a, const Policy *b, Widening *ret) {
        Search s = { .a = a, .b = b, .list = ret, .max = ret ? 1 : 0 };
        return network_within(&s) && s.n == 0;
}

int policy_beyond(const Policy *a, const Policy *b, Widening *ret, size_t max, size_t *ret_n) {
        Search s = { .a = a, .b = b, .list = ret, .max = max, .all = true };
        search(&s);
        for (size_t i = 0; s.failed && i < s.n && i < max; i++)
                widening_clear(&ret[i]);
        if (s.failed)
                return -ENOMEM;
        *ret_n = s.n;
        return 0;
}
