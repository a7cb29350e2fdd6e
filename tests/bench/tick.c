/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The smallest agent: writes the time at which its main() began to standard output, as eight bytes of CLOCK_MONOTONIC
 * nanoseconds, and ends. With standard output on /dev/null it is a static true. */

#include <stdint.h>
#include <time.h>
#include <unistd.h>

int main(void) {
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        uint64_t ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
        return write(STDOUT_FILENO, &ns, sizeof ns) == sizeof ns ? 0 : 1;
}
