/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "live.h"

#include "audit-net.h"
#include "cleanup.h"
#include "log.h"
#include "relay.h"
#include "runtime.h"

DEFINE_CLEANUP(Policy *, policy_unref);

static bool has_network(const Sandbox *s) {
        return s->relay && s->state != SANDBOX_EXITED;
}

static int nothing(Policy **ret) {
        static const char text[] = "{\"schema\": \"mxc-policy/1\"}";
        PolicyError error = { 0 };
        int r = policy_parse(text, strlen(text), NULL, NULL, ret, &error);
        policy_error_clear(&error);
        return r;
}

/* bound NULL: it is not there. */
static int hold_to(Policy **live, const Policy *bound) {
        _cleanup_(policy_unrefp) Policy *none = NULL;
        Policy *met;
        int r = bound ? 0 : nothing(&none);
        if (r < 0)
                return r;
        bound = bound ? bound : none;
        if (policy_network_within(*live, bound, NULL)) /* the same words, and the same digest, as before */
                return 0;
        r = policy_meet_network(*live, bound, &met);
        if (r < 0)
                return r;
        policy_unref(*live);
        *live = met;
        return 0;
}

/* ---- grants ---- */

bool live_grant_input(const Sandbox *s, const Grant *g, GrantInput *ret) {
        const Policy *agent = s->agent->is_default
                                              ? NULL
                                              : policy_store_find(s->manager->policies, s->agent->policy);
        *ret = (GrantInput){ g, s->effective->policy, agent, policy_store_ceiling(s->manager->policies) };
        return agent || s->agent->is_default || g->beyond_agent;
}

static int add_grant(const Sandbox *s, const Grant *g, Policy **live) {
        GrantInput in;
        Policy *joined;
        if (!live_grant_input(s, g, &in))
                return 0; /* what bounds it is not there: nothing of it is left */
        int r = grant_join(&in, *live, &joined);
        if (r < 0)
                return r;
        policy_unref(*live);
        *live = joined;
        return 0;
}

/* ---- all of it ---- */

static int live_of(const Sandbox *s, Policy **ret) {
        const Manager *m = s->manager;
        const Agent *a = s->agent;
        _cleanup_(policy_unrefp) Policy *live = policy_ref(s->effective->policy);
        int r = 0;
        if (s->origin == ORIGIN_STORE)
                r = hold_to(&live, policy_store_find(m->policies, s->policy));
        if (r == 0 && (!a->is_default || s->origin == ORIGIN_AGENT))
                r = hold_to(&live, policy_store_find(m->policies, a->policy));
        if (r == 0)
                r = hold_to(&live, policy_store_ceiling(m->policies));
        const Agent *who = registry_against(m->registry, a);
        bool revoked = who && who->state == AGENT_REVOKED;
        if (r == 0 && revoked)
                r = hold_to(&live, NULL);
        const Grant *g;
        LIST_FOREACH(g, &s->grants, entries)
                if (r == 0 && !revoked)
                        r = add_grant(s, g, &live);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(live);
        return 0;
}

static const Policy *current(const Sandbox *s) {
        return s->live ? s->live : s->effective->policy;
}

static void record(const Sandbox *s, const char *cause, const Caller *caller) {
        const AuditSubject subject = sandbox_subject(s, caller);
        if (audit_lease(s->manager->audit, &subject, cause) < 0)
                log_error("What sandbox %s may reach now is not on record.", s->id);
}

/* Only the next mxcd reads it: where it cannot, it holds the relay to what it works out itself. */
static void remember(Sandbox *s) {
        int r = s->leased ? 0 : (s->leased = true, runtime_save(s));
        if (r < 0)
                log_warning("The record of sandbox %s is not kept: %s", s->id, strerror(-r));
}

/* Takes live. */
static void set(Sandbox *s, Policy *live, const char *cause, const Caller *caller) {
        policy_unref(s->live);
        s->live = live;
        remember(s);
        record(s, cause, caller);
        int r = relay_set_lease(s->relay, live);
        if (r < 0)
                log_error("Sandbox %s has no network any more: its relay cannot be told of it: %s", s->id,
                                strerror(-r));
}

static void shut(Sandbox *s, int error, const Caller *caller) {
        log_error("Sandbox %s has no network any more: what it may reach cannot be worked out: %s", s->id,
                        strerror(-error));
        record(s, "shut", caller);
        relay_shut(s->relay);
}

static bool has_upstream_of_now(const Sandbox *s) {
        uint64_t number;
        (void)policy_store_upstream(s->manager->policies, &number); /* its number is all that is wanted */
        return s->relay->upstream == number;
}

void live_update(Sandbox *s, const char *cause, const Caller *caller) {
        Policy *live;
        if (!has_network(s))
                return;
        int r = live_of(s, &live);
        if (r < 0)
                shut(s, r, caller);
        else if (streq(live->digest, current(s)->digest) && !s->relay->shut && has_upstream_of_now(s))
                policy_unref(live);
        else
                set(s, live, cause, caller);
}

typedef struct Update {
        const Agent *agent;
        const char *cause;
        const Caller *caller;
} Update;

static void update_one(Sandbox *s, void *userdata) {
        const Update *u = userdata;
        if (!u->agent || agent_goes_with(s->agent, u->agent))
                live_update(s, u->cause, u->caller);
}

void live_update_agent(Manager *m, const Agent *a, const char *cause, const Caller *caller) {
        Update u = { a, cause, caller };
        sandbox_for_each(m, update_one, &u);
}

void live_update_all(Manager *m, const char *cause, const Caller *caller) {
        live_update_agent(m, NULL, cause, caller);
}

/* ---- grants, as they come and go ---- */

/* Of the same words the digest is the same: until when they hold is not in it. */
static void update_grants(Sandbox *s, const char *cause, const Caller *caller) {
        Policy *live;
        int r = live_of(s, &live);
        if (r < 0)
                shut(s, r, caller);
        else
                set(s, live, cause, caller);
}

int live_can_grant(const Sandbox *s, const Grant *g) {
        _cleanup_(policy_unrefp) Policy *live = policy_ref((Policy *)current(s));
        return add_grant(s, g, &live);
}

static int arm(Sandbox *s);

static int on_grant_end(sd_event_source *source, uint64_t usec, void *userdata) {
        Sandbox *s = userdata;
        const uint64_t now = now_boottime();
        for (Grant *g = LIST_FIRST(&s->grants), *next; g; g = next) {
                next = LIST_NEXT(g, entries);
                if (g->until <= now && live_end_grant(s, g, "expired", NULL) < 0)
                        log_warning("The record of sandbox %s is not kept.",
                                        s->id); /* the next mxcd ends it, too */
        }
        return arm(s);
}

static int arm(Sandbox *s) {
        uint64_t first = UINT64_MAX;
        const Grant *g;
        s->grants_end = sd_event_source_disable_unref(s->grants_end);
        LIST_FOREACH(g, &s->grants, entries)
                first = g->until < first ? g->until : first;
        if (first == UINT64_MAX)
                return 0;
        int r = sd_event_add_time(
                        s->manager->event, &s->grants_end, CLOCK_BOOTTIME, first, 1, on_grant_end, s);
        return r < 0 ? r : 0;
}

int live_grant(Sandbox *s, Grant *g, const Caller *caller) {
        LIST_INSERT_HEAD(&s->grants, g, entries);
        s->leased = true;
        int r = runtime_save(s);
        if (r == 0)
                r = arm(s);
        if (r < 0) {
                LIST_REMOVE(g, entries);
                (void)grant_free(g); /* NULL */
                return r;
        }
        update_grants(s, "grant", caller);
        return 0;
}

int live_end_grant(Sandbox *s, Grant *g, const char *reason, const Caller *caller) {
        const AuditSubject subject = sandbox_subject(s, caller);
        if (audit_grant_over(s->manager->audit, &subject, g->number, g->rule, reason) < 0)
                log_error("That a grant of sandbox %s is over is not on record.", s->id);
        LIST_REMOVE(g, entries);
        (void)grant_free(g); /* NULL */
        int r = runtime_save(s), k = arm(s);
        if (has_network(s))
                update_grants(s, "grant-over", caller);
        return r < 0 ? r : k;
}

/* Its relay is asked what is spent, by telling it what it knows. */
static bool bounds_bytes(const Policy *p) {
        return p->bytes_out != RESOURCE_UNLIMITED || p->bytes_in != RESOURCE_UNLIMITED;
}

void live_adopt(Sandbox *s) {
        Policy *live;
        if (!has_network(s))
                return;
        s->relay->serves = relay_has_process(s->relay);
        (void)on_grant_end(NULL, 0,
                        s); /* those that were over meanwhile; with no timer mxc-egress still ends them */
        int r = live_of(s, &live);
        if (r < 0) {
                shut(s, r, NULL);
        } else if (streq(live->digest, s->effective->policy->digest) && !s->leased &&
                        has_upstream_of_now(s) &&
                        !bounds_bytes(live)) { /* as it was, and never told anything else */
                policy_unref(live);
        } else {
                set(s, live, "adopt", NULL);
        }
        relay_listen(s->relay, true);
}
