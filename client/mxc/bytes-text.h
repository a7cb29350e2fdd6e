/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What a command printed, as text: what is no UTF-8, and NUL, is U+FFFD. */

#include <stddef.h>
#include <stdint.h>

/* NULL: out of memory. The caller frees. */
char *text_of_bytes(const uint8_t *data, size_t size);
