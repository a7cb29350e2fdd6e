/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "resolver.h"

#include <ares.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "clock.h"

#define TIMEOUT_MSEC 2000
#define TRIES 3

typedef struct Socket {
        LIST_ENTRY(Socket) entries;
        sd_event_source *io;
        int fd;
        Resolver *resolver; /* not owned */
} Socket;

struct Resolver {
        sd_event *event;
        ares_channel channel;
        sd_event_source *timer;
        LIST_HEAD(, Socket) sockets;
        struct timespec configured; /* when /etc/resolv.conf was written that the channel goes by */
};

typedef struct Question {
        ResolverDone done;
        void *userdata;
        int family;
} Question;

/* c-ares says when it wants to be called next. */
static void arm(Resolver *r) {
        struct timeval buffer, *wait = ares_timeout(r->channel, NULL, &buffer);
        int k = 0;
        if (!wait) {
                k = sd_event_source_set_enabled(r->timer, SD_EVENT_OFF);
        } else {
                k = sd_event_source_set_time_relative(
                                r->timer, (uint64_t)wait->tv_sec * 1000000 + (uint64_t)wait->tv_usec);
                if (k >= 0)
                        k = sd_event_source_set_enabled(r->timer, SD_EVENT_ONESHOT);
        }
        if (k < 0)
                ares_cancel(r->channel); /* it would wait for ever */
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Resolver *r = userdata;
        ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        arm(r);
        return 0;
}

static int on_socket(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        const Socket *s = userdata;
        Resolver *r = s->resolver; /* s may go meanwhile */
        ares_process_fd(r->channel, events & (EPOLLIN | EPOLLHUP | EPOLLERR) ? fd : ARES_SOCKET_BAD,
                        events & EPOLLOUT ? fd : ARES_SOCKET_BAD);
        arm(r);
        return 0;
}

static void on_state(void *data, ares_socket_t fd, int readable, int writable) {
        Resolver *r = data;
        uint32_t events = (readable ? EPOLLIN : 0) | (writable ? EPOLLOUT : 0);
        Socket *s;
        LIST_FOREACH(s, &r->sockets, entries)
                if (s->fd == fd)
                        break;
        if (s && events == 0) {
                sd_event_source_disable_unref(s->io);
                LIST_REMOVE(s, entries);
                free(s);
        } else if (s) {
                (void)sd_event_source_set_io_events(s->io, events); /* if not, its time runs out */
        } else if (events != 0 && (s = calloc(1, sizeof(Socket)))) {
                *s = (Socket){ .fd = fd, .resolver = r };
                if (sd_event_add_io(r->event, &s->io, fd, events, on_socket, s) < 0) {
                        free(s); /* its time runs out */
                        return;
                }
                LIST_INSERT_HEAD(&r->sockets, s, entries);
        }
}

static int configure(Resolver *r) {
        /* no search list: what the sandbox asks for is the whole name */
        struct ares_options options = {
                .flags = ARES_FLAG_NOSEARCH | ARES_FLAG_EDNS,
                .timeout = TIMEOUT_MSEC,
                .tries = TRIES,
                .ndomains = 0,
                .sock_state_cb = on_state,
                .sock_state_cb_data = r,
        };
        struct stat st;
        r->configured = stat("/etc/resolv.conf", &st) == 0 ? st.st_mtim : (struct timespec){ 0 };
        int k = ares_init_options(&r->channel, &options,
                        ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_DOMAINS |
                                        ARES_OPT_SOCK_STATE_CB);
        return k == ARES_SUCCESS ? 0 : k == ARES_ENOMEM ? -ENOMEM : -EIO;
}

/* A laptop moves: the resolvers of another network are in the file now. What those of the old one were asked is answered with an error, since
 * they may never answer, and somebody always waits for one. */
static void look_at_configuration(Resolver *r) {
        struct stat st;
        if (stat("/etc/resolv.conf", &st) < 0 ||
                        (st.st_mtim.tv_sec == r->configured.tv_sec &&
                                        st.st_mtim.tv_nsec == r->configured.tv_nsec))
                return;
        ares_channel old = r->channel;
        if (configure(r) == 0)
                ares_destroy(old);
        else
                r->channel = old;
}

static int status_of(int status) {
        switch (status) {
        case ARES_SUCCESS:
        case ARES_ENODATA:
                return 0;
        case ARES_ENOTFOUND:
                return -ENOENT;
        case ARES_ENOMEM:
                return -ENOMEM;
        case ARES_ECANCELLED:
        case ARES_EDESTRUCTION:
                return -ECANCELED;
        default:
                return -EIO;
        }
}

static size_t addresses_of(const struct ares_addrinfo *info, int family, RawAddress *ret) {
        size_t n = 0;
        for (const struct ares_addrinfo_node *a = info ? info->nodes : NULL; a && n < DNS_ADDRESSES_MAX;
                        a = a->ai_next) {
                if (a->ai_family != family)
                        continue;
                ret[n] = (RawAddress){ .family = family };
                if (family == AF_INET)
                        memcpy(ret[n].bytes,
                                        &((const struct sockaddr_in *)(const void *)a->ai_addr)->sin_addr,
                                        4);
                else
                        memcpy(ret[n].bytes,
                                        &((const struct sockaddr_in6 *)(const void *)a->ai_addr)->sin6_addr,
                                        16);
                n++;
        }
        return n;
}

static void on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *info) {
        Question *q = arg;
        RawAddress addresses[DNS_ADDRESSES_MAX];
        size_t n = status == ARES_SUCCESS ? addresses_of(info, q->family, addresses) : 0;
        q->done(status_of(status), addresses, n, q->userdata);
        if (info)
                ares_freeaddrinfo(info);
        free(q);
}

void resolver_ask(Resolver *r, const char *host, int family, ResolverDone done, void *userdata) {
        look_at_configuration(r);
        Question *q = calloc(1, sizeof(Question));
        if (!q) {
                done(-ENOMEM, NULL, 0, userdata);
                return;
        }
        *q = (Question){ done, userdata, family };
        const struct ares_addrinfo_hints hints = { .ai_family = family, .ai_flags = ARES_AI_NOSORT };
        ares_getaddrinfo(r->channel, host, NULL, &hints, on_answer, q);
        arm(r);
}

int resolver_new(sd_event *event, Resolver **ret) {
        if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
                return -EIO;
        Resolver *r = calloc(1, sizeof(Resolver));
        if (!r)
                return -ENOMEM;
        r->event = event;
        int k = configure(r);
        if (k == 0)
                k = sd_event_add_time(event, &r->timer, CLOCK_MONOTONIC, UINT64_MAX, 1000, on_timer, r);
        if (k >= 0)
                k = sd_event_source_set_enabled(r->timer, SD_EVENT_OFF);
        if (k < 0) {
                (void)resolver_free(r); /* NULL */
                return k;
        }
        *ret = r;
        return 0;
}

Resolver *resolver_free(Resolver *r) {
        if (!r)
                return NULL;
        if (r->channel)
                ares_destroy(r->channel);
        for (Socket *s; (s = LIST_FIRST(&r->sockets));) {
                sd_event_source_disable_unref(s->io);
                LIST_REMOVE(s, entries);
                free(s);
        }
        sd_event_source_disable_unref(r->timer);
        free(r);
        ares_library_cleanup();
        return NULL;
}
