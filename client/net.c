/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* net: what a sandbox reaches, and what it is refused. */

#include <time.h>

#include "bus.h"
#include "cleanup.h"
#include "grant.h"
#include "names.h"
#include "nouns.h"
#include "objects.h"
#include "say.h"
#include "status.h"
#include "when.h"

DEFINE_CLEANUP(Table *, table_free);

static void add_connection(Table *t, const json_t *c, uint64_t now) {
        char buffer[WHEN_SIZE];
        const char *state = member_text(c, "State"), *target = member_text(c, "Target"),
                   *clause = member_text(c, "Clause");
        uint64_t since = member_number(c, "Since"), count = member_number(c, "Count");
        uint64_t until = member_number(c, "Until");
        json_auto_t *rule = *target == '{' ? json_loads(target, JSON_REJECT_DUPLICATES, NULL) : NULL;
        _cleanup_free_ char *granted = rule ? grant_text(rule) : NULL;
        table_add(t, state, streq(state, "refused") ? COLOUR_BAD : COLOUR_NONE);
        table_add(t, granted ? granted : target, COLOUR_NONE);
        table_add(t, member_text(c, "Address"), COLOUR_NONE);
        if (until > 0) {
                char left[WHEN_SIZE + sizeof(" left")];
                (void)snprintf(left, sizeof(left), "%s left",
                                until > now ? span_format(buffer, until - now) : "0s");
                table_add(t, left, COLOUR_NONE);
        } else
                table_add(t, since <= now ? span_format(buffer, now - since) : "-", COLOUR_NONE);
        table_addf(t, "%llu", (unsigned long long)count);
        table_add(t, *clause ? clause : member_text(c, "Reason"), COLOUR_NONE);
}

static int print_table(const json_t *totals, const json_t *connections) {
        static const Column columns[] = { { "STATE" }, { "TARGET" }, { "ADDRESS" }, { "AGE", .right = true },
                { "TIMES", .right = true }, { "BY" } };
        struct timespec now = { 0 };
        (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail */
        if (streq(member_text(totals, "Network"), "none")) {
                puts("It has no network.");
                return STATUS_OK;
        }
        _cleanup_(table_freep) Table *t = table_new(columns, ELEMENTSOF(columns));
        size_t i;
        json_t *c;
        json_array_foreach(connections, i, c)
                add_connection(t, c, (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
        int status = table_print(t, "line", "lines");
        if (!settings.no_legend)
                printf("Allowed so far: %llu, refused: %llu; what is over had %llu bytes out, %llu in.\n",
                                (unsigned long long)member_number(totals, "Allowed"),
                                (unsigned long long)member_number(totals, "Refused"),
                                (unsigned long long)member_number(totals, "BytesOut"),
                                (unsigned long long)member_number(totals, "BytesIn"));
        return status;
}

int net_show(const Verb *v, Options *o) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_free_ char *path = NULL;
        json_auto_t *answer = NULL;
        int status;
        if (verb_words(v, o, 1, 1, &status) < 0)
                return status;
        status = bus_open(&bus);
        if (status == 0)
                status = bus_sandbox_path(bus, o->argv[0], &path);
        if (status == 0)
                status = bus_call_json(bus, path, MXC_IFACE_SANDBOX, "ListConnections", &answer, "");
        if (status != 0)
                return status;
        json_t *totals = json_array_get(answer, 0), *connections = json_array_get(answer, 1);
        if (!totals || !connections)
                return bus_not_understood();
        if (settings.json == JSON_OFF)
                return print_table(totals, connections);
        json_auto_t *both = json_pack("{s:O, s:O}", "totals", totals, "connections", connections);
        return both ? output_json(both) : fail(STATUS_TROUBLE, "out of memory");
}
