/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox.h"

#include <fcntl.h>
#include <sys/epoll.h>

#include "bus.h"
#include "cleanup.h"
#include "fd.h"
#include "log.h"
#include "names.h"
#include "relay.h"
#include "release.h"

#define LAUNCHER_TELLS_USEC (UINT64_C(500) * 1000)

static const char *const state_words[_SANDBOX_STATE_MAX] = { "starting", "running", "frozen", "stopping",
        "exited" };
static const char *const reason_words[_END_REASON_MAX] = { "exited", "killed", "timeout", "stopped",
        "revoked", "oom", "lost" };

const char *sandbox_state_to_string(SandboxState s) {
        return state_words[s];
}

const char *end_reason_to_string(EndReason r) {
        return reason_words[r];
}

/* ---- the table ---- */

static unsigned bucket(const char *id) {
        unsigned n = 0;
        for (size_t i = 0; i < 4 && id[i]; i++) /* ids are random hex digits */
                n = n * 16 + (unsigned)(id[i] >= 'a' ? id[i] - 'a' + 10 : id[i] - '0') % 16;
        return n % SANDBOX_BUCKETS;
}

Sandbox *sandbox_find(Manager *m, const char *id) {
        Sandbox *s;
        LIST_FOREACH(s, &m->sandboxes[bucket(id)], entries)
                if (streq(s->id, id))
                        return s;
        return NULL;
}

void sandbox_for_each(Manager *m, void (*each)(Sandbox *s, void *userdata), void *userdata) {
        for (size_t i = 0; i < SANDBOX_BUCKETS; i++)
                for (Sandbox *s = LIST_FIRST(&m->sandboxes[i]), *next; s; s = next) {
                        next = LIST_NEXT(s, entries);
                        each(s, userdata);
                }
}

int sandbox_new(Manager *m, const char *id, Agent *a, Sandbox **ret) {
        Usage *u = manager_usage(m, a->owner);
        Sandbox *s = u ? calloc(1, sizeof(Sandbox)) : NULL;
        if (!s)
                return -ENOMEM;
        if (asprintf(&s->object, MXC_SANDBOX_PATH_PREFIX "/%s", id) < 0) {
                free(s);
                return -ENOMEM;
        }
        (void)snprintf(s->id, sizeof(s->id), "%s", id);
        s->manager = m;
        s->agent = a;
        s->charged = a->owner;
        s->pidfd = s->page = -EBADF;
        LIST_INSERT_HEAD(&m->sandboxes[bucket(id)], s, entries);
        m->n_sandboxes++;
        a->n_sandboxes++;
        u->n_sandboxes++;
        *ret = s;
        return 0;
}

static void free_words(char **words) {
        for (char **w = words; w && *w; w++)
                free(*w);
        free(words);
}

void sandbox_free(Sandbox *s) {
        Manager *m = s->manager;
        uid_t owner = s->charged;
        s->relay = relay_free(s->relay); /* tells what is left to tell, of all that is still here */
        while (!LIST_EMPTY(&s->commands))
                command_free(s, LIST_FIRST(&s->commands));
        for (size_t i = 0; i < s->n_stop_waiters; i++)
                sd_bus_message_unref(s->stop_waiters[i]);
        free(s->stop_waiters);
        sd_bus_message_unref(s->freeze_waiter);
        sd_bus_slot_unref(s->asking);
        sd_event_source *const sources[] = { s->end, s->late, s->timer, s->grace, s->freezing,
                s->grants_end };
        for (size_t i = 0; i < ELEMENTSOF(sources); i++)
                sd_event_source_disable_unref(sources[i]);
        cleanup_closep(&s->pidfd);
        cleanup_closep(&s->page);
        runtime_effective_unref(s->effective);
        policy_unref(s->live);
        for (size_t i = 0; i < ELEMENTSOF(s->of_commands); i++)
                json_decref(s->of_commands[i]);
        for (Grant *g; (g = LIST_FIRST(&s->grants));) {
                LIST_REMOVE(g, entries);
                (void)grant_free(g); /* NULL */
        }
        LIST_REMOVE(s, entries);
        m->n_sandboxes--;
        s->agent->n_sandboxes--;
        Usage *u = manager_usage(m, owner);
        if (u)
                u->n_sandboxes--;
        manager_usage_settle(m, owner);
        if (s->scope)
                scope_release(s->scope);
        free_words(s->argv);
        free_words(s->labels);
        char *const texts[] = { s->object, s->leaf, s->owner.name, s->owner.home, s->policy, s->workspace,
                s->walls, s->unheld, s->cut };
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                free(texts[i]);
        free(s);
}

AuditSubject sandbox_subject(const Sandbox *s, const Caller *caller) {
        return (AuditSubject){
                .caller = caller,
                .agent = s->agent->name,
                .agent_uuid = s->agent->uuid,
                .sandbox = s->id,
                .on_behalf_uid = s->charged,
                .on_behalf_user = s->owner.name,
                .policy = s->policy,
                .digest = s->live        ? s->live->digest
                          : s->effective ? s->effective->policy->digest
                                         : NULL,
                .tier = "process",
                .unit = s->scope ? s->scope->unit : NULL,
        };
}

void sandbox_set_state(Sandbox *s, SandboxState state) {
        if (s->state == state)
                return;
        /* its coming and its going are told by signals of their own */
        bool told = s->state == SANDBOX_STARTING || state == SANDBOX_EXITED;
        s->state = state;
        if (told)
                return;
        (void)sd_bus_emit_properties_changed(
                        s->manager->bus, s->object, MXC_IFACE_SANDBOX, "State", NULL); /* no harm if lost */
}

/* ---- up ---- */

void sandbox_started(Sandbox *s, pid_t leader, int pidfd, int page) {
        s->leader = leader;
        s->pidfd = pidfd;
        s->page = page;
        if (s->state == SANDBOX_STARTING) /* its scope may be stopping by now */
                sandbox_set_state(s, SANDBOX_RUNNING);
        if (s->over_early) /* that will not be told again */
                sandbox_watch_end(s, true);
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata) {
        Sandbox *s = userdata;
        const AuditSubject subject = sandbox_subject(s, NULL);
        if (s->state == SANDBOX_EXITED)
                return 0;
        if (audit_stop(s->manager->audit, &subject, "timeout") < 0)
                log_error("Sandbox %s has had its time; no record of that can be made.", s->id);
        sandbox_ends_for(s, END_TIMEOUT);
        (void)sandbox_kill_all(s); /* logs itself */
        return 0;
}

int sandbox_arm_timer(Sandbox *s) {
        if (s->deadline == 0)
                return 0;
        int r = sd_event_add_time(
                        s->manager->event, &s->timer, CLOCK_BOOTTIME, s->deadline, 10000, on_timeout, s);
        return r < 0 ? r : 0;
}

/* ---- over ---- */

/* What else ran in it went with its pid 1. */
static void end_execs(Sandbox *s) {
        size_t n;
        do {
                Command *c, *last = NULL;
                n = 0;
                LIST_FOREACH(c, &s->commands, entries)
                        if (c->number > 0 && !c->ended) {
                                last = c;
                                n++;
                        }
                if (last)
                        sandbox_exited(s, last->number, 0, SIGKILL);
        } while (n > 1); /* after the last one the sandbox may be gone */
}

static int on_late(sd_event_source *source, uint64_t usec, void *userdata) {
        Sandbox *s = userdata;
        StatusPage page = { 0 };
        bool told = s->page >= 0 && fd_pread_all(s->page, &page, sizeof(page), 0) == 0 &&
                    page.state == STATUS_EXITED;
        end_execs(s);
        if (!told && s->page < 0 && s->reason == END_EXITED)
                s->reason = END_LOST;
        sandbox_exited(s, 0, told ? page.code & 0xff : 0, told ? page.signal : SIGKILL);
        return 0;
}

/* The launcher, where there is one, knows better how it ended, and says so before long. */
static int on_pidfd(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        Sandbox *s = userdata;
        uint64_t patience = launch_channel_is_up(s->manager->launch) ? LAUNCHER_TELLS_USEC : 0;
        s->end = sd_event_source_disable_unref(s->end);
        return sd_event_add_time_relative(
                        s->manager->event, &s->late, CLOCK_MONOTONIC, patience, 1, on_late, s);
}

void sandbox_watch_end(Sandbox *s, bool watch) {
        if (!watch) {
                s->end = sd_event_source_disable_unref(s->end);
                return;
        }
        if (s->end || s->late || s->pidfd < 0 || s->state == SANDBOX_EXITED)
                return;
        int r = sd_event_add_io(s->manager->event, &s->end, s->pidfd, EPOLLIN, on_pidfd, s);
        if (r < 0)
                log_error("The end of sandbox %s cannot be seen: %s", s->id, strerror(-r));
}

void sandbox_launcher_gone(Sandbox *s) {
        Command *c;
        LIST_FOREACH(c, &s->commands, entries)
                c->told = false;
        if (s->state == SANDBOX_EXITED)
                end_execs(s);
        else
                sandbox_watch_end(s, true);
}

static bool ran_out_of_memory(const Sandbox *s) {
        _cleanup_free_ char *path = NULL, *text = NULL;
        if (!s->leaf || asprintf(&path, "%s%s/memory.events", s->manager->cgroup_path, s->leaf) < 0)
                return false;
        if (fd_read_file_at(AT_FDCWD, path, 4096, &text, NULL) < 0)
                return false; /* no memory controller here */
        const char *kills = strstr(text, "\noom_kill ");
        return kills && kills[strlen("\noom_kill ")] != '0';
}

static EndReason why(const Sandbox *s, const Command *c) {
        if (s->reason != END_EXITED)
                return s->reason;
        if (c->lost)
                return END_LOST;
        if (c->signal == SIGKILL && ran_out_of_memory(s))
                return END_OOM;
        const bool never_began = c->killed && c->start != COMMAND_BEGUN && c->code == LAUNCH_NEVER_BEGAN;
        return c->signal != 0 || never_began ? END_KILLED : END_EXITED;
}

typedef struct HandoffList {
        StatusPage page;
        const char *paths[LIMIT_HANDOFF_FOUND];
        size_t n;
        bool whole, looked;
} HandoffList;

/* What pid 1 of the sandbox left on the page; it runs with the agent's uid, so nothing of it is believed without a look. */
static void read_handoff(const Sandbox *s, HandoffList *ret) {
        *ret = (HandoffList){ .n = 0 };
        if (s->page < 0 || fd_pread_all(s->page, &ret->page, sizeof(ret->page), 0) < 0)
                return;
        StatusPage *p = &ret->page;
        size_t at = 0, bytes = p->handoff_bytes < sizeof(p->handoff) ? p->handoff_bytes : sizeof(p->handoff);
        while (ret->n < LIMIT_HANDOFF_FOUND && ret->n < p->n_handoff && at < bytes) {
                const char *end = memchr(p->handoff + at, 0, bytes - at);
                if (!end)
                        break;
                ret->paths[ret->n++] = p->handoff + at;
                at = (size_t)(end - p->handoff) + 1;
        }
        ret->looked = p->state == STATUS_EXITED; /* it came to its own end, which is after that */
        ret->whole = p->handoff_scanned == 1 && ret->n == p->n_handoff;
}

static bool is_utf8(const char *text) {
        json_auto_t *string = json_string(text);
        return string != NULL;
}

static int append_exited(sd_bus_message *m, const Sandbox *s, const Command *c, const HandoffList *h) {
        int r = sd_bus_message_append(
                        m, "uiis", c->number, c->code, c->signal, end_reason_to_string(why(s, c)));
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "s");
        for (size_t i = 0; r >= 0 && i < h->n; i++)
                /* only UTF-8 may travel; the audit has the bytes */
                r = sd_bus_message_append(
                                m, "s", is_utf8(h->paths[i]) ? h->paths[i] : "(a name that is not UTF-8)");
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r >= 0 ? sd_bus_message_append(m, "a{sv}", 2, "handoff-whole", "b", (int)h->whole,
                                        "handoff-looked", "b", (int)h->looked)
                      : r;
}

static int send_exited(const Sandbox *s, const Command *c) {
        HandoffList h = { .n = 0 };
        if (c->number == 0)
                read_handoff(s, &h);
        sd_bus_message *m = NULL;
        int r = sd_bus_message_new_signal(c->bus, &m, s->object, MXC_IFACE_SANDBOX, "Exited");
        if (r >= 0)
                r = append_exited(m, s, c, &h);
        if (r >= 0 && c->sender)
                r = sd_bus_message_set_destination(m, c->sender);
        if (r >= 0)
                r = sd_bus_send(c->bus, m, NULL);
        sd_bus_message_unref(m);
        return r;
}

void sandbox_deliver(Sandbox *s, Command *c) {
        if (!c->bus)
                return;
        int r = send_exited(s, c);
        if (r < 0 && r != -ENOTCONN && r != -ECONNRESET)
                log_warning("The end of sandbox %s cannot be told: %s", s->id, strerror(-r));
        if (c->number == 0)
                s->delivered = true;
}

static void record_exit(Sandbox *s, const Command *c) {
        HandoffList h = { .n = 0 };
        if (c->number == 0)
                read_handoff(s, &h);
        const AuditSubject subject = sandbox_subject(s, NULL);
        int r = audit_exit(s->manager->audit, &subject, c->number, c->code, c->signal,
                        end_reason_to_string(why(s, c)), now_boottime() - c->started, h.paths, h.n, h.whole);
        if (r < 0)
                log_error("The end of sandbox %s is not on record: %s", s->id, strerror(-r));
}

static void release(Sandbox *s, uint32_t number) {
        const AuditSubject subject = sandbox_subject(s, NULL);
        release_begin(s->manager, s->scope->path, s->id, number, &subject);
}

static void refuse_freeze(Sandbox *s) {
        if (s->state == SANDBOX_EXITED)
                (void)sd_bus_reply_method_errorf(s->freeze_waiter, MXC_ERROR_NO_SUCH_SANDBOX,
                                "The sandbox ended before it stood still.");
        else if (s->state == SANDBOX_STOPPING)
                (void)sd_bus_reply_method_errorf(
                                s->freeze_waiter, MXC_ERROR_DENIED, "The sandbox is being stopped.");
        else
                (void)sd_bus_reply_method_errorf(s->freeze_waiter, MXC_ERROR_CANNOT_FREEZE,
                                "Not every process stands still, so all of it goes on: one waits for a "
                                "device "
                                "or another machine, or somebody has thawed it meanwhile. Try again, or "
                                "kill "
                                "it.");
}

void sandbox_answer_freeze(Sandbox *s, bool frozen) {
        s->freezing = sd_event_source_disable_unref(s->freezing);
        frozen = frozen && (s->state == SANDBOX_RUNNING || s->state == SANDBOX_FROZEN);
        if (frozen)
                sandbox_set_state(s, SANDBOX_FROZEN);
        if (s->freeze_waiter && frozen)
                (void)sd_bus_reply_method_return(s->freeze_waiter, NULL); /* who is gone needs no answer */
        else if (s->freeze_waiter)
                refuse_freeze(s);
        s->freeze_waiter = sd_bus_message_unref(s->freeze_waiter);
}

static void answer_stops(Sandbox *s) {
        for (size_t i = 0; i < s->n_stop_waiters; i++) {
                (void)sd_bus_reply_method_return(s->stop_waiters[i], NULL); /* who is gone needs no answer */
                sd_bus_message_unref(s->stop_waiters[i]);
        }
        s->n_stop_waiters = 0;
}

void sandbox_settle(Sandbox *s) {
        if (s->state != SANDBOX_EXITED)
                return;
        Command *c;
        LIST_FOREACH(c, &s->commands, entries)
                if (!c->ended)
                        return;
        if (s->adopted && !s->delivered && s->tied &&
                        (s->manager->found || now_boottime() < s->manager->attach_until))
                return; /* its client may be on its way back, and nobody is served before all is found */
        release(s, 0);
        int channel = s->relay ? relay_take_channel(s->relay) : -EBADF;
        if (channel >= 0)
                release_listen(s->manager, s->id, channel);
        answer_stops(s);
        runtime_remove(s->id);
        bus_emit_sandbox(s->manager, "SandboxRemoved", s);
        sandbox_free(s);
}

static void on_told_whether_stopping(bool stopping, void *userdata) {
        Sandbox *s = userdata;
        s->asking = sd_bus_slot_unref(s->asking);
        if (stopping && s->reason == END_EXITED)
                sandbox_scope_stops(s->manager, s->scope);
        sandbox_exited(s, 0, 0, SIGTERM);
}

/* Ended by the signal that PID 1 sends when it stops a scope. */
static bool may_be_stopped(const Sandbox *s, uint32_t number, int signal) {
        return number == 0 && signal == SIGTERM && s->reason == END_EXITED && s->state != SANDBOX_STOPPING &&
               !s->asked;
}

void sandbox_exited(Sandbox *s, uint32_t number, int code, int signal) {
        Command *c = command_find(s, number);
        if (!c || c->ended || (number == 0 && s->asking))
                return;
        if (number == 0 && s->pidfd < 0 && !s->adopted) { /* a Spawn still waits for it */
                s->over_early = true;
                return;
        }
        if (may_be_stopped(s, number, signal)) {
                s->asked = true;
                if (scope_ask_stopping(s->scope, on_told_whether_stopping, s, &s->asking) >= 0)
                        return;
        }
        c->ended = true;
        c->code = signal > 0 ? 0 : code;
        c->signal = signal;
        record_exit(s, c);
        if (number > 0) {
                if (c->asked_to_end)
                        (void)sandbox_kill_exec(s, c); /* logs itself */
                release(s, number);
                sandbox_deliver(s, c);
                command_free(s, c);
        } else {
                s->end = sd_event_source_disable_unref(s->end);
                s->late = sd_event_source_disable_unref(s->late);
                s->timer = sd_event_source_disable_unref(s->timer);
                s->grace = sd_event_source_disable_unref(s->grace);
                sandbox_set_state(s, SANDBOX_EXITED);
                sandbox_answer_freeze(s, false);
                sandbox_deliver(s, c);
        }
        sandbox_settle(s);
}

static void on_scope_stops(Sandbox *s, void *scope) {
        if (s->scope != scope || s->state == SANDBOX_EXITED)
                return;
        const AuditSubject subject = sandbox_subject(s, NULL);
        if (audit_stop(s->manager->audit, &subject, "systemd") < 0)
                log_error("The scope of sandbox %s is stopped; no record of that can be made.", s->id);
        sandbox_ends_for(s, END_STOPPED);
        sandbox_set_state(s, SANDBOX_STOPPING);
}

void sandbox_scope_stops(Manager *m, Scope *scope) {
        sandbox_for_each(m, on_scope_stops, scope);
}
