/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Destinations as people write them: HOST:PORT, HOST, CIDR, CIDR:PORT, and [CIDR]:PORT where it is of IPv6. */

#include <jansson.h>

/* The rule of egress, by TCP, that opens it; a new reference, NULL for what is of no form. Whether host or address are good is mxcd's to say. */
json_t *grant_rule(const char *destination);

/* The other way round, as destinations are in the audit: tcp/HOST:PORT; what no destination says, as JSON. NULL when out of memory. */
char *grant_text(const json_t *rule);
