/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A verb of mxcctl: its words for the help, its options, and what it does. */

#include "cleanup.h"
#include "options.h"

/* Which of the options that mean the same everywhere a verb takes. */
#define VERB_TABLE 1U  /* prints a table: --json --no-legend --full --no-pager */
#define VERB_OBJECT 2U /* prints an object: --json --no-pager */
#define VERB_HOST 4U   /* asks mxcd, which may be another machine's: --host */
#define VERB_ASKS 8U   /* may need an administrator's word: --no-ask-password */
#define VERB_RUNS 16U  /* runs a command, and can tell of its end: --json */

typedef struct Verb Verb;
struct Verb {
        const char *name;
        const char *arguments; /* for the usage: "SANDBOX…"; "" for none */
        const char *summary;   /* one line, below "mxcctl --help" */
        const char *details;   /* what else to know, or NULL */
        const Option *options, *more_options; /* its own, ids from 1; or NULL */
        unsigned takes;        /* VERB_… */
        bool in_order;         /* what follows its first word is another program's */
        int trouble;           /* what to exit with where the command line is wrong; 0: STATUS_TROUBLE */
        int (*run)(const Verb *v, Options *o); /* gives the exit status */
        const Verb *verbs;     /* of a noun: its own, ended by one without a name, the first is done where none is named; then run is NULL */
        const char *noun;      /* of such a verb */
};

typedef enum JsonMode { JSON_OFF, JSON_SHORT, JSON_PRETTY } JsonMode;

typedef struct Settings {
        const char *host; /* of --host; NULL: this machine */
        JsonMode json;
        bool no_legend, full, no_pager, no_ask_password;
} Settings;
extern Settings settings;

/* Options of all verbs, for a command line without one. */
#define VERB_ALL (VERB_TABLE | VERB_OBJECT | VERB_HOST | VERB_ASKS)
void verb_begin(const Verb *v, Options *o, char **argv);
/* Gives the next option of the verb's own, handles the others. 0: no more. Negative: stop, and exit with *ret_status (help was asked for,
 * or the reason is printed). */
int verb_next(const Verb *v, Options *o, int *ret_status);
/* For verbs that have no options of their own: all of verb_next(), and that there are min to max words. */
int verb_words(const Verb *v, Options *o, size_t min, size_t max, int *ret_status);
/* Prints the sentence and where to find help; gives the verb's status for a wrong command line. */
_printf_(2, 3) int verb_misused(const Verb *v, const char *format, ...);
void verb_help(const Verb *v);
/* Finds by name; NULL and the reason printed where there is none. */
const Verb *verb_find(const Verb *verbs, const char *name, const char *noun);
/* Does what argv (behind the verb's name) says. */
int verb_run(const Verb *v, char **argv);
