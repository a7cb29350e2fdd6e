/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "authorize.h"

#include <sys/queue.h>
#include <time.h>

#include "cleanup.h"
#include "limits.h"
#include "names.h"

#define POLKIT_NAME "org.freedesktop.PolicyKit1"
#define POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_IFACE "org.freedesktop.PolicyKit1.Authority"
#define POLKIT_ALLOW_INTERACTION UINT32_C(1)

/* polkitd may have to be started first; a person may have to look for a password. */
#define ANSWER_USEC (UINT64_C(30) * 1000000)
#define PERSON_USEC (UINT64_C(300) * 1000000)

const AuthorizeRow authorize_table[] = {
        { MXC_IFACE_OBJECT_MANAGER, "GetManagedObjects", AUTHORIZE_OPEN, NULL },
        { MXC_IFACE_MANAGER, "Spawn", AUTHORIZE_OWN, MXC_ACTION_CONTROL },
        { MXC_IFACE_MANAGER, "CreateSandbox", AUTHORIZE_OWN, MXC_ACTION_CONTROL },
        { MXC_IFACE_MANAGER, "Plan", AUTHORIZE_OWN, MXC_ACTION_INSPECT },
        { MXC_IFACE_MANAGER, "ListAgents", AUTHORIZE_OPEN, NULL },
        { MXC_IFACE_MANAGER, "ListSandboxes", AUTHORIZE_OPEN, NULL },
        { MXC_IFACE_MANAGER, "ListPolicies", AUTHORIZE_OPEN, NULL },
        { MXC_IFACE_MANAGER, "GetPolicy", AUTHORIZE_OPEN, NULL },
        { MXC_IFACE_MANAGER, "RegisterAgent", AUTHORIZE_OWN, MXC_ACTION_MANAGE_AGENTS },
        { MXC_IFACE_MANAGER, "RevokeAgent", AUTHORIZE_OWN, MXC_ACTION_MANAGE_AGENTS },
        { MXC_IFACE_MANAGER, "CheckPolicy", AUTHORIZE_OPEN, NULL },
        { MXC_IFACE_MANAGER, "Explain", AUTHORIZE_OPEN, NULL },
        { MXC_IFACE_MANAGER, "WhoIs", AUTHORIZE_OPEN, NULL },
        { MXC_IFACE_MANAGER, "Reload", AUTHORIZE_ADMIN, MXC_ACTION_MANAGE_AGENTS },
        { MXC_IFACE_MANAGER, "Dump", AUTHORIZE_ADMIN, MXC_ACTION_INSPECT },
        { MXC_IFACE_AGENT, "Suspend", AUTHORIZE_ADMIN, MXC_ACTION_MANAGE_AGENTS },
        { MXC_IFACE_AGENT, "Resume", AUTHORIZE_ADMIN, MXC_ACTION_MANAGE_AGENTS },
        { MXC_IFACE_AGENT, "Revoke", AUTHORIZE_ADMIN, MXC_ACTION_MANAGE_AGENTS },
        { MXC_IFACE_AGENT, "SetPolicy", AUTHORIZE_ADMIN, MXC_ACTION_MANAGE_AGENTS },
        { MXC_IFACE_AGENT, "KillAll", AUTHORIZE_OWN, MXC_ACTION_CONTROL },
        { MXC_IFACE_SANDBOX, "Exec", AUTHORIZE_OWN, MXC_ACTION_CONTROL },
        { MXC_IFACE_SANDBOX, "Kill", AUTHORIZE_OWN, MXC_ACTION_CONTROL },
        { MXC_IFACE_SANDBOX, "Freeze", AUTHORIZE_OWN, MXC_ACTION_CONTROL },
        { MXC_IFACE_SANDBOX, "Thaw", AUTHORIZE_OWN, MXC_ACTION_CONTROL },
        { MXC_IFACE_SANDBOX, "Attach", AUTHORIZE_OWN, MXC_ACTION_CONTROL },
        { MXC_IFACE_SANDBOX, "Stop", AUTHORIZE_OWN, MXC_ACTION_CONTROL },
        { MXC_IFACE_SANDBOX, "Grant", AUTHORIZE_OWN, MXC_ACTION_MANAGE_AGENTS },
        { MXC_IFACE_SANDBOX, "RevokeGrant", AUTHORIZE_OWN, MXC_ACTION_CONTROL },
        { MXC_IFACE_SANDBOX, "ListConnections", AUTHORIZE_OWN, MXC_ACTION_INSPECT },
};
const size_t n_authorize_table = ELEMENTSOF(authorize_table);

/* An answer that is remembered. */
typedef struct Known {
        TAILQ_ENTRY(Known) entries;
        uid_t uid;
        char *unit;
        const char *action; /* static */
        bool yes;           /* a no is for those who look */
        uint64_t until;     /* CLOCK_BOOTTIME */
} Known;

/* A question that polkit has. */
typedef struct Question {
        LIST_ENTRY(Question) entries;
        Authorizer *authorizer; /* not owned */
        struct Question *
                        lead; /* not owned. NULL: it is asked itself; else the answer to that one is its own */
        sd_bus_slot *call;
        Caller *caller;
        const char *action; /* static */
        bool may_ask;       /* a person, if polkit wants to */
        bool asking;        /* and that is what it does now */
        bool looks;         /* of authorize_look() */
        AuthorizeDone done;
        void *userdata;
} Question;

struct Authorizer {
        sd_bus *bus;
        sd_bus_slot *match;
        TAILQ_HEAD(, Known) answers[2]; /* no and yes, the oldest first: neither takes the other's place */
        size_t n_answers[2];
        LIST_HEAD(, Question) questions;
};

static uint64_t now_usec(void) {
        struct timespec t;
        (void)clock_gettime(CLOCK_BOOTTIME, &t); /* fails for unknown clocks only */
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void forget(Authorizer *a, Known *k) {
        TAILQ_REMOVE(&a->answers[k->yes], k, entries);
        a->n_answers[k->yes]--;
        free(k->unit);
        free(k);
}

static void forget_all(Authorizer *a) {
        for (size_t i = 0; i < ELEMENTSOF(a->answers); i++)
                while (!TAILQ_EMPTY(&a->answers[i]))
                        forget(a, TAILQ_FIRST(&a->answers[i]));
}

static Known *find_known(Authorizer *a, const Caller *c, const char *action) {
        uint64_t now = now_usec();
        for (size_t i = 0; i < ELEMENTSOF(a->answers); i++) {
                for (Known *k; (k = TAILQ_FIRST(&a->answers[i])) && k->until <= now;)
                        forget(a, k);
                Known *k;
                TAILQ_FOREACH(k, &a->answers[i], entries)
                        if (k->uid == c->uid && streq(k->unit, c->unit) && streq(k->action, action))
                                return k;
        }
        return NULL;
}

static bool is_remembered(Authorizer *a, const Caller *c, const char *action) {
        const Known *k = find_known(a, c, action);
        return k && k->yes;
}

/* In the place of what was known before. Out of memory: polkit is asked again the next time. */
static void remember(Authorizer *a, const Caller *c, const char *action, bool yes) {
        Known *k = calloc(1, sizeof(Known)), *before = find_known(a, c, action);
        char *unit = k ? strdup(c->unit) : NULL;
        if (before)
                forget(a, before);
        if (!unit) {
                free(k);
                return;
        }
        if (a->n_answers[yes] >= LIMIT_AUTHORIZED)
                forget(a, TAILQ_FIRST(&a->answers[yes]));
        *k = (Known){ .uid = c->uid,
                .unit = unit,
                .action = action,
                .yes = yes,
                .until = now_usec() + AUTHORIZE_CACHE_USEC };
        TAILQ_INSERT_TAIL(&a->answers[yes], k, entries);
        a->n_answers[yes]++;
}

static int on_changed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        forget_all(userdata);
        return 0;
}

int authorizer_new(sd_bus *system_bus, Authorizer **ret) {
        Authorizer *a = calloc(1, sizeof(Authorizer));
        if (!a)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(a->answers); i++)
                TAILQ_INIT(&a->answers[i]);
        LIST_INIT(&a->questions);
        a->bus = sd_bus_ref(system_bus);
        int r = sd_bus_match_signal_async(system_bus, &a->match, POLKIT_NAME, POLKIT_PATH, POLKIT_IFACE,
                        "Changed", on_changed, NULL, a);
        if (r < 0) {
                authorizer_free(a);
                return r;
        }
        *ret = a;
        return 0;
}

/* The answer to one question, which is over. */
static void answer(Question *q, bool allowed, const sd_bus_error *error) {
        AuthorizeDone done = q->done;
        void *userdata = q->userdata;
        LIST_REMOVE(q, entries);
        sd_bus_slot_unref(q->call);
        caller_unref(q->caller);
        free(q);
        done(allowed, error, userdata);
}

_printf_(3, 4) static void refuse(Question *q, const char *name, const char *format, ...) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        va_list ap;
        va_start(ap, format);
        (void)sd_bus_error_setfv(&error, name, format, ap); /* returns the error that it sets */
        va_end(ap);
        answer(q, false, &error);
}

Authorizer *authorizer_free(Authorizer *a) {
        if (!a)
                return NULL;
        while (!LIST_EMPTY(&a->questions))
                refuse(LIST_FIRST(&a->questions), MXC_ERROR_DENIED,
                                "mxcd is going down; ask again in a moment.");
        forget_all(a);
        sd_bus_slot_unref(a->match);
        sd_bus_unref(a->bus);
        free(a);
        return NULL;
}

static int ask(Question *q, bool interactive);

/* No answer is a no, with the reason why there is none. */
static void refuse_unanswered(Question *q, const sd_bus_error *e) {
        if (sd_bus_error_has_name(e, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
                        sd_bus_error_has_name(e, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
                refuse(q, MXC_ERROR_DENIED,
                                "polkit is not running here, so that only root may do this (%s). Install "
                                "polkitd, or ask an "
                                "administrator.",
                                q->action);
        else
                refuse(q, MXC_ERROR_DENIED, "polkit does not answer whether you may do this (%s): %s",
                                q->action, e && e->message ? e->message : "it gives no reason");
}

static void refuse_unasked(Question *q) {
        refuse(q, MXC_ERROR_DENIED, "polkit cannot be asked whether you may do this (%s).", q->action);
}

static void take_answer(Question *q, bool authorized, bool challenge) {
        if (authorized)
                answer(q, true, NULL);
        else if (q->asking)
                refuse(q, MXC_ERROR_DENIED, "The authentication for this (%s) failed, or was dismissed.",
                                q->action);
        else if (!challenge)
                refuse(q, MXC_ERROR_DENIED,
                                "polkit does not allow you to do this (%s). Ask an administrator, or do it "
                                "as root.",
                                q->action);
        else if (!q->may_ask)
                refuse(q, MXC_ERROR_INTERACTIVE_AUTH,
                                "This needs an authentication (%s). Do it where you can be asked for a "
                                "password, or as root.",
                                q->action);
        else if (ask(q, true) < 0)
                refuse_unasked(q);
}

/* One of those that wait for the answer to q, and from now on by itself. */
static Question *take_follower(const Question *q) {
        Question *f;
        LIST_FOREACH(f, &q->authorizer->questions, entries)
                if (f->lead == q) {
                        f->lead = NULL;
                        return f;
                }
        return NULL;
}

/* q had no answer, which may be its own fault: its process has gone. The next one is asked for itself, and the others wait for that answer. */
static void pass_on(const Question *q) {
        Question *next, *f;
        while ((next = take_follower(q)))
                if (ask(next, false) < 0) {
                        refuse_unasked(next);
                } else {
                        while ((f = take_follower(q)))
                                f->lead = next;
                }
}

/* Nobody who looks waits that long a second time. */
static void give_up_looking(Question *q) {
        Question *f;
        remember(q->authorizer, q->caller, q->action, false);
        while ((f = take_follower(q)))
                refuse_unasked(f);
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Question *q = userdata, *f;
        q->call = sd_bus_slot_unref(q->call);
        if (sd_bus_message_is_method_error(m, NULL)) {
                if (q->looks && sd_bus_message_is_method_error(m, SD_BUS_ERROR_NO_REPLY))
                        give_up_looking(q);
                pass_on(q);
                refuse_unanswered(q, sd_bus_message_get_error(m));
                return 0;
        }
        int authorized = 0, challenge = 0;
        int r = sd_bus_message_enter_container(m, 'r', "bba{ss}");
        if (r >= 0)
                r = sd_bus_message_read(m, "bb", &authorized, &challenge);
        if (r < 0) {
                pass_on(q);
                refuse(q, MXC_ERROR_DENIED, "polkit's answer makes no sense (%s).", q->action);
                return 0;
        }
        if ((authorized || q->looks) && !q->asking)
                remember(q->authorizer, q->caller, q->action, authorized);
        while ((f = take_follower(q)))
                take_answer(f, authorized, challenge);
        take_answer(q, authorized, challenge);
        return 0;
}

/* Who asks, in polkit's words. A process is named by pid and start time, and by the uid that the socket attests: one that takes its pid
 * later, or becomes another user, is another subject. */
static bool has_subject(const Caller *c) {
        return c->sender || (c->pid > 0 && c->start_time > 0);
}

static int append_subject(sd_bus_message *m, const Caller *c) {
        if (!has_subject(c))
                return -ESRCH;
        if (c->sender)
                return sd_bus_message_append(m, "(sa{sv})", "system-bus-name", 1, "name", "s", c->sender);
        return sd_bus_message_append(m, "(sa{sv})", "unix-process", 3, "pid", "u", (uint32_t)c->pid,
                        "start-time", "t", c->start_time, "uid", "i", (int32_t)c->uid);
}

static int ask(Question *q, bool interactive) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        sd_bus *bus = q->authorizer->bus;
        int r = sd_bus_message_new_method_call(
                        bus, &m, POLKIT_NAME, POLKIT_PATH, POLKIT_IFACE, "CheckAuthorization");
        if (r >= 0)
                r = append_subject(m, q->caller);
        if (r >= 0)
                r = sd_bus_message_append(
                                m, "sa{ss}us", q->action, 0, interactive ? POLKIT_ALLOW_INTERACTION : 0, "");
        if (r >= 0)
                r = sd_bus_call_async(bus, &q->call, m, on_answer, q,
                                interactive ? PERSON_USEC
                                : q->looks  ? AUTHORIZE_LOOK_USEC
                                            : ANSWER_USEC);
        if (r < 0)
                return r;
        q->asking = interactive;
        return 0;
}

/* The question whose answer, were it there by now, would be remembered for this one: of the same uid, from the same unit, to the same action. */
static Question *find_lead(Authorizer *a, const Caller *c, const char *action, bool looks) {
        Question *q;
        LIST_FOREACH(q, &a->questions, entries)
                if (q->call && !q->asking && q->looks == looks && q->caller->uid == c->uid &&
                                streq(q->caller->unit, c->unit) && streq(q->action, action))
                        return q;
        return NULL;
}

static int ask_polkit(Authorizer *a, Caller *caller, const char *action, bool interactive, bool looks,
                AuthorizeDone done, void *userdata) {
        Question *q = calloc(1, sizeof(Question));
        if (!q)
                return -ENOMEM;
        *q = (Question){ .authorizer = a,
                .lead = has_subject(caller) ? find_lead(a, caller, action, looks) : NULL,
                .caller = caller_ref(caller),
                .action = action,
                .may_ask = interactive,
                .looks = looks,
                .done = done,
                .userdata = userdata };
        LIST_INSERT_HEAD(&a->questions, q, entries);
        int r = q->lead ? 0 : ask(q, false);
        if (r == -ESRCH)
                refuse(q, MXC_ERROR_DENIED,
                                "polkit cannot be asked about you: your process has ended, or cannot be "
                                "seen. Ask over the "
                                "system bus.");
        else if (r < 0) {
                LIST_REMOVE(q, entries);
                caller_unref(q->caller);
                free(q);
                return r;
        }
        return 0;
}

static const AuthorizeRow *find_row(const char *interface, const char *method) {
        for (size_t i = 0; i < n_authorize_table; i++)
                if (streq(authorize_table[i].interface, interface) &&
                                streq(authorize_table[i].method, method))
                        return &authorize_table[i];
        return NULL;
}

static void refuse_at_once(AuthorizeDone done, void *userdata, const char *sentence) {
        const sd_bus_error error = SD_BUS_ERROR_MAKE_CONST(MXC_ERROR_DENIED, sentence);
        done(false, &error, userdata);
}

int authorize_action(Authorizer *a, Caller *caller, const char *action, bool interactive, AuthorizeDone done,
                void *userdata) {
        if (caller->in_sandbox) {
                refuse_at_once(done, userdata, "A process inside a sandbox has no say here.");
                return 0;
        }
        if (caller->uid == 0 || is_remembered(a, caller, action)) {
                done(true, NULL, userdata);
                return 0;
        }
        return ask_polkit(a, caller, action, interactive, false, done, userdata);
}

int authorize_look(Authorizer *a, Caller *caller, AuthorizeDone done, void *userdata) {
        const Known *k = caller->uid == 0 || caller->in_sandbox ? NULL
                                                                : find_known(a, caller, MXC_ACTION_INSPECT);
        if (caller->uid == 0 || (k && k->yes))
                done(true, NULL, userdata);
        else if (caller->in_sandbox || k)
                refuse_at_once(done, userdata, "That is somebody else's.");
        else
                return ask_polkit(a, caller, MXC_ACTION_INSPECT, false, true, done, userdata);
        return 0;
}

static bool is_own(const AuthorizeRow *row, const Caller *caller, uid_t owner) {
        return row->scope == AUTHORIZE_OWN && owner == caller->uid;
}

int authorize(Authorizer *a, Caller *caller, const char *interface, const char *method, uid_t owner,
                bool interactive, AuthorizeDone done, void *userdata) {
        const AuthorizeRow *row = find_row(interface, method);
        if (!row || caller->in_sandbox) {
                refuse_at_once(done, userdata,
                                row ? "A process inside a sandbox has no say here."
                                    : "Nobody may call this method.");
                return 0;
        }
        const char *action = is_own(row, caller, owner) ? MXC_ACTION_SPAWN : row->action;
        if (row->scope == AUTHORIZE_OPEN) {
                done(true, NULL, userdata);
                return 0;
        }
        return authorize_action(a, caller, action, interactive, done, userdata);
}

bool authorize_inspects(const Caller *caller, const char *interface, const char *method, uid_t owner) {
        const AuthorizeRow *row = caller->uid == 0 ? NULL : find_row(interface, method);
        return row && row->action && streq(row->action, MXC_ACTION_INSPECT) &&
               (row->scope == AUTHORIZE_ADMIN || owner != caller->uid);
}

bool authorize_is_own(const Caller *caller, const char *interface, const char *method, uid_t owner) {
        const AuthorizeRow *row = caller->uid == 0 ? NULL : find_row(interface, method);
        return row && is_own(row, caller, owner);
}

bool authorize_sees(Authorizer *a, const Caller *caller, uid_t owner) {
        if (caller->in_sandbox)
                return false;
        return caller->uid == 0 || caller->uid == owner || is_remembered(a, caller, MXC_ACTION_INSPECT);
}
