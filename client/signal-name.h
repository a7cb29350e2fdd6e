/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The names of signals, as in sigabbrev_np(3), which not every C library has. */

/* "KILL" of 9; static. NULL for one without a name. */
const char *signal_name(int number);
