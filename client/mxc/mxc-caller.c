/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mxc-caller.h"

#include "cleanup.h"

void caller_here(CallerHere *ret) {
        const char *home = getenv("HOME");
        *ret = (CallerHere){ .cwd = getcwd(NULL, 0) }; /* NULL: it was removed */
        ret->caller = (MxcCaller){ .cwd = ret->cwd && ret->cwd[0] == '/' ? ret->cwd : NULL,
                .home = home && home[0] == '/' ? home : NULL };
}

void caller_here_clear(CallerHere *c) {
        free(c->cwd);
}
