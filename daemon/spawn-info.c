/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "spawn-info.h"

#include <jansson.h>

#include "bus.h"
#include "cleanup.h"

/* Words with spaces between them, as a list. */
static int append_list(sd_bus_message *m, const char *key, const char *text) {
        int r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", key);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "as");
        if (r >= 0)
                r = bus_append_words(m, text);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r >= 0 ? sd_bus_message_close_container(m) : r;
}

static int append_row(sd_bus_message *m, const json_t *row) {
        const char *texts[4];
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                texts[i] = json_string_value(json_array_get(row, i));
                if (!texts[i])
                        return -EBADMSG;
        }
        return sd_bus_message_append(m, "(ssss)", texts[0], texts[1], texts[2], texts[3]);
}

int cut_append(sd_bus_message *m, const char *text) {
        json_auto_t *rows = text && *text ? json_loads(text, 0, NULL) : NULL;
        int r = sd_bus_message_open_container(m, 'a', "(ssss)");
        for (size_t i = 0; i < json_array_size(rows) && r >= 0; i++)
                r = append_row(m, json_array_get(rows, i));
        return r >= 0 ? sd_bus_message_close_container(m) : r;
}

static int append_cut(sd_bus_message *m, const char *text) {
        int r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", "cut");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "a(ssss)");
        if (r >= 0)
                r = cut_append(m, text);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r >= 0 ? sd_bus_message_close_container(m) : r;
}

int spawn_info_append(sd_bus_message *m, const Sandbox *s, int pty) {
        int r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}{sv}{sv}{sv}{sv}{sv}", "id", "s", s->id, "agent", "s",
                                s->agent->name, "policy", "s", s->policy, "digest", "s",
                                s->effective->policy->digest, "tier", "s", "process", "unit", "s",
                                s->scope->unit);
        if (r >= 0)
                r = append_list(m, "walls", s->walls);
        if (r >= 0)
                r = append_list(m, "unheld", s->unheld);
        if (r >= 0)
                r = append_cut(m, s->cut);
        if (r >= 0 && pty >= 0)
                r = sd_bus_message_append(m, "{sv}", "pty", "h", pty);
        return r >= 0 ? sd_bus_message_close_container(m) : r;
}
