/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "aftermath.h"
#include "cleanup.h"
#include "clock.h"
#include "codec.h"
#include "command.h"
#include "fd.h"
#include "filter.h"
#include "init.h"
#include "limits.h"
#include "mediate.h"

#define QUIET_STEP_MSEC 5 /* while calls that wait for others are given back */
#define GRACE_MSEC                                                                                          \
        2000 /* between TERM and KILL when the sandbox is asked to end; well under the scope's TimeoutStopSec */

#define NO_LIMIT UINT64_MAX

DEFINE_CLEANUP(ExecPlan *, exec_plan_free);

typedef struct Init {
        Cage *cage;
        pid_t command; /* 0: there is none */
        bool ended;    /* the command has ended, as follows */
        ExecEnd end;
        int signals;       /* all of them come out here */
        bool stopping;     /* until then: */
        uint64_t deadline; /* milliseconds of CLOCK_MONOTONIC */
        uint64_t quiet;    /* until then no calls are taken; 0: they are */
        uint32_t quiet_number;
        struct {
                pid_t pid; /* 0: free */
                int pipe;
        } execs[LIMIT_EXECS_PER_SANDBOX];
} Init;

static ExecEnd end_from_status(int status) {
        if (WIFEXITED(status))
                return (ExecEnd){ .code = WEXITSTATUS(status) };
        return (ExecEnd){ .signal = WTERMSIG(status) };
}

static void note_end(Init *init, pid_t pid, int status) {
        if (pid == init->command) {
                init->ended = true;
                init->end = end_from_status(status);
                return;
        }
        for (size_t i = 0; i < ELEMENTSOF(init->execs); i++) {
                if (init->execs[i].pid != pid)
                        continue;
                const ExecEnd end = end_from_status(status);
                ssize_t n = write(init->execs[i].pipe, &end, sizeof(end));
                (void)n; /* nobody to tell it to; the end of the pipe then says "killed" */
                (void)close(init->execs[i].pipe);
                init->execs[i].pid = 0;
        }
}

/* Reaps what has ended. False when no child is left at all. */
static bool reap(Init *init, int options) {
        for (;;) {
                int status;
                pid_t pid = waitpid(-1, &status, options);
                if (pid == 0)
                        return true;
                if (pid < 0 && errno == EINTR)
                        continue;
                if (pid < 0)
                        return false;
                note_end(init, pid, status);
                if (init->cage->mediator)
                        mediator_reaped(init->cage->mediator, pid);
        }
}

/* Whoever was born here is our child or the child of one, so without children we are alone. Only where we are not is everybody killed: for that the
 * kernel looks at each process of the host, not at ours alone, and with thousands of sandboxes that takes longer than all else. */
static void end_others(Init *init) {
        if (!reap(init, WNOHANG))
                return;
        (void)kill(-1, SIGKILL); /* all but ourselves */
        (void)reap(init, 0);
}

static _Noreturn void finish(Init *init) {
        end_others(init);
        aftermath_report(init->cage);
        StatusPage *page = init->cage->page;
        page->code = init->end.code;
        page->signal = init->end.signal;
        __atomic_store_n(&page->state, STATUS_EXITED, __ATOMIC_RELEASE);
        (void)close(init->cage->control); /* tells the launcher that we are alone; our own end takes a while */
        _exit(init->end.signal != 0 ? 128 + init->end.signal : init->end.code);
}

/* ---- standing still ---- */

static bool is_quiet(const Init *init) {
        return init->cage->page->quiet == init->quiet_number;
}

static void be_quiet(Init *init, uint32_t number) {
        if (init->stopping)
                return;
        init->quiet = now_msec() + INIT_QUIET_USEC / 1000;
        init->quiet_number = number;
}

/* Between two calls. */
static void keep_quiet(Init *init) {
        if (init->quiet == 0)
                return;
        if (now_msec() >= init->quiet)
                init->quiet = 0;
        else if (!init->cage->mediator || mediator_give_back(init->cage->mediator))
                __atomic_store_n(&init->cage->page->quiet, init->quiet_number, __ATOMIC_RELEASE);
}

/* ---- the end, when it is asked for ---- */

static void stop(Init *init) {
        if (init->stopping)
                return;
        init->quiet = 0;
        init->stopping = true;
        init->deadline = now_msec() + GRACE_MSEC;
        (void)kill(-1, SIGTERM);
        (void)kill(-1, SIGCONT); /* a stopped process would not see it */
}

/* ---- later commands ---- */

static void close_all(const int *fds, size_t n) {
        for (size_t i = 0; i < n; i++)
                (void)close(fds[i]);
}

static int start_exec(Init *init, const ExecPlan *plan, int report, int pipe, int group, const int *stdio) {
        size_t slot = 0;
        while (slot < ELEMENTSOF(init->execs) && init->execs[slot].pid != 0)
                slot++;
        if (slot == ELEMENTSOF(init->execs))
                return -EMFILE;
        const Command command = {
                .argv = plan->argv,
                .n_argv = plan->n_argv,
                .env = plan->env,
                .n_env = plan->n_env,
                .cwd = plan->cwd,
                .pty = plan->pty,
                .rows = plan->rows,
                .columns = plan->columns,
                .stdio = stdio,
                .report = report,
                .tell_pidfd = true,
                .group = group,
                .mediator = init->cage->mediator,
                .filters = &init->cage->template->filters,
        };
        pid_t pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                command_run(&command);
        init->execs[slot].pid = pid;
        init->execs[slot].pipe = pipe;
        return 0;
}

/* fds: plan, report, end pipe, group, and stdio unless the plan says pty. The launcher has checked all of it; a message that
 * breaks this is dropped, and the launcher sees its report socket close. */
static void take_exec(Init *init, int *fds, size_t n) {
        _cleanup_(exec_plan_freep) ExecPlan *plan = NULL;
        _cleanup_free_ uint8_t *data = NULL;
        size_t size;
        int r = n < 4 ? -EBADMSG : sealed_memfd_read(fds[0], &data, &size);
        if (r == 0)
                r = exec_plan_decode(data, size, &plan, NULL);
        if (r == 0 && n != (plan->pty ? 4 : 7))
                r = -EBADMSG;
        if (r == 0)
                r = start_exec(init, plan, fds[1], fds[2], fds[3], fds + 4);
        if (r < 0) {
                if (n >= 2)
                        cage_report_failure(fds[1], LAUNCH_STEP_CLONE, -r, "exec");
                close_all(fds, n);
                return;
        }
        close_all(fds, 2);
        close_all(fds + 3, n - 3); /* the pipe stays until the command ends */
}

static void receive_execs(Init *init) {
        for (;;) {
                uint32_t head[2];
                int fds[LAUNCH_MAX_FDS];
                size_t n;
                int r = launch_receive(init->cage->control, head, sizeof(head), fds, &n);
                if (r <= 0)
                        return; /* nothing more for now, or the launcher is gone, or broke its word */
                take_exec(init, fds, n);
        }
}

/* ---- signals ---- */

static void pass_on(Init *init, int number) {
        if (init->command > 0 && !init->ended && number > 0 && number < NSIG)
                (void)kill(init->command, number); /* it may have ended just now */
}

static void on_signal(Init *init, const struct signalfd_siginfo *info) {
        int number = (int)info->ssi_signo;
        if (number == SIGCHLD || info->ssi_pid != 0 ||
                        (info->ssi_code != SI_USER && info->ssi_code != SI_QUEUE))
                return; /* children are looked for in any case; the agent has no say over pid 1 */
        if (number == SIGTERM)
                stop(init);
        else if (number != INIT_SIGNAL)
                pass_on(init, number);
        else if (info->ssi_int == INIT_VALUE_EXEC)
                receive_execs(init);
        else if (info->ssi_int == INIT_VALUE_GO)
                init->quiet = 0;
        else if (info->ssi_int >= INIT_VALUE_QUIET && info->ssi_int - INIT_VALUE_QUIET < INIT_QUIET_NUMBERS)
                be_quiet(init, (uint32_t)(info->ssi_int - INIT_VALUE_QUIET));
        else if (init->command == 0 && info->ssi_int == SIGTERM)
                stop(init);
        else
                pass_on(init, info->ssi_int);
}

static void take_signals(Init *init) {
        struct signalfd_siginfo info;
        while (read(init->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
                on_signal(init, &info);
}

/* Milliseconds. */
static uint64_t time_left(const Init *init) {
        if (!init->stopping && init->quiet == 0)
                return NO_LIMIT;
        uint64_t now = now_msec(), until = init->stopping ? init->deadline : init->quiet,
                 left = until > now ? until - now : 0;
        return !init->stopping && !is_quiet(init) && left > QUIET_STEP_MSEC ? QUIET_STEP_MSEC : left;
}

/* Until something happens, and what is then to be done. True when children may have ended. */
static bool wait_and_act(Init *init) {
        struct pollfd fds[1 + MEDIATOR_POLL_MAX] = { { .fd = init->signals, .events = POLLIN } };
        Mediator *m = init->cage->mediator;
        keep_quiet(init);
        size_t n = 1 + (m && init->quiet == 0 ? mediator_watch(m, fds + 1) : 0);
        uint64_t left = time_left(init);
        const struct timespec limit = { (time_t)(left / 1000), (long)(left % 1000) * 1000000 };
        int ready = ppoll(fds, n, left < NO_LIMIT ? &limit : NULL, NULL);
        if (ready <= 0)
                return true;
        if (m && init->quiet == 0)
                mediator_serve(m, fds + 1, n - 1);
        if (!fds[0].revents)
                return false;
        take_signals(init);
        return true;
}

static _Noreturn void serve(Init *init) {
        for (;;) {
                bool any = !wait_and_act(init) || reap(init, WNOHANG);
                if (init->stopping ? !any || now_msec() >= init->deadline : init->ended)
                        finish(init);
        }
}

/* 0 to 2 stay taken, so that what comes over the control socket lands above. */
static int forget_stdio(void) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null < 0)
                return -errno;
        for (int i = 0; i < 3; i++)
                if (dup3(null, i, O_CLOEXEC) < 0)
                        return -errno;
        return 0;
}

/* The control socket stays with us, and what mediation needs. */
static int forget_rest(const Cage *c) {
        int kept[1 + MEDIATOR_KEEP_MAX] = { c->control };
        size_t n = 1 + (c->mediator ? mediator_descriptors(c->mediator, kept + 1) : 0);
        return fd_close_others(kept, n);
}

static int run_command(void *command) {
        command_run(command);
}

/* As vfork(2): the command runs in this memory until its execve(), and nothing of it is copied; this process stands still until
 * then. It must not where something is asked of it before: a proof's children and calls that are mediated. */
static pid_t share_memory(const Command *command) {
        static _Alignas(16) char stack[64 * 1024];
        int pid = clone(run_command, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD,
                        (void *)command);
        return pid < 0 ? -errno : pid;
}

static pid_t copy_memory(const Command *command) {
        pid_t pid = fork();
        if (pid == 0)
                command_run(command);
        return pid < 0 ? -errno : pid;
}

_Noreturn void init_run(Cage *c) {
        static Init init; /* one pid 1 per process */
        const LaunchPlan *p = c->plan;
        init.cage = c;
        __atomic_store_n(&c->page->state, STATUS_RUNNING, __ATOMIC_RELEASE);
        if (p->n_argv > 0) {
                const Command command = {
                        .argv = p->argv,
                        .n_argv = p->n_argv,
                        .env = p->env,
                        .n_env = p->n_env,
                        .cwd = p->cwd,
                        .pty = p->pty,
                        .rows = p->rows,
                        .columns = p->columns,
                        .stdio = c->stdio,
                        .page = c->page,
                        .report = c->report,
                        .mediator = c->mediator,
                        .filters = &c->template->filters,
                        .prove = c->prove ? c : NULL,
                };
                bool asked = c->prove || (c->mediator && mediator_reads(c->mediator));
                pid_t pid = asked ? copy_memory(&command) : share_memory(&command);
                if (pid < 0) {
                        cage_report_failure(c->report, LAUNCH_STEP_CLONE, -pid, "clone");
                        _exit(EXIT_FAILURE);
                }
                init.command = pid;
        } else
                __atomic_store_n(&c->page->ready, 1, __ATOMIC_RELEASE);
        if (filter_comes_later(c) && filter_load_init(c) < 0)
                _exit(EXIT_FAILURE);
        if (forget_stdio() < 0 || forget_rest(c) < 0)
                _exit(EXIT_FAILURE); /* and the command with us: a reader of its output must see its end */
        sigset_t all;
        sigfillset(&all);
        init.signals = signalfd(-1, &all, SFD_NONBLOCK | SFD_CLOEXEC);
        if (init.signals < 0)
                _exit(EXIT_FAILURE);
        serve(&init);
}
