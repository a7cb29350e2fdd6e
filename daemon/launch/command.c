/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <termios.h>

#include "cage.h"
#include "cleanup.h"
#include "command.h"
#include "exec-group.h"
#include "filter.h"
#include "mediate.h"
#include "proof.h"
#include "ticket.h"

/* A pty of the cage's own devpts; the command gets the slave as its terminal, *ret_master goes out. */
static int open_terminal(const Command *c, int *ret_master) {
        _cleanup_close_ int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (master < 0)
                return -errno;
        int unlock = 0;
        const struct winsize size = { .ws_row = (unsigned short)c->rows,
                .ws_col = (unsigned short)c->columns };
        if (ioctl(master, TIOCSPTLCK, &unlock) < 0 || ioctl(master, TIOCSWINSZ, &size) < 0)
                return -errno;
        _cleanup_close_ int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (slave < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
                return -errno;
        for (int i = 0; i < 3; i++)
                if (dup3(slave, i, 0) < 0)
                        return -errno;
        *ret_master = TAKE_FD(master);
        return 0;
}

/* The three may be anywhere, also in each other's places: first all of them out of the way. Those of a further command nobody has redeemed yet. */
static int place_stdio(const Command *c) {
        int high[3], stdio[] = { c->stdio[0], c->stdio[1], c->stdio[2] };
        int r = c->tell_pidfd ? ticket_redeem_stdio(stdio) : 0;
        if (r < 0)
                return r;
        for (int i = 0; i < 3; i++) {
                high[i] = fcntl(stdio[i], F_DUPFD_CLOEXEC, 3);
                if (high[i] < 0)
                        return -errno;
        }
        for (int i = 0; i < 3; i++)
                if (dup3(high[i], i, 0) < 0)
                        return -errno;
        return 0;
}

static int tell_ready(const Command *c, int master) {
        if (c->page && master < 0) { /* no descriptor to give: nobody need wake up for this */
                __atomic_store_n(&c->page->ready, 1, __ATOMIC_RELEASE);
                return 0;
        }
        const SetupMessage ready = { LAUNCH_MAGIC, LAUNCH_VERSION, .step = LAUNCH_STEP_NONE };
        int fds[2];
        size_t n = 0;
        _cleanup_close_ int pidfd = -EBADF;
        if (c->tell_pidfd) {
                pidfd = pidfd_open(getpid(), 0);
                if (pidfd < 0)
                        return -errno;
                fds[n++] = pidfd;
        }
        if (master >= 0)
                fds[n++] = master;
        return launch_send(c->report, &ready, sizeof(ready), fds, n);
}

/* execvp() with the command's own PATH; never a shell. */
static int execute(char **argv, char **env) {
        if (strchr(argv[0], '/')) {
                (void)execve(argv[0], argv, env);
                return -errno;
        }
        const char *path = "/usr/local/bin:/usr/bin:/bin";
        for (char **e = env; *e; e++)
                if (strncmp(*e, "PATH=", 5) == 0)
                        path = *e + 5;
        int result = -ENOENT;
        for (;;) {
                size_t n = strcspn(path, ":");
                _cleanup_free_ char *file = NULL;
                if (asprintf(&file, "%.*s%s%s", (int)n, path, n > 0 ? "/" : "./", argv[0]) < 0)
                        return -ENOMEM;
                (void)execve(file, argv, env);
                if (errno == EACCES)
                        result = -EACCES; /* as execvp(3): worth telling, if nothing better is found */
                else if (errno != ENOENT && errno != ENOTDIR)
                        return -errno;
                if (path[n] == 0)
                        return result;
                path += n + 1;
        }
}

static char **terminated(char **words, size_t n) {
        char **copy = calloc(n + 1, sizeof(char *));
        if (copy && n > 0)
                memcpy(copy, words, n * sizeof(char *));
        return copy;
}

static _Noreturn void fail(const Command *c, LaunchStep step, int r, const char *detail) {
        cage_report_failure(c->report, step, -r, detail);
        _exit(127);
}

_Noreturn void command_run(const Command *c) {
        _cleanup_free_ char **argv = terminated(c->argv, c->n_argv), **env = terminated(c->env, c->n_env);
        if (!argv || !env)
                fail(c, LAUNCH_STEP_EXEC, -ENOMEM, c->argv[0]);

        int r = c->tell_pidfd ? exec_group_enter(c->group) : 0;
        if (r < 0)
                fail(c, LAUNCH_STEP_CGROUP, r, NULL);
        sigset_t none;
        sigemptyset(&none);
        _cleanup_close_ int master = -EBADF;
        if (setsid() < 0 || sigprocmask(SIG_SETMASK, &none, NULL) < 0)
                fail(c, LAUNCH_STEP_PROCESS, -errno, NULL);
        r = c->pty ? open_terminal(c, &master) : place_stdio(c);
        if (r < 0)
                fail(c, LAUNCH_STEP_TTY, r, NULL);
        if (chdir(c->cwd) < 0)
                fail(c, LAUNCH_STEP_CWD, -errno, c->cwd);
        r = tell_ready(c, master);
        if (r < 0)
                fail(c, LAUNCH_STEP_FDS, r, NULL);
        if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
                fail(c, LAUNCH_STEP_FDS, -errno, NULL);
        if (c->prove) /* the filter below only takes away more */
                proof_run(c->prove, c->report);
        r = c->mediator ? mediator_submit(c->mediator, c->filters->mediated) : 0;
        if (r < 0)
                fail(c, LAUNCH_STEP_SECCOMP, r, "mediation");
        r = filter_load(&c->filters->command); /* beside the one that brings calls: what either refuses is refused */
        if (r < 0)
                fail(c, LAUNCH_STEP_SECCOMP, r, NULL);
        r = execute(argv, env);
        fail(c, LAUNCH_STEP_EXEC, r, argv[0]);
}
