/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What clamp takes away is told, in a bounded form; what is needed is not taken away without a word. */

#include <jansson.h>

#include "cut.h"
#include "decision-cache.h"
#include "rule-test.h"

DEFINE_CLEANUP(DecisionCache *, decision_cache_free);

#define CEILING                                                                                             \
        "'name': 'c', 'filesystem': {'readonlyPaths': ['/r', '/usr'], 'readwritePaths': ['/w'], "           \
        "'deniedPaths': ['/w/secret'], 'executePaths': ['/usr']}, 'process': {'environment': {'pass': "     \
        "['A']}}, 'network': {'egress': {'default': 'deny', 'allow': [{'to': [{'host': 'a.b'}]}, {'to': "   \
        "[{'cidr': '10.0.2.2/32'}]}]}}, 'resources': {'tasksMax': 5}"

typedef struct Row {
        const char *field, *asked, *held, *by;
} Row;

static const struct {
        const char *body;
        Row rows[4];
} losses[] = {
        { "'filesystem': {'readwritePaths': ['/w/x'], 'readonlyPaths': ['/r/y'], 'executePaths': 'none'}, "
          "'resources': {'tasksMax': 5}",
                        { { 0 } } },
        { "'filesystem': {'readwritePaths': ['/r/x'], 'readonlyPaths': ['/q'], 'executePaths': 'none'}, "
          "'resources': {'tasksMax': 5}",
                        { { "/filesystem/readonlyPaths/0", "reading /q", "nothing", "ceiling" },
                                        { "/filesystem/readwritePaths/0", "writing /r/x", "reading",
                                                        "ceiling" } } },
        { "'filesystem': {'readwritePaths': ['/w', '/q'], 'executePaths': 'none'}, 'resources': "
          "{'tasksMax': 5}",
                        { { "/filesystem/readwritePaths/1", "writing /q", "nothing", "ceiling" },
                                        { "/filesystem/readwritePaths/0", "writing /w/secret", "nothing",
                                                        "ceiling" } } },
        { "'filesystem': {'readonlyPaths': ['/r', '/usr']}, 'resources': {'tasksMax': 5}",
                        { { "/filesystem/executePaths", "executing below /r", "nothing", "ceiling" } } },
        { "'network': {'egress': {'default': 'deny', 'allow': [{'to': [{'host': 'a.b'}], 'ports': [{'port': "
          "443}]}, {'to': [{'host': 'x.b'}]}]}}, 'resources': {'tasksMax': 5}",
                        { { "/network/egress/allow/1", "all of it", "less", "ceiling" } } },
        { "'network': {'egress': {'default': 'allow'}}, 'resources': {'tasksMax': 5}",
                        { { "/network/egress/default", "allow", "deny", "ceiling" } } },
        { "'network': {'egress': {'allow': [{'to': [{'cidr': '10.0.2.2/32'}]}]}, 'ingress': "
          "{'hostLoopback': 'allow'}}, 'resources': {'tasksMax': 5}",
                        { { "/network/ingress/hostLoopback", "allow", "deny", "ceiling" } } },
        { "'process': {'environment': {'pass': ['A', 'B', 'C']}}, 'resources': {'tasksMax': 5}",
                        { { "/process/environment/pass", "B", "nothing", "ceiling" },
                                        { "/process/environment/pass", "C", "nothing", "ceiling" } } },
        { "'process': {'syscalls': {'allow': ['keyctl', 'add_key']}}, 'resources': {'tasksMax': 5}",
                        { { "/process/syscalls", "add_key, keyctl", "nothing", "ceiling" } } },
        { "'network': {'ingress': {'publish': [{'port': 8080}, {'port': 8081}]}}, 'resources': "
          "{'tasksMax': 5}",
                        { { "/network/ingress/publish/0", "all of it", "less", "ceiling" },
                                        { "/network/ingress/publish/1", "all of it", "less", "ceiling" } } },
        { "'resources': {'tasksMax': 6}", { { "/resources/tasksMax", "6", "5", "ceiling" } } },
        { "'description': 'x'", { { "/resources/tasksMax", "infinity", "5", "ceiling" } } },
        { "'ui': {'disable': false, 'clipboard': 'all'}, 'resources': {'tasksMax': 5}",
                        { { "/ui/disable", "false", "true", "ceiling" },
                                        { "/ui/clipboard", "all", "none", "ceiling" } } },
};

static json_t *rows_of(const Decision *d) {
        json_t *rows = d->cut ? json_loads(d->cut, 0, NULL) : json_array();
        ck_assert_msg(rows != NULL, "%s", d->cut);
        return rows;
}

static const char *column(const json_t *rows, size_t row, size_t which) {
        const char *text = json_string_value(json_array_get(json_array_get(rows, row), which));
        ck_assert_ptr_nonnull(text);
        return text;
}

START_TEST(what_was_cut_is_told) {
        _cleanup_(policy_unrefp) Policy *ceiling = policy_of(CEILING),
                                        *requested = policy_of(losses[_i].body);
        _cleanup_(decision_cache_freep) DecisionCache *cache = NULL;
        ck_assert_int_eq(decision_cache_new(&cache), 0);
        const DecideInput in = { .requested = requested, .ceiling = ceiling, .clamp = true };
        for (unsigned again = 0; again < 2; again++) { /* what is remembered says the same */
                _cleanup_(decision_clear) Decision d = { 0 };
                ck_assert_int_eq(decision_cache_get(cache, &in, &d), 0);
                ck_assert_int_eq(d.verdict, VERDICT_ALLOW);
                ck_assert_int_eq(!d.cut, policy_within(requested, ceiling, NULL));
                json_auto_t *rows = rows_of(&d);
                size_t n = 0;
                for (; n < ELEMENTSOF(losses->rows) && losses[_i].rows[n].field; n++) {
                        ck_assert_msg(n < json_array_size(rows), "%s", d.cut);
                        ck_assert_str_eq(column(rows, n, 0), losses[_i].rows[n].field);
                        ck_assert_str_eq(column(rows, n, 1), losses[_i].rows[n].asked);
                        ck_assert_str_eq(column(rows, n, 2), losses[_i].rows[n].held);
                        ck_assert_str_eq(column(rows, n, 3), losses[_i].rows[n].by);
                }
                ck_assert_msg(n == json_array_size(rows), "%s", d.cut);
        }
}
END_TEST

START_TEST(each_bound_is_named) {
        _cleanup_(policy_unrefp)
                        Policy *ceiling = policy_of(CEILING),
                               *agent = policy_of("'name': 'a', 'filesystem': {'readonlyPaths': ['/w', "
                                                  "'/usr']}, 'resources': {'tasksMax': 9}"),
                               *requested = policy_of("'filesystem': {'readwritePaths': ['/w'], "
                                                      "'executePaths': 'none'}, 'resources': {'tasksMax': "
                                                      "7}");
        const DecideInput in = { .requested = requested, .agent = agent, .ceiling = ceiling, .clamp = true };
        _cleanup_(decision_clear) Decision d = allowed(&in);
        ck_assert_str_eq(d.cut, "[[\"/filesystem/readwritePaths/0\",\"writing /w\",\"reading\",\"agent\"],"
                                "[\"/resources/tasksMax\",\"7\",\"5\",\"ceiling\"],"
                                "[\"/filesystem/readwritePaths/0\",\"writing /w/secret\",\"nothing\","
                                "\"ceiling\"]]");
}
END_TEST

/* A policy with n paths that the ceiling has not, each of size bytes; and with one that it has a hole in. */
static Policy *with_paths(unsigned n, int size) {
        _cleanup_free_ char *text = NULL;
        size_t length;
        FILE *f = open_memstream(&text, &length);
        ck_assert_ptr_nonnull(f);
        fputs("'filesystem': {'executePaths': 'none', 'readwritePaths': ['/w'], 'readonlyPaths': [", f);
        for (unsigned i = 0; i < n; i++)
                fprintf(f, "%s'/x%0*u'", i > 0 ? ", " : "", size - 2, i);
        fputs("]}, 'resources': {'tasksMax': 5}", f);
        ck_assert_int_eq(fclose(f), 0);
        return policy_of(text);
}

static void check_rows(unsigned n, int size, size_t expected, const char *more, const char *held) {
        _cleanup_(policy_unrefp) Policy *ceiling = policy_of(CEILING), *requested = with_paths(n, size);
        const DecideInput in = { .requested = requested, .ceiling = ceiling, .clamp = true };
        _cleanup_(decision_clear) Decision d = allowed(&in);
        json_auto_t *rows = rows_of(&d);
        ck_assert_uint_eq(json_array_size(rows), expected);
        ck_assert_uint_le(strlen(d.cut), LIMIT_CUT_BYTES);
        if (!more)
                return;
        ck_assert_str_eq(column(rows, expected - 1, 0), "");
        ck_assert_str_eq(column(rows, expected - 1, 1), more);
        ck_assert_str_eq(column(rows, expected - 1, 2), held);
}

START_TEST(what_is_told_is_bounded) {
        check_rows(LIMIT_CUT - 1, 10, LIMIT_CUT, NULL, NULL); /* and the hole */
        check_rows(LIMIT_CUT, 10, LIMIT_CUT + 1, "1 more", "below");
        check_rows(LIMIT_CUT + 1, 10, LIMIT_CUT + 1, "2 more", "");
        check_rows(LIMIT_CUT + 100, 10, LIMIT_CUT + 1, "101 more", "");
}
END_TEST

/* A row of a path of n bytes has n + 63, and the last has 64 kept for it. */
START_TEST(what_is_told_is_bounded_in_bytes) {
        ck_assert_uint_eq(LIMIT_CUT_BYTES, 64 + 7 * (1098 + 63) + 1);
        check_rows(7, 1098, 8, "1 more", "below");
        check_rows(7, 1099, 8, "1 more", ""); /* one that is named, and not the hole, which is shorter */
        check_rows(1, LIMIT_PATH_BYTES, 2, NULL, NULL);
        check_rows(2, LIMIT_PATH_BYTES, 3, "1 more", "");
}
END_TEST

/* POLICY_CALLS_NAMED: so many of n calls, or all of them. */
static const struct {
        size_t n;
        const char *more;
} calls[] = { { POLICY_CALLS_NAMED, "" }, { POLICY_CALLS_NAMED + 1, " and 1 more" } };

START_TEST(system_calls_are_named) {
        const SyscallSet none = { 0 };
        _cleanup_free_ char *text = strdup("'process': {'syscalls': {'profile': 'none', 'allow': [");
        SyscallSet agent;
        ck_assert(syscall_profile("agent", &agent));
        for (size_t i = 0; i < calls[_i].n; i++) {
                _cleanup_free_ char *before = text;
                int index = syscall_set_first_beyond(&agent, &none);
                syscall_set_remove(&agent, index);
                ck_assert_int_ge(
                                asprintf(&text, "%s%s'%s'", before, i > 0 ? ", " : "", syscall_table[index]),
                                0);
        }
        _cleanup_free_ char *whole = NULL;
        ck_assert_int_ge(asprintf(&whole, "%s]}}", text), 0);
        _cleanup_(policy_unrefp) Policy *requested = policy_of(whole),
                                        *ceiling = policy_of("'process': {'syscalls': 'none'}");
        const DecideInput in = { .requested = requested, .ceiling = ceiling, .clamp = true };
        _cleanup_(decision_clear) Decision d = allowed(&in);
        json_auto_t *rows = rows_of(&d);
        ck_assert_uint_eq(json_array_size(rows), 1);
        size_t named = 1;
        const char *asked = column(rows, 0, 1), *tail = strstr(asked, " and ");
        for (const char *p = asked; (p = strstr(p, ", ")); p++)
                named++;
        ck_assert_uint_eq(named, POLICY_CALLS_NAMED);
        ck_assert_str_eq(tail ? tail : "", calls[_i].more);
}
END_TEST

START_TEST(nothing_is_told_where_nothing_is_cut) {
        _cleanup_(policy_unrefp) Policy *ceiling = policy_of(CEILING);
        for (int clamp = 0; clamp < 2; clamp++) {
                const DecideInput in = { .requested = ceiling, .ceiling = ceiling, .clamp = clamp == 1 };
                _cleanup_(decision_clear) Decision d = allowed(&in);
                ck_assert_ptr_null(d.cut);
        }
}
END_TEST

static const struct {
        PolicyRequest need;
        DecisionReason reason;
        const char *bound, *clause, *sentence;
} needs[] = {
        { { .kind = REQUEST_READ, .target = "/w/x" }, REASON_ALLOWED, NULL, NULL, NULL },
        { { .kind = REQUEST_WRITE, .target = "/w/x" }, REASON_BEYOND_AGENT, "agent",
                        "/filesystem/readonlyPaths/1", "ask the administrator to widen the agent's policy" },
        { { .kind = REQUEST_READ, .target = "/w/secret" }, REASON_BEYOND_CEILING, "ceiling",
                        "/filesystem/deniedPaths/0", "widen the ceiling of this host" },
        { { .kind = REQUEST_READ, .target = "/q/x" }, REASON_BEYOND_CEILING, "ceiling", "/filesystem",
                        "does not allow reading /q/x. The request needs it" },
        { { .kind = REQUEST_EXEC, .target = "/usr/bin/sh" }, REASON_ALLOWED, NULL, NULL, NULL },
        { { .kind = REQUEST_EXEC, .target = "/r/sh" }, REASON_BEYOND_CEILING, "ceiling",
                        "/filesystem/executePaths", "executing /r/sh" },
        { { .kind = REQUEST_CONNECT, .target = "a.b", .port = 443, .protocol = PROTOCOL_TCP },
                        REASON_BEYOND_CEILING, "ceiling", "/network/egress/allow/0",
                        "connecting to a.b, tcp port 443" },
        { { .kind = REQUEST_CONNECT, .target = "c.b", .port = 443, .protocol = PROTOCOL_TCP },
                        REASON_ALLOWED, NULL, NULL, NULL },
        { { .kind = REQUEST_CONNECT, .target = "10.0.2.2", .port = 80, .protocol = PROTOCOL_TCP },
                        REASON_BEYOND_CEILING, "ceiling", "/network/ingress/hostLoopback",
                        "the host's own loopback" },
        { { .kind = REQUEST_READ, .target = "/nobody-asked" }, REASON_INVALID_ARGUMENT, "policy",
                        "/filesystem", "The request says that it needs that" },
};

/* What a name is asked for is what may be said there, too: of a.b the ceiling lets less be said. */
START_TEST(what_is_needed_is_there_or_refused) {
        _cleanup_(policy_unrefp) Policy
                        *requested = policy_of(
                                        "'filesystem': {'readwritePaths': ['/w', '/q', '/r', '/usr']}, "
                                        "'network': {'egress': {'allow': [{'to': [{'host': 'a.b'}, "
                                        "{'host': 'c.b'}], 'ports': [{'port': 443}], 'tls': 'opaque'}, "
                                        "{'to': [{'cidr': '10.0.2.2/32'}]}]}, "
                                        "'ingress': {'hostLoopback': 'allow'}}"),
                        *agent = policy_of("'filesystem': {'readwritePaths': ['/q', '/r'], 'readonlyPaths': "
                                           "['/usr', '/w']}, 'network': {'egress': {'default': 'allow'}, "
                                           "'ingress': {'hostLoopback': 'allow'}}"),
                        *ceiling = policy_of("'name': 'c', 'filesystem': {'readonlyPaths': ['/r', '/usr'], "
                                             "'readwritePaths': ['/w'], 'deniedPaths': ['/w/secret'], "
                                             "'executePaths': ['/usr']}, 'network': {'egress': {'allow': "
                                             "[{'to': [{'host': 'a.b'}]}, {'to': [{'host': 'c.b'}], "
                                             "'tls': 'opaque', 'ports': [{'port': 443}]}, {'to': "
                                             "[{'cidr': '10.0.2.2/32'}]}]}}");
        const DecideInput in = { .requested = requested, .agent = agent, .ceiling = ceiling, .clamp = true };
        _cleanup_(decision_clear) Decision d = allowed(&in);
        ck_assert_int_eq(decide_needs(&in, &needs[_i].need, 1, &d), 0);
        ck_assert_str_eq(decision_reason_to_string(d.reason), decision_reason_to_string(needs[_i].reason));
        if (needs[_i].reason == REASON_ALLOWED) {
                ck_assert_int_eq(d.verdict, VERDICT_ALLOW);
                return;
        }
        ck_assert_int_eq(d.verdict, VERDICT_DENY);
        ck_assert_ptr_null(d.effective);
        ck_assert_str_eq(d.bound, needs[_i].bound);
        ck_assert_str_eq(d.clause, needs[_i].clause);
        ck_assert_msg(strstr(d.sentence, needs[_i].sentence), "%s", d.sentence);
}
END_TEST

int main(void) {
        TCase *t = tcase_create("cut");
        tcase_add_loop_test(t, what_was_cut_is_told, 0, ELEMENTSOF(losses));
        tcase_add_test(t, each_bound_is_named);
        tcase_add_test(t, what_is_told_is_bounded);
        tcase_add_test(t, what_is_told_is_bounded_in_bytes);
        tcase_add_loop_test(t, system_calls_are_named, 0, ELEMENTSOF(calls));
        tcase_add_test(t, nothing_is_told_where_nothing_is_cut);
        tcase_add_loop_test(t, what_is_needed_is_there_or_refused, 0, ELEMENTSOF(needs));
        return run_case("cut", t);
}
