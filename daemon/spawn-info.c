/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "spawn-info.h"

#include "bus.h"

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
        if (r >= 0 && pty >= 0)
                r = sd_bus_message_append(m, "{sv}", "pty", "h", pty);
        return r >= 0 ? sd_bus_message_close_container(m) : r;
}
