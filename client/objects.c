/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "objects.h"

#include <inttypes.h>
#include <pwd.h>

#include "bus.h"
#include "escape.h"
#include "names.h"
#include "nouns.h"
#include "output.h"
#include "when.h"

DEFINE_CLEANUP(Table *, table_free);

enum { LIST_ALL = 1 };
const Option list_options[] = {
        { LIST_ALL, 'a', "all", NULL,
                        "Everybody's: an administrator is asked for a password where it takes one" },
        { 0 },
};

static int take_rows(json_t *rows, json_t **ret) {
        json_auto_t *objects = json_array();
        size_t i;
        json_t *row;
        json_array_foreach(rows, i, row) {
                json_t *path = json_array_get(row, 0), *properties = json_array_get(row, 1);
                if (!json_is_string(path) || !json_is_object(properties) ||
                                json_object_set(properties, "Path", path) < 0 ||
                                json_array_append(objects, properties) < 0)
                        return bus_not_understood();
        }
        *ret = TAKE_PTR(objects);
        return 0;
}

int objects_list(sd_bus *bus, const char *method, json_t **ret) {
        json_auto_t *rows = NULL;
        int status = bus_call_json(bus, MXC_BUS_PATH, MXC_IFACE_MANAGER, method, &rows, "");
        return status != 0 ? status : take_rows(rows, ret);
}

static int list_everybody_s(sd_bus *bus, const char *method, json_t **ret) {
        json_auto_t *rows = NULL;
        int status = bus_call_json_as_administrator(bus, MXC_BUS_PATH, MXC_IFACE_MANAGER, method, &rows);
        return status != 0 ? status : take_rows(rows, ret);
}

const char *member_text(const json_t *object, const char *key) {
        const char *s = json_string_value(json_object_get(object, key));
        return s ? s : "";
}

uint64_t member_number(const json_t *object, const char *key) {
        json_int_t n = json_integer_value(json_object_get(object, key));
        return n > 0 ? (uint64_t)n : 0;
}

char *words_shown(const json_t *array) {
        size_t n = json_array_size(array);
        _cleanup_free_ const char **words = calloc(n + 1, sizeof(char *));
        if (!words)
                return NULL;
        for (size_t i = 0; i < n; i++) {
                const char *word = json_string_value(json_array_get(array, i));
                words[i] = word ? word : "?";
        }
        return escape_words(words);
}

char *user_shown(uint64_t uid) {
        const struct passwd *p = getpwuid((uid_t)uid);
        char *s;
        if (p)
                return strdup(p->pw_name);
        return asprintf(&s, "%" PRIu64, uid) < 0 ? NULL : s;
}

Colour colour_of_state(const char *state) {
        if (streq(state, "running") || streq(state, "active"))
                return COLOUR_GOOD;
        if (streq(state, "frozen") || streq(state, "suspended"))
                return COLOUR_ODD;
        if (streq(state, "revoked"))
                return COLOUR_BAD;
        return COLOUR_FAINT;
}

static char *value_shown(const char *key, const json_t *value) {
        char buffer[WHEN_SIZE], *s;
        if (streq(key, "Started"))
                return strdup(when_format(buffer, (uint64_t)json_integer_value(value)));
        if (streq(key, "Owner") || streq(key, "OnBehalfOf"))
                return user_shown((uint64_t)json_integer_value(value));
        if (json_is_array(value))
                return words_shown(value);
        if (json_is_boolean(value))
                return strdup(json_is_true(value) ? "yes" : "no");
        if (json_is_string(value))
                return escape_text(json_string_value(value));
        s = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        char *safe = s ? escape_text(s) : NULL;
        free(s);
        return safe;
}

static void print_object(const json_t *object) {
        int widest = 0;
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)object, key, value)
                widest = (int)strlen(key) > widest ? (int)strlen(key) : widest;
        json_object_foreach((json_t *)object, key, value) {
                _cleanup_free_ char *shown = value_shown(key, value), *name = escape_text(key);
                printf("%*s: %s\n", widest, name ? name : "?", shown ? shown : "?");
        }
}

int objects_print(json_t *objects) {
        if (settings.json != JSON_OFF)
                return output_json(objects);
        pager_open();
        if (json_is_object(objects))
                print_object(objects);
        size_t i;
        json_t *object;
        json_array_foreach(objects, i, object) {
                if (i > 0)
                        putchar('\n');
                print_object(object);
        }
        return pager_close();
}

int objects_show(const Verb *v, Options *o, const ObjectsTable *table) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        json_auto_t *objects = NULL;
        bool all = false;
        int status, id;
        while ((id = verb_next(v, o, &status)) > 0)
                all = true;
        if (id < 0 || verb_words(v, o, 0, 0, &status) < 0)
                return status;
        status = bus_open(&bus);
        if (status == 0)
                status = all ? list_everybody_s(bus, table->method, &objects)
                             : objects_list(bus, table->method, &objects);
        if (status != 0)
                return status;
        if (settings.json != JSON_OFF)
                return output_json(objects);
        _cleanup_(table_freep) Table *t = table_new(table->columns, table->n_columns);
        size_t i;
        json_t *object;
        json_array_foreach(objects, i, object)
                table->add(t, object);
        return table_print(t, table->one, table->many);
}
