/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "value-read.h"

#include "cleanup.h"

#define DEPTH_MAX 16U

static int read_value(sd_bus_message *m, unsigned depth, json_t **ret);

static json_t *number(uint64_t v) {
        return v <= INT64_MAX ? json_integer((json_int_t)v) : NULL;
}

static json_t *simple(char type, const void *p) {
        union {
                uint8_t y;
                int16_t n;
                uint16_t q;
                int32_t i;
                uint32_t u;
                int64_t x;
                uint64_t t;
                double d;
        } v;
        memcpy(&v, p, sizeof v);
        switch (type) {
        case 'y':
                return json_integer(v.y);
        case 'n':
                return json_integer(v.n);
        case 'q':
                return json_integer(v.q);
        case 'i':
                return json_integer(v.i);
        case 'b':
                return json_boolean(v.i);
        case 'u':
                return json_integer(v.u);
        case 'x':
                return json_integer(v.x);
        case 't':
                return number(v.t);
        case 'd':
                return json_real(v.d);
        default:
                return NULL;
        }
}

static int read_simple(sd_bus_message *m, char type, json_t **ret) {
        if (type == 's' || type == 'o' || type == 'g') {
                const char *s;
                int r = sd_bus_message_read_basic(m, type, &s);
                if (r < 0)
                        return r;
                *ret = json_string(s); /* sd-bus has made sure that it is UTF-8 */
        } else {
                uint64_t v = 0;
                if (type == 'h')
                        return -EBADMSG;
                int r = sd_bus_message_read_basic(m, type, &v);
                if (r < 0)
                        return r;
                *ret = simple(type, &v);
        }
        return *ret ? 0 : -EBADMSG;
}

static int read_entry(sd_bus_message *m, unsigned depth, json_t *object) {
        const char *contents, *key;
        json_auto_t *value = NULL;
        int r = sd_bus_message_peek_type(m, NULL, &contents);
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'e', contents);
        if (r >= 0)
                r = sd_bus_message_read_basic(m, 's', &key);
        if (r >= 0)
                r = read_value(m, depth, &value);
        if (r >= 0)
                r = json_object_set(object, key, value) < 0 ? -ENOMEM : sd_bus_message_exit_container(m);
        return r;
}

/* Everything up to the end of the container that was entered. */
static int read_members(sd_bus_message *m, bool dictionary, unsigned depth, json_t **ret) {
        json_auto_t *all = dictionary ? json_object() : json_array();
        if (!all)
                return -ENOMEM;
        for (;;) {
                json_auto_t *value = NULL;
                int r = sd_bus_message_at_end(m, false);
                if (r < 0)
                        return r;
                if (r > 0)
                        break;
                r = dictionary ? read_entry(m, depth, all) : read_value(m, depth, &value);
                if (r >= 0 && !dictionary)
                        r = json_array_append(all, value) < 0 ? -ENOMEM : 0;
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(all);
        return 0;
}

static int read_value(sd_bus_message *m, unsigned depth, json_t **ret) {
        char type;
        const char *contents;
        if (depth == 0)
                return -EBADMSG;
        int r = sd_bus_message_peek_type(m, &type, &contents);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        if (!contents)
                return read_simple(m, type, ret);
        r = sd_bus_message_enter_container(m, type, contents);
        if (r < 0)
                return r;
        if (type == 'v')
                r = read_value(m, depth - 1, ret);
        else
                r = read_members(m, type == 'a' && strncmp(contents, "{s", 2) == 0, depth - 1, ret);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

int value_read(sd_bus_message *m, json_t **ret) {
        json_auto_t *all = json_array();
        if (!all)
                return -ENOMEM;
        while (sd_bus_message_at_end(m, true) == 0) {
                json_auto_t *value = NULL;
                int r = read_value(m, DEPTH_MAX, &value);
                if (r < 0)
                        return r;
                if (json_array_append(all, value) < 0)
                        return -ENOMEM;
        }
        switch (json_array_size(all)) {
        case 0:
                *ret = json_null();
                break;
        case 1:
                *ret = json_incref(json_array_get(all, 0));
                break;
        default:
                *ret = TAKE_PTR(all);
        }
        return 0;
}
