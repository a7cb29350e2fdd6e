/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* RELEASE of what has ended, to its end: the launcher is asked again, ever more seldom, until nothing is left. While a pid 1 does not
 * finish dying (it waits for a device, or for a file system that does not answer), its control group stays, and the audit says so,
 * once. Without a launcher all wait for the next one, which is asked whether or not it ever knew of them. */

#include "manager.h"

/* s: of a sandbox (exec 0), what the audit calls it; NULL: only id. Everything is copied.
 * Once for each: where another may have been asked for, release_knows() says so. */
void release_begin(Manager *m, const char *scope, const char *id, uint32_t exec, const AuditSubject *s);
bool release_knows(const Manager *m, const char *id, uint32_t exec);
/* The channel of that sandbox's relay, which ends after its sandbox and tells on its way out what was open: that is on record too. Taken in any
 * case. */
void release_listen(Manager *m, const char *id, int channel);
void release_resume(Manager *m);   /* there is a launcher again */
void release_free_all(Manager *m); /* after the channel */
