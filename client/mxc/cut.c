/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cut.h"

#include "text-list.h"
#include "tree.h"
#include "value.h"

#define EGRESS_RULES "/network/egress/allow/"

static const char *bound_text(const MxcCut *c) {
        return streq(c->by, "agent") ? "the agent's policy" : "the ceiling of this host";
}

static const char *after(const char *text, const char *prefix) {
        const size_t n = strlen(prefix);
        return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

static int say_path(const MxcRequest *q, const MxcCut *c, MxcStrings *ret) {
        const char *path = after(c->asked, "writing ");
        if (!path)
                path = after(c->asked, "reading ");
        if (!path || !mxc_strings_has(&q->named_paths, path))
                return 0;
        if (streq(path, "/tmp") || streq(path, "/var/tmp"))
                return mxc_strings_addf(ret,
                                "Filesystem path '%s' is not the host's: %s keeps that back, and a sandbox "
                                "has one of its own, which is empty at first and goes with it",
                                path, bound_text(c));
        return mxc_strings_addf(ret,
                        streq(c->held, "reading")
                                        ? "Filesystem path '%s' is read-only: %s allows no writing there"
                                        : "Filesystem path '%s' is not there: %s does not allow it",
                        path, bound_text(c));
}

static int say_exec(const MxcRequest *q, const MxcCut *c, MxcStrings *ret) {
        const char *path = after(c->asked, "executing below ");
        if (!path || !mxc_strings_has(&q->named_paths, path))
                return 0;
        return mxc_strings_addf(ret,
                        "Programs of filesystem path '%s' cannot be executed: %s does not allow it", path,
                        bound_text(c));
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
                return -ENOMEM;
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

int mxc_cut_say(const MxcRequest *q, const MxcCut *c, MxcStrings *ret) {
        if (!*c->field)
                return say_rest(c, ret);
        if (streq(c->field, "/filesystem/executePaths"))
                return say_exec(q, c, ret);
        if (after(c->field, "/filesystem/"))
                return say_path(q, c, ret);
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
                return mxc_strings_addf(ret, "process.env: %s is not there: %s does not pass it", c->asked,
                                bound_text(c));
        return streq(c->field, "/resources/runtimeMax") ? say_runtime(q, c, ret) : 0;
}
