/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "words.h"

#include <stdio.h>

int main(int argc, char **argv) {
        for (int i = 1; i < argc; i++)
                printf("%u\n", words_count(argv[i]));
        return 0;
}
