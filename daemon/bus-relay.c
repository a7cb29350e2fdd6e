/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ListConnections: what a sandbox reaches, how much of it, and what it is refused. Its relay is asked: it alone knows what is carried until
 * something is over. */

#include "act.h"
#include "audit-net.h"
#include "bus-error.h"
#include "bus.h"
#include "cleanup.h"
#include "names.h"
#include "relay.h"
#include "sandbox.h"

static int append_text(sd_bus_message *m, const char *key, const char *value) {
        return sd_bus_message_append(m, "{sv}", key, "s", value);
}

static int append_number(sd_bus_message *m, const char *key, uint64_t value) {
        return sd_bus_message_append(m, "{sv}", key, "t", value);
}

static int append_connection(sd_bus_message *m, const RelayConnection *c) {
        const EgressReport *e = &c->report;
        bool allowed = e->verdict == VERDICT_ALLOW;
        char target[NET_TARGET_SIZE], address[NET_TARGET_SIZE] = "";
        net_target(e, target);
        if (e->family != 0)
                net_address(e, address);
        int r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = append_text(m, "State", allowed ? "open" : "refused");
        if (r >= 0)
                r = append_text(m, "Target", target);
        if (r >= 0)
                r = append_text(m, "Address", address);
        if (r >= 0)
                r = append_text(m, "Reason", egress_reason_to_string((EgressReason)e->reason));
        if (r >= 0)
                r = append_text(m, "Clause", e->clause);
        if (r >= 0 && e->published > 0 && e->uid != EGRESS_UID_UNKNOWN)
                r = append_number(m, "Uid", e->uid);
        if (r >= 0)
                r = append_number(m, "Since", c->since);
        if (r >= 0)
                r = append_number(m, "Count", e->count);
        if (r >= 0 && allowed)
                r = append_number(m, "BytesOut", e->bytes_out);
        if (r >= 0 && allowed)
                r = append_number(m, "BytesIn", e->bytes_in);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_grant(sd_bus_message *m, const Grant *g) {
        const uint64_t now = now_boottime(), left = g->until > now ? g->until - now : 0;
        int r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = append_text(m, "State", "granted");
        if (r >= 0)
                r = append_text(m, "Target", g->rule);
        if (r >= 0)
                r = append_text(m, "Clause", g->policy->name);
        if (r >= 0)
                r = append_number(m, "Grant", g->number);
        if (r >= 0)
                r = append_number(m, "Until", now_realtime() + left);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_grants(sd_bus_message *m, const Sandbox *s) {
        const Grant *g;
        LIST_FOREACH(g, &s->grants, entries) {
                int r = append_grant(m, g);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int append_list(sd_bus_message *m, const RelayList *list) {
        const RelayConnection *c;
        TAILQ_FOREACH(c, list, entries) {
                int r = append_connection(m, c);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int append_totals(sd_bus_message *m, const Relay *relay, bool live) {
        int r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = append_text(m, "Network", !relay ? "none" : relay->serves ? "active" : "idle");
        if (r >= 0 && relay)
                r = append_number(m, "Allowed", relay->n_allowed);
        if (r >= 0 && relay)
                r = append_number(m, "Refused", relay->n_refused);
        if (r >= 0 && relay)
                r = append_number(m, "BytesOut", relay->bytes_out);
        if (r >= 0 && relay)
                r = append_number(m, "BytesIn", relay->bytes_in);
        if (r >= 0 && relay)
                r = sd_bus_message_append(m, "{sv}", "Live", "b", live);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* seen: what relay_look() has said of it, or was told later: whether that is as it is now. */
typedef enum Seen { SEEN_BEFORE, SEEN_NOW, SEEN_NOBODY } Seen;

static int append_all(sd_bus_message *m, const Sandbox *s, Seen seen) {
        const Relay *relay = s->relay;
        int r = append_totals(m, relay, seen != SEEN_BEFORE);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "a{sv}");
        if (r >= 0)
                r = append_grants(m, s);
        if (r >= 0 && relay && seen != SEEN_NOBODY)
                r = append_list(m, &relay->open);
        if (r >= 0 && relay)
                r = append_list(m, &relay->refused);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int answer(Act *a, const Sandbox *s, Seen seen) {
        sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(a->message, &reply);
        if (r >= 0)
                r = append_all(reply, s, seen);
        if (r >= 0)
                act_reply_message(a, reply);
        else
                sd_bus_message_unref(reply);
        return r;
}

static void on_looked(Relay *relay, bool live, void *userdata) {
        Act *a = userdata;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = answer(a, relay->sandbox, live ? SEEN_NOW : SEEN_BEFORE);
        if (r >= 0)
                return;
        (void)bus_error_internal(&error, r, a->kind->method); /* returns the error that it sets */
        act_reply_error(a, &error);
}

static int run(Act *a, sd_bus_error *error) {
        const Sandbox *s = sandbox_find(a->manager, a->object);
        if (!s)
                return sd_bus_error_set(error, MXC_ERROR_NO_SUCH_SANDBOX, "That sandbox is over.");
        int r = s->relay ? relay_look(s->relay, on_looked, a) : 1;
        return r == 0 ? 0 : answer(a, s, r > 0 ? SEEN_NOBODY : SEEN_BEFORE);
}

static int owner(Act *a, uid_t *ret, sd_bus_error *error) {
        Sandbox *s = sandbox_find(a->manager, a->object);
        if (!s)
                return sd_bus_error_set(error, MXC_ERROR_NO_SUCH_SANDBOX, "That sandbox is over.");
        *ret = s->charged;
        return 0;
}

const ActKind act_list_connections = { MXC_IFACE_SANDBOX, "ListConnections", owner, run, NULL, false };
