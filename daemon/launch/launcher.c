/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "cgroup.h"
#include "cleanup.h"
#include "guard-hold.h"
#include "landlock.h"
#include "launcher.h"
#include "leaving.h"
#include "log.h"
#include "mediate.h"
#include "net-pool.h"
#include "net-remains.h"
#include "own-memory.h"
#include "privileges.h"
#include "process.h"
#include "relay.h"
#include "skeleton.h"
#include "steering.h"
#include "template-cache.h"

int launcher_watch(Launcher *l, Source *s, int fd, void (*handle)(Launcher *, void *), void *owner) {
        return launcher_watch_for(l, s, fd, EPOLLIN, handle, owner);
}

int launcher_watch_for(Launcher *l, Source *s, int fd, uint32_t events, void (*handle)(Launcher *, void *),
                void *owner) {
        struct epoll_event e = { .events = events, .data.ptr = s };
        if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) < 0)
                return -errno;
        *s = (Source){ .fd = fd, .handle = handle, .owner = owner, .watched = true };
        return 0;
}

int launcher_move_up(int *fd) {
        int up = *fd < 0 || *fd >= LAUNCHER_FDS_LOW ? *fd : fcntl(*fd, F_DUPFD_CLOEXEC, LAUNCHER_FDS_LOW);
        if (up < 0)
                return *fd < 0 ? 0 : -errno;
        if (up != *fd)
                (void)close(*fd); /* there is a copy */
        *fd = up;
        return 0;
}

void launcher_unwatch(Launcher *l, Source *s) {
        if (s->watched) /* never left to close(): a child may still hold the file, and epoll would go on */
                (void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, s->fd, NULL);
        *s = (Source){ .fd = -EBADF };
}

/* ---- out ---- */

static void message_free(Message *m) {
        for (size_t i = 0; i < m->n_fds; i++)
                (void)close(m->fds[i]); /* sent, or nobody is there to have them */
        free(m);
}

static void set_sending(Launcher *l, bool sending) {
        if (l->sending == sending || !l->client.watched)
                return;
        /* while the client does not read, its requests wait too: what it can make us keep stays bounded */
        struct epoll_event e = { .events = sending ? EPOLLOUT : EPOLLIN, .data.ptr = &l->client };
        if (epoll_ctl(l->epoll, EPOLL_CTL_MOD, l->client.fd, &e) == 0)
                l->sending = sending;
}

static void drop_client(Launcher *l) {
        _cleanup_close_ int fd = l->client.watched ? l->client.fd : -EBADF;
        launcher_unwatch(l, &l->client);
        l->sending = false;
        while (!STAILQ_EMPTY(&l->outgoing)) {
                Message *m = STAILQ_FIRST(&l->outgoing);
                STAILQ_REMOVE_HEAD(&l->outgoing, entries);
                message_free(m);
        }
}

static void flush(Launcher *l) {
        while (!STAILQ_EMPTY(&l->outgoing)) {
                Message *m = STAILQ_FIRST(&l->outgoing);
                int r = launch_send(l->client.fd, &m->report, sizeof(m->report), m->fds, m->n_fds);
                if (r == -EAGAIN) {
                        set_sending(l, true);
                        return;
                }
                if (r < 0) {
                        log_warning("mxcd is gone: %s", strerror(-r));
                        drop_client(l);
                        return;
                }
                STAILQ_REMOVE_HEAD(&l->outgoing, entries);
                message_free(m);
        }
        set_sending(l, false);
}

void launcher_send(Launcher *l, const LaunchReport *report, const int *fds, size_t n_fds) {
        Message *m = l->client.watched ? calloc(1, sizeof(Message)) : NULL;
        if (!m) {
                if (l->client.watched) {
                        log_error("Out of memory; mxcd must connect again.");
                        drop_client(l);
                }
                for (size_t i = 0; i < n_fds; i++)
                        (void)close(fds[i]); /* nobody to have them */
                return;
        }
        m->report = *report;
        m->report.magic = LAUNCH_MAGIC;
        m->report.version = LAUNCH_VERSION;
        m->n_fds = n_fds;
        if (n_fds > 0)
                memcpy(m->fds, fds, n_fds * sizeof(int));
        STAILQ_INSERT_TAIL(&l->outgoing, m, entries);
        if (!l->sending)
                flush(l);
}

void launcher_reply_ok(Launcher *l, uint64_t serial, pid_t pid) {
        const LaunchReport report = { .event = LAUNCH_EVENT_OK, .serial = serial, .pid = pid };
        launcher_send(l, &report, NULL, 0);
}

void launcher_reply_failed(Launcher *l, uint64_t serial, LaunchStep step, int error, const char *detail) {
        LaunchReport report = {
                .event = LAUNCH_EVENT_FAILED, .serial = serial, .step = step, .error = error
        };
        if (detail)
                (void)snprintf(report.detail, sizeof(report.detail), "%s", detail);
        launcher_send(l, &report, NULL, 0);
}

/* ---- in ---- */

static bool is_terminated(const char *text, size_t size) {
        return memchr(text, 0, size) != NULL;
}

static void verb_hello(Launcher *l, const LaunchRequest *q) {
        guard_hold_find(l);
        const LaunchReport ready = {
                .event = LAUNCH_EVENT_READY,
                .serial = q->serial,
                .features = l->features,
        };
        launcher_send(l, &ready, NULL, 0);
        run_report_all(l, q->serial);
        launcher_reply_ok(l, q->serial, 0);
}

/* False for a request that no version of mxcd sends. */
static bool serve(Launcher *l, const LaunchRequest *q, const int *fds, size_t n_fds) {
        if (!is_terminated(q->id, sizeof(q->id)) || !is_terminated(q->path, sizeof(q->path)))
                return false;
        bool with_fds = q->verb == LAUNCH_SPAWN || q->verb == LAUNCH_EXEC || q->verb == LAUNCH_PROBE ||
                        q->verb == LAUNCH_LEASE;
        if (n_fds > 0 && !with_fds)
                return false;
        switch ((LaunchVerb)q->verb) {
        case LAUNCH_HELLO:
                verb_hello(l, q);
                return true;
        case LAUNCH_ANCHOR:
                verb_anchor(l, q);
                return true;
        case LAUNCH_SCOPE:
                verb_scope(l, q);
                return true;
        case LAUNCH_SPAWN:
                verb_spawn(l, q, fds, n_fds);
                return true;
        case LAUNCH_EXEC:
                verb_exec(l, q, fds, n_fds);
                return true;
        case LAUNCH_SIGNAL:
                verb_signal(l, q);
                return true;
        case LAUNCH_RELEASE:
                verb_release(l, q);
                return true;
        case LAUNCH_DROP:
                verb_drop(l, q);
                return true;
        case LAUNCH_PROBE:
                verb_probe(l, q, fds, n_fds);
                return true;
        case LAUNCH_LEASE:
                verb_lease(l, q, fds, n_fds);
                return true;
        case _LAUNCH_VERB_MAX:
                break;
        }
        return false;
}

static void on_client(Launcher *l, void *owner) {
        if (l->sending) {
                flush(l);
                return;
        }
        LaunchRequest q;
        int fds[LAUNCH_MAX_FDS];
        size_t n_fds;
        int r = launch_receive(l->client.fd, &q, sizeof(q), fds, &n_fds);
        if (r == -EAGAIN)
                return;
        if (r <= 0) {
                if (r < 0)
                        log_warning("The connection of mxcd ends: %s", strerror(-r));
                drop_client(l);
                return;
        }
        bool known = serve(l, &q, fds, n_fds);
        for (size_t i = 0; i < n_fds; i++)
                (void)close(fds[i]); /* whoever wanted one has a copy */
        if (!known) {
                log_warning("The connection of mxcd ends: a request that is not one (verb %u)", q.verb);
                drop_client(l);
        }
}

static bool client_is_alive(Launcher *l) {
        char byte;
        if (!l->client.watched)
                return false;
        ssize_t n = recv(l->client.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void on_connection(Launcher *l, void *owner) {
        _cleanup_close_ int fd = accept4(l->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
                return; /* it went away again, or we are out of descriptors: it will try again */
        struct ucred peer;
        socklen_t size = sizeof(peer);
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid != 0) {
                log_warning("A connection that is not root's is refused.");
                return;
        }
        if (client_is_alive(l)) {
                log_warning("A second connection is refused: pid %d. One mxcd is connected.", peer.pid);
                return;
        }
        drop_client(l);
        int r = launcher_watch(l, &l->client, fd, on_client, NULL);
        if (r < 0) {
                log_error("Cannot watch the connection of mxcd: %s", strerror(-r));
                return;
        }
        (void)TAKE_FD(fd); /* drop_client() closes it */
        l->connection++;
}

int launcher_loop(Launcher *l) {
        bool waiting = false; /* for something that has a deadline */
        bool remains = false; /* of sandboxes that are over */
        bool owed = false;    /* what the next ones take */
        for (;;) {
                struct epoll_event e;
                int n = epoll_wait(l->epoll, &e, 1,
                                owed      ? LAUNCHER_IDLE_MSEC
                                : remains ? NET_REMAINS_MSEC
                                : waiting ? 250
                                          : -1);
                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n == 1) {
                        Source *s = e.data.ptr;
                        s->handle(l, s->owner);
                }
                run_expire(l);
                remains = net_remains_bury(l, n == 0 && !owed);
                owed = net_pool_refill(l, n == 0);
                owed = skeletons_refill(l, n == 0) || owed;
                waiting = skeletons_reap(l);
                waiting = leaving_reap(l) || waiting;
                waiting = template_cache_expire(l) || waiting;
                waiting = relay_expire(l) || waiting;
                waiting = net_pool_expire(l) || waiting || !TAILQ_EMPTY(&l->starting) ||
                          !TAILQ_EMPTY(&l->releasing);
        }
}

int launcher_new(Launcher **ret, int listener, const char *relay_program) {
        Launcher *l = own_memory_map(sizeof(Launcher));
        if (!l)
                return -ENOMEM;
        l->client.fd = -EBADF;
        l->guard = GUARD_NONE;
        STAILQ_INIT(&l->outgoing);
        TAILQ_INIT(&l->starting);
        TAILQ_INIT(&l->pausing);
        l->relay_program = relay_program;
        TAILQ_INIT(&l->releasing);
        TAILQ_INIT(&l->kept);
        TAILQ_INIT(&l->remains);
        l->epoll = epoll_create1(EPOLL_CLOEXEC);
        if (l->epoll < 0)
                return -errno; /* the caller exits */
        l->cgroup = cgroup_open_root();
        if (l->cgroup < 0)
                return l->cgroup;
        struct rlimit files;
        if (getrlimit(RLIMIT_NOFILE, &files) < 0)
                return -errno;
        l->ample = files.rlim_cur / 2;
        cgroup_find_features(l->cgroup, &l->features);
        l->features.landlock_abi = landlock_abi();
        guard_hold_find(l);
        if (!l->features.guard)
                l->features.mediate = (uint32_t)mediator_probe();
        l->features.egress = (uint32_t)steering_probe();
        if (!l->features.egress)
                log_warning("Networks cannot be steered here: sandboxes that may reach something are "
                            "refused.");
        l->features.refuse = l->features.egress ? (uint32_t)refuse_probe() : 0;
        if (l->features.egress && !l->features.refuse)
                log_warning("The kernel does not refuse connections by itself here: mxc-egress does, more "
                            "slowly.");
        l->features.recursive_mount_attr = 1; /* 5.12; Landlock itself is younger */
        privileges_look();
        int r = process_own_name();
        if (r == 0)
                r = template_cache_new(l, &l->templates);
        if (r == 0)
                r = skeletons_new(l, &l->skeletons);
        if (r == 0)
                r = net_pool_new(l, &l->net);
        if (r < 0)
                return r;
        *ret = l;
        return launcher_watch(l, &l->listener, listener, on_connection, NULL);
}
