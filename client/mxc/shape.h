/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What a JSON document may look like, as a table, and the first place where a text does not: in the words, the order and with the positions of the parser
 * that MXC is made with (serde), which stops at the first thing wrong. A struct written as an array of its fields, which that parser takes too,
 * is refused: nobody writes that, and two spellings of one document are one too many. */

#include "mxc-error.h"
#include "tree.h"

typedef enum ShapeKind { SHAPE_ANY, SHAPE_STRING, SHAPE_BOOL, SHAPE_NUMBER, SHAPE_WORD, SHAPE_LIST, SHAPE_STRUCT } ShapeKind;

typedef struct Shape Shape;
typedef struct ShapeField {
        const char *name;
        const Shape *shape;
        bool required;
        const char *same_as; /* another spelling of that field, or NULL */
        const char *hint;    /* not known here: of an unknown field, what is said besides; or NULL */
} ShapeField;

struct Shape {
        ShapeKind kind;
        const char *name;          /* "struct Process", "u32", "a valid Containment string" */
        bool lax;                  /* struct: what can be omitted may be null as well; word: may be {"word":null} */
        bool open;                 /* struct: may have other fields */
        bool some;                 /* string, list: must not be empty */
        bool secret;               /* a refusal quotes nothing of it, nor of what it holds */
        uint64_t min, max;         /* number */
        const char *const *words;  /* word */
        size_t n_words;
        const Shape *element;      /* list */
        const ShapeField *fields;  /* struct; those with a hint are not among the known ones */
        size_t n_fields;
};

typedef struct ShapeText {
        const char *text;
        size_t size;
        const Tree *root;
        const TreeFault *fault; /* where the text went wrong; what NULL: nowhere */
        const char *prefix;     /* of each refusal: "Invalid one-shot request: " */
        const char *version;    /* of hints: "1.0" */
} ShapeText;

/* 0, or -EINVAL with *error filled, -ENOMEM. A text that went wrong is always refused: for what is wrong before that, or for that. */
int shape_check(const ShapeText *text, const Shape *shape, MxcError *error);

/* What a value is, in words: "integer `5`". NULL when out of memory; for free(). */
char *shape_describe(const Tree *t, bool secret);
/* Where it is told that it is of the wrong type: what holds others is not entered, so that the place is before it; of the rest it is behind. */
size_t shape_place(const Tree *t);
