/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What bounds all sandboxes of an agent together, as properties of its scope: the agent's policy as it is now, or the host's
 * ceiling for a default agent, whose owner names another policy each time. */

#include "cleanup.h"
#include "log.h"
#include "own-slice.h"
#include "scope.h"
#include "unit-bounds.h"

static const Policy *own_policy(const Scope *s) {
        return s->agent->is_default ? policy_store_ceiling(s->manager->policies)
                                    : policy_store_find(s->manager->policies, s->agent->policy);
}

static void note(Scope *s, const Policy *p) {
        (void)snprintf(s->held_to, sizeof(s->held_to), "%s", p->digest);
}

int scope_bounds_append(Scope *s, sd_bus_message *m) {
        const Policy *p = own_policy(s);
        if (!p)
                return 0;
        note(s, p);
        return unit_bounds_append(m, p);
}

/* ---- while it runs ---- */

static int on_set(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Scope *s = userdata;
        const sd_bus_error *e = sd_bus_message_get_error(m);
        s->bounds_call = sd_bus_slot_unref(s->bounds_call);
        if (e) {
                s->held_to[0] = 0; /* tried again with the next change */
                log_error("The limits of %s stay as they were: %s", s->unit,
                                e->message ? e->message : e->name);
        }
        return 0;
}

static void record(const Scope *s, const Policy *p, const char *words) {
        const AuditSubject subject = { .agent = s->agent->name,
                .agent_uuid = s->agent->uuid,
                .on_behalf_uid = s->agent->owner,
                .policy = p->name,
                .digest = p->digest,
                .unit = s->unit };
        if (audit_bounds(s->manager->audit, &subject, s->bounds_cause, words) < 0)
                log_error("That %s has other limits is not on record.", s->unit);
}

static int set(Scope *s, const Policy *p, const UnitBounds *now) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_free_ char *words = NULL;
        int r = unit_bounds_message(
                        s->manager->bus, s->unit, p, s->manager->tasks_default, now, false, &m, &words);
        if (r <= 0)
                return r;
        record(s, p, words);
        return sd_bus_call_async(s->manager->bus, &s->bounds_call, m, on_set, s, 0);
}

/* The policy may be another than when this was asked; it is the one of now that counts. */
static int on_properties(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Scope *s = userdata;
        UnitBounds now;
        const Policy *p = own_policy(s);
        s->bounds_call = sd_bus_slot_unref(s->bounds_call);
        if (!p || s->state != SCOPE_READY)
                return 0;
        note(s, p);
        int r = sd_bus_message_is_method_error(m, NULL) ? -sd_bus_message_get_errno(m)
                                                        : unit_bounds_read(m, &now);
        if (r >= 0)
                r = set(s, p, &now);
        if (r < 0) {
                s->held_to[0] = 0;
                log_error("The limits of %s stay as they were: %s", s->unit, strerror(-r));
        }
        return 0;
}

void scope_follow(Scope *s, const char *cause) {
        const Policy *p = own_policy(s);
        if (s->state != SCOPE_READY || !p ||
                        streq(s->held_to,
                                        p->digest)) /* no policy: nothing new begins, and what runs stays bound */
                return;
        _cleanup_free_ char *path = NULL;
        s->bounds_cause = cause;
        s->bounds_call = sd_bus_slot_unref(s->bounds_call); /* what was asked before is asked again */
        int r = sd_bus_path_encode(SYSTEMD_UNIT_PATH, s->unit, &path);
        if (r >= 0)
                r = sd_bus_call_method_async(s->manager->bus, &s->bounds_call, "org.freedesktop.systemd1",
                                path, "org.freedesktop.DBus.Properties", "GetAll", on_properties, s, "s",
                                "org.freedesktop.systemd1.Scope");
        if (r < 0)
                log_error("The limits of %s stay as they were: %s", s->unit, strerror(-r));
}

void scope_follow_all(Manager *m, const char *cause) {
        Scope *s;
        LIST_FOREACH(s, &m->scopes, entries)
                scope_follow(s, cause);
        own_slices_follow(m, cause);
}

static int on_default(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Manager *manager = userdata;
        if (!sd_bus_message_is_method_error(m, NULL) &&
                        sd_bus_message_read(m, "v", "t", &manager->tasks_default) < 0)
                manager->tasks_default = 0;
        return 0;
}

int scope_bounds_begin(Manager *m) {
        return sd_bus_call_method_async(m->bus, NULL, "org.freedesktop.systemd1",
                        "/org/freedesktop/systemd1", "org.freedesktop.DBus.Properties", "Get", on_default, m,
                        "ss", "org.freedesktop.systemd1.Manager", "DefaultTasksMax");
}
