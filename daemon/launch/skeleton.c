/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "skeleton.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "cgroup.h"
#include "cleanup.h"
#include "fd.h"
#include "filesystem.h"
#include "landlock.h"
#include "launcher.h"
#include "log.h"
#include "root.h"

typedef struct Servant {
        Template *template; /* not owned; NULL: none */
        pid_t pid;          /* 0: not begun */
        Source channel;
        Skeleton ready[SKELETONS_READY];
        size_t n_ready, n_ordered;
        uint64_t used;
} Servant;

struct Skeletons {
        Servant servants[SKELETON_SERVANTS];
        uint64_t clock;                       /* counts uses */
        Template *wants;                      /* not owned; it is to have a servant; NULL: none */
        pid_t leaving[2 * SKELETON_SERVANTS]; /* killed, and perhaps not dead yet */
        size_t n_leaving;
};

/* An order; it comes back with a namespace, and a ruleset where there is Landlock. */
typedef struct Order {
        uint32_t magic, version;
        uint64_t n_made;
        uint64_t made[SKELETON_FILESYSTEMS];
} Order;

/* ---- the servant ---- */

static int make(int channel, const Template *t, int proc) {
        Order answer = { LAUNCH_MAGIC, LAUNCH_VERSION, .n_made = 0 };
        const dev_t *made;
        const char *detail = NULL;
        int r = root_build_skeleton(t->model, t->mount_ns, &detail);
        if (r < 0)
                return r;
        size_t n = filesystem_made(&made);
        if (n > SKELETON_FILESYSTEMS)
                return -E2BIG;
        _cleanup_close_ int ruleset = -EBADF;
        r = landlock_rules_ahead(t, &ruleset, &detail);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++)
                answer.made[answer.n_made++] = made[i];
        _cleanup_close_ int ns = openat(proc, "self/ns/mnt", O_RDONLY | O_CLOEXEC); /* the host's proc */
        /* out of it: it is to end with its sandbox, and nobody but that is to be in it */
        if (ns < 0 || setns(t->mount_ns, CLONE_NEWNS) < 0)
                return -errno;
        const int fds[] = { ns, ruleset };
        return launch_send(channel, &answer, sizeof(answer), fds, ruleset < 0 ? 1 : 2);
}

/* Its first order is there when it begins. A failure ends it, and with it the skeletons of this template. */
static _Noreturn void serve(int channel, const Template *t) {
        (void)prctl(PR_SET_NAME, "mxc-mounts");
        (void)setpriority(PRIO_PROCESS, 0, 5); /* sandboxes that run come before sandboxes to come */
        int kept[] = { channel, t->mount_ns };
        int proc = fd_close_others(kept, ELEMENTSOF(kept)) < 0
                                   ? -EBADF
                                   : open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (proc < 0)
                _exit(EXIT_FAILURE);
        for (;;) {
                Order order;
                int fds[LAUNCH_MAX_FDS];
                size_t n;
                if (launch_receive(channel, &order, sizeof(order), fds, &n) <= 0)
                        _exit(EXIT_SUCCESS); /* the launcher is gone, or wants no more */
                if (make(channel, t, proc) < 0)
                        _exit(EXIT_FAILURE);
        }
}

/* ---- the launcher's side ---- */

void skeleton_close(Skeleton *s) {
        cleanup_closep(&s->ns);
        cleanup_closep(&s->ruleset);
}

/* Not waited for: it looks at the host's file systems, which may hold up whoever does, even one that was killed. */
static void dismiss(Skeletons *k, pid_t pid) {
        (void)kill(pid, SIGKILL);         /* not reaped: the pid is its own */
        k->leaving[k->n_leaving++] = pid; /* there is room: begin() */
}

bool skeletons_reap(Launcher *l) {
        Skeletons *k = l->skeletons;
        size_t n = 0;
        for (size_t i = 0; i < k->n_leaving; i++)
                if (waitpid(k->leaving[i], NULL, WNOHANG) == 0)
                        k->leaving[n++] = k->leaving[i];
        k->n_leaving = n;
        return n > 0;
}

static void end(Launcher *l, Servant *s) {
        for (size_t i = 0; i < s->n_ready; i++)
                skeleton_close(&s->ready[i]);
        if (s->pid > 0) {
                int fd = s->channel.fd;
                launcher_unwatch(l, &s->channel);
                (void)close(fd);
                dismiss(l->skeletons, s->pid);
        }
        *s = (Servant){ .template = NULL };
}

static void on_skeleton(Launcher *l, void *owner) {
        Servant *s = owner;
        Order answer;
        int fds[LAUNCH_MAX_FDS];
        size_t n = 0;
        int r = launch_receive(s->channel.fd, &answer, sizeof(answer), fds, &n);
        if (r == -EAGAIN)
                return;
        if (r == 1 && n == (l->features.landlock_abi > 0 ? 2 : 1) && s->n_ordered > 0 &&
                        s->n_ready < SKELETONS_READY && answer.n_made <= SKELETON_FILESYSTEMS) {
                Skeleton new = { .ns = fds[0], .ruleset = n > 1 ? fds[1] : -EBADF, .n_made = answer.n_made };
                for (size_t i = 0; i < new.n_made; i++)
                        new.made[i] = answer.made[i];
                s->ready[s->n_ready++] = new;
                s->n_ordered--;
                return;
        }
        for (size_t i = 0; i < n; i++)
                (void)close(fds[i]); /* not ordered */
        log_warning("A helper that lays out roots is gone; sandboxes of its policy make their own.");
        end(l, s);
}

static int begin(Launcher *l, Servant *s) {
        int pair[2];
        if (l->skeletons->n_leaving >= SKELETON_SERVANTS)
                return -EBUSY; /* what held up those would hold up this one */
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        _cleanup_close_ int ours = pair[0], theirs = pair[1], pidfd = -EBADF;
        int r = fcntl(ours, F_SETFL, O_NONBLOCK) < 0 ? -errno : launcher_move_up(&ours);
        if (r < 0)
                return r;
        pid_t pid = cgroup_clone(-EBADF, 0, &pidfd); /* the channel tells of its end */
        if (pid == 0)
                serve(theirs, s->template);
        if (pid < 0)
                return (int)pid;
        r = launcher_watch(l, &s->channel, ours, on_skeleton, s);
        if (r < 0) {
                dismiss(l->skeletons, pid);
                return r;
        }
        s->pid = pid;
        (void)TAKE_FD(ours); /* end() closes it */
        return 0;
}

static int refill(Launcher *l, Servant *s) {
        if (!s->template || s->template->mount_ns < 0)
                return 0; /* it is being made */
        int r = s->pid > 0 ? 0 : begin(l, s);
        static const Order order = { .magic = LAUNCH_MAGIC, .version = LAUNCH_VERSION };
        for (; r == 0 && s->n_ready + s->n_ordered < SKELETONS_READY; s->n_ordered += r == 0)
                r = launch_send(s->channel.fd, &order, sizeof(order), NULL, 0);
        return r;
}

/* That of the template which was not used for the longest time, or a free one. */
static Servant *oldest(Skeletons *k) {
        Servant *s = &k->servants[0];
        for (size_t i = 1; i < SKELETON_SERVANTS; i++)
                if (k->servants[i].used < s->used)
                        s = &k->servants[i];
        return s;
}

static void give_place(Launcher *l, Template *t) {
        Servant *s = oldest(l->skeletons);
        end(l, s);
        s->template = t;
        s->used = t->asked;
}

/* With half of them gone between two sandboxes, with the last one whatever else there is to do. */
static bool is_due(const Servant *s, bool busy, bool idle) {
        if (busy)
                return s->pid > 0 && s->n_ready == 0;
        return idle || s->pid <= 0 || s->n_ready + s->n_ordered <= SKELETONS_READY / 2;
}

bool skeletons_refill(Launcher *l, bool idle) {
        Skeletons *k = l->skeletons;
        bool busy = !TAILQ_EMPTY(&l->starting); /* it would take the processor from what is being set up */
        bool owed = false;
        (void)skeletons_reap(l); /* or else there may be no room for another */
        if (k->wants && !busy) {
                give_place(l, k->wants);
                k->wants = NULL;
        }
        for (size_t i = 0; i < SKELETON_SERVANTS; i++) {
                Servant *s = &k->servants[i];
                if (is_due(s, busy, idle) && refill(l, s) < 0)
                        end(l, s);
                owed = owed || (s->pid > 0 && s->n_ready + s->n_ordered < SKELETONS_READY);
        }
        return owed && !busy;
}

static Servant *servant_of(Skeletons *k, const Template *t) {
        for (size_t i = 0; i < SKELETON_SERVANTS; i++)
                if (k->servants[i].template == t)
                        return &k->servants[i];
        return NULL;
}

/* A place is given up to a template that was used twice while its own was not. Otherwise many policies in turn would take it from
 * each other, and each would find nothing ready. */
Skeleton skeleton_take(Launcher *l, Template *t) {
        Skeletons *k = l->skeletons;
        Servant *s = servant_of(k, t);
        const uint64_t before = t->asked;
        t->asked = ++k->clock;
        if (!s) {
                const Servant *other = oldest(k);
                if (!other->template || before > other->used)
                        k->wants = t;
                return SKELETON_NONE;
        }
        s->used = k->clock;
        if (s->n_ready == 0 && s->pid > 0)
                on_skeleton(l, s); /* one may be there already */
        return s->n_ready > 0 ? s->ready[--s->n_ready] : SKELETON_NONE;
}

void skeletons_forget(Launcher *l, const Template *t) {
        Servant *s = servant_of(l->skeletons, t);
        if (s)
                end(l, s);
        if (l->skeletons->wants == t)
                l->skeletons->wants = NULL;
}

int skeletons_new(Launcher *l, Skeletons **ret) {
        *ret = calloc(1, sizeof(Skeletons));
        return *ret ? 0 : -ENOMEM;
}
