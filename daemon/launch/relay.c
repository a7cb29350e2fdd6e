/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "cgroup.h"
#include "cleanup.h"
#include "codec.h"
#include "egress-net.h"
#include "leaving.h"
#include "log.h"

static void start(Launcher *l, Relay *r);

/* ---- its leaf ---- */

static int open_scope(Launcher *l, const Relay *r) {
        return cgroup_open_scope(l->cgroup, r->run->scope->path);
}

#define LEAF_NAME_SIZE 64

static const char *leaf_name(const char *id, char ret[static LEAF_NAME_SIZE]) {
        (void)snprintf(ret, LEAF_NAME_SIZE, "%s" EGRESS_LEAF_SUFFIX, id);
        return ret;
}

static int make_leaf(Launcher *l, const Relay *r) {
        static const PlanLimit limits[] = { { PLAN_LIMIT_MEMORY_MAX, RELAY_MEMORY },
                { PLAN_LIMIT_TASKS_MAX, RELAY_TASKS } };
        char name[LEAF_NAME_SIZE];
        int leaf = -EBADF;
        _cleanup_close_ int scope = open_scope(l, r);
        int error = scope < 0 ? scope
                              : cgroup_make_leaf(scope, leaf_name(r->run->id, name), limits,
                                                ELEMENTSOF(limits), &leaf);
        return error < 0 ? error : leaf;
}

/* On kernels older than 5.14 it is of no use, and the process alone is killed. */
static void kill_leaf(int scope, const char *id) {
        char name[LEAF_NAME_SIZE];
        _cleanup_close_ int leaf = cgroup_open_leaf(scope, leaf_name(id, name));
        if (leaf >= 0)
                (void)cgroup_kill(leaf);
}

/* What it has left, against its own filter, dies with it. */
static void remove_leaf(int scope, const char *id) {
        char name[LEAF_NAME_SIZE];
        int error = cgroup_end_leaf(scope, leaf_name(id, name));
        if (error < 0)
                log_warning("The leaf of mxc-egress of sandbox %s stays: %s", id, strerror(-error));
}

/* A scope that is gone took its leaves along. */
static void forget_leaf(Launcher *l, const Relay *r) {
        _cleanup_close_ int scope = open_scope(l, r);
        if (scope >= 0)
                remove_leaf(scope, r->run->id);
}

void relay_release_unknown(int scope, const char *id) {
        remove_leaf(scope, id);
}

/* ---- waiting for something to do ---- */

static void pause_for(Launcher *l, Relay *r, uint64_t usec) {
        r->until = now_boottime() + usec;
        TAILQ_INSERT_TAIL(&l->pausing, r, pausing);
}

static void stop_pausing(Launcher *l, Relay *r) {
        if (r->until != 0)
                TAILQ_REMOVE(&l->pausing, r, pausing);
        r->until = 0;
}

static void stop_watching(Launcher *l, Relay *r) {
        launcher_unwatch(l, &r->tcp);
        launcher_unwatch(l, &r->udp);
        launcher_unwatch(l, &r->datagrams);
        launcher_unwatch(l, &r->refused);
        for (size_t i = 0; i < r->n_published; i++)
                launcher_unwatch(l, &r->calls[i]);
        stop_pausing(l, r);
}

static void on_call(Launcher *l, void *owner) {
        stop_watching(l, owner);
        start(l, owner);
}

static int watch(Launcher *l, Relay *r) {
        int error = launcher_watch(l, &r->tcp, r->steering.tcp, on_call, r);
        if (error == 0)
                error = launcher_watch(l, &r->udp, r->steering.udp, on_call, r);
        if (error == 0)
                error = launcher_watch(l, &r->datagrams, r->steering.datagrams, on_call, r);
        if (error == 0 && r->steering.refuse.ring >= 0) /* it tells of what is refused, too */
                error = launcher_watch(l, &r->refused, r->steering.refuse.ring, on_call, r);
        for (size_t i = 0; i < r->n_published && error == 0; i++)
                error = launcher_watch(l, &r->calls[i], r->published[i], on_call, r);
        if (error < 0) {
                stop_watching(l, r);
                log_error("Sandbox %s has no network: %s", r->run->id, strerror(-error));
        }
        return error;
}

/* After an end. One that dies of each call is not to take all of a processor. */
static void wait_for_next(Launcher *l, Relay *r) {
        if (++r->n_ends <= RELAY_PATIENCE) {
                (void)watch(l, r);
                return;
        }
        pause_for(l, r, RELAY_PAUSE_USEC);
}

static void kill_now(Launcher *l, const Relay *r) {
        _cleanup_close_ int scope = open_scope(l, r);
        if (scope >= 0)
                kill_leaf(scope, r->run->id);
        (void)pidfd_send_signal(r->end.fd, SIGKILL, NULL, 0); /* gone already is as good */
}

bool relay_expire(Launcher *l) {
        uint64_t now = TAILQ_EMPTY(&l->pausing) ? 0 : now_boottime();
        for (Relay *r; (r = TAILQ_FIRST(&l->pausing)) != NULL && r->until <= now;) {
                stop_pausing(l, r);
                if (r->over)
                        kill_now(l, r);
                else
                        (void)watch(l, r);
        }
        return !TAILQ_EMPTY(&l->pausing);
}

/* ---- its process ---- */

static void say_end(const Relay *r, const siginfo_t *info) {
        if (info->si_code == CLD_EXITED)
                log_warning("mxc-egress of sandbox %s ended with %d; what comes next starts it again.",
                                r->run->id, info->si_status);
        else
                log_warning("mxc-egress of sandbox %s was ended by signal %d; what comes next starts it "
                            "again.",
                                r->run->id, info->si_status);
}

/* It is dead: reaped, and nothing of it is left. */
static void bury(Launcher *l, Relay *r, siginfo_t *ret) {
        _cleanup_close_ int fd = r->end.fd;
        *ret = (siginfo_t){ 0 };
        (void)waitid(P_PIDFD, (id_t)fd, ret, WEXITED | WNOHANG);
        launcher_unwatch(l, &r->end);
        stop_pausing(l, r);
        r->pid = 0;
        forget_leaf(l, r);
}

static void on_end(Launcher *l, void *owner) {
        Relay *r = owner;
        siginfo_t info;
        bury(l, r, &info);
        if (r->over) {
                run_relay_ended(l, r->run);
                return;
        }
        say_end(r, &info);
        wait_for_next(l, r);
}

static int start_process(Launcher *l, Relay *r) {
        _cleanup_close_ int leaf = make_leaf(l, r), pidfd = -EBADF;
        if (leaf == -EEXIST) { /* of one that was not gone when it was to be removed */
                forget_leaf(l, r);
                leaf = make_leaf(l, r);
        }
        if (leaf < 0)
                return leaf;
        r->launcher = getpid();
        const char *program = l->relay_program;
        sigset_t term, before;
        if (sigemptyset(&term) < 0 || sigaddset(&term, SIGTERM) < 0 ||
                        sigprocmask(SIG_BLOCK, &term, &before) < 0)
                return -errno;
        pid_t pid = cgroup_clone(leaf, 0, &pidfd);
        if (pid == 0)
                relay_run(r, program);
        (void)sigprocmask(SIG_SETMASK, &before, NULL); /* it was so */
        if (pid < 0)
                return (int)pid;
        int error = launcher_move_up(&pidfd);
        if (error == 0)
                error = launcher_watch(l, &r->end, pidfd, on_end, r);
        if (error < 0) {
                leaving_add(l, pid);
                return error;
        }
        (void)TAKE_FD(pidfd); /* bury() closes it */
        r->pid = pid;
        return 0;
}

static void start(Launcher *l, Relay *r) {
        int error = start_process(l, r);
        if (error == 0)
                return;
        log_error("mxc-egress of sandbox %s cannot be started: %s", r->run->id, strerror(-error));
        forget_leaf(l, r);
        wait_for_next(l, r);
}

/* ---- with its sandbox ---- */

static int keep(int fd, int *ret) {
        *ret = fcntl(fd, F_DUPFD_CLOEXEC, LAUNCHER_FDS_LOW);
        return *ret < 0 ? -errno : 0;
}

/* Nothing relies on it: what is not refused here comes to mxc-egress, and is refused there. */
static void refuse_from_now(Relay *r, int table, int leaf) {
        if (r->steering.refuse.table < 0)
                return;
        int error = refuse_attach(&r->steering.refuse, leaf);
        if (error == 0)
                error = refuse_write(&r->steering.refuse, table);
        if (error < 0)
                log_warning("The kernel does not refuse what sandbox %s may not reach, and its relay does: "
                            "%s",
                                r->run->id, strerror(-error));
}

int relay_new(Launcher *l, Run *run, const LaunchPlan *plan, Steering *steering,
                const int fds[RELAY_SPAWN_FDS], int leaf) {
        Relay *r = calloc(1, sizeof(Relay));
        if (!r)
                return -ENOMEM;
        *r = (Relay){
                .run = run,
                .uid = plan->relay_uid,
                .gid = plan->relay_gid,
                .steering = *steering,
                .lease = -EBADF,
                .channel = -EBADF,
                .mxcd = -EBADF,
                .net = -EBADF,
        };
        memcpy(r->id, run->id, sizeof(r->id));
        *steering = STEERING_NONE;
        run->relay = r;
        int error = keep(fds[0], &r->lease);
        if (error == 0)
                error = keep(fds[2], &r->channel);
        if (error == 0)
                error = keep(fds[3], &r->mxcd);
        if (error == 0)
                refuse_from_now(r, fds[1], leaf);
        return error;
}

int relay_begin(Launcher *l, Run *run) {
        return run->relay ? watch(l, run->relay) : 0;
}

static void close_all(Relay *r) {
        steering_close(&r->steering);
        cleanup_closep(&r->lease);
        cleanup_closep(&r->channel);
        cleanup_closep(&r->net);
        for (size_t i = 0; i < r->n_published; i++)
                cleanup_closep(&r->published[i]);
        r->n_published = 0;
        r->lease = r->channel = r->net = -EBADF;
}

/* Something was refused, and nobody has told yet. */
static bool has_to_tell(const Relay *r) {
        struct pollfd p = { .fd = r->steering.refuse.ring, .events = POLLIN };
        return p.fd >= 0 && poll(&p, 1, 0) == 1;
}

bool relay_end(Launcher *l, Run *run) {
        Relay *r = run->relay;
        if (!r || r->over)
                return false;
        r->over = true;
        stop_watching(l, r);
        int error = r->pid <= 0 && has_to_tell(r) ? start_process(l, r) : 0;
        if (error < 0) {
                log_error("Nobody tells what sandbox %s was refused last: %s", run->id, strerror(-error));
                forget_leaf(l, r);
        }
        close_all(r);
        if (r->pid <= 0)
                return false;
        (void)pidfd_send_signal(r->end.fd, SIGTERM, NULL, 0); /* gone already is as good */
        pause_for(l, r, RELAY_GRACE_USEC);
        return true;
}

bool relay_is_over(const Run *run) {
        return !run->relay || run->relay->pid == 0;
}

int relay_copy_channel(const Run *run) {
        if (!run->relay)
                return -ENOENT;
        int fd = fcntl(run->relay->mxcd, F_DUPFD_CLOEXEC, 3);
        return fd < 0 ? -errno : fd;
}

void relay_free(Launcher *l, Run *run) {
        Relay *r = run->relay;
        if (!r)
                return;
        (void)relay_end(l, run); /* it is not waited for here */
        if (r->pid > 0) {
                siginfo_t info;
                kill_now(l, r);
                struct pollfd p = { .fd = r->end.fd, .events = POLLIN };
                (void)poll(&p, 1, 1000); /* nothing holds off SIGKILL for long */
                bury(l, r, &info);
        }
        cleanup_closep(&r->mxcd);
        free(r);
        run->relay = NULL;
}

void verb_lease(Launcher *l, const LaunchRequest *q, const int *fds, size_t n_fds) {
        Run *run = run_find(l, q->id, 0);
        int lease = -EBADF, error = n_fds != 2                                                   ? -EBADF
                                    : !sealed_memfd_check(fds[0]) || !sealed_memfd_check(fds[1]) ? -EPERM
                                                                                                 : 0;
        if (error == 0)
                error = !run || !run->relay || run->relay->over ? -ENOENT : keep(fds[0], &lease);
        if (error < 0) {
                launcher_reply_failed(l, q->serial, LAUNCH_STEP_NETNS, -error, q->id);
                return;
        }
        cleanup_closep(&run->relay->lease);
        run->relay->lease = lease;
        if (run->relay->pid == 0 &&
                        run->relay->steering.refuse.table >= 0) /* one that runs does so itself */
                error = refuse_write(&run->relay->steering.refuse, fds[1]);
        if (error < 0)
                log_warning("What the kernel refuses sandbox %s is not what it was told: %s", run->id,
                                strerror(-error));
        launcher_reply_ok(l, q->serial, 0);
}
