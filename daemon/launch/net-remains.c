/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net-remains.h"

#include "cleanup.h"

void net_remains_add(Launcher *l, Run *run) {
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
