/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What Spawn and CreateSandbox tell besides the object: under what the sandbox runs, and what of it holds on this host. */

#include "sandbox.h"

/* What was cut, as a(ssss); of a text of cut.h, which may be NULL or "". */
int cut_append(sd_bus_message *m, const char *text);

/* Appends the a{sv}; pty: -EBADF for none. 0 or a negative errno. */
int spawn_info_append(sd_bus_message *m, const Sandbox *s, int pty);
