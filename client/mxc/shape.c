/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shape.h"

#include <stdarg.h>

typedef struct Place {
        const struct Place *parent;
        const char *key; /* NULL: element index */
        size_t index;
} Place;

typedef struct Check {
        const ShapeText *source;
        MxcError *error;
} Check;

static void print_place(FILE *f, const Place *place) {
        if (!place)
                return;
        print_place(f, place->parent);
        if (place->key)
                (void)fprintf(f, "%s%s", place->parent ? "." : "", place->key);
        else
                (void)fprintf(f, "[%zu]", place->index);
}

/* A stream that makes a text; NULL when out of memory, as is what fclose() leaves then. */
static char *place_text(const Place *place) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        if (!f)
                return NULL;
        print_place(f, place);
        if (fclose(f) != 0) {
                free(text);
                return NULL;
        }
        return text;
}

_printf_(5, 6) static int refuse(
                const Check *c, const Place *place, size_t at, const char *hint, const char *format, ...) {
        _cleanup_free_ char *path = place_text(place), *reason = NULL, *more = NULL;
        size_t line, column;
        va_list arguments;
        va_start(arguments, format);
        int n = vasprintf(&reason, format, arguments);
        va_end(arguments);
        if (n < 0)
                reason = NULL;
        if (hint && asprintf(&more, "; schema %s migration: %s",
                                    c->source->version ? c->source->version : "0.8", hint) < 0)
                more = NULL;
        if (!path || !reason || (hint && !more))
                return -ENOMEM;
        tree_position(c->source->text, at, &line, &column);
        return mxc_refuse_config(c->error, "%sInvalid configuration%s%s%s: %s at line %zu column %zu%s",
                        c->source->prefix, place ? " at `" : "", path, place ? "`" : "", reason, line,
                        column, more ? more : "");
}

static int refuse_at(const Check *c, size_t at, const char *what) {
        size_t line, column;
        tree_position(c->source->text, at, &line, &column);
        return mxc_refuse_config(c->error, "%sInvalid JSON syntax: %s at line %zu column %zu",
                        c->source->prefix, what, line, column);
}

static int refuse_syntax(const Check *c) {
        return refuse_at(c, c->source->fault->at, c->source->fault->what);
}

char *shape_describe(const Tree *t, bool secret) {
        char *text = NULL;
        int n = -1;
        switch (t->kind) {
        case TREE_NULL:
                return strdup("null");
        case TREE_BOOL:
                n = asprintf(&text, "boolean `%s`", t->truth ? "true" : "false");
                break;
        case TREE_INTEGER:
                n = asprintf(&text, "integer `%s`", t->text);
                break;
        case TREE_FLOAT:
                n = asprintf(&text, "floating point `%s`", t->text);
                break;
        case TREE_STRING:
                n = secret ? asprintf(&text, "string \"<redacted>\"")
                           : asprintf(&text, "string \"%s\"", t->text);
                break;
        case TREE_ARRAY:
                return strdup("sequence");
        case TREE_NONE:
        case TREE_OBJECT:
                return strdup("map");
        }
        return n < 0 ? NULL : text;
}

size_t shape_place(const Tree *t) {
        return t->kind == TREE_ARRAY || t->kind == TREE_OBJECT ? t->begin : t->end;
}

/* What is found out once a value is whole is told where its parent goes on, or behind where that ends: so does MXC's parser. */
static size_t behind(const Check *c, const Tree *t) {
        const char *text = c->source->text;
        size_t at = t->end, size = c->source->size;
        while (at < size && (text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r'))
                at++;
        return at + (at < size && text[at] == '}');
}

static int refuse_type(const Check *c, const Place *place, const Tree *t, const Shape *s) {
        _cleanup_free_ char *what = shape_describe(t, s->secret);
        return what ? refuse(c, place, shape_place(t), NULL, "invalid type: %s, expected %s", what, s->name)
                    : -ENOMEM;
}

static void print_names(FILE *f, const char *(*name)(const Shape *s, size_t i), const Shape *s, size_t n) {
        (void)fprintf(f, n > 2 ? "one of " : "");
        for (size_t i = 0; i < n; i++)
                (void)fprintf(f, "%s`%s`", i == 0 ? "" : n == 2 ? " or " : ", ", name(s, i));
}

static char *names_text(const char *(*name)(const Shape *s, size_t i), const Shape *s, size_t n) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        if (!f)
                return NULL;
        print_names(f, name, s, n);
        if (fclose(f) != 0) {
                free(text);
                return NULL;
        }
        return text;
}

static const char *field_name(const Shape *s, size_t i) {
        return s->fields[i].name;
}

static const char *word_name(const Shape *s, size_t i) {
        return s->words[i];
}

static size_t known_fields(const Shape *s) { /* those with a hint come last */
        size_t n = s->n_fields;
        while (n > 0 && s->fields[n - 1].hint)
                n--;
        return n;
}

static int refuse_field(const Check *c, const Place *place, const Tree *key, const Shape *s) {
        size_t n = known_fields(s);
        const char *hint = NULL;
        for (size_t i = n; i < s->n_fields; i++)
                if (streq(s->fields[i].name, key->text))
                        hint = s->fields[i].hint;
        _cleanup_free_ char *names = names_text(field_name, s, n);
        return names ? refuse(c, place, key->end, hint, "unknown field `%s`, expected %s", key->text, names)
                     : -ENOMEM;
}

static const ShapeField *find_field(const Shape *s, const Tree *key) {
        for (size_t i = 0; i < known_fields(s); i++)
                if (tree_is(key, s->fields[i].name))
                        return &s->fields[i];
        return NULL;
}

static const char *field_meant(const ShapeField *f) {
        return f->same_as ? f->same_as : f->name;
}

/* The same field before the key at index, by one name or the other. Of fields that no table has, only the same name. */
static bool seen_before(const Shape *s, const Tree *object, size_t index, const ShapeField *field) {
        for (size_t i = 0; i < index; i += 2) {
                const ShapeField *other = find_field(s, &object->items[i]);
                if (other && streq(field_meant(other), field_meant(field)))
                        return true;
        }
        return false;
}

static int check_value(const Check *c, const Place *place, const Tree *t, const Shape *s);

static int check_member(const Check *c, const Place *place, const Tree *object, size_t i, const Shape *s) {
        const Tree *key = &object->items[i], *value = i + 1 < object->n_items ? &object->items[i + 1] : NULL;
        const Place inner = { .parent = place, .key = key->text };
        if (key->open)
                return refuse_syntax(c);
        const ShapeField *field = find_field(s, key);
        if (!field && !s->open)
                return refuse_field(c, &inner, key, s);
        if (field && seen_before(s, object, i, field))
                return refuse(c, place, key->end, NULL, "duplicate field `%s`", field_meant(field));
        if (!value || value->kind == TREE_NONE)
                return refuse_syntax(c);
        if (!field)
                return value->open ? refuse_syntax(c) : 0;
        if (s->lax && !field->required && value->kind == TREE_NULL && !value->open)
                return 0;
        return check_value(c, &inner, value, field->shape);
}

static int check_struct(const Check *c, const Place *place, const Tree *t, const Shape *s) {
        if (t->kind != TREE_OBJECT)
                return refuse_type(c, place, t, s);
        for (size_t i = 0; i < t->n_items; i += 2) {
                int r = check_member(c, place, t, i, s);
                if (r < 0)
                        return r;
        }
        if (t->open)
                return refuse_syntax(c);
        for (size_t i = 0; i < s->n_fields; i++)
                if (s->fields[i].required && !tree_get(t, s->fields[i].name))
                        return refuse(c, place, t->end, NULL, "missing field `%s`", s->fields[i].name);
        return 0;
}

static int check_list(const Check *c, const Place *place, const Tree *t, const Shape *s) {
        if (t->kind != TREE_ARRAY)
                return refuse_type(c, place, t, s);
        for (size_t i = 0; i < t->n_items; i++) {
                const Place inner = { .parent = place, .index = i };
                if (t->items[i].kind == TREE_NONE)
                        return refuse_syntax(c);
                int r = check_value(c, &inner, &t->items[i], s->element);
                if (r < 0)
                        return r;
        }
        if (t->open)
                return refuse_syntax(c);
        return s->some && t->n_items == 0 ? refuse(c, place, behind(c, t), NULL, "array must not be empty")
                                          : 0;
}

static bool has_word(const Shape *s, const Tree *word) {
        for (size_t i = 0; i < s->n_words; i++)
                if (tree_is(word, s->words[i]))
                        return true;
        return false;
}

static int check_word(const Check *c, const Place *place, const Tree *t, const Shape *s) {
        const Tree *word = t;
        if (s->lax && t->kind == TREE_OBJECT) { /* {"process":null} */
                if (t->open)
                        return refuse_syntax(c);
                if (t->n_items == 0)
                        return refuse_at(c, t->end, "expected value");
                word = &t->items[0];
                if (has_word(s, word) && (t->n_items != 2 || t->items[1].kind != TREE_NULL))
                        return refuse(c, place, t->end, NULL, "invalid type: map, expected unit variant");
        } else if (t->kind != TREE_STRING)
                return s->lax ? refuse_at(c, t->begin + 1, "expected value") : refuse_type(c, place, t, s);
        if (has_word(s, word))
                return 0;
        _cleanup_free_ char *names = names_text(word_name, s, s->n_words);
        return names ? refuse(c, place, word->end, NULL, "unknown variant `%s`, expected %s", word->text,
                                       names)
                     : -ENOMEM;
}

static int check_number(const Check *c, const Place *place, const Tree *t, const Shape *s) {
        if (t->kind != TREE_INTEGER)
                return refuse_type(c, place, t, s);
        if (!(t->truth && t->number > 0) && t->number >= s->min && t->number <= s->max)
                return 0;
        return refuse(c, place, t->end, NULL, "invalid value: integer `%s`, expected %s", t->text, s->name);
}

static int check_value(const Check *c, const Place *place, const Tree *t, const Shape *s) {
        bool nested = t->kind == TREE_ARRAY || t->kind == TREE_OBJECT;
        if (t->open && !nested)
                return refuse_syntax(c);
        switch (s->kind) {
        case SHAPE_ANY:
                return t->open ? refuse_syntax(c) : 0;
        case SHAPE_STRING:
                if (t->kind != TREE_STRING)
                        return refuse_type(c, place, t, s);
                return s->some && t->size == 0
                                       ? refuse(c, place, behind(c, t), NULL, "string must not be empty")
                                       : 0;
        case SHAPE_BOOL:
                return t->kind == TREE_BOOL ? 0 : refuse_type(c, place, t, s);
        case SHAPE_NUMBER:
                return check_number(c, place, t, s);
        case SHAPE_WORD:
                return check_word(c, place, t, s);
        case SHAPE_LIST:
                return check_list(c, place, t, s);
        case SHAPE_STRUCT:
                return check_struct(c, place, t, s);
        }
        return -EINVAL;
}

int shape_check(const ShapeText *text, const Shape *shape, MxcError *error) {
        const Check c = { .source = text, .error = error };
        if (text->root->kind == TREE_NONE)
                return refuse_syntax(&c);
        int r = check_value(&c, NULL, text->root, shape);
        if (r == 0 && text->fault->what) /* behind the document */
                r = refuse_syntax(&c);
        return r;
}
