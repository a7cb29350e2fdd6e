/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* One command that mxcd runs for an MXC request, from Spawn or Exec to its end. It is tied to this process: whatever ends that, and
 * mxc_session_free(), ends the command. mxcd's restarts go unnoticed, as with mxcctl run (client/session.h).
 *
 * Nothing is printed, no thread is made and no signal is touched. Any thread may call any of these on one session at any time, but for
 * mxc_session_free(), which must come last and alone. None but mxc_session_spawn(), _wait(), _pid() and _free() wait. */

#include <stdbool.h>
#include <stdint.h>

#include "door.h"
#include "mxc-request.h"

typedef struct MxcSession MxcSession;

typedef struct MxcSpawn {
        const char *agent;   /* NULL: the caller's own default one */
        const char *sandbox; /* not NULL: Exec in the sandbox of that object path, where only argv, env, cwd and timeout of the request count */
        int stdio[3];        /* what the command has, borrowed; -EBADF: /dev/null. It is handed over, and must be no terminal: client/channels.h */
        bool pty;            /* one of its own in place of the three: mxc_session_take_pty() */
        uint16_t rows, columns; /* of it; 0: not said */
        Door *door;          /* of door_open(), taken over in any case; NULL: it is opened then */
        int cancel;          /* where this becomes readable spawning is given up with -ECANCELED; -EBADF: nothing does */
} MxcSpawn;

typedef struct MxcEnd {
        int exit_code;   /* the command's; 128 + the signal that ended it; -1: mxc_session_kill(), its timeout, or nobody knows */
        bool timed_out;  /* its own timeout, or mxc_session_kill_for_timeout() */
        uint64_t after_usec; /* it ran, where it timed out and that is known: its own timeout, or what its bounds left of it; or 0 */
        const char *why; /* a sentence, static, where somebody else ended it (stopped, revoked, out of memory, lost); or NULL */
} MxcEnd;

/* Returns when it runs, or does not: -EINVAL with *error filled (mxcd's refusal, or that it cannot be reached), -ECANCELED, -ENOMEM. */
int mxc_session_spawn(const MxcRequest *request, const MxcSpawn *spawn, MxcSession **ret, MxcError *error);
/* Ends the command, if it runs. NULL is fine. */
MxcSession *mxc_session_free(MxcSession *s);
DEFINE_CLEANUP(MxcSession *, mxc_session_free);

/* 1: it has ended, and nothing of a Spawn is left; 0: it runs. */
int mxc_session_try_wait(MxcSession *s, MxcEnd *ret);
/* Waits at most msec, -1: until it ends. As above. */
int mxc_session_wait(MxcSession *s, int msec, MxcEnd *ret);
/* For poll(): readable when mxc_session_try_wait() has work. The same descriptor all along, the session's own. */
int mxc_session_fd(const MxcSession *s);

/* Ends all of a Spawn, by its control group; the end comes by mxc_session_wait(). Of an Exec it gives up the tie, by which mxcd kills whatever that
 * began: it is over here at once, and there when mxcd comes to it. Harmless when it is over. */
void mxc_session_kill(MxcSession *s);
void mxc_session_kill_for_timeout(MxcSession *s);
/* To the command alone; SIGKILL as mxc_session_kill(). */
void mxc_session_signal(MxcSession *s, int number);

/* The master of its pty, the caller's from then on, who sets sizes on it with TIOCSWINSZ, and whose closing it is a hangup; -EBADF: it has none,
 * or it was taken. */
int mxc_session_take_pty(MxcSession *s);
/* Pid 1 of its sandbox, as the host counts; 0: not known any more. */
uint32_t mxc_session_pid(MxcSession *s);
/* What of the request its bounds took away and it named, in sentences for a person; of a Spawn. Lives as long as the session, and does not change. */
const MxcStrings *mxc_session_cut(const MxcSession *s);
/* "/org/mxc1/sandbox/ID"; lives as long as the session. */
const char *mxc_session_path(const MxcSession *s);
