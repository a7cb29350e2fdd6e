/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lxc-run.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include "channels.h"
#include "clock.h"
#include "running.h"
#include "session.h"
#include "status.h"

#define GRACE_MSEC                                                                                          \
        5000U /* for a command to heed a signal that would have ended lxc-exec, whose callers send one and go */
#define GONE_MSEC 10000U /* for a sandbox that was killed to be gone, before lxc-exec goes itself */

enum { POLL_SESSION, POLL_SIGNALS, POLL_RELAYS, _POLL_MAX = POLL_RELAYS + 6 };

typedef struct Run {
        const MxcRequest *request;
        const char *sandbox; /* or NULL */
        LxcLog *log;
        Door *door; /* until the session has it */
        MxcSession *session;
        Channels channels;
        int signals;
        int number; /* of the first signal that would have ended us; 0: none */
        unsigned interrupts;
        bool leave;
        uint64_t kill_at, give_up_at; /* msec; 0: not to be */
        bool ended;
        MxcEnd end;
        uint64_t ended_at, quiet_since;
} Run;

/* While it is spawned only what ends it is looked at: to give that up for the size of a window would be to run the command twice. The others
 * wait, and none of them ends us. */
static int watch_signals(int fd, bool all) {
        sigset_t set, blocked;
        (void)sigemptyset(&set);
        running_add_ending(&set);
        blocked = set;
        running_add_others(&blocked);
        (void)sigaddset(&blocked, SIGWINCH);
        (void)sigaddset(&blocked, SIGCONT);
        if (sigprocmask(SIG_BLOCK, &blocked, NULL) < 0)
                return -errno;
        fd = signalfd(fd, all ? &blocked : &set, SFD_CLOEXEC | SFD_NONBLOCK);
        return fd < 0 ? -errno : fd;
}

static void kill_it(Run *r) {
        r->kill_at = 0;
        r->give_up_at = now_msec() + GONE_MSEC;
        mxc_session_kill(r->session);
}

/* What would have ended us is for the command. It ends one way or the other. */
static void on_signal(Run *r, int number) {
        if (r->number == 0 && !r->ended && running_ends(number)) {
                r->number = number;
                r->kill_at = now_msec() + GRACE_MSEC;
        }
        int sent = running_relays(&r->interrupts, number);
        r->leave |= sent == 0;
        if (sent == SIGKILL)
                kill_it(r);
        else if (sent != 0)
                mxc_session_signal(r->session, sent);
}

static void on_signals(Run *r) {
        struct signalfd_siginfo info;
        while (read(r->signals, &info, sizeof info) == (ssize_t)sizeof info)
                switch (info.ssi_signo) {
                case SIGWINCH:
                        channels_resize(&r->channels);
                        break;
                case SIGCONT:
                        channels_continued(&r->channels);
                        break;
                default:
                        if (!r->session) { /* it is given up */
                                r->number = (int)info.ssi_signo;
                                return;
                        }
                        on_signal(r, (int)info.ssi_signo);
                }
}

static void turn(Run *r) {
        struct pollfd polls[_POLL_MAX] = {
                [POLL_SESSION] = { .fd = r->ended ? -1 : mxc_session_fd(r->session), .events = POLLIN },
                [POLL_SIGNALS] = { .fd = r->signals, .events = POLLIN }
        };
        for (size_t i = 0; i < ELEMENTSOF(r->channels.relays); i++)
                relay_poll(&r->channels.relays[i], polls + POLL_RELAYS + 2 * i);
        if (poll(polls, _POLL_MAX, r->ended || r->number != 0 ? (int)OUTPUT_QUIET_MSEC : -1) < 0)
                return; /* EINTR: the entries say nothing */
        for (size_t i = 0; i < ELEMENTSOF(r->channels.relays); i++)
                if (relay_turn(&r->channels.relays[i], polls + POLL_RELAYS + 2 * i) && i > 0)
                        r->quiet_since = now_msec();
        channels_settle(&r->channels);
        if (polls[POLL_SIGNALS].revents)
                on_signals(r);
}

/* After the end, until what it wrote has come out: its pipes and its pty are closed, or have been quiet, or should have been; or
 * nobody is to wait. */
static bool is_over(Run *r) {
        if (!r->ended && mxc_session_try_wait(r->session, &r->end)) {
                r->ended = true;
                r->quiet_since = r->ended_at = now_msec();
        }
        if (!r->ended && r->kill_at != 0 && now_msec() >= r->kill_at)
                kill_it(r);
        if (r->leave || (r->give_up_at != 0 && now_msec() >= r->give_up_at))
                return true;
        return r->ended && (!channels_output_is_open(&r->channels) ||
                                           channels_output_is_over(now_msec(), r->ended_at, r->quiet_since));
}

static int say_end(const Run *r) {
        _cleanup_(mxc_error_clear) MxcError e = { 0 };
        if (r->number != 0)
                return STATUS_SIGNAL + r->number;
        if (r->end.timed_out && r->end.after_usec > 0)
                (void)mxc_refuse(&e, MXC_BACKEND_ERROR, "script timed out after %llums",
                                (unsigned long long)(r->end.after_usec / 1000));
        else if (r->end.timed_out)
                (void)mxc_refuse(&e, MXC_BACKEND_ERROR, "script timed out");
        else if (r->end.why)
                (void)mxc_refuse(&e, MXC_BACKEND_ERROR, "%s", r->end.why);
        if (e.status != MXC_OK)
                (void)lxc_log_error(r->log, &e);
        return r->end.exit_code < 0 ? MXC_EXIT_BACKEND : r->end.exit_code;
}

static int run_began(Run *r, const MxcSpawn *spawn) {
        int pty = mxc_session_take_pty(r->session);
        const MxcStrings *cut = mxc_session_cut(r->session);
        for (size_t i = 0; i < cut->n; i++)
                lxc_log_warning(r->log, cut->items[i]);
        channels_given(&r->channels);
        int e = spawn->pty ? pty < 0 ? pty : channels_show_pty(&r->channels, pty) : 0;
        if (e < 0)
                lxc_log_warning(r->log, "the terminal of the command cannot be shown");
        while (!is_over(r))
                turn(r);
        channels_close(&r->channels); /* the terminal is as it was: what is said can be read */
        return say_end(r);
}

static int run_prepared(Run *r) {
        _cleanup_(mxc_error_clear) MxcError e = { 0 };
        MxcSpawn spawn = { .sandbox = r->sandbox,
                .pty = r->channels.pty,
                .door = TAKE_PTR(r->door),
                .cancel = r->signals };
        memcpy(spawn.stdio, r->channels.give, sizeof spawn.stdio);
        uint32_t rows, columns;
        if (spawn.pty && terminal_size(&rows, &columns)) {
                spawn.rows = (uint16_t)rows;
                spawn.columns = (uint16_t)columns;
        }
        int error = mxc_session_spawn(r->request, &spawn, &r->session, &e);
        if (error == -ECANCELED) {
                on_signals(r);
                return STATUS_SIGNAL + r->number;
        }
        if (error < 0 || watch_signals(r->signals, true) < 0)
                return lxc_log_error(r->log, &e);
        return run_began(r, &spawn);
}

int lxc_run(const MxcRequest *request, const char *sandbox, Door *door, LxcLog *log) {
        Run r = { .request = request,
                .sandbox = sandbox,
                .log = log,
                .door = door,
                .signals = watch_signals(-1, false) };
        (void)signal(SIGPIPE, SIG_IGN);
        int error = r.signals < 0 ? r.signals : channels_prepare(&r.channels, PTY_AUTO), status;
        if (error < 0) {
                _cleanup_(mxc_error_clear) MxcError e = { 0 };
                (void)mxc_refuse(&e, MXC_BACKEND_ERROR, "cannot prepare standard input and output: %s",
                                strerror(-error));
                status = lxc_log_error(log, &e);
        } else
                status = run_prepared(&r);
        if (r.signals >= 0) {
                channels_close(&r.channels);
                (void)close(r.signals); /* nothing to lose in it */
        }
        (void)mxc_session_free(r.session);
        (void)door_free(r.door);
        return status;
}
