/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A terminal of a command as two pipes: Node takes no descriptor of a terminal. A thread carries the bytes; no signal is delivered to it.
 * What is typed ends as at a terminal (the character that VEOF says) when the pipe does, and what nobody reads any more is read all the same,
 * so that the command does not stand still. */

#include <stdint.h>

#include "cleanup.h"

#define PUMP_END_MSEC 5000U /* at the end, for a reader that is slow, whoever goes on writing */

typedef struct Pump Pump;

/* Takes master over, in any case. *ret_in is written to and *ret_out read from. 0 or a negative errno. */
int pump_new(int master, int *ret_in, int *ret_out, Pump **ret);
void pump_resize(const Pump *p, uint16_t rows, uint16_t columns);
/* Once the command has ended: waits until what it wrote has been passed on, and all that holds the terminal has gone, but no longer than for
 * PUMP_END_MSEC: the agent decides who is left behind with it, and whether that writes. NULL is fine. */
Pump *pump_free(Pump *p);
DEFINE_CLEANUP(Pump *, pump_free);
