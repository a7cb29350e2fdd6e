/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* mxcd asked over the system bus, of this machine or, with --host, through ssh of another. Everything gives 0 or a status of status.h with
 * the reason printed. */

#include <jansson.h>
#include <systemd/sd-bus.h>

int bus_open(sd_bus **ret);
/* Without a word: 0, or a negative errno. */
int bus_open_quietly(sd_bus **ret);

/* A method of mxcd's and its answer. types and what follows: as sd_bus_message_append(). polkit may ask on this terminal unless
 * --no-ask-password. ret may be NULL. */
int bus_call(sd_bus *bus, const char *path, const char *interface, const char *method, sd_bus_message **ret,
                const char *types, ...);
/* The same, and the answer's arguments as JSON: see value_read(). */
int bus_call_json(sd_bus *bus, const char *path, const char *interface, const char *method, json_t **ret, const char *types, ...);
/* The same of a sandbox that may be over meanwhile: then 0, and *ret is NULL. */
int bus_call_while_there(sd_bus *bus, const char *path, const char *method, json_t **ret);
/* The same of a method without arguments that shows more to an administrator, and asks nobody by itself who that is: polkit may ask at once. */
int bus_call_json_as_administrator(sd_bus *bus, const char *path, const char *interface, const char *method, json_t **ret);
/* The same for a method that takes texts and, last, a{sv}. */
typedef struct BusOption {
        const char *key;
        char type;        /* 0: s, q, t */
        const char *text;
        uint64_t number;
} BusOption;
int bus_call_options(sd_bus *bus, const char *path, const char *interface, const char *method, json_t **ret,
                const char *const *texts, const BusOption *options, size_t n_options);
/* Every property of an object, by its names. */
int bus_properties(sd_bus *bus, const char *path, const char *interface, json_t **ret);

/* The object path of an agent. */
int bus_agent_path(const char *name, char **ret);
/* The object path of a sandbox as a person names it: sandbox-name.h. */
int bus_sandbox_path(sd_bus *bus, const char *text, char **ret);

/* An answer that is not what org.mxc1.xml says. */
int bus_not_understood(void);
