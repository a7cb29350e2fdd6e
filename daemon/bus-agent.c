/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>

#include "act.h"
#include "bus-error.h"
#include "bus.h"
#include "cleanup.h"
#include "live.h"
#include "names.h"
#include "sandbox.h"

DEFINE_CLEANUP(Caller *, caller_unref);

static int no_such_agent(const char *name, sd_bus_error *error) {
        (void)sd_bus_error_setf(error, MXC_ERROR_NO_SUCH_AGENT, "There is no agent '%s'.",
                        name); /* returns what it sets */
        return -ENOENT;
}

/* For who may do something to it: a default agent is made for that, whether or not it has ever been asked for. */
static Agent *find(Act *a, sd_bus_error *error) {
        Agent *agent = a->object[0] ? registry_get(a->manager->registry, a->object, 0) : NULL;
        if (!agent)
                (void)no_such_agent(a->object, error); /* returns what it sets */
        return agent;
}

static int owner(Act *a, uid_t *ret, sd_bus_error *error) {
        const Agent *agent = registry_peek(a->manager->registry, a->object);
        if (!agent)
                return no_such_agent(a->object, error);
        *ret = agent->owner;
        return 0;
}

static AuditSubject subject(const Caller *caller, const Agent *agent) {
        return (AuditSubject){ .caller = caller,
                .agent = agent->name,
                .agent_uuid = agent->uuid,
                .on_behalf_uid = agent->owner,
                .policy = agent->policy };
}

/* Of what takes something away. */
static AuditSubject subject_of_end(const Act *a, const Agent *agent) {
        AuditSubject s = subject(a->caller, agent);
        s.order = a->order;
        return s;
}

typedef struct Changed {
        Manager *manager;
        const Agent *agent;
} Changed;

static void tell_changed(Agent *agent, void *userdata) {
        const Changed *c = userdata;
        _cleanup_free_ char *path = agent_goes_with(agent, c->agent) ? agent_object_path(agent->name) : NULL;
        if (path)
                (void)sd_bus_emit_properties_changed(c->manager->bus, path, MXC_IFACE_AGENT, "State",
                                "Policy", NULL); /* no harm if lost */
}

/* With those that go with it: what they may is another as well. */
static void changed(Manager *m, const Agent *agent) {
        const Changed c = { m, agent };
        registry_for_each(m->registry, tell_changed, (void *)&c);
}

/* ---- what ends its sandboxes ---- */

typedef struct Ending {
        const Agent *agent;
        EndReason reason;
        const Caller *caller;
} Ending;

static void end_one(Sandbox *s, void *userdata) {
        const Ending *e = userdata;
        bool concerned = e->reason == END_REVOKED ? agent_goes_with(s->agent, e->agent)
                                                  : s->agent == e->agent;
        if (!concerned || s->state == SANDBOX_EXITED)
                return;
        AuditSubject about = sandbox_subject(s, e->caller);
        about.order = AUDIT_PART;
        (void)audit_stop(s->manager->audit, &about,
                        end_reason_to_string(e->reason)); /* what is not kept either is told as a gap */
        if (s->reason == END_EXITED)
                s->reason = e->reason;
        (void)sandbox_kill_all(s); /* logs itself */
}

static void end_all(Act *a, const Agent *agent, EndReason reason) {
        const Ending e = { agent, reason, a->caller };
        sandbox_for_each(a->manager, end_one, (void *)&e);
}

/* ---- methods ---- */

static int set_state(Act *a, AgentState state, AuditEvent event, const char *reason, sd_bus_error *error) {
        Agent *agent = find(a, error);
        if (!agent)
                return -ENOENT;
        if (agent->state == AGENT_REVOKED) {
                act_refuse(a, REASON_AGENT_REVOKED, "The agent is revoked, for good.");
                return 0;
        }
        if (strlen(reason) > LIMIT_DESCRIPTION_BYTES)
                return sd_bus_error_setf(error, MXC_ERROR_LIMIT_REACHED, "reason: more than %u bytes.",
                                LIMIT_DESCRIPTION_BYTES);
        const AuditSubject about =
                        state == AGENT_ACTIVE ? subject(a->caller, agent) : subject_of_end(a, agent);
        int r = audit_agent_state(a->manager->audit, &about, event, reason);
        if (r < 0)
                return act_unrecorded(a, r, error);
        r = registry_set_state(a->manager->registry, agent, state, reason);
        if (r < 0)
                return bus_error_internal(error, r, "The agent's state cannot be kept");
        if (state == AGENT_REVOKED) {
                live_update_agent(a->manager, agent, "revoke",
                                a->caller); /* nothing more leaves while they end */
                end_all(a, agent, END_REVOKED);
        }
        changed(a->manager, agent);
        act_reply(a, NULL);
        return 0;
}

static int run_suspend(Act *a, sd_bus_error *error) {
        const char *reason;
        int r = sd_bus_message_read(a->message, "s", &reason);
        return r < 0 ? r : set_state(a, AGENT_SUSPENDED, AUDIT_SUSPEND, reason, error);
}

static int run_resume(Act *a, sd_bus_error *error) {
        return set_state(a, AGENT_ACTIVE, AUDIT_RESUME, "", error);
}

static int run_revoke(Act *a, sd_bus_error *error) {
        const char *reason;
        int r = sd_bus_message_read(a->message, "s", &reason);
        return r < 0 ? r : set_state(a, AGENT_REVOKED, AUDIT_REVOKE, reason, error);
}

/* True: the act is over. */
static bool refuse_set_policy(Act *a, const Agent *agent) {
        const char *file = NULL;
        int r = registry_may_set_policy(agent, &file);
        if (r == -EPERM)
                act_refuse(a, REASON_AGENT_REVOKED, "The agent is revoked, for good.");
        else if (r < 0) {
                _cleanup_free_ char *sentence = NULL;
                if (asprintf(&sentence, "The policy of agent %s is said by %s: change it there.",
                                    agent->name, file) < 0)
                        sentence = NULL;
                act_refuse(a, REASON_INVALID_ARGUMENT,
                                sentence ? sentence : "A file says it: change it there.");
        }
        return r < 0;
}

static int run_set_policy(Act *a, sd_bus_error *error) {
        const char *policy;
        int r = sd_bus_message_read(a->message, "s", &policy);
        Agent *agent = r < 0 ? NULL : find(a, error);
        if (!agent)
                return r < 0 ? r : -ENOENT;
        if (!policy_store_find(a->manager->policies, policy))
                return sd_bus_error_setf(error, MXC_ERROR_NO_SUCH_POLICY,
                                "There is no policy '%s'; see mxcctl policy list.", policy);
        if (refuse_set_policy(a, agent))
                return 0;
        AuditSubject about = subject(a->caller, agent);
        about.policy = policy;
        about.digest = policy_store_find(a->manager->policies, policy)->digest;
        r = audit_set_policy(a->manager->audit, &about);
        if (r < 0)
                return act_unrecorded(a, r, error);
        r = registry_set_policy(a->manager->registry, agent, policy);
        if (r < 0)
                return bus_error_internal(error, r, "The agent's policy cannot be kept");
        live_update_agent(a->manager, agent, "set-policy", a->caller);
        if (agent->scope)
                scope_follow(agent->scope, "set-policy");
        changed(a->manager, agent);
        act_reply(a, NULL);
        return 0;
}

static int run_kill_all(Act *a, sd_bus_error *error) {
        const Agent *agent = find(a, error);
        if (!agent)
                return -ENOENT;
        const AuditSubject about = subject_of_end(a, agent);
        int r = audit_kill(a->manager->audit, &about, "all sandboxes", SIGKILL);
        if (r < 0)
                return act_unrecorded(a, r, error);
        end_all(a, agent, END_KILLED);
        act_reply(a, NULL);
        return 0;
}

static const ActKind act_suspend = { MXC_IFACE_AGENT, "Suspend", owner, run_suspend, NULL, true };
static const ActKind act_resume = { MXC_IFACE_AGENT, "Resume", owner, run_resume, NULL, true };
static const ActKind act_revoke = { MXC_IFACE_AGENT, "Revoke", owner, run_revoke, NULL, true };
static const ActKind act_set_policy = { MXC_IFACE_AGENT, "SetPolicy", owner, run_set_policy, NULL, true };
static const ActKind act_kill_all = { MXC_IFACE_AGENT, "KillAll", owner, run_kill_all, NULL, true };

int agent_revoke(Act *a, const char *name, const char *reason, sd_bus_error *error) {
        free(a->object);
        a->object = strdup(name);
        return a->object ? set_state(a, AGENT_REVOKED, AUDIT_REVOKE, reason, error) : -ENOMEM;
}

static const ActKind *const acts[] = { &act_suspend, &act_resume, &act_revoke, &act_set_policy,
        &act_kill_all };

static int method(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const Agent *agent = userdata;
        return bus_begin(m, bus_manager(sd_bus_message_get_bus(m)), acts, ELEMENTSOF(acts), agent->name,
                        error);
}

/* ---- properties ---- */

static int append_property(sd_bus_message *m, const void *object, Manager *manager, const char *name) {
        const Agent *a = object;
        const Policy *policy = policy_store_find(manager->policies, a->policy);
        const Scope *scope = a->scope;
        const Agent *against = registry_against(manager->registry, a);
        if (streq(name, "Owner"))
                return sd_bus_message_append(m, "u", (uint32_t)a->owner);
        if (streq(name, "NSandboxes"))
                return sd_bus_message_append(m, "u", (uint32_t)a->n_sandboxes);
        const char *text = streq(name, "Name")   ? a->name
                           : streq(name, "Uuid") ? a->uuid
                           : streq(name, "State")
                                           ? agent_state_to_string(against ? against->state : a->state)
                           : streq(name, "Policy")       ? a->policy
                           : streq(name, "PolicyDigest") ? (policy ? policy->digest : "")
                           : streq(name, "Description")  ? a->description
                           : streq(name, "Unit") ? (scope && scope->state == SCOPE_READY ? scope->unit : "")
                                                 : NULL;
        return text ? sd_bus_message_append(m, "s", text) : -ENXIO;
}

static int get_property(sd_bus *bus, const char *path, const char *interface, const char *name,
                sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Agent *a = userdata;
        Manager *m = bus_manager(bus);
        int r = bus_check_sees(m, bus, subject(NULL, a), error);
        return r < 0 ? r : append_property(reply, a, m, name);
}

/* Of a list; what is there in any case comes first, and what is long last. */
#define N_BRIEF 4U
#define N_LONG 1U
static const BusProperty listed[] = {
        { "Name", "s" },
        { "Owner", "u" },
        { "State", "s" },
        { "NSandboxes", "u" },
        { "Uuid", "s" },
        { "Policy", "s" },
        { "PolicyDigest", "s" },
        { "Unit", "s" },
        { "Description", "s" },
};

int agent_append_listed(sd_bus_message *m, const Agent *a, size_t n_listed, bool brief, Manager *manager) {
        const size_t bytes = strlen(a->description) + BUS_STRING_BYTES;
        const size_t n_left = brief                                ? ELEMENTSOF(listed) - N_BRIEF
                              : bus_may_be_listed(bytes, n_listed) ? 0
                                                                   : N_LONG;
        return bus_append_properties(m, listed, ELEMENTSOF(listed) - n_left, append_property, a, manager);
}

/* ---- objects ---- */

char *agent_object_path(const char *name) {
        char *path;
        return sd_bus_path_encode(MXC_AGENT_PATH_PREFIX, name, &path) < 0 ? NULL : path;
}

int agent_object_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret,
                sd_bus_error *error) {
        Manager *m = userdata;
        _cleanup_free_ char *name = NULL;
        int r = sd_bus_path_decode(path, MXC_AGENT_PATH_PREFIX, &name);
        if (r <= 0 || !*name) /* the directory of them is no agent */
                return r < 0 ? r : 0;
        *ret = (void *)registry_peek(m->registry, name);
        return *ret ? 1 : no_such_agent(name, error);
}

typedef struct Enumeration {
        Manager *manager; /* not owned */
        const Caller *caller;
        char **paths;
        size_t n, size;
        bool others; /* it shows what is somebody else's */
} Enumeration;

static void add_path(Agent *a, void *userdata) {
        Enumeration *e = userdata;
        if (e->n + 1 >= e->size || !authorize_sees(e->manager->authorizer, e->caller, a->owner))
                return;
        e->others = e->others || a->owner != e->caller->uid;
        e->paths[e->n] = agent_object_path(a->name);
        if (e->paths[e->n])
                e->n++;
}

int agent_object_enumerate(sd_bus *bus, const char *path, void *userdata, char ***ret, sd_bus_error *error) {
        Manager *m = userdata;
        _cleanup_(caller_unrefp) Caller *caller = bus_sender(m, bus);
        Enumeration e = { .manager = m, .caller = caller, .size = LIMIT_AGENTS + 1 };
        e.paths = calloc(e.size, sizeof(char *));
        if (!e.paths)
                return -ENOMEM;
        if (caller)
                registry_for_each(m->registry, add_path, &e);
        return bus_enumerated(m, caller, e.paths, e.others, ret, error);
}

#define PROPERTY(name, type, flags) SD_BUS_PROPERTY(name, type, get_property, 0, flags)
const sd_bus_vtable agent_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Suspend", SD_BUS_ARGS("s", reason), SD_BUS_NO_RESULT, method,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                        "Resume", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Revoke", SD_BUS_ARGS("s", reason), SD_BUS_NO_RESULT, method,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("SetPolicy", SD_BUS_ARGS("s", policy), SD_BUS_NO_RESULT, method,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                        "KillAll", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method, SD_BUS_VTABLE_UNPRIVILEGED),
        PROPERTY("Name", "s", SD_BUS_VTABLE_PROPERTY_CONST),
        PROPERTY("Uuid", "s", SD_BUS_VTABLE_PROPERTY_CONST),
        PROPERTY("Owner", "u", SD_BUS_VTABLE_PROPERTY_CONST),
        PROPERTY("State", "s", SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION),
        PROPERTY("Policy", "s", SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION),
        PROPERTY("PolicyDigest", "s", 0),
        PROPERTY("Description", "s", 0),
        PROPERTY("Unit", "s", 0),
        PROPERTY("NSandboxes", "u", 0),
        SD_BUS_VTABLE_END,
};
