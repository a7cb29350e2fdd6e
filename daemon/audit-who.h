/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Whom a record is about, in the words of its sentence. */

#include "audit.h"

/* "agent NAME (for USER)" */
typedef struct Who {
        char *text;
} Who;
Who who_of(const AuditSubject *s);
void who_clear(Who *w);
const char *who_text(const Who *w); /* also where there was no memory */

/* s, or other where that is NULL or "". */
const char *or_else(const char *s, const char *other);
