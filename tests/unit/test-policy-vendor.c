/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <jansson.h>

#include "handoff.h"
#include "policy-test.h"

/* The policies that are installed: good documents, inside the ceiling wherever somebody works, and what they promise. */

DEFINE_CLEANUP(Handoff *, handoff_free);

static char *read_vendor(const char *name) {
        _cleanup_free_ char *path = NULL;
        const char *source = getenv("MXC_TEST_SOURCE");
        ck_assert_msg(source, "set MXC_TEST_SOURCE to the source tree");
        ck_assert_int_ge(asprintf(&path, "%s/policy-schema/%s.json", source, name), 0);
        json_auto_t *value = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
        ck_assert_msg(value, "%s", path);
        return json_dumps(value, 0);
}

static json_t *lookup_vendor(const char *name, void *userdata) {
        _cleanup_free_ char *path = NULL, *text = NULL;
        ck_assert_int_ge(asprintf(&path, "policies/%s", name), 0);
        text = read_vendor(path);
        return json_loads(text, 0, NULL);
}

static Policy *vendor(const char *name) {
        _cleanup_free_ char *text = read_vendor(name);
        PolicyError error = { 0 };
        Policy *p = NULL;
        int r = policy_parse(text, strlen(text), lookup_vendor, NULL, &p, &error);
        ck_assert_msg(r == 0, "%s: %s: %s", name, error.pointer, error.sentence);
        return p;
}

static Policy *vendor_at(const char *name, const char *workspace, const char *home) {
        _cleanup_(policy_unrefp) Policy *p = vendor(name);
        const PolicyBinding binding = { .workspace = workspace, .home = home };
        PolicyError error = { 0 };
        Policy *bound = NULL;
        ck_assert_int_eq(policy_bind(p, &binding, &bound, &error), 0);
        return bound;
}

static const char *const places[][2] = {
        { "/home/u/src/x", "/home/u" },
        { "/home/u", "/home/u" },
        { "/root/x", "/root" },
        { "/root", "/root" },
        { "/tmp/w", "/home/u" },
        { "/tmp/w", NULL },
        { NULL, "/home/u" },
        { "/srv/w", "/home/u" },
        { "/home", "/home/u" },
        { "/usr/src/w", "/root" },
};

START_TEST(test_vendor_policies_are_within_the_ceiling) {
        static const char *const names[] = { "policies/locked", "policies/workspace", "policies/developer",
                "policies/online" };
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_(policy_unrefp)
                                Policy *p = vendor_at(names[i], places[_i][0], places[_i][1]),
                                       *ceiling = vendor_at("ceiling", places[_i][0], places[_i][1]),
                                       *m = NULL;
                Widening w = { 0 };
                ck_assert_msg(policy_within(p, ceiling, &w), "%s in %s: %s: %s", names[i], places[_i][0],
                                w.clause, w.sentence);
                ck_assert_int_eq(policy_is_offline(p), !strstr(names[i], "online"));
                ck_assert_int_eq(policy_meet(ceiling, p, &m), 0);
                ck_assert(policy_within(p, m, NULL));
                ck_assert_int_eq(policy_is_offline(m), policy_is_offline(p));
        }
}
END_TEST

START_TEST(test_the_ceiling_is_a_bound) {
        static const char *const secrets[] = { "/etc/shadow", "/etc/gshadow", "/etc/sudoers.d/x",
                "/etc/ssl/private/k", "/root/x", "/home/v/x", "/run/docker.sock", "/proc/1/root",
                "/var/lib/mxc/k", "/home/u/.ssh/id_ed25519", "/home/u/.aws/credentials", "/" };
        _cleanup_(policy_unrefp) Policy *ceiling = vendor_at("ceiling", "/home/u/w", "/home/u");
        for (size_t i = 0; i < ELEMENTSOF(secrets); i++)
                ck_assert_msg(asks(ceiling, REQUEST_READ, secrets[i]) == VERDICT_DENY, "%s", secrets[i]);
        ck_assert_int_eq(asks(ceiling, REQUEST_WRITE, "/usr/bin/x"), VERDICT_DENY);
        ck_assert_int_eq(asks(ceiling, REQUEST_WRITE, "/etc/passwd"), VERDICT_DENY);
        ck_assert_int_eq(asks(ceiling, REQUEST_SYSCALL, "bpf"), VERDICT_DENY);
        ck_assert_int_eq(asks(ceiling, REQUEST_SYSCALL, "unshare"), VERDICT_DENY);
        ck_assert_int_eq(asks(ceiling, REQUEST_CONNECT, "169.254.169.254"), VERDICT_DENY);
        ck_assert(!ceiling->handoff_allowed);

        /* a workspace that is a directory of the system does not become writable */
        static const char *const system[] = { "/etc", "/usr", "/" };
        for (size_t i = 0; i < ELEMENTSOF(system); i++) {
                _cleanup_(policy_unrefp) Policy *c = vendor_at("ceiling", system[i], "/home/u"),
                                                *p = vendor_at("policies/workspace", system[i], "/home/u");
                ck_assert_msg(!policy_within(p, c, NULL) ||
                                                !policy_allows(p,
                                                                &(PolicyRequest){ .kind = REQUEST_WRITE,
                                                                                .target = system[i] },
                                                                NULL),
                                "%s", system[i]);
        }
}
END_TEST

START_TEST(test_workspace_can_be_worked_in) {
        static const char *const reads[] = { "/usr/lib/x", "/etc/passwd", "/etc/ssl/certs/ca.crt",
                "/etc/alternatives/cc", "/home/u/.gitconfig", "/home/u/w/a" };
        static const char *const closed[] = { "/etc/shadow", "/etc/ssh/ssh_host_rsa_key", "/etc",
                "/home/u/x", "/home/u/.ssh/id", "/root", "/var/log/x", "/run/x",
                "/home/u/.config/git/credentials" };
        static const char *const calls[] = { "execve", "clone", "socket", "ioctl", "inotify_init1",
                "mknodat", "memfd_create" };
        static const char *const closed_calls[] = { "unshare", "setns", "mount", "fsopen", "open_tree",
                "bpf", "perf_event_open", "keyctl", "add_key", "request_key", "io_uring_setup",
                "userfaultfd", "init_module", "finit_module", "kexec_load", "ptrace", "process_vm_readv",
                "pidfd_getfd", "kcmp", "swapon", "reboot", "acct", "quotactl", "settimeofday",
                "clock_settime", "clock_adjtime", "open_by_handle_at", "name_to_handle_at", "fanotify_init",
                "chroot", "pivot_root", "iopl", "ioperm", "vhangup", "lookup_dcookie", "clone3", "umount2",
                "mount_setattr", "move_mount", "syslog", "modify_ldt", "delete_module", "adjtimex" };
        _cleanup_(policy_unrefp) Policy *p = vendor_at("policies/workspace", "/home/u/w", "/home/u");
        for (size_t i = 0; i < ELEMENTSOF(reads); i++)
                ck_assert_msg(asks(p, REQUEST_READ, reads[i]) == VERDICT_ALLOW, "%s", reads[i]);
        for (size_t i = 0; i < ELEMENTSOF(closed); i++)
                ck_assert_msg(asks(p, REQUEST_READ, closed[i]) == VERDICT_DENY, "%s", closed[i]);
        for (size_t i = 0; i < ELEMENTSOF(calls); i++)
                ck_assert_msg(asks(p, REQUEST_SYSCALL, calls[i]) == VERDICT_ALLOW, "%s", calls[i]);
        for (size_t i = 0; i < ELEMENTSOF(closed_calls); i++) {
                ck_assert_msg(syscall_index(closed_calls[i]) >= 0, "%s is no system call", closed_calls[i]);
                ck_assert_msg(asks(p, REQUEST_SYSCALL, closed_calls[i]) == VERDICT_DENY, "%s",
                                closed_calls[i]);
        }
        ck_assert_int_eq(asks(p, REQUEST_WRITE, "/home/u/w/a/b"), VERDICT_ALLOW);
        ck_assert_int_eq(asks(p, REQUEST_WRITE, "/usr/a"), VERDICT_DENY);
        ck_assert(policy_path_exec(p, "/usr/bin/gcc") && policy_path_exec(p, "/home/u/w/build/a.out"));
        ck_assert(!policy_path_exec(p, "/etc/passwd"));
        ck_assert(!p->handoff_allowed);
}
END_TEST

START_TEST(test_developer_extends_workspace) {
        _cleanup_(policy_unrefp) Policy *d = vendor("policies/developer"), *w = vendor("policies/workspace");
        Widening widening = { 0 };
        ck_assert(asks(d, REQUEST_SYSCALL, "ptrace") == VERDICT_ALLOW &&
                        asks(d, REQUEST_ENV, "PATH") == VERDICT_ALLOW);
        ck_assert(policy_path_exec(d, "${home}/.cargo/bin/rustc") && policy_path_exec(d, "/usr/bin/cc"));
        ck_assert(!policy_within(d, w, &widening));
        ck_assert_ptr_nonnull(widening.sentence);
        widening_clear(&widening);
}
END_TEST

static bool handoff_has(const Handoff *h, PlanHandoffWhere where, const char *path) {
        for (size_t i = 0; i < h->n; i++)
                if (h->items[i].where == where && streq(h->items[i].path, path))
                        return true;
        return false;
}

/* One of each kind, with who does what it says, and what it takes for that. */
static const struct {
        PlanHandoffWhere where;
        const char *path, *by;
} trusted[] = {
        { PLAN_HANDOFF_ROOT, ".git/hooks", "git, at a commit or a checkout" },
        { PLAN_HANDOFF_ROOT, ".git/config", "git status runs core.fsmonitor" },
        { PLAN_HANDOFF_ROOT, "HEAD", "git takes the directory for a bare repository, with its own config" },
        { PLAN_HANDOFF_GITDIR, "hooks", "git" },
        { PLAN_HANDOFF_GITDIR, "config", "git" },
        { PLAN_HANDOFF_GITDIR, "commondir", "git reads another's config" },
        { PLAN_HANDOFF_ROOT, ".husky", "git, where core.hooksPath says so" },
        { PLAN_HANDOFF_ROOT, ".githooks", "git, where core.hooksPath says so" },
        { PLAN_HANDOFF_ROOT, ".hg/hgrc", "hg runs hooks, extensions and aliases" },
        { PLAN_HANDOFF_ROOT, ".jj/repo/config.toml", "jj log runs ui.pager" },
        { PLAN_HANDOFF_ROOT, "_darcs/prefs", "darcs runs posthook" },
        { PLAN_HANDOFF_ROOT, ".envrc", "direnv, in an allowed directory" },
        { PLAN_HANDOFF_ROOT, ".tool-versions", "asdf runs what is at path:DIR" },
        { PLAN_HANDOFF_ROOT, "mise.toml", "mise, in a trusted directory" },
        { PLAN_HANDOFF_ROOT, "mise.local.toml", "mise, in a trusted directory" },
        { PLAN_HANDOFF_ROOT, ".bashrc", "a shell, where the workspace is a home" },
        { PLAN_HANDOFF_ROOT, ".local/share/dbus-1", "the session bus, likewise" },
        { PLAN_HANDOFF_ROOT, ".config/user-tmpfiles.d", "systemd, likewise" },
        { PLAN_HANDOFF_ROOT, ".rhosts", "rsh and ssh, likewise" },
        { PLAN_HANDOFF_ROOT, ".vscode/tasks.json", "VS Code, when the folder is opened" },
        { PLAN_HANDOFF_ROOT, ".idea", "IDEs of JetBrains, when the project is opened" },
        { PLAN_HANDOFF_ROOT, ".helix", "Helix starts the language servers that it names" },
        { PLAN_HANDOFF_ROOT, ".vim", "coc.nvim starts the language servers that it names" },
        { PLAN_HANDOFF_ROOT, ".dir-locals.el", "Emacs" },
        { PLAN_HANDOFF_ROOT, ".Rprofile", "R, when it starts there" },
        { PLAN_HANDOFF_ROOT, ".irbrc", "irb, when it starts there" },
        { PLAN_HANDOFF_ROOT, ".iex.exs", "iex, when it starts there" },
        { PLAN_HANDOFF_ROOT, ".ghci", "ghci, when it starts there" },
        { PLAN_HANDOFF_ROOT, ".pdbrc", "Python's debugger" },
        { PLAN_HANDOFF_ROOT, ".gdbinit", "gdb" },
        { PLAN_HANDOFF_ROOT, ".mcp.json", "agents start the servers that it names" },
        { PLAN_HANDOFF_ROOT, ".claude/settings.json", "Claude Code runs its hooks" },
        { PLAN_HANDOFF_ROOT, ".codex", "Codex" },
        { PLAN_HANDOFF_ROOT, ".cursor/hooks.json", "Cursor" },
        { PLAN_HANDOFF_ROOT, ".gemini", "Gemini CLI" },
        { PLAN_HANDOFF_ROOT, "crush.json", "Crush" },
        { PLAN_HANDOFF_REPORT, ".env", "editors and task runners give it to what they start" },
        { PLAN_HANDOFF_REPORT, ".npmrc", "npm takes its shell and options of node from it" },
        { PLAN_HANDOFF_REPORT, ".yarnrc.yml", "yarn runs yarnPath" },
        { PLAN_HANDOFF_REPORT, ".yarn/releases", "yarn is there" },
        { PLAN_HANDOFF_REPORT, ".cargo/config.toml", "cargo runs rustc-wrapper" },
        { PLAN_HANDOFF_REPORT, "rust-toolchain.toml", "rustup runs what is at its path" },
        { PLAN_HANDOFF_REPORT, ".bazelrc", "bazel" },
        { PLAN_HANDOFF_REPORT, "gradle/wrapper", "gradlew fetches what it says" },
        { PLAN_HANDOFF_REPORT, "CMakePresets.json", "editors, when the folder is opened" },
        { PLAN_HANDOFF_REPORT, "lefthook.yml", "git, by a hook that is there" },
        { PLAN_HANDOFF_REPORT, ".pre-commit-config.yaml", "git, by a hook that is there" },
        { PLAN_HANDOFF_REPORT, "eslint.config.js", "editors, when a file is opened" },
        { PLAN_HANDOFF_REPORT, ".pylintrc", "editors, when a file is opened: init-hook" },
        { PLAN_HANDOFF_REPORT, "flake.nix", "nix-direnv, when the directory is entered" },
        { PLAN_HANDOFF_REPORT, "sitecustomize.py", "python, where the directory is in PYTHONPATH" },
        { PLAN_HANDOFF_REPORT, "bin/activate", "shells and editors" },
        { PLAN_HANDOFF_REPORT, ".github/workflows", "the forge, with its secrets" },
        { PLAN_HANDOFF_REPORT, "AGENTS.md", "the next agent" },
        { PLAN_HANDOFF_REPORT, ".cursor/rules", "the next agent" },
};

/* What is built and run because it is the project, and what says nothing that would be executed. */
static const char *const work[] = { "Makefile", "package.json", "pyproject.toml", "conftest.py", "setup.py",
        "CMakeLists.txt", "Cargo.toml", "build.rs", "node_modules", ".editorconfig", ".gitattributes",
        ".gitignore", ".clang-format" };

START_TEST(test_handoff_list) {
        _cleanup_free_ char *text = read_vendor("handoff");
        _cleanup_(handoff_freep) Handoff *h = NULL;
        PolicyError error = { 0 };
        ck_assert_int_eq(handoff_parse(text, strlen(text), &h, &error), 0);
        for (size_t i = 0; i < ELEMENTSOF(trusted); i++)
                ck_assert_msg(handoff_has(h, trusted[i].where, trusted[i].path), "%s: %s", trusted[i].path,
                                trusted[i].by);
        for (size_t i = 0; i < ELEMENTSOF(work); i++)
                for (size_t k = 0; k < h->n; k++)
                        ck_assert_msg(!streq(h->items[k].path, work[i]), "%s is work", work[i]);
        for (size_t i = 0; i < h->n; i++) /* what is protected is told elsewhere anyway */
                ck_assert(h->items[i].where != PLAN_HANDOFF_REPORT ||
                                !handoff_has(h, PLAN_HANDOFF_ROOT, h->items[i].path));
        for (size_t i = 1; i < h->n; i++)
                ck_assert(h->items[i - 1].where < h->items[i].where ||
                                strcmp(h->items[i - 1].path, h->items[i].path) < 0);
}
END_TEST

START_TEST(test_handoff_refusals) {
        static const struct {
                const char *text, *pointer;
        } cases[] = {
                { "{'root': ['a']}", "" },
                { "{'schema': 'mxc-handoff/2'}", "/schema" },
                { "{'schema': 'mxc-handoff/1', 'root': []}", "/root" },
                { "{'schema': 'mxc-handoff/1', 'rot': ['a']}", "/rot" },
                { "{'schema': 'mxc-handoff/1', 'root': ['/a']}", "/root/0" },
                { "{'schema': 'mxc-handoff/1', 'root': ['']}", "/root/0" },
                { "{'schema': 'mxc-handoff/1', 'root': ['a', '../b']}", "/root/1" },
                { "{'schema': 'mxc-handoff/1', 'gitdir': ['a//b']}", "/gitdir/0" },
                { "{'schema': 'mxc-handoff/1', 'report': ['a/']}", "/report/0" },
                { "{'schema': 'mxc-handoff/1', 'report': ['a', 'a']}", "/report/1" },
                { "{'schema': 'mxc-handoff/1', 'report': [7]}", "/report/0" },
        };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *text = requote(cases[i].text);
                PolicyError error = { 0 };
                Handoff *h = NULL;
                ck_assert_msg(handoff_parse(text, strlen(text), &h, &error) == -EINVAL, "%s", text);
                ck_assert_str_eq(error.pointer, cases[i].pointer);
                policy_error_clear(&error);
        }
}
END_TEST

int main(void) {
        TCase *t = tcase_create("vendor");
        tcase_add_loop_test(t, test_vendor_policies_are_within_the_ceiling, 0, (int)ELEMENTSOF(places));
        tcase_add_test(t, test_the_ceiling_is_a_bound);
        tcase_add_test(t, test_workspace_can_be_worked_in);
        tcase_add_test(t, test_developer_extends_workspace);
        tcase_add_test(t, test_handoff_list);
        tcase_add_test(t, test_handoff_refusals);
        return run_case("policy-vendor", t);
}
