/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Both ends of what a relay carries. Static, to run in a cage; addresses are numbers.
 *   net serve ADDRESS PORT              answers; for ever
 *   net get TO BYTES                    so much out of the server, once: "get ns<TAB>N"
 *   net put TO BYTES                    so much into it
 *   net new TO COUNT CALLERS            connections, each with one small request, by so many at once:
 *                                       "new rate", "new p50", "new p99" (from connect() to the answer, ns)
 *   net ask TO COUNT                    small requests on one connection: "ask p50", "ask p99"
 *   net once TO                         one connection with one small request
 *   net hold TO COUNT                   so many that stay, for ever; says "held"
 *   net refused TO COUNT                connections that are: "refused p50", "refused p99" (from connect() to the reset)
 *   net unknown ADDRESS COUNT           questions for names that are refused, each another: "unknown p50", "unknown p99"
 * TO is "ADDRESS PORT -" or "ADDRESS PORT PROXY:PORT", where an HTTP proxy is asked by CONNECT.
 *
 * A request is HTTP's GET of /BYTES, or a NUL, "put", BYTES as 16 hexadecimal digits, and those: no protocol that anything knows, as a relay
 * sees it where it does not look. */

#include <arpa/inet.h>
#include <err.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common/cleanup.h"
#include "tests/bench/samples.h"

#define CHUNK (256U * 1024)
#define PUT_SIZE 20U /* of its head */
#define HEAD_MAX 1024U

static uint8_t chunk[CHUNK];

static uint64_t number(const char *text, int base) {
        char *end;
        uint64_t n = strtoull(text, &end, base);
        if (*text == '\0' || *end != '\0')
                errx(EXIT_FAILURE, "not a number: %s", text);
        return n;
}

static struct sockaddr_in address_of(const char *address, uint64_t port) {
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
        if (inet_pton(AF_INET, address, &a.sin_addr) != 1)
                errx(EXIT_FAILURE, "not an address: %s", address);
        return a;
}

/* ---- the server ---- */

typedef struct Peer {
        int fd;
        uint64_t to_send, to_take;
        char head[HEAD_MAX];
        size_t size;
        bool answers; /* what is taken is confirmed */
} Peer;

static void peer_end(Peer *p) {
        (void)close(p->fd);
        free(p);
}

/* A head is whole: what is to be done. */
static bool peer_begin(Peer *p) {
        char answer[128];
        p->head[p->size] = '\0';
        if (p->head[0] == '\0') {
                p->to_take = number(p->head + 4, 16);
                p->answers = true;
                return true;
        }
        char *path = strchr(p->head, '/');
        if (!path)
                return false;
        p->to_send = strtoull(path + 1, NULL, 10);
        int n = snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\nContent-Length: %" PRIu64 "\r\n\r\n",
                        p->to_send);
        return send(p->fd, answer, (size_t)n, MSG_NOSIGNAL) == n;
}

static bool head_is_whole(const Peer *p) {
        if (p->size > 0 && p->head[0] == '\0')
                return p->size == PUT_SIZE;
        return p->size >= 4 && memcmp(p->head + p->size - 4, "\r\n\r\n", 4) == 0;
}

/* One byte at a time is enough for heads of some dozens; what follows a put's stays in the kernel. */
static ssize_t peer_read_head(Peer *p) {
        char peek[HEAD_MAX];
        size_t want = p->head[0] == '\0' && p->size > 0 ? PUT_SIZE - p->size : HEAD_MAX - 1 - p->size;
        ssize_t n = recv(p->fd, peek, want, MSG_DONTWAIT | MSG_PEEK);
        if (n > 0 && p->size == 0 && peek[0] == '\0' && n > (ssize_t)PUT_SIZE)
                n = PUT_SIZE;
        if (n > 0)
                n = recv(p->fd, p->head + p->size, (size_t)n, MSG_DONTWAIT);
        if (n > 0)
                p->size += (size_t)n;
        return n;
}

/* False: it is over. */
static bool peer_turn(Peer *p, uint32_t events) {
        while (p->to_send > 0 || (events & EPOLLIN)) {
                ssize_t n;
                if (p->to_send > 0)
                        n = send(p->fd, chunk, p->to_send < CHUNK ? p->to_send : CHUNK,
                                        MSG_DONTWAIT | MSG_NOSIGNAL);
                else if (p->to_take > 0)
                        n = recv(p->fd, chunk, p->to_take < CHUNK ? p->to_take : CHUNK, MSG_DONTWAIT);
                else
                        n = peer_read_head(p);
                if (n < 0 && errno == EAGAIN)
                        return true;
                if (n <= 0)
                        return false;
                if (p->to_send > 0)
                        p->to_send -= (uint64_t)n;
                else if (p->to_take > 0)
                        p->to_take -= (uint64_t)n;
                else if (!head_is_whole(p))
                        continue;
                else if (!peer_begin(p))
                        return false;
                else
                        p->size = 0;
                if (p->answers && p->to_take == 0) {
                        if (send(p->fd, "!", 1, MSG_NOSIGNAL) != 1)
                                return false;
                        p->answers = false;
                }
        }
        return true;
}

static void peer_accept(int epoll, int listener) {
        static const int on = 1;
        for (;;) {
                int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
                if (fd < 0)
                        return;
                Peer *p = calloc(1, sizeof(Peer));
                if (!p)
                        errx(EXIT_FAILURE, "no memory");
                p->fd = fd;
                (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* slower without */
                struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = p };
                if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) < 0)
                        err(EXIT_FAILURE, "epoll");
        }
}

static _Noreturn void serve(const char *address, uint64_t port) {
        static const int on = 1;
        struct sockaddr_in a = address_of(address, port);
        struct epoll_event e = { .events = EPOLLIN }, events[64];
        int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
            epoll = epoll_create1(EPOLL_CLOEXEC);
        (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)); /* bind tells */
        if (epoll < 0 || bind(listener, (struct sockaddr *)&a, sizeof(a)) < 0 ||
                        listen(listener, 4096) < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e) < 0)
                err(EXIT_FAILURE, "cannot serve");
        for (;;) {
                int n = epoll_wait(epoll, events, ELEMENTSOF(events), -1);
                for (int i = 0; i < n; i++) {
                        Peer *p = events[i].data.ptr;
                        if (!p)
                                peer_accept(epoll, listener);
                        else if (!peer_turn(p, events[i].events))
                                peer_end(p);
                }
        }
}

/* ---- the client ---- */

typedef struct To {
        struct sockaddr_in address, proxy;
        char name[64];
        bool by_proxy;
} To;

static To to_of(char **words) {
        To to = { .address = address_of(words[0], number(words[1], 10)) };
        char *colon = strchr(words[2], ':');
        (void)snprintf(to.name, sizeof(to.name), "%s:%s", words[0], words[1]);
        if (colon) {
                *colon = '\0';
                to.proxy = address_of(words[2], number(colon + 1, 10));
                to.by_proxy = true;
        }
        return to;
}

static void say(int fd, const void *data, size_t size) {
        if (send(fd, data, size, MSG_NOSIGNAL) != (ssize_t)size)
                err(EXIT_FAILURE, "cannot send");
}

/* Up to the empty line; no more than that has come. */
static void read_head(int fd) {
        char text[HEAD_MAX];
        size_t size = 0;
        while (size < 4 || memcmp(text + size - 4, "\r\n\r\n", 4) != 0) {
                if (size == sizeof(text) || recv(fd, text + size, 1, 0) != 1)
                        errx(EXIT_FAILURE, "no answer, after %zu bytes", size);
                size++;
        }
        if (memcmp(text + 8, " 200", 4) != 0)
                errx(EXIT_FAILURE, "refused: %.40s", text);
}

static int dial(const To *to) {
        static const int on = 1;
        const struct sockaddr_in *a = to->by_proxy ? &to->proxy : &to->address;
        char text[HEAD_MAX];
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (const struct sockaddr *)a, sizeof(*a)) < 0)
                err(EXIT_FAILURE, "cannot connect");
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* slower without */
        if (to->by_proxy) {
                int n = snprintf(text, sizeof(text), "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", to->name,
                                to->name);
                say(fd, text, (size_t)n);
                read_head(fd);
        }
        return fd;
}

static void get(const To *to, int fd, uint64_t bytes) {
        char text[HEAD_MAX];
        int n = snprintf(text, sizeof(text), "GET /%" PRIu64 " HTTP/1.1\r\nHost: %s\r\n\r\n", bytes,
                        to->name);
        say(fd, text, (size_t)n);
        read_head(fd);
        while (bytes > 0) {
                ssize_t got = recv(fd, chunk, bytes < CHUNK ? bytes : CHUNK, 0);
                if (got <= 0)
                        err(EXIT_FAILURE, "%" PRIu64 " bytes are missing", bytes);
                bytes -= (uint64_t)got;
        }
}

static void put(int fd, uint64_t bytes) {
        char text[PUT_SIZE + 1];
        (void)snprintf(text, sizeof(text), "%cput%016" PRIx64, '\0', bytes);
        say(fd, text, PUT_SIZE);
        while (bytes > 0) {
                ssize_t n = send(fd, chunk, bytes < CHUNK ? bytes : CHUNK, MSG_NOSIGNAL);
                if (n <= 0)
                        err(EXIT_FAILURE, "cannot send");
                bytes -= (uint64_t)n;
        }
        if (recv(fd, text, 1, 0) != 1)
                errx(EXIT_FAILURE, "no confirmation");
}

static void transfer(const To *to, uint64_t bytes, bool out) {
        int fd = dial(to);
        get(to, fd, 0); /* whoever is in between has begun */
        (void)close(fd);
        fd = dial(to);
        uint64_t start = now_ns();
        if (out)
                put(fd, bytes);
        else
                get(to, fd, bytes);
        printf("%s ns\t%" PRIu64 "\n", out ? "put" : "get", now_ns() - start);
        (void)close(fd);
}

static void once(const To *to) {
        int fd = dial(to);
        get(to, fd, 0);
        (void)close(fd);
}

static void new_ones(const To *to, uint64_t count, uint64_t callers) {
        uint64_t *ns = mmap(NULL, count * callers * sizeof(uint64_t), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        Samples samples = {};
        int status;
        if (ns == MAP_FAILED)
                err(EXIT_FAILURE, "mmap");
        once(to);
        uint64_t start = now_ns();
        for (uint64_t caller = 0; caller < callers; caller++) {
                pid_t pid = fork();
                if (pid < 0)
                        err(EXIT_FAILURE, "fork");
                if (pid > 0)
                        continue;
                for (uint64_t i = 0; i < count; i++) {
                        uint64_t began = now_ns();
                        once(to);
                        ns[caller * count + i] = now_ns() - began;
                }
                _exit(EXIT_SUCCESS);
        }
        for (uint64_t caller = 0; caller < callers; caller++)
                if (wait(&status) < 0 || status != 0)
                        errx(EXIT_FAILURE, "a caller failed");
        uint64_t took = now_ns() - start;
        for (uint64_t i = 0; i < count * callers; i++)
                samples_add(&samples, ns[i]);
        printf("new rate\t%" PRIu64 "\nnew p50\t%" PRIu64 "\nnew p99\t%" PRIu64 "\n",
                        count * callers * 1000000000 / took, samples_percentile(&samples, 50),
                        samples_percentile(&samples, 99));
}

static void asks(const To *to, uint64_t count) {
        Samples samples = {};
        int fd = dial(to);
        get(to, fd, 0);
        for (uint64_t i = 0; i < count; i++) {
                uint64_t began = now_ns();
                get(to, fd, 0);
                samples_add(&samples, now_ns() - began);
        }
        (void)close(fd);
        printf("ask p50\t%" PRIu64 "\nask p99\t%" PRIu64 "\n", samples_percentile(&samples, 50),
                        samples_percentile(&samples, 99));
}

/* The server's side may be open before it is reset, or not: what is counted is when the client knows. */
static void refused(const To *to, uint64_t count) {
        Samples samples = {};
        char byte;
        for (uint64_t i = 0; i < count; i++) {
                uint64_t began = now_ns();
                int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
                if (connect(fd, (const struct sockaddr *)&to->address, sizeof(to->address)) == 0 &&
                                recv(fd, &byte, 1, 0) >= 0)
                        errx(EXIT_FAILURE, "it is not refused");
                samples_add(&samples, now_ns() - began);
                (void)close(fd);
        }
        printf("refused p50\t%" PRIu64 "\nrefused p99\t%" PRIu64 "\n", samples_percentile(&samples, 50),
                        samples_percentile(&samples, 99));
}

static void unknown(const char *address, uint64_t count) {
        const struct sockaddr_in to = address_of(address, 53);
        Samples samples = {};
        uint8_t answer[512];
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
                err(EXIT_FAILURE, "cannot ask");
        for (unsigned i = 0; i < count; i++) {
                /* an A of bench-NNNNN.example.net */
                uint8_t question[] = "\0\1\1\0\0\1\0\0\0\0\0\0\13bench-00000\7example\3net\0\0\1\0\1";
                for (unsigned digit = 0, rest = i; digit < 5; digit++, rest /= 10)
                        question[23 - digit] = (uint8_t)('0' + rest % 10);
                uint64_t began = now_ns();
                if (send(fd, question, sizeof(question) - 1, 0) < 0 ||
                                recv(fd, answer, sizeof(answer), 0) < 12 || (answer[3] & 15) != 3)
                        errx(EXIT_FAILURE, "it is not refused");
                samples_add(&samples, now_ns() - began);
        }
        (void)close(fd);
        printf("unknown p50\t%" PRIu64 "\nunknown p99\t%" PRIu64 "\n", samples_percentile(&samples, 50),
                        samples_percentile(&samples, 99));
}

static _Noreturn void hold(const To *to, uint64_t count) {
        struct rlimit limit;
        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                err(EXIT_FAILURE, "limits");
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
                err(EXIT_FAILURE, "limits");
        for (uint64_t i = 0; i < count; i++)
                get(to, dial(to), 0);
        printf("held\n");
        if (fflush(stdout) != 0)
                err(EXIT_FAILURE, "standard output");
        for (;;)
                (void)pause();
}

int main(int argc, char **argv) {
        const char *verb = argc > 1 ? argv[1] : "";
        if (streq(verb, "serve") && argc == 4)
                serve(argv[2], number(argv[3], 10));
        if (streq(verb, "unknown") && argc == 4) {
                unknown(argv[2], number(argv[3], 10));
                return EXIT_SUCCESS;
        }
        if (argc < 5 || (argc < 6 && !streq(verb, "once")))
                errx(EXIT_FAILURE, "usage: see the head of net.c");
        const To to = to_of(argv + 2);
        const uint64_t count = argc > 5 ? number(argv[5], 10) : 1;
        if (streq(verb, "once"))
                once(&to);
        else if (streq(verb, "get") || streq(verb, "put"))
                transfer(&to, count, verb[0] == 'p');
        else if (streq(verb, "new") && argc == 7)
                new_ones(&to, count, number(argv[6], 10));
        else if (streq(verb, "ask"))
                asks(&to, count);
        else if (streq(verb, "refused"))
                refused(&to, count);
        else if (streq(verb, "hold"))
                hold(&to, count);
        else
                errx(EXIT_FAILURE, "usage: see the head of net.c");
        return EXIT_SUCCESS;
}
