/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decisions that are used again: the same ones, and not for too long. */

#include "decision-cache.h"
#include "rule-test.h"

DEFINE_CLEANUP(DecisionCache *, decision_cache_free);

#define OPEN_CEILING                                                                                        \
        "'name': 'ceiling', 'filesystem': {'readonlyPaths': ['/'], 'readwritePaths': ['/w', "               \
        "'${workspace}', "                                                                                  \
        "'${home}'], 'executePaths': ['/']}, 'process': {'environment': {'pass': 'all'}, 'syscalls': "      \
        "'agent'}"

START_TEST(test_a_remembered_decision_is_the_same) {
        _cleanup_(policy_unrefp)
                        Policy *ceiling = policy_of(OPEN_CEILING),
                               *other = policy_of(""),
                               *requested = policy_of("'filesystem': {'readwritePaths': ['${workspace}']}");
        _cleanup_(decision_cache_freep) DecisionCache *c = NULL;
        ck_assert_int_eq(decision_cache_new(&c), 0);
        DecideInput in = { .requested = requested, .ceiling = ceiling, .binding = { .workspace = "/w/a" } };
        const DecideInput variants[] = {
                { .requested = other, .ceiling = ceiling, .binding = in.binding },
                { .requested = requested, .ceiling = ceiling, .agent = ceiling, .binding = in.binding },
                { .requested = requested, .ceiling = requested, .binding = in.binding },
                { .requested = requested, .ceiling = ceiling, .binding = { .workspace = "/w/b" } },
                { .requested = requested, .ceiling = ceiling },
                { .requested = requested,
                                .ceiling = ceiling,
                                .binding = { .workspace = "/w/a", .home = "/h" } },
                { .requested = requested,
                                .ceiling = ceiling,
                                .binding = { .workspace = "/w/a", .runtime = "/h" } },
                { .requested = requested, .ceiling = ceiling, .binding = in.binding, .clamp = true },
                { .requested = requested,
                                .ceiling = ceiling,
                                .binding = in.binding,
                                .containment = CONTAINMENT_PROCESS },
        };
        _cleanup_(decision_clear) Decision first = { 0 };
        ck_assert_int_eq(decision_cache_get(c, &in, &first), 0);
        ck_assert_int_eq(first.verdict, VERDICT_ALLOW);
        for (size_t i = 0; i < ELEMENTSOF(variants); i++) { /* none of them is answered by another's */
                _cleanup_(decision_clear) Decision fresh = allowed(&variants[i]), d = { 0 };
                ck_assert_int_eq(decision_cache_get(c, &variants[i], &d), 0);
                ck_assert_str_eq(d.effective->digest, fresh.effective->digest);
                ck_assert_str_eq(d.literal->digest, fresh.literal->digest);
                ck_assert_ptr_ne(d.effective, first.effective);
        }
        char again[] = "/w/a"; /* by value, not by address */
        in.binding.workspace = again;
        _cleanup_(decision_clear) Decision second = { 0 };
        ck_assert_int_eq(decision_cache_get(c, &in, &second), 0);
        ck_assert_ptr_eq(second.effective, first.effective);
        ck_assert_ptr_eq(second.literal, first.literal);
        ck_assert_str_eq(second.clause, "");
        ck_assert_int_eq(second.verdict, VERDICT_ALLOW);

        in.containment = CONTAINMENT_MICROVM;
        for (int i = 0; i < 2; i++) {
                _cleanup_(decision_clear) Decision no = { 0 };
                ck_assert_int_eq(decision_cache_get(c, &in, &no), 0);
                ck_assert_int_eq(no.reason, REASON_UNSUPPORTED);
        }
}
END_TEST

START_TEST(test_a_large_policy_is_not_remembered) {
        _cleanup_(decision_cache_freep) DecisionCache *c = NULL;
        ck_assert_int_eq(decision_cache_new(&c), 0);
        for (unsigned large = 0; large <= 1; large++) {
                char value[DECISION_CACHE_BYTES], body[sizeof(value) + 100];
                memset(value, 'x', sizeof(value));
                value[large ? sizeof(value) - 2000 : 100] = '\0';
                (void)snprintf(body, sizeof(body), "'process': {'environment': {'set': {'A': '%s'}}}",
                                value);
                _cleanup_(policy_unrefp) Policy *p = policy_of(body);
                _cleanup_(decision_clear) Decision first = { 0 }, second = { 0 };
                const DecideInput in = { .requested = p, .ceiling = p };
                ck_assert_int_eq(decision_cache_get(c, &in, &first), 0);
                ck_assert_int_eq(decision_cache_get(c, &in, &second), 0);
                _cleanup_free_ char *text = policy_canonical(first.effective);
                ck_assert((strlen(text) > DECISION_CACHE_BYTES) == (large == 1));
                ck_assert((first.effective == second.effective) == (large == 0));
        }
}
END_TEST

/* Large only by the paths of the request. */
START_TEST(test_paths_of_a_request_can_make_it_large) {
        _cleanup_(decision_cache_freep) DecisionCache *c = NULL;
        _cleanup_free_ char *bound = many_paths(200, "readonlyPaths", "${workspace}/#");
        char workspace[201];
        memset(workspace, 'w', sizeof(workspace));
        workspace[0] = '/';
        workspace[200] = '\0';
        ck_assert_int_eq(decision_cache_new(&c), 0);
        _cleanup_(policy_unrefp) Policy *p = policy_of(bound);
        const char *const workspaces[] = { "/w", workspace };
        for (size_t large = 0; large <= 1; large++) {
                _cleanup_(decision_clear) Decision first = { 0 }, second = { 0 };
                const DecideInput in = {
                        .requested = p, .ceiling = p, .binding = { .workspace = workspaces[large] }
                };
                ck_assert_int_eq(decision_cache_get(c, &in, &first), 0);
                ck_assert_int_eq(decision_cache_get(c, &in, &second), 0);
                _cleanup_free_ char *literal = policy_canonical(first.literal);
                ck_assert_uint_lt(strlen(literal), DECISION_CACHE_BYTES);
                ck_assert((first.effective == second.effective) == (large == 0));
        }
}
END_TEST

/* A workspace above them makes entries of the policy needless, but not in the part that is the same for every request. */
START_TEST(test_what_is_literal_can_be_large) {
        char format[256];
        (void)snprintf(format, sizeof(format), "/d/%0*d#", 200, 0);
        _cleanup_free_ char *many = many_paths(200, "readonlyPaths", format), *body = NULL;
        ck_assert_int_ge(asprintf(&body, "%.*s, '${workspace}']}", (int)strlen(many) - 2, many), 0);
        _cleanup_(policy_unrefp) Policy
                        *p = policy_of(body),
                        *ceiling = policy_of("'filesystem': {'readwritePaths': ['/'], 'handoff': 'allow'}");
        _cleanup_(decision_cache_freep) DecisionCache *c = NULL;
        ck_assert_int_eq(decision_cache_new(&c), 0);
        const DecideInput in = {
                .requested = p, .ceiling = ceiling, .clamp = true, .binding = { .workspace = "/d" }
        };
        _cleanup_(decision_clear) Decision first = { 0 }, second = { 0 };
        ck_assert_int_eq(decision_cache_get(c, &in, &first), 0);
        ck_assert_int_eq(decision_cache_get(c, &in, &second), 0);
        _cleanup_free_ char *effective = policy_canonical(first.effective),
                            *literal = policy_canonical(first.literal);
        ck_assert_uint_lt(strlen(effective), DECISION_CACHE_BYTES);
        ck_assert_uint_gt(strlen(literal), DECISION_CACHE_BYTES);
        ck_assert_ptr_ne(first.effective, second.effective);
}
END_TEST

START_TEST(test_the_least_used_decision_is_forgotten) {
        _cleanup_(policy_unrefp) Policy *ceiling = policy_of(OPEN_CEILING), *requested = policy_of("");
        _cleanup_(decision_cache_freep) DecisionCache *c = NULL;
        ck_assert_int_eq(decision_cache_new(&c), 0);
        _cleanup_(decision_clear) Decision first = { 0 }, kept = { 0 };
        DecideInput in = {
                .requested = requested, .ceiling = ceiling, .binding = { .workspace = "/w/first" }
        };
        ck_assert_int_eq(decision_cache_get(c, &in, &first), 0);
        in.binding.workspace = "/w/kept";
        ck_assert_int_eq(decision_cache_get(c, &in, &kept), 0);
        for (unsigned i = 0; i < DECISION_CACHE_MAX; i++) {
                char workspace[32];
                (void)snprintf(workspace, sizeof(workspace), "/w/%u", i);
                const char *turn[] = { workspace, "/w/kept" };
                for (size_t k = 0; k < ELEMENTSOF(turn); k++) {
                        _cleanup_(decision_clear) Decision d = { 0 };
                        in.binding.workspace = turn[k];
                        ck_assert_int_eq(decision_cache_get(c, &in, &d), 0);
                        ck_assert(k == 0 || d.effective == kept.effective);
                }
        }
        _cleanup_(decision_clear) Decision again = { 0 };
        in.binding.workspace = "/w/first";
        ck_assert_int_eq(decision_cache_get(c, &in, &again), 0);
        ck_assert_ptr_ne(again.effective, first.effective); /* still ours, by reference */
        ck_assert_str_eq(again.effective->digest, first.effective->digest);
}
END_TEST

int main(void) {
        TCase *t = tcase_create("decision cache");
        tcase_add_test(t, test_a_remembered_decision_is_the_same);
        tcase_add_test(t, test_a_large_policy_is_not_remembered);
        tcase_add_test(t, test_paths_of_a_request_can_make_it_large);
        tcase_add_test(t, test_what_is_literal_can_be_large);
        tcase_add_test(t, test_the_least_used_decision_is_forgotten);
        return run_case("decision cache", t);
}
