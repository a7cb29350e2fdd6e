/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <signal.h>

#include "act.h"
#include "bus-error.h"
#include "bus.h"
#include "cleanup.h"
#include "fd.h"
#include "log.h"
#include "names.h"
#include "relay.h"
#include "sandbox.h"
#include "spawn-info.h"
#include "spawn.h"

DEFINE_CLEANUP(Caller *, caller_unref);

/* ---- methods ---- */

static int find(Act *a, Sandbox **ret, sd_bus_error *error) {
        Sandbox *s = sandbox_find(a->manager, a->object);
        if (!s)
                return sd_bus_error_set(error, MXC_ERROR_NO_SUCH_SANDBOX, "That sandbox is over.");
        *ret = s;
        return 0;
}

static int find_alive(Act *a, Sandbox **ret, sd_bus_error *error) {
        int r = find(a, ret, error);
        if (r >= 0 && ((*ret)->state == SANDBOX_EXITED || (*ret)->state == SANDBOX_STARTING))
                return sd_bus_error_setf(error, MXC_ERROR_NO_SUCH_SANDBOX, "That sandbox is %s.",
                                (*ret)->state == SANDBOX_EXITED ? "over" : "not there yet");
        return r;
}

static int owner(Act *a, uid_t *ret, sd_bus_error *error) {
        Sandbox *s = NULL;
        int r = find(a, &s, error);
        if (r >= 0)
                *ret = s->charged;
        return r;
}

static void on_signalled(const LaunchReport *report, int *fds, size_t n_fds, void *userdata) {
        Act *a = userdata;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        if (report->event == LAUNCH_EVENT_OK) {
                act_reply(a, NULL);
                return;
        }
        (void)sd_bus_error_setf(&error,
                        report->error == ENOENT || report->error == ESRCH ? MXC_ERROR_NO_SUCH_SANDBOX
                                                                          : MXC_ERROR_LAUNCH_FAILED,
                        "The signal was not delivered: %s.", strerror(report->error));
        act_reply_error(a, &error);
}

static int signal_command(Act *a, const Sandbox *s, uint32_t exec, int number) {
        LaunchRequest q = { .verb = LAUNCH_SIGNAL, .exec = exec, .number = number };
        (void)snprintf(q.id, sizeof(q.id), "%s", s->id);
        return launch_channel_call(a->manager->launch, &q, NULL, 0, on_signalled, a);
}

/* "exec:N" in the one way that it is written in: the record tells of these very bytes. False for anything else. */
static bool parse_whom(const char *whom, uint32_t *ret) {
        char same[sizeof("exec:4294967295")];
        unsigned n;
        if (sscanf(whom, "exec:%u", &n) != 1 || n == 0)
                return false;
        (void)snprintf(same, sizeof(same), "exec:%u", n);
        if (!streq(whom, same))
                return false;
        *ret = n;
        return true;
}

/* Signals by which people end things; the others can wait for a journal. */
static bool ends(int number) {
        return number == SIGKILL || number == SIGTERM || number == SIGINT || number == SIGHUP ||
               number == SIGQUIT;
}

/* The next mxcd is to know it as well. */
static void note_that_it_is_to_end(Sandbox *s, Command *c, int number) {
        if (c->asked_to_end || !ends(number) || number == SIGKILL)
                return;
        c->asked_to_end = true;
        int r = runtime_save(s);
        if (r < 0)
                log_warning("That command %u of sandbox %s is to end is not kept: %s", c->number, s->id,
                                strerror(-r));
}

static int kill_command(Sandbox *s, Command *c, sd_bus_error *error) {
        int r = sandbox_kill_exec(s, c);
        if (r == -ENOENT)
                return sd_bus_error_setf(error, MXC_ERROR_UNSUPPORTED,
                                "Command %u has no control group of its own, as an earlier mxc-launch began "
                                "it: it is killed, but what it began may go on, until all is killed.",
                                c->number);
        return r;
}

static int run_kill(Act *a, sd_bus_error *error) {
        const char *whom;
        int32_t number;
        uint32_t exec = 0;
        Sandbox *s = NULL;
        int r = sd_bus_message_read(a->message, "si", &whom, &number);
        if (r >= 0)
                r = find_alive(a, &s, error);
        if (r < 0)
                return r;
        bool all = streq(whom, "all");
        if (!all && !streq(whom, "main") && !parse_whom(whom, &exec))
                return sd_bus_error_setf(error, MXC_ERROR_INVALID_ARGUMENT,
                                "whom is main, all or exec:N, not '%s'.", whom);
        if (number <= 0 || number >= SIGRTMIN)
                return sd_bus_error_setf(error, MXC_ERROR_INVALID_ARGUMENT,
                                "%d is not a signal that can be sent.", number);
        Command *c = exec > 0 ? command_find(s, exec) : NULL;
        if (exec > 0 && !c)
                return sd_bus_error_setf(error, MXC_ERROR_NO_SUCH_SANDBOX,
                                "There is no command %u in this sandbox.", exec);
        AuditSubject subject = sandbox_subject(s, a->caller);
        subject.order = ends(number) ? a->order : AUDIT_BEFORE;
        r = audit_kill(a->manager->audit, &subject, whom, number);
        if (r < 0)
                return act_unrecorded(a, r, error);
        if (c)
                note_that_it_is_to_end(s, c, number);
        if (number != SIGKILL && !all)
                return signal_command(a, s, exec, number);
        r = number != SIGKILL ? sandbox_signal_all(s, number)
            : c               ? kill_command(s, c, error)
                              : sandbox_kill_all(s);
        if (r < 0)
                return r;
        act_reply(a, NULL);
        return 0;
}

static int run_stop(Act *a, sd_bus_error *error) {
        Sandbox *s = NULL;
        int r = find_alive(a, &s, error);
        if (r < 0)
                return r;
        if (s->n_stop_waiters >= LIMIT_PENDING_PER_UID) { /* each is a message that is held until the end */
                act_refuse(a, REASON_LIMIT, "Too many callers wait for the end of it already.");
                return 0;
        }
        sd_bus_message **waiters = reallocarray(s->stop_waiters, s->n_stop_waiters + 1, sizeof(void *));
        if (!waiters)
                return -ENOMEM;
        s->stop_waiters = waiters;
        AuditSubject subject = sandbox_subject(s, a->caller);
        subject.order = a->order;
        r = audit_stop(a->manager->audit, &subject, "request");
        if (r < 0)
                return act_unrecorded(a, r, error);
        waiters[s->n_stop_waiters++] = a->message; /* answered when nothing of it is left */
        a->message = NULL;
        sandbox_stop(s, END_STOPPED);
        act_end(a);
        return 0;
}

/* ---- freeze and thaw ---- */

static int run_freeze(Act *a, sd_bus_error *error) {
        Sandbox *s = NULL;
        int r = find_alive(a, &s, error);
        if (r < 0)
                return r;
        if (s->state == SANDBOX_STOPPING || s->freeze_waiter) {
                act_refuse(a, REASON_FROZEN, "It is being stopped or frozen already.");
                return 0;
        }
        AuditSubject subject = sandbox_subject(s, a->caller);
        subject.order = a->order;
        r = audit_freeze(a->manager->audit, &subject, true);
        if (r < 0)
                return act_unrecorded(a, r, error);
        r = sandbox_freeze(s);
        if (r < 0)
                return r;
        s->freeze_waiter = a->message;
        a->message = NULL;
        act_end(a);
        return 0;
}

static int run_thaw(Act *a, sd_bus_error *error) {
        Sandbox *s = NULL;
        int r = find_alive(a, &s, error);
        if (r < 0)
                return r;
        const AuditSubject subject = sandbox_subject(s, a->caller);
        r = audit_freeze(a->manager->audit, &subject, false);
        if (r < 0)
                return act_unrecorded(a, r, error);
        r = sandbox_thaw(s);
        if (r < 0)
                return r;
        if (s->freezing)
                sandbox_answer_freeze(s, false);
        if (s->state == SANDBOX_FROZEN)
                sandbox_set_state(s, SANDBOX_RUNNING);
        act_reply(a, NULL);
        return 0;
}

static int run_attach(Act *a, sd_bus_error *error) {
        Sandbox *s = NULL;
        uint32_t exec;
        int r = sd_bus_message_read(a->message, "u", &exec);
        if (r >= 0)
                r = find(a, &s, error);
        Command *c = r >= 0 ? command_find(s, exec) : NULL;
        if (r >= 0 && !c)
                return sd_bus_error_set(
                                error, MXC_ERROR_NO_SUCH_SANDBOX, "That command is over and forgotten.");
        if (r >= 0) {
                const AuditSubject subject = sandbox_subject(s, a->caller);
                r = audit_attach(a->manager->audit, &subject, exec);
                if (r < 0)
                        return act_unrecorded(a, r, error);
        }
        if (r >= 0)
                r = command_attach(s, c, a->caller->bus, a->caller->sender, exec == 0 ? s->tied : c->tied);
        if (r < 0)
                return r;
        act_reply(a, NULL);
        if (c->ended)
                sandbox_deliver(s, c);
        sandbox_settle(s);
        return 0;
}

static const ActKind act_kill = { MXC_IFACE_SANDBOX, "Kill", owner, run_kill, NULL, true };
static const ActKind act_stop = { MXC_IFACE_SANDBOX, "Stop", owner, run_stop, NULL, true };
static const ActKind act_freeze = { MXC_IFACE_SANDBOX, "Freeze", owner, run_freeze, NULL, true };
static const ActKind act_thaw = { MXC_IFACE_SANDBOX, "Thaw", owner, run_thaw, NULL, true };
static const ActKind act_attach = { MXC_IFACE_SANDBOX, "Attach", owner, run_attach, NULL, true };

static const ActKind *const acts[] = { &act_exec, &act_kill, &act_stop, &act_freeze, &act_thaw, &act_attach,
        &act_list_connections, &act_grant, &act_revoke_grant };

static int method(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const Sandbox *s = userdata;
        return bus_begin(m, s->manager, acts, ELEMENTSOF(acts), s->id, error);
}

/* ---- properties ---- */

static int append_labels(sd_bus_message *m, char *const *labels) {
        int r = sd_bus_message_open_container(m, 'a', "{ss}");
        for (size_t i = 0; r >= 0 && labels && labels[i]; i += 2)
                r = sd_bus_message_append(m, "{ss}", labels[i], labels[i + 1] ? labels[i + 1] : "");
        return r >= 0 ? sd_bus_message_close_container(m) : r;
}

static int exit_code(const Sandbox *s) {
        const Command *c = command_find((Sandbox *)s, 0); /* nothing of it is changed */
        return c && c->ended && c->signal == 0 ? c->code : -1;
}

static int append_property(sd_bus_message *m, const void *object, Manager *manager, const char *name) {
        const Sandbox *s = object;
        const char *text = streq(name, "Id")             ? s->id
                           : streq(name, "Agent")        ? s->agent->name
                           : streq(name, "Policy")       ? s->policy
                           : streq(name, "PolicyDigest") ? (s->effective ? s->effective->policy->digest : "")
                           : streq(name, "Tier")         ? "process"
                           : streq(name, "Unit")         ? (s->scope ? s->scope->unit : "")
                           : streq(name, "ControlGroup") ? (s->leaf ? s->leaf : "")
                           : streq(name, "State")        ? sandbox_state_to_string(s->state)
                           : streq(name, "Workspace")    ? s->workspace
                                                         : NULL;
        if (text)
                return sd_bus_message_append(m, "s", text);
        if (streq(name, "Leader"))
                return sd_bus_message_append(m, "u", (uint32_t)s->leader);
        if (streq(name, "OnBehalfOf"))
                return sd_bus_message_append(m, "u", (uint32_t)s->charged);
        if (streq(name, "ExitCode"))
                return sd_bus_message_append(m, "i", exit_code(s));
        if (streq(name, "Started"))
                return sd_bus_message_append(m, "t", s->started);
        if (streq(name, "Argv"))
                return bus_append_strings(m, s->argv);
        if (streq(name, "Labels"))
                return append_labels(m, s->labels);
        if (streq(name, "Walls"))
                return bus_append_words(m, s->walls);
        if (streq(name, "Unheld"))
                return bus_append_words(m, s->unheld);
        if (streq(name, "Cut"))
                return cut_append(m, s->cut);
        return -ENXIO;
}

static int get_property(sd_bus *bus, const char *path, const char *interface, const char *name,
                sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Sandbox *s = userdata;
        int r = bus_check_sees(s->manager, bus, sandbox_subject(s, NULL), error);
        return r < 0 ? r : append_property(reply, s, s->manager, name);
}

/* Of a list; what is there in any case comes first, and those that are long last. */
#define N_BRIEF 7U
#define N_LONG 3U
static const BusProperty listed[] = {
        { "Id", "s" },
        { "Agent", "s" },
        { "Leader", "u" },
        { "State", "s" },
        { "OnBehalfOf", "u" },
        { "Started", "t" },
        { "ExitCode", "i" },
        { "Policy", "s" },
        { "PolicyDigest", "s" },
        { "Tier", "s" },
        { "Unit", "s" },
        { "ControlGroup", "s" },
        { "Walls", "as" },
        { "Unheld", "as" },
        { "Argv", "as" },
        { "Workspace", "s" },
        { "Labels", "a{ss}" },
};

static size_t bytes_of(char *const *words) {
        size_t bytes = 0;
        for (; words && *words; words++)
                bytes += strlen(*words) + BUS_STRING_BYTES;
        return bytes;
}

int sandbox_append_listed(sd_bus_message *m, const Sandbox *s, size_t n_listed, bool brief) {
        char *const workspace[] = { s->workspace, NULL };
        const size_t bytes = bytes_of(s->argv) + bytes_of(workspace) + bytes_of(s->labels);
        const size_t n_left = brief                                ? ELEMENTSOF(listed) - N_BRIEF
                              : bus_may_be_listed(bytes, n_listed) ? 0
                                                                   : N_LONG;
        return bus_append_properties(m, listed, ELEMENTSOF(listed) - n_left, append_property, s, s->manager);
}

/* ---- objects ---- */

int sandbox_object_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret,
                sd_bus_error *error) {
        const char *id = path + strlen(MXC_SANDBOX_PATH_PREFIX);
        if (id[0] != '/')
                return 0;
        *ret = sandbox_find(userdata, id + 1);
        if (*ret)
                return 1;
        /* said in our own words: to a client that comes too late the object's absence is an everyday thing */
        return sd_bus_error_set(error, MXC_ERROR_NO_SUCH_SANDBOX, "That sandbox is over, or never was.");
}

typedef struct Enumeration {
        const Caller *caller;
        char **paths;
        size_t n;
        bool others; /* it shows what is somebody else's */
} Enumeration;

static void add_path(Sandbox *s, void *userdata) {
        Enumeration *e = userdata;
        if (!authorize_sees(s->manager->authorizer, e->caller, s->charged))
                return;
        e->others = e->others || s->agent->owner != e->caller->uid;
        e->paths[e->n] = strdup(s->object);
        if (e->paths[e->n])
                e->n++;
}

int sandbox_object_enumerate(
                sd_bus *bus, const char *path, void *userdata, char ***ret, sd_bus_error *error) {
        Manager *m = userdata;
        _cleanup_(caller_unrefp) Caller *caller = bus_sender(m, bus);
        Enumeration e = { .caller = caller, .paths = calloc(m->n_sandboxes + 1, sizeof(char *)) };
        if (!e.paths)
                return -ENOMEM;
        if (caller)
                sandbox_for_each(m, add_path, &e);
        return bus_enumerated(m, caller, e.paths, e.others, ret, error);
}

#define PROPERTY(name, type, flags) SD_BUS_PROPERTY(name, type, get_property, 0, flags)
const sd_bus_vtable sandbox_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Exec", SD_BUS_ARGS("as", argv, "a{sv}", options),
                        SD_BUS_RESULT("u", exec, "a{sv}", info), method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Kill", SD_BUS_ARGS("s", whom, "i", signal), SD_BUS_NO_RESULT, method,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                        "Freeze", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                        "Thaw", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Grant", SD_BUS_ARGS("s", rule, "t", usec), SD_BUS_RESULT("u", grant),
                        method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("RevokeGrant", SD_BUS_ARGS("u", grant), SD_BUS_NO_RESULT, method,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Attach", SD_BUS_ARGS("u", exec), SD_BUS_NO_RESULT, method,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                        "Stop", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListConnections", SD_BUS_NO_ARGS,
                        SD_BUS_RESULT("a{sv}", totals, "aa{sv}", connections), method,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        PROPERTY("Id", "s", SD_BUS_VTABLE_PROPERTY_CONST),
        PROPERTY("Agent", "s", SD_BUS_VTABLE_PROPERTY_CONST),
        PROPERTY("Policy", "s", SD_BUS_VTABLE_PROPERTY_CONST),
        PROPERTY("PolicyDigest", "s", SD_BUS_VTABLE_PROPERTY_CONST),
        PROPERTY("Tier", "s", SD_BUS_VTABLE_PROPERTY_CONST),
        PROPERTY("Unit", "s", SD_BUS_VTABLE_PROPERTY_CONST),
        PROPERTY("ControlGroup", "s", SD_BUS_VTABLE_PROPERTY_CONST),
        PROPERTY("Leader", "u", SD_BUS_VTABLE_PROPERTY_CONST),
        PROPERTY("State", "s", SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION),
        PROPERTY("OnBehalfOf", "u", SD_BUS_VTABLE_PROPERTY_CONST),
        PROPERTY("Started", "t", SD_BUS_VTABLE_PROPERTY_CONST),
        PROPERTY("ExitCode", "i", 0),
        PROPERTY("Argv", "as", SD_BUS_VTABLE_PROPERTY_CONST),
        PROPERTY("Workspace", "s", SD_BUS_VTABLE_PROPERTY_CONST),
        PROPERTY("Labels", "a{ss}", SD_BUS_VTABLE_PROPERTY_CONST),
        PROPERTY("Walls", "as", SD_BUS_VTABLE_PROPERTY_CONST),
        PROPERTY("Unheld", "as", SD_BUS_VTABLE_PROPERTY_CONST),
        PROPERTY("Cut", "a(ssss)", SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_SIGNAL_WITH_ARGS("Exited",
                        SD_BUS_ARGS("u", exec, "i", code, "i", signal, "s", reason, "as", handoff, "a{sv}",
                                        details),
                        0),
        SD_BUS_VTABLE_END,
};
