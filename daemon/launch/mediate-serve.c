/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls come in, are handed to whoever knows them, and get their answers: by pid 1 itself, one after the other, since all that they
 * wait for is this machine's own disk. What may wait for somebody else is done in a child that is forked for that one call:
 * every call of a cage that has a file system which is somebody else's program or another machine's in it, and of any cage the
 * opening of a pipe for reading. Nobody else's call waits for those. */

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/time.h>

#include "cleanup.h"
#include "filter.h"
#include "mediate-internal.h"
#include "report.h"

#define RACE_TRIES 5
#define HELPER_SECONDS                                                                                      \
        60 /* of a call that waits for another machine: then the child is ended by its clock */

/* ---- the door ---- */

int mediator_submit(const Mediator *m, const FilterProgram programs[2]) {
        _cleanup_close_ int listener = filter_load_listener(&programs[m->reads]);
        const uint32_t head[2] = { LAUNCH_MAGIC, LAUNCH_VERSION };
        return listener < 0 ? listener : launch_send(m->door[1], head, sizeof(head), &listener, 1);
}

bool mediator_reads(const Mediator *m) {
        return m->reads;
}

static void add_listener(Mediator *m, int fd) {
        const uint64_t flags = 1; /* SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP */
        size_t i = 0;
        while (i < MEDIATOR_LISTENERS && m->listeners[i] >= 0)
                i++;
        if (i == MEDIATOR_LISTENERS) {
                (void)close(fd); /* its calls are answered with ENOSYS from now on */
                return;
        }
        /* Linux 6.6: whoever waits for the other runs on the same processor. Without it, it is slower */
        (void)ioctl(fd, _IOW(SECCOMP_IOC_MAGIC, 4, uint64_t), flags);
        m->listeners[i] = fd;
}

static void open_door(Mediator *m) {
        for (;;) {
                uint32_t head[2];
                int fds[LAUNCH_MAX_FDS];
                size_t n = 0;
                if (launch_receive(m->door[0], head, sizeof(head), fds, &n) <= 0)
                        return;
                for (size_t i = 0; i < n; i++)
                        add_listener(m, fds[i]);
        }
}

/* ---- handlers ---- */

static CallHandler handler_of(int number) {
        CallHandler h = handler_of_opening(number);
        if (!h)
                h = handler_of_names(number);
        if (!h)
                h = handler_of_attributes(number);
        return h ? h : handler_of_reading(number);
}

static int handle(const Call *c) {
        CallHandler handler = handler_of(c->number);
        int r = -ENOSYS;
        for (int tries = 0; handler && tries < RACE_TRIES; tries++) {
                r = handler(c);
                if (r != -ESTALE)
                        break;
                r = -EAGAIN; /* somebody outside moved it, each time that we looked */
        }
        if (r == -CALL_IS_CLOSED) /* what it may change by itself, it may; there is a cover over the rest */
                r = c->m->reads ? -EPERM : CALL_CONTINUE;
        return r;
}

/* ---- helpers ---- */

static _Noreturn void help(Mediator *m, Call *c) {
        const struct itimerval limit = { .it_value = { .tv_sec = HELPER_SECONDS } };
        sigset_t alarm;
        sigemptyset(&alarm);
        sigaddset(&alarm, SIGALRM);
        c->may_wait = true;
        m->descriptors = open(
                        "/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC); /* what it had was pid 1's */
        if (m->descriptors < 0)
                _exit(EXIT_FAILURE);
        if (c->m->slow && (setitimer(ITIMER_REAL, &limit, NULL) < 0 ||
                                          sigprocmask(SIG_UNBLOCK, &alarm, NULL) < 0))
                _exit(EXIT_FAILURE);
        int r = handle(c);
        if (r == -EINTR)
                call_restart(c);
        else
                call_answer(c, r);
        _exit(EXIT_SUCCESS);
}

static Helper *free_helper(Mediator *m) {
        for (size_t i = 0; i < MEDIATOR_HELPERS; i++)
                if (m->helpers[i].pid == 0)
                        return &m->helpers[i];
        return NULL;
}

/* CALL_ANSWERED: somebody answers it. */
static int call_for_help(Mediator *m, Call *c) {
        Helper *h = free_helper(m);
        pid_t pid = h ? fork() : -1;
        if (pid < 0)
                return -EAGAIN;
        if (pid == 0)
                help(m, c);
        *h = (Helper){ .pid = pid, .listener = c->listener, .id = c->id };
        return CALL_ANSWERED;
}

bool mediator_give_back(Mediator *m) {
        bool none = true;
        for (size_t i = 0; i < MEDIATOR_HELPERS; i++)
                if (m->helpers[i].pid != 0) {
                        (void)kill(m->helpers[i].pid, HELPER_GIVE_BACK); /* not reaped, so it is ours */
                        none = false;
                }
        return none;
}

void mediator_reaped(Mediator *m, pid_t pid) {
        for (size_t i = 0; i < MEDIATOR_HELPERS; i++) {
                Helper *h = &m->helpers[i];
                if (h->pid != pid)
                        continue;
                const Call c = { .listener = h->listener, .id = h->id };
                h->pid = 0;
                call_answer(&c, -EIO); /* it has its answer already, unless its helper was ended */
        }
}

/* ---- serving ---- */

/* What the kernel fills in may be longer than what we know of it; it is asked when mediation is tried (mediate-proof.c). */
typedef union Notification {
        struct seccomp_notif n;
        char room[MEDIATOR_NOTIFICATION_MAX];
} Notification;

static void serve_one(Mediator *m, int listener) {
        Notification u = { 0 };
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &u.n) < 0)
                return; /* whoever called is gone */
        Call c = {
                .m = m, .listener = listener, .id = u.n.id, .thread = (pid_t)u.n.pid, .number = u.n.data.nr
        };
        _Static_assert(sizeof(c.args) == sizeof(u.n.data.args), "an argument too few");
        memcpy(c.args, u.n.data.args, sizeof(c.args));
        int r = m->slow ? CALL_WAITS : handle(&c);
        if (r == CALL_WAITS)
                r = call_for_help(m, &c);
        call_answer(&c, r);
}

size_t mediator_descriptors(const Mediator *m, int *ret) {
        size_t n = 0;
        ret[n++] = m->proc;
        ret[n++] = m->descriptors;
        ret[n++] = m->door[0];
        ret[n++] = m->door[1];
        for (size_t i = 0; i < m->n_trees; i++) {
                ret[n++] = m->trees[i].root;
                if (m->trees[i].cover >= 0)
                        ret[n++] = m->trees[i].cover;
        }
        return n;
}

size_t mediator_watch(const Mediator *m, struct pollfd *ret) {
        size_t n = 0, busy = 0;
        for (size_t i = 0; i < MEDIATOR_HELPERS; i++)
                busy += m->helpers[i].pid != 0;
        ret[n++] = (struct pollfd){ .fd = m->door[0], .events = POLLIN };
        for (size_t i = 0; i < MEDIATOR_LISTENERS; i++)
                if (m->listeners[i] >= 0) /* where each call needs a helper, calls wait until there is one */
                        ret[n++] = (struct pollfd){ .fd = m->listeners[i],
                                .events = m->slow && busy == MEDIATOR_HELPERS ? 0 : POLLIN };
        return n;
}

void mediator_serve(Mediator *m, const struct pollfd *polled, size_t n) {
        for (size_t i = 1, k = 0; i < n; i++, k++) {
                while (k < MEDIATOR_LISTENERS && m->listeners[k] != polled[i].fd)
                        k++;
                if (k == MEDIATOR_LISTENERS)
                        break;
                if (polled[i].revents & POLLIN)
                        serve_one(m, m->listeners[k]);
                else if (polled[i].revents)
                        (void)close(TAKE_FD(
                                        m->listeners[k])); /* the last one that it was loaded in has ended */
        }
        if (n > 0 && polled[0].revents & POLLIN)
                open_door(m);
}
