/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "door.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "cleanup.h"
#include "names.h"

#define BUS_NAME "org.freedesktop.DBus"
#define BUS_PATH "/org/freedesktop/DBus"
#define BUS_SOCKET "unix:path=/run/dbus/system_bus_socket"
#define LINE_MAX_BYTES 512U /* of the introduction */
#define UID_OVERFLOW ((uid_t)65534)

struct Door {
        int fd;
        bool is_bus;
        bool waits;     /* calls have to, until we are let in */
        unsigned lines; /* of the introduction, still to come */
        uint32_t serial;
        char peer[256]; /* mxcd's unique name on the bus, once it has answered: any user of a bus can send us a signal */

        uint8_t *in;
        size_t n_in, allocated, used; /* used: the message that was given out last */
        int fds[2 * WIRE_FDS_MAX];    /* received, in order */
        size_t n_fds, n_message_fds;  /* the first n_message_fds are that message's */
};

DEFINE_CLEANUP(Door *, door_free);

static void drop_fds(Door *d, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (d->fds[i] >= 0)
                        (void)close(d->fds[i]); /* not wanted */
        memmove(d->fds, d->fds + n, (d->n_fds - n) * sizeof(int));
        d->n_fds -= n;
}

Door *door_free(Door *d) {
        if (!d)
                return NULL;
        drop_fds(d, d->n_fds);
        if (d->fd >= 0)
                (void)close(d->fd); /* nothing to lose in it */
        free(d->in);
        free(d);
        return NULL;
}

/* 0: no limit. */
static int limit_sending(int fd, int msec) {
        const struct timeval limit = { .tv_sec = msec / 1000, .tv_usec = msec % 1000 * 1000 };
        return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0 ? -errno : 0;
}

/* Where as many wait to be accepted as there is room for, connect() waits; with the limit it gives up with EAGAIN. */
static int connect_unix(const char *path, size_t length, int msec) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        if (length == 0 || length >= sizeof address.sun_path)
                return -EINVAL;
        memcpy(address.sun_path, path, length);
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        int r = limit_sending(fd, msec);
        if (r == 0 && connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
                r = errno == EAGAIN ? -ETIMEDOUT : -errno;
        if (r == 0)
                r = limit_sending(fd, 0);
        return r < 0 ? r : TAKE_FD(fd);
}

/* Of a D-Bus address list, the one form that every system bus has: unix:path=… */
static int connect_bus(const char *address, int msec) {
        static const char prefix[] = "unix:path=";
        for (const char *p = address; p; p = strchr(p, ';')) {
                p += *p == ';';
                if (strncmp(p, prefix, sizeof prefix - 1) == 0) {
                        p += sizeof prefix - 1;
                        return connect_unix(p, strcspn(p, ",;"), msec);
                }
        }
        return -EPROTONOSUPPORT;
}

static int send_all(int fd, const uint8_t *data, size_t size, const int *fds, size_t n_fds) {
        union {
                struct cmsghdr align;
                char space[CMSG_SPACE(WIRE_FDS_MAX * sizeof(int))];
        } control;
        while (size > 0) {
                struct iovec iov = { .iov_base = (void *)data, .iov_len = size };
                struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
                if (n_fds > 0) { /* they go with the first byte */
                        memset(&control, 0, sizeof control);
                        m.msg_control = &control;
                        m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
                        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
                        c->cmsg_level = SOL_SOCKET;
                        c->cmsg_type = SCM_RIGHTS;
                        c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
                        memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
                }
                ssize_t n = sendmsg(fd, &m, MSG_NOSIGNAL);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return errno == EPIPE ? -ECONNRESET : -errno;
                data += n;
                size -= (size_t)n;
                n_fds = 0;
        }
        return 0;
}

/* SASL's EXTERNAL: our uid in hexadecimal digits of decimal digits. All of it at once, as sd-bus does; the answers are two
 * lines. On a bus, messages have to wait for these: a server that reads descriptors among the words of an introduction takes them for
 * an attack. mxcd keeps the two apart. */
static int introduce(Door *d) {
        char uid[16], text[128];
        int n = snprintf(uid, sizeof uid, "%u", geteuid()), length = 1;
        text[0] = '\0';
        length += snprintf(text + length, sizeof text - (size_t)length, "AUTH EXTERNAL ");
        for (int i = 0; i < n; i++)
                length += snprintf(text + length, sizeof text - (size_t)length, "%02x", uid[i]);
        length += snprintf(
                        text + length, sizeof text - (size_t)length, "\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n");
        d->lines = 2;
        return send_all(d->fd, (const uint8_t *)text, (size_t)length, NULL, 0);
}

/* Whether mxcd is there to read: it listens again on the socket that systemd gave it (daemon/door.c), and who connects is told the credentials of
 * whoever listened last (unix(7), SO_PEERCRED). What is sent to nobody stays in the socket when we have gone, and with it the
 * descriptors: whoever reads from the other end of a pipe would wait for mxcd's return. Where its pid cannot be seen, it is not there. */
static bool is_attended(int fd) {
        struct ucred who;
        socklen_t size = sizeof who;
        return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 && who.pid > 1 &&
               (kill(who.pid, 0) == 0 || errno == EPERM);
}

/* At the second door, the end of a connection that was not let in is the answer to who we are. */
static int why_lost(const Door *d, int r) {
        return r == -ECONNRESET && d->lines > 0 && !d->is_bus ? -ECONNABORTED : r;
}

const char *door_why_aborted(uid_t uid) {
        return uid == UID_OVERFLOW ? "mxcd hung up on you: uid 65534 is that of everybody whom a user "
                                     "namespace does "
                                     "not know; ask as another user"
                                   : "mxcd hung up before it let you in: either it was restarted this "
                                     "moment, or "
                                     "your user has too many connections to it; try again";
}

int door_open(const char *private_socket, const char *bus_address, int msec, Door **ret) {
        _cleanup_(door_freep) Door *d = calloc(1, sizeof(Door));
        if (!d)
                return -ENOMEM;
        const char *path = private_socket ? private_socket : MXC_PRIVATE_SOCKET;
        d->fd = connect_unix(path, strlen(path), msec);
        if (d->fd == -ETIMEDOUT)
                return d->fd; /* mxcd is there, and on the bus it would not come to us sooner */
        if (d->fd < 0) {
                if (!bus_address)
                        bus_address = getenv("DBUS_SYSTEM_BUS_ADDRESS");
                d->is_bus = true;
                d->fd = connect_bus(bus_address ? bus_address : BUS_SOCKET, msec);
                if (d->fd < 0)
                        return d->fd;
        }
        d->waits = d->is_bus || !is_attended(d->fd);
        int r = introduce(d);
        if (r < 0)
                return why_lost(d, r);
        *ret = TAKE_PTR(d);
        return 0;
}

int door_fd(const Door *d) {
        return d->fd;
}

bool door_is_ready(const Door *d) {
        return d->lines == 0 || !d->waits;
}

bool door_lets_in(const Door *d) {
        return d->lines == 0;
}

uint32_t door_begin(Door *d, WireWriter *w, const DoorCall *call) {
        wire_begin(w, &(WireCall){ .serial = ++d->serial,
                                      .flags = call->flags,
                                      .destination = d->is_bus ? MXC_BUS_NAME : NULL,
                                      .path = call->path,
                                      .interface = call->interface,
                                      .member = call->member,
                                      .signature = call->signature,
                                      .n_fds = call->n_fds });
        return d->serial;
}

int door_send(Door *d, WireWriter *w) {
        int r = wire_end(w);
        if (r == 0)
                r = send_all(d->fd, w->data, w->size, w->fds, w->n_fds);
        wire_clear(w);
        return why_lost(d, r);
}

/* To the bus itself: who we are, and that we want to hear when mxcd leaves it. */
static int join_bus(Door *d) {
        WireWriter w;
        wire_begin(&w, &(WireCall){ .serial = ++d->serial,
                                       .destination = BUS_NAME,
                                       .path = BUS_PATH,
                                       .interface = BUS_NAME,
                                       .member = "Hello",
                                       .signature = "" });
        int r = door_send(d, &w);
        if (r < 0)
                return r;
        wire_begin(&w, &(WireCall){ .serial = ++d->serial,
                                       .flags = WIRE_NO_REPLY,
                                       .destination = BUS_NAME,
                                       .path = BUS_PATH,
                                       .interface = BUS_NAME,
                                       .member = "AddMatch",
                                       .signature = "s" });
        wire_string(&w, "type='signal',sender='" BUS_NAME "',member='NameOwnerChanged',arg0='" MXC_BUS_NAME
                        "'");
        return door_send(d, &w);
}

static int keep_fds(Door *d, const struct cmsghdr *c) {
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        int fds[WIRE_FDS_MAX];
        memcpy(fds, CMSG_DATA(c), n * sizeof(int));
        for (size_t i = 0; i < n; i++)
                if (d->n_fds < ELEMENTSOF(d->fds))
                        d->fds[d->n_fds++] = fds[i];
                else
                        (void)close(fds[i]); /* told below */
        return d->n_fds < ELEMENTSOF(d->fds) ? 0 : -EBADMSG;
}

/* One recvmsg() into the buffer. 1: something came, 0: nothing is there. */
static int fill(Door *d) {
        union {
                struct cmsghdr align;
                char space[CMSG_SPACE(WIRE_FDS_MAX * sizeof(int))];
        } control;
        if (d->allocated - d->n_in < 4096) {
                uint8_t *in = realloc(d->in, d->allocated * 2 + 8192);
                if (!in)
                        return -ENOMEM;
                d->in = in;
                d->allocated = d->allocated * 2 + 8192;
        }
        struct iovec iov = { .iov_base = d->in + d->n_in, .iov_len = d->allocated - d->n_in };
        struct msghdr m = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
        };
        ssize_t n = recvmsg(d->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
                if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
                        int r = keep_fds(d, c);
                        if (r < 0)
                                return r;
                }
        if (m.msg_flags & MSG_CTRUNC)
                return -EBADMSG; /* descriptors were lost: no message can be trusted to have its own */
        if (n == 0)
                return -ECONNRESET;
        d->n_in += (size_t)n;
        return 1;
}

static void consume(Door *d, size_t n) {
        memmove(d->in, d->in + n, d->n_in - n);
        d->n_in -= n;
}

/* Lines of the introduction that are in the buffer. */
static int read_introduction(Door *d) {
        static const char *const wanted[] = { "AGREE_UNIX_FD", "OK " }; /* last first */
        while (d->lines > 0) {
                const uint8_t *end = d->n_in > 0 ? memmem(d->in, d->n_in, "\r\n", 2) : NULL;
                if (!end)
                        return d->n_in > LINE_MAX_BYTES ? -EBADMSG : 0;
                const char *want = wanted[d->lines - 1];
                size_t length = (size_t)(end - d->in);
                if (length < strlen(want) || memcmp(d->in, want, strlen(want)) != 0)
                        return -EPERM; /* REJECTED, or ERROR */
                consume(d, length + 2);
                d->lines--;
        }
        return d->is_bus ? join_bus(d) : 0;
}

static int next_message(Door *d, WireMessage *ret) {
        size_t length;
        if (d->n_in < WIRE_HEADER_MIN)
                return 0;
        int r = wire_length(d->in, &length);
        if (r < 0)
                return r;
        if (d->n_in < length)
                return 0;
        r = wire_parse(d->in, length, ret);
        if (r < 0)
                return r;
        if (ret->n_fds > d->n_fds)
                return -EBADMSG;
        d->used = length;
        d->n_message_fds = ret->n_fds;
        return 1;
}

/* On a bus, who says it? 1: mxcd; 0: somebody who does not matter; -ECONNRESET: the bus, that mxcd has gone. */
static int judge(Door *d, WireMessage *m) {
        if (m->type == WIRE_RETURN || m->type == WIRE_ERROR) {
                /* the bus lets only him answer who was asked */
                if (streq(m->sender, BUS_NAME))
                        return m->type == WIRE_ERROR;
                if (strlen(m->sender) < sizeof d->peer)
                        memcpy(d->peer, m->sender, strlen(m->sender) + 1);
                return 1;
        }
        if (m->type != WIRE_SIGNAL)
                return 0;
        if (streq(m->sender, BUS_NAME) && streq(m->member, "NameOwnerChanged") &&
                        streq(m->signature, "sss")) {
                WireReader r = m->body;
                const char *name = wire_read_string(&r), *old = wire_read_string(&r);
                return !r.failed && streq(name, MXC_BUS_NAME) && *old && streq(old, d->peer) ? -ECONNRESET
                                                                                             : 0;
        }
        return *d->peer && streq(m->sender, d->peer);
}

int door_receive(Door *d, WireMessage *ret) {
        if (d->used > 0) {
                consume(d, d->used);
                drop_fds(d, d->n_message_fds);
                d->used = d->n_message_fds = 0;
        }
        for (;;) {
                int r;
                if (d->lines > 0) {
                        r = read_introduction(d);
                        if (r < 0)
                                return r;
                        if (d->lines == 0 && d->is_bus)
                                return 0; /* whoever waited to be let in can go on */
                        if (d->lines == 0)
                                continue; /* what was asked meanwhile may be answered already */
                } else {
                        r = next_message(d, ret);
                        if (r > 0 && d->is_bus)
                                r = judge(d, ret);
                        if (r != 0)
                                return r;
                        if (d->used > 0) { /* of no interest */
                                consume(d, d->used);
                                drop_fds(d, d->n_message_fds);
                                d->used = d->n_message_fds = 0;
                                continue;
                        }
                }
                r = fill(d);
                if (r <= 0)
                        return why_lost(d, r);
        }
}

int door_turn(Door **d, void (*on_message)(const WireMessage *m, void *userdata), void *userdata) {
        WireMessage m;
        int r = 0;
        bool was_ready = door_is_ready(*d);
        while (*d && (r = door_receive(*d, &m)) > 0)
                on_message(&m, userdata);
        if (!*d)
                return 0;
        return r < 0 ? r : !was_ready && door_is_ready(*d);
}

int door_wait_ready(Door *d, int msec) {
        WireMessage m;
        while (d->lines > 0) {
                int r = door_receive(d, &m);
                if (r < 0)
                        return r;
                if (d->lines == 0)
                        break;
                struct pollfd p = { .fd = d->fd, .events = POLLIN };
                r = poll(&p, 1, msec);
                if (r < 0 && errno != EINTR)
                        return -errno;
                if (r == 0)
                        return -ETIMEDOUT;
        }
        return 0;
}

int door_take_fd(Door *d, uint32_t index) {
        return index < d->n_message_fds ? TAKE_FD(d->fds[index]) : -EBADF;
}
