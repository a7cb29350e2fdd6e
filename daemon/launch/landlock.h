/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include <stdint.h>

/* The newest ABI of this kernel that this program knows how to use; 0 without Landlock. Found by asking Landlock itself. */
uint32_t landlock_abi(void);
