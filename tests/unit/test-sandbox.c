/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A sandbox's life in the order in which things should not happen. Nothing runs here: the launcher, where there is one, is the test. */

#include "sandbox.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "admit.h"
#include "adopt.h"
#include "bus-test.h"
#include "bus.h"
#include "daemon-test.h"
#include "fd.h"
#include "limits.h"
#include "names.h"
#include "release.h"

#define ID "0123456789abcdef0123456789abcdef"

static Manager m;
static TestBus bus;
static Agent agent;
static Scope scope;
static int journal;
static sd_bus_message *asked; /* what the client sent last */

static int take(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        uint8_t type;
        ck_assert_int_ge(sd_bus_message_get_type(message, &type), 0);
        if (type != SD_BUS_MESSAGE_METHOD_CALL)
                return 0;
        asked = sd_bus_message_ref(message);
        return 1;
}

static void begin(void) {
        static const LaunchOwner nobody = { .up = NULL };
        m = (Manager){ .cgroup_path = test_dir };
        journal = journal_listen();
        _cleanup_free_ char *path = path_of("journal"), *launcher = path_of("launcher");
        test_bus_open(&bus, take, NULL);
        m.event = bus.event;
        m.bus = bus.server;
        ck_assert_int_eq(audit_new(path, &m.audit), 0);
        ck_assert_int_ge(launch_channel_new(m.event, launcher, &nobody, &m.launch), 0);
        agent = (Agent){ .name = (char *)"x", .owner = 4711, .policy = (char *)"p", .reason = (char *)"" };
        /* held by the test, and nothing is known to be in it */
        scope = (Scope){ .manager = &m,
                .agent = &agent,
                .unit = (char *)"mxc-x.scope",
                .path = (char *)"/x",
                .state = SCOPE_SETTLING,
                .n_users = 1 };
}

static void end(void) {
        ck_assert_uint_eq(m.n_sandboxes, 0);
        ck_assert_uint_eq(agent.n_sandboxes, 0);
        ck_assert(LIST_EMPTY(&m.usage));
        ck_assert_uint_eq(scope.n_users, 1);
        asked = sd_bus_message_unref(asked);
        launch_channel_free(m.launch);
        release_free_all(&m);
        audit_free(m.audit);
        (void)close(journal);
        test_bus_close(&bus);
}

static Sandbox *make(void) {
        Sandbox *s;
        ck_assert_int_eq(sandbox_new(&m, ID, &agent, &s), 0);
        s->scope = &scope;
        scope.n_users++;
        s->policy = strdup("p");
        s->workspace = strdup("");
        ck_assert_int_ge(asprintf(&s->leaf, "/x/%s", ID), 0);
        ck_assert_int_eq(command_new(s, 0, NULL, NULL, false, NULL), 0);
        return s;
}

/* Of a process that is over. */
static int ended(pid_t *ret) {
        pid_t pid = fork();
        if (pid == 0)
                _exit(0);
        ck_assert_int_gt(pid, 0);
        int pidfd = pidfd_open(pid, 0);
        ck_assert_int_ge(pidfd, 0);
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
        *ret = pid;
        return pidfd;
}

static void started(Sandbox *s) {
        pid_t pid;
        int pidfd = ended(&pid);
        sandbox_started(s, pid, pidfd, -EBADF);
}

START_TEST(test_over_before_it_started) {
        begin();
        Sandbox *s = make();
        sandbox_exited(s, 0, 3, 0);
        ck_assert_ptr_eq(sandbox_find(&m, ID), s); /* a Spawn holds it */
        ck_assert_int_eq(s->state, SANDBOX_STARTING);
        started(s);
        test_bus_settle(&bus);
        ck_assert_ptr_null(sandbox_find(&m, ID)); /* its pidfd told */
        end();
}
END_TEST

START_TEST(test_a_start_does_not_undo_a_stop) {
        begin();
        Sandbox *s = make();
        sandbox_scope_stops(&m, &scope);
        started(s);
        ck_assert_int_eq(s->state, SANDBOX_STOPPING);
        ck_assert_int_eq(s->reason, END_STOPPED);
        sandbox_exited(s, 0, 0, SIGTERM);
        ck_assert_ptr_null(sandbox_find(&m, ID));
        end();
}
END_TEST

START_TEST(test_told_twice) {
        begin();
        Sandbox *s = make();
        started(s);
        ck_assert_int_eq(command_new(s, 1, NULL, NULL, false, NULL), 0);
        sandbox_exited(s, 0, 3, 0);
        sandbox_exited(s, 0, 4, 0);
        ck_assert_int_eq(command_find(s, 0)->code, 3);
        sandbox_exited(s, 7, 0, 0); /* never was */
        sandbox_exited(s, 1, 0, 0);
        ck_assert_ptr_null(sandbox_find(&m, ID));
        end();
}
END_TEST

START_TEST(test_commands_go_with_the_launcher) {
        begin();
        Sandbox *s = make();
        started(s);
        for (uint32_t i = 1; i <= 3; i++)
                ck_assert_int_eq(command_new(s, i, NULL, NULL, false, NULL), 0);
        sandbox_exited(s, 0, 0, 0);
        ck_assert_ptr_eq(sandbox_find(&m, ID), s); /* they may still be told of */
        sandbox_launcher_gone(s);
        ck_assert_ptr_null(sandbox_find(&m, ID));
        end();
}
END_TEST

START_TEST(test_the_owner_changes) {
        begin();
        Sandbox *s = make();
        started(s);
        agent.owner = 4712; /* an administrator wrote the agent's file anew */
        ck_assert_uint_eq(sandbox_subject(s, NULL).on_behalf_uid, 4711); /* as whom it runs */
        sandbox_exited(s, 0, 0, 0);
        end(); /* nobody is charged with anything */
}
END_TEST

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const sd_bus_error *e = sd_bus_message_get_error(reply);
        char **name = userdata;
        *name = strdup(e ? e->name : "");
        return 0;
}

/* The client asks for something that takes its time; *ret is what it was told in the end. */
static void ask(char **ret) {
        *ret = NULL;
        ck_assert_int_ge(sd_bus_call_method_async(
                                         bus.client, NULL, NULL, "/x", "x.y", "Wait", on_reply, ret, ""),
                        0);
        test_bus_settle(&bus);
        ck_assert_ptr_nonnull(asked);
}

static const struct {
        bool stop;
        const char *error;
} freezes[] = { { false, MXC_ERROR_NO_SUCH_SANDBOX }, { true, MXC_ERROR_DENIED } };

START_TEST(test_a_freeze_is_answered) {
        char *told;
        begin();
        Sandbox *s = make();
        pid_t self = getpid();
        sandbox_started(s, self, ended(&self), -EBADF);
        ask(&told);
        s->freeze_waiter = TAKE_PTR(asked);
        if (freezes[_i].stop)
                sandbox_stop(s, END_STOPPED);
        else
                sandbox_exited(s, 0, 0, 0);
        test_bus_settle(&bus);
        ck_assert_ptr_nonnull(told);
        ck_assert_str_eq(told, freezes[_i].error);
        if (freezes[_i].stop) {
                sandbox_answer_freeze(s, true); /* it stood still at last */
                ck_assert_int_eq(s->state, SANDBOX_STOPPING);
                sandbox_exited(s, 0, 0, 0);
        }
        free(told);
        end();
}
END_TEST

START_TEST(test_a_stop_is_answered) {
        char *told;
        begin();
        Sandbox *s = make();
        started(s);
        ask(&told);
        s->stop_waiters = calloc(1, sizeof(sd_bus_message *));
        s->stop_waiters[s->n_stop_waiters++] = TAKE_PTR(asked);
        sandbox_exited(s, 0, 0, SIGKILL);
        test_bus_settle(&bus);
        ck_assert_ptr_nonnull(told);
        ck_assert_str_eq(told, "");
        free(told);
        end();
}
END_TEST

START_TEST(test_no_tie_to_who_has_left) {
        begin();
        Sandbox *s = make();
        TestBus other;
        test_bus_open(&other, take, NULL);
        Command *c = NULL;
        ck_assert_int_eq(command_new(s, 1, other.server, NULL, true, &c), 0);
        command_free(s, c);
        sd_bus_close(other.server);
        ck_assert_int_eq(command_new(s, 2, other.server, NULL, true, &c), -ENOTCONN);
        ck_assert_int_eq(command_attach(s, command_find(s, 0), other.server, NULL, true), -ENOTCONN);
        ck_assert_uint_eq(s->n_commands, 1);
        test_bus_close(&other);
        sandbox_free(s);
        end();
}
END_TEST

/* With all that a record tells. */
static Sandbox *make_whole(StoredEffective *effective) {
        static const char text[] = "{\"schema\": \"mxc-policy/1\", \"name\": \"p\"}";
        PolicyError error = { 0 };
        *effective = (StoredEffective){ .n_ref = 2 };
        ck_assert_int_eq(policy_parse(text, strlen(text), NULL, NULL, &effective->policy, &error), 0);
        Sandbox *s = make();
        s->effective = effective;
        s->owner.name = strdup("alice");
        s->walls = strdup("");
        s->unheld = strdup("");
        return s;
}

static Sandbox *restore(const json_t *record) {
        Sandbox *s;
        ck_assert_int_eq(sandbox_new(&m, "fedcba9876543210fedcba9876543210", &agent, &s), 0);
        (void)runtime_restore(s, record); /* its policy is in no file */
        return s;
}

START_TEST(test_the_next_mxcd_knows_how_commands_stand) {
        begin();
        StoredEffective effective;
        Sandbox *s = make_whole(&effective);
        started(s);
        for (uint32_t i = 1; i <= 4; i++)
                ck_assert_int_eq(command_new(s, i, NULL, NULL, i != 2, NULL), 0);
        command_find(s, 2)->asked_to_end = true;
        command_find(s, 3)->killed = true;
        sandbox_exited(s, 4, 0, 0);
        _cleanup_free_ char *text = runtime_record(s);
        ck_assert_ptr_nonnull(text);
        json_auto_t *record = json_loads(text, 0, NULL);
        Sandbox *next = restore(record);
        for (uint32_t i = 0; i <= 5; i++) {
                ck_assert_int_eq(runtime_had(next, RUNTIME_TIED, i), i == 1 || i == 3);
                ck_assert_int_eq(runtime_had(next, RUNTIME_ASKED, i), i == 2);
                ck_assert_int_eq(runtime_had(next, RUNTIME_KILLED, i), i == 3);
        }
        ck_assert_uint_eq(next->last_command, 4); /* what the record says of a number is of that command */
        sandbox_free(next);
        ck_assert_int_eq(json_object_del(record, "ties"), 0); /* of an older mxcd */
        ck_assert_int_eq(json_object_del(record, "lastCommand"), 0);
        next = restore(record);
        ck_assert(!runtime_had(next, RUNTIME_TIED, 1));
        sandbox_free(next);
        sandbox_free(s);
        policy_unref(effective.policy);
        end();
}
END_TEST

/* Of what has been found, nothing is read here: its sandbox is known. */
struct Found {
        json_t *records;
};

/* By an mxcd that has just come, or by one that has been there all along. */
static void found(bool first, const Sandbox *s, uint32_t number, int pidfd) {
        struct Found f = { .records = NULL };
        LaunchReport report = { .event = LAUNCH_EVENT_ADOPT, .exec = number };
        memcpy(report.id, s->id, sizeof(s->id));
        adopt_report(&m, first ? &f : NULL, &report, &pidfd, pidfd >= 0);
}

START_TEST(test_a_command_that_is_found_is_asked_to_end_still) {
        begin();
        pid_t pid;
        Sandbox *s = make();
        started(s);
        s->of_commands[RUNTIME_TIED] = json_pack("[i]", 1);
        s->of_commands[RUNTIME_ASKED] = json_pack("[i]", 2);
        int pidfd = ended(&pid);
        found(true, s, 1, pidfd);
        found(true, s, 2, -EBADF);
        (void)close(pidfd);
        const Command *one = command_find(s, 1), *two = command_find(s, 2);
        ck_assert(one->tied && !one->asked_to_end && one->start == COMMAND_BEGUN);
        ck_assert(!two->tied && two->asked_to_end && two->start == COMMAND_FOUND);
        ck_assert(!one->killed && !two->killed);
        sandbox_free(s);
        end();
}
END_TEST

/* With what is said of it in cgroup.events. */
static void make_group(unsigned number, const char *events) {
        _cleanup_free_ char *group = NULL, *kill_file = NULL, *events_file = NULL;
        ck_assert_int_ge(asprintf(&group, "x/" ID "/exec-%u", number), 0);
        ck_assert_int_ge(asprintf(&kill_file, "%s/cgroup.kill", group), 0);
        ck_assert_int_ge(asprintf(&events_file, "%s/cgroup.events", group), 0);
        make_dir(group);
        write_file(kill_file, "");
        write_file(events_file, events);
}

static bool group_was_killed(unsigned number) {
        _cleanup_free_ char *file = NULL, *text = NULL;
        ck_assert_int_ge(asprintf(&file, "%s/x/" ID "/exec-%u/cgroup.kill", test_dir, number), 0);
        ck_assert_int_ge(fd_read_file_at(AT_FDCWD, file, 16, &text, NULL), 0);
        return streq(text, "1");
}

/* Whoever asked for the first was told that it does not begin; the second is waited for; the third has ended, and is not let go yet. */
START_TEST(test_a_command_that_was_given_up_is_ended_when_it_is_found) {
        begin();
        pid_t pid;
        Sandbox *s = make();
        started(s);
        make_dir("x");
        make_dir("x/" ID);
        for (unsigned i = 1; i <= 3; i++)
                make_group(i, "populated 1\n");
        ck_assert_int_eq(command_new(s, 2, NULL, NULL, false, NULL), 0);
        release_begin(&m, "/x", ID, 3, NULL);
        int pidfd = ended(&pid);
        for (uint32_t i = 1; i <= 3; i++)
                found(false, s, i, pidfd);
        (void)close(pidfd);
        const Command *one = command_find(s, 1), *two = command_find(s, 2);
        ck_assert(one && one->killed && one->told && group_was_killed(1));
        ck_assert(two && !two->killed && two->told && !group_was_killed(2));
        ck_assert(!command_find(s, 3) && !group_was_killed(3));
        sandbox_free(s);
        end();
}
END_TEST

/* The reason that the end of that command of Exec has, on record. */
static char *reason_of_end(uint32_t number) {
        char *reason = NULL;
        for (Record r; journal_read(journal, &r); record_clear(&r)) {
                _cleanup_free_ char *event = record_get(&r, "MXC_EVENT"), *exec = record_get(&r, "MXC_EXEC");
                if (event && exec && streq(event, "exit") && (uint32_t)atoi(exec) == number) {
                        ck_assert_ptr_null(reason);
                        reason = record_get(&r, "MXC_REASON");
                }
        }
        return reason;
}

static const struct {
        CommandStart start;
        bool killed;
        int code;
        const char *reason;
} ends[] = {
        { COMMAND_FOUND, true, LAUNCH_NEVER_BEGAN, "killed" },
        { COMMAND_FOUND, false, LAUNCH_NEVER_BEGAN, "exited" },
        { COMMAND_FOUND, true, 0, "exited" },                  /* it had ended before */
        { COMMAND_BEGUN, true, LAUNCH_NEVER_BEGAN, "exited" }, /* the same */
};

START_TEST(test_what_never_began_was_killed) {
        begin();
        Command *c;
        Sandbox *s = make();
        started(s);
        ck_assert_int_eq(command_new(s, 1, NULL, NULL, false, &c), 0);
        c->start = ends[_i].start;
        c->killed = ends[_i].killed;
        sandbox_exited(s, 1, ends[_i].code, 0);
        _cleanup_free_ char *reason = reason_of_end(1);
        ck_assert(reason && streq(reason, ends[_i].reason));
        sandbox_free(s);
        end();
}
END_TEST

/* Its launcher is gone, and its group goes so quickly that nothing is said of it: that is a file which nothing happens to here. */
START_TEST(test_the_end_of_a_command_is_seen_though_its_group_is_gone) {
        begin();
        Command *c;
        Sandbox *s = make();
        started(s);
        make_dir("x");
        make_dir("x/" ID);
        make_group(1, "populated 1\n");
        ck_assert_int_eq(command_new(s, 1, NULL, NULL, false, &c), 0);
        c->start = COMMAND_BEGUN;
        sandbox_watch_untold(s);
        test_bus_settle(&bus);
        _cleanup_free_ char *group = path_of("x/" ID "/exec-1"), *away = path_of("x/" ID "/away");
        ck_assert_int_eq(rename(group, away), 0);
        make_group(1, "populated 1\n");
        ck_assert_int_eq(sandbox_kill_exec(s, c), 0);
        test_bus_settle(&bus);
        ck_assert_ptr_eq(command_find(s, 1), c); /* it dies yet, and that will be said */
        write_file("x/" ID "/exec-1/cgroup.events", "populated 0\n");
        ck_assert_int_eq(sandbox_kill_exec(s, c), 0);
        ck_assert_ptr_eq(command_find(s, 1), c); /* who kills may be walking the list */
        test_bus_settle(&bus);
        ck_assert_ptr_null(command_find(s, 1));
        _cleanup_free_ char *reason = reason_of_end(1);
        ck_assert(reason && streq(reason, "killed"));
        sandbox_free(s);
        end();
}
END_TEST

static const struct {
        CommandStart start;
        const char *events; /* of its group; NULL: it has none */
        int expected;
} kills[] = {
        { COMMAND_BEGUN, "populated 1\n", 0 },
        { COMMAND_BEGUN, "populated 0\n", 0 },
        { COMMAND_BEGUN, NULL, -ENOENT },
        { COMMAND_AWAITED, "populated 0\n", 0 }, /* its Exec ends it */
        { COMMAND_AWAITED, NULL, 0 },
        { COMMAND_FOUND, "populated 1\n", 0 },
        { COMMAND_FOUND, "populated 0\n", 0 },
        { COMMAND_FOUND, NULL, -ENOENT },
};

START_TEST(test_a_kill_of_a_command_tells_what_it_reaches) {
        begin();
        Command *c;
        StoredEffective effective;
        Sandbox *s = make_whole(&effective);
        started(s);
        ck_assert_int_eq(command_new(s, 1, NULL, NULL, false, &c), 0);
        c->start = kills[_i].start;
        make_dir("x");
        make_dir("x/" ID);
        if (kills[_i].events)
                make_group(1, kills[_i].events);
        ck_assert_int_eq(sandbox_kill_exec(s, c), kills[_i].expected);
        ck_assert(c->killed);
        sandbox_free(s);
        policy_unref(effective.policy);
        end();
}
END_TEST

/* Whether it is there under that key, as one of n: the sandbox, or without one the agent. */
static bool is_listed(const Sandbox *s, size_t n, const char *wanted) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *list = NULL;
        bool is = false;
        ck_assert_int_ge(sd_bus_message_new_signal(bus.client, &list, "/x", "x.y", "List"), 0);
        ck_assert_int_ge(s ? sandbox_append_listed(list, s, n, false)
                           : agent_append_listed(list, &agent, n, false, &m),
                        0);
        ck_assert_int_ge(sd_bus_message_seal(list, 1, 0), 0);
        ck_assert_int_ge(sd_bus_message_enter_container(list, 'a', "{sv}"), 0);
        while (sd_bus_message_enter_container(list, 'e', "sv") > 0) {
                const char *key;
                ck_assert_int_ge(sd_bus_message_read(list, "s", &key), 0);
                is = is || streq(key, wanted);
                ck_assert_int_ge(sd_bus_message_skip(list, "v"), 0);
                ck_assert_int_ge(sd_bus_message_exit_container(list), 0);
        }
        return is;
}

/* LIMIT_LISTED_BYTES: of 1024 sandboxes each has 1024, of which a word takes eight itself. */
START_TEST(test_a_list_is_bounded) {
        begin();
        StoredEffective effective;
        Sandbox *s = make_whole(&effective);
        started(s);
        s->cut = strdup("[[\"/x\",\"a\",\"b\",\"ceiling\"]]");
        free(s->workspace);
        s->workspace = malloc(LIMIT_LISTED_BYTES / 1024 - 8 + 2);
        ck_assert_ptr_nonnull(s->workspace);
        memset(s->workspace, 'x', LIMIT_LISTED_BYTES / 1024 - 8 + 1);
        s->workspace[LIMIT_LISTED_BYTES / 1024 - 8] = 0;
        ck_assert(is_listed(s, 1024, "Workspace"));
        ck_assert(!is_listed(s, 1025, "Workspace"));
        s->workspace[LIMIT_LISTED_BYTES / 1024 - 8] = 'x';
        s->workspace[LIMIT_LISTED_BYTES / 1024 - 8 + 1] = 0;
        ck_assert(!is_listed(s, 1024, "Workspace"));
        ck_assert(!is_listed(s, 1024, "Argv"));
        ck_assert(is_listed(s, 1024, "Unheld")); /* what is short is there whatever is long */
        ck_assert(is_listed(s, 1, "Argv"));
        ck_assert(!is_listed(s, 1, "Cut"));
        sandbox_free(s);
        policy_unref(effective.policy);
        end();
}
END_TEST

/* As GetManagedObjects tells of n: the bytes that it takes on its way. */
static int bytes_of_objects(const Sandbox *s, const char *path, int n, bool brief) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *list = NULL;
        int bytes = 0;
        ck_assert_int_ge(sd_bus_message_new_signal(bus.client, &list, "/x", "x.y", "List"), 0);
        ck_assert_int_ge(sd_bus_message_open_container(list, 'a', "{oa{sa{sv}}}"), 0);
        for (int i = 0; i < n; i++) {
                ck_assert_int_ge(sd_bus_message_open_container(list, 'e', "oa{sa{sv}}"), 0);
                ck_assert_int_ge(sd_bus_message_append(list, "o", path), 0);
                ck_assert_int_ge(sd_bus_message_open_container(list, 'a', "{sa{sv}}"), 0);
                ck_assert_int_ge(sd_bus_message_open_container(list, 'e', "sa{sv}"), 0);
                ck_assert_int_ge(sd_bus_message_append(list, "s", s ? MXC_IFACE_SANDBOX : MXC_IFACE_AGENT),
                                0);
                ck_assert_int_ge(s ? sandbox_append_listed(list, s, 1, brief)
                                   : agent_append_listed(list, &agent, 1, brief, &m),
                                0);
                for (int k = 0; k < 3; k++)
                        ck_assert_int_ge(sd_bus_message_close_container(list), 0);
        }
        ck_assert_int_ge(sd_bus_message_close_container(list), 0);
        ck_assert_int_ge(sd_bus_send(bus.client, list, NULL), 0);
        ck_assert_int_ge(sd_bus_flush(bus.client), 0);
        ck_assert_int_eq(ioctl(sd_bus_get_fd(bus.server), FIONREAD, &bytes), 0);
        test_bus_settle(&bus);
        return bytes;
}

static char *long_text(size_t n) {
        char *text = malloc(n + 1);
        ck_assert_ptr_nonnull(text);
        memset(text, '-', n); /* in a path each is three bytes */
        text[n] = 0;
        return text;
}

static void takes_no_more(const Sandbox *s, const char *path, bool brief, int most) {
        const int one = bytes_of_objects(s, path, 1, brief), many = bytes_of_objects(s, path, 33, brief);
        ck_assert_int_gt(many, one);
        ck_assert_msg((many - one + 31) / 32 <= most, "%d", (many - one + 31) / 32);
        ck_assert_msg((many - one + 31) / 32 > most / 2, "it is not the worst: %d", (many - one + 31) / 32);
}

/* LIMIT_OBJECTS_BYTES: what each takes at most is what is reckoned with. */
START_TEST(test_a_list_of_all_is_bounded) {
        const char *const nowhere[] = { NULL };
        _cleanup_free_ char *name = long_text(LIMIT_NAME_BYTES), *path = agent_object_path(name);
        StoredEffective effective;
        begin();
        ck_assert_int_eq(policy_store_new(nowhere, &m.policies), 0);
        agent = (Agent){ .name = name,
                .owner = UINT32_MAX - 1,
                .policy = name,
                .reason = (char *)"",
                .state = AGENT_SUSPENDED,
                .description = (char *)"" };
        memset(agent.uuid, 'f', sizeof(agent.uuid) - 1);
        _cleanup_free_ char *unit = NULL;
        ck_assert_int_ge(asprintf(&unit, "mxc-%s.scope", name), 0);
        scope.unit = unit;
        scope.state = SCOPE_READY;
        agent.scope = &scope;
        takes_no_more(NULL, path, false,
                        AGENT_LISTED_BYTES - 64); /* the digest of its policy, which is in no store here */
        takes_no_more(NULL, path, true, AGENT_BRIEF_BYTES);
        agent.scope = NULL;
        scope.state = SCOPE_SETTLING;

        Sandbox *s = make_whole(&effective);
        started(s);
        free(s->policy);
        s->policy = strdup(name);
        free(s->leaf);
        ck_assert_int_ge(asprintf(&s->leaf,
                                         "/mxc.slice/mxc-u4294967294.slice/mxc-u4294967294-4294967295.slice/"
                                         "mxc-%s.scope/%s",
                                         name, s->id),
                        0);
        free(s->walls);
        s->walls = strdup("mount-namespace pid-namespace ipc-namespace uts-namespace network-namespace "
                          "cgroup-namespace no-capabilities no-new-privileges seccomp landlock-7 "
                          "names-mediated egress-relay memory.max memory.swap.max pids.max cpu.max "
                          "cpu.weight io.weight");
        takes_no_more(s, s->object, false, SANDBOX_LISTED_BYTES);
        takes_no_more(s, s->object, true, SANDBOX_BRIEF_BYTES);
        sandbox_free(s);
        policy_unref(effective.policy);

        enum { AGENTS = LIMIT_OBJECTS_BYTES / AGENT_LISTED_BYTES };
        ck_assert(!bus_are_brief(AGENTS, 0));
        ck_assert(bus_are_brief(AGENTS + 1, 0));
        ck_assert(!bus_are_brief(AGENTS - 3, 2));
        ck_assert(bus_are_brief(AGENTS - 2, 2));
        ck_assert(bus_are_brief(2 * LIMIT_AGENTS, LIMIT_SANDBOXES));
        m.policies = policy_store_free(m.policies);
        end();
}
END_TEST

START_TEST(test_a_list_of_agents_is_bounded) {
        enum { N = 4096, ROOM = LIMIT_LISTED_BYTES / N - 8 };
        const char *const nowhere[] = { NULL };
        char description[ROOM + 2];
        begin();
        ck_assert_int_eq(policy_store_new(nowhere, &m.policies), 0);
        agent.description = description;
        memset(description, 'x', sizeof(description));
        description[ROOM] = 0;
        ck_assert(is_listed(NULL, N, "Description"));
        ck_assert(!is_listed(NULL, N + 1, "Description"));
        description[ROOM] = 'x';
        description[ROOM + 1] = 0;
        ck_assert(!is_listed(NULL, N, "Description"));
        ck_assert(is_listed(NULL, N, "NSandboxes"));
        ck_assert(is_listed(NULL, 1, "Description"));
        m.policies = policy_store_free(m.policies);
        end();
}
END_TEST

static unsigned n_ends_of_ties(void) {
        unsigned n = 0;
        for (Record r; journal_read(journal, &r); record_clear(&r)) {
                _cleanup_free_ char *event = record_get(&r, "MXC_EVENT"),
                                    *reason = record_get(&r, "MXC_REASON");
                n += event && reason && streq(event, "stop") && streq(reason, "tie");
        }
        return n;
}

START_TEST(test_a_tie_that_nobody_takes_up_ends_its_command) {
        begin();
        Sandbox *s = make();
        TestBus other;
        test_bus_open(&other, take, NULL);
        started(s);
        ck_assert_int_eq(command_new(s, 1, NULL, NULL, true, NULL), 0);
        ck_assert_int_eq(command_new(s, 2, NULL, NULL, false, NULL), 0);
        ck_assert_int_eq(command_new(s, 3, other.server, NULL, true, NULL), 0); /* came back */
        sandbox_end_untied(&m);
        ck_assert_uint_eq(n_ends_of_ties(), 0); /* it was not adopted */
        s->adopted = true;
        sandbox_end_untied(&m);
        ck_assert_uint_eq(n_ends_of_ties(), 1);
        ck_assert_int_eq(s->state, SANDBOX_RUNNING);
        sandbox_connection_gone(&m, other.server);
        ck_assert_uint_eq(n_ends_of_ties(), 1);
        sandbox_free(s);
        test_bus_close(&other);
        end();
}
END_TEST

static const ActKind spawning = { .interface = MXC_IFACE_MANAGER, .method = "Spawn" };
static Caller caller = { .n_ref = 100, .uid = 4711, .gid = 4711, .unit = (char *)"" };

/* Whether one more may begin for whoever was asked about owner; the answer, where not, is error. */
static bool admitted_for(uid_t owner, const char *error) {
        char *told;
        ask(&told);
        Act *a = calloc(1, sizeof(Act));
        ck_assert_ptr_nonnull(a);
        *a = (Act){
                .manager = &m, .kind = &spawning, .caller = &caller, .object = strdup(""), .owner = owner
        };
        a->message = TAKE_PTR(asked);
        bool admitted = admit(a, &agent);
        if (admitted)
                act_reply(a, "");
        test_bus_settle(&bus);
        ck_assert_ptr_nonnull(told);
        ck_assert_str_eq(told, admitted ? "" : error);
        free(told);
        return admitted;
}

static bool is_admitted(void) {
        return admitted_for(agent.owner, MXC_ERROR_LIMIT_REACHED);
}

/* Who was let in was let in for somebody: what the agent's file says since is another matter. */
START_TEST(test_an_agent_of_somebody_else_meanwhile) {
        begin();
        ck_assert(admitted_for(4711, MXC_ERROR_DENIED));
        agent.owner = 4712;
        ck_assert(!admitted_for(4711, MXC_ERROR_DENIED));
        ck_assert(admitted_for(4712, MXC_ERROR_DENIED));
        end();
}
END_TEST

/* LIMIT_SANDBOXES_PER_UID and LIMIT_SANDBOXES: nobody has as many here, but the counts say so. */
START_TEST(test_room) {
        begin();
        Usage *u = manager_usage(&m, agent.owner);
        u->n_sandboxes = LIMIT_SANDBOXES_PER_UID - 1;
        ck_assert(is_admitted());
        u->n_sandboxes++;
        ck_assert(!is_admitted());
        agent.owner++; /* another one's agent */
        ck_assert(is_admitted());
        m.n_sandboxes = LIMIT_SANDBOXES - 1;
        ck_assert(is_admitted());
        m.n_sandboxes++;
        ck_assert(!is_admitted());
        m.n_sandboxes = u->n_sandboxes = 0;
        manager_usage_settle(&m, 4711);
        end();
}
END_TEST

/* LIMIT_SCOPES_PER_SLICE of one owner; what becomes free is used again. */
START_TEST(test_scopes_of_a_slice) {
        static Agent agents[LIMIT_SCOPES_PER_SLICE + 3];
        static Scope *scopes[LIMIT_SCOPES_PER_SLICE + 3];
        const size_t n = LIMIT_SCOPES_PER_SLICE;
        begin();
        for (size_t i = 0; i < ELEMENTSOF(agents); i++) {
                agents[i] = (Agent){ .name = (char *)"y", .owner = 4711 };
                if (i == n + 1)
                        agents[i].owner = 4712;
                if (i == n + 2)
                        scope_release(scopes[0]);
                ck_assert_int_eq(scope_hold(&m, &agents[i], &scopes[i]), 0);
        }
        for (size_t i = 0; i < n; i++)
                ck_assert_uint_eq(scopes[i + (i == 0 ? n + 2 : 0)]->slice_number, 1);
        ck_assert_uint_eq(scopes[n]->slice_number, 2);
        ck_assert_str_eq(scopes[n]->slice, "mxc-u4711-2.slice");
        ck_assert_uint_eq(scopes[n + 1]->slice_number, 1); /* another owner's */
        for (size_t i = 1; i < ELEMENTSOF(agents); i++)
                scope_release(scopes[i]);
        ck_assert(LIST_EMPTY(&m.scopes));
        end();
}
END_TEST

/* All of a user's own stand in one slice; where that is bounded anew, one that nobody is in goes when it would have gone. */
START_TEST(test_scopes_of_a_users_own) {
        Agent own[2] = { { .name = (char *)"user-4711", .owner = 4711, .is_default = true },
                { .name = (char *)"user-4711-x", .owner = 4711, .is_default = true } };
        Scope *scopes[2];
        begin();
        for (size_t i = 0; i < 2; i++)
                ck_assert_int_eq(scope_hold(&m, &own[i], &scopes[i]), 0);
        ck_assert_ptr_eq(scopes[0]->own, scopes[1]->own);
        ck_assert_str_eq(scopes[1]->path,
                        "/mxc.slice/mxc-u4711.slice/mxc-u4711-own.slice/mxc-user-4711-x.scope");
        scopes[0]->state = SCOPE_READY;
        scope_release(scopes[0]);
        const sd_event_source *idle = scopes[0]->idle;
        ck_assert_ptr_nonnull(idle);
        scope_slice_told(scopes[0], 0, NULL);
        ck_assert_ptr_eq(scopes[0]->idle, idle);
        ck_assert_int_eq(scope_hold(&m, &own[0], &scopes[0]), 0);
        scopes[0]->state = SCOPE_NEW;
        for (size_t i = 0; i < 2; i++)
                scope_release(scopes[i]);
        ck_assert(LIST_EMPTY(&m.scopes));
        ck_assert(LIST_EMPTY(&m.own_slices));
        end();
}
END_TEST

static void on_misplaced(Scope *s, int error, const char *sentence, void *userdata) {
        ck_assert_int_eq(error, -EBUSY);
        ck_assert_ptr_nonnull(strstr(sentence, "outside"));
        *(bool *)userdata = true;
}

/* What an mxcd of before made in the owner's slice stays; nothing more begins in there, where the bounds of the user's own do not hold. */
START_TEST(test_a_scope_outside_the_users_own_takes_nothing_new) {
        Agent own = { .name = (char *)"user-4711", .owner = 4711, .is_default = true };
        Scope *s;
        bool told = false;
        begin();
        ck_assert_int_eq(scope_adopt(&m, &own, "/mxc.slice/mxc-u4711.slice/mxc-user-4711.scope", &s), 0);
        ck_assert(s->misplaced);
        ck_assert_int_eq(scope_when_ready(s, on_misplaced, &told), 0);
        ck_assert(told);
        scope_release(s);
        scope_free_all(&m);
        ck_assert_int_eq(scope_adopt(&m, &own,
                                         "/mxc.slice/mxc-u4711.slice/mxc-u4711-own.slice/"
                                         "mxc-user-4711.scope",
                                         &s),
                        0);
        ck_assert(!s->misplaced);
        scope_free_all(&m);
        own.is_default = false; /* one that an administrator has registered stands there */
        ck_assert_int_eq(scope_adopt(&m, &own, "/mxc.slice/mxc-u4711.slice/mxc-user-4711.scope", &s), 0);
        ck_assert(!s->misplaced);
        scope_free_all(&m);
        end();
}
END_TEST

static sd_event_source *idle_of(Scope *s) {
        ck_assert_ptr_nonnull(s->idle);
        return sd_event_source_ref(s->idle);
}

/* An empty one that is misplaced is on its way out, and none of those who are refused for it puts that off. */
START_TEST(test_who_asks_again_does_not_keep_a_misplaced_scope) {
        Agent own = { .name = (char *)"user-4711", .owner = 4711, .is_default = true };
        Scope *s;
        begin();
        ck_assert_int_eq(scope_adopt(&m, &own, "/mxc.slice/mxc-u4711.slice/mxc-user-4711.scope", &s), 0);
        scope_release(s);
        _cleanup_(sd_event_source_unrefp) sd_event_source *first = idle_of(s);
        for (size_t i = 0; i < 3; i++) {
                ck_assert_int_eq(scope_hold(&m, &own, &s), 0);
                ck_assert_ptr_eq(s->idle, first);
                scope_release(s);
                ck_assert_ptr_eq(s->idle, first);
        }
        /* the time comes while somebody holds it, and again when nobody does */
        ck_assert_int_eq(scope_hold(&m, &own, &s), 0);
        ck_assert_int_ge(sd_event_source_set_time(first, 0), 0);
        test_bus_settle(&bus);
        ck_assert_ptr_null(s->idle);
        scope_release(s);
        ck_assert_ptr_nonnull(s->idle);
        ck_assert_int_eq(scope_hold(&m, &own, &s), 0);
        s->state = SCOPE_NEW; /* as when it has been stopped */
        scope_release(s);
        ck_assert(LIST_EMPTY(&m.scopes));
        /* any other is put off by whoever comes */
        ck_assert_int_eq(scope_hold(&m, &own, &s), 0);
        s->state = SCOPE_READY;
        scope_release(s);
        _cleanup_(sd_event_source_unrefp) sd_event_source *other = idle_of(s);
        ck_assert_int_eq(scope_adopt(&m, &own, s->path, &s), 0);
        ck_assert_ptr_null(s->idle);
        scope_release(s);
        ck_assert_ptr_nonnull(s->idle);
        ck_assert_ptr_ne(s->idle, other);
        scope_free_all(&m);
        end();
}
END_TEST

int main(void) {
        TCase *t = daemon_case("sandbox");
        tcase_add_test(t, test_over_before_it_started);
        tcase_add_test(t, test_a_start_does_not_undo_a_stop);
        tcase_add_test(t, test_told_twice);
        tcase_add_test(t, test_commands_go_with_the_launcher);
        tcase_add_test(t, test_the_owner_changes);
        tcase_add_loop_test(t, test_a_freeze_is_answered, 0, ELEMENTSOF(freezes));
        tcase_add_test(t, test_a_stop_is_answered);
        tcase_add_test(t, test_no_tie_to_who_has_left);
        tcase_add_test(t, test_an_agent_of_somebody_else_meanwhile);
        tcase_add_test(t, test_the_next_mxcd_knows_how_commands_stand);
        tcase_add_test(t, test_a_command_that_is_found_is_asked_to_end_still);
        tcase_add_test(t, test_a_command_that_was_given_up_is_ended_when_it_is_found);
        tcase_add_loop_test(t, test_what_never_began_was_killed, 0, ELEMENTSOF(ends));
        tcase_add_test(t, test_the_end_of_a_command_is_seen_though_its_group_is_gone);
        tcase_add_loop_test(t, test_a_kill_of_a_command_tells_what_it_reaches, 0, ELEMENTSOF(kills));
        tcase_add_test(t, test_a_list_is_bounded);
        tcase_add_test(t, test_a_list_of_agents_is_bounded);
        tcase_add_test(t, test_a_list_of_all_is_bounded);
        tcase_add_test(t, test_a_tie_that_nobody_takes_up_ends_its_command);
        tcase_add_test(t, test_room);
        tcase_add_test(t, test_scopes_of_a_slice);
        tcase_add_test(t, test_scopes_of_a_users_own);
        tcase_add_test(t, test_a_scope_outside_the_users_own_takes_nothing_new);
        tcase_add_test(t, test_who_asks_again_does_not_keep_a_misplaced_scope);
        return run_daemon_case(t);
}
