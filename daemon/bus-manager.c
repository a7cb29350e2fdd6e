/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <sys/mman.h>

#include "act.h"
#include "bus-error.h"
#include "bus.h"
#include "cgroup-path.h"
#include "cleanup.h"
#include "dump.h"
#include "log.h"
#include "names.h"
#include "sandbox.h"
#include "spawn.h"

DEFINE_CLEANUP(Policy *, policy_unref);

/* ---- lists; each shows the caller what is its own, and administrators everything ---- */

static void reply_made(Act *a, sd_bus_message *reply, int r) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        if (r >= 0) {
                act_reply_message(a, reply);
                return;
        }
        sd_bus_message_unref(reply);
        (void)bus_error_internal(&error, r, "The answer cannot be made"); /* returns what it sets */
        act_reply_error(a, &error);
}

typedef struct Listing {
        Act *act;
        sd_bus_message *reply;
        size_t n; /* agents, or sandboxes */
        int r;
} Listing;

static bool is_listed(const Listing *l, uid_t owner) {
        return l->r >= 0 && (l->act->sees_all || l->act->caller->uid == owner);
}

static void count_agent(Agent *agent, void *userdata) {
        Listing *l = userdata;
        l->n += is_listed(l, agent->owner);
}

static void list_agent(Agent *agent, void *userdata) {
        Listing *l = userdata;
        if (!is_listed(l, agent->owner))
                return;
        _cleanup_free_ char *path = agent_object_path(agent->name);
        l->r = path ? sd_bus_message_open_container(l->reply, 'r', "oa{sv}") : -ENOMEM;
        if (l->r >= 0)
                l->r = sd_bus_message_append(l->reply, "o", path);
        if (l->r >= 0)
                l->r = agent_append_listed(l->reply, agent, l->n, false, l->act->manager);
        if (l->r >= 0)
                l->r = sd_bus_message_close_container(l->reply);
}

static void count_sandbox(Sandbox *s, void *userdata) {
        Listing *l = userdata;
        l->n += is_listed(l, s->charged);
}

static void list_sandbox(Sandbox *s, void *userdata) {
        Listing *l = userdata;
        if (!is_listed(l, s->charged))
                return;
        l->r = sd_bus_message_open_container(l->reply, 'r', "oa{sv}");
        if (l->r >= 0)
                l->r = sd_bus_message_append(l->reply, "o", s->object);
        if (l->r >= 0)
                l->r = sandbox_append_listed(l->reply, s, l->n, false);
        if (l->r >= 0)
                l->r = sd_bus_message_close_container(l->reply);
}

static int begin_listing(Act *a, const char *element, Listing *l) {
        *l = (Listing){ .act = a };
        l->r = sd_bus_message_new_method_return(a->message, &l->reply);
        if (l->r >= 0)
                l->r = sd_bus_message_open_container(l->reply, 'a', element);
        return l->r;
}

static int end_listing(Listing *l) {
        if (l->r >= 0)
                l->r = sd_bus_message_close_container(l->reply);
        reply_made(l->act, l->reply, l->r);
        return 0;
}

static int list_agents(Act *a, sd_bus_error *error) {
        Listing l;
        if (begin_listing(a, "(oa{sv})", &l) >= 0) {
                registry_for_each(a->manager->registry, count_agent, &l);
                registry_for_each(a->manager->registry, list_agent, &l);
        }
        return end_listing(&l);
}

static int list_sandboxes(Act *a, sd_bus_error *error) {
        Listing l;
        if (begin_listing(a, "(oa{sv})", &l) >= 0) {
                sandbox_for_each(a->manager, count_sandbox, &l);
                sandbox_for_each(a->manager, list_sandbox, &l);
        }
        return end_listing(&l);
}

/* In its turn: it may be of somebody with thousands of them. */
static int list_in_turn(Act *a, int (*list)(Act *a, sd_bus_error *error)) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = act_in_turn(a, list);
        if (r < 0) {
                (void)bus_error_internal(&error, r, a->kind->method); /* returns what it sets */
                act_reply_error(a, &error);
        }
        return 0;
}

/* Whatever polkit says: without a yes it is a list of one's own. */
static void on_inspect(Act *a, bool allowed, int (*list)(Act *a, sd_bus_error *error)) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        const AuditSubject all = { .on_behalf_uid = AUDIT_NO_UID };
        const char *method = list == list_agents ? MXC_IFACE_MANAGER ".ListAgents"
                                                 : MXC_IFACE_MANAGER ".ListSandboxes";
        a->sees_all = allowed;
        if (allowed && bus_note_look(a->manager, a->caller, all, method, &error) < 0)
                act_reply_error(a, &error);
        else
                (void)list_in_turn(a, list); /* 0 */
}

static void on_inspect_agents(bool allowed, const sd_bus_error *error, void *userdata) {
        on_inspect(userdata, allowed, list_agents);
}

static void on_inspect_sandboxes(bool allowed, const sd_bus_error *error, void *userdata) {
        on_inspect(userdata, allowed, list_sandboxes);
}

typedef struct Others {
        uid_t uid;
        bool any;
} Others;

static void note_agent(Agent *agent, void *userdata) {
        Others *o = userdata;
        o->any |= agent->owner != o->uid;
}

static void note_sandbox(Sandbox *s, void *userdata) {
        Others *o = userdata;
        o->any |= s->charged != o->uid;
}

/* Nobody is asked for a password for a list who does not say that they may be: an administrator who was, a while ago, sees everything. */
static int list_what_is_seen(Act *a, const Others *others, AuthorizeDone list) {
        if (!others->any)
                list(false, NULL, a);
        else if (sd_bus_message_get_allow_interactive_authorization(a->message) > 0)
                return authorize_action(
                                a->manager->authorizer, a->caller, MXC_ACTION_INSPECT, true, list, a);
        else
                return authorize_look(a->manager->authorizer, a->caller, list, a);
        return 0;
}

static int run_list_agents(Act *a, sd_bus_error *error) {
        Others others = { .uid = a->caller->uid };
        registry_for_each(a->manager->registry, note_agent, &others);
        return list_what_is_seen(a, &others, on_inspect_agents);
}

static int run_list_sandboxes(Act *a, sd_bus_error *error) {
        Others others = { .uid = a->caller->uid };
        sandbox_for_each(a->manager, note_sandbox, &others);
        return list_what_is_seen(a, &others, on_inspect_sandboxes);
}

static int run_list_policies(Act *a, sd_bus_error *error) {
        Listing l;
        size_t n = 0;
        const StoredPolicy *list = policy_store_list(a->manager->policies, &n);
        int r = begin_listing(a, "(ssss)", &l);
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = l.r = sd_bus_message_append(l.reply, "(ssss)", list[i].name,
                                list[i].policy ? list[i].policy->digest : "", list[i].file,
                                list[i].error ? list[i].error : "");
        return end_listing(&l);
}

/* ---- policies ---- */

static int get_policy(Act *a, sd_bus_error *error) {
        const char *name;
        _cleanup_(policy_unrefp) Policy *p = NULL;
        int r = sd_bus_message_read(a->message, "s", &name);
        if (r >= 0)
                r = bus_find_policy(a->manager, name, &p, error);
        if (r < 0)
                return r;
        _cleanup_free_ char *text = policy_canonical(p);
        if (!text)
                return -ENOMEM;
        act_reply(a, "s", text);
        return 0;
}

static int run_get_policy(Act *a, sd_bus_error *error) {
        return act_in_turn(a, get_policy);
}

static int append_finding(sd_bus_message *m, const char *severity, const char *pointer, int line, int column,
                const char *sentence) {
        return sd_bus_message_append(m, "a{sv}", 5, "severity", "s", severity, "pointer", "s",
                        pointer ? pointer : "", "line", "i", line, "column", "i", column, "sentence", "s",
                        sentence ? sentence : "");
}

/* What Spawn would say Unsupported to, of this version or of this host; cut down to the ceiling, which has a finding of its own. */
static int append_unsupported(Manager *m, sd_bus_message *reply, const Policy *p) {
        const DecideInput in = {
                .requested = p, .ceiling = policy_store_ceiling(m->policies), .clamp = true
        };
        _cleanup_(decision_clear) Decision d = { .verdict = VERDICT_DENY };
        _cleanup_free_ char *sentence = NULL;
        DecisionReason reason = REASON_ALLOWED;
        PlanLayout *layout = NULL;
        int r = decide(&in, &d);
        if (r < 0)
                return r;
        if (d.verdict == VERDICT_DENY)
                return d.reason == REASON_UNSUPPORTED || d.reason == REASON_LIMIT
                                       ? append_finding(reply, "host", d.clause, 0, 0, d.sentence)
                                       : 0; /* of a request */
        const PlanInput plan = {
                .decision = &d, .host = &m->host, .handoff = policy_store_handoff(m->policies)
        };
        r = plan_layout_new(&plan, &layout, &reason, &sentence);
        (void)plan_layout_unref(layout); /* NULL */
        return r == -EOPNOTSUPP ? append_finding(reply, "host", NULL, 0, 0, sentence) : r == -ENOMEM ? r : 0;
}

static int append_good(Manager *m, sd_bus_message *reply, const Policy *p) {
        Widening w = { NULL, NULL };
        int r = 0;
        if (!policy_within(p, policy_store_ceiling(m->policies), &w))
                r = append_finding(reply, "ceiling", w.clause, 0, 0, w.sentence);
        widening_clear(&w);
        return r < 0 ? r : append_unsupported(m, reply, p);
}

static int append_findings(Act *a, sd_bus_message *m, const char *text) {
        Policy *p = NULL;
        PolicyError error = { 0 };
        int r = policy_parse(text, strlen(text), policy_store_lookup, a->manager->policies, &p, &error);
        if (r == -EINVAL)
                r = append_finding(m, "error", error.pointer, error.line, error.column, error.sentence);
        else if (r == 0)
                r = append_good(a->manager, m, p);
        policy_error_clear(&error);
        policy_unref(p);
        return r;
}

static int check_policy(Act *a, sd_bus_error *error) {
        const char *text;
        Listing l;
        int r = sd_bus_message_read(a->message, "s", &text);
        if (r < 0)
                return r;
        if (strlen(text) > LIMIT_POLICY_BYTES)
                return bus_error_from_reason(
                                error, REASON_LIMIT, "The document is too large to be a policy.");
        if (begin_listing(a, "a{sv}", &l) >= 0)
                l.r = append_findings(a, l.reply, text);
        return end_listing(&l);
}

static int run_check_policy(Act *a, sd_bus_error *error) {
        return act_in_turn(a, check_policy);
}

/* ---- the rest ---- */

static int run_who_is(Act *a, sd_bus_error *error) {
        int fd;
        _cleanup_free_ char *cgroup = NULL;
        int r = sd_bus_message_read(a->message, "h", &fd);
        if (r >= 0)
                r = cgroup_of_pidfd(fd, &cgroup);
        if (r == -EINVAL || r == -EBADF)
                return sd_bus_error_set(error, MXC_ERROR_INVALID_ARGUMENT,
                                "process: it is no pidfd; see pidfd_open(2).");
        if (r < 0 && r != -ESRCH)
                return r;
        char *leaf = r < 0 ? NULL : strrchr(cgroup, '/');
        if (leaf && strncmp(leaf + 1, LAUNCH_EXEC_GROUP, strlen(LAUNCH_EXEC_GROUP)) == 0) {
                *leaf = 0; /* a command of Exec, or what it began */
                leaf = strrchr(cgroup, '/');
        }
        const Sandbox *s = leaf ? sandbox_find(a->manager, leaf + 1) : NULL;
        if (!s || !s->leaf || !streq(s->leaf, cgroup) ||
                        !authorize_sees(a->manager->authorizer, a->caller, s->charged)) {
                act_reply(a, "a{sv}", 0);
                return 0;
        }
        r = bus_note_look(
                        a->manager, a->caller, sandbox_subject(s, NULL), MXC_IFACE_MANAGER ".WhoIs", error);
        if (r < 0)
                return r;
        act_reply(a, "a{sv}", 6, "agent", "s", s->agent->name, "sandbox", "s", s->id, "uuid", "s",
                        s->agent->uuid, "owner", "u", (uint32_t)s->charged, "policy", "s", s->policy,
                        "digest", "s", s->effective->policy->digest);
        return 0;
}

typedef struct Files {
        Listing listing;
        bool refused; /* one of them, or a directory */
} Files;

static void add_file(const char *file, const char *error, void *userdata) {
        Files *f = userdata;
        f->refused = f->refused || error;
        if (f->listing.r >= 0)
                f->listing.r = sd_bus_message_append(f->listing.reply, "(ss)", file, error ? error : "");
}

static int run_reload(Act *a, sd_bus_error *error) {
        Files f = { .refused = false };
        Listing *l = &f.listing;
        int k = audit_check(a->manager->audit); /* what is in force after it has to be on record */
        if (k < 0)
                return act_unrecorded(a, k, error);
        user_cache_flush(a->manager->users);
        if (begin_listing(a, "(ss)", l) >= 0) {
                int r = manager_load(a->manager, add_file, &f);
                if (r < 0 && l->r >= 0 &&
                                !f.refused) /* otherwise the list says why, which an error could not */
                        l->r = r;
        }
        return end_listing(l);
}

static int run_dump(Act *a, sd_bus_error *error) {
        _cleanup_close_ int fd = -EBADF;
        int r = dump_state(a->manager, &fd);
        if (r < 0)
                return r;
        act_reply(a, "h", fd);
        return 0;
}

static const ActKind act_list_agents = { MXC_IFACE_MANAGER, "ListAgents", NULL, run_list_agents, NULL,
        false };
static const ActKind act_list_sandboxes = { MXC_IFACE_MANAGER, "ListSandboxes", NULL, run_list_sandboxes,
        NULL, false };
static const ActKind act_list_policies = { MXC_IFACE_MANAGER, "ListPolicies", NULL, run_list_policies, NULL,
        false };
static const ActKind act_get_policy = { MXC_IFACE_MANAGER, "GetPolicy", NULL, run_get_policy, NULL, false };
static const ActKind act_check_policy = { MXC_IFACE_MANAGER, "CheckPolicy", NULL, run_check_policy, NULL,
        false };
static const ActKind act_who_is = { MXC_IFACE_MANAGER, "WhoIs", NULL, run_who_is, NULL, false };
static const ActKind act_reload = { MXC_IFACE_MANAGER, "Reload", NULL, run_reload, NULL, true };
static const ActKind act_dump = { MXC_IFACE_MANAGER, "Dump", NULL, run_dump, NULL, false };

static const ActKind *const acts[] = { &act_spawn, &act_create_sandbox, &act_plan, &act_list_agents,
        &act_list_sandboxes, &act_list_policies, &act_get_policy, &act_register_agent, &act_revoke_agent,
        &act_check_policy, &act_explain, &act_who_is, &act_reload, &act_dump };

static int method(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return bus_begin(m, userdata, acts, ELEMENTSOF(acts), "", error);
}

/* ---- properties ---- */

static int get_version(sd_bus *bus, const char *path, const char *interface, const char *name,
                sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return sd_bus_message_append(reply, "s", MXC_VERSION);
}

static int get_n_sandboxes(sd_bus *bus, const char *path, const char *interface, const char *name,
                sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Manager *m = userdata;
        return sd_bus_message_append(reply, "u", (uint32_t)m->n_sandboxes);
}

static int get_features(sd_bus *bus, const char *path, const char *interface, const char *name,
                sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Manager *m = userdata;
        const LaunchFeatures *f = &m->host.features;
        bool up = launch_channel_is_up(m->launch);
        int r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply,
                                "{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}",
                                "launcher", "b", (int)up, "landlock", "u", f->landlock_abi, "seccomp", "b",
                                (int)up, "guard", "b", (int)f->guard, "mediate", "b", (int)f->mediate,
                                "memory", "b", (int)f->memory, "cpu", "b", (int)f->cpu, "io", "b",
                                (int)f->io, "pids", "b", (int)f->pids, "cgroup-kill", "b",
                                (int)f->cgroup_kill, "sk-lookup", "b", (int)f->egress, "relay", "b",
                                (int)(m->host.relay_uid != 0), "resolver", "b", (int)host_has_resolver(),
                                "refuse", "b", (int)f->refuse, "audit", "b",
                                (int)(audit_check(m->audit) == 0), "tiers", "as", 1, "process");
        return r >= 0 ? sd_bus_message_close_container(reply) : r;
}

const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Spawn", SD_BUS_ARGS("s", agent, "as", argv, "a{sv}", options),
                        SD_BUS_RESULT("o", sandbox, "a{sv}", info), method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("CreateSandbox", SD_BUS_ARGS("s", agent, "a{sv}", options),
                        SD_BUS_RESULT("o", sandbox, "a{sv}", info), method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Plan", SD_BUS_ARGS("s", agent, "as", argv, "a{sv}", options),
                        SD_BUS_RESULT("s", plan), method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListAgents", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(oa{sv})", agents), method,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListSandboxes", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(oa{sv})", sandboxes),
                        method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListPolicies", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(ssss)", policies), method,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetPolicy", SD_BUS_ARGS("s", name), SD_BUS_RESULT("s", canonical), method,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("RegisterAgent", SD_BUS_ARGS("s", json), SD_BUS_RESULT("o", agent), method,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("RevokeAgent", SD_BUS_ARGS("s", agent, "s", reason), SD_BUS_NO_RESULT,
                        method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("CheckPolicy", SD_BUS_ARGS("s", json), SD_BUS_RESULT("aa{sv}", findings),
                        method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Explain", SD_BUS_ARGS("s", policy, "s", action, "a{sv}", options),
                        SD_BUS_RESULT("a{sv}", decision), method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("WhoIs", SD_BUS_ARGS("h", process), SD_BUS_RESULT("a{sv}", identity), method,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(ss)", files), method,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Dump", SD_BUS_NO_ARGS, SD_BUS_RESULT("h", text), method,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Features", "a{sv}", get_features, 0, 0),
        SD_BUS_PROPERTY("NSandboxes", "u", get_n_sandboxes, 0, 0),
        SD_BUS_SIGNAL_WITH_ARGS("SandboxNew", SD_BUS_ARGS("o", sandbox), 0),
        SD_BUS_SIGNAL_WITH_ARGS("SandboxRemoved", SD_BUS_ARGS("o", sandbox), 0),
        SD_BUS_VTABLE_END,
};
