/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What run and exec tell of a sandbox where --json was given: one object, on standard error once all is over, in place of the sentences.
 * Standard output is the command's. It is put together as things become known, and without a library. What there is no memory for makes
 * all of it fail. */

#include <stdio.h>

#include "verb.h"
#include "wire.h"

typedef struct Result {
        FILE *stream; /* NULL: nothing is to be told */
        char *text;
        size_t size;
        bool any;     /* something stands in it */
} Result;

void result_begin(Result *r, JsonMode mode); /* JSON_OFF: all below does nothing */
void result_text(Result *r, const char *key, const char *value); /* NULL: null */
void result_number(Result *r, const char *key, long value);
void result_bool(Result *r, const char *key, bool value);
void result_texts(Result *r, const char *key, const char *const *values, size_t n);

/* A value of mxcd's a{sv}: text, or a list of it; others are passed over. Reads it in any case. */
void result_value(Result *r, const char *key, const char *signature, WireReader *reader);

void result_end(Result *r, JsonMode mode); /* prints it */
void result_clear(Result *r);
