/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "porter.h"

#include <sys/socket.h>

#include "cleanup.h"
#include "clock.h"
#include "frame.h"
#include "greeting.h"
#include "limits.h"
#include "log.h"

#define STALL_MSEC 1 /* at first; each time twice as long */
#define STALL_MOST_MSEC 128

typedef struct Porter {
        int outside, inside;
        Tickets tickets;
        Frame in, out;
        int stall;       /* milliseconds */
        uint64_t parted; /* when mxcd was seen to be gone, while who is outside does not read what it said last; milliseconds; 0: it is there */
        struct pollfd *awaited; /* the frames, and the tickets */
        size_t allocated;
} Porter;

enum { AWAIT_IN, AWAIT_OUT, AWAIT_INSIDE, AWAIT_TICKETS };

static int greet(Porter *p) {
        const uint64_t deadline = now_msec() + LIMIT_MESSAGE_USEC / 1000;
        size_t none = 0;
        bool fds_agreed;
        int r;
        if (!p->in.budget) { /* the bus: it is asked, and mxcd is answered */
                r = greeting_ask(p->outside, deadline, true);
                return r < 0 ? r : greeting_serve(p->inside, deadline, NULL, 0, &none, &fds_agreed);
        }
        r = greeting_serve(p->outside, deadline, p->in.fds, LIMIT_MESSAGE_FDS, &p->in.n_fds, &fds_agreed);
        if (r == 0 && p->in.n_fds > 0 && !fds_agreed)
                r = -EBADMSG;
        return r < 0 ? r : greeting_ask(p->inside, deadline, fds_agreed);
}

static int make_room(Porter *p) {
        const size_t need = AWAIT_TICKETS + p->tickets.n;
        if (need <= p->allocated)
                return 0;
        struct pollfd *awaited = realloc(p->awaited, 2 * need * sizeof(struct pollfd));
        if (!awaited)
                return -ENOMEM;
        p->awaited = awaited;
        p->allocated = 2 * need;
        return 0;
}

static struct pollfd await_frame(const Frame *f) {
        if (f->stalled)
                return (struct pollfd){ .fd = -1 };
        return (struct pollfd){ .fd = f->writes ? f->to : f->from, .events = f->writes ? POLLOUT : POLLIN };
}

/* Until something can be done. */
static int await(Porter *p, bool open) {
        int r = make_room(p), patience = -1;
        if (r < 0)
                return r;
        p->awaited[AWAIT_IN] = p->awaited[AWAIT_OUT] = p->awaited[AWAIT_INSIDE] =
                        (struct pollfd){ .fd = -1 };
        if (open) {
                p->awaited[AWAIT_IN] = await_frame(&p->in);
                p->awaited[AWAIT_OUT] = await_frame(&p->out);
                if (p->out.writes && p->parted == 0)
                        p->awaited[AWAIT_INSIDE].fd = p->inside; /* for its end alone */
        }
        const uint64_t deadline = p->parted > 0 ? p->parted + LIMIT_MESSAGE_USEC / 1000 : p->in.deadline;
        if (open && deadline > 0) {
                const uint64_t now = now_msec();
                if (now >= deadline) /* also of who never stops */
                        return -ETIMEDOUT;
                patience = (int)(deadline - now);
        }
        const bool stalled = open && (p->in.stalled || p->out.stalled);
        if (stalled && (patience < 0 || patience > p->stall))
                patience = p->stall;
        p->stall = !stalled ? STALL_MSEC : p->stall < STALL_MOST_MSEC ? 2 * p->stall : p->stall;
        tickets_await(&p->tickets, p->awaited + AWAIT_TICKETS);
        r = poll(p->awaited, AWAIT_TICKETS + p->tickets.n, patience);
        if (r < 0)
                return errno == EINTR ? 1 : -errno;
        return r == 0 && patience >= 0 && !stalled ? -ETIMEDOUT : 0;
}

static int turn(Porter *p) {
        int r = await(p, true);
        if (r != 0)
                return r < 0 ? r : 0;
        tickets_serve(&p->tickets, p->awaited + AWAIT_TICKETS); /* before there are others */
        if (p->awaited[AWAIT_INSIDE].revents & POLLHUP)
                p->parted = now_msec();
        if (p->awaited[AWAIT_OUT].revents != 0 || p->out.stalled)
                r = frame_step(&p->out);
        if (r == 0 && (p->awaited[AWAIT_IN].revents != 0 || p->in.stalled))
                r = frame_step(&p->in);
        return r;
}

/* Where mxcd is over, and who is outside still speaks, what it said last is behind what we could not tell it. */
static void say_the_rest(Porter *p) {
        struct pollfd more = { .fd = p->inside, .events = POLLIN };
        while (!p->out.writes && poll(&more, 1, 0) == 1 && frame_step(&p->out) == 0)
                ;
}

void porter_stand(int outside, int inside, PorterBudget *budget) {
        Porter p = { .outside = outside, .inside = inside, .stall = STALL_MSEC };
        int r = tickets_init(&p.tickets);
        p.in = (Frame){ .from = outside, .to = inside, .budget = budget, .shared = !budget };
        if (budget)
                p.in.tickets = &p.tickets;
        p.out = (Frame){ .from = inside, .to = outside };
        if (r == 0)
                r = greet(&p);
        while (r == 0)
                r = turn(&p);
        if (r != -ECONNRESET && r != -EPIPE)
                log_debug("%s is hung up on: %s", budget ? "A peer at the door" : "The system bus",
                                strerror(-r));
        say_the_rest(&p);
        (void)close(inside); /* mxcd sees it */
        /* who is outside sees this; closed it is with the process, which does not wait then for what lies unread in it */
        (void)shutdown(outside, SHUT_RDWR);
        frame_clear(&p.out);
        frame_clear(&p.in); /* may wait for whoever it came from: nobody else waits for us any more */
        /* what was asked for is begun all the same */
        while (p.tickets.n > 0 && (r = await(&p, false)) >= 0)
                if (r == 0)
                        tickets_serve(&p.tickets, p.awaited + AWAIT_TICKETS);
        free(p.awaited);
        free(p.tickets.list);
}
