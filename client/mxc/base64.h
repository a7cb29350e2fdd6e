/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* RFC 4648, the standard alphabet, with its padding and nothing else: no line ends, no bits beyond the last byte. Pure. */

#include <stddef.h>

/* *ret has a NUL behind its *ret_size bytes; the caller frees. -EINVAL, -ENOMEM. */
int base64_decode(const char *text, char **ret, size_t *ret_size);
