/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Points in time as people write and read them: systemd.time(7), without the names of weekdays and time zones. */

#include <stddef.h>
#include <stdint.h>

/* "2026-01-31 14:05:06.5", "2026-01-31 14:05", "2026-01-31", "14:05", "now", "today", "yesterday", "tomorrow", "-2h", "+5min", "2h ago",
 * "@SECONDS", in local time. now and the result: microseconds of CLOCK_REALTIME. -EINVAL, -ERANGE. */
int when_parse(const char *s, uint64_t now, uint64_t *ret);

#define WHEN_SIZE 64U
/* "Tue 2026-01-31 14:05:06 CET", local; "-" for 0. */
const char *when_format(char buffer[static WHEN_SIZE], uint64_t usec);
/* "Jan 31 14:05:06", local, for tables. */
const char *when_format_short(char buffer[static WHEN_SIZE], uint64_t usec);
/* RFC 3339 in UTC with microseconds, for programs. */
const char *when_format_utc(char buffer[static WHEN_SIZE], uint64_t usec);
/* "340us", "12ms", "5s", "2min 3s", "3h 2min", "4d 1h". */
const char *span_format(char buffer[static WHEN_SIZE], uint64_t usec);
