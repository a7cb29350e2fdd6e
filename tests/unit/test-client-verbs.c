/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the verbs of mxcctl compute without asking anybody: times, tables, rows of the audit, signals, differences, answers as JSON. */

#include <check.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <time.h>

#include "audit-row.h"
#include "cleanup.h"
#include "control.h"
#include "escape.h"
#include "policy-diff.h"
#include "run.h"
#include "table.h"
#include "value-read.h"
#include "verb.h"
#include "when.h"

#define NOW UINT64_C(1769868306500000) /* Sat 2026-01-31 14:05:06.5 UTC */
#define SECOND UINT64_C(1000000)

DEFINE_CLEANUP(Table *, table_free);

static const struct {
        const char *text;
        int result;
        uint64_t usec;
} times[] = {
        { "now", 0, NOW },
        { "2026-01-31 14:05:06.5", 0, NOW },
        { "2026-01-31T14:05:06.500000", 0, NOW },
        { "2026-01-31 14:05:06", 0, NOW - SECOND / 2 },
        { "2026-01-31 14:05", 0, UINT64_C(1769868300000000) },
        { "2026-01-31", 0, UINT64_C(1769817600000000) },
        { "14:05", 0, UINT64_C(1769868300000000) },
        { "today", 0, UINT64_C(1769817600000000) },
        { "yesterday", 0, UINT64_C(1769731200000000) },
        { "tomorrow", 0, UINT64_C(1769904000000000) }, /* into the next month */
        { "-2h", 0, NOW - 7200 * SECOND },
        { "+5min", 0, NOW + 300 * SECOND },
        { "2h ago", 0, NOW - 7200 * SECOND },
        { "1h 30min ago", 0, NOW - 5400 * SECOND },
        { "@1769868306", 0, UINT64_C(1769868306000000) },
        { "@1769868306.25", 0, UINT64_C(1769868306250000) },
        { "", -EINVAL, 0 },
        { "2h", -EINVAL, 0 },
        { "ago", -EINVAL, 0 },
        { " ago", -EINVAL, 0 },
        { "noon", -EINVAL, 0 },
        { "2026-02-30", -ERANGE, 0 },
        { "2026-13-01", -EINVAL, 0 },
        { "2026-1-1", -EINVAL, 0 },
        { "2026-01-31 25:00", -EINVAL, 0 },
        { "2026-01-31 14:05:06.", -EINVAL, 0 },
        { "2026-01-31 14:05 ", -EINVAL, 0 },
        { "1969-12-30", -ERANGE, 0 },
        { "-99999w", -ERANGE, 0 },
        { "-infinity", -ERANGE, 0 },
        { "@", -EINVAL, 0 },
        { "@-1", -EINVAL, 0 },
        { "@99999999999999999999", -ERANGE, 0 },
};

START_TEST(test_times) {
        uint64_t usec = 7;
        ck_assert_int_eq(when_parse(times[_i].text, NOW, &usec), times[_i].result);
        ck_assert_uint_eq(usec, times[_i].result == 0 ? times[_i].usec : 7);
}
END_TEST

START_TEST(test_times_are_written) {
        char buffer[WHEN_SIZE];
        ck_assert_str_eq(when_format(buffer, NOW), "Sat 2026-01-31 14:05:06 UTC");
        ck_assert_str_eq(when_format_short(buffer, NOW), "Jan 31 14:05:06");
        ck_assert_str_eq(when_format_utc(buffer, NOW), "2026-01-31T14:05:06.500000Z");
        ck_assert_str_eq(when_format(buffer, 0), "-");
        static const struct {
                uint64_t usec;
                const char *text;
        } spans[] = { { 0, "0us" }, { 999, "999us" }, { 12345, "12ms" }, { 5 * SECOND, "5s" },
                { 123 * SECOND, "2min 3s" }, { 120 * SECOND, "2min" },
                { 3 * 3600 * SECOND + 125 * SECOND, "3h 2min" }, { 90000 * SECOND, "1d 1h" } };
        for (size_t i = 0; i < ELEMENTSOF(spans); i++)
                ck_assert_str_eq(span_format(buffer, spans[i].usec), spans[i].text);
}
END_TEST

START_TEST(test_signals) {
        ck_assert_int_eq(signal_parse("TERM"), SIGTERM);
        ck_assert_int_eq(signal_parse("SIGKILL"), SIGKILL);
        ck_assert_int_eq(signal_parse("sigusr1"), SIGUSR1);
        ck_assert_int_eq(signal_parse("15"), 15);
        static const char *const bad[] = { "", "0", "SIG", "FOO", "99", "-9", "9 ", "TERM ",
                "100000000000" };
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                ck_assert_int_eq(signal_parse(bad[i]), -EINVAL);
}
END_TEST

static const struct {
        const char *text, *cut;
        size_t width;
} cuts[] = {
        { "short", "short", 5 },
        { "longer", "long\xe2\x80\xa6", 5 },
        { "gr\xc3\xbc\xc3\x9f"
          "e!",
                        "gr\xc3\xbc\xe2\x80\xa6", 4 },
        { "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
                        6 }, /* two columns each */
        { "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", "\xe6\x97\xa5\xe2\x80\xa6", 4 },
        { "x", "x", 1 },
        { "xy", "\xe2\x80\xa6", 1 },
};

START_TEST(test_text_is_cut) {
        _cleanup_free_ char *got = text_cut(cuts[_i].text, cuts[_i].width);
        ck_assert_str_eq(got, cuts[_i].cut);
        ck_assert_uint_le(text_width(got), cuts[_i].width);
}
END_TEST

static char *printed(Table *t, const char *one, const char *many) {
        char *text = NULL;
        size_t size;
        FILE *out = stdout;
        stdout = open_memstream(&text, &size);
        ck_assert_ptr_nonnull(stdout);
        int status = table_print(t, one, many);
        (void)fclose(stdout);
        stdout = out;
        ck_assert_int_eq(status, 0);
        return text;
}

START_TEST(test_table) {
        static const Column columns[] = { { "NAME" }, { "N", .right = true }, { "WHAT" } };
        _cleanup_(table_freep) Table *t = table_new(columns, ELEMENTSOF(columns));
        table_add(t, "a\x1b[2J", COLOUR_BAD);
        table_addf(t, "%d", 7);
        table_add(t, "gr\xc3\xbc\xc3\x9f", COLOUR_NONE);
        table_add(t, "longer than it", COLOUR_NONE);
        table_addf(t, "%d", 1234);
        table_add(t, "", COLOUR_NONE);
        _cleanup_free_ char *text = printed(t, "row", "rows");
        ck_assert_str_eq(text, "NAME              N WHAT\n"
                               "a\\x1b[2J          7 gr\xc3\xbc\xc3\x9f\n"
                               "longer than it 1234 -\n"
                               "\n2 rows.\n");
        settings.no_legend = true;
        _cleanup_(table_freep) Table *bare = table_new(columns, ELEMENTSOF(columns));
        table_add(bare, "x", COLOUR_NONE);
        table_add(bare, "1", COLOUR_NONE);
        table_add(bare, "y", COLOUR_NONE);
        _cleanup_free_ char *again = printed(bare, "row", "rows");
        ck_assert_str_eq(again, "x 1 y\n");
        ck_assert_ptr_null(table_new(columns, TABLE_COLUMNS_MAX + 1));
}
END_TEST

/* A record in the words of the journal, one field per line; its detail. */
static const struct {
        const char *fields, *detail;
} records[] = {
        { "MXC_EVENT=spawn\nMXC_DECISION=allow\nMXC_TARGET=[\"make\",\"-j2\",\"a b\"]", "make -j2 'a b'" },
        { "MXC_EVENT=spawn\nMXC_DECISION=deny\nMXC_REASON=beyond-ceiling\nMXC_CLAUSE=/filesystem/"
          "readwritePaths/0\nMXC_NOTE=Too wide.\nMXC_TARGET=[\"sh\"]",
                        "sh [beyond-ceiling by /filesystem/readwritePaths/0] Too wide." },
        { "MXC_EVENT=spawn\nMXC_DECISION=allow\nMXC_TARGET=[\"cut", "[\"cut" },
        { "MXC_EVENT=exit\nMXC_DECISION=none\nMXC_EXIT_CODE=3\nMXC_REASON=exited\nMXC_USEC=1500000",
                        "exit status 3, after 1s" },
        { "MXC_EVENT=exit\nMXC_EXIT_SIGNAL=9\nMXC_REASON=timeout\nMXC_HANDOFF=/w/.envrc\nMXC_HANDOFF=/w/"
          ".mcp.json\nMXC_HANDOFF_WHOLE=0",
                        "signal SIGKILL, timeout, made what other programs trust: /w/.envrc, /w/.mcp.json, "
                        "not all of what it made was looked at" },
        { "MXC_EVENT=fail\nMXC_STEP=mounts\nERRNO=13\nMXC_NOTE=/x",
                        "at step mounts, Permission denied, /x" },
        { "MXC_EVENT=kill\nMXC_DECISION=allow\nMXC_TARGET=SIGKILL all", "SIGKILL all" },
        { "MXC_EVENT=control\nMXC_DECISION=deny\nMXC_ACTION=org.mxc1.Manager.Reload\nMXC_REASON=not-"
          "authorized",
                        "org.mxc1.Manager.Reload [not-authorized] " },
        { "MXC_EVENT=refusals\nMXC_DECISION=deny\nMXC_NOTE=of many kinds\nMXC_COUNT=7\nMESSAGE=x",
                        "of many kinds (7 times)" },
        { "MXC_EVENT=freeze\nMESSAGE=It stands still.", "" },
        { "MXC_EVENT=adopt\nMESSAGE=It is back.", "It is back." },
        { "MXC_EVENT=register\nMXC_DECISION=allow\nMXC_POLICY=locked\nMESSAGE=x", "policy locked" },
        { "MXC_EVENT=policy-load\nMXC_TARGET=/etc/x\nMXC_COUNT=3", "/etc/x (3 times)" },
};

static json_t *record(const char *fields) {
        json_t *row = audit_row_new(NOW, "s=1");
        _cleanup_free_ char *copy = strdup(fields);
        char *rest = copy;
        for (char *line; (line = strsep(&rest, "\n"));)
                ck_assert_int_eq(audit_row_add(row, line, strlen(line)), 0);
        return row;
}

START_TEST(test_records_are_told) {
        json_auto_t *row = record(records[_i].fields);
        _cleanup_free_ char *detail = audit_row_detail(row);
        ck_assert_str_eq(detail, records[_i].detail);
        ck_assert(audit_row_is_record(row));
}
END_TEST

START_TEST(test_record_as_json) {
        json_auto_t *row = record("MXC_EVENT=spawn\n_HOSTNAME=h\n_PID=1\nMXC_ON_BEHALF_UID=1000\nMXC_LABELS="
                                  "{\"k\":\"v\"}\nMXC_WALLS=a b\n"
                                  "MXC_HANDOFF=/x\nMXC_HANDOFF_WHOLE=1\nMXC_CALLER_PID=no "
                                  "number\nMXC_=\nnonsense\nMXC_NOTE=\xff"
                                  "a");
        json_auto_t *wanted = json_pack(
                        "{s:s, s:I, s:s, s:s, s:s, s:i, s:{s:s}, s:[ss], s:[s], s:b, s:s, s:s}", "time",
                        "2026-01-31T14:05:06.500000Z", "realtime", (json_int_t)NOW, "cursor", "s=1", "event",
                        "spawn", "hostname", "h", "on_behalf_uid", 1000, "labels", "k", "v", "walls", "a",
                        "b", "handoff", "/x", "handoff_whole", 1, "caller_pid", "no number", "note",
                        "\xef\xbf\xbd"
                        "a");
        ck_assert_ptr_nonnull(wanted);
        char *got = json_dumps(row, JSON_SORT_KEYS), *want = json_dumps(wanted, JSON_SORT_KEYS);
        ck_assert_str_eq(got, want);
        free(got);
        free(want);
}
END_TEST

/* What happened before it could be written keeps its own time. */
START_TEST(test_record_that_waited) {
        json_auto_t *row = record("MXC_EVENT=exit\nMXC_TIME=1769868300000000");
        ck_assert_uint_eq(audit_row_time(row), UINT64_C(1769868300000000));
        ck_assert_str_eq(json_string_value(json_object_get(row, "time")), "2026-01-31T14:05:00.000000Z");
        json_auto_t *odd = record("MXC_EVENT=exit\nMXC_TIME=soon");
        ck_assert_uint_eq(audit_row_time(odd), NOW);
}
END_TEST

START_TEST(test_records_are_chosen) {
        json_auto_t *row = record("MXC_EVENT=spawn\nMXC_SANDBOX=0123abc\nMXC_TARGET=[\"make\",\"all\"]");
        static const struct {
                AuditFilter filter;
                bool matches;
        } rows[] = { { { NULL, NULL }, true }, { { "0123", NULL }, true }, { { "123", NULL }, false },
                { { NULL, "make" }, true }, { { NULL, "ake a" }, true }, { { NULL, "make*" }, true },
                { { NULL, "ma*e" }, false }, { { NULL, "*l" }, true }, { { "0123abc", "none" }, false } };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                ck_assert_int_eq(audit_row_matches(row, &rows[i].filter), rows[i].matches);
        json_auto_t *log = record("MESSAGE=a line of the log"), *other = record("MXC_EVENT=something else");
        ck_assert(!audit_row_is_record(log) && !audit_row_is_record(other));
}
END_TEST

START_TEST(test_documents_differ) {
        json_auto_t *old = json_pack("{s:i, s:[ss], s:{s:s}, s:[s]}", "n", 1, "list", "a", "b", "in", "x/y",
                        "1", "gone", "g");
        json_auto_t *new = json_pack("{s:i, s:[ss], s:{s:s}, s:[s]}", "n", 2, "list", "b", "c", "in", "x/y",
                        "1", "come", "k");
        json_auto_t *got = policy_diff_documents(old, new), *none = policy_diff_documents(old, old);
        char *text = json_dumps(got, JSON_COMPACT);
        ck_assert_str_eq(text, "[{\"pointer\":\"/n\",\"old\":1},{\"pointer\":\"/"
                               "n\",\"new\":2},{\"pointer\":\"/list\",\"old\":\"a\"},"
                               "{\"pointer\":\"/list\",\"new\":\"c\"},{\"pointer\":\"/"
                               "gone\",\"old\":\"g\"},{\"pointer\":\"/come\",\"new\":\"k\"}]");
        free(text);
        ck_assert_uint_eq(json_array_size(none), 0);
}
END_TEST

/* As a message that was received: sealed and rewound. */
static void check_value(const char *types, const char *wanted, ...) {
        _cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        json_auto_t *value = NULL;
        va_list ap;
        ck_assert_int_ge(sd_bus_new(&bus), 0);
        int ends[2]; /* nobody speaks at the other; a message can be made all the same */
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        ck_assert_int_ge(sd_bus_set_fd(bus, ends[0], ends[0]), 0);
        ck_assert_int_ge(sd_bus_set_server(bus, true, (sd_id128_t){ .bytes = { 1 } }), 0);
        ck_assert_int_ge(sd_bus_start(bus), 0);
        ck_assert_int_ge(sd_bus_message_new_signal(bus, &m, "/x", "x.y", "Z"), 0);
        va_start(ap, wanted);
        ck_assert_int_ge(sd_bus_message_appendv(m, types, ap), 0);
        va_end(ap);
        ck_assert_int_ge(sd_bus_message_seal(m, 1, 0), 0);
        ck_assert_int_ge(sd_bus_message_rewind(m, true), 0);
        ck_assert_int_eq(value_read(m, &value), 0);
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        ck_assert_str_eq(text, wanted);
        free(text);
        (void)close(ends[1]);
}

START_TEST(test_answers_as_json) {
        check_value("s", "\"x\"", "x");
        check_value("ub", "[7,true]", 7, 1);
        check_value("as", "[]", 0);
        check_value("a{sv}", "{\"n\":-1,\"t\":123456789012,\"l\":[\"a\"]}", 3, "n", "i", -1, "t", "t",
                        UINT64_C(123456789012), "l", "as", 1, "a");
        check_value("a(oa{sv})", "[[\"/o\",{\"k\":{\"a\":\"b\"}}]]", 1, "/o", 1, "k", "a{ss}", 1, "a", "b");
}
END_TEST

START_TEST(test_environment_is_offered) {
        static const char *const own[] = { "A=1", "B=2", "=nameless", "no equals sign", "C=\xff", "D=4",
                NULL };
        Command c = { .env = { "B=b", "D", "E=e", "B=bb" }, .n_env = 4 };
        const char **env;
        size_t left_out;
        ck_assert_int_eq(command_environment(&c, (char *const *)own, &env, &left_out), 0);
        static const char *const wanted[] = { "E=e", "B=bb", "A=1", "D=4", NULL };
        for (size_t i = 0; i < ELEMENTSOF(wanted); i++)
                if (wanted[i])
                        ck_assert_str_eq(env[i], wanted[i]);
                else
                        ck_assert_ptr_null(env[i]);
        ck_assert_uint_eq(left_out, 0);
        free(env);
        c = (Command){ .env = { "A=a", "B", "A", "B=b" },
                .n_env = 4 }; /* the last holds, one's own as well */
        ck_assert_int_eq(command_environment(&c, (char *const *)own, &env, &left_out), 0);
        ck_assert_str_eq(env[0], "B=b");
        ck_assert_str_eq(env[1], "A=1");
        ck_assert_str_eq(env[2], "D=4");
        ck_assert_ptr_null(env[3]);
        free(env);
}
END_TEST

/* LIMIT_ENV and LIMIT_ENV_BYTES, at n and n + 1. */
START_TEST(test_environment_is_bounded) {
        const char **env;
        size_t left_out;
        Command c = { 0 };
        static const char *own[LIMIT_ENV + 2];
        for (size_t i = 0; i <= LIMIT_ENV; i++)
                own[i] = "X=";
        ck_assert_int_eq(command_environment(&c, (char *const *)own, &env, &left_out), 0);
        ck_assert_uint_eq(left_out, 1);
        ck_assert_ptr_null(env[LIMIT_ENV]);
        free(env);
        own[LIMIT_ENV] = NULL;
        ck_assert_int_eq(command_environment(&c, (char *const *)own, &env, &left_out), 0);
        ck_assert_uint_eq(left_out, 0);
        free(env);

        _cleanup_free_ char *large = malloc(LIMIT_ENV_BYTES + 1);
        memset(large, 'x', LIMIT_ENV_BYTES);
        large[1] = '=';
        large[LIMIT_ENV_BYTES] = '\0';
        char *one[] = { large, NULL };
        ck_assert_int_eq(command_environment(&c, one, &env, &left_out), 0);
        ck_assert_uint_eq(left_out, 1);
        free(env);
        large[LIMIT_ENV_BYTES - 1] = '\0';
        ck_assert_int_eq(command_environment(&c, one, &env, &left_out), 0);
        ck_assert_uint_eq(left_out, 0);
        free(env);
}
END_TEST

START_TEST(test_policies_and_places_are_told_apart) {
        ck_assert(policy_is_file("./x") && policy_is_file("x.json") && policy_is_file("-") &&
                        policy_is_file("/x"));
        ck_assert(!policy_is_file("x") && !policy_is_file(".json") && !policy_is_file("json"));
        ck_assert_str_eq(cwd_within("/w", "/w/a"), "/w/a");
        ck_assert_str_eq(cwd_within("/", "/x"), "/x");
        ck_assert_ptr_null(cwd_within("/w", "/w"));
        ck_assert_ptr_null(cwd_within("/", "/"));
        ck_assert_ptr_null(cwd_within("/w", "/wa"));
        ck_assert_ptr_null(cwd_within("/w/a", "/w"));
}
END_TEST

int main(void) {
        (void)setenv("TZ", "UTC", 1);
        (void)setlocale(LC_CTYPE, "C.UTF-8");
        Suite *s = suite_create("client verbs");
        TCase *t = tcase_create("verbs");
        tcase_set_timeout(t, 60);
        tcase_add_loop_test(t, test_times, 0, (int)ELEMENTSOF(times));
        tcase_add_test(t, test_times_are_written);
        tcase_add_test(t, test_signals);
        tcase_add_loop_test(t, test_text_is_cut, 0, (int)ELEMENTSOF(cuts));
        tcase_add_test(t, test_table);
        tcase_add_loop_test(t, test_records_are_told, 0, (int)ELEMENTSOF(records));
        tcase_add_test(t, test_record_as_json);
        tcase_add_test(t, test_record_that_waited);
        tcase_add_test(t, test_records_are_chosen);
        tcase_add_test(t, test_documents_differ);
        tcase_add_test(t, test_answers_as_json);
        tcase_add_test(t, test_environment_is_offered);
        tcase_add_test(t, test_environment_is_bounded);
        tcase_add_test(t, test_policies_and_places_are_told_apart);
        suite_add_tcase(s, t);
        SRunner *r = srunner_create(s);
        srunner_run_all(r, CK_ENV);
        int failed = srunner_ntests_failed(r);
        srunner_free(r);
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
