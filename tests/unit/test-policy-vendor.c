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

START_TEST(test_handoff_list) {
        _cleanup_free_ char *text = read_vendor("handoff");
        _cleanup_(handoff_freep) Handoff *h = NULL;
        PolicyError error = { 0 };
        ck_assert_int_eq(handoff_parse(text, strlen(text), &h, &error), 0);
        static const char *const root[] = { ".envrc", ".bashrc", ".vscode/tasks.json", ".mcp.json",
                ".claude/settings.json", ".git/hooks", ".git/config" };
        for (size_t i = 0; i < ELEMENTSOF(root); i++)
                ck_assert_msg(handoff_has(h, PLAN_HANDOFF_ROOT, root[i]), "%s", root[i]);
        ck_assert(handoff_has(h, PLAN_HANDOFF_GITDIR, "hooks") &&
                        handoff_has(h, PLAN_HANDOFF_GITDIR, "config"));
        ck_assert(handoff_has(h, PLAN_HANDOFF_REPORT, ".git/hooks"));
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
