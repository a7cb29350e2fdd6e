/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Grant and RevokeGrant: more to reach, for a while. */

#include "act.h"
#include "audit-net.h"
#include "bus-error.h"
#include "cleanup.h"
#include "grant.h"
#include "live.h"
#include "log.h"
#include "names.h"
#include "relay.h"
#include "sandbox.h"

#define SECOND UINT64_C(1000000)

static void free_grant(void *g) {
        (void)grant_free(g); /* NULL */
}

static int find(Act *a, Sandbox **ret, sd_bus_error *error) {
        Sandbox *s = sandbox_find(a->manager, a->object);
        if (!s || s->state == SANDBOX_STARTING || s->state == SANDBOX_EXITED)
                return sd_bus_error_set(
                                error, MXC_ERROR_NO_SUCH_SANDBOX, "That sandbox is over, or not there yet.");
        *ret = s;
        return 0;
}

static int owner(Act *a, uid_t *ret, sd_bus_error *error) {
        Sandbox *s = NULL;
        int r = find(a, &s, error);
        if (r >= 0)
                *ret = s->charged;
        return r;
}

/* The answer waits until it is so: the relay goes by it. */
static void reply_when_leased(Act *a, Sandbox *s, uint32_t number) {
        relay_when_leased(s->relay, a->message, number);
        a->message = NULL;
        act_end(a);
}

/* ---- Grant ---- */

static int refuse(Act *a, const Sandbox *s, const Grant *g, uint64_t usec, const Decision *d,
                sd_bus_error *error) {
        const AuditSubject subject = sandbox_subject(s, a->caller);
        if (audit_grant(a->manager->audit, &subject, d, g->number, g->rule, usec) < 0)
                log_error("The refusal of a grant is not on record.");
        return bus_error_from_decision(error, d, s->policy);
}

static int refuse_for(Act *a, const Sandbox *s, const Grant *g, uint64_t usec, DecisionReason reason,
                const char *sentence, sd_bus_error *error) {
        const Decision d = { .verdict = VERDICT_DENY,
                .reason = reason,
                .bound = "host",
                .clause = (char *)"",
                .sentence = (char *)sentence };
        return refuse(a, s, g, usec, &d, error);
}

static int check_sandbox(Act *a, const Sandbox *s, const Grant *g, uint64_t usec, sd_bus_error *error) {
        if (!s->relay)
                return refuse_for(a, s, g, usec, REASON_UNSUPPORTED,
                                "This sandbox was built without a network, since its policy reaches "
                                "nothing. Give its policy one "
                                "destination, and start it again.",
                                error);
        const Agent *who = registry_against(s->manager->registry, s->agent);
        if (who)
                return refuse_for(a, s, g, usec,
                                who->state == AGENT_REVOKED ? REASON_AGENT_REVOKED : REASON_AGENT_SUSPENDED,
                                "The agent is suspended or revoked.", error);
        if (!grants_have_room(&s->grants))
                return refuse_for(a, s, g, usec, REASON_LIMIT,
                                "It has as many grants as a sandbox can have; revoke one first.", error);
        return 0;
}

/* On record, in the record of the sandbox, then in force. Takes what the act holds. */
static int give(Act *a, sd_bus_error *error) {
        Grant *g = a->data;
        Sandbox *s = NULL;
        const uint64_t now = now_boottime(), usec = g->until > now ? g->until - now : 0;
        int r = find(a, &s, error);
        if (r >= 0)
                r = check_sandbox(a, s, g, usec, error); /* it may have waited for polkit */
        if (r < 0)
                return r;
        r = live_can_grant(s, g);
        if (r < 0)
                return refuse_for(a, s, g, usec, REASON_LIMIT,
                                "What the sandbox may reach with it is too much to work out.", error);
        const AuditSubject subject = sandbox_subject(s, a->caller);
        const Decision d = {
                .verdict = VERDICT_ALLOW, .reason = REASON_ALLOWED, .bound = "", .clause = (char *)""
        };
        r = audit_grant(a->manager->audit, &subject, &d, g->number, g->rule, usec);
        if (r < 0)
                return act_unrecorded(a, r, error);
        a->data = NULL;
        r = live_grant(s, g, a->caller);
        if (r < 0)
                return bus_error_internal(error, r, "The grant cannot be kept");
        reply_when_leased(a, s, g->number);
        return 0;
}

static void on_administrator(bool allowed, const sd_bus_error *why, void *userdata) {
        Act *a = userdata;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *sentence = NULL;
        if (!allowed) {
                if (asprintf(&sentence,
                                    "That is more than the agent's policy allows, and needs an "
                                    "administrator. %s",
                                    why->message ? why->message : "") < 0)
                        sentence = NULL;
                act_refuse(a, REASON_BEYOND_AGENT, sentence ? sentence : "beyond-agent");
                return;
        }
        ((Grant *)a->data)->beyond_agent = a->agreed = true;
        if (give(a, &error) >= 0)
                return;
        act_reply_error(a, &error);
}

static int decide_it(
                Act *a, Sandbox *s, const Grant *g, uint64_t usec, bool *ret_beyond, sd_bus_error *error) {
        GrantInput in;
        _cleanup_(decision_clear) Decision d = { .verdict = VERDICT_DENY };
        int r = live_grant_input(s, g, &in) ? grant_decide(&in, &d, ret_beyond) : -ENOENT;
        if (r == -ENOENT)
                return refuse_for(a, s, g, usec, REASON_NO_SUCH_POLICY,
                                "The policy of its agent is not there.", error);
        if (r < 0)
                return r;
        return d.verdict == VERDICT_DENY ? refuse(a, s, g, usec, &d, error) : 0;
}

static int run_grant(Act *a, sd_bus_error *error) {
        const char *rule;
        uint64_t usec;
        Sandbox *s = NULL;
        int r = sd_bus_message_read(a->message, "st", &rule, &usec);
        if (r >= 0)
                r = find(a, &s, error);
        if (r < 0)
                return r;
        if (!grant_usec_is_good(usec))
                return sd_bus_error_setf(error, MXC_ERROR_INVALID_ARGUMENT,
                                "usec: from a second to %llu hours; a grant is for a while.",
                                (unsigned long long)(LIMIT_GRANT_USEC / (3600 * SECOND)));
        _cleanup_free_ char *sentence = NULL;
        Grant *g;
        r = grant_new(rule, s->last_grant + 1, &g, &sentence);
        if (r == -EINVAL)
                return sd_bus_error_set(
                                error, MXC_ERROR_POLICY_INVALID, sentence ? sentence : "The rule is none.");
        if (r < 0)
                return r;
        s->last_grant++;
        g->until = now_boottime() + usec;
        a->data = g;
        a->free_data = free_grant;
        bool beyond = false;
        r = check_sandbox(a, s, g, usec, error);
        if (r >= 0)
                r = decide_it(a, s, g, usec, &beyond, error);
        if (r < 0)
                return r;
        g->beyond_agent = beyond && a->agreed;
        if (!beyond || a->agreed)
                return give(a, error);
        return authorize_action(a->manager->authorizer, a->caller, MXC_ACTION_MANAGE_AGENTS,
                        sd_bus_message_get_allow_interactive_authorization(a->message) > 0, on_administrator,
                        a);
}

/* ---- RevokeGrant ---- */

static int run_revoke(Act *a, sd_bus_error *error) {
        uint32_t number;
        Sandbox *s = NULL;
        Grant *g = NULL;
        int r = sd_bus_message_read(a->message, "u", &number);
        if (r >= 0)
                r = find(a, &s, error);
        if (r < 0)
                return r;
        LIST_FOREACH(g, &s->grants, entries)
                if (g->number == number)
                        break;
        if (!g)
                return sd_bus_error_setf(error, MXC_ERROR_INVALID_ARGUMENT,
                                "The sandbox has no grant %u, or not any more; see mxcctl net.", number);
        r = live_end_grant(s, g, "revoked", a->caller);
        if (r < 0)
                return bus_error_internal(error, r, "The grant is closed, but that cannot be kept");
        reply_when_leased(a, s, 0);
        return 0;
}

const ActKind act_grant = { MXC_IFACE_SANDBOX, "Grant", owner, run_grant, NULL, true };
const ActKind act_revoke_grant = { MXC_IFACE_SANDBOX, "RevokeGrant", owner, run_revoke, NULL, false };
