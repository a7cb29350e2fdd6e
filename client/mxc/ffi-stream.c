/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ffi-stream.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>

#include "cleanup.h"

struct MxcReadStream {
        int fd, closed;
        StreamWatch watch; /* its fd is ours */
};

struct MxcWriteStream {
        int fd;
};

struct MxcStreamCloser {
        int closed;
};

static void close_two(int a, int b) {
        if (a >= 0)
                (void)close(a); /* a pipe's end, or an eventfd: nothing is lost */
        if (b >= 0)
                (void)close(b);
}

static void reader_destroy(void *thing) {
        MxcReadStream *s = thing;
        close_two(s->fd, s->closed);
        close_two(s->watch.fd, -EBADF);
        free(s);
}

static void writer_destroy(void *thing) {
        MxcWriteStream *s = thing;
        close_two(s->fd, -EBADF);
        free(s);
}

static void closer_destroy(void *thing) {
        MxcStreamCloser *c = thing;
        close_two(-EBADF, c->closed);
        free(c);
}

MxcReadStream *stream_reader_new(int fd, int closed, const StreamWatch *watch) {
        MxcReadStream *s = malloc(sizeof(MxcReadStream));
        if (!s) {
                close_two(fd, -EBADF);
                return NULL;
        }
        *s = (MxcReadStream){ .fd = fd, .closed = fcntl(closed, F_DUPFD_CLOEXEC, 3), .watch.fd = -EBADF };
        if (watch)
                s->watch = (StreamWatch){
                        .fd = fcntl(watch->fd, F_DUPFD_CLOEXEC, 3), .of = watch->of, .look = watch->look
                };
        if (s->closed >= 0 && (!watch || s->watch.fd >= 0) && own_add(OWN_READ, s, reader_destroy))
                return s;
        reader_destroy(s);
        return NULL;
}

MxcWriteStream *stream_writer_new(int fd) {
        MxcWriteStream *s = malloc(sizeof(MxcWriteStream));
        if (!s) {
                close_two(fd, -EBADF);
                return NULL;
        }
        *s = (MxcWriteStream){ .fd = fd };
        if (own_add(OWN_WRITE, s, writer_destroy))
                return s;
        writer_destroy(s);
        return NULL;
}

MxcStreamCloser *stream_closer_new(int closed) {
        MxcStreamCloser *c = malloc(sizeof(MxcStreamCloser));
        if (!c)
                return NULL;
        *c = (MxcStreamCloser){ .closed = fcntl(closed, F_DUPFD_CLOEXEC, 3) };
        if (c->closed >= 0 && own_add(OWN_CLOSER, c, closer_destroy))
                return c;
        closer_destroy(c);
        return NULL;
}

/* n, 0 at the end, or a negative errno. */
static ssize_t read_some(const MxcReadStream *s, uint8_t *data, size_t size) {
        for (int watched = s->watch.fd;;) {
                struct pollfd p[] = { { .fd = s->fd, .events = POLLIN },
                        { .fd = s->closed, .events = POLLIN }, { .fd = watched, .events = POLLIN } };
                if (poll(p, ELEMENTSOF(p), -1) < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                if (p[1].revents)
                        return 0;
                if (p[2].revents && !s->watch.look(s->watch.of))
                        watched = -EBADF;
                if (!p[0].revents)
                        continue;
                ssize_t n = read(s->fd, data, size);
                if (n >= 0)
                        return n;
                if (errno != EINTR && errno != EAGAIN)
                        return -errno;
        }
}

int32_t mxc_stream_read(MxcReadStream *stream, uint8_t *data, size_t size, size_t *ret_n) {
        if (ret_n)
                *ret_n = 0;
        const MxcReadStream *s = data && ret_n ? own_use(OWN_READ, stream) : NULL;
        if (!s)
                return MXC_NULL_ARGUMENT;
        ssize_t n = size > 0 ? read_some(s, data, size) : 0;
        own_done(s);
        if (n < 0)
                return MXC_BACKEND_ERROR;
        *ret_n = (size_t)n;
        return MXC_OK;
}

/* A pipe that nobody reads gives SIGPIPE, which would end the process; one that this thread made is taken away again. */
static ssize_t write_quietly(int fd, const uint8_t *data, size_t size) {
        sigset_t pipe_signal, pending, before;
        (void)sigemptyset(&pipe_signal);
        (void)sigaddset(&pipe_signal, SIGPIPE);
        (void)sigemptyset(&pending);
        (void)sigpending(&pending); /* one that was there before is not ours */
        int e = pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
        if (e > 0)
                return -e;
        ssize_t n;
        do {
                struct pollfd p = { .fd = fd, .events = POLLOUT };
                n = poll(&p, 1, -1) < 0 ? -1 : write(fd, data, size);
        } while (n < 0 && (errno == EINTR || errno == EAGAIN));
        int saved = n < 0 ? errno : 0;
        if (saved == EPIPE && sigismember(&pending, SIGPIPE) == 0)
                (void)sigtimedwait(&pipe_signal, NULL, &(const struct timespec){ 0 }); /* it is there */
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        return saved > 0 ? -saved : n;
}

int32_t mxc_stream_write(MxcWriteStream *stream, const uint8_t *data, size_t size, size_t *ret_n) {
        if (ret_n)
                *ret_n = 0;
        const MxcWriteStream *s = data && ret_n ? own_use(OWN_WRITE, stream) : NULL;
        if (!s)
                return MXC_NULL_ARGUMENT;
        ssize_t n = size > 0 ? write_quietly(s->fd, data, size) : 0;
        own_done(s);
        if (n < 0)
                return MXC_BACKEND_ERROR;
        *ret_n = (size_t)n;
        return MXC_OK;
}

int32_t mxc_stream_flush(MxcWriteStream *stream) {
        const MxcWriteStream *s = own_use(OWN_WRITE, stream);
        if (!s)
                return MXC_NULL_ARGUMENT;
        own_done(s);
        return MXC_OK;
}

int32_t mxc_stream_closer_close(MxcStreamCloser *closer) {
        const MxcStreamCloser *c = own_use(OWN_CLOSER, closer);
        if (!c)
                return MXC_NULL_ARGUMENT;
        int r = eventfd_write(c->closed, 1);
        own_done(c);
        return r < 0 && errno != EAGAIN ? MXC_BACKEND_ERROR : MXC_OK;
}

void mxc_read_stream_free(MxcReadStream *s) {
        (void)own_drop(OWN_READ, s); /* given back before: nothing */
}

void mxc_write_stream_free(MxcWriteStream *s) {
        (void)own_drop(OWN_WRITE, s);
}

void mxc_stream_closer_free(MxcStreamCloser *c) {
        (void)own_drop(OWN_CLOSER, c);
}

void mxc_native_pipe_close(intptr_t handle) {
        if (handle >= 0 && handle <= INT32_MAX)
                (void)close((int)handle); /* a pipe's end */
}
