/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "cleanup.h"
#include "spawn-info.h"

static int append_walls(sd_bus_message *m, const char *walls) {
        int r = sd_bus_message_append(m, "s", "walls");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "s");
        _cleanup_free_ char *copy = strdup(walls);
        char *rest = NULL;
        for (char *word = copy ? strtok_r(copy, " ", &rest) : NULL; r >= 0 && word;
                        word = strtok_r(NULL, " ", &rest))
                r = sd_bus_message_append(m, "s", word);
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
                r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = append_walls(m, s->walls);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0 && pty >= 0)
                r = sd_bus_message_append(m, "{sv}", "pty", "h", pty);
        return r >= 0 ? sd_bus_message_close_container(m) : r;
}
