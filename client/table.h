/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Text in columns. What is put in is made fit for a terminal; what is too wide for it is cut in the last column. */

#include <stddef.h>
#include <stdint.h>

#include "cleanup.h"
#include "output.h"

#define TABLE_COLUMNS_MAX 12U

typedef struct Column {
        const char *title;
        unsigned least;  /* its width at least, where rows are not all known beforehand */
        bool right;      /* numbers */
} Column;

typedef struct Table Table;
/* columns are borrowed. NULL when out of memory, and then everything else does nothing. */
Table *table_new(const Column *columns, size_t n);
Table *table_free(Table *t);
/* Cells from left to right, row after row. NULL and "" are "-". */
void table_add(Table *t, const char *text, Colour colour);
_printf_(2, 3) void table_addf(Table *t, const char *format, ...);
/* As people read them, 4.2M; TABLE_UNKNOWN: "-". */
#define TABLE_UNKNOWN UINT64_MAX
void table_add_bytes(Table *t, uint64_t bytes);
/* Prints the rows that are there, the first time below a heading, and forgets them. Columns stay as wide as they were. */
void table_flush(Table *t);
/* Everything, through the pager, with the count below it: "3 THINGS." one and many are words for THINGS; both without it. 0, or a
 * status. */
int table_print(Table *t, const char *one, const char *many);

/* Columns that a text takes on a terminal (in a UTF-8 locale), and at most width columns of it, with "…" at the end where it was
 * cut. NULL when out of memory. */
size_t text_width(const char *s);
char *text_cut(const char *s, size_t width);
