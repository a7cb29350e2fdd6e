/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Agents: who they are, and whether they may. */

#include <inttypes.h>

#include "bus.h"
#include "names.h"
#include "nouns.h"
#include "objects.h"
#include "say.h"
#include "status.h"

#define DEFAULT_POLICY "workspace" /* what a default agent has, too: registry.h */

enum { REGISTER_OWNER = 1, REGISTER_POLICY, REGISTER_DESCRIPTION };
enum { WITH_REASON = 1 };

const Option agent_register_options[] = {
        { REGISTER_OWNER, 'o', "owner", "USER", "Whose agent it is (default: yours)" },
        { REGISTER_POLICY, 'p', "policy", "NAME", "What it may do (default: " DEFAULT_POLICY ")" },
        { REGISTER_DESCRIPTION, 'd', "description", "TEXT", "What it is for" },
        { 0 },
};
const Option agent_reason_options[] = {
        { WITH_REASON, 'r', "reason", "TEXT", "Why; it is recorded" },
        { 0 },
};

static void add_agent(Table *t, const json_t *agent) {
        const char *state = member_text(agent, "State");
        _cleanup_free_ char *owner = user_shown(member_number(agent, "Owner"));
        table_add(t, member_text(agent, "Name"), COLOUR_NONE);
        table_add(t, owner, COLOUR_NONE);
        table_add(t, state, colour_of_state(state));
        table_add(t, member_text(agent, "Policy"), COLOUR_NONE);
        table_addf(t, "%" PRIu64, member_number(agent, "NSandboxes"));
        table_add(t, member_text(agent, "Description"), COLOUR_NONE);
}

int agent_list(const Verb *v, Options *o) {
        static const Column columns[] = { { "AGENT" }, { "OWNER" }, { "STATE" }, { "POLICY" },
                { "RUNS", .right = true }, { "DESCRIPTION" } };
        return objects_show(v, o,
                        &(ObjectsTable){ "ListAgents", columns, ELEMENTSOF(columns), add_agent, "agent",
                                        "agents" });
}

int agent_show(const Verb *v, Options *o) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_free_ char *path = NULL;
        json_auto_t *agent = NULL;
        int status;
        if (verb_words(v, o, 1, 1, &status) < 0)
                return status;
        status = bus_open(&bus);
        if (status == 0)
                status = bus_agent_path(o->argv[0], &path);
        if (status == 0)
                status = bus_properties(bus, path, MXC_IFACE_AGENT, &agent);
        return status != 0 ? status : objects_print(agent);
}

/* What is registered, of the command line. NULL: out of memory, or not UTF-8. */
static char *registration(const char *name, const char *owner, const char *policy, const char *description) {
        json_auto_t *document = json_pack("{s:s, s:s}", "name", name, "policy", policy);
        if (!document)
                return NULL;
        if (owner && json_object_set_new(document, "owner", json_string(owner)) < 0)
                return NULL;
        if (description && json_object_set_new(document, "description", json_string(description)) < 0)
                return NULL;
        return json_dumps(document, JSON_COMPACT);
}

int agent_register(const Verb *v, Options *o) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_free_ char *document = NULL;
        const char *owner = NULL, *policy = DEFAULT_POLICY, *description = NULL;
        int id, status;
        while ((id = verb_next(v, o, &status)) > 0)
                *(id == REGISTER_OWNER ? &owner : id == REGISTER_POLICY ? &policy : &description) = o->value;
        if (id < 0)
                return status;
        if (o->n_words != 1)
                return verb_misused(v, "it takes one NAME");
        document = registration(o->argv[0], owner, policy, description);
        if (!document)
                return fail(STATUS_TROUBLE,
                                "a name or a description that is not UTF-8 cannot be registered");
        status = bus_open(&bus);
        return status != 0 ? status
                           : bus_call(bus, MXC_BUS_PATH, MXC_IFACE_MANAGER, "RegisterAgent", NULL, "s",
                                             document);
}

/* One call on an agent's object, with a text where the method takes one. */
static int on_agent(const char *name, const char *method, const char *text) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_free_ char *path = NULL;
        int status = bus_open(&bus);
        if (status == 0)
                status = bus_agent_path(name, &path);
        if (status != 0)
                return status;
        return text ? bus_call(bus, path, MXC_IFACE_AGENT, method, NULL, "s", text)
                    : bus_call(bus, path, MXC_IFACE_AGENT, method, NULL, "");
}

/* One AGENT, and --reason. Negative: stop, and exit with *ret_status. */
static int take_reason(const Verb *v, Options *o, const char **ret, int *ret_status) {
        int id;
        *ret = "";
        while ((id = verb_next(v, o, ret_status)) > 0)
                *ret = o->value;
        if (id < 0 || o->n_words == 1)
                return id;
        *ret_status = verb_misused(v, "it takes one AGENT");
        return -EINVAL;
}

/* Of the manager, which lets users revoke those that they made: on the agent's own object it takes an administrator. */
int agent_revoke(const Verb *v, Options *o) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        const char *reason;
        int status;
        if (take_reason(v, o, &reason, &status) < 0)
                return status;
        status = bus_open(&bus);
        return status != 0 ? status
                           : bus_call(bus, MXC_BUS_PATH, MXC_IFACE_MANAGER, "RevokeAgent", NULL, "ss",
                                             o->argv[0], reason);
}

int agent_suspend(const Verb *v, Options *o) {
        const char *reason;
        int status;
        return take_reason(v, o, &reason, &status) < 0 ? status : on_agent(o->argv[0], "Suspend", reason);
}

int agent_resume(const Verb *v, Options *o) {
        int status;
        return verb_words(v, o, 1, 1, &status) < 0 ? status : on_agent(o->argv[0], "Resume", NULL);
}

int agent_kill(const Verb *v, Options *o) {
        int status;
        return verb_words(v, o, 1, 1, &status) < 0 ? status : on_agent(o->argv[0], "KillAll", NULL);
}

int agent_set_policy(const Verb *v, Options *o) {
        int status;
        return verb_words(v, o, 2, 2, &status) < 0 ? status : on_agent(o->argv[0], "SetPolicy", o->argv[1]);
}
