/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "session.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/signalfd.h>

#include "ask.h"
#include "cleanup.h"
#include "clock.h"
#include "handed-over.h"
#include "names.h"
#include "polkit-agent.h"
#include "result.h"
#include "running.h"
#include "sandbox-name.h"
#include "say.h"
#include "signal-name.h"
#include "status.h"

#define RETRY_MSEC 50U
#define SIGNALS_KEPT 8U
#define CUT_SAID 4U /* of what was cut */
#define ERROR_PREFIX "org.mxc1.Error."

enum { POLL_DOOR, POLL_SIGNALS, POLL_RELAYS, _POLL_MAX = POLL_RELAYS + 6 };

typedef struct Session {
        const SessionCall *call;
        Door *door; /* NULL: lost, and looked for */
        int signals;
        Channels channels;
        PolkitAgent agent;
        uint8_t flags;
        uint32_t awaited; /* serial of the request or of Attach; 0: none */

        char *path; /* of the sandbox; NULL before the answer */
        uint32_t exec;
        uint64_t lost_at; /* msec; 0: not lost */
        unsigned interrupts;
        bool leave;                /* without waiting for anything more */
        int waiting[SIGNALS_KEPT]; /* signals that came while mxcd was away */
        size_t n_waiting;

        bool ended;
        int status;
        char *unheld;         /* limits that this host cannot hold, "" or NULL: none */
        char *cut;            /* what the policy lost to its bounds, the same */
        const char *why;      /* what is to be said of the end, or NULL */
        uint64_t ended_at;    /* msec */
        uint64_t quiet_since; /* msec: nothing has come out of the command since */
        HandedOver handed_over;
        Result result;
} Session;

static void session_end(Session *s, int status) {
        if (s->ended)
                return;
        s->ended = true;
        s->status = status;
        s->quiet_since = s->ended_at = now_msec();
        channels_given(&s->channels); /* our copies would keep its pipes open */
}

/* The same where something went wrong between us and mxcd. */
static void session_fail(Session *s, const char *sentence) {
        terminal_restore(&s->channels.terminal); /* so that it can be read */
        session_end(s, fail(STATUS_RUN_FAILED, "%s: %s", s->call->what, sentence));
}

static void send_request(Session *s) {
        WireWriter w;
        s->awaited = s->call->request(s->door, &w, s->flags, &s->channels, s->call->userdata);
        int r = door_send(s->door, &w);
        if (r < 0)
                session_end(s, ask_say_no_connection(r));
}

/* Where mxcd wants an administrator's word, polkit may ask for it on this terminal; once. */
static bool ask_password(Session *s, const WireMessage *m) {
        if (!streq(m->error, MXC_ERROR_INTERACTIVE_AUTH) || s->flags & WIRE_INTERACTIVE ||
                        !s->call->ask_password || !terminal_is_ours())
                return false;
        s->flags |= WIRE_INTERACTIVE;
        polkit_agent_start(&s->agent);
        send_request(s);
        return true;
}

static void note_unheld(Session *s, WireReader r) {
        size_t size;
        FILE *f = open_memstream(&s->unheld, &size);
        if (!f)
                return;
        bool any = false;
        for (size_t stop = wire_read_array(&r, 4); wire_more(&r, stop); any = true)
                fprintf(f, "%s%s", any ? ", " : "", wire_read_string(&r));
        (void)fclose(f); /* without memory there is nothing to be said */
}

/* A few, in words: "/network/ingress/hostLoopback (allow; what holds: deny, by the ceiling)". All are in --json, and in `mxcctl show`. */
static void note_cut(Session *s, WireReader r) {
        size_t size, n = 0, unsaid = 0;
        FILE *f = open_memstream(&s->cut, &size);
        if (!f)
                return;
        for (size_t stop = wire_read_array(&r, 8); wire_more(&r, stop);) {
                wire_align(&r, 8);
                const char *field = wire_read_string(&r), *asked = wire_read_string(&r),
                           *held = wire_read_string(&r), *by = wire_read_string(&r);
                if (!*field)
                        unsaid += strtoul(asked, NULL, 10);
                else if (n >= CUT_SAID)
                        unsaid++;
                else
                        fprintf(f, "%s%s (%s; what holds: %s, by the %s)", n++ > 0 ? ", " : "", field, asked,
                                        held, streq(by, "agent") ? "agent's policy" : by);
        }
        if (unsaid > 0)
                fprintf(f, ", and %zu more", unsaid);
        (void)fclose(f); /* without memory there is nothing to be said */
}

static void read_info(Session *s, WireReader *r) {
        for (size_t stop = wire_read_array(r, 8); wire_more(r, stop);) {
                wire_align(r, 8);
                const char *key = wire_read_string(r), *signature = wire_read_signature(r);
                if (streq(key, "unheld") && streq(signature, "as"))
                        note_unheld(s, *r);
                if (streq(key, "cut") && streq(signature, "a(ssss)"))
                        note_cut(s, *r);
                if (!streq(key, "pty") || !streq(signature, "h")) {
                        result_value(&s->result, key, signature, r);
                        continue;
                }
                int master = door_take_fd(s->door, wire_read_u32(r));
                int e = master < 0 ? master : channels_show_pty(&s->channels, master);
                if (e < 0)
                        say("the terminal of the command cannot be shown: %s", strerror(-e));
        }
}

static void send_kill(Session *s, int number) {
        running_kill(s->door, s->path, s->exec, number);
}

static void send_waiting(Session *s) {
        for (size_t i = 0; i < s->n_waiting; i++)
                send_kill(s, s->waiting[i]);
        s->n_waiting = 0;
}

static void on_answer(Session *s, const WireMessage *m) {
        if (m->type == WIRE_ERROR) {
                if (!ask_password(s, m))
                        session_end(s, ask_say_error(s->call->what, m));
                return;
        }
        polkit_agent_stop(&s->agent); /* it holds the terminal */
        WireReader r = m->body;
        const char *path = "";
        s->call->answer(&r, s->call->userdata, &path, &s->exec);
        s->path = r.failed ? NULL : strdup(path);
        if (!s->path) {
                session_fail(s, "mxcd's answer cannot be understood; is it of another version?");
                return;
        }
        channels_given(&s->channels);
        if (s->exec > 0) { /* its answer does not repeat whose it is */
                result_text(&s->result, "id", sandbox_id_of(s->path));
                result_number(&s->result, "exec", s->exec);
        }
        read_info(s, &r);
        send_waiting(s);
}

/* The door is closed: mxcd has gone. Looked for in the loop. */
static void lose(Session *s, int error) {
        s->door = door_free(s->door);
        s->awaited = 0;
        if (!s->path)
                session_end(s, ask_say_no_connection(error));
        if (s->lost_at == 0)
                s->lost_at = now_msec();
}

static void attach(Session *s) {
        int r = running_attach(s->door, s->path, s->exec, &s->awaited);
        if (r < 0)
                lose(s, r);
}

static void find_again(Session *s) {
        if (now_msec() - s->lost_at > SESSION_RECONNECT_MSEC)
                session_fail(s, "mxcd has gone and does not come back; see `systemctl status mxcd.service`, "
                                "and "
                                "`mxcctl audit` for how it ends");
        else if (!s->door && door_open(NULL, NULL, RETRY_MSEC, &s->door) == 0 && door_is_ready(s->door))
                attach(s); /* otherwise when it lets us in; and tried again until it is too late */
}

static void on_attached(Session *s, const WireMessage *m) {
        if (m->type == WIRE_RETURN) {
                s->lost_at = 0;
                send_waiting(s);
        } else if (strncmp(m->error, ERROR_PREFIX, strlen(ERROR_PREFIX)) != 0)
                lose(s, -ECONNRESET); /* a bus that is still starting it */
        else
                session_fail(s, "mxcd was restarted and cannot tell how it ended; `mxcctl audit` may");
}

static void tell_end(Session *s, int code, int number, const char *reason) {
        Result *r = &s->result;
        _cleanup_free_ char *name = NULL;
        const char *word = number > 0 ? signal_name(number) : NULL;
        if (number > 0 && (word ? asprintf(&name, "SIG%s", word) : asprintf(&name, "SIG%d", number)) < 0)
                name = NULL;
        result_text(r, "reason", reason);
        if (number > 0)
                result_text(r, "code", NULL);
        else
                result_number(r, "code", code);
        result_text(r, "signal", name);
        if (s->exec > 0)
                return;
        result_texts(r, "handoff", (const char *const *)s->handed_over.paths, s->handed_over.n);
        result_bool(r, "handoff-whole", !s->handed_over.partial);
        result_bool(r, "handoff-looked", !s->handed_over.killed);
}

static void on_exited(Session *s, const WireMessage *m) {
        RunningEnd end;
        int r = s->ended || !s->path ? 0 : running_end_read(m, s->path, s->exec, &end);
        if (r < 0)
                session_fail(s, "mxcd says in other words than expected that it ended; is it of another "
                                "version?");
        if (r <= 0)
                return;
        s->why = sentence_of_end(end.reason);
        session_end(s, status_of_end(end.code, end.signal, end.reason));
        handed_over_read(&s->handed_over, &end.rest);
        s->handed_over.partial &= s->exec == 0; /* a further command is not looked at: the sandbox goes on */
        tell_end(s, end.code, end.signal, end.reason);
}

static void on_message(const WireMessage *m, void *userdata) {
        Session *s = userdata;
        if (m->type == WIRE_SIGNAL)
                on_exited(s, m);
        else if (s->awaited != 0 && m->reply_serial == s->awaited) {
                s->awaited = 0;
                if (s->path)
                        on_attached(s, m);
                else
                        on_answer(s, m);
        }
}

static void on_door(Session *s) {
        int r = door_turn(&s->door, on_message, s);
        if (r < 0)
                lose(s, r);
        else if (r > 0)
                attach(s);
}

/* What would have ended mxcctl is for the command. */
static void on_interrupt(Session *s, int number) {
        int sent = running_relays(&s->interrupts, number);
        if (sent == 0 || (!s->path && running_ends(number))) {
                s->leave = sent == 0;
                session_end(s, STATUS_SIGNAL + number); /* what is tied to us ends too */
                return;
        }
        if (s->path && s->door && s->lost_at == 0)
                send_kill(s, sent);
        else
                running_keep(s->waiting, &s->n_waiting, SIGNALS_KEPT, sent);
}

static void on_signals(Session *s) {
        struct signalfd_siginfo info;
        while (read(s->signals, &info, sizeof info) == (ssize_t)sizeof info)
                switch (info.ssi_signo) {
                case SIGWINCH:
                        channels_resize(&s->channels);
                        break;
                case SIGCONT:
                        channels_continued(&s->channels);
                        break;
                default:
                        on_interrupt(s, (int)info.ssi_signo);
                }
}

/* It was asked, and has not even let us in. */
static bool is_kept_out(const Session *s) {
        return !s->ended && s->lost_at == 0 && s->door && !door_lets_in(s->door);
}

/* How long may be waited, in milliseconds; -1: for ever. */
static int patience(const Session *s) {
        if (s->ended)
                return OUTPUT_QUIET_MSEC;
        return s->lost_at != 0 ? (int)RETRY_MSEC : is_kept_out(s) ? ASK_CONNECT_MSEC : -1;
}

static void turn(Session *s) {
        struct pollfd polls[_POLL_MAX] = { [POLL_DOOR] = { .fd = s->door ? door_fd(s->door) : -1,
                                                           .events = POLLIN },
                [POLL_SIGNALS] = { .fd = s->signals, .events = POLLIN } };
        for (size_t i = 0; i < ELEMENTSOF(s->channels.relays); i++)
                relay_poll(&s->channels.relays[i], polls + POLL_RELAYS + 2 * i);
        int n = poll(polls, _POLL_MAX, patience(s));
        if (n < 0 && errno != EINTR) {
                session_end(s, fail(STATUS_RUN_FAILED, "cannot wait: %s", strerror(errno)));
                return;
        }
        if (n == 0 && is_kept_out(s)) {
                lose(s, -ETIMEDOUT);
                return;
        }
        for (size_t i = 0; i < ELEMENTSOF(s->channels.relays); i++)
                if (relay_turn(&s->channels.relays[i], polls + POLL_RELAYS + 2 * i) && i > 0)
                        s->quiet_since = now_msec();
        channels_settle(&s->channels);
        if (polls[POLL_SIGNALS].revents)
                on_signals(s);
        if (polls[POLL_DOOR].revents && s->door && !s->ended)
                on_door(s);
        if (s->lost_at != 0 && !s->ended)
                find_again(s);
}

/* After the end, until what it wrote has come out: its pipes and its pty are closed, or have been quiet, or should have been. */
static bool is_over(const Session *s) {
        return s->ended && (!channels_output_is_open(&s->channels) || s->leave ||
                                           channels_output_is_over(now_msec(), s->ended_at, s->quiet_since));
}

static int take_signals(void) {
        sigset_t set;
        (void)sigemptyset(&set);
        (void)sigaddset(&set, SIGWINCH);
        (void)sigaddset(&set, SIGCONT);
        running_add_ending(&set);
        running_add_others(&set);
        (void)signal(SIGPIPE, SIG_IGN);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        return fd < 0 ? -errno : fd;
}

static void session_close(Session *s) {
        polkit_agent_stop(&s->agent);
        channels_close(&s->channels);
        if (s->path && s->call->json != JSON_OFF) {
                result_number(&s->result, "status", s->status);
                result_end(&s->result, s->call->json);
        } else {
                if (s->why)
                        say("%s: %s", s->call->what, s->why);
                handed_over_say(&s->handed_over);
                if (s->cut && *s->cut && isatty(STDERR_FILENO))
                        say("the policy was cut down to what is allowed: %s", s->cut);
                if (s->unheld && *s->unheld && isatty(STDERR_FILENO)) /* of each command: for who looks on */
                        say("limits of the policy do not hold here, for want of control group controllers: "
                            "%s",
                                        s->unheld);
        }
        free(s->unheld);
        free(s->cut);
        result_clear(&s->result);
        handed_over_clear(&s->handed_over);
        (void)door_free(s->door);
        if (s->signals >= 0)
                (void)close(s->signals);
        free(s->path);
}

int session_run(Door *door, const SessionCall *call) {
        Session s = { .call = call, .door = door, .signals = take_signals() };
        result_begin(&s.result, call->json);
        int r = channels_prepare(&s.channels, call->pty);
        if (r == 0 && s.signals < 0)
                r = s.signals;
        if (r < 0)
                session_end(&s, fail(STATUS_RUN_FAILED, "cannot prepare standard input and output: %s",
                                                strerror(-r)));
        else
                send_request(&s);
        while (!is_over(&s))
                turn(&s);
        session_close(&s);
        return s.status;
}
