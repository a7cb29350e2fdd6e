/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <endian.h>
#include <inttypes.h>
#include <stdarg.h>

#include "audit-event.h"
#include "audit-record.h"

int audit_record_begin(AuditRecord *r) {
        *r = (AuditRecord){ 0 };
        r->stream = open_memstream(&r->data, &r->size);
        return r->stream ? 0 : -ENOMEM;
}

int audit_record_end(AuditRecord *r) {
        int failed = ferror(r->stream);
        failed |= fclose(r->stream);
        r->stream = NULL;
        return failed ? -ENOMEM : 0;
}

void audit_record_clear(AuditRecord *r) {
        if (r->stream)
                (void)fclose(r->stream); /* thrown away */
        free(r->data);
        *r = (AuditRecord){ 0 };
}

/* The length of the UTF-8 character at s, of which n > 0 bytes are there; 0 where there is none (RFC 3629, section 4). */
static size_t character_length(const char *s, size_t n, uint32_t *ret) {
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        const unsigned char *p = (const unsigned char *)s;
        if (p[0] < 0x80) {
                *ret = p[0];
                return 1;
        }
        size_t length = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
        if (p[0] < 0xc2 || p[0] > 0xf4 || length > n)
                return 0;
        uint32_t c = p[0] & (0xffU >> (length + 1));
        for (size_t i = 1; i < length; i++) {
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
                c = c << 6 | (p[i] & 0x3fU);
        }
        if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
                return 0;
        *ret = c;
        return length;
}

/* The most bytes of value, up to max, that do not end within a character. */
static size_t cut(const char *value, size_t size, size_t max) {
        if (size <= max)
                return size;
        size_t n = max;
        for (unsigned back = 0; back < 3 && n > 0 && ((unsigned char)value[n] & 0xc0) == 0x80; back++)
                n--;
        return n;
}

void audit_record_bytes(AuditRecord *r, const char *field, const void *value, size_t size) {
        size_t n = cut(value, size, AUDIT_VALUE_MAX);
        if (memchr(value, '\n', n)) {
                const uint64_t length = htole64(n);
                fprintf(r->stream, "%s\n", field);
                (void)fwrite(&length, sizeof(length), 1, r->stream); /* errors stay in the stream */
        } else
                fprintf(r->stream, "%s=", field);
        (void)fwrite(value, 1, n, r->stream);
        fputc('\n', r->stream);
        if (n < size)
                fprintf(r->stream, AUDIT_CUT "=%s\n", field);
}

void audit_record_text(AuditRecord *r, const char *field, const char *value) {
        if (value && *value)
                audit_record_bytes(r, field, value, strlen(value));
}

void audit_record_number(AuditRecord *r, const char *field, uint64_t value) {
        fprintf(r->stream, "%s=%" PRIu64 "\n", field, value);
}

/* One character of a JSON string, at most 6 bytes, into ret. Returns how many bytes of s it stands for. */
static size_t json_character(const char *s, size_t n, char ret[8]) {
        uint32_t c;
        size_t length = character_length(s, n, &c);
        if (length == 0) {
                (void)snprintf(ret, 8, "\xef\xbf\xbd");
                return 1;
        }
        if (c == '"' || c == '\\')
                (void)snprintf(ret, 8, "\\%c", (int)c);
        else if (c < 0x20 || c == 0x7f)
                (void)snprintf(ret, 8, "\\u%04x", (unsigned)c);
        else {
                memcpy(ret, s, length);
                ret[length] = '\0';
        }
        return length;
}

/* Leaves room for "\"]". False where the word did not fit whole. */
static bool write_json_word(FILE *f, size_t *used, const char *word) {
        for (size_t size = strlen(word), i = 0; i < size;) {
                char text[8];
                i += json_character(word + i, size - i, text);
                size_t n = strlen(text);
                if (*used + n + 2 > AUDIT_VALUE_MAX)
                        return false;
                *used += n;
                fputs(text, f);
        }
        return true;
}

void audit_record_argv(AuditRecord *r, const char *field, char *const *argv) {
        if (!argv || !argv[0])
                return;
        size_t used = 1;
        bool whole = true;
        fprintf(r->stream, "%s=[", field);
        for (size_t i = 0; whole && argv[i]; i++) {
                const char *separator = i > 0 ? ",\"" : "\"";
                if (used + strlen(separator) + 2 > AUDIT_VALUE_MAX) {
                        whole = false;
                        break;
                }
                used += strlen(separator);
                fputs(separator, r->stream);
                whole = write_json_word(r->stream, &used, argv[i]);
                used++;
                fputc('"', r->stream);
        }
        fputs("]\n", r->stream);
        if (!whole)
                fprintf(r->stream, AUDIT_CUT "=%s\n", field);
}

/* Nothing that moves a cursor, begins a line or turns the direction of what follows. */
static bool is_shown(uint32_t c) {
        return c >= 0x20 && !(c >= 0x7f && c < 0xa0) && !(c >= 0x200b && c <= 0x200f) &&
               !(c >= 0x2028 && c <= 0x202e) && !(c >= 0x2060 && c <= 0x206f) && c != 0xfeff;
}

static void write_shown(FILE *f, const char *s, size_t n) {
        for (size_t i = 0, used = 0; i < n;) {
                uint32_t c = 0;
                size_t length = character_length(s + i, n - i, &c);
                bool shown = length > 0 && is_shown(c);
                size_t bytes = length > 0 ? length : 1;
                used += shown ? bytes : 4 * bytes;
                if (used > AUDIT_MESSAGE_MAX - strlen("\xe2\x80\xa6")) {
                        fputs("\xe2\x80\xa6", f);
                        return;
                }
                for (size_t j = i; j < i + bytes; j++)
                        if (shown)
                                fputc(s[j], f);
                        else
                                fprintf(f, "\\x%02x", (unsigned char)s[j]);
                i += bytes;
        }
}

void audit_record_message(AuditRecord *r, const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;
        va_start(ap, format);
        if (vasprintf(&text, format, ap) < 0)
                text = NULL;
        va_end(ap);
        fputs("MESSAGE=", r->stream);
        if (text)
                write_shown(r->stream, text, strlen(text));
        else
                fputs("(no memory for the sentence)", r->stream); /* the fields say it all */
        fputc('\n', r->stream);
}

char *audit_argv_text(char *const *argv) {
        enum { MAX = 200 };
        char *s = NULL;
        size_t size;
        FILE *f = open_memstream(&s, &size);
        if (!f)
                return NULL;
        size_t left = MAX;
        for (size_t i = 0; argv && argv[i]; i++) {
                size_t length = strlen(argv[i]), n = cut(argv[i], length, left);
                if (i > 0)
                        fputc(' ', f);
                (void)fwrite(argv[i], 1, n, f); /* errors stay in the stream */
                if (n < length || left - n == 0) {
                        if (n < length || argv[i + 1])
                                fputs("\xe2\x80\xa6", f);
                        break;
                }
                left -= n;
        }
        if (fclose(f) != 0) {
                free(s);
                return NULL;
        }
        return s;
}
