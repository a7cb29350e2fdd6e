/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Of the services: to standard error with a level in front, which the journal takes: sd-daemon(3). Lossy, for developers; nothing here is audit. */

#include <stdio.h>

/* One write each: the journal wakes for every one. */
#define log_at(level, format, ...) (void)fprintf(stderr, "<" #level ">" format "\n", ##__VA_ARGS__)
#define log_error(...) log_at(3, __VA_ARGS__)
#define log_warning(...) log_at(4, __VA_ARGS__)
#define log_info(...) log_at(6, __VA_ARGS__)
#define log_debug(...) log_at(7, __VA_ARGS__)
