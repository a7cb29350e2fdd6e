/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bytes-text.h"

#include "cleanup.h"
#include "escape.h"

char *text_of_bytes(const uint8_t *data, size_t size) {
        static const char unknown[] = "\xef\xbf\xbd";
        char *text = malloc(3 * size + 1), *at = text; /* each byte may become one */
        if (!text)
                return NULL;
        for (size_t i = 0; i < size;) {
                uint32_t c;
                size_t n = utf8_next((const char *)data + i, size - i, &c);
                bool good = c != UINT32_MAX && c != 0;
                memcpy(at, good ? (const char *)data + i : unknown, good ? n : sizeof unknown - 1);
                at += good ? n : sizeof unknown - 1;
                i += n;
        }
        *at = '\0';
        char *fitting = realloc(text, (size_t)(at - text) + 1);
        return fitting ? fitting : text;
}
