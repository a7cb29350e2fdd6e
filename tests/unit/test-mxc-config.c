/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Configurations of MXC and what is said of them. The sentences are those of the released parsers; tests/mxc compares many more with those themselves. */
#include <check.h>
#include <malloc.h>

#include "mxc-config.h"
#include "tree.h"

typedef struct Case {
        const char *text, *message; /* NULL: it is good */
} Case;

#define P "\"process\":{\"commandLine\":\"x\"}"
#define TOP                                                                                                 \
        "`$schema`, `_comment`, `version`, `phase`, `sandboxId`, `correlationVector`, `containerId`, "      \
        "`containment`, `process`, "                                                                        \
        "`lifecycle`, `appContainer`, `processContainer`, `lxc`, `filesystem`, `fallback`, `network`, "     \
        "`runtimeConfig`, `ui`, "                                                                           \
        "`macos_sandbox`, `seatbelt`, `experimental`"

static const Case cases[] = {
        { "{" P "}", NULL },
        { "{\"version\":\"0.4.0\"," P "}", NULL },
        { "{\"version\":\"\"," P "}", NULL },
        { "{\"version\":null," P "}", NULL },
        { "{\"version\":\"0.9.3-dev\"," P "}", NULL },
        { "{\"version\":\"1.1.0-alpha\"," P "}", NULL },
        { "{\"version\":\"0.3.9\"," P "}", "Config schema version '0.3.9' is older than supported "
                                           "(supported: >=0.4, <=1.1). Update your config." },
        { "{\"version\":\"1.2.0\"," P "}", "Config schema version '1.2.0' is newer than supported "
                                           "(supported: >=0.4, <=1.1). Upgrade mxcd." },
        { "{\"version\":\"1.0.1\"," P "}", "Unsupported contract version. Registered versions are: 0.4 to "
                                           "0.9, 0.9.0-alpha, 0.10.0-alpha, 1.0.0, "
                                           "1.1.0-alpha" },
        { "{\"version\":\"v0.8.0\"," P "}",
                        "Invalid schema version 'v0.8.0': must be semver (e.g., 'X.Y.Z' or 'X.Y.Z-alpha')" },
        { "{\"version\":\"0.8.0\",\"zz\":1}",
                        "Invalid configuration at `zz`: unknown field `zz`, expected one of " TOP
                        " at line 1 column 23" },
        { "{\"version\":\"1.0.0\"," P ",\"network\":{\"defaultPolicy\":\"block\"}}",
                        "Invalid one-shot request: Invalid configuration at `network.defaultPolicy`: "
                        "unknown field `defaultPolicy`, expected "
                        "`egress` or `ingress` at line 1 column 75; schema 1.0 migration: use "
                        "network.egress.default ('allow' or 'deny')" },
        { "{\"version\":\"0.8.0\",\"process\":{\"commandLine\":\"x\",\"env\":\"TOKEN=secret\"}}",
                        "Invalid configuration at `process.env`: invalid type: string \"<redacted>\", "
                        "expected a sequence at line 1 column 68" },
        { "{\"version\":\"0.7.0\"," P ",\"network\":{\"proxy\":\"http://u:geheim@a:1\"}}",
                        "Invalid configuration at `network.proxy`: invalid type: string \"<redacted>\", "
                        "expected struct Proxy at line 1 column 89" },
        { "{\"version\":\"0.7.0\"," P ",\"network\":{\"proxy\":{\"localhost\":\"u:geheim@a:1\"}}}",
                        "Invalid configuration at `network.proxy.localhost`: invalid type: string "
                        "\"<redacted>\", expected u16 at line 1 column 95" },
        { "{\"version\":\"0.7.0\"," P ",\"network\":{\"proxy\":{\"builtinTestServer\":\"u:geheim@a:1\"}}}",
                        "Invalid configuration at `network.proxy.builtinTestServer`: invalid type: string "
                        "\"<redacted>\", expected a boolean at line 1 column 103" },
        { "{\"version\":\"0.8.0\",\"phase\":\"provision\",\"containment\":\"wslc\",\"experimental\":{"
          "\"wslc\":{\"provision\":5}}}",
                        "Invalid configuration at `experimental.wslc.provision`: invalid type: integer `5`, "
                        "expected struct WslcProvisionPhase at line 1 column 97" },
        { "{\"version\":\"0.8.0\",\"phase\":\"provision\",\"containment\":\"isolation_session\","
          "\"experimental\":{\"isolation_session\":{\"provision\":5}}}",
                        "Invalid configuration at `experimental.isolation_session.provision`: invalid type: "
                        "integer `5`, expected struct IsolationSessionProvisionPhase at line 1 column 123" },
        { "{\"version\":\"1.0.0\"," P ",\"runtimeConfig\":\"http://u:geheim@a:1\"}",
                        "Invalid one-shot request: Invalid configuration at `runtimeConfig`: invalid type: "
                        "string \"<redacted>\", expected struct RuntimeConfig at line 1 column 86" },
        { "{\"version\":\"0.8.0\"," P ",\"runtimeConfig\":\"http://u:geheim@a:1\"}",
                        "Invalid configuration at `runtimeConfig`: invalid type: string \"<redacted>\", "
                        "expected struct RuntimeConfig at line 1 column 86" },
        { "{\"version\":\"1.0.0\"," P ",\"ui\":{\"clipboard\":{}}}",
                        "Invalid one-shot request: Invalid configuration at `ui.clipboard`: invalid type: "
                        "map, "
                        "expected a valid UiClipboard string at line 1 column 67" },
        { "{\"version\":\"0.8.0\"," P
          ",\"filesystem\":{\"readwritePaths\":[\"\"],\"readonlyPaths\":[\"/\\\"\"]}}",
                        "Filesystem path '/\"' contains invalid character '\"'" },
        { "{\"version\":\"0.8.0\"," P
          ",\"network\":{\"egress\":{\"deny\":[{\"to\":[{\"cidr\":\"10.0.2.2\",\"except\":[\"::/0\","
          "\"zz\"]}]}]}}}",
                        "network.egress.deny[0].to[0].except[1] must be a valid network CIDR: couldn't "
                        "parse "
                        "address in network: invalid IP address syntax" },
        { "{\"version\":\"0.8.0\",", "Invalid JSON syntax: EOF while parsing a value at line 1 column 19" },
        { "", "Invalid JSON syntax: EOF while parsing a value at line 1 column 0" },
        { "{\"version\":\"0.8.0\",\n\"process\":{\"commandLine\":\"a\\qb\"}}",
                        "Invalid JSON syntax: invalid escape at line 2 column 29" },
        { "{\"version\":\"1.0.0\",\"process\":{\"commandLine\":\"\"}}",
                        "Invalid one-shot request: Invalid configuration at `process.commandLine`: string "
                        "must not be empty at line 1 column 47" },
        { "{\"version\":\"0.8.0\",\"process\":{\"commandLine\":\"\"}}",
                        "process.commandLine cannot be empty" },
        { "{\"version\":\"0.8.0\",\"process\":{\"commandLine\":\"x\\u0000y\"}}",
                        "process.commandLine must not contain null bytes" },
        { "{\"version\":\"0.8.0\",\"process\\u0000\":{}}",
                        "Invalid configuration at `process`: unknown field `process`, expected one of " TOP
                        " at line 1 column 34" },
        { "{\"version\":\"0.8.0\"," P ",\"processContainer\":{},\"appContainer\":{}}",
                        "Invalid configuration: duplicate field `processContainer` at line 1 column 85" },
        { "{\"version\":\"0.8.0\"," P
          ",\"network\":{\"proxy\":{\"url\":\"http://u:geheim@a:1\"},\"defaultPolicy\":\"allow\"}}",
                        "network.proxy.url must not carry credentials ('http://***@a:1'). LXC and "
                        "Bubblewrap pass the proxy URL to the sandbox "
                        "helper as a command-line argument (lxc-attach --set-var, bwrap --setenv), and "
                        "process arguments are world-readable "
                        "through /proc/<pid>/cmdline, so the password would be visible to every local user "
                        "while the command runs. Use a proxy "
                        "that does not require inline credentials, or supply them to the proxy itself "
                        "rather than through the URL." },
};

START_TEST(sentences) {
        MxcConfig *c = NULL;
        MxcError error = { 0 };
        int r = mxc_config_parse(cases[_i].text, strlen(cases[_i].text), &c, &error);
        ck_assert_int_eq(r, cases[_i].message ? -EINVAL : 0);
        ck_assert_int_eq(error.status, cases[_i].message ? MXC_MALFORMED_REQUEST : MXC_OK);
        if (cases[_i].message)
                ck_assert_str_eq(error.message, cases[_i].message);
        ck_assert((c == NULL) == (cases[_i].message != NULL));
        mxc_config_free(c);
        mxc_error_clear(&error);
}
END_TEST

/* And not what is left of the text: a map of memory each, of which there are not that many. */
START_TEST(a_string_takes_its_own_size) {
        enum { STRINGS = 20000 };
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        ck_assert(f != NULL);
        (void)fprintf(f, "[");
        for (unsigned i = 0; i < STRINGS; i++)
                (void)fprintf(f, "\"ab\\\"\\\\\",%*s", 32, "");
        (void)fprintf(f, "0]");
        ck_assert_int_eq(fclose(f), 0);
        Tree root;
        TreeFault fault;
        struct mallinfo2 before = mallinfo2();
        ck_assert_int_eq(tree_read(text, size, LIMIT_MXC_CONFIG_DEPTH, &root, &fault), 0);
        struct mallinfo2 after = mallinfo2();
        ck_assert_ptr_null(fault.what);
        ck_assert_uint_eq(root.n_items, STRINGS + 1);
        ck_assert_str_eq(root.items[STRINGS - 1].text, "ab\"\\");
        ck_assert_uint_lt(after.hblks - before.hblks, 100); /* none of them is a map of its own */
        tree_clear(&root);
        free(text);
}
END_TEST

/* Of texts that are refused, whose sender wants to be answered. */
START_TEST(phases) {
        static const struct {
                const char *text;
                bool asks;
        } texts[] = {
                { "{\"version\":\"0.8.0-alpha\",\"phase\":\"exec\",\"process\":7}", true },
                { "{\"phase\":\"no such\"}", true },
                { "{\"phase\":\"exec\",", true },
                { "{\"phase\":\"exec\" \"x\"}", true },
                { "{\"phase\":null}", false },
                { "{\"process\":{\"phase\":\"exec\"}}", false },
                { "[\"phase\"]", false },
                { "\"phase\"", false },
                { "", false },
                { "{\"phase\":\"\xff\"}", false },
        };
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                ck_assert_msg(mxc_config_asks_for_phase(texts[i].text, strlen(texts[i].text)) ==
                                                texts[i].asks,
                                "%s", texts[i].text);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("mxc config");
        TCase *all = tcase_create("sentences");
        tcase_add_loop_test(all, sentences, 0, ELEMENTSOF(cases));
        tcase_add_test(all, a_string_takes_its_own_size);
        tcase_add_test(all, phases);
        suite_add_tcase(suite, all);
        SRunner *runner = srunner_create(suite);
        srunner_run_all(runner, CK_NORMAL);
        int failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed > 0;
}
