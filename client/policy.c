/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Policies as mxcd has them: list, show and explain. */

#include "policy.h"
#include "bus.h"
#include "document.h"
#include "escape.h"
#include "names.h"
#include "nouns.h"
#include "objects.h"
#include "run.h"
#include "say.h"
#include "status.h"

#define DIGEST_SHOWN 12

DEFINE_CLEANUP(Table *, table_free);

static const char *text_at(const json_t *row, size_t i) {
        const char *s = json_string_value(json_array_get(row, i));
        return s ? s : "";
}

/* Rows of name, digest, source, error as objects. */
static json_t *named_rows(const json_t *rows) {
        json_auto_t *list = json_array();
        size_t i;
        json_t *row;
        json_array_foreach((json_t *)rows, i, row) {
                json_t *object = json_pack("{s:s, s:s, s:s, s:s}", "Name", text_at(row, 0), "Digest",
                                text_at(row, 1), "Source", text_at(row, 2), "Error", text_at(row, 3));
                if (!object || json_array_append_new(list, object) < 0)
                        return NULL;
        }
        return TAKE_PTR(list);
}

static int print_policies(const json_t *list) {
        static const Column columns[] = { { "POLICY" }, { "DIGEST" }, { "FROM" } };
        _cleanup_(table_freep) Table *t = table_new(columns, ELEMENTSOF(columns));
        size_t i;
        json_t *row;
        json_array_foreach((json_t *)list, i, row) {
                const char *error = member_text(row, "Error");
                table_add(t, member_text(row, "Name"), *error ? COLOUR_BAD : COLOUR_NONE);
                if (settings.full)
                        table_add(t, member_text(row, "Digest"), COLOUR_FAINT);
                else
                        table_addf(t, "%.*s", DIGEST_SHOWN, member_text(row, "Digest"));
                table_add(t, member_text(row, "Source"), COLOUR_NONE);
        }
        int status = table_print(t, "policy", "policies");
        json_array_foreach((json_t *)list, i, row) {
                const char *error = member_text(row, "Error");
                if (*error)
                        say("%s%s", error,
                                        *member_text(row, "Digest") ? " (the last good one stays in force)"
                                                                    : "");
        }
        return status;
}

int policy_list(const Verb *v, Options *o) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        json_auto_t *rows = NULL;
        int status;
        if (verb_words(v, o, 0, 0, &status) < 0)
                return status;
        status = bus_open(&bus);
        if (status == 0)
                status = bus_call_json(bus, MXC_BUS_PATH, MXC_IFACE_MANAGER, "ListPolicies", &rows, "");
        if (status != 0)
                return status;
        json_auto_t *list = named_rows(rows);
        if (!list)
                return fail(STATUS_TROUBLE, "out of memory");
        return settings.json != JSON_OFF ? output_json(list) : print_policies(list);
}

int policy_show(const Verb *v, Options *o) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        json_auto_t *text = NULL;
        int status;
        if (verb_words(v, o, 1, 1, &status) < 0)
                return status;
        status = bus_open(&bus);
        if (status == 0)
                status = bus_call_json(
                                bus, MXC_BUS_PATH, MXC_IFACE_MANAGER, "GetPolicy", &text, "s", o->argv[0]);
        if (status != 0)
                return status;
        json_auto_t *policy = json_is_string(text) ? json_loads(json_string_value(text),
                                                                     JSON_REJECT_DUPLICATES, NULL)
                                                   : NULL;
        if (!policy)
                return bus_not_understood();
        if (settings.json == JSON_OFF)
                settings.json = JSON_PRETTY; /* it is nothing else */
        return output_json(policy);
}

enum { EXPLAIN_VALUE = 1, EXPLAIN_PROTOCOL, EXPLAIN_PORT, EXPLAIN_WORKSPACE, EXPLAIN_FROM, EXPLAIN_AMOUNT };

const Option policy_explain_options[] = {
        { EXPLAIN_WORKSPACE, 'w', "workspace", "DIR",
                        "What ${workspace} is (default: the current directory)" },
        { EXPLAIN_PROTOCOL, '\0', "protocol", "NAME", "Of connect: tcp, udp or icmp (default: tcp)" },
        { EXPLAIN_PORT, '\0', "port", "NUMBER", "Of connect and publish" },
        { EXPLAIN_FROM, '\0', "from", "NUMBER", "Of publish: the sandbox's port (default: the same)" },
        { EXPLAIN_AMOUNT, '\0', "amount", "AMOUNT", "Of resource: how much, as in 4G, 200%, 2h or 512" },
        { EXPLAIN_VALUE, '\0', "value", "TEXT",
                        "Of env: what the variable is set to; of publish: owner or any" },
        { 0 },
};

typedef struct Question {
        const char *workspace, *value, *protocol, *amount;
        long port, from; /* -1: none */
} Question;

static int take_port(const Verb *v, const char *name, const char *value, long *ret) {
        char *end;
        *ret = strtol(value, &end, 10);
        if (!*value || *end || strspn(value, "0123456789") != strlen(value) || *ret > UINT16_MAX)
                return verb_misused(v, "--%s=%s: it is a number up to 65535", name, value);
        return 0;
}

static int take_question(const Verb *v, Question *q, int id, const char *value) {
        switch (id) {
        case EXPLAIN_WORKSPACE:
                q->workspace = value;
                break;
        case EXPLAIN_PROTOCOL:
                q->protocol = value;
                break;
        case EXPLAIN_VALUE:
                q->value = value;
                break;
        case EXPLAIN_AMOUNT:
                q->amount = value;
                break;
        case EXPLAIN_FROM:
                return take_port(v, "from", value, &q->from);
        default:
                return take_port(v, "port", value, &q->port);
        }
        return 0;
}

/* A path of the question, from the current directory on. NULL: out of memory, or it has none; the caller frees. */
static char *from_here(const char *path) {
        _cleanup_free_ char *cwd = getcwd(NULL, 0);
        char *whole = NULL;
        while (strncmp(path, "./", 2) == 0)
                path += 2;
        if (cwd && streq(path, "."))
                return TAKE_PTR(cwd);
        return cwd && asprintf(&whole, "%s/%s", cwd, path) >= 0 ? whole : NULL;
}

/* HOST:PORT, ADDRESS:PORT and [ADDRESS]:PORT in one word, as in the audit; an IPv6 address without brackets has no port in it. *ret_host is the
 * caller's to free. */
static int split_port(const Verb *v, const char *target, Question *q, char **ret_host) {
        bool bracketed = target[0] == '[';
        const char *end = bracketed ? strchr(target, ']') : strchr(target, ':');
        if (strstr(target, "://"))
                return verb_misused(v, "%s: it is a host, and its port, as in api.github.com:443", target);
        if (!end || (!bracketed && strchr(end + 1, ':')))
                return 0;
        size_t n = (size_t)(end - target) - bracketed;
        const char *port = end + bracketed;
        if (*port && *port != ':')
                return verb_misused(v, "%s: it is HOST:PORT or [ADDRESS]:PORT", target);
        if (*port && q->port >= 0)
                return verb_misused(v, "%s: --port says another port", target);
        *ret_host = strndup(target + bracketed, n);
        if (!*ret_host)
                return fail(STATUS_TROUBLE, "out of memory");
        return *port ? take_question(v, q, EXPLAIN_PORT, port + 1) : 0;
}

static int parse_amount(const char *resource, const char *text, uint64_t *ret) {
        int r = policy_amount_parse(resource, text, ret);
        if (r == -ENOENT)
                return fail(STATUS_TROUBLE,
                                "--amount is of a resource, such as memoryMax, tasksMax or runtimeMax: see "
                                "mxc-policy(5)");
        return r < 0 ? fail(STATUS_TROUBLE, "--amount=%s: %s is not said so: see mxc-policy(5)", text,
                                       resource)
                     : 0;
}

static int ask(const Question *q, char *const *words, size_t n_words, json_t **ret) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_free_ char *workspace = NULL, *document = NULL;
        BusOption options[7];
        size_t n = 0;
        uint64_t amount = 0;
        int r = q->amount ? parse_amount(n_words > 2 ? words[2] : "", q->amount, &amount) : 0;
        if (r != 0)
                return r;
        r = workspace_resolve(q->workspace, &workspace);
        if (r < 0)
                return fail(STATUS_TROUBLE, "cannot find the workspace %s: %s",
                                q->workspace ? q->workspace : ".", strerror(-r));
        if (policy_is_file(words[0]) && document_read_policy(words[0], &document) < 0)
                return STATUS_TROUBLE;
        options[n++] = (BusOption){ .key = "workspace", .text = workspace };
        if (n_words > 2)
                options[n++] = (BusOption){ .key = "target", .text = words[2] };
        if (q->value)
                options[n++] = (BusOption){ .key = "value", .text = q->value };
        if (q->protocol)
                options[n++] = (BusOption){ .key = "protocol", .text = q->protocol };
        if (q->port >= 0)
                options[n++] = (BusOption){ .key = "port", .type = 'q', .number = (uint64_t)q->port };
        if (q->from >= 0)
                options[n++] = (BusOption){ .key = "from", .type = 'q', .number = (uint64_t)q->from };
        if (q->amount)
                options[n++] = (BusOption){ .key = "amount", .type = 't', .number = amount };
        int status = bus_open(&bus);
        if (status != 0)
                return status;
        return bus_call_options(bus, MXC_BUS_PATH, MXC_IFACE_MANAGER, "Explain", ret,
                        (const char *const[]){ document ? document : words[0], words[1], NULL }, options, n);
}

/* Whose clause it is that decided. NULL: out of memory; the caller frees. */
static char *decider(const json_t *d) {
        const char *bound = member_text(d, "bound"), *policy = member_text(d, "policy");
        char *text = NULL;
        if (streq(bound, "ceiling"))
                return strdup("the ceiling of this host");
        if (streq(bound, "agent"))
                return strdup("the agent's own policy");
        if (!*policy)
                return strdup("this document");
        return asprintf(&text, "policy %s", policy) < 0 ? NULL : text;
}

static int print_decision(
                const json_t *d, const char *action, const char *target, const char *amount, bool allowed) {
        _cleanup_free_ char *what = escape_text(target), *clause = escape_text(member_text(d, "clause")),
                            *sentence = escape_text(member_text(d, "sentence")), *who = decider(d),
                            *by = who ? escape_text(who) : NULL;
        Colour colour = allowed ? COLOUR_GOOD : COLOUR_BAD;
        printf("%s%s%s: %s%s%s%s%s\n", colour_begin(colour), allowed ? "allowed" : "denied",
                        colour_end(colour), action, *target ? " " : "", what ? what : "?", amount ? " " : "",
                        amount ? amount : ""); /* which could be read, so it is plain */
        printf("  by %s%s%s%s\n", clause && *clause ? "clause " : "", clause ? clause : "",
                        clause && *clause ? " of " : "", by ? by : "?");
        if (sentence && *sentence)
                printf("  %s\n", sentence);
        return pager_close(); /* there is none; it tells of what cannot be written */
}

/* What would say nothing is a mistake. */
static int check_options(const Verb *v, const Question *q, const char *action, bool has_target) {
        const bool connects = streq(action, "connect"), publishes = streq(action, "publish");
        if (q->protocol && !connects)
                return verb_misused(v, "--protocol is of connect");
        if (q->port >= 0 && !connects && !publishes)
                return verb_misused(v, "--port is of connect and publish");
        if (q->from >= 0 && !publishes)
                return verb_misused(v, "--from is of publish");
        if (q->value && !publishes && !streq(action, "env"))
                return verb_misused(v, "--value is of env and publish");
        if (has_target && streq(action, "spawn"))
                return verb_misused(v, "spawn is asked about without a target");
        return 0;
}

static void say_nearest_call(const char *typed) {
        const char *names[SYSCALL_WORDS * 64 + 1] = { NULL };
        memcpy(names, syscall_table, n_syscall_table * sizeof(char *));
        const char *near = syscall_index(typed) < 0 ? nearest_name(typed, names) : NULL;
        if (near)
                say("did you mean %s?", near);
}

static bool is_about_path(const char *action) {
        return streq(action, "read") || streq(action, "write") || streq(action, "exec");
}

int policy_explain(const Verb *v, Options *o) {
        Question q = { .port = -1, .from = -1 };
        json_auto_t *decision = NULL;
        int id, status;
        while ((id = verb_next(v, o, &status)) > 0) {
                status = take_question(v, &q, id, o->value);
                if (status != 0)
                        return status;
        }
        if (id < 0)
                return status;
        if (o->n_words < 2 || o->n_words > 3)
                return verb_misused(v, "it takes %s", v->arguments);
        _cleanup_free_ char *host = NULL, *path = NULL;
        char *words[3] = { o->argv[0], o->argv[1], o->n_words > 2 ? o->argv[2] : NULL };
        if (streq(words[1], "publish") && words[2] && strspn(words[2], "0123456789") == strlen(words[2])) {
                status = take_question(v, &q, EXPLAIN_PORT, words[2]);
                if (status != 0)
                        return status;
                words[2] = (char *)"127.0.0.1";
        } else if ((streq(words[1], "connect") || streq(words[1], "publish")) && words[2]) {
                status = split_port(v, words[2], &q, &host);
                if (status != 0)
                        return status;
                words[2] = host ? host : words[2];
        } else if (is_about_path(words[1]) && words[2] && words[2][0] != '/') {
                path = from_here(words[2]);
                if (!path)
                        return fail(STATUS_TROUBLE, "cannot tell where %s is", words[2]);
                words[2] = path;
        }
        status = check_options(v, &q, words[1], words[2]);
        if (status == 0)
                status = ask(&q, words, o->n_words, &decision);
        if (status == STATUS_NO && words[2] && streq(words[1], "syscall"))
                say_nearest_call(words[2]);
        if (status != 0)
                return status == STATUS_NO ? STATUS_TROUBLE : status; /* no answer is not the answer no */
        bool allowed = streq(member_text(decision, "verdict"), "allow");
        if (settings.json != JSON_OFF)
                status = output_json(decision);
        else
                status = print_decision(
                                decision, o->argv[1], o->n_words > 2 ? o->argv[2] : "", q.amount, allowed);
        return status != 0 ? status : allowed ? STATUS_OK : STATUS_NO;
}
