/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What mxcctl prints of strangers' text, and how it reads a command line. */

#include <check.h>
#include <stdint.h>

#include "cleanup.h"
#include "escape.h"
#include "grant.h"
#include "json-indent.h"
#include "names.h"
#include "options.h"
#include "sandbox-name.h"
#include "status.h"

static const struct {
        const char *text, *escaped;
} texts[] = {
        { "", "" },
        { "plain text, ~ and \\", "plain text, ~ and \\" },
        { "\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m" },
        { "a\nb\r\t\a", "a\\nb\\r\\t\\a" },
        { "\x7f", "\\x7f" },
        { "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
        { "\xc2\x9b"
          "2J",
                        "\\u009b2J" }, /* CSI in one character */
        { "\x9b"
          "2J",
                        "\\x9b2J" },                   /* CSI in one byte, of a terminal that is not UTF-8 */
        { "a\xe2\x80\xaetxt.exe", "a\\u202etxt.exe" }, /* right-to-left override */
        { "\xe2\x81\xa6x\xe2\x81\xa9", "\\u2066x\\u2069" }, /* isolates */
        { "\xe2\x80\x8b\xef\xbb\xbf", "\\u200b\\ufeff" },   /* invisible */
        { "\xe2\x80\xa8", "\\u2028" },                      /* line separator */
        { "\xf3\xa0\x81\x81", "\\U000e0041" },              /* a tag: text that only models see */
        { "\xc0\xaf", "\\xc0\\xaf" },                       /* overlong */
        { "\xed\xa0\x80", "\\xed\\xa0\\x80" },              /* half of a surrogate pair */
        { "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },     /* beyond Unicode */
        { "\xe2\x82", "\\xe2\\x82" },                       /* cut */
        { "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
};

START_TEST(test_text_is_harmless) {
        _cleanup_free_ char *got = escape_text(texts[_i].text);
        ck_assert_ptr_nonnull(got);
        ck_assert_str_eq(got, texts[_i].escaped);
        ck_assert(text_is_utf8(got));
}
END_TEST

/* Every string of up to three bytes: nothing below space, no DEL, valid UTF-8, no C1 comes out. */
START_TEST(test_no_byte_gets_through) {
        for (unsigned v = 1; v < 1U << 24; v += v < 1U << 16 ? 1 : 1021) {
                const char text[] = { (char)(v & 0xff), (char)(v >> 8 & 0xff), (char)(v >> 16), '\0' };
                _cleanup_free_ char *got = escape_text(text);
                ck_assert_ptr_nonnull(got);
                ck_assert(text_is_utf8(got));
                uint32_t c;
                for (size_t i = 0, n = strlen(got); i < n;) {
                        i += utf8_next(got + i, n - i, &c);
                        ck_assert(character_is_plain(c));
                }
        }
}
END_TEST

START_TEST(test_words_are_a_shell_s) {
        const char *const words[] = { "make", "-j2", "", "a b", "it's", "$HOME", "\x1b]0;x\a",
                "back\\slash'\n", NULL };
        _cleanup_free_ char *got = escape_words(words);
        ck_assert_ptr_nonnull(got);
        ck_assert_str_eq(got, "make -j2 '' 'a b' $'it\\'s' '$HOME' $'\\x1b]0;x\\a' $'back\\\\slash\\'\\n'");
}
END_TEST

START_TEST(test_json_is_indented) {
        static const struct {
                const char *text, *indented;
        } rows[] = {
                { "{}", "{}" },
                { "[ ]", "[]" },
                { "{\"a\":[1,2],\"b\":{\"c\":\"x,{y}\\\"[\"}}",
                                "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {\n    \"c\": "
                                "\"x,{y}\\\"[\"\n  }\n}" },
                { "\"cut", "\"cut" },
                { "]]}", "\n]\n]\n}" },
                { "[\"gr\xc3\xbc\xc3\x9f\xc2\x9b\xe2\x80\xae\xf3\xa0\x81\x81\"]",
                                "[\n  \"gr\xc3\xbc\xc3\x9f\\u009b\\u202e\\udb40\\udc41\"\n]" },
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *got = json_indent(rows[i].text);
                ck_assert_ptr_nonnull(got);
                ck_assert_str_eq(got, rows[i].indented);
        }
}
END_TEST

START_TEST(test_json_in_one_line) {
        _cleanup_free_ char *got = json_short(
                        "{ \"a\" : [ 1 ,\n  2 ], \"b\": {\"c d\": \"x, {y}\\\" [\xe2\x80\xae\"}}");
        ck_assert_ptr_nonnull(got);
        ck_assert_str_eq(got, "{\"a\":[1,2],\"b\":{\"c d\":\"x, {y}\\\" [\\u202e\"}}");
}
END_TEST

enum { FLAG = 1, OTHER, VALUE, MAYBE };
static const Option table[] = {
        { FLAG, 'f', "flag", NULL, "" },
        { OTHER, 'o', "other-flag", NULL, "" },
        { VALUE, 'v', "value", "X", "" },
        { MAYBE, 'm', "maybe", "[X]", "" },
        { 0 },
};

/* A command line in one string, and what is read of it: "f", "o", "v=…", "m", "m=…", words, "!" and the sentence. */
static const struct {
        bool in_order;
        const char *line, *read;
} lines[] = {
        { false, "", "" },
        { false, "a b", "a b" },
        { false, "--flag a -o b", "f o a b" },
        { false, "-fo a", "f o a" },
        { false, "-vx -v x --value=x --value x", "v=x v=x v=x v=x" },
        { false, "-fvx", "f v=x" },
        { false, "-v -f", "v=-f" },
        { false, "--value --", "v=--" },
        { false, "--value=", "v=" },
        { false, "--maybe x -m x --maybe=x -mf", "m m m=x m f x x" },
        { false, "a -- --flag b", "a --flag b" },
        { false, "-- -- b", "-- b" },
        { false, "- a", "- a" },
        { true, "--flag a --flag", "f a --flag" },
        { true, "--flag -- -o a", "f -o a" },
        { true, "a -- b", "a -- b" },
        { false, "--flg", "!unknown option --flg; did you mean --flag?" },
        { false, "--flag=x", "!option --flag takes no value" },
        { false, "--fla", "!unknown option --fla; did you mean --flag?" },
        { false, "--zzzzzz", "!unknown option --zzzzzz" },
        { false, "a --value", "!option --value needs a value" },
        { false, "-fv", "f !option -v needs a value" },
        { false, "-x", "!unknown option -x" },
        { false, "-f-", "f !unknown option --" },
        { false, "--=x", "!unknown option --" },
};

START_TEST(test_command_line_is_read) {
        char line[128], got[512] = "";
        char *argv[16] = { NULL };
        size_t n = 0, size = 0;
        (void)snprintf(line, sizeof line, "%s", lines[_i].line);
        char *rest = line;
        for (char *word; (word = strsep(&rest, " "));)
                if (*word)
                        argv[n++] = word;

        Options o = { .tables = { table } };
        options_begin(&o, argv, lines[_i].in_order);
        int id;
        while ((id = options_next(&o)) > 0) {
                char letter = id == FLAG ? 'f' : id == OTHER ? 'o' : id == VALUE ? 'v' : 'm';
                size += (size_t)snprintf(got + size, sizeof got - size, "%s%c%s%s", size ? " " : "", letter,
                                o.value ? "=" : "", o.value ? o.value : "");
        }
        if (id < 0)
                (void)snprintf(got + size, sizeof got - size, "%s!%s", size ? " " : "", o.error);
        for (size_t i = 0; id == 0 && i < o.n_words; i++)
                size += (size_t)snprintf(got + size, sizeof got - size, "%s%s", size ? " " : "", argv[i]);
        ck_assert_str_eq(got, lines[_i].read);
        ck_assert(id < 0 || !argv[o.n_words]);
}
END_TEST

START_TEST(test_near_names) {
        const char *const names[] = { "list", "status", "show", "freeze", "thaw", NULL };
        ck_assert_str_eq(nearest_name("lsit", names), "list");
        ck_assert_str_eq(nearest_name("statsu", names), "status");
        ck_assert_str_eq(nearest_name("freze", names), "freeze");
        ck_assert_ptr_null(nearest_name("quarantine", names));
        ck_assert_ptr_null(nearest_name("", names));
        ck_assert_ptr_null(nearest_name(
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", names));
}
END_TEST

START_TEST(test_exit_statuses) {
        static const struct {
                int code, signal;
                const char *reason;
                int status;
                bool said;
        } rows[] = {
                { 0, 0, "exited", 0, false },
                { 42, 0, "exited", 42, false },
                { 255, 0, "exited", 255, false },
                { 256, 0, "exited", STATUS_RUN_FAILED, false },
                { -1, 0, "exited", STATUS_RUN_FAILED, false },
                { 0, 9, "killed", 137, false },
                { 0, 64, "killed", 192, false },
                { 0, 9, "timeout", STATUS_TIMEOUT, true },
                { 0, 15, "stopped", 143, true },
                { 0, 9, "oom", 137, true },
                { 0, 9, "revoked", 137, true },
                { 0, 0, "lost", STATUS_RUN_FAILED, true },
                { 3, 0, "a word of the future", 3, true },
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                ck_assert_int_eq(
                                status_of_end(rows[i].code, rows[i].signal, rows[i].reason), rows[i].status);
                ck_assert_int_eq(sentence_of_end(rows[i].reason) != NULL, rows[i].said);
        }
        ck_assert_int_eq(status_of_run_error(MXC_ERROR_NO_SUCH_COMMAND), 127);
        ck_assert_int_eq(status_of_run_error(MXC_ERROR_NOT_EXECUTABLE), 126);
        ck_assert_int_eq(status_of_run_error(MXC_ERROR_DENIED), 125);
        ck_assert_int_eq(status_of_run_error("org.freedesktop.DBus.Error.NoReply"), 125);
}
END_TEST

START_TEST(test_sandboxes_are_named) {
        static const char id[] = "0123456789abcdef0123456789abcdef";
        _cleanup_free_ char *whole = sandbox_path_of(id), *path = sandbox_path_of("/x/y");
        ck_assert_str_eq(whole, MXC_SANDBOX_PATH_PREFIX "/0123456789abcdef0123456789abcdef");
        ck_assert_str_eq(path, "/x/y");
        ck_assert_ptr_null(sandbox_path_of("0123"));
        ck_assert_ptr_null(sandbox_path_of("0123456789ABCDEF0123456789abcdef"));
        ck_assert_ptr_null(sandbox_path_of(""));
        ck_assert(sandbox_path_matches(whole, "0123"));
        ck_assert(sandbox_path_matches(whole, id));
        ck_assert(!sandbox_path_matches(whole, "123"));
        ck_assert(!sandbox_path_matches(whole, ""));
}
END_TEST

static const struct {
        const char *text, *rule; /* NULL: none */
} destinations[] = {
        { "api.example.com:443", "{\"to\":[{\"host\":\"api.example.com\"}],\"ports\":[{\"protocol\":\"tcp\","
                                 "\"port\":443}]}" },
        { "*.example.com", "{\"to\":[{\"host\":\"*.example.com\"}],\"ports\":[{\"protocol\":\"tcp\"}]}" },
        { "10.1.0.0/16", "{\"to\":[{\"cidr\":\"10.1.0.0/16\"}],\"ports\":[{\"protocol\":\"tcp\"}]}" },
        { "10.1.2.3:22", "{\"to\":[{\"cidr\":\"10.1.2.3\"}],\"ports\":[{\"protocol\":\"tcp\",\"port\":22}]"
                         "}" },
        { "[2001:db8::/32]:22", "{\"to\":[{\"cidr\":\"2001:db8::/"
                                "32\"}],\"ports\":[{\"protocol\":\"tcp\",\"port\":22}]}" },
        { "2001:db8::1", "{\"to\":[{\"cidr\":\"2001:db8::1\"}],\"ports\":[{\"protocol\":\"tcp\"}]}" },
        { "[2001:db8::1]", "{\"to\":[{\"cidr\":\"2001:db8::1\"}],\"ports\":[{\"protocol\":\"tcp\"}]}" },
        { "", NULL },
        { ":443", NULL },
        { "a.example:", NULL },
        { "a.example:0", NULL },
        { "a.example:65535x", NULL },
        { "a.example:65536", NULL },
        { "[2001:db8::1", NULL },
        { "[]:1", NULL },
        { "[2001:db8::1]x", NULL },
};

START_TEST(test_destinations) {
        json_auto_t *rule = grant_rule(destinations[_i].text);
        _cleanup_free_ char *text = rule ? json_dumps(rule, JSON_COMPACT) : NULL;
        if (!destinations[_i].rule) {
                ck_assert_ptr_null(rule);
                return;
        }
        ck_assert_str_eq(text, destinations[_i].rule);
        _cleanup_free_ char *shown = grant_text(rule);
        ck_assert_int_eq(strncmp(shown, "tcp/", 4), 0);
        json_auto_t *again = grant_rule(shown + 4);
        ck_assert_msg(json_equal(again, rule), "%s", shown);
}
END_TEST

int main(void) {
        Suite *s = suite_create("client text");
        TCase *t = tcase_create("text");
        tcase_set_timeout(t, 120);
        tcase_add_loop_test(t, test_text_is_harmless, 0, (int)ELEMENTSOF(texts));
        tcase_add_test(t, test_no_byte_gets_through);
        tcase_add_test(t, test_words_are_a_shell_s);
        tcase_add_test(t, test_json_is_indented);
        tcase_add_test(t, test_json_in_one_line);
        tcase_add_loop_test(t, test_command_line_is_read, 0, (int)ELEMENTSOF(lines));
        tcase_add_test(t, test_near_names);
        tcase_add_test(t, test_exit_statuses);
        tcase_add_test(t, test_sandboxes_are_named);
        tcase_add_loop_test(t, test_destinations, 0, (int)ELEMENTSOF(destinations));
        suite_add_tcase(s, t);
        SRunner *r = srunner_create(s);
        srunner_run_all(r, CK_ENV);
        int failed = srunner_ntests_failed(r);
        srunner_free(r);
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
