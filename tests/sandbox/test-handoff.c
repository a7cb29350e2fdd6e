/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trust handoff and denied names, attacked: test-handoff LAUNCHER MUTANT. Each case prepares a workspace as its owner, lets an
 * agent loose in it, and then looks on the host for the harm. Every attack is also made in a cage without the walls, where
 * it must do its harm: otherwise it would prove nothing. TAP. */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "fd.h"
#include "guard.h"
#include "loose.h"

DEFINE_CLEANUP(LaunchPlan *, launch_plan_free);

/* ---- attacks ---- */

typedef struct Attack {
        const char *name;
        const char *prepare; /* by the owner, before */
        const char *act;     /* by the agent */
        const char *harm;    /* by the owner, after: exits 0 when it was done */
} Attack;

#define TEXT(x) #x
#define NUMBER(x) TEXT(x)
/* renameat2(2) with RENAME_EXCHANGE: no program of the shell's does that everywhere. */
#define EXCHANGE(a, b)                                                                                      \
        "perl -e '$a = \"" a "\"; $b = \"" b                                                                \
        "\"; exit(syscall(" NUMBER(__NR_renameat2) ", -100, $a, -100, $b, 2) != 0)'"

static const Attack attacks[] = {
        /* T1 */
        { "T1 a name that did not exist", NULL, "echo x >.envrc", "test -e .envrc" },
        { "T1 renaming onto it", NULL, "echo x >f && mv f .envrc", "test -e .envrc" },
        { "T1 linking to it", NULL, "echo x >f && ln f .envrc", "test -e .envrc" },
        { "T1 a symlink there", NULL, "echo x >f && ln -s f .envrc", "test -e .envrc" },
        { "T1 below a directory made for it", NULL, "mkdir .claude && echo x >.claude/settings.json",
                        "test -e .claude/settings.json" },
        { "T1 renaming such a directory into place", NULL,
                        "mkdir d && echo x >d/settings.json && mv d .claude",
                        "test -e .claude/settings.json" },
        { "T1 a symlink in the place of the directory", NULL,
                        "mkdir d && echo x >d/settings.json && ln -s d .claude",
                        "test -e .claude/settings.json" },
        { "T1 writing what exists", "echo ok >.envrc", "echo x >.envrc", "grep -q x .envrc" },
        { "T1 replacing what exists", "echo ok >.envrc", "echo x >f; mv -f f .envrc", "grep -q x .envrc" },
        { "T1 removing what exists", "echo ok >.envrc", "rm -f .envrc", "! test -e .envrc" },
        { "T1 changing its mode", "echo ok >.envrc; chmod 600 .envrc", "chmod 755 .envrc",
                        "test -x .envrc" },
        { "T1 exchanging its directory",
                        "mkdir .claude d; echo ok >.claude/settings.json; echo x >d/settings.json",
                        "mv .claude e; mv d .claude", "grep -q x .claude/settings.json" },
        /* T2 */
        { "T2 a hook", "repository repo", "echo x >repo/.git/hooks/pre-commit",
                        "test -e repo/.git/hooks/pre-commit" },
        { "T2 a hook where there is no directory for them", "repository repo; rm -r repo/.git/hooks",
                        "mkdir repo/.git/hooks; echo x >repo/.git/hooks/pre-commit",
                        "test -e repo/.git/hooks/pre-commit" },
        { "T2 git's configuration", "repository repo",
                        "git -C repo config core.fsmonitor x; echo '#x' >>repo/.git/config",
                        "grep -q x repo/.git/config" },
        { "T2 another configuration", "repository repo", "echo x >repo/.git/config.worktree",
                        "test -e repo/.git/config.worktree" },
        { "T2 another common directory", "repository repo", "echo ../../evil >repo/.git/commondir",
                        "test -e repo/.git/commondir" },
        { "T2 attributes", "repository repo", "echo x >repo/.git/info/attributes",
                        "test -e repo/.git/info/attributes" },
        { "T2 a repository far down", "mkdir -p a/b/c && repository a/b/c/repo",
                        "echo x >a/b/c/repo/.git/hooks/pre-commit",
                        "test -e a/b/c/repo/.git/hooks/pre-commit" },
        { "T2 a bare repository", "git init -q --bare bare", "echo x >bare/hooks/update",
                        "test -e bare/hooks/update" },
        { "T2 what .git says", "repository repo; git -C repo worktree add -q ../tree",
                        "echo 'gitdir: /tmp/evil' >tree/.git", "grep -q evil tree/.git" },
        { "T2 a worktree's common directory", "repository repo; git -C repo worktree add -q ../tree",
                        "echo /tmp/evil >repo/.git/worktrees/tree/commondir",
                        "grep -q evil repo/.git/worktrees/tree/commondir" },
        { "T2 a submodule",
                        "repository repo; git init -q top && git -C top -c protocol.file.allow=always "
                        "submodule --quiet add "
                        "\"$PWD/repo\" sub",
                        "echo x >top/.git/modules/sub/hooks/pre-commit",
                        "test -e top/.git/modules/sub/hooks/pre-commit" },
        { "T2 a git directory elsewhere", "mkdir store; git init -q --separate-git-dir=store/g tree",
                        "echo x >store/g/hooks/update", "test -e store/g/hooks/update" },
        { "T2 a git directory that is to come", "mkdir t && echo 'gitdir: ../later/g' >t/.git",
                        "mkdir -p later/g/hooks && echo x >later/g/hooks/update",
                        "test -e later/g/hooks/update" },
        { "T2 the way to it by a symlink",
                        "mkdir store; git init -q --separate-git-dir=store/g tree; mv store real; ln -s "
                        "real store",
                        "rm -f store; mkdir -p store/g/hooks; echo x >store/g/hooks/update",
                        "test -e store/g/hooks/update" },
        { "T2 a symlink for hooks",
                        "repository repo; mkdir h; rm -r repo/.git/hooks; ln -s ../../h repo/.git/hooks",
                        "echo x >h/pre-commit", "test -e repo/.git/hooks/pre-commit" },
        { "T2 a symlink for .git", "git init -q --bare g; mkdir t; ln -s ../g t/.git",
                        "rm -f t/.git; git init -q t", "test -d t/.git && ! test -L t/.git" },
        { "T2 the root becomes a repository", NULL, "mkdir objects refs && echo ref: refs/heads/x >HEAD",
                        "test -e HEAD" },
        { "T2 .git at the root as a file", NULL,
                        "mkdir -p g/hooks; echo x >g/hooks/update; echo 'gitdir: g' >.git", "test -e .git" },
        { "T2 where hooks are said to be", "repository repo; git -C repo config core.hooksPath tools/x",
                        "mkdir -p repo/tools/x && echo x >repo/tools/x/pre-commit",
                        "test -e repo/tools/x/pre-commit" },
        { "T2 where hooks are said to be, and are",
                        "repository repo; git -C repo config core.hooksPath ../x/y; mkdir -p x/y; echo ok "
                        ">x/y/pre-commit",
                        "echo x >x/y/pre-commit; mv x z; mkdir -p x/y && echo x >x/y/pre-commit",
                        "grep -q x x/y/pre-commit" },
        { "T2 where hooks are said to be by a path of the host",
                        "repository repo; git -C repo config core.hooksPath \"$PWD/x\"",
                        "mkdir x && echo x >x/pre-commit", "test -e x/pre-commit" },
        { "T2 where hooks of a bare repository are said to be",
                        "git init -q --bare g; git -C g config core.hooksPath x",
                        "mkdir g/x && echo x >g/x/update", "test -e g/x/update" },
        { "T2 where hooks of a worktree are said to be",
                        "repository repo; git -C repo config core.hooksPath x; git -C repo worktree add -q "
                        "../tree",
                        "mkdir tree/x && echo x >tree/x/pre-commit", "test -e tree/x/pre-commit" },
        { "T2 where hooks of a submodule are said to be",
                        "repository repo; git init -q top && git -C top -c protocol.file.allow=always "
                        "submodule --quiet add \"$PWD/repo\" sub && git -C top/sub config core.hooksPath x",
                        "mkdir top/sub/x && echo x >top/sub/x/pre-commit", "test -e top/sub/x/pre-commit" },
        { "T2 where hooks are said to be in the owner's home",
                        "repository repo; git -C repo config core.hooksPath \"~/${PWD##*/}/x\"",
                        "mkdir x && echo x >x/pre-commit",
                        "cd repo && test -e \"$(git rev-parse --git-path hooks/pre-commit)\"" },
        { "T2 where hooks are said to be in the home of the owner by name",
                        "repository repo; git -C repo config core.hooksPath \"~o/${PWD##*/}/x\"",
                        "mkdir x && echo x >x/pre-commit", "test -e x/pre-commit" },
        { "T2 configuration that is included from the owner's home",
                        "repository repo; git -C repo config includeIf.onbranch:x.path "
                        "\"~/${PWD##*/}/x.conf\"; git -C repo switch -qc x",
                        "git config -f x.conf a.b c", "test \"$(git -C repo config a.b)\" = c" },
        { "T2 where the owner's own configuration says that hooks are",
                        "repository repo; git config -f ../out/gitconfig core.hooksPath x/y",
                        "mkdir -p repo/x/y && echo x >repo/x/y/pre-commit",
                        "test -e repo/x/y/pre-commit && r=0 || r=1; rm ../out/gitconfig; exit $r" },
        { "T2 where it says that hooks of a worktree are",
                        "repository repo; git -C repo worktree add -q ../tree; git config -f "
                        "../out/gitconfig core.hooksPath x",
                        "mkdir tree/x && echo x >tree/x/pre-commit",
                        "test -e tree/x/pre-commit && r=0 || r=1; rm ../out/gitconfig; exit $r" },
        { "T2 what the owner's own configuration includes",
                        "git config -f ../out/gitconfig include.path \"~/${PWD##*/}/c\"",
                        "git config -f c core.fsmonitor x",
                        "test \"$(git config --global --includes core.fsmonitor)\" = x && r=0 || r=1; rm "
                        "../out/gitconfig; exit $r" },
        { "T2 what it includes beside the link that it is",
                        "git config -f ../out/gitconfig include.path \"${PWD##*/}/c\"",
                        "git config -f c core.fsmonitor x",
                        "test \"$(git config --global --includes core.fsmonitor)\" = x && r=0 || r=1; rm "
                        "../out/gitconfig; exit $r" },
        { "T2 configuration that is included by what a symlink leads to",
                        "repository repo; mkdir repo/d; ln -s d/c repo/.gitconfig; git config -f repo/d/c "
                        "include.path x; git -C repo config include.path ../.gitconfig",
                        "git config -f repo/x a.b c", "test \"$(git -C repo config a.b)\" = c" },
        { "T2 where it says that hooks of a repository without configuration are",
                        "repository repo; rm repo/.git/config; "
                        "git config -f ../out/gitconfig core.hooksPath x",
                        "mkdir repo/x && echo x >repo/x/post-checkout",
                        "cd repo && test -e \"$(git rev-parse --git-path hooks/post-checkout)\" && r=0 || "
                        "r=1; rm ../../out/gitconfig; exit $r" },
        { "T2 where it says that hooks of a bare repository without configuration are",
                        "git init -q --bare g; rm g/config; git config -f ../out/gitconfig core.hooksPath x",
                        "mkdir g/x && echo x >g/x/update",
                        "test -e g/x/update && r=0 || r=1; rm ../out/gitconfig; exit $r" },
        { "T2 configuration that is included", "repository repo; git -C repo config include.path ../x.conf",
                        "git config -f repo/x.conf core.fsmonitor x", "test -e repo/x.conf" },
        { "T2 configuration that is included on a condition",
                        "repository repo; git -C repo config includeIf.onbranch:x.path ../x.conf; echo "
                        "'#ok' >repo/x.conf",
                        "echo '#x' >repo/x.conf", "grep -q x repo/x.conf" },
        { "T2 configuration that is included by what is included",
                        "repository repo; git -C repo config include.path ../d/a; mkdir repo/d; git config "
                        "-f repo/d/a include.path b",
                        "echo '#x' >repo/d/b", "test -e repo/d/b" },
        { "T2 where hooks are said to be by what is included",
                        "repository repo; git -C repo config include.path ../d/a; mkdir repo/d; git config "
                        "-f repo/d/a core.hooksPath x",
                        "mkdir repo/x && echo x >repo/x/pre-commit", "test -e repo/x/pre-commit" },
        { "T2 configuration that is included in ten steps",
                        "repository repo; git -C repo config include.path ../d/1; mkdir repo/d; for i in 1 "
                        "2 "
                        "3 4 5 6 7 8 9 10; do git config -f repo/d/$i include.path $((i + 1)); done",
                        "echo '#x' >repo/d/11", "test -e repo/d/11" },
        { "T2 where hooks are said to be by what is included by that of a worktree",
                        "repository repo; git -C repo config include.path ../x.conf; git config -f "
                        "repo/x.conf core.hooksPath x; git -C repo worktree add -q ../tree",
                        "mkdir tree/x && echo x >tree/x/pre-commit", "test -e tree/x/pre-commit" },
        { "T2 where hooks are said to be by what is included from elsewhere",
                        "repository repo; git -C repo config include.path \"$PWD/../out/a\"; git config -f "
                        "../out/a include.path b; git config -f ../out/b core.hooksPath x",
                        "mkdir repo/x && echo x >repo/x/pre-commit", "test -e repo/x/pre-commit" },
        { "T2 where hooks of a worktree of what is elsewhere are said to be",
                        "rm -rf ../out/*; repository ../out/repo; git -C ../out/repo config core.hooksPath "
                        "x; git -C ../out/repo worktree add -q \"$PWD/tree\"",
                        "mkdir tree/x && echo x >tree/x/pre-commit", "test -e tree/x/pre-commit" },
        { "T2 where hooks of a worktree alone are said to be",
                        "rm -rf ../out/*; repository ../out/repo; git -C ../out/repo config "
                        "extensions.worktreeConfig true; git -C ../out/repo worktree add -q \"$PWD/tree\"; "
                        "git -C tree config --worktree core.hooksPath x",
                        "mkdir tree/x && echo x >tree/x/pre-commit", "test -e tree/x/pre-commit" },
        { "T2 where hooks of a submodule of what is elsewhere are said to be",
                        "rm -rf ../out/*; mkdir sub; git init -q --separate-git-dir=../out/g sub; git -C "
                        "sub config core.hooksPath x; git -C sub config core.worktree \"$PWD/sub\"",
                        "mkdir sub/x && echo x >sub/x/pre-commit", "test -e sub/x/pre-commit" },
        { "T2 where hooks are said to be by a git directory elsewhere that a symlink leads to",
                        "rm -rf ../out/*; git init -q --bare ../out/g; git -C ../out/g config "
                        "core.hooksPath x; mkdir t; ln -s ../../out/g t/.git",
                        "mkdir t/x && echo x >t/x/pre-commit", "test -e t/x/pre-commit" },
        { "T2 configuration of a worktree that is included from what is elsewhere",
                        "rm -rf ../out/*; repository ../out/repo; git -C ../out/repo config include.path "
                        "\"$PWD/c/x.conf\"; git -C ../out/repo worktree add -q \"$PWD/tree\"",
                        "mkdir c && echo x >c/x.conf", "test -e c/x.conf" },
        { "T2 where hooks of what is elsewhere lead",
                        "rm -rf ../out/*; mkdir h tree; echo ok >h/pre-commit; git init -q "
                        "--separate-git-dir=../out/g tree; rm -r ../out/g/hooks; ln -s \"$PWD/h\" "
                        "../out/g/hooks",
                        "echo x >h/pre-commit", "grep -q x ../out/g/hooks/pre-commit" },
        { "T2 where hooks of what is elsewhere lead, and are not there yet",
                        "rm -rf ../out/*; repository ../out/repo; git -C ../out/repo worktree add -q "
                        "\"$PWD/tree\"; rm -r ../out/repo/.git/hooks; ln -s \"$PWD/tree/h/h\" "
                        "../out/repo/.git/hooks",
                        "mkdir -p tree/h/h && echo x >tree/h/h/pre-commit",
                        "test -e ../out/repo/.git/hooks/pre-commit" },
        { "T2 where the configuration of what is elsewhere leads",
                        "rm -rf ../out/*; mkdir tree; git init -q --separate-git-dir=../out/g tree; mv "
                        "../out/g/config c; ln -s \"$PWD/c\" ../out/g/config",
                        "git config -f c a.b c", "test \"$(git -C tree config a.b)\" = c" },
        /* a hook that is a file of the worktree, which git follows */
        { "T2 what a hook is a symlink to",
                        "repository repo; echo ok >repo/tool; ln -s ../../tool repo/.git/hooks/pre-commit",
                        "echo x >repo/tool", "grep -q x repo/.git/hooks/pre-commit" },
        { "T2 what a hook is a symlink to, and is not there yet",
                        "repository repo; ln -s ../../bin/tool repo/.git/hooks/pre-commit",
                        "mkdir repo/bin && echo x >repo/bin/tool", "grep -q x repo/.git/hooks/pre-commit" },
        { "T2 another name that a hook has",
                        "repository repo; echo ok >repo/.git/hooks/pre-commit; ln "
                        "repo/.git/hooks/pre-commit f",
                        "echo x >f", "grep -q x repo/.git/hooks/pre-commit" },
        { "T2 what a hook of what is elsewhere is a symlink to",
                        "rm -rf ../out/*; repository ../out/repo; git -C ../out/repo worktree add -q "
                        "\"$PWD/tree\"; echo ok >tree/tool; ln -s \"$PWD/tree/tool\" "
                        "../out/repo/.git/hooks/pre-commit",
                        "echo x >tree/tool", "grep -q x ../out/repo/.git/hooks/pre-commit" },
        { "T2 what a hook that is said to be elsewhere is a symlink to",
                        "rm -rf ../out/*; mkdir ../out/h; repository repo; echo ok >repo/tool; ln -s "
                        "\"$PWD/repo/tool\" ../out/h/pre-commit; git -C repo config core.hooksPath "
                        "\"$PWD/../out/h\"",
                        "echo x >repo/tool", "grep -q x ../out/h/pre-commit" },
        { "T2 what a hook is a symlink to, in hooks that cannot be listed",
                        "repository repo; echo ok >repo/tool; ln -s ../../tool repo/.git/hooks/pre-commit; "
                        "chmod 111 repo/.git/hooks",
                        "echo x >repo/tool", "grep -q x repo/.git/hooks/pre-commit" },
        { "T1 exchanging two files in one call", "echo ok >.envrc; echo x >f", EXCHANGE("f", ".envrc"),
                        "grep -q x .envrc" },
        { "T1 a file without a name, linked to it", NULL,
                        "perl -e 'sysopen($f, \".\", 020200002, 0644) or exit 1; syswrite $f, \"x\"; $t = "
                        "\"/proc/self/fd/\" . fileno $f; $n = \".envrc\"; syscall(" NUMBER(
                                        __NR_linkat) ", -100, $t, -100, $n, 0x400)'",
                        "test -e .envrc" },
        { "T2 exchanging hooks in one call", "repository repo; mkdir h; echo x >h/pre-commit",
                        EXCHANGE("h", "repo/.git/hooks"), "test -e repo/.git/hooks/pre-commit" },
        { "T2 a name within hooks for hooks", "repository repo; mkdir h",
                        "mv h repo/.git/hooks/d; ln -s x repo/.git/hooks/y; ln f repo/.git/hooks/z",
                        "test -e repo/.git/hooks/d || test -L repo/.git/hooks/y || test -e "
                        "repo/.git/hooks/z" },
        /* programs of the worktree that git's configuration names, and runs */
        { "T2 a program that git asks what has changed",
                        "repository repo; git -C repo config core.fsmonitor tools/x",
                        "mkdir repo/tools && printf '#!/bin/sh\\n>../ran' >repo/tools/x && chmod 755 "
                        "repo/tools/x",
                        "git -C repo status >/dev/null 2>&1; test -e ran" },
        { "T2 a filter",
                        "repository repo; git -C repo config filter.y.clean 'tools/x %f'; mkdir repo/tools; "
                        "printf '#!/bin/sh\\ncat' >repo/tools/x; chmod 755 repo/tools/x",
                        "echo 'f filter=y' >repo/.gitattributes; printf '#!/bin/sh\\n>../ran' "
                        ">repo/tools/new; chmod 755 repo/tools/new; mv -f repo/tools/new repo/tools/x; echo "
                        "22 >repo/f",
                        "git -C repo diff >/dev/null; test -e ran" },
        { "T2 a filter that an interpreter is given",
                        "repository repo; git -C repo config filter.y.clean 'sh x.sh %f'",
                        "echo 'f filter=y' >repo/.gitattributes; echo '>../ran' >repo/x.sh; echo 22 >repo/f",
                        "git -C repo diff >/dev/null 2>&1; test -e ran" },
        { "T2 what turns files into text",
                        "repository repo; git -C repo config diff.y.textconv \"\\$(git rev-parse "
                        "--show-toplevel)/x\"",
                        "echo 'f diff=y' >repo/.gitattributes; printf '#!/bin/sh\\n>../ran' >repo/x; chmod "
                        "755 repo/x; echo 22 >repo/f",
                        "git -C repo diff >/dev/null 2>&1; test -e ran" },
        { "T2 an alias", "repository repo; git -C repo config alias.y '!f() { env A=b tools/x; }; f'",
                        "mkdir repo/tools; printf '#!/bin/sh\\n>../ran' >repo/tools/x && chmod 755 "
                        "repo/tools/x",
                        "git -C repo y 2>/dev/null; test -e ran" },
        { "T2 another name of a program that is elsewhere",
                        "rm -rf ../out/*; repository repo; echo ok >../out/x; ln ../out/x x; git -C repo "
                        "config core.fsmonitor \"$PWD/../out/x\"",
                        "echo x >x", "grep -q x ../out/x" },
        { "T2 attributes that are elsewhere", "repository repo; git -C repo config core.attributesFile a/b",
                        "mkdir repo/a && echo x >repo/a/b", "test -e repo/a/b" },
        { "T2 an alias of the owner's own",
                        "repository repo; git config -f ../out/gitconfig alias.y '!tools/x'",
                        "mkdir repo/tools; printf '#!/bin/sh\\n>../ran' >repo/tools/x && chmod 755 "
                        "repo/tools/x",
                        "git -C repo y 2>/dev/null; test -e ran && r=0 || r=1; rm ../out/gitconfig; exit "
                        "$r" },
        /* T3 */
        { "T3 an editor's tasks", "mkdir .vscode", "echo x >.vscode/tasks.json",
                        "test -e .vscode/tasks.json" },
        { "T3 an editor's tasks that exist", "mkdir .vscode; echo ok >.vscode/tasks.json",
                        "echo x >.vscode/tasks.json", "grep -q x .vscode/tasks.json" },
        { "T3 a shell's start", "echo ok >.bashrc", "echo x >>.bashrc", "grep -q x .bashrc" },
        { "T3 tools for an agent", NULL, "echo x >.mcp.json", "test -e .mcp.json" },
        /* T4 */
        { "T4 where a symlink leads", "mkdir d; echo ok >d/rc; ln -s d/rc .bashrc", "echo x >d/rc",
                        "grep -q x .bashrc" },
        { "T4 where a symlinked directory leads", "mkdir d; ln -s d .claude", "echo x >d/settings.json",
                        "test -e .claude/settings.json" },
        /* T5 */
        { "T5 moving .git away", "repository repo",
                        "mv repo/.git x && mkdir -p repo/.git/hooks && echo x >repo/.git/hooks/update",
                        "test -e repo/.git/hooks/update" },
        { "T5 moving the repository away", "repository repo",
                        "mv repo x && mkdir -p repo/.git/hooks && echo x >repo/.git/hooks/update",
                        "test -e repo/.git/hooks/update" },
        { "T5 moving what holds the repository", "mkdir a && repository a/repo",
                        "mv a x && mkdir -p a/repo/.git/hooks && echo x >a/repo/.git/hooks/update",
                        "test -e a/repo/.git/hooks/update" },
        /* T8 */
        { "T8 a name that did not exist", "repository repo", "echo x >repo/.envrc", "test -e repo/.envrc" },
        { "T8 renaming onto it", "repository repo", "echo x >f && mv f repo/.envrc", "test -e repo/.envrc" },
        { "T8 linking to it", "repository repo", "ln repo/f repo/.envrc", "test -e repo/.envrc" },
        { "T8 a symlink there", "repository repo", "ln -s f repo/.envrc", "test -L repo/.envrc" },
        { "T8 below a directory made for it", "repository repo",
                        "mkdir repo/.vscode && echo x >repo/.vscode/tasks.json",
                        "test -e repo/.vscode/tasks.json" },
        { "T8 a directory in its place", "repository repo", "mkdir repo/.mcp.json",
                        "test -e repo/.mcp.json" },
        { "T8 renaming such a directory into place", "repository repo",
                        "mkdir d && echo x >d/tasks.json && mv d repo/.vscode",
                        "test -e repo/.vscode/tasks.json" },
        { "T8 a symlink in the place of the directory", "repository repo",
                        "mkdir d && echo x >d/tasks.json && ln -s ../d repo/.vscode",
                        "test -e repo/.vscode/tasks.json" },
        { "T8 writing what exists", "repository repo; echo ok >repo/.mcp.json", "echo x >repo/.mcp.json",
                        "grep -q x repo/.mcp.json" },
        { "T8 replacing what exists", "repository repo; echo ok >repo/.mcp.json",
                        "echo x >f; mv -f f repo/.mcp.json", "grep -q x repo/.mcp.json" },
        { "T8 removing what exists", "repository repo; echo ok >repo/.mcp.json", "rm -f repo/.mcp.json",
                        "! test -e repo/.mcp.json" },
        { "T8 another name of what exists",
                        "repository repo; echo ok >repo/.mcp.json; ln repo/.mcp.json alias", "echo x >alias",
                        "grep -q x repo/.mcp.json" },
        { "T8 where a symlink leads", "repository repo; mkdir d; echo ok >d/rc; ln -s ../d/rc repo/.bashrc",
                        "echo x >d/rc", "grep -q x repo/.bashrc" },
        { "T8 where a symlinked directory leads", "repository repo; mkdir d; ln -s ../d repo/.vscode",
                        "echo x >d/tasks.json", "test -e repo/.vscode/tasks.json" },
        { "T8 exchanging its directory",
                        "repository repo; mkdir repo/.vscode d; echo ok >repo/.vscode/tasks.json; echo x "
                        ">d/tasks.json",
                        "mv repo/.vscode e; mv d repo/.vscode", "grep -q x repo/.vscode/tasks.json" },
        { "T8 a repository far down", "mkdir -p a/b/c && repository a/b/c/repo", "echo x >a/b/c/repo/.envrc",
                        "test -e a/b/c/repo/.envrc" },
        { "T8 a repository in another", "repository repo; repository repo/sub; repository repo/sub/x",
                        "echo x >repo/.envrc; echo x >repo/sub/.envrc; echo x >repo/sub/x/.envrc",
                        "test -e repo/.envrc || test -e repo/sub/.envrc || test -e repo/sub/x/.envrc" },
        { "T8 a submodule",
                        "repository repo; git init -q top && git -C top -c protocol.file.allow=always "
                        "submodule --quiet add \"$PWD/repo\" sub",
                        "echo x >top/sub/.envrc; mkdir top/sub/.vscode && echo x "
                        ">top/sub/.vscode/tasks.json",
                        "test -e top/sub/.envrc || test -e top/sub/.vscode/tasks.json" },
        { "T8 a worktree", "repository repo; git -C repo worktree add -q ../tree", "echo x >tree/.envrc",
                        "test -e tree/.envrc" },
        { "T8 a symlink for .git", "git init -q --bare g; mkdir t; ln -s ../g t/.git", "echo x >t/.envrc",
                        "test -e t/.envrc" },
        { "T8 moving the repository away", "repository repo",
                        "mv repo x && mkdir repo && echo x >repo/.envrc", "test -e repo/.envrc" },
        { "T8 moving what holds it", "mkdir a && repository a/repo",
                        "mv a x && mkdir -p a/repo && echo x >a/repo/.envrc", "test -e a/repo/.envrc" },
        { "T8 a repository that looks like a bare one, too",
                        "repository repo; mkdir repo/objects repo/refs; echo ref: refs/heads/x >repo/HEAD",
                        "echo x >repo/.git/hooks/update; echo x >repo/.envrc; mkdir repo/hooks && echo x "
                        ">repo/hooks/update",
                        "test -e repo/.git/hooks/update || test -e repo/.envrc || test -e "
                        "repo/hooks/update" },
        { "T8 such a one below it",
                        "repository repo; mkdir repo/objects repo/refs; echo ref: refs/heads/x >repo/HEAD; "
                        "repository repo/sub",
                        "echo x >repo/sub/.git/hooks/update", "test -e repo/sub/.git/hooks/update" },
        { "T8 one below what looks like a bare one",
                        "mkdir a a/objects a/refs; echo ref: refs/heads/x >a/HEAD; repository a/b/repo",
                        "echo x >a/b/repo/.git/hooks/update; echo x >a/b/repo/.envrc",
                        "test -e a/b/repo/.git/hooks/update || test -e a/b/repo/.envrc" },
};

static void attack(Rig *r, const Attack *a, RigResult *result) {
        _cleanup_(launch_plan_freep) LaunchPlan *p = agent(r, a->act);
        prepare(r, a->prepare);
        rig_run(r, p, result);
}

static void attack_all(Rig *r, bool walls) {
        for (size_t i = 0; i < ELEMENTSOF(attacks); i++) {
                static RigResult result;
                const Attack *a = &attacks[i];
                attack(r, a, &result);
                bool harmed = host(r, a->harm) == 0, ok = result.started && harmed == !walls;
                if (!ok)
                        print_output(&result);
                tell(ok, walls ? "refused" : "done without the walls", a->name);
        }
}

/* The owner's own configuration where the environment that the agent gets says it is; without, ~/.config/git is not in the workspace. */
static void attack_environment(Rig *r, bool walls) {
        static const struct {
                const char *variable, *below, *file;
        } named[] = {
                { "XDG_CONFIG_HOME", "", "git/config" },
                { "GIT_CONFIG_GLOBAL", "/own", "own" },
        };
        for (size_t i = 0; i < ELEMENTSOF(named); i++) {
                static RigResult result;
                _cleanup_free_ char *script = NULL, *variable = NULL, *harm = NULL;
                if (asprintf(&script, "mkdir -p git; echo x >%s", named[i].file) < 0 ||
                                asprintf(&harm, "test -e %s", named[i].file) < 0 ||
                                asprintf(&variable, "%s=%s%s", named[i].variable, r->workspace,
                                                named[i].below) < 0)
                        rig_die("memory", ENOMEM);
                _cleanup_(launch_plan_freep) LaunchPlan *p = agent(r, script);
                const char *const env[] = { "PATH=/usr/bin:/bin", "HOME=/tmp", variable };
                plan_set_env(p, env, ELEMENTSOF(env));
                prepare(r, NULL);
                rig_run(r, p, &result);
                bool ok = result.started && (host(r, harm) == 0) == !walls;
                if (!ok)
                        print_output(&result);
                tell(ok, walls ? "refused" : "done without the walls", named[i].variable);
        }
}

/* ---- work ---- */

static const struct {
        const char *name, *prepare, *act;
} works[] = {
        { "commit", "repository repo",
                        "cd repo && echo 2 >f && git commit -qam 2 && git log --oneline | grep -q 2" },
        { "branches", "repository repo",
                        "cd repo && git switch -qc x && git branch y && git switch -q - && git branch -qD "
                        "x" },
        { "stash", "repository repo",
                        "cd repo && echo 2 >f && git stash -q && git stash pop -q && grep -q 2 f" },
        { "rebase", "repository repo",
                        "cd repo && git switch -qc x && echo 2 >g && git add g && git commit -qm 2 && git "
                        "switch -q - && "
                        "echo 3 >h && git add h && git commit -qm 3 && git switch -q x && git rebase -q - "
                        "&& test -e h" },
        { "gc", "repository repo", "cd repo && git gc -q && git fsck" },
        { "clone", "repository repo",
                        "git clone -q repo new && cd new && echo 2 >f && git commit -qam 2 && git config "
                        "a.b c" },
        { "clone deeper", "mkdir vendor && repository repo",
                        "git clone -q repo vendor/new && test -e vendor/new/.git/config" },
        { "a worktree", "repository repo",
                        "cd repo && git worktree add -q ../tree && cd ../tree && echo 2 >f && git commit "
                        "-qam 2" },
        { "merge", "repository repo",
                        "cd repo && git switch -qc x && echo 2 >f && git commit -qam 2 && git switch -q - "
                        "&& git merge -q x" },
        { "files come and go", "repository repo; mkdir d",
                        "echo 1 >d/a && mv d/a d/b && mv d e && ln e/b e/c && mkdir e/.claude && "
                        "rm -r e && mkdir -p x/y && mv x z && chmod 700 z" },
        { "hooks at another place",
                        "repository repo; git -C repo config core.hooksPath .; repository b; git -C b "
                        "config "
                        "core.hooksPath x/y",
                        "cd repo && echo 2 >f && git commit -qam 2 && cd ../b && mkdir x && echo 2 >x/z && "
                        "git add x && git commit -qm 2 && rm x/z" },
        { "a worktree that its hooks are said to be in",
                        "rm -rf ../out/*; repository ../out/repo; git -C ../out/repo config core.hooksPath "
                        "\"$PWD/tree\"; git -C ../out/repo worktree add -q \"$PWD/tree\"; rm -r "
                        "../out/repo/.git/hooks; ln -s \"$PWD/tree\" ../out/repo/.git/hooks",
                        "echo 2 >tree/g && mkdir tree/d" },
        { "a worktree that a link in hooks elsewhere leads to",
                        "rm -rf ../out/*; repository ../out/repo; git -C ../out/repo worktree add -q "
                        "\"$PWD/tree\"; ln -s \"$PWD/tree\" ../out/repo/.git/hooks/all",
                        "echo 2 >tree/g && mkdir tree/d" },
        { "a root that is a repository", "git init -q . && echo 1 >f && git add f && git commit -qm 1",
                        "echo 2 >f && git commit -qam 2 && git switch -qc x && git gc -q && mv f g && git "
                        "add -A && "
                        "git commit -qm 3 && git stash list && git rm -q g" },
        { "a repository below", "repository repo; mkdir repo/.vscode; echo 1 >repo/.vscode/x",
                        "cd repo && echo 2 >.vscode/x && mkdir .github && echo 1 >.github/x && git add -A "
                        "&& "
                        "git commit -qm 2 && mkdir d && mkdir d/.vscode && echo 1 >d/.vscode/tasks.json && "
                        "rm -r d" },
        { "what commands of git are given, and do not run",
                        "repository repo; cd repo; mkdir src build; echo 1 >src/a; git config alias.y "
                        "'!make -C src "
                        "all && rm -rf build/o && prettier src/a && sh src/x $1'; git config core.editor "
                        "vim; git config "
                        "filter.lfs.clean 'git-lfs clean -- %f'; git config alias.z '!sh src'",
                        "cd repo && echo 2 >src/a && mv src/a src/b && mkdir build/o all && echo 1 >vim && "
                        "echo 1 "
                        ">clean && git add -A && git commit -qm 2" },
        { "hooks that are links to the worktree, beside them",
                        "repository repo; mkdir repo/tools; echo ok >repo/tools/x; ln -s ../../tools/x "
                        "repo/.git/hooks/update; ln -s ../.. repo/.git/hooks/all",
                        "cd repo && echo 2 >tools/y && echo 2 >f && mv tools/y z && git add -A && git "
                        "commit -qm 2" },
        { "a build", "printf 'all:\\n\\techo 1 >o.tmp\\n\\tmv o.tmp o\\n' >Makefile",
                        "make -s && test -e o && cp -r . /tmp/w" },
};

static void work_all(Rig *r) {
        for (size_t i = 0; i < ELEMENTSOF(works); i++) {
                static RigResult result;
                _cleanup_(launch_plan_freep) LaunchPlan *p = agent(r, works[i].act);
                prepare(r, works[i].prepare);
                rig_run(r, p, &result);
                bool ok = result.started && result.code == 0;
                if (!ok)
                        print_output(&result);
                tell(ok, "goes on", works[i].name);
        }
}

/* ---- a launcher that crashes ---- */

/* How many sandboxes the guard holds rules of; 0 without one. */
static size_t guarded(void) {
        _cleanup_(guard_close) Guard g = GUARD_NONE;
        _cleanup_free_ uint64_t *ids = NULL;
        size_t n = 0;
        if (guard_open(&g) == 0 && guard_cgroups(&g, &ids, &n) < 0)
                rig_die("the guard's maps", EIO);
        return n;
}

static void await_end(const RigBox *box) {
        struct pollfd p = { .fd = box->pidfd, .events = POLLIN };
        if (poll(&p, 1, 60000) != 1)
                rig_die("the sandbox does not end", ETIMEDOUT);
}

static void remove_cgroup(const Rig *r, const char *name) {
        _cleanup_free_ char *dir = NULL;
        if (asprintf(&dir, "%s/%s", r->scope_dir, name) < 0)
                rig_die("memory", ENOMEM);
        for (int i = 0; rmdir(dir) < 0; i++) {
                if (i == 500)
                        rig_die(dir, errno);
                (void)usleep(10000);
        }
}

/* What lives goes on as it was confined; whose cgroup went meanwhile loses its rules when the next launcher starts. */
static void crash(Rig *r, const char *launcher) {
        static RigResult result;
        RigBox box;
        _cleanup_(launch_plan_freep) LaunchPlan *p = agent(
                        r, "echo ready; while ! test -e go; do sleep 0.02; done; echo x >.envrc; echo y >f");
        prepare(r, NULL);
        size_t before = guarded();
        char line[6];
        if (!rig_spawn(r, p, &box, &result) || read(box.output, line, sizeof(line)) != sizeof(line))
                rig_die("the agent does not begin", EPROTO);
        rig_crash(r, launcher);
        bool held = guarded() == before + r->features.guard;
        bool ok = host(r, "touch go") == 0;
        await_end(&box);
        ok = ok && host(r, "test -e f && ! test -e .envrc") == 0;
        tell(ok, "a launcher that crashes", "what lives is confined as before");

        remove_cgroup(r, box.id);
        rig_crash(r, launcher);
        if (r->features.guard) /* mediation ends with its pid 1, and leaves nothing to sweep */
                tell(held && guarded() == before, "a launcher that crashes",
                                "rules stay with the living, and go with the dead");
        const int fds[] = { box.pidfd, box.page, box.output };
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                (void)close(fds[i]); /* nobody reports its end any more */
        /* its anchor has no launcher that would end it */
        _cleanup_free_ char *file = NULL;
        if (asprintf(&file, "%s/anchor/cgroup.kill", r->scope_dir) < 0 ||
                        fd_write_file_at(AT_FDCWD, file, "1") < 0)
                rig_die("the anchor", EIO);
        remove_cgroup(r, "anchor");
}

/* ---- what is told at the end ---- */

static const struct {
        const char *name, *prepare, *act;
        const char *told; /* all of it, each path with a blank behind; NULL: the list is not whole */
        const char *denied, *readonly;
} tellings[] = {
        { "nothing", "repository repo; echo 1 >repo/.envrc; mkdir .husky; echo 1 >.husky/x",
                        "cd repo && echo 2 >f && git commit -qam 2 && git switch -qc x && git gc -q", "" },
        { "a name in a directory", "mkdir d", "echo x >d/.envrc", "d/.envrc " },
        { "what was changed", "mkdir d; echo 1 >d/.envrc", "echo x >d/.envrc", "d/.envrc " },
        { "what was changed, and made to look old",
                        "mkdir d; echo 1 >d/.envrc; touch -d 2001-01-01 d/.envrc",
                        "echo x >d/.envrc; touch -d 2001-01-01 d/.envrc", "d/.envrc " },
        { "what was replaced by something older",
                        "mkdir d; echo 1 >d/.envrc; echo 2 >d/old; touch -d 2001-01-01 d/old",
                        "mv -f d/old d/.envrc", "d/.envrc " },
        { "what git would execute to go on with a rebase", "repository repo",
                        "mkdir repo/.git/rebase-merge && echo exec x "
                        ">repo/.git/rebase-merge/git-rebase-todo",
                        "repo/.git/rebase-merge/git-rebase-todo " },
        { "what was there, elsewhere", "mkdir d; echo 1 >d/.envrc", "mv d e", "e/.envrc " },
        { "what was there, and is denied", "mkdir d; echo 1 >d/.envrc", "echo x >f", "", "d/.envrc" },
        { "what came in the place of what is read-only", "mkdir d; echo 1 >d/.envrc",
                        "mv d e; mkdir d; echo x >d/.envrc", "d/.envrc e/.envrc ", NULL, "d/.envrc" },
        { "what is beside that", "mkdir d; echo 1 >d/.envrc", "mkdir e; echo x >e/.envrc", "e/.envrc ",
                        "d/.envrc" },
        { "a symlink", "mkdir d", "ln -s /nowhere d/.envrc", "d/.envrc " },
        { "what is below a name that is a directory", "mkdir -p d/.husky/_; echo 1 >d/.husky/_/a",
                        "mkdir -p d/.husky/x && echo x >d/.husky/x/b", "d/.husky/x/b " },
        { "a name of two parts", "mkdir d",
                        "mkdir -p d/.github/workflows workflows && echo x >d/.github/workflows/ci.yml && "
                        "echo x >workflows/ci.yml",
                        "d/.github/workflows/ci.yml " },
        { "a clone", "repository repo", "git clone -q repo vendor/x", "vendor/x/.git/config " },
        { "a clone with hooks", "repository repo",
                        "git clone -q repo x && echo x >x/.git/hooks/pre-commit && echo x "
                        ">x/.git/hooks/a.sample",
                        "x/.git/config x/.git/hooks/pre-commit " },
        { "a bare repository", NULL, "git init -q --bare d && echo x >d/hooks/update",
                        "d/HEAD d/config d/hooks/update " },
        { "HEAD of one that was there, not", "git init -q --bare d",
                        "git -C d symbolic-ref HEAD refs/heads/x", "" },
        { "a repository that was not there", NULL,
                        "git init -q d && echo x >d/.envrc && mkdir d/.vscode && echo x "
                        ">d/.vscode/tasks.json",
                        "d/.envrc d/.git/config d/.vscode/tasks.json " },
        { "a submodule", "repository repo; git init -q top",
                        "git -C top -c protocol.file.allow=always submodule --quiet add \"$PWD/repo\" sub "
                        "2>&1; "
                        "echo x >top/.git/modules/sub/hooks/update",
                        "top/.git/modules/sub/config top/.git/modules/sub/hooks/update top/sub/.git " },
        { "a worktree", "repository repo", "git -C repo worktree add -q ../tree",
                        "repo/.git/worktrees/tree/commondir tree/.git " },
        { "an embedded repository whose configuration names a command", "repository repo",
                        "cd repo && git init -q sub && cd sub && echo 1 >g && git add g && git commit -qm 1 "
                        "&& git config "
                        "core.fsmonitor ./x && cd .. && git add sub 2>/dev/null && git commit -qm 2",
                        "repo/sub/.git/config " },
        { "a link to a git directory that nobody looks into", "repository repo",
                        "git init -q --bare repo/.git/objects/zz && mkdir sub && echo gitdir: "
                        "../repo/.git/objects/zz >sub/.git && git -C sub config core.fsmonitor x",
                        "sub/.git " },
        { "a symlink to one", "repository repo",
                        "git init -q --bare repo/.git/zz && mkdir sub && ln -s ../repo/.git/zz sub/.git",
                        "sub/.git " },
        { "what was changed, in what was made to look like a repository", "mkdir d; echo 1 >d/.envrc",
                        "echo x >d/.envrc; mkdir d/objects d/refs; echo ref: refs/heads/x >d/HEAD",
                        "d/.envrc d/HEAD " },
        { "a name that is only protected where a repository was", "mkdir d", "echo x >d/.bashrc",
                        "d/.bashrc " },
        /* LIMIT_HANDOFF_FOUND */
        { "as many as fit", NULL,
                        "mkdir d && cd d && for i in 1 2 3 4 5 6 7 8; do for k in 1 2 3 4 5 6 7 8; do mkdir "
                        "$i$k && "
                        ">$i$k/.envrc; done; done",
                        "d/11/.envrc d/12/.envrc d/13/.envrc d/14/.envrc d/15/.envrc d/16/.envrc "
                        "d/17/.envrc d/18/.envrc "
                        "d/21/.envrc d/22/.envrc d/23/.envrc d/24/.envrc d/25/.envrc d/26/.envrc "
                        "d/27/.envrc d/28/.envrc "
                        "d/31/.envrc d/32/.envrc d/33/.envrc d/34/.envrc d/35/.envrc d/36/.envrc "
                        "d/37/.envrc d/38/.envrc "
                        "d/41/.envrc d/42/.envrc d/43/.envrc d/44/.envrc d/45/.envrc d/46/.envrc "
                        "d/47/.envrc d/48/.envrc "
                        "d/51/.envrc d/52/.envrc d/53/.envrc d/54/.envrc d/55/.envrc d/56/.envrc "
                        "d/57/.envrc d/58/.envrc "
                        "d/61/.envrc d/62/.envrc d/63/.envrc d/64/.envrc d/65/.envrc d/66/.envrc "
                        "d/67/.envrc d/68/.envrc "
                        "d/71/.envrc d/72/.envrc d/73/.envrc d/74/.envrc d/75/.envrc d/76/.envrc "
                        "d/77/.envrc d/78/.envrc "
                        "d/81/.envrc d/82/.envrc d/83/.envrc d/84/.envrc d/85/.envrc d/86/.envrc "
                        "d/87/.envrc d/88/.envrc " },
        { "one more than fit", NULL,
                        "mkdir d && cd d && for i in 1 2 3 4 5 6 7 8; do for k in 1 2 3 4 5 6 7 8; do mkdir "
                        "$i$k && "
                        ">$i$k/.envrc; done; done; mkdir x && >x/.envrc",
                        NULL },
        { "longer than fits", NULL,
                        "n=$(printf %0200d 1); for i in 1 2 3 4 5 6 7 8 9; do for k in 1 2; do mkdir $i$k$n "
                        "&& "
                        ">$i$k$n/.envrc; done; done",
                        NULL },
        { "a directory that was shut", "mkdir d", "echo x >d/.envrc; chmod 0 d", NULL },
        { "a directory that was shut in part", "mkdir d", "echo x >d/.envrc; chmod 444 d", NULL },
};

static int compare_paths(const void *a, const void *b) {
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The paths of a page, relative to the workspace, sorted, a blank behind each. */
static char *told(const Rig *r, const StatusPage *page) {
        const char *paths[256];
        size_t n = 0, size = strlen(r->workspace) + 1;
        for (uint32_t at = 0; at < page->handoff_bytes && n < ELEMENTSOF(paths); n++) {
                paths[n] = page->handoff + at;
                at += (uint32_t)strlen(paths[n]) + 1;
        }
        if (n != page->n_handoff)
                rig_die("the page counts otherwise", EPROTO);
        qsort(paths, n, sizeof(char *), compare_paths);
        char *all = strdup("");
        for (size_t i = 0; i < n; i++) {
                char *more = NULL;
                bool below = strncmp(paths[i], r->workspace, size - 1) == 0 && paths[i][size - 1] == '/';
                if (asprintf(&more, "%s%s ", all, below ? paths[i] + size : paths[i]) < 0)
                        rig_die("memory", ENOMEM);
                free(all);
                all = more;
        }
        return all;
}

static void set_access(const Rig *r, LaunchPlan *p, const char *relative, PlanAccess access) {
        _cleanup_free_ char *path = NULL;
        int n = strncmp(relative, "../", 3) == 0 ? asprintf(&path, "%s/%s", r->dir, relative + 3)
                                                 : asprintf(&path, "%s/%s", r->workspace, relative);
        if (n < 0)
                rig_die("memory", ENOMEM);
        plan_add_mount(p, path, access)->required = false;
}

static void deny(const Rig *r, LaunchPlan *p, const char *relative) {
        set_access(r, p, relative, PLAN_DENIED);
}

/* Whether the list is what it has to be. */
static bool is_told(Rig *r, size_t i, RigResult *result) {
        _cleanup_(launch_plan_freep) LaunchPlan *p = agent(r, tellings[i].act);
        prepare(r, tellings[i].prepare);
        if (tellings[i].denied)
                deny(r, p, tellings[i].denied);
        if (tellings[i].readonly)
                set_access(r, p, tellings[i].readonly, PLAN_READONLY);
        rig_run(r, p, result);
        _cleanup_free_ char *list = told(r, &result->page);
        bool whole = tellings[i].told != NULL;
        if (result->started && result->page.handoff_scanned == whole &&
                        (!whole || streq(list, tellings[i].told)))
                return true;
        (void)snprintf(result->detail, sizeof(result->detail), "whole %u: %s", result->page.handoff_scanned,
                        list);
        return false;
}

static void tell_all(Rig *r, bool walls) {
        for (size_t i = 0; i < ELEMENTSOF(tellings); i++) {
                static RigResult result;
                if (!walls && !tellings[i].told)
                        continue;
                bool ok = is_told(r, i, &result) == walls;
                if (!ok) {
                        print_output(&result);
                        printf("# %s\n", result.detail);
                }
                tell(ok, walls ? "told at the end" : "not told without the walls", tellings[i].name);
        }
}

/* How it is ended matters: asked, it still looks; killed, it cannot, and does not say that it did. */
static void end_by(Rig *r, int number_of_signal, bool whole, const char *name) {
        static RigResult result;
        RigBox box;
        _cleanup_(launch_plan_freep) LaunchPlan *p = agent(r, "echo x >d/.envrc && echo ready && sleep 600");
        prepare(r, "mkdir d");
        bool ok = rig_spawn(r, p, &box, &result);
        if (ok) {
                char line[6];
                ok = read(box.output, line, sizeof(line)) == sizeof(line) &&
                     kill(box.pid, number_of_signal) == 0;
                rig_wait(r, &box, 0, &result);
                rig_release(r, box.id, 0);
                ok = ok && result.page.handoff_scanned == whole && result.page.n_handoff == whole;
        }
        tell(ok, "told at the end", name);
}

/* ---- what an agent is given ---- */

/* T6: what somebody chose for a workspace is what a host program trusts. */
static const struct {
        const char *name, *prepare, *workspace, *act, *harm;
        bool refused; /* it cannot even be granted; otherwise the attack fails */
} choices[] = {
        { "a git directory", "repository repo", "repo/.git", "echo x >hooks/update; echo x >>config",
                        "test -e repo/.git/hooks/update || grep -q x repo/.git/config", false },
        { "a bare repository", "git init -q --bare g", "g", "echo x >hooks/update", "test -e g/hooks/update",
                        false },
        { "hooks", "repository repo", "repo/.git/hooks", "echo x >update", "test -e repo/.git/hooks/update",
                        true },
        { "hooks of a submodule", "mkdir -p .git/modules/a/b/hooks/x", ".git/modules/a/b/hooks/x",
                        "echo x >update", "test -e .git/modules/a/b/hooks/x/update", true },
};

static void choose_all(Rig *r, bool walls) {
        for (size_t i = 0; i < ELEMENTSOF(choices); i++) {
                static RigResult result;
                _cleanup_(launch_plan_freep) LaunchPlan *p = agent(r, choices[i].act);
                char **places[] = { &p->mounts[0].path, &p->cwd };
                for (size_t k = 0; k < ELEMENTSOF(places); k++) {
                        free(*places[k]);
                        if (asprintf(places[k], "%s/%s", r->workspace, choices[i].workspace) < 0)
                                rig_die("memory", ENOMEM);
                }
                prepare(r, choices[i].prepare);
                rig_run(r, p, &result);
                bool harmed = host(r, choices[i].harm) == 0, ok = harmed == !walls;
                if (walls && choices[i].refused)
                        ok = ok && !result.started && result.step == LAUNCH_STEP_HANDOFF &&
                             result.error == EPERM;
                else
                        ok = ok && result.started;
                if (!ok)
                        print_output(&result);
                tell(ok, walls ? "T6 chosen for a workspace" : "T6 chosen, without the walls",
                                choices[i].name);
        }
}

/* T2: what git would find in a home that nobody knows is not guessed at. */
static const struct {
        const char *name, *home, *path;
} unknown_homes[] = {
        { "of somebody else", NULL, "~somebody/x" },
        { "of an owner without one", "", "~/x" },
};

static void refuse_unknown_homes(Rig *r) {
        for (size_t i = 0; i < ELEMENTSOF(unknown_homes); i++) {
                static RigResult result;
                _cleanup_free_ char *script = NULL;
                _cleanup_(launch_plan_freep) LaunchPlan *p = agent(r, "true");
                if (unknown_homes[i].home)
                        plan_set_owner(p, "o", unknown_homes[i].home);
                if (asprintf(&script, "repository repo; git -C repo config core.hooksPath '%s'",
                                    unknown_homes[i].path) < 0)
                        rig_die("memory", ENOMEM);
                prepare(r, script);
                rig_run(r, p, &result);
                bool ok = !result.started && result.step == LAUNCH_STEP_HANDOFF && result.error == ENODATA &&
                          strstr(result.detail, "repo/.git/config") &&
                          strstr(result.detail, unknown_homes[i].path);
                if (!ok)
                        print_output(&result);
                tell(ok, "T2 refused by name, hooks in a home", unknown_homes[i].name);
        }
}

/* T7: what is denied and protected leaves no trace on the host, be it there or not. */
static void leave_nothing(Rig *r) {
        static RigResult result;
        static const char look[] = "find . ! -name .seen -printf '%p %i %m %s %l %C@\\n' | sort";
        _cleanup_free_ char *before = NULL, *after = NULL;
        _cleanup_(launch_plan_freep) LaunchPlan *p =
                        agent(r, "cat .envrc .env x/y 2>/dev/null; ls -la >/dev/null");
        if (asprintf(&before, "repository repo; mkdir d; echo 1 >.envrc; touch .seen; %s >.seen", look) <
                                        0 ||
                        asprintf(&after, "%s | cmp - .seen", look) < 0)
                rig_die("memory", ENOMEM);
        static const char *const denied[] = { ".env", "d/secret", "x/y" };
        for (size_t i = 0; i < ELEMENTSOF(denied); i++) {
                _cleanup_free_ char *path = NULL;
                if (asprintf(&path, "%s/%s", r->workspace, denied[i]) < 0)
                        rig_die("memory", ENOMEM);
                plan_add_mount(p, path, PLAN_DENIED)->required = false;
        }
        prepare(r, before);
        rig_run(r, p, &result);
        bool ok = result.started && host(r, after) == 0;
        if (!ok)
                print_output(&result);
        tell(ok, "T7 left behind", "nothing");
}

/* ---- what is denied ---- */

/* E17: the agent tries for what is denied; the harm is a word of it in its output, or what the host finds. */
static const struct {
        const char *name, *prepare, *denied, *act, *harm; /* harm NULL: the word */
        bool guard; /* mediation does not look at every object that is read, for the sake of those denied elsewhere */
} denials[] = {
        { "its path", "echo WORD >.env", ".env", "cat .env", NULL },
        { "its path, roundabout", "mkdir d; echo WORD >.env", ".env", "cat .//d/..//.env", NULL },
        { "the root of a process", "echo WORD >.env", ".env",
                        "cat /proc/self/root/$PWD/.env /proc/self/cwd/.env", NULL },
        { "a symlink", "echo WORD >.env", ".env", "ln -s .env l && cat l", NULL },
        { "a link made now", "echo WORD >.env", ".env", "ln .env l && cat l", NULL },
        { "moving it", "echo WORD >.env", ".env", "mv .env l && cat l", NULL },
        { "moving what it is in", "mkdir d; echo WORD >d/.env", "d/.env", "mv d e; cat e/.env d/.env",
                        NULL },
        { "what it leads to", "mkdir d; echo WORD >d/e; ln -s d/e .env", ".env", "cat d/e .env", NULL },
        { "below a directory", "mkdir d; echo WORD >d/e", "d", "cat d/e; cd d && cat e", NULL },
        { "making it", NULL, ".env", "echo x >.env", "test -e .env" },
        { "moving something there", NULL, "d/.env", "mkdir e && echo x >e/.env && mv e d",
                        "test -e d/.env" },
        { "a symlink there", NULL, ".env", "ln -s f .env", "test -L .env" },
        { "a hard link from before", "echo WORD >.env; ln .env l", ".env", "cat l", NULL },
        { "a hard link of what is elsewhere", "echo WORD >../out/secret; ln ../out/secret l",
                        "../out/secret", "cat l", NULL, true },
};

static void deny_all(Rig *r, bool walls) {
        for (size_t i = 0; i < ELEMENTSOF(denials); i++) {
                static RigResult result;
                if (walls && denials[i].guard && !r->features.guard)
                        continue;
                _cleanup_(launch_plan_freep) LaunchPlan *p = agent(r, denials[i].act);
                if (walls) /* a mask is no room that could be left out: without it nothing is denied */
                        deny(r, p, denials[i].denied);
                prepare(r, denials[i].prepare);
                rig_run(r, p, &result);
                bool harmed = denials[i].harm ? host(r, denials[i].harm) == 0
                                              : strstr(result.output, "WORD") != NULL;
                bool ok = result.started && harmed == !walls;
                if (!ok)
                        print_output(&result);
                tell(ok, walls ? "E17 denied" : "E17 had, when it is not denied", denials[i].name);
        }
}

/* As an editor saves: the host puts another file in the place of what is denied, or makes it, while the agent runs. */
static void replace_denied(Rig *r, bool walls, const char *prepare_script, const char *name) {
        static RigResult result;
        RigBox box;
        _cleanup_(launch_plan_freep) LaunchPlan *p = agent(
                        r, "echo ready; while ! test -e go; do sleep 0.02; done; cat .env; echo x >>.env");
        deny(r, p, ".env");
        prepare(r, prepare_script);
        bool ok = rig_spawn(r, p, &box, &result);
        if (ok) {
                char line[6];
                ok = read(box.output, line, sizeof(line)) == sizeof(line) &&
                     host(r, "echo WORD >.new; mv .new .env; touch go") == 0;
                rig_wait(r, &box, 0, &result);
                rig_release(r, box.id, 0);
                bool had = strstr(result.output, "WORD") || host(r, "grep -q x .env") == 0;
                ok = ok && had == !walls;
        }
        if (!ok)
                print_output(&result);
        tell(ok, walls ? "E17 denied" : "E17 had, without the walls", name);
}

/* As one who clones anew: the host moves a repository away, and another comes to be in its place while the agent runs. */
static void replace_repository(Rig *r, bool walls) {
        static RigResult result;
        RigBox box;
        _cleanup_(launch_plan_freep) LaunchPlan *p =
                        agent(r, "echo ready; while ! test -e go; do sleep 0.02; done; echo x >repo/.envrc");
        prepare(r, "repository repo");
        bool ok = rig_spawn(r, p, &box, &result);
        if (ok) {
                char line[6];
                ok = read(box.output, line, sizeof(line)) == sizeof(line) &&
                     host(r, "mv repo old; mkdir -p repo/.git; touch go") == 0;
                rig_wait(r, &box, 0, &result);
                rig_release(r, box.id, 0);
                ok = ok && (host(r, "test -e repo/.envrc") == 0) == !walls;
        }
        if (!ok)
                print_output(&result);
        tell(ok, walls ? "refused" : "done without the walls",
                        "T8 in a repository that came in the place of another");
}

static void replace_all(Rig *r, bool walls) {
        replace_denied(r, walls, "echo 1 >.env", "what took its place");
        replace_denied(r, walls, NULL, "what came to be there");
}

/* A launcher, and a place of the owner's beside the workspace, where git's configuration is. */
static void begin(Rig *r, const char *launcher, const char *without) {
        rig_start(r, launcher, without);
        _cleanup_free_ char *out = NULL;
        if (asprintf(&out, "%s/out", r->dir) < 0)
                rig_die("memory", ENOMEM);
        _cleanup_free_ char *config = NULL;
        if (asprintf(&config, "%s/.gitconfig", r->dir) < 0)
                rig_die("memory", ENOMEM);
        if (mkdir(out, 0755) < 0 || chown(out, RIG_UID, RIG_GID) < 0 || symlink("out/gitconfig", config) < 0)
                rig_die(out, errno);
}

int main(int argc, char **argv) {
        if (argc != 3) {
                fprintf(stderr, "Usage: %s LAUNCHER MUTANT\n", argv[0]);
                return EXIT_FAILURE;
        }
        Rig r;
        begin(&r, argv[1], NULL);
        attack_all(&r, true);
        attack_environment(&r, true);
        replace_repository(&r, true);
        choose_all(&r, true);
        refuse_unknown_homes(&r);
        leave_nothing(&r);
        deny_all(&r, true);
        replace_all(&r, true);
        work_all(&r);
        tell_all(&r, true);
        end_by(&r, SIGTERM, true, "when it is asked to end");
        end_by(&r, SIGKILL, false, "not when it is killed");
        crash(&r, argv[1]);
        rig_stop(&r);

        begin(&r, argv[2], "handoff");
        attack_all(&r, false);
        attack_environment(&r, false);
        replace_repository(&r, false);
        choose_all(&r, false);
        deny_all(&r, false);
        replace_all(&r, false);
        tell_all(&r, false);
        rig_stop(&r);
        return tell_end();
}
