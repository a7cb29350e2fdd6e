/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "door-frame.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "limits.h"
#include "log.h"

#define HEAD 16U     /* of a message, to know its length */
#define PIECE 65536U /* read at once; then others have their turn */
#define GROW 4096U

typedef enum FrameState {
        FRAME_GREETING, /* lines up to BEGIN, passed on as they come */
        FRAME_GATHER,   /* a message is coming */
        FRAME_HAND_ON,  /* it is whole, and on its way to sd-bus */
} FrameState;

struct DoorFrame {
        int peer;  /* not owned */
        int inner; /* to sd-bus */
        sd_event_source *from_peer, *to_inner, *patience;
        FrameState state;
        uint8_t *data;
        size_t used, size, sent;
        size_t greeted; /* bytes of the greeting */
        size_t *held;   /* not owned */
        int fds[LIMIT_MESSAGE_FDS];
        size_t n_fds;
        const DoorFrameOwner *owner;
        void *userdata;
};

static void close_fds(DoorFrame *f) {
        for (size_t i = 0; i < f->n_fds; i++)
                (void)close(f->fds[i]);
        f->n_fds = 0;
}

static void forget_data(DoorFrame *f) {
        *f->held -= f->size;
        free(f->data);
        f->data = NULL;
        f->used = f->size = f->sent = 0;
        close_fds(f);
}

static int leave(DoorFrame *f) {
        f->owner->gone(f->userdata); /* f is no more */
        return 0;
}

static int hang_up(DoorFrame *f, const char *why) {
        log_debug("A peer at the door is hung up on: %s", why);
        return leave(f);
}

/* ---- how much of it is a message ---- */

static uint32_t number_at(const uint8_t *p, bool little) {
        return little ? (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24
                      : (uint32_t)p[3] | (uint32_t)p[2] << 8 | (uint32_t)p[1] << 16 | (uint32_t)p[0] << 24;
}

/* 0: more is needed to say; -EBADMSG: it is none, or too long. */
static ssize_t message_size(const uint8_t *data, size_t n) {
        if (n < HEAD)
                return 0;
        if (data[0] != 'l' && data[0] != 'B')
                return -EBADMSG;
        uint64_t body = number_at(data + 4, data[0] == 'l'), fields = number_at(data + 12, data[0] == 'l');
        uint64_t size = HEAD + (fields + 7) / 8 * 8 + body;
        return size <= LIMIT_MESSAGE_BYTES ? (ssize_t)size : -EBADMSG;
}

/* ---- to sd-bus ---- */

/* 1: all of it went; 0: the rest has to wait. Descriptors go with the first byte, as the peer sent them. */
static int send_on(DoorFrame *f, size_t n) {
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(LIMIT_MESSAGE_FDS * sizeof(int))];
        } control = { 0 };
        while (f->sent < n) {
                struct iovec part = { .iov_base = f->data + f->sent, .iov_len = n - f->sent };
                struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
                if (f->n_fds > 0) {
                        m.msg_control = control.bytes;
                        m.msg_controllen = CMSG_SPACE(f->n_fds * sizeof(int));
                        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
                        c->cmsg_level = SOL_SOCKET;
                        c->cmsg_type = SCM_RIGHTS;
                        c->cmsg_len = CMSG_LEN(f->n_fds * sizeof(int));
                        memcpy(CMSG_DATA(c), f->fds, f->n_fds * sizeof(int));
                }
                ssize_t k = sendmsg(f->inner, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (k < 0)
                        return errno == EAGAIN ? 0 : -errno;
                close_fds(f);
                f->sent += (size_t)k;
        }
        return 1;
}

/* Whoever has begun to say something is waited for, for a while. */
static int stop_patience(DoorFrame *f) {
        return sd_event_source_set_enabled(f->patience, SD_EVENT_OFF);
}

static int start_patience(DoorFrame *f) {
        int on;
        int r = sd_event_source_get_enabled(f->patience, &on);
        if (r < 0 || on != SD_EVENT_OFF)
                return r;
        r = sd_event_source_set_time_relative(f->patience, LIMIT_MESSAGE_USEC);
        return r < 0 ? r : sd_event_source_set_enabled(f->patience, SD_EVENT_ONESHOT);
}

static int wait_for(DoorFrame *f, FrameState state) {
        bool hands_on = state == FRAME_HAND_ON;
        f->state = state;
        int r = sd_event_source_set_enabled(f->from_peer, hands_on ? SD_EVENT_OFF : SD_EVENT_ON);
        return r < 0 ? r : sd_event_source_set_enabled(f->to_inner, hands_on ? SD_EVENT_ON : SD_EVENT_OFF);
}

/* Every whole message that is there. What is left begins the next one. */
static int hand_on(DoorFrame *f) {
        for (;;) {
                ssize_t n = message_size(f->data, f->used);
                if (n < 0)
                        return (int)n;
                if (n == 0 || (size_t)n > f->used) {
                        int r = f->used > 0 ? start_patience(f) : stop_patience(f);
                        if (f->used == 0)
                                forget_data(f); /* which also closes what came with no message */
                        return r < 0 ? r : wait_for(f, FRAME_GATHER);
                }
                f->owner->comes(f->userdata); /* each time: it must not fall asleep in the middle of one */
                int r = send_on(f, (size_t)n);
                if (r < 0)
                        return r;
                if (r == 0)
                        return wait_for(f, FRAME_HAND_ON);
                f->used -= (size_t)n;
                f->sent = 0;
                memmove(f->data, f->data + n, f->used);
                r = stop_patience(f);
                if (r < 0)
                        return r;
        }
}

static int on_inner(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        DoorFrame *f = userdata;
        int r = hand_on(f);
        return r < 0 ? hang_up(f, strerror(-r)) : 0;
}

/* ---- from the peer ---- */

static int take_fds(DoorFrame *f, struct msghdr *m) {
        int r = m->msg_flags & MSG_CTRUNC ? -EMFILE : 0;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                for (size_t i = 0; i < n; i++) {
                        int fd;
                        memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
                        if (f->n_fds < LIMIT_MESSAGE_FDS) {
                                f->fds[f->n_fds++] = fd;
                        } else {
                                (void)close(fd);
                                r = -EMFILE;
                        }
                }
        }
        return r;
}

static int make_room(DoorFrame *f) {
        if (f->size - f->used >= GROW)
                return 0;
        size_t size = f->size < GROW ? 2 * GROW : 2 * f->size;
        if (size > LIMIT_MESSAGE_BYTES + PIECE)
                size = LIMIT_MESSAGE_BYTES + PIECE;
        if (size - f->used < GROW || *f->held + size - f->size > LIMIT_UNFINISHED_BYTES)
                return -ENOBUFS;
        uint8_t *data = realloc(f->data, size);
        if (!data)
                return -ENOMEM;
        *f->held += size - f->size;
        f->data = data;
        f->size = size;
        return 0;
}

/* sd-bus takes descriptors among the words of a greeting for an attack, so those of the first message wait until it has heard the end. */
static int send_greeting(DoorFrame *f, size_t n) {
        size_t n_fds = f->n_fds;
        f->n_fds = 0;
        f->sent = f->greeted; /* all of it that has not been passed on yet; the pair of sockets has room for that */
        int r = send_on(f, n);
        f->n_fds = n_fds;
        f->sent = 0;
        return r == 0 ? -EAGAIN : r;
}

/* Nothing is looked at but its end: sd-bus answers it, and the peer's claim to be somebody counts for nothing, see door.c. What is behind the
 * end is the first message, which a peer may send without waiting for the answers. */
static int greet(DoorFrame *f) {
        static const char begin[] = "BEGIN\r\n";
        const uint8_t *end = memmem(f->data, f->used, begin, sizeof(begin) - 1);
        size_t n = end ? (size_t)(end - f->data) + sizeof(begin) - 1 : f->used;
        if (n > LIMIT_GREETING_BYTES)
                return -EBADMSG;
        int r = send_greeting(f, n);
        if (r < 0)
                return r;
        f->greeted = n;
        if (!end)
                return f->n_fds > 0 ? -EBADMSG : start_patience(f);
        r = f->owner->let_in(f->userdata);
        if (r < 0)
                return r;
        f->used -= n;
        memmove(f->data, f->data + n, f->used);
        f->state = FRAME_GATHER;
        return hand_on(f);
}

static int on_peer(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        DoorFrame *f = userdata;
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(LIMIT_MESSAGE_FDS * sizeof(int))];
        } control;
        int r = make_room(f);
        if (r < 0)
                return hang_up(f, strerror(-r));
        size_t room = f->size - f->used;
        struct iovec part = { .iov_base = f->data + f->used, .iov_len = room < PIECE ? room : PIECE };
        struct msghdr m = {
                .msg_iov = &part,
                .msg_iovlen = 1,
                .msg_control = control.bytes,
                .msg_controllen = sizeof(control.bytes),
        };
        ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : hang_up(f, strerror(errno));
        r = take_fds(f, &m);
        if (r < 0)
                return hang_up(f, "more descriptors than a message may have");
        if (n == 0)
                return leave(f);
        f->used += (size_t)n;
        r = f->state == FRAME_GREETING ? greet(f) : hand_on(f);
        return r < 0 ? hang_up(f, strerror(-r)) : 0;
}

static int on_patience(sd_event_source *source, uint64_t usec, void *userdata) {
        return hang_up(userdata, "the rest of its message does not come");
}

int door_frame_new(sd_event *event, int peer, size_t *held, const DoorFrameOwner *owner, void *userdata,
                int *ret_input, DoorFrame **ret) {
        int pair[2];
        DoorFrame *f = calloc(1, sizeof(DoorFrame));
        if (!f)
                return -ENOMEM;
        *f = (DoorFrame){
                .peer = peer, .inner = -EBADF, .held = held, .owner = owner, .userdata = userdata
        };
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
                int r = -errno;
                free(f);
                return r;
        }
        f->inner = pair[0];
        int r = sd_event_add_io(event, &f->from_peer, peer, EPOLLIN, on_peer, f);
        if (r >= 0)
                r = sd_event_add_io(event, &f->to_inner, f->inner, EPOLLOUT, on_inner, f);
        if (r >= 0)
                r = sd_event_source_set_enabled(f->to_inner, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time_relative(
                                event, &f->patience, CLOCK_BOOTTIME, LIMIT_MESSAGE_USEC, 0, on_patience, f);
        if (r < 0) {
                (void)close(pair[1]);
                (void)door_frame_free(f); /* NULL */
                return r;
        }
        *ret_input = pair[1];
        *ret = f;
        return 0;
}

DoorFrame *door_frame_free(DoorFrame *f) {
        if (!f)
                return NULL;
        forget_data(f);
        sd_event_source *const sources[] = { f->from_peer, f->to_inner, f->patience };
        for (size_t i = 0; i < ELEMENTSOF(sources); i++)
                sd_event_source_disable_unref(sources[i]);
        cleanup_closep(&f->inner);
        free(f);
        return NULL;
}
