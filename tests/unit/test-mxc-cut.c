/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an MXC configuration cannot do without, and what is told of it where it was cut. */
#include <check.h>

#include "cut.h"
#include "text-list.h"

static MxcRequest *request_of(const char *text) {
        _cleanup_(mxc_config_freep) MxcConfig *c = NULL;
        MxcRequest *q = NULL;
        MxcError error = { 0 };
        const MxcCaller caller = { .cwd = "/usr/bin", .home = "/home/x" };
        ck_assert_msg(mxc_config_parse(text, strlen(text), &c, &error) == 0, "%s", error.message);
        ck_assert_msg(mxc_request_make(c, &caller, &q, &error) == 0, "%s", error.message);
        return q;
}

#define SH                                                                                                  \
        { "exec", "/bin/sh", 0, "process.commandLine" }
#define BLOCKED "\"network\":{\"egress\":{\"default\":\"deny\"}}"

typedef struct Need {
        const char *action, *target; /* target NULL: not looked at */
        uint16_t port;
        const char *said;
} Need;

static const struct {
        const char *members;
        Need needs[MXC_NEEDS_MAX];
} configs[] = {
        { "\"process\":{\"commandLine\":\"x\"}", { SH } },
        { "\"process\":{\"commandLine\":\"x\",\"cwd\":\"/usr/share\"}",
                        { { "read", "/usr/share", 0, "process.cwd '/usr/share' is not there" }, SH } },
        /* nothing gives these, or a sandbox has its own */
        { "\"process\":{\"commandLine\":\"x\",\"cwd\":\"/proc\"}", { SH } },
        { "\"process\":{\"commandLine\":\"x\",\"cwd\":\"/tmp\"},\"filesystem\":{\"readwritePaths\":[\"/"
          "tmp\"]}",
                        { SH } },
        { "\"process\":{\"commandLine\":\"x\"},\"filesystem\":{\"deniedPaths\":[\"/bin\"]}", { { 0 } } },
        { "\"process\":{\"commandLine\":\"x\"}," BLOCKED
          ",\"runtimeConfig\":{\"networkProxy\":\"http://localhost:8080\"}",
                        { { "connect", "10.0.2.2", 8080,
                                          "the proxy localhost:8080, which is all that can be reached, "
                                          "cannot be connected to" },
                                        SH } },
        { "\"process\":{\"commandLine\":\"x\"}," BLOCKED
          ",\"runtimeConfig\":{\"networkProxy\":\"http://[::1]:8080\"}",
                        { { "connect", NULL, 8080, "the proxy [::1]:8080" }, SH } },
};

START_TEST(what_it_cannot_do_without) {
        _cleanup_free_ char *text = NULL;
        ck_assert_int_gt(asprintf(&text, "{\"version\":\"1.0.0\",%s}", configs[_i].members), 0);
        _cleanup_(mxc_request_freep) MxcRequest *q = request_of(text);
        size_t n = 0;
        for (; n < MXC_NEEDS_MAX && configs[_i].needs[n].action; n++) {
                const Need *expected = &configs[_i].needs[n];
                ck_assert_uint_lt(n, q->n_needs);
                ck_assert_str_eq(q->needs[n].action, expected->action);
                if (expected->target)
                        ck_assert_str_eq(q->needs[n].target, expected->target);
                ck_assert_uint_eq(q->needs[n].port, expected->port);
                ck_assert_msg(strstr(q->needs[n].said, expected->said), "%s", q->needs[n].said);
        }
        ck_assert_uint_eq(q->n_needs, n);
}
END_TEST

static const struct {
        MxcCut cut;
        const char *sentence; /* NULL: none */
} rows[] = {
        { { "/filesystem/readwritePaths/0", "writing /usr/share", "reading", "ceiling" },
                        "Filesystem path '/usr/share' is read-only: the ceiling of this host allows no "
                        "writing there, but for what it names below" },
        { { "/filesystem/readwritePaths/0", "writing /usr/share", "nothing", "agent" },
                        "Filesystem path '/usr/share' is not there: the agent's policy" },
        { { "/filesystem/readwritePaths/1", "writing /tmp", "nothing", "ceiling" },
                        "a sandbox has one of its own" },
        /* below what is named, and of the system */
        { { "/filesystem/readwritePaths/0", "writing /usr/share/x", "nothing", "ceiling" }, NULL },
        { { "/filesystem/readonlyPaths/0", "reading /etc", "nothing", "ceiling" }, NULL },
        { { "/filesystem/executePaths", "executing below /usr/share", "nothing", "ceiling" },
                        "Programs of filesystem path '/usr/share' cannot be executed" },
        { { "/filesystem/executePaths", "executing below /etc", "nothing", "ceiling" }, NULL },
        { { "/network/egress/allow/0", "all of it", "less", "ceiling" },
                        "{\"to\":[{\"cidr\":\"10.0.2.2/32\"}" },
        { { "/network/egress/default", "allow", "deny", "ceiling" }, "network: it is not open" },
        { { "/network/egress/default", "allow", "less", "ceiling" }, NULL },
        { { "/network/ingress/hostLoopback", "allow", "deny", "ceiling" },
                        "the host's loopback (10.0.2.2)" },
        { { "/process/environment/pass", "LANG", "nothing", "ceiling" }, "process.env: LANG is not there" },
        { { "/process/environment/pass", "all", "a few", "ceiling" },
                        "those are there that the ceiling of this host passes" },
        { { "/resources/runtimeMax", "infinity", "2000000", "ceiling" },
                        "process.timeout: it ends after 2000ms" },
        { { "/resources/runtimeMax", "infinity", "60000000", "ceiling" }, NULL },
        { { "/resources/memoryMax", "infinity", "1000", "ceiling" }, NULL },
        { { "/ui/injection", "true", "false", "ceiling" }, NULL },
        { { "", "3 more", "", "" }, "3 more of what this asks for" },
        { { "", "3 more", "below", "" }, NULL },
};

START_TEST(what_is_told) {
        _cleanup_(mxc_request_freep) MxcRequest *q = request_of(
                        "{\"version\":\"0.8.0\",\"process\":{\"commandLine\":\"x\",\"timeout\":30000},"
                        "\"filesystem\":{\"readonlyPaths\":[\"/usr/share\",\"/tmp\"]},\"network\":{"
                        "\"defaultPolicy\":\"block\",\"enforcementMode\":\"firewall\",\"allowedHosts\":["
                        "\"10.0.2.2/32\"]}}");
        MxcStrings said = { 0 };
        ck_assert_int_eq(mxc_cut_say(q, &rows[_i].cut, 1, &said), 0);
        ck_assert_uint_eq(said.n, rows[_i].sentence != NULL);
        if (said.n > 0)
                ck_assert_msg(strstr(said.items[0], rows[_i].sentence), "%s", said.items[0]);
        mxc_strings_clear(&said);
}
END_TEST

/* What one row says is no reason where another takes more. */
static const struct {
        MxcCut rows[3];
        const char *sentence; /* the only one */
} reasons[] = {
        { { { "/filesystem/readwritePaths/0", "writing /usr/share", "nothing", "agent" },
                          { "/filesystem/readwritePaths/0", "writing /usr/share", "reading", "ceiling" },
                          { "/filesystem/executePaths", "executing below /usr/share", "nothing",
                                          "ceiling" } },
                        "Filesystem path '/usr/share' is not there: the agent's policy" },
        { { { "/filesystem/executePaths", "executing below /tmp", "nothing", "agent" },
                          { "/filesystem/readonlyPaths/1", "reading /tmp", "nothing", "ceiling" },
                          { "/filesystem/executePaths", "executing below /tmp", "nothing", "ceiling" } },
                        "a sandbox has one of its own" },
        { { { "/filesystem/readonlyPaths/1", "reading /tmp/x", "nothing", "agent" },
                          { "/filesystem/workspace", "direct", "overlay", "ceiling" },
                          { "/filesystem/executePaths", "executing below /tmp", "nothing", "ceiling" } },
                        "Programs of filesystem path '/tmp' cannot be executed" },
};

START_TEST(what_is_no_reason_is_not_told) {
        _cleanup_(mxc_request_freep) MxcRequest *q = request_of(
                        "{\"version\":\"0.8.0\",\"process\":{\"commandLine\":\"x\"},\"filesystem\":{"
                        "\"readonlyPaths\":[\"/usr/share\",\"/tmp\"]}}");
        MxcStrings said = { 0 };
        ck_assert_int_eq(mxc_cut_say(q, reasons[_i].rows, ELEMENTSOF(reasons[_i].rows), &said), 0);
        ck_assert_uint_eq(said.n, 1);
        ck_assert_msg(strstr(said.items[0], reasons[_i].sentence), "%s", said.items[0]);
        mxc_strings_clear(&said);
}
END_TEST

#define RUNTIME(held, by)                                                                                   \
        { "/resources/runtimeMax", "infinity", held, by }

static const struct {
        unsigned timeout_ms;
        MxcCut rows[2];
        size_t n;
        uint64_t usec;
} times[] = {
        { 0, { { 0 } }, 0, 0 },
        { 30000, { { 0 } }, 0, 30000000 },
        { 30000, { RUNTIME("60000000", "ceiling") }, 1, 30000000 },
        { 30000, { RUNTIME("2000000", "ceiling") }, 1, 2000000 },
        { 0, { RUNTIME("2000000", "ceiling") }, 1, 2000000 },
        { 0, { RUNTIME("9000000", "agent"), RUNTIME("2000000", "ceiling") }, 2, 2000000 },
        /* that row may be among those that are only counted */
        { 30000, { { "", "3 more", "", "" } }, 1, 0 },
        { 30000, { { "", "3 more", "below", "" } }, 1, 30000000 },
        { 30000, { RUNTIME("2000000", "agent"), { "", "3 more", "", "" } }, 2, 0 },
};

START_TEST(the_least_time_counts) {
        MxcRequest q = { .timeout_usec = (uint64_t)times[_i].timeout_ms * 1000 };
        ck_assert_uint_eq(mxc_cut_timeout(&q, times[_i].rows, times[_i].n), times[_i].usec);
}
END_TEST

#define NEEDS_IT                                                                                            \
        " The request needs it, so nothing is started: do without, or ask the administrator to widen the "  \
        "ceiling of this host. (ceiling#/x, beyond-ceiling)"

static const struct {
        const char *sentence, *action; /* NULL: of none */
} refusals[] = {
        { "The policy ceiling does not allow reading /bin." NEEDS_IT, "read" },
        /* what is above the shell is named, too */
        { "The policy ceiling does not allow executing /bin/sh." NEEDS_IT, "exec" },
        { "The policy ceiling does not allow connecting to 10.0.2.2, tcp port 8080. In a sandbox "
          "that address is the host's own loopback." NEEDS_IT,
                        "connect" },
        { "The policy ceiling does not allow reading /bin/sh." NEEDS_IT, NULL },
        { "The policy ceiling does not allow reading /binaries." NEEDS_IT, NULL },
        { "The policy ceiling does not allow writing /bin." NEEDS_IT, NULL },
        { "The policy ceiling does not allow reading /bin. Ask somebody.", NULL },
        { "user-1 may not run agents: /bin, /bin/sh", NULL },
};

START_TEST(a_refusal_is_of_one_need) {
        _cleanup_(mxc_request_freep) MxcRequest *q =
                        request_of("{\"version\":\"1.0.0\",\"process\":{\"commandLine\":\"x\",\"cwd\":\"/"
                                   "bin\"}," BLOCKED
                                   ",\"runtimeConfig\":{\"networkProxy\":\"http://localhost:8080\"}}");
        const MxcNeed *need = mxc_cut_need(q, refusals[_i].sentence);
        ck_assert_msg((need != NULL) == (refusals[_i].action != NULL), "%s", refusals[_i].sentence);
        if (need)
                ck_assert_str_eq(need->action, refusals[_i].action);
}
END_TEST

/* With a list of what is not to be reached the loopback is open as well, and nobody named it. */
START_TEST(a_loopback_that_nobody_named_is_not_told) {
        _cleanup_(mxc_request_freep) MxcRequest *q = request_of(
                        "{\"version\":\"0.8.0\",\"process\":{\"commandLine\":\"x\"},\"network\":{"
                        "\"defaultPolicy\":\"allow\",\"enforcementMode\":\"firewall\",\"blockedHosts\":["
                        "\"192.0.2.1\"]}}");
        MxcStrings said = { 0 };
        const MxcCut cut = { "/network/ingress/hostLoopback", "allow", "deny", "ceiling" };
        ck_assert_int_eq(mxc_cut_say(q, &cut, 1, &said), 0);
        ck_assert_uint_eq(said.n, 0);
}
END_TEST

int main(void) {
        TCase *t = tcase_create("mxc-cut");
        tcase_add_loop_test(t, what_it_cannot_do_without, 0, ELEMENTSOF(configs));
        tcase_add_loop_test(t, what_is_told, 0, ELEMENTSOF(rows));
        tcase_add_loop_test(t, what_is_no_reason_is_not_told, 0, ELEMENTSOF(reasons));
        tcase_add_loop_test(t, the_least_time_counts, 0, ELEMENTSOF(times));
        tcase_add_loop_test(t, a_refusal_is_of_one_need, 0, ELEMENTSOF(refusals));
        tcase_add_test(t, a_loopback_that_nobody_named_is_not_told);
        Suite *s = suite_create("mxc-cut");
        suite_add_tcase(s, t);
        SRunner *runner = srunner_create(s);
        srunner_run_all(runner, CK_NORMAL);
        int failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed > 0;
}
