/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "live.h"

#include "audit-net.h"
#include "cleanup.h"
#include "log.h"
#include "relay.h"
#include "runtime.h"

DEFINE_CLEANUP(Policy *, policy_unref);

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
        if (r == 0 && a->state == AGENT_REVOKED)
                r = hold_to(&live, NULL);
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

static bool has_network(const Sandbox *s) {
        return s->relay && s->state != SANDBOX_EXITED;
}

void live_update(Sandbox *s, const char *cause, const Caller *caller) {
        Policy *live;
        if (!has_network(s))
                return;
        int r = live_of(s, &live);
        if (r < 0)
                shut(s, r, caller);
        else if (streq(live->digest, current(s)->digest) && !s->relay->shut)
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
        if (!u->agent || s->agent == u->agent)
                live_update(s, u->cause, u->caller);
}

void live_update_agent(Manager *m, const Agent *a, const char *cause, const Caller *caller) {
        Update u = { a, cause, caller };
        sandbox_for_each(m, update_one, &u);
}

void live_update_all(Manager *m, const char *cause, const Caller *caller) {
        live_update_agent(m, NULL, cause, caller);
}

void live_adopt(Sandbox *s) {
        Policy *live;
        if (!has_network(s))
                return;
        s->relay->serves = relay_has_process(s->relay);
        int r = live_of(s, &live);
        if (r < 0) {
                shut(s, r, NULL);
        } else if (streq(live->digest, s->effective->policy->digest) &&
                        !s->leased) { /* as it was, and never told anything else */
                policy_unref(live);
        } else {
                set(s, live, "adopt", NULL);
        }
        relay_listen(s->relay, true);
}
