/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "place.h"

#include <sys/socket.h>

#include "cleanup.h"

#define PIECES_PER_LOOK 8U
#define LOOKS 8U /* one alone may be wrong: what our own acknowledgement let go is sent on our processor */

void place_init(Place *p) {
        *p = (Place){ .moved = false };
        if (sched_getaffinity(0, sizeof(p->all), &p->all) < 0)
                CPU_ZERO(&p->all); /* more processors than it has room for */
}

/* Locally, a packet is received on the processor of who sends it. */
static bool comes_from(int from, int cpu) {
        int value = -1;
        socklen_t size = sizeof(value);
        return getsockopt(from, SOL_SOCKET, SO_INCOMING_CPU, &value, &size) == 0 && value == cpu;
}

void place_away_from(Place *p, int from) {
        if (p->pieces++ % PIECES_PER_LOOK != 0)
                return;
        const int cpu = sched_getcpu();
        p->here = cpu >= 0 && comes_from(from, cpu) ? p->here + 1 : 0;
        if (p->here < LOOKS)
                return;
        p->here = 0;
        cpu_set_t others = p->all;
        CPU_CLR((size_t)cpu, &others);
        if (CPU_COUNT(&others) > 0 && sched_setaffinity(0, sizeof(others), &others) == 0)
                p->moved = true;
}

void place_anywhere(Place *p) {
        if (p->moved && sched_setaffinity(0, sizeof(p->all), &p->all) == 0)
                p->moved = false;
}
