/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What a command printed: kept as far as LIMIT_MXC_OUTPUT_BYTES goes, since an agent decides how much that is; and as text. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Printed {
        uint8_t *data;
        size_t n, room;
        bool cut; /* there was more */
} Printed;
void printed_clear(Printed *p);
/* One read into it; keep NULL, and what is past the limit: into nothing. 0: go on; 1: its end; -ENOMEM. */
int printed_take(int fd, Printed *keep);

/* What is no UTF-8, and NUL, is U+FFFD. */

/* NULL: out of memory. The caller frees. */
char *text_of_bytes(const uint8_t *data, size_t size);
