/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "flow.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "cleanup.h"

#define MUCH 32768U /* at once: more will come, and a pipe is worth its while */

void flow_init(Flow *f, Pipes *pipes) {
        *f = (Flow){ .pipes = pipes, .pipe = { -EBADF, -EBADF } };
}

static void forget_data(Flow *f) {
        free(f->data);
        f->data = NULL;
        f->begin = f->end = f->cleared = 0;
}

static void give_pipe(Flow *f) {
        if (f->pipe[0] >= 0)
                pipes_give(f->pipes, f->pipe, f->piped == 0);
        f->piped = 0;
}

void flow_clear(Flow *f) {
        forget_data(f);
        give_pipe(f);
}

size_t flow_held(const Flow *f) {
        return f->end - f->begin;
}

bool flow_has_room(const Flow *f) {
        return f->piped == 0 && flow_held(f) < FLOW_SIZE;
}

bool flow_is_empty(const Flow *f) {
        return f->piped == 0 && flow_held(f) == 0;
}

bool flow_can_write(const Flow *f) {
        return f->piped > 0 || f->cleared > 0;
}

int flow_put(Flow *f, const uint8_t *data, size_t size) {
        if (size == 0)
                return 0;
        if (!f->data)
                f->data = malloc(FLOW_SIZE);
        if (!f->data)
                return -ENOMEM;
        if (size > FLOW_SIZE - f->end)
                return -ENOBUFS;
        memcpy(f->data + f->end, data, size);
        f->end += size;
        return 0;
}

static void move_to_front(Flow *f) {
        if (f->begin > 0)
                memmove(f->data, f->data + f->begin, flow_held(f));
        f->end -= f->begin;
        f->begin = 0;
}

void flow_drop(Flow *f, size_t n) {
        f->begin += n;
        move_to_front(f);
        if (f->end == 0)
                forget_data(f);
}

int flow_read(Flow *f, int fd) {
        if (!f->data) {
                f->data = malloc(FLOW_SIZE);
                if (!f->data)
                        return -ENOMEM;
        }
        move_to_front(f);
        ssize_t n = recv(fd, f->data + f->end, FLOW_SIZE - f->end, MSG_DONTWAIT);
        int r = n < 0 ? (errno == EAGAIN || errno == EINTR ? 0 : -errno) : 1;
        if (n == 0)
                f->eof = true;
        if (n > 0)
                f->end += (size_t)n;
        f->much = n >= (ssize_t)MUCH;
        if (f->end == 0)
                forget_data(f);
        return r;
}

int flow_pass(Flow *f, int fd, uint64_t most) {
        if (!f->much || pipes_take(f->pipes, fd, f->pipe) < 0)
                return flow_read(f, fd);
        ssize_t n = splice(fd, NULL, f->pipe[1], NULL, most < PIPE_SIZE ? most : PIPE_SIZE,
                        SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        int r = n < 0 ? (errno == EAGAIN || errno == EINTR ? 0 : -errno) : 1;
        if (n == 0)
                f->eof = true;
        if (n > 0)
                f->piped = (size_t)n;
        else
                give_pipe(f);
        f->much = n >= (ssize_t)MUCH;
        return r;
}

static ssize_t write_pipe(Flow *f, int fd) {
        ssize_t n = splice(f->pipe[0], NULL, fd, NULL, f->piped, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        f->piped -= (size_t)n;
        if (f->piped == 0)
                give_pipe(f);
        return n;
}

ssize_t flow_write(Flow *f, int fd) {
        if (f->piped > 0)
                return write_pipe(f, fd);
        if (f->cleared == 0)
                return 0;
        ssize_t n = send(fd, f->data + f->begin, f->cleared, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        f->begin += (size_t)n;
        f->cleared -= (size_t)n;
        if (f->begin == f->end)
                forget_data(f);
        return n;
}
