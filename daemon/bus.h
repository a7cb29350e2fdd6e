/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The faces of the objects on a connection, either door's. The documented interface is dbus-config/org.mxc1.xml. Handlers translate, they
 * never decide. */

#include "manager.h"

int bus_add_objects(Manager *m, sd_bus *bus);

/* Before the objects: of their directory, what sd-bus would answer itself (bus-objects.c). */
int bus_take_managed_objects(Manager *m, sd_bus *bus);

/* Of the manager's methods, those that have files of their own: bus-explain.c, bus-register.c. */
typedef struct ActKind ActKind;
extern const ActKind act_explain, act_register_agent, act_revoke_agent;

extern const sd_bus_vtable manager_vtable[], agent_vtable[], sandbox_vtable[];

/* The manager behind the object whose handler runs now: what its vtable was registered with. */
Manager *bus_manager(sd_bus *bus);

/* The one handler of all methods of an interface: picks the act by the name that was called. */
int bus_begin(sd_bus_message *m, Manager *manager, const ActKind *const *acts, size_t n, const char *object, sd_bus_error *error);

/* In a message a string has four bytes before it, its NUL, and up to three to where the next begins. */
#define BUS_STRING_BYTES 8U

/* An object's properties by name, for Get and for dictionaries. */
typedef struct BusProperty {
        const char *name, *type;
} BusProperty;
typedef int (*BusAppend)(sd_bus_message *m, const void *object, Manager *manager, const char *name);
int bus_append_properties(sd_bus_message *m, const BusProperty *table, size_t n, BusAppend append, const void *object, Manager *manager);
int bus_append_strings(sd_bus_message *m, char *const *words); /* as */
bool bus_may_be_listed(size_t bytes, size_t n_listed);         /* whether so many of what is long are no more than one's part of the list */
int bus_append_words(sd_bus_message *m, const char *text);     /* as, of a space-separated text */

/* Objects by path, for fallback vtables; also enumerators. */
int agent_object_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret, sd_bus_error *error);
int agent_object_enumerate(sd_bus *bus, const char *path, void *userdata, char ***ret, sd_bus_error *error);
int sandbox_object_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret, sd_bus_error *error);
int sandbox_object_enumerate(sd_bus *bus, const char *path, void *userdata, char ***ret, sd_bus_error *error);

/* Who sent the message that this connection is dispatching: a new reference; NULL: nobody, or it cannot be told. Reading a property cannot wait, so
 * on the system bus this asks the bus itself, once for each name, which answers whatever other clients do. */
Caller *bus_sender(Manager *m, sd_bus *bus);
/* Whether that one may see (authorize_sees()) what about.on_behalf_uid owns; a no is recorded. 0, or a negative errno with error set. Where nobody asks, nobody sees: property
 * changes are told without their values, since a signal is for everybody on the bus. */
int bus_check_sees(Manager *m, sd_bus *bus, AuditSubject about, sd_bus_error *error);
/* c is shown what about.on_behalf_uid owns, AUDIT_NO_UID for what is many people's: on record, unless it is its own, or c is root. 0, or a negative errno with error
 * set: then it is not shown. */
int bus_note_look(Manager *m, const Caller *c, AuditSubject about, const char *method, sd_bus_error *error);

/* The end of an enumeration for c, who is told in paths what there is; others: some of it is other people's. Takes paths over. What is on record, or is in no need
 * of one, is in *ret; else a negative errno, with error set. */
int bus_enumerated(Manager *m, const Caller *c, char **paths, bool others, char ***ret, sd_bus_error *error);

/* A policy by its name, or as a document; *ret is a new reference. 0, or a negative errno, with error set where it is not there or not good. */
int bus_find_policy(Manager *m, const char *name, Policy **ret, sd_bus_error *error);

/* The properties of an object as a dictionary, for lists, of one of so many. What is long is there where it takes no more than its part of
 * LIMIT_LISTED_BYTES: an agent's Description; a sandbox's Argv, Workspace and Labels. A sandbox's Cut is on the object alone. brief: what says
 * which one it is and how it stands, and no more. */
int agent_append_listed(sd_bus_message *reply, const Agent *a, size_t n_listed, bool brief, Manager *m);
int sandbox_append_listed(sd_bus_message *reply, const Sandbox *s, size_t n_listed, bool brief);

/* What an object takes in GetManagedObjects at most, with its path and without what is long; and where it is brief. */
#define AGENT_LISTED_BYTES 1024U
#define AGENT_BRIEF_BYTES 512U
#define SANDBOX_LISTED_BYTES 1536U
#define SANDBOX_BRIEF_BYTES 512U
/* Whether so many are to be brief, as they could be more than LIMIT_OBJECTS_BYTES. */
bool bus_are_brief(size_t n_agents, size_t n_sandboxes);

char *agent_object_path(const char *name); /* the caller frees; NULL when out of memory */

/* RevokeAgent of the manager is Revoke of the agent. */
typedef struct Act Act;
int agent_revoke(Act *a, const char *name, const char *reason, sd_bus_error *error);

/* Signals of the manager, to whoever listens on the system bus; losing one is no harm. */
void bus_emit_sandbox(Manager *m, const char *member, const Sandbox *s);
