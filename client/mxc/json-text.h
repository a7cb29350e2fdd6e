/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* JSON text (RFC 8259), written from its beginning to its end, on one line without spaces. lxc-exec needs no more of JSON than this and tree.h, and
 * so no library: a refusal takes less time than loading one. Errors stick, as in client/wire.h: write all of it, then look once. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct JsonText {
        char *text;     /* no NUL at its end before json_text_end() */
        size_t size, allocated;
        bool follows;   /* a value stands before: the next one wants a comma */
        int error;      /* -ENOMEM; -EILSEQ: a string that is not UTF-8 */
} JsonText;

void json_text_open(JsonText *j, char bracket);  /* "{" or "[" */
void json_text_close(JsonText *j, char bracket); /* "}" or "]" */
void json_text_key(JsonText *j, const char *key);
void json_text_string(JsonText *j, const char *s, size_t n);
void json_text_number(JsonText *j, uint64_t number);
void json_text_bool(JsonText *j, bool truth);
/* None, one or some values, written before, with commas between them; an error of theirs is one of this. */
void json_text_put(JsonText *j, const JsonText *part);
/* A key and its string; nothing where that is NULL. */
void json_text_member(JsonText *j, const char *key, const char *value);

/* It is whole: 0 and *ret owned by the caller, or the error. j is empty then. */
int json_text_end(JsonText *j, char **ret);
void json_text_clear(JsonText *j);
