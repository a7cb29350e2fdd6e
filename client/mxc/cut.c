/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cut.h"

#include "text-list.h"
#include "tree.h"
#include "value.h"

#define EGRESS_RULES "/network/egress/allow/"
#define RUNTIME "/resources/runtimeMax"

static const char *bound_text(const MxcCut *c) {
        return streq(c->by, "agent") ? "the agent's policy" : "the ceiling of this host";
}

static const char *after(const char *text, const char *prefix) {
        const size_t n = strlen(prefix);
        return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

/* All that there are, and which of them is looked at. */
typedef struct Rows {
        const MxcRequest *request;
        const MxcCut *items;
        size_t n;
} Rows;

/* Of a row about reading or writing one; NULL: it is about something else. */
static const char *path_of(const MxcCut *c) {
        const char *path = after(c->field, "/filesystem/") ? after(c->asked, "writing ") : NULL;
        return path || !after(c->field, "/filesystem/") ? path : after(c->asked, "reading ");
}

/* One of the bounds leaves nothing of it, so that what the other would leave is of no interest. */
static bool is_gone(const Rows *rows, const char *path) {
        for (size_t i = 0; i < rows->n; i++) {
                const char *other = path_of(&rows->items[i]);
                if (other && streq(other, path) && streq(rows->items[i].held, "nothing"))
                        return true;
        }
        return false;
}

/* A row is about the path itself: of what is below, a bound may say otherwise, and then more is there. */
static int say_path(const Rows *rows, const MxcCut *c, MxcStrings *ret) {
        const char *path = path_of(c);
        if (!path || !mxc_strings_has(&rows->request->named_paths, path))
                return 0;
        if (!streq(c->held, "nothing") && is_gone(rows, path))
                return 0;
        if (streq(path, "/tmp") || streq(path, "/var/tmp"))
                return mxc_strings_addf(ret,
                                "Filesystem path '%s' is not the host's: %s keeps that back, and a sandbox "
                                "has one of its own, which is empty at first and goes with it",
                                path, bound_text(c));
        return mxc_strings_addf(ret,
                        streq(c->held, "reading")
                                        ? "Filesystem path '%s' is read-only: %s allows no writing there, "
                                          "but for what it names below"
                                        : "Filesystem path '%s' is not there: %s does not allow it, but for "
                                          "what it names below",
                        path, bound_text(c));
}

/* Where the path is not there, that is why. */
static int say_exec(const Rows *rows, const MxcCut *c, MxcStrings *ret) {
        const char *path = after(c->asked, "executing below ");
        if (!path || !mxc_strings_has(&rows->request->named_paths, path) || is_gone(rows, path))
                return 0;
        return mxc_strings_addf(ret,
                        "Programs of filesystem path '%s' cannot be executed: %s does not allow it, but for "
                        "what it names below",
                        path, bound_text(c));
}

static int say_variable(const MxcCut *c, MxcStrings *ret) {
        if (!streq(c->held, "nothing")) /* of a sandbox whose commands come later, each with its own */
                return mxc_strings_addf(ret,
                                "process.env: of a command's variables those are there that %s passes, and "
                                "no other",
                                bound_text(c));
        return mxc_strings_addf(
                        ret, "process.env: %s is not there: %s does not pass it", c->asked, bound_text(c));
}

/* Of all lists of hosts and rules the translator made rules; who reads it knows the destinations. */
static int say_rule(const MxcRequest *q, const MxcCut *c, MxcStrings *ret) {
        _cleanup_(tree_clear) Tree policy = { 0 };
        TreeFault fault;
        int r = tree_read(q->policy, strlen(q->policy), LIMIT_MXC_CONFIG_DEPTH, &policy, &fault);
        if (r < 0)
                return r;
        const Tree *rules = tree_get(tree_get(tree_get(&policy, "network"), "egress"), "allow");
        size_t number = strtoul(c->field + strlen(EGRESS_RULES), NULL, 10);
        if (!rules || rules->kind != TREE_ARRAY || number >= rules->n_items)
                return 0; /* of a version that numbers them otherwise: there is nothing to be said of it, and the command runs */
        const Tree *rule = &rules->items[number];
        return mxc_strings_addf(ret,
                        "network: not all that %.*s names can be reached: %s does not allow it, or not all "
                        "of it",
                        (int)(rule->end - rule->begin), q->policy + rule->begin, bound_text(c));
}

/* MXC has no limit but its timeout. */
static int say_runtime(const MxcRequest *q, const MxcCut *c, MxcStrings *ret) {
        const uint64_t usec = strtoull(c->held, NULL, 10);
        if (q->timeout_usec == 0 || usec >= q->timeout_usec)
                return 0;
        return mxc_strings_addf(ret, "process.timeout: it ends after %llums: %s allows no more",
                        (unsigned long long)(usec / 1000), bound_text(c));
}

static int say_rest(const MxcCut *c, MxcStrings *ret) {
        if (streq(c->held, "below"))
                return 0;
        return mxc_strings_addf(ret,
                        "%s of what this asks for is not allowed either; `mxcctl policy explain` tells of "
                        "each",
                        c->asked);
}

static int say(const Rows *rows, const MxcCut *c, MxcStrings *ret) {
        const MxcRequest *q = rows->request;
        if (!*c->field)
                return say_rest(c, ret);
        if (streq(c->field, "/filesystem/executePaths"))
                return say_exec(rows, c, ret);
        if (after(c->field, "/filesystem/"))
                return say_path(rows, c, ret);
        if (after(c->field, EGRESS_RULES))
                return say_rule(q, c, ret);
        if (streq(c->field, "/network/egress/default") && streq(c->held, "deny"))
                return mxc_strings_addf(ret,
                                "network: it is not open: of what no rule names nothing can be reached but "
                                "what %s allows",
                                bound_text(c));
        if (streq(c->field, "/network/ingress/hostLoopback") && q->names_loopback)
                return mxc_strings_addf(ret,
                                "network: the host's loopback (10.0.2.2) cannot be reached: %s has no "
                                "hostLoopback",
                                bound_text(c));
        if (streq(c->field, "/process/environment/pass"))
                return say_variable(c, ret);
        return streq(c->field, RUNTIME) ? say_runtime(q, c, ret) : 0;
}

int mxc_cut_say(const MxcRequest *q, const MxcCut *rows, size_t n, MxcStrings *ret) {
        const Rows all = { .request = q, .items = rows, .n = n };
        int r = 0;
        for (size_t i = 0; i < n && r == 0; i++)
                r = say(&all, &rows[i], ret);
        return r;
}

uint64_t mxc_cut_timeout(const MxcRequest *q, const MxcCut *rows, size_t n) {
        uint64_t least = q->timeout_usec;
        bool whole = true;
        for (size_t i = 0; i < n; i++) {
                if (!*rows[i].field)
                        whole = streq(rows[i].held, "below");
                if (!streq(rows[i].field, RUNTIME))
                        continue;
                const uint64_t usec = strtoull(rows[i].held, NULL, 10);
                if (least == 0 || usec < least)
                        least = usec;
        }
        return whole ? least : 0;
}

const MxcNeed *mxc_cut_need(const MxcRequest *q, const char *sentence) {
        static const char denies[] = " does not allow ";
        static const struct {
                const char *action, *words;
        } verbs[] = { { "read", "reading" }, { "write", "writing" }, { "exec", "executing" },
                { "connect", "connecting to" } };
        const char *what = strstr(sentence, denies);
        if (!what || !strstr(what, " The request needs it"))
                return NULL;
        what += sizeof denies - 1;
        for (size_t i = 0; i < q->n_needs; i++)
                for (size_t k = 0; k < ELEMENTSOF(verbs); k++) {
                        const MxcNeed *need = &q->needs[i];
                        const char *rest = streq(need->action, verbs[k].action) ? after(what, verbs[k].words)
                                                                                : NULL;
                        rest = rest && *rest == ' ' ? after(rest + 1, need->target) : NULL;
                        if (rest && (need->port > 0 ? after(rest, ", tcp port ") != NULL
                                                    : after(rest, ". ") != NULL))
                                return need;
                }
        return NULL;
}
