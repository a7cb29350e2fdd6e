/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rule: what is allowed, what is not and why. */

#include "rule-test.h"

#define OPEN_CEILING                                                                                        \
        "'name': 'ceiling', 'filesystem': {'readonlyPaths': ['/'], 'readwritePaths': ['/w', "               \
        "'${workspace}', "                                                                                  \
        "'${home}'], 'executePaths': ['/']}, 'process': {'environment': {'pass': 'all'}, 'syscalls': "      \
        "'agent'}"

/* ---- the installed policies ---- */

static const char *const vendor_names[] = { "locked", "workspace", "developer", "online" };

static const struct {
        const char *workspace, *home;
} good_places[] = {
        { "/home/u/src/x", "/home/u" },
        { "/home/u", "/home/u" },
        { "/home/u/.config/x", "/home/u" },
        { "/home/v/x", "/home/u" },
        { "/root/x", "/root" },
        { "/root", "/root" },
        { "/srv/w", "/home/u" },
        { "/tmp/w", "/home/u" },
        { "/tmp", "/home/u" },
        { "/var/tmp/w", NULL },
        { "/var/www/site", "/var/www" },
        { "/var/lib/jenkins/workspace/x", "/var/lib/jenkins" },
        { "/data/w", "/home/u" },
        { "/mnt/w", "/home/u" },
        { "/usr/local/src/x", "/home/u" },
        { "/usr/src/x", "/home/u" },
        { "/etcetera", "/home/u" },
        { "/homes/u", "/home/u" },
        { "/w", "/" },
        { NULL, "/home/u" },
        { NULL, NULL },
};

START_TEST(test_vendor_policies_are_allowed_where_people_work) {
        _cleanup_(policy_unrefp) Policy *ceiling = vendor_policy("ceiling");
        for (size_t i = 0; i < ELEMENTSOF(vendor_names); i++) {
                _cleanup_(policy_unrefp) Policy *requested = vendor_policy(vendor_names[i]);
                const DecideInput in = { .requested = requested,
                        .ceiling = ceiling,
                        .binding = { good_places[_i].workspace, good_places[_i].home, "/run/user/1000" } };
                _cleanup_(decision_clear) Decision d = allowed(&in);
                const char *w = good_places[_i].workspace;
                ck_assert_int_eq(asks(d.effective, REQUEST_READ, "/usr/bin/cc"), VERDICT_ALLOW);
                ck_assert_int_eq(asks(d.effective, REQUEST_READ, "/etc/shadow"), VERDICT_DENY);
                ck_assert_int_eq(asks(d.effective, REQUEST_READ, "/home/u/.ssh/id"), VERDICT_DENY);
                ck_assert_int_eq(policy_is_offline(d.effective), !streq(vendor_names[i], "online"));
                if (w)
                        ck_assert_int_eq(policy_path_access(d.effective, w, NULL),
                                        i == 0 ? PATH_READONLY : PATH_READWRITE);
        }
}
END_TEST

/* ---- the workspace ---- */

static const struct {
        const char *workspace, *home, *bound, *sentence;
        DecisionReason reason;
} bad_places[] = {
        { "/", "/home/u", "host", "everybody's files", REASON_INVALID_ARGUMENT },
        { "/home", "/home/u", "host", "everybody's files", REASON_INVALID_ARGUMENT },
        { "/home", "/root", "host", "everybody's files", REASON_INVALID_ARGUMENT },
        { "/home", NULL, "host", "everybody's files", REASON_INVALID_ARGUMENT },
        { "/data", "/data/homes/u", "host", "the home directory /data/homes/u is below it",
                        REASON_INVALID_ARGUMENT },
        { "/etc", "/home/u", "host", "part of the system", REASON_INVALID_ARGUMENT },
        { "/etc/nginx", "/home/u", "host", "part of the system", REASON_INVALID_ARGUMENT },
        { "/usr", "/home/u", "host", "part of the system", REASON_INVALID_ARGUMENT },
        { "/usr/local", "/home/u", "host", "part of the system", REASON_INVALID_ARGUMENT },
        { "/usr/lib/x", "/home/u", "host", "part of the system", REASON_INVALID_ARGUMENT },
        { "/bin", "/home/u", "host", "part of the system", REASON_INVALID_ARGUMENT },
        { "/sbin/x", "/home/u", "host", "part of the system", REASON_INVALID_ARGUMENT },
        { "/lib/x", "/home/u", "host", "part of the system", REASON_INVALID_ARGUMENT },
        { "/boot/x", "/home/u", "host", "part of the system", REASON_INVALID_ARGUMENT },
        { "/dev", "/home/u", "host", "part of the system", REASON_INVALID_ARGUMENT },
        { "/dev/shm/x", "/home/u", "host", "part of the system", REASON_INVALID_ARGUMENT },
        { "/proc/self/cwd", "/home/u", "host", "part of the system", REASON_INVALID_ARGUMENT },
        { "/sys/fs/cgroup", "/home/u", "host", "part of the system", REASON_INVALID_ARGUMENT },
        { "/run", "/home/u", "host", "part of the system", REASON_INVALID_ARGUMENT },
        { "/run/user/1000", "/home/u", "host", "part of the system", REASON_INVALID_ARGUMENT },
        { "/run/user/1000/x", "/home/u", "host", "part of the system", REASON_INVALID_ARGUMENT },
        { "/var/run/x", "/home/u", "host", "part of the system", REASON_INVALID_ARGUMENT },
        { "/var/log/x", "/home/u", "ceiling", "the ceiling denies /var/log", REASON_BEYOND_CEILING },
        { "/var/lib/mxc", "/home/u", "ceiling", "the ceiling denies /var/lib/mxc", REASON_BEYOND_CEILING },
        { "/home/u/.ssh", "/home/u", "ceiling", "the ceiling denies ${home}/.ssh", REASON_BEYOND_CEILING },
        { "/home/u/.ssh/x/y", "/home/u", "ceiling", "the ceiling denies ${home}/.ssh",
                        REASON_BEYOND_CEILING },
        { "/home/u/.config/gh", "/home/u", "ceiling", "${home}/.config/gh", REASON_BEYOND_CEILING },
        { "relative", "/home/u", "policy", "is not absolute", REASON_INVALID_ARGUMENT },
        { "", "/home/u", "policy", "is not absolute", REASON_INVALID_ARGUMENT },
        { "/a/../b", "/home/u", "policy", "\"..\"", REASON_INVALID_ARGUMENT },
        { "/a/", "/home/u", "policy", "ends with a slash", REASON_INVALID_ARGUMENT },
        { "/a\nb", "/home/u", "policy", "control character", REASON_INVALID_ARGUMENT },
        { "/a\xff", "/home/u", "policy", "UTF-8", REASON_INVALID_ARGUMENT },
        { "/a/${home}", "/home/u", "policy", "no variable", REASON_INVALID_ARGUMENT },
        { "/w", "relative", "policy", "${home}", REASON_INVALID_ARGUMENT },
};

START_TEST(test_not_everything_is_a_workspace) {
        _cleanup_(policy_unrefp) Policy *ceiling = vendor_policy("ceiling"),
                                        *requested = vendor_policy("workspace");
        for (int clamp = 0; clamp <= 1; clamp++) {
                const DecideInput in = { .requested = requested,
                        .ceiling = ceiling,
                        .clamp = clamp == 1,
                        .binding = { bad_places[_i].workspace, bad_places[_i].home, "/run/user/1000" } };
                _cleanup_(decision_clear) Decision d = decision_of(&in);
                ck_assert_msg(d.verdict == VERDICT_DENY, "%s", bad_places[_i].workspace);
                ck_assert_str_eq(decision_reason_to_string(d.reason),
                                decision_reason_to_string(bad_places[_i].reason));
                ck_assert_str_eq(d.bound, bad_places[_i].bound);
                ck_assert_msg(strstr(d.sentence, bad_places[_i].sentence), "%s", d.sentence);
                if (d.reason == REASON_BEYOND_CEILING)
                        ck_assert_msg(strncmp(d.clause, "ceiling#/filesystem/deniedPaths/", 32) == 0, "%s",
                                        d.clause);

                /* Explain says the same */
                _cleanup_(explanation_clear) Explanation e = { 0 };
                const PolicyRequest q = { .kind = REQUEST_READ, .target = "/usr/bin/cc" };
                ck_assert_int_eq(explain(&in, &q, &e), 0);
                ck_assert_int_eq(e.verdict, VERDICT_DENY);
                ck_assert_str_eq(e.sentence, d.sentence);
                ck_assert_str_eq(e.bound, d.bound);
        }
}
END_TEST

/* A path too long for the policy's own entries below it, and one that makes more of the policy than a policy can be. */
START_TEST(test_a_workspace_that_does_not_fit) {
        _cleanup_(policy_unrefp)
                        Policy *ceiling = policy_of(OPEN_CEILING),
                               *requested = policy_of(
                                               "'filesystem': {'readonlyPaths': ['${workspace}/abcdef']}");
        char workspace[LIMIT_PATH_BYTES + 1];
        memset(workspace, 'a', sizeof(workspace) - 1);
        for (size_t i = 0; i < sizeof(workspace) - 1; i += 200)
                workspace[i] = '/';
        workspace[LIMIT_PATH_BYTES - 7] = '\0';
        DecideInput in = {
                .requested = requested, .ceiling = ceiling, .binding = { .workspace = workspace }
        };
        _cleanup_(decision_clear) Decision fits = allowed(&in);
        workspace[LIMIT_PATH_BYTES - 7] = 'a';
        workspace[LIMIT_PATH_BYTES - 6] = '\0';
        _cleanup_(decision_clear) Decision d = decision_of(&in);
        ck_assert_int_eq(d.reason, REASON_INVALID_ARGUMENT);
        ck_assert_msg(strstr(d.sentence, "longer than a path can be"), "%s", d.sentence);

        char *text = NULL;
        size_t n;
        FILE *f = open_memstream(&text, &n);
        ck_assert_ptr_nonnull(f);
        for (unsigned i = 0; i < 400; i++)
                fprintf(f, "%s'${workspace}/%u'", i == 0 ? "'filesystem': {'readonlyPaths': [" : ", ", i);
        fputs("]}", f);
        ck_assert_int_eq(fclose(f), 0);
        _cleanup_(policy_unrefp) Policy *many = policy_of(text);
        free(text);
        workspace[2000] = '\0';
        in.requested = many;
        _cleanup_(decision_clear) Decision grown = decision_of(&in);
        ck_assert_int_eq(grown.reason, REASON_LIMIT);
        ck_assert_msg(strstr(grown.sentence, "outgrows"), "%s", grown.sentence);
}
END_TEST

START_TEST(test_an_agents_policy_denies_a_workspace_too) {
        _cleanup_(policy_unrefp)
                        Policy *ceiling = policy_of(OPEN_CEILING),
                               *agent = policy_of("'name': 'a', 'filesystem': {'readwritePaths': "
                                                  "['${workspace}'], 'deniedPaths': ['/w/secret']}"),
                               *requested = policy_of("'filesystem': {'readwritePaths': ['${workspace}']}");
        DecideInput in = { .requested = requested,
                .agent = agent,
                .ceiling = ceiling,
                .binding = { .workspace = "/w/secret/x" } };
        _cleanup_(decision_clear) Decision d = decision_of(&in);
        ck_assert_int_eq(d.reason, REASON_BEYOND_AGENT);
        ck_assert_str_eq(d.bound, "agent");
        ck_assert_str_eq(d.clause, "a#/filesystem/deniedPaths/0");

        in.binding.workspace = "/w/secrets";
        _cleanup_(decision_clear) Decision beside = allowed(&in);

        /* a deeper entry of the bound is its own word, and decides; of one path the stricter */
        _cleanup_(policy_unrefp) Policy *deeper = policy_of("'name': 'a', 'filesystem': {'readwritePaths': "
                                                            "['${workspace}', '/w/secret/open', '${home}'], "
                                                            "'deniedPaths': ['/w/secret', '/w/h']}");
        in.agent = deeper;
        in.binding.workspace = "/w/secret/open/x";
        _cleanup_(decision_clear) Decision opened = allowed(&in);
        in.binding = (PolicyBinding){ .workspace = "/w/h/x", .home = "/w/h" };
        _cleanup_(decision_clear) Decision both = decision_of(&in);
        ck_assert_int_eq(both.reason, REASON_BEYOND_AGENT);
}
END_TEST

START_TEST(test_nobodys_home_is_not_everything) {
        _cleanup_(policy_unrefp)
                        Policy *ceiling = policy_of(OPEN_CEILING),
                               *requested = policy_of("'filesystem': {'readwritePaths': ['${home}/x']}");
        const DecideInput in = {
                .requested = requested, .ceiling = ceiling, .binding = { .home = "/" }, .clamp = true
        };
        _cleanup_(decision_clear) Decision d = allowed(&in);
        ck_assert_int_eq(policy_path_access(d.effective, "/x", NULL), PATH_DENIED);
}
END_TEST

/* ---- the bounds ---- */

static const struct {
        const char *requested, *agent;
        DecisionReason reason;
        const char *bound, *clause, *sentence;
} wider[] = {
        { "'filesystem': {'readwritePaths': ['/x']}", NULL, REASON_BEYOND_CEILING, "ceiling",
                        "/filesystem/readwritePaths/0", "writing /x" },
        { "'name': 'r', 'filesystem': {'readwritePaths': ['/w']}",
                        "'name': 'bound', 'filesystem': "
                        "{'readonlyPaths': ['/w']}",
                        REASON_BEYOND_AGENT, "agent", "/filesystem/readwritePaths/0",
                        "The policy r allows writing /w, where bound" },
        /* beyond both: the agent's is said first, it is the nearer */
        { "'filesystem': {'readwritePaths': ['/x']}", "'filesystem': {}", REASON_BEYOND_AGENT, "agent",
                        "/filesystem/readwritePaths/0", "The policy of this request" },
        { "'process': {'syscalls': 'build'}", NULL, REASON_BEYOND_CEILING, "ceiling", "/process/syscalls",
                        "system call" },
        { "'process': {'debugging': true}", NULL, REASON_BEYOND_CEILING, "ceiling", "/process/debugging",
                        "debugging" },
        { "'filesystem': {'handoff': 'allow'}", NULL, REASON_BEYOND_CEILING, "ceiling",
                        "/filesystem/handoff", "trust" },
        { "'network': {'egress': {'default': 'allow'}}", NULL, REASON_BEYOND_CEILING, "ceiling",
                        "/network/egress/default", "" },
        { "'ui': {'disable': false}", NULL, REASON_BEYOND_CEILING, "ceiling", "/ui/disable",
                        "user interface" },
        { "'delegation': {'spawn': true}", NULL, REASON_BEYOND_CEILING, "ceiling", "/delegation/spawn",
                        "sub-agents" },
        { "'resources': {'memoryMax': '2G'}", "'resources': {'memoryMax': '1G'}", REASON_BEYOND_AGENT,
                        "agent", "/resources/memoryMax", "more than" },
        { "", "'resources': {'memoryMax': '1G'}", REASON_BEYOND_AGENT, "agent", "/resources/memoryMax",
                        "no limit" },
};

START_TEST(test_wider_than_a_bound) {
        _cleanup_(policy_unrefp) Policy *ceiling = policy_of(OPEN_CEILING),
                                        *requested = policy_of(wider[_i].requested),
                                        *agent = wider[_i].agent ? policy_of(wider[_i].agent) : NULL;
        DecideInput in = { .requested = requested, .agent = agent, .ceiling = ceiling };
        _cleanup_(decision_clear) Decision d = decision_of(&in);
        ck_assert_int_eq(d.verdict, VERDICT_DENY);
        ck_assert_str_eq(decision_reason_to_string(d.reason), decision_reason_to_string(wider[_i].reason));
        ck_assert_str_eq(d.bound, wider[_i].bound);
        ck_assert_str_eq(d.clause, wider[_i].clause);
        ck_assert_msg(strstr(d.sentence, wider[_i].sentence), "%s", d.sentence);
        ck_assert_msg(strstr(d.sentence, "\"clamp\"") && strstr(d.sentence, "administrator"), "%s",
                        d.sentence);

        /* cut down, it is within both */
        in.clamp = true;
        _cleanup_(decision_clear) Decision cut = allowed(&in);
        ck_assert(policy_within(cut.effective, requested, NULL));
        ck_assert(policy_within(cut.effective, ceiling, NULL));
        ck_assert(!agent || policy_within(cut.effective, agent, NULL));
}
END_TEST

/* A default agent is bound by the ceiling alone; a registered one by its own policy too, even where nobody asks for less. */
START_TEST(test_the_meet_of_all_three_holds) {
        _cleanup_(policy_unrefp)
                        Policy *ceiling = policy_of(OPEN_CEILING),
                               *agent = policy_of("'filesystem': {'readonlyPaths': ['/a', '/b']}, "
                                                  "'resources': {'tasksMax': 5}"),
                               *requested = policy_of("'filesystem': {'readonlyPaths': ['/a', '/c']}, "
                                                      "'resources': {'tasksMax': 3}");
        const DecideInput in = { .requested = requested, .agent = agent, .ceiling = ceiling, .clamp = true };
        _cleanup_(decision_clear) Decision d = allowed(&in);
        ck_assert_int_eq(policy_path_access(d.effective, "/a/x", NULL), PATH_READONLY);
        ck_assert_int_eq(policy_path_access(d.effective, "/b/x", NULL), PATH_DENIED);
        ck_assert_int_eq(policy_path_access(d.effective, "/c/x", NULL), PATH_DENIED);
        ck_assert_uint_eq(d.effective->resources[RESOURCE_TASKS_MAX], 3);
}
END_TEST

START_TEST(test_what_does_not_fit_into_one_policy) {
        /* each within its limits, with three times the entries where they cross */
        char *texts[2];
        for (unsigned k = 0; k < 2; k++) {
                size_t n;
                FILE *f = open_memstream(&texts[k], &n);
                ck_assert_ptr_nonnull(f);
                for (unsigned i = 0; i < 500; i++)
                        fprintf(f, "%s'/%c/%u'", i == 0 ? "'filesystem': {'deniedPaths': [" : ", ", "ab"[k],
                                        i);
                fputs("]}", f);
                ck_assert_int_eq(fclose(f), 0);
        }
        _cleanup_(policy_unrefp) Policy *requested = policy_of(texts[0]), *ceiling = policy_of(texts[1]);
        free(texts[0]);
        free(texts[1]);
        const DecideInput in = { .requested = requested, .ceiling = ceiling };
        _cleanup_(decision_clear) Decision d = decision_of(&in);
        ck_assert_int_eq(d.reason, REASON_LIMIT);
        ck_assert_str_eq(d.bound, "host");
}
END_TEST

/* ---- what cannot be built ---- */

static const struct {
        const char *requested, *agent, *ceiling; /* said by one of them */
        const char *clause, *sentence;
} unbuildable[] = {
        { "'containment': 'session'", NULL, NULL, "/containment", "The policy of this request demands" },
        { "'containment': 'container'", NULL, NULL, "/containment", "tier" },
        { "'name': 'r', 'containment': 'microvm'", NULL, NULL, "/containment", "The policy r demands" },
        { "", "'name': 'a', 'containment': 'microvm'", NULL, "a#/containment", "The policy a demands" },
        { "", NULL, "'containment': 'session'", "ceiling#/containment", "The policy ceiling demands" },
        { "'filesystem': {'workspace': 'overlay'}", NULL, NULL, "/filesystem/workspace", "overlay" },
        { "'audit': {'files': 'denied'}", NULL, NULL, "/audit/files", "file accesses" },
        { "'audit': {'files': 'all'}", NULL, NULL, "/audit/files", "file accesses" },
        { "'audit': {'exec': 'denied'}", NULL, NULL, "/audit/exec", "programs" },
        { "", NULL, "'audit': {'exec': 'all'}", "ceiling#/audit/exec", "programs" },
        { "'violations': {'threshold': 1, 'window': '1s', 'action': 'record'}", NULL, NULL, "/violations",
                        "violations" },
        { "'violations': {'threshold': 1, 'window': '1s', 'action': 'quarantine'}", NULL, NULL,
                        "/violations", "violations" },
        { "'network': {'egress': {'allow': [{'to': [{'cidr': '8.8.8.8'}], 'ports': [{'port': 54}, "
          "{'protocol': "
          "'udp', 'port': 53}]}]}}",
                        NULL, "'network': {'egress': {'default': 'allow'}}", "/network/egress/allow/0",
                        "port 53" },
        { "'network': {'egress': {'allow': [{'to': [{'host': 'a.b'}], 'ports': [{'port': 53, 'endPort': "
          "53}]}]}}",
                        NULL, "'network': {'egress': {'default': 'allow'}}", "/network/egress/allow/0",
                        "port 53" },
        { "'network': {'egress': {'allow': [{'to': [{'cidr': '1.2.3.4'}, {'host': 'a.b'}], 'ports': "
          "[{'protocol': 'udp', 'port': 443}]}]}}",
                        NULL, "'network': {'egress': {'default': 'allow'}}", "/network/egress/allow/0",
                        "UDP by name" },
        { "'network': {'egress': {'allow': [{'ports': [{'port': 443}]}, {'ports': [{'port': 1}, "
          "{'protocol': "
          "'icmp'}]}]}}",
                        NULL, "'network': {'egress': {'default': 'allow'}}", "/network/egress/allow/1",
                        "ICMP" },
        { "'network': {'ingress': {'default': 'allow'}}", NULL,
                        "'network': {'ingress': {'default': 'allow'}}", "/network/ingress/default",
                        "connect" },
        { "'network': {'ingress': {'publish': [{'port': 8080}, {'port': 8081, 'endPort': 8082}]}}", NULL,
                        "'network': {'ingress': {'publish': [{'port': 8080, 'endPort': 8090}]}}",
                        "/network/ingress/publish/1", "a range" },
        { "'network': {'ingress': {'publish': [{'port': 8080, 'address': '127.0.0.0/31'}]}}", NULL,
                        "'network': {'ingress': {'publish': [{'port': 8080, 'address': '127.0.0.0/8'}]}}",
                        "/network/ingress/publish/0", "a block" },
        { "'network': {'ingress': {'publish': [{'port': 1, 'hostPort': 8080}, {'port': 2, 'hostPort': "
          "8080}]}}",
                        NULL,
                        "'network': {'ingress': {'publish': [{'port': 1, 'endPort': 9, 'hostPort': 8080}]}}",
                        "/network/ingress/publish/1", "two ports" },
        { "'filesystem': {'readonlyPaths': ['/proc/cpuinfo']}", NULL, NULL, "/filesystem/readonlyPaths/0",
                        "/proc/cpuinfo" },
        { "'filesystem': {'readwritePaths': ['/dev/kvm']}", NULL,
                        "'filesystem': {'readwritePaths': ['/dev']}", "/filesystem/readwritePaths/0",
                        "/dev/kvm" },
};

START_TEST(test_what_cannot_be_built_is_refused) {
        _cleanup_free_ char *text = NULL;
        const char *more = unbuildable[_i].ceiling;
        ck_assert_int_ge(asprintf(&text, "'name': 'ceiling', %s%s%s", more ? more : "",
                                         more && strstr(more, "filesystem") ? ""
                                         : more                             ? ", "
                                                                            : "",
                                         more && strstr(more, "filesystem")
                                                         ? ""
                                                         : "'filesystem': {'readonlyPaths': ['/']}"),
                        0);
        _cleanup_(policy_unrefp) Policy *ceiling = policy_of(text),
                                        *requested = policy_of(unbuildable[_i].requested),
                                        *agent = unbuildable[_i].agent ? policy_of(unbuildable[_i].agent)
                                                                       : NULL;
        const DecideInput in = {
                .requested = requested, .agent = agent, .ceiling = ceiling, .clamp = agent != NULL
        };
        _cleanup_(decision_clear) Decision d = decision_of(&in);
        ck_assert_msg(d.reason == REASON_UNSUPPORTED, "%s: %s", decision_reason_to_string(d.reason),
                        d.sentence);
        ck_assert_str_eq(d.bound, "host");
        const char *clause = strchr(d.clause, '#') && unbuildable[_i].clause[0] == '/'
                                             ? strchr(d.clause, '#') + 1
                                             : d.clause;
        ck_assert_str_eq(clause, unbuildable[_i].clause);
        ck_assert_msg(strstr(d.sentence, unbuildable[_i].sentence), "%s", d.sentence);
}
END_TEST

START_TEST(test_the_request_may_demand_a_tier) {
        _cleanup_(policy_unrefp) Policy *ceiling = policy_of(OPEN_CEILING), *requested = policy_of("");
        for (Containment c = CONTAINMENT_AUTO; c < _CONTAINMENT_MAX; c++) {
                const DecideInput in = { .requested = requested, .ceiling = ceiling, .containment = c };
                _cleanup_(decision_clear) Decision d = decision_of(&in);
                ck_assert_int_eq(d.reason, c <= CONTAINMENT_PROCESS ? REASON_ALLOWED : REASON_UNSUPPORTED);
                ck_assert_str_eq(d.clause, "");
        }
}
END_TEST

/* What a policy merely permits and nothing here would use is no promise. */
START_TEST(test_permissions_that_nothing_uses_are_no_promise) {
        static const char *const bodies[] = {
                "'ui': {'disable': false, 'clipboard': 'all', 'injection': true}",
                "'delegation': {'spawn': true, 'depth': 3}",
                "'network': {'egress': {'allow': [{'to': [{'host': 'a.b'}], 'ports': [{'port': 443}]}]}}",
                "'network': {'egress': {'default': 'allow'}}",
                "'network': {'ingress': {'hostLoopback': 'allow'}}",
                "'network': {'ingress': {'publish': [{'port': 8080}, {'port': 8081, 'address': '::1'}]}}",
                "'audit': {'files': 'none', 'exec': 'none', 'network': 'all'}", "'containment': 'process'",
                "'containment': 'auto'",
                "'network': {'egress': {'deny': [{'to': [{'host': 'a.b'}]}], 'limits': {'bytesOut': '1M'}}}",
                "'filesystem': {'deniedPaths': ['/dev', '/proc/sys']}",
                "'filesystem': {'readonlyPaths': ['/'], 'executePaths': ['/proc/x']}"
        };
        for (size_t i = 0; i < ELEMENTSOF(bodies); i++) {
                _cleanup_(policy_unrefp) Policy *p = policy_of(bodies[i]);
                const DecideInput in = { .requested = p, .ceiling = p };
                _cleanup_(decision_clear) Decision d = allowed(&in);
        }
}
END_TEST

/* The ceiling may be wide open to the network: what counts is what the sandbox would have of it. */
START_TEST(test_an_open_ceiling_is_no_network) {
        _cleanup_(policy_unrefp) Policy *ceiling = policy_of("'network': {'egress': {'default': 'allow'}}"),
                                        *wants = policy_of("'network': {'egress': {'default': 'allow'}}"),
                                        *closed = policy_of(""), *quiet = policy_of("");
        DecideInput in = { .requested = quiet, .ceiling = ceiling };
        _cleanup_(decision_clear) Decision d = allowed(&in);
        in = (DecideInput){ .requested = wants, .ceiling = closed, .clamp = true };
        _cleanup_(decision_clear) Decision cut = allowed(&in);
        ck_assert(policy_is_offline(cut.effective));
}
END_TEST

/* ---- one question ---- */

static const struct {
        PolicyRequest question;
        Verdict verdict;
        const char *bound, *clause, *sentence;
} questions[] = {
        { { .kind = REQUEST_WRITE, .target = "/w/a" }, VERDICT_ALLOW, "policy",
                        "/filesystem/readwritePaths/0", "The policy r allows writing /w/a." },
        { { .kind = REQUEST_WRITE, .target = "/usr/a" }, VERDICT_DENY, "policy",
                        "/filesystem/readonlyPaths/0", "The policy r does not allow writing /usr/a." },
        { { .kind = REQUEST_READ, .target = "/x" }, VERDICT_DENY, "policy", "/filesystem",
                        "does not allow reading /x" },
        { { .kind = REQUEST_READ, .target = "/usr/mean" }, VERDICT_DENY, "agent",
                        "/filesystem/deniedPaths/0", "The policy a does not allow reading /usr/mean." },
        { { .kind = REQUEST_READ, .target = "/usr/secret" }, VERDICT_DENY, "ceiling",
                        "/filesystem/deniedPaths/0", "The policy c does not allow reading /usr/secret." },
        { { .kind = REQUEST_EXEC, .target = "/w/a" }, VERDICT_DENY, "policy", "/filesystem/executePaths",
                        "executing /w/a" },
        { { .kind = REQUEST_READ, .target = "/tmp/x" }, VERDICT_DENY, "policy", "/filesystem",
                        "of its own" },
        { { .kind = REQUEST_ENV, .target = "A", .value = "1" }, VERDICT_ALLOW, "policy",
                        "/process/environment", "the variable A" },
        { { .kind = REQUEST_ENV, .target = "B", .value = "1" }, VERDICT_DENY, "ceiling",
                        "/process/environment", "the variable B" },
        { { .kind = REQUEST_SYSCALL, .target = "bpf" }, VERDICT_DENY, "policy", "/process/syscalls",
                        "the system call bpf" },
        { { .kind = REQUEST_RESOURCE, .target = "tasksMax", .amount = 9 }, VERDICT_DENY, "ceiling",
                        "/resources", "9 of tasksMax" },
        { { .kind = REQUEST_SPAWN, .amount = 2 }, VERDICT_DENY, "policy", "/delegation", "2 deep" },
        { { .kind = REQUEST_CONNECT, .target = "a.b", .protocol = PROTOCOL_TCP, .port = 443 }, VERDICT_ALLOW,
                        "policy", "/network/egress/allow/0",
                        "allows connecting to a.b, tcp port 443. The server name of TLS, and the Host of "
                        "HTTP, must be "
                        "that name. The sandbox is told an address that stands for that name alone." },
        { { .kind = REQUEST_CONNECT, .target = "o.b", .protocol = PROTOCOL_TCP, .port = 443 }, VERDICT_ALLOW,
                        "policy", "/network/egress/allow/4", "What is said there is not looked at." },
        { { .kind = REQUEST_CONNECT, .target = "o.b", .protocol = PROTOCOL_TCP, .port = 444 }, VERDICT_ALLOW,
                        "policy", "/network/egress/allow/3",
                        "o.b, tcp port 444. The server name of TLS, and the Host of HTTP, must be that "
                        "name. "
                        "An encrypted server name (ECH) is refused there." },
        { { .kind = REQUEST_CONNECT, .target = "p.o.b", .protocol = PROTOCOL_TCP, .port = 443 },
                        VERDICT_ALLOW, "policy", "/network/egress/allow/3",
                        "An encrypted server name (ECH) is refused there." },
        { { .kind = REQUEST_CONNECT, .target = "a.b", .protocol = PROTOCOL_UDP, .port = 443 }, VERDICT_DENY,
                        "host", "/network/egress/allow/0", "UDP goes by address only" },
        { { .kind = REQUEST_CONNECT, .target = "a.b", .protocol = PROTOCOL_TCP, .port = 53 }, VERDICT_DENY,
                        "host", "/network/egress/allow/0", "the sandbox's own resolver" },
        { { .kind = REQUEST_CONNECT, .target = "1.2.3.4", .protocol = PROTOCOL_UDP, .port = 443 },
                        VERDICT_ALLOW, "policy", "/network/egress/allow/1", "1.2.3.4, udp port 443." },
        { { .kind = REQUEST_CONNECT, .target = "1.2.3.4", .protocol = PROTOCOL_ICMP }, VERDICT_DENY, "host",
                        "/network/egress/allow/1", "TCP and UDP only" },
        { { .kind = REQUEST_CONNECT, .target = "9.9.9.9", .protocol = PROTOCOL_UDP, .port = 7 },
                        VERDICT_DENY, "host", "/network/egress/allow/2", "Names are denied" },
        { { .kind = REQUEST_CONNECT, .target = "9.9.9.9", .protocol = PROTOCOL_TCP, .port = 7 },
                        VERDICT_ALLOW, "policy", "/network/egress/allow/2", "9.9.9.9, tcp port 7." },
        { { .kind = REQUEST_CONNECT, .target = "9.9.9.9", .protocol = PROTOCOL_UDP, .port = 8 },
                        VERDICT_ALLOW, "policy", "/network/egress/allow/2", "9.9.9.9, udp port 8." },
        { { .kind = REQUEST_CONNECT, .target = "198.18.0.1", .protocol = PROTOCOL_TCP, .port = 7 },
                        VERDICT_DENY, "host", "/network/egress/allow/2", "stands for a name" },
        { { .kind = REQUEST_CONNECT, .target = "10.0.2.2", .protocol = PROTOCOL_TCP, .port = 80 },
                        VERDICT_DENY, "policy", "/network/ingress/hostLoopback",
                        "In a sandbox that address is the host's own loopback." },
        { { .kind = REQUEST_CONNECT, .target = "127.8.8.8", .protocol = PROTOCOL_TCP, .port = 7 },
                        VERDICT_DENY, "host", "/network/egress/allow/2", "its own loopback" },
        { { .kind = REQUEST_CONNECT, .target = "::1", .protocol = PROTOCOL_TCP, .port = 80 }, VERDICT_DENY,
                        "policy", "/network/egress/default", "its own loopback" },
        { { .kind = REQUEST_CONNECT, .target = "a.localhost", .protocol = PROTOCOL_TCP, .port = 7 },
                        VERDICT_DENY, "host", "/network/egress/allow/2", "its own loopback" },
        { { .kind = REQUEST_CONNECT, .target = "224.0.0.251", .protocol = PROTOCOL_UDP, .port = 8 },
                        VERDICT_DENY, "host", "/network/egress/allow/2", "Nothing leads to that address" },
        { { .kind = REQUEST_CONNECT, .target = "9.9.9.9", .protocol = PROTOCOL_TCP, .port = 80 },
                        VERDICT_DENY, "policy", "/network/egress/default", "9.9.9.9, tcp port 80." },
        { { .kind = REQUEST_PUBLISH, .target = "127.0.0.1", .port = 8080, .value = "" }, VERDICT_ALLOW,
                        "policy", "/network/ingress/publish/0", "of the agent's owner and of root" },
        { { .kind = REQUEST_PUBLISH, .target = "127.0.0.1", .port = 8080, .value = "any" }, VERDICT_DENY,
                        "policy", "/network/ingress/publish", "for everybody" },
        { { .kind = REQUEST_PUBLISH, .target = "127.0.0.1", .port = 8081, .value = "any" }, VERDICT_ALLOW,
                        "policy", "/network/ingress/publish/1", "Whoever reaches that address" },
        { { .kind = REQUEST_CONNECT, .target = "c.d", .protocol = PROTOCOL_TCP, .port = 1 }, VERDICT_DENY,
                        "policy", "/network/egress/default", "c.d, tcp port 1." },
};

/* ICMP is in the ceiling, and all that was asked for is any protocol: that is what can be carried. */
START_TEST(test_what_a_bound_names_is_not_asked_for) {
        _cleanup_(policy_unrefp) Policy *
                        any = policy_of("'network': {'egress': {'allow': [{'to': [{'cidr': '1.2.3.4'}]}]}}"),
                       *icmp = policy_of("'network': {'egress': {'allow': [{'to': [{'cidr': '1.2.3.4'}], "
                                         "'ports': [{'protocol': 'icmp'}]}]}}"),
                       *ceiling = policy_of(
                                       "'network': {'egress': {'allow': [{'ports': [{'protocol': 'tcp'}, "
                                       "{'protocol': 'udp'}, {'protocol': 'icmp'}]}]}}");
        for (unsigned i = 0; i < 2; i++) {
                const DecideInput in = {
                        .requested = i == 0 ? any : icmp, .ceiling = ceiling, .clamp = true, .binding = { 0 }
                };
                _cleanup_(decision_clear) Decision d = { 0 };
                ck_assert_int_eq(decide(&in, &d), 0);
                ck_assert_int_eq(d.verdict, i == 0 ? VERDICT_ALLOW : VERDICT_DENY);
                ck_assert_int_eq(d.reason, i == 0 ? REASON_ALLOWED : REASON_UNSUPPORTED);
        }
}
END_TEST

START_TEST(test_one_question) {
        _cleanup_(policy_unrefp) Policy
                        *requested = policy_of("'name': 'r', 'filesystem': {'readonlyPaths': ['/usr'], "
                                               "'readwritePaths': ['${workspace}'], 'executePaths': "
                                               "['/usr']}, 'process': {'environment': {'pass': ['A', 'B']}, "
                                               "'syscalls': 'agent'}, 'network': {'egress': {'allow': "
                                               "[{'to': [{'host': 'a.b'}]}, {'to': [{'cidr': '1.2.3.4'}]}, "
                                               "{'ports': [{'port': 7, 'endPort': 8}]}, {'to': [{'host': "
                                               "'o.b'}, {'host': '*.o.b'}], 'ech': 'refuse'}, {'to': "
                                               "[{'host': 'o.b'}], 'ports': [{'port': 443}], 'tls': "
                                               "'opaque'}]}, 'ingress': {'publish': [{'port': 8080}, "
                                               "{'port': 8081, 'clients': 'any'}]}}"),
                        *agent = policy_of("'name': 'a', 'filesystem': {'readonlyPaths': ['/'], "
                                           "'readwritePaths': ['${workspace}'], 'deniedPaths': "
                                           "['/usr/mean']}, 'process': {'environment': {'pass': 'all'}}, "
                                           "'network': {'egress': {'default': 'allow'}, 'ingress': "
                                           "{'publish': [{'port': 8080, 'endPort': 8081, 'clients': "
                                           "'any'}]}}"),
                        *ceiling = policy_of("'name': 'c', 'filesystem': {'readonlyPaths': ['/'], "
                                             "'readwritePaths': ['${workspace}'], 'deniedPaths': "
                                             "['/usr/secret', '/usr/mean']}, 'process': {'environment': "
                                             "{'pass': ['A']}}, 'resources': {'tasksMax': 5}, 'network': "
                                             "{'dns': 'synthetic', 'egress': {'default': 'allow', 'deny': "
                                             "[{'to': [{'host': "
                                             "'z.z'}], 'ports': [{'protocol': 'udp', 'port': 7}, "
                                             "{'protocol': 'udp', 'port': 443}]}]}, 'ingress': {'publish': "
                                             "[{'port': 8080, "
                                             "'endPort': 8081, 'clients': 'any'}]}}");
        const DecideInput in = {
                .requested = requested, .agent = agent, .ceiling = ceiling, .binding = { .workspace = "/w" }
        };
        _cleanup_(explanation_clear) Explanation e = { 0 };
        ck_assert_int_eq(explain(&in, &questions[_i].question, &e), 0);
        ck_assert_msg(strstr(e.sentence, questions[_i].sentence), "%s", e.sentence);
        ck_assert_int_eq(e.verdict, questions[_i].verdict);
        ck_assert_str_eq(e.bound, questions[_i].bound);
        ck_assert_str_eq(e.clause, questions[_i].clause);
}
END_TEST

START_TEST(test_every_reason_has_a_word) {
        for (DecisionReason r = REASON_ALLOWED; r < _REASON_MAX; r++)
                ck_assert(*decision_reason_to_string(r) != '\0');
        ck_assert_str_eq(decision_reason_to_string(REASON_BEYOND_CEILING), "beyond-ceiling");
        ck_assert_str_eq(decision_reason_to_string(_REASON_MAX), "");
}
END_TEST

int main(void) {
        TCase *t = tcase_create("decide");
        tcase_add_loop_test(
                        t, test_vendor_policies_are_allowed_where_people_work, 0, ELEMENTSOF(good_places));
        tcase_add_loop_test(t, test_not_everything_is_a_workspace, 0, ELEMENTSOF(bad_places));
        tcase_add_test(t, test_a_workspace_that_does_not_fit);
        tcase_add_test(t, test_an_agents_policy_denies_a_workspace_too);
        tcase_add_test(t, test_nobodys_home_is_not_everything);
        tcase_add_loop_test(t, test_wider_than_a_bound, 0, ELEMENTSOF(wider));
        tcase_add_test(t, test_the_meet_of_all_three_holds);
        tcase_add_test(t, test_what_does_not_fit_into_one_policy);
        tcase_add_loop_test(t, test_what_cannot_be_built_is_refused, 0, ELEMENTSOF(unbuildable));
        tcase_add_test(t, test_the_request_may_demand_a_tier);
        tcase_add_test(t, test_permissions_that_nothing_uses_are_no_promise);
        tcase_add_test(t, test_an_open_ceiling_is_no_network);
        tcase_add_test(t, test_what_a_bound_names_is_not_asked_for);
        tcase_add_loop_test(t, test_one_question, 0, ELEMENTSOF(questions));
        tcase_add_test(t, test_every_reason_has_a_word);
        return run_case("decide", t);
}
