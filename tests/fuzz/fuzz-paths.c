/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cleanup.h"
#include "fuzz.h"
#include "mediate-text.h"

/* A path that an agent wrote, and what /proc could say. Properties: nothing crashes; names are names; a path that was split, or had
 * a link put in front of it, leads where it led; a path is below a root only if the root is the beginning of it. */

static size_t walk(const char *path, char *ret) {
        char rest[PATH_MAX], name[NAME_MAX + 1];
        bool slash = false;
        size_t used = 0;
        int r;
        memcpy(rest, path, strlen(path) + 1);
        while ((r = path_next(rest, name, &slash)) > 0) {
                fuzz_holds(name[0] && !strchr(name, '/') && !streq(name, ".") && strlen(name) <= NAME_MAX,
                                "a name");
                size_t n = strlen(name);
                memcpy(ret + used, name, n);
                ret[used + n] = '/';
                used += n + 1;
        }
        fuzz_holds(r == 0 || r == -ENAMETOOLONG, "the end, or too long");
        return used;
}

static void try_split(const char *path) {
        char parent[PATH_MAX], name[NAME_MAX + 1], whole[2 * PATH_MAX], a[2 * PATH_MAX], b[2 * PATH_MAX];
        bool slash;
        if (!path_split(path, parent, name, &slash))
                return;
        fuzz_holds(name[0] && !strchr(name, '/') && parent[0], "a name in a directory");
        fuzz_holds(slash == (path[strlen(path) - 1] == '/'), "a slash came after it");
        int n = snprintf(whole, sizeof(whole), "%s/%s", parent, name);
        if (n >= PATH_MAX)
                return;
        size_t x = walk(path, a), y = walk(whole, b);
        fuzz_holds(x == y && memcmp(a, b, x) == 0, "it leads where it led");
}

static void try_insert(const char *path) {
        char rest[PATH_MAX], a[2 * PATH_MAX], b[2 * PATH_MAX];
        static const char text[] = "x/y";
        memcpy(rest, path, strlen(path) + 1);
        if (path_insert(rest, text, sizeof(text) - 1) < 0)
                return;
        size_t x = walk(rest, a), y = walk(path, b);
        fuzz_holds(x == y + 4 && memcmp(a, "x/y/", 4) == 0 && memcmp(a + 4, b, y) == 0,
                        "it is walked first");
}

static void try_beyond(const char *path, const char *root) {
        if (path[0] != '/' || root[0] != '/' || (root[1] && root[strlen(root) - 1] == '/'))
                return;
        const char *rest = path_beyond(path, root);
        if (rest)
                fuzz_holds(memcmp(path, root, strlen(root)) == 0 &&
                                                streq(path + strlen(path) - strlen(rest), rest),
                                "it is the rest");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = strndup((const char *)data, size < PATH_MAX ? size : PATH_MAX - 1);
        if (!text)
                return 0;
        try_split(text);
        try_insert(text);
        char *line = strchr(text, '\n');
        if (line)
                try_beyond(text, line + 1);
        pid_t process;
        mode_t mask;
        dev_t terminal;
        int r = status_parse(text, &process, &mask);
        fuzz_holds(r == -EBADMSG || (r == 0 && process >= 0 && mask <= 0777), "it is said, or not");
        r = stat_parse_terminal(text, &terminal);
        fuzz_holds(r == -EBADMSG || r == 0, "it is said, or not");
        (void)path_is_deleted(text);
        return 0;
}
