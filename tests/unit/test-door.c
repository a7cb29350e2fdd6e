/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The second door, with peers that do not behave. */

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

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

static int greet(void) {
        char hello[128] = "", answer[256], uid[16];
        int fd = visit(), n = snprintf(uid, sizeof(uid), "%u", geteuid()), at = 1;
        at += snprintf(hello + at, sizeof(hello) - (size_t)at, "AUTH EXTERNAL ");
        for (int i = 0; i < n; i++)
                at += snprintf(hello + at, sizeof(hello) - (size_t)at, "%02x", (unsigned)uid[i]);
        at += snprintf(hello + at, sizeof(hello) - (size_t)at, "\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n");
        ck_assert_int_eq(send(fd, hello, (size_t)at, MSG_NOSIGNAL), at);
        serve();
        ssize_t got = recv(fd, answer, sizeof(answer) - 1, 0);
        ck_assert_int_gt(got, 0);
        answer[got] = 0;
        ck_assert_ptr_nonnull(strstr(answer, "OK "));
        return fd;
}

/* org.freedesktop.DBus.Peer.Ping of "/", as the D-Bus specification writes it on a wire of little endian. */
static bool ping(int fd, uint32_t serial) {
        static const char fields[] = "\1\1o\0\1\0\0\0/\0\0\0\0\0\0\0"
                                     "\2\1s\0\31\0\0\0org.freedesktop.DBus.Peer\0\0\0\0\0\0\0"
                                     "\3\1s\0\4\0\0\0Ping\0\0\0";
        char message[16 + sizeof(fields)] = { 'l', 1, 0, 1 };
        uint32_t length = sizeof(fields) - 1 - 3; /* the last field is padded, but not in the length */
        length = length / 8 * 8 + 5;
        memcpy(message + 8, &serial, sizeof(serial));
        memcpy(message + 12, &length, sizeof(length));
        memcpy(message + 16, fields, sizeof(fields) - 1);
        size_t size = 16 + (length + 7) / 8 * 8;
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

START_TEST(test_who_does_not_read_is_hung_up_on) {
        open_door();
        int fd = greet();
        uint32_t i = 1;
        while (i <= MANY && ping(fd, i)) {
                i++;
                serve();
        }
        ck_assert_uint_le(i, MANY);
        ck_assert_uint_gt(i, LIMIT_UNREAD_REPLIES);
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

static void send_fds(int fd, size_t n) {
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(64 * sizeof(int))];
        } control = { 0 };
        char byte = 'x';
        struct iovec part = { &byte, 1 };
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
        ck_assert_int_eq(sendmsg(fd, &m, MSG_NOSIGNAL), 1);
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

/* Takes as long as the door's patience. */
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
        tcase_add_test(t, test_who_does_not_read_is_hung_up_on);
        tcase_add_test(t, test_who_leaves_in_the_middle);
        tcase_add_test(t, test_noise_is_hung_up_on);
        tcase_add_test(t, test_descriptors_of_an_unfinished_message_are_few);
        tcase_add_test(t, test_all_of_them_at_once);
        tcase_add_test(t, test_descriptors_in_the_greeting);
        tcase_add_test(t, test_a_message_that_is_too_long);
        tcase_add_test(t, test_a_greeting_that_is_too_long);
        tcase_add_test(t, test_unfinished_messages_have_a_bound);
        tcase_add_test(t, test_a_message_in_small_pieces);
        tcase_add_test(t, test_a_talker_keeps_nobody_waiting);
        tcase_add_test(t, test_connections_of_one_uid);
        tcase_add_test(t, test_who_does_not_go_on_is_hung_up_on);
        return run_daemon_case(t);
}
