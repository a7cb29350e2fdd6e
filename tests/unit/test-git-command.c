/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which programs a command of git's configuration names by where they are. */

#include <check.h>

#include "cleanup.h"
#include "git-command.h"

static int collect(void *data, const char *path) {
        fprintf(data, "%s\n", path);
        return 0;
}

static char *parse(const char *command) {
        char *found = NULL;
        size_t n;
        FILE *f = open_memstream(&found, &n);
        ck_assert_ptr_nonnull(f);
        ck_assert_int_eq(git_command_parse(command, collect, f), 0);
        ck_assert_int_eq(fclose(f), 0);
        return found;
}

static const struct {
        const char *command, *found;
} commands[] = {
        { "", "" },
        { "less -FRX", "" },
        { "git-lfs clean -- %f", "" },
        { "true", "" },
        { "make -C src test", "" },
        { "npm run build", "" },
        { "rm -rf build/out", "" },
        { "git diff src/a.c", "" },
        { "prettier --write src/a.js", "" },
        { "sed s/x/y/", "" },
        { "perl -pe s/x/y/ src/a", "" },
        { "python3 -c 'import a/b' src/a", "" },
        { "sh -c 'git log \"$1\"' - a/b", "" },
        { "tools/clean %f", "tools/clean\n" },
        { "./clean", "./clean\n" },
        { "/opt/x/clean <a >b/c", "/opt/x/clean\n" },
        { "~/bin/x", "~/bin/x\n" },
        { "~o/bin/x", "~o/bin/x\n" },
        { "$HOME/bin/x", "~/bin/x\n" },
        { "\"${HOME}\"/bin/x", "~/bin/x\n" },
        { "\"$PWD\"/x", "./x\n" },
        { "\"$(git rev-parse --show-toplevel)/a b/x\" y/z", "./a b/x\n" },
        { "`git rev-parse --show-toplevel`/x", "./x\n" },
        { "$(tools/where)/x", "tools/where\n" },
        { "$X/y", "" },
        { "tools/$1", "" },
        { "'a b'/x", "a b/x\n" },
        { "a\\ b/x", "a b/x\n" },
        { "\"a\\\"b/x\"", "a\"b/x\n" },
        { "\"a$\"/x", "" },
        { "A=b/c tools/x", "tools/x\n" },
        { "env -i A=b /usr/bin/nice -n 10 tools/x", "/usr/bin/nice\ntools/x\n" },
        { "timeout 5s tools/x", "tools/x\n" },
        { "exec tools/x", "tools/x\n" },
        { "git x && tools/x || tools/y; tools/z | tools/a & tools/b",
                        "tools/x\ntools/y\ntools/z\ntools/a\ntools/b\n" },
        { "f() { tools/x \"$@\"; }; f", "tools/x\n" },
        { "if tools/x; then tools/y; else tools/z; fi", "tools/x\ntools/y\ntools/z\n" },
        { "a 2>&1 b/c\ntools/x", "tools/x\n" },
        { "sh clean.sh src/a", "clean.sh\n" },
        { "sh <clean.sh", "clean.sh\n" },
        { "bash -eu -o pipefail tools/x src/a", "tools/x\n" },
        { "sh -c 'tools/x a/b; tools/y' tools/z", "tools/x\ntools/y\n" },
        { "bash -lc \"sh -c 'tools/x'\"", "tools/x\n" },
        { ". tools/x", "tools/x\n" },
        { "eval tools/x", "tools/x\n" },
        { "python3 clean.py src/a", "clean.py\n" },
        { "/usr/bin/env python3.11 tools/x", "/usr/bin/env\ntools/x\n" },
        { "python3 -W ignore x.py a/b", "ignore\nx.py\n" },
        { "node -r ./hook.js x.js", "./hook.js\nx.js\n" },
        { "node ./x.js -e a/b", "./x.js\n" },
        { "deno run x.ts", "x.ts\n" },
        { "java -jar tools/x.jar", "tools/x.jar\n" },
        { "awk -f tools/x.awk src/a", "tools/x.awk\n" },
        { "xargs -r tools/x", "tools/x\n" },
        { "$(", "" },
        { "${", "" },
        { "'a/b", "a/b\n" },
        { "`tools/x", "tools/x\n" },
        { "sh -c", "" },
        { "\\", "" },
};

START_TEST(test_what_is_found) {
        _cleanup_free_ char *found = parse(commands[_i].command);
        ck_assert_str_eq(found, commands[_i].found);
}
END_TEST

static int refuse(void *data, const char *path) {
        (*(unsigned *)data)++;
        return -EXDEV;
}

START_TEST(test_it_can_be_stopped) {
        unsigned asked = 0;
        ck_assert_int_eq(git_command_parse("a/b; c/d", refuse, &asked), -EXDEV);
        ck_assert_int_eq(git_command_parse("\"$(a/b)\" && c/d", refuse, &asked), -EXDEV);
        ck_assert_int_eq(git_command_parse("sh -c a/b; c/d", refuse, &asked), -EXDEV);
        ck_assert_uint_eq(asked, 3);
}
END_TEST

int main(void) {
        Suite *s = suite_create("git-command");
        TCase *t = tcase_create("git-command");
        tcase_add_loop_test(t, test_what_is_found, 0, ELEMENTSOF(commands));
        tcase_add_test(t, test_it_can_be_stopped);
        suite_add_tcase(s, t);
        SRunner *runner = srunner_create(s);
        srunner_run_all(runner, CK_ENV);
        int failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
