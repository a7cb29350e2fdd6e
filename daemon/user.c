/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/queue.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "fd.h"
#include "limits.h"
#include "user-internal.h"

typedef struct Waiter {
        STAILQ_ENTRY(Waiter) entries;
        UserDone done;          /* of a uid */
        UserNameDone name_done; /* of a name */
        void *userdata;
} Waiter;

typedef STAILQ_HEAD(Waiters, Waiter) Waiters;

/* A lookup that runs, or waits for its turn. */
typedef struct Lookup {
        TAILQ_ENTRY(Lookup) entries;
        UserCache *cache; /* not owned */
        uid_t uid;
        char *name; /* NULL: of uid */
        Waiters waiters;
        pid_t pid; /* 0: waits for its turn */
        int pidfd, pipe;
        sd_event_source *exited, *late;
        bool is_late;
} Lookup;

/* An answer that is remembered. */
typedef struct Known {
        TAILQ_ENTRY(Known) entries;
        unsigned n_ref;
        User user;
        uint64_t until; /* CLOCK_BOOTTIME */
} Known;

struct UserCache {
        sd_event *event;
        UserChild child;
        uint64_t deadline;
        TAILQ_HEAD(, Lookup) lookups; /* the oldest first: those that run before those that wait */
        size_t n_running;
        TAILQ_HEAD(, Known) known; /* the oldest first */
        size_t n_known;
};

static void known_unref(Known *k) {
        if (--k->n_ref > 0)
                return;
        user_clear(&k->user);
        free(k);
}

static void forget(UserCache *c, Known *k) {
        TAILQ_REMOVE(&c->known, k, entries);
        c->n_known--;
        known_unref(k);
}

void user_cache_flush(UserCache *c) {
        while (!TAILQ_EMPTY(&c->known))
                forget(c, TAILQ_FIRST(&c->known));
}

static uint64_t now_usec(UserCache *c) {
        uint64_t now = 0;
        (void)sd_event_now(c->event, CLOCK_BOOTTIME, &now); /* also before the loop runs */
        return now;
}

static Known *find_known(UserCache *c, uid_t uid) {
        uint64_t now = now_usec(c);
        for (Known *k = TAILQ_FIRST(&c->known), *next; k; k = next) {
                next = TAILQ_NEXT(k, entries);
                if (k->until <= now)
                        forget(c, k);
                else if (k->user.uid == uid)
                        return k;
        }
        return NULL;
}

/* Takes user over. NULL when out of memory. The caller has a reference, the cache another. */
static Known *remember(UserCache *c, User *user, bool known) {
        Known *k = calloc(1, sizeof(Known));
        if (!k)
                return NULL;
        if (c->n_known >= LIMIT_USERS)
                forget(c, TAILQ_FIRST(&c->known));
        *k = (Known){ .n_ref = 2,
                .user = *user,
                .until = now_usec(c) + (known ? USER_CACHE_USEC : USER_UNKNOWN_USEC) };
        *user = (User){ 0 };
        TAILQ_INSERT_TAIL(&c->known, k, entries);
        c->n_known++;
        return k;
}

static void lookup_free(Lookup *l) {
        sd_event_source_disable_unref(l->exited);
        sd_event_source_disable_unref(l->late);
        if (l->pidfd >= 0)
                (void)close(l->pidfd); /* the child is reaped */
        if (l->pipe >= 0)
                (void)close(l->pipe); /* only read from */
        free(l->name);
        free(l);
}

/* Answers everyone who waits for a lookup, which is over. */
static void finish(Lookup *l, Known *k, uid_t uid, int error) {
        Waiters waiters = STAILQ_HEAD_INITIALIZER(waiters);
        STAILQ_CONCAT(&waiters, &l->waiters);
        TAILQ_REMOVE(&l->cache->lookups, l, entries);
        lookup_free(l);
        for (Waiter *w; (w = STAILQ_FIRST(&waiters));) {
                STAILQ_REMOVE_HEAD(&waiters, entries);
                if (w->done)
                        w->done(k ? &k->user : NULL, error, w->userdata);
                else
                        w->name_done(uid, error, w->userdata);
                free(w);
        }
}

/* What the child wrote before it ended. */
static int read_answer(const Lookup *l, User *ret, bool *ret_known) {
        _cleanup_free_ char *data = NULL;
        size_t size;
        int r = fd_read_all(l->pipe, USER_ANSWER_MAX, &data, &size);
        if (r == -EAGAIN) /* something that it started holds the pipe open */
                return -EBADMSG;
        const UserQuestion question = { .uid = l->uid, .name = l->name };
        return r < 0 ? r : user_answer_decode(data, size, &question, ret, ret_known);
}

static void run_next(UserCache *c);

static void reap(Lookup *l) {
        while (waitpid(l->pid, NULL, 0) < 0 && errno == EINTR)
                ;
        l->cache->n_running--;
}

static int on_ended(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        Lookup *l = userdata;
        UserCache *c = l->cache;
        User user = { 0 };
        bool known = false;
        reap(l);
        int r = l->is_late ? -ETIMEDOUT : read_answer(l, &user, &known);
        uid_t uid = r < 0 ? (uid_t)-1 : user.uid;
        Known *k = NULL;
        if (r == 0 && !l->name) {
                k = remember(c, &user, known);
                r = k ? 0 : -ENOMEM;
        }
        user_clear(&user);
        finish(l, k, uid, r);
        if (k)
                known_unref(k);
        run_next(c);
        return 0;
}

static int on_late(sd_event_source *source, uint64_t usec, void *userdata) {
        Lookup *l = userdata;
        l->is_late = true;
        (void)kill(l->pid, SIGKILL); /* not reaped: the pid is its own; its end comes by pidfd */
        return 0;
}

/* Nothing of the daemon is left in the child but what it was asked: strangers' code runs now. */
static _Noreturn void child_run(UserChild child, int fd, const UserQuestion *question) {
        sigset_t none;
        (void)prctl(PR_SET_NAME, "mxcd-nss");
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (int s = 1; s < NSIG; s++)
                (void)signal(s, SIG_DFL); /* but for those that cannot be caught */
        if (sigemptyset(&none) < 0 || sigprocmask(SIG_SETMASK, &none, NULL) < 0)
                _exit(EXIT_FAILURE);
        if (dup3(fd, 3, O_CLOEXEC) < 0 && errno != EINVAL) /* it is 3 already */
                _exit(EXIT_FAILURE);
        if (close_range(4, ~0U, 0) < 0)
                _exit(EXIT_FAILURE);
        child(3, question);
        _exit(EXIT_SUCCESS);
}

static int start(Lookup *l) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        l->pipe = ends[0];
        _cleanup_close_ int theirs = ends[1];
        if (fcntl(l->pipe, F_SETFL, O_NONBLOCK) < 0)
                return -errno;
        const UserQuestion question = { .uid = l->uid, .name = l->name };
        pid_t pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                child_run(l->cache->child, theirs, &question);
        l->pid = pid;
        l->cache->n_running++;
        l->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        int r = l->pidfd < 0 ? -errno : 0;
        if (r == 0)
                r = sd_event_add_io(l->cache->event, &l->exited, l->pidfd, EPOLLIN, on_ended, l);
        if (r >= 0)
                r = sd_event_add_time_relative(l->cache->event, &l->late, CLOCK_BOOTTIME, l->cache->deadline,
                                0, on_late, l);
        if (r < 0) {
                (void)kill(pid, SIGKILL); /* not reaped: the pid is its own */
                reap(l);
        }
        return r < 0 ? r : 0;
}

static void run_next(UserCache *c) {
        for (Lookup *l = TAILQ_FIRST(&c->lookups), *next; l && c->n_running < LIMIT_USER_LOOKUPS; l = next) {
                next = TAILQ_NEXT(l, entries);
                if (l->pid > 0)
                        continue;
                int r = start(l);
                if (r < 0) {
                        finish(l, NULL, (uid_t)-1, r);
                        next = TAILQ_FIRST(&c->lookups); /* whoever was told may have changed the list */
                }
        }
}

static Lookup *find_lookup(UserCache *c, uid_t uid) {
        Lookup *l;
        TAILQ_FOREACH(l, &c->lookups, entries)
                if (!l->name && l->uid == uid)
                        return l;
        return NULL;
}

static Lookup *lookup_new(UserCache *c, uid_t uid, const char *name) {
        Lookup *l = calloc(1, sizeof(Lookup));
        if (!l)
                return NULL;
        *l = (Lookup){
                .cache = c, .uid = uid, .pidfd = -EBADF, .pipe = -EBADF, .name = name ? strdup(name) : NULL
        };
        STAILQ_INIT(&l->waiters);
        if (name && !l->name) {
                free(l);
                return NULL;
        }
        TAILQ_INSERT_TAIL(&c->lookups, l, entries);
        return l;
}

static int wait_for(UserCache *c, Lookup *l, Waiter waiter) {
        Waiter *w = l ? calloc(1, sizeof(Waiter)) : NULL;
        if (!w) {
                if (l && STAILQ_EMPTY(&l->waiters)) { /* it was only just made */
                        TAILQ_REMOVE(&c->lookups, l, entries);
                        lookup_free(l);
                }
                return -ENOMEM;
        }
        *w = waiter;
        STAILQ_INSERT_TAIL(&l->waiters, w, entries);
        run_next(c);
        return 0;
}

int user_cache_get(UserCache *c, uid_t uid, UserDone done, void *userdata) {
        if (uid == (uid_t)-1)
                return -EINVAL;
        Known *k = find_known(c, uid);
        if (k) {
                k->n_ref++; /* done() may flush */
                done(&k->user, 0, userdata);
                known_unref(k);
                return 0;
        }
        Lookup *l = find_lookup(c, uid);
        return wait_for(c, l ? l : lookup_new(c, uid, NULL), (Waiter){ .done = done, .userdata = userdata });
}

int user_cache_find(UserCache *c, const char *name, UserNameDone done, void *userdata) {
        size_t n = strlen(name);
        if (n == 0 || n > LIMIT_USER_NAME_BYTES)
                return -EINVAL;
        return wait_for(c, lookup_new(c, (uid_t)-1, name),
                        (Waiter){ .name_done = done, .userdata = userdata });
}

int user_cache_new_full(sd_event *event, UserChild child, uint64_t deadline_usec, UserCache **ret) {
        UserCache *c = calloc(1, sizeof(UserCache));
        if (!c)
                return -ENOMEM;
        *c = (UserCache){ .event = sd_event_ref(event), .child = child, .deadline = deadline_usec };
        TAILQ_INIT(&c->lookups);
        TAILQ_INIT(&c->known);
        *ret = c;
        return 0;
}

int user_cache_new(sd_event *event, UserCache **ret) {
        return user_cache_new_full(event, user_lookup, USER_LOOKUP_USEC, ret);
}

UserCache *user_cache_free(UserCache *c) {
        if (!c)
                return NULL;
        for (Lookup *l; (l = TAILQ_FIRST(&c->lookups));) {
                if (l->pid > 0) {
                        (void)kill(l->pid, SIGKILL); /* not reaped: the pid is its own */
                        reap(l);
                }
                finish(l, NULL, (uid_t)-1, -ESHUTDOWN);
        }
        user_cache_flush(c);
        sd_event_unref(c->event);
        free(c);
        return NULL;
}
