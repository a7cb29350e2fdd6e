/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Characters as bytes of UTF-8, RFC 3629. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writes at most four bytes, returns how many. code is a character: no surrogate, at most 0x10ffff. */
size_t utf8_put(uint32_t code, char *to);
bool utf8_is_valid(const char *text, size_t size);
