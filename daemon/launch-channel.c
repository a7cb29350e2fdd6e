/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "fd-pass.h"
#include "launch-channel.h"
#include "log.h"

#define CALL_BUCKETS 1024U
#define CONNECT_AGAIN_USEC (UINT64_C(100) * 1000)
#define ANSWER_USEC                                                                                         \
        (UINT64_C(45) * 1000000) /* a spawn may wait for a proof and then for its own setup, each up to 15 s */

typedef struct Call {
        LIST_ENTRY(Call) entries;
        TAILQ_ENTRY(Call) by_age;
        uint64_t deadline; /* CLOCK_MONOTONIC */
        uint64_t serial;
        LaunchDone done;
        void *userdata;
} Call;

typedef struct Outgoing {
        STAILQ_ENTRY(Outgoing) entries;
        LaunchRequest request;
        int fds[LAUNCH_MAX_FDS]; /* owned */
        size_t n_fds;
} Outgoing;

typedef enum ChannelState { CHANNEL_DOWN, CHANNEL_GREETING, CHANNEL_UP } ChannelState;

struct LaunchChannel {
        sd_event *event;
        char *path;
        LaunchOwner owner;
        ChannelState state;
        int fd;
        sd_event_source *io, *again;
        sd_event_source *late; /* at the deadline of the oldest call */
        bool told;             /* of the last failure to connect */
        uint64_t serial, hello;
        LaunchFeatures features;
        LIST_HEAD(, Call) calls[CALL_BUCKETS];
        TAILQ_HEAD(, Call) ages; /* the oldest first */
        STAILQ_HEAD(, Outgoing) outgoing;
};

DEFINE_CLEANUP(LaunchChannel *, launch_channel_free);

static void close_all(const int *fds, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (fds[i] >= 0)
                        (void)close(fds[i]); /* nobody wanted it */
}

static void outgoing_free(Outgoing *o) {
        close_all(o->fds, o->n_fds);
        free(o);
}

static void forget_outgoing(LaunchChannel *c) {
        while (!STAILQ_EMPTY(&c->outgoing)) {
                Outgoing *o = STAILQ_FIRST(&c->outgoing);
                STAILQ_REMOVE_HEAD(&c->outgoing, entries);
                outgoing_free(o);
        }
}

static Call *find_call(LaunchChannel *c, uint64_t serial) {
        Call *call;
        LIST_FOREACH(call, &c->calls[serial % CALL_BUCKETS], entries)
                if (call->serial == serial)
                        return call;
        return NULL;
}

static void answer(LaunchChannel *c, Call *call, const LaunchReport *report, int *fds, size_t n_fds) {
        LIST_REMOVE(call, entries);
        TAILQ_REMOVE(&c->ages, call, by_age);
        if (call->done)
                call->done(report, fds, n_fds, call->userdata);
        free(call);
}

static void fail_calls(LaunchChannel *c) {
        const LaunchReport gone = {
                .event = LAUNCH_EVENT_FAILED, .error = ENOTCONN, .detail = "mxc-launch went away"
        };
        for (size_t i = 0; i < CALL_BUCKETS; i++)
                while (!LIST_EMPTY(&c->calls[i]))
                        answer(c, LIST_FIRST(&c->calls[i]), &gone, NULL, 0);
}

static void connect_later(LaunchChannel *c);

static void go_down(LaunchChannel *c, const char *why) {
        bool was_up = c->state == CHANNEL_UP;
        if (c->state != CHANNEL_DOWN)
                log_warning("The channel to mxc-launch is down: %s", why);
        c->state = CHANNEL_DOWN;
        c->io = sd_event_source_disable_unref(c->io);
        if (c->fd >= 0)
                (void)close(TAKE_FD(c->fd)); /* the launcher sees its end */
        forget_outgoing(c);
        if (was_up && c->owner.down)
                c->owner.down(c->owner.userdata);
        fail_calls(c);
        connect_later(c);
}

/* ---- out ---- */

static int set_events(LaunchChannel *c) {
        uint32_t events = EPOLLIN | (STAILQ_EMPTY(&c->outgoing) ? 0 : EPOLLOUT);
        return sd_event_source_set_io_events(c->io, events);
}

static int flush(LaunchChannel *c) {
        while (!STAILQ_EMPTY(&c->outgoing)) {
                Outgoing *o = STAILQ_FIRST(&c->outgoing);
                int r = launch_send(c->fd, &o->request, sizeof(o->request), o->fds, o->n_fds);
                if (r == -EAGAIN)
                        break;
                if (r < 0)
                        return r;
                STAILQ_REMOVE_HEAD(&c->outgoing, entries);
                outgoing_free(o);
        }
        return set_events(c);
}

static int enqueue(LaunchChannel *c, const LaunchRequest *q, const int *fds, size_t n_fds) {
        Outgoing *o = calloc(1, sizeof(Outgoing));
        if (!o)
                return -ENOMEM;
        o->request = *q;
        for (size_t i = 0; i < n_fds; i++) {
                int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
                if (fd < 0) {
                        int r = -errno;
                        outgoing_free(o);
                        return r;
                }
                o->fds[o->n_fds++] = fd;
        }
        STAILQ_INSERT_TAIL(&c->outgoing, o, entries);
        return set_events(c);
}

static void watch_for_late(LaunchChannel *c, uint64_t deadline) {
        (void)sd_event_source_set_time(c->late, deadline); /* both only fail for a source that is none */
        (void)sd_event_source_set_enabled(c->late, SD_EVENT_ONESHOT);
}

/* A launcher that does not answer is as good as none. What it may still start, a sandbox or a command, is found by the next HELLO, and ended: nobody
 * has a record of it. */
static int on_late(sd_event_source *source, uint64_t usec, void *userdata) {
        LaunchChannel *c = userdata;
        const Call *oldest = TAILQ_FIRST(&c->ages);
        if (!oldest)
                return 0;
        struct pollfd unread = { .fd = c->fd, .events = POLLIN };
        if (oldest->deadline > usec)
                watch_for_late(c, oldest->deadline);
        else if (poll(&unread, 1, 0) > 0)
                watch_for_late(c, usec + 1); /* its answer may be there: who is late is us */
        else
                go_down(c, "it does not answer");
        return 0;
}

/* At once where the socket takes it, in order behind what waits already. */
static int transmit(LaunchChannel *c, const LaunchRequest *q, const int *fds, size_t n_fds) {
        if (!STAILQ_EMPTY(&c->outgoing))
                return enqueue(c, q, fds, n_fds);
        int r = launch_send(c->fd, q, sizeof(*q), fds, n_fds);
        return r == -EAGAIN ? enqueue(c, q, fds, n_fds) : r;
}

static int call(LaunchChannel *c, const LaunchRequest *request, const int *fds, size_t n_fds,
                LaunchDone done, void *userdata) {
        if (n_fds > LAUNCH_MAX_FDS)
                return -E2BIG;
        Call *new = calloc(1, sizeof(Call));
        if (!new)
                return -ENOMEM;
        *new = (Call){ .serial = ++c->serial, .done = done, .userdata = userdata };
        (void)sd_event_now(c->event, CLOCK_MONOTONIC,
                        &new->deadline); /* asks the clock where no event is handled */
        new->deadline += c->owner.answer_usec > 0 ? c->owner.answer_usec : ANSWER_USEC;
        LaunchRequest q = *request;
        q.magic = LAUNCH_MAGIC;
        q.version = LAUNCH_VERSION;
        q.serial = new->serial;
        int r = transmit(c, &q, fds, n_fds);
        if (r < 0) {
                free(new);
                return r;
        }
        LIST_INSERT_HEAD(&c->calls[new->serial % CALL_BUCKETS], new, entries);
        if (TAILQ_EMPTY(&c->ages))
                watch_for_late(c, new->deadline);
        TAILQ_INSERT_TAIL(&c->ages, new, by_age);
        return 0;
}

int launch_channel_call(LaunchChannel *c, const LaunchRequest *q, const int *fds, size_t n_fds,
                LaunchDone done, void *userdata) {
        return c->state == CHANNEL_UP ? call(c, q, fds, n_fds, done, userdata) : -ENOTCONN;
}

/* ---- in ---- */

static void on_hello(const LaunchReport *report, int *fds, size_t n_fds, void *userdata) {
        LaunchChannel *c = userdata;
        if (report->event != LAUNCH_EVENT_OK) {
                if (c->state == CHANNEL_GREETING) /* otherwise it is going down already */
                        go_down(c, "it does not greet");
                return;
        }
        c->state = CHANNEL_UP;
        c->told = false;
        if (c->owner.up)
                c->owner.up(&c->features, c->owner.userdata);
}

static bool is_text(const char *text, size_t size) {
        return memchr(text, 0, size) != NULL;
}

/* False for what no launcher of this version sends. */
static bool serve(LaunchChannel *c, const LaunchReport *report, int *fds, size_t n_fds) {
        if (!is_text(report->id, sizeof(report->id)) || !is_text(report->path, sizeof(report->path)) ||
                        !is_text(report->detail, sizeof(report->detail)))
                return false;
        switch ((LaunchEvent)report->event) {
        case LAUNCH_EVENT_READY:
                c->features = report->features;
                return report->serial == c->hello;
        case LAUNCH_EVENT_ADOPT:
                if (c->owner.adopt)
                        c->owner.adopt(report, fds, n_fds, c->owner.userdata);
                return report->serial == c->hello;
        case LAUNCH_EVENT_EXITED:
                if (c->owner.exited)
                        c->owner.exited(report, c->owner.userdata);
                return true;
        case LAUNCH_EVENT_OK:
        case LAUNCH_EVENT_STARTED:
        case LAUNCH_EVENT_FAILED: {
                Call *known = find_call(c, report->serial);
                if (known)
                        answer(c, known, report, fds, n_fds);
                return known != NULL;
        }
        case _LAUNCH_EVENT_MAX:
                break;
        }
        return false;
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        LaunchChannel *c = userdata;
        if (events & EPOLLOUT && flush(c) < 0) {
                go_down(c, "it takes nothing more");
                return 0;
        }
        for (int i = 0; i < 64 && c->fd >= 0; i++) { /* then others have a turn */
                LaunchReport report;
                int fds[LAUNCH_MAX_FDS];
                size_t n_fds = 0;
                int r = launch_receive(c->fd, &report, sizeof(report), fds, &n_fds);
                if (r == -EAGAIN)
                        return 0;
                if (r <= 0) {
                        go_down(c, r == 0 ? "it has ended" : strerror(-r));
                        return 0;
                }
                bool sane = serve(c, &report, fds, n_fds);
                close_all(fds, n_fds);
                if (!sane && c->fd >= 0)
                        go_down(c, "it sent what is no report");
        }
        return 0;
}

/* ---- the connection ---- */

static int try_connect(LaunchChannel *c) {
        _cleanup_close_ int fd = fd_connect(c->path, SOCK_SEQPACKET | SOCK_NONBLOCK);
        if (fd < 0)
                return fd;
        int r = sd_event_add_io(c->event, &c->io, fd, EPOLLIN, on_io, c);
        if (r < 0)
                return r;
        c->fd = TAKE_FD(fd);
        c->state = CHANNEL_GREETING;
        const LaunchRequest hello = { .verb = LAUNCH_HELLO };
        r = call(c, &hello, NULL, 0, on_hello, c);
        c->hello = c->serial;
        return r;
}

static int on_again(sd_event_source *source, uint64_t usec, void *userdata) {
        LaunchChannel *c = userdata;
        if (c->state != CHANNEL_DOWN)
                return 0;
        int r = try_connect(c);
        if (r >= 0)
                return 0;
        if (!c->told)
                log_warning("Cannot reach mxc-launch at %s: %s. Trying on.", c->path, strerror(-r));
        c->told = true;
        if (c->state == CHANNEL_DOWN)
                connect_later(c);
        else
                go_down(c, strerror(-r));
        return 0;
}

static void connect_later(LaunchChannel *c) {
        if (!c->again)
                return; /* it is being taken down */
        (void)sd_event_source_set_time_relative(
                        c->again, CONNECT_AGAIN_USEC); /* both only fail for a source that is none */
        (void)sd_event_source_set_enabled(c->again, SD_EVENT_ONESHOT);
}

int launch_channel_new(sd_event *event, const char *path, const LaunchOwner *owner, LaunchChannel **ret) {
        _cleanup_(launch_channel_freep) LaunchChannel *c = calloc(1, sizeof(LaunchChannel));
        if (!c)
                return -ENOMEM;
        c->fd = -EBADF;
        c->owner = *owner;
        STAILQ_INIT(&c->outgoing);
        TAILQ_INIT(&c->ages);
        c->event = sd_event_ref(event);
        c->path = strdup(path);
        if (!c->path)
                return -ENOMEM;
        int r = sd_event_add_time_relative(event, &c->again, CLOCK_MONOTONIC, 0, 1, on_again, c);
        if (r >= 0)
                r = sd_event_add_time(event, &c->late, CLOCK_MONOTONIC, UINT64_MAX, 0, on_late, c);
        if (r >= 0)
                r = sd_event_source_set_enabled(c->late, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

LaunchChannel *launch_channel_free(LaunchChannel *c) {
        if (!c)
                return NULL;
        c->again = sd_event_source_disable_unref(c->again);
        c->late = sd_event_source_disable_unref(c->late);
        c->owner = (LaunchOwner){ 0 };
        c->state = CHANNEL_DOWN;
        c->io = sd_event_source_disable_unref(c->io);
        cleanup_closep(&c->fd);
        forget_outgoing(c);
        fail_calls(c);
        sd_event_unref(c->event);
        free(c->path);
        free(c);
        return NULL;
}

bool launch_channel_is_up(const LaunchChannel *c) {
        return c->state == CHANNEL_UP;
}
