/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A sandbox whose network is steered, from inside: what it dials, and what serves it. */

#include "rig.h"

typedef struct Box {
        RigBox box;
        LaunchPlan *plan;
} Box;

/* relay: stands in for mxc-egress from the next start of a rig on. dial: what tries. */
void box_use(const char *relay, const char *dial);
void box_install(const Rig *r); /* dial, into the workspace of a rig that was started */

LaunchPlan *box_plan(const Rig *r, bool steered);
Box box_open(Rig *r, bool steered);
void box_end(Rig *r, Box *b);   /* kills it, and waits for its end to be told */
void box_close(Rig *r, Box *b); /* the same, and its release */
void box_forget(Box *b);        /* what is left of one that was released */

/* What dial prints of one attempt, without the break at the end; static. */
const char *box_dial(Rig *r, const Box *b, const char *attempt);
void box_expect(Rig *r, const Box *b, const char *attempt, const char *wanted, const char *name);

/* What serves it: its leaf, and a pidfd of the first process there, -EBADF: none. */
bool box_has_leaf(const Rig *r, const Box *b);
int box_open_relay(const Rig *r, const Box *b);
bool pidfd_ends(int pidfd); /* within 20 s */
bool pidfd_lives(int pidfd);
