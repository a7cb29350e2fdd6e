/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Sizes, percentages and spans of time as text, in policies and on command lines: systemd's spellings
 * (systemd.resource-control(5), systemd.time(7)), without the forms that mean something else on every host (percentages
 * of memory) or to every reader (months, fractions). Pure. */

#include <stdint.h>

#define VALUE_INFINITY UINT64_MAX

/* -EINVAL for what is not of the form, -ERANGE for what does not fit in 63 bits. "infinity" is VALUE_INFINITY. */
int parse_size(const char *s, uint64_t *ret);
int parse_percent(const char *s, uint64_t *ret_usec_per_sec);
int parse_timespan(const char *s, uint64_t *ret_usec);
