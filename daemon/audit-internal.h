/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* How records get to the journal (audit-journal.c), for the functions that make one for each event (audit.c). */

#include "audit-record.h"
#include "audit.h"
#include "refusals.h"

/* Fits syslog(3): what was refused stands out, changes by administrators are seen, ordinary life is quiet. */
enum { PRIORITY_WARNING = 4, PRIORITY_NOTICE = 5, PRIORITY_INFO = 6 };

/* What every record has, but its sentence. s may be NULL. */
int audit_begin(AuditRecord *r, AuditEvent event, const char *decision, int priority, const AuditSubject *s);
/* The same for what audit_tell() ends: where there is no memory for it, it is missing, and that will be told. */
int audit_begin_telling(Audit *a, AuditRecord *r, AuditEvent event, const char *decision, int priority,
                const AuditSubject *s);

/* Before an effect: what is kept goes first, so that the journal has everything in order. */
int audit_commit(Audit *a, AuditRecord *r);
/* The same, and where the journal does not take it: on disk, with the uid that asked for it. */
int audit_commit_or_store(Audit *a, AuditRecord *r, uid_t uid);
/* A refusal: recorded, or counted where one just like it is on record. Seals kind. */
int audit_commit_refusal(Audit *a, AuditRecord *r, RefusalKind *kind);
/* Somebody looks: the same, but kept where the journal does not take it. Seals kind. */
int audit_tell_look(Audit *a, AuditRecord *r, RefusalKind *kind);
/* After an effect: sent now or later. */
int audit_tell(Audit *a, AuditRecord *r);
