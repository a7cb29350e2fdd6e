/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "utf8.h"

size_t utf8_put(uint32_t code, char *to) {
        if (code < 0x80) {
                to[0] = (char)code;
                return 1;
        }
        size_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
        for (size_t i = n - 1; i > 0; i--) {
                to[i] = (char)(0x80 | (code & 0x3f));
                code >>= 6;
        }
        to[0] = (char)((0xf00U >> n) | code);
        return n;
}

/* Of the sequence at text, 0: it is none. The second byte's range keeps out what is too long, surrogates and what is beyond the last. */
static size_t sequence(const unsigned char *p, size_t size) {
        if (p[0] < 0x80)
                return 1;
        size_t n = p[0] >= 0xc2 && p[0] < 0xe0   ? 2
                   : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
                   : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                                 : 0;
        if (n == 0 || n > size)
                return 0;
        unsigned low = p[0] == 0xe0   ? 0xa0
                       : p[0] == 0xf0 ? 0x90
                                      : 0x80,
                 high = p[0] == 0xed   ? 0x9f
                        : p[0] == 0xf4 ? 0x8f
                                       : 0xbf;
        if (p[1] < low || p[1] > high)
                return 0;
        for (size_t i = 2; i < n; i++)
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
        return n;
}

bool utf8_is_valid(const char *text, size_t size) {
        for (size_t at = 0, n; at < size; at += n) {
                n = sequence((const unsigned char *)text + at, size - at);
                if (n == 0)
                        return false;
        }
        return true;
}
