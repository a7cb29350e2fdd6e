/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bytes-text.h"

#include "cleanup.h"
#include "escape.h"
#include "mxc-config.h"

void printed_clear(Printed *p) {
        free(p->data);
        *p = (Printed){ 0 };
}

static int grow(Printed *p, size_t least) {
        if (p->room - p->n >= least || p->room == LIMIT_MXC_OUTPUT_BYTES)
                return 0;
        size_t room = 2 * p->room + least;
        if (room > LIMIT_MXC_OUTPUT_BYTES)
                room = LIMIT_MXC_OUTPUT_BYTES;
        uint8_t *grown = realloc(p->data, room);
        if (!grown)
                return -ENOMEM;
        p->data = grown;
        p->room = room;
        return 0;
}

int printed_take(int fd, Printed *keep) {
        uint8_t nowhere[16384];
        if (keep && grow(keep, sizeof nowhere) < 0)
                return -ENOMEM;
        bool kept = keep && keep->n < keep->room;
        ssize_t n = read(fd, kept ? keep->data + keep->n : nowhere,
                        kept ? keep->room - keep->n : sizeof nowhere);
        if (n > 0 && kept)
                keep->n += (size_t)n;
        else if (n > 0 && keep)
                keep->cut = true;
        return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)) ? 0 : 1;
}

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
