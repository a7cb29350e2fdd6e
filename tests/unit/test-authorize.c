/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who may do what, with a polkit whose answers the test gives. */

#include <check.h>

#include "authorize.h"
#include "bus-test.h"
#include "daemon-test.h"
#include "fd.h"
#include "limits.h"
#include "names.h"

/* ---- the table ---- */

typedef struct Method {
        char interface[64], name[64];
} Method;

/* The value of name="…" in the element at s. */
static void copy_name(const char *s, char ret[64]) {
        const char *value = strstr(s, "name=\"");
        ck_assert_ptr_nonnull(value);
        value += strlen("name=\"");
        size_t n = strcspn(value, "\"");
        ck_assert_uint_lt(n, 64);
        memcpy(ret, value, n);
        ret[n] = '\0';
}

/* The methods of the documented interfaces. */
static size_t read_methods(Method *ret, size_t max) {
        _cleanup_free_ char *path = NULL, *text = NULL;
        char interface[64] = "";
        size_t n = 0;
        ck_assert_int_ge(asprintf(&path, "%s/dbus-config/org.mxc1.xml", getenv("MXC_TEST_SOURCE")), 0);
        ck_assert_int_eq(fd_read_file_at(-EBADF, path, 1024 * 1024, &text, NULL), 0);
        for (const char *s = text; (s = strchr(s, '<')); s++) {
                if (strncmp(s, "<!--", 4) == 0)
                        s = strstr(s, "-->");
                else if (strncmp(s, "<interface ", 11) == 0)
                        copy_name(s, interface);
                else if (strncmp(s, "<method ", 8) == 0) {
                        ck_assert_uint_lt(n, max);
                        copy_name(s, ret[n].name);
                        memcpy(ret[n++].interface, interface, sizeof(interface));
                }
        }
        return n;
}

START_TEST(test_the_table_is_the_interface) {
        Method methods[64];
        size_t n = read_methods(methods, ELEMENTSOF(methods));
        ck_assert_uint_eq(n + 1, n_authorize_table); /* and the directory of all objects */
        for (size_t i = 0; i < n; i++) {
                size_t found = 0;
                for (size_t j = 0; j < n_authorize_table; j++)
                        found += streq(authorize_table[j].interface, methods[i].interface) &&
                                 streq(authorize_table[j].method, methods[i].name);
                ck_assert_msg(found == 1, "%s.%s is %zu times in the table", methods[i].interface,
                                methods[i].name, found);
        }
        for (size_t i = 0; i < n_authorize_table; i++)
                ck_assert((authorize_table[i].scope == AUTHORIZE_OPEN) == !authorize_table[i].action);
}
END_TEST

/* What anybody may call is a list of its own: a method does not get onto it by a slip. */
START_TEST(test_what_is_open) {
        static const char *const open[] = { "ListAgents", "ListSandboxes", "ListPolicies", "GetPolicy",
                "CheckPolicy", "Explain", "WhoIs" };
        for (size_t i = 0; i < n_authorize_table; i++) {
                bool listed = streq(authorize_table[i].interface, MXC_IFACE_OBJECT_MANAGER);
                for (size_t j = 0; j < ELEMENTSOF(open); j++)
                        listed |= streq(authorize_table[i].interface, MXC_IFACE_MANAGER) &&
                                  streq(authorize_table[i].method, open[j]);
                ck_assert_msg(listed == (authorize_table[i].scope == AUTHORIZE_OPEN), "%s",
                                authorize_table[i].method);
        }
}
END_TEST

/* ---- a polkit ---- */

typedef struct Polkit {
        TestBus bus;
        /* what it says */
        bool authorized, challenge, agreed; /* agreed: with interaction */
        const char *error;
        bool silent;
        sd_bus_message *held; /* the last question that was met with silence */
        /* what it was asked */
        unsigned n, n_interactive;
        char kind[32], action[64], name[32];
        uint32_t pid;
        uint64_t start_time;
        int32_t uid;
} Polkit;

static void read_subject(sd_bus_message *m, Polkit *p) {
        const char *kind, *key;
        ck_assert_int_ge(sd_bus_message_enter_container(m, 'r', "sa{sv}"), 0);
        ck_assert_int_ge(sd_bus_message_read(m, "s", &kind), 0);
        (void)snprintf(p->kind, sizeof(p->kind), "%s", kind);
        ck_assert_int_ge(sd_bus_message_enter_container(m, 'a', "{sv}"), 0);
        while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
                const char *s;
                ck_assert_int_ge(sd_bus_message_read(m, "s", &key), 0);
                if (streq(key, "name")) {
                        ck_assert_int_ge(sd_bus_message_read(m, "v", "s", &s), 0);
                        (void)snprintf(p->name, sizeof(p->name), "%s", s);
                } else if (streq(key, "pid"))
                        ck_assert_int_ge(sd_bus_message_read(m, "v", "u", &p->pid), 0);
                else if (streq(key, "start-time"))
                        ck_assert_int_ge(sd_bus_message_read(m, "v", "t", &p->start_time), 0);
                else if (streq(key, "uid"))
                        ck_assert_int_ge(sd_bus_message_read(m, "v", "i", &p->uid), 0);
                else
                        ck_abort_msg("polkit knows no %s", key);
                ck_assert_int_ge(sd_bus_message_exit_container(m), 0);
        }
        ck_assert_int_ge(sd_bus_message_exit_container(m), 0);
        ck_assert_int_ge(sd_bus_message_exit_container(m), 0);
}

static int on_call(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Polkit *p = userdata;
        if (!sd_bus_message_is_method_call(m, "org.freedesktop.PolicyKit1.Authority", "CheckAuthorization"))
                return 0;
        const char *action, *cancel;
        uint32_t flags;
        read_subject(m, p);
        ck_assert_int_ge(sd_bus_message_read(m, "s", &action), 0);
        (void)snprintf(p->action, sizeof(p->action), "%s", action);
        ck_assert_int_ge(sd_bus_message_skip(m, "a{ss}"), 0);
        ck_assert_int_ge(sd_bus_message_read(m, "us", &flags, &cancel), 0);
        p->n++;
        p->n_interactive += flags & 1;
        if (p->silent) {
                sd_bus_message_unref(p->held);
                p->held = sd_bus_message_ref(m);
                return 1;
        }
        if (p->error)
                return sd_bus_reply_method_errorf(m, p->error, "so it is");
        bool yes = flags & 1 ? p->agreed : p->authorized;
        return sd_bus_reply_method_return(m, "(bba{ss})", yes, !yes && p->challenge, 0);
}

typedef struct Answer {
        int n;
        bool allowed;
        char name[64], sentence[512];
} Answer;

static void on_done(bool allowed, const sd_bus_error *error, void *userdata) {
        Answer *a = userdata;
        a->n++;
        a->allowed = allowed;
        ck_assert(allowed == !error);
        (void)snprintf(a->name, sizeof(a->name), "%s", error ? error->name : "");
        (void)snprintf(a->sentence, sizeof(a->sentence), "%s", error ? error->message : "");
}

static Caller alice = { .n_ref = 1,
        .sender = (char *)":1.7",
        .uid = 1000,
        .pid = 11,
        .start_time = 5,
        .unit = (char *)"session-1.scope" };

static Answer ask(Polkit *p, Authorizer *a, Caller *c, const char *interface, const char *method,
                uid_t owner, bool interactive) {
        Answer answer = { 0 };
        ck_assert_int_eq(authorize(a, c, interface, method, owner, interactive, on_done, &answer), 0);
        test_bus_run(&p->bus, &answer.n);
        ck_assert_int_eq(answer.n, 1);
        return answer;
}

static Answer ask_spawn(Polkit *p, Authorizer *a, Caller *c) {
        return ask(p, a, c, MXC_IFACE_MANAGER, "Spawn", c->uid, false);
}

static Authorizer *open_all(Polkit *p) {
        Authorizer *a = NULL;
        test_bus_open(&p->bus, on_call, p);
        ck_assert_int_ge(authorizer_new(p->bus.client, &a), 0);
        return a;
}

static void close_all(Polkit *p, Authorizer *a) {
        p->held = sd_bus_message_unref(p->held);
        authorizer_free(a);
        test_bus_close(&p->bus);
}

/* ---- each row ---- */

START_TEST(test_each_method) {
        const AuthorizeRow *row = &authorize_table[_i];
        Polkit p = { 0 };
        Authorizer *a = open_all(&p);
        Caller root = { .n_ref = 1, .sender = (char *)":1.8", .unit = (char *)"" };
        Caller caged_root = root, caged = alice;
        caged_root.in_sandbox = caged.in_sandbox = true;

        ck_assert(ask(&p, a, &root, row->interface, row->method, 1000, false).allowed);
        ck_assert(!ask(&p, a, &caged_root, row->interface, row->method, 0, false).allowed);
        ck_assert(!ask(&p, a, &caged, row->interface, row->method, 1000, false).allowed);
        ck_assert_uint_eq(p.n, 0);

        Answer own = ask(&p, a, &alice, row->interface, row->method, 1000, false);
        const char *own_action = row->scope == AUTHORIZE_OWN ? MXC_ACTION_SPAWN : row->action;
        ck_assert(own.allowed == (row->scope == AUTHORIZE_OPEN));
        if (own_action) {
                ck_assert_str_eq(p.action, own_action);
                ck_assert_str_eq(own.name, MXC_ERROR_DENIED);
                ck_assert_ptr_nonnull(strstr(own.sentence, own_action));
        }
        Answer other = ask(&p, a, &alice, row->interface, row->method, 1001, false);
        ck_assert(other.allowed == (row->scope == AUTHORIZE_OPEN));
        if (row->action)
                ck_assert_str_eq(p.action, row->action);
        ck_assert_uint_eq(p.n, row->action ? 2 : 0);

        p.authorized = true;
        ck_assert(ask(&p, a, &alice, row->interface, row->method, 1001, false).allowed);
        ck_assert_uint_eq(p.n, row->action ? 3 : 0);
        close_all(&p, a);
}
END_TEST

START_TEST(test_what_is_not_in_the_table) {
        static const char *const methods[][2] = { { MXC_IFACE_MANAGER, "spawn" },
                { MXC_IFACE_MANAGER, "SpawnX" }, { MXC_IFACE_MANAGER, "" }, { MXC_IFACE_MANAGER, "Kill" },
                { MXC_IFACE_SANDBOX, "Spawn" }, { "org.mxc2.Manager", "Spawn" }, { "", "Spawn" } };
        Polkit p = { .authorized = true };
        Authorizer *a = open_all(&p);
        Caller root = { .n_ref = 1, .sender = (char *)":1.8", .unit = (char *)"" };
        for (size_t i = 0; i < ELEMENTSOF(methods); i++) {
                ck_assert(!ask(&p, a, &alice, methods[i][0], methods[i][1], 1000, true).allowed);
                ck_assert(!ask(&p, a, &root, methods[i][0], methods[i][1], 0, true).allowed);
        }
        ck_assert_uint_eq(p.n, 0);
        close_all(&p, a);
}
END_TEST

/* ---- subjects ---- */

START_TEST(test_subjects) {
        Polkit p = { .authorized = true };
        Authorizer *a = open_all(&p);
        ck_assert(ask_spawn(&p, a, &alice).allowed);
        ck_assert_str_eq(p.kind, "system-bus-name");
        ck_assert_str_eq(p.name, ":1.7");
        Caller peer = { .n_ref = 1,
                .uid = 1001,
                .pid = 4711,
                .start_time = UINT64_C(1) << 40,
                .unit = (char *)"x.scope" };
        ck_assert(ask_spawn(&p, a, &peer).allowed);
        ck_assert_str_eq(p.kind, "unix-process");
        ck_assert(p.pid == 4711 && p.start_time == UINT64_C(1) << 40 && p.uid == 1001);
        unsigned n = p.n;
        Caller gone[] = { peer, peer };
        gone[0].pid = 0;
        gone[1].start_time = 0;
        for (size_t i = 0; i < ELEMENTSOF(gone); i++) {
                gone[i].uid = 1002;
                Answer answer = ask_spawn(&p, a, &gone[i]);
                ck_assert(!answer.allowed && streq(answer.name, MXC_ERROR_DENIED));
        }
        ck_assert_uint_eq(p.n, n); /* a pid alone would be whoever has it now */
        close_all(&p, a);
}
END_TEST

/* ---- asking a person ---- */

START_TEST(test_a_challenge) {
        Polkit p = { .challenge = true };
        Authorizer *a = open_all(&p);
        Answer answer = ask(&p, a, &alice, MXC_IFACE_MANAGER, "Reload", 1000, false);
        ck_assert(!answer.allowed && streq(answer.name, MXC_ERROR_INTERACTIVE_AUTH));
        ck_assert(p.n == 1 && p.n_interactive == 0);
        answer = ask(&p, a, &alice, MXC_IFACE_MANAGER, "Reload", 1000, true);
        ck_assert(!answer.allowed && streq(answer.name, MXC_ERROR_DENIED)); /* dismissed */
        ck_assert(p.n == 3 && p.n_interactive == 1);
        p.agreed = true;
        for (unsigned i = 1; i < 4; i++) { /* a person is asked each time */
                ck_assert(ask(&p, a, &alice, MXC_IFACE_MANAGER, "Reload", 1000, true).allowed);
                ck_assert(p.n == 3 + 2 * i && p.n_interactive == 1 + i);
        }
        ck_assert(!ask(&p, a, &alice, MXC_IFACE_MANAGER, "Reload", 1000, false).allowed);
        p.challenge = false; /* a plain no is never a question */
        p.agreed = true;
        unsigned n = p.n_interactive;
        ck_assert(!ask(&p, a, &alice, MXC_IFACE_MANAGER, "Reload", 1000, true).allowed);
        ck_assert_uint_eq(p.n_interactive, n);
        close_all(&p, a);
}
END_TEST

/* ---- many at once ---- */

typedef struct Crowd {
        Polkit p;
        Authorizer *a;
        Answer answers[LIMIT_PENDING_PER_UID];
} Crowd;

/* As many as may be under way, all of alice's, with the answer to the first still to come. */
static void crowd_open(Crowd *w, bool interactive) {
        *w = (Crowd){ .p.silent = true };
        w->a = open_all(&w->p);
        for (size_t i = 0; i < ELEMENTSOF(w->answers); i++)
                ck_assert_int_eq(authorize(w->a, &alice, MXC_IFACE_MANAGER, "Spawn", 1000, interactive,
                                                 on_done, &w->answers[i]),
                                0);
        test_bus_settle(&w->p.bus);
        w->p.silent = false;
}

static void crowd_answered(Crowd *w, bool allowed, const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(w->answers); i++) {
                ck_assert_int_eq(w->answers[i].n, 1);
                ck_assert(w->answers[i].allowed == allowed);
                ck_assert_str_eq(w->answers[i].name, name);
        }
        close_all(&w->p, w->a);
        ck_assert_uint_eq(alice.n_ref, 1);
}

START_TEST(test_many_wait_for_one_answer) {
        Crowd w;
        crowd_open(&w, false);
        ck_assert_uint_eq(w.p.n, 1);
        /* neither another uid nor another action nor another session */
        Caller bob = alice, elsewhere = alice;
        bob.uid = 1001;
        elsewhere.unit = (char *)"session-2.scope";
        w.p.authorized = true;
        ck_assert(ask_spawn(&w.p, w.a, &bob).allowed);
        ck_assert(ask_spawn(&w.p, w.a, &elsewhere).allowed);
        ck_assert(ask(&w.p, w.a, &alice, MXC_IFACE_MANAGER, "Reload", 1000, false).allowed);
        ck_assert_uint_eq(w.p.n, 4);
        ck_assert_int_eq(w.answers[0].n, 0);
        ck_assert_int_ge(sd_bus_reply_method_return(w.p.held, "(bba{ss})", _i == 0, 0, 0), 0);
        test_bus_settle(&w.p.bus);
        ck_assert_uint_eq(w.p.n, 4);
        /* a no is asked for again the next time, a yes is not */
        ck_assert(ask_spawn(&w.p, w.a, &alice).allowed);
        ck_assert_uint_eq(w.p.n, _i == 0 ? 4 : 5);
        crowd_answered(&w, _i == 0, _i == 0 ? "" : MXC_ERROR_DENIED);
}
END_TEST

/* A person is asked for each of them. */
START_TEST(test_many_of_a_challenge) {
        Crowd w;
        crowd_open(&w, true);
        w.p.agreed = true;
        ck_assert_int_ge(sd_bus_reply_method_return(w.p.held, "(bba{ss})", 0, 1, 0), 0);
        test_bus_settle(&w.p.bus);
        ck_assert_uint_eq(w.p.n_interactive, LIMIT_PENDING_PER_UID);
        crowd_answered(&w, true, "");
}
END_TEST

/* The one that was asked has gone: that is nothing of the others'. */
START_TEST(test_who_was_asked_has_gone) {
        Crowd w;
        crowd_open(&w, false);
        w.p.authorized = true;
        ck_assert_int_ge(sd_bus_reply_method_errorf(
                                         w.p.held, "org.freedesktop.PolicyKit1.Error.Failed", "gone"),
                        0);
        test_bus_settle(&w.p.bus);
        ck_assert_uint_eq(w.p.n, 2);
        size_t refused = 0;
        for (size_t i = 0; i < ELEMENTSOF(w.answers); i++) {
                ck_assert_int_eq(w.answers[i].n, 1);
                refused += !w.answers[i].allowed;
        }
        ck_assert_uint_eq(refused, 1);
        close_all(&w.p, w.a);
}
END_TEST

/* Whom polkit could not be asked about does not come in behind somebody else. */
START_TEST(test_nobody_comes_in_behind) {
        Crowd w;
        crowd_open(&w, false);
        Caller gone = alice;
        gone.sender = NULL;
        gone.pid = 0;
        Answer answer = ask_spawn(&w.p, w.a, &gone);
        ck_assert(!answer.allowed && streq(answer.name, MXC_ERROR_DENIED));
        ck_assert_int_ge(sd_bus_reply_method_return(w.p.held, "(bba{ss})", 1, 0, 0), 0);
        test_bus_settle(&w.p.bus);
        crowd_answered(&w, true, "");
}
END_TEST

/* ---- no polkit ---- */

static const struct {
        const char *error, *sentence;
} failures[] = {
        { SD_BUS_ERROR_SERVICE_UNKNOWN, "polkit is not running" },
        { SD_BUS_ERROR_NAME_HAS_NO_OWNER, "polkit is not running" },
        { SD_BUS_ERROR_NO_REPLY, "does not answer" },
        { "org.freedesktop.PolicyKit1.Error.Failed", "does not answer" },
        { SD_BUS_ERROR_ACCESS_DENIED, "does not answer" },
};

START_TEST(test_no_answer_is_no) {
        Polkit p = { .error = failures[_i].error };
        Authorizer *a = open_all(&p);
        Answer answer = ask_spawn(&p, a, &alice);
        ck_assert(!answer.allowed && streq(answer.name, MXC_ERROR_DENIED));
        ck_assert_msg(strstr(answer.sentence, failures[_i].sentence), "%s", answer.sentence);
        Caller root = { .n_ref = 1, .sender = (char *)":1.8", .unit = (char *)"" };
        ck_assert(ask_spawn(&p, a, &root).allowed);
        ck_assert(!ask_spawn(&p, a, &alice).allowed); /* and not remembered either way */
        p.error = NULL;
        p.authorized = true;
        ck_assert(ask_spawn(&p, a, &alice).allowed);
        close_all(&p, a);
}
END_TEST

static int on_nonsense(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        if (!sd_bus_message_is_method_call(m, NULL, "CheckAuthorization"))
                return 0;
        return sd_bus_reply_method_return(m, "b", true);
}

START_TEST(test_an_answer_of_another_shape) {
        Polkit p = { 0 };
        Authorizer *a = NULL;
        test_bus_open(&p.bus, on_nonsense, &p);
        ck_assert_int_ge(authorizer_new(p.bus.client, &a), 0);
        Answer answer = ask_spawn(&p, a, &alice);
        ck_assert(!answer.allowed && streq(answer.name, MXC_ERROR_DENIED));
        close_all(&p, a);
}
END_TEST

START_TEST(test_going_down_while_somebody_waits) {
        Polkit p = { .silent = true };
        Authorizer *a = open_all(&p);
        Answer answers[3] = { 0 };
        for (size_t i = 0; i < ELEMENTSOF(answers); i++)
                ck_assert_int_eq(authorize(a, &alice, MXC_IFACE_MANAGER, "Spawn", 1000, true, on_done,
                                                 &answers[i]),
                                0);
        test_bus_settle(&p.bus);
        close_all(&p, a);
        for (size_t i = 0; i < ELEMENTSOF(answers); i++)
                ck_assert(answers[i].n == 1 && !answers[i].allowed);
        ck_assert_uint_eq(alice.n_ref, 1);
}
END_TEST

/* ---- what is remembered ---- */

static void expect_asked(
                Polkit *p, Authorizer *a, Caller *c, const char *method, uid_t owner, unsigned times) {
        unsigned before = p->n;
        ck_assert(ask(p, a, c, MXC_IFACE_MANAGER, method, owner, true).allowed);
        ck_assert_msg(p->n - before == times, "%s asks polkit %u times", method, p->n - before);
}

START_TEST(test_a_yes_is_remembered) {
        Polkit p = { .authorized = true };
        Authorizer *a = open_all(&p);
        Caller again = alice, elsewhere = alice, bob = alice;
        again.sender = (char *)":1.9";
        elsewhere.unit = (char *)"session-2.scope";
        bob.uid = 1001;
        expect_asked(&p, a, &alice, "Spawn", 1000, 1);
        expect_asked(&p, a, &alice, "Spawn", 1000, 0);
        expect_asked(&p, a, &again, "CreateSandbox", 1000,
                        0); /* the same user in the same session, the same action */
        expect_asked(&p, a, &alice, "Spawn", 1001, 1);     /* another action */
        expect_asked(&p, a, &elsewhere, "Spawn", 1000, 1); /* another session: it may not be active */
        expect_asked(&p, a, &bob, "Spawn", 1001, 1);
        expect_asked(&p, a, &alice, "Spawn", 1000, 0);
        test_bus_signal(&p.bus, ":1.3", "/org/freedesktop/PolicyKit1/Authority",
                        "org.freedesktop.PolicyKit1.Authority", "Changed", "");
        expect_asked(&p, a, &alice, "Spawn", 1000, 1);
        p.authorized = false;
        ck_assert(!ask(&p, a, &alice, MXC_IFACE_MANAGER, "Reload", 1000, false).allowed);
        p.authorized = true;
        expect_asked(&p, a, &alice, "Reload", 1000, 1); /* a no is not remembered */
        close_all(&p, a);
}
END_TEST

enum { SO_MANY = LIMIT_AUTHORIZED };

START_TEST(test_so_many_are_remembered) {
        Polkit p = { .authorized = true };
        Authorizer *a = open_all(&p);
        Caller c = alice;
        for (uid_t i = 0; i < SO_MANY; i++) {
                c.uid = 2000 + i;
                expect_asked(&p, a, &c, "Spawn", c.uid, 1);
        }
        c.uid = 2000;
        expect_asked(&p, a, &c, "Spawn", c.uid, 0);
        expect_asked(&p, a, &alice, "Spawn", 1000, 1); /* one more: the oldest gives way */
        c.uid = 2001;
        expect_asked(&p, a, &c, "Spawn", c.uid, 0);
        c.uid = 2000;
        expect_asked(&p, a, &c, "Spawn", c.uid, 1);
        close_all(&p, a);
}
END_TEST

static Answer look(Polkit *p, Authorizer *a, Caller *c) {
        Answer answer = { 0 };
        ck_assert_int_eq(authorize_look(a, c, on_done, &answer), 0);
        test_bus_run(&p->bus, &answer.n);
        return answer;
}

/* Who looks at a list where there is more than their own is not asked for a password, and polkit once in a while; and root not at all. */
START_TEST(test_who_looks) {
        Polkit p = { .challenge = true };
        Authorizer *a = open_all(&p);
        Caller root = { .n_ref = 1, .unit = (char *)"" }, caged = alice;
        caged.in_sandbox = true;
        ck_assert(look(&p, a, &root).allowed);
        ck_assert(!look(&p, a, &caged).allowed);
        ck_assert_uint_eq(p.n, 0);
        for (int i = 0; i < 3; i++)
                ck_assert(!look(&p, a, &alice).allowed);
        ck_assert(p.n == 1 && p.n_interactive == 0); /* a no is remembered */
        ck_assert_str_eq(p.action, MXC_ACTION_INSPECT);
        p.authorized = true;
        expect_asked(&p, a, &alice, "Dump", 1000, 1); /* which is no other's no, */
        ck_assert(look(&p, a, &alice).allowed);       /* and a yes is, and takes its place */
        ck_assert_uint_eq(p.n, 2);
        test_bus_signal(&p.bus, ":1.3", "/org/freedesktop/PolicyKit1/Authority",
                        "org.freedesktop.PolicyKit1.Authority", "Changed", "");
        p.authorized = false;
        ck_assert(!look(&p, a, &alice).allowed);
        ck_assert_uint_eq(p.n, 3);
        close_all(&p, a);
}
END_TEST

/* However many look who may not, whoever may is still known, and so many of the others. */
START_TEST(test_a_no_is_in_no_yes_place) {
        Polkit p = { .authorized = true };
        Authorizer *a = open_all(&p);
        Caller c = alice;
        expect_asked(&p, a, &alice, "Dump", 1000, 1);
        p.authorized = false;
        for (uid_t i = 0; i <= SO_MANY; i++) {
                c.uid = 2000 + i;
                ck_assert(!look(&p, a, &c).allowed);
        }
        ck_assert_uint_eq(p.n, SO_MANY + 2);
        ck_assert(!look(&p, a, &c).allowed);
        ck_assert_uint_eq(p.n, SO_MANY + 2);
        c.uid = 2000; /* the oldest gave way */
        ck_assert(!look(&p, a, &c).allowed);
        ck_assert_uint_eq(p.n, SO_MANY + 3);
        ck_assert(look(&p, a, &alice).allowed);
        ck_assert_uint_eq(p.n, SO_MANY + 3);
        close_all(&p, a);
}
END_TEST

/* A polkit that says nothing: those who look have a no within AUTHORIZE_LOOK_USEC, all at once, and the next ones at once; those who act go on waiting. */
START_TEST(test_who_looks_does_not_wait) {
        Polkit p = { .silent = true };
        Authorizer *a = open_all(&p);
        Answer acts = { 0 }, looks[8] = { 0 };
        ck_assert_int_eq(authorize(a, &alice, MXC_IFACE_MANAGER, "Dump", 1000, false, on_done, &acts), 0);
        for (size_t i = 0; i < ELEMENTSOF(looks); i++)
                ck_assert_int_eq(authorize_look(a, &alice, on_done, &looks[i]), 0);
        while (looks[0].n == 0)
                ck_assert_int_gt(sd_event_run(p.bus.event, UINT64_MAX), 0);
        for (size_t i = 0; i < ELEMENTSOF(looks); i++)
                ck_assert(looks[i].n == 1 && !looks[i].allowed);
        ck_assert_uint_eq(p.n, 2);
        ck_assert(!look(&p, a, &alice).allowed);
        ck_assert_uint_eq(p.n, 2);
        ck_assert_int_eq(acts.n, 0);
        close_all(&p, a);
}
END_TEST

START_TEST(test_who_sees_what) {
        Polkit p = { .authorized = true };
        Authorizer *a = open_all(&p);
        Caller root = { .n_ref = 1, .unit = (char *)"" }, caged = alice;
        caged.in_sandbox = true;
        ck_assert(authorize_sees(a, &alice, 1000));
        ck_assert(!authorize_sees(a, &alice, 1001));
        ck_assert(!authorize_sees(a, &alice, 0));
        ck_assert(authorize_sees(a, &root, 1000));
        ck_assert(!authorize_sees(a, &caged, 1000));
        expect_asked(&p, a, &alice, "Spawn", 1000, 1); /* another action says nothing of this one */
        ck_assert(!authorize_sees(a, &alice, 1001));
        expect_asked(&p, a, &alice, "Dump", 1000, 1);
        ck_assert(authorize_sees(a, &alice, 1001));
        ck_assert(!authorize_sees(a, &caged, 1001));
        close_all(&p, a);
}
END_TEST

/* Who is an administrator by what they do, and who only has what is theirs. */
START_TEST(test_what_is_ones_own) {
        Caller root = { .n_ref = 1, .unit = (char *)"" };
        ck_assert(authorize_is_own(&alice, MXC_IFACE_SANDBOX, "Thaw", 1000));
        ck_assert(!authorize_is_own(&alice, MXC_IFACE_SANDBOX, "Thaw", 1001));
        ck_assert(!authorize_is_own(&alice, MXC_IFACE_AGENT, "Resume", 1000)); /* not even of their own */
        ck_assert(!authorize_is_own(&root, MXC_IFACE_SANDBOX, "Thaw", 0));
        ck_assert(!authorize_is_own(&alice, MXC_IFACE_SANDBOX, "No", 1000));
}
END_TEST

int main(void) {
        TCase *t = daemon_case("authorize");
        tcase_add_test(t, test_the_table_is_the_interface);
        tcase_add_test(t, test_what_is_open);
        tcase_add_loop_test(t, test_each_method, 0, (int)n_authorize_table);
        tcase_add_test(t, test_what_is_not_in_the_table);
        tcase_add_test(t, test_subjects);
        tcase_add_test(t, test_a_challenge);
        tcase_add_loop_test(t, test_no_answer_is_no, 0, ELEMENTSOF(failures));
        tcase_add_test(t, test_an_answer_of_another_shape);
        tcase_add_test(t, test_going_down_while_somebody_waits);
        tcase_add_test(t, test_a_yes_is_remembered);
        tcase_add_test(t, test_so_many_are_remembered);
        tcase_add_test(t, test_who_sees_what);
        tcase_add_test(t, test_what_is_ones_own);
        tcase_add_test(t, test_who_looks);
        tcase_add_test(t, test_a_no_is_in_no_yes_place);
        tcase_add_test(t, test_who_looks_does_not_wait);
        tcase_add_loop_test(t, test_many_wait_for_one_answer, 0, 2);
        tcase_add_test(t, test_many_of_a_challenge);
        tcase_add_test(t, test_who_was_asked_has_gone);
        tcase_add_test(t, test_nobody_comes_in_behind);
        return run_daemon_case(t);
}
