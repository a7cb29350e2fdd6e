/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "result.h"

#include "cleanup.h"
#include "json-indent.h"
#include "say.h"

static void put_text(FILE *f, const char *s) {
        fputc('"', f);
        for (; *s; s++)
                if (*s == '"' || *s == '\\')
                        fprintf(f, "\\%c", *s);
                else if ((unsigned char)*s < 0x20 || *s == 0x7f)
                        fprintf(f, "\\u%04x", (unsigned)*s);
                else
                        fputc(*s, f);
        fputc('"', f);
}

static void put_key(Result *r, const char *key) {
        fputc(r->any ? ',' : '{', r->stream);
        r->any = true;
        put_text(r->stream, key);
        fputc(':', r->stream);
}

void result_begin(Result *r, JsonMode mode) {
        *r = (Result){ 0 };
        if (mode != JSON_OFF)
                r->stream = open_memstream(&r->text, &r->size);
}

void result_text(Result *r, const char *key, const char *value) {
        if (!r->stream)
                return;
        put_key(r, key);
        if (value)
                put_text(r->stream, value);
        else
                fputs("null", r->stream);
}

void result_number(Result *r, const char *key, long value) {
        if (!r->stream)
                return;
        put_key(r, key);
        fprintf(r->stream, "%ld", value);
}

void result_bool(Result *r, const char *key, bool value) {
        if (!r->stream)
                return;
        put_key(r, key);
        fputs(value ? "true" : "false", r->stream);
}

void result_texts(Result *r, const char *key, const char *const *values, size_t n) {
        if (!r->stream)
                return;
        put_key(r, key);
        fputc('[', r->stream);
        for (size_t i = 0; i < n; i++) {
                if (i > 0)
                        fputc(',', r->stream);
                put_text(r->stream, values[i]);
        }
        fputc(']', r->stream);
}

static void put_list(Result *r, const char *key, WireReader *reader) {
        put_key(r, key);
        fputc('[', r->stream);
        bool any = false;
        for (size_t stop = wire_read_array(reader, 4); wire_more(reader, stop); any = true) {
                if (any)
                        fputc(',', r->stream);
                put_text(r->stream, wire_read_string(reader));
        }
        fputc(']', r->stream);
}

/* a(ssss) */
static void put_rows(Result *r, const char *key, WireReader *reader) {
        put_key(r, key);
        fputc('[', r->stream);
        bool any = false;
        for (size_t stop = wire_read_array(reader, 8); wire_more(reader, stop); any = true) {
                wire_align(reader, 8);
                fputs(any ? ",[" : "[", r->stream);
                for (size_t i = 0; i < 4; i++) {
                        if (i > 0)
                                fputc(',', r->stream);
                        put_text(r->stream, wire_read_string(reader));
                }
                fputc(']', r->stream);
        }
        fputc(']', r->stream);
}

void result_value(Result *r, const char *key, const char *signature, WireReader *reader) {
        if (r->stream && streq(signature, "s"))
                result_text(r, key, wire_read_string(reader));
        else if (r->stream && streq(signature, "as"))
                put_list(r, key, reader);
        else if (r->stream && streq(signature, "a(ssss)"))
                put_rows(r, key, reader);
        else
                wire_skip(reader, &signature);
}

void result_end(Result *r, JsonMode mode) {
        if (!r->stream)
                return;
        fputs(r->any ? "}" : "{}", r->stream);
        bool whole = fclose(r->stream) == 0;
        r->stream = NULL;
        _cleanup_free_ char *shown = NULL;
        if (whole)
                shown = mode == JSON_SHORT ? json_short(r->text) : json_indent(r->text);
        if (shown)
                fprintf(stderr, "%s\n", shown);
        else
                say("out of memory");
}

void result_clear(Result *r) {
        if (r->stream)
                (void)fclose(r->stream); /* nobody reads it */
        free(r->text);
        *r = (Result){ 0 };
}
