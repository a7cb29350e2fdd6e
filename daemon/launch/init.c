/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "aftermath.h"
#include "cleanup.h"
#include "command.h"
#include "init.h"
#include "limits.h"

#define GRACE_SECONDS                                                                                       \
        2 /* between TERM and KILL when the sandbox is asked to end; well under the scope's TimeoutStopSec */

DEFINE_CLEANUP(ExecPlan *, exec_plan_free);

typedef struct Init {
        Cage *cage;
        pid_t command; /* 0: there is none */
        bool ended;    /* the command has ended, as follows */
        ExecEnd end;
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
        }
}

static _Noreturn void finish(Init *init) {
        (void)kill(-1, SIGKILL); /* all but ourselves; ESRCH when we are alone */
        (void)reap(init, 0);
        aftermath_report(init->cage);
        StatusPage *page = init->cage->page;
        page->code = init->end.code;
        page->signal = init->end.signal;
        __atomic_store_n(&page->state, STATUS_EXITED, __ATOMIC_RELEASE);
        _exit(init->end.signal != 0 ? 128 + init->end.signal : init->end.code);
}

static _Noreturn void stop(Init *init) {
        sigset_t child;
        sigemptyset(&child);
        sigaddset(&child, SIGCHLD);
        struct timespec now, end;
        (void)clock_gettime(CLOCK_MONOTONIC, &end); /* cannot fail for this clock */
        end.tv_sec += GRACE_SECONDS;

        (void)kill(-1, SIGTERM);
        (void)kill(-1, SIGCONT); /* a stopped process would not see it */
        while (reap(init, WNOHANG)) {
                (void)clock_gettime(CLOCK_MONOTONIC, &now);
                if (now.tv_sec > end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec >= end.tv_nsec))
                        break;
                const struct timespec step = { .tv_sec = 0, .tv_nsec = 100 * 1000 * 1000 };
                (void)sigtimedwait(&child, NULL, &step);
        }
        finish(init);
}

/* ---- later commands ---- */

static void close_all(const int *fds, size_t n) {
        for (size_t i = 0; i < n; i++)
                (void)close(fds[i]);
}

static int start_exec(Init *init, const ExecPlan *plan, int report, int pipe, const int *stdio) {
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
                .filter = &init->cage->template->command,
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

/* fds: plan, report, end pipe, and stdio unless the plan says pty. The launcher has checked all of it; a message that
 * breaks this is dropped, and the launcher sees its report socket close. */
static void take_exec(Init *init, int *fds, size_t n) {
        _cleanup_(exec_plan_freep) ExecPlan *plan = NULL;
        _cleanup_free_ uint8_t *data = NULL;
        size_t size;
        int r = n < 3 ? -EBADMSG : plan_memfd_read(fds[0], &data, &size);
        if (r == 0)
                r = exec_plan_decode(data, size, &plan, NULL);
        if (r == 0 && n != (plan->pty ? 3 : 6))
                r = -EBADMSG;
        if (r == 0)
                r = start_exec(init, plan, fds[1], fds[2], fds + 3);
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

static void on_signal(Init *init, const siginfo_t *info) {
        if (info->si_signo == SIGCHLD || info->si_pid != 0 ||
                        (info->si_code != SI_USER && info->si_code != SI_QUEUE))
                return; /* children are looked for in any case; the agent has no say over pid 1 */
        if (info->si_signo == SIGTERM)
                stop(init);
        if (info->si_signo != INIT_SIGNAL)
                pass_on(init, info->si_signo);
        else if (info->si_value.sival_int == INIT_VALUE_EXEC)
                receive_execs(init);
        else if (init->command == 0 && info->si_value.sival_int == SIGTERM)
                stop(init);
        else
                pass_on(init, info->si_value.sival_int);
}

static _Noreturn void serve(Init *init) {
        sigset_t all;
        sigfillset(&all);
        for (;;) {
                siginfo_t info;
                if (sigwaitinfo(&all, &info) >= 0)
                        on_signal(init, &info);
                (void)reap(init, WNOHANG);
                if (init->ended)
                        finish(init);
        }
}

/* Only the control socket stays with us. 0 to 2 stay taken, so that what comes over it lands above. */
static int forget_stdio(void) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null < 0)
                return -errno;
        for (int i = 0; i < 3; i++)
                if (dup3(null, i, O_CLOEXEC) < 0)
                        return -errno;
        return 0;
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
                        .report = c->report,
                        .filter = &c->template->command,
                        .prove = c->prove ? c : NULL,
                };
                pid_t pid = fork();
                if (pid < 0) {
                        cage_report_failure(c->report, LAUNCH_STEP_CLONE, errno, "fork");
                        _exit(EXIT_FAILURE);
                }
                if (pid == 0)
                        command_run(&command);
                init.command = pid;
        } else {
                const SetupMessage ready = { LAUNCH_MAGIC, LAUNCH_VERSION, .step = LAUNCH_STEP_NONE };
                (void)launch_send(c->report, &ready, sizeof(ready), NULL,
                                0); /* without it the launcher gives us up */
        }
        if (forget_stdio() < 0 || close_range(3, (unsigned)c->control - 1, 0) < 0 ||
                        close_range((unsigned)c->control + 1, ~0U, 0) < 0)
                _exit(EXIT_FAILURE); /* and the command with us: a reader of its output must see its end */
        serve(&init);
}
