/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A directory of its own for each case, files in it, and the journal's end of a socket. */

#include <check.h>
#include <stddef.h>
#include <stdint.h>

#include "cleanup.h"

extern char *test_dir; /* made by daemon_case(), removed with everything in it after the case */

/* A case whose tests each have a test_dir; run it with run_daemon_case(). */
TCase *daemon_case(const char *name);
int run_daemon_case(TCase *t);

char *path_of(const char *relative); /* below test_dir; the caller frees */
void make_dir(const char *relative);
void write_file(const char *relative, const char *text); /* replaces it by rename, as editors do; mode 0644 */
void remove_file(const char *relative);
bool file_exists(const char *relative);

/* ---- the journal's end ---- */

int journal_listen(void); /* at test_dir/journal, with room for some records */

typedef struct Record {
        char *data;
        size_t size;
        bool by_memfd;
} Record;
/* False where none is there. */
bool journal_read(int fd, Record *ret);
void record_clear(Record *r);
/* The value of the n-th field of that name; NULL: there are not so many. Borrowed, of *ret_size bytes, and not terminated. */
const char *record_field(const Record *r, const char *name, size_t n, size_t *ret_size);
/* As text; the caller frees; NULL where there is none. */
char *record_get(const Record *r, const char *name);
void record_expect(const Record *r, const char *name, const char *value); /* value NULL: not there */
