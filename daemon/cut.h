/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What a request loses where it is cut down to its bounds: told to who asked, and on record. It is what the request would have been refused for
 * without clamp, by the same comparison. */

#include "policy.h"

/* A JSON array of at most LIMIT_CUT rows and LIMIT_CUT_BYTES: [FIELD, ASKED, HELD, BY], FIELD a pointer into the requested policy, BY "agent" or
 * "ceiling", what is named before what is below that; of what there is no room for the last row tells how many: ["", "N more", HELD, ""], HELD "below" where all of those are that, and else "". NULL where
 * nothing was cut. All three are bound; agent may be NULL. 0, or -ENOMEM. */
int cut_find(const Policy *requested, const Policy *agent, const Policy *ceiling, char **ret);
