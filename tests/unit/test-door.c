/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The second door, with peers that do not behave. */

#include <sys/socket.h>
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

int main(void) {
        TCase *t = daemon_case("door");
        tcase_add_test(t, test_who_reads_is_answered);
        tcase_add_test(t, test_who_does_not_read_is_hung_up_on);
        tcase_add_test(t, test_who_leaves_in_the_middle);
        tcase_add_test(t, test_noise_is_hung_up_on);
        return run_daemon_case(t);
}
