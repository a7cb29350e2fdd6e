/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Agents from files, over the bus and by default; what becomes of them when files change, and what stays taken for ever. */

#include <fcntl.h>
#include <sys/stat.h>

#include "daemon-test.h"
#include "registry.h"

static void registry_freep(Registry **r) {
        if (*r)
                registry_free(*r);
}

static Registry *registry_open(void) {
        _cleanup_free_ char *usr = path_of("usr"), *etc = path_of("etc"), *state = path_of("state");
        const char *const dirs[] = { usr, etc, NULL };
        Registry *r = NULL;
        ck_assert_int_eq(registry_new(dirs, state, &r), 0);
        return r;
}

static void load(Registry *r) {
        ck_assert_int_eq(registry_load(r, NULL, NULL), 0);
}

/* A host with the directories and nothing in them. */
static Registry *host_open(void) {
        make_dir("usr");
        make_dir("usr/agents");
        make_dir("etc");
        make_dir("etc/agents");
        make_dir("state");
        Registry *r = registry_open();
        load(r);
        return r;
}

static void write_agent(const char *layer, const char *name, const char *owner, const char *policy) {
        _cleanup_free_ char *file = NULL, *text = NULL;
        ck_assert_int_ge(asprintf(&file, "%s/agents/%s.json", layer, name), 0);
        ck_assert_int_ge(asprintf(&text,
                                         "{\"schema\": \"mxc-agent/1\", \"name\": \"%s\", \"owner\": %s, "
                                         "\"policy\": \"%s\", "
                                         "\"description\": \"of %s\"}",
                                         name, owner, policy, layer),
                        0);
        write_file(file, text);
}

static int register_agent(Registry *r, const char *name, uid_t owner, Agent **ret) {
        const AgentDocument d = { .name = (char *)name,
                .policy = (char *)"locked",
                .description = (char *)"made",
                .owner = owner };
        char uuid[37];
        ck_assert_int_eq(agent_uuid_random(uuid), 0);
        int k = registry_register(r, &d, uuid, ret);
        if (k == 0)
                ck_assert_str_eq((*ret)->uuid, uuid);
        return k;
}

static Agent *registered(Registry *r, const char *name) {
        Agent *a = NULL;
        ck_assert_int_eq(register_agent(r, name, 1000, &a), 0);
        return a;
}

static void expect_agent(Registry *r, const char *name, uid_t owner, AgentState state, const char *policy) {
        Agent *a = registry_find(r, name);
        ck_assert_msg(a, "there is no %s", name);
        ck_assert_str_eq(a->name, name);
        ck_assert_uint_eq(a->owner, owner);
        ck_assert_int_eq(a->state, state);
        ck_assert_str_eq(a->policy, policy);
        ck_assert_uint_eq(strlen(a->uuid), 36);
}

/* Written by hand: each registration waits for the disk. */
static void write_record(const char *kind, const char *name, uid_t owner, const char *state) {
        _cleanup_free_ char *file = NULL, *text = NULL;
        ck_assert_int_ge(asprintf(&file, "state/agents/%s.json", name), 0);
        ck_assert_int_ge(asprintf(&text,
                                         "{\"schema\": \"mxc-agent-state/1\", \"kind\": "
                                         "\"%s\", \"name\": "
                                         "\"%s\", \"uuid\": "
                                         "\"00000000-0000-4000-8000-000000000000\", "
                                         "\"owner\": %u, \"policy\": \"p\", \"state\": \"%s\", "
                                         "\"reason\": \"\"}",
                                         kind, name, owner, state),
                        0);
        write_file(file, text);
}

/* ---- what a load tells ---- */

typedef struct Telling {
        char *file, *name, *error;
        bool gone, changed, other_policy;
        char policy[16]; /* of the agent; "": none */
        size_t n;
} Telling;

/* Keeps the last one. */
static void on_change(const AgentChange *c, void *userdata) {
        Telling *t = userdata;
        free(t->file);
        free(t->name);
        free(t->error);
        *t = (Telling){ .file = strdup(c->file),
                .name = strdup(c->name),
                .error = c->error ? strdup(c->error) : NULL,
                .gone = c->gone,
                .changed = c->changed,
                .other_policy = c->other_policy,
                .n = t->n + 1 };
        (void)snprintf(t->policy, sizeof(t->policy), "%s", c->agent ? c->agent->policy : "");
}

static void telling_clear(Telling *t) {
        free(t->file);
        free(t->name);
        free(t->error);
        *t = (Telling){ 0 };
}

/* The one file that there is is refused so. */
static void expect_refused(Registry *r, const char *fragment) {
        _cleanup_(telling_clear) Telling t = { 0 };
        ck_assert_int_eq(registry_load(r, on_change, &t), 0);
        ck_assert_uint_eq(t.n, 1);
        ck_assert_msg(t.error && strstr(t.error, fragment), "the error is \"%s\"", t.error);
        ck_assert(strstr(t.error, t.file) == t.error);
}

/* ---- files ---- */

START_TEST(test_files) {
        _cleanup_(registry_freep) Registry *r = host_open();
        write_agent("usr", "coder", "1000", "workspace");
        write_agent("usr", "other", "\"root\"", "locked"); /* by name, of /etc/passwd */
        load(r);
        expect_agent(r, "coder", 1000, AGENT_ACTIVE, "workspace");
        expect_agent(r, "other", 0, AGENT_ACTIVE, "locked");
        ck_assert(!registry_find(r, "coder")->is_default && !registry_find(r, "coder")->is_ephemeral);
        ck_assert_str_eq(registry_find(r, "coder")->description, "of usr");
        _cleanup_free_ char *uuid = strdup(registry_find(r, "coder")->uuid);
        ck_assert_str_ne(uuid, registry_find(r, "other")->uuid);
        write_agent("etc", "coder", "1001", "developer");
        load(r);
        expect_agent(r, "coder", 1001, AGENT_ACTIVE, "developer");
        ck_assert_str_eq(registry_find(r, "coder")->uuid, uuid); /* the same agent */
        remove_file("usr/agents/other.json");
        load(r);
        ck_assert_ptr_null(registry_find(r, "other"));
        ck_assert_ptr_null(registry_get(r, "other", 0));
        _cleanup_(registry_freep) Registry *again = registry_open();
        load(again);
        ck_assert_str_eq(registry_find(again, "coder")->uuid, uuid); /* on this machine, for ever */
}
END_TEST

static const struct {
        const char *text, *fragment;
} bad_files[] = {
        { "{", "not the JSON" },
        { "{}", "has no \"name\"" },
        { "{\"name\": \"x\", \"owner\": 0, \"policy\": \"p\"}", "has no \"schema\"" },
        { "{\"schema\": \"mxc-agent/2\", \"name\": \"x\", \"owner\": 0, \"policy\": \"p\"}", "/schema" },
        { "{\"schema\": \"mxc-agent-state/1\", \"name\": \"x\", \"owner\": 0, \"policy\": \"p\"}",
                        "/schema" },
        { "{\"schema\": \"mxc-agent/1\", \"name\": \"y\", \"owner\": 0, \"policy\": \"p\"}",
                        "must be \"x\"" },
        { "{\"schema\": \"mxc-agent/1\", \"name\": \"x\", \"policy\": \"p\"}", "has no \"owner\"" },
        { "{\"schema\": \"mxc-agent/1\", \"name\": \"x\", \"owner\": 0}", "has no \"policy\"" },
        { "{\"schema\": \"mxc-agent/1\", \"name\": \"x\", \"owner\": -1, \"policy\": \"p\"}", "/owner" },
        { "{\"schema\": \"mxc-agent/1\", \"name\": \"x\", \"owner\": 4294967295, \"policy\": \"p\"}",
                        "/owner" },
        { "{\"schema\": \"mxc-agent/1\", \"name\": \"x\", \"owner\": \"no such user\", \"policy\": \"p\"}",
                        "no user \"no such user\"" },
        { "{\"schema\": \"mxc-agent/1\", \"name\": \"x\", \"owner\": \"\", \"policy\": \"p\"}", "/owner" },
        { "{\"schema\": \"mxc-agent/1\", \"name\": \"x\", \"owner\": 0, \"policy\": \"../p\"}", "/policy" },
        { "{\"schema\": \"mxc-agent/1\", \"name\": \"x\", \"owner\": 0, \"policy\": \"p\", \"state\": "
          "\"active\"}",
                        "unknown key \"state\"" },
        { "{\"schema\": \"mxc-agent/1\", \"name\": \"x\", \"owner\": 0, \"policy\": \"p\", \"description\": "
          "\"a\\nb\"}",
                        "/description" },
};

START_TEST(test_a_bad_file_keeps_the_last_good_agent) {
        _cleanup_(registry_freep) Registry *r = host_open();
        write_file("etc/agents/x.json", bad_files[_i].text);
        expect_refused(r, bad_files[_i].fragment);
        ck_assert_ptr_null(registry_find(r, "x"));
        Agent *none = NULL;
        ck_assert_int_eq(register_agent(r, "x", 1000, &none), -EEXIST); /* the file means somebody */

        write_agent("etc", "x", "1000", "locked");
        load(r);
        const Agent *a = registry_find(r, "x");
        write_file("etc/agents/x.json", bad_files[_i].text);
        expect_refused(r, bad_files[_i].fragment);
        ck_assert_ptr_eq(registry_find(r, "x"), a);
        expect_agent(r, "x", 1000, AGENT_ACTIVE, "locked");
        ck_assert_int_eq(registry_set_state(r, registry_find(r, "x"), AGENT_SUSPENDED, "odd"), 0);
        load(r);
        expect_agent(r, "x", 1000, AGENT_SUSPENDED, "locked");
        write_agent("etc", "x", "1000", "developer");
        load(r);
        expect_agent(r, "x", 1000, AGENT_SUSPENDED, "developer"); /* a good file does not resume it */
}
END_TEST

START_TEST(test_a_file_too_large) {
        _cleanup_(registry_freep) Registry *r = host_open();
        _cleanup_free_ char *text = NULL;
        const char *body = "{\"schema\": \"mxc-agent/1\", \"name\": \"x\", \"owner\": 0, \"policy\": \"p\"}";
        ck_assert_int_ge(asprintf(&text, "%s%*s", body, (int)(LIMIT_AGENT_BYTES + 1 - strlen(body)), ""), 0);
        ck_assert_uint_eq(strlen(text), LIMIT_AGENT_BYTES + 1);
        write_file("etc/agents/x.json", text);
        expect_refused(r, "too large");
        text[LIMIT_AGENT_BYTES] = '\0';
        write_file("etc/agents/x.json", text);
        load(r);
        expect_agent(r, "x", 0, AGENT_ACTIVE, "p");
}
END_TEST

START_TEST(test_what_a_load_tells) {
        _cleanup_(registry_freep) Registry *r = host_open();
        _cleanup_(telling_clear) Telling t = { 0 };
        write_agent("etc", "x", "1000", "locked");
        ck_assert_int_eq(registry_load(r, on_change, &t), 0);
        ck_assert(t.n == 1 && streq(t.name, "x") && t.changed && !t.gone && !t.error);
        ck_assert(streq(t.policy, "locked") && !t.other_policy);
        ck_assert_int_eq(registry_load(r, on_change, &t), 0);
        ck_assert(t.n == 2 && !t.changed);
        write_agent("etc", "x", "1000", "workspace");
        ck_assert_int_eq(registry_load(r, on_change, &t), 0);
        ck_assert(t.n == 3 && t.changed && streq(t.policy, "workspace") && t.other_policy);
        write_agent("etc", "x", "1001", "workspace");
        ck_assert_int_eq(registry_load(r, on_change, &t), 0);
        ck_assert(t.n == 4 && t.changed && streq(t.policy, "workspace") && !t.other_policy);
        remove_file("etc/agents/x.json");
        ck_assert_int_eq(registry_load(r, on_change, &t), 0);
        ck_assert(t.n == 5 && t.changed && t.gone && !t.error && streq(t.policy, "workspace"));
        ck_assert_int_eq(registry_load(r, on_change, &t), 0);
        ck_assert_uint_eq(t.n, 5);
}
END_TEST

/* A file that was refused, or whose name is another agent's, makes nobody known: when it goes, nobody does. */
START_TEST(test_a_bad_file_is_nobody) {
        _cleanup_(registry_freep) Registry *r = host_open();
        _cleanup_(telling_clear) Telling t = { 0 };
        ck_assert_ptr_nonnull(registered(r, "x"));
        static const char *const names[] = { "x", "y" };
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_free_ char *file = NULL;
                ck_assert_int_gt(asprintf(&file, "etc/agents/%s.json", names[i]), 0);
                if (i == 0)
                        write_agent("etc", "x", "0", "developer");
                else
                        write_file(file, "{");
                ck_assert_int_eq(registry_load(r, on_change, &t), 0);
                ck_assert(t.changed && t.error && streq(t.policy, ""));
                remove_file(file);
                ck_assert_int_eq(registry_load(r, on_change, &t), 0);
                ck_assert(t.changed && t.gone && streq(t.policy, ""));
        }
}
END_TEST

START_TEST(test_a_directory_that_others_can_write) {
        _cleanup_(registry_freep) Registry *r = host_open();
        write_agent("etc", "x", "1000", "locked");
        load(r);
        _cleanup_free_ char *agents = path_of("etc/agents");
        ck_assert_int_eq(chmod(agents, 0777), 0);
        write_agent("etc", "x", "1000", "developer");
        _cleanup_(telling_clear) Telling t = { 0 };
        ck_assert_int_eq(registry_load(r, on_change, &t), -EPERM);
        ck_assert(t.n == 1 && streq(t.file, agents) && t.error);
        expect_agent(r, "x", 1000, AGENT_ACTIVE, "locked");
}
END_TEST

/* ---- what runs ---- */

/* Sandboxes and scopes hold on to their agent. */
START_TEST(test_an_agent_in_use_stays_in_its_place) {
        _cleanup_(registry_freep) Registry *r = host_open();
        write_agent("etc", "x", "1000", "locked");
        load(r);
        Agent *a = registry_find(r, "x");
        a->n_sandboxes = 1;
        a->scope = r;
        write_agent("etc", "x", "1001", "developer");
        for (char name[8] = "a0"; name[1] < '9'; name[1]++) /* on both sides of it */
                write_agent("etc", name, "1000", "locked");
        write_agent("etc", "z", "1000", "locked");
        load(r);
        ck_assert_ptr_eq(registry_find(r, "x"), a);
        ck_assert(a->n_sandboxes == 1 && a->scope == r);
        ck_assert_str_eq(a->policy, "developer");

        remove_file("etc/agents/x.json");
        for (unsigned i = 0; i < 2; i++) {
                load(r);
                ck_assert_ptr_eq(registry_find(r, "x"), a);
                expect_agent(r, "x", 1001, AGENT_REVOKED, "developer");
                ck_assert_str_eq(a->reason, "its file is gone");
        }
        a->n_sandboxes = 0;
        load(r);
        ck_assert_ptr_eq(registry_find(r, "x"), a); /* its scope is still there */
        a->scope = NULL;
        load(r);
        ck_assert_ptr_null(registry_find(r, "x"));
}
END_TEST

START_TEST(test_a_file_that_comes_back) {
        _cleanup_(registry_freep) Registry *r = host_open();
        write_agent("etc", "x", "1000", "locked");
        load(r);
        registry_find(r, "x")->n_sandboxes = 1;
        remove_file("etc/agents/x.json");
        load(r);
        write_agent("etc", "x", "1000", "locked");
        load(r);
        expect_agent(r, "x", 1000, AGENT_ACTIVE, "locked"); /* nobody revoked it */
        ck_assert_str_eq(registry_find(r, "x")->reason, "");
        ck_assert_uint_eq(registry_find(r, "x")->n_sandboxes, 1);
}
END_TEST

/* ---- over the bus ---- */

/* Everything that was said is still so in another daemon. */
static Registry *restart(Registry **r) {
        registry_free(*r);
        *r = registry_open();
        load(*r);
        return *r;
}

START_TEST(test_registered_agents_survive) {
        _cleanup_(registry_freep) Registry *r = host_open();
        _cleanup_free_ char *uuid = strdup(registered(r, "x")->uuid);
        expect_agent(r, "x", 1000, AGENT_ACTIVE, "locked");
        expect_agent(restart(&r), "x", 1000, AGENT_ACTIVE, "locked");
        ck_assert_str_eq(registry_find(r, "x")->uuid, uuid);
        ck_assert_str_eq(registry_find(r, "x")->description, "made");
        ck_assert_int_eq(registry_set_policy(r, registry_find(r, "x"), "developer"), 0);
        expect_agent(r, "x", 1000, AGENT_ACTIVE, "developer");
        expect_agent(restart(&r), "x", 1000, AGENT_ACTIVE, "developer");
        ck_assert_int_eq(registry_set_state(r, registry_find(r, "x"), AGENT_SUSPENDED, "looked\nodd"), 0);
        expect_agent(r, "x", 1000, AGENT_SUSPENDED, "developer");
        expect_agent(restart(&r), "x", 1000, AGENT_SUSPENDED, "developer");
        ck_assert_str_eq(registry_find(r, "x")->reason, "looked odd");
        ck_assert_int_eq(registry_set_state(r, registry_find(r, "x"), AGENT_ACTIVE, ""), 0);
        expect_agent(restart(&r), "x", 1000, AGENT_ACTIVE, "developer");
        ck_assert_int_eq(registry_set_state(r, registry_find(r, "x"), AGENT_REVOKED, "was odd"), 0);
        expect_agent(restart(&r), "x", 1000, AGENT_REVOKED, "developer");
        ck_assert_str_eq(registry_find(r, "x")->uuid, uuid);
}
END_TEST

START_TEST(test_there_is_no_way_out_of_revoked) {
        _cleanup_(registry_freep) Registry *r = host_open();
        Agent *a = registered(r, "x"), *other = NULL;
        ck_assert_int_eq(registry_set_state(r, a, AGENT_REVOKED, "odd"), 0);
        for (AgentState s = 0; s < _AGENT_STATE_MAX; s++)
                ck_assert_int_eq(registry_set_state(r, a, s, ""), -EPERM);
        ck_assert_int_eq(registry_set_policy(r, a, "developer"), -EPERM);
        ck_assert_int_eq(register_agent(r, "x", 1000, &other), -EEXIST);
        write_agent("etc", "x", "1000", "developer"); /* nor by a file */
        load(r);
        expect_agent(r, "x", 1000, AGENT_REVOKED, "locked");
        expect_agent(restart(&r), "x", 1000, AGENT_REVOKED, "locked");
        ck_assert_int_eq(register_agent(r, "x", 1001, &other), -EEXIST);
        ck_assert_ptr_null(other);
}
END_TEST

/* The same for an agent of a file, whether or not the file goes. */
START_TEST(test_a_revoked_file_stays_revoked) {
        _cleanup_(registry_freep) Registry *r = host_open();
        Agent *other = NULL;
        write_agent("etc", "x", "1000", "locked");
        load(r);
        ck_assert_int_eq(registry_set_state(r, registry_find(r, "x"), AGENT_REVOKED, "odd"), 0);
        write_agent("etc", "x", "1001", "developer");
        expect_agent(restart(&r), "x", 1001, AGENT_REVOKED, "developer");
        remove_file("etc/agents/x.json");
        load(r);
        ck_assert_int_eq(registry_find(r, "x")->state, AGENT_REVOKED);
        ck_assert_int_eq(register_agent(r, "x", 1000, &other), -EEXIST);
        ck_assert_int_eq(restart(&r) ? registry_find(r, "x")->state : 0, AGENT_REVOKED);
        ck_assert_int_eq(register_agent(r, "x", 1000, &other), -EEXIST);
}
END_TEST

START_TEST(test_a_suspended_file) {
        _cleanup_(registry_freep) Registry *r = host_open();
        Agent *other = NULL;
        write_agent("etc", "x", "1000", "locked");
        load(r);
        ck_assert_int_eq(registry_set_policy(r, registry_find(r, "x"), "developer"),
                        -EROFS); /* the file says it */
        ck_assert_int_eq(registry_set_state(r, registry_find(r, "x"), AGENT_SUSPENDED, "odd"), 0);
        expect_agent(restart(&r), "x", 1000, AGENT_SUSPENDED, "locked");
        remove_file("etc/agents/x.json");
        expect_agent(restart(&r), "x", 1000, AGENT_SUSPENDED, "locked"); /* nothing is forgotten */
        write_agent("etc", "x", "1000", "workspace");
        load(r);
        expect_agent(r, "x", 1000, AGENT_SUSPENDED, "workspace");
        ck_assert_int_eq(registry_set_state(r, registry_find(r, "x"), AGENT_ACTIVE, ""), 0);
        expect_agent(restart(&r), "x", 1000, AGENT_ACTIVE, "workspace");
        remove_file("etc/agents/x.json");
        load(r);
        ck_assert_ptr_null(registry_find(r, "x"));
        ck_assert_int_eq(register_agent(r, "x", 1000, &other),
                        -EEXIST); /* there are records of another by that name */
        write_agent("etc", "x", "1000", "workspace");
        load(r);
        expect_agent(r, "x", 1000, AGENT_ACTIVE, "workspace");
}
END_TEST

START_TEST(test_a_file_cannot_take_a_registered_name) {
        _cleanup_(registry_freep) Registry *r = host_open();
        _cleanup_free_ char *uuid = strdup(registered(r, "x")->uuid);
        write_agent("etc", "x", "0", "developer");
        expect_refused(r, "taken by an agent that was registered");
        expect_agent(r, "x", 1000, AGENT_ACTIVE, "locked");
        expect_agent(restart(&r), "x", 1000, AGENT_ACTIVE, "locked");
        ck_assert_str_eq(registry_find(r, "x")->uuid, uuid);
        remove_file("etc/agents/x.json");
        load(r);
        expect_agent(r, "x", 1000, AGENT_ACTIVE, "locked");
}
END_TEST

/* A record that cannot be read may be that of a revoked agent. */
START_TEST(test_a_broken_record) {
        static const char *const broken[] = { "", "{",
                "{\"schema\": \"mxc-agent/1\", \"name\": \"x\", \"owner\": 1000, \"policy\": \"p\"}",
                "{\"schema\": \"mxc-agent-state/1\", \"name\": \"x\", \"owner\": 1000, \"policy\": \"p\", "
                "\"state\": \"active\"}",
                "{\"schema\": \"mxc-agent-state/1\", \"kind\": \"default\", \"name\": \"x\", \"uuid\": "
                "\"00000000-0000-4000-8000-000000000000\", \"owner\": 1000, \"policy\": \"p\", \"state\": "
                "\"active\", "
                "\"reason\": \"\"}" };
        _cleanup_(registry_freep) Registry *r = host_open();
        for (size_t i = 0; i < ELEMENTSOF(broken); i++) {
                Agent *other = NULL;
                write_file("state/agents/x.json", broken[i]);
                ck_assert_ptr_null(registry_find(restart(&r), "x"));
                ck_assert_ptr_null(registry_get(r, "x", 0));
                ck_assert_int_eq(register_agent(r, "x", 1000, &other), -EEXIST);
                write_agent("etc", "x", "1000", "locked");
                load(r);
                ck_assert_ptr_null(registry_find(r, "x")); /* nor does a file make it good */
                remove_file("etc/agents/x.json");
        }
        remove_file("state/agents/x.json");
        load(r);
        Agent *a = registered(r, "x");
        write_file("state/agents/x.json", "{");
        load(r);
        ck_assert_ptr_eq(registry_find(r, "x"), a); /* what was known of it is known still */
        write_file("state/agents/user-1000.json", "{");
        ck_assert_ptr_null(registry_get(restart(&r), "", 1000));
        ck_assert_ptr_nonnull(registry_get(r, "", 1001));
}
END_TEST

START_TEST(test_a_failed_write_changes_nothing) {
        _cleanup_(registry_freep) Registry *r = host_open();
        Agent *a = registered(r, "x"), *other = NULL, *own = registry_get(r, "", 1000);
        _cleanup_free_ char *blocked = path_of("state/agents/.x.json.new"),
                            *y = path_of("state/agents/.y.json.new"),
                            *u = path_of("state/agents/.user-1000.json.new");
        ck_assert_int_eq(mkdir(blocked, 0700), 0); /* a directory in the way of the temporary file */
        ck_assert_int_eq(mkdir(y, 0700), 0);
        ck_assert_int_eq(mkdir(u, 0700), 0);
        ck_assert_int_lt(registry_set_state(r, a, AGENT_REVOKED, "odd"), 0);
        ck_assert_int_lt(registry_set_policy(r, a, "developer"), 0);
        ck_assert_int_lt(register_agent(r, "y", 1000, &other), 0);
        ck_assert_int_lt(registry_set_state(r, own, AGENT_SUSPENDED, "odd"), 0);
        ck_assert(own->is_ephemeral && own->state == AGENT_ACTIVE);
        expect_agent(r, "x", 1000, AGENT_ACTIVE, "locked");
        ck_assert_str_eq(a->reason, "");
        ck_assert_ptr_null(registry_find(r, "y"));
        ck_assert_int_eq(rmdir(y), 0);
        registered(r, "y");
}
END_TEST

START_TEST(test_reasons_of_any_bytes) {
        _cleanup_(registry_freep) Registry *r = host_open();
        Agent *a = registered(r, "x");
        char reason[LIMIT_DESCRIPTION_BYTES + 3];
        memset(reason, 'r', sizeof(reason) - 1);
        reason[sizeof(reason) - 1] = '\0';
        memcpy(reason + LIMIT_DESCRIPTION_BYTES - 1, "\xc3\xbc", 2); /* over the limit */
        ck_assert_int_eq(registry_set_state(r, a, AGENT_SUSPENDED, reason), 0);
        ck_assert_uint_eq(strlen(registry_find(restart(&r), "x")->reason), LIMIT_DESCRIPTION_BYTES - 1);
        ck_assert_int_eq(registry_set_state(r, registry_find(r, "x"), AGENT_SUSPENDED, "\"\\\x1b[31m\x7f"),
                        0);
        ck_assert_str_eq(registry_find(restart(&r), "x")->reason, "\"\\ [31m ");
        ck_assert_int_lt(registry_set_state(r, registry_find(r, "x"), AGENT_ACTIVE, "\xff"), 0);
        expect_agent(r, "x", 1000, AGENT_SUSPENDED, "locked");
}
END_TEST

/* ---- default agents ---- */

START_TEST(test_default_agents) {
        _cleanup_(registry_freep) Registry *r = host_open();
        ck_assert_ptr_null(registry_find(r, "user-1000"));
        Agent *a = registry_get(r, "", 1000);
        ck_assert_str_eq(a->name, "user-1000");
        ck_assert(a->is_default && a->is_ephemeral && a->owner == 1000);
        ck_assert_str_eq(a->policy, MXC_DEFAULT_POLICY);
        ck_assert_ptr_eq(registry_get(r, "", 1000), a);
        ck_assert_ptr_eq(registry_get(r, "user-1000", 1000), a);
        ck_assert_ptr_eq(registry_get(r, "user-1000", 1001),
                        a); /* it is there; whether it may be used is another's question */
        ck_assert_ptr_eq(registry_find(r, "user-1000"), a);
        ck_assert_ptr_null(registry_get(r, "user-1002", 1001)); /* nobody makes other people's */
        ck_assert_ptr_nonnull(registry_get(r, "user-1002", 0));
        ck_assert(!file_exists("state/agents/user-1000.json"));
        load(r);
        ck_assert_ptr_eq(registry_find(r, "user-1000"), a);
        _cleanup_free_ char *uuid = strdup(a->uuid);
        ck_assert_str_eq(registry_get(restart(&r), "", 1000)->uuid, uuid);
        ck_assert_str_ne(registry_get(r, "", 1001)->uuid, uuid);
        static const char *const odd[] = { "user-", "user-01000", "user-4294967295", "user-4294967296",
                "user-18446744073709552616", "user-1000x", "user--1", "User-1000" };
        for (size_t i = 0; i < ELEMENTSOF(odd); i++)
                ck_assert_ptr_null(registry_get(r, odd[i], 0));
        ck_assert_ptr_nonnull(registry_get(r, "", 4294967294U));
        ck_assert_ptr_nonnull(registry_get(r, "", 0));
}
END_TEST

/* Anybody may ask what anybody's is: nothing is made of it. */
START_TEST(test_what_a_default_agent_would_be) {
        _cleanup_(registry_freep) Registry *r = host_open();
        const Agent *a = registry_peek(r, "user-1000");
        ck_assert(a && a->is_default && a->owner == 1000 && a->state == AGENT_ACTIVE && !a->scope);
        ck_assert_str_eq(a->policy, MXC_DEFAULT_POLICY);
        ck_assert_ptr_eq(registry_peek(r, "user-1000"), a);
        ck_assert_ptr_null(registry_find(r, "user-1000"));
        _cleanup_free_ char *uuid = strdup(a->uuid);
        ck_assert_int_eq(registry_peek(r, "user-1001")->owner, 1001);
        ck_assert_ptr_null(registry_peek(r, "nobody"));
        ck_assert_ptr_null(registry_peek(r, "user-01000"));
        Agent *made = registry_get(r, "user-1000", 0);
        ck_assert_str_eq(made->uuid, uuid);
        ck_assert_ptr_eq(registry_peek(r, "user-1000"), made);
}
END_TEST

START_TEST(test_what_is_done_to_default_agents_is_kept) {
        _cleanup_(registry_freep) Registry *r = host_open();
        ck_assert_int_eq(registry_set_state(r, registry_get(r, "", 1000), AGENT_SUSPENDED, "odd"), 0);
        ck_assert_int_eq(registry_set_policy(r, registry_get(r, "", 1001), "locked"), 0);
        Agent *a = registry_get(restart(&r), "", 1000), *b = registry_get(r, "", 1001);
        ck_assert(a->is_default && !a->is_ephemeral && a->state == AGENT_SUSPENDED && a->owner == 1000);
        ck_assert_str_eq(a->reason, "odd");
        ck_assert(b->is_default && !b->is_ephemeral && b->state == AGENT_ACTIVE);
        ck_assert_str_eq(b->policy, "locked");
        ck_assert_int_eq(registry_set_state(r, a, AGENT_REVOKED, "very odd"), 0);
        ck_assert_int_eq(registry_get(restart(&r), "", 1000)->state, AGENT_REVOKED);
}
END_TEST

START_TEST(test_reserved_names) {
        _cleanup_(registry_freep) Registry *r = host_open();
        Agent *a = NULL;
        ck_assert_int_eq(register_agent(r, "user-1000", 1000, &a), -EPERM);
        ck_assert_int_eq(register_agent(r, "user-01000", 1000, &a), -EPERM);
        ck_assert_int_eq(register_agent(r, "user-99999999999999999999", 1000, &a), -EPERM);
        registered(r, "user-x");
        registered(r, "user-");
        write_agent("etc", "user-1000", "0", "developer");
        expect_refused(r, "default agents");
        a = registry_get(r, "", 1000); /* its own all the same */
        ck_assert(a && a->owner == 1000 && a->is_default);
        load(r);
        ck_assert_ptr_eq(registry_get(r, "", 1000), a);
}
END_TEST

START_TEST(test_further_default_agents) {
        _cleanup_(registry_freep) Registry *r = host_open();
        Agent *a = NULL;
        uid_t uid;
        static const struct {
                const char *name;
                bool own;
                uid_t uid;
        } names[] = { { "user-1000-a", true, 1000 }, { "user-0-a", true, 0 }, { "user-1000--", true, 1000 },
                { "user-01000-a", true, (uid_t)-1 }, { "user-4294967295-a", true, (uid_t)-1 },
                { "user-99999999999999999999999-a", true, (uid_t)-1 }, { "user-1000", false, (uid_t)-1 },
                { "user-1000-", false, (uid_t)-1 }, { "user--a", false, (uid_t)-1 },
                { "user-x-a", false, (uid_t)-1 }, { "users-1-a", false, (uid_t)-1 } };
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                ck_assert_msg(agent_name_is_own(names[i].name, &uid) == names[i].own, "%s", names[i].name);
                ck_assert_uint_eq(uid, names[i].uid);
        }
        ck_assert_int_eq(register_agent(r, "user-1001-a", 1000, &a), -EPERM);
        ck_assert_int_eq(register_agent(r, "user-01000-a", 1000, &a), -EPERM);
        ck_assert_int_eq(register_agent(r, "user-1000-a", 1000, &a), 0);
        ck_assert(a->is_default && !a->is_ephemeral && a->owner == 1000); /* the ceiling alone bounds it */
        _cleanup_free_ char *uuid = strdup(a->uuid);
        a = registry_find(restart(&r), "user-1000-a");
        ck_assert(a && a->is_default && a->owner == 1000);
        ck_assert_str_eq(a->uuid, uuid);
        write_agent("etc", "user-1000-b", "1000", "developer");
        expect_refused(r, "default agents");
        ck_assert_ptr_null(registry_find(r, "user-1000-b"));
}
END_TEST

START_TEST(test_what_is_said_against_a_user_is_said_against_all) {
        _cleanup_(registry_freep) Registry *r = host_open();
        Agent *a = NULL, *other = NULL;
        ck_assert_int_eq(register_agent(r, "user-1000-a", 1000, &a), 0);
        ck_assert_int_eq(register_agent(r, "user-1001-a", 1001, &other), 0);
        ck_assert_ptr_null(registry_against(r, a));
        Agent *p = registry_get(r, "", 1000);
        ck_assert_ptr_null(registry_against(r, a));
        ck_assert(agent_goes_with(a, p) && agent_goes_with(p, p) && agent_goes_with(a, a));
        ck_assert(!agent_goes_with(p, a) && !agent_goes_with(other, p) && !agent_goes_with(other, a));
        ck_assert_int_eq(registry_set_state(r, p, AGENT_SUSPENDED, "odd"), 0);
        a = registry_find(restart(&r), "user-1000-a");
        ck_assert_ptr_eq(registry_against(r, a), registry_find(r, "user-1000"));
        ck_assert_ptr_null(registry_against(r, registry_find(r, "user-1001-a")));
        ck_assert_int_eq(registry_set_state(r, registry_find(r, "user-1000"), AGENT_ACTIVE, ""), 0);
        ck_assert_ptr_null(registry_against(r, a));
        ck_assert_int_eq(registry_set_state(r, a, AGENT_SUSPENDED, ""), 0);
        ck_assert_ptr_eq(registry_against(r, a), a);
}
END_TEST

/* One that an administrator registered before there were further ones is bound by its policy as before, and not its owner's to revoke. */
START_TEST(test_names_of_further_agents_from_before) {
        _cleanup_(registry_freep) Registry *r = host_open();
        write_record("registered", "user-1000-ci", 1000, "active");
        write_record("registered", "user-1001-ci", 1000, "revoked");
        ck_assert_int_eq(registry_set_state(r, registry_get(r, "", 1000), AGENT_SUSPENDED, "odd"), 0);
        Agent *a = registry_find(restart(&r), "user-1000-ci"), *other = NULL;
        ck_assert(a && !a->is_default && a->state == AGENT_ACTIVE && a->owner == 1000);
        ck_assert_str_eq(a->policy, "p");
        ck_assert_ptr_null(registry_against(r, a));
        ck_assert(!agent_goes_with(a, registry_get(r, "", 1000)));
        ck_assert_int_eq(register_agent(r, "user-1000-x", 1000, &other), 0);
        ck_assert_int_eq(register_agent(r, "user-1001-ci", 1001, &other), -EEXIST); /* taken for ever */
        ck_assert_int_eq(registry_set_state(r, a, AGENT_REVOKED, ""), 0);
        ck_assert_int_eq(register_agent(r, "user-1000-ci", 1000, &other), -EEXIST);
        /* a record that says it is a further one is one of that uid's, or none */
        write_record("further", "user-1002-x", 1000, "active");
        ck_assert_ptr_null(registry_find(restart(&r), "user-1002-x"));
}
END_TEST

/* Nor is who cannot be read anybody who may go on under another name. */
START_TEST(test_a_broken_record_of_a_user_bars_all) {
        _cleanup_(registry_freep) Registry *r = host_open();
        Agent *a = NULL;
        ck_assert_int_eq(register_agent(r, "user-1000-a", 1000, &a), 0);
        ck_assert_int_eq(register_agent(r, "user-1001-a", 1001, &a), 0);
        ck_assert_int_eq(registry_set_state(r, registry_get(r, "", 1000), AGENT_REVOKED, "odd"), 0);
        write_file("state/agents/user-1000.json", "{");
        a = registry_find(restart(&r), "user-1000-a");
        ck_assert_ptr_nonnull(a);
        const Agent *who = registry_against(r, a);
        ck_assert_ptr_nonnull(who);
        ck_assert_str_eq(who->name, "user-1000");
        ck_assert_int_eq(who->state, AGENT_SUSPENDED);
        ck_assert_str_ne(who->reason, "");
        ck_assert_ptr_null(registry_find(r, "user-1000"));
        ck_assert_ptr_null(registry_against(r, registry_find(r, "user-1001-a")));
        ck_assert_int_eq(register_agent(r, "user-1000-b", 1000, &a), 0);
        ck_assert_ptr_eq(registry_against(r, a), who);
        remove_file("state/agents/user-1000.json"); /* an administrator has seen to it */
        load(r);
        ck_assert_ptr_null(registry_against(r, a));
}
END_TEST

START_TEST(test_names_of_further_agents_are_free_again) {
        _cleanup_(registry_freep) Registry *r = host_open();
        Agent *a = NULL, *busy = NULL;
        ck_assert_int_eq(register_agent(r, "user-1000-a", 1000, &a), 0);
        ck_assert_int_eq(register_agent(r, "user-1000-busy", 1000, &busy), 0);
        _cleanup_free_ char *uuid = strdup(a->uuid);
        busy->n_sandboxes = 1;
        ck_assert_int_eq(registry_set_state(r, a, AGENT_REVOKED, ""), 0);
        ck_assert_int_eq(registry_set_state(r, busy, AGENT_REVOKED, ""), 0);
        ck_assert(file_exists("state/agents/user-1000-a.json"));
        ck_assert_int_eq(register_agent(r, "user-1000-busy", 1000, &a),
                        -EEXIST); /* it still runs something */
        const AgentDocument again = {
                .name = (char *)"user-1000-a", .policy = (char *)"locked", .owner = 1000
        };
        ck_assert_int_eq(registry_may_register(r, &again), 0);
        ck_assert(file_exists("state/agents/user-1000-a.json")); /* to ask, or to be refused, does nothing */
        ck_assert_int_eq(registry_find(r, "user-1000-a")->state, AGENT_REVOKED);
        ck_assert_int_eq(register_agent(r, "user-1000-other", 1000, &a), 0);
        ck_assert(!file_exists("state/agents/user-1000-a.json"));
        ck_assert_ptr_null(registry_find(r, "user-1000-a"));
        ck_assert_int_eq(register_agent(r, "user-1000-a", 1000, &a), 0);
        ck_assert_str_ne(a->uuid, uuid); /* another one, in records too */
        ck_assert_int_eq(registry_set_state(r, a, AGENT_REVOKED, ""), 0);
        ck_assert_int_eq(register_agent(r, "user-1000-a", 1000, &a), 0); /* at once in its own place */
        ck_assert_int_eq(registry_find(restart(&r), "user-1000-a")->state, AGENT_ACTIVE);
}
END_TEST

START_TEST(test_as_many_further_agents_as_a_user_may_have) {
        _cleanup_(registry_freep) Registry *r = host_open();
        Agent *a = NULL;
        char name[32];
        for (unsigned i = 0; i < LIMIT_AGENTS_OF_USER; i++) {
                (void)snprintf(name, sizeof(name), "user-1000-%u", i);
                ck_assert_int_eq(register_agent(r, name, 1000, &a), 0);
        }
        ck_assert_int_eq(register_agent(r, "user-1000-more", 1000, &a), -EDQUOT);
        ck_assert_int_eq(register_agent(r, "user-1001-more", 1001, &a), 0);
        registered(r, "an-administrators");
        ck_assert_int_eq(registry_set_state(r, registry_find(r, "user-1000-0"), AGENT_REVOKED, ""), 0);
        ck_assert_int_eq(register_agent(r, "user-1000-more", 1000, &a), 0);
}
END_TEST

static void count(Agent *a, void *userdata) {
        (*(size_t *)userdata)++;
}

static size_t count_agents(Registry *r) {
        size_t n = 0;
        registry_for_each(r, count, &n);
        return n;
}

START_TEST(test_idle_default_agents_give_way) {
        _cleanup_(registry_freep) Registry *r = host_open();
        Agent *kept = registry_get(r, "", 100000), *busy = registry_get(r, "", 100001),
              *used = registry_get(r, "", 100002);
        ck_assert_int_eq(registry_set_state(r, kept, AGENT_SUSPENDED, ""), 0);
        busy->n_sandboxes = 1;
        for (uid_t i = 2; i < LIMIT_AGENTS; i++)
                ck_assert_ptr_nonnull(registry_get(r, "", 100001 + i));
        ck_assert_uint_eq(count_agents(r), 1 + LIMIT_AGENTS);
        ck_assert_ptr_eq(
                        registry_get(r, "", 100002), used); /* still there at n, and now the last one used */
        ck_assert_ptr_nonnull(registry_get(r, "", 200000));
        ck_assert_uint_eq(count_agents(r), 1 + LIMIT_AGENTS);
        ck_assert_ptr_nonnull(registry_find(r, "user-100000")); /* kept on disk */
        ck_assert_ptr_eq(registry_find(r, "user-100001"), busy);
        ck_assert_ptr_eq(registry_find(r, "user-100002"), used);
        ck_assert_ptr_null(registry_find(r, "user-100003")); /* asked for least recently */
}
END_TEST

START_TEST(test_no_room_where_all_are_busy) {
        _cleanup_(registry_freep) Registry *r = host_open();
        for (uid_t i = 0; i < LIMIT_AGENTS; i++)
                registry_get(r, "", i)->n_sandboxes = 1;
        ck_assert_ptr_null(registry_get(r, "", LIMIT_AGENTS));
        registry_find(r, "user-7")->n_sandboxes = 0;
        ck_assert_ptr_nonnull(registry_get(r, "", LIMIT_AGENTS));
        ck_assert_ptr_null(registry_find(r, "user-7"));
}
END_TEST

/* ---- limits, order ---- */

static void write_records(unsigned n, const char *state) {
        char name[16];
        for (unsigned i = 0; i < n; i++) {
                (void)snprintf(name, sizeof(name), "a%05u", i);
                write_record("registered", name, 1000, state);
        }
}

START_TEST(test_so_many_agents) {
        _cleanup_(registry_freep) Registry *r = host_open();
        Agent *a = NULL;
        write_records(LIMIT_AGENTS - 1, "active");
        load(r);
        ck_assert_uint_eq(count_agents(r), LIMIT_AGENTS - 1);
        registered(r, "last");
        ck_assert_int_eq(register_agent(r, "more", 1000, &a), -E2BIG);
        ck_assert_ptr_null(a);
        ck_assert(!file_exists("state/agents/more.json"));
        ck_assert_int_eq(registry_set_state(r, registry_find(r, "last"), AGENT_REVOKED, ""), 0);
        registered(r, "more"); /* revoked ones do not count */
        ck_assert_int_eq(register_agent(r, "last", 1000, &a), -EEXIST);
        ck_assert_ptr_nonnull(registry_get(r, "", 1000)); /* nor do default ones */
}
END_TEST

static void write_further(uid_t first, unsigned users, unsigned each) {
        char name[32];
        for (unsigned i = 0; i < users * each; i++) {
                uid_t uid = first + i / each;
                (void)snprintf(name, sizeof(name), "user-%u-%u", uid, i % each);
                write_record("further", name, uid, "active");
        }
}

/* LIMIT_AGENTS_SHARE: as many users as have all that one may have leave some for each that comes, and in the end a first one. */
START_TEST(test_users_leave_each_other_some) {
        _cleanup_(registry_freep) Registry *r = host_open();
        Agent *a = NULL;
        char name[32];
        const unsigned crowd = LIMIT_AGENTS / LIMIT_AGENTS_OF_USER;
        write_further(2000, crowd, LIMIT_AGENTS_OF_USER);
        load(r);
        ck_assert_uint_eq(count_agents(r), crowd * LIMIT_AGENTS_OF_USER);
        ck_assert_int_eq(register_agent(r, "user-2000-more", 2000, &a), -EDQUOT);
        unsigned n = 0;
        int k = 0;
        for (; k == 0; n += k == 0) {
                (void)snprintf(name, sizeof(name), "user-1000-%u", n);
                k = register_agent(r, name, 1000, &a);
        }
        ck_assert_int_eq(k, -EUSERS);
        ck_assert_uint_eq(n, 1 + crowd / (LIMIT_AGENTS_SHARE + 1) +
                                             1); /* one's first, and of as many as are left */
        ck_assert_int_eq(register_agent(r, "user-1001-0", 1001, &a),
                        0); /* and the next has one all the same */
        registered(r, "an-administrators");
        ck_assert_int_eq(registry_set_state(r, registry_find(r, "user-2000-0"), AGENT_REVOKED, ""), 0);
        ck_assert_int_eq(register_agent(r, "user-2000-more", 2000, &a),
                        -EUSERS); /* who had more than is fair now */
}
END_TEST

/* However many act together, nobody who comes for the first time finds nothing, nor does an administrator: all is taken, of what is shared. */
START_TEST(test_a_crowd_shuts_nobody_out) {
        _cleanup_(registry_freep) Registry *r = host_open();
        Agent *a = NULL;
        const unsigned shared = LIMIT_AGENTS_OF_USER - 1, crowd = LIMIT_AGENTS / shared;
        write_further(2000, crowd, LIMIT_AGENTS_OF_USER);
        write_further(1000, 1, LIMIT_AGENTS - crowd * shared);
        load(r);
        ck_assert_int_eq(register_agent(r, "user-1000-last", 1000, &a), 0);
        ck_assert_int_eq(register_agent(r, "user-1000-more", 1000, &a), -EUSERS);
        for (uid_t uid = 1001; uid < 1101; uid++) {
                char name[32];
                (void)snprintf(name, sizeof(name), "user-%u-1", uid);
                ck_assert_int_eq(register_agent(r, name, uid, &a), 0);
                (void)snprintf(name, sizeof(name), "user-%u-2", uid);
                ck_assert_int_eq(register_agent(r, name, uid, &a), -EUSERS);
        }
        registered(r, "an-administrators");
        ck_assert_int_eq(registry_set_state(r, registry_find(r, "user-2000-0"), AGENT_REVOKED, ""), 0);
        ck_assert_int_eq(register_agent(r, "user-1001-2", 1001, &a), 0);
        ck_assert_int_eq(register_agent(r, "user-1002-2", 1002, &a), -EUSERS);
        ck_assert_ptr_nonnull(registry_find(restart(&r), "user-1001-2")); /* all are read again */
        ck_assert_ptr_nonnull(registry_find(r, "an-administrators"));
}
END_TEST

/* LIMIT_AGENTS_FIRST: so many users have a first one. What users have made for themselves takes nothing of what administrators make. */
START_TEST(test_so_many_users_have_a_first_one) {
        _cleanup_(registry_freep) Registry *r = host_open();
        Agent *a = NULL;
        write_further(2000, LIMIT_AGENTS_FIRST - 1, 1);
        write_records(LIMIT_AGENT_RECORDS - 1, "revoked");
        load(r);
        ck_assert_int_eq(register_agent(r, "user-1000-1", 1000, &a), 0);
        ck_assert_int_eq(register_agent(r, "user-1001-1", 1001, &a), -EUSERS);
        ck_assert_int_eq(register_agent(r, "user-1000-2", 1000, &a),
                        0); /* of what is shared there is enough */
        registered(r, "last");
        ck_assert_int_eq(register_agent(r, "more", 1000, &a), -E2BIG);
        ck_assert_int_eq(registry_set_state(r, registry_find(r, "user-2000-0"), AGENT_REVOKED, ""), 0);
        ck_assert_int_eq(register_agent(r, "user-1001-1", 1001, &a), 0);
        ck_assert_ptr_nonnull(registry_find(restart(&r), "user-1001-1")); /* all are read again */
}
END_TEST

START_TEST(test_so_many_names_are_taken) {
        _cleanup_(registry_freep) Registry *r = host_open();
        Agent *a = NULL;
        write_records(LIMIT_AGENT_RECORDS - 1, "revoked");
        load(r);
        ck_assert_uint_eq(count_agents(r), LIMIT_AGENT_RECORDS - 1);
        registered(r, "last");
        ck_assert_int_eq(register_agent(r, "more", 1000, &a), -E2BIG);
        expect_agent(restart(&r), "last", 1000, AGENT_ACTIVE, "locked"); /* all are read again */
}
END_TEST

START_TEST(test_so_many_files) {
        _cleanup_(registry_freep) Registry *r = host_open();
        char name[16];
        for (unsigned i = 0; i < LIMIT_AGENTS; i++) {
                (void)snprintf(name, sizeof(name), "f%05u", i);
                write_agent("usr", name, "1000", "locked");
        }
        load(r);
        ck_assert_uint_eq(count_agents(r), LIMIT_AGENTS);
        write_agent("usr", "more", "1000", "locked");
        load(r);
        ck_assert_uint_eq(count_agents(r), LIMIT_AGENTS);
        ck_assert_ptr_null(registry_find(r, "more"));
}
END_TEST

static void in_order(Agent *a, void *userdata) {
        const char **last = userdata;
        ck_assert_int_lt(strcmp(*last, a->name), 0);
        *last = a->name;
}

START_TEST(test_order) {
        _cleanup_(registry_freep) Registry *r = host_open();
        static const char *const names[] = { "m", "a", "z", "b-1", "b", "0" };
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (i % 2 == 0)
                        registered(r, names[i]);
                else
                        write_agent("etc", names[i], "0", "locked");
        write_file("etc/agents/bad.json", "{");
        (void)registry_get(r, "", 1000);
        load(r);
        const char *last = "";
        registry_for_each(r, in_order, &last);
        ck_assert_uint_eq(count_agents(r), ELEMENTSOF(names) + 1);
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                ck_assert_ptr_nonnull(registry_find(r, names[i]));
}
END_TEST

/* ---- documents of callers ---- */

START_TEST(test_documents) {
        AgentDocument d = { 0 };
        char *sentence = NULL;
        static const char whole[] = "{\"schema\": \"mxc-agent/1\", \"name\": \"x\", \"owner\": \"alice\", "
                                    "\"policy\": \"p\", "
                                    "\"description\": \"d\"}",
                          least[] = "{\"name\": \"x\", \"policy\": \"p\"}",
                          number[] = "{\"name\": \"x\", \"policy\": \"p\", \"owner\": 7}";
        ck_assert_int_eq(agent_document_parse(whole, strlen(whole), &d, &sentence), 0);
        ck_assert(streq(d.owner_name, "alice") && d.owner == (uid_t)-1 && streq(d.description, "d"));
        agent_document_clear(&d);
        ck_assert_int_eq(agent_document_parse(least, strlen(least), &d, &sentence), 0);
        ck_assert(!d.owner_name && d.owner == (uid_t)-1 && streq(d.description, ""));
        agent_document_clear(&d);
        ck_assert_int_eq(agent_document_parse(number, strlen(number), &d, &sentence), 0);
        ck_assert(!d.owner_name && d.owner == 7);
        agent_document_clear(&d);
        ck_assert_ptr_null(sentence);
        char large[LIMIT_AGENT_BYTES + 1]; /* n, and n + 1 */
        memset(large, ' ', sizeof(large));
        memcpy(large, least, strlen(least));
        ck_assert_int_eq(agent_document_parse(large, LIMIT_AGENT_BYTES, &d, &sentence), 0);
        agent_document_clear(&d);
        ck_assert_int_eq(agent_document_parse(large, LIMIT_AGENT_BYTES + 1, &d, &sentence), -EINVAL);
        ck_assert(strstr(sentence, "16384 bytes"));
        free(sentence);
        sentence = NULL;
        static const char *const bad[] = { "", "[]", "{\"name\": \"x\"}", "{\"policy\": \"p\"}",
                "{\"name\": \"x\", \"policy\": \"p\", \"uuid\": \"1\"}",
                "{\"name\": \"x\", \"policy\": \"p\", \"policy\": \"q\"}",
                "{\"name\": \"X\", \"policy\": \"p\"}", "{\"name\": \"x\", \"policy\": 1}",
                "{\"name\": \"x\", \"policy\": \"p\", \"owner\": 1.0}",
                "{\"name\": \"x\", \"policy\": \"p\", \"owner\": null}" };
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                ck_assert_int_eq(agent_document_parse(bad[i], strlen(bad[i]), &d, &sentence), -EINVAL);
                ck_assert(strstr(sentence, "the agent:") == sentence);
                free(sentence);
                sentence = NULL;
        }
}
END_TEST

int main(void) {
        TCase *t = daemon_case("registry");
        tcase_add_test(t, test_files);
        tcase_add_loop_test(t, test_a_bad_file_keeps_the_last_good_agent, 0, ELEMENTSOF(bad_files));
        tcase_add_test(t, test_a_file_too_large);
        tcase_add_test(t, test_what_a_load_tells);
        tcase_add_test(t, test_a_bad_file_is_nobody);
        tcase_add_test(t, test_a_directory_that_others_can_write);
        tcase_add_test(t, test_an_agent_in_use_stays_in_its_place);
        tcase_add_test(t, test_a_file_that_comes_back);
        tcase_add_test(t, test_registered_agents_survive);
        tcase_add_test(t, test_there_is_no_way_out_of_revoked);
        tcase_add_test(t, test_a_revoked_file_stays_revoked);
        tcase_add_test(t, test_a_suspended_file);
        tcase_add_test(t, test_a_file_cannot_take_a_registered_name);
        tcase_add_test(t, test_a_broken_record);
        tcase_add_test(t, test_a_failed_write_changes_nothing);
        tcase_add_test(t, test_reasons_of_any_bytes);
        tcase_add_test(t, test_default_agents);
        tcase_add_test(t, test_what_a_default_agent_would_be);
        tcase_add_test(t, test_what_is_done_to_default_agents_is_kept);
        tcase_add_test(t, test_reserved_names);
        tcase_add_test(t, test_further_default_agents);
        tcase_add_test(t, test_what_is_said_against_a_user_is_said_against_all);
        tcase_add_test(t, test_names_of_further_agents_from_before);
        tcase_add_test(t, test_a_broken_record_of_a_user_bars_all);
        tcase_add_test(t, test_names_of_further_agents_are_free_again);
        tcase_add_test(t, test_as_many_further_agents_as_a_user_may_have);
        tcase_add_test(t, test_idle_default_agents_give_way);
        tcase_add_test(t, test_no_room_where_all_are_busy);
        tcase_add_test(t, test_so_many_agents);
        tcase_add_test(t, test_users_leave_each_other_some);
        tcase_add_test(t, test_a_crowd_shuts_nobody_out);
        tcase_add_test(t, test_so_many_users_have_a_first_one);
        tcase_add_test(t, test_so_many_names_are_taken);
        tcase_add_test(t, test_so_many_files);
        tcase_add_test(t, test_order);
        tcase_add_test(t, test_documents);
        return run_daemon_case(t);
}
