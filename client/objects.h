/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Lists and objects of mxcd as it sends them, for tables and for programs. */

#include <jansson.h>
#include <systemd/sd-bus.h>

#include "table.h"

/* ListAgents or ListSandboxes: an array of objects, each with its properties and its "Path". */
int objects_list(sd_bus *bus, const char *method, json_t **ret);

/* Members of an object, "" and 0 where there is none of that type. */
const char *member_text(const json_t *object, const char *key);
uint64_t member_number(const json_t *object, const char *key);

/* "NAME: value" for each member, values on one line; nested ones as JSON. */
void object_print(const json_t *object);
/* An array of words as a shell would read it. NULL: out of memory; the caller frees. */
char *words_shown(const json_t *array);
/* The name of a uid, or its digits. */
char *user_shown(uint64_t uid);
Colour colour_of_state(const char *state);
