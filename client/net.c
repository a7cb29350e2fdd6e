/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* net: what a sandbox reaches, how much of it, and what it is refused. */

#include <time.h>

#include "again.h"
#include "bus.h"
#include "cleanup.h"
#include "grant.h"
#include "names.h"
#include "nouns.h"
#include "objects.h"
#include "say.h"
#include "status.h"
#include "when.h"

#define BELOW 6U /* lines that are not connections: the heading, the count, the sums, and the cursor's */

DEFINE_CLEANUP(Table *, table_free);

enum { NET_FOLLOW = 1, NET_DELAY };
const Option net_options[] = {
        { NET_FOLLOW, 'f', "follow", NULL,
                        "Show it again and again, until q is pressed or the sandbox is over" },
        { NET_DELAY, 'd', "delay", "SPAN", "With --follow: look again after this long (default: 1s)" },
        { 0 },
};

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
        table_add_bytes(t, streq(state, "open") ? member_number(c, "BytesOut") : TABLE_UNKNOWN);
        table_add_bytes(t, streq(state, "open") ? member_number(c, "BytesIn") : TABLE_UNKNOWN);
        table_add(t, *clause ? clause : member_text(c, "Reason"), COLOUR_NONE);
}

/* Lines beyond rows are left out, so that the sums are seen. */
static int print_table(const json_t *totals, const json_t *connections, size_t rows) {
        static const Column columns[] = { { "STATE" }, { "TARGET" }, { "ADDRESS" }, { "AGE", .right = true },
                { "TIMES", .right = true }, { "OUT", .right = true }, { "IN", .right = true }, { "BY" } };
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
                if (i < rows)
                        add_connection(t, c, (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
        int status = table_print(t, "line", "lines");
        if (!settings.no_legend)
                printf("Allowed so far: %llu, refused: %llu; what is over had %llu bytes out, %llu in.\n",
                                (unsigned long long)member_number(totals, "Allowed"),
                                (unsigned long long)member_number(totals, "Refused"),
                                (unsigned long long)member_number(totals, "BytesOut"),
                                (unsigned long long)member_number(totals, "BytesIn"));
        if (!json_is_true(json_object_get(totals, "Live")))
                puts("Its relay does not answer: what is open is as it was last heard of.");
        return status;
}

static int print(json_t *answer, size_t rows) {
        json_t *totals = json_array_get(answer, 0), *connections = json_array_get(answer, 1);
        if (!totals || !connections)
                return bus_not_understood();
        if (settings.json == JSON_OFF)
                return print_table(totals, connections, rows);
        json_auto_t *both = json_pack("{s:O, s:O}", "totals", totals, "connections", connections);
        return both ? output_json(both) : fail(STATUS_TROUBLE, "out of memory");
}

/* Until q is pressed, nobody reads it any more, or the sandbox is over. */
static int follow(sd_bus *bus, const char *path, Again *again) {
        int status = 0;
        for (bool first = true; status == 0; first = false) {
                json_auto_t *answer = NULL;
                status = first ? bus_call_json(bus, path, MXC_IFACE_SANDBOX, "ListConnections", &answer, "")
                               : bus_call_while_there(bus, path, "ListConnections", &answer);
                if (status != 0 || !answer)
                        break;
                if (!first && !again->interactive && settings.json == JSON_OFF)
                        putchar('\n');
                const size_t rows = again_begin(again);
                status = print(answer, rows > BELOW ? rows - BELOW : rows);
                if (fflush(stdout) != 0 || ferror(stdout) || again_wait(again, again->delay, "") == 'q')
                        break;
        }
        again_end(again);
        return status;
}

static int show(sd_bus *bus, const char *path) {
        json_auto_t *answer = NULL;
        int status = bus_call_json(bus, path, MXC_IFACE_SANDBOX, "ListConnections", &answer, "");
        return status != 0 ? status : print(answer, SIZE_MAX);
}

int net_show(const Verb *v, Options *o) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_free_ char *path = NULL;
        Again again = { .delay = 1000000 };
        bool again_and_again = false;
        int id, status;
        while ((id = verb_next(v, o, &status)) > 0) {
                status = id == NET_DELAY ? again_take_delay(&again, v, o->value) : 0;
                if (status != 0)
                        return status;
                again_and_again = again_and_again || id == NET_FOLLOW;
        }
        if (id < 0)
                return status;
        if (o->n_words != 1)
                return verb_misused(v, "which sandbox? One");
        status = bus_open(&bus);
        if (status == 0)
                status = bus_sandbox_path(bus, o->argv[0], &path);
        if (status != 0 || !again_and_again)
                return status != 0 ? status : show(bus, path);
        settings.no_pager = true;
        again.interactive = settings.json == JSON_OFF && again_is_interactive();
        return follow(bus, path, &again);
}
