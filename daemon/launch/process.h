/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>

/* RLIMIT_NOFILE. It is an upper bound: where the launcher itself may have fewer files, and nobody here may raise that, so be it. */
int process_limit_files(uint64_t max);
