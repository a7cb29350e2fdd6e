/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What libmxc_ffi.so gives out and takes back, without a sandbox: who owns what, streams, terminals as pipes, telemetry. */

#include <check.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>

#include "bytes-text.h"
#include "cleanup.h"
#include "ffi-pump.h"
#include "ffi-spec.h"
#include "ffi-stream.h"
#include "mxc-config.h"

START_TEST(test_foreign_pointers_are_passed_over) {
        char *mine = strdup("mine"), on_stack[] = "stack";
        ck_assert_ptr_nonnull(mine);
        mxc_string_free(NULL);
        mxc_string_free(mine); /* of malloc(), and not of the library */
        mxc_string_free(on_stack);
        mxc_string_free((char *)"static");
        ck_assert_str_eq(mine, "mine");
        free(mine);

        char *ours = own_text_copy("ours");
        ck_assert_str_eq(ours, "ours");
        mxc_string_free(ours);
        mxc_string_free(ours); /* again: ASan would tell */

        mxc_read_stream_free((MxcReadStream *)on_stack);
        mxc_write_stream_free((MxcWriteStream *)on_stack);
        mxc_stream_closer_free((MxcStreamCloser *)on_stack);
        size_t n = 7;
        uint8_t byte;
        ck_assert_int_eq(mxc_stream_read((MxcReadStream *)on_stack, &byte, 1, &n), MXC_NULL_ARGUMENT);
        ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(test_kinds_are_not_confused) {
        char *text = own_text_copy("text");
        mxc_read_stream_free((MxcReadStream *)text);
        ck_assert_ptr_null(own_use(OWN_READ, text));
        ck_assert_str_eq(text, "text");
        mxc_string_free(text);
}
END_TEST

static int destroyed;
static void count(void *thing) {
        destroyed++;
}

START_TEST(test_what_is_in_use_is_destroyed_later) {
        int thing;
        ck_assert(own_add(OWN_SANDBOX, &thing, count));
        ck_assert_ptr_eq(own_use(OWN_SANDBOX, &thing), &thing);
        ck_assert_ptr_eq(own_use(OWN_SANDBOX, &thing), &thing);
        ck_assert(own_drop(OWN_SANDBOX, &thing));
        ck_assert(!own_drop(OWN_SANDBOX, &thing));
        ck_assert_ptr_null(own_use(OWN_SANDBOX, &thing));
        own_done(&thing);
        ck_assert_int_eq(destroyed, 0);
        own_done(&thing);
        ck_assert_int_eq(destroyed, 1);
}
END_TEST

static void *churn(void *userdata) {
        for (int i = 0; i < 2000; i++) {
                char *s = own_text_copy("churn");
                if (!s || strcmp(s, "churn") != 0)
                        return NULL;
                mxc_string_free(s);
                mxc_string_free(s);
        }
        return userdata;
}

START_TEST(test_threads_share_the_table) {
        pthread_t threads[8];
        for (size_t i = 0; i < ELEMENTSOF(threads); i++)
                ck_assert_int_eq(pthread_create(&threads[i], NULL, churn, threads), 0);
        for (size_t i = 0; i < ELEMENTSOF(threads); i++) {
                void *result;
                ck_assert_int_eq(pthread_join(threads[i], &result), 0);
                ck_assert_ptr_eq(result, threads);
        }
}
END_TEST

START_TEST(test_error_details_are_freed_once) {
        MxcErrorDetail d;
        ck_assert_int_eq(own_fail(&d, MXC_STALE_ID, "gone"), MXC_STALE_ID);
        ck_assert_str_eq(d.message, "gone");
        mxc_error_detail_free(&d);
        ck_assert_ptr_null(d.message);
        mxc_error_detail_free(&d);
        mxc_error_detail_free(NULL);
        ck_assert_int_eq(own_fail(NULL, MXC_STALE_ID, "gone"), MXC_STALE_ID);

        MxcError e = { 0 };
        ck_assert_int_eq(mxc_refuse(&e, MXC_BACKEND_UNAVAILABLE, "no %s", "tier"), -EINVAL);
        ck_assert_int_eq(own_fail_with(&d, -EINVAL, &e), MXC_BACKEND_UNAVAILABLE);
        ck_assert_str_eq(d.message, "no tier");
        ck_assert_ptr_null(e.message);
        mxc_error_detail_free(&d);
        ck_assert_int_eq(mxc_status_of("org.mxc1.Error.Denied"), MXC_POLICY_VALIDATION);
        ck_assert_int_eq(mxc_status_of("org.mxc1.Error.NoSuchSandbox"), MXC_STALE_ID);
        ck_assert_int_eq(
                        mxc_status_of("org.freedesktop.DBus.Error.NameHasNoOwner"), MXC_BACKEND_UNAVAILABLE);
        ck_assert_int_eq(mxc_status_of(""), MXC_BACKEND_ERROR);
        ck_assert_int_eq(own_fail_with(&d, -ENOMEM, &e), MXC_BACKEND_ERROR);
        ck_assert_ptr_nonnull(d.message);
        mxc_error_detail_free(&d);
}
END_TEST

static void pipe_ends(int ends[2]) {
        ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
}

START_TEST(test_streams_carry_bytes_to_their_end) {
        int ends[2], closed = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        pipe_ends(ends);
        MxcReadStream *r = stream_reader_new(ends[0], closed, NULL);
        MxcWriteStream *w = stream_writer_new(ends[1]);
        ck_assert_ptr_nonnull(r);
        ck_assert_ptr_nonnull(w);
        size_t n;
        uint8_t data[16];
        ck_assert_int_eq(mxc_stream_write(w, (const uint8_t *)"a\0b", 3, &n), MXC_OK);
        ck_assert_uint_eq(n, 3);
        ck_assert_int_eq(mxc_stream_flush(w), MXC_OK);
        ck_assert_int_eq(mxc_stream_read(r, data, sizeof data, &n), MXC_OK);
        ck_assert_uint_eq(n, 3);
        ck_assert_mem_eq(data, "a\0b", 3);
        ck_assert_int_eq(mxc_stream_read(r, NULL, 1, &n), MXC_NULL_ARGUMENT);
        mxc_write_stream_free(w);
        mxc_write_stream_free(w);
        ck_assert_int_eq(mxc_stream_write(w, data, 1, &n), MXC_NULL_ARGUMENT);
        ck_assert_int_eq(mxc_stream_read(r, data, sizeof data, &n), MXC_OK);
        ck_assert_uint_eq(n, 0);
        mxc_read_stream_free(r);
        close(closed);
}
END_TEST

static volatile sig_atomic_t pipe_signals;
static void on_sigpipe(int number) {
        pipe_signals++;
}

START_TEST(test_writing_to_nobody_raises_no_signal) {
        int ends[2];
        pipe_ends(ends);
        close(ends[0]);
        const struct sigaction count_them = { .sa_handler = on_sigpipe };
        ck_assert_int_eq(sigaction(SIGPIPE, &count_them, NULL), 0);
        MxcWriteStream *w = stream_writer_new(ends[1]);
        size_t n = 7;
        ck_assert_int_eq(mxc_stream_write(w, (const uint8_t *)"x", 1, &n), MXC_BACKEND_ERROR);
        ck_assert_uint_eq(n, 0);
        mxc_write_stream_free(w);
        ck_assert_int_eq(pipe_signals, 0);
        sigset_t mask;
        ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
        ck_assert_int_eq(sigismember(&mask, SIGPIPE), 0);
        /* One that was on its way before is not taken. */
        sigset_t only, before;
        sigemptyset(&only);
        sigaddset(&only, SIGPIPE);
        ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &only, &before), 0);
        ck_assert_int_eq(raise(SIGPIPE), 0);
        pipe_ends(ends);
        close(ends[0]);
        w = stream_writer_new(ends[1]);
        ck_assert_int_eq(mxc_stream_write(w, (const uint8_t *)"x", 1, &n), MXC_BACKEND_ERROR);
        mxc_write_stream_free(w);
        ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
        ck_assert_int_eq(pipe_signals, 1);
}
END_TEST

typedef struct Reading {
        MxcReadStream *stream;
        int32_t status;
        size_t n;
        int began;
} Reading;

static void *read_one(void *userdata) {
        Reading *reading = userdata;
        uint8_t byte;
        (void)eventfd_write(reading->began, 1);
        reading->n = 7;
        reading->status = mxc_stream_read(reading->stream, &byte, 1, &reading->n);
        return NULL;
}

START_TEST(test_a_closer_ends_a_read_in_another_thread) {
        int ends[2], closed = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        pipe_ends(ends);
        Reading reading = { .stream = stream_reader_new(ends[0], closed, NULL),
                .began = eventfd(0, EFD_CLOEXEC) };
        MxcStreamCloser *c = stream_closer_new(closed);
        pthread_t thread;
        eventfd_t value;
        ck_assert_int_eq(pthread_create(&thread, NULL, read_one, &reading), 0);
        ck_assert_int_eq(eventfd_read(reading.began, &value), 0);
        mxc_read_stream_free(reading.stream); /* while it may be reading: it goes when that is done */
        ck_assert_int_eq(mxc_stream_closer_close(c), MXC_OK);
        ck_assert_int_eq(mxc_stream_closer_close(c), MXC_OK);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        /* it was in it, and is at the end; or it came too late, and the stream is none any more */
        ck_assert(reading.status == MXC_OK || reading.status == MXC_NULL_ARGUMENT);
        ck_assert_uint_eq(reading.n, 0);
        mxc_stream_closer_free(c);
        close(reading.began);
        close(closed);
        close(ends[1]);
}
END_TEST

/* Who has work that is done when somebody looks: it closes the other end. */
typedef struct Work {
        int begun, end;
        int looked;
} Work;

static bool work(const void *of) {
        Work *w = (Work *)(uintptr_t)of;
        w->looked++;
        (void)close(w->end);
        return false;
}

START_TEST(test_a_read_looks_after_its_command) {
        int ends[2], closed = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        pipe_ends(ends);
        Work w = { .begun = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK), .end = ends[1] };
        const StreamWatch watch = { .fd = w.begun, .of = &w, .look = work };
        MxcReadStream *r = stream_reader_new(ends[0], closed, &watch);
        uint8_t byte;
        size_t n = 7;
        close(w.begun); /* the stream has its own, which stays readable */
        ck_assert_int_eq(mxc_stream_read(r, &byte, 1, &n), MXC_OK);
        ck_assert_uint_eq(n, 0);
        ck_assert_int_eq(w.looked, 1);
        mxc_read_stream_free(r);
        close(closed);
}
END_TEST

/* -- a terminal -- */

static ssize_t read_all(int fd, char *data, size_t size) {
        size_t n = 0;
        ssize_t k;
        while (n < size && (k = read(fd, data + n, size - n)) > 0)
                n += (size_t)k;
        return (ssize_t)n;
}

START_TEST(test_a_terminal_is_two_pipes) {
        int master, slave, in, out;
        ck_assert_int_eq(openpty(&master, &slave, NULL, NULL, NULL), 0);
        _cleanup_(pump_freep) Pump *p = NULL;
        ck_assert_int_eq(pump_new(master, &in, &out, &p), 0);
        ck_assert(!isatty(in) && !isatty(out));
        ck_assert_int_eq(write(in, "typed\n", 6), 6);
        char data[64];
        ck_assert_int_eq(read(slave, data, sizeof data), 6);
        ck_assert_mem_eq(data, "typed\n", 6);
        pump_resize(p, 11, 22);
        struct winsize size;
        ck_assert_int_eq(ioctl(slave, TIOCGWINSZ, &size), 0);
        ck_assert_int_eq(size.ws_row, 11);
        ck_assert_int_eq(size.ws_col, 22);
        ck_assert_int_eq(write(slave, "shown\n", 6), 6);
        close(in); /* the end of what is typed */
        ck_assert_int_eq(read(slave, data, sizeof data), 0);
        close(slave);
        p = pump_free(p);
        ssize_t n = read_all(out, data, sizeof data);
        ck_assert_int_eq(n, 7 + 7);
        ck_assert_mem_eq(data, "typed\r\nshown\r\n", 14);
        close(out);
}
END_TEST

START_TEST(test_the_end_of_input_ends_a_line_first) {
        int master, slave, in, out;
        ck_assert_int_eq(openpty(&master, &slave, NULL, NULL, NULL), 0);
        _cleanup_(pump_freep) Pump *p = NULL;
        ck_assert_int_eq(pump_new(master, &in, &out, &p), 0);
        ck_assert_int_eq(write(in, "half", 4), 4);
        close(in);
        char data[64];
        ck_assert_int_eq(read(slave, data, sizeof data), 4);
        ck_assert_int_eq(read(slave, data, sizeof data), 0);
        close(slave);
        close(out);
}
END_TEST

START_TEST(test_what_nobody_reads_does_not_stop_a_terminal) {
        int master, slave, in, out;
        ck_assert_int_eq(openpty(&master, &slave, NULL, NULL, NULL), 0);
        _cleanup_(pump_freep) Pump *p = NULL;
        ck_assert_int_eq(pump_new(master, &in, &out, &p), 0);
        close(out);
        char data[4096];
        memset(data, 'x', sizeof data);
        for (int i = 0; i < 64; i++)
                ck_assert_int_eq(write(slave, data, sizeof data),
                                sizeof data); /* more than all buffers hold */
        close(slave);
        close(in);
}
END_TEST

/* Who was left behind with the terminal, and writes to it now and then. */
static void *go_on(void *userdata) {
        const int *slave = userdata;
        const struct timespec moment = { .tv_nsec = 10000000 };
        while (write(*slave, "x", 1) == 1)
                (void)nanosleep(&moment, NULL);
        return NULL;
}

static void *read_on(void *userdata) {
        const int *out = userdata;
        char data[64];
        while (read(*out, data, sizeof data) > 0)
                ;
        return NULL;
}

/* Whether somebody reads it or not: check's own timeout is what tells. */
START_TEST(test_who_is_left_behind_does_not_keep_a_terminal) {
        int master, slave, in, out;
        pthread_t writer, reader;
        ck_assert_int_eq(openpty(&master, &slave, NULL, NULL, NULL), 0);
        _cleanup_(pump_freep) Pump *p = NULL;
        ck_assert_int_eq(pump_new(master, &in, &out, &p), 0);
        ck_assert_int_eq(pthread_create(&writer, NULL, go_on, &slave), 0);
        if (_i == 1)
                ck_assert_int_eq(pthread_create(&reader, NULL, read_on, &out), 0);
        else
                close(out);
        p = pump_free(p);
        if (_i == 1) {
                ck_assert_int_eq(pthread_join(reader, NULL), 0);
                close(out);
        }
        ck_assert_int_eq(pthread_join(writer, NULL), 0); /* it is hung up */
        close(slave);
        close(in);
}
END_TEST

/* LIMIT_MXC_OUTPUT_BYTES, and past it by what one read may bring. */
START_TEST(test_output_is_kept_up_to_a_bound) {
        static const size_t past[] = { 0, 1, 100000 };
        int fd = memfd_create("printed", MFD_CLOEXEC);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(ftruncate(fd, (off_t)(LIMIT_MXC_OUTPUT_BYTES + past[_i])), 0);
        Printed p = { 0 };
        int r;
        while ((r = printed_take(fd, &p)) == 0)
                ck_assert_uint_le(p.room, LIMIT_MXC_OUTPUT_BYTES);
        ck_assert_int_eq(r, 1);
        ck_assert_uint_eq(p.n, LIMIT_MXC_OUTPUT_BYTES);
        ck_assert_int_eq(p.cut, past[_i] > 0);
        ck_assert_int_eq(lseek(fd, 0, SEEK_CUR),
                        (off_t)(LIMIT_MXC_OUTPUT_BYTES + past[_i])); /* it does not stand still */
        printed_clear(&p);
        (void)close(fd);
}
END_TEST

START_TEST(test_bytes_become_text) {
        static const struct {
                const char *bytes;
                size_t n;
                const char *text;
        } cases[] = {
                { "", 0, "" }, { "plain\n", 6, "plain\n" },
                { "a\0b\xff", 4, "a\xef\xbf\xbd\x62\xef\xbf\xbd" },
                { "gr\xc3\xbc\xc3\x9f", 6, "gr\xc3\xbc\xc3\x9f" },
                { "\xc3", 1, "\xef\xbf\xbd" },                                 /* cut within a character */
                { "\x1b[31m", 5, "\x1b[31m" },                                 /* the program's own affair */
                { "\xed\xa0\x80", 3, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* a surrogate */
        };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *text = text_of_bytes((const uint8_t *)cases[i].bytes, cases[i].n);
                ck_assert_str_eq(text, cases[i].text);
        }
}
END_TEST

static int32_t never(const char *prompt, void *context) {
        *(int *)context = 1;
        return 1;
}

START_TEST(test_telemetry_does_not_apply) {
        char *text;
        int32_t prompt = 7;
        int called = 0;
        ck_assert_int_eq(mxc_telemetry_get_consent(&text), MXC_OK);
        ck_assert_str_eq(text, "not-applicable");
        mxc_string_free(text);
        ck_assert_int_eq(mxc_telemetry_get_policy(&text), MXC_OK);
        ck_assert_str_eq(text, "not-applicable");
        mxc_string_free(text);
        ck_assert_int_eq(mxc_telemetry_needs_consent_prompt(&prompt), MXC_OK);
        ck_assert_int_eq(prompt, 0);
        ck_assert_int_eq(mxc_telemetry_request_consent("en", never, &called, &text), MXC_OK);
        ck_assert_ptr_nonnull(strstr(text, "\"result\":\"notApplicable\""));
        mxc_string_free(text);
        ck_assert_int_eq(called, 0);
        ck_assert_int_eq(mxc_telemetry_request_consent("en", NULL, NULL, &text), MXC_NULL_ARGUMENT);
        ck_assert_ptr_null(text);
        ck_assert_int_eq(mxc_telemetry_request_consent("\xff", never, &called, &text), MXC_NOT_UTF8);
        ck_assert_int_eq(mxc_telemetry_get_consent(NULL), MXC_NULL_ARGUMENT);
        ck_assert_int_eq(mxc_telemetry_withdraw_consent(NULL), MXC_NULL_ARGUMENT);
        ck_assert_int_eq(mxc_telemetry_get_consent_status(NULL), MXC_NULL_ARGUMENT);
        ck_assert_int_eq(mxc_telemetry_needs_consent_prompt(NULL), MXC_NULL_ARGUMENT);
}
END_TEST

/* A configuration that says the same. */
START_TEST(test_specifications_of_0_9) {
        static const struct {
                const char *spec, *config, *words;
        } cases[] = {
                { "{\"policy\":{\"version\":\"0.9.0-alpha\"},\"command\":\"x\"}",
                                "{\"version\":\"0.9.0-alpha\",\"process\":{\"commandLine\":\"x\"}}", NULL },
                { "{\"policy\":{\"version\":\"0.9.0-alpha\",\"timeoutMs\":5,\"telemetry\":{\"enabled\":true}"
                  ",\"network\":{"
                  "\"egress\":{\"default\":\"allow\"},\"runtimeConfig\":{\"networkProxy\":\"u\"}},"
                  "\"filesystem\":{\"readonlyPaths\":["
                  "\"/a\"],\"clearPolicyOnExit\":true},\"ui\":{\"allowWindows\":true,\"clipboard\":\"read\","
                  "\"allowInputInjection\":false}},\"command\":\"x\",\"containerName\":\"c\","
                  "\"workingDirectory\":\"/w\","
                  "\"environment\":{\"A\":\"b=c\"},\"inheritDefaultEnv\":true,\"experimental\":true,"
                  "\"containment\":{\"type\":"
                  "\"lxc\",\"distribution\":\"d\",\"release\":\"r\"}}",
                                "{\"version\":\"0.9.0-alpha\",\"telemetry\":{\"enabled\":true},\"network\":{"
                                "\"egress\":{\"default\":"
                                "\"allow\"}},\"runtimeConfig\":{\"networkProxy\":\"u\"},\"filesystem\":{"
                                "\"readonlyPaths\":[\"/a\"]},"
                                "\"ui\":{\"disable\":false,\"clipboard\":\"read\",\"injection\":false},"
                                "\"containerId\":\"c\","
                                "\"process\":{\"commandLine\":\"x\",\"timeout\":5,\"cwd\":\"/"
                                "w\",\"env\":[\"A=b=c\"],"
                                "\"inheritDefaultEnv\":true},\"containment\":\"lxc\",\"lxc\":{"
                                "\"distribution\":\"d\",\"release\":\"r\"}}",
                                NULL },
                /* before 0.9 it said less, in other words */
                { "{\"policy\":{\"version\":\"0.7.0-alpha\",\"telemetry\":{},\"network\":{\"allowOutbound\":"
                  "false,\"allowedHosts\":["
                  "\"h\"]}},\"command\":\"x\",\"inheritDefaultEnv\":true,\"containment\":{\"type\":"
                  "\"process\"}}",
                                "{\"version\":\"0.7.0-alpha\",\"network\":{\"defaultPolicy\":\"block\","
                                "\"allowedHosts\":[\"h\"]},"
                                "\"process\":{\"commandLine\":\"x\"},\"containment\":\"process\"}",
                                NULL },
                { "{\"policy\":{\"network\":{}},\"command\":\"x\"}", "{\"process\":{\"commandLine\":\"x\"}}",
                                NULL },
                { "{", NULL, "failed to parse request JSON" },
                { "[]", NULL, "missing field `policy`" },
                { "{\"policy\":{}}", NULL, "missing field `command`" },
                { "{\"policy\":{},\"command\":\"x\",\"foo\":1}", NULL, "unknown field `foo`" },
                { "{\"policy\":{\"foo\":1},\"command\":\"x\"}", NULL, "unknown field `foo` in policy" },
                { "{\"policy\":{\"network\":{\"defaultPolicy\":\"allow\"}},\"command\":\"x\"}", NULL,
                                "unknown field `defaultPolicy` in network" },
                { "{\"policy\":{\"network\":1},\"command\":\"x\"}", NULL, "network is no object" },
                { "{\"policy\":{},\"command\":\"x\",\"environment\":{\"A\":1}}", NULL, "environment" },
                { "{\"policy\":{},\"command\":\"x\",\"containment\":{\"type\":\"vm\"}}", NULL,
                                "containment" },
                { "{\"policy\":{},\"command\":\"x\",\"containment\":\"lxc\"}", NULL, "containment" },
        };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *config = NULL;
                MxcError e = { 0 };
                int r = spec_to_config(cases[i].spec, &config, &e);
                if (cases[i].config) {
                        ck_assert_msg(r == 0, "%zu: %s", i, e.message);
                        json_auto_t *got = json_loads(config, 0, NULL),
                                    *wanted = json_loads(cases[i].config, 0, NULL);
                        ck_assert_ptr_nonnull(wanted);
                        ck_assert_msg(json_equal(got, wanted), "%zu: %s", i, config);
                } else {
                        ck_assert_int_eq(r, -EINVAL);
                        ck_assert_int_eq(e.status, MXC_MALFORMED_REQUEST);
                        ck_assert_msg(strstr(e.message, cases[i].words), "%zu: %s", i, e.message);
                }
                mxc_error_clear(&e);
        }
}
END_TEST

int main(void) {
        Suite *s = suite_create("mxc ffi");
        TCase *t = tcase_create("all");
        tcase_add_test(t, test_foreign_pointers_are_passed_over);
        tcase_add_test(t, test_kinds_are_not_confused);
        tcase_add_test(t, test_what_is_in_use_is_destroyed_later);
        tcase_add_test(t, test_threads_share_the_table);
        tcase_add_test(t, test_error_details_are_freed_once);
        tcase_add_test(t, test_streams_carry_bytes_to_their_end);
        tcase_add_test(t, test_writing_to_nobody_raises_no_signal);
        tcase_add_test(t, test_a_closer_ends_a_read_in_another_thread);
        tcase_add_test(t, test_a_read_looks_after_its_command);
        tcase_add_test(t, test_a_terminal_is_two_pipes);
        tcase_add_test(t, test_the_end_of_input_ends_a_line_first);
        tcase_add_test(t, test_what_nobody_reads_does_not_stop_a_terminal);
        tcase_add_loop_test(t, test_who_is_left_behind_does_not_keep_a_terminal, 0, 2);
        tcase_add_loop_test(t, test_output_is_kept_up_to_a_bound, 0, 3);
        tcase_add_test(t, test_bytes_become_text);
        tcase_add_test(t, test_telemetry_does_not_apply);
        tcase_add_test(t, test_specifications_of_0_9);
        tcase_set_timeout(t, 60);
        suite_add_tcase(s, t);
        SRunner *runner = srunner_create(s);
        srunner_run_all(runner, CK_ENV);
        int failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
