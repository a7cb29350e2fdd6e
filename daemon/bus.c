/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus.h"

#include "act.h"
#include "bus-error.h"
#include "cleanup.h"
#include "door.h"
#include "limits.h"
#include "log.h"
#include "names.h"
#include "sandbox.h"

DEFINE_CLEANUP(Caller *, caller_unref);

/* What libsystemd refuses it repeats, and that may be as long as a message; bus_error_cut() has no say there. */
static int refuse_long_names(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *name;
        if (sd_bus_message_is_method_call(m, "org.freedesktop.DBus.Properties", NULL) <= 0)
                return 0;
        for (int i = 0; i < 2 && sd_bus_message_read_basic(m, 's', &name) > 0; i++) /* interface, property */
                if (strlen(name) > LIMIT_BUS_NAME_BYTES)
                        return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS,
                                        "No interface and no property has so long a name.");
        return sd_bus_message_rewind(m, true) < 0 ? -EBADMSG : 0;
}

int bus_add_objects(Manager *m, sd_bus *bus) {
        int r = sd_bus_add_filter(bus, NULL, refuse_long_names, NULL);
        if (r >= 0)
                r = bus_take_managed_objects(m, bus);
        if (r >= 0)
                r = sd_bus_add_object_manager(bus, NULL, MXC_BUS_PATH);
        if (r >= 0)
                r = sd_bus_add_object_vtable(bus, NULL, MXC_BUS_PATH, MXC_IFACE_MANAGER, manager_vtable, m);
        if (r >= 0)
                r = sd_bus_add_fallback_vtable(bus, NULL, MXC_AGENT_PATH_PREFIX, MXC_IFACE_AGENT,
                                agent_vtable, agent_object_find, m);
        if (r >= 0)
                r = sd_bus_add_node_enumerator(bus, NULL, MXC_AGENT_PATH_PREFIX, agent_object_enumerate, m);
        if (r >= 0)
                r = sd_bus_add_fallback_vtable(bus, NULL, MXC_SANDBOX_PATH_PREFIX, MXC_IFACE_SANDBOX,
                                sandbox_vtable, sandbox_object_find, m);
        if (r >= 0)
                r = sd_bus_add_node_enumerator(
                                bus, NULL, MXC_SANDBOX_PATH_PREFIX, sandbox_object_enumerate, m);
        return r;
}

Caller *bus_sender(Manager *m, sd_bus *bus) {
        sd_bus_message *message = sd_bus_get_current_message(bus);
        Caller *c = NULL;
        if (!message)
                return NULL;
        if (bus != m->bus)
                c = door_caller(m->door, bus);
        else if (caller_cache_get_now(m->callers, sd_bus_message_get_sender(message), &c) >= 0)
                return c;
        return c ? caller_ref(c) : NULL;
}

int bus_note_look(Manager *m, const Caller *c, AuditSubject about, const char *method, sd_bus_error *error) {
        if (c->uid == 0 || c->uid == about.on_behalf_uid)
                return 0;
        about.caller = c;
        int r = audit_inspect(m->audit, &about, method);
        return r < 0 ? bus_error_audit(error, r) : 0;
}

int bus_enumerated(
                Manager *m, const Caller *c, char **paths, bool others, char ***ret, sd_bus_error *error) {
        const AuditSubject all = { .on_behalf_uid = AUDIT_NO_UID };
        int r = others ? bus_note_look(m, c, all, "org.freedesktop.DBus.Introspectable.Introspect", error)
                       : 0;
        if (r < 0) {
                for (char **p = paths; *p; p++)
                        free(*p);
                free(paths);
                return r;
        }
        *ret = paths;
        return 1;
}

int bus_check_sees(Manager *m, sd_bus *bus, AuditSubject about, sd_bus_error *error) {
        static const char sentence[] =
                        "That is somebody else's; only its owner and an administrator may look.";
        _cleanup_(caller_unrefp) Caller *c = bus_sender(m, bus);
        if (c && authorize_sees(m->authorizer, c, about.on_behalf_uid))
                return bus_note_look(m, c, about, "org.freedesktop.DBus.Properties.Get", error);
        about.caller = c;
        int r = audit_control(m->audit, &about, "org.freedesktop.DBus.Properties.Get",
                        c && c->in_sandbox ? REASON_CALLER_IN_SANDBOX : REASON_NOT_OWNER, sentence);
        if (r < 0)
                log_error("A refusal is not on record: %s", strerror(-r));
        return sd_bus_error_set(error, MXC_ERROR_DENIED, sentence);
}

void bus_emit_sandbox(Manager *m, const char *member, const Sandbox *s) {
        (void)sd_bus_emit_signal(m->bus, MXC_BUS_PATH, MXC_IFACE_MANAGER, member, "o",
                        s->object); /* no harm if lost */
}

Manager *bus_manager(sd_bus *bus) {
        return sd_bus_slot_get_userdata(sd_bus_get_current_slot(bus));
}

int bus_begin(sd_bus_message *m, Manager *manager, const ActKind *const *acts, size_t n, const char *object,
                sd_bus_error *error) {
        for (size_t i = 0; i < n; i++)
                if (streq(acts[i]->method, sd_bus_message_get_member(m)))
                        return act_begin(manager, m, acts[i], object, error);
        return sd_bus_error_set(error, SD_BUS_ERROR_UNKNOWN_METHOD, "There is no such method.");
}

static int append_one(sd_bus_message *m, const BusProperty *p, BusAppend append, const void *object,
                Manager *manager) {
        int r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", p->name);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', p->type);
        if (r >= 0)
                r = append(m, object, manager, p->name);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r >= 0 ? sd_bus_message_close_container(m) : r;
}

int bus_append_properties(sd_bus_message *m, const BusProperty *table, size_t n, BusAppend append,
                const void *object, Manager *manager) {
        int r = sd_bus_message_open_container(m, 'a', "{sv}");
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = append_one(m, &table[i], append, object, manager);
        return r >= 0 ? sd_bus_message_close_container(m) : r;
}

bool bus_may_be_listed(size_t bytes, size_t n_listed) {
        return bytes <= LIMIT_LISTED_BYTES / (n_listed > 0 ? n_listed : 1);
}

/* Names that are taken; those that users have made for themselves, those of files, and default agents that are asked for. */
#define AGENTS_MAX (LIMIT_AGENT_RECORDS + LIMIT_AGENTS + LIMIT_AGENTS_FIRST + 2 * LIMIT_AGENTS)
_Static_assert(AGENTS_MAX *AGENT_BRIEF_BYTES + LIMIT_SANDBOXES * SANDBOX_BRIEF_BYTES <= LIMIT_OBJECTS_BYTES,
                "all of them are told of in one message");

bool bus_are_brief(size_t n_agents, size_t n_sandboxes) {
        return n_agents * AGENT_LISTED_BYTES + n_sandboxes * SANDBOX_LISTED_BYTES > LIMIT_OBJECTS_BYTES;
}

int bus_append_strings(sd_bus_message *m, char *const *words) {
        int r = sd_bus_message_open_container(m, 'a', "s");
        for (char *const *w = words; r >= 0 && w && *w; w++)
                r = sd_bus_message_append(m, "s", *w);
        return r >= 0 ? sd_bus_message_close_container(m) : r;
}

int bus_append_words(sd_bus_message *m, const char *text) {
        _cleanup_free_ char *copy = strdup(text);
        char *rest = NULL;
        int r = copy ? sd_bus_message_open_container(m, 'a', "s") : -ENOMEM;
        for (char *word = copy ? strtok_r(copy, " ", &rest) : NULL; r >= 0 && word;
                        word = strtok_r(NULL, " ", &rest))
                r = sd_bus_message_append(m, "s", word);
        return r >= 0 ? sd_bus_message_close_container(m) : r;
}
