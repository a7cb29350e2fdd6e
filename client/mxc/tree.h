/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* JSON text as a tree that knows where in the text each thing is, and how far the text was good: an MXC configuration is refused for the first thing in it
 * that is wrong, be it syntax or meaning, with the position that MXC's own parser (serde_json) gives. jansson forgets positions. */

#include <stddef.h>
#include <stdint.h>

#include "cleanup.h"

typedef enum TreeKind { TREE_NONE, TREE_NULL, TREE_BOOL, TREE_INTEGER, TREE_FLOAT, TREE_STRING, TREE_ARRAY, TREE_OBJECT } TreeKind;

typedef struct Tree {
        TreeKind kind;       /* TREE_NONE: nothing that is a value begins there */
        size_t begin, end;   /* offsets into the text; end is where the next character is */
        bool open;           /* the text went wrong before its end: what it has is a beginning */
        bool truth;          /* of a bool; and of a negative integer */
        uint64_t number;     /* its magnitude */
        char *text;          /* of a string, with a NUL at its end and perhaps within; of a float, as it was written; of a key its name */
        size_t size;
        struct Tree *items;  /* of an array; of an object keys and values in turn: a key is a string; a last key may have no value */
        size_t n_items;
} Tree;
void tree_clear(Tree *t);

typedef struct TreeFault {
        const char *what; /* static, serde_json's words; NULL: the text is good */
        size_t at;        /* offset behind the character that is told as the column */
} TreeFault;

/* Reads text as far as it is good. -ENOMEM, or 0 with *ret owned by the caller. */
int tree_read(const char *text, size_t size, unsigned depth, Tree *ret, TreeFault *ret_fault);

/* Line and column of serde_json: lines from 1, and how many bytes of the line lie before the offset. */
void tree_position(const char *text, size_t offset, size_t *ret_line, size_t *ret_column);

bool tree_is(const Tree *string, const char *text); /* all of it: a string may have NULs */
/* The value of a key, NULL where there is none. */
const Tree *tree_get(const Tree *object, const char *key);
