/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trust handoff and denied names, attacked: test-handoff LAUNCHER MUTANT. Each case prepares a workspace as its owner, lets an
 * agent loose in it, and then looks on the host for the harm. Every attack is also made in a cage without the walls, where
 * it must do its harm: otherwise it would prove nothing. TAP. */

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "rig.h"

DEFINE_CLEANUP(LaunchPlan *, launch_plan_free);

static unsigned number, failures;

static void tell(bool ok, const char *about, const char *name) {
        printf("%sok %u - %s: %s\n", ok ? "" : "not ", ++number, about, name);
        (void)fflush(stdout);
        failures += !ok;
}

/* A script on the host, in the workspace, as its owner. Its exit status. */
static int host(const Rig *r, const char *script) {
        if (!script)
                return 0;
        pid_t pid = fork();
        if (pid < 0)
                rig_die("fork", errno);
        if (pid == 0) {
                (void)umask(022);
                if (chdir(r->workspace) < 0 || setgroups(0, NULL) < 0 ||
                                setresgid(RIG_GID, RIG_GID, RIG_GID) < 0 ||
                                setresuid(RIG_UID, RIG_UID, RIG_UID) < 0)
                        _exit(126);
                (void)setenv("HOME", r->dir, 1);
                (void)setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
                (void)setenv("GIT_AUTHOR_NAME", "o", 1);
                (void)setenv("GIT_AUTHOR_EMAIL", "o@example.org", 1);
                (void)setenv("GIT_COMMITTER_NAME", "o", 1);
                (void)setenv("GIT_COMMITTER_EMAIL", "o@example.org", 1);
                static const char words[] = "repository() { git init -q \"$1\" && (cd \"$1\" && echo 1 >f "
                                            "&& git add f && "
                                            "git commit -qm 1); }\n";
                _cleanup_free_ char *whole = NULL;
                if (asprintf(&whole, "%s%s", words, script) > 0)
                        execl("/bin/sh", "sh", "-ec", whole, NULL);
                _exit(127);
        }
        int status;
        if (waitpid(pid, &status, 0) < 0)
                rig_die("waitpid", errno);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void clear_workspace(const Rig *r) {
        (void)host(r, "chmod -R u+rwX . && find . -mindepth 1 -delete");
}

static void prepare(const Rig *r, const char *script) {
        clear_workspace(r);
        if (host(r, script) != 0)
                rig_die(script, EPROTO);
}

/* As the vendor's list, shortened. */
static void add_handoff(LaunchPlan *p) {
        static const char *const root[] = { ".bashrc", ".claude/settings.json", ".envrc", ".git/commondir",
                ".git/config", ".git/config.worktree", ".git/hooks", ".mcp.json", ".vscode/tasks.json",
                "HEAD" };
        static const char *const gitdir[] = { "commondir", "config", "config.worktree", "gitdir", "hooks",
                "info/attributes" };
        static const char *const report[] = { ".claude/settings.json", ".envrc", ".git/config", ".git/hooks",
                ".git/modules", ".github/workflows", ".husky", ".mcp.json", "HEAD" };
        for (size_t i = 0; i < ELEMENTSOF(root); i++)
                plan_add_handoff(p, PLAN_HANDOFF_ROOT, root[i]);
        for (size_t i = 0; i < ELEMENTSOF(gitdir); i++)
                plan_add_handoff(p, PLAN_HANDOFF_GITDIR, gitdir[i]);
        for (size_t i = 0; i < ELEMENTSOF(report); i++)
                plan_add_handoff(p, PLAN_HANDOFF_REPORT, report[i]);
}

/* An agent that runs a script in the workspace; git works there too. */
static LaunchPlan *agent(const Rig *r, const char *script) {
        static const char *const calls[] = { "fdatasync", "getitimer", "getrusage", "msync", "setitimer",
                "sync_file_range", "utimes", "vfork" };
        static const char *const env[] = { "PATH=/usr/bin:/bin", "HOME=/tmp", "GIT_CONFIG_NOSYSTEM=1",
                "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a",
                "GIT_COMMITTER_EMAIL=a@example.org" };
        LaunchPlan *p = rig_plan(r);
        for (size_t i = 0; i < ELEMENTSOF(calls); i++) {
                plan_remove_syscall(p, calls[i]);
                plan_add_syscall(p, calls[i]);
        }
        plan_set_env(p, env, ELEMENTSOF(env));
        plan_set_argv(p, (const char *const[]){ "/bin/sh", "-c", script, NULL });
        add_handoff(p);
        return p;
}

static void print_output(const RigResult *result) {
        if (!result->started)
                printf("# %s: %s (%s)\n", launch_step_to_string(result->step), strerror(result->error),
                                result->detail);
        for (const char *line = result->output; *line;) {
                int n = (int)strcspn(line, "\n");
                printf("# %.*s\n", n, line);
                line += n + (line[n] == '\n');
        }
}

/* ---- attacks ---- */

typedef struct Attack {
        const char *name;
        const char *prepare; /* by the owner, before */
        const char *act;     /* by the agent */
        const char *harm;    /* by the owner, after: exits 0 when it was done */
        bool by_name;        /* nothing is there yet, so mounts alone do not hold it */
} Attack;

static const Attack attacks[] = {
        /* T1 */
        { "T1 a name that did not exist", NULL, "echo x >.envrc", "test -e .envrc", true },
        { "T1 renaming onto it", NULL, "echo x >f && mv f .envrc", "test -e .envrc", true },
        { "T1 linking to it", NULL, "echo x >f && ln f .envrc", "test -e .envrc", true },
        { "T1 a symlink there", NULL, "echo x >f && ln -s f .envrc", "test -e .envrc", true },
        { "T1 below a directory made for it", NULL, "mkdir .claude && echo x >.claude/settings.json",
                        "test -e .claude/settings.json", true },
        { "T1 renaming such a directory into place", NULL,
                        "mkdir d && echo x >d/settings.json && mv d .claude",
                        "test -e .claude/settings.json", true },
        { "T1 a symlink in the place of the directory", NULL,
                        "mkdir d && echo x >d/settings.json && ln -s d .claude",
                        "test -e .claude/settings.json", true },
        { "T1 writing what exists", "echo ok >.envrc", "echo x >.envrc", "grep -q x .envrc", false },
        { "T1 replacing what exists", "echo ok >.envrc", "echo x >f; mv -f f .envrc", "grep -q x .envrc",
                        false },
        { "T1 removing what exists", "echo ok >.envrc", "rm -f .envrc", "! test -e .envrc", false },
        { "T1 changing its mode", "echo ok >.envrc; chmod 600 .envrc", "chmod 755 .envrc", "test -x .envrc",
                        false },
        { "T1 exchanging its directory",
                        "mkdir .claude d; echo ok >.claude/settings.json; echo x >d/settings.json",
                        "mv .claude e; mv d .claude", "grep -q x .claude/settings.json", false },
        /* T2 */
        { "T2 a hook", "repository repo", "echo x >repo/.git/hooks/pre-commit",
                        "test -e repo/.git/hooks/pre-commit", false },
        { "T2 a hook where there is no directory for them", "repository repo; rm -r repo/.git/hooks",
                        "mkdir repo/.git/hooks; echo x >repo/.git/hooks/pre-commit",
                        "test -e repo/.git/hooks/pre-commit", true },
        { "T2 git's configuration", "repository repo",
                        "git -C repo config core.fsmonitor x; echo '#x' >>repo/.git/config",
                        "grep -q x repo/.git/config", false },
        { "T2 another configuration", "repository repo", "echo x >repo/.git/config.worktree",
                        "test -e repo/.git/config.worktree", true },
        { "T2 another common directory", "repository repo", "echo ../../evil >repo/.git/commondir",
                        "test -e repo/.git/commondir", true },
        { "T2 attributes", "repository repo", "echo x >repo/.git/info/attributes",
                        "test -e repo/.git/info/attributes", true },
        { "T2 a repository far down", "mkdir -p a/b/c && repository a/b/c/repo",
                        "echo x >a/b/c/repo/.git/hooks/pre-commit",
                        "test -e a/b/c/repo/.git/hooks/pre-commit", false },
        { "T2 a bare repository", "git init -q --bare bare", "echo x >bare/hooks/update",
                        "test -e bare/hooks/update", false },
        { "T2 what .git says", "repository repo; git -C repo worktree add -q ../tree",
                        "echo 'gitdir: /tmp/evil' >tree/.git", "grep -q evil tree/.git", false },
        { "T2 a worktree's common directory", "repository repo; git -C repo worktree add -q ../tree",
                        "echo /tmp/evil >repo/.git/worktrees/tree/commondir",
                        "grep -q evil repo/.git/worktrees/tree/commondir", false },
        { "T2 a submodule",
                        "repository repo; git init -q top && git -C top -c protocol.file.allow=always "
                        "submodule --quiet add "
                        "\"$PWD/repo\" sub",
                        "echo x >top/.git/modules/sub/hooks/pre-commit",
                        "test -e top/.git/modules/sub/hooks/pre-commit", false },
        { "T2 a git directory elsewhere", "mkdir store; git init -q --separate-git-dir=store/g tree",
                        "echo x >store/g/hooks/update", "test -e store/g/hooks/update", false },
        { "T2 a git directory that is to come", "mkdir t && echo 'gitdir: ../later/g' >t/.git",
                        "mkdir -p later/g/hooks && echo x >later/g/hooks/update",
                        "test -e later/g/hooks/update", true },
        { "T2 the way to it by a symlink",
                        "mkdir store; git init -q --separate-git-dir=store/g tree; mv store real; ln -s "
                        "real store",
                        "rm -f store; mkdir -p store/g/hooks; echo x >store/g/hooks/update",
                        "test -e store/g/hooks/update", true },
        { "T2 a symlink for hooks",
                        "repository repo; mkdir h; rm -r repo/.git/hooks; ln -s ../../h repo/.git/hooks",
                        "echo x >h/pre-commit", "test -e repo/.git/hooks/pre-commit", false },
        { "T2 a symlink for .git", "git init -q --bare g; mkdir t; ln -s ../g t/.git",
                        "rm -f t/.git; git init -q t", "test -d t/.git && ! test -L t/.git", true },
        { "T2 the root becomes a repository", NULL, "mkdir objects refs && echo ref: refs/heads/x >HEAD",
                        "test -e HEAD", true },
        { "T2 .git at the root as a file", NULL,
                        "mkdir -p g/hooks; echo x >g/hooks/update; echo 'gitdir: g' >.git", "test -e .git",
                        true },
        /* T3 */
        { "T3 an editor's tasks", "mkdir .vscode", "echo x >.vscode/tasks.json",
                        "test -e .vscode/tasks.json", true },
        { "T3 an editor's tasks that exist", "mkdir .vscode; echo ok >.vscode/tasks.json",
                        "echo x >.vscode/tasks.json", "grep -q x .vscode/tasks.json", false },
        { "T3 a shell's start", "echo ok >.bashrc", "echo x >>.bashrc", "grep -q x .bashrc", false },
        { "T3 tools for an agent", NULL, "echo x >.mcp.json", "test -e .mcp.json", true },
        /* T4 */
        { "T4 where a symlink leads", "mkdir d; echo ok >d/rc; ln -s d/rc .bashrc", "echo x >d/rc",
                        "grep -q x .bashrc", false },
        { "T4 where a symlinked directory leads", "mkdir d; ln -s d .claude", "echo x >d/settings.json",
                        "test -e .claude/settings.json", true },
        /* T5 */
        { "T5 moving .git away", "repository repo",
                        "mv repo/.git x && mkdir -p repo/.git/hooks && echo x >repo/.git/hooks/update",
                        "test -e repo/.git/hooks/update", false },
        { "T5 moving the repository away", "repository repo",
                        "mv repo x && mkdir -p repo/.git/hooks && echo x >repo/.git/hooks/update",
                        "test -e repo/.git/hooks/update", false },
        { "T5 moving what holds the repository", "mkdir a && repository a/repo",
                        "mv a x && mkdir -p a/repo/.git/hooks && echo x >a/repo/.git/hooks/update",
                        "test -e a/repo/.git/hooks/update", false },
};

static void attack(Rig *r, const Attack *a, RigResult *result) {
        _cleanup_(launch_plan_freep) LaunchPlan *p = agent(r, a->act);
        prepare(r, a->prepare);
        rig_run(r, p, result);
}

static bool names_are_kept(const Rig *r) {
        return r->features.guard || r->features.mediate;
}

static void attack_all(Rig *r, bool walls) {
        for (size_t i = 0; i < ELEMENTSOF(attacks); i++) {
                static RigResult result;
                const Attack *a = &attacks[i];
                if (a->by_name && walls && !names_are_kept(r))
                        continue;
                attack(r, a, &result);
                bool harmed = host(r, a->harm) == 0, ok = result.started && harmed == !walls;
                if (!ok)
                        print_output(&result);
                tell(ok, walls ? "refused" : "done without the walls", a->name);
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
        { "a root that is a repository", "git init -q . && echo 1 >f && git add f && git commit -qm 1",
                        "echo 2 >f && git commit -qam 2 && git switch -qc x && git gc -q && mv f g && git "
                        "add -A && "
                        "git commit -qm 3 && git stash list && git rm -q g" },
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

int main(int argc, char **argv) {
        if (argc != 3) {
                fprintf(stderr, "Usage: %s LAUNCHER MUTANT\n", argv[0]);
                return EXIT_FAILURE;
        }
        Rig r;
        rig_start(&r, argv[1], NULL);
        attack_all(&r, true);
        work_all(&r);
        rig_stop(&r);
        rig_start(&r, argv[2], "handoff");
        attack_all(&r, false);
        rig_stop(&r);
        printf("1..%u\n", number);
        return failures > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
