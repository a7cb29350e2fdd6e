/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The caller's terminal: raw while a pty of the sandbox is shown on it, and as it was again afterwards. */

#include <stdbool.h>
#include <stdint.h>
#include <termios.h>

typedef struct Terminal {
        bool is_raw;
        struct termios saved;
} Terminal;

/* Standard input is a terminal, and this process is in its foreground: only then may it read there or change its modes. */
bool terminal_is_ours(void);
/* Every key goes to the sandbox, ^C and ^Z too. 0, or a negative errno. Harmless when it is raw already. */
int terminal_raw(Terminal *t);
void terminal_restore(Terminal *t);
/* Of standard output, or of standard input. False where neither is a terminal that knows. */
bool terminal_size(uint32_t *ret_rows, uint32_t *ret_columns);
