/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mxcd itself: status, reload and dump. */

#include <fcntl.h>
#include <inttypes.h>

#include "bus.h"
#include "escape.h"
#include "names.h"
#include "nouns.h"
#include "objects.h"
#include "say.h"
#include "status.h"

/* What a feature is good for. Those that a newer mxcd tells of are shown without. */
static const struct {
        const char *name, *meaning;
} features[] = {
        { "launcher", "mxc-launch answers" },
        { "landlock", "files and ports once more by the kernel's own rules" },
        { "seccomp", "system calls" },
        { "guard", "denied names stay denied when they are replaced or linked: BPF LSM" },
        { "mediate", "the same where BPF LSM does not load: the first process of a sandbox looks at "
                     "calls" },
        { "memory", "memoryMax is kept" },
        { "cpu", "cpuQuota and cpuWeight are kept" },
        { "io", "ioWeight is kept" },
        { "pids", "tasksMax is kept" },
        { "cgroup-kill", "everything of a sandbox ends at one stroke" },
        { "sk-lookup", "connections of a sandbox can be led to its relay" },
        { "relay", "there is a user for relays to run as; with sk-lookup, policies may open a network" },
        { "resolver", "names can be looked up for sandboxes: /etc/resolv.conf has a server" },
        { "refuse", "what a sandbox does not reach, the kernel refuses at once" },
        { "audit", "records can be made; without it nothing runs" },
        { "tiers", "the walls that can be built" },
};

static const char *meaning_of(const char *feature) {
        for (size_t i = 0; i < ELEMENTSOF(features); i++)
                if (streq(features[i].name, feature))
                        return features[i].meaning;
        return "";
}

static void add_feature(Table *t, const char *name, const json_t *value) {
        table_addf(t, "  %s", name);
        if (json_is_boolean(value) || json_integer_value(value) == 0)
                table_add(t, json_is_true(value) ? "yes" : "no",
                                json_is_true(value) ? COLOUR_GOOD : COLOUR_BAD);
        else
                table_addf(t, "ABI %" JSON_INTEGER_FORMAT, json_integer_value(value));
        table_add(t, *meaning_of(name) ? meaning_of(name) : " ", COLOUR_NONE);
}

static void add_word_feature(Table *t, const char *name, const json_t *value) {
        _cleanup_free_ char *words =
                        json_is_array(value) ? words_shown(value) : json_dumps(value, JSON_ENCODE_ANY);
        table_addf(t, "  %s", name);
        table_add(t, words, COLOUR_GOOD);
        table_add(t, *meaning_of(name) ? meaning_of(name) : " ", COLOUR_NONE);
}

static int print_status(const json_t *properties) {
        static const Column columns[] = { { "" }, { "" }, { "" } };
        const json_t *all = json_object_get(properties, "Features");
        Table *t = table_new(columns, ELEMENTSOF(columns));
        const char *name;
        json_t *value;
        pager_open();
        _cleanup_free_ char *version = escape_text(member_text(properties, "Version"));
        const uint64_t n = member_number(properties, "NSandboxes");
        printf("mxcd %s%s%s, %" PRIu64 " sandbox%s\nWhat this host can enforce:\n", version ? version : "?",
                        settings.host ? " of " : "", settings.host ? settings.host : "", n,
                        n == 1 ? "" : "es");
        json_object_foreach((json_t *)all, name, value)
                if (json_is_boolean(value) || json_is_integer(value))
                        add_feature(t, name, value);
                else
                        add_word_feature(t, name, value);
        settings.no_legend = true;
        table_flush(t);
        (void)table_free(t);
        return pager_close();
}

int show_status(const Verb *v, Options *o) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        json_auto_t *properties = NULL;
        int status;
        if (verb_words(v, o, 0, 0, &status) < 0)
                return status;
        status = bus_open(&bus);
        if (status == 0)
                status = bus_properties(bus, MXC_BUS_PATH, MXC_IFACE_MANAGER, &properties);
        if (status != 0)
                return status;
        return settings.json != JSON_OFF ? output_json(properties) : print_status(properties);
}

int reload_daemon(const Verb *v, Options *o) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        json_auto_t *files = NULL;
        int status;
        if (verb_words(v, o, 0, 0, &status) < 0)
                return status;
        status = bus_open(&bus);
        if (status == 0)
                status = bus_call_json(bus, MXC_BUS_PATH, MXC_IFACE_MANAGER, "Reload", &files, "");
        if (status != 0)
                return status;
        size_t i, n_bad = 0;
        json_t *row;
        json_array_foreach(files, i, row) {
                const char *path = json_string_value(json_array_get(row, 0)),
                           *error = json_string_value(json_array_get(row, 1));
                if (path && error && *error) {
                        say("%s", error);
                        n_bad++;
                }
        }
        if (settings.json != JSON_OFF)
                return output_json(files) != 0 ? STATUS_TROUBLE : n_bad > 0 ? STATUS_NO : STATUS_OK;
        return n_bad > 0 ? fail(STATUS_NO, "where a file is bad, the last good one stays in force")
                         : STATUS_OK;
}

/* Line by line: what agents chose stands in it. */
static void print_lines(FILE *f) {
        _cleanup_free_ char *line = NULL;
        size_t size = 0;
        for (ssize_t n; (n = getline(&line, &size, f)) > 0;) {
                if (line[n - 1] == '\n')
                        line[n - 1] = '\0';
                _cleanup_free_ char *safe = escape_text(line);
                puts(safe ? safe : "?");
        }
}

int dump_daemon(const Verb *v, Options *o) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int status, fd;
        if (verb_words(v, o, 0, 0, &status) < 0)
                return status;
        status = settings.host ? fail(STATUS_TROUBLE,
                                                 "a descriptor does not travel through ssh; use ssh %s "
                                                 "mxcctl dump",
                                                 settings.host)
                               : bus_open(&bus);
        if (status == 0)
                status = bus_call(bus, MXC_BUS_PATH, MXC_IFACE_MANAGER, "Dump", &m, "");
        if (status != 0)
                return status;
        if (sd_bus_message_read(m, "h", &fd) < 0)
                return bus_not_understood();
        _cleanup_close_ int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        _cleanup_fclose_ FILE *f = copy >= 0 && lseek(copy, 0, SEEK_SET) == 0 ? fdopen(copy, "re") : NULL;
        if (!f)
                return fail(STATUS_TROUBLE, "cannot read what mxcd sent: %s", strerror(errno));
        (void)TAKE_FD(copy); /* f's now */
        pager_open();
        print_lines(f);
        return pager_close();
}
