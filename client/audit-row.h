/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* One record of the audit, from the fields of the journal to what people and programs are shown. Pure. */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A record as an object: names without MXC_ in lower case; numbers as numbers; the words of a command, labels and walls taken apart; handoff
 * and truncated always lists. Bytes that are not UTF-8 become U+FFFD. */
json_t *audit_row_new(uint64_t realtime_usec, const char *cursor);
/* Adds a field as the journal has it, NAME=value; what is no business of the audit is left out. 0 or -ENOMEM. */
int audit_row_add(json_t *row, const char *data, size_t size);
/* It is one of mxcd's records and not a line of its log. */
bool audit_row_is_record(const json_t *row);
/* CLOCK_REALTIME, of the event. */
uint64_t audit_row_time(const json_t *row);
/* On whose behalf: a name; where the record has a uid alone, and is not from here, its digits, since another machine may know it by another
 * name. NULL when out of memory. */
char *audit_row_for_whom(const json_t *row, bool here);
/* What happened, in one line, not yet escaped. NULL when out of memory; the caller frees. */
char *audit_row_detail(const json_t *row);

typedef struct AuditFilter {
        const char *sandbox; /* the beginning of its id */
        const char *target;  /* a pattern with * ? [], or what stands somewhere in it */
} AuditFilter;
bool audit_row_matches(const json_t *row, const AuditFilter *f);
