/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "polkit-agent.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "cleanup.h"

#define READY_MSEC 5000
#define AGENT "/usr/bin/pkttyagent"

static _Noreturn void agent(int notify, pid_t parent) {
        char fd[16];
        sigset_t none;
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL); /* session.c blocks what it waits for */
        (void)signal(SIGPIPE, SIG_DFL);
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent || fcntl(notify, F_SETFD, 0) < 0)
                _exit(EXIT_FAILURE);
        (void)snprintf(fd, sizeof fd, "%d", notify); /* 11 bytes at most */
        (void)execl(AGENT, AGENT, "--notify-fd", fd, "--fallback", NULL);
        _exit(EXIT_FAILURE);
}

void polkit_agent_start(PolkitAgent *a) {
        int ends[2];
        if (a->pid > 0 || access(AGENT, X_OK) < 0 || pipe2(ends, O_CLOEXEC) < 0)
                return;
        pid_t parent = getpid(), pid = fork();
        if (pid == 0)
                agent(ends[1], parent);
        (void)close(ends[1]); /* the agent closes its own when it is ready, or dies */
        if (pid > 0) {
                struct pollfd p = { .fd = ends[0], .events = POLLIN };
                (void)poll(&p, 1, READY_MSEC); /* late is better than never */
                a->pid = pid;
        }
        (void)close(ends[0]);
}

void polkit_agent_stop(PolkitAgent *a) {
        if (a->pid <= 0)
                return;
        (void)kill(a->pid, SIGTERM);
        (void)kill(a->pid, SIGCONT); /* it may have been stopped at the terminal */
        while (waitpid(a->pid, NULL, 0) < 0 && errno == EINTR)
                ;
        a->pid = 0;
}
