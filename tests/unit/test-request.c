/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is asked for, at each limit and one beyond. */

#include "request.h"

#include "bus-error.h"
#include "bus-test.h"
#include "daemon-test.h"
#include "limits.h"
#include "names.h"

static TestBus bus;

static int nobody(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return 0;
}

/* n words that begin with prefix and are bytes long together, each with its NUL. */
static char **words(size_t n, size_t bytes, const char *prefix) {
        char **list = calloc(n + 1, sizeof(char *));
        ck_assert_ptr_nonnull(list);
        for (size_t i = 0; i < n; i++) {
                size_t size = (i + 1 < n ? bytes / n : bytes - bytes / n * (n - 1)) - 1;
                list[i] = malloc(size + 1);
                ck_assert_ptr_nonnull(list[i]);
                memset(list[i], 'x', size);
                list[i][size] = 0;
                memcpy(list[i], prefix, strlen(prefix));
        }
        return list;
}

static void words_free(char **list) {
        for (char **w = list; *w; w++)
                free(*w);
        free(list);
}

static sd_bus_message *begin(RequestFor what, char **argv) {
        sd_bus_message *m = NULL;
        ck_assert_int_ge(sd_bus_message_new_method_call(bus.client, &m, NULL, "/x", "x.y", "Z"), 0);
        if (what != REQUEST_FOR_EXEC)
                ck_assert_int_ge(sd_bus_message_append(m, "s", ""), 0);
        if (argv)
                ck_assert_int_ge(sd_bus_message_append_strv(m, argv), 0);
        else if (what != REQUEST_FOR_CREATE)
                ck_assert_int_ge(sd_bus_message_append(m, "as", 1, "true"), 0);
        return m;
}

/* What it is refused with, or "". Takes the message. */
static const char *outcome(sd_bus_message *m, RequestFor what) {
        static char name[128];
        SpawnRequest q = { .stdio = { -EBADF, -EBADF, -EBADF } };
        sd_bus_error error = SD_BUS_ERROR_NULL;
        ck_assert_int_ge(sd_bus_message_seal(m, 1, 0), 0);
        ck_assert_int_ge(sd_bus_message_rewind(m, true), 0);
        int r = spawn_request_read(m, what, &q, &error);
        ck_assert_msg(r == 0 || error.name, "a refusal has a name: %s", strerror(-r));
        (void)snprintf(name, sizeof(name), "%s", r == 0 ? "" : error.name);
        spawn_request_clear(&q);
        sd_bus_error_free(&error);
        sd_bus_message_unref(m);
        return name;
}

static void is(const char *expected, sd_bus_message *m, RequestFor what) {
        ck_assert_str_eq(outcome(m, what), expected);
}

static void option(sd_bus_message *m, const char *name, const char *type, ...) {
        va_list ap;
        va_start(ap, type);
        ck_assert_int_ge(sd_bus_message_open_container(m, 'e', "sv"), 0);
        ck_assert_int_ge(sd_bus_message_append(m, "s", name), 0);
        ck_assert_int_ge(sd_bus_message_open_container(m, 'v', type), 0);
        ck_assert_int_ge(sd_bus_message_appendv(m, type, ap), 0);
        ck_assert_int_ge(sd_bus_message_close_container(m), 0);
        ck_assert_int_ge(sd_bus_message_close_container(m), 0);
        va_end(ap);
}

static sd_bus_message *open_options(RequestFor what, char **argv) {
        sd_bus_message *m = begin(what, argv);
        ck_assert_int_ge(sd_bus_message_open_container(m, 'a', "{sv}"), 0);
        return m;
}

static sd_bus_message *close_options(sd_bus_message *m) {
        ck_assert_int_ge(sd_bus_message_close_container(m), 0);
        return m;
}

static sd_bus_message *with_number(const char *name, const char *type, uint64_t value) {
        sd_bus_message *m = open_options(REQUEST_FOR_SPAWN, NULL);
        if (*type == 't')
                option(m, name, type, value);
        else
                option(m, name, type, (uint32_t)value);
        if (*type == 'u')
                option(m, "pty", "b", 1);
        return close_options(m);
}

/* n labels; the first one's value is size bytes long. */
static sd_bus_message *with_labels(size_t n, size_t size) {
        _cleanup_free_ char *value = calloc(1, size + 1);
        ck_assert_ptr_nonnull(value);
        memset(value, 'x', size);
        sd_bus_message *m = open_options(REQUEST_FOR_SPAWN, NULL);
        ck_assert_int_ge(sd_bus_message_open_container(m, 'e', "sv"), 0);
        ck_assert_int_ge(sd_bus_message_append(m, "s", "labels"), 0);
        ck_assert_int_ge(sd_bus_message_open_container(m, 'v', "a{ss}"), 0);
        ck_assert_int_ge(sd_bus_message_open_container(m, 'a', "{ss}"), 0);
        for (size_t i = 0; i < n; i++) {
                char key[16];
                (void)snprintf(key, sizeof(key), "k%zu", i);
                ck_assert_int_ge(sd_bus_message_append(m, "{ss}", key, i == 0 ? value : ""), 0);
        }
        for (unsigned i = 0; i < 3; i++)
                ck_assert_int_ge(sd_bus_message_close_container(m), 0);
        return close_options(m);
}

static sd_bus_message *with_needs(size_t n, const char *action, const char *target, uint32_t port) {
        sd_bus_message *m = open_options(REQUEST_FOR_SPAWN, NULL);
        ck_assert_int_ge(sd_bus_message_open_container(m, 'e', "sv"), 0);
        ck_assert_int_ge(sd_bus_message_append(m, "s", "needs"), 0);
        ck_assert_int_ge(sd_bus_message_open_container(m, 'v', "a(ssu)"), 0);
        ck_assert_int_ge(sd_bus_message_open_container(m, 'a', "(ssu)"), 0);
        for (size_t i = 0; i < n; i++)
                ck_assert_int_ge(sd_bus_message_append(m, "(ssu)", action, target, port), 0);
        for (unsigned i = 0; i < 3; i++)
                ck_assert_int_ge(sd_bus_message_close_container(m), 0);
        return close_options(m);
}

static sd_bus_message *with_argv(size_t n, size_t bytes) {
        char **argv = words(n, bytes, "");
        sd_bus_message *m = close_options(open_options(REQUEST_FOR_SPAWN, argv));
        words_free(argv);
        return m;
}

static sd_bus_message *with_env(size_t n, size_t bytes) {
        char **env = words(n, bytes, "A=");
        sd_bus_message *m = open_options(REQUEST_FOR_SPAWN, NULL);
        ck_assert_int_ge(sd_bus_message_open_container(m, 'e', "sv"), 0);
        ck_assert_int_ge(sd_bus_message_append(m, "s", "env"), 0);
        ck_assert_int_ge(sd_bus_message_open_container(m, 'v', "as"), 0);
        ck_assert_int_ge(sd_bus_message_append_strv(m, env), 0);
        ck_assert_int_ge(sd_bus_message_close_container(m), 0);
        ck_assert_int_ge(sd_bus_message_close_container(m), 0);
        words_free(env);
        return close_options(m);
}

START_TEST(test_limits) {
        const RequestFor what = REQUEST_FOR_SPAWN;
        const char *many = MXC_ERROR_LIMIT_REACHED, *bad = MXC_ERROR_INVALID_ARGUMENT;
        test_bus_open(&bus, nobody, NULL);
        is("", with_argv(LIMIT_ARGV, LIMIT_ARGV * 4), what);
        is(many, with_argv(LIMIT_ARGV + 1, LIMIT_ARGV * 5), what);
        is("", with_argv(16, LIMIT_ARGV_BYTES), what);
        is(many, with_argv(16, LIMIT_ARGV_BYTES + 1), what);
        is("", with_env(LIMIT_ENV, LIMIT_ENV * 8), what);
        is(many, with_env(LIMIT_ENV + 1, LIMIT_ENV * 9), what);
        is("", with_env(16, LIMIT_ENV_BYTES), what);
        is(many, with_env(16, LIMIT_ENV_BYTES + 1), what);
        is("", with_labels(LIMIT_LABELS, 1), what);
        is(many, with_labels(LIMIT_LABELS + 1, 1), what);
        is("", with_labels(1, LIMIT_LABEL_VALUE_BYTES), what);
        is(many, with_labels(1, LIMIT_LABEL_VALUE_BYTES + 1), what);
        is("", with_needs(LIMIT_NEEDS, "read", "/x", 0), what);
        is(many, with_needs(LIMIT_NEEDS + 1, "read", "/x", 0), what);
        is("", with_needs(1, "connect", "a.b", UINT16_MAX), what);
        is(bad, with_needs(1, "connect", "a.b", UINT16_MAX + 1), what);
        is(bad, with_needs(1, "connect", "a.b", 0), what);
        is(bad, with_needs(1, "exec", "/x", 1), what);
        is(bad, with_needs(1, "write", "x", 0), what);
        is(bad, with_needs(1, "syscall", "/x", 0), what);
        is("", with_number("rows", "u", LIMIT_TTY_ROWS), what);
        is(bad, with_number("rows", "u", LIMIT_TTY_ROWS + 1), what);
        is("", with_number("columns", "u", LIMIT_TTY_ROWS), what);
        is(bad, with_number("columns", "u", LIMIT_TTY_ROWS + 1), what);
        is("", with_number("timeout", "t", LIMIT_TIMEOUT_USEC), what);
        is(bad, with_number("timeout", "t", LIMIT_TIMEOUT_USEC + 1), what);
        is(bad, with_number("timeout", "t", 0), what);
        test_bus_close(&bus);
}
END_TEST

/* The bus takes nothing that is not UTF-8: where the limit is in the middle of a character, that goes whole. */
START_TEST(test_a_sentence_is_cut) {
        enum { DOTS = 3, LETTER = 2 };
        char sentence[LIMIT_SENTENCE_BYTES + 2], buffer[BUS_ERROR_SIZE];
        ck_assert_ptr_null(bus_error_cut(NULL, buffer));
        memset(sentence, 'x', sizeof(sentence));
        sentence[LIMIT_SENTENCE_BYTES] = 0;
        ck_assert_ptr_eq(bus_error_cut(sentence, buffer), sentence);
        sentence[LIMIT_SENTENCE_BYTES] = 'x';
        sentence[LIMIT_SENTENCE_BYTES + 1] = 0;
        for (size_t back = 0; back < LETTER; back++) {
                memcpy(sentence + LIMIT_SENTENCE_BYTES - DOTS - back, "\xc3\xa4", LETTER);
                memset(buffer, 'y', sizeof(buffer));
                const char *cut = bus_error_cut(sentence, buffer);
                ck_assert_uint_eq(strlen(cut), LIMIT_SENTENCE_BYTES - back % LETTER);
                ck_assert_int_eq(strncmp(cut, sentence, strlen(cut) - DOTS), 0);
                ck_assert_str_eq(cut + strlen(cut) - DOTS, "\xe2\x80\xa6");
        }
}
END_TEST

/* Of a proof: which wall, and what to do; not the name of an error. */
START_TEST(test_a_failed_proof_is_told) {
        static const struct {
                LaunchReport report;
                const char *name, *words;
        } rows[] = {
                { { .step = LAUNCH_STEP_PROOF, .error = EACCES, .detail = "host files" },
                                MXC_ERROR_UNSUPPORTED,
                                "its wall \"host files\" was tried and does not hold" },
                { { .step = LAUNCH_STEP_PROOF, .error = ECANCELED, .detail = "at the wall \"mount\": x" },
                                MXC_ERROR_UNSUPPORTED, "untried nothing runs: at the wall \"mount\": x (" },
                { { .step = LAUNCH_STEP_LANDLOCK, .error = EOPNOTSUPP, .detail = "ABI 99" },
                                MXC_ERROR_UNSUPPORTED, "landlock: ABI 99 (" },
                { { .step = LAUNCH_STEP_MOUNT, .error = EACCES, .detail = "/x" }, MXC_ERROR_LAUNCH_FAILED,
                                "(step mount): /x: " },
        };
        sd_bus_error error = SD_BUS_ERROR_NULL;
        ck_assert_int_lt(bus_error_from_report(&error, &rows[_i].report, "true"), 0);
        ck_assert_str_eq(error.name, rows[_i].name);
        ck_assert_msg(strstr(error.message, rows[_i].words), "%s", error.message);
        if (rows[_i].report.error == EACCES)
                ck_assert(rows[_i].report.step != LAUNCH_STEP_PROOF ||
                                !strstr(error.message, strerror(EACCES)));
        sd_bus_error_free(&error);
}
END_TEST

int main(void) {
        TCase *t = daemon_case("request");
        tcase_add_loop_test(t, test_a_failed_proof_is_told, 0, 4);
        tcase_add_test(t, test_limits);
        tcase_add_test(t, test_a_sentence_is_cut);
        return run_daemon_case(t);
}
