/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an agent may try with sockets, a line for each: dial ATTEMPT…
 *   tcp/ADDRESS/PORT  connects and prints what is said
 *   udp/ADDRESS/PORT  asks, on a connected socket, and prints the answer and who gave it
 *   ask/ADDRESS/PORT  the same on one that is not
 *   serve/ADDRESS/PORT  a server of its own there, and a connection to it
 *   listen/ADDRESS/PORT  a server of its own, and nothing else
 *   socket/FAMILY/TYPE  numbers
 *   pause/  for ever
 *   descriptors */

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "cleanup.h"

typedef struct Target {
        union {
                struct sockaddr any;
                struct sockaddr_in v4;
                struct sockaddr_in6 v6;
        } address;
        socklen_t size;
} Target;

static Target target(const char *address, const char *port) {
        Target t = { .size = sizeof(t.address.v4) };
        uint16_t number = htons((uint16_t)strtoul(port, NULL, 10));
        if (inet_pton(AF_INET, address, &t.address.v4.sin_addr) == 1) {
                t.address.v4.sin_family = AF_INET;
                t.address.v4.sin_port = number;
        } else if (inet_pton(AF_INET6, address, &t.address.v6.sin6_addr) == 1) {
                t.address.v6.sin6_family = AF_INET6;
                t.address.v6.sin6_port = number;
                t.size = sizeof(t.address.v6);
        } else
                exit(2);
        return t;
}

static void say_error(void) {
        printf("%s\n", strerror(errno));
}

/* Until its end, the first line's break as it is. */
static void say_all(int fd) {
        char text[4096];
        ssize_t n, all = 0;
        while ((n = read(fd, text, sizeof(text))) > 0) {
                (void)fwrite(text, 1, (size_t)n, stdout);
                all += n;
        }
        if (n < 0)
                say_error();
        else if (all == 0)
                printf("nothing\n");
}

static void tcp(const Target *t) {
        _cleanup_close_ int fd = socket(t->address.any.sa_family, SOCK_STREAM, 0);
        if (fd < 0 || connect(fd, &t->address.any, t->size) < 0)
                say_error();
        else
                say_all(fd);
}

static void udp(const Target *t, bool connected) {
        char text[512], from[INET6_ADDRSTRLEN];
        Target peer = { .size = sizeof(peer.address) };
        _cleanup_close_ int fd = socket(t->address.any.sa_family, SOCK_DGRAM, 0);
        struct pollfd p = { .fd = fd, .events = POLLIN };
        if (fd < 0 || (connected && connect(fd, &t->address.any, t->size) < 0) ||
                        sendto(fd, "?", 1, 0, connected ? NULL : &t->address.any, connected ? 0 : t->size) <
                                        0) {
                say_error();
                return;
        }
        ssize_t n = poll(&p, 1, connected ? 20000 : 500) == 1
                                    ? recvfrom(fd, text, sizeof(text), 0, &peer.address.any, &peer.size)
                                    : 0;
        if (n <= 0) {
                printf("%s\n", n < 0 ? strerror(errno) : "nothing");
                return;
        }
        const void *bytes = peer.address.any.sa_family == AF_INET ? (const void *)&peer.address.v4.sin_addr
                                                                  : &peer.address.v6.sin6_addr;
        printf("%.*s from %s\n", (int)n, text,
                        inet_ntop(peer.address.any.sa_family, bytes, from, sizeof(from)));
}

static void serve(const Target *t) {
        _cleanup_close_ int listener = socket(t->address.any.sa_family, SOCK_STREAM, 0),
                            fd = socket(t->address.any.sa_family, SOCK_STREAM, 0);
        if (bind(listener, &t->address.any, t->size) < 0 || listen(listener, 1) < 0 ||
                        connect(fd, &t->address.any, t->size) < 0) {
                say_error();
                return;
        }
        struct pollfd p = { .fd = listener, .events = POLLIN };
        printf("%s\n", poll(&p, 1, 200) == 1 ? "served" : "another took it");
}

static void listen_there(const Target *t) {
        int fd = socket(t->address.any.sa_family, SOCK_STREAM, 0); /* until the end */
        if (fd < 0 || bind(fd, &t->address.any, t->size) < 0 || listen(fd, 1) < 0)
                say_error();
        else
                printf("ok\n");
}

static void open_socket(const char *family, const char *type) {
        _cleanup_close_ int fd = socket((int)strtol(family, NULL, 10), (int)strtol(type, NULL, 10), 0);
        if (fd < 0)
                say_error();
        else
                printf("opened\n");
}

static void descriptors(void) {
        for (int fd = 0; fd < 65536; fd++)
                if (fcntl(fd, F_GETFD) >= 0)
                        printf("%d ", fd);
        printf("\n");
}

int main(int argc, char **argv) {
        for (int i = 1; i < argc; i++) {
                char *rest = argv[i], *word = strsep(&rest, "/"), *one = strsep(&rest, "/"), *two = rest;
                printf("%s: ", word);
                if (streq(word, "descriptors"))
                        descriptors();
                else if (streq(word, "pause")) {
                        (void)fflush(stdout);
                        for (;;)
                                (void)pause();
                } else if (!two)
                        return 2;
                else if (streq(word, "socket"))
                        open_socket(one, two);
                else {
                        Target t = target(one, two);
                        if (streq(word, "tcp"))
                                tcp(&t);
                        else if (streq(word, "listen"))
                                listen_there(&t);
                        else if (streq(word, "serve"))
                                serve(&t);
                        else
                                udp(&t, streq(word, "udp"));
                }
                (void)fflush(stdout);
        }
        return 0;
}
