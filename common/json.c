/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>

#include "json.h"
#include "limits.h"

/* The scan. It runs over text that jansson has accepted, and over text that it has refused up to the place of the
 * refusal, so it takes anything and only promises to stay inside the text. */

typedef struct Token {
        size_t begin, end;
        char kind; /* one of {}[]:, itself; '"' for a string; 'v' for any other word */
} Token;

typedef struct Frame {
        bool array;
        size_t index;
        size_t key_begin, key_end; /* with its quotes; empty before the first key */
} Frame;

typedef enum WalkEvent { WALK_END, WALK_KEY, WALK_VALUE, WALK_TOO_DEEP } WalkEvent;

typedef struct Walk {
        const char *text;
        size_t size, pos;
        Frame frames[LIMIT_POLICY_DEPTH];
        size_t depth, at; /* frames open; frames that make up the place of the last event */
        bool key_next;
        Token token;
} Walk;

static bool is_space(char c) {
        return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_mark(char c) {
        return c != '\0' && strchr("{}[]:,", c);
}

static size_t string_end(const char *text, size_t size, size_t pos) {
        for (pos++; pos < size; pos++) {
                if (text[pos] == '"')
                        return pos + 1;
                if (text[pos] == '\\')
                        pos++;
        }
        return size;
}

static bool next_token(Walk *w) {
        while (w->pos < w->size && is_space(w->text[w->pos]))
                w->pos++;
        if (w->pos >= w->size)
                return false;

        Token t = { .begin = w->pos, .end = w->pos + 1, .kind = w->text[w->pos] };
        if (t.kind == '"')
                t.end = string_end(w->text, w->size, t.begin);
        else if (!is_mark(t.kind)) {
                t.kind = 'v';
                while (t.end < w->size && !is_space(w->text[t.end]) && !is_mark(w->text[t.end]) &&
                                w->text[t.end] != '"')
                        t.end++;
        }
        w->pos = t.end;
        w->token = t;
        return true;
}

static WalkEvent walk_open(Walk *w, bool array) {
        w->at = w->depth;
        if (w->depth == ELEMENTSOF(w->frames))
                return WALK_TOO_DEEP;
        w->frames[w->depth++] = (Frame){ .array = array };
        w->key_next = !array;
        return WALK_VALUE;
}

static WalkEvent walk_string(Walk *w) {
        w->at = w->depth;
        if (w->depth == 0 || w->frames[w->depth - 1].array || !w->key_next)
                return WALK_VALUE;
        w->frames[w->depth - 1].key_begin = w->token.begin;
        w->frames[w->depth - 1].key_end = w->token.end;
        return WALK_KEY;
}

static WalkEvent walk_next(Walk *w) {
        while (next_token(w))
                switch (w->token.kind) {
                case '{':
                case '[':
                        return walk_open(w, w->token.kind == '[');
                case '}':
                case ']':
                        if (w->depth > 0)
                                w->depth--;
                        w->key_next = false;
                        break;
                case ':':
                        w->key_next = false;
                        break;
                case ',':
                        if (w->depth > 0) {
                                Frame *frame = &w->frames[w->depth - 1];
                                frame->index++;
                                frame->key_begin = frame->key_end = 0;
                                w->key_next = !frame->array;
                        }
                        break;
                case '"':
                        return walk_string(w);
                default:
                        w->at = w->depth;
                        return WALK_VALUE;
                }
        return WALK_END;
}

/* One reference token of a pointer: '~' and '/' are escaped, RFC 6901 section 3. */
static void write_reference(FILE *f, const char *s) {
        for (; *s; s++)
                if (*s == '~')
                        fputs("~0", f);
                else if (*s == '/')
                        fputs("~1", f);
                else
                        fputc(*s, f);
}

static void write_frame(FILE *f, const Walk *w, const Frame *frame) {
        fputc('/', f);
        if (frame->array) {
                fprintf(f, "%zu", frame->index);
                return;
        }
        /* jansson decodes the escapes of a key; one that it cannot decode is shown as it stands */
        json_auto_t *key = json_loadb(w->text + frame->key_begin, frame->key_end - frame->key_begin,
                        JSON_DECODE_ANY, NULL);
        if (json_is_string(key)) {
                write_reference(f, json_string_value(key));
                return;
        }
        for (size_t i = frame->key_begin; i < frame->key_end; i++)
                if ((unsigned char)w->text[i] >= 0x20 && (unsigned char)w->text[i] < 0x7f)
                        fputc(w->text[i], f);
}

static char *walk_pointer(const Walk *w) {
        char *s = NULL;
        size_t n;
        FILE *f = open_memstream(&s, &n);
        if (!f)
                return NULL;
        for (size_t i = 0; i < w->at; i++)
                if (w->frames[i].array || w->frames[i].key_end > w->frames[i].key_begin)
                        write_frame(f, w, &w->frames[i]);
        if (fclose(f) != 0) {
                free(s);
                return NULL;
        }
        return s;
}

static void text_position(const char *text, size_t offset, PolicyError *error) {
        int line = 1, column = 1;
        for (size_t i = 0; i < offset; i++)
                if (text[i] == '\n') {
                        line++;
                        column = 1;
                } else if (((unsigned char)text[i] & 0xc0) != 0x80)
                        column++; /* characters, not bytes: what an editor counts */
        error->line = line;
        error->column = column;
}

/* Leaves line and column 0 where the pointer is not in the text: a default, or a key that is missing. */
static void locate(const JsonSource *source, const char *pointer, bool key) {
        Walk w = { .text = source->text, .size = source->size };
        WalkEvent event;

        while ((event = walk_next(&w)) == WALK_KEY || event == WALK_VALUE) {
                if ((event == WALK_KEY) != key)
                        continue;
                _cleanup_free_ char *here = walk_pointer(&w);
                if (here && streq(here, pointer)) {
                        text_position(source->text, w.token.begin, source->error);
                        return;
                }
        }
}

void policy_error_clear(PolicyError *e) {
        free(e->pointer);
        free(e->sentence);
        *e = (PolicyError){ 0 };
}

char *json_place_pointer(const JsonPlace *place) {
        char *s = NULL;
        size_t n;
        FILE *f = open_memstream(&s, &n);
        if (!f)
                return NULL;

        size_t depth = 0;
        for (const JsonPlace *p = place; p; p = p->parent)
                depth++;
        for (; depth > 0; depth--) {
                const JsonPlace *p = place;
                for (size_t i = 1; i < depth; i++)
                        p = p->parent;
                fputc('/', f);
                if (p->key)
                        write_reference(f, p->key);
                else
                        fprintf(f, "%zu", p->index);
        }
        if (fclose(f) != 0) {
                free(s);
                return NULL;
        }
        return s;
}

/* What is quoted from a document is shown on terminals and in journals: no control character of C0 or C1 gets there. */
static void make_printable(char *s) {
        for (; *s; s++)
                if ((unsigned char)*s < 0x20 || *s == 0x7f)
                        *s = '?';
                else if ((unsigned char)s[0] == 0xc2 && (unsigned char)s[1] >= 0x80 &&
                                (unsigned char)s[1] < 0xa0)
                        s[0] = s[1] = '?';
}

_printf_(4, 0) static int refuse(
                const JsonSource *source, const JsonPlace *place, bool key, const char *format, va_list ap) {
        if (!source->error || source->error->sentence)
                return -EINVAL;

        _cleanup_free_ char *pointer = json_place_pointer(place);
        char *sentence;
        if (!pointer || vasprintf(&sentence, format, ap) < 0)
                return -ENOMEM;
        source->error->sentence = sentence;
        if (source->text)
                locate(source, pointer, key);
        if (source->secret && key) { /* its name is of the text */
                free(pointer);
                pointer = json_place_pointer(place ? place->parent : NULL);
                if (!pointer)
                        return -ENOMEM;
        }
        make_printable(sentence);
        make_printable(pointer);
        source->error->pointer = TAKE_PTR(pointer);
        return -EINVAL;
}

int json_refuse(const JsonSource *source, const JsonPlace *place, const char *format, ...) {
        va_list ap;
        va_start(ap, format);
        int r = refuse(source, place, false, format, ap);
        va_end(ap);
        return r;
}

int json_refuse_key(const JsonSource *source, const JsonPlace *place, const char *format, ...) {
        va_list ap;
        va_start(ap, format);
        int r = refuse(source, place, true, format, ap);
        va_end(ap);
        return r;
}

/* What people write who know JSON from programs that take more than it. */
static const char *cure_of(const char *text) {
        size_t n = strlen(text);
        const char *token = n > 3 ? text + n - 3 : text; /* it ends with the token, quoted */
        if ((streq(token, "']'") || streq(token, "'}'")) &&
                        (strncmp(text, "unexpected", strlen("unexpected")) == 0 ||
                                        strncmp(text, "string", strlen("string")) == 0))
                return "; is there a comma before it?";
        if (streq(token, "'/'") || streq(token, "'#'"))
                return "; there are no comments in it";
        return "";
}

/* A refusal by jansson: its offset is behind the offending token, so the place is the last token that begins before. */
static int refuse_text(const JsonSource *source, const json_error_t *e) {
        if (json_error_code(e) == json_error_out_of_memory)
                return -ENOMEM;
        if (!source->error || source->error->sentence)
                return -EINVAL;

        size_t stop = e->position > 0 ? (size_t)e->position : 0;
        if (stop > source->size)
                stop = source->size;
        Walk w = { .text = source->text, .size = stop };
        WalkEvent event;
        while ((event = walk_next(&w)) == WALK_KEY || event == WALK_VALUE)
                ;
        w.at = w.depth;

        _cleanup_free_ char *pointer = source->secret ? strdup("") : walk_pointer(&w);
        char *sentence;
        if (!pointer || asprintf(&sentence, "not the JSON that is accepted here%s%s%s",
                                        source->secret ? "" : ": ", source->secret ? "" : e->text,
                                        source->secret ? "" : cure_of(e->text)) < 0)
                return -ENOMEM;
        make_printable(sentence);
        make_printable(pointer);
        source->error->sentence = sentence;
        source->error->pointer = TAKE_PTR(pointer);
        text_position(source->text, w.token.begin, source->error);
        return -EINVAL;
}

static int check_depth(const JsonSource *source) {
        Walk w = { .text = source->text, .size = source->size };
        WalkEvent event;
        while ((event = walk_next(&w)) == WALK_KEY || event == WALK_VALUE)
                ;
        if (event == WALK_END)
                return 0;

        int r = json_refuse(source, NULL, "nested deeper than %u levels", LIMIT_POLICY_DEPTH);
        if (source->error)
                text_position(source->text, w.token.begin, source->error);
        return r;
}

int json_load_strict(const JsonSource *source, json_t **ret) {
        if (source->size > LIMIT_POLICY_BYTES)
                return json_refuse(source, NULL, "the document has %zu bytes; at most %u are read",
                                source->size, LIMIT_POLICY_BYTES);
        int r = check_depth(source);
        if (r < 0)
                return r;

        json_error_t e;
        json_auto_t *value = json_loadb(source->text, source->size, JSON_REJECT_DUPLICATES, &e);
        if (!value)
                return refuse_text(source, &e);
        if (!json_is_object(value))
                return json_refuse(source, NULL, "a document is one JSON object, not an array");
        *ret = TAKE_PTR(value);
        return 0;
}
