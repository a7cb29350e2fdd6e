/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit-row.h"

#include <fnmatch.h>
#include <signal.h>

#include "audit-event.h"
#include "cleanup.h"
#include "escape.h"
#include "grant.h"
#include "objects.h"
#include "signal-name.h"
#include "when.h"

#define PREFIX "MXC_"

static const char *const words[_AUDIT_EVENT_MAX] = {
#define X(name, word, id, text) [AUDIT_##name] = word,
        AUDIT_EVENTS(X)
#undef X
};

static const char *const numbers[] = { AUDIT_EXEC_ID, AUDIT_ON_BEHALF_UID, AUDIT_CALLER_UID,
        AUDIT_CALLER_PID, AUDIT_ERRNO, AUDIT_EXIT_CODE, AUDIT_EXIT_SIGNAL, AUDIT_USEC, AUDIT_COUNT,
        AUDIT_CONNECTION, AUDIT_GRANT_NUMBER, AUDIT_BYTES_OUT, AUDIT_BYTES_IN, AUDIT_TIME };
static const char *const lists[] = { AUDIT_HANDOFF, AUDIT_CUT };
static const char *const documents[] = { AUDIT_TARGET, AUDIT_LABELS, AUDIT_CLAMPED };

static bool is_one_of(const char *field, const char *const *list, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (streq(list[i], field))
                        return true;
        return false;
}

json_t *audit_row_new(uint64_t realtime_usec, const char *cursor) {
        char buffer[WHEN_SIZE];
        return json_pack("{s:s, s:I, s:s}", "time", when_format_utc(buffer, realtime_usec), "realtime",
                        (json_int_t)realtime_usec, "cursor", cursor ? cursor : "");
}

/* As UTF-8, whatever it is. */
static json_t *text(const char *s, size_t n) {
        static const char replacement[] = "\xef\xbf\xbd";
        char *clean = NULL;
        size_t size;
        FILE *f = open_memstream(&clean, &size);
        if (!f)
                return NULL;
        for (size_t length; n > 0; s += length, n -= length) {
                uint32_t c;
                length = utf8_next(s, n, &c);
                if (c == UINT32_MAX || c == 0)
                        fputs(replacement, f);
                else
                        (void)fwrite(s, 1, length, f); /* a memory stream: told by fclose() */
        }
        json_t *value = fclose(f) == 0 ? json_stringn(clean, size) : NULL;
        free(clean);
        return value;
}

static json_t *number(const char *s, size_t n) {
        json_int_t v = 0;
        if (n == 0 || n > 18)
                return text(s, n);
        for (size_t i = 0; i < n; i++) {
                if (s[i] < '0' || s[i] > '9')
                        return text(s, n);
                v = 10 * v + (s[i] - '0');
        }
        return json_integer(v);
}

/* {…} and […] as what they are; what was cut short, or is anything else, as text. */
static json_t *document(const char *s, size_t n) {
        json_t *value = n > 0 && (*s == '[' || *s == '{') ? json_loadb(s, n, JSON_REJECT_DUPLICATES, NULL)
                                                          : NULL;
        return value ? value : text(s, n);
}

static json_t *split(const char *s, size_t n) {
        json_auto_t *list = json_array();
        while (n > 0) {
                const char *space = memchr(s, ' ', n);
                size_t length = space ? (size_t)(space - s) : n;
                if (length > 0 && json_array_append_new(list, text(s, length)) < 0)
                        return NULL;
                length += space != NULL;
                s += length;
                n -= length;
        }
        return TAKE_PTR(list);
}

static json_t *value_of(const char *field, const char *s, size_t n) {
        if (is_one_of(field, numbers, ELEMENTSOF(numbers)))
                return number(s, n);
        if (is_one_of(field, documents, ELEMENTSOF(documents)))
                return document(s, n);
        if (streq(field, AUDIT_WALLS) || streq(field, AUDIT_UNHELD))
                return split(s, n);
        if (streq(field, AUDIT_HANDOFF_WHOLE))
                return json_boolean(n == 1 && *s == '1');
        return text(s, n);
}

/* The name in the object, in key; false for a field that is left out. */
static bool key_of(const char *field, char key[64]) {
        const char *from = field;
        if (strncmp(field, PREFIX, strlen(PREFIX)) == 0)
                from += strlen(PREFIX);
        else if (!streq(field, AUDIT_ERRNO) && !streq(field, "MESSAGE") && !streq(field, "MESSAGE_ID") &&
                        !streq(field, "_HOSTNAME"))
                return false;
        size_t n = 0;
        for (from += *from == '_'; *from && n < 63; from++)
                key[n++] = (char)(*from >= 'A' && *from <= 'Z' ? *from + ('a' - 'A') : *from);
        key[n] = '\0';
        return n > 0 && !*from && !(from != field && streq(key, "time") && !streq(field, AUDIT_TIME));
}

static int add_to_list(json_t *row, const char *key, json_t *value) {
        json_t *list = json_object_get(row, key);
        if (!json_is_array(list)) {
                list = json_array();
                if (json_object_set_new(row, key, list) < 0)
                        return -ENOMEM;
        }
        return json_array_append(list, value) < 0 ? -ENOMEM : 0;
}

int audit_row_add(json_t *row, const char *data, size_t size) {
        char field[64], key[64];
        const char *equals = memchr(data, '=', size);
        if (!equals || (size_t)(equals - data) >= sizeof field)
                return 0;
        memcpy(field, data, (size_t)(equals - data));
        field[equals - data] = '\0';
        if (!key_of(field, key))
                return 0;
        size_t n = size - (size_t)(equals + 1 - data);
        json_auto_t *value = value_of(field, equals + 1, n);
        if (!value)
                return -ENOMEM;
        if (is_one_of(field, lists, ELEMENTSOF(lists)))
                return add_to_list(row, key, value);
        if (streq(field, AUDIT_TIME)) { /* when it happened, where that was before it was written */
                char buffer[WHEN_SIZE];
                if (json_integer_value(value) <= 0)
                        return 0;
                if (json_object_set_new(row, "time",
                                    json_string(when_format_utc(
                                                    buffer, (uint64_t)json_integer_value(value)))) < 0)
                        return -ENOMEM;
                return json_object_set(row, "realtime", value) < 0 ? -ENOMEM : 0;
        }
        return json_object_set(row, key, value) < 0 ? -ENOMEM : 0;
}

bool audit_row_is_record(const json_t *row) {
        return is_one_of(member_text(row, "event"), words, ELEMENTSOF(words));
}

uint64_t audit_row_time(const json_t *row) {
        return member_number(row, "realtime");
}

static char *target_text(const json_t *row) {
        const json_t *target = json_object_get(row, "target");
        if (json_is_object(target)) /* a rule that was granted */
                return grant_text(target);
        return json_is_array(target) ? words_shown(target)
                                     : strdup(json_is_string(target) ? json_string_value(target) : "");
}

bool audit_row_matches(const json_t *row, const AuditFilter *f) {
        if (f->sandbox && strncmp(member_text(row, "sandbox"), f->sandbox, strlen(f->sandbox)) != 0)
                return false;
        if (!f->target)
                return true;
        _cleanup_free_ char *target = target_text(row);
        if (!target)
                return true; /* rather too much than too little */
        return strpbrk(f->target, "*?[") ? fnmatch(f->target, target, 0) == 0
                                         : strstr(target, f->target) != NULL;
}

static void put_part(FILE *f, const char *before, const char *s) {
        if (!s || !*s)
                return;
        fprintf(f, "%s%s%s", ftell(f) > 0 ? ", " : "", before, s);
}

static void put_exit(FILE *f, const json_t *row) {
        char buffer[WHEN_SIZE];
        const char *reason = member_text(row, "reason");
        int number = (int)member_number(row, "exit_signal");
        const char *name = number > 0 ? signal_name(number) : NULL;
        if (name)
                fprintf(f, "signal SIG%s", name);
        else if (number > 0)
                fprintf(f, "signal %d", number);
        else
                fprintf(f, "exit status %d", (int)member_number(row, "exit_code"));
        if (!streq(reason, "exited") && !streq(reason, "killed"))
                put_part(f, "", reason);
        if (json_object_get(row, "usec"))
                put_part(f, "after ", span_format(buffer, member_number(row, "usec")));
        size_t i;
        json_t *path;
        json_array_foreach(json_object_get(row, "handoff"), i, path)
                put_part(f, i == 0 ? "made what other programs trust: " : "", json_string_value(path));
        if (json_is_false(json_object_get(row, "handoff_whole")))
                put_part(f, "", "not all of what it made was looked at");
}

/* Why not: behind what was asked for. */
static void put_refusal(FILE *f, const json_t *row) {
        const char *clause = member_text(row, "clause");
        const char *reason = member_text(row, "reason");
        if (!streq(member_text(row, "decision"), "deny"))
                return;
        if (!*reason) /* of many kinds */
                put_part(f, "", member_text(row, "note"));
        else
                fprintf(f, "%s[%s%s%s] %s", ftell(f) > 0 ? " " : "", reason, *clause ? " by " : "", clause,
                                member_text(row, "note"));
}

static void put_network(FILE *f, const json_t *row, const char *target) {
        const char *address = member_text(row, "address"), *reason = member_text(row, "reason");
        const int error = (int)member_number(row, "errno");
        char buffer[WHEN_SIZE];
        put_part(f, "", target);
        if (*address && !strstr(target, address))
                put_part(f, strncmp(target, "published/", 10) == 0 ? "from " : "at ", address);
        if (streq(member_text(row, "event"), words[AUDIT_DISCONNECT])) {
                put_part(f, "", error > 0 ? strerror(error) : reason);
                fprintf(f, ", %llu bytes out, %llu in", (unsigned long long)member_number(row, "bytes_out"),
                                (unsigned long long)member_number(row, "bytes_in"));
                put_part(f, "after ", span_format(buffer, member_number(row, "usec")));
        } else if (streq(member_text(row, "decision"), "allow")) {
                put_part(f, "by ", *member_text(row, "clause") ? member_text(row, "clause") : reason);
        }
}

static bool is_network(const char *event) {
        return streq(event, words[AUDIT_RESOLVE]) || streq(event, words[AUDIT_CONNECT]) ||
               streq(event, words[AUDIT_ACCEPT]) || streq(event, words[AUDIT_DISCONNECT]);
}

static void put_grant(FILE *f, const json_t *row, const char *target) {
        char buffer[WHEN_SIZE], number[32];
        const uint64_t second = 1000000, usec = member_number(row, "usec");
        (void)snprintf(number, sizeof(number), "%d", (int)member_number(row, "grant"));
        put_part(f, "", target);
        put_part(f, "grant ", number);
        if (streq(member_text(row, "event"), words[AUDIT_GRANT_OVER]))
                put_part(f, "", member_text(row, "reason"));
        else /* until a moment that was named a little before */
                put_part(f, "for ", span_format(buffer, (usec + second - 1) / second * second));
}

static bool is_grant(const char *event) {
        return streq(event, words[AUDIT_GRANT]) || streq(event, words[AUDIT_GRANT_OVER]);
}

static void put_anything(FILE *f, const json_t *row, const char *target) {
        static const char *const with_policy[] = { "register", "set-policy" }, *const self_evident[] = {
                "freeze", "thaw", "resume"
        };
        char buffer[WHEN_SIZE];
        const int error = (int)member_number(row, "errno");
        bool denied = streq(member_text(row, "decision"), "deny");
        put_part(f, "", member_text(row, "action"));
        put_part(f, "at step ", member_text(row, "step"));
        put_part(f, "", error > 0 ? strerror(error) : "");
        put_part(f, "", target);
        if (!denied) {
                put_part(f, "", member_text(row, "reason"));
                put_part(f, "", member_text(row, "note"));
        }
        if (json_object_get(row, "usec"))
                put_part(f, "after ", span_format(buffer, member_number(row, "usec")));
        if (is_one_of(member_text(row, "event"), with_policy, ELEMENTSOF(with_policy)))
                put_part(f, "policy ", member_text(row, "policy"));
        if (ftell(f) == 0 && !denied &&
                        !is_one_of(member_text(row, "event"), self_evident, ELEMENTSOF(self_evident)))
                put_part(f, "", member_text(row, "message")); /* better than nothing */
}

char *audit_row_for_whom(const json_t *row, bool here) {
        static const char *const uids[] = { "on_behalf_uid", "caller_uid" };
        char *text = NULL;
        if (*member_text(row, "on_behalf_user"))
                return strdup(member_text(row, "on_behalf_user"));
        for (size_t i = 0; i < ELEMENTSOF(uids); i++)
                if (json_object_get(row, uids[i])) {
                        const uint64_t uid = member_number(row, uids[i]);
                        return here                                                   ? user_shown(uid)
                               : asprintf(&text, "%llu", (unsigned long long)uid) < 0 ? NULL
                                                                                      : text;
                }
        return strdup("");
}

char *audit_row_detail(const json_t *row) {
        char *detail = NULL;
        size_t size;
        const char *event = member_text(row, "event");
        _cleanup_free_ char *target = target_text(row);
        FILE *f = target ? open_memstream(&detail, &size) : NULL;
        if (!f)
                return NULL;
        if (streq(event, words[AUDIT_SPAWN]) || streq(event, words[AUDIT_PLAN]) ||
                        streq(event, words[AUDIT_EXEC]))
                fputs(target, f);
        else if (streq(event, words[AUDIT_EXIT]))
                put_exit(f, row);
        else if (is_network(event))
                put_network(f, row, target);
        else if (is_grant(event))
                put_grant(f, row, target);
        else
                put_anything(f, row, target);
        put_refusal(f, row);
        if (member_number(row, "count") > 1)
                fprintf(f, " (%d times)", (int)member_number(row, "count"));
        if (fclose(f) == 0)
                return detail;
        free(detail);
        return NULL;
}
