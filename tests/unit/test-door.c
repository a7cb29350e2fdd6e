/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The second door, with peers that do not behave. */

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "daemon-test.h"
#include "door.h"
#include "limits.h"

static Manager manager;
static char *address;

static int listen_at(const char *path) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        ck_assert_int_ge(fd, 0);
        ck_assert_uint_lt(strlen(path), sizeof(a.sun_path));
        memcpy(a.sun_path, path, strlen(path));
        ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
        ck_assert_int_eq(listen(fd, 16), 0);
        return fd;
}

static void open_door(void) {
        manager = (Manager){ 0 };
        address = path_of("bus");
        ck_assert_int_ge(sd_event_new(&manager.event), 0);
        ck_assert_int_eq(door_new(&manager, listen_at(address), &manager.door), 0);
}

static void close_door(void) {
        manager.door = door_free(manager.door);
        sd_event_unref(manager.event);
        free(address);
}

static void serve(void) {
        while (sd_event_run(manager.event, 0) > 0)
                ;
}

static int visit(void) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        ck_assert_int_ge(fd, 0);
        memcpy(a.sun_path, address, strlen(address));
        ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
        return fd;
}

enum { HELLO_BYTES = 128 };

static size_t write_hello(char hello[HELLO_BYTES]) {
        char uid[16];
        int n = snprintf(uid, sizeof(uid), "%u", geteuid()), at = 1;
        hello[0] = 0;
        at += snprintf(hello + at, HELLO_BYTES - (size_t)at, "AUTH EXTERNAL ");
        for (int i = 0; i < n; i++)
                at += snprintf(hello + at, HELLO_BYTES - (size_t)at, "%02x", (unsigned)uid[i]);
        at += snprintf(hello + at, HELLO_BYTES - (size_t)at, "\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n");
        return (size_t)at;
}

static int greet(void) {
        char hello[HELLO_BYTES], answer[256];
        int fd = visit();
        size_t n = write_hello(hello);
        ck_assert_int_eq(send(fd, hello, n, MSG_NOSIGNAL), (ssize_t)n);
        serve();
        ssize_t got = recv(fd, answer, sizeof(answer) - 1, 0);
        ck_assert_int_gt(got, 0);
        answer[got] = 0;
        ck_assert_ptr_nonnull(strstr(answer, "OK "));
        return fd;
}

enum { PING_BYTES = 128 };

/* org.freedesktop.DBus.Peer.Ping of "/", as the D-Bus specification writes it on a wire of little endian. */
static size_t write_ping(char message[PING_BYTES], uint32_t serial, uint32_t n_fds) {
        static const char fields[] = "\11\1u\0\0\0\0\0" /* how many descriptors */
                                     "\1\1o\0\1\0\0\0/\0\0\0\0\0\0\0"
                                     "\2\1s\0\31\0\0\0org.freedesktop.DBus.Peer\0\0\0\0\0\0\0"
                                     "\3\1s\0\4\0\0\0Ping\0\0\0";
        static const char head[] = { 'l', 1, 0, 1 };
        _Static_assert(16 + sizeof(fields) <= PING_BYTES, "a ping does not fit");
        memset(message, 0, PING_BYTES);
        memcpy(message, head, sizeof(head));
        uint32_t length = sizeof(fields) - 1 - 3; /* the last field is padded, but not in the length */
        length = length / 8 * 8 + 5;
        memcpy(message + 8, &serial, sizeof(serial));
        memcpy(message + 12, &length, sizeof(length));
        memcpy(message + 16, fields, sizeof(fields) - 1);
        memcpy(message + 20, &n_fds, sizeof(n_fds));
        return 16 + (length + 7) / 8 * 8;
}

static size_t add_text(char *message, size_t at, char code, char type, const char *text) {
        const uint32_t length = (uint32_t)strlen(text);
        at = (at + 7) / 8 * 8;
        message[at++] = code;
        message[at++] = 1;
        message[at++] = type;
        message[at++] = 0;
        memcpy(message + at, &length, sizeof(length));
        memcpy(message + at + sizeof(length), text, length + 1);
        return at + sizeof(length) + length + 1;
}

/* GetManagedObjects with an argument too many, which is answered with an error by what looks at it before sd-bus does. */
static bool ask_for_objects(int fd, uint32_t serial) {
        char message[256] = { 'l', 1, 0, 1, 4 };
        memcpy(message + 8, &serial, sizeof(serial));
        size_t n = add_text(message, 16, 1, 'o', "/org/mxc1");
        n = add_text(message, n, 2, 's', "org.freedesktop.DBus.ObjectManager");
        n = add_text(message, n, 3, 's', "GetManagedObjects");
        n = (n + 7) / 8 * 8;
        memcpy(message + n, "\10\1g\0\1u", 7);
        n += 7;
        const uint32_t length = (uint32_t)n - 16;
        memcpy(message + 12, &length, sizeof(length));
        n = (n + 7) / 8 * 8 + 4;
        return send(fd, message, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static bool ping(int fd, uint32_t serial) {
        char message[PING_BYTES];
        size_t size = write_ping(message, serial, 0);
        return send(fd, message, size, MSG_NOSIGNAL) == (ssize_t)size;
}

static size_t drain(int fd) {
        char buffer[65536];
        size_t n = 0;
        for (ssize_t k; (k = recv(fd, buffer, sizeof(buffer), 0)) > 0;)
                n += (size_t)k;
        return n;
}

enum { MANY = 200000 }; /* more answers than the socket's 8 MiB hold */

START_TEST(test_who_reads_is_answered) {
        open_door();
        int fd = greet();
        for (uint32_t i = 1; i <= MANY / 100; i++) {
                ck_assert(ping(fd, i));
                serve();
                ck_assert_uint_gt(drain(fd), 0);
        }
        (void)close(fd);
        serve();
        close_door();
}
END_TEST

/* Otherwise each connection costs something with each turn of the loop, whoever it is for. */
START_TEST(test_who_is_quiet_sleeps) {
        enum { N = 8 };
        int fds[N];
        open_door();
        for (size_t i = 0; i < N; i++) {
                fds[i] = greet();
                ck_assert(ping(fds[i], 1));
        }
        serve();
        ck_assert_uint_eq(door_n_awake(manager.door), N);
        for (uint32_t round = 2; round < 5; round++) {
                while (door_n_awake(manager.door) > 0)
                        ck_assert_int_ge(sd_event_run(manager.event, UINT64_MAX), 0);
                for (size_t i = 0; i < N; i++) {
                        ck_assert_uint_gt(drain(fds[i]), 0); /* also what was answered before it slept */
                        ck_assert(ping(fds[i], round));
                        serve();
                        ck_assert_uint_eq(door_n_awake(manager.door), i + 1);
                }
        }
        for (size_t i = 0; i < N; i++)
                (void)close(fds[i]);
        serve();
        ck_assert_uint_eq(door_n_awake(manager.door), 0);
        close_door();
}
END_TEST

START_TEST(test_who_does_not_read_is_hung_up_on) {
        bool (*const ask)(int, uint32_t) = _i == 0 ? ping : ask_for_objects;
        open_door();
        int fd = greet();
        uint32_t i = 1;
        ck_assert(ask(fd, i++));
        serve();
        const size_t size = drain(fd); /* of one answer */
        ck_assert_uint_gt(size, 0);
        size_t asked = 0;
        while (i <= MANY && ask(fd, i)) {
                i++;
                asked++;
                serve();
        }
        ck_assert_uint_le(i, MANY);
        /* what the socket took is there to be read; the rest is as many as may wait, the answer that was one more, and the question that got none */
        ck_assert_uint_eq(asked - drain(fd) / size, LIMIT_UNREAD_REPLIES + 2);
        /* and the next one is served */
        int other = greet();
        ck_assert(ping(other, 1));
        serve();
        ck_assert_uint_gt(drain(other), 0);
        (void)close(fd);
        (void)close(other);
        serve();
        close_door();
}
END_TEST

START_TEST(test_who_leaves_in_the_middle) {
        open_door();
        int silent = visit(), half = greet(), whole = greet();
        ck_assert_int_eq(send(half, "l\1\0\1\0\20\0\0", 8, MSG_NOSIGNAL), 8);
        ck_assert(ping(whole, 1));
        (void)close(whole); /* before it is answered */
        serve();
        (void)close(half);
        (void)close(silent);
        serve();
        int fd = greet();
        ck_assert(ping(fd, 1));
        serve();
        ck_assert_uint_gt(drain(fd), 0);
        (void)close(fd);
        close_door();
}
END_TEST

START_TEST(test_noise_is_hung_up_on) {
        open_door();
        int fd = greet();
        char noise[64];
        memset(noise, 'x', sizeof(noise));
        errno = 0;
        ck_assert_int_eq(send(fd, noise, sizeof(noise), MSG_NOSIGNAL), (int)sizeof(noise));
        serve();
        ck_assert_int_le(recv(fd, noise, sizeof(noise), 0), 0);
        ck_assert_int_ne(errno, EAGAIN);
        (void)close(fd);
        close_door();
}
END_TEST

/* ---- messages that do not come to an end ---- */

/* Descriptors of this process, which is the door and its visitors in one. */
static size_t count_fds(void) {
        size_t n = 0;
        for (int fd = 0; fd < 8192; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

static bool is_hung_up(int fd) {
        char c;
        ssize_t n = recv(fd, &c, 1, MSG_DONTWAIT | MSG_PEEK);
        return n == 0 || (n < 0 && errno != EAGAIN);
}

/* The beginning of a message of so many bytes. */
static void begin_message(int fd, uint32_t size) {
        char head[16] = { 'l', 1, 0, 1 };
        const uint32_t body = size - 16;
        memcpy(head + 4, &body, sizeof(body));
        ck_assert_int_eq(send(fd, head, sizeof(head), MSG_NOSIGNAL), sizeof(head));
}

static void send_with_fds(int fd, char *data, size_t size, size_t n) {
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(64 * sizeof(int))];
        } control = { 0 };
        struct iovec part = { data, size };
        struct msghdr m = { .msg_iov = &part,
                .msg_iovlen = 1,
                .msg_control = control.bytes,
                .msg_controllen = CMSG_SPACE(n * sizeof(int)) };
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n * sizeof(int));
        for (size_t i = 0; i < n; i++) {
                const int zero = 0;
                memcpy(CMSG_DATA(c) + i * sizeof(int), &zero, sizeof(zero));
        }
        ck_assert_int_eq(sendmsg(fd, &m, MSG_NOSIGNAL), (ssize_t)size);
}

static void send_fds(int fd, size_t n) {
        char byte = 'x';
        send_with_fds(fd, &byte, 1, n);
}

START_TEST(test_descriptors_of_an_unfinished_message_are_few) {
        open_door();
        int fd = greet();
        size_t before = count_fds();
        begin_message(fd, 1024 * 1024);
        for (size_t i = 0; i < LIMIT_MESSAGE_FDS; i++) {
                send_fds(fd, 1);
                serve();
        }
        ck_assert(!is_hung_up(fd));
        ck_assert_uint_eq(count_fds(), before + LIMIT_MESSAGE_FDS);
        send_fds(fd, 1); /* one more */
        serve();
        ck_assert(is_hung_up(fd));
        ck_assert_uint_lt(count_fds(), before);
        (void)close(fd);
        close_door();
}
END_TEST

START_TEST(test_all_of_them_at_once) {
        open_door();
        int fd = greet();
        size_t before = count_fds();
        begin_message(fd, 1024 * 1024);
        for (size_t i = 0; i < 100; i++)
                send_fds(fd, 60); /* all in the socket before anybody looks */
        serve();
        ck_assert(is_hung_up(fd));
        ck_assert_uint_lt(count_fds(), before);
        (void)close(fd);
        close_door();
}
END_TEST

START_TEST(test_descriptors_in_the_greeting) {
        open_door();
        int fd = visit();
        send_fds(fd, 1);
        serve();
        ck_assert(is_hung_up(fd));
        (void)close(fd);
        close_door();
}
END_TEST

/* As mxcctl does, which does not wait to be let in: all in one piece, or the call by itself. */
START_TEST(test_a_call_right_behind_the_greeting) {
        open_door();
        for (int pieces = 1; pieces <= 2; pieces++) {
                char text[HELLO_BYTES + PING_BYTES], answer[1024];
                int fd = visit();
                size_t hello = write_hello(text), size = hello + write_ping(text + hello, 7, 3), before;
                if (pieces == 2)
                        ck_assert_int_eq(send(fd, text, hello, MSG_NOSIGNAL), (ssize_t)hello);
                send_with_fds(fd, text + (pieces == 2 ? hello : 0), size - (pieces == 2 ? hello : 0), 3);
                serve();
                before = count_fds();
                ssize_t got = recv(fd, answer, sizeof(answer) - 1, 0);
                ck_assert_int_gt(got, 0);
                answer[got] = 0;
                char *begin = strstr(answer, "AGREE_UNIX_FD\r\n");
                ck_assert_ptr_nonnull(begin);
                begin += strlen("AGREE_UNIX_FD\r\n");
                ck_assert_int_gt(answer + got - begin, 16); /* and the answer to the call */
                ck_assert_int_eq(begin[1], 2);
                ck_assert(ping(fd,
                                8)); /* it goes on, and what came with no message that names it is not kept */
                serve();
                ck_assert_uint_gt(drain(fd), 0);
                ck_assert_uint_le(count_fds(), before);
                (void)close(fd);
                serve();
        }
        close_door();
}
END_TEST

/* Its end is there, but sd-bus would not take it for one. */
START_TEST(test_a_greeting_that_is_none) {
        static const char *const greetings[] = { "BEGIN\r\n", "\0BEGIN\r\n", "\0AUTH NONSENSE\r\nBEGIN\r\n",
                "\0NONSENSE\r\nBEGIN\r\n", "\0AUTH EXTERNAL 30 BEGIN\r\n" };
        static const size_t sizes[] = { 7, 8, 23, 18, 26 };
        open_door();
        for (size_t i = 0; i < ELEMENTSOF(greetings); i++) {
                char text[HELLO_BYTES + PING_BYTES], answer[1024];
                memcpy(text, greetings[i], sizes[i]);
                size_t size = sizes[i] + write_ping(text + sizes[i], 7, 1);
                int fd = visit(), other = greet();
                send_with_fds(fd, text, size, 1);
                serve();
                ck_assert_msg(drain(fd) < 200, "greeting %zu", i);
                ck_assert_msg(recv(fd, answer, 1, MSG_DONTWAIT) == 0 || errno != EAGAIN, "greeting %zu", i);
                ck_assert(ping(other, 1));
                serve();
                ck_assert_uint_gt(drain(other), 0);
                (void)close(fd);
                (void)close(other);
                serve();
        }
        close_door();
}
END_TEST

START_TEST(test_a_message_that_is_too_long) {
        open_door();
        int fits = greet(), too_long = greet();
        begin_message(fits, LIMIT_MESSAGE_BYTES);
        begin_message(too_long, LIMIT_MESSAGE_BYTES + 1);
        serve();
        ck_assert(!is_hung_up(fits));
        ck_assert(is_hung_up(too_long));
        (void)close(fits);
        (void)close(too_long);
        close_door();
}
END_TEST

START_TEST(test_a_greeting_that_is_too_long) {
        static const char line[] = "\0AUTH EXTERNAL ";
        open_door();
        int fd = visit();
        ck_assert_int_eq(send(fd, line, sizeof(line) - 1, MSG_NOSIGNAL), (int)sizeof(line) - 1);
        for (size_t n = sizeof(line) - 1; n < LIMIT_GREETING_BYTES; n++) {
                ck_assert_int_eq(send(fd, "3", 1, MSG_NOSIGNAL), 1);
                serve();
        }
        ck_assert(!is_hung_up(fd));
        ck_assert_int_eq(send(fd, "3", 1, MSG_NOSIGNAL), 1);
        serve();
        ck_assert(is_hung_up(fd));
        (void)close(fd);
        close_door();
}
END_TEST

/* It is a good one, and all there at once. */
START_TEST(test_a_greeting_that_is_too_long_at_once) {
        static const char word[] = "NONSENSE\r\n";
        open_door();
        for (int too_long = 0; too_long <= 1; too_long++) {
                char hello[HELLO_BYTES], text[2 * LIMIT_GREETING_BYTES] = "";
                size_t n = write_hello(hello), size = 1, limit = LIMIT_GREETING_BYTES;
                while (size + sizeof(word) - 1 + n - 1 <= limit || (too_long && size + n - 1 <= limit)) {
                        memcpy(text + size, word, sizeof(word) - 1);
                        size += sizeof(word) - 1;
                }
                memcpy(text + size, hello + 1, n - 1);
                size += n - 1;
                int fd = visit();
                ck_assert_int_eq(send(fd, text, size, MSG_NOSIGNAL), (ssize_t)size);
                serve();
                ck_assert_int_eq(is_hung_up(fd), too_long);
                (void)close(fd);
                serve();
        }
        close_door();
}
END_TEST

/* One uid's unfinished messages together. */
START_TEST(test_unfinished_messages_have_a_bound) {
        static char piece[256 * 1024];
        enum { MESSAGES = LIMIT_UNFINISHED_BYTES / LIMIT_MESSAGE_BYTES };
        int fds[MESSAGES];
        open_door();
        for (size_t i = 0; i < MESSAGES; i++) {
                fds[i] = greet();
                begin_message(fds[i], LIMIT_MESSAGE_BYTES);
                for (size_t sent = 0; sent < LIMIT_MESSAGE_BYTES - sizeof(piece);) {
                        ssize_t k = send(fds[i], piece, sizeof(piece), MSG_NOSIGNAL | MSG_DONTWAIT);
                        sent += k > 0 ? (size_t)k : 0;
                        serve();
                }
                ck_assert(!is_hung_up(fds[i]));
        }
        int fd = visit();
        ck_assert_int_eq(send(fd, "", 1, MSG_NOSIGNAL), 1);
        serve();
        ck_assert(is_hung_up(fd));
        (void)close(fd);
        for (size_t i = 0; i < MESSAGES; i++)
                (void)close(fds[i]);
        serve();
        fd = greet(); /* what they held is given back */
        ck_assert(ping(fd, 1));
        serve();
        ck_assert_uint_gt(drain(fd), 0);
        (void)close(fd);
        close_door();
}
END_TEST

START_TEST(test_a_message_in_small_pieces) {
        open_door();
        int fd = greet(), pair[2];
        char message[512];
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        ck_assert(ping(pair[0], 7));
        ssize_t n = recv(pair[1], message, sizeof(message), 0);
        for (ssize_t i = 0; i < n; i++) {
                ck_assert_uint_eq(drain(fd), 0);
                ck_assert_int_eq(send(fd, message + i, 1, MSG_NOSIGNAL), 1);
                serve();
        }
        ck_assert_uint_gt(drain(fd), 0);
        const int all[] = { fd, pair[0], pair[1] };
        for (size_t i = 0; i < ELEMENTSOF(all); i++)
                (void)close(all[i]);
        close_door();
}
END_TEST

/* A message that the pair to sd-bus does not hold comes in parts, between which time passes: it is not fallen asleep upon. */
START_TEST(test_a_long_message_is_stayed_awake_for) {
        open_door();
        int fd = greet();
        char message[PING_BYTES];
        static char rest[LIMIT_MESSAGE_BYTES - PING_BYTES];
        const uint32_t body = sizeof(rest);
        const size_t n = write_ping(message, 1, 0);
        memcpy(message + 4, &body,
                        sizeof(body)); /* without a signature: sd-bus reads it whole, and refuses it */
        ck_assert_int_eq(send(fd, message, n, MSG_NOSIGNAL), (ssize_t)n);
        size_t sent = 0;
        while (sent < sizeof(rest)) {
                ssize_t k = send(fd, rest + sent, sizeof(rest) - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
                ck_assert(k > 0 || errno == EAGAIN);
                sent += k > 0 ? (size_t)k : 0;
                ck_assert_int_ge(sd_event_run(manager.event, 0), 0);
        }
        for (unsigned i = 0; i < 7; i++) { /* whoever is quiet for so long sleeps */
                const struct timespec doze = { .tv_sec = 1, .tv_nsec = 50000000 };
                (void)nanosleep(&doze, NULL);
                ck_assert_int_ge(sd_event_run(manager.event, 0), 0);
        }
        serve();
        char answer[1];
        ck_assert_int_ne(recv(fd, answer, 1, MSG_DONTWAIT),
                        -1); /* it was read to its end, and is hung up on */
        (void)close(fd);
        serve();
        close_door();
}
END_TEST

/* However much somebody has to say, others have their turn. */
START_TEST(test_a_talker_keeps_nobody_waiting) {
        open_door();
        int talker = greet(), other = greet();
        begin_message(talker, LIMIT_MESSAGE_BYTES);
        while (send(talker, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1)
                ; /* its socket is full of little pieces */
        ck_assert(ping(other, 1));
        size_t turns = 0;
        for (; turns < 20 && drain(other) == 0; turns++)
                (void)sd_event_run(manager.event, 0);
        ck_assert_uint_lt(turns, 20);
        (void)close(talker);
        (void)close(other);
        close_door();
}
END_TEST

START_TEST(test_connections_of_one_uid) {
        int fds[LIMIT_CONNECTIONS_PER_UID + 1];
        open_door();
        bool is_root = geteuid() == 0;
        if (is_root) /* who has as many as it likes */
                ck_assert(chmod(address, 0777) == 0 && chmod(test_dir, 0755) == 0 && seteuid(65000) == 0);
        for (size_t i = 0; i < LIMIT_CONNECTIONS_PER_UID; i++)
                fds[i] = greet();
        fds[LIMIT_CONNECTIONS_PER_UID] = visit();
        serve();
        ck_assert(is_hung_up(fds[LIMIT_CONNECTIONS_PER_UID]));
        ck_assert(ping(fds[0], 1));
        serve();
        ck_assert_uint_gt(drain(fds[0]), 0);
        (void)close(fds[0]);
        serve();
        fds[0] = greet(); /* there is room again */
        for (size_t i = 0; i <= LIMIT_CONNECTIONS_PER_UID; i++)
                (void)close(fds[i]);
        if (is_root)
                ck_assert_int_eq(seteuid(0), 0);
        close_door();
}
END_TEST

/* In a process of its own. Whether it was let in. */
static int is_let_in(uid_t uid, int *ret) {
        char hello[HELLO_BYTES], answer[256];
        if (seteuid(0) < 0 || seteuid(uid) < 0)
                return -errno;
        size_t n = write_hello(hello);
        *ret = visit();
        if (fcntl(*ret, F_SETFL, 0) < 0 || send(*ret, hello, n, MSG_NOSIGNAL) != (ssize_t)n)
                return errno == EPIPE ? 0 : -errno;
        return recv(*ret, answer, sizeof(answer), 0) > 0;
}

/* 0, or which step was wrong. */
static int be_many(void) {
        static int fds[LIMIT_CONNECTIONS];
        int fd;
        for (unsigned i = 0; i < LIMIT_CONNECTIONS; i++)
                if (is_let_in(65000 + i / LIMIT_CONNECTIONS_PER_UID, &fds[i]) != 1)
                        return 1;
        if (is_let_in(64999, &fd) != 0) /* one more */
                return 2;
        if (is_let_in(0, &fd) != 1)
                return 3;
        (void)close(fds[7]);
        for (unsigned tries = 0; is_let_in(64999, &fd) != 1;
                        tries++) /* there is room again, once it is seen */
                if (tries == 1000)
                        return 4;
        return 0;
}

static int on_end(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        *(bool *)userdata = true;
        return sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

/* Of all uids but root's: LIMIT_CONNECTIONS. Only root can be that many, and a process may not have both ends of all of them. */
START_TEST(test_connections_of_all) {
        const struct rlimit files = { 4U * LIMIT_CONNECTIONS + 512, 4U * LIMIT_CONNECTIONS + 512 };
        bool over = false;
        int status;
#ifdef __SANITIZE_ADDRESS__
        return; /* it is about counting, and takes minutes then */
#endif
        if (geteuid() != 0)
                return;
        open_door();
        ck_assert(setrlimit(RLIMIT_NOFILE, &files) == 0 && chmod(address, 0777) == 0 &&
                        chmod(test_dir, 0755) == 0);
        pid_t pid = fork();
        if (pid == 0)
                _exit(be_many());
        _cleanup_close_ int pidfd = pidfd_open(pid, 0);
        sd_event_source *end = NULL;
        ck_assert(sd_event_add_io(manager.event, &end, pidfd, EPOLLIN, on_end, &over) >= 0);
        while (!over)
                ck_assert_int_ge(sd_event_run(manager.event, UINT64_MAX), 0);
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert(WIFEXITED(status));
        ck_assert_int_eq(WEXITSTATUS(status), 0);
        sd_event_source_unref(end);
        serve();
        close_door();
}
END_TEST

/* Whoever comes and goes again and again would fill the log, and each line, or piece of one, wakes who keeps it. */
START_TEST(test_only_what_is_wrong_is_logged_and_at_once) {
        char line[256];
        int log[2], own = dup(STDERR_FILENO);
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, log), 0);
        open_door();
        ck_assert_int_ge(dup2(log[1], STDERR_FILENO), 0);
        (void)close(greet());
        serve();
        ssize_t of_leaving = recv(log[0], line, sizeof(line), 0);
        int noisy = greet();
        ck_assert_int_eq(send(noisy, "0123456789abcdef", 16, MSG_NOSIGNAL), 16);
        serve();
        ssize_t of_noise = recv(log[0], line, sizeof(line) - 1, 0), more = recv(log[0], &line[255], 1, 0);
        ck_assert_int_ge(dup2(own, STDERR_FILENO), 0);
        ck_assert_int_lt(of_leaving, 0);
        ck_assert_int_gt(of_noise, 4);
        line[of_noise] = 0;
        ck_assert_msg(strncmp(line, "<7>A peer", 9) == 0 && line[of_noise - 1] == '\n', "%s", line);
        ck_assert_int_lt(more, 0);
        (void)close(noisy);
        (void)close(own);
        (void)close(log[0]);
        (void)close(log[1]);
        close_door();
}
END_TEST

/* Takes as long as the door's patience, LIMIT_MESSAGE_USEC. */
START_TEST(test_who_does_not_go_on_is_hung_up_on) {
        open_door();
        int silent = visit(), half = greet(), idle = greet();
        begin_message(half, 100);
        while (!is_hung_up(half) || !is_hung_up(silent))
                ck_assert_int_ge(sd_event_run(manager.event, UINT64_MAX), 0);
        ck_assert(!is_hung_up(idle)); /* who has said nothing may be silent */
        const int all[] = { silent, half, idle };
        for (size_t i = 0; i < ELEMENTSOF(all); i++)
                (void)close(all[i]);
        close_door();
}
END_TEST

int main(void) {
        TCase *t = daemon_case("door");
        tcase_add_test(t, test_who_reads_is_answered);
        tcase_add_test(t, test_who_is_quiet_sleeps);
        tcase_add_loop_test(t, test_who_does_not_read_is_hung_up_on, 0, 2);
        tcase_add_test(t, test_who_leaves_in_the_middle);
        tcase_add_test(t, test_noise_is_hung_up_on);
        tcase_add_test(t, test_descriptors_of_an_unfinished_message_are_few);
        tcase_add_test(t, test_all_of_them_at_once);
        tcase_add_test(t, test_descriptors_in_the_greeting);
        tcase_add_test(t, test_a_call_right_behind_the_greeting);
        tcase_add_test(t, test_a_greeting_that_is_none);
        tcase_add_test(t, test_a_message_that_is_too_long);
        tcase_add_test(t, test_a_greeting_that_is_too_long);
        tcase_add_test(t, test_a_greeting_that_is_too_long_at_once);
        tcase_add_test(t, test_unfinished_messages_have_a_bound);
        tcase_add_test(t, test_a_message_in_small_pieces);
        tcase_add_test(t, test_a_long_message_is_stayed_awake_for);
        tcase_add_test(t, test_a_talker_keeps_nobody_waiting);
        tcase_add_test(t, test_connections_of_one_uid);
        tcase_add_test(t, test_connections_of_all);
        tcase_add_test(t, test_only_what_is_wrong_is_logged_and_at_once);
        tcase_add_test(t, test_who_does_not_go_on_is_hung_up_on);
        return run_daemon_case(t);
}
