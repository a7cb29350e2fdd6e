/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ffi-sandbox.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include "bytes-text.h"
#include "clock.h"
#include "ffi-pump.h"
#include "ffi-stream.h"
#include "text-list.h"

#define DRAIN_USEC                                                                                          \
        UINT64_C(5000000) /* after its end: who was left behind in a sandbox that goes on may hold its pipes */
#define LOOK_MSEC 100

typedef struct Output {
        int fd;     /* -EBADF: taken, or there is none */
        int closed; /* an eventfd, for closers */
        bool is_there;
} Output;

struct MxcSandbox {
        MxcSession *session;
        Pump *pump;           /* of a pty */
        pthread_mutex_t lock; /* of what follows */
        int in;
        Output outputs[2];
        bool transferred;
};

static void sandbox_destroy(void *thing) {
        MxcSandbox *s = thing;
        if (s->session) {
                mxc_session_kill(s->session);
                MxcEnd end;
                (void)mxc_session_wait(s->session, -1, &end); /* how it ended is of no interest any more */
        }
        if (s->in >= 0)
                (void)close(s->in);
        for (size_t i = 0; i < ELEMENTSOF(s->outputs); i++) {
                if (s->outputs[i].fd >= 0)
                        (void)close(s->outputs[i].fd);
                if (s->outputs[i].closed >= 0)
                        (void)close(s->outputs[i].closed);
        }
        pump_free(s->pump);
        mxc_session_free(s->session);
        (void)pthread_mutex_destroy(&s->lock);
        free(s);
}

/* ---- beginning ---- */

typedef struct Pipes {
        int ours[3], theirs[3]; /* -EBADF: none */
} Pipes;

static void pipes_close(Pipes *p) {
        for (size_t i = 0; i < ELEMENTSOF(p->ours); i++) {
                if (p->ours[i] >= 0)
                        (void)close(p->ours[i]);
                if (p->theirs[i] >= 0)
                        (void)close(p->theirs[i]);
        }
}

static int pipes_open(Pipes *p, size_t first) {
        for (size_t i = first; i < ELEMENTSOF(p->ours); i++) {
                int ends[2];
                if (pipe2(ends, O_CLOEXEC) < 0)
                        return -errno;
                p->ours[i] = ends[i == 0];
                p->theirs[i] = ends[i != 0];
        }
        return 0;
}

#define PIPES_NONE                                                                                          \
        {                                                                                                   \
                .ours = { -EBADF, -EBADF, -EBADF }, .theirs = { -EBADF, -EBADF, -EBADF }                    \
        }

static int spawn(const SandboxStart *start, const Pipes *p, MxcSession **ret, MxcError *error) {
        const MxcSpawn how = { .agent = start->agent,
                .sandbox = start->sandbox,
                .stdio = { p->theirs[0], p->theirs[1], p->theirs[2] },
                .pty = start->pty,
                .rows = start->rows,
                .columns = start->columns,
                .cancel = -EBADF };
        return mxc_session_spawn(start->request, &how, ret, error);
}

static void sandbox_destroyp(MxcSandbox **s) {
        if (*s)
                sandbox_destroy(*s);
}

static int take_ends(MxcSandbox *s, Pipes *p, bool pty) {
        if (pty) {
                int r = pump_new(mxc_session_take_pty(s->session), &p->ours[0], &p->ours[1], &s->pump);
                if (r < 0)
                        return r;
        }
        s->in = TAKE_FD(p->ours[0]);
        for (size_t i = 0; i < ELEMENTSOF(s->outputs); i++) {
                Output *o = &s->outputs[i];
                o->fd = TAKE_FD(p->ours[1 + i]);
                o->is_there = o->fd >= 0;
                o->closed = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
                if (o->closed < 0)
                        return -errno;
        }
        return 0;
}

int sandbox_start(const SandboxStart *start, MxcSandbox **ret, MxcError *error) {
        _cleanup_(pipes_close) Pipes p = PIPES_NONE;
        _cleanup_(sandbox_destroyp) MxcSandbox *s = calloc(1, sizeof(MxcSandbox));
        if (!s)
                return -ENOMEM;
        *s = (MxcSandbox){ .in = -EBADF,
                .lock = PTHREAD_MUTEX_INITIALIZER,
                .outputs = { { -EBADF, -EBADF, false }, { -EBADF, -EBADF, false } } };
        int r = start->pty ? 0 : pipes_open(&p, 0);
        if (r == 0)
                r = spawn(start, &p, &s->session, error);
        if (r == 0)
                r = take_ends(s, &p, start->pty);
        if (r < 0)
                return r;
        if (!own_add(OWN_SANDBOX, s, sandbox_destroy))
                return -ENOMEM;
        *ret = TAKE_PTR(s);
        return 0;
}

/* ---- what it prints ---- */

/* Reads both (which it closes) until the command has ended, and then until they are at their end, or for DRAIN_USEC. */
static int follow(MxcSession *session, int fds[2], Printed keep[2], MxcEnd *ret) {
        uint64_t ended_at = 0;
        int r = 0;
        while (r == 0) {
                if (ended_at == 0 && mxc_session_try_wait(session, ret) > 0)
                        ended_at = now_boottime();
                if (ended_at > 0 && ((fds[0] < 0 && fds[1] < 0) || now_boottime() - ended_at > DRAIN_USEC))
                        break;
                struct pollfd p[] = { { .fd = fds[0], .events = POLLIN }, { .fd = fds[1], .events = POLLIN },
                        { .fd = ended_at > 0 ? -1 : mxc_session_fd(session), .events = POLLIN } };
                if (poll(p, ELEMENTSOF(p), LOOK_MSEC) < 0 && errno != EINTR)
                        return -errno;
                for (size_t i = 0; i < 2 && r == 0; i++) {
                        int k = fds[i] >= 0 && p[i].revents ? printed_take(fds[i], keep ? &keep[i] : NULL)
                                                            : 0;
                        if (k < 0)
                                r = k;
                        else if (k > 0)
                                (void)close(TAKE_FD(fds[i]));
                }
        }
        return r;
}

int sandbox_capture(const SandboxStart *start, Captured *ret, MxcError *error) {
        _cleanup_(pipes_close) Pipes p = PIPES_NONE;
        _cleanup_(mxc_session_freep) MxcSession *session = NULL;
        _cleanup_(printed_clear) Printed out = { 0 }, err = { 0 };
        int r = pipes_open(&p, 1);
        if (r == 0)
                r = spawn(start, &p, &session, error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(p.theirs); i++)
                if (p.theirs[i] >= 0)
                        (void)close(TAKE_FD(p.theirs[i])); /* ours would keep them open */
        Printed kept[2] = { { 0 }, { 0 } };
        MxcEnd end = { 0 };
        r = follow(session, p.ours + 1, kept, &end);
        out = kept[0];
        err = kept[1];
        if (r < 0)
                return r;
        _cleanup_free_ char *out_text = text_of_bytes(out.data, out.n);
        char *err_text = out_text ? text_of_bytes(err.data, err.n) : NULL;
        const MxcStrings *said = mxc_session_cut(session);
        MxcStrings cut = { 0 };
        for (size_t i = 0; err_text && i < said->n; i++)
                if (mxc_strings_add(&cut, said->items[i]) < 0) {
                        free(err_text);
                        err_text = NULL;
                }
        if (!err_text) {
                mxc_strings_clear(&cut);
                return -ENOMEM;
        }
        *ret = (Captured){ .out = TAKE_PTR(out_text),
                .err = err_text,
                .out_is_cut = out.cut,
                .err_is_cut = err.cut,
                .end = end,
                .cut = cut };
        return 0;
}

/* ---- the functions on what was given out ---- */

static void tell(const MxcEnd *end, int32_t *ret_exit, int32_t *ret_timed_out) {
        *ret_timed_out = end->timed_out;
        *ret_exit = end->timed_out ? -1 : end->exit_code;
}

int32_t mxc_sandbox_try_wait(
                MxcSandbox *sandbox, int32_t *ret_exit, int32_t *ret_running, int32_t *ret_timed_out) {
        MxcSandbox *s = ret_exit && ret_running && ret_timed_out ? own_use(OWN_SANDBOX, sandbox) : NULL;
        if (!s)
                return MXC_NULL_ARGUMENT;
        MxcEnd end = { 0 };
        int r = mxc_session_try_wait(s->session, &end);
        own_done(s);
        if (r < 0)
                return MXC_BACKEND_ERROR;
        *ret_running = r == 0;
        *ret_exit = *ret_timed_out = 0;
        if (r > 0)
                tell(&end, ret_exit, ret_timed_out);
        return MXC_OK;
}

int32_t mxc_sandbox_wait(MxcSandbox *sandbox, int32_t *ret_exit, int32_t *ret_timed_out) {
        MxcSandbox *s = ret_exit && ret_timed_out ? own_use(OWN_SANDBOX, sandbox) : NULL;
        if (!s)
                return MXC_NULL_ARGUMENT;
        /* Nobody will write into it or read from it who has not begun to: a command that waits for that would never end. */
        (void)pthread_mutex_lock(&s->lock); /* of no kind that fails */
        int in = TAKE_FD(s->in), fds[2] = { TAKE_FD(s->outputs[0].fd), TAKE_FD(s->outputs[1].fd) };
        (void)pthread_mutex_unlock(&s->lock);
        if (in >= 0)
                (void)close(in);
        MxcEnd end = { 0 };
        int r = follow(s->session, fds, NULL, &end);
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                if (fds[i] >= 0)
                        (void)close(fds[i]);
        own_done(s);
        if (r < 0)
                return MXC_BACKEND_ERROR;
        tell(&end, ret_exit, ret_timed_out);
        return MXC_OK;
}

static int32_t with_session(MxcSandbox *sandbox, void (*act)(MxcSession *)) {
        MxcSandbox *s = own_use(OWN_SANDBOX, sandbox);
        if (!s)
                return MXC_NULL_ARGUMENT;
        act(s->session);
        own_done(s);
        return MXC_OK;
}

int32_t mxc_sandbox_kill(MxcSandbox *sandbox) {
        return with_session(sandbox, mxc_session_kill);
}

int32_t mxc_sandbox_kill_for_timeout(MxcSandbox *sandbox) {
        return with_session(sandbox, mxc_session_kill_for_timeout);
}

void mxc_sandbox_free(MxcSandbox *sandbox) {
        MxcSandbox *s = own_use(OWN_SANDBOX, sandbox);
        if (!s)
                return;
        mxc_session_kill(s->session); /* so that whoever waits for it in another thread comes back */
        own_done(s);
        (void)own_drop(OWN_SANDBOX, sandbox); /* another thread was faster, or this one has done it */
}

uint32_t mxc_sandbox_id(MxcSandbox *sandbox) {
        MxcSandbox *s = own_use(OWN_SANDBOX, sandbox);
        if (!s)
                return 0;
        uint32_t pid = mxc_session_pid(s->session);
        own_done(s);
        return pid;
}

int32_t mxc_sandbox_pty_resize(MxcSandbox *sandbox, uint16_t rows, uint16_t columns) {
        MxcSandbox *s = own_use(OWN_SANDBOX, sandbox);
        if (!s)
                return MXC_NULL_ARGUMENT;
        bool pty = s->pump != NULL;
        if (pty)
                pump_resize(s->pump, rows, columns);
        own_done(s);
        return pty ? MXC_OK : MXC_BACKEND_UNAVAILABLE;
}

/* Where there is something to say, the SDK for Node ends its process over it (mxc-sdk(7)): what there is, the journal tells. */
static int32_t tell_nothing(MxcSandbox *sandbox, char **ret) {
        if (!ret)
                return MXC_NULL_ARGUMENT;
        *ret = NULL;
        MxcSandbox *s = own_use(OWN_SANDBOX, sandbox);
        if (!s)
                return MXC_NULL_ARGUMENT;
        own_done(s);
        return MXC_OK;
}

int32_t mxc_sandbox_warnings_json(MxcSandbox *sandbox, char **ret) {
        return tell_nothing(sandbox, ret);
}

int32_t mxc_sandbox_output_metadata_json(MxcSandbox *sandbox, char **ret) {
        return tell_nothing(sandbox, ret);
}

/* ---- its pipes ---- */

static bool was_taken(const MxcSandbox *s) {
        return s->in < 0 || (s->outputs[0].fd < 0 && s->outputs[0].is_there) ||
               (s->outputs[1].fd < 0 && s->outputs[1].is_there);
}

int32_t mxc_sandbox_take_native_stdio(MxcSandbox *sandbox, MxcNativeStdio *ret) {
        if (!ret)
                return MXC_NULL_ARGUMENT;
        *ret = (MxcNativeStdio){ -1, -1, -1 };
        MxcSandbox *s = own_use(OWN_SANDBOX, sandbox);
        if (!s)
                return MXC_NULL_ARGUMENT;
        (void)pthread_mutex_lock(&s->lock);
        int32_t status = s->transferred ? MXC_BACKEND_UNAVAILABLE
                         : was_taken(s) ? MXC_BACKEND_ERROR
                                        : MXC_OK;
        if (status == MXC_OK) {
                s->transferred = true;
                *ret = (MxcNativeStdio){ .stdin_handle = TAKE_FD(s->in),
                        .stdout_handle = TAKE_FD(s->outputs[0].fd),
                        .stderr_handle = s->outputs[1].is_there ? TAKE_FD(s->outputs[1].fd) : -1 };
        }
        (void)pthread_mutex_unlock(&s->lock);
        own_done(s);
        return status;
}

MxcWriteStream *mxc_sandbox_take_stdin(MxcSandbox *sandbox) {
        MxcSandbox *s = own_use(OWN_SANDBOX, sandbox);
        if (!s)
                return NULL;
        (void)pthread_mutex_lock(&s->lock);
        int fd = TAKE_FD(s->in);
        (void)pthread_mutex_unlock(&s->lock);
        own_done(s);
        return fd < 0 ? NULL : stream_writer_new(fd);
}

/* Whoever reads of it keeps its time, and finds mxcd again. It may have been given back meanwhile; another that has its place is looked at for nothing. */
static bool look(const void *of) {
        MxcSandbox *s = own_use(OWN_SANDBOX, of);
        if (!s)
                return false;
        MxcEnd end;
        bool over = mxc_session_try_wait(s->session, &end) > 0;
        own_done(s);
        return !over;
}

static MxcReadStream *take_reader(MxcSandbox *sandbox, size_t i) {
        MxcSandbox *s = own_use(OWN_SANDBOX, sandbox);
        if (!s)
                return NULL;
        (void)pthread_mutex_lock(&s->lock);
        int fd = TAKE_FD(s->outputs[i].fd);
        (void)pthread_mutex_unlock(&s->lock);
        const StreamWatch watch = { .fd = mxc_session_fd(s->session), .of = s, .look = look };
        MxcReadStream *stream = fd < 0 ? NULL : stream_reader_new(fd, s->outputs[i].closed, &watch);
        own_done(s);
        return stream;
}

MxcReadStream *mxc_sandbox_take_stdout(MxcSandbox *sandbox) {
        return take_reader(sandbox, 0);
}

MxcReadStream *mxc_sandbox_take_stderr(MxcSandbox *sandbox) {
        return take_reader(sandbox, 1);
}

static MxcStreamCloser *closer_of(MxcSandbox *sandbox, size_t i) {
        MxcSandbox *s = own_use(OWN_SANDBOX, sandbox);
        if (!s)
                return NULL;
        MxcStreamCloser *closer = s->outputs[i].is_there ? stream_closer_new(s->outputs[i].closed) : NULL;
        own_done(s);
        return closer;
}

MxcStreamCloser *mxc_sandbox_stdout_closer(MxcSandbox *sandbox) {
        return closer_of(sandbox, 0);
}

MxcStreamCloser *mxc_sandbox_stderr_closer(MxcSandbox *sandbox) {
        return closer_of(sandbox, 1);
}
