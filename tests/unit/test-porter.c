/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who stands at one connection, with peers that do not behave: a child is the porter, and we are both who is outside and mxcd. What must happen is
 * waited for; what must not is looked at when the porter has read all that was said, and where it can be the connection goes on afterwards. */

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "clock.h"
#include "fd-pass.h"
#include "fd.h"
#include "limits.h"
#include "porter.h"
#include "ticket.h"
#include "yard.h"

enum { PATIENCE_MSEC = 20000, MOMENT_MSEC = 1, NUMBER_BYTES = 4, HEAD_BYTES = 16 };

/* ---- a porter, and both who he stands between ---- */

typedef struct Stand {
        pid_t porter;
        int peer, mxcd;
        int life; /* of one that was handed over by mxcd */
} Stand;

static void make_pair(int type, int pair[2]) {
        ck_assert_int_eq(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair), 0);
}

static PorterBudget *new_budget(void) {
        PorterBudget *budget = mmap(NULL, sizeof(PorterBudget), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        ck_assert_ptr_ne(budget, MAP_FAILED);
        return budget;
}

/* What a child has of ours would keep it open. */
static void keep_only(const int *fds, size_t n) {
        int kept[2];
        memcpy(kept, fds, n * sizeof(int));
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || fd_close_others(kept, n) < 0)
                _exit(EXIT_FAILURE);
}

static Stand stand(PorterBudget *budget) {
        int outside[2], inside[2];
        make_pair(SOCK_STREAM, outside);
        make_pair(SOCK_STREAM, inside);
        Stand s = { .porter = fork(), .peer = outside[0], .mxcd = inside[0] };
        ck_assert_int_ge(s.porter, 0);
        if (s.porter == 0) {
                const int own[] = { outside[1], inside[1] };
                keep_only(own, 2);
                porter_stand(outside[1], inside[1], budget);
                _exit(EXIT_SUCCESS);
        }
        (void)close(outside[1]);
        (void)close(inside[1]);
        return s;
}

static void wait_for(int fd, short events) {
        struct pollfd p = { .fd = fd, .events = events };
        ck_assert_int_eq(poll(&p, 1, PATIENCE_MSEC), 1);
}

static void wait_a_moment(uint64_t deadline) {
        ck_assert_uint_lt(now_msec(), deadline);
        (void)poll(NULL, 0, MOMENT_MSEC);
}

static uint64_t patience(void) {
        return now_msec() + PATIENCE_MSEC;
}

/* Until who is at the other end has taken all that was said. */
static void wait_until_read(int fd) {
        int unread = 1;
        for (const uint64_t deadline = patience(); unread > 0;) {
                ck_assert_int_eq(ioctl(fd, SIOCOUTQ, &unread), 0);
                if (unread > 0)
                        wait_a_moment(deadline);
        }
}

static void wait_for_end(pid_t pid) {
        int status;
        _cleanup_close_ int pidfd = pidfd_open(pid, 0);
        ck_assert_int_ge(pidfd, 0);
        wait_for(pidfd, POLLIN);
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert(WIFEXITED(status));
        ck_assert_int_eq(WEXITSTATUS(status), EXIT_SUCCESS);
}

static bool is_over(pid_t pid) {
        siginfo_t info = { 0 };
        ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT), 0);
        return info.si_pid == pid;
}

static void kill_it(pid_t pid) {
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

static void leave(Stand *s) {
        cleanup_closep(&s->peer);
        cleanup_closep(&s->mxcd);
        wait_for_end(s->porter);
}

/* ---- what is said and heard ---- */

static void say(int fd, const void *data, size_t size) {
        ck_assert_int_eq(send(fd, data, size, MSG_NOSIGNAL), (ssize_t)size);
}

static void say_with(int fd, const void *data, size_t size, const int *fds, size_t n) {
        ck_assert_int_eq(fd_pass(fd, data, size, fds, n, 0), (ssize_t)size);
}

/* Exactly so much, and all descriptors that come with it, of which there are n. */
static void hear_with(int fd, void *data, size_t size, int *fds, size_t n) {
        size_t n_fds = 0;
        for (size_t used = 0, more; used < size; n_fds += more) {
                wait_for(fd, POLLIN);
                ssize_t got = fd_take(fd, (char *)data + used, size - used, fds ? fds + n_fds : NULL,
                                n - n_fds, &more, 0);
                ck_assert_int_gt(got, 0);
                used += (size_t)got;
        }
        ck_assert_uint_eq(n_fds, n);
}

static void expect(int fd, const void *what, size_t size) {
        char heard[4096];
        ck_assert_uint_le(size, sizeof(heard));
        hear_with(fd, heard, size, NULL, 0);
        ck_assert_mem_eq(heard, what, size);
}

static void expect_text(int fd, const char *text) {
        expect(fd, text, strlen(text));
}

/* Nothing more is heard but that the other end is gone. What it left unread is told once before. */
static void expect_end(int fd) {
        char c;
        wait_for(fd, POLLIN);
        ssize_t n = recv(fd, &c, 1, 0);
        ck_assert(n == 0 || (n < 0 && errno == ECONNRESET));
}

static void expect_hang_up(int fd) {
        char c;
        ssize_t n;
        do
                wait_for(fd, POLLIN);
        while ((n = recv(fd, &c, 1, 0)) > 0);
        ck_assert(n == 0 || errno == ECONNRESET);
}

static bool is_quiet(int fd) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        return poll(&p, 1, 0) == 0;
}

static const char hello[] = "\0AUTH EXTERNAL 31\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n",
                  hello_without[] = "\0AUTH EXTERNAL 31\r\nBEGIN\r\n",
                  asked[] = "\0AUTH EXTERNAL 30\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n",
                  asked_without[] = "\0AUTH EXTERNAL 30\r\nBEGIN\r\n",
                  guid[] = "0123456789abcdef0123456789abcdef", agree[] = "AGREE_UNIX_FD\r\n";
enum { HELLO_BYTES = sizeof(hello) - 1, OK_BYTES = sizeof("OK \r\n") - 1 + sizeof(guid) - 1 };

/* As a server of D-Bus: what the porter says is known to the byte. */
static void answer_porter(int fd, bool with_fds) {
        if (with_fds)
                expect(fd, asked, sizeof(asked) - 1);
        else
                expect(fd, asked_without, sizeof(asked_without) - 1);
        char answer[64];
        int n = snprintf(answer, sizeof(answer), "OK %s\r\n%s", guid, with_fds ? agree : "");
        say(fd, answer, (size_t)n);
}

static void expect_ok(int fd) {
        char line[OK_BYTES];
        hear_with(fd, line, sizeof(line), NULL, 0);
        ck_assert_mem_eq(line, "OK ", 3);
        ck_assert_mem_eq(line + sizeof(line) - 2, "\r\n", 2);
}

static void expect_welcome(const Stand *s) {
        answer_porter(s->mxcd, true);
        expect_ok(s->peer);
        expect_text(s->peer, agree);
}

static Stand greeted(PorterBudget *budget) {
        Stand s = stand(budget);
        say(s.peer, hello, HELLO_BYTES);
        expect_welcome(&s);
        return s;
}

static void write_number(uint8_t *to, uint32_t number, bool little) {
        for (unsigned i = 0; i < NUMBER_BYTES; i++)
                to[i] = (uint8_t)(number >> 8 * (little ? i : NUMBER_BYTES - 1 - i));
}

/* Of so many bytes, of which 13 are fields where it is long enough: they are filled up to 16. No two are alike. */
static void write_head(uint8_t head[HEAD_BYTES], size_t size, bool little, uint32_t serial) {
        const uint32_t fields = size >= HEAD_BYTES + 16 ? 13 : 0;
        memset(head, 0, HEAD_BYTES);
        head[0] = little ? 'l' : 'B';
        head[1] = head[3] = 1;
        write_number(head + 4, (uint32_t)size - HEAD_BYTES - (fields > 0 ? 16 : 0), little);
        write_number(head + 8, serial, little);
        write_number(head + 12, fields, little);
}

static uint8_t *new_message(size_t size, uint32_t serial) {
        uint8_t *message = malloc(size);
        ck_assert_ptr_nonnull(message);
        for (size_t i = HEAD_BYTES; i < size; i++)
                message[i] = (uint8_t)(i * 31 + serial);
        write_head(message, size, true, serial);
        return message;
}

/* Whatever the sockets between hold. */
static void pass_on(int from, int to, const uint8_t *message, size_t size) {
        _cleanup_free_ uint8_t *heard = malloc(size);
        ck_assert_ptr_nonnull(heard);
        for (size_t said = 0, n = 0; n < size;) {
                struct pollfd p[] = { { .fd = said < size ? from : -1, .events = POLLOUT },
                        { .fd = to, .events = POLLIN } };
                ck_assert_int_gt(poll(p, 2, PATIENCE_MSEC), 0);
                if (p[0].revents) {
                        ssize_t k = send(from, message + said, size - said, MSG_NOSIGNAL | MSG_DONTWAIT);
                        ck_assert(k > 0 || errno == EAGAIN);
                        said += k > 0 ? (size_t)k : 0;
                }
                if (p[1].revents) {
                        ssize_t k = recv(to, heard + n, size - n, MSG_DONTWAIT);
                        ck_assert(k > 0 || (k < 0 && errno == EAGAIN));
                        n += k > 0 ? (size_t)k : 0;
                }
        }
        ck_assert_mem_eq(heard, message, size);
}

/* It goes on, both ways. */
static void expect_service(const Stand *s) {
        static uint32_t serial = 1000;
        for (unsigned i = 0; i < 2; i++) {
                _cleanup_free_ uint8_t *message = new_message(100 + i, ++serial);
                pass_on(i == 0 ? s->peer : s->mxcd, i == 0 ? s->mxcd : s->peer, message, 100 + i);
        }
}

static void expect_refusal(Stand *s) {
        expect_hang_up(s->peer);
        expect_end(s->mxcd);
        leave(s);
}

/* Of the messages that go on, n of them. */
static void make_pipes(int *fds, size_t n) {
        for (size_t i = 0; i < n; i += 2)
                ck_assert_int_eq(pipe2(fds + i, O_CLOEXEC), 0);
}

static void close_all(const int *fds, size_t n) {
        for (size_t i = 0; i < n; i++)
                (void)close(fds[i]);
}

static void hear_message(int fd, const uint8_t *message, size_t size, int *fds, size_t n) {
        _cleanup_free_ uint8_t *heard = malloc(size);
        ck_assert_ptr_nonnull(heard);
        hear_with(fd, heard, size, fds, n);
        ck_assert_mem_eq(heard, message, size);
}

/* ---- the greeting ---- */

/* As mxcctl does, which does not wait to be let in: all in one piece, or the call by itself. */
START_TEST(test_a_call_right_behind_the_greeting) {
        PorterBudget *budget = new_budget();
        _cleanup_free_ uint8_t *message = new_message(200, 7);
        uint8_t text[HELLO_BYTES + 200];
        int fds[4], heard[4];
        make_pipes(fds, 4);
        memcpy(text, hello, HELLO_BYTES);
        memcpy(text + HELLO_BYTES, message, 200);
        Stand s = stand(budget);
        if (_i == 0) {
                say_with(s.peer, text, sizeof(text), fds, 4);
        } else {
                say(s.peer, text, HELLO_BYTES);
                say_with(s.peer, message, 200, fds, 4);
        }
        expect_welcome(&s);
        hear_message(s.mxcd, message, 200, heard, 4);
        expect_service(&s);
        close_all(fds, 4);
        close_all(heard, 4);
        leave(&s);
        ck_assert_uint_eq(budget->held, 0);
}
END_TEST

/* Each end of a line is said in two: CR, and what is up to the next. Or each byte by itself. */
START_TEST(test_a_greeting_in_pieces) {
        Stand s = stand(new_budget());
        for (size_t at = 0, n; at < HELLO_BYTES; at += n) {
                const char *cr = _i == 0 ? NULL : memchr(hello + at, '\r', HELLO_BYTES - at);
                n = cr ? (size_t)(cr - hello) + 1 - at : 1;
                say(s.peer, hello + at, n);
                if (at + n < HELLO_BYTES)
                        wait_until_read(s.peer);
        }
        expect_welcome(&s);
        expect_service(&s);
        leave(&s);
}
END_TEST

/* _i bytes too long: a good one, and all there at once. */
START_TEST(test_a_greeting_that_is_too_long_at_once) {
        char text[LIMIT_GREETING_BYTES + 1];
        const size_t size = LIMIT_GREETING_BYTES + (size_t)_i, before = size - (HELLO_BYTES - 1);
        memset(text, 'N', sizeof(text));
        text[0] = 0;
        memcpy(text + before - 2, "\r\n", 2);
        memcpy(text + before, hello + 1, HELLO_BYTES - 1);
        Stand s = stand(new_budget());
        say(s.peer, text, size);
        if (_i > 0) {
                expect_refusal(&s);
                return;
        }
        expect_text(s.peer, "ERROR\r\n");
        expect_welcome(&s);
        expect_service(&s);
        leave(&s);
}
END_TEST

START_TEST(test_a_greeting_that_is_too_long) {
        static const char line[] = "\0AUTH EXTERNAL ";
        Stand s = stand(new_budget());
        say(s.peer, line, sizeof(line) - 1);
        for (size_t n = sizeof(line) - 1; n < LIMIT_GREETING_BYTES; n++)
                say(s.peer, "3", 1);
        wait_until_read(s.peer);
        ck_assert(is_quiet(s.peer));
        say(s.peer, "3", 1);
        expect_end(s.peer);
        expect_refusal(&s);
}
END_TEST

START_TEST(test_what_is_answered) {
        static const struct {
                const char *said, *heard; /* NULL: OK */
        } talk[] = {
                { "AUTH", "REJECTED EXTERNAL\r\n" },
                { "AUTH DBUS_COOKIE_SHA1 30", "REJECTED EXTERNAL\r\n" },
                { "AUTH EXTERNALLY 30", "REJECTED EXTERNAL\r\n" },
                { "NEGOTIATE_UNIX_FD", "ERROR\r\n" },
                { "DATA", "ERROR\r\n" },
                { "NONSENSE", "ERROR\r\n" },
                { "", "ERROR\r\n" },
                { "AUTH EXTERNAL", "DATA\r\n" },
                { "CANCEL", "REJECTED EXTERNAL\r\n" },
                { "DATA", "ERROR\r\n" },
                { "AUTH EXTERNAL", "DATA\r\n" },
                { "DATA 31", NULL },
                { "NEGOTIATE_UNIX_FD", agree },
                { "ERROR", "REJECTED EXTERNAL\r\n" }, /* what was agreed upon is forgotten */
                { "AUTH ANONYMOUS", NULL },
                { "AUTH EXTERNAL 30", "ERROR\r\n" },
        };
        Stand s = stand(new_budget());
        say(s.peer, "", 1);
        for (size_t i = 0; i < ELEMENTSOF(talk); i++) {
                say(s.peer, talk[i].said, strlen(talk[i].said));
                say(s.peer, "\r\n", 2);
                if (talk[i].heard)
                        expect_text(s.peer, talk[i].heard);
                else
                        expect_ok(s.peer);
        }
        say(s.peer, "BEGIN\r\n", 7);
        answer_porter(s.mxcd, false);
        expect_service(&s);
        leave(&s);
}
END_TEST

START_TEST(test_a_greeting_that_is_none) {
        static const struct {
                const char *text;
                size_t size;
        } greetings[] = {
                { "AUTH EXTERNAL 30\r\n", 18 },
                { "BEGIN\r\n", 7 },
                { "\0BEGIN\r\n", 8 },
                { "\0AUTH NONSENSE\r\nBEGIN\r\n", 23 },
                { "\0NONSENSE\r\nBEGIN\r\n", 18 },
                { "\0AUTH EXTERNAL\r\nBEGIN\r\n", 23 },
                { "\0AUTH EXTERNAL 30\r\nCANCEL\r\nBEGIN\r\n", 34 },
        };
        for (size_t i = 0; i < ELEMENTSOF(greetings); i++) {
                Stand s = stand(new_budget());
                say(s.peer, greetings[i].text, greetings[i].size);
                expect_refusal(&s); /* and mxcd hears nothing of it */
        }
}
END_TEST

/* They are the first message's, wherever they came. */
START_TEST(test_descriptors_in_the_greeting) {
        int fds[LIMIT_MESSAGE_FDS], heard[LIMIT_MESSAGE_FDS];
        const size_t n = ELEMENTSOF(fds);
        _cleanup_free_ uint8_t *message = new_message(200, 7);
        make_pipes(fds, n);
        Stand s = stand(new_budget());
        say_with(s.peer, hello, 1, fds, 1);
        say_with(s.peer, hello + 1, 7, fds + 1, 1);
        say_with(s.peer, hello + 8, HELLO_BYTES - 8, fds + 2, n - 2);
        expect_welcome(&s);
        say(s.peer, message, 200);
        hear_message(s.mxcd, message, 200, heard, n);
        expect_service(&s);
        leave(&s);
        close_all(fds, n);
        close_all(heard, n);
}
END_TEST

START_TEST(test_descriptors_in_the_greeting_that_are_refused) {
        int fds[LIMIT_MESSAGE_FDS + 2];
        make_pipes(fds, ELEMENTSOF(fds));
        Stand s = stand(new_budget());
        if (_i == 0) /* too many */
                say_with(s.peer, hello, HELLO_BYTES, fds, LIMIT_MESSAGE_FDS + 1);
        else if (_i == 1) /* not asked for */
                say_with(s.peer, hello_without, sizeof(hello_without) - 1, fds, 1);
        else /* with the first byte, and too many of those that follow */
                say_with(s.peer, hello, 1, fds, 1),
                                say_with(s.peer, hello + 1, HELLO_BYTES - 1, fds, LIMIT_MESSAGE_FDS);
        expect_refusal(&s);
        close_all(fds, ELEMENTSOF(fds));
}
END_TEST

/* Takes as long as the porter's patience, LIMIT_MESSAGE_USEC. */
START_TEST(test_who_does_not_go_on_is_hung_up_on) {
        PorterBudget *budget = new_budget();
        Stand silent = stand(budget), half = greeted(budget), idle = greeted(budget),
              mxcd_silent = stand(budget);
        uint8_t head[HEAD_BYTES];
        write_head(head, 100, true, 1);
        say(half.peer, head, sizeof(head));
        say(mxcd_silent.peer, hello, HELLO_BYTES);
        expect_end(silent.peer);
        expect_hang_up(half.peer);
        expect_hang_up(mxcd_silent.peer);
        expect_hang_up(half.mxcd);
        expect_hang_up(mxcd_silent.mxcd);
        expect_service(&idle); /* who has said nothing may be silent */
        leave(&silent);
        leave(&half);
        leave(&idle);
        leave(&mxcd_silent);
        ck_assert_uint_eq(budget->held, 0);
}
END_TEST

START_TEST(test_who_leaves_in_the_middle) {
        PorterBudget *budget = new_budget();
        uint8_t head[HEAD_BYTES];
        Stand s = stand(budget);
        if (_i == 1)
                say(s.peer, hello, 9);
        if (_i > 1) {
                say(s.peer, hello, HELLO_BYTES);
                expect_welcome(&s);
        }
        if (_i == 3) {
                write_head(head, 100, true, 1);
                say(s.peer, head, sizeof(head));
        }
        cleanup_closep(&s.peer);
        s.peer = -EBADF;
        expect_end(s.mxcd);
        leave(&s);
        ck_assert_uint_eq(budget->held, 0);
}
END_TEST

START_TEST(test_mxcd_hangs_up) {
        _cleanup_free_ uint8_t *last = new_message(500, 3);
        Stand s = greeted(new_budget());
        say(s.mxcd, last, 500);
        cleanup_closep(&s.mxcd);
        s.mxcd = -EBADF;
        hear_message(s.peer, last, 500, NULL, 0);
        expect_end(s.peer);
        leave(&s);
}
END_TEST

/* ---- messages ---- */

START_TEST(test_a_message_in_small_pieces) {
        _cleanup_free_ uint8_t *message = new_message(150, 7);
        Stand s = greeted(new_budget());
        for (size_t i = 0; i < 150; i++) {
                ck_assert(is_quiet(s.mxcd));
                say(s.peer, message + i, 1);
                if (i < 40) /* each alone; the rest as it comes */
                        wait_until_read(s.peer);
        }
        hear_message(s.mxcd, message, 150, NULL, 0);
        expect_service(&s);
        leave(&s);
}
END_TEST

START_TEST(test_messages_of_all_lengths) {
        static const size_t sizes[] = { 16, 17, 31, 32, 33, 4095, 4096, 4097, 65535, 65536, 65537, 131073,
                LIMIT_MESSAGE_BYTES };
        PorterBudget *budget = new_budget();
        Stand s = greeted(budget);
        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                _cleanup_free_ uint8_t *message = new_message(sizes[i], (uint32_t)i);
                pass_on(s.peer, s.mxcd, message, sizes[i]);
                pass_on(s.mxcd, s.peer, message, sizes[i]);
                write_head(message, sizes[i], false, (uint32_t)i);
                pass_on(s.peer, s.mxcd, message, sizes[i]);
                pass_on(s.mxcd, s.peer, message, sizes[i]);
        }
        _cleanup_free_ uint8_t *longer = new_message(2 * LIMIT_MESSAGE_BYTES + 1, 1); /* mxcd may say more */
        pass_on(s.mxcd, s.peer, longer, 2 * LIMIT_MESSAGE_BYTES + 1);
        leave(&s);
        ck_assert_uint_eq(budget->held, 0);
}
END_TEST

/* All of it, so that it would go on where it is not refused; who is hung up on can say no more. */
static void say_what_is_heard(int fd, const uint8_t *data, size_t size) {
        for (size_t said = 0; said < size;) {
                wait_for(fd, POLLOUT);
                ssize_t n = send(fd, data + said, size - said, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (n < 0 && errno != EAGAIN)
                        return;
                said += n > 0 ? (size_t)n : 0;
        }
}

START_TEST(test_a_message_that_is_too_long) {
        _cleanup_free_ uint8_t *message = new_message(LIMIT_MESSAGE_BYTES + 1, 1);
        Stand s = greeted(new_budget());
        write_head(message, LIMIT_MESSAGE_BYTES + 1, _i == 0, 1);
        if (_i == 2)
                memset(message + 4, 0xff, NUMBER_BYTES); /* 4 GiB of body */
        if (_i == 3)
                memset(message + 12, 0xff, NUMBER_BYTES); /* and of fields: their sum is no small number */
        say_what_is_heard(s.peer, message, LIMIT_MESSAGE_BYTES + 1);
        expect_refusal(&s);
}
END_TEST

START_TEST(test_noise_is_hung_up_on) {
        char noise[64];
        memset(noise, _i == 0 ? 'x' : 0, sizeof(noise));
        Stand s = greeted(new_budget());
        say(s.peer, noise, sizeof(noise));
        expect_refusal(&s);
}
END_TEST

/* _i: one more. All with one byte each, or many at once before anybody looks. */
START_TEST(test_descriptors_of_a_message_are_few) {
        enum { N = LIMIT_MESSAGE_FDS };
        int fds[N], heard[N];
        _cleanup_free_ uint8_t *message = new_message(200, 7);
        make_pipes(fds, N);
        Stand s = greeted(new_budget());
        for (size_t i = 0; i < N; i++)
                say_with(s.peer, message + i, 1, fds + i, 1);
        if (_i > 0) {
                say_with(s.peer, message + N, 200 - N, fds, 1);
                expect_refusal(&s);
        } else {
                say(s.peer, message + N, 200 - N);
                hear_message(s.mxcd, message, 200, heard, N);
                close_all(heard, N);
                expect_service(&s);
                leave(&s);
        }
        close_all(fds, N);
}
END_TEST

START_TEST(test_many_descriptors_at_once) {
        int fds[60];
        uint8_t head[HEAD_BYTES];
        make_pipes(fds, ELEMENTSOF(fds));
        Stand s = greeted(new_budget());
        ck_assert_int_eq(kill(s.porter, SIGSTOP), 0);
        write_head(head, HEAD_BYTES + 10, true, 1);
        say(s.peer, head, sizeof(head));
        for (size_t i = 0; i < 10; i++)
                say_with(s.peer, "x", 1, fds, ELEMENTSOF(fds));
        ck_assert_int_eq(kill(s.porter, SIGCONT), 0);
        expect_refusal(&s);
        close_all(fds, ELEMENTSOF(fds));
}
END_TEST

static void say_and_wait(int fd, const uint8_t *data, size_t size) {
        for (size_t said = 0; said < size;) {
                struct pollfd p = { .fd = fd, .events = POLLOUT };
                ck_assert_int_eq(poll(&p, 1, PATIENCE_MSEC), 1);
                ssize_t n = send(fd, data + said, size - said, MSG_NOSIGNAL | MSG_DONTWAIT);
                ck_assert(n > 0 || errno == EAGAIN);
                said += n > 0 ? (size_t)n : 0;
        }
        wait_until_read(fd);
}

/* One uid's unfinished messages together. */
START_TEST(test_unfinished_messages_have_a_bound) {
        enum { MESSAGES = LIMIT_UNFINISHED_BYTES / LIMIT_MESSAGE_BYTES };
        Stand full[MESSAGES];
        PorterBudget *budget = new_budget();
        _cleanup_free_ uint8_t *message = new_message(LIMIT_MESSAGE_BYTES, 7);
        Stand later = greeted(budget), idle = greeted(budget);
        for (size_t i = 0; i < MESSAGES; i++) {
                full[i] = greeted(budget);
                say_and_wait(full[i].peer, message, LIMIT_MESSAGE_BYTES - 1);
        }
        ck_assert_uint_eq(__atomic_load_n(&budget->held, __ATOMIC_SEQ_CST), LIMIT_UNFINISHED_BYTES);
        say(later.peer, message, 1);
        expect_refusal(&later);
        cleanup_closep(&full[0].peer); /* what it held is given back */
        full[0].peer = -EBADF;
        leave(&full[0]);
        expect_service(&idle);
        for (size_t i = 1; i < MESSAGES; i++)
                leave(&full[i]);
        leave(&idle);
        ck_assert_uint_eq(budget->held, 0);
}
END_TEST

/* The kernel goes on with what has descriptors where it began a read with what has none. */
START_TEST(test_descriptors_go_with_their_message) {
        enum { A = 300, B = 20000, C = 100 };
        const bool out = _i % 2 == 1;
        const size_t size = _i < 2 ? A : 5 * B;
        _cleanup_free_ uint8_t *a = new_message(size, 1), *b = new_message(B, 2), *c = new_message(C, 3);
        int fds[2], heard[2];
        make_pipes(fds, 2);
        Stand s = greeted(new_budget());
        const int from = out ? s.mxcd : s.peer, to = out ? s.peer : s.mxcd;
        ck_assert_int_eq(kill(s.porter, SIGSTOP), 0);
        say(from, a, size);
        say_with(from, b, B, fds, 2);
        say(from, c, C);
        ck_assert_int_eq(kill(s.porter, SIGCONT), 0);
        hear_message(to, a, size, NULL, 0);
        hear_message(to, b, B, heard, 2);
        hear_message(to, c, C, NULL, 0);
        close_all(fds, 2);
        close_all(heard, 2);
        leave(&s);
}
END_TEST

/* ---- tickets ---- */

enum { WITH_FDS = 200 };

/* One message with these: what came of them. */
static void exchange(int from, int to, const int *fds, int *heard, size_t n) {
        static uint32_t serial = 1;
        _cleanup_free_ uint8_t *message = new_message(WITH_FDS, ++serial);
        say_with(from, message, WITH_FDS, fds, n);
        hear_message(to, message, WITH_FDS, heard, n);
}

static bool is_ticket(int fd) {
        int domain, type;
        socklen_t size = sizeof(int);
        return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX &&
               getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

static bool is_same(int a, int b) {
        struct stat x, y;
        ck_assert(fstat(a, &x) == 0 && fstat(b, &y) == 0);
        return x.st_dev == y.st_dev && x.st_ino == y.st_ino && x.st_rdev == y.st_rdev &&
               x.st_mode == y.st_mode;
}

static int open_it(const char *path, int flags) {
        int fd = open(path, flags | O_CLOEXEC);
        ck_assert_int_ge(fd, 0);
        return fd;
}

static int new_file(void) {
        int fd = memfd_create("file", MFD_CLOEXEC);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(write(fd, "content", 7), 7);
        return fd;
}

static int new_tcp(void) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ck_assert_int_ge(fd, 0);
        return fd;
}

static int redeem_first(int ticket) {
        int stdio[3] = { ticket, -EBADF, -EBADF };
        int r = ticket_redeem_stdio(stdio);
        if (r < 0)
                return r;
        ck_assert_int_eq(fcntl(stdio[0], F_GETFD), FD_CLOEXEC);
        ck_assert(stdio[1] == -EBADF && stdio[2] == -EBADF);
        return stdio[0];
}

START_TEST(test_what_goes_as_it_is) {
        int fds[3], heard[ELEMENTSOF(fds)];
        make_pipes(fds, 2);
        fds[2] = pidfd_open(getpid(), 0);
        ck_assert_int_ge(fds[2], 0);
        Stand s = greeted(new_budget());
        exchange(s.peer, s.mxcd, fds, heard, ELEMENTSOF(fds));
        for (size_t i = 0; i < 2; i++)
                ck_assert_msg(is_same(fds[i], heard[i]), "%zu", i);
        ck_assert_int_eq(pidfd_send_signal(heard[2], 0, NULL, 0), 0);
        leave(&s); /* there is no ticket to wait for */
        ck_assert(write(heard[1], "x", 1) == 1 && read(fds[0], &(char){ 0 }, 1) == 1);
        close_all(fds, ELEMENTSOF(fds));
        close_all(heard, ELEMENTSOF(fds));
}
END_TEST

/* The last who has a pipe that has a name may be the last who has its file system. */
START_TEST(test_a_named_pipe_is_kept) {
        char directory[] = "/tmp/test-porter.XXXXXX", name[64];
        int heard;
        ck_assert_ptr_nonnull(mkdtemp(directory));
        (void)snprintf(name, sizeof(name), "%s/pipe:[1]", directory);
        ck_assert_int_eq(mkfifo(name, 0600), 0);
        int fd = open_it(name, O_RDWR);
        ck_assert(unlink(name) == 0 && rmdir(directory) == 0);
        Stand s = greeted(new_budget());
        exchange(s.peer, s.mxcd, &fd, &heard, 1);
        ck_assert(is_ticket(heard));
        (void)close(heard);
        (void)close(fd);
        leave(&s);
}
END_TEST

START_TEST(test_what_is_kept) {
        int pair[2], heard[5];
        make_pair(SOCK_STREAM, pair);
        int fds[] = { pair[1], new_file(), open_it("/", O_RDONLY | O_DIRECTORY), new_tcp(),
                open_it("/dev/null", O_RDWR) };
        Stand s = greeted(new_budget());
        exchange(s.peer, s.mxcd, fds, heard, ELEMENTSOF(fds));
        for (size_t i = 0; i < 5; i++)
                ck_assert_msg(is_ticket(heard[i]), "%zu", i);
        int stdio[] = { heard[0], heard[1], heard[4] };
        ck_assert_int_eq(ticket_redeem_stdio(stdio), 0);
        ck_assert(is_same(stdio[0], pair[1]) && is_same(stdio[1], fds[1]) && is_same(stdio[2], fds[4]));
        char text[8] = "";
        ck_assert(pread(stdio[1], text, 7, 0) == 7 && streq(text, "content"));
        say(stdio[0], "through", 7);
        expect(pair[0], "through", 7);
        /* what a command may not have */
        ck_assert_int_eq(redeem_first(heard[2]), -EINVAL);
        ck_assert_int_eq(redeem_first(heard[3]), -EINVAL);
        expect_service(&s);
        leave(&s);
        close_all(fds, ELEMENTSOF(fds));
        close_all(stdio, 3);
        (void)close(pair[0]);
}
END_TEST

/* A mere name of one, of whatever kind. */
START_TEST(test_names_are_no_stdio) {
        static const char *const names[] = { "/dev/null", "/etc/passwd", "/" };
        int heard[ELEMENTSOF(names)], fds[ELEMENTSOF(names)];
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                fds[i] = open_it(names[i], O_PATH);
        Stand s = greeted(new_budget());
        exchange(s.peer, s.mxcd, fds, heard, ELEMENTSOF(fds));
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                ck_assert_msg(redeem_first(heard[i]) == -EINVAL, "%s", names[i]);
        close_all(fds, ELEMENTSOF(fds));
        leave(&s);
}
END_TEST

/* mxcd has it, too, and would close what lies in its queue. */
START_TEST(test_the_answer_does_not_come_over_the_ticket) {
        int pair[2], ticket, fd = new_tcp();
        char byte;
        Stand s = greeted(new_budget());
        exchange(s.peer, s.mxcd, &fd, &ticket, 1);
        make_pair(SOCK_SEQPACKET, pair);
        say_with(ticket, "", 1, pair + 1, 1);
        (void)close(pair[1]);
        wait_for(pair[0], POLLIN); /* whoever asked does not come to take it */
        ck_assert_int_le(recv(ticket, &byte, 1, MSG_DONTWAIT | MSG_PEEK), 0);
        const int all[] = { pair[0], ticket, fd };
        close_all(all, ELEMENTSOF(all));
        leave(&s);
}
END_TEST

START_TEST(test_what_nobody_asks_for_is_let_go) {
        int pair[2], ticket;
        make_pair(SOCK_STREAM, pair);
        Stand s = greeted(new_budget());
        exchange(s.peer, s.mxcd, pair + 1, &ticket, 1);
        (void)close(pair[1]);
        ck_assert(is_quiet(pair[0]));
        (void)close(ticket);
        expect_end(pair[0]);
        (void)close(pair[0]);
        expect_service(&s);
        leave(&s);
}
END_TEST

/* With a message that is refused, as soon as it is. */
START_TEST(test_what_is_refused_is_let_go) {
        int pair[2];
        uint8_t head[HEAD_BYTES];
        make_pair(SOCK_STREAM, pair);
        Stand s = greeted(new_budget());
        write_head(head, LIMIT_MESSAGE_BYTES + 1, true, 1);
        say_with(s.peer, head, sizeof(head), pair + 1, 1);
        (void)close(pair[1]);
        expect_end(pair[0]);
        (void)close(pair[0]);
        expect_refusal(&s);
}
END_TEST

START_TEST(test_a_ticket_is_good_once) {
        int fd = new_file(), ticket;
        Stand s = greeted(new_budget());
        exchange(s.peer, s.mxcd, &fd, &ticket, 1);
        int again = fcntl(ticket, F_DUPFD_CLOEXEC, 0), redeemed = redeem_first(ticket);
        ck_assert_int_ge(redeemed, 0);
        ck_assert(is_same(redeemed, fd));
        ck_assert_int_eq(redeem_first(again), -ECONNRESET);
        const int all[] = { fd, again, redeemed };
        close_all(all, ELEMENTSOF(all));
        leave(&s);
}
END_TEST

/* A message may name one of its descriptors more than once: stdout and stderr that go to one place. */
START_TEST(test_one_ticket_for_all_three) {
        int fd = new_file(), ticket;
        Stand s = greeted(new_budget());
        exchange(s.peer, s.mxcd, &fd, &ticket, 1);
        int stdio[3];
        for (int i = 0; i < 3; i++)
                stdio[i] = fcntl(ticket, F_DUPFD_CLOEXEC, 0);
        (void)close(ticket);
        ck_assert_int_eq(ticket_redeem_stdio(stdio), 0);
        for (int i = 0; i < 3; i++)
                ck_assert(is_same(stdio[i], fd) && fcntl(stdio[i], F_GETFD) == FD_CLOEXEC);
        ck_assert(stdio[0] != stdio[1] && stdio[0] != stdio[2] && stdio[1] != stdio[2]);
        close_all(stdio, 3);
        (void)close(fd);
        leave(&s);
}
END_TEST

/* What was asked for is begun, also when who asked has gone; then there is nobody left. */
START_TEST(test_tickets_outlive_their_connection) {
        int fds[] = { new_file(), new_file(), new_file() }, tickets[ELEMENTSOF(fds)];
        Stand s = greeted(new_budget());
        exchange(s.peer, s.mxcd, fds, tickets, ELEMENTSOF(fds));
        if (_i == 0) {
                cleanup_closep(&s.peer);
                s.peer = -EBADF;
                expect_end(s.mxcd);
        } else {
                cleanup_closep(&s.mxcd);
                s.mxcd = -EBADF;
                expect_end(s.peer);
        }
        for (size_t i = 0; i < ELEMENTSOF(fds); i++) {
                ck_assert(!is_over(s.porter));
                if (i == 1) {
                        (void)close(tickets[i]);
                        continue;
                }
                int fd = redeem_first(tickets[i]);
                ck_assert_int_ge(fd, 0);
                ck_assert(is_same(fd, fds[i]));
                (void)close(fd);
        }
        leave(&s);
        close_all(fds, ELEMENTSOF(fds));
}
END_TEST

START_TEST(test_a_keeper_who_is_gone) {
        int fd = new_file(), ticket;
        Stand s = greeted(new_budget());
        exchange(s.peer, s.mxcd, &fd, &ticket, 1);
        kill_it(s.porter);
        ck_assert_int_eq(redeem_first(ticket), -ECONNRESET);
        const int all[] = { fd, ticket, s.peer, s.mxcd };
        close_all(all, ELEMENTSOF(all));
}
END_TEST

START_TEST(test_mxcds_descriptors_go_as_they_are) {
        int pair[2], heard[3];
        make_pair(SOCK_STREAM, pair);
        const int fds[] = { new_file(), pair[0], open_it("/dev/null", O_RDONLY) };
        const size_t size = 5 * LIMIT_MESSAGE_BYTES / 16;
        _cleanup_free_ uint8_t *before = new_message(size, 7);
        Stand s = greeted(new_budget());
        pass_on(s.mxcd, s.peer, before, size);
        exchange(s.mxcd, s.peer, fds, heard, ELEMENTSOF(fds));
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                ck_assert(is_same(fds[i], heard[i]));
        leave(&s);
        close_all(fds, ELEMENTSOF(fds));
        close_all(heard, ELEMENTSOF(fds));
        (void)close(pair[1]);
}
END_TEST

/* ---- what is slow to close ---- */

typedef struct Slow {
        int listener, listening, speaker;
} Slow;

/* A connection with something to say to who does not listen, and SO_LINGER: socket(7). As machine/slow-close.py has it. */
static Slow new_slow(void) {
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(a);
        const struct linger linger = { .l_onoff = 1, .l_linger = 600 };
        const int small = 2304;
        static const char much[65536];
        Slow s = { .listener = new_tcp(), .speaker = new_tcp() };
        ck_assert(setsockopt(s.listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)) == 0 &&
                        bind(s.listener, (struct sockaddr *)&a, sizeof(a)) == 0 &&
                        listen(s.listener, 1) == 0 &&
                        getsockname(s.listener, (struct sockaddr *)&a, &size) == 0 &&
                        connect(s.speaker, (struct sockaddr *)&a, sizeof(a)) == 0);
        s.listening = accept4(s.listener, NULL, NULL, SOCK_CLOEXEC);
        ck_assert_int_ge(s.listening, 0);
        while (send(s.speaker, much, sizeof(much), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
                ;
        ck_assert_int_eq(setsockopt(s.speaker, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
        return s;
}

/* Who waited for it goes on. */
static void slow_free(const Slow *s) {
        (void)close(s->listening);
        (void)close(s->listener);
}

/* In a state in which it cannot be asked anything: it waits for TCP. */
static void wait_until_it_lingers(pid_t pid) {
        char path[64], state[4096];
        (void)snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
        for (const uint64_t deadline = patience();;) {
                _cleanup_close_ int fd = open_it(path, O_RDONLY);
                ssize_t n = read(fd, state, sizeof(state) - 1);
                if (n < 0)
                        return; /* not shown to everybody: what follows is enough */
                state[n] = 0;
                char *end;
                if (strtol(state, &end, 10) == SYS_close && end != state)
                        return;
                wait_a_moment(deadline);
        }
}

/* Whoever gives such a one stops himself, and nobody else. */
START_TEST(test_a_visitor_stops_himself) {
        PorterBudget *budget = new_budget();
        Stand slow = greeted(budget), other = greeted(budget);
        Slow tcp = new_slow();
        int ticket;
        exchange(slow.peer, slow.mxcd, &tcp.speaker, &ticket, 1);
        (void)close(tcp.speaker); /* the porter has it still */
        expect_service(&slow);
        (void)close(ticket);
        wait_until_it_lingers(slow.porter);
        expect_service(&other);
        leave(&other);
        ck_assert(!is_over(slow.porter));
        slow_free(&tcp);
        expect_service(&slow);
        leave(&slow);
}
END_TEST

/* He is hung up on all the same, and mxcd does not wait: with what is no message, and with what is not the end of one. */
START_TEST(test_who_is_refused_stops_himself) {
        PorterBudget *budget = new_budget();
        Stand s = greeted(budget), other = greeted(budget);
        Slow tcp = new_slow();
        ck_assert_int_eq(kill(s.porter, SIGSTOP), 0); /* he is to be the last who closes it, not we */
        say_with(s.peer, _i == 0 ? "0123456789abcdef" : "l", _i == 0 ? HEAD_BYTES : 1, &tcp.speaker, 1);
        (void)close(tcp.speaker);
        ck_assert_int_eq(kill(s.porter, SIGCONT), 0);
        wait_until_read(s.peer);
        if (_i == 0) {
                expect_hang_up(s.peer);
        } else {
                (void)close(s.peer);
                s.peer = -EBADF;
        }
        expect_end(s.mxcd);
        expect_service(&other);
        wait_until_it_lingers(s.porter);
        leave(&other);
        slow_free(&tcp);
        leave(&s);
        ck_assert_uint_eq(budget->held, 0);
}
END_TEST

/* ---- the system bus ---- */

/* We are dbus-daemon, too. */
static Stand greeted_bus(void) {
        Stand s = stand(NULL);
        say(s.mxcd, hello, HELLO_BYTES); /* sd-bus does not wait */
        answer_porter(s.peer, true);
        expect_ok(s.mxcd);
        expect_text(s.mxcd, agree);
        return s;
}

static size_t count_fds(pid_t pid) {
        char path[64];
        (void)snprintf(path, sizeof(path), "/proc/%d/fd", pid);
        DIR *d = opendir(path);
        ck_assert_ptr_nonnull(d);
        size_t n = 0;
        while (readdir(d))
                n++;
        (void)closedir(d);
        return n;
}

static void wait_for_fds(pid_t pid, size_t n) {
        for (const uint64_t deadline = patience(); count_fds(pid) != n;)
                wait_a_moment(deadline);
}

START_TEST(test_a_bus_that_does_not_let_us_in) {
        Stand s = stand(NULL);
        expect(s.peer, asked, sizeof(asked) - 1);
        const char *const answer = _i == 0 ? "REJECTED EXTERNAL\r\n" : "OK 0\r\nERROR\r\n";
        say(s.peer, answer, strlen(answer));
        expect_refusal(&s);
}
END_TEST

START_TEST(test_the_bus) {
        enum { N = 4 };
        int fds[] = { new_file(), new_tcp(), open_it("/dev/null", O_RDWR) }, heard[N][ELEMENTSOF(fds)];
        _cleanup_free_ uint8_t *a = new_message(300, 1), *b = new_message(5000, 2);
        Stand s = greeted_bus();
        const size_t before = count_fds(s.porter);
        ck_assert_int_eq(kill(s.porter, SIGSTOP), 0); /* all of it is there before it is looked at */
        for (size_t i = 0; i < N; i++) {
                say(s.peer, a, 300);
                say_with(s.peer, b, 5000, fds, ELEMENTSOF(fds));
                say(s.peer, a, 300);
        }
        ck_assert_int_eq(kill(s.porter, SIGCONT), 0);
        for (size_t i = 0; i < N; i++) {
                hear_message(s.mxcd, a, 300, NULL, 0);
                hear_message(s.mxcd, b, 5000, heard[i], ELEMENTSOF(fds));
                hear_message(s.mxcd, a, 300, NULL, 0);
                ck_assert(is_ticket(heard[i][0]) && is_ticket(heard[i][1]) && is_ticket(heard[i][2]));
        }
        wait_for_fds(s.porter, before); /* no ticket is its own */
        expect_service(&s);
        for (size_t i = 0; i < N; i++) {
                int fd = redeem_first(heard[i][0]);
                ck_assert_int_ge(fd, 0);
                ck_assert(is_same(fd, fds[0]));
                (void)close(fd);
                if (i == 0) { /* who keeps them stays when the connection does not */
                        leave(&s);
                }
                (void)close(heard[i][1]);
                (void)close(heard[i][2]);
        }
        close_all(fds, ELEMENTSOF(fds));
}
END_TEST

START_TEST(test_what_mxcd_sends_over_the_bus) {
        int pair[2], heard[2];
        make_pair(SOCK_STREAM, pair);
        const int fds[] = { new_file(), pair[0] };
        Stand s = greeted_bus();
        exchange(s.mxcd, s.peer, fds, heard, 2);
        ck_assert(is_same(fds[0], heard[0]) && is_same(fds[1], heard[1]));
        close_all(fds, 2);
        close_all(heard, 2);
        (void)close(pair[1]);
        leave(&s);
}
END_TEST

START_TEST(test_nobody_stops_the_bus) {
        Slow tcp = new_slow();
        int queue[2], last[2], fds[3], tickets[3];
        make_pair(SOCK_STREAM, queue);
        make_pair(SOCK_STREAM, last);
        say_with(queue[0], "x", 1, &tcp.speaker, 1); /* in a queue, and as it is */
        fds[0] = queue[1];
        fds[1] = tcp.speaker;
        fds[2] = last[1];
        Stand s = greeted_bus();
        exchange(s.peer, s.mxcd, fds, tickets, 3);
        close_all(fds, 3);
        expect_service(&s);
        for (size_t i = 0; i < 3; i++) {
                (void)close(tickets[i]);
                expect_service(&s);
        }
        expect_end(last[0]); /* nor does the keeper wait: he ends */
        expect_end(queue[0]);
        leave(&s);
        (void)close(queue[0]);
        (void)close(last[0]);
        slow_free(&tcp);
}
END_TEST

/* ---- where porters wait for work ---- */

static int open_yard(pid_t *ret) {
        int channel[2];
        make_pair(SOCK_SEQPACKET, channel);
        *ret = fork();
        ck_assert_int_ge(*ret, 0);
        if (*ret == 0) {
                keep_only(channel + 1, 1);
                (void)signal(SIGCHLD, SIG_IGN); /* as main() does */
                _exit(yard_serve(channel[1]) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
        }
        (void)close(channel[1]);
        return channel[0];
}

/* As mxcd sends it: the first two are ours no more. */
static Stand send_job(int channel, PorterJob job, int budget) {
        const char word = (char)job;
        int outside[2], inside[2];
        make_pair(SOCK_STREAM, outside);
        make_pair(SOCK_STREAM, inside);
        int pipes[4], *life = pipes, *ours = pipes + 2;
        make_pipes(pipes, 4);
        const int visitor[] = { outside[1], inside[1], budget, life[1], ours[0] },
                  bus[] = { outside[1], inside[1], ours[0] };
        say_with(channel, &word, 1, budget >= 0 ? visitor : bus, budget >= 0 ? 5 : 3);
        (void)close(ours[0]);
        (void)close(ours[1]);
        (void)close(outside[1]);
        (void)close(inside[1]);
        (void)close(life[1]);
        return (Stand){ .peer = outside[0], .mxcd = inside[0], .life = life[0] };
}

static void close_ends(const Stand *s) {
        (void)close(s->peer);
        (void)close(s->mxcd);
        (void)close(s->life);
}

static bool is_alive(const Stand *s) {
        struct pollfd p = { .fd = s->life };
        return poll(&p, 1, 0) == 0;
}

/* Of one that was handed over by mxcd: its porter is no more. */
static void expect_death(const Stand *s) {
        for (const uint64_t deadline = patience(); is_alive(s);)
                wait_a_moment(deadline);
}

static void expect_visit(int channel, int memfd) {
        Stand s = send_job(channel, PORTER_VISITOR, memfd);
        say(s.peer, hello, HELLO_BYTES);
        expect_welcome(&s);
        expect_service(&s);
        ck_assert(is_alive(&s));
        (void)close(s.peer);
        expect_death(&s);
        (void)close(s.mxcd);
        (void)close(s.life);
}

START_TEST(test_the_yard) {
        pid_t pid;
        int channel = open_yard(&pid), memfd = memfd_create("porters", MFD_CLOEXEC), ticket;
        ck_assert_int_eq(ftruncate(memfd, sizeof(PorterBudget)), 0);
        PorterBudget *budget =
                        mmap(NULL, sizeof(PorterBudget), PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
        ck_assert_ptr_ne(budget, MAP_FAILED);
        expect_visit(channel, memfd);

        Stand bus = send_job(channel, PORTER_BUS, -EBADF);
        say(bus.mxcd, hello, HELLO_BYTES);
        answer_porter(bus.peer, true);
        expect_ok(bus.mxcd);
        expect_text(bus.mxcd, agree);
        expect_visit(channel, memfd);

        int away[2];
        make_pair(SOCK_STREAM, away);
        int gone[2];
        make_pipes(gone, 2);
        const int sent[] = { away[1], gone[0] };
        say_with(channel, "a", 1, sent, 2);
        (void)close(away[1]);
        wait_until_read(channel);
        struct pollfd early = { .fd = away[0], .events = POLLIN };
        ck_assert_int_eq(poll(&early, 1, 200), 0); /* as long as mxcd has it, too */
        close_all(gone, 2);
        expect_end(away[0]);
        (void)close(away[0]);

        /* what is none */
        int pipes[4];
        make_pipes(pipes, 4);
        say(channel, "v", 1);
        int many[] = { pipes[0], pipes[1], pipes[2], pipes[3], new_file() };
        say_with(channel, "b", 1, many + 1, 4);
        say_with(channel, "v", 1, many + 2, 3);
        say_with(channel, "v", 1, many, 5); /* a pipe is no memory */
        (void)close(many[4]);
        say(channel, "visitor", 7);
        Stand wrong = send_job(channel, PORTER_VISITOR, -EBADF);
        expect_end(wrong.peer);
        expect_end(wrong.mxcd);
        close_ends(&wrong);
        close_all(pipes, 4);
        expect_visit(channel, memfd);

        /* who has a ticket counts until it is redeemed */
        Stand s = send_job(channel, PORTER_VISITOR, memfd);
        say(s.peer, hello, HELLO_BYTES);
        expect_welcome(&s);
        int fd = new_file();
        exchange(s.peer, s.mxcd, &fd, &ticket, 1);
        (void)close(s.peer);
        expect_end(s.mxcd);
        ck_assert(is_alive(&s));
        int redeemed = redeem_first(ticket);
        ck_assert_int_ge(redeemed, 0);
        expect_death(&s);

        /* who stands at a connection goes on when nobody follows */
        Stand last = send_job(channel, PORTER_VISITOR, memfd);
        say(last.peer, hello, HELLO_BYTES);
        (void)close(channel);
        wait_for_end(pid);
        expect_welcome(&last);
        exchange(bus.peer, bus.mxcd, &fd, &ticket, 1); /* and begets its keepers */
        int other = redeem_first(ticket);
        ck_assert_int_ge(other, 0);
        expect_service(&last);
        expect_service(&bus);
        (void)close(last.peer);
        expect_death(&last);
        (void)close(last.mxcd);
        (void)close(last.life);
        close_ends(&bus);
        const int all[] = { memfd, fd, redeemed, other, s.mxcd };
        close_all(all, ELEMENTSOF(all));
        ck_assert_uint_eq(budget->held, 0);
}
END_TEST

int main(void) {
        TCase *t = tcase_create("porter");
        tcase_set_timeout(t, 120);
        tcase_add_loop_test(t, test_a_call_right_behind_the_greeting, 0, 2);
        tcase_add_loop_test(t, test_a_greeting_in_pieces, 0, 2);
        tcase_add_loop_test(t, test_a_greeting_that_is_too_long_at_once, 0, 2);
        tcase_add_test(t, test_a_greeting_that_is_too_long);
        tcase_add_test(t, test_what_is_answered);
        tcase_add_test(t, test_a_greeting_that_is_none);
        tcase_add_test(t, test_descriptors_in_the_greeting);
        tcase_add_loop_test(t, test_descriptors_in_the_greeting_that_are_refused, 0, 3);
        tcase_add_test(t, test_who_does_not_go_on_is_hung_up_on);
        tcase_add_loop_test(t, test_who_leaves_in_the_middle, 0, 4);
        tcase_add_test(t, test_mxcd_hangs_up);
        tcase_add_test(t, test_a_message_in_small_pieces);
        tcase_add_test(t, test_messages_of_all_lengths);
        tcase_add_loop_test(t, test_a_message_that_is_too_long, 0, 4);
        tcase_add_loop_test(t, test_noise_is_hung_up_on, 0, 2);
        tcase_add_loop_test(t, test_descriptors_of_a_message_are_few, 0, 2);
        tcase_add_test(t, test_many_descriptors_at_once);
        tcase_add_test(t, test_unfinished_messages_have_a_bound);
        tcase_add_loop_test(t, test_descriptors_go_with_their_message, 0, 4);
        tcase_add_test(t, test_what_goes_as_it_is);
        tcase_add_test(t, test_what_is_kept);
        tcase_add_test(t, test_a_named_pipe_is_kept);
        tcase_add_test(t, test_names_are_no_stdio);
        tcase_add_test(t, test_the_answer_does_not_come_over_the_ticket);
        tcase_add_test(t, test_what_nobody_asks_for_is_let_go);
        tcase_add_test(t, test_what_is_refused_is_let_go);
        tcase_add_test(t, test_a_ticket_is_good_once);
        tcase_add_test(t, test_one_ticket_for_all_three);
        tcase_add_loop_test(t, test_tickets_outlive_their_connection, 0, 2);
        tcase_add_test(t, test_a_keeper_who_is_gone);
        tcase_add_test(t, test_mxcds_descriptors_go_as_they_are);
        tcase_add_test(t, test_a_visitor_stops_himself);
        tcase_add_loop_test(t, test_who_is_refused_stops_himself, 0, 2);
        tcase_add_loop_test(t, test_a_bus_that_does_not_let_us_in, 0, 2);
        tcase_add_test(t, test_the_bus);
        tcase_add_test(t, test_what_mxcd_sends_over_the_bus);
        tcase_add_test(t, test_nobody_stops_the_bus);
        tcase_add_test(t, test_the_yard);
        Suite *s = suite_create("mxc-porter");
        suite_add_tcase(s, t);
        SRunner *r = srunner_create(s);
        srunner_run_all(r, CK_ENV);
        int failed = srunner_ntests_failed(r);
        srunner_free(r);
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
