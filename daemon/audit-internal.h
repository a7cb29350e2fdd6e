/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* How a record is made, for the files that make some: audit.c, audit-net.c. */

#include "audit-record.h"
#include "audit.h"

/* Fits syslog(3): what was refused stands out, changes by administrators are seen, ordinary life is quiet. */
enum { PRIORITY_WARNING = 4, PRIORITY_NOTICE = 5, PRIORITY_INFO = 6 };

/* What every record has, but its sentence. s may be NULL. */
int audit_begin(AuditRecord *r, AuditEvent event, const char *decision, int priority, const AuditSubject *s);
/* Before an effect: what is kept goes first, so that the journal has everything in order. */
int audit_commit(Audit *a, AuditRecord *r);
/* After an effect: sent now or later. */
int audit_tell(Audit *a, AuditRecord *r);
