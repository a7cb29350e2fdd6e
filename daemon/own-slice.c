/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "own-slice.h"

#include "cleanup.h"
#include "log.h"
#include "scope.h"
#include "unit-bounds.h"

_Static_assert(LIMIT_AGENTS_OF_USER < LIMIT_SCOPES_PER_SLICE, "they have room in one slice");

int own_slice_hold(Manager *m, uid_t owner, OwnSlice **ret) {
        OwnSlice *o;
        LIST_FOREACH(o, &m->own_slices, entries)
                if (o->owner == owner)
                        break;
        if (!o) {
                o = calloc(1, sizeof(OwnSlice));
                if (!o)
                        return -ENOMEM;
                if (asprintf(&o->unit, "mxc-u%u-own.slice", owner) < 0) {
                        free(o);
                        return -ENOMEM;
                }
                o->manager = m;
                o->owner = owner;
                LIST_INSERT_HEAD(&m->own_slices, o, entries);
        }
        o->n_users++;
        *ret = o;
        return 0;
}

void own_slice_release(OwnSlice *o) {
        if (--o->n_users > 0)
                return;
        LIST_REMOVE(o, entries);
        sd_bus_slot_unref(o->call);
        free(o->unit);
        free(o);
}

bool own_slice_is_bound(const OwnSlice *o) {
        const Policy *ceiling = policy_store_ceiling(o->manager->policies);
        return ceiling && streq(o->held_to, ceiling->digest);
}

/* ---- asking ---- */

/* Whom that sets free may go, and this with it. */
static void tell(OwnSlice *o, int error, const char *what) {
        char sentence[LIMIT_DESCRIPTION_BYTES];
        Manager *m = o->manager;
        (void)snprintf(sentence, sizeof(sentence), "%s cannot be bounded: %s", o->unit,
                        what ? what : strerror(-error));
        if (error < 0) {
                o->held_to[0] = 0;
                log_error("%s", sentence);
        }
        o->n_users++;
        for (Scope *s = LIST_FIRST(&m->scopes), *next; s; s = next) {
                next = LIST_NEXT(s, entries);
                if (s->own == o)
                        scope_slice_told(s, error, error < 0 ? sentence : NULL);
        }
        own_slice_release(o);
}

static void ask(OwnSlice *o);

/* The ceiling may be another than when this was asked. */
static void is_held(OwnSlice *o) {
        memcpy(o->held_to, o->asked, sizeof(o->held_to));
        if (own_slice_is_bound(o))
                tell(o, 0, NULL);
        else
                ask(o);
}

static int on_set(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        OwnSlice *o = userdata;
        const sd_bus_error *e = sd_bus_message_get_error(m);
        o->call = sd_bus_slot_unref(o->call);
        if (e)
                tell(o, -EIO, e->message ? e->message : e->name);
        else
                is_held(o);
        return 0;
}

static void record(const OwnSlice *o, const Policy *p, const char *words) {
        char agent[sizeof("user-4294967295")];
        (void)snprintf(agent, sizeof(agent), "user-%u", o->owner);
        const AuditSubject subject = { .agent = agent,
                .on_behalf_uid = o->owner,
                .policy = p->name,
                .digest = p->digest,
                .unit = o->unit };
        if (audit_bounds(o->manager->audit, &subject, o->cause, words) < 0)
                log_error("That %s has other limits is not on record.", o->unit);
}

/* 1: it is under way; 0: there is nothing to set. */
static int set(OwnSlice *o, const Policy *p, const UnitBounds *now) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_free_ char *words = NULL;
        int r = unit_bounds_message(o->manager->bus, o->unit, p, RESOURCE_UNLIMITED, now, true, &m, &words);
        if (r <= 0)
                return r;
        record(o, p, words);
        r = sd_bus_call_async(o->manager->bus, &o->call, m, on_set, o, SCOPE_START_USEC);
        return r < 0 ? r : 1;
}

static int on_properties(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        OwnSlice *o = userdata;
        UnitBounds now;
        const Policy *p = policy_store_ceiling(o->manager->policies);
        const sd_bus_error *e = sd_bus_message_get_error(m);
        o->call = sd_bus_slot_unref(o->call);
        int r = e ? -EIO : p ? unit_bounds_read(m, &now) : -ENODATA;
        if (r >= 0) {
                (void)snprintf(o->asked, sizeof(o->asked), "%s", p->digest);
                r = set(o, p, &now);
        }
        if (r < 0)
                tell(o, r, e ? e->message : NULL);
        else if (r == 0)
                is_held(o);
        return 0;
}

static void ask(OwnSlice *o) {
        sd_bus_message *m = NULL;
        _cleanup_free_ char *path = NULL;
        int r = sd_bus_path_encode(SYSTEMD_UNIT_PATH, o->unit, &path);
        if (r >= 0)
                r = sd_bus_message_new_method_call(o->manager->bus, &m, "org.freedesktop.systemd1", path,
                                "org.freedesktop.DBus.Properties", "GetAll");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", ""); /* of a slice, and of a unit */
        if (r >= 0)
                r = sd_bus_call_async(o->manager->bus, &o->call, m, on_properties, o, SCOPE_START_USEC);
        sd_bus_message_unref(m);
        if (r < 0)
                tell(o, r, NULL);
}

void own_slice_bind(OwnSlice *o, const char *cause) {
        if (o->call)
                return;
        o->cause = cause;
        ask(o);
}

static bool is_in_use(const OwnSlice *o) {
        const Scope *s;
        LIST_FOREACH(s, &o->manager->scopes, entries)
                if (s->own == o && s->state == SCOPE_READY && !s->misplaced)
                        return true;
        return false;
}

void own_slices_follow(Manager *m, const char *cause) {
        for (OwnSlice *o = LIST_FIRST(&m->own_slices), *next; o; o = next) {
                next = LIST_NEXT(o, entries);
                if (!own_slice_is_bound(o) && is_in_use(o))
                        own_slice_bind(o, cause);
        }
}
