/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "fuzz.h"
#include "guard-table.h"

/* Lines: d and p are followed by a path that is denied or protected, q and Q by one that is asked about, Q where case does not
 * matter. Properties: the table says of every path what comparing it with each rule says; and it says truly when it does not
 * matter whether a directory tells case apart. */

#define MAX_LINES 64U
#define WRITING (GUARD_DENIED | GUARD_PROTECTED)

typedef struct Lines {
        char *line[MAX_LINES];
        size_t n;
} Lines;

static void take_lines(char *text, Lines *ret) {
        ret->n = 0;
        for (char *line; ret->n < MAX_LINES && (line = strsep(&text, "\n")) != NULL;)
                ret->line[ret->n++] = line;
}

static bool is_rule(const char *line) {
        return line[0] == 'd' || line[0] == 'p';
}

static bool is_equal(const char *a, size_t n, const char *b, size_t m, bool folds) {
        if (n != m)
                return false;
        for (size_t i = 0; i < n; i++) {
                int x = (unsigned char)a[i], y = (unsigned char)b[i];
                if (folds && x < 128 && y < 128) {
                        x = tolower(x);
                        y = tolower(y);
                }
                if (x != y)
                        return false;
        }
        return true;
}

/* Whether the first `depth` names of path are those of the rule; *ret_more: the rule goes on. */
static bool begins_like(const char *rule, const char *path, size_t depth, bool folds, bool *ret_more) {
        for (size_t i = 0; i < depth; i++) {
                size_t n = strcspn(rule, "/"), m = strcspn(path, "/");
                if (!is_equal(rule, n, path, m, folds))
                        return false;
                rule += n;
                path += m;
                if (!*rule && i + 1 < depth)
                        return false;
                rule += *rule == '/';
                path += *path == '/';
        }
        *ret_more = *rule != 0;
        return true;
}

static bool is_strange(const char *name, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (name[i] < 0x20 || name[i] > 0x7d)
                        return true;
        return n > 0 && (name[n - 1] == '.' || name[n - 1] == ' ');
}

/* By comparing with each rule, without any table. */
static uint32_t expected(const Lines *lines, const char *path, bool folds) {
        uint32_t flags = 0;
        size_t depth = 0;
        bool more = true;
        for (const char *at = path; *at && more; depth++) {
                size_t n = strcspn(at, "/");
                if (folds && is_strange(at, n))
                        return flags | WRITING; /* for the rules that go on here, and there is one */
                more = false;
                for (size_t i = 0; i < lines->n; i++) {
                        bool goes_on;
                        const char *rule = lines->line[i];
                        if (!is_rule(rule) || !begins_like(rule + 1, path, depth + 1, folds, &goes_on))
                                continue;
                        more = more || goes_on;
                        if (!goes_on)
                                flags |= *rule == 'd' ? GUARD_DENIED : GUARD_PROTECTED;
                }
                at += n + (at[n] == '/');
        }
        return more ? flags | GUARD_PINNED : flags;
}

static uint32_t found(const GuardTable *t, uint32_t root, const char *path, bool folds) {
        uint32_t flags = 0, node = root;
        for (const char *at = path; *at;) {
                size_t n = strcspn(at, "/");
                uint32_t with = node, without = node;
                bool matters = guard_table_folding_matters(t, node, at, n);
                uint32_t a = guard_table_name(t, &with, at, n, true),
                         b = guard_table_name(t, &without, at, n, false);
                fuzz_holds(matters || (a == b && with == without), "it matters");
                flags |= folds ? a : b;
                node = folds ? with : without;
                at += n + (at[n] == '/');
        }
        return node != 0 ? flags | GUARD_PINNED : flags;
}

static bool is_normal(const char *path) {
        for (const char *at = path;;) {
                size_t n = strcspn(at, "/");
                if (n == 0 || n > GUARD_NAME_MAX || (n == 1 && at[0] == '.') ||
                                (n == 2 && memcmp(at, "..", 2) == 0))
                        return false;
                if (!at[n])
                        return true;
                at += n + 1;
        }
}

static size_t take_rules(const Lines *lines, GuardRule *rules, GuardIdentity *ids) {
        const GuardIdentity id = { .ino = 1, .dev = 1, .mode = S_IFDIR, .may_fold = 1 };
        size_t n = 0;
        rules[n] = (GuardRule){ GUARD_RULE_ROOT, 0, NULL };
        ids[n++] = id;
        for (size_t i = 0; i < lines->n; i++)
                if (is_rule(lines->line[i])) {
                        rules[n] = (GuardRule){ lines->line[i][0] == 'd' ? GUARD_RULE_DENY
                                                                         : GUARD_RULE_PROTECT,
                                0, lines->line[i] + 1 };
                        ids[n++] = id;
                }
        return n;
}

/* Rules that differ in case alone share what is below them, which is stricter than they are. */
static bool has_capitals(const Lines *lines) {
        for (size_t i = 0; i < lines->n; i++)
                for (const char *p = lines->line[i]; is_rule(lines->line[i]) && *p; p++)
                        if (*p >= 'A' && *p <= 'Z')
                                return true;
        return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Lines lines;
        GuardRule rules[MAX_LINES + 1];
        GuardIdentity ids[MAX_LINES + 1];
        _cleanup_free_ char *text = strndup((const char *)data, size);
        _cleanup_(guard_table_clear) GuardTable t = { 0 };
        if (!text)
                return 0;
        take_lines(text, &lines);
        size_t n = take_rules(&lines, rules, ids);
        bool normal = true;
        for (size_t i = 1; i < n; i++)
                normal = normal && is_normal(rules[i].path);
        int r = guard_table_fill(&t, 0, rules, ids, n);
        fuzz_holds((r == 0) == normal, "rules are taken if they are normal");
        if (r < 0)
                return 0;
        fuzz_holds(guard_table_sort(&t) == 0, "there is memory");
        uint32_t root;
        fuzz_holds(guard_table_object(&t, 1, 1, 0, &root) == GUARD_ROOT, "the root is one");
        fuzz_holds((root != 0) == (n > 1), "it has names if there are rules");
        for (size_t i = 0; i < lines.n; i++) {
                const char *line = lines.line[i];
                bool folds = line[0] == 'Q';
                if ((line[0] != 'q' && !folds) || root == 0 || !is_normal(line + 1))
                        continue;
                uint32_t says = found(&t, root, line + 1, folds), should = expected(&lines, line + 1, folds);
                fuzz_holds((says & should) == should, "the table says all that the rules say");
                fuzz_holds(says == should || (!folds && has_capitals(&lines)), "and no more");
        }
        return 0;
}
