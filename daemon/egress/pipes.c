/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pipes.h"

#include <fcntl.h>

#include "cleanup.h"
#include "place.h"

#define A_WHILE_USEC (UINT64_C(1) * 1000000)

struct Pipes {
        int spare[2]; /* -EBADF: none */
        unsigned n;   /* with the spare one */
        bool refused; /* by the kernel, just now */
        bool used;    /* since the timer was set */
        bool waits;   /* the timer is set */
        Place place;
        sd_event_source *timer; /* from the first use on, until there has been none for a while */
};

static void end(Pipes *p, int fds[2]) {
        cleanup_closep(&fds[0]);
        cleanup_closep(&fds[1]);
        fds[0] = fds[1] = -EBADF;
        p->n--;
}

static bool in_a_while(Pipes *p) {
        p->waits = sd_event_source_set_time_relative(p->timer, A_WHILE_USEC) >= 0 &&
                   sd_event_source_set_enabled(p->timer, SD_EVENT_ONESHOT) >= 0;
        return p->waits;
}

/* Each time, the timer would be a system call more. False: there is no way to know when it is over. */
static bool use(Pipes *p) {
        p->used = p->waits || in_a_while(p);
        return p->used;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Pipes *p = userdata;
        p->refused = false;
        const bool again = p->used && in_a_while(p);
        p->used = false;
        if (again)
                return 0;
        p->waits = false;
        if (p->spare[0] >= 0)
                end(p, p->spare);
        place_anywhere(&p->place);
        return 0;
}

int pipes_new(sd_event *event, Pipes **ret) {
        Pipes *p = calloc(1, sizeof(Pipes));
        if (!p)
                return -ENOMEM;
        p->spare[0] = p->spare[1] = -EBADF;
        place_init(&p->place);
        int r = sd_event_add_time(event, &p->timer, CLOCK_MONOTONIC, UINT64_MAX, 0, on_timer, p);
        if (r >= 0)
                r = sd_event_source_set_enabled(p->timer, SD_EVENT_OFF);
        if (r < 0) {
                (void)pipes_free(p); /* NULL */
                return r;
        }
        *ret = p;
        return 0;
}

Pipes *pipes_free(Pipes *p) {
        if (!p)
                return NULL;
        if (p->spare[0] >= 0)
                end(p, p->spare);
        sd_event_source_disable_unref(p->timer);
        free(p);
        return NULL;
}

int pipes_take(Pipes *p, int from, int ret[2]) {
        int fds[2];
        if (!use(p))
                return -EBUSY;
        place_away_from(&p->place, from);
        if (p->spare[0] >= 0) {
                ret[0] = TAKE_FD(p->spare[0]);
                ret[1] = TAKE_FD(p->spare[1]);
                return 0;
        }
        if (p->refused || p->n >= PIPES_MAX)
                return -EBUSY;
        if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;
        p->n++;
        if (fcntl(fds[1], F_SETPIPE_SZ, PIPE_SIZE) < 0) {
                int r = -errno;
                end(p, fds);
                p->refused = true;
                return r;
        }
        ret[0] = fds[0];
        ret[1] = fds[1];
        return 0;
}

void pipes_give(Pipes *p, int fds[2], bool empty) {
        if (!empty || p->spare[0] >= 0) {
                end(p, fds);
                return;
        }
        p->spare[0] = TAKE_FD(fds[0]);
        p->spare[1] = TAKE_FD(fds[1]);
        if (!use(p))
                end(p, p->spare);
}
