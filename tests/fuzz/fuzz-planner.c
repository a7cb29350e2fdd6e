/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"
#include "plan-property.h"
#include "policy-internal.h"

/* A policy, 0x1e, a bound ("" for the policy itself), 0x1e, and the options of a request, one a line: "workspace /w", "argv make".
 * That is what reaches the rule and the planner from outside: what a caller says, after the door has read it.
 *
 * Properties: nothing crashes; a refusal has its reason and its sentence; what is allowed lies within the bound; the plan is the
 * policy, path by path, and can be sent. */

#define MOST 32

typedef struct Options {
        char *text; /* owned; everything below points into it */
        const char *workspace, *home, *runtime, *cwd, *agent;
        char *argv[MOST + 1], *env[MOST + 1];
        HostLink links[4];
        PlanHandoff names[MOST];
        size_t n_argv, n_env, n_links, n_names;
        bool clamp, stored, is_bound_twice, pty;
        unsigned number; /* of containment, rows, uid */
} Options;

static void options_clear(Options *o) {
        free(o->text);
}

static bool take(char *line, const char *key, char **ret) {
        size_t n = strlen(key);
        if (strncmp(line, key, n) != 0 || line[n] != ' ')
                return false;
        *ret = line + n + 1;
        return true;
}

static void read_line(Options *o, char *line) {
        char *value;
        if (take(line, "workspace", &value))
                o->workspace = value;
        else if (take(line, "home", &value))
                o->home = value;
        else if (take(line, "runtime", &value))
                o->runtime = value;
        else if (take(line, "cwd", &value))
                o->cwd = value;
        else if (take(line, "agent", &value))
                o->agent = value;
        else if (take(line, "argv", &value) && o->n_argv < MOST)
                o->argv[o->n_argv++] = value;
        else if (take(line, "env", &value) && o->n_env < MOST)
                o->env[o->n_env++] = value;
        else if (take(line, "name", &value) && o->n_names < MOST)
                o->names[o->n_names++] = (PlanHandoff){ PLAN_HANDOFF_ROOT, value };
        else if (take(line, "number", &value))
                o->number = (unsigned)strlen(value); /* in strokes: a mutation moves it a little */
        else if (take(line, "link", &value) && o->n_links < ELEMENTSOF(o->links)) {
                char *space = strchr(value, ' ');
                if (space) {
                        *space = '\0';
                        o->links[o->n_links++] = (HostLink){ value, space + 1 };
                }
        } else {
                o->clamp = o->clamp || streq(line, "clamp");
                o->stored = o->stored || streq(line, "stored");
                o->is_bound_twice = o->is_bound_twice || streq(line, "twice");
                o->pty = o->pty || streq(line, "pty");
        }
}

static bool read_options(const char *data, size_t size, Options *ret) {
        ret->agent = "coder";
        ret->text = strndup(data, size);
        if (!ret->text)
                return false;
        for (char *line = ret->text, *next; line; line = next) {
                next = strchr(line, '\n');
                if (next)
                        *next++ = '\0';
                read_line(ret, line);
        }
        /* of the host and the list, which are root's, only good ones come here */
        for (size_t i = 0; i < ret->n_links; i++) {
                _cleanup_free_ char *target = NULL;
                if (asprintf(&target, "/%s", ret->links[i].target) < 0 || bound_path_complaint(target) ||
                                bound_path_complaint(ret->links[i].path) || streq(ret->links[i].path, "/") ||
                                ret->links[i].target[0] == '\0')
                        return false;
        }
        for (size_t i = 0; i < ret->n_names; i++) {
                _cleanup_free_ char *path = NULL;
                if (asprintf(&path, "/%s", ret->names[i].path) < 0 || ret->names[i].path[0] == '\0' ||
                                !path_is_normal(path))
                        return false;
        }
        return true;
}

static Policy *parse(const char *text, size_t size) {
        Policy *p = NULL;
        (void)policy_parse(text, size, NULL, NULL, &p, NULL); /* NULL is right for what is refused */
        return p;
}

static void check_bound(const Policy *effective, const Policy *bound, const PolicyBinding *binding) {
        _cleanup_(policy_unrefp) Policy *b = NULL;
        Widening w = { 0 };
        PolicyBinding used = *binding;
        if (used.home && streq(used.home, "/"))
                used.home = NULL;
        fuzz_holds(policy_bind(bound, &used, &b, NULL) == 0, "what was decided can be bound");
        if (!policy_within(effective, b, &w))
                fuzz_holds(w.sentence && strstr(w.sentence, "too much"),
                                "what is allowed is within its bounds");
        widening_clear(&w);
}

static void check_plan(const Decision *d, const Policy *requested, const Options *o) {
        const HostFacts host = { .features = { .landlock_abi = 7,
                                                 .guard = 1,
                                                 .cgroup_kill = 1,
                                                 .recursive_mount_attr = 1,
                                                 .memory = 1,
                                                 .egress = 1 },
                .links = (HostLink *)o->links,
                .n_links = o->n_links,
                .relay_uid = 7,
                .relay_gid = 7 };
        const Handoff handoff = { (PlanHandoff *)o->names, o->n_names };
        const User owner = { .uid = o->number, .gid = 5, .name = (char *)"u", .home = (char *)o->home };
        const PlanInput in = { .decision = d,
                .stored = o->stored ? requested : NULL,
                .host = &host,
                .handoff = &handoff,
                .owner = &owner,
                .id = "0123456789abcdef0123456789abcdef",
                .scope = "/mxc.slice/mxc-coder.scope",
                .agent = o->agent,
                .workspace = o->workspace,
                .argv = (char **)o->argv,
                .env = (char **)o->env,
                .cwd = o->cwd,
                .pty = o->pty,
                .rows = o->number };
        LaunchPlan *p = NULL;
        DecisionReason reason = REASON_ALLOWED;
        _cleanup_free_ char *sentence = NULL;
        const char *path = "";
        int r = plan_make(&in, &p, &reason, &sentence);
        fuzz_holds((r == 0) == (p != NULL) && (r == 0) == (sentence == NULL), "a plan, or a sentence");
        fuzz_holds(r == 0 || (reason != REASON_ALLOWED && *sentence), "a refusal has its reason");
        if (r < 0)
                return;
        const char *fault = plan_fault(p, &in, &path);
        if (fault)
                fprintf(stderr, "%s: ", path);
        fuzz_holds(!fault, fault);
        json_t *shown = plan_to_json(p);
        fuzz_holds(shown != NULL, "a plan can be shown");
        json_decref(shown);
        launch_plan_free(p);
}

static void check(const Policy *requested, const Policy *bound, const Options *o) {
        const DecideInput in = { .requested = requested,
                .agent = o->is_bound_twice ? requested : NULL,
                .ceiling = bound,
                .clamp = o->clamp,
                .containment = (Containment)(o->number % _CONTAINMENT_MAX),
                .binding = { o->workspace, o->home, o->runtime } };
        _cleanup_(decision_clear) Decision d = { 0 };
        fuzz_holds(decide(&in, &d) == 0, "everything is decided");
        fuzz_holds(d.clause && d.bound, "a decision is whole");
        if (d.verdict == VERDICT_DENY) {
                fuzz_holds(d.sentence && *d.sentence && *d.bound && !d.effective && !d.literal,
                                "a denial says why");
                return;
        }
        check_bound(d.effective, requested, &in.binding);
        check_bound(d.effective, bound, &in.binding);
        const Policy *e = d.effective;
        fuzz_holds(e->ingress.n_allow == 0 && e->ingress.fallback == VERDICT_DENY &&
                                        e->containment <= CONTAINMENT_PROCESS,
                        "what is allowed can be built");
        check_plan(&d, requested, o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const char *text = (const char *)data, *end = text + size;
        const char *first = size > 0 ? memchr(text, 0x1e, size) : NULL;
        const char *second = first ? memchr(first + 1, 0x1e, (size_t)(end - first - 1)) : NULL;
        if (!second)
                return 0;
        _cleanup_(options_clear) Options o = { 0 };
        _cleanup_(policy_unrefp)
                        Policy *requested = parse(text, (size_t)(first - text)),
                               *bound = second == first + 1 ? policy_ref(requested)
                                                            : parse(first + 1, (size_t)(second - first - 1));
        if (requested && bound && read_options(second + 1, (size_t)(end - second - 1), &o))
                check(requested, bound, &o);
        return 0;
}
