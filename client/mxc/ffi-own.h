/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the library has given out and not got back. A pointer that comes in from outside is looked up here before it is touched: one that
 * is not from here (an SDK hands copies of its own to mxc_string_free()), or was given back already, is passed over. And a thing that is
 * in use in one thread is not freed under it by another. Thread-safe. */

#include <stdbool.h>

#include "ffi.h"

typedef enum OwnKind { OWN_TEXT, OWN_SANDBOX, OWN_READ, OWN_WRITE, OWN_CLOSER } OwnKind;

/* False: out of memory. */
bool own_add(OwnKind kind, void *thing, void (*destroy)(void *thing));
/* For the time of one call. NULL: not one of that kind, or given back. */
void *own_use(OwnKind kind, const void *thing);
void own_done(const void *thing);
/* It is given back: destroyed now, or when the last call on it is done. False: it was not ours. */
bool own_drop(OwnKind kind, void *thing);

/* Takes a text from malloc() over and gives it out; NULL in, or no memory: NULL. */
char *own_text(char *s);
char *own_text_copy(const char *s);

/* -- errors, as they are given out -- */

/* What went wrong, and its status. d may be NULL: nobody wants to know. */
int32_t own_fail(MxcErrorDetail *d, int32_t status, const char *message);
/* The same of a function that gave r and filled e, which is cleared. */
int32_t own_fail_with(MxcErrorDetail *d, int r, MxcError *e);
