/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net-remains.h"

#include "cleanup.h"

/* The oldest are most likely to be there for long. They lose nothing: their networks go with them. */
static void give_way(Launcher *l) {
        for (size_t left = 2; left > 0 && !TAILQ_EMPTY(&l->kept); left--) {
                Run *run = TAILQ_FIRST(&l->kept);
                TAILQ_REMOVE(&l->kept, run, keeping);
                (void)close(TAKE_FD(run->net)); /* it is the sandbox's as well */
        }
}

void net_remains_keep(Launcher *l, Run *run, int net) {
        if ((rlim_t)net >= l->ample)
                give_way(l);
        run->net = net;
        TAILQ_INSERT_TAIL(&l->kept, run, keeping);
}

void net_remains_add(Launcher *l, Run *run) {
        TAILQ_REMOVE(&l->kept, run, keeping);
        run->deadline = now_boottime() + NET_REMAINS_USEC;
        TAILQ_INSERT_TAIL(&l->remains, run, starting);
}

static void bury(Launcher *l, Run *run) {
        TAILQ_REMOVE(&l->remains, run, starting);
        (void)close(TAKE_FD(run->net)); /* its last one */
        LIST_INSERT_HEAD(&l->spare, run, entries);
}

bool net_remains_bury(Launcher *l, bool idle) {
        if (TAILQ_EMPTY(&l->remains))
                return false;
        const uint64_t now = now_boottime();
        size_t left = idle ? NET_REMAINS_AT_ONCE : NET_REMAINS_BUSY;
        for (Run *run; left > 0 && (run = TAILQ_FIRST(&l->remains)) && (idle || run->deadline <= now);
                        left--)
                bury(l, run);
        return !TAILQ_EMPTY(&l->remains);
}
