/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decisions and plans of random policies: the answer is the algebra's on every request of a small universe, and a policy
 * that parses never yields a plan wider than itself. */

#include <inttypes.h>

#include "carried.h"
#include "plan-property.h"
#include "policy-random.h"
#include "rule-test.h"

/* ---- on every request of a small universe ---- */

static Policy *bound_of(const Policy *p, const PolicyBinding *b) {
        Policy *bound = NULL;
        ck_assert_int_eq(policy_bind(p, b, &bound, NULL), 0);
        return bound;
}

/* So that not everything random is refused for the same few reasons. */
static Policy *buildable(Random *r, char **ret_text) {
        Policy *p = random_policy(r, true, ret_text);
        if (random_below(r, 8) == 0)
                return p;
        p->containment = CONTAINMENT_AUTO;
        p->workspace_mode = WORKSPACE_DIRECT;
        p->audit_files = p->audit_exec = p->audit_network = AUDIT_NONE;
        p->violation_action = VIOLATION_NONE;
        p->violation_threshold = RESOURCE_UNLIMITED;
        p->violation_window_usec = 0;
        net_direction_clear(&p->egress);
        net_direction_clear(&p->ingress);
        p->egress = p->ingress = (NetDirection){ 0 };
        p->host_loopback = VERDICT_DENY;
        net_publish_free(p->publish, p->n_publish);
        p->publish = NULL;
        p->n_publish = 0;
        ck_assert_int_eq(policy_seal(p), 0);
        return p;
}

static bool everybody_allows(const Policy *const *who, size_t n, const PolicyRequest *q) {
        for (size_t i = 0; i < n; i++)
                if (who[i] && policy_allows(who[i], q, NULL) == VERDICT_DENY)
                        return false;
        return true;
}

/* By pointers: the analyser does not know that leaving a scope reads what is cleaned up. */
static void move_decision(Decision *from, Decision *to) {
        *to = *from;
        *from = (Decision){ 0 };
}

static void swap_plans(LaunchPlan **a, LaunchPlan **b) {
        LaunchPlan *swap = *a;
        *a = *b;
        *b = swap;
}

START_TEST(test_the_decision_is_the_algebra) {
        static const char *const workspaces[] = { NULL, "/a/b", "/w", "/b", "/a/a/c" };
        static const char *const homes[] = { NULL, "/a", "/h", "/" };
        Random r = random_new();
        unsigned n_allowed = 0, n_clamped = 0, n_refused = 0;
        for (unsigned round = 0; round < 400; round++) {
                _cleanup_free_ char *tr = NULL, *ta = NULL, *tc = NULL;
                bool same = random_below(&r, 3) == 0, registered = random_below(&r, 2) == 0;
                _cleanup_(policy_unrefp) Policy *requested = buildable(&r, &tr),
                                                *ceiling = buildable(&r, &tc),
                                                *agent = registered ? buildable(&r, &ta) : NULL;
                const DecideInput in = {
                        .requested = requested,
                        .agent = registered && same ? requested : agent,
                        .ceiling = same ? requested : ceiling,
                        .clamp = random_below(&r, 2) == 0,
                        .binding = { workspaces[random_below(&r, ELEMENTSOF(workspaces))],
                                        homes[random_below(&r, ELEMENTSOF(homes))], "/r" },
                };
                PolicyBinding binding = in.binding;
                if (binding.home && streq(binding.home, "/"))
                        binding.home = NULL;
                _cleanup_(policy_unrefp) Policy *br = bound_of(in.requested, &binding),
                                                *bc = bound_of(in.ceiling, &binding),
                                                *ba = in.agent ? bound_of(in.agent, &binding) : NULL;
                const Policy *const who[] = { br, ba, bc };
                bool within = policy_within(br, bc, NULL) && (!ba || policy_within(br, ba, NULL));
                _cleanup_(decision_clear) Decision d = decision_of(&in);

                if (d.verdict == VERDICT_DENY) {
                        n_refused++;
                        ck_assert_msg(*d.sentence && *d.bound, "MXC_TEST_SEED=%" PRIu64, r.seed);
                        ck_assert_msg(d.reason != REASON_BEYOND_CEILING || !within || in.binding.workspace,
                                        "MXC_TEST_SEED=%" PRIu64 ": %s", r.seed, d.sentence);
                } else {
                        n_allowed++;
                        n_clamped += !within;
                        ck_assert_msg(within || in.clamp, "MXC_TEST_SEED=%" PRIu64 ": wider, and allowed",
                                        r.seed);
                        ck_assert_msg(is_carried(d.effective, br), "MXC_TEST_SEED=%" PRIu64, r.seed);
                }
                PolicyRequest q;
                for (size_t i = 0; universe_request(i, &q); i++) {
                        bool all = everybody_allows(who, ELEMENTSOF(who), &q);
                        _cleanup_free_ char *text = NULL;
                        if (d.effective && (policy_allows(d.effective, &q, NULL) == VERDICT_ALLOW) != all) {
                                text = request_text(&q);
                                fprintf(stderr, "%s\n%s\n%s\n", tr, ta ? ta : "", tc);
                                ck_abort_msg("MXC_TEST_SEED=%" PRIu64 ": %s: all three: %d", r.seed, text,
                                                all);
                        }
                        if (i % 29 != 0) /* asked one by one it is slow */
                                continue;
                        _cleanup_(explanation_clear) Explanation e = { 0 };
                        ck_assert_int_eq(explain(&in, &q, &e), 0);
                        ck_assert(e.clause && e.sentence && *e.bound);
                        bool carried = !uncarried_request(who, ELEMENTSOF(who), &q);
                        if ((e.verdict == VERDICT_ALLOW) != (all && carried) && d.effective)
                                ck_abort_msg("MXC_TEST_SEED=%" PRIu64 ": explained otherwise", r.seed);
                }
        }
        /* the generator must reach all three */
        ck_assert_msg(n_allowed > 40 && n_clamped > 10 && n_refused > 40, "%u %u %u", n_allowed, n_clamped,
                        n_refused);
}
END_TEST

/* What is opened as root and kept may not depend on anything that a caller says. */
START_TEST(test_the_literal_part_is_the_same_for_every_request) {
        static const char *const workspaces[] = { NULL, "/a/b", "/w", "/b" };
        Random r = random_new();
        unsigned n = 0;
        for (unsigned round = 0; round < 300; round++) {
                _cleanup_free_ char *tr = NULL, *tc = NULL;
                _cleanup_(policy_unrefp) Policy *requested = buildable(&r, &tr),
                                                *ceiling = buildable(&r, &tc);
                _cleanup_(decision_clear) Decision before = { 0 };
                for (size_t i = 0; i < ELEMENTSOF(workspaces); i++) {
                        const DecideInput in = { .requested = requested,
                                .ceiling = ceiling,
                                .clamp = true,
                                .binding = { workspaces[i], i % 2 == 0 ? "/h" : NULL, NULL } };
                        _cleanup_(decision_clear) Decision d = decision_of(&in);
                        if (d.verdict == VERDICT_DENY)
                                continue;
                        if (before.literal) {
                                ck_assert_msg(streq(d.literal->digest, before.literal->digest),
                                                "MXC_TEST_SEED=%" PRIu64, r.seed);
                                n++;
                        }
                        decision_clear(&before);
                        move_decision(&d, &before);
                }
        }
        ck_assert_uint_gt(n, 100);
}
END_TEST

/* ---- plans ---- */

typedef struct Case {
        Policy *requested, *agent, *ceiling;
        char *texts[3];
} Case;

static void case_clear(Case *c) {
        policy_unref(c->requested);
        policy_unref(c->agent);
        policy_unref(c->ceiling);
        for (size_t i = 0; i < ELEMENTSOF(c->texts); i++)
                free(c->texts[i]);
}

/* Three policies that usually leave something when they meet. */
static Case random_case(Random *r) {
        Case c = { 0 };
        c.requested = buildable(r, &c.texts[0]);
        if (random_below(r, 3) == 0)
                c.agent = buildable(r, &c.texts[1]);
        c.ceiling = random_below(r, 2) == 0 ? policy_ref(c.requested) : buildable(r, &c.texts[2]);
        return c;
}

static const HostLink no_usr_links[] = { { (char *)"/b", (char *)"a" }, { (char *)"/w", (char *)"a/b" } };

START_TEST(test_a_plan_is_its_policy) {
        static const char *const workspaces[] = { NULL, "/a/b", "/w", "/b", "/a/a/c", "/b/a" };
        static const char *const homes[] = { NULL, "/a", "/h", "/b/h" };
        static char *const offered[] = { (char *)"A=1", (char *)"B=2", (char *)"C=", (char *)"D=4", NULL };
        _cleanup_(handoff_freep) Handoff *handoff = vendor_handoff();
        Random r = random_new();
        unsigned n_made = 0, n_base = 0, n_over = 0;
        for (unsigned round = 0; round < 1000; round++) {
                _cleanup_(case_clear) Case c = random_case(&r);
                const DecideInput in = {
                        .requested = c.requested,
                        .agent = c.agent,
                        .ceiling = c.ceiling,
                        .clamp = random_below(&r, 4) != 0,
                        .binding = { workspaces[random_below(&r, ELEMENTSOF(workspaces))],
                                        homes[random_below(&r, ELEMENTSOF(homes))], "/r" },
                };
                _cleanup_(decision_clear) Decision d = decision_of(&in);
                if (d.verdict == VERDICT_DENY)
                        continue;
                HostFacts host = test_host;
                host.links = (HostLink *)no_usr_links;
                host.n_links = random_below(&r, 3) == 0 ? ELEMENTSOF(no_usr_links) : 0;
                PlanInput input = plan_input(
                                &d, random_below(&r, 3) == 0 ? NULL : c.requested, in.binding.workspace);
                input.handoff = handoff;
                input.host = &host;
                input.env = (char **)offered;

                LaunchPlan *p = NULL;
                DecisionReason reason;
                const char *path = "";
                _cleanup_free_ char *sentence = NULL;
                int status = plan_make(&input, &p, &reason, &sentence);
                ck_assert_msg(status == 0, "MXC_TEST_SEED=%" PRIu64 ": %d: %s", r.seed, status, sentence);
                const char *fault = plan_fault(p, &input, &path);
                if (fault)
                        fprintf(stderr, "workspace %s home %s stored %d links %zu\n%s\n%s\n%s\n",
                                        in.binding.workspace ? in.binding.workspace : "-",
                                        in.binding.home ? in.binding.home : "-", input.stored != NULL,
                                        host.n_links, c.texts[0], c.texts[1] ? c.texts[1] : "",
                                        c.texts[2] ? c.texts[2] : "");
                ck_assert_msg(!fault, "MXC_TEST_SEED=%" PRIu64 ": %s: %s", r.seed, path, fault);
                n_made++;
                n_base += p->template.n_mounts > 0;
                n_over += p->n_mounts > 0;
                launch_plan_free(p);
        }
        ck_assert_msg(n_made > 200 && n_base > 50 && n_over > 100, "%u %u %u", n_made, n_base, n_over);
}
END_TEST

/* The launcher finds templates by their bytes: nothing of a request may be in them. */
static void assert_same_template(const LaunchPlan *a, const LaunchPlan *b, uint64_t seed) {
        const LaunchPlan *plans[] = { a, b };
        _cleanup_free_ uint8_t *first = NULL, *second = NULL;
        uint8_t *data[2];
        size_t size[2], offset[2], length[2];
        for (size_t i = 0; i < 2; i++) {
                _cleanup_(launch_plan_freep) LaunchPlan *decoded = NULL;
                ck_assert_int_eq(launch_plan_encode(plans[i], &data[i], &size[i]), 0);
                ck_assert_int_eq(
                                launch_plan_decode(data[i], size[i], &decoded, &offset[i], &length[i], NULL),
                                0);
        }
        first = data[0];
        second = data[1];
        ck_assert_msg(length[0] == length[1] &&
                                        memcmp(first + offset[0], second + offset[1], length[0]) == 0,
                        "MXC_TEST_SEED=%" PRIu64, seed);
}

START_TEST(test_a_template_is_the_same_for_every_request) {
        static const char *const workspaces[] = { "/a/b", NULL, "/w", "/b", "/a/a/c" };
        static char *const argv[] = { (char *)"make", (char *)"all", NULL }, *const env[] = { (char *)"A=3",
                NULL };
        static const gid_t groups[] = { 5, 6 };
        const User other = { .uid = 0, .gid = 0, .name = (char *)"root", .home = (char *)"/root" };
        Random r = random_new();
        unsigned n = 0;
        for (unsigned round = 0; round < 300; round++) {
                _cleanup_(case_clear) Case c = random_case(&r);
                _cleanup_(launch_plan_freep) LaunchPlan *before = NULL;
                for (size_t i = 0; i < ELEMENTSOF(workspaces); i++) {
                        const DecideInput in = { .requested = c.requested,
                                .agent = c.agent,
                                .ceiling = c.ceiling,
                                .clamp = true,
                                .binding = { workspaces[i], i % 2 == 0 ? "/h" : "/a",
                                                i == 3 ? "/r" : NULL } };
                        _cleanup_(decision_clear) Decision d = decision_of(&in);
                        if (d.verdict == VERDICT_DENY)
                                continue;
                        PlanInput input = plan_input(&d, c.requested, workspaces[i]);
                        _cleanup_(handoff_freep) Handoff *handoff = i % 2 == 0 ? vendor_handoff() : NULL;
                        const Handoff none = { 0 };
                        input.handoff = handoff ? handoff : &none;
                        if (i % 2 == 1) {
                                input.argv = (char **)argv;
                                input.env = (char **)env;
                                input.owner = &other;
                                input.groups = groups;
                                input.n_groups = 2;
                                input.id = "ffffffffffffffffffffffffffffffff";
                                input.scope = "/other.scope";
                                input.agent = "other";
                                input.pty = true;
                                input.cwd = "/";
                        }
                        _cleanup_(launch_plan_freep) LaunchPlan *p = plan_of(&input);
                        if (before) {
                                assert_same_template(before, p, r.seed);
                                n += p->template.n_mounts > 0;
                        }
                        swap_plans(&before, &p);
                }
        }
        ck_assert_uint_gt(n, 100);
}
END_TEST

int main(void) {
        TCase *t = tcase_create("rule");
        tcase_add_test(t, test_the_decision_is_the_algebra);
        tcase_add_test(t, test_the_literal_part_is_the_same_for_every_request);
        tcase_add_test(t, test_a_plan_is_its_policy);
        tcase_add_test(t, test_a_template_is_the_same_for_every_request);
        return run_case("rule", t);
}
