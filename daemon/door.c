/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "door.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <systemd/sd-id128.h>

#include "bus.h"
#include "cleanup.h"
#include "limits.h"
#include "log.h"
#include "porter-channel.h"
#include "porter-link.h"
#include "sandbox.h"

#define ACCEPT_AGAIN_USEC (UINT64_C(100) * 1000)
#define PORTERS_AGAIN_USEC (UINT64_C(5) * 1000) /* in which some dozens are begotten */
#define DOZE_USEC (UINT64_C(1000) * 1000)       /* without a message for so long, or nearly twice */

/* What one uid has at the door. */
typedef struct Visitor {
        LIST_ENTRY(Visitor) entries;
        uid_t uid;
        Door *door;
        size_t n;   /* connections; none: it is not there any more */
        int budget; /* a memfd of PorterBudget, for those who stand at them */
} Visitor;

/* That somebody stands at a connection of a visitor's: not over before his porter is no more, who may be kept waiting by what came over it. */
typedef struct Presence {
        LIST_ENTRY(Presence) entries;
        Visitor *visitor;
        int life; /* of a pipe whose other end the porter has */
        sd_event_source *end;
} Presence;

typedef struct Connection {
        LIST_ENTRY(Connection) entries;
        Door *door;
        sd_bus *bus;
        int inside; /* the bus's, to the porter; -EBADF: it has none yet */
        Caller *caller;
        LIST_ENTRY(Connection) awake_entries;
        bool awake, busy;       /* busy: something came since it was looked at */
        sd_event_source *alarm; /* asleep: something came, or the peer has read something */
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
        LIST_HEAD(, Presence) presences;
        size_t n;     /* connections of all uids but root's */
        bool closing; /* it is us who leave, and those at the other end come back to the next mxcd */
};

static Visitor *visitor_new(uid_t uid) {
        _cleanup_close_ int budget = memfd_create("porters", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (budget < 0 || ftruncate(budget, sizeof(PorterBudget)) < 0 ||
                        fcntl(budget, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
                return NULL;
        Visitor *v = calloc(1, sizeof(Visitor));
        if (!v)
                return NULL;
        v->uid = uid;
        v->budget = TAKE_FD(budget);
        return v;
}

/* One more, or one less. Who has none is forgotten. */
static void count(Visitor *v, bool more) {
        v->n = more ? v->n + 1 : v->n - 1;
        if (v->uid != 0) /* of all but root */
                v->door->n = more ? v->door->n + 1 : v->door->n - 1;
        if (v->n > 0)
                return;
        LIST_REMOVE(v, entries);
        cleanup_closep(&v->budget);
        free(v);
}

static void presence_free(Presence *p) {
        sd_event_source_disable_unref(p->end);
        cleanup_closep(&p->life);
        LIST_REMOVE(p, entries);
        count(p->visitor, false);
        free(p);
}

static int on_end_of_life(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        presence_free(userdata);
        return 0;
}

/* As long as there is room for one more of this uid, and of all. */
static int admit_visitor(Door *d, uid_t uid, Visitor **ret) {
        Visitor *v;
        LIST_FOREACH(v, &d->visitors, entries)
                if (v->uid == uid)
                        break;
        if (uid != 0 && ((v && v->n >= LIMIT_CONNECTIONS_PER_UID) || d->n >= LIMIT_CONNECTIONS))
                return -EUSERS;
        if (!v) {
                v = visitor_new(uid);
                if (!v)
                        return -ENOMEM;
                v->door = d;
                LIST_INSERT_HEAD(&d->visitors, v, entries);
        }
        count(v, true);
        *ret = v;
        return 0;
}

/* *ret_life is for the porter: until nobody has it any more, this one counts. */
static int enter(Door *d, uid_t uid, Visitor **ret, int *ret_life) {
        int life[2];
        Visitor *v;
        int r = admit_visitor(d, uid, &v);
        if (r < 0)
                return r;
        Presence *p = calloc(1, sizeof(Presence));
        if (!p || pipe2(life, O_CLOEXEC) < 0) {
                r = p ? -errno : -ENOMEM;
                count(v, false);
                free(p);
                return r;
        }
        p->visitor = v;
        p->life = life[0];
        LIST_INSERT_HEAD(&d->presences, p, entries);
        r = sd_event_add_io(d->manager->event, &p->end, life[0], 0, on_end_of_life,
                        p); /* its end is told unasked */
        if (r < 0) {
                (void)close(life[1]);
                presence_free(p);
                return r;
        }
        *ret = v;
        *ret_life = life[1];
        return 0;
}

/* ---- asleep and awake ---- */

static int arm_doze(Door *d);

static int wake(Connection *c) {
        Door *d = c->door;
        c->busy = true;
        if (c->awake)
                return 0;
        c->alarm = sd_event_source_disable_unref(
                        c->alarm); /* of a descriptor that the loop takes only once */
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
               ioctl(c->inside, FIONREAD, &unread) == 0 && unread == 0;
}

static void hang_up(const Connection *c) {
        (void)shutdown(c->inside, SHUT_RDWR); /* the porter sees it, and sd-bus */
}

static int on_alarm(sd_event_source *source, int fd, uint32_t events, void *userdata);
static void connection_free(Connection *c);

static void doze(Connection *c) {
        (void)sd_bus_detach_event(c->bus); /* only fails for a bus that is none */
        forget_awake(c);
        if (sd_event_add_io(c->door->manager->event, &c->alarm, c->inside, EPOLLIN | EPOLLOUT | EPOLLET,
                            on_alarm, c) < 0 &&
                        wake(c) < 0)
                connection_free(c); /* nobody would hear it */
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
        sd_event_source_disable_unref(c->alarm);
        if (c->bus) {
                if (!c->door->closing)
                        sandbox_connection_gone(c->door->manager, c->bus);
                sd_bus_detach_event(c->bus);
                sd_bus_close(c->bus);
                sd_bus_unref(c->bus);
        }
        if (c->caller)
                caller_unref(c->caller);
        LIST_REMOVE(c, entries);
        free(c);
}

/* Told once each time it comes to be so. What did not fit is sent by sd-bus, which the loop has to know for that. For those who leave all at once nobody
 * need wake up: each would have a look at all others. */
static int on_alarm(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        Connection *c = userdata;
        uint64_t unsent = 0;
        int unread;
        if ((events & (EPOLLHUP | EPOLLERR)) && ioctl(fd, FIONREAD, &unread) == 0 && unread == 0) {
                connection_free(c);
                return 0;
        }
        (void)sd_bus_get_n_queued_write(
                        c->bus, &unsent); /* only fails for a bus that is closed: nothing is left to do */
        if ((unsent > 0 || (events & ~(uint32_t)EPOLLOUT)) && wake(c) < 0)
                connection_free(c); /* nobody would hear it */
        return 0;
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        connection_free(userdata);
        return 0;
}

/* Before any message is looked at, those for sd-bus itself (properties, introspection) among them. Who asks and asks and does not read the
 * answers is hung up on: they would stay in our memory, of which sd-bus gives a connection as much as it likes. */
static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Connection *c = userdata;
        uint64_t unread;
        if (sd_bus_message_is_signal(m, "org.freedesktop.DBus.Local", "Disconnected"))
                return 0; /* for on_disconnected() */
        c->busy = true;
        LIST_REMOVE(c, entries);
        LIST_INSERT_HEAD(&c->door->connections, c, entries);
        int r = sd_bus_get_n_queued_write(c->bus, &unread);
        if (r >= 0 && unread <= LIMIT_UNREAD_REPLIES)
                return 0;
        log_debug("A peer of uid %u does not read its answers.", c->caller->uid);
        hang_up(c);
        return 1;
}

/* sd-bus speaks with the porter, who has greeted the peer. Who that is we have asked the kernel. */
static int connect_bus(Connection *c) {
        int r = sd_bus_set_fd(c->bus, c->inside, c->inside);
        if (r < 0) {
                cleanup_closep(&c->inside); /* it would have taken it */
                return r;
        }
        r = sd_bus_set_anonymous(c->bus, 1);
        if (r >= 0)
                r = sd_bus_set_server(c->bus, 1, c->door->id);
        if (r >= 0)
                r = sd_bus_negotiate_fds(c->bus, 1);
        return r < 0 ? r : sd_bus_start(c->bus);
}

/* Who is not let in takes nothing away. */
static int look_at(Connection *c, int peer, Visitor **ret, int *ret_life) {
        Door *d = c->door;
        int r = d->spare ? 0 : make_spare(d);
        if (r >= 0)
                r = caller_from_peer(d->spare, peer, &c->caller);
        return r >= 0 ? enter(d, c->caller->uid, ret, ret_life) : r;
}

/* peer is taken. */
static int start(Connection *c, int peer) {
        Door *d = c->door;
        Visitor *v = NULL;
        _cleanup_close_ int life = -EBADF;
        int r = look_at(c, peer, &v, &life);
        if (r < 0) {
                porter_link_away(d->manager->porter, peer);
                return r;
        }
        r = porter_link_visitor(d->manager->porter, peer, v->budget, life, &c->inside);
        if (r < 0)
                return r;
        c->bus = TAKE_PTR(d->spare);
        r = connect_bus(c); /* which has taken what is inside */
        if (r >= 0)         /* after what the bus itself looks at: the newest is asked first */
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

/* Out of descriptors, of memory, of porters: whoever waits at the door would otherwise keep us busy with nothing else. */
static void rest(Door *d, uint64_t usec) {
        int r = 0;
        if (!d->again)
                r = sd_event_add_time_relative(
                                d->manager->event, &d->again, CLOCK_MONOTONIC, usec, 0, on_again, d);
        else if ((r = sd_event_source_set_time_relative(d->again, usec)) >= 0)
                r = sd_event_source_set_enabled(d->again, SD_EVENT_ONESHOT);
        if (r >= 0)
                (void)sd_event_source_set_enabled(d->source, SD_EVENT_OFF); /* or else it tries at once */
}

static int on_connection(sd_event_source *source, int listener, uint32_t events, void *userdata) {
        Door *d = userdata;
        if (!porter_link_has_room(d->manager->porter)) {
                rest(d, PORTERS_AGAIN_USEC);
                return 0;
        }
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) {
                if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
                        rest(d, ACCEPT_AGAIN_USEC);
                return 0; /* it went away again, or has to wait */
        }
        Connection *c = calloc(1, sizeof(Connection));
        if (!c) {
                porter_link_away(d->manager->porter, fd);
                return 0;
        }
        c->door = d;
        c->inside = -EBADF;
        LIST_INSERT_HEAD(&d->connections, c, entries);
        int r = start(c, fd);
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
        while (!LIST_EMPTY(&d->presences))
                presence_free(LIST_FIRST(&d->presences));
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
