/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Lists and objects of mxcd as it sends them, for tables and for programs. */

#include <jansson.h>
#include <systemd/sd-bus.h>

#include "table.h"
#include "verb.h"

/* ListAgents or ListSandboxes: an array of objects, each with its properties and its "Path". */
int objects_list(sd_bus *bus, const char *method, json_t **ret);

/* The same as a table. */
typedef struct ObjectsTable {
        const char *method;
        const Column *columns;
        size_t n_columns;
        void (*add)(Table *t, const json_t *object); /* a row; object has its properties and its "Path" */
        const char *one, *many; /* what they are, for the count below */
} ObjectsTable;

/* All of a verb that takes no words: asks, and prints, as --json says. Gives what to exit with. */
int objects_show(const Verb *v, Options *o, const ObjectsTable *table);

/* Members of an object, "" and 0 where there is none of that type. */
const char *member_text(const json_t *object, const char *key);
uint64_t member_number(const json_t *object, const char *key);

/* "NAME: value" for each member, values on one line; nested ones as JSON; or as --json says. One object or an array of them. Gives what to
 * exit with. */
int objects_print(json_t *objects);
/* An array of words as a shell would read it. NULL: out of memory; the caller frees. */
char *words_shown(const json_t *array);
/* The name of a uid, or its digits. */
char *user_shown(uint64_t uid);
Colour colour_of_state(const char *state);
