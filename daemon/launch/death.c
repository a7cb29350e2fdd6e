/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "death.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "cage.h"
#include "cleanup.h"
#include "fd.h"
#include "proof.h"

#define END_MSEC 1000

/* The page belongs to whoever it is about: what is told is a name of ours, or nothing. */
static const char *noted(const Run *run, StatusPage *page) {
        *page = (StatusPage){ .state = STATUS_STARTING };
        if (run->page < 0 || fd_pread_all(run->page, page, sizeof(*page), 0) < 0)
                return NULL;
        page->handoff[sizeof(page->handoff) - 1] = 0;
        for (const Room *room = launch_rooms; room->name; room++)
                if (streq(room->name, page->handoff))
                        return room->name;
        for (const Wall *wall = proof_walls; wall->name; wall++)
                if (streq(wall->name, page->handoff))
                        return wall->name;
        return NULL;
}

static int signal_of(const Run *run, const StatusPage *page) {
        siginfo_t info = { 0 };
        if (run->signal > 0)
                return run->signal;
        if (page->state == STATUS_EXITED) /* what was to become the command ended, and pid 1 behind it */
                return page->signal > 0 && page->signal < NSIG ? page->signal : 0;
        if (run->exec == 0 && run->pidfd >= 0)
                (void)waitid(P_PIDFD, (id_t)run->pidfd, &info,
                                WEXITED | WNOHANG | WNOWAIT); /* or it is not known */
        return info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED ? info.si_status : 0;
}

static void tell(const Run *run, const char *before, const char *after, char ret[static DEATH_TEXT]) {
        StatusPage page;
        const char *name = noted(run, &page);
        const int number = signal_of(run, &page);
        const char *word = number > 0 ? sigabbrev_np(number) : NULL;
        (void)snprintf(ret, DEATH_TEXT, "%s%s%s%s%s%s", name ? before : "", name ? name : "",
                        name ? "\": " : "", after, word ? ", of SIG" : "", word ? word : "");
}

void death_while_set_up(const Run *run, char ret[static DEATH_TEXT]) {
        struct pollfd end = { .fd = run->exec == 0 ? run->pidfd : -1, .events = POLLIN };
        if (end.fd >= 0)
                (void)poll(&end, 1,
                                END_MSEC); /* it has closed what it had: it will end now, and then is known of what */
        tell(run, "in or after the step \"", "it died while it was set up", ret);
}

void death_in_proof(const Run *run, char ret[static DEATH_TEXT]) {
        tell(run, "at the wall \"", "the process that tries it died", ret);
}
