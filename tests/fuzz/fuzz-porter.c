/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "clock.h"
#include "frame.h"
#include "fuzz.h"
#include "greeting.h"
#include "limits.h"

/* What a peer says at the second door, in pieces: a byte that says how many of them are there before anybody listens, and for each one the number
 * of its bytes (0 to 63), with 64 if a descriptor comes along that goes as it is, with 128 if it is one that is kept. Properties: nothing
 * crashes; behind the greeting mxcd gets what was said, in whole messages, and nothing else; each that is whole, as long as it is not over; never
 * more than the bounds; no descriptor is lost. */

#define PIECE_MAX 63U
#define WITH_PLAIN 64U
#define WITH_KEPT 128U
#define SAID_MAX 16384U /* what the sockets hold */
#define PIECES_MAX 128U
#define HEAD 16U

typedef struct Talk {
        int peer, outside, inside, mxcd;
        int plain, kept;
        size_t first; /* pieces that are there before anybody listens */
        const uint8_t *rest;
        size_t size; /* of rest */
        uint8_t said[SAID_MAX], heard[SAID_MAX];
        size_t n_said, n_heard, n_pieces, fds_said, fds_heard;
} Talk;

static bool say_piece(Talk *t) {
        if (t->size == 0 || t->n_pieces == PIECES_MAX)
                return false;
        const uint8_t kind = t->rest[0];
        size_t n = kind & PIECE_MAX;
        t->rest++;
        t->size--;
        if (n > t->size)
                n = t->size;
        if (n > 0) {
                const int fds[] = { t->plain, t->kept };
                const size_t begin = kind & WITH_PLAIN ? 0 : 1,
                             n_fds = ((kind & WITH_PLAIN) != 0) + ((kind & WITH_KEPT) != 0);
                fuzz_holds(fd_pass(t->peer, t->rest, n, fds + begin, n_fds, MSG_DONTWAIT) == (ssize_t)n,
                                "there is room");
                memcpy(t->said + t->n_said, t->rest, n);
                t->n_said += n;
                t->fds_said += n_fds;
        }
        t->rest += n;
        t->size -= n;
        t->n_pieces++;
        return true;
}

/* Where the first message begins; 0: there is no end of a greeting. */
static size_t end_of_greeting(const uint8_t *said, size_t size) {
        for (size_t at = 1, end; at < size; at = end) {
                for (end = at; end + 1 < size && (said[end] != '\r' || said[end + 1] != '\n');)
                        end++;
                if (end + 1 >= size)
                        return 0;
                const size_t length = strnlen((const char *)said + at, end - at);
                end += 2;
                if (length == 5 && memcmp(said + at, "BEGIN", 5) == 0)
                        return end;
        }
        return 0;
}

/* 0: it is none, or too long. */
static uint64_t size_of(const uint8_t *head) {
        uint64_t parts[2] = { 0 }; /* body, fields */
        for (size_t i = 0; i < 2; i++)
                for (size_t k = 0; k < 4; k++)
                        parts[i] = parts[i] << 8 | head[4 + 8 * i + (head[0] == 'l' ? 3 - k : k)];
        const uint64_t size = HEAD + parts[0] + parts[1] + (8 - parts[1] % 8) % 8;
        return (head[0] == 'l' || head[0] == 'B') && size <= LIMIT_MESSAGE_BYTES ? size : 0;
}

static void hear(Talk *t, size_t size, size_t *n_fds) {
        for (size_t got = 0; got < size;) {
                int fds[FD_PASS_MAX];
                size_t more;
                ssize_t n = fd_take(t->mxcd, t->heard + t->n_heard, size - got, fds, FD_PASS_MAX, &more,
                                MSG_DONTWAIT);
                fuzz_holds(n > 0, "a message is whole");
                for (size_t i = 0; i < more; i++)
                        (void)close(fds[i]);
                *n_fds += more;
                got += (size_t)n;
                t->n_heard += (size_t)n;
        }
}

static int there(int fd) {
        int n = -1;
        fuzz_holds(ioctl(fd, FIONREAD, &n) == 0, "it can be asked");
        return n;
}

static void hear_all(Talk *t) {
        while (there(t->mxcd) > 0) {
                size_t n_fds = 0;
                const uint8_t *head = t->heard + t->n_heard;
                hear(t, HEAD, &n_fds);
                const uint64_t size = size_of(head);
                fuzz_holds(size >= HEAD, "it is a message");
                fuzz_holds(size - HEAD <= SAID_MAX - t->n_heard, "it was said");
                hear(t, size - HEAD, &n_fds);
                fuzz_holds(n_fds <= LIMIT_MESSAGE_FDS, "descriptors of a message are few");
                t->fds_heard += n_fds;
        }
}

static int pass_on(Talk *t, Frame *f) {
        int r = 0;
        for (size_t turns = 0; r == 0 && (f->writes || there(t->outside) > 0); turns++) {
                fuzz_holds(turns < 2 * SAID_MAX, "it goes on");
                r = frame_step(f);
                fuzz_holds(f->n_fds <= LIMIT_MESSAGE_FDS && f->allocated <= LIMIT_MESSAGE_BYTES &&
                                                f->used <= f->allocated,
                                "it is bounded");
                fuzz_holds(f->budget->held == f->allocated, "what is held is counted");
                hear_all(t);
        }
        return r;
}

static void check(const Talk *t, size_t begin, int r) {
        fuzz_holds(t->n_heard <= t->n_said - begin && memcmp(t->heard, t->said + begin, t->n_heard) == 0,
                        "it is what was said");
        fuzz_holds(t->fds_heard <= t->fds_said, "and with what was given");
        const uint8_t *next = t->said + begin + t->n_heard;
        const size_t rest = t->n_said - begin - t->n_heard;
        if (r == 0)
                fuzz_holds(rest < HEAD || (size_of(next) > rest), "nothing that is whole is kept back");
        else
                fuzz_holds(r == -EMFILE || (r == -EBADMSG && rest >= HEAD && size_of(next) == 0),
                                "it is over for a reason");
}

static void let_in(Talk *t) {
        PorterBudget budget = { 0 };
        Tickets tickets;
        bool agreed;
        fuzz_holds(tickets_init(&tickets) == 0, "there are sockets");
        Frame f = { .from = t->outside, .to = t->inside, .budget = &budget, .tickets = &tickets };
        int r = greeting_serve(t->outside, now_msec(), f.fds, LIMIT_MESSAGE_FDS, &f.n_fds, &agreed);
        fuzz_holds(f.n_fds <= LIMIT_MESSAGE_FDS, "descriptors of a greeting are few");
        if (r == 0) {
                const size_t begin = end_of_greeting(t->said, t->n_said);
                fuzz_holds(begin > 0 && begin <= LIMIT_GREETING_BYTES && t->said[0] == 0,
                                "it was a greeting");
                fuzz_holds(there(t->outside) == (int)(t->n_said - begin), "what follows is left");
                do
                        r = pass_on(t, &f);
                while (r == 0 && say_piece(t));
                check(t, begin, r);
        }
        frame_clear(&f);
        fuzz_holds(budget.held == 0, "what was held is given back");
        for (size_t i = 0; i < tickets.n; i++) {
                (void)close(tickets.list[i].socket);
                (void)close(tickets.list[i].kept);
        }
        (void)close(tickets.dead);
        free(tickets.list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static Talk t; /* large */
        int outside[2], inside[2];
        if (size < 1)
                return 0;
        t = (Talk){ .first = data[0], .rest = data + 1, .size = size - 1, .plain = -EBADF };
        int pipe_ends[2];
        fuzz_holds(pipe2(pipe_ends, O_CLOEXEC) == 0, "there is a pipe");
        t.plain = pipe_ends[0];
        (void)close(pipe_ends[1]);
        t.kept = fcntl(0, F_DUPFD_CLOEXEC, 3);
        fuzz_holds(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, outside) == 0 && t.plain >= 0 &&
                                        t.kept >= 0 &&
                                        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, inside) == 0,
                        "there are sockets");
        t.peer = outside[0];
        t.outside = outside[1];
        t.inside = inside[0];
        t.mxcd = inside[1];
        while (t.n_pieces < t.first && say_piece(&t))
                ;
        let_in(&t);
        const int all[] = { t.peer, t.outside, t.inside, t.mxcd, t.plain, t.kept };
        for (size_t i = 0; i < ELEMENTSOF(all); i++)
                (void)close(all[i]);
        int next = fcntl(0, F_DUPFD_CLOEXEC, 3);
        fuzz_holds(next < 64, "no descriptor is lost");
        (void)close(next);
        return 0;
}
