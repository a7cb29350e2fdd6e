/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "frame.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "clock.h"
#include "keeper.h"
#include "limits.h"

#define HEAD 16U     /* of a message, to know its length */
#define FIRST 4096U  /* what most messages fit in */
#define PIECE 65536U /* of one that is not gathered */

static uint32_t number_at(const uint8_t *p, bool little) {
        return little ? (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24
                      : (uint32_t)p[3] | (uint32_t)p[2] << 8 | (uint32_t)p[1] << 16 | (uint32_t)p[0] << 24;
}

/* 0: it is none. */
static uint64_t message_size(const uint8_t head[HEAD]) {
        const bool little = head[0] == 'l';
        const uint64_t body = number_at(head + 4, little), fields = number_at(head + 12, little);
        return little || head[0] == 'B' ? HEAD + (fields + 7) / 8 * 8 + body : 0;
}

static void forget_data(Frame *f) {
        if (f->budget)
                (void)__atomic_sub_fetch(&f->budget->held, f->allocated, __ATOMIC_RELAXED);
        free(f->data);
        f->data = NULL;
        f->allocated = f->used = f->sent = 0;
}

static void forget_fds(Frame *f) {
        if (f->tickets)
                tickets_release(f->tickets, f->fds, f->n_fds);
        else
                for (size_t i = 0; i < f->n_fds; i++)
                        (void)close(f->fds[i]); /* sent, or not wanted */
        f->n_fds = 0;
        f->wrapped = false;
}

void frame_clear(Frame *f) {
        forget_fds(f);
        forget_data(f);
}

/* ---- in ---- */

static int charge(Frame *f, size_t more) {
        if (!f->budget || __atomic_add_fetch(&f->budget->held, more, __ATOMIC_RELAXED) <=
                                          LIMIT_UNFINISHED_BYTES)
                return 0;
        (void)__atomic_sub_fetch(&f->budget->held, more, __ATOMIC_RELAXED);
        return -ENOBUFS;
}

/* For as much as there is, not as much as there is said to be. */
static int make_room(Frame *f, size_t end) {
        if (f->allocated > f->used)
                return 0;
        size_t size = f->allocated == 0 ? FIRST : 2 * f->allocated;
        if (size > end && end > FIRST)
                size = end;
        int r = charge(f, size - f->allocated);
        if (r < 0)
                return r;
        uint8_t *data = realloc(f->data, size);
        if (!data) {
                if (f->budget)
                        (void)__atomic_sub_fetch(&f->budget->held, size - f->allocated, __ATOMIC_RELAXED);
                return -ENOMEM;
        }
        f->data = data;
        f->allocated = size;
        return 0;
}

/* Where what is read next ends, counted in data. */
static size_t end_of_part(const Frame *f) {
        if (f->size == 0)
                return HEAD;
        const uint64_t rest = f->size - f->gone;
        return f->budget || rest < PIECE ? (size_t)rest : PIECE;
}

static int learn_size(Frame *f) {
        f->size = message_size(f->data);
        return f->size == 0 || (f->budget && f->size > LIMIT_MESSAGE_BYTES) ? -EBADMSG : 0;
}

/* 1: something more, 0: nothing is there now. */
static int read_some(Frame *f, size_t end) {
        int r = make_room(f, end);
        if (r < 0)
                return r;
        const size_t room = f->allocated - f->used, want = end - f->used,
                     max = f->budget ? LIMIT_MESSAGE_FDS : FD_PASS_MAX;
        size_t n_fds;
        uint8_t *const to = f->data + f->used;
        ssize_t n = f->shared ? keeper_take(f->from, to, want < room ? want : room, f->fds + f->n_fds,
                                                max - f->n_fds, &n_fds)
                              : fd_take(f->from, to, want < room ? want : room, f->fds + f->n_fds,
                                                max - f->n_fds, &n_fds, MSG_DONTWAIT);
        if (n < 0)
                return n == -EAGAIN ? 0 : (int)n;
        f->n_fds += n_fds;
        if (n == 0)
                return -ECONNRESET;
        if (f->budget && f->deadline == 0)
                f->deadline = now_msec() + LIMIT_MESSAGE_USEC / 1000;
        f->used += (size_t)n;
        return 1;
}

static int read_part(Frame *f) {
        for (size_t end = end_of_part(f); f->used < end; end = end_of_part(f)) {
                int r = read_some(f, end);
                if (r <= 0)
                        return r;
                if (f->size == 0 && f->used == HEAD && (r = learn_size(f)) < 0)
                        return r;
        }
        f->writes = true;
        f->deadline = 0;
        return 1;
}

/* ---- out ---- */

/* What went before is there still. */
static bool is_unread(int to) {
        int n;
        return ioctl(to, SIOCOUTQ, &n) == 0 && n > 0;
}

/* Of something that there will be more of: a connection of all who are at the bus is not to end by it. */
static bool is_short(ssize_t error) {
        return error == -ETOOMANYREFS || error == -ENOBUFS || error == -ENOMEM;
}

static int write_part(Frame *f) {
        if (f->tickets && !f->wrapped)
                tickets_wrap(f->tickets, f->fds, f->n_fds);
        f->wrapped = true;
        f->stalled = f->n_fds > 0 && is_unread(f->to);
        while (f->sent < f->used && !f->stalled) {
                ssize_t n = fd_pass(
                                f->to, f->data + f->sent, f->used - f->sent, f->fds, f->n_fds, MSG_DONTWAIT);
                f->stalled = is_short(n);
                if (n < 0)
                        return n == -EAGAIN || f->stalled ? 0 : (int)n;
                forget_fds(f);
                f->sent += (size_t)n;
        }
        if (f->stalled)
                return 0;
        f->gone += f->used;
        f->used = f->sent = 0;
        f->writes = f->wrapped = false;
        if (f->gone < f->size)
                return 1;
        f->size = f->gone = 0;
        if (f->budget)
                forget_data(f); /* of who says nothing there is nothing to keep */
        return 1;
}

int frame_step(Frame *f) {
        int r = f->writes ? 1 : read_part(f);
        if (r > 0)
                r = write_part(f);
        return r < 0 ? r : 0;
}
