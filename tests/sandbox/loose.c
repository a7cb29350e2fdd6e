/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "loose.h"

static unsigned number, failures;

void tell(bool ok, const char *about, const char *name) {
        printf("%sok %u - %s: %s\n", ok ? "" : "not ", ++number, about, name);
        (void)fflush(stdout);
        failures += !ok;
}

int host(const Rig *r, const char *script) {
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

void prepare(const Rig *r, const char *script) {
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
                ".git/modules", ".git/rebase-merge", ".github/workflows", ".husky", ".mcp.json", "HEAD" };
        for (size_t i = 0; i < ELEMENTSOF(root); i++)
                plan_add_handoff(p, PLAN_HANDOFF_ROOT, root[i]);
        for (size_t i = 0; i < ELEMENTSOF(gitdir); i++)
                plan_add_handoff(p, PLAN_HANDOFF_GITDIR, gitdir[i]);
        for (size_t i = 0; i < ELEMENTSOF(report); i++)
                plan_add_handoff(p, PLAN_HANDOFF_REPORT, report[i]);
}

LaunchPlan *agent(const Rig *r, const char *script) {
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
        plan_set_owner(p, "o", r->dir);
        add_handoff(p);
        return p;
}

void print_output(const RigResult *result) {
        if (!result->started)
                printf("# %s: %s (%s)\n", launch_step_to_string(result->step), strerror(result->error),
                                result->detail);
        for (const char *line = result->output; *line;) {
                int n = (int)strcspn(line, "\n");
                printf("# %.*s\n", n, line);
                line += n + (line[n] == '\n');
        }
}

int tell_end(void) {
        printf("1..%u\n", number);
        return failures > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

LaunchPlan *shell(const Rig *r, const char *script) {
        LaunchPlan *p = rig_plan(r);
        const char *const argv[] = { "sh", "-c", script, NULL };
        plan_set_argv(p, argv);
        return p;
}
