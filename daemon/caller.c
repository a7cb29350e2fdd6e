/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "caller.h"

#include <sys/queue.h>
#include <sys/socket.h>

#include "caller-process.h"
#include "cleanup.h"
#include "limits.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5; Debian 12's headers are older */
#endif

/* What the kernel shows of uids that have no number here (an id that is not mapped), and of nobody. */
#define UID_OVERFLOW ((uid_t)65534)

static void caller_unrefp(Caller **c) {
        if (*c)
                caller_unref(*c);
}

Caller *caller_ref(Caller *c) {
        if (c)
                c->n_ref++;
        return c;
}

Caller *caller_unref(Caller *c) {
        if (!c || --c->n_ref > 0)
                return NULL;
        sd_bus_unref(c->bus);
        free(c->sender);
        free(c->groups);
        free(c->unit);
        free(c);
        return NULL;
}

static int caller_new(sd_bus *bus, Caller **ret) {
        Caller *c = calloc(1, sizeof(Caller));
        if (!c)
                return -ENOMEM;
        c->n_ref = 1;
        c->uid = (uid_t)-1;
        c->gid = (gid_t)-1;
        c->in_sandbox = true; /* until it is known better */
        c->bus = sd_bus_ref(bus);
        *ret = c;
        return 0;
}

/* Everything is known that anything is decided by; what is only for the record is looked at now. pidfd may be empty. */
static int settle(Caller *c, int pidfd) {
        if (c->uid == (uid_t)-1 || c->uid == UID_OVERFLOW)
                return -EPERM;
        if (!c->groups || c->n_groups == 0)
                return -ENODATA;
        CallerProcess process;
        int r = caller_process_look(c->pid, pidfd, &process);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                c->unit = strdup(""); /* and it stays in_sandbox */
                return c->unit ? 0 : -ENOMEM;
        }
        c->unit = process.unit;
        c->start_time = process.start_time;
        c->in_sandbox = process.in_sandbox;
        return 0;
}

/* ---- the private door ---- */

static int peer_groups(int fd, Caller *c) {
        socklen_t size = 0;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) < 0 && errno != ERANGE)
                return -errno;
        c->groups = malloc(size + sizeof(gid_t));
        if (!c->groups)
                return -ENOMEM;
        if (size > 0 && getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, c->groups, &size) < 0)
                return -errno;
        c->n_groups = size / sizeof(gid_t);
        c->groups[c->n_groups++] = c->gid;
        return 0;
}

int caller_from_peer(sd_bus *bus, int fd, Caller **ret) {
        _cleanup_(caller_unrefp) Caller *c = NULL;
        int r = caller_new(bus, &c);
        if (r < 0)
                return r;
        struct ucred who;
        socklen_t size = sizeof(who);
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0)
                return -errno;
        c->uid = who.uid;
        c->gid = who.gid;
        c->pid = who.pid;
        r = peer_groups(fd, c);
        if (r < 0)
                return r;

        _cleanup_close_ int pidfd = -EBADF;
        size = sizeof(pidfd);
        if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) < 0)
                pidfd = -EBADF; /* it is opened by pid then */
        r = settle(c, pidfd);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

/* ---- the system bus ---- */

typedef struct Waiter {
        STAILQ_ENTRY(Waiter) entries;
        CallerDone done;
        void *userdata;
} Waiter;

typedef STAILQ_HEAD(Waiters, Waiter) Waiters;

typedef struct Name {
        LIST_ENTRY(Name) entries;
        CallerCache *cache; /* not owned */
        char *name;
        Caller *caller; /* NULL: the bus has not answered yet */
        sd_bus_slot *call;
        Waiters waiters;
        size_t n_waiters;
} Name;

struct CallerCache {
        sd_bus *bus;
        void (*gone)(const char *sender, void *userdata);
        void *userdata;
        sd_bus_slot *match;
        LIST_HEAD(, Name) names; /* the last one used first: callers call more than once */
};

/* Answers everyone who waits, and forgets the name where there is no caller. */
static void finish(Name *n, int error) {
        Waiters waiters = STAILQ_HEAD_INITIALIZER(waiters);
        STAILQ_CONCAT(&waiters, &n->waiters);
        n->n_waiters = 0;
        n->call = sd_bus_slot_unref(n->call);
        _cleanup_(caller_unrefp) Caller *caller = caller_ref(n->caller);
        if (!caller) {
                LIST_REMOVE(n, entries);
                free(n->name);
                free(n);
        }
        for (Waiter *w; (w = STAILQ_FIRST(&waiters));) {
                STAILQ_REMOVE_HEAD(&waiters, entries);
                w->done(caller, caller ? 0 : error, w->userdata);
                free(w);
        }
}

static void forget(Name *n, int error) {
        n->caller = caller_unref(n->caller);
        finish(n, error);
}

static Name *find(const CallerCache *c, const char *name) {
        Name *n;
        LIST_FOREACH(n, &c->names, entries)
                if (streq(n->name, name))
                        return n;
        return NULL;
}

static int on_name_gone(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        CallerCache *c = userdata;
        const char *name, *before, *after;
        int r = sd_bus_message_read(m, "sss", &name, &before, &after);
        if (r < 0 || *after)
                return 0; /* not what was asked for */
        Name *n = find(c, name);
        if (!n)
                return 0;
        forget(n, -ENOTCONN);
        if (c->gone)
                c->gone(name, c->userdata);
        return 0;
}

static int read_groups(sd_bus_message *m, Caller *c) {
        const void *groups;
        size_t size;
        int r = sd_bus_message_enter_container(m, 'v', "au");
        if (r >= 0)
                r = sd_bus_message_read_array(m, 'u', &groups, &size);
        if (r < 0)
                return r;
        free(c->groups);
        c->groups = malloc(size > 0 ? size : 1);
        if (!c->groups)
                return -ENOMEM;
        memcpy(c->groups, groups, size);
        c->n_groups = size / sizeof(gid_t);
        if (c->n_groups > 0)
                c->gid = c->groups[0];
        return sd_bus_message_exit_container(m);
}

static int read_number(sd_bus_message *m, uint32_t *ret) {
        return sd_bus_message_read(m, "v", "u", ret);
}

/* One entry of a{sv}. *ret_pidfd is borrowed from the message. */
static int read_credential(sd_bus_message *m, Caller *c, int *ret_pidfd) {
        const char *key;
        uint32_t number;
        int r = sd_bus_message_read(m, "s", &key);
        if (r < 0)
                return r;
        if (streq(key, "UnixGroupIDs"))
                return read_groups(m, c);
        if (streq(key, "ProcessFD"))
                return sd_bus_message_read(m, "v", "h", ret_pidfd);
        if (streq(key, "UnixUserID")) {
                r = read_number(m, &number);
                c->uid = r < 0 ? c->uid : number;
        } else if (streq(key, "ProcessID")) {
                r = read_number(m, &number);
                c->pid = r < 0 ? 0 : (pid_t)number;
        } else
                r = sd_bus_message_skip(m, "v");
        return r;
}

static int read_credentials(sd_bus_message *m, Caller *c) {
        int pidfd = -EBADF;
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = read_credential(m, c, &pidfd);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : settle(c, pidfd);
}

static int from_answer(sd_bus *bus, sd_bus_message *m, const char *name, Caller **ret) {
        _cleanup_(caller_unrefp) Caller *c = NULL;
        int r = caller_new(bus, &c);
        if (r >= 0)
                r = read_credentials(m, c);
        if (r < 0)
                return r;
        c->sender = strdup(name);
        if (!c->sender)
                return -ENOMEM;
        *ret = TAKE_PTR(c);
        return 0;
}

static int on_credentials(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Name *n = userdata;
        int r = -sd_bus_message_get_errno(m);
        if (r == 0)
                r = from_answer(n->cache->bus, m, n->name, &n->caller);
        finish(n, r);
        return 0;
}

static Name *name_new(CallerCache *c, const char *name) {
        Name *n = calloc(1, sizeof(Name));
        if (!n)
                return NULL;
        n->cache = c;
        n->name = strdup(name);
        STAILQ_INIT(&n->waiters);
        if (!n->name) {
                free(n);
                return NULL;
        }
        return n;
}

static int ask(CallerCache *c, const char *name, Name **ret) {
        Name *n = name_new(c, name);
        if (!n)
                return -ENOMEM;
        int r = sd_bus_call_method_async(c->bus, &n->call, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                        "org.freedesktop.DBus", "GetConnectionCredentials", on_credentials, n, "s", name);
        if (r < 0) {
                free(n->name);
                free(n);
                return r;
        }
        LIST_INSERT_HEAD(&c->names, n, entries);
        *ret = n;
        return 0;
}

int caller_cache_get(CallerCache *c, const char *sender, CallerDone done, void *userdata) {
        if (!sender || sender[0] != ':')
                return -EINVAL; /* of a bus, every sender has a unique name */
        Name *n = find(c, sender);
        if (n && n->caller) {
                LIST_REMOVE(n, entries);
                LIST_INSERT_HEAD(&c->names, n, entries);
                _cleanup_(caller_unrefp) Caller *caller = caller_ref(n->caller);
                done(caller, 0, userdata);
                return 0;
        }
        Waiter *w = calloc(1, sizeof(Waiter));
        if (!w)
                return -ENOMEM;
        int r = n ? (n->n_waiters >= LIMIT_PENDING_PER_UID ? -EBUSY : 0) : ask(c, sender, &n);
        if (r < 0) {
                free(w);
                return r;
        }
        *w = (Waiter){ .done = done, .userdata = userdata };
        STAILQ_INSERT_TAIL(&n->waiters, w, entries);
        n->n_waiters++;
        return 0;
}

bool caller_cache_knows(const CallerCache *c, const char *sender) {
        const Name *n = find(c, sender);
        return n && n->caller;
}

void caller_cache_on_gone(CallerCache *c, void (*gone)(const char *sender, void *userdata), void *userdata) {
        c->gone = gone;
        c->userdata = userdata;
}

int caller_cache_get_now(CallerCache *c, const char *sender, Caller **ret) {
        if (!sender || sender[0] != ':')
                return -EINVAL;
        Name *n = find(c, sender);
        if (n && n->caller) {
                *ret = caller_ref(n->caller);
                return 0;
        }
        _cleanup_(caller_unrefp) Caller *caller = NULL;
        sd_bus_message *m = NULL;
        int r = sd_bus_call_method(c->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                        "org.freedesktop.DBus", "GetConnectionCredentials", NULL, &m, "s", sender);
        if (r >= 0)
                r = from_answer(c->bus, m, sender, &caller);
        sd_bus_message_unref(m);
        if (r < 0)
                return r;
        if (!n) { /* its end, should it have come meanwhile, is told after this; without memory it is asked again */
                n = name_new(c, sender);
                if (n)
                        LIST_INSERT_HEAD(&c->names, n, entries);
                if (n)
                        n->caller = caller_ref(caller);
        }
        *ret = TAKE_PTR(caller);
        return 0;
}

int caller_cache_new(sd_bus *system_bus, CallerCache **ret) {
        CallerCache *c = calloc(1, sizeof(CallerCache));
        if (!c)
                return -ENOMEM;
        LIST_INIT(&c->names);
        c->bus = sd_bus_ref(system_bus);
        /* One match for all names: the bus handles it before it answers for any, so no end is missed. */
        int r = sd_bus_add_match_async(system_bus, &c->match,
                        "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                        "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg2=''",
                        on_name_gone, NULL, c);
        if (r < 0) {
                caller_cache_free(c);
                return r;
        }
        *ret = c;
        return 0;
}

CallerCache *caller_cache_free(CallerCache *c) {
        if (!c)
                return NULL;
        while (!LIST_EMPTY(&c->names))
                forget(LIST_FIRST(&c->names), -ESHUTDOWN);
        sd_bus_slot_unref(c->match);
        sd_bus_unref(c->bus);
        free(c);
        return NULL;
}
