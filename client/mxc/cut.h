/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What is told of a configuration that was cut down to the bounds of its agent and its host. What it names and does not have is; what nobody named (the
 * system's paths, limits that it says nothing of, a display, what the ceiling denies below a path that it names) is in the record alone. */

#include "mxc-request.h"

/* One row of info["cut"]; borrowed. */
typedef struct MxcCut {
        const char *field, *asked, *held, *by;
} MxcCut;

/* Adds a sentence, if there is one. 0 or -ENOMEM. */
int mxc_cut_say(const MxcRequest *request, const MxcCut *cut, MxcStrings *ret);
