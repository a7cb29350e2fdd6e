/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The second door, with porters who stand at it, and peers that do not behave. What these say is test-porter.c's matter. */

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "daemon-test.h"
#include "door.h"
#include "fd-pass.h"
#include "limits.h"
#include "porter-link.h"
#include "yard.h"

static Manager manager;
static char *address;
static pid_t yard;

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

/* As mxc-porter@door.service has them. */
static int open_yard(void) {
        int pair[2];
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        yard = fork();
        ck_assert_int_ge(yard, 0);
        if (yard == 0) {
                (void)close(pair[0]);
                _exit(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && signal(SIGCHLD, SIG_IGN) != SIG_ERR &&
                                                                yard_serve(pair[1]) == 0
                                                ? 0
                                                : 1);
        }
        (void)close(pair[1]);
        return pair[0];
}

static void open_door(void) {
        manager = (Manager){ 0 };
        address = path_of("bus");
        ck_assert_int_ge(sd_event_new(&manager.event), 0);
        ck_assert_int_eq(porter_link_new(manager.event, open_yard(), &manager.porter), 0);
        ck_assert_int_eq(door_new(&manager, listen_at(address), &manager.door), 0);
}

static void close_door(void) {
        int status;
        manager.door = door_free(manager.door);
        manager.porter = porter_link_free(manager.porter);
        sd_event_unref(manager.event);
        free(address);
        ck_assert_int_eq(waitpid(yard, &status, 0), yard); /* it goes with us */
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Until it has something to say, or is hung up on. */
static void serve_until_it_speaks(int fd) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        for (unsigned tries = 0; tries < 4000 && poll(&p, 1, 0) == 0; tries++)
                ck_assert_int_ge(sd_event_run(manager.event, 5000), 0);
        ck_assert_int_eq(poll(&p, 1, 0), 1);
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
        size_t got = 0;
        do {
                serve_until_it_speaks(fd);
                ssize_t k = recv(fd, answer + got, sizeof(answer) - 1 - got, 0);
                ck_assert_int_gt(k, 0);
                got += (size_t)k;
                answer[got] = 0;
        } while (!strstr(answer, "AGREE_UNIX_FD\r\n"));
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

/* An answer, and all that is there. */
static size_t hear(int fd) {
        char buffer[65536];
        size_t n = 0;
        serve_until_it_speaks(fd);
        for (ssize_t k; (k = recv(fd, buffer, sizeof(buffer), 0)) > 0;)
                n += (size_t)k;
        return n;
}

/* All that there is to hear from who hangs up. */
static size_t hear_to_the_end(int fd) {
        char buffer[65536];
        size_t n = 0;
        for (;;) {
                serve_until_it_speaks(fd);
                ssize_t k = recv(fd, buffer, sizeof(buffer), 0);
                if (k <= 0) {
                        ck_assert(k == 0 || errno == ECONNRESET);
                        return n;
                }
                n += (size_t)k;
        }
}

enum { MANY = 200000 }; /* more answers than the socket's 8 MiB hold */

START_TEST(test_who_reads_is_answered) {
        open_door();
        int fd = greet();
        for (uint32_t i = 1; i <= MANY / 100; i++) {
                ck_assert(ping(fd, i));
                ck_assert_uint_gt(hear(fd), 0);
        }
        (void)close(fd);
        close_door();
}
END_TEST

/* Otherwise each connection costs something with each turn of the loop, whoever it is for. */
START_TEST(test_who_is_quiet_sleeps) {
        enum { N = 8 };
        int fds[N];
        open_door();
        for (size_t i = 0; i < N; i++)
                fds[i] = greet();
        for (uint32_t round = 1; round < 4; round++) {
                while (door_n_awake(manager.door) > 0)
                        ck_assert_int_ge(sd_event_run(manager.event, UINT64_MAX), 0);
                for (size_t i = 0; i < N; i++) {
                        ck_assert(ping(fds[i], round));
                        ck_assert_uint_gt(hear(fds[i]), 0);
                        ck_assert_uint_gt(door_n_awake(manager.door), 0);
                        ck_assert_uint_le(door_n_awake(manager.door), i + 1);
                }
        }
        for (size_t i = 0; i < N; i++)
                (void)close(fds[i]);
        while (door_n_awake(manager.door) > 0)
                ck_assert_int_ge(sd_event_run(manager.event, UINT64_MAX), 0);
        close_door();
}
END_TEST

START_TEST(test_who_does_not_read_is_hung_up_on) {
        bool (*const ask)(int, uint32_t) = _i == 0 ? ping : ask_for_objects;
        open_door();
        int fd = greet(), other;
        uint32_t i = 1;
        ck_assert(ask(fd, i));
        const size_t size = hear(fd); /* of one answer */
        ck_assert_uint_gt(size, 0);
        for (unsigned full = 0; full < 4000 && i <= MANY; full++) {
                errno = 0;
                while (i <= MANY && ask(fd, i)) {
                        i++;
                        full = 0;
                        if (i % 16 == 0)
                                ck_assert_int_ge(sd_event_run(manager.event, 0), 0);
                }
                if (errno != EAGAIN)
                        break;
                ck_assert_int_ge(sd_event_run(manager.event, 5000),
                                0); /* it is not read from, as it does not read */
        }
        ck_assert_uint_le(i, MANY);
        /* what has left mxcd is there to be read; lost is what waited, the answer that was one more, the question that got none, and what came behind it */
        ck_assert_uint_ge(i - 1 - hear_to_the_end(fd) / size, LIMIT_UNREAD_REPLIES + 2);
        other = greet(); /* and the next one is served */
        ck_assert(ping(other, 1));
        ck_assert_uint_gt(hear(other), 0);
        (void)close(fd);
        (void)close(other);
        close_door();
}
END_TEST

START_TEST(test_who_leaves_in_the_middle) {
        open_door();
        int silent = visit(), half = greet(), whole = greet();
        ck_assert_int_eq(send(half, "l\1\0\1\0\20\0\0", 8, MSG_NOSIGNAL), 8);
        ck_assert(ping(whole, 1));
        (void)close(whole); /* before it is answered */
        (void)close(half);
        (void)close(silent);
        int fd = greet();
        ck_assert(ping(fd, 1));
        ck_assert_uint_gt(hear(fd), 0);
        (void)close(fd);
        close_door();
}
END_TEST

START_TEST(test_noise_is_hung_up_on) {
        open_door();
        int fd = greet();
        char noise[64];
        memset(noise, 'x', sizeof(noise));
        ck_assert_int_eq(send(fd, noise, sizeof(noise), MSG_NOSIGNAL), (int)sizeof(noise));
        (void)hear_to_the_end(fd);
        (void)close(fd);
        close_door();
}
END_TEST

static void send_with_fds(int fd, const char *data, size_t size, size_t n) {
        const int fds[] = { 0, 0, 0 };
        ck_assert_int_eq(fd_pass(fd, data, size, fds, n, 0), (ssize_t)size);
}

/* As mxcctl does, which does not wait to be let in: all in one piece, or the call by itself; and a second call right behind the first. */
START_TEST(test_a_call_right_behind_the_greeting) {
        open_door();
        for (int pieces = 1; pieces <= 2; pieces++) {
                char text[HELLO_BYTES + PING_BYTES], answer[1024];
                int fd = visit();
                size_t hello = write_hello(text), size = hello + write_ping(text + hello, 7, 3), got = 0;
                if (pieces == 2)
                        ck_assert_int_eq(send(fd, text, hello, MSG_NOSIGNAL), (ssize_t)hello);
                send_with_fds(fd, text + (pieces == 2 ? hello : 0), size - (pieces == 2 ? hello : 0), 3);
                ck_assert(ping(fd, 8));
                const char *begin = NULL;
                while (!begin || answer + got - begin <
                                                 15 + 2 * 24) { /* two answers, each of more than a head */
                        serve_until_it_speaks(fd);
                        ssize_t k = recv(fd, answer + got, sizeof(answer) - 1 - got, 0);
                        ck_assert_int_gt(k, 0);
                        got += (size_t)k;
                        begin = memmem(answer, got, "AGREE_UNIX_FD\r\n", 15);
                }
                ck_assert_int_eq(begin[15 + 1], 2);
                (void)close(fd);
        }
        close_door();
}
END_TEST

/* No bus is to be told of a peer by that peer, and none comes near sd-bus who does not begin as one. */
START_TEST(test_a_greeting_that_is_none) {
        static const char *const greetings[] = { "BEGIN\r\n", "\0BEGIN\r\n", "\0AUTH NONSENSE\r\nBEGIN\r\n",
                "\0NONSENSE\r\nBEGIN\r\n" };
        static const size_t sizes[] = { 7, 8, 23, 18 };
        open_door();
        for (size_t i = 0; i < ELEMENTSOF(greetings); i++) {
                char text[HELLO_BYTES + PING_BYTES];
                memcpy(text, greetings[i], sizes[i]);
                size_t size = sizes[i] + write_ping(text + sizes[i], 7, 1);
                int fd = visit(), other = greet();
                send_with_fds(fd, text, size, 1);
                (void)hear_to_the_end(fd);
                ck_assert(ping(other, 1));
                ck_assert_uint_gt(hear(other), 0);
                (void)close(fd);
                (void)close(other);
        }
        close_door();
}
END_TEST

/* Nobody is there who could stand at a connection: nobody is let in, and who is there notices. */
START_TEST(test_without_porters_the_loop_is_left) {
        open_door();
        ck_assert_int_eq(kill(yard, SIGKILL), 0);
        ck_assert_int_eq(sd_event_loop(manager.event), EXIT_FAILURE);
        manager.door = door_free(manager.door);
        manager.porter = porter_link_free(manager.porter);
        sd_event_unref(manager.event);
        free(address);
}
END_TEST

static bool lets_in(int fd) {
        char hello[HELLO_BYTES], c;
        (void)send(fd, hello, write_hello(hello), MSG_NOSIGNAL); /* or it is hung up on already */
        serve_until_it_speaks(fd);
        return recv(fd, &c, 1, 0) == 1;
}

START_TEST(test_connections_of_one_uid) {
        int fds[LIMIT_CONNECTIONS_PER_UID + 1];
        open_door();
        bool is_root = geteuid() == 0;
        if (is_root) /* who has as many as it likes */
                ck_assert(chmod(address, 0777) == 0 && chmod(test_dir, 0755) == 0 && seteuid(65000) == 0);
        for (size_t i = 0; i < LIMIT_CONNECTIONS_PER_UID; i++)
                fds[i] = greet();
        fds[LIMIT_CONNECTIONS_PER_UID] = visit();
        (void)hear_to_the_end(fds[LIMIT_CONNECTIONS_PER_UID]);
        ck_assert(ping(fds[0], 1));
        ck_assert_uint_gt(hear(fds[0]), 0);
        (void)close(fds[0]);
        for (unsigned tries = 0; !lets_in(fds[0] = visit());
                        tries++) { /* there is room again, once it is seen */
                ck_assert_uint_lt(tries, 1000);
                (void)close(fds[0]);
        }
        for (size_t i = 0; i <= LIMIT_CONNECTIONS_PER_UID; i++)
                (void)close(fds[i]);
        if (is_root)
                ck_assert_int_eq(seteuid(0), 0);
        close_door();
}
END_TEST

/* A connection with something to say to who does not listen, and SO_LINGER: whoever closes it last waits. */
static int slow_to_close(int *ret_other) {
        static const char noise[65536];
        const struct linger patience = { .l_onoff = 1, .l_linger = 600 };
        struct sockaddr_in where = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(where);
        _cleanup_close_ int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ck_assert_int_eq(bind(listener, (struct sockaddr *)&where, size), 0);
        ck_assert_int_eq(listen(listener, 1), 0);
        ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&where, &size), 0);
        ck_assert_int_eq(connect(fd, (struct sockaddr *)&where, size), 0);
        *ret_other = accept(listener, NULL, NULL);
        ck_assert_int_ge(*ret_other, 0);
        while (send(fd, noise, sizeof(noise), MSG_DONTWAIT) > 0)
                ;
        ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &patience, sizeof(patience)), 0);
        return fd;
}

/* By what came over a connection that is over. */
START_TEST(test_who_is_kept_waiting_counts) {
        int fds[LIMIT_CONNECTIONS_PER_UID], next, other;
        if (geteuid() != 0) /* who has as many as it likes */
                return;
        open_door();
        ck_assert(chmod(address, 0777) == 0 && chmod(test_dir, 0755) == 0 && seteuid(65000) == 0);
        for (size_t i = 0; i < LIMIT_CONNECTIONS_PER_UID; i++)
                fds[i] = greet();
        int slow = slow_to_close(&other);
        ck_assert_int_eq(fd_pass(fds[0], "l\1\0\1\0\20\0\0", 8, &slow, 1, 0),
                        8); /* the beginning of a message */
        (void)close(slow);
        (void)close(fds[0]);
        for (unsigned i = 0; i < 60; i++)
                ck_assert_int_ge(sd_event_run(manager.event, 5000), 0);
        ck_assert(!lets_in(next = visit()));
        (void)close(next);
        (void)close(other); /* which takes from him what he waits for */
        for (unsigned tries = 0; !lets_in(next = visit()); tries++) {
                ck_assert_uint_lt(tries, 1000);
                (void)close(next);
        }
        (void)close(next);
        for (size_t i = 1; i < LIMIT_CONNECTIONS_PER_UID; i++)
                (void)close(fds[i]);
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
                return errno == EPIPE || errno == ECONNRESET ? 0 : -errno;
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
        tcase_add_test(t, test_without_porters_the_loop_is_left);
        tcase_add_test(t, test_a_call_right_behind_the_greeting);
        tcase_add_test(t, test_a_greeting_that_is_none);
        tcase_add_test(t, test_connections_of_one_uid);
        tcase_add_test(t, test_who_is_kept_waiting_counts);
        tcase_add_test(t, test_connections_of_all);
        return run_daemon_case(t);
}
