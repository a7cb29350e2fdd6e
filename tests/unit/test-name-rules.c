/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What rules about names are made of: what files of git say, walking a workspace, following names, telling news. */

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "findings.h"
#include "git-settings.h"
#include "gitlink.h"
#include "limits.h"
#include "name-rules.h"
#include "open.h"

DEFINE_CLEANUP(Names *, names_free);
DEFINE_CLEANUP(Findings *, findings_free);

/* ---- a place to try it in ---- */

static char place[] = "/tmp/mxc-name-rules-XXXXXX";

static void set_up(void) {
        memcpy(place + sizeof(place) - 7, "XXXXXX", 6);
        ck_assert_ptr_nonnull(mkdtemp(place));
}

/* By a program that copes with paths that are too long. */
static void tear_down(void) {
        _cleanup_free_ char *command = NULL;
        ck_assert_int_gt(asprintf(&command, "rm -r '%s'", place), 0);
        ck_assert_int_eq(system(command), 0);
}

static int at_place(void) {
        int fd = open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);
        ck_assert_int_ge(fd, 0);
        return fd;
}

static void run(const char *script) {
        _cleanup_free_ char *whole = NULL;
        ck_assert_int_gt(asprintf(&whole, "cd '%s' && { %s; }", place, script), 0);
        ck_assert_int_eq(system(whole), 0);
}

/* ---- gitlink ---- */

static const struct {
        const char *data;
        size_t size;
        GitlinkKind kind;
        const char *path; /* NULL: there is none */
} links[] = {
        { "gitdir: ../.git/modules/x\n", 26, GITLINK_DOT_GIT, "../.git/modules/x" },
        { "gitdir: /a", 10, GITLINK_DOT_GIT, "/a" },
        { "gitdir: a\r\n\n", 12, GITLINK_DOT_GIT, "a" },
        { "gitdir:  a \n", 12, GITLINK_DOT_GIT, " a " },
        { "gitdir: a\nb\n", 12, GITLINK_DOT_GIT, "a\nb" },
        { "gitdir: a\0b\n", 12, GITLINK_DOT_GIT, "a" },
        { "gitdir: \0a\n", 11, GITLINK_DOT_GIT, NULL },
        { "gitdir: \n", 9, GITLINK_DOT_GIT, NULL },
        { "gitdir: ", 8, GITLINK_DOT_GIT, NULL },
        { "gitdir:", 7, GITLINK_DOT_GIT, NULL },
        { "gitdir:a\n", 9, GITLINK_DOT_GIT, NULL },
        { " gitdir: a\n", 11, GITLINK_DOT_GIT, NULL },
        { "", 0, GITLINK_DOT_GIT, NULL },
        { "../..\n", 6, GITLINK_COMMONDIR, "../.." },
        { "gitdir: a\n", 10, GITLINK_COMMONDIR, "gitdir: a" },
        { "\n", 1, GITLINK_COMMONDIR, NULL },
        { "", 0, GITLINK_COMMONDIR, NULL },
};

START_TEST(test_gitlink) {
        _cleanup_free_ char *path = NULL;
        int r = gitlink_parse(links[_i].data, links[_i].size, links[_i].kind, &path);
        ck_assert_int_eq(r, links[_i].path ? 0 : -EBADMSG);
        ck_assert_pstr_eq(path, links[_i].path);
}
END_TEST

START_TEST(test_gitlink_longest) {
        char data[LIMIT_PATH_BYTES + 16] = "gitdir: ";
        memset(data + 8, 'a', LIMIT_PATH_BYTES + 1);
        _cleanup_free_ char *path = NULL, *none = NULL;
        ck_assert_int_eq(gitlink_parse(data, 8 + LIMIT_PATH_BYTES, GITLINK_DOT_GIT, &path), 0);
        ck_assert_uint_eq(strlen(path), LIMIT_PATH_BYTES);
        ck_assert_int_eq(gitlink_parse(data, 8 + LIMIT_PATH_BYTES + 1, GITLINK_DOT_GIT, &none), -EBADMSG);
        ck_assert_ptr_null(none);
}
END_TEST

/* ---- how many ---- */

/* LIMIT_NAME_RULES and no more, by whichever way they come. */
START_TEST(test_rules_have_a_bound) {
        static const char *const list[] = { "x", NULL };
        _cleanup_(names_freep) Names *n = calloc(1, sizeof(Names));
        ck_assert_ptr_nonnull(n);
        ck_assert_int_eq(names_add_root(n, "/place", at_place(), at_place(), true, true, NULL), 0);
        for (size_t i = 0; i < LIMIT_NAME_RULES; i++)
                ck_assert_int_eq(i % 2 ? names_add(n, GUARD_RULE_PROTECT, 0, -EBADF, "", "x")
                                       : names_add_list(n, GUARD_RULE_PROTECT, 0, "a", list),
                                0);
        ck_assert_int_eq(names_add(n, GUARD_RULE_PROTECT, 0, -EBADF, "", "x"), -E2BIG);
        ck_assert_int_eq(names_add_list(n, GUARD_RULE_PROTECT, 0, "a", list), -E2BIG);
        ck_assert_int_eq(names_add_object(n, GUARD_RULE_DENY, place), -E2BIG);
        ck_assert_uint_eq(n->n_rules, LIMIT_NAME_RULES);
}
END_TEST

/* ---- walking ---- */

typedef struct Seen {
        char *text; /* "PATH KIND\n" of each directory, sorted later */
        size_t entries;
} Seen;

static const char *const kinds[] = {
        [WALK_TREE] = "tree", [WALK_GITDIR] = "gitdir", [WALK_MODULES] = "modules"
};

static int see_directory(void *data, const WalkDir *dir) {
        Seen *s = data;
        char *more = NULL;
        ck_assert_int_gt(asprintf(&more, "%s%s %s%s%s\n", s->text ? s->text : "",
                                         dir->path[0] ? dir->path : ".", kinds[dir->kind],
                                         dir->is_bare             ? " bare"
                                         : dir->dot_git == DT_DIR ? " repository"
                                         : dir->dot_git           ? " linked"
                                                                  : "",
                                         dir->marked ? " marked" : ""),
                        0);
        free(s->text);
        s->text = more;
        return 0;
}

static int see_entry(void *data, const WalkDir *dir, const WalkEntry *e) {
        Seen *s = data;
        s->entries++;
        return streq(e->name, "skip") ? WALK_SKIP : streq(e->name, "mark") ? WALK_MARK : WALK_ENTER;
}

static int never_unreadable(void *data, const char *path) {
        return -EACCES;
}

static int walk_place(Seen *s, size_t left) {
        Walk w = { .directory = see_directory,
                .entry = see_entry,
                .unreadable = never_unreadable,
                .data = s,
                .left = left };
        _cleanup_close_ int fd = at_place();
        return walk_run(&w, fd);
}

static int compare_lines(const void *a, const void *b) {
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void expect_lines(char *text, const char *const *expected, size_t n) {
        const char *lines[64];
        size_t count = 0;
        for (char *line = strtok(text, "\n"); line && count < ELEMENTSOF(lines); line = strtok(NULL, "\n"))
                lines[count++] = line;
        qsort(lines, count, sizeof(char *), compare_lines);
        ck_assert_uint_eq(count, n);
        for (size_t i = 0; i < n; i++)
                ck_assert_str_eq(lines[i], expected[i]);
}

START_TEST(test_walk_kinds) {
        run("mkdir -p a/b skip/x mark/c r/.git/objects/aa r/.git/hooks r/.git/modules/lib/x/objects "
            "r/.git/modules/lib/x/refs r/.git/worktrees/w bare/objects bare/refs bare/hooks half/objects; "
            "touch bare/HEAD half/HEAD r/.git/modules/lib/x/HEAD; "
            "touch r/.git/worktrees/w/HEAD r/.git/worktrees/w/commondir; ln -s /usr link");
        Seen s = { 0 };
        ck_assert_int_eq(walk_place(&s, 100), 0);
        static const char *const expected[] = { ". tree", "a tree", "a/b tree", "bare gitdir bare",
                "bare/hooks tree", "bare/objects tree", "bare/refs tree", "half tree", "half/objects tree",
                "mark tree marked", "mark/c tree marked", "r tree repository", "r/.git gitdir",
                "r/.git/modules modules", "r/.git/modules/lib modules", "r/.git/modules/lib/x gitdir",
                "r/.git/worktrees modules", "r/.git/worktrees/w gitdir" };
        expect_lines(s.text, expected, ELEMENTSOF(expected));
        free(s.text);
}
END_TEST

/* git looks for a .git before it takes a directory for a bare repository. */
START_TEST(test_walk_repositories) {
        run("mkdir -p both/objects both/refs both/.git both/x sub d/.git/.git; touch both/HEAD sub/.git; ln "
            "-s /nowhere .git");
        Seen s = { 0 };
        ck_assert_int_eq(walk_place(&s, 100), 0);
        static const char *const expected[] = { ". tree linked", "both tree bare", "both/.git gitdir",
                "both/objects tree", "both/refs tree", "both/x tree", "d tree repository", "d/.git gitdir",
                "sub tree linked" };
        expect_lines(s.text, expected, ELEMENTSOF(expected));
        free(s.text);
}
END_TEST

START_TEST(test_walk_limit) {
        run("mkdir a b c");
        Seen s = { 0 };
        ck_assert_int_eq(walk_place(&s, 4), 0);
        ck_assert_int_eq(walk_place(&s, 3), -E2BIG);
        free(s.text);
}
END_TEST

START_TEST(test_walk_deadline) {
        run("mkdir a");
        Seen s = { 0 };
        Walk w = {
                .entry = see_entry, .unreadable = never_unreadable, .data = &s, .left = 9, .deadline = 1
        };
        _cleanup_close_ int fd = at_place();
        ck_assert_int_eq(walk_run(&w, fd), -ETIME);
}
END_TEST

/* More names than one read of the directory brings, and what it is among the last. */
START_TEST(test_walk_large) {
        run("mkdir d && cd d && seq -f 'n%.0f-0123456789012345678901234567890123456789' 3000 | xargs touch "
            "&& "
            "mkdir objects refs && touch HEAD");
        Seen s = { 0 };
        ck_assert_int_eq(walk_place(&s, 9), 0);
        ck_assert_uint_eq(s.entries, 1 + 3000 + 3);
        ck_assert_ptr_nonnull(strstr(s.text, "d gitdir bare\n"));
        free(s.text);
}
END_TEST

/* Deeper than a process has descriptors, and in the end deeper than a path can say. */
START_TEST(test_walk_deep) {
        run("i=0; while [ $i -lt 1500 ]; do mkdir d; cd -P d; i=$((i + 1)); done");
        Seen s = { 0 };
        ck_assert_int_eq(walk_place(&s, 2000), 0);
        run("cd -P \"$(find . -name d | tail -n 1)\"; mkdir $(printf %0255d 1)");
        free(s.text);
        s = (Seen){ 0 };
        ck_assert_int_eq(walk_place(&s, 2000), 0);
        free(s.text);
        run("cd -P \"$(find . -type d | tail -n 1)\" || exit 1; i=0; while [ $i -lt 5 ]; do n=$(printf "
            "%0255d 1); "
            "mkdir $n && cd -P $n || exit 1; "
            "i=$((i + 1)); done");
        s = (Seen){ 0 };
        ck_assert_int_eq(walk_place(&s, 2000), -ENAMETOOLONG);
        free(s.text);
}
END_TEST

/* ---- following ---- */

/* "protect ROOT:PATH", "protect object" and so on of every rule, as lines. */
static char *rules_of(const Names *n) {
        static const char *const words[] = { [GUARD_RULE_DENY] = "deny", [GUARD_RULE_PROTECT] = "protect" };
        char *text = NULL;
        for (size_t i = 0; i < n->n_rules; i++) {
                const NameRule *r = &n->rules[i];
                char *more = NULL;
                int q = r->path ? asprintf(&more, "%s%s %zu:%s\n", text ? text : "", words[r->kind], r->root,
                                                  r->path)
                                : asprintf(&more, "%s%s object\n", text ? text : "", words[r->kind]);
                ck_assert_int_gt(q, 0);
                free(text);
                text = more;
        }
        return text;
}

static Names *new_names(void) {
        Names *n = calloc(1, sizeof(Names));
        ck_assert_ptr_nonnull(n);
        n->by_object = true;
        ck_assert_int_eq(names_add_root(n, "/ws", at_place(), at_place(), true, true, NULL), 0);
        return n;
}

static const struct {
        const char *prepare, *name;
        GuardKind kind;
        const char *rules[6]; /* sorted */
} names[] = {
        { "true", "a", GUARD_RULE_PROTECT, { "protect 0:a" } },
        { "true", "a/b/c", GUARD_RULE_PROTECT, { "protect 0:a/b/c" } },
        { "touch a", "a", GUARD_RULE_PROTECT, { "protect 0:a" } },
        { "mkdir a; touch a/b", "a/b", GUARD_RULE_PROTECT, { "protect 0:a/b" } },
        { "touch a", "a/b", GUARD_RULE_PROTECT, { "protect 0:a/b" } },
        { "touch a; ln a l", "a", GUARD_RULE_PROTECT, { "protect 0:a", "protect object" } },
        { "touch a", "a", GUARD_RULE_DENY, { "deny 0:a", "deny object" } },
        { "ln -s b a", "a", GUARD_RULE_PROTECT, { "protect 0:a", "protect 0:a", "protect 0:b" } },
        { "ln -s b a; touch b", "a", GUARD_RULE_PROTECT, { "protect 0:a", "protect 0:a", "protect 0:b" } },
        { "mkdir d; ln -s d a; touch d/x", "a/x", GUARD_RULE_PROTECT,
                        { "protect 0:a", "protect 0:a/x", "protect 0:d/x" } },
        { "mkdir -p d/e; ln -s ../../c d/e/a", "d/e/a/x", GUARD_RULE_PROTECT,
                        { "protect 0:c/x", "protect 0:d/e/a", "protect 0:d/e/a/x" } },
        { "ln -s $PWD/b a", "a/x", GUARD_RULE_PROTECT, { "protect 0:a", "protect 0:a/x", "protect 0:b/x" } },
        { "ln -s b a; ln -s c b", "a", GUARD_RULE_PROTECT,
                        { "protect 0:a", "protect 0:a", "protect 0:b", "protect 0:c" } },
        { "ln -s b a; touch b", "a", GUARD_RULE_DENY,
                        { "deny 0:a", "deny 0:b", "deny object", "protect 0:a" } },
        { "ln -s a a", "a/x", GUARD_RULE_PROTECT,
                        { NULL } }, /* only that it ends: the kernel will not follow it either */
        { "ln -s /nowhere a", "a", GUARD_RULE_PROTECT, { "protect 0:a", "protect 0:a" } },
        { "ln -s ../../../.. a", "a/x", GUARD_RULE_PROTECT, { "protect 0:a", "protect 0:a/x" } },
        { "ln -s b/../c a", "a", GUARD_RULE_PROTECT, { "protect 0:a", "protect 0:a", "protect 0:c" } },
        { "ln -s b/../../c a", "a", GUARD_RULE_PROTECT, { "protect 0:a", "protect 0:a" } },
};

START_TEST(test_names) {
        run(names[_i].prepare);
        _cleanup_(names_freep) Names *n = new_names();
        _cleanup_close_ int dir = at_place();
        ck_assert_int_eq(names_add(n, names[_i].kind, 0, dir, "", names[_i].name), 0);
        size_t count = 0;
        while (count < ELEMENTSOF(names[_i].rules) && names[_i].rules[count])
                count++;
        _cleanup_free_ char *text = rules_of(n);
        if (count > 0)
                expect_lines(text, names[_i].rules, count);
}
END_TEST

/* What "~" is in git's configuration: homes are "h" and, as the agent has it, "i" of the place. */
static const struct {
        const char *setting;
        bool unknown, inside; /* nobody knows the owner's home; the agent has another */
        int result;
        const char *rules[4]; /* sorted */
} homes[] = {
        { "core.hooksPath '~/x'", false, false, 0, { "protect 0:h/x" } },
        { "core.hooksPath '~/x'", false, true, 0, { "protect 0:h/x", "protect 0:i/x" } },
        { "core.hooksPath '~'", false, true, 0, { "protect 0:h", "protect 0:i" } },
        { "core.hooksPath '~o/x'", false, true, 0, { "protect 0:h/x" } },
        { "core.hooksPath ':(optional)~/x'", false, false, 0,
                        { "protect 0::(optional)~/x", "protect 0:h/x" } },
        { "core.hooksPath ':(optional)x'", false, false, 0, { "protect 0::(optional)x", "protect 0:x" } },
        { "core.hooksPath ':(optional)'", false, false, 0, { "protect 0::(optional)" } },
        { "include.path ':(optional)c'", false, false, 0, { "protect 0::(optional)c", "protect 0:c" } },
        { "core.hooksPath 'a~/x'", true, true, 0, { "protect 0:a~/x" } },
        { "core.hooksPath '~/x'", true, true, -ENODATA, { NULL } },
        { "core.hooksPath '~o'", true, true, -ENODATA, { NULL } },
        { "core.hooksPath '~oo/x'", false, true, -ENODATA, { NULL } },
        { "include.path '~/c'", false, true, 0,
                        { "protect 0:h/c", "protect 0:h/y", "protect 0:i/c", "protect 0:i/y" } },
        { "include.path '~p/c'", false, false, -ENODATA, { NULL } },
        { "core.worktree '~oo/x'", false, false, 0, { NULL } }, /* a path like any other, for git too */
};

START_TEST(test_homes_of_git) {
        _cleanup_free_ char *script = NULL, *home = NULL, *inside = NULL;
        ck_assert_int_gt(asprintf(&script,
                                         "mkdir h i && git config -f config %s && git config -f h/c "
                                         "core.hooksPath '~/y'",
                                         homes[_i].setting),
                        0);
        ck_assert(asprintf(&home, "%s/h", place) > 0 && asprintf(&inside, "%s/i", place) > 0);
        run(script);
        _cleanup_(names_freep) Names *n = new_names();
        _cleanup_close_ int dir = at_place();
        GitHome h = { .user = "o",
                .home = homes[_i].unknown ? "" : home,
                .inside = homes[_i].inside ? inside : NULL };
        ck_assert_int_eq(git_settings_protect(n, &h, 0, dir, "", "config", ""), homes[_i].result);
        ck_assert_int_eq(h.failed_by != NULL, homes[_i].result < 0);
        ck_assert(!h.failed_by || (h.failed_by[0] == '~' && strstr(homes[_i].setting, h.failed_by)));
        free(h.failed_by);
        size_t count = 0;
        while (count < ELEMENTSOF(homes[_i].rules) && homes[_i].rules[count])
                count++;
        _cleanup_free_ char *text = rules_of(n);
        ck_assert_int_eq(count > 0, text != NULL);
        if (count > 0)
                expect_lines(text, homes[_i].rules, count);
}
END_TEST

/* What the owner's own configuration leads to, whose home is "h". A relative path of what is included begins in the directory that the
 * included file was named in, whatever links are at the end of the name; links on the way to that directory lead as the kernel goes. */
static const struct {
        const char *prepare;
        int result;
        const char *hooks;    /* that are relative to each worktree, or a program */
        const char *rules[6]; /* sorted; besides those of the names that are always read */
} owns[] = {
        { "true", 0, NULL, { "protect 0:h/.gitconfig" } },
        { "git config -f etc core.hooksPath \"$PWD/x\"", 0, NULL,
                        { "protect 0:h/.gitconfig", "protect 0:x" } },
        { "git config -f etc core.pager tools/x", 0, "tools/x", { "protect 0:h/.gitconfig" } },
        { "git config -f etc alias.x '!~/x; tools/x; ls'", 0, "tools/x",
                        { "protect 0:h/.gitconfig", "protect 0:h/x" } },
        { "git config -f etc alias.x \"!sh $PWD/h a/b\"", 0, NULL, { "protect 0:h/.gitconfig" } },
        { "mkdir -p c/git && git config -f c/git/config core.hooksPath x", 0, "x",
                        { "protect 0:h/.gitconfig" } },
        { "git config -f g core.hooksPath x", 0, "x", { "protect 0:h/.gitconfig" } },
        { "git config -f h/.gitconfig core.hooksPath x", 0, "x", { "protect 0:h/.gitconfig" } },
        { "git config -f h/.gitconfig core.hooksPath \"$PWD/x\"", 0, NULL,
                        { "protect 0:h/.gitconfig", "protect 0:x" } },
        { "ln -s d/c h/.gitconfig; git config -f h/d/c include.path x", 0, NULL,
                        { "protect 0:h/.gitconfig", "protect 0:h/d/c", "protect 0:h/x" } },
        { "git config -f h/.gitconfig include.path l/c; ln -s d/e h/l; ln -s ../c h/d/e/c; git config -f "
          "h/d/c include.path ../x",
                        0, NULL,
                        { "protect 0:h/.gitconfig", "protect 0:h/d/c", "protect 0:h/d/e/c",
                                        "protect 0:h/d/x", "protect 0:h/l", "protect 0:h/l" } },
        { "git config -f h/.gitconfig include.path l/../c; ln -s d/e h/l; git config -f h/d/c include.path "
          "x",
                        0, NULL,
                        { "protect 0:h/.gitconfig", "protect 0:h/d/c", "protect 0:h/d/x", "protect 0:h/l",
                                        "protect 0:h/l" } },
        { "git config -f h/.gitconfig core.hooksPath \"$PWD\"", -EPERM, NULL, { "protect 0:h/.gitconfig" } },
        { "git config -f h/.gitconfig core.hooksPath '~/..'", -EPERM, NULL, { "protect 0:h/.gitconfig" } },
        { "git config -f h/.gitconfig core.hooksPath /dev/null", 0, NULL, { "protect 0:h/.gitconfig" } },
};

/* Names that are protected whether or not they are there, and whatever is said. */
static void take_line(char *text, const char *line) {
        char *at = strstr(text, line);
        ck_assert_msg(at != NULL, "%s", line);
        memmove(at, at + strlen(line), strlen(at + strlen(line)) + 1);
}

START_TEST(test_own_settings_of_git) {
        static const char *const always[] = { "protect 0:etc\n", "protect 0:g\n", "protect 0:c/git/config\n",
                "protect 0:h/.config/git/config\n", "protect 0:h/.config/git/attributes\n" };
        _cleanup_free_ char *script = NULL, *home = NULL, *failed = NULL, *system_wide = NULL,
                            *config_home = NULL, *global = NULL;
        ck_assert(asprintf(&script, "mkdir -p h/d/e; %s", owns[_i].prepare) > 0 &&
                        asprintf(&home, "%s/h", place) > 0 && asprintf(&system_wide, "%s/etc", place) > 0 &&
                        asprintf(&config_home, "%s/c", place) > 0 && asprintf(&global, "%s/g", place) > 0);
        run(script);
        _cleanup_(names_freep) Names *n = new_names();
        GitHome h = { .user = "o",
                .home = home,
                .system = system_wide,
                .config_home = config_home,
                .global = global };
        ck_assert_int_eq(git_settings_of_owner(n, &h, &failed), owns[_i].result);
        ck_assert_int_eq(failed != NULL, owns[_i].result < 0);
        ck_assert_int_eq(h.failed_by != NULL, owns[_i].result < 0);
        ck_assert_uint_eq(h.trees.n + h.programs.n, owns[_i].hooks != NULL);
        if (owns[_i].hooks)
                ck_assert_str_eq(h.trees.n > 0 ? h.trees.list[0] : h.programs.list[0], owns[_i].hooks);
        git_home_clear(&h);
        size_t count = 0;
        while (count < ELEMENTSOF(owns[_i].rules) && owns[_i].rules[count])
                count++;
        _cleanup_free_ char *text = rules_of(n);
        ck_assert_ptr_nonnull(text);
        for (size_t i = 0; i < ELEMENTSOF(always); i++)
                take_line(text, always[i]);
        expect_lines(text, owns[_i].rules, count);
}
END_TEST

/* What is in a directory that is protected, and leads out of it. */
static const struct {
        const char *prepare;
        const char *rules[6]; /* sorted, but of the directory itself */
        int result;
} insides[] = {
        { "touch d/a; mkdir d/b", { NULL }, 0 },
        { "ln -s ../x d/a", { "protect 0:d/a", "protect 0:x" }, 0 },
        { "mkdir x; ln -s ../x/y d/a", { "protect 0:d/a", "protect 0:x/y" }, 0 },
        { "mkdir d/b; ln -s ../../x d/b/a", { "protect 0:d/b/a", "protect 0:x" }, 0 },
        { "mkdir x; ln -s ../x d/a; ln -s ../y x/b",
                        { "protect 0:d/a", "protect 0:x", "protect 0:x/b", "protect 0:y" }, 0 },
        { "touch x; ln x d/a", { "protect object" }, 0 },
        { "ln -s . d/a; ln -s .. d/b; ln -s $PWD d/c", { "protect 0:d/a", "protect 0:d/b", "protect 0:d/c" },
                        0 },
        { "mkdir x; ln -s ../x d/a; ln -s ../x x/b", { "protect 0:d/a", "protect 0:x", "protect 0:x/b" },
                        0 },
        { "mkdir d/objects d/refs; touch d/HEAD; ln -s ../x d/a", { "protect 0:d/a", "protect 0:x" }, 0 },
        { "ln -s /usr/bin d/a", { "protect 0:d/a", "protect object" }, 0 },
        /* DEPTH_MAX: the directory, and 39 that lead to each other; one more */
        { "for i in $(seq 39); do mkdir $i; ln -s ../$((i + 1)) $i/l; done; ln -s ../1 d/a", { NULL }, 0 },
        { "for i in $(seq 40); do mkdir $i; ln -s ../$((i + 1)) $i/l; done; ln -s ../1 d/a", { NULL },
                        -ELOOP },
};

START_TEST(test_names_inside) {
        run("mkdir d");
        run(insides[_i].prepare);
        _cleanup_(names_freep) Names *n = new_names();
        _cleanup_close_ int dir = at_place();
        ck_assert_int_eq(names_add(n, GUARD_RULE_PROTECT, 0, dir, "", "d"), insides[_i].result);
        size_t count = 0;
        while (count < ELEMENTSOF(insides[_i].rules) && insides[_i].rules[count])
                count++;
        _cleanup_free_ char *text = rules_of(n);
        take_line(text, "protect 0:d\n");
        if (strncmp(insides[_i].prepare, "for", 3) != 0)
                expect_lines(text, insides[_i].rules, count);
}
END_TEST

/* Too many open files say nothing of what is there. */
START_TEST(test_no_absence) {
        run("git config -f config core.hooksPath x");
        _cleanup_(names_freep) Names *n = new_names();
        _cleanup_close_ int dir = at_place();
        GitHome h = { .user = "o", .home = "" };
        struct rlimit before, none;
        ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
        none = before;
        none.rlim_cur = (rlim_t)dir;
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
        int r = git_settings_protect(n, &h, 0, dir, "", "config", "");
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
        ck_assert_int_eq(r, -EMFILE);
        ck_assert_int_eq(git_settings_protect(n, &h, 0, dir, "", "nothing", ""), 0);
        static const int other[] = { -EMFILE, -ENFILE, -ENOMEM, -EIO, -ESTALE, -EINTR };
        for (size_t i = 0; i < ELEMENTSOF(other); i++)
                ck_assert(!git_is_absence(other[i]));
}
END_TEST

/* A grant below another has its own names: what is said from above ends there. */
START_TEST(test_names_nested) {
        run("mkdir -p d/e; touch d/e/f");
        _cleanup_(names_freep) Names *n = new_names();
        _cleanup_close_ int dir = at_place();
        ck_assert_int_eq(names_add_root(n, "/ws/d", openat(dir, "d", O_PATH), openat(dir, "d", O_PATH), true,
                                         true, NULL),
                        0);
        ck_assert_int_eq(names_add(n, GUARD_RULE_PROTECT, 0, dir, "", "d/e/f"), 0);
        ck_assert_int_eq(names_add(n, GUARD_RULE_PROTECT, 0, dir, "", "d"), 0);
        _cleanup_free_ char *text = rules_of(n);
        static const char *const expected[] = { "protect 0:d", "protect 0:d/e/f", "protect 1:e/f" };
        expect_lines(text, expected, ELEMENTSOF(expected));
        ck_assert_uint_eq(names_root_above(n, "/ws/d/x"), 1);
        ck_assert_uint_eq(names_root_above(n, "/ws/dx"), 0);
        ck_assert_uint_eq(names_root_above(n, "/w"), NO_ROOT);
}
END_TEST

/* Nor does a link to it make what is in it trusted. */
START_TEST(test_names_inside_of_a_grant) {
        run("mkdir d o r; ln -s ../o d/a; ln -s ../r d/b; ln -s ../x o/l; ln -s ../y r/l");
        _cleanup_(names_freep) Names *n = new_names();
        _cleanup_close_ int dir = at_place();
        ck_assert_int_eq(names_add_root(n, "/ws/o", openat(dir, "o", O_PATH), openat(dir, "o", O_PATH), true,
                                         true, NULL),
                        0);
        ck_assert_int_eq(names_add_root(n, "/ws/r", openat(dir, "r", O_PATH), openat(dir, "r", O_PATH),
                                         false, true, NULL),
                        0);
        ck_assert_int_eq(names_add(n, GUARD_RULE_PROTECT, 0, dir, "", "d"), 0);
        _cleanup_free_ char *text = rules_of(n);
        static const char *const expected[] = { "protect 0:d", "protect 0:d/a", "protect 0:d/b",
                "protect 0:y", "protect 2:l" };
        expect_lines(text, expected, ELEMENTSOF(expected));
}
END_TEST

/* LIMIT_NAME_RULES of what is said, which "." does not become a rule of, and LIMIT_GIT_FILES that say it. */
START_TEST(test_settings_have_bounds) {
        _cleanup_close_ int dir = at_place();
        for (unsigned i = 0; i < 4; i++) {
                const bool files = i >= 2, more = i % 2;
                const unsigned most = files ? LIMIT_GIT_FILES : LIMIT_NAME_RULES;
                _cleanup_(names_freep) Names *n = new_names();
                _cleanup_free_ char *script = NULL;
                GitHome h = { .user = "o", .home = "" };
                int q = files ? asprintf(&script,
                                                "touch c; { echo '[include]'; yes 'path=c' | head -n %u; } "
                                                ">config",
                                                most - !more)
                              : asprintf(&script,
                                                "{ printf '[alias]\\na=\"!'; yes './;' | head -n %u | "
                                                "tr -d '\\n'; echo '\"'; } >config",
                                                most + more);
                ck_assert_int_gt(q, 0);
                run(script);
                ck_assert_int_eq(git_settings_protect(n, &h, 0, dir, "", "config", ""), more ? -E2BIG : 0);
                ck_assert_uint_eq(h.most, more ? most : 0);
                ck_assert_int_eq(h.of != NULL, more);
                ck_assert_uint_eq(n->n_rules, files ? LIMIT_GIT_FILES - !more : 0);
        }
}
END_TEST

/* LIMIT_PATH_BYTES: a program by a longer one cannot be executed, and is not kept for every repository. */
START_TEST(test_settings_keep_paths) {
        for (unsigned more = 0; more < 2; more++) {
                _cleanup_(names_freep) Names *n = new_names();
                _cleanup_free_ char *script = NULL, *etc = NULL, *failed = NULL;
                ck_assert(asprintf(&script,
                                          "git config -f etc alias.x \"!$(yes a/ | head -n %u | tr -d "
                                          "'\\n')%s\"",
                                          (LIMIT_PATH_BYTES - 1) / 2, more ? "bc" : "b") > 0 &&
                                asprintf(&etc, "%s/etc", place) > 0);
                run(script);
                GitHome h = { .user = "o", .home = "", .system = etc };
                ck_assert_int_eq(git_settings_of_owner(n, &h, &failed), 0);
                ck_assert_uint_eq(h.programs.n, !more);
                git_home_clear(&h);
        }
}
END_TEST

START_TEST(test_names_object) {
        run("touch a");
        _cleanup_(names_freep) Names *n = new_names();
        _cleanup_free_ char *a = NULL, *b = NULL;
        ck_assert_int_gt(asprintf(&a, "%s/a", place), 0);
        ck_assert_int_gt(asprintf(&b, "%s/b", place), 0);
        ck_assert_int_eq(names_add_object(n, GUARD_RULE_DENY, a), 0);
        ck_assert_int_eq(names_add_object(n, GUARD_RULE_DENY, b), 0);
        _cleanup_free_ char *text = rules_of(n);
        static const char *const expected[] = { "deny object" };
        expect_lines(text, expected, ELEMENTSOF(expected));
}
END_TEST

/* ---- news ---- */

static PlanHandoff handoff[] = { { PLAN_HANDOFF_REPORT, (char *)".envrc" },
        { PLAN_HANDOFF_REPORT, (char *)".git/hooks" }, { PLAN_HANDOFF_REPORT, (char *)".github/workflows" },
        { PLAN_HANDOFF_REPORT, (char *)"HEAD" }, { PLAN_HANDOFF_ROOT, (char *)".bashrc" },
        { PLAN_HANDOFF_GITDIR, (char *)"hooks" } };
static const LaunchPlan plan = { .handoff = handoff, .n_handoff = ELEMENTSOF(handoff) };

static const struct {
        const char *root, *path, *name;
        WalkKind kind;
        unsigned char type;
        bool bare, marked, in_gitdir;
        FindingKind found;
} entries[] = {
        { "/w", "", ".envrc", WALK_TREE, DT_REG, false, false, false, FINDING_CHANGED },
        { "/w", "a/b", ".envrc", WALK_TREE, DT_LNK, false, false, false, FINDING_CHANGED },
        { "/w", "a", ".envrcx", WALK_TREE, DT_REG, false, false, false, FINDING_NONE },
        { "/w", "a", ".bashrc", WALK_TREE, DT_REG, false, false, false, FINDING_CHANGED },
        { "/w", "a", "hooks", WALK_TREE, DT_REG, false, false, false, FINDING_NONE },
        { "/w", "a", ".git", WALK_TREE, DT_REG, false, false, false, FINDING_CHANGED },
        { "/w", "", ".git", WALK_TREE, DT_LNK, false, false, false, FINDING_CHANGED },
        { "/w", "a", ".git", WALK_TREE, DT_DIR, false, false, false, FINDING_NONE },
        { "/w", "a", ".git", WALK_GITDIR, DT_REG, true, false, false, FINDING_CHANGED },
        { "/w", "a/.git", ".git", WALK_GITDIR, DT_REG, false, false, false, FINDING_NONE },
        { "/w", "a", ".envrc", WALK_GITDIR, DT_REG, true, false, false, FINDING_CHANGED },
        { "/w", "a/.git", ".envrc", WALK_GITDIR, DT_REG, false, false, false, FINDING_NONE },
        { "/w", "a/.github", "workflows", WALK_GITDIR, DT_DIR, true, false, false, FINDING_INSIDE },
        { "/w", "a/.github", "workflows", WALK_TREE, DT_DIR, false, false, false, FINDING_INSIDE },
        { "/w", ".github", "workflows", WALK_TREE, DT_DIR, false, false, false, FINDING_INSIDE },
        { "/w", "x.github", "workflows", WALK_TREE, DT_DIR, false, false, false, FINDING_NONE },
        { "/w/.github", "", "workflows", WALK_TREE, DT_DIR, false, false, false, FINDING_INSIDE },
        { "/w.github", "", "workflows", WALK_TREE, DT_DIR, false, false, false, FINDING_NONE },
        { "/w", "", "workflows", WALK_TREE, DT_DIR, false, false, false, FINDING_NONE },
        { "/w", "a", "ci.yml", WALK_TREE, DT_REG, false, true, false, FINDING_CHANGED },
        { "/w", "a/.git", "hooks", WALK_GITDIR, DT_DIR, false, false, false, FINDING_INSIDE },
        { "/w", "a/.git", "HEAD", WALK_GITDIR, DT_REG, false, false, false, FINDING_NONE },
        { "/w", "a.git", "hooks", WALK_GITDIR, DT_DIR, true, false, false, FINDING_INSIDE },
        { "/w", "a.git", "HEAD", WALK_GITDIR, DT_REG, true, false, false, FINDING_NEW },
        { "/w", "a", "HEAD", WALK_TREE, DT_REG, false, false, false, FINDING_CHANGED },
        { "/w", "a/.git/modules", "HEAD", WALK_MODULES, DT_REG, false, false, false, FINDING_NONE },
        { "/w", "a/.git/hooks", "update", WALK_TREE, DT_REG, false, true, true, FINDING_CHANGED },
        { "/w", "a/.git/hooks", "update.sample", WALK_TREE, DT_REG, false, true, true, FINDING_NONE },
        { "/w", "a/.husky", "update.sample", WALK_TREE, DT_REG, false, true, false, FINDING_CHANGED },
};

START_TEST(test_findings_kind) {
        _cleanup_(findings_freep) Findings *f = NULL;
        ck_assert_int_eq(findings_new(&plan, &f), 0);
        const WalkDir dir = { .fd = -EBADF,
                .path = entries[_i].path,
                .kind = entries[_i].kind,
                .is_bare = entries[_i].bare,
                .marked = entries[_i].marked,
                .in_gitdir = entries[_i].in_gitdir };
        const WalkEntry e = { entries[_i].name, entries[_i].type };
        ck_assert_int_eq(findings_kind(f, entries[_i].root, &dir, &e), entries[_i].found);
}
END_TEST

START_TEST(test_findings_news) {
        _cleanup_(findings_freep) Findings *f = NULL;
        ck_assert_int_eq(findings_new(&plan, &f), 0);
        run("touch a b c");
        _cleanup_close_ int fd = at_place();
        const WalkDir dir = { .fd = fd, .path = "" };
        const WalkEntry a = { "a", DT_REG }, b = { "b", DT_REG }, c = { "c", DT_REG },
                        gone = { "d", DT_REG };
        ck_assert_int_eq(findings_note(f, "/ws", &dir, &b), 0);
        ck_assert_int_eq(findings_note(f, "/ws", &dir, &a), 0);
        ck_assert_int_eq(findings_note(f, "/ws", &dir, &gone), 0);
        ck_assert_uint_eq(f->n, 2);
        findings_sort(f);
        const struct {
                const WalkEntry *entry;
                bool changed, fresh;
        } expected[] = { { &a, false, false }, { &b, true, false }, { &c, true, true } };
        run("sleep 0.05; chmod 700 b; touch -d 2001-01-01 b");
        for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
                Finding now;
                ck_assert_int_eq(finding_of("/ws", &dir, expected[i].entry, &now), 0);
                ck_assert_int_eq(findings_is_news(f, FINDING_CHANGED, &now), expected[i].changed);
                ck_assert_int_eq(findings_is_news(f, FINDING_NEW, &now), expected[i].fresh);
                free(now.path);
        }
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("name-rules");
        TCase *pure = tcase_create("pure"), *files = tcase_create("files");
        tcase_add_loop_test(pure, test_gitlink, 0, ELEMENTSOF(links));
        tcase_add_test(pure, test_gitlink_longest);
        tcase_add_loop_test(pure, test_findings_kind, 0, ELEMENTSOF(entries));
        tcase_add_checked_fixture(files, set_up, tear_down);
        tcase_set_timeout(files, 240);
        tcase_add_test(files, test_walk_kinds);
        tcase_add_test(files, test_walk_repositories);
        tcase_add_test(files, test_walk_limit);
        tcase_add_test(files, test_walk_deadline);
        tcase_add_test(files, test_walk_large);
        tcase_add_test(files, test_walk_deep);
        tcase_add_loop_test(files, test_names, 0, ELEMENTSOF(names));
        tcase_add_loop_test(files, test_homes_of_git, 0, ELEMENTSOF(homes));
        tcase_add_loop_test(files, test_own_settings_of_git, 0, ELEMENTSOF(owns));
        tcase_add_loop_test(files, test_names_inside, 0, ELEMENTSOF(insides));
        tcase_add_test(files, test_no_absence);
        tcase_add_test(files, test_names_nested);
        tcase_add_test(files, test_names_inside_of_a_grant);
        tcase_add_test(files, test_settings_have_bounds);
        tcase_add_test(files, test_settings_keep_paths);
        tcase_add_test(files, test_names_object);
        tcase_add_test(files, test_rules_have_a_bound);
        tcase_add_test(files, test_findings_news);
        suite_add_tcase(s, pure);
        suite_add_tcase(s, files);
        return s;
}

int main(void) {
        SRunner *runner = srunner_create(suite());
        srunner_run_all(runner, CK_ENV);
        int failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
