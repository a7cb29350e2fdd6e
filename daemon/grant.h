/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Grants: what a running sandbox may reach for a while besides its policy. A grant is one rule of egress, as a policy has them under allow, with an
 * end by CLOCK_BOOTTIME; its clause is "grant-N#/network/egress/allow/0". It is at any time held to the ceiling, and to the agent's policy
 * unless an administrator agreed to more; what a policy denies by a rule, it does not open. mxc-egress itself closes it when its time is
 * over, whether mxcd is there or not. */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "decide.h"
#include "policy.h"

typedef struct Grant {
        LIST_ENTRY(Grant) entries;
        uint32_t number;    /* from 1, of its sandbox */
        char *rule;         /* the JSON that was asked for, in one line */
        Policy *policy;     /* that rule and nothing else */
        uint64_t until;     /* CLOCK_BOOTTIME */
        bool beyond_agent;  /* an administrator agreed that it is more than the agent's policy allows */
} Grant;
typedef LIST_HEAD(, Grant) GrantList;

/* A while, and not a day more; and whether one more fits. */
bool grant_usec_is_good(uint64_t usec);
bool grants_have_room(const GrantList *list);

/* rule: {"to": […], "ports": […]}. -EINVAL with *ret_sentence, -ENOMEM. */
int grant_new(const char *rule, uint32_t number, Grant **ret, char **ret_sentence);
Grant *grant_free(Grant *g);

/* As a record in /run. The second: NULL for what is none, or out of memory. */
json_t *grant_to_json(const Grant *g);
Grant *grant_from_json(const json_t *record);

typedef struct GrantInput {
        const Grant *grant;
        const Policy *effective; /* what the sandbox began with */
        const Policy *agent;     /* NULL: a default agent */
        const Policy *ceiling;
} GrantInput;

/* The rule, pure: allowed, or a denial with its clause. One that is only beyond the agent's policy is allowed, and *ret_beyond_agent says that an
 * administrator has to agree. -ENOMEM, or 0. */
int grant_decide(const GrantInput *in, Decision *ret, bool *ret_beyond_agent);

/* live, and what of the grant the bounds (those of GrantInput) leave of it now. */
int grant_join(const GrantInput *in, const Policy *live, Policy **ret);
