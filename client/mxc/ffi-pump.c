/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ffi-pump.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "clock.h"
#include "fd.h"

typedef struct Chunk {
        uint8_t data[16384];
        size_t begin, end; /* of what is still to be written */
} Chunk;

struct Pump {
        pthread_t thread;
        int master, in, out; /* in, out: -EBADF when over */
        int finish;          /* an eventfd: the command has ended */
        uint64_t give_up_at; /* once the command has ended; 0: it has not */
        bool midline;
        Chunk typed, shown;
};

enum { PUMP_MASTER, PUMP_IN, PUMP_OUT, PUMP_FINISH, _PUMP_MAX };

static bool is_empty(const Chunk *c) {
        return c->begin == c->end;
}

static void close_one(int *fd) {
        if (*fd >= 0)
                (void)close(TAKE_FD(*fd)); /* a pipe's end */
}

/* What a person types to end input; twice where a line was begun, since the first hands that over. */
static void type_end(Pump *p) {
        struct termios t;
        uint8_t eof = tcgetattr(p->master, &t) == 0 ? t.c_cc[VEOF] : 4;
        p->typed = (Chunk){ .data = { eof, eof }, .end = p->midline ? 2 : 1 };
}

static void on_in(Pump *p) {
        ssize_t n = read(p->in, p->typed.data, sizeof p->typed.data);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return;
        if (n <= 0) {
                close_one(&p->in);
                type_end(p);
                return;
        }
        p->typed.begin = 0;
        p->typed.end = (size_t)n;
        p->midline = p->typed.data[n - 1] != '\n' && p->typed.data[n - 1] != '\r';
}

/* False: the terminal is closed on the other side. */
static bool on_master(Pump *p, short events) {
        if (events & (POLLIN | POLLHUP | POLLERR) && is_empty(&p->shown)) {
                ssize_t n = read(p->master, p->shown.data, sizeof p->shown.data);
                if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
                        return false;
                p->shown.begin = 0;
                p->shown.end = n > 0 && p->out >= 0 ? (size_t)n : 0;
        }
        if (events & POLLOUT && !is_empty(&p->typed)) {
                ssize_t n = write(p->master, p->typed.data + p->typed.begin, p->typed.end - p->typed.begin);
                if (n > 0)
                        p->typed.begin += (size_t)n;
                else if (n < 0 && errno != EINTR && errno != EAGAIN)
                        p->typed.begin = p->typed.end;
        }
        return true;
}

static void on_out(Pump *p, short events) {
        ssize_t n = events & POLLERR || is_empty(&p->shown) ? 0
                                                            : write(p->out, p->shown.data + p->shown.begin,
                                                                              p->shown.end - p->shown.begin);
        if (n > 0)
                p->shown.begin += (size_t)n;
        if (events & POLLERR || (n < 0 && errno != EINTR && errno != EAGAIN)) { /* nobody reads any more */
                close_one(&p->out);
                p->shown.begin = p->shown.end;
        }
}

/* For poll(). 0: there is nothing to wait for any more. */
static int patience(const Pump *p) {
        uint64_t now = now_msec();
        if (p->give_up_at == 0)
                return -1;
        return p->out >= 0 && now < p->give_up_at ? (int)(p->give_up_at - now) : 0;
}

/* False: all is done. */
static bool turn(Pump *p, bool *open) {
        struct pollfd polls[_PUMP_MAX] = {
                [PUMP_MASTER] = { .fd = *open ? p->master : -1,
                                .events = (short)((is_empty(&p->shown) ? POLLIN : 0) |
                                                  (is_empty(&p->typed) ? 0 : POLLOUT)) },
                [PUMP_IN] = { .fd = *open && is_empty(&p->typed) ? p->in : -1, .events = POLLIN },
                [PUMP_OUT] = { .fd = p->out, .events = is_empty(&p->shown) ? 0 : POLLOUT },
                [PUMP_FINISH] = { .fd = p->give_up_at > 0 ? -1 : p->finish, .events = POLLIN }
        };
        if (!polls[PUMP_MASTER].events)
                polls[PUMP_MASTER].fd = -1; /* it would tell that it is hung up, over and over */
        int msec = patience(p), n = msec == 0 ? 0 : poll(polls, _PUMP_MAX, msec);
        if (n < 0)
                return errno == EINTR;
        if (n == 0)
                return false;
        if (polls[PUMP_FINISH].revents)
                p->give_up_at = now_msec() + PUMP_END_MSEC;
        if (polls[PUMP_OUT].revents)
                on_out(p, polls[PUMP_OUT].revents);
        if (polls[PUMP_IN].revents)
                on_in(p);
        if (polls[PUMP_MASTER].revents && !on_master(p, polls[PUMP_MASTER].revents))
                *open = false;
        return *open || !is_empty(&p->shown);
}

static void *carry(void *userdata) {
        Pump *p = userdata;
        bool open = true;
        while (turn(p, &open))
                ;
        close_one(&p->in);
        close_one(&p->out);
        return NULL;
}

/* With no signal for it: those of the process are for its own threads, and a pipe that nobody reads is told by EPIPE. */
static int start(Pump *p) {
        sigset_t all, before;
        (void)sigfillset(&all);
        int e = pthread_sigmask(SIG_SETMASK, &all, &before);
        if (e == 0) {
                e = pthread_create(&p->thread, NULL, carry, p);
                (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        }
        return -e;
}

static void pump_clear(Pump *p) {
        close_one(&p->master);
        close_one(&p->in);
        close_one(&p->out);
        close_one(&p->finish);
        free(p);
}

static int set_nonblocking(int fd) {
        int flags = fcntl(fd, F_GETFL);
        return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

int pump_new(int master, int *ret_in, int *ret_out, Pump **ret) {
        _cleanup_close_ int owned = master, their_in = -EBADF, their_out = -EBADF;
        Pump *p = calloc(1, sizeof(Pump));
        if (!p)
                return -ENOMEM;
        *p = (Pump){ .master = TAKE_FD(owned),
                .in = -EBADF,
                .out = -EBADF,
                .finish = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
        int in[2], out[2], r = p->finish < 0 ? -errno : 0;
        if (r == 0 && pipe2(in, O_CLOEXEC) == 0) {
                p->in = in[0];
                their_in = in[1];
                if (pipe2(out, O_CLOEXEC) == 0) {
                        their_out = out[0];
                        p->out = out[1];
                }
        }
        if (r == 0 && p->out < 0)
                r = -errno;
        if (r == 0)
                r = set_nonblocking(p->master);
        if (r == 0)
                r = set_nonblocking(p->in);
        if (r == 0)
                r = set_nonblocking(p->out);
        if (r == 0)
                r = start(p);
        if (r < 0) {
                pump_clear(p);
                return r;
        }
        *ret_in = TAKE_FD(their_in);
        *ret_out = TAKE_FD(their_out);
        *ret = p;
        return 0;
}

void pump_resize(const Pump *p, uint16_t rows, uint16_t columns) {
        const struct winsize size = { .ws_row = rows, .ws_col = columns };
        (void)ioctl(p->master, TIOCSWINSZ, &size); /* a courtesy */
}

Pump *pump_free(Pump *p) {
        if (!p)
                return NULL;
        (void)eventfd_write(p->finish, 1); /* one that is full is readable, too */
        (void)pthread_join(p->thread, NULL);
        pump_clear(p);
        return NULL;
}
