/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every sandbox and exec'd command, from its clone to its RELEASE. State moves forward only:
 *   STARTING ── the setup socket ends after READY ──► RUNNING ── farewell or pidfd ──► EXITED ── RELEASE ──► gone
 *   STARTING ── a failure, an early death, the deadline ──► gone (FAILED is the only thing that mxcd hears) */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cage.h"
#include "cgroup.h"
#include "cleanup.h"
#include "death.h"
#include "exec-group.h"
#include "fd.h"
#include "guard-hold.h"
#include "init.h"
#include "launcher.h"
#include "log.h"
#include "net-remains.h"
#include "own-memory.h"
#include "relay.h"
#include "template-cache.h"

static unsigned bucket(const char *id) {
        unsigned n = 0;
        for (size_t i = 0; i < 3 && id[i]; i++) /* ids are random hex digits: the first three spread well */
                n = n * 16 + (unsigned)(id[i] >= 'a' ? id[i] - 'a' + 10 : id[i] - '0') % 16;
        return n % RUN_BUCKETS;
}

Run *run_find(Launcher *l, const char *id, uint32_t exec) {
        Run *run;
        LIST_FOREACH(run, &l->runs[bucket(id)], entries)
                if (run->exec == exec && !run->proof && streq(run->id, id))
                        return run;
        return NULL;
}

/* As much as the most sandboxes at once have needed is kept. */
static Run *take_spare(Launcher *l) {
        enum { AT_ONCE = 64 };
        if (LIST_EMPTY(&l->spare)) {
                Run *more = own_memory_map(AT_ONCE * sizeof(Run));
                for (size_t i = 0; more && i < AT_ONCE; i++)
                        LIST_INSERT_HEAD(&l->spare, &more[i], entries);
        }
        Run *run = LIST_FIRST(&l->spare);
        if (run)
                LIST_REMOVE(run, entries);
        return run;
}

int run_new(Launcher *l, const char *id, uint32_t exec, const LaunchRequest *q, Run **ret) {
        Run *run = take_spare(l);
        if (!run)
                return -ENOMEM;
        *run = (Run){ .exec = 0 };
        (void)snprintf(run->id, sizeof(run->id), "%s", id);
        run->exec = exec;
        run->serial = q->serial;
        run->connection = l->connection;
        run->deadline = now_boottime() + LAUNCH_SETUP_USEC;
        run->pidfd = run->setup_fd = run->pty = run->page = run->control = run->end_pipe = run->net = -EBADF;
        LIST_INSERT_HEAD(&l->runs[bucket(id)], run, entries);
        TAILQ_INSERT_TAIL(&l->starting, run, starting);
        l->n_runs++;
        *ret = run;
        return 0;
}

static void set_state(Launcher *l, Run *run, RunState state) {
        if (run->state == RUN_STARTING)
                TAILQ_REMOVE(&l->starting, run, starting);
        run->state = state;
}

static void forget_release(Launcher *l, Run *run) {
        if (run->release)
                TAILQ_REMOVE(&l->releasing, run, releasing);
        run->release = 0;
}

void run_free(Launcher *l, Run *run) {
        forget_release(l, run);
        if (run->state == RUN_STARTING)
                set_state(l, run, RUN_EXITED);
        relay_free(l, run);
        launcher_unwatch(l, &run->end);
        launcher_unwatch(l, &run->farewell);
        launcher_unwatch(l, &run->setup);
        const int fds[] = { run->pidfd, run->setup_fd, run->pty, run->page, run->control, run->end_pipe };
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                if (fds[i] >= 0)
                        (void)close(fds[i]); /* ours alone */
        if (run->scope)
                scope_unref(l, run->scope);
        if (run->exec > 0) {
                Run *sandbox = run_find(l, run->id, 0);
                if (sandbox)
                        sandbox->n_execs--;
        }
        LIST_REMOVE(run, entries);
        l->n_runs--;
        if (run->net >= 0)
                net_remains_add(l, run);
        else
                LIST_INSERT_HEAD(&l->spare, run, entries);
}

/* ---- reports ---- */

static void fill(const Run *run, LaunchReport *report) {
        (void)snprintf(report->id, sizeof(report->id), "%s", run->id);
        report->exec = run->exec;
        report->pid = run->pid;
        report->code = run->code;
        report->signal = run->signal;
        if (run->scope)
                (void)snprintf(report->path, sizeof(report->path), "%s", run->scope->path);
}

/* Copies for mxcd; whatever could not be copied is left out, and mxcd refuses what is incomplete. */
static size_t copy_fds(const Run *run, int *fds) {
        const int sources[] = { run->pidfd, run->page };
        size_t n = 0;
        for (size_t i = 0; i < ELEMENTSOF(sources); i++)
                if (sources[i] >= 0) {
                        int fd = fcntl(sources[i], F_DUPFD_CLOEXEC, 3);
                        if (fd >= 0)
                                fds[n++] = fd;
                }
        return n;
}

static void report_started(Launcher *l, Run *run) {
        LaunchReport report = {
                .event = LAUNCH_EVENT_STARTED, .serial = run->serial, .features = l->features
        };
        fill(run, &report);
        int fds[3];
        size_t n = copy_fds(run, fds);
        if (run->pty >= 0)
                fds[n++] = TAKE_FD(run->pty);
        if (run->connection == l->connection) {
                launcher_send(l, &report, fds, n);
                return;
        }
        for (size_t i = 0; i < n; i++)
                (void)close(fds[i]); /* whoever asked is gone; HELLO has told of it */
}

static void report_exited(Launcher *l, const Run *run) {
        LaunchReport report = { .event = LAUNCH_EVENT_EXITED };
        fill(run, &report);
        launcher_send(l, &report, NULL, 0);
}

static void report_one(Launcher *l, Run *run, uint64_t serial) {
        LaunchReport report = { .event = LAUNCH_EVENT_ADOPT, .serial = serial };
        fill(run, &report);
        int fds[3];
        size_t n = copy_fds(run, fds);
        int channel = relay_copy_channel(run);
        if (channel >= 0)
                fds[n++] = channel;
        launcher_send(l, &report, fds, n);
        if (run->state == RUN_EXITED && !run->unsaid)
                report_exited(l, run);
}

/* Sandboxes first: mxcd adopts a command of Exec into a sandbox that it knows. */
void run_report_all(Launcher *l, uint64_t serial) {
        for (int execs = 0; execs < 2; execs++)
                for (size_t i = 0; i < RUN_BUCKETS; i++) {
                        Run *run;
                        LIST_FOREACH(run, &l->runs[i], entries)
                                if (!run->proof && (run->exec > 0) == (execs > 0))
                                        report_one(l, run, serial);
                }
}

/* ---- the way through the states ---- */

static void has_exited(Launcher *l, Run *run) {
        set_state(l, run, RUN_EXITED);
        run->unsaid = relay_end(l, run);
        if (!run->unsaid)
                report_exited(l, run);
}

static int remove_leaf(Launcher *l, const Run *run) {
        if (run->exec > 0 || !run->scope)
                return 0;
        _cleanup_close_ int scope = cgroup_open_scope(l->cgroup, run->scope->path);
        int r = scope >= 0         ? cgroup_end_leaf(scope, run->id)
                : scope == -ENOENT ? 0 /* it took its leaves along */
                                   : scope;
        if (r < 0)
                log_warning("The leaf of sandbox %s stays: %s", run->id, strerror(-r));
        else
                guard_hold_forget(l, run->leaf);
        return r;
}

static void reap(Run *run, siginfo_t *ret) {
        *ret = (siginfo_t){ 0 };
        (void)waitid(P_PIDFD, (id_t)run->pidfd, ret, WEXITED | WNOHANG); /* si_pid stays 0 while it lives */
}

/* Ends it whatever it does. A sandbox is our child: nothing holds off SIGKILL for long. */
static void kill_now(Run *run) {
        if (run->pidfd < 0)
                return;
        (void)pidfd_send_signal(run->pidfd, SIGKILL, NULL, 0); /* gone already is as good */
        if (run->exec == 0) {
                struct pollfd p = { .fd = run->pidfd, .events = POLLIN };
                (void)poll(&p, 1, 1000); /* one that sleeps in broken i/o is left behind, killed */
                siginfo_t info;
                reap(run, &info);
        }
}

void run_abandon(Launcher *l, Run *run, bool with_leaf) {
        const Run *sandbox = run->exec > 0 ? run_find(l, run->id, 0) : NULL;
        kill_now(run);
        if (sandbox)
                exec_group_end(l, sandbox, run->exec);
        if (with_leaf)
                (void)remove_leaf(l,
                                run); /* logs itself; whoever is told of the failure asks for its release */
        run_free(l, run);
}

static void give_up(Launcher *l, Run *run, uint32_t step, int error, const char *detail) {
        Template *proof = run->proof;
        if (proof) {
                bool steered = run->steered;
                run_abandon(l, run, false);
                template_proof_done(l, proof, steered, step, error, detail);
                return;
        }
        if (run->connection == l->connection)
                launcher_reply_failed(l, run->serial, step < _LAUNCH_STEP_MAX ? step : LAUNCH_STEP_CLONE,
                                error, detail);
        else if (run->exec > 0) { /* HELLO has told of it */
                run->code = LAUNCH_NEVER_BEGAN;
                report_exited(l, run);
        }
        run_abandon(l, run, true);
}

/* By a message, or on the page: the report then just ends. */
static bool is_ready(const Run *run) {
        StatusPage page;
        return run->ready ||
               (run->page >= 0 && fd_pread_all(run->page, &page, sizeof(page), 0) == 0 && page.ready == 1);
}

/* What the child says before its command runs. False when the run is gone: it failed. */
static bool take_setup(Launcher *l, Run *run) {
        while (run->setup.watched) {
                SetupMessage m;
                int fds[LAUNCH_MAX_FDS];
                size_t n = 0;
                int r = launch_receive(run->setup.fd, &m, sizeof(m), fds, &n);
                if (r == -EAGAIN)
                        return true;
                if (r == 1 && m.step == LAUNCH_STEP_NONE) {
                        size_t i = 0;
                        run->ready = true;
                        if (run->exec > 0 && run->pidfd < 0 && i < n) {
                                run->pidfd = fds[i++];
                                (void)launcher_move_up(&run->pidfd); /* where it is, it serves as well */
                        }
                        if (run->pty < 0 && i < n)
                                run->pty = fds[i++];
                        for (; i < n; i++)
                                (void)close(fds[i]); /* more than was asked for */
                        continue;
                }
                for (size_t i = 0; i < n; i++)
                        (void)close(fds[i]); /* a failure needs none */
                if (r == 1) {
                        m.detail[sizeof(m.detail) - 1] = 0;
                        give_up(l, run, m.step, m.error, m.detail);
                        return false;
                }
                launcher_unwatch(l, &run->setup);    /* execve() closed it, or death */
                (void)close(TAKE_FD(run->setup_fd)); /* read to its end */
        }
        if (!is_ready(run)) {
                char how[DEATH_TEXT];
                death_while_set_up(run, how);
                give_up(l, run, LAUNCH_STEP_CLONE, ECANCELED, how);
                return false;
        }
        if (run->state == RUN_STARTING) {
                set_state(l, run, RUN_RUNNING);
                (void)relay_begin(l, run); /* without it nothing is reached, and the log says so */
                if (!run->proof)
                        report_started(l, run);
        }
        return true;
}

static void on_setup(Launcher *l, void *owner) {
        (void)take_setup(l, owner);
}

static void take_page(Run *run, const StatusPage *page) {
        run->code = page->code & 0xff;
        run->signal = page->signal > 0 && page->signal < NSIG ? page->signal : 0;
}

/* pid 1 left on the page how its command ended; a page that does not say so means that it was killed. */
static void read_page(Run *run, const siginfo_t *info) {
        StatusPage page;
        if (info->si_code == CLD_EXITED && fd_pread_all(run->page, &page, sizeof(page), 0) == 0 &&
                        page.state == STATUS_EXITED) {
                take_page(run, &page);
        } else if (info->si_code == CLD_EXITED) {
                run->code = info->si_status;
        } else {
                run->signal = info->si_status;
        }
}

/* Pid 1 has reaped all others, written down how its command ended, and only its own death is left, which takes as long as all
 * before: a mount namespace goes with it. Its word is taken, for it is killed at once: it cannot live on as one that is
 * thought dead. Without that word this is just the beginning of its death. */
static void on_farewell(Launcher *l, void *owner) {
        Run *run = owner;
        StatusPage page;
        launcher_unwatch(l, &run->farewell);
        if (run->proof || (run->state == RUN_STARTING && !take_setup(l, run)) || run->state != RUN_RUNNING)
                return;
        if (fd_pread_all(run->page, &page, sizeof(page), 0) < 0 || page.state != STATUS_EXITED)
                return;
        (void)pidfd_send_signal(run->pidfd, SIGKILL, NULL, 0); /* gone already is as good */
        take_page(run, &page);
        has_exited(l, run);
}

/* One that is dead. While its leaf stays, so does what is known of it. */
static int forget(Launcher *l, Run *run) {
        const Run *sandbox = run->exec > 0 ? run_find(l, run->id, 0) : NULL;
        if (sandbox)
                exec_group_leave(l, sandbox, run->exec);
        int r = remove_leaf(l, run);
        if (r == 0)
                run_free(l, run);
        return r;
}

static void reply_release(Launcher *l, uint64_t serial, int r, const char *id) {
        if (r < 0)
                launcher_reply_failed(l, serial, LAUNCH_STEP_CGROUP, -r, id);
        else
                launcher_reply_ok(l, serial, 0);
}

static void end_release(Launcher *l, Run *run) {
        char id[sizeof(run->id)];
        uint64_t serial = run->release;
        bool is_heard = run->release_connection == l->connection;
        memcpy(id, run->id, sizeof(id));
        forget_release(l, run);
        int r = forget(l, run);
        if (is_heard)
                reply_release(l, serial, r, id);
}

/* Of it and of what serves its network. */
static bool is_dead(const Run *run) {
        return !run->end.watched && relay_is_over(run);
}

/* The last that a sandbox does is told by its relay, so the end is told when that has ended as well. */
void run_relay_ended(Launcher *l, Run *run) {
        if (run->unsaid) {
                run->unsaid = false;
                report_exited(l, run);
        }
        if (run->release && is_dead(run))
                end_release(l, run);
}

static void on_sandbox_end(Launcher *l, void *owner) {
        Run *run = owner;
        siginfo_t info;
        reap(run, &info);
        if (info.si_pid == 0)
                return;
        launcher_unwatch(l, &run->end);
        launcher_unwatch(l, &run->farewell);
        if (run->state == RUN_EXITED) {
                if (run->release && is_dead(run))
                        end_release(l, run);
                return;
        }
        read_page(run, &info); /* first: it tells of what it died */
        if (run->state == RUN_STARTING && !take_setup(l, run))
                return;
        if (run->proof) {
                Template *proof = run->proof;
                char how[DEATH_TEXT];
                const bool held = run->code == 0 && run->signal == 0, steered = run->steered;
                death_in_proof(run, how);
                run_free(l, run);
                template_proof_done(l, proof, steered, LAUNCH_STEP_PROOF, held ? 0 : ECANCELED, how);
                return;
        }
        has_exited(l, run);
}

static void on_exec_end(Launcher *l, void *owner) {
        Run *run = owner;
        ExecEnd end = { .signal = SIGKILL }; /* nothing said: it went with its pid 1 */
        ssize_t n = read(run->end_pipe, &end, sizeof(end));
        launcher_unwatch(l, &run->end);
        if (run->state == RUN_STARTING && !take_setup(l, run))
                return;
        if (n > 0 && n != (ssize_t)sizeof(end))
                end = (ExecEnd){ .signal = SIGKILL };
        run->code = end.code & 0xff;
        run->signal = end.signal > 0 && end.signal < NSIG ? end.signal : 0;
        has_exited(l, run);
}

int run_watch(Launcher *l, Run *run) {
        int r = launcher_watch(l, &run->setup, run->setup_fd, on_setup, run);
        if (r < 0)
                return r;
        if (run->exec > 0)
                return launcher_watch(l, &run->end, run->end_pipe, on_exec_end, run);
        r = launcher_watch_for(l, &run->farewell, run->control, EPOLLRDHUP, on_farewell, run);
        return r < 0 ? r : launcher_watch(l, &run->end, run->pidfd, on_sandbox_end, run);
}

/* Its pid 1 is killed and does not die: it waits for a device, or for a file system that does not answer. */
static void refuse_release(Launcher *l, Run *run) {
        if (run->release_connection == l->connection)
                reply_release(l, run->release, -EBUSY, run->id);
        forget_release(l, run);
}

void run_expire(Launcher *l) {
        if (TAILQ_EMPTY(&l->starting) && TAILQ_EMPTY(&l->releasing))
                return;
        uint64_t now = now_boottime();
        for (Run *run; (run = TAILQ_FIRST(&l->releasing)) && run->release_deadline <= now;)
                refuse_release(l, run);
        for (Run *run; (run = TAILQ_FIRST(&l->starting)) && run->deadline <= now;)
                give_up(l, run, LAUNCH_STEP_OPEN, ETIMEDOUT, "it took too long to set up");
}

/* ---- verbs ---- */

void verb_signal(Launcher *l, const LaunchRequest *q) {
        Run *run = run_find(l, q->id, q->exec);
        if (!run || run->pidfd < 0 || q->number <= 0 || q->number >= NSIG) {
                launcher_reply_failed(l, q->serial, LAUNCH_STEP_NONE, run ? EINVAL : ENOENT, q->id);
                return;
        }
        int r;
        if (q->exec > 0) {
                r = pidfd_send_signal(run->pidfd, q->number, NULL, 0) < 0 ? -errno : 0;
        } else {
                /* pid 1 knows the command; a plain signal would be for the sandbox as a whole */
                siginfo_t info = { .si_signo = INIT_SIGNAL, .si_code = SI_QUEUE };
                info.si_value.sival_int = q->number;
                r = pidfd_send_signal(run->pidfd, INIT_SIGNAL, &info, 0) < 0 ? -errno : 0;
        }
        if (r < 0)
                launcher_reply_failed(l, q->serial, LAUNCH_STEP_NONE, -r, q->id);
        else
                launcher_reply_ok(l, q->serial, 0);
}

/* Unknown to us, but its leaf may be there: a launcher before us crashed. */
static int release_unknown(Launcher *l, const LaunchRequest *q) {
        bool leaf = q->exec == 0 && path_is_normal(q->path) && q->path[1] != 0 && strlen(q->id) == 32 &&
                    q->id[strspn(q->id, "0123456789abcdef")] == 0;
        _cleanup_close_ int scope = leaf ? cgroup_open_scope(l->cgroup, q->path) : -ENOENT;
        struct stat st;
        if (scope < 0)
                return -ENOENT;
        relay_release_unknown(scope, q->id);
        if (fstatat(scope, q->id, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -ENOENT;
        int r = cgroup_end_leaf(scope, q->id);
        if (r == 0)
                guard_hold_forget(l, st.st_ino);
        return r;
}

void verb_release(Launcher *l, const LaunchRequest *q) {
        Run *run = run_find(l, q->id, q->exec);
        int r = 0;
        if (!run) {
                r = release_unknown(l, q);
        } else if (run->state != RUN_EXITED || run->n_execs > 0 ||
                        (run->release && run->release_connection == l->connection)) {
                r = -EAGAIN;
        } else if (!is_dead(run)) {     /* its pid 1, or what served its network, is on its way out */
                forget_release(l, run); /* of a client that is gone */
                run->release = q->serial;
                run->release_connection = l->connection;
                run->release_deadline = now_boottime() + LAUNCH_RELEASE_USEC;
                TAILQ_INSERT_TAIL(&l->releasing, run, releasing);
                return;
        } else {
                r = forget(l, run);
        }
        reply_release(l, q->serial, r, q->id);
}
