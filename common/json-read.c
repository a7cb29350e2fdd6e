/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "json.h"

/* The readers of json.h: each refuses what is not exactly of its kind, with the sentence a person needs. */

static const char *kind_of(const json_t *value) {
        switch (json_typeof(value)) {
        case JSON_OBJECT:
                return "an object";
        case JSON_ARRAY:
                return "a list";
        case JSON_STRING:
                return "a string";
        case JSON_INTEGER:
                return "a whole number";
        case JSON_REAL:
                return "a number with a fraction or an exponent";
        case JSON_TRUE:
        case JSON_FALSE:
                return "true or false";
        case JSON_NULL:
                return "null";
        }
        return "something else";
}

/* "a, b or c", NULL words left out. The caller frees; NULL when out of memory. */
static char *list_words(const char *const *words, size_t n, size_t stride) {
        char *s = NULL;
        size_t size;
        FILE *f = open_memstream(&s, &size);
        if (!f)
                return NULL;
        const char *pending = NULL, *separator = "";
        for (size_t i = 0; i < n; i++) {
                const char *word = *(const char *const *)((const char *)words + i * stride);
                if (!word)
                        continue;
                if (pending) {
                        fprintf(f, "%s%s", separator, pending);
                        separator = ", ";
                }
                pending = word;
        }
        if (pending)
                fprintf(f, "%s%s", *separator ? " or " : "", pending);
        if (fclose(f) != 0) {
                free(s);
                return NULL;
        }
        return s;
}

static int refuse_unknown_key(
                const JsonSource *source, const JsonPlace *place, const JsonKey *keys, size_t n_keys) {
        _cleanup_free_ char *known = list_words(&keys->name, n_keys, sizeof(JsonKey));
        if (!known)
                return -ENOMEM;
        if (source->secret)
                return json_refuse_key(source, place, "unknown key; known here: %s", known);
        return json_refuse_key(source, place, "unknown key \"%s\"; known here: %s", place->key, known);
}

int json_apply_object(const JsonSource *source, const JsonPlace *place, json_t *value, const JsonKey *keys,
                size_t n_keys, void *userdata) {
        if (!json_is_object(value))
                return json_refuse(source, place, "must be an object, not %s", kind_of(value));

        const char *name;
        json_t *member;
        json_object_foreach(value, name, member) {
                JsonPlace here = { .parent = place, .key = name };
                const JsonKey *key = NULL;
                for (size_t i = 0; i < n_keys && !key; i++)
                        if (streq(keys[i].name, name))
                                key = &keys[i];
                int r = key ? key->apply(source, &here, member, userdata)
                            : refuse_unknown_key(source, &here, keys, n_keys);
                if (r < 0)
                        return r;
        }
        return 0;
}

int json_apply_list(const JsonSource *source, const JsonPlace *place, json_t *value, size_t max,
                int (*apply)(const JsonSource *source, const JsonPlace *place, json_t *value,
                                void *userdata),
                void *userdata) {
        if (!json_is_array(value))
                return json_refuse(source, place, "must be a list, not %s", kind_of(value));
        size_t n = json_array_size(value);
        if (n == 0)
                return json_refuse(source, place,
                                "must not be an empty list; leave the key out to allow nothing here");
        if (n > max)
                return json_refuse(source, place, "has %zu entries; at most %zu are allowed", n, max);

        for (size_t i = 0; i < n; i++) {
                JsonPlace here = { .parent = place, .index = i };
                int r = apply(source, &here, json_array_get(value, i), userdata);
                if (r < 0)
                        return r;
        }
        return 0;
}

int json_read_bool(const JsonSource *source, const JsonPlace *place, json_t *value, bool *ret) {
        if (!json_is_boolean(value))
                return json_refuse(source, place, "must be true or false, not %s", kind_of(value));
        *ret = json_is_true(value);
        return 0;
}

int json_read_word(const JsonSource *source, const JsonPlace *place, json_t *value, const char *const *words,
                size_t n_words, int *ret) {
        if (json_is_string(value))
                for (size_t i = 0; i < n_words; i++)
                        if (words[i] && streq(words[i], json_string_value(value))) {
                                *ret = (int)i;
                                return 0;
                        }

        _cleanup_free_ char *known = list_words(words, n_words, sizeof(char *));
        if (!known)
                return -ENOMEM;
        if (!json_is_string(value))
                return json_refuse(
                                source, place, "must be one of the words %s, not %s", known, kind_of(value));
        if (source->secret)
                return json_refuse(source, place, "unknown word; known here: %s", known);
        return json_refuse(source, place, "unknown word \"%s\"; known here: %s", json_string_value(value),
                        known);
}

int json_read_integer(const JsonSource *source, const JsonPlace *place, json_t *value, uint64_t min,
                uint64_t max, uint64_t *ret) {
        if (!json_is_integer(value))
                return json_refuse(source, place, "must be a whole number, not %s", kind_of(value));
        json_int_t n = json_integer_value(value);
        if (n < 0 || (uint64_t)n < min || (uint64_t)n > max)
                return json_refuse(source, place, "must be a whole number from %" PRIu64 " to %" PRIu64, min,
                                max);
        *ret = (uint64_t)n;
        return 0;
}

bool text_has_control(const char *s) {
        for (; *s; s++)
                if ((unsigned char)*s < 0x20 || *s == 0x7f)
                        return true;
        return false;
}

int json_read_text(const JsonSource *source, const JsonPlace *place, json_t *value, size_t max,
                const char **ret) {
        if (!json_is_string(value))
                return json_refuse(source, place, "must be a string, not %s", kind_of(value));
        const char *s = json_string_value(value);
        if (strlen(s) > max)
                return json_refuse(source, place, "has %zu bytes; at most %zu are allowed", strlen(s), max);
        if (text_has_control(s))
                return json_refuse(source, place, "contains a control character");
        *ret = s;
        return 0;
}
