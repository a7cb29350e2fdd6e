/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The audit as the journal has it. Any process can write a field called MXC_AGENT: what counts is that journald says of a record that it
 * came from root and from mxcd's unit, which no process can say of itself. */

#include <systemd/sd-id128.h>
#include <systemd/sd-journal.h>
#include <time.h>

#include "audit-event.h"
#include "audit-row.h"
#include "cleanup.h"
#include "names.h"
#include "nouns.h"
#include "objects.h"
#include "sandbox-name.h"
#include "say.h"
#include "status.h"
#include "table.h"
#include "when.h"

#define FOLLOW_LINES 10U /* shown before new ones */
#define FLUSH_ROWS 500U

DEFINE_CLEANUP(Table *, table_free);

enum {
        AUDIT_SINCE = 1,
        AUDIT_UNTIL,
        AUDIT_OPTION_DECISION,
        AUDIT_OPTION_EVENT,
        AUDIT_OPTION_TARGET,
        AUDIT_OPTION_SANDBOX,
        AUDIT_FOLLOW,
        AUDIT_LINES,
        AUDIT_DIRECTORY
};

const Option audit_options[] = {
        { AUDIT_SINCE, 'S', "since", "TIME", "From then on: 2026-01-31 14:05, 14:05, yesterday, -2h" },
        { AUDIT_UNTIL, 'U', "until", "TIME", "Up to then" },
        { AUDIT_OPTION_DECISION, 'd', "decision", "DECISION",
                        "allow, deny, or none, where nothing was to be decided" },
        { AUDIT_OPTION_EVENT, 'e', "event", "EVENT[,…]", "spawn, exit, kill and so on: see mxcd(8)" },
        { AUDIT_OPTION_TARGET, 't', "target", "PATTERN",
                        "What it was about: a word in it, or a pattern with *" },
        { AUDIT_OPTION_SANDBOX, 's', "sandbox", "ID", "Of this sandbox; the beginning of its id will do" },
        { AUDIT_FOLLOW, 'f', "follow", NULL, "Show the last ones, and go on with new ones" },
        { AUDIT_LINES, 'n', "lines", "N", "The last N only" },
        { AUDIT_DIRECTORY, 'D', "directory", "DIR",
                        "Read the journals in DIR, merged, and not this machine's" },
        { 0 },
};

typedef struct Query {
        uint64_t since, until; /* 0: open */
        uint64_t lines;        /* 0: all */
        bool follow;
        const char *directory;
        AuditFilter filter;
        char *const *agents; /* any of them; borrowed */
        size_t n_agents;
        sd_journal *journal;
        Table *table; /* NULL: JSON */
        size_t shown;
} Query;

static uint64_t now_usec(void) {
        struct timespec t = { 0 };
        (void)clock_gettime(CLOCK_REALTIME, &t); /* cannot fail */
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* The parts of the query that the journal's own index answers are kept until it is open. */
typedef struct Matches {
        char *words[64]; /* FIELD=value */
        size_t n;
} Matches;

static void matches_clear(Matches *m) {
        for (size_t i = 0; i < m->n; i++)
                free(m->words[i]);
        m->n = 0;
}

static int match(Matches *m, const char *field, const char *value, size_t n) {
        if (m->n == ELEMENTSOF(m->words))
                return -E2BIG;
        if (asprintf(&m->words[m->n], "%s=%.*s", field, (int)n, value) < 0)
                return -ENOMEM;
        m->n++;
        return 0;
}

static bool event_is_known(const char *word, size_t n) {
        static const char *const words[] = {
#define X(name, word, id, text) word,
                AUDIT_EVENTS(X)
#undef X
        };
        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (strlen(words[i]) == n && memcmp(words[i], word, n) == 0)
                        return true;
        return false;
}

static int take_events(const Verb *v, Matches *m, const char *value) {
        const char *p = value;
        do { /* of an empty one as well: what asks for nothing in particular shows all */
                size_t n = strcspn(p, ",");
                if (!event_is_known(p, n))
                        return verb_misused(v, "--event=%.*s: there is no such event; mxcd(8) has them all",
                                        (int)n, p);
                if (match(m, AUDIT_EVENT, p, n) < 0)
                        return verb_misused(v, "that is too much to ask for at once");
                p += n;
        } while (*p++ == ',');
        return 0;
}

static int take_time(const Verb *v, const char *name, const char *value, uint64_t *ret) {
        if (when_parse(value, now_usec(), ret) < 0)
                return verb_misused(v,
                                "--%s=%s: a time is like 2026-01-31 14:05:06, 14:05, yesterday, -2h or "
                                "@SECONDS",
                                name, value);
        return 0;
}

static int take_lines(const Verb *v, const char *value, uint64_t *ret) {
        char *end;
        *ret = strtoull(value, &end, 10);
        if (!*value || *end || strspn(value, "0123456789") != strlen(value) || *ret == 0)
                return verb_misused(v, "--lines=%s: it is a number from 1", value);
        return 0;
}

static int take_decision(const Verb *v, Matches *m, const char *value) {
        if (!streq(value, "allow") && !streq(value, "deny") && !streq(value, "none"))
                return verb_misused(v, "--decision=%s: it is allow, deny or none", value);
        return match(m, AUDIT_DECISION, value, strlen(value)) < 0 ? fail(STATUS_TROUBLE, "out of memory")
                                                                  : 0;
}

static int take_option(const Verb *v, Query *q, Matches *m, int id, const char *value) {
        switch (id) {
        case AUDIT_SINCE:
                return take_time(v, "since", value, &q->since);
        case AUDIT_UNTIL:
                return take_time(v, "until", value, &q->until);
        case AUDIT_OPTION_DECISION:
                return take_decision(v, m, value);
        case AUDIT_OPTION_EVENT:
                return take_events(v, m, value);
        case AUDIT_OPTION_TARGET:
                q->filter.target = value;
                break;
        case AUDIT_OPTION_SANDBOX:
                if (!*value) /* the beginning of every id */
                        return verb_misused(v, "--sandbox=: it is an id, or the beginning of one");
                q->filter.sandbox = sandbox_id_of(value);
                break;
        case AUDIT_FOLLOW:
                q->follow = true;
                break;
        case AUDIT_LINES:
                return take_lines(v, value, &q->lines);
        default:
                q->directory = value;
        }
        return 0;
}

static int read_row(const Query *q, json_t **ret) {
        uint64_t usec;
        _cleanup_free_ char *cursor = NULL;
        int r = sd_journal_get_realtime_usec(q->journal, &usec);
        if (r < 0)
                return r;
        (void)sd_journal_get_cursor(q->journal, &cursor); /* a row without one is still a row */
        json_auto_t *row = audit_row_new(usec, cursor);
        if (!row)
                return -ENOMEM;
        const void *data;
        size_t size;
        SD_JOURNAL_FOREACH_DATA(q->journal, data, size) {
                r = audit_row_add(row, data, size);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(row);
        return 0;
}

static Colour colour_of_decision(const char *decision) {
        return streq(decision, "deny") ? COLOUR_BAD : streq(decision, "allow") ? COLOUR_GOOD : COLOUR_FAINT;
}

static void show_in_table(Query *q, const json_t *row) {
        char buffer[WHEN_SIZE];
        _cleanup_free_ char *detail = audit_row_detail(row),
                            *for_whom = audit_row_for_whom(row, !q->directory);
        const char *decision = member_text(row, "decision"), *id = member_text(row, "sandbox");
        table_add(q->table, when_format_short(buffer, audit_row_time(row)), COLOUR_NONE);
        table_add(q->table, member_text(row, "event"), COLOUR_NONE);
        table_add(q->table, decision, colour_of_decision(decision));
        table_add(q->table, member_text(row, "agent"), COLOUR_NONE);
        if (settings.full)
                table_add(q->table, id, COLOUR_NONE);
        else
                table_addf(q->table, "%.*s", SANDBOX_ID_SHOWN, id);
        table_add(q->table, for_whom, COLOUR_NONE);
        table_add(q->table, detail, COLOUR_NONE);
}

static void show(Query *q, const json_t *row) {
        q->shown++;
        if (q->table)
                show_in_table(q, row);
        else
                output_json_line(row);
        if (q->table && q->shown % FLUSH_ROWS == 0)
                table_flush(q->table);
}

/* The row that the journal stands at, where it is wanted. */
static int wanted_row(const Query *q, json_t **ret) {
        json_auto_t *row = NULL;
        int r = read_row(q, &row);
        if (r < 0)
                return r == -EBADMSG || r == -EADDRNOTAVAIL
                                       ? 0
                                       : r; /* what is damaged is passed over, as journalctl does */
        if (!audit_row_is_record(row) || !audit_row_matches(row, &q->filter))
                return 0;
        *ret = TAKE_PTR(row);
        return 1;
}

/* Stands before the first row to show. */
static int seek(Query *q) {
        uint64_t lines = q->lines;
        if (q->follow && lines == 0 && q->since == 0)
                lines = FOLLOW_LINES;
        if (lines == 0)
                return q->since > 0 ? sd_journal_seek_realtime_usec(q->journal, q->since)
                                    : sd_journal_seek_head(q->journal);
        int r = q->until > 0 ? sd_journal_seek_realtime_usec(q->journal, q->until)
                             : sd_journal_seek_tail(q->journal);
        while (r >= 0 && lines > 0) {
                json_auto_t *row = NULL;
                uint64_t usec;
                r = sd_journal_previous(q->journal);
                if (r <= 0)
                        return r < 0 ? r : sd_journal_seek_head(q->journal);
                if (sd_journal_get_realtime_usec(q->journal, &usec) >= 0 && q->since > 0 && usec < q->since)
                        return sd_journal_seek_realtime_usec(q->journal, q->since);
                r = wanted_row(q, &row);
                lines -= r > 0;
        }
        if (r >= 0)
                r = sd_journal_previous(q->journal);          /* the next step is onto it again */
        return r != 0 ? r : sd_journal_seek_head(q->journal); /* there is none before it */
}

/* Everything that there is now. 1: go on when there is more, 0: the end of what was asked for. */
static int show_all(Query *q) {
        for (;;) {
                json_auto_t *row = NULL;
                uint64_t usec;
                int r = sd_journal_next(q->journal);
                if (r <= 0)
                        return r < 0 ? r : 1;
                if (q->until > 0 && sd_journal_get_realtime_usec(q->journal, &usec) >= 0 && usec > q->until)
                        return 0;
                r = wanted_row(q, &row);
                if (r < 0)
                        return r;
                if (r > 0)
                        show(q, row);
                if (ferror(stdout))
                        return 0; /* nobody reads any more */
        }
}

static int follow(Query *q) {
        int r;
        while ((r = show_all(q)) > 0) {
                table_flush(q->table);
                if (fflush(stdout) != 0)
                        return 0;
                r = sd_journal_wait(q->journal, UINT64_MAX);
                if (r < 0 && r != -EINTR)
                        return r;
        }
        return r;
}

/* Without the right to read it a journal is silent; silence must not be taken for peace. */
static int check_access(void) {
        static const char *const directories[] = { "/var/log/journal", "/run/log/journal" };
        sd_id128_t id;
        if (geteuid() == 0 || sd_id128_get_machine(&id) < 0)
                return 0;
        for (size_t i = 0; i < ELEMENTSOF(directories); i++) {
                char text[SD_ID128_STRING_MAX];
                _cleanup_free_ char *path = NULL;
                if (asprintf(&path, "%s/%s/system.journal", directories[i], sd_id128_to_string(id, text)) <
                                0) {
                        path = NULL;
                        return fail(STATUS_TROUBLE, "out of memory");
                }
                if (access(path, R_OK) < 0 && errno == EACCES)
                        return fail(STATUS_TROUBLE, "you may not read the journal of this system: do it as "
                                                    "root, or join the group systemd-journal");
        }
        return 0;
}

static int open_journal(Query *q, const Matches *m) {
        int r = q->directory ? sd_journal_open_directory(&q->journal, q->directory, 0)
                             : sd_journal_open(&q->journal, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
        if (r >= 0)
                r = sd_journal_add_match(q->journal, "_UID=0", 0);
        if (r >= 0)
                r = sd_journal_add_match(q->journal, "_SYSTEMD_UNIT=" MXC_UNIT_DAEMON, 0);
        for (size_t i = 0; r >= 0 && i < m->n; i++)
                r = sd_journal_add_match(q->journal, m->words[i], 0);
        return r;
}

static int say_journal_failed(const Query *q, int r) {
        if (q->directory)
                return fail(STATUS_TROUBLE, "cannot read the journals in %s: %s", q->directory,
                                strerror(-r));
        return fail(STATUS_TROUBLE, "cannot read the journal: %s", strerror(-r));
}

/* Where there is no journal, that nothing is found means nothing. */
static bool is_empty(sd_journal *j) {
        uint64_t bytes;
        return sd_journal_get_usage(j, &bytes) >= 0 && bytes == 0;
}

static int say_empty(const Query *q) {
        return fail(STATUS_TROUBLE,
                        "there is no journal in %s: see Storage= in journald.conf(5), and --directory",
                        q->directory ? q->directory : "/var/log/journal and /run/log/journal");
}

/* Whether any record is of this agent, or of a sandbox whose id begins so. Where that cannot be told, it is. */
static bool is_known(const Query *q, const char *agent, const char *sandbox) {
        _cleanup_(matches_clear) Matches m = { 0 };
        Query all = { .directory = q->directory, .filter = { .sandbox = sandbox } };
        int r = agent ? match(&m, AUDIT_AGENT, agent, strlen(agent)) : 0;
        if (r >= 0)
                r = open_journal(&all, &m);
        if (r >= 0)
                r = sd_journal_seek_head(all.journal);
        bool found = false;
        while (r >= 0 && !found && (r = sd_journal_next(all.journal)) > 0) {
                json_auto_t *row = NULL;
                r = wanted_row(&all, &row);
                found = r > 0;
        }
        sd_journal_close(all.journal);
        return found || r < 0;
}

/* That nothing was found may be for a name that is none. */
static void say_unknown(const Query *q) {
        for (size_t i = 0; i < q->n_agents; i++)
                if (!is_known(q, q->agents[i], NULL))
                        say("no record is of an agent %s; `mxcctl agent list` shows those there are",
                                        q->agents[i]);
        if (q->filter.sandbox && !is_known(q, NULL, q->filter.sandbox))
                say("no record is of a sandbox whose id begins with %s", q->filter.sandbox);
}

static int run_query(Query *q, const Matches *m) {
        static const Column columns[] = { { "TIME", 15 }, { "EVENT", 11 }, { "DECISION", 8 },
                { "AGENT", 12 }, { "SANDBOX", SANDBOX_ID_SHOWN }, { "FOR", 8 }, { "WHAT" } };
        _cleanup_(table_freep) Table *t =
                        settings.json == JSON_OFF ? table_new(columns, ELEMENTSOF(columns)) : NULL;
        q->table = t;
        int r = open_journal(q, m);
        if (r >= 0 && !q->follow && is_empty(q->journal))
                return say_empty(q);
        if (r >= 0)
                r = seek(q);
        if (r < 0)
                return say_journal_failed(q, r);
        if (q->follow)
                say_unknown(q);
        else
                pager_open();
        r = q->follow ? follow(q) : show_all(q);
        if (r < 0)
                return say_journal_failed(q, r);
        int status = t ? table_print(t, "record", "records") : pager_close();
        if (q->shown == 0 && !q->follow)
                say_unknown(q);
        return status;
}

int audit_show(const Verb *v, Options *o) {
        _cleanup_(matches_clear) Matches m = { 0 };
        Query q = { 0 };
        int id, status;
        while ((id = verb_next(v, o, &status)) > 0) {
                status = take_option(v, &q, &m, id, o->value);
                if (status != 0)
                        return status;
        }
        if (id < 0)
                return status;
        if (settings.host)
                return fail(STATUS_TROUBLE,
                                "the audit is read from this machine's journal; use ssh %s mxcctl audit",
                                settings.host);
        for (size_t i = 0; i < o->n_words; i++)
                if (match(&m, AUDIT_AGENT, o->argv[i], strlen(o->argv[i])) < 0)
                        return verb_misused(v, "that is too much to ask for at once");
        q.agents = o->argv;
        q.n_agents = o->n_words;
        status = q.directory ? 0 : check_access();
        if (status == 0)
                status = run_query(&q, &m);
        sd_journal_close(q.journal);
        return status;
}
