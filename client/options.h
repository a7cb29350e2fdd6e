/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Options of a command line by a table, which the help is printed from as well. --name=value, --name value, -x value, -xvalue, and flags
 * in one word (-lj). Names are matched whole: an abbreviation would change its meaning the day a longer name comes.
 * Pure: reads argv, touches nothing else. */

#include <stdbool.h>
#include <stddef.h>

typedef struct Option {
        int id;            /* from 1; 0 ends a table */
        char letter;       /* '\0': none */
        const char *name;  /* without its hyphens */
        const char *value; /* what the help calls its value; "[MODE]": may be left out, and then only --name=value gives one; NULL: takes none */
        const char *help;
} Option;

#define OPTION_TABLES 3

typedef struct Options {
        const Option *tables[OPTION_TABLES]; /* searched in order; NULL: none */
        char **argv;                         /* NULL-terminated; words are moved to its front */
        size_t next;
        bool in_order;     /* the first word ends the options: what follows is somebody else's command line */
        bool ended;        /* "--" was met */
        const char *flags; /* the rest of a word of several flags */

        const char *value; /* of the option that options_next() gave; NULL where it has none */
        size_t n_words;    /* what is no option: argv[0] to argv[n_words - 1], whole when options_next() has given 0 */
        char error[256];
} Options;

/* argv: behind the name of the program or verb. */
void options_begin(Options *o, char **argv, bool in_order);
/* The id of the next option; 0 at the end; -EINVAL with o->error, a sentence. */
int options_next(Options *o);

/* The name of the nearest to what was mistyped, or NULL where nothing is near. names: NULL-terminated. */
const char *nearest_name(const char *typed, const char *const *names);
