/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What becomes of the connections there are under another lease, when somebody looks, and at the end. */

#include "cleanup.h"
#include "connection-internal.h"
#include "guest.h"
#include "upstream.h"

/* By what it has said meanwhile. What nobody listened to, and has gone out, may have been for any name. */
static Judgement judge_as_it_is(const Connection *c) {
        const EgressLease *l = c->egress->lease;
        if (c->way)
                return guest_judge(c);
        Judgement j = *c->claimed ? judge_claim(l, &c->destination, c->claimed, EGRESS_REVOKED)
                                  : judge_connect(l, &c->destination);
        if (j.verdict == VERDICT_ALLOW && c->encrypted)
                j = judge_encrypted(&j);
        if (j.verdict == VERDICT_ALLOW && j.by_name && c->unheard && (c->bytes_out > 0 || c->up.piped > 0))
                j.verdict = VERDICT_DENY;
        return j;
}

/* What is not open yet is begun, or asked for, as mxcd recorded it: by the host's proxy under that name, or not by it. */
static bool is_as_recorded(const Connection *c, const Judgement *j) {
        if (c->way || c->state == CONNECTION_OPEN)
                return true;
        const bool upstream = j->host && upstream_takes(&c->egress->lease->upstream, j->host);
        return upstream == c->upstream &&
               (!upstream || (c->judgement.host && streq(c->judgement.host, j->host)));
}

static void listen_from_now_on(Connection *c) {
        c->unheard = false;
        c->sniff = SNIFF_FIRST;
        c->walk = (TlsWalk){ 0 };
        c->http = (HttpStream){ 0 };
        c->in_http = false;
        c->up.cleared = 0;
}

void connection_judge_again(Egress *e) {
        for (Connection *c = LIST_FIRST(&e->connections), *next; c; c = next) {
                next = LIST_NEXT(c, entries);
                if (c->state == CONNECTION_REFUSED) {
                        c->judgement.clause = ""; /* the old lease's */
                        continue;
                }
                Judgement j = judge_as_it_is(c);
                if (j.verdict == VERDICT_ALLOW && is_as_recorded(c, &j)) {
                        c->judgement = j;
                        if (j.by_name && c->unheard)
                                listen_from_now_on(c);
                } else if (c->state == CONNECTION_SEEKING) {
                        c->judgement.clause = j.clause;
                        connection_leads_nowhere(c, EGRESS_REVOKED);
                } else {
                        c->judgement.clause = j.clause; /* the other is the old lease's */
                        connection_end(c, EGRESS_FAIL, EGRESS_REVOKED, 0, false);
                }
        }
}

size_t connection_list(const Egress *e, EgressReport *ret, size_t max) {
        const Connection *c;
        size_t n = 0;
        LIST_FOREACH(c, &e->connections, entries) {
                if (c->state == CONNECTION_SEEKING || n == max)
                        continue;
                ret[n] = connection_report_so_far(c, c->way ? EGRESS_ACCEPT : EGRESS_CONNECT);
                ret[n].awaits = c->state == CONNECTION_ASKED;
                n++;
        }
        return n;
}

void connection_end_all(Egress *e) {
        for (Connection *c; (c = LIST_FIRST(&e->connections));)
                if (c->state == CONNECTION_ASKED || c->state == CONNECTION_SEEKING)
                        connection_free(c); /* it never was */
                else
                        connection_end(c, EGRESS_CLOSE, EGRESS_BY_RULE, 0, false);
}
