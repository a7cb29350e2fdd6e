/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <jansson.h>

#include "policy-test.h"

/* Documents: what is read, what is refused, where a refusal points, what a document becomes. */

START_TEST(test_nothing_is_allowed_by_an_empty_policy) {
        _cleanup_(policy_unrefp) Policy *p = policy_of("");
        ck_assert_int_eq(asks(p, REQUEST_READ, "/"), VERDICT_DENY);
        ck_assert_int_eq(asks(p, REQUEST_READ, "/usr"), VERDICT_DENY);
        ck_assert_int_eq(asks(p, REQUEST_EXEC, "/usr/bin/true"), VERDICT_DENY);
        ck_assert_int_eq(asks(p, REQUEST_ENV, "PATH"), VERDICT_DENY);
        ck_assert_int_eq(asks(p, REQUEST_CONNECT, "example.com"), VERDICT_DENY);
        ck_assert_int_eq(asks(p, REQUEST_CONNECT, "::1"), VERDICT_DENY);
        ck_assert_int_eq(asks(p, REQUEST_SPAWN, NULL), VERDICT_DENY);
        ck_assert(policy_is_offline(p));
        ck_assert(p->ui_disabled && !p->injection && !p->handoff_allowed && !p->debugging);
        ck_assert_int_eq(asks(p, REQUEST_SYSCALL, "read"), VERDICT_ALLOW);
        ck_assert_int_eq(asks(p, REQUEST_SYSCALL, "ptrace"), VERDICT_DENY);
        ck_assert_int_eq(asks(p, REQUEST_SYSCALL, "unshare"), VERDICT_DENY);
}
END_TEST

START_TEST(test_deepest_path_wins) {
        _cleanup_(policy_unrefp) Policy *p = policy_of(
                        "'filesystem': {'readonlyPaths': ['/usr', '/w/lib'],"
                        "'readwritePaths': ['/w', '/w/lib/x'], 'deniedPaths': ['/w/.env', '/usr']}");
        ck_assert_int_eq(asks(p, REQUEST_WRITE, "/w/a"), VERDICT_ALLOW);
        ck_assert_int_eq(asks(p, REQUEST_WRITE, "/w"), VERDICT_ALLOW);
        ck_assert_int_eq(asks(p, REQUEST_READ, "/wide"), VERDICT_DENY);
        ck_assert_int_eq(asks(p, REQUEST_READ, "/w/.env"), VERDICT_DENY);
        ck_assert_int_eq(asks(p, REQUEST_READ, "/w/.env/x"), VERDICT_DENY);
        ck_assert_int_eq(asks(p, REQUEST_READ, "/w/.envrc"), VERDICT_ALLOW);
        ck_assert_int_eq(asks(p, REQUEST_WRITE, "/w/lib/y"), VERDICT_DENY);
        ck_assert_int_eq(asks(p, REQUEST_READ, "/w/lib/y"), VERDICT_ALLOW);
        ck_assert_int_eq(asks(p, REQUEST_WRITE, "/w/lib/x/y"), VERDICT_ALLOW);
        ck_assert_int_eq(asks(p, REQUEST_READ, "/usr"), VERDICT_DENY); /* deny beats read-only on one path */
        ck_assert_int_eq(asks(p, REQUEST_READ, "/w/../etc"), VERDICT_DENY);
        ck_assert_int_eq(asks(p, REQUEST_READ, "w"), VERDICT_DENY);

        const PathRule *rule;
        ck_assert_int_eq(policy_path_access(p, "/w/.env/deep/er", &rule), PATH_DENIED);
        ck_assert_str_eq(rule->clause, "/filesystem/deniedPaths/0");
}
END_TEST

START_TEST(test_execution_needs_reading_and_a_path) {
        _cleanup_(policy_unrefp) Policy *all =
                        policy_of("'filesystem': {'readonlyPaths': ['/usr', '${workspace}']}");
        ck_assert(policy_path_exec(all, "/usr/bin/env"));
        ck_assert(policy_path_exec(all, "${workspace}/a"));
        ck_assert(!policy_path_exec(all, "/opt/a"));
        _cleanup_(policy_unrefp) Policy *some = policy_of(
                        "'filesystem': {'readonlyPaths': ['/usr'], 'executePaths': ['/usr/bin', '/opt']}");
        ck_assert(policy_path_exec(some, "/usr/bin/env"));
        ck_assert(!policy_path_exec(some, "/usr/lib/x"));
        ck_assert(!policy_path_exec(some, "/opt/x"));
        _cleanup_(policy_unrefp) Policy *none =
                        policy_of("'filesystem': {'readonlyPaths': ['/usr'], 'executePaths': 'none'}");
        ck_assert(!policy_path_exec(none, "/usr/bin/env"));
}
END_TEST

START_TEST(test_network_rules) {
        _cleanup_(policy_unrefp) Policy *p =
                        policy_of("'network': {'egress': {'allow': [{'to': [{'host': 'API.Example.com.'}, "
                                  "{'host': '*.cdn.net'}],"
                                  "'ports': [{'protocol': 'tcp', 'port': 443}]}, {'to': [{'cidr': "
                                  "'10.1.0.0/16', 'except': ['10.1.9.0/24']}]}],"
                                  "'deny': [{'to': [{'host': 'bad.cdn.net'}]}]}}");
        ck_assert_int_eq(asks(p, REQUEST_CONNECT, "api.example.com"), VERDICT_ALLOW);
        ck_assert_int_eq(asks(p, REQUEST_CONNECT, "api.example.COM."), VERDICT_ALLOW);
        ck_assert_int_eq(asks(p, REQUEST_CONNECT, "a.b.cdn.net"), VERDICT_ALLOW);
        ck_assert_int_eq(asks(p, REQUEST_CONNECT, "cdn.net"), VERDICT_DENY);
        ck_assert_int_eq(asks(p, REQUEST_CONNECT, "evilcdn.net"), VERDICT_DENY);
        ck_assert_int_eq(asks(p, REQUEST_CONNECT, "bad.cdn.net"), VERDICT_DENY);
        ck_assert_int_eq(asks(p, REQUEST_CONNECT, "*.cdn.net"), VERDICT_DENY);
        ck_assert_int_eq(asks(p, REQUEST_CONNECT, "10.1.2.3"), VERDICT_ALLOW);
        ck_assert_int_eq(asks(p, REQUEST_CONNECT, "::ffff:10.1.2.3"), VERDICT_ALLOW);
        ck_assert_int_eq(asks(p, REQUEST_CONNECT, "64:ff9b::a01:903"), VERDICT_DENY);
        ck_assert_int_eq(asks(p, REQUEST_CONNECT, "10.1.9.3"), VERDICT_DENY);
        ck_assert_int_eq(asks(p, REQUEST_CONNECT, "10.2.0.1"), VERDICT_DENY);
        ck_assert(!policy_is_offline(p));

        const PolicyRequest http = {
                .kind = REQUEST_CONNECT, .target = "api.example.com", .protocol = PROTOCOL_TCP, .port = 80
        };
        const char *clause;
        ck_assert_int_eq(policy_allows(p, &http, &clause), VERDICT_DENY);
        ck_assert_str_eq(clause, "/network/egress/default");
        const PolicyRequest ping = {
                .kind = REQUEST_CONNECT, .target = "10.1.2.3", .protocol = PROTOCOL_ICMP
        };
        ck_assert_int_eq(policy_allows(p, &ping, &clause), VERDICT_ALLOW);
        ck_assert_str_eq(clause, "/network/egress/allow/1");
}
END_TEST

static const struct {
        const char *body, *pointer, *fragment;
} refusals[] = {
        { "'nam': 'x'", "/nam", "unknown key \"nam\"" },
        { "'a/b~c': 1", "/a~1b~0c", "unknown key" },
        { "'name': 'Up'", "/name", "a name is" },
        { "'name': ''", "/name", "a name is" },
        { "'name': 7", "/name", "must be a string, not a whole number" },
        { "'version': '0.8'", "/version", "MXC configuration" },
        { "'extends': 'base'", "/extends", "nothing can be extended here" },
        { "'containment': 'vm'", "/containment", "unknown word \"vm\"; known here: auto, process" },
        { "'filesystem': []", "/filesystem", "must be an object, not a list" },
        { "'filesystem': {'readonlyPaths': []}", "/filesystem/readonlyPaths", "empty list" },
        { "'filesystem': {'readonlyPaths': '/usr'}", "/filesystem/readonlyPaths", "must be a list" },
        { "'filesystem': {'readonlyPaths': ['/a', '/b', 'usr']}", "/filesystem/readonlyPaths/2",
                        "is not absolute" },
        { "'filesystem': {'readonlyPaths': ['/usr/']}", "/filesystem/readonlyPaths/0", "ends with a slash" },
        { "'filesystem': {'readonlyPaths': ['/usr//x']}", "/filesystem/readonlyPaths/0", "empty component" },
        { "'filesystem': {'readonlyPaths': ['/usr/../x']}", "/filesystem/readonlyPaths/0", "\"..\"" },
        { "'filesystem': {'readonlyPaths': ['/usr/.']}", "/filesystem/readonlyPaths/0", "\".\"" },
        { "'filesystem': {'readonlyPaths': ['${work}/a']}", "/filesystem/readonlyPaths/0",
                        "unknown variable" },
        { "'filesystem': {'readonlyPaths': ['${workspace}a']}", "/filesystem/readonlyPaths/0",
                        "unknown variable" },
        { "'filesystem': {'readonlyPaths': ['${workspace}/']}", "/filesystem/readonlyPaths/0",
                        "ends with a slash" },
        { "'filesystem': {'readonlyPaths': ['/a/${home}']}", "/filesystem/readonlyPaths/0", "no variable" },
        { "'filesystem': {'readonlyPaths': ['/a', '/a']}", "/filesystem/readonlyPaths/1", "already" },
        { "'filesystem': {'readonlyPaths': ['/a\\n']}", "/filesystem/readonlyPaths/0", "control character" },
        { "'filesystem': {'readonlyPaths': ['/a\\u0000b']}", "/filesystem/readonlyPaths/0", "not the JSON" },
        { "'filesystem': {'readonlyPaths': null}", "/filesystem/readonlyPaths", "not null" },
        { "'filesystem': {'executePaths': 'all'}", "/filesystem/executePaths", "readable or none" },
        { "'filesystem': {'executePaths': []}", "/filesystem/executePaths", "empty list" },
        { "'filesystem': {'workspace': 'Direct'}", "/filesystem/workspace", "unknown word" },
        { "'filesystem': {'handoff': true}", "/filesystem/handoff", "one of the words protect or allow" },
        { "'process': {'environment': {'pass': ['A=B']}}", "/process/environment/pass/0",
                        "variable's name" },
        { "'process': {'environment': {'pass': ['']}}", "/process/environment/pass/0", "variable's name" },
        { "'process': {'environment': {'set': {'1A': 'x'}}}", "/process/environment/set/1A",
                        "variable's name" },
        { "'process': {'environment': {'set': {'A': 1}}}", "/process/environment/set/A",
                        "must be a string" },
        { "'process': {'syscalls': 'root'}", "/process/syscalls", "unknown word" },
        { "'process': {'syscalls': {'allow': ['reed']}}", "/process/syscalls/allow/0", "no system call" },
        { "'process': {'syscalls': {'allow': ['bpf'], 'deny': ['bpf']}}", "/process/syscalls",
                        "choose one" },
        { "'process': {'syscalls': 'debug'}", "/process", "needs \"debugging\"" },
        { "'process': {'syscalls': {'allow': ['ptrace']}, 'debugging': false}", "/process",
                        "needs \"debugging\"" },
        { "'process': {'debugging': 1}", "/process/debugging", "true or false" },
        { "'network': {'egress': {'allow': []}}", "/network/egress/allow", "empty list" },
        { "'network': {'egress': {'allow': [{'to': []}]}}", "/network/egress/allow/0/to", "empty list" },
        { "'network': {'egress': {'allow': [{'ports': []}]}}", "/network/egress/allow/0/ports",
                        "empty list" },
        { "'network': {'egress': {'allow': [{'to': [{}]}]}}", "/network/egress/allow/0/to/0",
                        "exactly one" },
        { "'network': {'egress': {'allow': [{'to': [{'host': 'a', 'cidr': '10.0.0.0/8'}]}]}}",
                        "/network/egress/allow/0/to/0", "exactly one" },
        { "'network': {'egress': {'allow': [{'to': [{'host': 'a', 'except': ['10.0.0.0/8']}]}]}}",
                        "/network/egress/allow/0/to/0/except", "only a cidr" },
        { "'network': {'egress': {'allow': [{'to': [{'cidr': '10.0.0.0/8', 'except': ['11.0.0.0/9']}]}]}}",
                        "/network/egress/allow/0/to/0/except/0", "contained" },
        { "'network': {'egress': {'allow': [{'ports': [{'endPort': 5}]}]}}",
                        "/network/egress/allow/0/ports/0", "needs \"port\"" },
        { "'network': {'egress': {'allow': [{'ports': [{'port': 9, 'endPort': 5}]}]}}",
                        "/network/egress/allow/0/ports/0", "below" },
        { "'network': {'egress': {'allow': [{'ports': [{'port': 0}]}]}}",
                        "/network/egress/allow/0/ports/0/port", "from 1 to" },
        { "'network': {'egress': {'allow': [{'ports': [{'port': 65536}]}]}}",
                        "/network/egress/allow/0/ports/0/port", "65535" },
        { "'network': {'egress': {'allow': [{'ports': [{'protocol': 'icmp', 'port': 1}]}]}}",
                        "/network/egress/allow/0/ports/0", "no ports" },
        { "'network': {'egress': {'limits': {'bytesOut': '1X'}}}", "/network/egress/limits/bytesOut",
                        "a size such as" },
        { "'network': {'ingress': {'allow': []}}", "/network/ingress/allow", "unknown key" },
        { "'network': {'ingress': {'publish': []}}", "/network/ingress/publish", "empty" },
        { "'network': {'ingress': {'publish': [{}]}}", "/network/ingress/publish/0", "\"port\"" },
        { "'network': {'ingress': {'publish': [{'hostPort': 8080}]}}", "/network/ingress/publish/0",
                        "\"port\"" },
        { "'network': {'ingress': {'publish': [{'port': 80}]}}", "/network/ingress/publish/0",
                        "\"hostPort\"" },
        { "'network': {'ingress': {'publish': [{'port': 8080, 'hostPort': 80}]}}",
                        "/network/ingress/publish/0/hostPort", "from 1024 to" },
        { "'network': {'ingress': {'publish': [{'port': 8080, 'endPort': 8079}]}}",
                        "/network/ingress/publish/0", "below" },
        { "'network': {'ingress': {'publish': [{'port': 8080, 'endHostPort': 8081}]}}",
                        "/network/ingress/publish/0", "needs \"hostPort\"" },
        { "'network': {'ingress': {'publish': [{'port': 1, 'hostPort': 8080, 'endHostPort': 8079}]}}",
                        "/network/ingress/publish/0", "below" },
        { "'network': {'ingress': {'publish': [{'port': 8080, 'address': 'localhost'}]}}",
                        "/network/ingress/publish/0/address", "not an address" },
        { "'network': {'ingress': {'publish': [{'port': 8080, 'clients': 'all'}]}}",
                        "/network/ingress/publish/0/clients", "unknown word" },
        { "'network': {'ingress': {'publish': [{'port': 8080, 'protocol': 'udp'}]}}",
                        "/network/ingress/publish/0/protocol", "datagrams are not published" },
        { "'network': {'ingress': {'publish': [{'port': 8080, 'protocol': 'any'}]}}",
                        "/network/ingress/publish/0/protocol", "unknown word" },
        { "'ui': {'clipboard': 'both'}", "/ui/clipboard", "unknown word" },
        { "'resources': {'memoryMax': '50%'}", "/resources/memoryMax", "a size such as" },
        { "'resources': {'memoryMax': 0}", "/resources/memoryMax", "from 1 to" },
        { "'resources': {'memoryMax': '0'}", "/resources/memoryMax", "zero" },
        { "'resources': {'memoryMax': '9999999999999G'}", "/resources/memoryMax", "too large" },
        { "'resources': {'memoryMax': -1}", "/resources/memoryMax", "whole number" },
        { "'resources': {'tasksMax': 1.5}", "/resources/tasksMax", "fraction" },
        { "'resources': {'tasksMax': 1e3}", "/resources/tasksMax", "exponent" },
        { "'resources': {'tasksMax': 99999999999999999999}", "/resources/tasksMax", "not the JSON" },
        { "'resources': {'cpuQuota': 200}", "/resources/cpuQuota", "percentage" },
        { "'resources': {'cpuQuota': '0%'}", "/resources/cpuQuota", "percentage" },
        { "'resources': {'runtimeMax': '1 fortnight'}", "/resources/runtimeMax", "time span" },
        { "'resources': {'runtimeMax': '0s'}", "/resources/runtimeMax", "zero" },
        { "'resources': {'ioWeight': 10001}", "/resources/ioWeight", "10000" },
        { "'audit': {'files': true}", "/audit/files", "one of the words" },
        { "'violations': {'action': 'kill'}", "/violations", "needs" },
        { "'violations': {'threshold': 1, 'window': '1s'}", "/violations", "must have \"action\"" },
        { "'violations': {'action': 'none', 'threshold': 1}", "/violations", "mean nothing" },
        { "'delegation': {'depth': 2}", "/delegation", "means nothing" },
        { "'delegation': {'spawn': true, 'depth': 0}", "/delegation/depth", "from 1 to" },
};

START_TEST(test_refusals) {
        refused_body(refusals[_i].body, refusals[_i].pointer, refusals[_i].fragment);
}
END_TEST

START_TEST(test_not_documents) {
        refused("", "", "not the JSON");
        refused("[]", "", "one JSON object");
        refused("{}", "", "has no \"schema\"");
        refused("{\"schema\": \"mxc-policy/2\"}", "/schema", "unknown word");
        refused("{\"schema\": \"mxc-policy/1\"} x", "", "not the JSON");
        refused("{\"schema\": \"mxc-policy/1\", \"name\": \"a\", \"name\": \"b\"}", "/name", "duplicate");
        refused("{\"schema\": \"mxc-policy/1\", \"ui\": {\"disable\": true, \"disable\": true}}",
                        "/ui/disable", "duplicate");
        refused("{\"schema\": \"mxc-policy/1\", \"description\": \"\xff\"}", "/description", "not the JSON");
        refused("\xef\xbb\xbf{\"schema\": \"mxc-policy/1\"}", "", "not the JSON");
        refused("{\"schema\": \"mxc-policy/1\", // comment\n}", "", "not the JSON");
}
END_TEST

START_TEST(test_a_refusal_says_where) {
        const char text[] = "{\n  \"schema\": \"mxc-policy/1\",\n  \"description\": \"\xc3\xa4\", "
                            "\"f\\u0069lesystem\": {\n"
                            "    \"readonlyPaths\": [\"/usr\",\n      \"etc\"],\n    \"typo\": 1 }\n}\n";
        PolicyError error = { 0 };
        Policy *p = NULL;
        ck_assert_int_eq(policy_parse(text, sizeof(text) - 1, NULL, NULL, &p, &error), -EINVAL);
        ck_assert_str_eq(error.pointer, "/filesystem/readonlyPaths/1");
        ck_assert_int_eq(error.line, 5);
        ck_assert_int_eq(error.column, 7);
        policy_error_clear(&error);

        _cleanup_free_ char *fixed = strdup(text);
        memcpy(strstr(fixed, "\"etc\""), "\"/et\"", 5);
        ck_assert_int_eq(policy_parse(fixed, strlen(fixed), NULL, NULL, &p, &error), -EINVAL);
        ck_assert_str_eq(error.pointer, "/filesystem/typo");
        ck_assert_int_eq(error.line, 6);
        ck_assert_int_eq(error.column, 5); /* the key, not its value */
        policy_error_clear(&error);

        const char umlaut[] =
                        "{\"schema\": \"mxc-policy/1\", \"description\": \"\xc3\xa4\xc3\xb6\", \"name\": 1}";
        ck_assert_int_eq(policy_parse(umlaut, sizeof(umlaut) - 1, NULL, NULL, &p, &error), -EINVAL);
        ck_assert_int_eq(error.column, 57); /* characters */
        policy_error_clear(&error);

        const char twice[] = "{\"schema\": \"mxc-policy/1\",\n \"ui\": {\"disable\": true,\n  \"disable\": "
                             "true}}";
        ck_assert_int_eq(policy_parse(twice, sizeof(twice) - 1, NULL, NULL, &p, &error), -EINVAL);
        ck_assert_int_eq(error.line, 3);
        ck_assert_int_eq(error.column, 3);
        policy_error_clear(&error);
}
END_TEST

START_TEST(test_a_refusal_is_printable) {
        refused_body("'a\\u001b[31m\\n\\u009b\\u00e9': 1", "/a?[31m???\xc3\xa9",
                        "unknown key \"a?[31m???\xc3\xa9\"");
        refused_body("'containment': '\\u001b]0;x\\u0007'", "/containment", "unknown word \"?]0;x?\"");
}
END_TEST

/* A library of documents for extends. */
static json_t *lookup(const char *name, void *userdata) {
        static const char *const documents[][2] = {
                { "base", "{'schema': 'mxc-policy/1', 'name': 'base', 'description': 'b', 'filesystem': "
                          "{'readonlyPaths': ['/usr', '/w/x'],"
                          "'deniedPaths': ['/secret'], 'executePaths': ['/usr']}, 'process': "
                          "{'environment': {'pass': ['A', 'B'],"
                          "'set': {'C': '1'}}, 'syscalls': 'strict'}, 'resources': {'tasksMax': 5, "
                          "'memoryMax': '1G'},"
                          "'network': {'egress': {'deny': [{'to': [{'host': 'a.b'}]}]}}}" },
                { "middle", "{'schema': 'mxc-policy/1', 'extends': 'base', 'resources': {'tasksMax': 7}}" },
                { "loop", "{'schema': 'mxc-policy/1', 'extends': 'loop'}" },
                { "bad", "{'schema': 'mxc-policy/1', 'ui': {'x': 1}}" },
        };
        (*(int *)userdata)++;
        for (size_t i = 0; i < ELEMENTSOF(documents); i++)
                if (streq(documents[i][0], name)) {
                        _cleanup_free_ char *text = requote(documents[i][1]);
                        return json_loads(text, 0, NULL);
                }
        return NULL;
}

static int extend(const char *quoted, Policy **ret, PolicyError *error) {
        _cleanup_free_ char *text = requote(quoted);
        int calls = 0;
        return policy_parse(text, strlen(text), lookup, &calls, ret, error);
}

START_TEST(test_extends) {
        _cleanup_(policy_unrefp) Policy *p = NULL;
        PolicyError error = { 0 };
        int r = extend("{'schema': 'mxc-policy/1', 'name': 'top', 'extends': 'middle', 'filesystem': "
                       "{'readwritePaths': ['/secret', "
                       "'/w'], 'executePaths': ['/w']}, 'process': {'environment': {'pass': ['C'], 'set': "
                       "{'A': '2'}},"
                       "'syscalls': {'allow': ['bpf']}}, 'network': {'egress': {'allow': [{'to': [{'host': "
                       "'*.b'}]}]}}}",
                        &p, &error);
        ck_assert_msg(r == 0, "%s: %s", error.pointer, error.sentence);
        ck_assert_str_eq(p->name, "top");
        ck_assert_str_eq(p->description, "");
        ck_assert_int_eq(asks(p, REQUEST_WRITE, "/secret"),
                        VERDICT_ALLOW); /* its own entry replaces the base's */
        ck_assert_int_eq(asks(p, REQUEST_WRITE, "/w/x"), VERDICT_DENY);
        ck_assert(policy_path_exec(p, "/usr/a") && policy_path_exec(p, "/w/a"));
        ck_assert_uint_eq(p->resources[RESOURCE_TASKS_MAX], 7);
        ck_assert_uint_eq(p->resources[RESOURCE_MEMORY_MAX], 1U << 30);
        ck_assert_int_eq(asks(p, REQUEST_ENV, "A"), VERDICT_DENY); /* set to 2 now */
        ck_assert_int_eq(asks(p, REQUEST_ENV, "B"), VERDICT_ALLOW);
        ck_assert_int_eq(asks(p, REQUEST_ENV, "C"), VERDICT_ALLOW); /* with the base's value as a default */
        ck_assert_uint_eq(p->n_set_env, 2);
        ck_assert_int_eq(asks(p, REQUEST_SYSCALL, "bpf"), VERDICT_ALLOW);
        ck_assert_int_eq(asks(p, REQUEST_SYSCALL, "socket"), VERDICT_DENY);
        ck_assert_int_eq(asks(p, REQUEST_CONNECT, "x.b"), VERDICT_ALLOW);
        ck_assert_int_eq(asks(p, REQUEST_CONNECT, "a.b"), VERDICT_DENY);

        const PathRule *rule;
        policy_path_access(p, "/usr/bin", &rule);
        ck_assert_str_eq(rule->clause, "base#/filesystem/readonlyPaths/0");
        policy_path_access(p, "/w", &rule);
        ck_assert_str_eq(rule->clause, "/filesystem/readwritePaths/1");
}
END_TEST

START_TEST(test_extends_is_refused) {
        static const struct {
                const char *text, *fragment;
        } cases[] = {
                { "{'schema': 'mxc-policy/1', 'extends': 'nobody'}", "there is no policy \"nobody\"" },
                { "{'schema': 'mxc-policy/1', 'extends': 'No body'}", "is not the name" },
                { "{'schema': 'mxc-policy/1', 'extends': 'loop'}", /* once, not for each of the row */
                                "\"loop\", which this extends, is refused at \"/extends\": extends 9 "
                                "policies in a row, or "
                                "itself" },
                { "{'schema': 'mxc-policy/1', 'extends': 'bad'}",
                                "\"bad\", which this extends, is refused at \"/ui/x\"" },
        };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Policy *p = NULL;
                PolicyError error = { 0 };
                ck_assert_int_eq(extend(cases[i].text, &p, &error), -EINVAL);
                ck_assert_str_eq(error.pointer, "/extends");
                ck_assert_int_eq(error.line, 1);
                ck_assert_msg(strstr(error.sentence, cases[i].fragment), "%s", error.sentence);
                policy_error_clear(&error);
        }
}
END_TEST

START_TEST(test_bind) {
        _cleanup_(policy_unrefp) Policy *p = policy_of("'filesystem': {'readwritePaths': ['${workspace}', "
                                                       "'${runtime}/x'], 'readonlyPaths': "
                                                       "['/w', '${home}'], 'deniedPaths': ['${home}/.ssh'], "
                                                       "'executePaths': ['${workspace}', '/w/bin']}");
        const PolicyBinding binding = { .workspace = "/home/u/w", .home = "/home/u" };
        _cleanup_(policy_unrefp) Policy *bound = NULL, *same = NULL, *root = NULL;
        PolicyError error = { 0 };
        ck_assert_int_eq(policy_bind(p, &binding, &bound, &error), 0);
        ck_assert_uint_eq(bound->n_paths, 4);
        ck_assert_int_eq(asks(bound, REQUEST_WRITE, "/home/u/w/a"), VERDICT_ALLOW);
        ck_assert_int_eq(asks(bound, REQUEST_WRITE, "/home/u/a"), VERDICT_DENY);
        ck_assert_int_eq(asks(bound, REQUEST_READ, "/home/u/.ssh/id"), VERDICT_DENY);
        ck_assert_str_ne(bound->digest, p->digest);

        const PolicyBinding collide = { .workspace = "/w" };
        ck_assert_int_eq(policy_bind(p, &collide, &same, &error), 0);
        ck_assert_int_eq(asks(same, REQUEST_WRITE, "/w/a"), VERDICT_DENY);
        ck_assert_int_eq(asks(same, REQUEST_READ, "/w/a"), VERDICT_ALLOW);
        ck_assert_uint_eq(same->n_exec, 1);

        const PolicyBinding slash = { .workspace = "/", .home = "/" };
        ck_assert_int_eq(policy_bind(p, &slash, &root, &error), 0);
        ck_assert_int_eq(asks(root, REQUEST_READ, "/.ssh"), VERDICT_DENY);
        ck_assert_int_eq(asks(root, REQUEST_READ, "/x"), VERDICT_ALLOW);
        ck_assert_int_eq(asks(root, REQUEST_WRITE, "/x"), VERDICT_DENY);

        static const char *const bad[] = { "w", "", "/w/", "/w/../x", "/w\n", "/\xff", "/${workspace}" };
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                const PolicyBinding wrong = { .workspace = bad[i] };
                Policy *none = NULL;
                ck_assert_int_eq(policy_bind(p, &wrong, &none, &error), -EINVAL);
                ck_assert_str_eq(error.pointer, "/bind/workspace");
                policy_error_clear(&error);
        }
}
END_TEST

START_TEST(test_canonical_form) {
        _cleanup_(policy_unrefp) Policy *p =
                        policy_of("'name': 'x', 'description': 'say \\'\\\\q\\\\u00e9\\\\/\\'', "
                                  "'filesystem': {'readonlyPaths': ['/z', '/a']},"
                                  "'process': {'environment': {'set': {'B': "
                                  "'line\\nbell\\u0007\\u001f\\t\\\\', 'A': ''}}, 'debugging': true,"
                                  "'syscalls': {'deny': ['kcmp']}},"
                                  "'network': {'egress': {'allow': [{}, {'to': [{'cidr': "
                                  "'::ffff:10.0.0.0/104', 'except': ['10.9.0.0/16']}],"
                                  "'ports': [{'port': 80, 'endPort': 90}, {'protocol': 'icmp'}]}]}}");
        _cleanup_free_ char *text = policy_canonical(p);
        json_auto_t *object = policy_to_json(p);
        _cleanup_free_ char *dumped = json_dumps(object, JSON_SORT_KEYS | JSON_COMPACT);
        ck_assert_str_eq(text, dumped);

        Policy *again = NULL;
        ck_assert_int_eq(policy_parse(text, strlen(text), NULL, NULL, &again, NULL), 0);
        _cleanup_free_ char *fixpoint = policy_canonical(again);
        ck_assert_str_eq(text, fixpoint);
        ck_assert_str_eq(p->digest, again->digest);
        policy_unref(again);
        ck_assert_uint_eq(strlen(p->digest), 64);

        _cleanup_(policy_unrefp) Policy *a = policy_of("'filesystem': {'readonlyPaths': ['/a', '/b']}"),
                                        *b = policy_of("'filesystem': {'readonlyPaths': ['/b', '/a'], "
                                                       "'workspace': 'direct'}, 'ui': {}");
        ck_assert_str_eq(a->digest, b->digest);
}
END_TEST

int main(void) {
        TCase *t = tcase_create("parse");
        tcase_add_test(t, test_nothing_is_allowed_by_an_empty_policy);
        tcase_add_test(t, test_deepest_path_wins);
        tcase_add_test(t, test_execution_needs_reading_and_a_path);
        tcase_add_test(t, test_network_rules);
        tcase_add_loop_test(t, test_refusals, 0, (int)ELEMENTSOF(refusals));
        tcase_add_test(t, test_not_documents);
        tcase_add_test(t, test_a_refusal_says_where);
        tcase_add_test(t, test_a_refusal_is_printable);
        tcase_add_test(t, test_extends);
        tcase_add_test(t, test_extends_is_refused);
        tcase_add_test(t, test_bind);
        tcase_add_test(t, test_canonical_form);
        return run_case("policy-parse", t);
}
