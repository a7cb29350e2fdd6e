/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "terminal.h"

#include <sys/ioctl.h>

#include "cleanup.h"

bool terminal_is_ours(void) {
        return isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp();
}

int terminal_raw(Terminal *t) {
        struct termios modes;
        if (!t->is_raw && tcgetattr(STDIN_FILENO, &t->saved) < 0)
                return -errno;
        modes = t->saved;
        cfmakeraw(&modes);
        if (!isatty(STDOUT_FILENO))
                modes.c_oflag = t->saved.c_oflag; /* what others write there is not ours to change */
        if (tcsetattr(STDIN_FILENO, TCSADRAIN, &modes) < 0)
                return -errno;
        t->is_raw = true;
        return 0;
}

void terminal_restore(Terminal *t) {
        if (t->is_raw)
                (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &t->saved); /* it may be gone */
        t->is_raw = false;
}

bool terminal_size(uint32_t *ret_rows, uint32_t *ret_columns) {
        struct winsize size;
        if ((ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row == 0) &&
                        (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row == 0))
                return false;
        *ret_rows = size.ws_row;
        *ret_columns = size.ws_col;
        return true;
}
