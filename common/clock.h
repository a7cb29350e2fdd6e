/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Microseconds, but for the last. What has a deadline has it by CLOCK_BOOTTIME, so also after the machine slept; what people read is CLOCK_REALTIME. */

#include <stdint.h>

uint64_t now_boottime(void);
uint64_t now_realtime(void);
uint64_t now_msec(void); /* milliseconds by CLOCK_MONOTONIC: for what one waits a moment for */
