/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "escape.h"

#include <strings.h>

#include "cleanup.h"

bool escape_all_but_ascii;

void escape_begin(void) {
        static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
        const char *locale = NULL;
        for (size_t i = 0; i < ELEMENTSOF(names) && !(locale && *locale); i++)
                locale = getenv(names[i]);
        const char *charset = locale ? strchr(locale, '.') : NULL;
        escape_all_but_ascii = !charset || (strncasecmp(charset, ".UTF-8", 6) != 0 &&
                                                           strncasecmp(charset, ".utf8", 5) != 0);
}

size_t utf8_next(const char *s, size_t n, uint32_t *ret) {
        const unsigned char *p = (const unsigned char *)s;
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        size_t length = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
        uint32_t c = length == 1 ? p[0] : p[0] & (0x7fU >> length);

        *ret = UINT32_MAX;
        if (p[0] >= 0xf8 || (p[0] & 0xc0) == 0x80 || length > n)
                return 1;
        for (size_t i = 1; i < length; i++) {
                if ((p[i] & 0xc0) != 0x80)
                        return 1;
                c = c << 6 | (p[i] & 0x3f);
        }
        if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
                return 1;
        *ret = c;
        return length;
}

bool text_is_utf8(const char *s) {
        uint32_t c;
        for (size_t n = strlen(s), length; n > 0; s += length, n -= length) {
                length = utf8_next(s, n, &c);
                if (c == UINT32_MAX)
                        return false;
        }
        return true;
}

bool character_is_plain(uint32_t c) {
        /* The format characters of Unicode (category Cf) and its kin, in ranges. */
        static const struct {
                uint32_t from, to;
        } odd[] = {
                { 0x00, 0x1f },   /* C0 */
                { 0x7f, 0x9f },   /* DEL, C1: ESC [ in one byte */
                { 0xad, 0xad },   /* soft hyphen */
                { 0x34f, 0x34f }, /* combining grapheme joiner */
                { 0x600, 0x605 }, /* Arabic number signs */
                { 0x61c, 0x61c }, /* Arabic letter mark */
                { 0x6dd, 0x6dd }, { 0x70f, 0x70f },
                { 0x115f, 0x1160 }, /* Hangul fillers: blank, and letters for every other program */
                { 0x17b4, 0x17b5 }, { 0x180b, 0x180f }, /* Mongolian selectors */
                { 0x200b, 0x200f }, /* zero width, left-to-right and right-to-left marks */
                { 0x2028, 0x202e }, /* separators of lines and paragraphs, embeddings and overrides */
                { 0x2060, 0x206f }, /* invisible operators, isolates */
                { 0x3164, 0x3164 }, /* Hangul filler */
                { 0xe000, 0xf8ff }, /* private use: the font says what it is */
                { 0xfe00, 0xfe0f }, /* variation selectors */
                { 0xfeff, 0xfeff }, /* byte order mark */
                { 0xffa0, 0xffa0 }, /* half-width Hangul filler */
                { 0xfff0, 0xffff }, /* annotations, what is no character */
                { 0x110bd, 0x110cd }, { 0x13430, 0x1345f }, /* Egyptian format controls */
                { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a },
                { 0xe0000, 0x10ffff }, /* tags, selectors, private planes */
        };
        if (escape_all_but_ascii && c > 0x7f)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(odd); i++)
                if (c >= odd[i].from && c <= odd[i].to)
                        return false;
        return true;
}

static void put_escaped(FILE *f, uint32_t c, unsigned char byte) {
        static const char letters[] = "\a\b\t\n\v\f\r", names[] = "abtnvfr";
        const char *letter = c > 0 && c < 0x20 ? strchr(letters, (int)c) : NULL;
        if (letter)
                fprintf(f, "\\%c", names[letter - letters]);
        else if (c == UINT32_MAX || c < 0x80)
                fprintf(f, "\\x%02x", byte);
        else
                fprintf(f, c > 0xffff ? "\\U%08x" : "\\u%04x", (unsigned)c);
}

/* quoted: inside $'…', where a backslash and a quote are escaped too */
static void put_text(FILE *f, const char *s, bool quoted) {
        uint32_t c;
        for (size_t n = strlen(s), length; n > 0; s += length, n -= length) {
                length = utf8_next(s, n, &c);
                if (c == UINT32_MAX || !character_is_plain(c))
                        put_escaped(f, c, (unsigned char)*s);
                else {
                        if (quoted && (c == '\\' || c == '\''))
                                fputc('\\', f);
                        (void)fwrite(s, 1, length, f);
                }
        }
}

static char *closed(FILE *f, char **text) {
        if (fclose(f) == 0)
                return *text;
        free(*text);
        return NULL;
}

char *escape_text(const char *s) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        if (!f)
                return NULL;
        put_text(f, s, false);
        return closed(f, &text);
}

static bool is_bare(const char *s) {
        static const char safe[] =
                        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
        return *s && s[strspn(s, safe)] == '\0';
}

static bool is_plain(const char *s) {
        uint32_t c;
        for (size_t n = strlen(s), length; n > 0; s += length, n -= length) {
                length = utf8_next(s, n, &c);
                if (c == UINT32_MAX || !character_is_plain(c))
                        return false;
        }
        return true;
}

static void put_word(FILE *f, const char *s) {
        if (is_bare(s))
                fputs(s, f);
        else if (is_plain(s) && !strchr(s, '\''))
                fprintf(f, "'%s'", s);
        else {
                fputs("$'", f);
                put_text(f, s, true);
                fputc('\'', f);
        }
}

char *escape_words(const char *const *words) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        if (!f)
                return NULL;
        for (size_t i = 0; words[i]; i++) {
                if (i > 0)
                        fputc(' ', f);
                put_word(f, words[i]);
        }
        return closed(f, &text);
}
