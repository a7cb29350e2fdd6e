/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pipes.h"

#include <fcntl.h>

#include "cleanup.h"

#define A_WHILE_USEC (UINT64_C(1) * 1000000)

struct Pipes {
        int spare[2]; /* -EBADF: none */
        unsigned n;   /* with the spare one */
        bool refused; /* by the kernel, just now */
        sd_event_source *timer;
};

static void end(Pipes *p, int fds[2]) {
        cleanup_closep(&fds[0]);
        cleanup_closep(&fds[1]);
        fds[0] = fds[1] = -EBADF;
        p->n--;
}

/* False: there is no way to know when. */
static bool in_a_while(Pipes *p) {
        return sd_event_source_set_time_relative(p->timer, A_WHILE_USEC) >= 0 &&
               sd_event_source_set_enabled(p->timer, SD_EVENT_ONESHOT) >= 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Pipes *p = userdata;
        p->refused = false;
        if (p->spare[0] >= 0)
                end(p, p->spare);
        return 0;
}

int pipes_new(sd_event *event, Pipes **ret) {
        Pipes *p = calloc(1, sizeof(Pipes));
        if (!p)
                return -ENOMEM;
        p->spare[0] = p->spare[1] = -EBADF;
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

int pipes_take(Pipes *p, int ret[2]) {
        int fds[2];
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
                p->refused = in_a_while(p);
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
        if (!in_a_while(p))
                end(p, p->spare);
}
