/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* One command of a sandbox from request to end, for run and exec: the request and its answer, the bytes of its terminal, the signals that
 * mxcctl gets instead of it, and mxcd's restarts in between. Prints what goes wrong.
 *
 * Signals are sent on as running.h says.
 *
 * Restarts. Where the connection is lost, mxcctl looks for mxcd for SESSION_RECONNECT_MSEC and says with Attach that it is
 * still there; nobody notices but who looks at the clock. */

#include "channels.h"
#include "door.h"
#include "verb.h"

#define SESSION_RECONNECT_MSEC 30000U /* mxcd keeps what was tied for 10 s after it came up (see Attach), and has to come up */

/* Writes the call into w with door_begin(), flags in it, and gives its serial. */
typedef uint32_t (*SessionRequest)(Door *d, WireWriter *w, uint8_t flags, const Channels *c, const void *userdata);
/* Reads the answer up to its info: the object path of the sandbox, and the number of the exec, 0 for the sandbox's command. */
typedef void (*SessionAnswer)(WireReader *r, const void *userdata, const char **ret_path, uint32_t *ret_exec);

typedef struct SessionCall {
        SessionRequest request;
        SessionAnswer answer;
        const void *userdata;
        const char *what;  /* the command, for messages */
        PtyMode pty;
        bool ask_password; /* polkit may, on this terminal */
        JsonMode json;     /* how it ended is told so (result.h); JSON_OFF: in sentences, as far as there is anything to say */
} SessionCall;

/* What to exit with: status.h. Takes the door over. */
int session_run(Door *door, const SessionCall *call);
