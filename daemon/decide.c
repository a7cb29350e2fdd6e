/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "decide.h"

#include "address.h"
#include "carried.h"
#include "cleanup.h"
#include "cut.h"
#include "decide-internal.h"

#include <inttypes.h>
#include <stdarg.h>

DEFINE_CLEANUP(Policy *, policy_unref);

const char *decision_reason_to_string(DecisionReason r) {
        static const char *const words[] = {
#define X(name, word) word,
                DECISION_REASONS(X)
#undef X
        };
        _Static_assert(ELEMENTSOF(words) == _REASON_MAX, "a reason without a word");
        return r < _REASON_MAX ? words[r] : "";
}

void decision_clear(Decision *d) {
        free(d->clause);
        free(d->sentence);
        free(d->cut);
        policy_unref(d->effective);
        policy_unref(d->literal);
        *d = (Decision){ 0 };
}

/* Every step below returns 1 to go on, 0 when it has decided (the answer is no), or -ENOMEM. */

int decide_deny(Decision *d, DecisionReason reason, const char *bound, const char *clause,
                const char *format, ...) {
        va_list ap;
        va_start(ap, format);
        char *sentence;
        int r = vasprintf(&sentence, format, ap);
        va_end(ap);
        if (r < 0)
                return -ENOMEM;
        d->sentence = sentence;
        d->clause = strdup(clause);
        d->verdict = VERDICT_DENY;
        d->reason = reason;
        d->bound = bound;
        return d->clause ? 0 : -ENOMEM;
}

const char *decide_title(const Policy *p, PolicyTitle buffer) {
        if (!*p->name)
                return "policy of this request";
        (void)snprintf(buffer, sizeof(PolicyTitle), "policy %s", p->name);
        return buffer;
}

/* ---- the three, bound to the paths of the request ---- */

void policy_trio_clear(PolicyTrio *t) {
        policy_unref(t->requested);
        policy_unref(t->agent);
        policy_unref(t->ceiling);
        *t = (PolicyTrio){ 0 };
}

/* nobody's home must not make the whole file system somebody's */
PolicyBinding decide_binding(const DecideInput *in) {
        PolicyBinding b = in->binding;
        if (b.home && streq(b.home, "/"))
                b.home = NULL;
        return b;
}

static int bind_one(const Policy *p, const PolicyBinding *binding, Policy **ret, Decision *d) {
        PolicyError error = { 0 };
        PolicyTitle buffer;
        int r = p ? policy_bind(p, binding, ret, &error) : 0;
        if (r == -EINVAL) {
                bool outgrown = streq(error.pointer, "/bind");
                r = decide_deny(d, outgrown ? REASON_LIMIT : REASON_INVALID_ARGUMENT, "policy", "",
                                "The %s cannot be used: %s.", decide_title(p, buffer), error.sentence);
        } else if (r == 0)
                r = 1;
        policy_error_clear(&error);
        return r;
}

int decide_bind(const DecideInput *in, const PolicyBinding *binding, PolicyTrio *ret, Decision *d) {
        int r = bind_one(in->requested, binding, &ret->requested, d);
        if (r > 0)
                r = bind_one(in->agent, binding, &ret->agent, d);
        return r > 0 ? bind_one(in->ceiling, binding, &ret->ceiling, d) : r;
}

/* -E2BIG where the meet outgrows what a policy can be. */
static int meet_trio(const PolicyTrio *t, Policy **ret) {
        _cleanup_(policy_unrefp) Policy *bounded = NULL;
        int r = t->agent ? policy_meet(t->requested, t->agent, &bounded) : 0;
        if (r < 0)
                return r;
        return policy_meet(bounded ? bounded : t->requested, t->ceiling, ret);
}

/* ---- the workspace ---- */

bool path_is_at_or_below(const char *path, const char *ancestor) {
        size_t n = strlen(ancestor);
        return strncmp(path, ancestor, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* Parts of the system, whatever a ceiling may say: what is below them is either made by the kernel or run by root. */
static bool is_of_the_system(const char *path) {
        static const char *const system[] = { "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64",
                "/libx32", "/proc", "/run", "/sbin", "/sys", "/usr", "/var/run" };
        static const char *const local[] = { "/usr/local/", "/usr/src/" }; /* people build there */
        for (size_t i = 0; i < ELEMENTSOF(local); i++)
                if (strncmp(path, local[i], strlen(local[i])) == 0)
                        return false;
        for (size_t i = 0; i < ELEMENTSOF(system); i++)
                if (path_is_at_or_below(path, system[i]))
                        return true;
        return false;
}

/* How deep the entry lies when it is, bound, the path or above it; 0: neither. "/" covers nothing in particular, and what is said of
 * the workspace by that name is not asked here. */
static size_t depth_above(const char *entry, const PolicyBinding *b, const char *path) {
        static const char home[] = "${home}", runtime[] = "${runtime}";
        const char *base = "";
        if (path_is_at_or_below(entry, home)) {
                base = b->home;
                entry += sizeof(home) - 1;
        } else if (path_is_at_or_below(entry, runtime)) {
                base = b->runtime;
                entry += sizeof(runtime) - 1;
        }
        if (!base || *entry == '$' || streq(base, "/") || (!*base && streq(entry, "/")))
                return 0;
        size_t n = strlen(base), m = strlen(entry);
        if (strncmp(path, base, n) != 0 || strncmp(path + n, entry, m) != 0)
                return 0;
        return path[n + m] == '/' || path[n + m] == '\0' ? n + m : 0;
}

/* What a bound says of the path by entries that do not name ${workspace}: the deepest, and of one path the strictest. */
static const PathRule *rule_without_workspace(
                const Policy *bound, const PolicyBinding *b, const char *path) {
        const PathRule *found = NULL;
        size_t depth = 0;
        for (size_t i = 0; i < bound->n_paths; i++) {
                const PathRule *rule = &bound->paths[i];
                size_t n = depth_above(rule->path, b, path);
                if (n > depth || (n > 0 && n == depth && rule->access < found->access)) {
                        found = rule;
                        depth = n;
                }
        }
        return found;
}

/* "${workspace}" in a bound says that agents may work where people do. It is no key to what the same bound denies. */
static int check_workspace_against(const Policy *bound, const char *word, DecisionReason reason,
                const PolicyBinding *b, Decision *d) {
        if (!bound)
                return 1;
        const PathRule *rule = rule_without_workspace(bound, b, b->workspace);
        if (!rule || rule->access != PATH_DENIED)
                return 1;
        _cleanup_free_ char *clause = NULL;
        if (asprintf(&clause, "%s%s%s", bound->name, *bound->name && *rule->clause == '/' ? "#" : "",
                            rule->clause) < 0) {
                clause = NULL;
                return -ENOMEM;
        }
        return decide_deny(d, reason, word, clause,
                        "%s cannot be a workspace: the %s denies %s. Choose a directory outside of it.",
                        b->workspace, streq(word, "agent") ? "agent's policy" : word, rule->path);
}

int decide_workspace(const DecideInput *in, const PolicyBinding *b, Decision *d) {
        const char *w = b->workspace;
        if (!w)
                return 1;
        if (streq(w, "/") || streq(w, "/home"))
                return decide_deny(d, REASON_INVALID_ARGUMENT, "host", "",
                                "%s cannot be a workspace: everybody's files are below it. Choose the "
                                "directory "
                                "of one project.",
                                w);
        if (b->home && !streq(b->home, w) && path_is_at_or_below(b->home, w))
                return decide_deny(d, REASON_INVALID_ARGUMENT, "host", "",
                                "%s cannot be a workspace: the home directory %s is below it. Choose the "
                                "directory of one project.",
                                w, b->home);
        if (is_of_the_system(w))
                return decide_deny(d, REASON_INVALID_ARGUMENT, "host", "",
                                "%s cannot be a workspace: it is a part of the system. Choose the directory "
                                "of "
                                "one project.",
                                w);
        int r = check_workspace_against(in->agent, "agent", REASON_BEYOND_AGENT, b, d);
        return r > 0 ? check_workspace_against(in->ceiling, "ceiling", REASON_BEYOND_CEILING, b, d) : r;
}

/* ---- the bounds ---- */

static int check_within(const Policy *requested, const Policy *bound, bool is_agent, Decision *d) {
        Widening w = { 0 };
        if (policy_within(requested, bound, &w))
                return 1;
        PolicyTitle buffer;
        int r = -ENOMEM;
        if (w.clause)
                r = decide_deny(d, is_agent ? REASON_BEYOND_AGENT : REASON_BEYOND_CEILING,
                                is_agent ? "agent" : "ceiling", w.clause,
                                "The %s %s. Ask for less, ask to have it cut down to what is allowed "
                                "(\"clamp\"), or ask the administrator to widen %s.",
                                decide_title(requested, buffer), w.sentence,
                                is_agent ? "the agent's policy" : "the ceiling of this host");
        widening_clear(&w);
        return r;
}

static int check_bounds(const PolicyTrio *t, bool clamp, Decision *d) {
        if (clamp)
                return 1;
        int r = t->agent ? check_within(t->requested, t->agent, true, d) : 1;
        return r > 0 ? check_within(t->requested, t->ceiling, false, d) : r;
}

static int check_meet(const PolicyTrio *t, Decision *d) {
        int r = meet_trio(t, &d->effective);
        if (r == -E2BIG)
                return decide_deny(d, REASON_LIMIT, "host", "",
                                "What the policy and its bounds allow together is too much to work out. "
                                "Give "
                                "the policy fewer paths and network rules.");
        return r < 0 ? r : 1;
}

/* ---- what this version can build ---- */

static bool asks_tier(const Policy *p) {
        return p->containment > CONTAINMENT_PROCESS;
}

static bool asks_overlay(const Policy *p) {
        return p->workspace_mode != WORKSPACE_DIRECT;
}

static bool asks_audit_files(const Policy *p) {
        return p->audit_files != AUDIT_NONE;
}

static bool asks_audit_exec(const Policy *p) {
        return p->audit_exec != AUDIT_NONE;
}

static bool asks_violations(const Policy *p) {
        return p->violation_action != VIOLATION_NONE;
}

typedef struct Duty {
        const char *clause;
        bool (*asks)(const Policy *p);
        const char *sentence;
} Duty;

/* What a policy demands and nobody here would do must not be promised by silence. */
static const Duty duties[] = {
        { "/containment", asks_tier,
                        "a stronger tier than \"process\", and this version builds no other. Run it on a "
                        "host "
                        "that can, or lower \"containment\"" },
        { "/filesystem/workspace", asks_overlay,
                        "a workspace in an overlay, which this version cannot build. Say \"direct\", and "
                        "work "
                        "in a copy" },
        { "/audit/files", asks_audit_files,
                        "a record of file accesses, which this version cannot see. Say \"none\"" },
        { "/audit/exec", asks_audit_exec,
                        "a record of the programs that run inside, which this version cannot see. Say "
                        "\"none\"; "
                        "every Spawn and Exec is recorded anyway" },
        { "/violations", asks_violations,
                        "an answer to violations, which this version cannot count. Say \"none\"" },
};

static int check_duty(const PolicyTrio *t, const Duty *duty, Decision *d) {
        const Policy *who[] = { t->requested, t->agent, t->ceiling };
        size_t i = 0;
        while (i + 1 < ELEMENTSOF(who) && !(who[i] && duty->asks(who[i])))
                i++;
        PolicyTitle buffer;
        _cleanup_free_ char *clause = NULL;
        if (asprintf(&clause, "%s%s%s", i > 0 ? who[i]->name : "", i > 0 ? "#" : "", duty->clause) < 0) {
                clause = NULL;
                return -ENOMEM;
        }
        return decide_deny(d, REASON_UNSUPPORTED, "host", clause, "The %s demands %s.",
                        decide_title(who[i], buffer), duty->sentence);
}

/* What a relay does is connections outward. What a bound names besides is not asked for. */
static int decide_network(const Policy *e, const Policy *requested, Decision *d) {
        const NetDirection *in = &e->ingress;
        if (in->n_allow > 0 || in->fallback == VERDICT_ALLOW) {
                const char *clause = in->n_allow > 0 ? in->allow[0].clause : "/network/ingress/default";
                return decide_deny(d, REASON_UNSUPPORTED, "host", clause,
                                "The policy lets others connect to any port of the sandbox (%s), which "
                                "this version cannot do. Name the ports with \"publish\".",
                                clause);
        }
        const char *what, *why;
        const NetRule *rule = uncarried_rule(&e->egress, &requested->egress, &what, &why);
        if (rule)
                return decide_deny(d, REASON_UNSUPPORTED, "host", rule->clause,
                                "The policy allows %s (%s), and %s.", what, rule->clause, why);
        return 1;
}

static bool is_same_place(const NetPublish *a, const NetPublish *b) {
        return cidr_equal(&a->address, &b->address) && a->host.from == b->host.from;
}

/* A bound names ranges; what is done is one port at one port. */
static int check_publish(const Policy *e, Decision *d) {
        for (size_t i = 0; i < e->n_publish; i++) {
                const NetPublish *p = &e->publish[i];
                if (!net_publish_is_single(p))
                        return decide_deny(d, REASON_UNSUPPORTED, "host", p->clause,
                                        "The policy publishes a range of ports or a block of addresses "
                                        "(%s). "
                                        "Name each port, with an entry of its own.",
                                        p->clause);
                for (size_t k = 0; k < i; k++)
                        if (is_same_place(p, &e->publish[k]))
                                return decide_deny(d, REASON_UNSUPPORTED, "host", p->clause,
                                                "The policy publishes two ports at one port of the host "
                                                "(%s). Take one of them out.",
                                                p->clause);
        }
        if (e->n_publish > LIMIT_PUBLISHED)
                return decide_deny(d, REASON_LIMIT, "host", e->publish[LIMIT_PUBLISHED].clause,
                                "The policy publishes %zu ports, and a sandbox may have %u.", e->n_publish,
                                LIMIT_PUBLISHED);
        return 1;
}

/* The cage has /dev and /proc of its own; the host's are no place to give away. */
static int check_paths(const Policy *e, Decision *d) {
        for (size_t i = 0; i < e->n_paths; i++) {
                const PathRule *rule = &e->paths[i];
                if (rule->access == PATH_DENIED || !(path_is_at_or_below(rule->path, "/dev") ||
                                                                   path_is_at_or_below(rule->path, "/proc")))
                        continue;
                return decide_deny(d, REASON_UNSUPPORTED, "host", rule->clause,
                                "The policy grants %s of the host, and a sandbox has a /dev and a /proc of "
                                "its own "
                                "in these places. Take it out of the policy.",
                                rule->path);
        }
        return 1;
}

static int check_buildable(const PolicyTrio *t, const DecideInput *in, Decision *d) {
        const Policy *e = d->effective;
        if (in->containment > CONTAINMENT_PROCESS)
                return decide_deny(d, REASON_UNSUPPORTED, "host", "",
                                "The request asks for a stronger tier than \"process\", and this version "
                                "builds no "
                                "other.");
        for (size_t i = 0; i < ELEMENTSOF(duties); i++)
                if (duties[i].asks(e))
                        return check_duty(t, &duties[i], d);
        int r = decide_network(e, t->requested, d);
        if (r > 0)
                r = check_publish(e, d);
        return r > 0 ? check_paths(e, d) : r;
}

/* ---- the decision ---- */

static int find_literal(const DecideInput *in, Decision *d) {
        static const PolicyBinding nothing = { 0 };
        _cleanup_(policy_trio_clear) PolicyTrio t = { 0 };
        int r = decide_bind(in, &nothing, &t, d);
        if (r <= 0)
                return r;
        r = meet_trio(&t, &d->literal);
        if (r == -E2BIG)
                return decide_deny(d, REASON_LIMIT, "host", "",
                                "What the policy and its bounds allow together is too much to work out. "
                                "Give "
                                "the policy fewer paths and network rules.");
        return r < 0 ? r : 1;
}

int decide(const DecideInput *in, Decision *ret) {
        const PolicyBinding binding = decide_binding(in);
        _cleanup_(decision_clear) Decision d = { 0 };
        _cleanup_(policy_trio_clear) PolicyTrio t = { 0 };
        int r = decide_bind(in, &binding, &t, &d);
        if (r > 0)
                r = decide_workspace(in, &binding, &d);
        if (r > 0)
                r = check_bounds(&t, in->clamp, &d);
        if (r > 0)
                r = check_meet(&t, &d);
        if (r > 0)
                r = check_buildable(&t, in, &d);
        if (r > 0 && in->clamp)
                r = cut_find(t.requested, t.agent, t.ceiling, &d.cut) < 0 ? -ENOMEM : 1;
        if (r > 0)
                r = find_literal(in, &d);
        if (r < 0)
                return r;
        if (r == 0) {
                d.effective = policy_unref(d.effective);
                d.literal = policy_unref(d.literal);
        } else {
                d.clause = strdup("");
                if (!d.clause)
                        return -ENOMEM;
                d.verdict = VERDICT_ALLOW;
                d.bound = "";
        }
        *ret = d;
        d = (Decision){ 0 };
        return 0;
}
