/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What takes long waits for its turn. mxcd does one thing after another: whoever has it read and compare a policy of 256 KiB keeps everybody
 * waiting for some milliseconds, and whoever asks for that on a hundred connections, as long as they like. So one such piece is done
 * each time round the event loop, among what others want, and those who wait have theirs in turn, one of each uid: what somebody
 * else asks for costs the next piece of another uid one piece, however much it is. How many one uid may have waiting is
 * bounded by what is charged to it before (act.c), like everything else that is not done at once. */

#include <sys/types.h>
#include <systemd/sd-event.h>

typedef struct Turns Turns;
int turns_new(sd_event *event, Turns **ret);
Turns *turns_free(Turns *t); /* who waits is told -ESHUTDOWN */

/* Called exactly once. error: 0, it is your turn; or -ESHUTDOWN, it will not be. */
typedef void (*TurnDone)(int error, void *userdata);
/* done() is never called before this returns. Where it is negative (out of memory), done() is not called. */
int turns_wait(Turns *t, uid_t uid, TurnDone done, void *userdata);
