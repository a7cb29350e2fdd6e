/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "words.h"

#include <ctype.h>
#include <stdbool.h>

unsigned words_count(const char *text) {
        unsigned n = 0;
        bool in_word = false;

        for (; *text; text++) {
                if (isspace((unsigned char)*text))
                        in_word = false;
                else if (!in_word) {
                        in_word = true;
                        n++;
                }
        }
        return n;
}
