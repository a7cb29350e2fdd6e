/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "again.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "limits.h"
#include "value.h"

#define ROWS 24U /* of a terminal that does not say */

static uint64_t now_usec(void) {
        struct timespec t = { 0 };
        (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail */
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

bool again_is_interactive(void) {
        return terminal_is_ours() && isatty(STDOUT_FILENO);
}

int again_take_delay(Again *a, const Verb *v, const char *value) {
        uint64_t usec;
        if (parse_timespan(value, &usec) < 0 || usec == 0 || usec > LIMIT_TIMEOUT_USEC)
                return verb_misused(v, "--delay=%s: it is a span of time, as in 1s or 500ms", value);
        a->delay = usec;
        return 0;
}

size_t again_begin(Again *a) {
        uint32_t rows = ROWS, columns;
        again_end(a);
        if (!a->interactive)
                return SIZE_MAX;
        printf("\x1b[H\x1b[J");
        (void)terminal_size(&rows, &columns);
        return rows;
}

char again_wait(Again *a, uint64_t usec, const char *keys) {
        struct pollfd p = { .fd = a->interactive ? STDIN_FILENO : -1, .events = POLLIN };
        uint64_t until = now_usec() + usec;
        if (a->interactive)
                (void)terminal_raw(&a->terminal); /* without it q needs Enter */
        for (uint64_t now; (now = now_usec()) < until;) {
                char key = 0;
                int r = poll(&p, 1, (int)((until - now + 999) / 1000));
                if (r > 0 && read(STDIN_FILENO, &key, 1) <= 0)
                        return 'q';
                if (key == 'q' || key == 'Q' || key == 3) /* ^C, of a raw terminal */
                        return 'q';
                if (key != 0 && strchr(keys, key))
                        return key;
        }
        return 0;
}

void again_end(Again *a) {
        terminal_restore(&a->terminal);
}
