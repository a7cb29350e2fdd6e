/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "json-indent.h"

#include "cleanup.h"

static void new_line(FILE *f, unsigned level) {
        fprintf(f, "\n%*s", (int)(level < 64 ? 2 * level : 128), "");
}

static bool is_space(char c) {
        return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Behind the string that begins at s. */
static const char *put_string(FILE *f, const char *s) {
        const char *p = s + 1;
        while (*p && *p != '"')
                p += *p == '\\' && p[1] ? 2 : 1;
        if (*p)
                p++;
        (void)fwrite(s, 1, (size_t)(p - s), f); /* a memory stream: told by fclose() */
        return p;
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
                new_line(f, ++*level);
                break;
        case '}':
        case ']':
                if (*level > 0)
                        --*level;
                new_line(f, *level);
                fputc(*s, f);
                break;
        case ',':
                fputc(',', f);
                new_line(f, *level);
                break;
        case ':':
                fputs(": ", f);
                break;
        default:
                if (!is_space(*s))
                        fputc(*s, f);
        }
        return s + 1;
}

char *json_indent(const char *text) {
        _cleanup_free_ char *result = NULL;
        size_t size;
        FILE *f = open_memstream(&result, &size);
        if (!f)
                return NULL;
        unsigned level = 0;
        while (*text)
                text = put_token(f, text, &level);
        return fclose(f) == 0 ? TAKE_PTR(result) : NULL;
}
