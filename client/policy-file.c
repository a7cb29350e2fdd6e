/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Policies as files: check and diff. Both work with the same parser and algebra that mxcd has, and without mxcd as far as they can. */

#include "bus.h"
#include "document.h"
#include "escape.h"
#include "names.h"
#include "nouns.h"
#include "objects.h"
#include "policy-diff.h"
#include "policy.h"
#include "run.h"
#include "say.h"
#include "status.h"

DEFINE_CLEANUP(Policy *, policy_unref);

static json_t *load_document(const char *directory, int n, const char *below, const char *name) {
        _cleanup_free_ char *path = NULL;
        if (asprintf(&path, "%.*s%s/%s.json", n, directory, below, name) < 0) {
                path = NULL;
                return NULL;
        }
        return json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
}

/* What extends names, from where mxcd takes it; and, for files that are on their way there, from beside the file. */
static json_t *lookup(const char *name, void *userdata) {
        static const char *const directories[] = { MXC_RUN_DIR, MXC_ETC_DIR,
                MXC_LIBDIR }; /* the first that has it */
        const char *file = userdata, *slash = strrchr(file, '/');
        json_t *document = NULL;
        for (size_t i = 0; !document && i < ELEMENTSOF(directories); i++)
                document = load_document(directories[i], (int)strlen(directories[i]), "/policies", name);
        if (!document)
                document = slash ? load_document(file, (int)(slash - file), "", name)
                                 : load_document(".", 1, "", name);
        return document;
}

/* One thing that is wrong with a file, as compilers say it and editors understand it. */
static void print_finding(const char *file, const json_t *finding) {
        _cleanup_free_ char *name = escape_text(file),
                            *pointer = escape_text(member_text(finding, "pointer")),
                            *sentence = escape_text(member_text(finding, "sentence")),
                            *severity = escape_text(member_text(finding, "severity"));
        printf("%s:", name ? name : "?");
        if (member_number(finding, "line") > 0)
                printf("%" JSON_INTEGER_FORMAT ":%" JSON_INTEGER_FORMAT ":",
                                (json_int_t)member_number(finding, "line"),
                                (json_int_t)member_number(finding, "column"));
        printf(" %s%s:%s %s%s%s\n", colour_begin(COLOUR_BAD), severity && *severity ? severity : "error",
                        colour_end(COLOUR_BAD), pointer ? pointer : "", pointer && *pointer ? ": " : "",
                        sentence ? sentence : "?");
}

/* To be asked for by its name it has to be in a file of that name, which a document that is handed in need not be. */
static void note_name(const char *file, const Policy *p) {
        const char *slash = strrchr(file, '/'), *base = slash ? slash + 1 : file;
        size_t n = p->name ? strlen(p->name) : 0;
        if (n > 0 && !streq(file, "-") && (strncmp(base, p->name, n) != 0 || !streq(base + n, ".json")))
                say("%s: it says that it is called %s: it can be installed as %s.json, and under no other "
                    "name",
                                file, p->name, p->name);
}

/* Appends to findings what is wrong with the text itself. */
static int check_text(const char *file, const char *text, size_t size, json_t *findings) {
        _cleanup_(policy_unrefp) Policy *p = NULL;
        PolicyError error = { 0 };
        int r = policy_parse(text, size, lookup, (void *)file, &p, &error);
        if (r == -EINVAL) {
                json_t *finding = json_pack("{s:s, s:s, s:i, s:i, s:s}", "severity", "error", "pointer",
                                error.pointer, "line", error.line, "column", error.column, "sentence",
                                error.sentence);
                r = finding && json_array_append_new(findings, finding) == 0 ? 0 : -ENOMEM;
        } else if (r == 0)
                note_name(file, p);
        policy_error_clear(&error);
        return r;
}

/* Appends what mxcd finds beyond that: it knows the ceiling. A status. */
static int check_with_daemon(sd_bus *bus, const char *text, json_t *findings) {
        json_auto_t *found = NULL;
        int status = bus_call_json(bus, MXC_BUS_PATH, MXC_IFACE_MANAGER, "CheckPolicy", &found, "s", text);
        if (status == 0 && json_array_extend(findings, found) < 0)
                return fail(STATUS_TROUBLE, "out of memory");
        return status;
}

static int check_file(sd_bus *bus, const char *file, json_t *results) {
        _cleanup_free_ char *text = NULL;
        json_auto_t *findings = json_array();
        size_t size;
        if (document_read(file, &text, &size) < 0)
                return STATUS_TROUBLE;
        if (!findings || check_text(file, text, size, findings) < 0)
                return fail(STATUS_TROUBLE, "out of memory");
        int status = bus && json_array_size(findings) == 0 ? check_with_daemon(bus, text, findings) : 0;
        if (status != 0)
                return status;
        size_t i;
        json_t *finding;
        bool good = json_array_size(findings) == 0;
        if (settings.json == JSON_OFF)
                json_array_foreach(findings, i, finding)
                        print_finding(file, finding);
        json_t *result = json_pack("{s:s, s:b, s:b, s:O}", "file", file, "good", good, "ceiling",
                        bus != NULL, "findings", findings);
        if (!result || json_array_append_new(results, result) < 0)
                return fail(STATUS_TROUBLE, "out of memory, or a name that is not UTF-8");
        return good ? STATUS_OK : STATUS_NO;
}

int policy_check(const Verb *v, Options *o) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        json_auto_t *results = json_array();
        int status, worst = 0;
        if (verb_words(v, o, 1, SIZE_MAX, &status) < 0)
                return status;
        if (bus_open_quietly(&bus) < 0 ||
                        sd_bus_call_method(bus, MXC_BUS_NAME, MXC_BUS_PATH, "org.freedesktop.DBus.Peer",
                                        "Ping", NULL, NULL, "") < 0) {
                bus = sd_bus_flush_close_unref(bus);
                say("mxcd cannot be asked: only the files themselves are checked, not whether this host "
                    "allows as much");
        }
        for (size_t i = 0; i < o->n_words; i++) {
                status = check_file(bus, o->argv[i], results);
                worst = status > worst ? status : worst;
        }
        if (settings.json == JSON_OFF && worst == STATUS_OK)
                printf("%s\n", o->n_words == 1 ? "It is good." : "All of them are good.");
        status = settings.json == JSON_OFF ? pager_close() /* there is none */
                 : worst != STATUS_TROUBLE ? output_json(results)
                                           : 0;
        return status > worst ? status : worst;
}

/* A policy by name or from a file. */
static int load(const char *name, sd_bus **bus, Policy **ret) {
        _cleanup_free_ char *text = NULL;
        json_auto_t *canonical = NULL;
        size_t size = 0;
        int status = 0;
        if (policy_is_file(name)) {
                if (document_read(name, &text, &size) < 0)
                        return STATUS_TROUBLE;
        } else {
                status = *bus ? 0 : bus_open(bus);
                if (status == 0)
                        status = bus_call_json(*bus, MXC_BUS_PATH, MXC_IFACE_MANAGER, "GetPolicy",
                                        &canonical, "s", name);
                if (status != 0)
                        return STATUS_TROUBLE;
                text = strdup(json_is_string(canonical) ? json_string_value(canonical) : "");
                size = text ? strlen(text) : 0;
        }
        PolicyError error = { 0 };
        int r = text ? policy_parse(text, size, lookup, (void *)name, ret, &error) : -ENOMEM;
        if (r < 0)
                status = fail(STATUS_TROUBLE, "%s:%d:%d: %s: %s", name, error.line, error.column,
                                error.pointer ? error.pointer : "",
                                error.sentence ? error.sentence : strerror(-r));
        policy_error_clear(&error);
        return status;
}

static void print_difference(const json_t *entry) {
        bool gone = json_object_get(entry, "old") != NULL;
        const json_t *value = json_object_get(entry, gone ? "old" : "new");
        char *dumped = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        _cleanup_free_ char *shown = dumped ? escape_text(dumped) : NULL,
                            *pointer = escape_text(member_text(entry, "pointer"));
        free(dumped);
        printf("%s%c %s: %s%s\n", colour_begin(gone ? COLOUR_BAD : COLOUR_GOOD), gone ? '-' : '+',
                        pointer ? pointer : "?", shown ? shown : "?", colour_end(COLOUR_GOOD));
}

static int print_diff(const json_t *differences, const Widening *w, bool within) {
        size_t i;
        json_t *entry;
        if (settings.json != JSON_OFF) {
                json_auto_t *all = json_pack("{s:b, s:s*, s:s*, s:O}", "wider", !within, "clause", w->clause,
                                "sentence", w->sentence, "differences", (json_t *)differences);
                return all ? output_json(all) : fail(STATUS_TROUBLE, "out of memory");
        }
        pager_open();
        json_array_foreach((json_t *)differences, i, entry)
                print_difference(entry);
        _cleanup_free_ char *clause = escape_text(w->clause ? w->clause : ""),
                            *sentence = escape_text(w->sentence ? w->sentence : "");
        if (within)
                printf("%s\n", json_array_size(differences) == 0
                                                ? "Both are the same."
                                                : "The new one allows nothing that the old one does not.");
        else
                printf("%sThe new one is wider:%s %s: %s\n", colour_begin(COLOUR_BAD),
                                colour_end(COLOUR_BAD), clause ? clause : "?", sentence ? sentence : "?");
        return pager_close();
}

int policy_diff(const Verb *v, Options *o) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(policy_unrefp) Policy *old = NULL, *new = NULL;
        Widening w = { 0 };
        int status;
        if (verb_words(v, o, 2, 2, &status) < 0)
                return status;
        status = load(o->argv[0], &bus, &old);
        if (status == 0)
                status = load(o->argv[1], &bus, &new);
        if (status != 0)
                return status;
        json_auto_t *before = policy_to_json(old), *after = policy_to_json(new);
        static const char *const names[] = { "name",
                "description" }; /* what they are called is not what they allow */
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                (void)json_object_del(before, names[i]); /* it may not be there */
                (void)json_object_del(after, names[i]);
        }
        json_auto_t *differences = before && after ? policy_diff_documents(before, after) : NULL;
        if (!differences)
                return fail(STATUS_TROUBLE, "out of memory");
        bool within = policy_within(new, old, &w);
        status = print_diff(differences, &w, within);
        widening_clear(&w);
        return status != 0 ? status : within ? STATUS_OK : STATUS_NO;
}
