/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy-diff.h"

#include "json.h"

static int note(json_t *list, const JsonPlace *place, const char *side, const json_t *value) {
        _cleanup_free_ char *pointer = json_place_pointer(place);
        json_t *entry = pointer ? json_pack("{s:s, s:O}", "pointer", pointer, side, (json_t *)value) : NULL;
        return entry && json_array_append_new(list, entry) == 0 ? 0 : -ENOMEM;
}

static bool holds(const json_t *array, const json_t *value) {
        size_t i;
        json_t *element;
        json_array_foreach((json_t *)array, i, element)
                if (json_equal(element, value))
                        return true;
        return false;
}

static int note_missing(json_t *list, const JsonPlace *place, const char *side, const json_t *from,
                const json_t *in) {
        size_t i;
        json_t *element;
        int r = 0;
        json_array_foreach((json_t *)from, i, element)
                if (r == 0 && !holds(in, element))
                        r = note(list, place, side, element);
        return r;
}

static int compare(json_t *list, const JsonPlace *place, const json_t *old, const json_t *new);

/* What only one of two has; of an array each element by itself, as where both have it. */
static int note_whole(json_t *list, const JsonPlace *place, const char *side, const json_t *value) {
        return json_is_array(value) ? note_missing(list, place, side, value, NULL)
                                    : note(list, place, side, value);
}

static int compare_objects(json_t *list, const JsonPlace *place, const json_t *old, const json_t *new) {
        const char *key;
        json_t *value;
        int r = 0;
        json_object_foreach((json_t *)old, key, value) {
                const JsonPlace here = { .parent = place, .key = key };
                const json_t *other = json_object_get(new, key);
                if (r == 0)
                        r = other ? compare(list, &here, value, other)
                                  : note_whole(list, &here, "old", value);
        }
        json_object_foreach((json_t *)new, key, value) {
                const JsonPlace here = { .parent = place, .key = key };
                if (r == 0 && !json_object_get(old, key))
                        r = note_whole(list, &here, "new", value);
        }
        return r;
}

static int compare(json_t *list, const JsonPlace *place, const json_t *old, const json_t *new) {
        if (json_equal(old, new))
                return 0;
        if (json_is_object(old) && json_is_object(new))
                return compare_objects(list, place, old, new);
        if (json_is_array(old) && json_is_array(new)) {
                int r = note_missing(list, place, "old", old, new);
                return r < 0 ? r : note_missing(list, place, "new", new, old);
        }
        int r = note(list, place, "old", old);
        return r < 0 ? r : note(list, place, "new", new);
}

json_t *policy_diff_documents(const json_t *old, const json_t *new) {
        json_auto_t *list = json_array();
        return list && compare(list, NULL, old, new) == 0 ? TAKE_PTR(list) : NULL;
}
