/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* One record of the audit trail, in the journal's native encoding: fields of any bytes, and one sentence for people. Errors are kept
 * and told once, at the end. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cleanup.h"

/* Of the sentence, in bytes: terminals and `journalctl` show it whole. */
#define AUDIT_MESSAGE_MAX 2048U

typedef struct AuditRecord {
        FILE *stream;
        char *data;   /* whole after audit_record_end() */
        size_t size;
} AuditRecord;

int audit_record_begin(AuditRecord *r);
void audit_record_clear(AuditRecord *r);
/* 0, or -ENOMEM where any of it did not fit in memory. */
int audit_record_end(AuditRecord *r);

/* NULL and "" are left out. A value longer than AUDIT_VALUE_MAX is cut there, not within a UTF-8 character, and MXC_TRUNCATED=field
 * stands beside it. */
void audit_record_text(AuditRecord *r, const char *field, const char *value);
void audit_record_bytes(AuditRecord *r, const char *field, const void *value, size_t size);
void audit_record_number(AuditRecord *r, const char *field, uint64_t value);

/* argv as a JSON list: valid JSON also where it had to be cut (words are dropped from its end, and the last one kept may be
 * cut). Bytes that are not UTF-8 become U+FFFD. */
void audit_record_argv(AuditRecord *r, const char *field, char *const *argv);

/* MESSAGE. Whatever the arguments hold, it is one line of UTF-8 that a terminal only shows: every other byte, and every control and
 * direction character, is written as \xHH. */
_printf_(2, 3) void audit_record_message(AuditRecord *r, const char *format, ...);

/* The words of argv with spaces between, for a message; at most some 200 bytes. The caller frees; NULL when out of memory. */
char *audit_argv_text(char *const *argv);
