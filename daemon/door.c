/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "door.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-id128.h>

#include "bus.h"
#include "cleanup.h"
#include "log.h"
#include "sandbox.h"

typedef struct Connection {
        LIST_ENTRY(Connection) entries;
        Door *door;
        sd_bus *bus;
        Caller *caller;
} Connection;

struct Door {
        Manager *manager;
        int listener;
        sd_event_source *source;
        sd_id128_t id;
        LIST_HEAD(, Connection) connections;
        size_t n;
        bool closing; /* it is us who leave, and those at the other end come back to the next mxcd */
};

static void connection_free(Connection *c) {
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
        c->door->n--;
        free(c);
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        connection_free(userdata);
        return 0;
}

static size_t count(const Door *d, uid_t uid) {
        size_t n = 0;
        Connection *c;
        LIST_FOREACH(c, &d->connections, entries)
                n += c->caller && c->caller->uid == uid;
        return n;
}

static int start(Connection *c, int fd) {
        int r = sd_bus_new(&c->bus);
        if (r < 0)
                return r;
        r = sd_bus_set_fd(c->bus, fd, fd);
        if (r < 0) {
                (void)close(fd); /* not the connection's yet */
                return r;
        }
        r = sd_bus_set_server(c->bus, 1, c->door->id);
        if (r >= 0)
                r = sd_bus_negotiate_fds(c->bus, 1);
        if (r >= 0)
                r = sd_bus_start(c->bus);
        if (r >= 0)
                r = caller_from_peer(c->bus, &c->caller);
        if (r >= 0 && c->caller->uid != 0 && count(c->door, c->caller->uid) > LIMIT_CONNECTIONS_PER_UID)
                r = -EUSERS;
        if (r >= 0)
                r = bus_add_objects(c->door->manager, c->bus);
        if (r >= 0)
                r = sd_bus_match_signal(c->bus, NULL, NULL, "/org/freedesktop/DBus/Local",
                                "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, c);
        return r >= 0 ? sd_bus_attach_event(c->bus, c->door->manager->event, SD_EVENT_PRIORITY_NORMAL) : r;
}

static int on_connection(sd_event_source *source, int listener, uint32_t events, void *userdata) {
        Door *d = userdata;
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
                return 0; /* it went away again, or we are out of descriptors: it will try again */
        Connection *c = calloc(1, sizeof(Connection));
        if (!c) {
                (void)close(fd); /* the peer sees its end */
                return 0;
        }
        c->door = d;
        LIST_INSERT_HEAD(&d->connections, c, entries);
        d->n++;
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
        int r = sd_id128_randomize(&d->id);
        if (r >= 0)
                r = sd_event_add_io(m->event, &d->source, listener, EPOLLIN, on_connection, d);
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
