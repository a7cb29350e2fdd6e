/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What sandboxes of MXC that outlive a call may do: what they were provisioned with, and never more. */
#include <check.h>

#include "lifecycle-policy.h"
#include "policy.h"

DEFINE_CLEANUP(Policy *, policy_unref);

#define ISO(version, network)                                                                               \
        "{\"version\":\"" version                                                                           \
        "\",\"phase\":\"provision\",\"containment\":\"isolation_session\"" network "}"
#define NETWORK(members) ",\"network\":{" members "}"
#define EGRESS(members) NETWORK("\"egress\":{" members "}")
#define ALL_IN "\"ingress\":{\"default\":\"allow\",\"hostLoopback\":\"allow\"}"
#define TO(block) "{\"to\":[{\"cidr\":\"" block "\"}]}"

typedef struct Provision {
        const char *text;
        bool near, far; /* 192.0.2.1 and 203.0.113.1, whether they are reached */
        bool told;      /* that nobody reaches it, which it acknowledged */
} Provision;

static const Provision provisions[] = {
        { ISO("1.0.0", NETWORK("\"egress\":{\"default\":\"allow\"}," ALL_IN)), true, true, true },
        { ISO("0.8.0", NETWORK("\"egress\":{\"default\":\"allow\"}," ALL_IN)), true, true, true },
        { ISO("0.6.0", NETWORK("\"defaultPolicy\":\"allow\",\"allowLocalNetwork\":true")), true, true,
                        true },
        { ISO("0.8.0", NETWORK("\"defaultPolicy\":\"allow\",\"allowLocalNetwork\":true")), true, true,
                        true },
        { ISO("1.0.0", EGRESS("\"default\":\"allow\"")), true, true, false },
        { ISO("1.0.0", EGRESS("\"default\":\"allow\",\"deny\":[" TO("192.0.2.0/24") "]")), false, true,
                        false },
        { ISO("1.0.0", EGRESS("\"default\":\"deny\"")), false, false, false },
        { ISO("1.0.0", EGRESS("\"default\":\"deny\",\"allow\":[" TO("192.0.2.0/24") "]")), true, false,
                        false },
        { ISO("1.0.0", NETWORK("")), false, false, false },
        { ISO("0.8.0", ""), false, false, false },
        /* a process of a provision is passed over, as by MXC */
        { ISO("0.8.0", ",\"process\":{\"commandLine\":\"x\",\"cwd\":\"/x\"}"), false, false, false },
        { ISO("0.6.0", ""), false, false, false },
        { ISO("0.6.0", NETWORK("\"defaultPolicy\":\"block\"")), false, false, false },
        { ISO("0.8.0", NETWORK("\"defaultPolicy\":\"block\"")), false, false, false },
        { ISO("0.6.0", NETWORK("\"defaultPolicy\":\"allow\",\"blockedHosts\":[\"192.0.2.1\"]")), false, true,
                        false },
        { ISO("0.8.0", NETWORK("\"enforcementMode\":\"firewall\",\"allowedHosts\":[\"192.0.2.1\"]")), true,
                        false, false },
};

static bool reaches(const Policy *p, const char *target) {
        const char *clause;
        const PolicyRequest r = {
                .kind = REQUEST_CONNECT, .target = target, .port = 443, .protocol = PROTOCOL_TCP
        };
        return policy_allows(p, &r, &clause) == VERDICT_ALLOW;
}

START_TEST(the_network_is_what_was_said) {
        const Provision *t = &provisions[_i];
        _cleanup_(policy_unrefp) Policy *p = NULL;
        _cleanup_(lifecycle_policy_clear) LifecyclePolicy made = { 0 };
        PolicyError complaint = { 0 };
        MxcError error = { 0 };
        bool told = false;
        ck_assert_msg(lifecycle_policy_of(t->text, NULL, &made, &error) == 0, "%s: %s", t->text,
                        error.message);
        ck_assert_msg(policy_parse(made.text, strlen(made.text), NULL, NULL, &p, &complaint) == 0, "%s: %s",
                        made.text, complaint.sentence);
        ck_assert_msg(reaches(p, "192.0.2.1") == t->near && reaches(p, "203.0.113.1") == t->far, "%s: %s",
                        t->text, made.text);
        for (size_t i = 0; i < made.warnings.n; i++)
                told = told || strstr(made.warnings.items[i], "nobody reaches it from outside");
        ck_assert_msg(told == t->told, "%s", t->text);
}
END_TEST

static const char *const refused[] = {
        ISO("1.0.0", NETWORK("\"egress\":{\"default\":\"deny\"}," ALL_IN)),
        ISO("1.0.0", NETWORK(ALL_IN)),
        ISO("1.0.0", NETWORK("\"egress\":{\"default\":\"allow\"},\"ingress\":{\"default\":\"allow\"}")),
        ISO("1.0.0", NETWORK("\"egress\":{\"default\":\"allow\"},\"ingress\":{\"hostLoopback\":\"allow\"}")),
        ISO("1.0.0", NETWORK("\"egress\":{\"default\":\"allow\",\"deny\":[" TO(
                                     "192.0.2.0/24") "]}," ALL_IN)),
        ISO("0.8.0", NETWORK("\"egress\":{\"default\":\"deny\"}") ",\"runtimeConfig\":{\"networkProxy\":"
                                                                  "\"http://localhost:8080\"}"),
        ISO("0.6.0", NETWORK("\"defaultPolicy\":\"allow\",\"proxy\":{\"url\":\"http://p.example:3128\"}")),
        ISO("0.6.0", NETWORK("\"allowLocalNetwork\":true")),
        ISO("0.6.0", NETWORK("\"defaultPolicy\":\"allow\",\"allowLocalNetwork\":true,\"blockedHosts\":[\"a."
                             "example\"]")),
        ISO("0.6.0", NETWORK("\"defaultPolicy\":\"allow\",\"allowLocalNetwork\":true,\"enforcementMode\":"
                             "\"firewall\"")),
        ISO("0.8.0", NETWORK("\"enforcementMode\":\"firewall\",\"allowedHosts\":[\"a.example\"]")),
};

START_TEST(what_cannot_be_had_is_refused) {
        _cleanup_(lifecycle_policy_clear) LifecyclePolicy made = { 0 };
        MxcError error = { 0 };
        ck_assert_msg(lifecycle_policy_of(refused[_i], NULL, &made, &error) == -EINVAL, "%s: %s",
                        refused[_i], made.text);
        ck_assert_msg(error.status == MXC_POLICY_VALIDATION, "%s: %s", refused[_i], error.message);
        ck_assert_int_eq(error.exit, MXC_EXIT_BACKEND);
        mxc_error_clear(&error);
}
END_TEST

/* What a command to come could not do without: the shell, and the directory that it would work in. */
START_TEST(what_commands_cannot_do_without_is_needed) {
        const char *const workspaces[] = { NULL, "/tmp" };
        for (size_t i = 0; i < ELEMENTSOF(workspaces); i++) {
                _cleanup_(lifecycle_policy_clear) LifecyclePolicy made = { 0 };
                MxcError error = { 0 };
                ck_assert_msg(lifecycle_policy_of(ISO("1.0.0", EGRESS("\"default\":\"allow\"")),
                                              workspaces[i], &made, &error) == 0,
                                "%s", error.message);
                const MxcRequest *q = made.request;
                ck_assert_uint_eq(q->n_needs, i + 1);
                ck_assert_str_eq(q->needs[0].action, "exec");
                ck_assert_str_eq(q->needs[0].target, "/bin/sh");
                if (workspaces[i]) {
                        ck_assert_str_eq(q->needs[1].action, "write");
                        ck_assert_str_eq(q->needs[1].target, workspaces[i]);
                }
        }
}
END_TEST

int main(void) {
        Suite *suite = suite_create("mxc lifecycle policy");
        TCase *all = tcase_create("all");
        tcase_add_loop_test(all, the_network_is_what_was_said, 0, ELEMENTSOF(provisions));
        tcase_add_loop_test(all, what_cannot_be_had_is_refused, 0, ELEMENTSOF(refused));
        tcase_add_test(all, what_commands_cannot_do_without_is_needed);
        suite_add_tcase(suite, all);
        SRunner *runner = srunner_create(suite);
        srunner_run_all(runner, CK_NORMAL);
        int failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed > 0;
}
