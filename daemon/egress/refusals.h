/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the kernel refuses the sandbox by itself (refusal-table.h): the table that it goes by is kept here, and what it tells of becomes reports. On a
 * host where it does not, there is nothing of this, and every refusal is the relay's own. */

#include "egress.h"

typedef struct Refusals Refusals;

/* Takes what the process began with. The kernel does not refuse here: 0, and *ret is NULL. All others take NULL. */
int refusals_new(Egress *e, Refusals **ret);
/* Tells the last. */
Refusals *refusals_free(Refusals *r);

/* What was refused by the lease so far; to be called before there is another. */
void refusals_tell(Refusals *r);
/* By the lease of now. */
void refusals_judge_again(Refusals *r);
/* An address was learnt, or stands for a name now, and is not handed out before this returns. */
void refusals_learn(Refusals *r, const NetCidr *address);
