/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What mxcctl says for itself, on standard error: one line, "mxcctl: …". Whatever stands in it is made fit for a terminal. */

#include "cleanup.h"

_printf_(1, 2) void say(const char *format, ...);
/* The same, and gives status back, to be returned. */
_printf_(2, 3) int fail(int status, const char *format, ...);
