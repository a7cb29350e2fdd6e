/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What is told of one that died before its command began, or in the proof: where it was, as it noted on its page, and the signal that
 * ended it, as far as there was one and it is known. */

#include "launcher.h"

#define DEATH_TEXT 128U
/* A sandbox, or a proof. run->signal is of its end where that was seen; otherwise its end is waited for, a second at most, and left for who
 * reaps. */
void death_while_set_up(const Run *run, char ret[static DEATH_TEXT]);
/* A proof that was set up, tried walls, and did not say that one let something through. */
void death_in_proof(const Run *run, char ret[static DEATH_TEXT]);
