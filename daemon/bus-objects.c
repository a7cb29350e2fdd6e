/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* GetManagedObjects: everything that one may see, at once. sd-bus would answer it itself, and before anybody else: of thousands of objects, and as
 * often as it is asked. So it is taken before sd-bus sees it, charged and answered in its turn like any other call. */

#include "act.h"
#include "bus.h"
#include "cleanup.h"
#include "names.h"
#include "sandbox.h"

typedef struct Objects {
        Act *act;
        sd_bus_message *reply;
        size_t n_agents, n_sandboxes;
        int r;
        bool any_of_others, brief;
} Objects;

static int begin_object(sd_bus_message *m, const char *path, const char *interface) {
        int r = sd_bus_message_open_container(m, 'e', "oa{sa{sv}}");
        if (r >= 0)
                r = sd_bus_message_append(m, "o", path);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "{sa{sv}}");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'e', "sa{sv}");
        return r >= 0 ? sd_bus_message_append(m, "s", interface) : r;
}

static int end_object(sd_bus_message *m) {
        int r = 0;
        for (int i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

static bool is_seen(Objects *o, uid_t owner) {
        bool seen = authorize_sees(o->act->manager->authorizer, o->act->caller, owner);
        o->any_of_others |= seen && owner != o->act->caller->uid;
        return seen;
}

static void count_agent(Agent *agent, void *userdata) {
        Objects *o = userdata;
        o->n_agents += is_seen(o, agent->owner);
}

static void add_agent(Agent *agent, void *userdata) {
        Objects *o = userdata;
        if (o->r < 0 || !is_seen(o, agent->owner))
                return;
        _cleanup_free_ char *path = agent_object_path(agent->name);
        o->r = path ? begin_object(o->reply, path, MXC_IFACE_AGENT) : -ENOMEM;
        if (o->r >= 0)
                o->r = agent_append_listed(o->reply, agent, o->n_agents, o->brief, o->act->manager);
        if (o->r >= 0)
                o->r = end_object(o->reply);
}

static void count_sandbox(Sandbox *s, void *userdata) {
        Objects *o = userdata;
        o->n_sandboxes += is_seen(o, s->charged);
}

static void add_sandbox(Sandbox *s, void *userdata) {
        Objects *o = userdata;
        if (o->r < 0 || !is_seen(o, s->charged))
                return;
        o->r = begin_object(o->reply, s->object, MXC_IFACE_SANDBOX);
        if (o->r >= 0)
                o->r = sandbox_append_listed(o->reply, s, o->n_sandboxes, o->brief);
        if (o->r >= 0)
                o->r = end_object(o->reply);
}

static int get_managed_objects(Act *a, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(a->message, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{oa{sa{sv}}}");
        Objects o = { .act = a, .reply = reply, .r = r };
        registry_for_each(a->manager->registry, count_agent, &o);
        sandbox_for_each(a->manager, count_sandbox, &o);
        o.brief = bus_are_brief(o.n_agents, o.n_sandboxes);
        registry_for_each(a->manager->registry, add_agent, &o);
        sandbox_for_each(a->manager, add_sandbox, &o);
        if (o.r >= 0)
                o.r = sd_bus_message_close_container(reply);
        const AuditSubject all = { .on_behalf_uid = AUDIT_NO_UID };
        if (o.r >= 0 && o.any_of_others)
                o.r = bus_note_look(a->manager, a->caller, all,
                                MXC_IFACE_OBJECT_MANAGER ".GetManagedObjects", error);
        if (o.r < 0)
                return o.r;
        act_reply_message(a, TAKE_PTR(reply));
        return 0;
}

static int run_get_managed_objects(Act *a, sd_bus_error *error) {
        return act_in_turn(a, get_managed_objects);
}

static const ActKind act_get_managed_objects = { MXC_IFACE_OBJECT_MANAGER, "GetManagedObjects", NULL,
        run_get_managed_objects, NULL, false };

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *path = sd_bus_message_get_path(m);
        if (!sd_bus_message_is_method_call(
                            m, act_get_managed_objects.interface, act_get_managed_objects.method) ||
                        !path || !streq(path, MXC_BUS_PATH))
                return 0;
        if (!sd_bus_message_has_signature(m, ""))
                return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS, "It takes no arguments.");
        return act_begin(userdata, m, &act_get_managed_objects, "", error);
}

int bus_take_managed_objects(Manager *m, sd_bus *bus) {
        return sd_bus_add_filter(bus, NULL, on_message, m);
}
