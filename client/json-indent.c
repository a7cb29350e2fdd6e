/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "json-indent.h"

#include "cleanup.h"
#include "escape.h"

#define ONE_LINE ~0U /* in the place of a level */

static void new_line(FILE *f, unsigned level) {
        if (level == ONE_LINE)
                return;
        fprintf(f, "\n%*s", (int)(level < 64 ? 2 * level : 128), "");
}

static bool is_space(char c) {
        return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* A character that is not fit for a terminal, as JSON escapes it. */
static void put_escape(FILE *f, uint32_t c) {
        if (c > 0xffff)
                fprintf(f, "\\u%04x\\u%04x", (unsigned)(0xd7c0 + (c >> 10)),
                                (unsigned)(0xdc00 + (c & 0x3ff)));
        else
                fprintf(f, "\\u%04x", (unsigned)c);
}

/* Behind the string that begins at s. */
static const char *put_string(FILE *f, const char *s) {
        const char *end = s + 1;
        while (*end && *end != '"')
                end += *end == '\\' && end[1] ? 2 : 1;
        if (*end)
                end++;
        while (s < end) {
                uint32_t c;
                size_t n = utf8_next(s, (size_t)(end - s), &c);
                if (c != UINT32_MAX && c > 0x7e && !character_is_plain(c))
                        put_escape(f, c);
                else
                        (void)fwrite(s, 1, n, f); /* a memory stream: told by fclose() */
                s += n;
        }
        return end;
}

static const char *put_token(FILE *f, const char *s, unsigned *level) {
        const char *next = s + 1 + strspn(s + 1, " \t\r\n");
        switch (*s) {
        case '"':
                return put_string(f, s);
        case '{':
        case '[':
                fputc(*s, f);
                if (*next == '}' || *next == ']') {
                        fputc(*next, f);
                        return next + 1;
                }
                if (*level != ONE_LINE)
                        ++*level;
                new_line(f, *level);
                break;
        case '}':
        case ']':
                if (*level > 0 && *level != ONE_LINE)
                        --*level;
                new_line(f, *level);
                fputc(*s, f);
                break;
        case ',':
                fputc(',', f);
                new_line(f, *level);
                break;
        case ':':
                fputs(*level == ONE_LINE ? ":" : ": ", f);
                break;
        default:
                if (!is_space(*s))
                        fputc(*s, f);
        }
        return s + 1;
}

static char *write_anew(const char *text, unsigned level) {
        _cleanup_free_ char *result = NULL;
        size_t size;
        FILE *f = open_memstream(&result, &size);
        if (!f)
                return NULL;
        while (*text)
                text = put_token(f, text, &level);
        return fclose(f) == 0 ? TAKE_PTR(result) : NULL;
}

char *json_indent(const char *text) {
        return write_anew(text, 0);
}

char *json_short(const char *text) {
        return write_anew(text, ONE_LINE);
}
