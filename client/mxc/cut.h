/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What is told of a configuration that was cut down to the bounds of its agent and its host. What it names and does not have is; what nobody named (the
 * system's paths, limits that it says nothing of, a display, what the ceiling denies below a path that it names) is in the record alone. */

#include "limits.h"
#include "mxc-request.h"

/* One row of info["cut"]; borrowed. */
typedef struct MxcCut {
        const char *field, *asked, *held, *by;
} MxcCut;

enum { MXC_CUT_ROWS_MAX = LIMIT_CUT + 1 }; /* with the one that counts the rest */

/* Adds the sentences of all rows there are: what one says may be no reason where another says more. 0 or -ENOMEM. */
int mxc_cut_say(const MxcRequest *request, const MxcCut *rows, size_t n, MxcStrings *ret);

/* How long the command may run after all, in microseconds: what its timeout and each bound leave. 0: for ever, or it is not known, since there were too many
 * rows for that one. */
uint64_t mxc_cut_timeout(const MxcRequest *request, const MxcCut *rows, size_t n);

/* Which need mxcd refuses by that sentence of its own; NULL: it is about something else. */
const MxcNeed *mxc_cut_need(const MxcRequest *request, const char *sentence);
