/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What a command of a sandbox has for its standard input, output and error, seen from outside.
 *
 * A terminal is never handed over: whoever holds one can read what is typed there and change its modes, whatever it was given it for.
 * Where standard input and output are one the command gets a pty of its own for all three; otherwise a pipe in the place of
 * each that is one, and the bytes are carried here. Everything else is handed over as it is, and costs nothing.
 *
 * Input is the exception: whether a command wants what is typed cannot be seen from here, and what is read for one that does not is lost to
 * whoever does, the pager behind a pipe or the shell afterwards. So a terminal is read for a pty, and where PTY_NO says so. */

#include <stdbool.h>
#include <stdint.h>

#include "relay.h"
#include "terminal.h"

#define OUTPUT_QUIET_MSEC 200U /* what a command wrote before its end has come through a pty by then */
#define OUTPUT_END_MSEC 5000U  /* and no more than that is waited for: who was left behind with its pty may write for ever */

typedef enum PtyMode { PTY_AUTO, PTY_YES, PTY_NO } PtyMode;

typedef struct Channels {
        bool pty;
        int give[3];           /* what the command gets; -EBADF: nothing, /dev/null */
        bool given_is_ours[3]; /* a pipe's other end, to be closed once it is sent */
        int master;            /* of the pty, when it has come */
        Relay relays[3];       /* into the command, out of it, its errors */
        Terminal terminal;
} Channels;

/* Opens /dev/null where the caller left one of the three closed: the next descriptor would become it. */
int channels_fill_gaps(void);
/* 0, or a negative errno. channels_close() in any case. */
int channels_prepare(Channels *c, PtyMode mode);
/* The descriptors are on their way. */
void channels_given(Channels *c);
/* The pty has come: the terminal becomes raw. Takes master over. */
int channels_show_pty(Channels *c, int master);
/* Nobody reads what comes out of the pty any more: it hangs up, as a terminal does that is closed. */
void channels_settle(Channels *c);
void channels_resize(Channels *c);
/* Stopped and continued: a shell has used the terminal in between. */
void channels_continued(Channels *c);
bool channels_output_is_open(const Channels *c);
/* Whether what a command wrote has come out, some time after its end, or is not waited for any more; quiet_since: nothing has come since. */
bool channels_output_is_over(uint64_t now, uint64_t ended_at, uint64_t quiet_since);
/* Restores the terminal. */
void channels_close(Channels *c);
