/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What configurations of MXC ask of mxcd: each policy is one of the language, and decides as MXC means it. */
#include <check.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "limits.h"
#include "mxc-request.h"
#include "policy.h"

DEFINE_CLEANUP(Policy *, policy_unref);

static MxcRequest *make(const char *text, const MxcCaller *caller, MxcError *error) {
        _cleanup_(mxc_config_freep) MxcConfig *c = NULL;
        MxcRequest *q = NULL;
        if (mxc_config_parse(text, strlen(text), &c, error) == 0)
                ck_assert(mxc_request_make(c, caller, &q, error) == 0 || !q);
        return q;
}

static MxcRequest *make_good(const char *text, Policy **ret) {
        MxcError error = { 0 };
        PolicyError complaint = { 0 };
        MxcRequest *q = make(
                        text, &(MxcCaller){ .cwd = "/usr/bin", .home = "/home/x", .testing = true }, &error);
        ck_assert_msg(q != NULL, "%s: %s", text, error.message);
        ck_assert_msg(policy_parse(q->policy, strlen(q->policy), NULL, NULL, ret, &complaint) == 0, "%s: %s",
                        q->policy, complaint.sentence);
        policy_error_clear(&complaint);
        mxc_error_clear(&error);
        return q;
}

#define P "\"process\":{\"commandLine\":\"x\"}"

typedef struct Dial {
        const char *network; /* of the configuration */
        const char *version;
        const char *target;
        uint16_t port;
        unsigned protocol;
        bool allowed;
} Dial;

#define LISTS                                                                                               \
        "\"enforcementMode\":\"firewall\",\"allowedHosts\":[\"10.0.2.2\",\"192.0.2.9/"                      \
        "24\"],\"blockedHosts\":[\"192.0.2.7\"]"
#define RULES                                                                                               \
        "\"egress\":{\"allow\":[{\"to\":[{\"cidr\":\"192.0.2.0/24\",\"except\":[\"192.0.2.128/"             \
        "25\"]}],\"ports\":[{\"protocol\":\"tcp\","                                                         \
        "\"port\":400,\"endPort\":500},{\"protocol\":\"icmp\"}]}],\"deny\":[{\"to\":[{\"cidr\":\"192.0.2."  \
        "7\"}]}]}"

static const Dial dials[] = {
        { "{}", "0.8.0", "192.0.2.1", 443, PROTOCOL_TCP, false },
        { "{\"defaultPolicy\":\"allow\"}", "0.7.0", "192.0.2.1", 443, PROTOCOL_TCP, true },
        { "{\"defaultPolicy\":\"allow\"}", "0.7.0", "example.com", 443, PROTOCOL_TCP, true },
        { "{\"defaultPolicy\":\"allow\"}", "0.7.0", "10.0.2.2", 443, PROTOCOL_TCP, false },
        { "{" LISTS "}", "0.8.0", "192.0.2.200", 443, PROTOCOL_TCP, true },
        { "{" LISTS "}", "0.8.0", "192.0.2.7", 443, PROTOCOL_TCP, false },
        { "{" LISTS "}", "0.8.0", "192.0.3.1", 443, PROTOCOL_TCP, false },
        { "{" LISTS "}", "0.8.0", "10.0.2.2", 5432, PROTOCOL_TCP, true },
        { "{" LISTS "}", "0.7.0", "10.0.2.2", 5432, PROTOCOL_TCP, false },
        { "{\"allowedHosts\":[\"Example.COM\"]}", "0.7.0", "example.com", 443, PROTOCOL_TCP, true },
        { "{\"allowedHosts\":[\"Example.COM\"]}", "0.7.0", "b.example.com", 443, PROTOCOL_TCP, false },
        { "{\"defaultPolicy\":\"allow\",\"blockedHosts\":[\"example.com\"]}", "0.7.0", "example.com", 443,
                        PROTOCOL_TCP, false },
        { "{" RULES "}", "0.8.0", "192.0.2.1", 443, PROTOCOL_TCP, true },
        { "{" RULES "}", "1.0.0", "192.0.2.1", 443, PROTOCOL_TCP, true },
        { "{" RULES "}", "1.0.0", "192.0.2.1", 501, PROTOCOL_TCP, false },
        { "{" RULES "}", "1.0.0", "192.0.2.1", 443, PROTOCOL_UDP, false },
        { "{" RULES "}", "1.0.0", "192.0.2.7", 443, PROTOCOL_TCP, false },
        { "{" RULES "}", "1.0.0", "192.0.2.129", 443, PROTOCOL_TCP, false },
        { "{\"egress\":{\"allow\":[{}]}}", "1.0.0", "192.0.2.1", 443, PROTOCOL_TCP, true },
        { "{\"egress\":{\"allow\":[{\"ports\":[{\"port\":53}]}]}}", "1.0.0", "192.0.2.1", 443, PROTOCOL_TCP,
                        false },
        { "{\"egress\":{\"allow\":[{\"ports\":[{\"port\":53},{\"port\":80,\"protocol\":\"tcp\"}]}]}}",
                        "1.0.0", "192.0.2.1", 80, PROTOCOL_TCP, true },
        { "{\"egress\":{\"allow\":[{\"to\":[{\"cidr\":\"10.0.0.0/8\",\"except\":[\"10.0.0.0/8\"]}]}]}}",
                        "1.0.0", "10.1.1.1", 80, PROTOCOL_TCP, false },
        { "{\"egress\":{\"default\":\"allow\"}}", "1.0.0", "10.0.2.2", 80, PROTOCOL_TCP, false },
        { "{\"defaultPolicy\":\"allow\",\"proxy\":{\"localhost\":8080}}", "0.7.0", "10.0.2.2", 8080,
                        PROTOCOL_TCP, true },
        { "{\"defaultPolicy\":\"allow\",\"proxy\":{\"localhost\":8080}}", "0.7.0", "10.0.2.2", 8081,
                        PROTOCOL_TCP, false },
        { "{\"defaultPolicy\":\"allow\",\"proxy\":{\"localhost\":8080}}", "0.7.0", "192.0.2.1", 443,
                        PROTOCOL_TCP, false },
        { "{\"defaultPolicy\":\"allow\",\"proxy\":{\"url\":\"http://p.example:3128\"}}", "0.8.0",
                        "p.example", 3128, PROTOCOL_TCP, true },
        { "{\"defaultPolicy\":\"allow\",\"proxy\":{\"url\":\"http://p.example:3128\"}}", "0.8.0",
                        "example.com", 443, PROTOCOL_TCP, false },
};

START_TEST(dialled) {
        _cleanup_(policy_unrefp) Policy *p = NULL;
        _cleanup_free_ char *text = NULL;
        const Dial *t = &dials[_i];
        const char *clause;
        ck_assert(asprintf(&text, "{\"version\":\"%s\"," P ",\"network\":%s}", t->version, t->network) > 0);
        MxcRequest *q = make_good(text, &p);
        PolicyRequest r = {
                .kind = REQUEST_CONNECT, .target = t->target, .port = t->port, .protocol = t->protocol
        };
        ck_assert_msg(policy_allows(p, &r, &clause) == (t->allowed ? VERDICT_ALLOW : VERDICT_DENY),
                        "%s: %s:%u, %s", text, t->target, t->port, q->policy);
        mxc_request_free(q);
}
END_TEST

typedef struct Refused {
        const char *text, *part;
        MxcStatus status;
        int code;
} Refused;

static const Refused refused[] = {
        { "{\"version\":\"0.8.0\"," P
          ",\"network\":{\"enforcementMode\":\"both\",\"allowedHosts\":[\"a.com\"]}}",
                        "not an IP address or CIDR", MXC_BACKEND_ERROR, 255 },
        { "{\"version\":\"0.8.0\"," P ",\"network\":{\"allowedHosts\":[\"1.2.3.4\"]}}",
                        "require an enforcement mechanism", MXC_BACKEND_ERROR, 255 },
        { "{\"version\":\"0.8.0\"," P ",\"network\":{\"defaultPolicy\":\"allow\"}}",
                        "is not enforced while the sandbox shares the host network namespace",
                        MXC_BACKEND_ERROR, 255 },
        { "{\"version\":\"0.8.0\"," P ",\"network\":{\"allowLocalNetwork\":true}}",
                        "is confined to the sandbox's own network namespace", MXC_BACKEND_ERROR, 255 },
        { "{\"version\":\"0.7.0\"," P ",\"network\":{\"egress\":{}}}", "require schema version 0.8 or later",
                        MXC_MALFORMED_REQUEST, 1 },
        { "{\"version\":\"1.0.0\"," P ",\"network\":{\"ingress\":{\"default\":\"allow\"}}}",
                        "network.ingress.default='allow' is not supported", MXC_BACKEND_ERROR, 255 },
        { "{\"version\":\"1.0.0\"," P ",\"network\":{\"ingress\":{\"hostLoopback\":\"allow\"}}}",
                        "network.ingress.hostLoopback='allow' is not supported", MXC_BACKEND_ERROR, 255 },
        { "{\"version\":\"1.0.0\"," P
          ",\"network\":{\"egress\":{\"default\":\"allow\",\"deny\":[{\"to\":[{\"cidr\":\"::/0\"}]}]}}}",
                        "contains the IPv4-mapped range", MXC_BACKEND_ERROR, 255 },
        { "{\"version\":\"0.8.0\"," P
          ",\"network\":{\"enforcementMode\":\"both\",\"allowedHosts\":[\"::/0\"]}}",
                        "contains the IPv4-mapped range", MXC_BACKEND_ERROR, 255 },
        { "{\"version\":\"0.8.0\"," P
          ",\"network\":{\"enforcementMode\":\"both\",\"allowedHosts\":[\"1.2.3.4/40\"]}}",
                        "wider than its address family allows; expected a number between 0 and 32",
                        MXC_BACKEND_ERROR, 255 },
        { "{\"version\":\"0.8.0\"," P
          ",\"network\":{\"defaultPolicy\":\"allow\",\"proxy\":{\"url\":\"http://10.0.2.9:1\"}}}",
                        "10.0.2.0/24", MXC_BACKEND_ERROR, 255 },
        { "{\"version\":\"1.1.0-alpha\"," P ",\"containment\":\"microvm\"}",
                        "the 'microvm' backend is not available", MXC_BACKEND_UNAVAILABLE, 255 },
        { "{\"version\":\"0.8.0\"," P ",\"containment\":\"lxc\"}",
                        "LXC distribution and release are required", MXC_BACKEND_ERROR, 255 },
        { "{\"version\":\"0.8.0\",\"process\":{\"commandLine\":\"x\",\"env\":[\"=x\"]}}",
                        "an entry has no name", MXC_BACKEND_ERROR, 255 },
        { "{\"version\":\"1.0.0\",\"phase\":\"start\",\"sandboxId\":\"iso:x\"}",
                        "a 'start' request has neither a policy nor a process", MXC_UNSUPPORTED_PHASE, 255 },
        { "{\"version\":\"0.8.0\"," P ",\"filesystem\":{\"readonlyPaths\":[\"usr\"]}}", "is not absolute",
                        MXC_POLICY_VALIDATION, 255 },
        { "{\"version\":\"0.8.0\"," P ",\"filesystem\":{\"readwritePaths\":[\"/nowhere/at/all\"]}}",
                        "Can't find source path /nowhere/at/all", MXC_BACKEND_ERROR, 255 },
};

START_TEST(refusals) {
        const Refused *t = &refused[_i];
        MxcError error = { 0 };
        ck_assert(make(t->text, &(MxcCaller){ .testing = false }, &error) == NULL);
        ck_assert_msg(error.message && strstr(error.message, t->part), "%s: %s", t->text, error.message);
        ck_assert_int_eq(error.status, t->status);
        ck_assert_int_eq(error.exit, t->code);
        mxc_error_clear(&error);
}
END_TEST

/* What a request after the first may not say: it would be passed over. */
typedef struct Late {
        const char *version, *id, *members;
        bool of_commands; /* which a command may say, and no other */
} Late;

#define URL "\"http://p.example:3128\""

static const Late late[] = {
        { "0.8.0", "wslc:0", "\"filesystem\":{\"deniedPaths\":[\"/etc\"]}", false },
        { "0.8.0", "iso:0", "\"filesystem\":{}", false },
        { "0.8.0", "iso:0", "\"ui\":{\"disable\":true}", false },
        { "0.6.0", "wslc:0", "\"network\":{\"defaultPolicy\":\"block\"}", false },
        { "0.6.0", "iso:0", "\"network\":{\"enforcementMode\":\"both\"}", false },
        { "0.6.0", "iso:0", "\"network\":{\"allowLocalNetwork\":false}", false },
        { "0.6.0", "iso:0", "\"network\":{\"allowedHosts\":[]}", false },
        { "0.6.0", "wslc:0", "\"network\":{\"blockedHosts\":[\"a.example\"]}", false },
        { "0.6.0", "wslc:0", "\"network\":{\"defaultPolicy\":\"allow\",\"proxy\":{\"url\":" URL "}}",
                        false },
        { "0.8.0", "wslc:0", "\"network\":{\"egress\":{\"default\":\"deny\"}}", false },
        { "0.8.0", "wslc:0", "\"network\":{\"ingress\":{}}", false },
        { "0.8.0", "iso:0", "\"network\":{\"proxy\":{\"url\":" URL "}}", false },
        { "0.8.0", "iso:0", "\"runtimeConfig\":{\"networkProxy\":\"http://localhost:8080\"}", false },
        { "0.8.0", "wslc:0", "\"network\":{\"proxy\":{\"localhost\":8080}}", false },
        { "0.8.0", "wslc:0", "\"network\":{\"proxy\":{\"builtinTestServer\":true}}", false },
        { "0.8.0", "wslc:0", "\"network\":{\"proxy\":{\"url\":" URL "}}", true },
        { "0.8.0", "wslc:0", "\"runtimeConfig\":{\"networkProxy\":\"http://localhost:8080\"}", true },
};

START_TEST(what_is_said_too_late) {
        static const char *const phases[] = { "start", "stop", "deprovision", "exec" };
        const Late *t = &late[_i];
        for (size_t i = 0; i < ELEMENTSOF(phases); i++) {
                bool exec = streq(phases[i], "exec");
                _cleanup_(mxc_config_freep) MxcConfig *c = NULL;
                _cleanup_free_ char *text = NULL;
                MxcError error = { 0 };
                ck_assert(asprintf(&text, "{\"version\":\"%s\",\"phase\":\"%s\",\"sandboxId\":\"%s\",%s%s}",
                                          t->version, phases[i], t->id, exec ? P "," : "", t->members) > 0);
                int r = mxc_config_parse(text, strlen(text), &c, &error);
                ck_assert_msg((r == 0) == (exec && t->of_commands), "%s: %s", text, error.message);
                ck_assert_msg(error.status == (r == 0 ? MXC_OK : MXC_POLICY_VALIDATION), "%s: %s", text,
                                error.message);
                mxc_error_clear(&error);
        }
}
END_TEST

START_TEST(a_command_of_wslc_has_its_proxy) {
        static const char text[] = "{\"version\":\"0.8.0\",\"phase\":\"exec\",\"sandboxId\":\"wslc:0\"," P
                                   ",\"network\":{\"proxy\":{\"url\":" URL "}}}";
        MxcError error = { 0 };
        MxcRequest *q = make(text, &(MxcCaller){ 0 }, &error);
        ck_assert_msg(q != NULL, "%s", error.message);
        ck_assert_str_eq(q->env[0], "HTTP_PROXY=http://p.example:3128");
        mxc_request_free(q);
}
END_TEST

/* A configuration with that many variables. */
static char *with_variables(size_t n, bool one_name) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        ck_assert(f != NULL);
        (void)fprintf(f, "{\"version\":\"0.8.0\",\"process\":{\"commandLine\":\"x\",\"env\":[");
        for (size_t i = 0; i < n; i++)
                (void)fprintf(f, "%s\"V%zu=1\"", i > 0 ? "," : "", one_name ? 0 : i);
        (void)fprintf(f, "]}}");
        ck_assert_int_eq(fclose(f), 0);
        return text;
}

START_TEST(more_variables_than_a_request_has_are_refused) {
        _cleanup_(policy_unrefp) Policy *p = NULL;
        _cleanup_free_ char *most = with_variables(LIMIT_ENV, false),
                            *more = with_variables(LIMIT_ENV + 1, true);
        MxcRequest *q = make_good(most, &p);
        ck_assert(q->env[LIMIT_ENV - 1] && !q->env[LIMIT_ENV]);
        mxc_request_free(q);
        MxcError error = { 0 };
        ck_assert(make(more, &(MxcCaller){ 0 }, &error) == NULL);
        ck_assert_str_eq(error.message, "process.env has more than 1024 entries");
        ck_assert_int_eq(error.status, MXC_MALFORMED_REQUEST);
        mxc_error_clear(&error);
}
END_TEST

START_TEST(test_server_needs_its_flag) {
        static const char text[] =
                        "{\"version\":\"0.7.0\"," P ",\"network\":{\"proxy\":{\"builtinTestServer\":true},"
                        "\"allowedHosts\":[\"a.com\"]}}";
        MxcError error = { 0 };
        ck_assert(make(text, &(MxcCaller){ .testing = false }, &error) == NULL);
        ck_assert(strstr(error.message, "requires the --allow-testing-features flag") != NULL);
        mxc_error_clear(&error);
        MxcRequest *q = make(text, &(MxcCaller){ .testing = true }, &error);
        ck_assert(q != NULL);
        mxc_request_free(q);
}
END_TEST

START_TEST(environment) {
        static const struct {
                const char *process, *version, *env; /* joined by spaces */
        } cases[] = {
                { "\"env\":[\"A=1\",\"B\",\"A=2\",\"C=\"]", "0.8.0", "A=2 C=" },
                { "\"cwd\":\"\"", "0.8.0", "" },
                { "\"cwd\":\"\"", "1.0.0",
                                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "
                                "TERM=xterm-256color" },
                { "\"env\":[]", "1.0.0", "" },
                { "\"env\":[\"TERM=dumb\"],\"inheritDefaultEnv\":true", "1.0.0",
                                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "
                                "TERM=dumb" },
                { "\"env\":[\"a-b=1\",\"C=2\"]", "1.0.0", "C=2" },
        };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(policy_unrefp) Policy *p = NULL;
                char joined[512] = "", text[512];
                (void)snprintf(text, sizeof(text),
                                "{\"version\":\"%s\",\"process\":{\"commandLine\":\"x\",%s}}",
                                cases[i].version, cases[i].process);
                MxcRequest *q = make_good(text, &p);
                for (char **e = q->env; *e; e++) {
                        size_t n = strlen(joined);
                        (void)snprintf(joined + n, sizeof(joined) - n, "%s%s", n > 0 ? " " : "", *e);
                        char name[64];
                        (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(*e, "="), *e);
                        const char *clause;
                        PolicyRequest r = {
                                .kind = REQUEST_ENV, .target = name, .value = strchr(*e, '=') + 1
                        };
                        ck_assert_int_eq(policy_allows(p, &r, &clause), VERDICT_ALLOW);
                }
                ck_assert_str_eq(joined, cases[i].env);
                ck_assert(strstr(q->policy, "dumb") == NULL); /* no value is in what is recorded */
                ck_assert_str_eq(q->cwd, "/usr/bin");         /* the caller's, which is seen there */
                mxc_request_free(q);
        }
}
END_TEST

/* A policy for processes to come; what bubblewrap alone promises is asked of no other. */
START_TEST(provision) {
        _cleanup_(policy_unrefp) Policy *p = NULL;
        const char *clause;
        MxcRequest *q = make_good(
                        "{\"version\":\"0.8.0-alpha\",\"phase\":\"provision\",\"containment\":\"wslc\","
                        "\"network\":{\"defaultPolicy\":\"allow\"}}",
                        &p);
        ck_assert(!q->argv && !q->env && !q->cwd);
        PolicyRequest r = {
                .kind = REQUEST_CONNECT, .target = "192.0.2.1", .port = 443, .protocol = PROTOCOL_TCP
        };
        ck_assert_int_eq(policy_allows(p, &r, &clause), VERDICT_ALLOW);
        r = (PolicyRequest){ .kind = REQUEST_SYSCALL, .target = "io_submit" };
        ck_assert_int_eq(policy_allows(p, &r, &clause), VERDICT_ALLOW);
        mxc_request_free(q);
}
END_TEST

START_TEST(exec) {
        MxcError error = { 0 };
        MxcRequest *q = make("{\"version\":\"1.0.0\",\"phase\":\"exec\",\"sandboxId\":\"wslc:0\","
                             "\"process\":{\"commandLine\":\"x\","
                             "\"timeout\":7}}",
                        &(MxcCaller){ .cwd = "/" }, &error);
        ck_assert(q && !q->policy && !q->cwd);
        ck_assert_str_eq(q->argv[2], "x");
        ck_assert_uint_eq(q->timeout_usec, 7000);
        mxc_request_free(q);
}
END_TEST

/* A directory of its own; the test works in it by absolute paths. */
static char place[] = "/tmp/test-mxc-request-XXXXXX";

static void tree_setup(void) {
        char path[128];
        ck_assert(mkdtemp(strcpy(place, "/tmp/test-mxc-request-XXXXXX")) != NULL);
        ck_assert_int_eq(chmod(place, 0755), 0);
        static const char *const made[] = { "a", "a/secret", "b" };
        for (size_t i = 0; i < ELEMENTSOF(made); i++) {
                (void)snprintf(path, sizeof(path), "%s/%s", place, made[i]);
                ck_assert_int_eq(mkdir(path, 0755), 0);
        }
        (void)snprintf(path, sizeof(path), "%s/link", place);
        ck_assert_int_eq(symlink("a/secret", path), 0);
}

static void tree_teardown(void) {
        char command[128];
        (void)snprintf(command, sizeof(command), "rm -r %s", place);
        ck_assert_int_eq(system(command), 0);
}

static Policy *policy_of_paths(const char *format, ...) {
        va_list arguments;
        Policy *p = NULL;
        _cleanup_free_ char *filesystem = NULL, *text = NULL;
        va_start(arguments, format);
        ck_assert(vasprintf(&filesystem, format, arguments) > 0);
        va_end(arguments);
        ck_assert(asprintf(&text, "{\"version\":\"1.0.0\"," P ",\"filesystem\":{%s}}", filesystem) > 0);
        mxc_request_free(make_good(text, &p));
        return p;
}

static void expect(const Policy *p, const char *name, PathAccess access) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s/%s", place, name);
        ck_assert_msg(policy_path_access(p, path, NULL) == access, "%s", name);
}

START_TEST(deepest_path_decides) {
        _cleanup_(policy_unrefp) Policy *p =
                        policy_of_paths("\"readwritePaths\":[\"%s//a/"
                                        "\"],\"readonlyPaths\":[\"%s\"],\"deniedPaths\":[\"%s/./a/secret\"]",
                                        place, place, place);
        expect(p, "b", PATH_READONLY);
        expect(p, "a/x", PATH_READWRITE);
        expect(p, "a/secret/x", PATH_DENIED);
}
END_TEST

START_TEST(one_path_in_two_lists_is_as_the_stricter) {
        _cleanup_(policy_unrefp) Policy *p =
                        policy_of_paths("\"readwritePaths\":[\"%s/a\",\"%s/b\"],\"readonlyPaths\":[\"%s/"
                                        "a\"],\"deniedPaths\":[\"%s/b/\"]",
                                        place, place, place, place);
        expect(p, "a", PATH_READONLY);
        expect(p, "b", PATH_DENIED);
}
END_TEST

START_TEST(one_object_by_two_paths_is_as_the_stricter) {
        _cleanup_(policy_unrefp) Policy *p = policy_of_paths(
                        "\"readwritePaths\":[\"%s/a/secret\"],\"readonlyPaths\":[\"%s/link\"]", place,
                        place);
        expect(p, "a/secret", PATH_READONLY);
}
END_TEST

/* And what a link leads to that is only to be read cannot be written by its own name, but for what is named below it. */
START_TEST(what_a_link_to_read_leads_to_is_read) {
        _cleanup_(policy_unrefp) Policy *p = policy_of_paths(
                        "\"readwritePaths\":[\"%s\"],\"readonlyPaths\":[\"%s/link\"]", place, place);
        expect(p, "link", PATH_READONLY);
        expect(p, "a/secret", PATH_READONLY);
        expect(p, "a", PATH_READWRITE);
        _cleanup_(policy_unrefp) Policy *q = policy_of_paths(
                        "\"readonlyPaths\":[\"%s/link\"],\"readwritePaths\":[\"%s/b\"]", place, place);
        expect(q, "a/secret", PATH_DENIED);
}
END_TEST

START_TEST(what_a_denied_link_leads_to_is_denied) {
        _cleanup_(policy_unrefp) Policy *p = policy_of_paths(
                        "\"readwritePaths\":[\"%s\"],\"deniedPaths\":[\"%s/link\"]", place, place);
        expect(p, "link", PATH_DENIED);
        expect(p, "a/secret", PATH_DENIED);
        expect(p, "a", PATH_READWRITE);
}
END_TEST

static void make_link(const char *target, const char *name) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s/%s", place, name);
        ck_assert_int_eq(symlink(target, path), 0);
}

START_TEST(what_a_denied_link_leads_to_is_denied_before_it_is_there) {
        static const struct {
                const char *link, *target, *denied, *closed; /* target: "%" is the place */
        } cases[] = {
                { "d1", "a/none", "d1", "a/none" },   /* a link to nothing */
                { "d2", "%/b/none", "d2", "b/none" }, /* by an absolute path */
                { "d3", "a/secret", "d3/x/y",
                                "a/secret/x/y" }, /* something that is not there, behind a link */
                { "d5", "b/none/../other", "d5", "b/other" }, /* as far up as it is not there */
                { "d6", "d1", "d6/z", "a/none/z" },           /* from one to the next */
                { "d7", "./a/../b/", "d7/none", "b/none" },
        };
        char target[256];
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const char *mark = strchr(cases[i].target, '%');
                (void)snprintf(target, sizeof(target), "%.*s%s%s", (int)strcspn(cases[i].target, "%"),
                                cases[i].target, mark ? place : "", mark ? mark + 1 : "");
                make_link(target, cases[i].link);
                _cleanup_(policy_unrefp) Policy *p =
                                policy_of_paths("\"readwritePaths\":[\"%s\"],\"deniedPaths\":[\"%s/%s\"]",
                                                place, place, cases[i].denied);
                expect(p, cases[i].denied, PATH_DENIED);
                expect(p, cases[i].closed, PATH_DENIED);
                expect(p, "a", PATH_READWRITE);
                expect(p, "b", PATH_READWRITE);
        }
}
END_TEST

START_TEST(a_denied_ring_is_refused) {
        char text[256];
        MxcError error = { 0 };
        make_link("ring", "ring");
        (void)snprintf(text, sizeof(text),
                        "{\"version\":\"1.0.0\"," P ",\"filesystem\":{\"deniedPaths\":[\"%s/ring/x\"]}}",
                        place);
        ck_assert(make(text, &(MxcCaller){ 0 }, &error) == NULL);
        ck_assert_msg(strstr(error.message, "could not be resolved"), "%s", error.message);
        mxc_error_clear(&error);
}
END_TEST

START_TEST(what_no_policy_can_name_is_refused) {
        char text[256];
        MxcError error = { 0 };
        make_link("a/\xff", "odd");
        (void)snprintf(text, sizeof(text),
                        "{\"version\":\"1.0.0\"," P ",\"filesystem\":{\"deniedPaths\":[\"%s/odd\"]}}",
                        place);
        ck_assert(make(text, &(MxcCaller){ 0 }, &error) == NULL);
        ck_assert_int_eq(error.status, MXC_POLICY_VALIDATION);
        ck_assert_msg(strstr(error.message, "not UTF-8"), "%s", error.message);
        mxc_error_clear(&error);
}
END_TEST

START_TEST(dots_go_where_the_kernel_goes) {
        _cleanup_(policy_unrefp) Policy *p =
                        policy_of_paths("\"readwritePaths\":[\"%s/link/../x/..\"]", place);
        expect(p, "a", PATH_READWRITE); /* link leads to a/secret, whose parent is a */
        expect(p, "b", PATH_DENIED);
}
END_TEST

START_TEST(system_is_there_as_in_mxc) {
        _cleanup_(policy_unrefp) Policy *p = policy_of_paths("\"deniedPaths\":[\"/etc\"]");
        ck_assert_int_eq(policy_path_access(p, "/usr/bin/env", NULL), PATH_READONLY);
        ck_assert_int_eq(policy_path_access(p, "/usr/local/bin", NULL), PATH_DENIED);
        ck_assert_int_eq(policy_path_access(p, "/home", NULL), PATH_DENIED);
        ck_assert_int_eq(policy_path_access(p, "/etc/passwd", NULL), PATH_DENIED);
}
END_TEST

START_TEST(what_is_above_the_system_denies_it) {
        static const struct {
                const char *lists;
                PathAccess usr_bin, bin, etc;
        } cases[] = {
                { "\"deniedPaths\":[\"/usr\"]", PATH_DENIED, PATH_DENIED, PATH_READONLY },
                { "\"deniedPaths\":[\"/\"]", PATH_DENIED, PATH_DENIED, PATH_DENIED },
                { "\"deniedPaths\":[\"/usr\"],\"readonlyPaths\":[\"/usr/bin\"]", PATH_READONLY,
                                PATH_READONLY, PATH_READONLY },
                { "\"deniedPaths\":[\"/\"],\"readonlyPaths\":[\"/usr\"]", PATH_READONLY, PATH_DENIED,
                                PATH_DENIED },
        };
        struct stat st;
        bool merged = lstat("/bin", &st) == 0 && S_ISLNK(st.st_mode);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(policy_unrefp) Policy *p = policy_of_paths("%s", cases[i].lists);
                ck_assert_msg(policy_path_access(p, "/usr/bin/env", NULL) == cases[i].usr_bin, "%s",
                                cases[i].lists);
                if (merged)
                        ck_assert_msg(policy_path_access(p, "/bin/sh", NULL) == cases[i].bin, "%s",
                                        cases[i].lists);
                ck_assert_msg(policy_path_access(p, "/etc/passwd", NULL) == cases[i].etc, "%s",
                                cases[i].lists);
        }
}
END_TEST

/* In a child, as somebody whose directory it is not. */
static void ask_as_nobody(const char *list, const char *part) {
        pid_t child = fork();
        ck_assert(child >= 0);
        if (child == 0) {
                MxcError error = { 0 };
                char text[512];
                if (getuid() == 0 && setresuid(65534, 65534, 65534) < 0)
                        _exit(2);
                (void)snprintf(text, sizeof(text),
                                "{\"version\":\"1.0.0\"," P ",\"filesystem\":{\"%s\":[\"%s/a\"]}}", list,
                                place);
                MxcRequest *q = make(text, &(MxcCaller){ 0 }, &error);
                _exit(part ? !error.message || !strstr(error.message, part) : !q);
        }
        int status;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s: status %x", list,
                        (unsigned)status);
}

START_TEST(what_is_not_the_callers_is_not_given) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s/a", place);
        ck_assert_int_eq(chmod(path, getuid() == 0 ? 0755 : 0555), 0);
        ask_as_nobody("readonlyPaths", NULL);
        ask_as_nobody("readwritePaths",
                        "does not have read+write access, so it cannot be delegated to the sandbox");
        ck_assert_int_eq(chmod(path, getuid() == 0 ? 0700 : 0300), 0);
        ask_as_nobody("readonlyPaths",
                        "does not have read access, so it cannot be delegated to the sandbox");
        ck_assert_int_eq(chmod(path, 0755), 0);
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("mxc request");
        TCase *t = tcase_create("pure");
        tcase_add_loop_test(t, dialled, 0, ELEMENTSOF(dials));
        tcase_add_loop_test(t, refusals, 0, ELEMENTSOF(refused));
        tcase_add_loop_test(t, what_is_said_too_late, 0, ELEMENTSOF(late));
        tcase_add_test(t, a_command_of_wslc_has_its_proxy);
        tcase_add_test(t, more_variables_than_a_request_has_are_refused);
        tcase_add_test(t, test_server_needs_its_flag);
        tcase_add_test(t, environment);
        tcase_add_test(t, provision);
        tcase_add_test(t, exec);
        tcase_add_test(t, system_is_there_as_in_mxc);
        tcase_add_test(t, what_is_above_the_system_denies_it);
        suite_add_tcase(s, t);
        t = tcase_create("files");
        tcase_add_checked_fixture(t, tree_setup, tree_teardown);
        tcase_add_test(t, deepest_path_decides);
        tcase_add_test(t, one_path_in_two_lists_is_as_the_stricter);
        tcase_add_test(t, one_object_by_two_paths_is_as_the_stricter);
        tcase_add_test(t, what_a_denied_link_leads_to_is_denied);
        tcase_add_test(t, what_a_link_to_read_leads_to_is_read);
        tcase_add_test(t, what_a_denied_link_leads_to_is_denied_before_it_is_there);
        tcase_add_test(t, a_denied_ring_is_refused);
        tcase_add_test(t, what_no_policy_can_name_is_refused);
        tcase_add_test(t, dots_go_where_the_kernel_goes);
        tcase_add_test(t, what_is_not_the_callers_is_not_given);
        suite_add_tcase(s, t);
        return s;
}

int main(void) {
        SRunner *runner = srunner_create(suite());
        srunner_run_all(runner, CK_NORMAL);
        int failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed > 0;
}
