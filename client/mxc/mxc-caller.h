/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Who asks: this process, by its working directory and its environment. */

#include "mxc-request.h"

typedef struct CallerHere {
        char *cwd;
        MxcCaller caller; /* borrows of it and of the environment; both may be NULL */
} CallerHere;
void caller_here(CallerHere *ret);
void caller_here_clear(CallerHere *c);
