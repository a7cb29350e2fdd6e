/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Records on disk, until the journal takes them: one file for each in a directory of root's, NUMBER.UID, where uid asked for what is on record.
 * They outlive mxcd, and end with the machine as the journal's own queue does. The numbers are their order, and only rise. Nothing
 * here knows what is in a record; who writes one that the journal takes and then dies before it is removed has it told twice. */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define AUDIT_STORED_BYTES (64U * 1024) /* of one: a kind that is stored has a few short fields */

typedef struct AuditStore {
        int dir;       /* -EBADF: there is none, and nothing can be stored */
        uint64_t last; /* number given out */
} AuditStore;

/* Makes the directory where it is not there. each: of what an earlier mxcd left, in order; data is NUL-terminated and the callee's. What cannot be
 * read stays where it is and is told to the log. */
int audit_store_open(AuditStore *s, const char *path,
                void (*each)(uint64_t number, uid_t uid, char *data, size_t size, void *userdata), void *userdata);
void audit_store_close(AuditStore *s);

/* Whole on disk when it returns 0. -EBADF where there is no store, -E2BIG, or what writing says. */
int audit_store_put(AuditStore *s, uid_t uid, const char *data, size_t size, uint64_t *ret_number);
void audit_store_remove(const AuditStore *s, uint64_t number, uid_t uid);
