/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Strict reading of JSON documents that people write: closed sets of keys, and every refusal with a JSON pointer, a
 * line, a column and a sentence. Knows nothing of what the documents mean. Built on jansson; the only parsing done here
 * is a scan that finds where in the text a pointer points (jansson forgets positions). */

#include <jansson.h>

#include "cleanup.h"
#include "policy.h"

/* Where a value came from, for refusals. text is NULL for a value that was never text here. */
typedef struct JsonSource {
        const char *text;
        size_t size;
        PolicyError *error; /* may be NULL */
        bool secret;        /* a refusal quotes nothing of the text, and says where it is */
} JsonSource;

/* A place in a document, linked through the callers' stack frames: no allocation unless something is refused. A NULL
 * place is the whole document; key NULL means element `index` of an array. */
typedef struct JsonPlace {
        const struct JsonPlace *parent;
        const char *key;
        size_t index;
} JsonPlace;

/* Loads one object: at most LIMIT_POLICY_BYTES, nested at most LIMIT_POLICY_DEPTH, UTF-8, no NUL, no duplicate keys,
 * nothing after it. 0, -ENOMEM, or -EINVAL with the source's error filled. The caller owns *ret. */
int json_load_strict(const JsonSource *source, json_t **ret);

/* RFC 6901. NULL when out of memory; the caller frees. */
char *json_place_pointer(const JsonPlace *place);

/* Fill the error (once: the first refusal stays) and return -EINVAL, or -ENOMEM. The first points at the value, the second at
 * its key. */
_printf_(3, 4) int json_refuse(const JsonSource *source, const JsonPlace *place, const char *format, ...);
_printf_(3, 4) int json_refuse_key(const JsonSource *source, const JsonPlace *place, const char *format, ...);

/* Applies each key of an object by a closed table. */
typedef struct JsonKey {
        const char *name;
        int (*apply)(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata);
} JsonKey;
int json_apply_object(const JsonSource *source, const JsonPlace *place, json_t *value, const JsonKey *keys,
                size_t n_keys, void *userdata);
/* Applies each element of an array that is neither empty nor longer than max. */
int json_apply_list(const JsonSource *source, const JsonPlace *place, json_t *value, size_t max,
                int (*apply)(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata),
                void *userdata);

int json_read_bool(const JsonSource *source, const JsonPlace *place, json_t *value, bool *ret);
/* One of a closed set of words; *ret is its index. NULL words are never offered. */
int json_read_word(const JsonSource *source, const JsonPlace *place, json_t *value, const char *const *words,
                size_t n_words, int *ret);
int json_read_integer(const JsonSource *source, const JsonPlace *place, json_t *value, uint64_t min, uint64_t max,
                uint64_t *ret);
/* At most max bytes; control characters are refused. *ret is borrowed from value. */
int json_read_text(const JsonSource *source, const JsonPlace *place, json_t *value, size_t max, const char **ret);

bool text_has_control(const char *s);
