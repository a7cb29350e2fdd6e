/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "options.h"

#include <stdarg.h>

#include "cleanup.h"

#define NAMES_MAX 64
#define NEAR_MAX 32 /* longer names are not compared letter by letter */

void options_begin(Options *o, char **argv, bool in_order) {
        *o = (Options){
                .tables = { o->tables[0], o->tables[1], o->tables[2] }, .argv = argv, .in_order = in_order
        };
}

/* What is cut short was too long to be a mistyped option. */
_printf_(2, 3) static int refuse(Options *o, const char *format, ...) {
        va_list ap;
        va_start(ap, format);
        (void)vsnprintf(o->error, sizeof o->error, format, ap);
        va_end(ap);
        return -EINVAL;
}

static const Option *find(const Options *o, const char *name, size_t length, char letter) {
        for (size_t t = 0; t < OPTION_TABLES; t++)
                for (const Option *row = o->tables[t]; row && row->id; row++)
                        if (name ? row->name && strlen(row->name) == length &&
                                                                        memcmp(row->name, name, length) == 0
                                 : row->letter == letter)
                                return row;
        return NULL;
}

static bool value_is_optional(const Option *row) {
        return row->value && row->value[0] == '[';
}

static int unknown_name(Options *o, const char *word, size_t length) {
        const char *names[NAMES_MAX + 1] = { NULL };
        size_t n = 0;
        for (size_t t = 0; t < OPTION_TABLES; t++)
                for (const Option *row = o->tables[t]; row && row->id; row++)
                        if (row->name && n < NAMES_MAX)
                                names[n++] = row->name;
        char typed[NEAR_MAX + 1] = "";
        if (length <= NEAR_MAX)
                memcpy(typed, word, length);
        const char *near = nearest_name(typed, names);
        if (near)
                return refuse(o, "unknown option --%.*s; did you mean --%s?", (int)length, word, near);
        return refuse(o, "unknown option --%.*s", length < 100 ? (int)length : 100, word);
}

static int take_long(Options *o, char *word) {
        size_t length = strcspn(word, "=");
        const Option *row = find(o, word, length, '\0');
        if (!row)
                return unknown_name(o, word, length);
        if (word[length] == '=') {
                if (!row->value)
                        return refuse(o, "option --%s takes no value", row->name);
                o->value = word + length + 1;
                return row->id;
        }
        if (row->value && !value_is_optional(row)) {
                if (!o->argv[o->next])
                        return refuse(o, "option --%s needs a value", row->name);
                o->value = o->argv[o->next++];
        }
        return row->id;
}

static int take_flag(Options *o) {
        const Option *row = find(o, NULL, 0, *o->flags);
        if (!row)
                return refuse(o, "unknown option -%.1s", o->flags);
        o->flags++;
        if (row->value && !value_is_optional(row)) {
                if (*o->flags)
                        o->value = o->flags;
                else if (o->argv[o->next])
                        o->value = o->argv[o->next++];
                else
                        return refuse(o, "option -%.1s needs a value", o->flags - 1);
                o->flags = NULL;
        } else if (!*o->flags)
                o->flags = NULL;
        return row->id;
}

static void take_words(Options *o) {
        while (o->argv[o->next])
                o->argv[o->n_words++] = o->argv[o->next++];
        o->argv[o->n_words] = NULL;
}

int options_next(Options *o) {
        o->value = NULL;
        if (o->flags)
                return take_flag(o);
        for (char *word; !o->ended && (word = o->argv[o->next]); o->argv[o->n_words++] = word) {
                if (word[0] != '-' || !word[1]) {
                        if (o->in_order)
                                break;
                        o->next++;
                        continue;
                }
                o->next++;
                if (streq(word, "--")) {
                        o->ended = true;
                        break;
                }
                if (word[1] == '-')
                        return take_long(o, word + 2);
                o->flags = word + 1;
                return take_flag(o);
        }
        take_words(o);
        return 0;
}

static size_t least(size_t a, size_t b) {
        return a < b ? a : b;
}

/* Insertions, removals, exchanges and swapped neighbours. */
static size_t distance(const char *a, const char *b) {
        size_t n = strlen(a), m = strlen(b), rows[3][NEAR_MAX + 1];
        for (size_t j = 0; j <= m; j++)
                rows[0][j] = j;
        for (size_t i = 1; i <= n; i++) {
                size_t *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
                now[0] = i;
                for (size_t j = 1; j <= m; j++) {
                        now[j] = least(least(last[j], now[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                                now[j] = least(now[j], before[j - 2] + 1);
                }
        }
        return rows[n % 3][m];
}

const char *nearest_name(const char *typed, const char *const *names) {
        const char *best = NULL;
        size_t length = strlen(typed), best_distance = length / 3 + 1;
        if (length < 2 || length > NEAR_MAX)
                return NULL;
        for (; *names; names++) {
                if (strlen(*names) > NEAR_MAX)
                        continue;
                size_t d = distance(typed, *names);
                if (d < best_distance || (d == best_distance && !best)) {
                        best = *names;
                        best_distance = d;
                }
        }
        return best;
}
