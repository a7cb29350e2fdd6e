/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An agent that waits, for ever and for nothing. */

#include <unistd.h>

int main(void) {
        for (;;)
                (void)pause();
}
