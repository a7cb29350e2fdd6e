/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "session.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include "ask.h"
#include "clock.h"
#include "cut.h"
#include "door.h"
#include "names.h"
#include "running.h"
#include "session-request.h"
#include "status.h"
#include "text-list.h"

#define RETRY_MSEC 50U
#define RECONNECT_MSEC 30000U /* as client/session.h, and why */
#define PID_MSEC 2000         /* a courtesy is not waited for longer */
#define SIGNALS_KEPT 8U

DEFINE_CLEANUP(Door *, door_free);

struct MxcSession {
        pthread_mutex_t lock; /* of all below that changes after mxc_session_spawn() */
        int epoll; /* what there is to wait for: the door, while there is one, the timer and the end */
        int timer;
        int over;   /* readable for ever once it has ended: all who wait shall know */
        Door *door; /* NULL: lost, and looked for */
        char *path;
        MxcStrings cut; /* as path, as it was answered */
        uint32_t exec;
        uint32_t attaching, asking; /* serials of Attach and of the question for the pid; 0: none */
        uint64_t lost_at, deadline; /* msec; 0: not lost, none */
        uint64_t held_usec;         /* what it may run; 0: for ever, or not known */
        int waiting[SIGNALS_KEPT];  /* while mxcd was away */
        size_t n_waiting;
        int pty; /* until it is taken */
        uint32_t pid;
        bool killed, timed_out, ended;
        MxcEnd end;
};

MxcSession *mxc_session_free(MxcSession *s) {
        if (!s)
                return NULL;
        (void)door_free(s->door); /* it is tied to that */
        const int fds[] = { s->epoll, s->timer, s->over, s->pty };
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                if (fds[i] >= 0)
                        (void)close(fds[i]); /* nothing to lose in them */
        (void)pthread_mutex_destroy(&s->lock);
        mxc_strings_clear(&s->cut);
        free(s->path);
        free(s);
        return NULL;
}

static int watch(const MxcSession *s, int fd) {
        struct epoll_event e = { .events = EPOLLIN };
        return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

static int session_new(MxcSession **ret) {
        _cleanup_(mxc_session_freep) MxcSession *s = calloc(1, sizeof(MxcSession));
        if (!s)
                return -ENOMEM;
        s->timer = s->over = s->pty = -EBADF;
        (void)pthread_mutex_init(&s->lock, NULL); /* cannot fail with its defaults */
        s->epoll = epoll_create1(EPOLL_CLOEXEC);
        if (s->epoll < 0)
                return -errno;
        s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        s->over = s->timer < 0 ? -EBADF : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (s->over < 0)
                return -errno;
        int r = watch(s, s->timer);
        if (r == 0)
                r = watch(s, s->over);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

/* ---- its end ---- */

static void session_end(MxcSession *s, int exit_code, const char *why) {
        if (s->ended)
                return;
        s->ended = true;
        s->end = (MxcEnd){ .exit_code = exit_code,
                .timed_out = s->timed_out,
                .after_usec = s->timed_out ? s->held_usec : 0,
                .why = why };
        s->door = door_free(s->door);
        (void)eventfd_write(s->over, 1); /* cannot be full */
}

static void on_signal(MxcSession *s, const WireMessage *m) {
        RunningEnd end;
        int r = running_end_read(m, s->path, s->exec, &end);
        if (r < 0)
                session_end(s, -1,
                                "mxcd says in other words than expected that it ended; is it of another "
                                "version?");
        if (r <= 0)
                return;
        if (streq(end.reason, "timeout")) {
                s->timed_out = true;
                if (s->exec > 0) /* the sandbox's, which others began */
                        s->held_usec = 0;
        }
        bool by_us = s->timed_out || (s->killed && end.signal == SIGKILL);
        if (by_us || streq(end.reason, "lost"))
                session_end(s, -1, by_us ? NULL : sentence_of_end(end.reason));
        else
                session_end(s, end.signal > 0 ? STATUS_SIGNAL + end.signal : end.code,
                                sentence_of_end(end.reason));
}

/* ---- the connection ---- */

/* When it is to be looked at again without anybody saying so. */
static void set_timer(MxcSession *s) {
        uint64_t at = s->lost_at != 0 ? now_msec() + RETRY_MSEC : s->deadline;
        if (s->ended || (s->deadline != 0 && s->deadline < at))
                at = s->ended ? 0 : s->deadline;
        const struct itimerspec t = { .it_value = { .tv_sec = (time_t)(at / 1000),
                                                      .tv_nsec = (long)(at % 1000) * 1000000 } };
        (void)timerfd_settime(s->timer, TFD_TIMER_ABSTIME, &t, NULL); /* all of it is ours */
}

static void send_kill(MxcSession *s, int number) {
        running_kill(s->door, s->path, s->exec, number);
}

static void lose(MxcSession *s) {
        s->door = door_free(s->door); /* epoll forgets it */
        s->attaching = s->asking = 0;
        if (s->lost_at == 0)
                s->lost_at = now_msec();
}

static void attach(MxcSession *s) {
        if (running_attach(s->door, s->path, s->exec, &s->attaching) < 0)
                lose(s);
}

static void find_again(MxcSession *s) {
        if (now_msec() - s->lost_at > RECONNECT_MSEC) {
                session_end(s, -1,
                                "mxcd has gone and does not come back; see `systemctl status mxcd.service`");
                return;
        }
        if (s->door || door_open(NULL, NULL, RETRY_MSEC, &s->door) < 0)
                return;
        if (watch(s, door_fd(s->door)) < 0)
                lose(s);
        else if (door_is_ready(s->door))
                attach(s); /* otherwise when it lets us in */
}

static void on_attached(MxcSession *s, const WireMessage *m) {
        if (m->type == WIRE_RETURN) {
                s->lost_at = 0;
                for (size_t i = 0; i < s->n_waiting; i++)
                        send_kill(s, s->waiting[i]);
                s->n_waiting = 0;
        } else if (strncmp(m->error, "org.mxc1.", strlen("org.mxc1.")) != 0)
                lose(s); /* a bus that is still starting it */
        else
                session_end(s, -1, "mxcd was restarted and cannot tell how it ended");
}

static void on_message(const WireMessage *m, void *userdata) {
        MxcSession *s = userdata;
        if (m->type == WIRE_SIGNAL)
                on_signal(s, m);
        else if (s->attaching != 0 && m->reply_serial == s->attaching) {
                s->attaching = 0;
                on_attached(s, m);
        } else if (s->asking != 0 && m->reply_serial == s->asking) {
                s->asking = 0;
                WireReader r = m->body;
                if (m->type == WIRE_RETURN && streq(m->signature, "v") &&
                                streq(wire_read_signature(&r), "u"))
                        s->pid = wire_read_u32(&r);
        }
}

static void on_door(MxcSession *s) {
        int r = door_turn(&s->door, on_message, s);
        if (r < 0)
                lose(s);
        else if (r > 0)
                attach(s);
}

static void end_now(MxcSession *s) {
        s->killed = true;
        if (s->exec > 0)
                session_end(s, -1,
                                NULL); /* by its tie: the end of one in a sandbox that stands still is not told before that goes on */
        else if (s->door && s->lost_at == 0)
                send_kill(s, SIGKILL);
        else
                running_keep(s->waiting, &s->n_waiting, SIGNALS_KEPT, SIGKILL);
}

/* All that has come to pass, without waiting. */
static void turn(MxcSession *s) {
        uint64_t ticks;
        if (s->ended)
                return;
        (void)!read(s->timer, &ticks, sizeof ticks); /* that it has come is enough */
        if (s->deadline != 0 && now_msec() >= s->deadline) {
                s->deadline = 0;
                s->timed_out = true;
                end_now(s);
        }
        if (s->door)
                on_door(s);
        if (s->lost_at != 0 && !s->ended)
                find_again(s);
        set_timer(s);
}

/* ---- the beginning ---- */

static int wait_for(const Door *d, int cancel) {
        struct pollfd polls[] = { { .fd = door_fd(d), .events = POLLIN },
                { .fd = cancel, .events = POLLIN } };
        int n = poll(polls, ELEMENTSOF(polls), door_lets_in(d) ? -1 : ASK_CONNECT_MSEC);
        if (n < 0)
                return errno == EINTR ? 0 : -errno;
        return n == 0 ? -ETIMEDOUT : polls[1].revents ? -ECANCELED : 0;
}

static int read_cut(MxcSession *s, const MxcRequest *request, WireReader r) {
        MxcCut rows[MXC_CUT_ROWS_MAX];
        size_t n = 0;
        for (size_t stop = wire_read_array(&r, 8); n < ELEMENTSOF(rows) && wire_more(&r, stop); n++) {
                wire_align(&r, 8);
                rows[n].field = wire_read_string(&r);
                rows[n].asked = wire_read_string(&r);
                rows[n].held = wire_read_string(&r);
                rows[n].by = wire_read_string(&r);
        }
        s->held_usec = mxc_cut_timeout(request, rows, n);
        return mxc_cut_say(request, rows, n, &s->cut);
}

static int read_info(MxcSession *s, const MxcRequest *request, WireReader *r) {
        int e = 0;
        for (size_t stop = wire_read_array(r, 8); wire_more(r, stop);) {
                wire_align(r, 8);
                const char *key = wire_read_string(r), *signature = wire_read_signature(r);
                if (e == 0 && streq(key, "cut") && streq(signature, "a(ssss)"))
                        e = read_cut(s, request, *r);
                if (streq(key, "pty") && streq(signature, "h"))
                        s->pty = door_take_fd(s->door, wire_read_u32(r));
                else
                        wire_skip(r, &signature);
        }
        return e;
}

static int read_answer(MxcSession *s, const WireMessage *m, const MxcRequest *request, const MxcSpawn *spawn,
                MxcError *e) {
        if (m->type == WIRE_ERROR)
                return session_refuse_answer(m, request, spawn, e);
        WireReader r = m->body;
        const char *path = spawn->sandbox;
        if (spawn->sandbox)
                s->exec = wire_read_u32(&r);
        else
                path = wire_read_string(&r);
        s->held_usec = request->timeout_usec;
        if (read_info(s, request, &r) < 0)
                return -ENOMEM;
        if (r.failed)
                return mxc_refuse(e, MXC_BACKEND_ERROR,
                                "mxcd's answer cannot be understood; is it of another version?");
        s->path = strdup(path);
        return s->path ? 0 : -ENOMEM;
}

/* Sends it once calls can be sent, and waits for what belongs to it. */
static int ask(MxcSession *s, const MxcRequest *request, const MxcSpawn *spawn, MxcError *e) {
        uint32_t serial = 0;
        WireMessage m;
        for (;;) {
                if (serial == 0 && door_is_ready(s->door)) {
                        WireWriter w;
                        serial = session_write_request(s->door, &w, request, spawn);
                        int r = door_send(s->door, &w);
                        if (r < 0)
                                return session_refuse_connection(r, e);
                }
                int r = door_receive(s->door, &m);
                if (r > 0 && serial != 0 && m.type != WIRE_SIGNAL && m.reply_serial == serial)
                        return read_answer(s, &m, request, spawn, e);
                if (r == 0 && (serial != 0 || !door_is_ready(s->door)))
                        r = wait_for(s->door, spawn->cancel);
                if (r == -ECANCELED)
                        return r;
                if (r < 0)
                        return session_refuse_connection(r, e);
        }
}

int mxc_session_spawn(const MxcRequest *request, const MxcSpawn *spawn, MxcSession **ret, MxcError *error) {
        _cleanup_(mxc_session_freep) MxcSession *s = NULL;
        _cleanup_(door_freep) Door *door = spawn->door;
        int r = session_new(&s);
        if (r == 0 && !door) {
                r = door_open(NULL, NULL, ASK_CONNECT_MSEC, &door);
                if (r < 0)
                        return session_refuse_connection(r, error);
        }
        if (r == 0) {
                s->door = TAKE_PTR(door);
                r = watch(s, door_fd(s->door));
        }
        if (r < 0)
                return r == -ENOMEM ? r
                                    : mxc_refuse(error, MXC_BACKEND_ERROR, "cannot prepare to wait: %s",
                                                      strerror(-r));
        r = ask(s, request, spawn, error);
        if (r < 0)
                return r;
        if (spawn->sandbox && request->timeout_usec > 0) /* Exec has none of its own */
                s->deadline = now_msec() + (request->timeout_usec + 999) / 1000;
        set_timer(s);
        *ret = TAKE_PTR(s);
        return 0;
}

/* ---- what any thread may do ---- */

int mxc_session_try_wait(MxcSession *s, MxcEnd *ret) {
        (void)pthread_mutex_lock(&s->lock);
        turn(s);
        bool ended = s->ended;
        if (ended)
                *ret = s->end;
        (void)pthread_mutex_unlock(&s->lock);
        return ended;
}

int mxc_session_wait(MxcSession *s, int msec, MxcEnd *ret) {
        uint64_t until = now_msec() + (uint64_t)(msec > 0 ? msec : 0);
        for (;;) {
                int r = mxc_session_try_wait(s, ret);
                uint64_t now = now_msec();
                if (r != 0 || (msec >= 0 && now >= until))
                        return r;
                struct pollfd p = { .fd = s->epoll, .events = POLLIN };
                (void)poll(&p, 1, msec < 0 ? -1 : (int)(until - now)); /* why it returns is seen above */
        }
}

int mxc_session_fd(const MxcSession *s) {
        return s->epoll;
}

static void kill_it(MxcSession *s, bool for_timeout) {
        (void)pthread_mutex_lock(&s->lock);
        if (!s->ended) {
                s->timed_out |= for_timeout;
                end_now(s);
        }
        (void)pthread_mutex_unlock(&s->lock);
}

void mxc_session_kill(MxcSession *s) {
        kill_it(s, false);
}

void mxc_session_kill_for_timeout(MxcSession *s) {
        kill_it(s, true);
}

void mxc_session_signal(MxcSession *s, int number) {
        if (number == SIGKILL) {
                mxc_session_kill(s);
                return;
        }
        (void)pthread_mutex_lock(&s->lock);
        if (!s->ended && s->door && s->lost_at == 0)
                send_kill(s, number);
        else if (!s->ended)
                running_keep(s->waiting, &s->n_waiting, SIGNALS_KEPT, number);
        (void)pthread_mutex_unlock(&s->lock);
}

const MxcStrings *mxc_session_cut(const MxcSession *s) {
        return &s->cut;
}

int mxc_session_take_pty(MxcSession *s) {
        (void)pthread_mutex_lock(&s->lock);
        int pty = TAKE_FD(s->pty);
        (void)pthread_mutex_unlock(&s->lock);
        return pty;
}

static void ask_pid(MxcSession *s) {
        WireWriter w;
        s->asking = door_begin(s->door, &w,
                        &(DoorCall){ .path = s->path,
                                        .interface = "org.freedesktop.DBus.Properties",
                                        .member = "Get",
                                        .signature = "ss" });
        wire_string(&w, MXC_IFACE_SANDBOX);
        wire_string(&w, "Leader");
        (void)door_send(s->door, &w); /* a broken connection is noticed where it is read */
}

uint32_t mxc_session_pid(MxcSession *s) {
        uint64_t until = now_msec() + PID_MSEC, now;
        for (;;) {
                (void)pthread_mutex_lock(&s->lock);
                if (s->pid == 0 && s->asking == 0 && s->door && s->lost_at == 0)
                        ask_pid(s);
                turn(s);
                uint32_t pid = s->pid;
                bool hopeless = s->ended || s->asking == 0;
                (void)pthread_mutex_unlock(&s->lock);
                now = now_msec();
                if (pid != 0 || hopeless || now >= until)
                        return pid;
                struct pollfd p = { .fd = s->epoll, .events = POLLIN };
                (void)poll(&p, 1, (int)(until - now));
        }
}

const char *mxc_session_path(const MxcSession *s) {
        return s->path;
}
