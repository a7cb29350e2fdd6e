/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "table.h"

#include <stdarg.h>
#include <stdint.h>
#include <wchar.h>

#include "escape.h"
#include "say.h"
#include "status.h"
#include "verb.h"

#define GAP 1U
#define LAST_LEAST 10U /* the last column is not cut shorter than this */

typedef struct Cell {
        char *text;
        Colour colour;
} Cell;

struct Table {
        const Column *columns;
        size_t n_columns;
        size_t widths[TABLE_COLUMNS_MAX];
        Cell *cells;
        size_t n_cells, allocated, n_rows; /* n_rows: printed ones too */
        bool begun, failed;
};

size_t text_width(const char *s) {
        size_t width = 0;
        uint32_t c;
        for (size_t n = strlen(s), length; n > 0; s += length, n -= length) {
                length = utf8_next(s, n, &c);
                int w = wcwidth((wchar_t)c);
                width += w < 0 ? 1 : (size_t)w;
        }
        return width;
}

char *text_cut(const char *s, size_t width) {
        static const char dots[] = "\xe2\x80\xa6";
        if (text_width(s) <= width)
                return strdup(s);
        size_t n = strlen(s), end = 0, taken = 0;
        while (end < n) {
                uint32_t c;
                size_t length = utf8_next(s + end, n - end, &c);
                int w = wcwidth((wchar_t)c);
                if (taken + (w < 0 ? 1 : (size_t)w) + 1 > width)
                        break;
                taken += w < 0 ? 1 : (size_t)w;
                end += length;
        }
        char *cut;
        return asprintf(&cut, "%.*s%s", (int)end, s, escape_all_but_ascii ? "~" : dots) < 0 ? NULL : cut;
}

Table *table_new(const Column *columns, size_t n) {
        Table *t = n > 0 && n <= TABLE_COLUMNS_MAX ? calloc(1, sizeof(Table)) : NULL;
        if (!t)
                return NULL;
        t->columns = columns;
        t->n_columns = n;
        for (size_t i = 0; i < n; i++)
                t->widths[i] = columns[i].least;
        return t;
}

static void forget_cells(Table *t) {
        for (size_t i = 0; i < t->n_cells; i++)
                free(t->cells[i].text);
        t->n_cells = 0;
}

Table *table_free(Table *t) {
        if (!t)
                return NULL;
        forget_cells(t);
        free(t->cells);
        free(t);
        return NULL;
}

static bool make_room(Table *t) {
        if (t->n_cells < t->allocated)
                return true;
        size_t allocated = t->allocated ? 2 * t->allocated : 64;
        Cell *cells = reallocarray(t->cells, allocated, sizeof(Cell));
        if (!cells)
                return false;
        t->cells = cells;
        t->allocated = allocated;
        return true;
}

void table_add(Table *t, const char *text, Colour colour) {
        if (!t)
                return;
        char *safe = escape_text(text && *text ? text : "-");
        if (!safe || !make_room(t)) {
                free(safe);
                t->failed = true;
                return;
        }
        t->cells[t->n_cells++] = (Cell){ .text = safe, .colour = colour };
}

void table_addf(Table *t, const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;
        va_start(ap, format);
        if (vasprintf(&text, format, ap) < 0)
                text = NULL;
        va_end(ap);
        table_add(t, text, COLOUR_NONE);
}

void table_add_bytes(Table *t, uint64_t bytes) {
        static const char units[] = "BKMGTPE";
        size_t unit = 0;
        double d = (double)bytes;
        for (; d >= 1000 && unit + 1 < strlen(units); unit++)
                d /= 1024;
        if (bytes == TABLE_UNKNOWN)
                table_add(t, NULL, COLOUR_NONE);
        else
                table_addf(t, unit > 0 && d < 10 ? "%.1f%c" : "%.0f%c", d, units[unit]);
}

static void measure(Table *t) {
        bool heading = !settings.no_legend && !t->begun;
        for (size_t i = 0; i < t->n_columns; i++) {
                size_t width = heading ? text_width(t->columns[i].title) : 0;
                for (size_t j = i; j < t->n_cells; j += t->n_columns) {
                        size_t w = text_width(t->cells[j].text);
                        width = w > width ? w : width;
                }
                t->widths[i] = width > t->widths[i] ? width : t->widths[i];
        }
}

/* What is left for the last column; SIZE_MAX for any. */
static size_t room_for_last(const Table *t) {
        size_t used = 0, terminal = output_width();
        for (size_t i = 0; i + 1 < t->n_columns; i++)
                used += t->widths[i] + GAP;
        if (terminal == 0)
                return SIZE_MAX;
        return terminal > used + LAST_LEAST ? terminal - used : LAST_LEAST;
}

static void print_cell(const Table *t, size_t column, const char *text, Colour colour, size_t room) {
        bool last = column + 1 == t->n_columns, right = t->columns[column].right;
        _cleanup_free_ char *cut = last ? text_cut(text, room) : NULL;
        const char *shown = cut ? cut : text;
        size_t width = text_width(shown), blank = width < t->widths[column] ? t->widths[column] - width : 0;
        printf("%*s%s%s%s", right ? (int)blank : 0, "", colour_begin(colour), shown, colour_end(colour));
        if (last)
                putchar('\n');
        else
                printf("%*s", (int)(right ? GAP : blank + GAP), "");
}

void table_flush(Table *t) {
        const size_t n = t ? t->n_columns : 0;
        if (n == 0)
                return;
        measure(t);
        size_t room = room_for_last(t);
        if (!settings.no_legend && !t->begun)
                for (size_t i = 0; i < n; i++)
                        print_cell(t, i, t->columns[i].title, COLOUR_TITLE, room);
        t->begun = true;
        for (size_t i = 0; i < t->n_cells; i++)
                print_cell(t, i % n, t->cells[i].text, t->cells[i].colour, room);
        t->n_rows += t->n_cells / n;
        forget_cells(t);
}

int table_print(Table *t, const char *one, const char *many) {
        if (!t || t->failed)
                return fail(STATUS_TROUBLE, "out of memory");
        pager_open();
        if (t->n_cells > 0 || t->n_rows > 0)
                table_flush(t);
        if (!settings.no_legend && one)
                printf("%s%zu %s.\n", t->n_rows > 0 ? "\n" : "", t->n_rows, t->n_rows == 1 ? one : many);
        return pager_close();
}
