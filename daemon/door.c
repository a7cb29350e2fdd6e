/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "door.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <systemd/sd-id128.h>

#include "bus.h"
#include "cleanup.h"
#include "door-frame.h"
#include "limits.h"
#include "log.h"
#include "sandbox.h"

#define ACCEPT_AGAIN_USEC (UINT64_C(100) * 1000)
#define DOZE_USEC (UINT64_C(1000) * 1000) /* without a message for so long, or nearly twice */

/* What one uid has at the door. */
typedef struct Visitor {
        LIST_ENTRY(Visitor) entries;
        uid_t uid;
        size_t n;    /* connections */
        size_t held; /* bytes of unfinished messages */
} Visitor;

typedef struct Connection {
        LIST_ENTRY(Connection) entries;
        Door *door;
        int fd; /* the peer */
        DoorFrame *frame;
        sd_bus *bus;
        Caller *caller;
        Visitor *visitor; /* NULL: not counted yet */
        LIST_ENTRY(Connection) awake_entries;
        bool awake, busy;      /* busy: something came since it was looked at */
        int input, output;     /* the bus's */
        sd_event_source *room; /* asleep: the peer has read something */
} Connection;

struct Door {
        Manager *manager;
        int listener;
        sd_event_source *source, *again;
        sd_bus *spare; /* for the next who connects; NULL: it is made then */
        sd_event_source *refill;
        sd_id128_t id;
        LIST_HEAD(, Connection)
        connections; /* of whom something came last is first: it is looked for next */
        LIST_HEAD(, Connection) awake;
        size_t n_awake;
        sd_event_source *doze; /* while any is awake */
        LIST_HEAD(, Visitor) visitors;
        size_t n;     /* connections of all uids but root's */
        bool closing; /* it is us who leave, and those at the other end come back to the next mxcd */
};

static void leave(Connection *c) {
        Visitor *v = c->visitor;
        if (!v)
                return;
        c->door->n -= v->uid != 0;
        if (--v->n == 0) {
                LIST_REMOVE(v, entries);
                free(v);
        }
}

/* As long as there is room for one more of this uid, and of all. */
static int enter(Connection *c, uid_t uid) {
        Door *d = c->door;
        Visitor *v;
        LIST_FOREACH(v, &d->visitors, entries)
                if (v->uid == uid)
                        break;
        if (uid != 0 && ((v && v->n >= LIMIT_CONNECTIONS_PER_UID) || d->n >= LIMIT_CONNECTIONS))
                return -EUSERS;
        if (!v) {
                v = calloc(1, sizeof(Visitor));
                if (!v)
                        return -ENOMEM;
                v->uid = uid;
                LIST_INSERT_HEAD(&d->visitors, v, entries);
        }
        v->n++;
        d->n += uid != 0;
        c->visitor = v;
        return 0;
}

/* ---- asleep and awake ---- */

static int arm_doze(Door *d);

static int wake(Connection *c) {
        Door *d = c->door;
        c->busy = true;
        if (c->awake)
                return 0;
        c->room = sd_event_source_disable_unref(c->room); /* of a descriptor that the loop takes only once */
        int r = sd_bus_attach_event(c->bus, d->manager->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;
        c->awake = true;
        LIST_INSERT_HEAD(&d->awake, c, awake_entries);
        return d->n_awake++ == 0 ? arm_doze(d) : 0;
}

static void forget_awake(Connection *c) {
        if (!c->awake)
                return;
        LIST_REMOVE(c, awake_entries);
        c->door->n_awake--;
        c->awake = false;
}

/* Nothing is on its way, neither to it nor from it. */
static bool may_doze(const Connection *c) {
        uint64_t in, out;
        int unread;
        return !c->busy && sd_bus_is_ready(c->bus) > 0 && sd_bus_get_n_queued_read(c->bus, &in) >= 0 &&
               in == 0 && sd_bus_get_n_queued_write(c->bus, &out) >= 0 && out == 0 &&
               ioctl(c->input, FIONREAD, &unread) == 0 && unread == 0;
}

static int on_room(sd_event_source *source, int fd, uint32_t events, void *userdata);

static void doze(Connection *c) {
        (void)sd_bus_detach_event(c->bus); /* only fails for a bus that is none */
        forget_awake(c);
        if (sd_event_add_io(c->door->manager->event, &c->room, c->output, EPOLLOUT | EPOLLET, on_room, c) <
                                        0 &&
                        wake(c) < 0)
                (void)shutdown(c->fd, SHUT_RDWR); /* nobody would hear it; its frame finds the end */
}

static int on_doze(sd_event_source *source, uint64_t usec, void *userdata) {
        Door *d = userdata;
        for (Connection *c = LIST_FIRST(&d->awake), *next; c; c = next) {
                next = LIST_NEXT(c, awake_entries);
                bool quiet = may_doze(c);
                c->busy = false;
                if (quiet)
                        doze(c);
        }
        return d->n_awake > 0 ? arm_doze(d) : 0;
}

static int arm_doze(Door *d) {
        if (!d->doze)
                return sd_event_add_time_relative(
                                d->manager->event, &d->doze, CLOCK_MONOTONIC, DOZE_USEC, 0, on_doze, d);
        int r = sd_event_source_set_time_relative(d->doze, DOZE_USEC);
        return r < 0 ? r : sd_event_source_set_enabled(d->doze, SD_EVENT_ONESHOT);
}

static void on_comes(void *userdata) {
        Connection *c = userdata;
        LIST_REMOVE(c, entries);
        LIST_INSERT_HEAD(&c->door->connections, c, entries);
        if (wake(c) < 0)
                (void)shutdown(c->fd, SHUT_RDWR); /* nobody would hear it; its frame finds the end */
}

/* Told once each time it comes to be so: what did not fit is sent by sd-bus, which the loop has to know for that. */
static int on_room(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        Connection *c = userdata;
        uint64_t unread = 0;
        (void)sd_bus_get_n_queued_write(
                        c->bus, &unread); /* only fails for a bus that is closed: nothing is left to do */
        if (unread > 0 && wake(c) < 0)
                (void)shutdown(c->fd, SHUT_RDWR); /* likewise */
        return 0;
}

/* A bus and all that it leads to. That takes as long as everything else that is done for one who connects, so there is one ahead. Until it is
 * started it is nobody's. */
static int make_spare(Door *d) {
        sd_bus *bus = NULL;
        int r = sd_bus_new(&bus);
        if (r >= 0)
                r = bus_add_objects(d->manager, bus);
        if (r < 0) {
                sd_bus_unref(bus);
                return r;
        }
        d->spare = bus;
        return 0;
}

/* When there is nothing else to do. */
static int on_refill(sd_event_source *source, void *userdata) {
        Door *d = userdata;
        if (!d->spare)
                (void)make_spare(d); /* tried again, and told, when one connects */
        return 0;
}

static int watch_refill(Door *d) {
        int r = sd_event_add_defer(d->manager->event, &d->refill, on_refill, d);
        return r < 0 ? r : sd_event_source_set_priority(d->refill, SD_EVENT_PRIORITY_IDLE);
}

static void connection_free(Connection *c) {
        if (!c->door->spare && !c->door->closing)
                (void)sd_event_source_set_enabled(c->door->refill, SD_EVENT_ONESHOT); /* see on_refill() */
        forget_awake(c);
        sd_event_source_disable_unref(c->room);
        if (c->frame)
                (void)door_frame_free(c->frame); /* NULL */
        if (c->bus) {
                if (!c->door->closing)
                        sandbox_connection_gone(c->door->manager, c->bus);
                sd_bus_detach_event(c->bus);
                sd_bus_close(c->bus);
                sd_bus_unref(c->bus);
        }
        if (c->caller)
                caller_unref(c->caller);
        leave(c);
        cleanup_closep(&c->fd);
        LIST_REMOVE(c, entries);
        free(c);
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        connection_free(userdata);
        return 0;
}

/* Its own turn would come only after that of what the peer has already sent. Only while it is open and not let in: nothing is dispatched then. */
static int let_in(void *userdata) {
        const Connection *c = userdata;
        int r = 1;
        while (r > 0 && sd_bus_is_ready(c->bus) == 0 && sd_bus_is_open(c->bus) > 0)
                r = sd_bus_process(c->bus, NULL);
        return r < 0 ? r : sd_bus_is_ready(c->bus) > 0 ? 0 : -EPERM;
}

static void on_gone(void *userdata) {
        connection_free(userdata);
}

/* Before any message is looked at, those for sd-bus itself (properties, introspection) among them. Who asks and asks and does not read the
 * answers is hung up on: they would stay in our memory, of which sd-bus gives a connection as much as it likes. */
static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const Connection *c = userdata;
        uint64_t unread;
        if (sd_bus_message_is_signal(m, "org.freedesktop.DBus.Local", "Disconnected"))
                return 0; /* for on_disconnected() */
        int r = sd_bus_get_n_queued_write(c->bus, &unread);
        if (r >= 0 && unread <= LIMIT_UNREAD_REPLIES)
                return 0;
        log_debug("A peer of uid %u does not read its answers.", c->caller->uid);
        (void)shutdown(c->fd, SHUT_RDWR); /* its frame finds the end */
        return 1;
}

/* sd-bus reads what the frame gives it, and writes to the peer itself. Of the greeting it takes any claim: it would compare with who is at the other
 * end of our own pair. Who the peer is we have asked the kernel. */
static int connect_bus(Connection *c) {
        static const DoorFrameOwner owner = { let_in, on_comes, on_gone };
        _cleanup_close_ int input = -EBADF, output = fcntl(c->fd, F_DUPFD_CLOEXEC, 3);
        if (output < 0)
                return -errno;
        int r = door_frame_new(
                        c->door->manager->event, c->fd, &c->visitor->held, &owner, c, &input, &c->frame);
        if (r >= 0)
                r = sd_bus_set_fd(c->bus, input, output);
        if (r < 0)
                return r;
        c->input = TAKE_FD(input); /* the bus's now, as the next */
        c->output = TAKE_FD(output);
        r = sd_bus_set_anonymous(c->bus, 1);
        if (r >= 0)
                r = sd_bus_set_server(c->bus, 1, c->door->id);
        if (r >= 0)
                r = sd_bus_negotiate_fds(c->bus, 1);
        return r < 0 ? r : sd_bus_start(c->bus);
}

static int start(Connection *c) {
        Door *d = c->door;
        int r = d->spare ? 0 : make_spare(d);
        if (r >= 0)
                r = caller_from_peer(d->spare, c->fd, &c->caller);
        if (r >= 0)
                r = enter(c, c->caller->uid);
        if (r < 0)
                return r; /* who is not let in takes nothing away */
        c->bus = TAKE_PTR(d->spare);
        r = connect_bus(c);
        if (r >= 0) /* after what the bus itself looks at: the newest is asked first */
                r = sd_bus_add_filter(c->bus, NULL, on_message, c);
        if (r >= 0)
                r = sd_bus_match_signal(c->bus, NULL, NULL, "/org/freedesktop/DBus/Local",
                                "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, c);
        return r >= 0 ? wake(c) : r;
}

static int on_again(sd_event_source *source, uint64_t usec, void *userdata) {
        Door *d = userdata;
        return sd_event_source_set_enabled(d->source, SD_EVENT_ON);
}

/* Out of descriptors, or of memory: whoever waits at the door would otherwise keep us busy with nothing else. */
static void rest(Door *d) {
        int r = 0;
        if (!d->again)
                r = sd_event_add_time_relative(d->manager->event, &d->again, CLOCK_MONOTONIC,
                                ACCEPT_AGAIN_USEC, 0, on_again, d);
        else if ((r = sd_event_source_set_time_relative(d->again, ACCEPT_AGAIN_USEC)) >= 0)
                r = sd_event_source_set_enabled(d->again, SD_EVENT_ONESHOT);
        if (r >= 0)
                (void)sd_event_source_set_enabled(d->source, SD_EVENT_OFF); /* or else it tries at once */
}

static int on_connection(sd_event_source *source, int listener, uint32_t events, void *userdata) {
        Door *d = userdata;
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
                if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
                        rest(d);
                return 0; /* it went away again, or has to wait */
        }
        Connection *c = calloc(1, sizeof(Connection));
        if (!c) {
                (void)close(fd); /* the peer sees its end */
                return 0;
        }
        c->door = d;
        c->fd = fd;
        LIST_INSERT_HEAD(&d->connections, c, entries);
        int r = start(c);
        if (r < 0) {
                log_debug("A connection is refused: %s", strerror(-r));
                connection_free(c);
        }
        return 0;
}

int door_new(Manager *m, int listener, Door **ret) {
        Door *d = calloc(1, sizeof(Door));
        if (!d) {
                (void)close(listener); /* taken, as promised */
                return -ENOMEM;
        }
        d->manager = m;
        d->listener = listener;
        (void)listen(listener,
                        SOMAXCONN); /* as ourselves: that somebody is here is all that it tells who connects (client/door.c) */
        int r = sd_id128_randomize(&d->id);
        if (r >= 0)
                r = sd_event_add_io(m->event, &d->source, listener, EPOLLIN, on_connection, d);
        if (r >= 0)
                r = watch_refill(d);
        if (r < 0) {
                door_free(d);
                return r;
        }
        *ret = d;
        return 0;
}

Door *door_free(Door *d) {
        if (!d)
                return NULL;
        d->closing = true;
        while (!LIST_EMPTY(&d->connections))
                connection_free(LIST_FIRST(&d->connections));
        sd_event_source_disable_unref(d->source);
        sd_event_source_disable_unref(d->again);
        sd_event_source_disable_unref(d->doze);
        sd_event_source_disable_unref(d->refill);
        sd_bus_unref(d->spare);
        cleanup_closep(&d->listener);
        free(d);
        return NULL;
}

Caller *door_caller(Door *d, sd_bus *bus) {
        Connection *c;
        if (!d)
                return NULL;
        LIST_FOREACH(c, &d->connections, entries)
                if (c->bus == bus)
                        return c->caller;
        return NULL;
}

size_t door_n_awake(const Door *d) {
        return d->n_awake;
}
