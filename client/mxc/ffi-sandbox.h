/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A command that runs, as it is given out: its session, and the pipes to it that were not taken yet. */

#include "ffi-own.h"
#include "session.h"

/* How it is begun. What it prints is carried by pipes, or by a pty. */
typedef struct SandboxStart {
        const MxcRequest *request;
        const char *agent, *sandbox; /* as MxcSpawn has them */
        bool pty;
        uint16_t rows, columns;
} SandboxStart;

int sandbox_start(const SandboxStart *start, MxcSandbox **ret, MxcError *error);

/* What a command printed, to its end, as far as it is kept: texts (bytes-text.h) to be freed. 0 or a negative errno; *error where mxcd
 * refuses. */
typedef struct Captured {
        char *out, *err;
        bool out_is_cut, err_is_cut;
        MxcEnd end;
        MxcStrings cut; /* mxc_session_cut(); the caller clears it */
} Captured;
int sandbox_capture(const SandboxStart *start, Captured *ret, MxcError *error);
