/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cleanup.h"
#include "fuzz.h"
#include "mount-table.h"
#include "open.h"

/* Places, a line each, then a mount table. Properties: nothing crashes; a line that cannot be read, or the lack of a table, is never
 * the same twice; a mount point is none of ours or a path; where every line is read, the number depends on those that matter, and on
 * no other; and what matters is at or above a place, or below it. */

static void check_point(const char *line, const char *end, const MountWays *w) {
        char point[LIMIT_PATH_BYTES + 1];
        if (!mount_table_point(line, end, point))
                return;
        fuzz_holds(strlen(point) <= (size_t)(end - line), "no longer than it was written");
        bool touches = point[0] != '/';
        for (size_t i = 0; i < w->n; i++)
                touches = touches || streq(point, w->list[i].path) ||
                          path_is_below(w->list[i].path, point) ||
                          (w->list[i].is_end && path_is_below(point, w->list[i].path));
        fuzz_holds(mount_ways_touch(w, point) == touches, "what is at, above or below");
}

/* The table without what does not matter. */
static char *shorten(const char *table, const MountWays *w, bool *ret_read) {
        char *kept = calloc(1, strlen(table) + 1), *to = kept, point[LIMIT_PATH_BYTES + 1];
        *ret_read = true;
        for (const char *line = table; kept && *line;) {
                const char *end = strchrnul(line, '\n');
                size_t n = (size_t)(end - line) + (*end == '\n');
                check_point(line, end, w);
                if (!mount_table_point(line, end, point))
                        *ret_read = false;
                else if (mount_ways_touch(w, point)) {
                        memcpy(to, line, n);
                        to += n;
                }
                line += n;
        }
        return kept;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        MountPlace places[8];
        MountWays w = { .list = places };
        _cleanup_free_ char *text = strndup((const char *)data, size);
        if (!text)
                return 0;
        char *table = text;
        while (w.n < ELEMENTSOF(places) && (table[0] == '=' || table[0] == '/')) {
                char *place = strsep(&table, "\n");
                bool is_end = place[0] == '=';
                if (place[is_end] == '/')
                        places[w.n++] = (MountPlace){ place + is_end, is_end };
                if (!table)
                        return 0;
        }
        bool read;
        _cleanup_free_ char *kept = shorten(table, &w, &read);
        if (!kept)
                return 0;
        uint64_t number = mount_table_number(&w, table);
        fuzz_holds((mount_table_number(&w, table) == number) == read, "the same again, where it was read");
        fuzz_holds(!read || mount_table_number(&w, kept) == number, "what does not matter, does not");
        fuzz_holds(mount_table_number(&w, NULL) != mount_table_number(&w, NULL),
                        "no table is never the same");
        const MountWays all = { .unsure = true };
        fuzz_holds(!read || !table[0] || mount_table_number(&all, table) != mount_table_number(&all, ""),
                        "where nothing is sure all of it matters");
        return 0;
}
