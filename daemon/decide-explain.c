/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The same rule as an answer in words: of one question (Explain), and of what a request says that it needs. */

#include <inttypes.h>

#include "address.h"
#include "carried.h"
#include "cleanup.h"
#include "decide-internal.h"

void explanation_clear(Explanation *e) {
        free(e->clause);
        free(e->sentence);
        *e = (Explanation){ 0 };
}

/* ---- one question ---- */

/* What is asked, as a noun. NULL when out of memory. */
static char *question_text(const PolicyRequest *q) {
        const char *target = q->target ? q->target : "";
        const char *protocol = q->protocol == PROTOCOL_UDP    ? "udp"
                               : q->protocol == PROTOCOL_ICMP ? "icmp"
                                                              : "tcp";
        char *s = NULL;
        int r = -1;
        switch (q->kind) {
        case REQUEST_READ:
                r = asprintf(&s, "reading %s", target);
                break;
        case REQUEST_WRITE:
                r = asprintf(&s, "writing %s", target);
                break;
        case REQUEST_EXEC:
                r = asprintf(&s, "executing %s", target);
                break;
        case REQUEST_CONNECT:
                r = q->protocol == PROTOCOL_ICMP ? asprintf(&s, "reaching %s by icmp", target)
                                                 : asprintf(&s, "connecting to %s, %s port %u", target,
                                                                   protocol, q->port);
                break;
        case REQUEST_ENV:
                r = asprintf(&s, "the variable %s", target);
                break;
        case REQUEST_SYSCALL:
                r = asprintf(&s, "the system call %s", target);
                break;
        case REQUEST_RESOURCE:
                r = asprintf(&s, "%" PRIu64 " of %s", q->amount, target);
                break;
        case REQUEST_SPAWN:
                r = asprintf(&s, "sub-agents, %" PRIu64 " deep", q->amount);
                break;
        case REQUEST_PUBLISH:
                r = asprintf(&s, "publishing port %u of %s%s", q->port, target,
                                q->value && streq(q->value, "any") ? " for everybody" : "");
                break;
        case _REQUEST_MAX:
                r = asprintf(&s, "this");
                break;
        }
        return r < 0 ? NULL : s;
}

/* What a reader of the answer would otherwise take wrongly. */
static const char *remark(const PolicyRequest *q) {
        static const char *const own[] = { "/dev", "/proc", "/tmp", "/var/tmp" };
        bool path = q->kind == REQUEST_READ || q->kind == REQUEST_WRITE || q->kind == REQUEST_EXEC;
        for (size_t i = 0; path && i < ELEMENTSOF(own); i++)
                if (q->target && path_is_at_or_below(q->target, own[i]))
                        return " A sandbox has something of its own there; this is about what the host has.";
        NetCidr address;
        if (q->kind != REQUEST_CONNECT || !q->target)
                return "";
        const bool is_address = cidr_parse_address(q->target, &address);
        if (is_address && address_is_host_loopback(&address))
                return " In a sandbox that address is the host's own loopback.";
        if (is_address ? address_is_loopback(&address) : host_is_localhost(q->target))
                return " In a sandbox that is its own loopback, which no policy is about.";
        return "";
}

/* The most that may be said to that name: an address is not looked at in any case. */
static Speech most_said(const Policy *const *asked, size_t n, const PolicyRequest *question) {
        PolicyRequest q = *question;
        for (q.speech = SPEECH_OPAQUE; q.speech > SPEECH_PLAIN; q.speech--) {
                bool all = true;
                for (size_t i = 0; i < n; i++)
                        all = all && (!asked[i] || policy_allows(asked[i], &q, NULL) == VERDICT_ALLOW);
                if (all)
                        break;
        }
        return q.speech;
}

static const char *speech_remark(const PolicyRequest *q) {
        return q->speech == SPEECH_OPAQUE ? " What is said there is not looked at."
               : q->speech == SPEECH_PLAIN
                               ? " The server name of TLS, and the Host of HTTP, must be that name. "
                                 "An encrypted server name (ECH) is refused there."
                               : " The server name of TLS, and the Host of HTTP, must be that name.";
}

/* Which address a name has, and what is looked at. */
static int name_remark(const Policy *const *asked, size_t n, const PolicyRequest *q, char **ret) {
        bool synthetic = false;
        for (size_t i = 0; i < n; i++)
                synthetic = synthetic || (asked[i] && asked[i]->dns == DNS_SYNTHETIC);
        return asprintf(ret, "%s%s", speech_remark(q),
                               synthetic ? " The sandbox is told an address that stands for that name alone."
                                         : "") < 0
                               ? -ENOMEM
                               : 0;
}

/* What is to be known of something that is allowed; the caller frees. */
static int allowed_remark(const Policy *const *asked, size_t n, const PolicyRequest *q, char **ret) {
        NetCidr address;
        const char *text = "";
        if (q->kind == REQUEST_CONNECT && q->protocol == PROTOCOL_TCP &&
                        !cidr_parse_address(q->target, &address))
                return name_remark(asked, n, q, ret);
        if (q->kind == REQUEST_PUBLISH)
                text = q->value && streq(q->value, "any") ? " Whoever reaches that address may connect, but "
                                                            "for other sandboxes."
                                                          : " Processes of the agent's owner and of root "
                                                            "may connect, and nobody else.";
        *ret = strdup(text);
        return *ret ? 0 : -ENOMEM;
}

static int answer(const Policy *p, const char *bound, const PolicyRequest *q, Verdict verdict,
                const char *clause, const char *more, Explanation *ret) {
        PolicyTitle buffer;
        _cleanup_free_ char *question = question_text(q), *copy = strdup(clause), *sentence = NULL;
        if (!question || !copy)
                return -ENOMEM;
        if (asprintf(&sentence, "The %s %s %s.%s%s", decide_title(p, buffer),
                            verdict == VERDICT_ALLOW ? "allows" : "does not allow", question, remark(q),
                            more) < 0) {
                sentence = NULL;
                return -ENOMEM;
        }
        *ret = (Explanation){ verdict, bound, TAKE_PTR(copy), TAKE_PTR(sentence) };
        return 0;
}

static int answer_not_carried(const Policy *p, const PolicyRequest *q, const char *clause, const char *why,
                Explanation *ret) {
        PolicyTitle buffer;
        _cleanup_free_ char *question = question_text(q), *copy = strdup(clause), *sentence = NULL;
        if (!question || !copy)
                return -ENOMEM;
        if (asprintf(&sentence, "The %s allows %s, and this host does not. %s", decide_title(p, buffer),
                            question, why) < 0) {
                sentence = NULL;
                return -ENOMEM;
        }
        *ret = (Explanation){ VERDICT_DENY, "host", TAKE_PTR(copy), TAKE_PTR(sentence) };
        return 0;
}

int explain(const DecideInput *in, const PolicyRequest *question, Explanation *ret) {
        const PolicyBinding binding = decide_binding(in);
        _cleanup_(decision_clear) Decision d = { 0 };
        _cleanup_(policy_trio_clear) PolicyTrio t = { 0 };
        int r = decide_bind(in, &binding, &t, &d);
        if (r > 0)
                r = decide_workspace(in, &binding, &d);
        if (r < 0)
                return r;
        if (r == 0) { /* nothing can be run there at all */
                *ret = (Explanation){ VERDICT_DENY, d.bound, TAKE_PTR(d.clause), TAKE_PTR(d.sentence) };
                return 0;
        }

        const Policy *asked[] = { t.requested, t.agent, t.ceiling };
        static const char *const words[] = { "policy", "agent", "ceiling" };
        const char *first = "";
        for (size_t i = 0; i < ELEMENTSOF(asked); i++) {
                const char *clause;
                if (!asked[i])
                        continue;
                if (policy_allows(asked[i], question, &clause) == VERDICT_DENY)
                        return answer(asked[i], words[i], question, VERDICT_DENY, clause, "", ret);
                first = i == 0 ? clause : first;
        }
        const char *why = uncarried_request(asked, ELEMENTSOF(asked), question);
        if (why)
                return answer_not_carried(t.requested, question, first, why, ret);
        PolicyRequest most = *question;
        most.speech = most_said(asked, ELEMENTSOF(asked), question);
        (void)policy_allows(t.requested, &most, &first); /* the clause that lets so much be said */
        _cleanup_free_ char *more = NULL;
        r = allowed_remark(asked, ELEMENTSOF(asked), &most, &more);
        return r < 0 ? r : answer(t.requested, words[0], &most, VERDICT_ALLOW, first, more, ret);
}

/* ---- what is needed ---- */

static int refuse_need(const DecideInput *in, const PolicyRequest *q, Decision *d) {
        _cleanup_(explanation_clear) Explanation e = { 0 };
        int r = explain(in, q, &e);
        if (r < 0)
                return r;
        decision_clear(d);
        if (streq(e.bound, "policy")) /* what it does not even ask for, or what only all three together forbid */
                r = decide_deny(d, REASON_INVALID_ARGUMENT, "policy", e.clause,
                                "%s The request says that it needs that, so nothing is started.",
                                e.sentence);
        else if (streq(e.bound, "host"))
                r = decide_deny(d, REASON_UNSUPPORTED, "host", e.clause, "%s", e.sentence);
        else
                r = decide_deny(d, streq(e.bound, "agent") ? REASON_BEYOND_AGENT : REASON_BEYOND_CEILING,
                                e.bound, e.clause,
                                "%s The request needs it, so nothing is started: do without, or ask the "
                                "administrator to widen %s.",
                                e.sentence,
                                streq(e.bound, "agent") ? "the agent's policy" : "the ceiling of this host");
        return r < 0 ? r : 0;
}

int decide_needs(const DecideInput *in, const PolicyRequest *needs, size_t n, Decision *d) {
        for (size_t i = 0; i < n; i++) {
                PolicyRequest q = needs[i];
                if (q.kind == REQUEST_CONNECT)
                        q.speech = most_said(&in->requested, 1, &q);
                if (policy_allows(d->effective, &q, NULL) == VERDICT_DENY)
                        return refuse_need(in, &q, d);
        }
        return 0;
}
