/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The rule: what of a request is allowed. Pure: no descriptor, no clock, no log; the same input gives the same decision for ever, and
 * `mxcctl policy explain` and Plan show exactly what Spawn would do.
 *
 * Three policies take part. requested: what the sandbox is to run under (the request's own document or a named policy, else the
 * agent's). agent: the bound of a registered agent; NULL for a default agent, which the ceiling alone bounds. ceiling: the host's. All
 * three are bound to the request's paths first. Where requested is not within a bound the answer is no, with the clause of
 * the requested policy that is wider, unless the caller asked for clamp. What holds then is the meet of all three.
 *
 * A workspace is a directory to work in, not a way around: "/", a part of the system (/etc, /usr/bin, /run …), what the ceiling or the
 * agent's policy denies by another entry, and a directory with the owner's home below it are refused, clamp or not. A home of "/" is
 * nobody's: entries that name it vanish. */

#include <stdbool.h>

#include "policy.h"

#define DECISION_REASONS(X) \
        X(ALLOWED, "allowed") \
        X(BEYOND_AGENT, "beyond-agent")             /* wider than the agent's own policy */ \
        X(BEYOND_CEILING, "beyond-ceiling")         /* wider than the host's ceiling */ \
        X(POLICY_INVALID, "policy-invalid") \
        X(NO_SUCH_POLICY, "no-such-policy") \
        X(NO_SUCH_AGENT, "no-such-agent") \
        X(NOT_OWNER, "not-owner")                   /* somebody else's, and polkit did not agree */ \
        X(NOT_AUTHORIZED, "not-authorized")         /* polkit said no */ \
        X(AGENT_SUSPENDED, "agent-suspended") \
        X(AGENT_REVOKED, "agent-revoked") \
        X(FROZEN, "frozen")                         /* the sandbox stands still */ \
        X(CALLER_IN_SANDBOX, "caller-in-sandbox") \
        X(LIMIT, "limit")                           /* of limits.h */ \
        X(UNSUPPORTED, "unsupported")               /* this host or version cannot enforce it */ \
        X(INVALID_ARGUMENT, "invalid-argument")

typedef enum DecisionReason {
#define X(name, word) REASON_##name,
        DECISION_REASONS(X)
#undef X
        _REASON_MAX,
} DecisionReason;
const char *decision_reason_to_string(DecisionReason r);

typedef struct Decision {
        Verdict verdict;
        DecisionReason reason;
        char *clause;         /* JSON pointer into the requested policy, "NAME#pointer" into a bound; "" where none decided */
        char *sentence;       /* for the caller: what is refused, and what to do. NULL when allowed */
        const char *bound;    /* "ceiling", "agent", "policy", "host": who said no; "" when allowed */
        Policy *effective;    /* allowed: what holds, bound to paths. NULL when denied */
        char *cut;            /* allowed: what of it was cut down, of clamp: cut.h; or NULL */
        Policy *literal;      /* allowed: the part of it that is the same for every request: the meet of the three with no variable
                                 bound. What the planner may open as root and keep in a template */
} Decision;
void decision_clear(Decision *d);

typedef struct DecideInput {
        const Policy *requested;  /* not bound yet */
        const Policy *agent;      /* or NULL */
        const Policy *ceiling;
        PolicyBinding binding;
        bool clamp;
        Containment containment;  /* least tier that the request asks for; CONTAINMENT_AUTO: nothing */
} DecideInput;

/* -ENOMEM, or 0 and a Decision. What this version cannot build (a tier above process, connections into a sandbox, an overlay workspace, what
 * must be audited or acted on and cannot be seen here) is a deny of REASON_UNSUPPORTED that names the clause. */
int decide(const DecideInput *in, Decision *ret);

/* Of a decision that allows: whether what the caller says it cannot do without is still there; a denial where it is not, with who forbids it. A name
 * is asked with as much said to it as the requested policy lets. 0 or -ENOMEM. */
int decide_needs(const DecideInput *in, const PolicyRequest *needs, size_t n, Decision *d);

/* One concrete question to a policy under the same bounds (Explain). clause is of the policy that decided; bound says which. 0, or
 * -ENOMEM. */
typedef struct Explanation {
        Verdict verdict;
        const char *bound;        /* "policy", "agent", "ceiling" */
        char *clause;
        char *sentence;
} Explanation;
void explanation_clear(Explanation *e);
int explain(const DecideInput *in, const PolicyRequest *question, Explanation *ret);
