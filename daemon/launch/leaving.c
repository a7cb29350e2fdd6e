/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "leaving.h"

#include <signal.h>
#include <sys/wait.h>

#include "cleanup.h"

/* The other half is for those who are at work already. */
bool leaving_may_begin(const Launcher *l) {
        return l->n_leaving < LEAVING_MAX / 2;
}

static void wait_for(pid_t pid) {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
}

void leaving_add(Launcher *l, pid_t pid) {
        (void)kill(pid, SIGKILL); /* not reaped: the pid is its own */
        if (waitpid(pid, NULL, WNOHANG) == pid)
                return;
        if (l->n_leaving == LEAVING_MAX) { /* more than may be begun: there is no other way */
                wait_for(pid);
                return;
        }
        l->leaving[l->n_leaving++] = pid;
}

bool leaving_reap(Launcher *l) {
        size_t n = 0;
        for (size_t i = 0; i < l->n_leaving; i++)
                if (waitpid(l->leaving[i], NULL, WNOHANG) == 0)
                        l->leaving[n++] = l->leaving[i];
        l->n_leaving = n;
        return n > 0;
}
