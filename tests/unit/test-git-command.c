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
        { "bash -eo pipefail ./y", "./y\n" },
        { "bash +O extglob ./y", "./y\n" },
        { "bash -oe pipefail ./y", "pipefail\n./y\n" },
        { "bash -ec -o pipefail 'tools/x' a/b", "tools/x\n" },
        { "bash --rcfile tools/rc ./y", "tools/rc\n./y\n" },
        { "sh -c 'tools/x a/b; tools/y' tools/z", "tools/x\ntools/y\n" },
        { "bash -lc \"sh -c 'tools/x'\"", "tools/x\n" },
        { ". tools/x", "tools/x\n" },
        { "eval tools/x", "tools/x\n" },
        { "python3 clean.py src/a", "clean.py\n" },
        { "/usr/bin/env python3.11 tools/x", "/usr/bin/env\ntools/x\n" },
        { "python3 -W ignore x.py a/b", "x.py\n" },
        { "python3 -Wignore x.py a/b", "x.py\n" },
        { "python3 -E x.py a/b", "x.py\n" },
        { "python3 -uc 'import a/b' src/a", "" },
        { "python3 -m json.tool src/a", "" },
        { "lua -E x.lua", "x.lua\n" },
        { "lua -e 'a=1' x.lua", "x.lua\n" },
        { "perl -MStorable x.pl", "x.pl\n" },
        { "perl -i.e x.pl", "x.pl\n" },
        { "perl -I lib -Ilibe x.pl", "x.pl\n" },
        { "perl -pi -e s/x/y/ src/a", "" },
        { "perl -E say src/a", "" },
        { "ruby -E UTF-8 -rjson -r./hook x.rb", "./hook\nx.rb\n" },
        { "php -c ini x.php a/b", "x.php\n" },
        { "php -r 'a/b' src/a", "" },
        { "pwsh -NoProfile -File x.ps1", "x.ps1\n" },
        { "java -Djava.awt.headless=true -jar tools/x.jar", "tools/x.jar\n" },
        { "java -cp lib -jar tools/x.jar", "lib\ntools/x.jar\n" },
        { "node --require ./hook.js --import=./b.mjs x.js", "./hook.js\n./b.mjs\nx.js\n" },
        { "node -p a/b src/a", "" },
        { "node -r ./hook.js x.js", "./hook.js\nx.js\n" },
        { "node ./x.js -e a/b", "./x.js\n" },
        { "deno run x.ts", "x.ts\n" },
        { "java -jar tools/x.jar", "tools/x.jar\n" },
        { "awk -f tools/x.awk src/a", "tools/x.awk\n" },
        { "awk -ftools/x.awk src/a", "tools/x.awk\n" },
        { "awk -F / -v a=-f --file=tools/x.awk --file y.awk src/a", "tools/x.awk\ny.awk\n" },
        { "sed -nEf tools/x.sed src/a", "tools/x.sed\n" },
        { "xargs -r tools/x", "tools/x\n" },
        { "xargs -I {} tools/x {}", "tools/x\n" },
        { "xargs -n1 -P 4 tools/x a/b", "tools/x\n" },
        { "env -u X tools/x a/b", "tools/x\n" },
        { "env -uX tools/x a/b", "tools/x\n" },
        { "env --unset X tools/x a/b", "tools/x\n" },
        { "env --unset=X tools/x a/b", "tools/x\n" },
        { "env -S 'tools/x a/b'", "tools/x\n" },
        { "env prettier src/a", "" },
        { "env sh x.sh", "x.sh\n" },
        { "sudo -u u tools/x", "tools/x\n" },
        { "sudo --user u -- sh x.sh", "x.sh\n" },
        { "timeout -s KILL 5 tools/x", "tools/x\n" },
        { "timeout --signal KILL 5 tools/x a/b", "tools/x\n" },
        { "stdbuf -o L tools/x", "tools/x\n" },
        { "exec -a n tools/x", "tools/x\n" },
        { "cd tools && ./build", "tools/./build\n./build\n" },
        { "cd -P -- tools; cd x; sh -c 'sh y'", "tools/x/y\ny\n" },
        { "(cd tools; ./x); ./y", "tools/./x\n./x\ntools/./y\n./y\n" },
        { "cd ~/x; ./y /z ~/b; /z; ~/b", "~/x/./y\n./y\n/z\n~/b\n" },
        { "cd tools; cd \"$X\"; ./y", "./y\n" },
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
