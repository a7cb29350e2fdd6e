/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* list and show: the sandboxes that there are. */

#include <inttypes.h>
#include <time.h>

#include "bus.h"
#include "names.h"
#include "nouns.h"
#include "objects.h"
#include "sandbox-name.h"
#include "say.h"
#include "status.h"
#include "when.h"

static void add_id(Table *t, const json_t *sandbox) {
        const char *id = sandbox_id_of(member_text(sandbox, "Path"));
        if (settings.full)
                table_add(t, id, COLOUR_NONE);
        else
                table_addf(t, "%.*s", SANDBOX_ID_SHOWN, id);
}

static void add_age(Table *t, uint64_t since, uint64_t now) {
        char buffer[WHEN_SIZE];
        table_add(t, since > 0 && since <= now ? span_format(buffer, now - since) : "-", COLOUR_NONE);
}

static uint64_t now_usec(void) {
        struct timespec t = { 0 };
        (void)clock_gettime(CLOCK_REALTIME, &t); /* cannot fail */
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void add_sandbox(Table *t, const json_t *sandbox) {
        const char *state = member_text(sandbox, "State");
        _cleanup_free_ char *command = words_shown(json_object_get(sandbox, "Argv")),
                            *user = user_shown(member_number(sandbox, "OnBehalfOf"));
        add_id(t, sandbox);
        table_add(t, member_text(sandbox, "Agent"), COLOUR_NONE);
        table_add(t, user, COLOUR_NONE);
        table_add(t, member_text(sandbox, "Policy"), COLOUR_NONE);
        table_add(t, state, colour_of_state(state));
        add_age(t, member_number(sandbox, "Started"), now_usec());
        table_add(t, command, COLOUR_NONE);
}

int list_sandboxes(const Verb *v, Options *o) {
        static const Column columns[] = { { "SANDBOX" }, { "AGENT" }, { "FOR" }, { "POLICY" }, { "STATE" },
                { "AGE", .right = true }, { "COMMAND" } };
        return objects_show(v, o,
                        &(ObjectsTable){ "ListSandboxes", columns, ELEMENTSOF(columns), add_sandbox,
                                        "sandbox", "sandboxes" });
}

static int get_sandbox(sd_bus *bus, const char *text, json_t **ret) {
        _cleanup_free_ char *path = NULL;
        int status = bus_sandbox_path(bus, text, &path);
        return status != 0 ? status : bus_properties(bus, path, MXC_IFACE_SANDBOX, ret);
}

/* Those that there are; of the others standard error tells, and the status. */
int show_sandboxes(const Verb *v, Options *o) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        json_auto_t *all = json_array();
        int status;
        if (verb_words(v, o, 1, SIZE_MAX, &status) < 0)
                return status;
        status = bus_open(&bus);
        if (status != 0)
                return status;
        for (size_t i = 0; i < o->n_words; i++) {
                json_t *object = NULL;
                int one = get_sandbox(bus, o->argv[i], &object);
                if (one != 0 && o->n_words > 1)
                        say("that was %s", o->argv[i]);
                if (one == 0 && json_array_append_new(all, object) < 0)
                        return fail(STATUS_TROUBLE, "out of memory");
                status = one > status ? one : status;
        }
        if (json_array_size(all) == 0)
                return status;
        int printed = objects_print(o->n_words == 1 ? json_array_get(all, 0) : all);
        return printed != 0 ? printed : status;
}
