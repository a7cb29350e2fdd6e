/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What was there before this mxcd, or before this launcher: records in /run/mxc, sandboxes that the launcher tells of, leaves in the cgroup
 * tree. The three are brought together each time that there is a launcher, before anybody is served, the records only the first time:
 *   record and sandbox         it belongs to us again                              ADOPT
 *   record and leaf, launcher lost   the same, by the pid 1 that lives there        ADOPT
 *   sandbox or leaf, no record ended, since nobody can say what it is allowed      LOST
 *   what we have seen end      released
 *   command that we do not wait for, after the first time   ended: whoever asked for it was told that it does not begin
 *   record, nothing else       closed                                              LOST
 *   a scope without any        dropped */

#include "manager.h"

typedef struct Found Found;

/* Reads the records. */
int adopt_begin(Manager *m, Found **ret);
Found *adopt_free(Found *f);
/* One of the launcher's ADOPT reports; fds as LaunchDone. Without f, here and below, only what is known already is kept. */
void adopt_report(Manager *m, Found *f, const LaunchReport *report, int *fds, size_t n_fds);
/* After the last report. */
void adopt_reconcile(Manager *m, Found *f);
