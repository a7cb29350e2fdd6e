/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What git's configuration says of other files, as git itself reads it: each text is given to both. */

#include <check.h>
#include <fcntl.h>
#include <unistd.h>

#include "cleanup.h"
#include "gitconfig.h"
#include "limits.h"

static int collect(void *data, GitconfigKey key, const char *value) {
        static const char *const names[_GITCONFIG_KEY_MAX] = { "core.hookspath", "include", "core.worktree",
                "command", "bang", "program" };
        fprintf(data, "%s=%s\n", names[key], value);
        return 0;
}

static char *parse(const char *text, size_t size) {
        char *found = NULL;
        size_t n;
        FILE *f = open_memstream(&found, &n);
        ck_assert_ptr_nonnull(f);
        ck_assert_int_eq(gitconfig_parse(text, size, collect, f), 0);
        ck_assert_int_eq(fclose(f), 0);
        return found;
}

static const struct {
        const char *text, *found;
        bool broken; /* git refuses the file */
} texts[] = {
        { "", "" },
        { "[core]\n\thooksPath = a/b\n", "core.hookspath=a/b\n" },
        { "[CORE]HOOKSPATH=a", "core.hookspath=a\n" },
        { "\xef\xbb\xbf[core]\nhooksPath = a\n", "core.hookspath=a\n" },
        { "[core]\r\n\thooksPath = a\r\n\tworktree = ../w\r\n", "core.hookspath=a\ncore.worktree=../w\n" },
        { "[core]\nhooksPath = a b  ; c\n", "core.hookspath=a b\n" },
        { "[core]\nhooksPath = \"a ; b \" # c\n", "core.hookspath=a ; b \n" },
        { "[core]\nhooksPath = a \"\"\n", "core.hookspath=a \n" },
        { "[core]\nhooksPath = a\\\n  b\n", "core.hookspath=a  b\n" },
        { "[core]\nhooksPath = \\\"a\\\\b\\\"\n", "core.hookspath=\"a\\b\"\n" },
        { "[core]\nhooksPath\nhooksPath =\nhooksPath = \"\"\n", "" },
        { "[core]\nhooksPath = a\nhooksPath = b\n", "core.hookspath=a\ncore.hookspath=b\n" },
        { "; hooksPath = a\n[core] ; x\n# y\nhooksPath = b\n", "core.hookspath=b\n" },
        { "[core \"x\"]\nhooksPath = a\n[core.y]\nhooksPath = b\n[corex]\nhooksPath = c\n", "" },
        { "[core]\nhooksPathx = a\nhooks-path = b\nx-hooksPath = c\n", "" },
        { "[corecorecorecorecorecorecorecorecore]\nhooksPath = a\n", "" },
        { "[core]\ncorecorecorecorecorecorecorecorecore = a\nhooksPath = b\n", "core.hookspath=b\n" },
        { "[include]\npath = a\n", "include=a\n" },
        { "[includeIf \"gitdir:/x/\"]\npath = a\n", "include=a\n" },
        { "[includeIf \"a\\\"]b\"]\npath = a\n", "include=a\n" },
        { "[includeIf]\npath = a\n[include \"x\"]\npath = b\n", "" },
        { "[core]\nhooksPath = a\nhooksPath = \"b\n", "core.hookspath=a\n", true },
        { "[core]\nhooksPath = a\\x\nhooksPath = b\n", "", true },
        { "[core]\nhooksPath = a\n[core\nhooksPath = b\n", "core.hookspath=a\n", true },
        { "[core]\nhooksPath = a\n=\nhooksPath = b\n", "core.hookspath=a\n", true },
        { "[core]\nhooksPath = a\nhooks Path = b\nhooksPath = c\n", "core.hookspath=a\n", true },
};

/* By git, which says nothing of a file that it refuses. */
static char *by_git(const char *text) {
        char path[] = "/tmp/mxc-gitconfig-XXXXXX";
        _cleanup_close_ int fd = mkstemp(path);
        _cleanup_free_ char *command = NULL;
        size_t n = strlen(text);
        ck_assert(fd >= 0 && write(fd, text, n) == (ssize_t)n);
        ck_assert_int_gt(asprintf(&command,
                                         "git config --no-includes -f %s --get-regexp "
                                         "'^core\\.(hookspath|worktree)$' '.' | sed 's/ /=/'",
                                         path),
                        0);
        char *said = calloc(1, 4096);
        ck_assert_ptr_nonnull(said);
        FILE *f = popen(command, "r");
        ck_assert_ptr_nonnull(f);
        (void)!fread(said, 1, 4095, f);
        (void)pclose(f);
        (void)unlink(path);
        return said;
}

START_TEST(test_what_is_said) {
        _cleanup_free_ char *found = parse(texts[_i].text, strlen(texts[_i].text));
        ck_assert_str_eq(found, texts[_i].found);
        _cleanup_free_ char *git = by_git(texts[_i].text);
        if (texts[_i].broken)
                ck_assert_str_eq(git, "");
        else if (!strstr(found, "include="))
                ck_assert_str_eq(git, found);
}
END_TEST

/* What git executes, or goes by, named as git itself writes it. */
static const struct {
        const char *name;
        const char *found; /* NULL: nothing that is trusted */
} executed[] = {
        { "alias.x", "bang" },
        { "alias.a-name-that-is-longer-than-any-word-of-ours", "bang" },
        { "alias.x.command", "bang" },
        { "core.alternateRefsCommand", "command" },
        { "core.askPass", "program" },
        { "core.attributesFile", "core.hookspath" },
        { "core.editor", "command" },
        { "core.fsmonitor", "command" },
        { "core.gitProxy", "program" },
        { "core.pager", "command" },
        { "core.sshCommand", "command" },
        { "credential.helper", "bang" },
        { "credential.https://example.org.helper", "bang" },
        { "diff.external", "command" },
        { "diff.x.command", "command" },
        { "diff.x.textconv", "command" },
        { "difftool.x.cmd", "command" },
        { "difftool.x.path", "program" },
        { "filter.x.clean", "command" },
        { "filter.x.process", "command" },
        { "filter.x.y.smudge", "command" },
        { "gpg.program", "program" },
        { "gpg.ssh.defaultKeyCommand", "command" },
        { "gpg.ssh.program", "program" },
        { "hook.x.command", "command" },
        { "init.templateDir", "core.hookspath" },
        { "interactive.diffFilter", "command" },
        { "lfs.extension.x.clean", "command" },
        { "merge.x.driver", "command" },
        { "mergetool.x.cmd", "command" },
        { "mergetool.x.path", "program" },
        { "pager.log", "command" },
        { "remote.x.uploadpack", "command" },
        { "sendemail.x.toCmd", "command" },
        { "sequence.editor", "command" },
        { "submodule.x.update", "bang" },
        { "tar.tar.gz.command", "command" },
        { "trailer.x.cmd", "command" },
        { "uploadpack.packObjectsHook", "command" },
        { "clean.requireForce", NULL },
        { "core.excludesFile", NULL },
        { "core.x.pager", NULL },
        { "filter.clean", NULL },
        { "remote.x.url", NULL },
};

START_TEST(test_what_is_executed) {
        char path[] = "/tmp/mxc-gitconfig-XXXXXX";
        _cleanup_close_ int fd = mkstemp(path);
        _cleanup_free_ char *command = NULL, *expected = NULL;
        ck_assert_int_ge(fd, 0);
        ck_assert_int_gt(asprintf(&command, "git config -f %s %s a/b", path, executed[_i].name), 0);
        ck_assert_int_eq(system(command), 0);
        char text[256];
        _cleanup_close_ int written = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = read(written, text, sizeof(text));
        (void)unlink(path);
        ck_assert_int_gt(n, 0);
        _cleanup_free_ char *found = parse(text, (size_t)n);
        ck_assert_int_gt(asprintf(&expected, "%s%s", executed[_i].found ? executed[_i].found : "",
                                         executed[_i].found ? "=a/b\n" : ""),
                        -1);
        ck_assert_str_eq(found, expected);
}
END_TEST

/* LIMIT_PATH_BYTES, at n and at n+1; a command may be longer. */
START_TEST(test_long_values) {
        for (size_t n = LIMIT_PATH_BYTES; n <= LIMIT_PATH_BYTES + 1; n++) {
                _cleanup_free_ char *text = NULL;
                ck_assert_int_gt(asprintf(&text, "[core]\nhooksPath = %0*d\nworktree = x\n", (int)n, 0), 0);
                _cleanup_free_ char *found = parse(text, strlen(text));
                ck_assert_uint_eq(strlen(found), n <= LIMIT_PATH_BYTES ? 15 + n + 1 + 16 : 16);
                _cleanup_free_ char *commands = NULL;
                ck_assert_int_gt(asprintf(&commands, "[core]\npager = %0*d\n", (int)n, 0), 0);
                _cleanup_free_ char *whole = parse(commands, strlen(commands));
                ck_assert_uint_eq(strlen(whole), 8 + n + 1);
        }
}
END_TEST

static int refuse(void *data, GitconfigKey key, const char *value) {
        (*(unsigned *)data)++;
        return -EXDEV;
}

START_TEST(test_it_can_be_stopped) {
        static const char text[] = "[core]\nhooksPath = a\nhooksPath = b\n";
        unsigned asked = 0;
        ck_assert_int_eq(gitconfig_parse(text, sizeof(text) - 1, refuse, &asked), -EXDEV);
        ck_assert_uint_eq(asked, 1);
}
END_TEST

int main(void) {
        Suite *s = suite_create("gitconfig");
        TCase *t = tcase_create("gitconfig");
        tcase_add_loop_test(t, test_what_is_said, 0, ELEMENTSOF(texts));
        tcase_add_loop_test(t, test_what_is_executed, 0, ELEMENTSOF(executed));
        tcase_add_test(t, test_long_values);
        tcase_add_test(t, test_it_can_be_stopped);
        suite_add_tcase(s, t);
        SRunner *runner = srunner_create(s);
        srunner_run_all(runner, CK_ENV);
        int failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
