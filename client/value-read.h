/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* D-Bus values as JSON: numbers, strings and booleans as themselves, dictionaries with text for keys as objects, structs and other arrays as
 * arrays, variants as what is in them. */

#include <jansson.h>
#include <systemd/sd-bus.h>

/* The arguments of a message: the only one as itself, several as an array, none as null. New reference. -EBADMSG for what
 * JSON cannot say (a descriptor, a number beyond 63 bits), -ENOMEM, or sd-bus's errors. */
int value_read(sd_bus_message *m, json_t **ret);
