/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>

/* RLIMIT_NOFILE. It is an upper bound: where the launcher itself may have fewer files, and nobody here may raise that, so be it. */
int process_limit_files(uint64_t max);

/* Leaves the host's name to the host, once and before process_name_ahead(), which gives the launcher that of the next sandbox. Its namespace
 * begins as a copy of the launcher's, so whoever follows one of the same agent finds his name there. */
int process_own_name(void);
void process_name_ahead(const char *name);
