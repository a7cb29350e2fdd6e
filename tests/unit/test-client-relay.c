/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is carried between a command and a terminal: all of it, in order, to its end, and nothing waits for ever. */

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include "channels.h"
#include "cleanup.h"
#include "relay.h"

#define MANY (UINT32_C(1) << 20)

/* One turn; true when something could move. */
static bool turn(Relay *r) {
        struct pollfd polls[2];
        relay_poll(r, polls);
        if (poll(polls, 2, 20000) <= 0)
                return false;
        return relay_turn(r, polls);
}

static void make_pipe(int ends[2]) {
        ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
}

START_TEST(test_everything_comes_through) {
        int in[2], out[2];
        make_pipe(in);
        make_pipe(out);
        Relay r = { .from = in[0], .to = out[1], .owns_from = true, .owns_to = true };
        uint32_t sent = 0, got = 0;
        while (got < MANY) {
                uint8_t buffer[5000];
                for (size_t i = 0; i < sizeof buffer; i++)
                        buffer[i] = (uint8_t)((sent + i) * 7 % 251);
                ssize_t n = in[1] >= 0 ? write(in[1], buffer,
                                                         MANY - sent < sizeof buffer ? MANY - sent
                                                                                     : sizeof buffer)
                                       : 0;
                sent += n > 0 ? (uint32_t)n : 0;
                if (sent == MANY && in[1] >= 0) {
                        (void)close(in[1]);
                        in[1] = -EBADF;
                }
                (void)turn(&r);
                while ((n = read(out[0], buffer, sizeof buffer)) > 0)
                        for (ssize_t i = 0; i < n; i++, got++)
                                ck_assert_uint_eq(buffer[i], got * 7 % 251);
        }
        while (relay_is_open(&r))
                ck_assert(turn(&r));
        char c;
        ck_assert_int_eq(read(out[0], &c, 1), 0); /* the end came through, too */
        (void)close(out[0]);
}
END_TEST

/* Who writes learns that nobody reads. */
START_TEST(test_a_reader_that_went) {
        int in[2], out[2];
        make_pipe(in);
        make_pipe(out);
        Relay r = { .from = in[0], .to = out[1], .owns_from = true, .owns_to = true };
        (void)signal(SIGPIPE, SIG_IGN);
        (void)close(out[0]);
        ck_assert_int_eq(write(in[1], "x", 1), 1);
        while (relay_is_open(&r))
                ck_assert(turn(&r));
        ck_assert_int_eq(write(in[1], "x", 1), -1);
        ck_assert_int_eq(errno, EPIPE);
        (void)close(in[1]);
}
END_TEST

/* A full pipe is waited for, and not read against. */
START_TEST(test_a_reader_that_waits) {
        int in[2], out[2];
        make_pipe(in);
        make_pipe(out);
        Relay r = { .from = in[0], .to = out[1], .owns_from = true, .owns_to = true };
        char block[4096] = { 0 };
        while (write(out[1], block, sizeof block) > 0)
                ;
        ck_assert_int_eq(write(in[1], "x", 1), 1);
        ck_assert(turn(&r));
        struct pollfd polls[2];
        relay_poll(&r, polls);
        ck_assert_int_eq(polls[0].fd, -1);
        ck_assert_int_eq(poll(polls, 2, 0), 0);
        ck_assert(relay_is_open(&r));
        relay_close(&r);
        (void)close(in[1]);
        (void)close(out[0]);
}
END_TEST

static int open_pty(int *ret_slave) {
        int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
        ck_assert(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
        *ret_slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
        ck_assert_int_ge(*ret_slave, 0);
        return master;
}

/* At a terminal the end of input is a character. */
START_TEST(test_the_end_of_input_of_a_pty) {
        int in[2], slave, master = open_pty(&slave);
        make_pipe(in);
        Relay r = { .from = in[0], .to = master, .owns_from = true, .end_is_byte = true };
        ck_assert_int_eq(write(in[1], "line\n", 5), 5);
        (void)close(in[1]);
        while (relay_is_open(&r))
                ck_assert(turn(&r));
        char got[16] = "";
        ck_assert_int_eq(read(slave, got, sizeof got), 5);
        ck_assert_str_eq(got, "line\n");
        ck_assert_int_eq(read(slave, got, sizeof got), 0);
        (void)close(slave);
        (void)close(master);
}
END_TEST

/* A terminal becomes a pipe, everything else is handed over; nothing of it is left open. */
START_TEST(test_terminals_stay_here) {
        int slave, master = open_pty(&slave), null = open("/dev/null", O_RDWR | O_CLOEXEC);
        ck_assert_int_eq(dup2(null, STDIN_FILENO), STDIN_FILENO);
        int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
        ck_assert(dup2(slave, STDOUT_FILENO) >= 0 && dup2(null, STDERR_FILENO) >= 0);
        Channels c;
        int r = channels_prepare(&c, PTY_AUTO);
        bool pty = c.pty, in_given = c.give[0] == STDIN_FILENO, err_given = c.give[2] == STDERR_FILENO;
        bool out_piped = c.give[1] > 2 && !isatty(c.give[1]) && c.relays[1].to == STDOUT_FILENO &&
                         c.relays[1].from >= 0;
        int pipe_fd = c.give[1], end = c.relays[1].from;
        channels_close(&c);
        bool closed = fcntl(pipe_fd, F_GETFD) < 0 && fcntl(end, F_GETFD) < 0 &&
                      fcntl(STDOUT_FILENO, F_GETFD) >= 0;
        ck_assert(dup2(out, STDOUT_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0);
        ck_assert_int_eq(r, 0);
        ck_assert(!pty && in_given && err_given && out_piped && closed);
        (void)close(slave);
        (void)close(master);
}
END_TEST

START_TEST(test_gaps_are_filled) {
        ck_assert_int_eq(close(STDIN_FILENO), 0);
        ck_assert_int_eq(channels_fill_gaps(), 0);
        char c;
        ck_assert_int_eq(read(STDIN_FILENO, &c, 1), 0);
        int next = open("/", O_RDONLY | O_CLOEXEC);
        ck_assert_int_gt(next, STDERR_FILENO);
        (void)close(next);
}
END_TEST

/* Whoever has its pty goes on writing, and never is quiet. */
START_TEST(test_the_end_of_output_comes) {
        uint64_t now = 1000000, ended_at = now;
        ck_assert(!channels_output_is_over(now, ended_at, now));
        ck_assert(channels_output_is_over(now + OUTPUT_QUIET_MSEC, ended_at, now));
        for (; now < ended_at + OUTPUT_END_MSEC; now += 50)
                ck_assert(!channels_output_is_over(now, ended_at, now - 40));
        ck_assert(channels_output_is_over(now, ended_at, now));
}
END_TEST

int main(void) {
        Suite *s = suite_create("client relay");
        TCase *t = tcase_create("relay");
        tcase_set_timeout(t, 60);
        tcase_add_test(t, test_everything_comes_through);
        tcase_add_test(t, test_a_reader_that_went);
        tcase_add_test(t, test_a_reader_that_waits);
        tcase_add_test(t, test_the_end_of_input_of_a_pty);
        tcase_add_test(t, test_terminals_stay_here);
        tcase_add_test(t, test_gaps_are_filled);
        tcase_add_test(t, test_the_end_of_output_comes);
        suite_add_tcase(s, t);
        SRunner *r = srunner_create(s);
        srunner_run_all(r, CK_ENV);
        int failed = srunner_ntests_failed(r);
        srunner_free(r);
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
