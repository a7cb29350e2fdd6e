/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "budget.h"

#include "cleanup.h"
#include "reports.h"

#define TOKEN UINT64_C(1000000)

/* A bucket that fills by connectionRate a second, up to so many seconds' worth. */
static bool take_token(Egress *e) {
        const uint64_t rate = e->lease->connection_rate;
        if (rate == LEASE_UNLIMITED)
                return true;
        uint64_t usec = egress_now(e),
                 most = rate > UINT32_MAX ? UINT64_MAX : rate * EGRESS_RATE_SECONDS * TOKEN;
        uint64_t passed = usec - e->tokens_since;
        if (e->tokens_since == 0 || passed > EGRESS_RATE_SECONDS * UINT64_C(1000000) || most == UINT64_MAX)
                e->tokens = most;
        else
                e->tokens += rate * passed < most - e->tokens ? rate * passed : most - e->tokens;
        e->tokens_since = usec;
        if (e->tokens < TOKEN)
                return false;
        e->tokens -= TOKEN;
        return true;
}

bool budget_take(Egress *e, const Destination *d) {
        const EgressLease *l = e->lease;
        Judgement j = { .host = NULL };
        if (e->n_connections >= l->connections || e->n_connections >= EGRESS_CONNECTIONS_MAX) {
                j.reason = EGRESS_LIMIT_CONNECTIONS;
                j.clause = "/network/egress/limits/connections";
        } else if (e->bytes_out >= l->bytes_out) {
                j.reason = EGRESS_LIMIT_BYTES_OUT;
                j.clause = "/network/egress/limits/bytesOut";
        } else if (e->bytes_in >= l->bytes_in) {
                j.reason = EGRESS_LIMIT_BYTES_IN;
                j.clause = "/network/egress/limits/bytesIn";
        } else if (!take_token(e)) {
                j.reason = EGRESS_LIMIT_RATE;
                j.clause = "/network/egress/limits/connectionRate";
        } else {
                return true;
        }
        report_refusal(e, d, 0, &j);
        return false;
}

uint64_t budget_most(uint64_t limit, uint64_t gone) {
        uint64_t left = gone < limit ? limit - gone : 0;
        return left < UINT64_MAX ? left + 1 : left;
}

static uint64_t mark(uint64_t limit, uint64_t gone) {
        const uint64_t next = gone + limit / EGRESS_SPENT_STEPS + 1;
        return limit == LEASE_UNLIMITED ? 0 : next < limit ? next : gone > limit ? gone : limit;
}

static bool is_due(uint64_t limit, uint64_t gone, uint64_t marked) {
        return limit != LEASE_UNLIMITED && gone > marked;
}

static void tell_spent(Egress *e) {
        const EgressLease *l = e->lease;
        if (!is_due(l->bytes_out, e->bytes_out, e->marked_out) &&
                        !is_due(l->bytes_in, e->bytes_in, e->marked_in))
                return;
        EgressReport spent = { .kind = EGRESS_SPENT,
                .verdict = VERDICT_ALLOW,
                .count = 1,
                .bytes_out = mark(l->bytes_out, e->bytes_out),
                .bytes_in = mark(l->bytes_in, e->bytes_in) };
        if (report_send(e, &spent) < 0)
                return; /* with the next bytes again */
        e->marked_out = spent.bytes_out;
        e->marked_in = spent.bytes_in;
}

static bool refuse(const char *host, bool out, bool in, Judgement *ret) {
        if (out || in)
                *ret = (Judgement){ .reason = out ? EGRESS_LIMIT_BYTES_OUT : EGRESS_LIMIT_BYTES_IN,
                        .clause = out ? "/network/egress/limits/bytesOut" : "/network/egress/limits/bytesIn",
                        .host = host };
        return out || in;
}

bool budget_is_over(Egress *e, const char *host, Judgement *ret) {
        tell_spent(e);
        return refuse(host, e->bytes_out > e->lease->bytes_out, e->bytes_in > e->lease->bytes_in, ret);
}

bool budget_is_spent(const Egress *e, const char *host, Judgement *ret) {
        return refuse(host, e->bytes_out >= e->lease->bytes_out, e->bytes_in >= e->lease->bytes_in, ret);
}
