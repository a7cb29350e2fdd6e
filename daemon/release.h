/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* RELEASE of what has ended, to its end: the launcher is asked again, ever more seldom, while a pid 1 does not finish dying (it waits
 * for a device, or for a file system that does not answer). Its control group stays that long, and the audit says so, once. Without a
 * launcher it is forgotten: the next HELLO tells of it again, and the leaf goes with its scope. */

#include "manager.h"

/* s: of a sandbox (exec 0), what the audit calls it; NULL: only id. Everything is copied. */
void release_begin(Manager *m, const char *scope, const char *id, uint32_t exec, const AuditSubject *s);
void release_free_all(Manager *m); /* after the channel */
