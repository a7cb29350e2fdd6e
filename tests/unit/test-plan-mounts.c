/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans: which paths become which mounts, opened by whom, and which names are protected there. */

#include "rule-test.h"

static void is_mount(const LaunchPlan *p, const char *path, const char *expected) {
        static const char *const access[] = { "denied", "ro", "rw" };
        const PlanMount *m = mount_of(p, path);
        _cleanup_free_ char *text = NULL;
        ck_assert_int_ge(asprintf(&text, "%s%s%s%s%s", m ? access[m->access] : "none",
                                         m && m->exec ? " exec" : "",
                                         m && m->as_owner && m->access != PLAN_DENIED ? " owner" : "",
                                         m && m->required ? " required" : "",
                                         m && m == template_mount_of(p, path) ? " template" : ""),
                        0);
        ck_assert_msg(streq(text, expected), "%s is \"%s\", not \"%s\"", path, text, expected);
}

/* ---- mounts ---- */

typedef struct MountRow {
        const char *path, *expected;
} MountRow;

typedef struct MountCase {
        const char *body, *workspace;
        bool stored;
        MountRow rows[8];
} MountCase;

static const MountCase mount_cases[] = {
        /* what the store names is in the template, what the request names is not */
        { "'filesystem': {'readonlyPaths': ['/usr', '/etc/x', '${home}/.gitconfig'], 'readwritePaths': "
          "['${workspace}'], 'executePaths': ['/usr', '${workspace}']}",
                        "/home/u/w", true,
                        { { "/usr", "ro exec template" }, { "/etc/x", "ro template" },
                                        { "/home/u/w", "rw exec owner required" },
                                        { "/home/u/.gitconfig", "ro owner" } } },
        /* of a caller's document nothing is, and what it wants to write must be there */
        { "'filesystem': {'readonlyPaths': ['/usr'], 'readwritePaths': ['${workspace}', '/data'], "
          "'executePaths': "
          "['/usr']}",
                        "/home/u/w", false,
                        { { "/usr", "ro exec owner" }, { "/data", "rw owner required" },
                                        { "/home/u/w", "rw owner required" } } },
        /* what can be written is never in a template; below it everything is opened as the owner */
        { "'filesystem': {'readwritePaths': ['/srv/a'], 'readonlyPaths': ['/srv/a/b', '/srv'], "
          "'deniedPaths': "
          "['/srv/a/c', '/srv/d']}",
                        NULL, true,
                        { { "/srv", "ro exec template" }, { "/srv/a", "rw exec" },
                                        { "/srv/a/b", "ro exec owner" }, { "/srv/a/c", "denied" },
                                        { "/srv/d", "denied template" } } },
        /* below a workspace too, also where the template has the path already */
        { "'filesystem': {'readwritePaths': ['${workspace}'], 'readonlyPaths': ['/data/shared', "
          "'/data/b/c']}",
                        "/data", true,
                        { { "/data", "rw exec owner required" }, { "/data/shared", "ro exec owner" } } },
        /* a denial is there where something is granted around it */
        { "'filesystem': {'readonlyPaths': ['/usr', '${workspace}/a'], 'deniedPaths': ['/usr/secret', "
          "'/etc/shadow', "
          "'${home}/.ssh', '${workspace}/a/.env']}",
                        "/home/u/w", true,
                        { { "/usr/secret", "denied template" }, { "/etc/shadow", "none" },
                                        { "/home/u/.ssh", "none" }, { "/home/u/w/a/.env", "denied" },
                                        { "/home/u/w", "none" } } },
        /* nothing changes, so no mount; a different execution is a change */
        { "'filesystem': {'readonlyPaths': ['/usr', '/usr/lib', '/usr/share'], 'executePaths': ['/usr/bin', "
          "'/usr/bin/x', '/opt']}",
                        NULL, true,
                        { { "/usr", "ro template" }, { "/usr/bin", "ro exec template" },
                                        { "/usr/lib", "none" }, { "/usr/share", "none" },
                                        { "/usr/bin/x", "none" }, { "/opt", "none" } } },
        /* the workspace is a mount of its own, whatever is around it */
        { "'filesystem': {'readwritePaths': ['${home}', '${workspace}']}", "/home/u/w", true,
                        { { "/home/u", "rw exec owner" }, { "/home/u/w", "rw exec owner required" } } },
        { "'filesystem': {'readonlyPaths': ['/', '${workspace}']}", "/home/u/w", true,
                        { { "/", "ro exec template" }, { "/home/u/w", "ro exec owner required" } } },
        /* the root, and deeper paths that close and open */
        { "'filesystem': {'readonlyPaths': ['/', '/home/u/x'], 'deniedPaths': ['/home'], 'executePaths': "
          "'none'}",
                        NULL, true,
                        { { "/", "ro template" }, { "/home", "denied template" },
                                        { "/home/u/x", "ro template" } } },
        /* the cage has its own: an entry that passes by is left out */
        { "'filesystem': {'readonlyPaths': ['/'], 'executePaths': ['/usr', '/proc/1', '/dev'], "
          "'deniedPaths': "
          "['/dev/shm', '/dev']}",
                        NULL, true,
                        { { "/", "ro template" }, { "/usr", "ro exec template" }, { "/proc/1", "none" },
                                        { "/dev", "denied template" } } },
        /* over what the launcher has over a template */
        { "'filesystem': {'readonlyPaths': ['/run/x', '/tmp/y', '/var/tmp', '/sys', '/var/tmpfs']}", NULL,
                        true,
                        { { "/run/x", "ro exec" }, { "/tmp/y", "ro exec" }, { "/var/tmp", "ro exec" },
                                        { "/sys", "ro exec" }, { "/var/tmpfs", "ro exec template" } } },
        /* names that sort between a directory and what is below it */
        { "'filesystem': {'readonlyPaths': ['/a', '/a-b', '/a.b'], 'readwritePaths': ['/a/b'], "
          "'deniedPaths': "
          "['/a/b/c', '/a-b/c']}",
                        NULL, true,
                        { { "/a", "ro exec template" }, { "/a-b", "ro exec template" },
                                        { "/a-b/c", "denied template" }, { "/a.b", "ro exec template" },
                                        { "/a/b", "rw exec" }, { "/a/b/c", "denied" } } },
        { "'filesystem': {'readwritePaths': ['/w'], 'readonlyPaths': ['/w-x', '/w/y']}", NULL, true,
                        { { "/w", "rw exec" }, { "/w-x", "ro exec template" },
                                        { "/w/y", "ro exec owner" } } },
        { "'filesystem': {'readwritePaths': ['/w', '/w/y'], 'readonlyPaths': ['/w-x']}", NULL, false,
                        { { "/w", "rw exec owner required" }, { "/w-x", "ro exec owner" },
                                        { "/w/y", "none" } } },
        /* a request that restricts what the store grants, and one that widens it, is the owner's affair */
        { "'filesystem': {'readwritePaths': ['/data'], 'readonlyPaths': ['${workspace}']}", "/data/x", true,
                        { { "/data", "rw exec" }, { "/data/x", "ro exec owner required" } } },
        { "'filesystem': {'readonlyPaths': ['/data'], 'readwritePaths': ['${home}/w']}", "/home/u/w", true,
                        { { "/data", "ro exec template" }, { "/home/u/w", "rw exec owner required" } } },
};

START_TEST(test_paths_become_mounts) {
        const MountCase *c = &mount_cases[_i];
        _cleanup_(made_clear) Made m = { 0 };
        size_t n = 0;
        made_make(&m, c->body, c->workspace, c->stored);
        for (; n < ELEMENTSOF(c->rows) && c->rows[n].path; n++)
                is_mount(m.plan, c->rows[n].path, c->rows[n].expected);
}
END_TEST

/* Under another name a path is another path, but "/bin" is the same one as "/usr/bin" in the cage as well. */
START_TEST(test_links_of_a_merged_usr) {
        _cleanup_(made_clear) Made m = { 0 }, named = { 0 }, denied = { 0 }, document = { 0 };
        made_make(&m, "'filesystem': {'readonlyPaths': ['/usr']}", NULL, true);
        ck_assert_uint_eq(m.plan->template.n_links, test_host.n_links);
        ck_assert_str_eq(m.plan->template.links[0].path, "/bin");
        ck_assert_str_eq(m.plan->template.links[0].target, "usr/bin");

        made_make(&named, "'filesystem': {'readonlyPaths': ['/usr', '/lib/x', '/sbin']}", NULL, true);
        ck_assert_uint_eq(named.plan->template.n_links, 2);
        ck_assert_str_eq(named.plan->template.links[0].path, "/bin");
        ck_assert_str_eq(named.plan->template.links[1].path, "/lib64");
        is_mount(named.plan, "/sbin", "ro exec template");

        made_make(&denied,
                        "'filesystem': {'readonlyPaths': ['/usr'], 'deniedPaths': ['/bin/su', '/lib64', "
                        "'/library']}",
                        NULL, true);
        is_mount(denied.plan, "/usr/bin/su", "denied template");
        is_mount(denied.plan, "/usr/lib64", "denied template");
        is_mount(denied.plan, "/usr/library", "none");

        made_make(&document,
                        "'filesystem': {'readonlyPaths': ['/usr', '/bin'], 'deniedPaths': ['/sbin/su']}",
                        NULL, false);
        ck_assert_uint_eq(document.plan->template.n_links, test_host.n_links - 1);
        is_mount(document.plan, "/bin", "ro exec owner");
        is_mount(document.plan, "/usr/sbin/su", "denied");
        ck_assert_uint_eq(document.plan->template.n_mounts, 0);
}
END_TEST

/* Cut down by an agent's own policy: the template is as narrow as that. */
START_TEST(test_an_agents_bound_is_in_the_template) {
        _cleanup_(policy_unrefp)
                        Policy *requested = policy_of("'filesystem': {'readonlyPaths': ['/usr', '/opt']}"),
                               *agent = policy_of("'filesystem': {'readonlyPaths': ['/usr/bin', '/etc'], "
                                                  "'deniedPaths': ['/usr/bin/x']}"),
                               *ceiling = policy_of("'filesystem': {'readonlyPaths': ['/']}");
        const DecideInput in = { .requested = requested, .agent = agent, .ceiling = ceiling, .clamp = true };
        _cleanup_(decision_clear) Decision d = allowed(&in);
        PlanInput input = plan_input(&d, requested, NULL);
        _cleanup_(launch_plan_freep) LaunchPlan *p = plan_of(&input);
        is_mount(p, "/usr/bin", "ro exec template");
        is_mount(p, "/usr/bin/x", "denied template");
        ck_assert_uint_eq(p->template.n_mounts, 2);
        ck_assert_uint_eq(p->n_mounts, 0);
}
END_TEST

/* LIMIT_PLAN_MOUNTS: 512 paths of each kind and 512 to execute is more. */
START_TEST(test_too_many_mounts) {
        _cleanup_(made_clear) Made full = { 0 };
        for (unsigned extra = 0; extra <= 1; extra++) {
                char *text = NULL;
                size_t size;
                FILE *f = open_memstream(&text, &size);
                ck_assert_ptr_nonnull(f);
                /* each of the two lists, at its own limit, where nothing is implied by anything */
                fputs("'filesystem': {'executePaths': 'none', 'readonlyPaths': ['/r'", f);
                for (unsigned i = 1; i < LIMIT_POLICY_PATHS; i++)
                        fprintf(f, ", '/r%03u'", i);
                fputs("], 'deniedPaths': ['/r/d'", f);
                for (unsigned i = 1; i < LIMIT_POLICY_PATHS; i++)
                        fprintf(f, ", '/r%03u/d'", i);
                fputs("]", f);
                if (extra > 0)
                        fputs(", 'readwritePaths': ['/r/d/w']", f);
                fputs("}", f);
                ck_assert_int_eq(fclose(f), 0);
                _cleanup_(made_clear) Made m = { 0 };
                made_prepare(&m, policy_of(text), NULL, NULL);
                free(text);
                m.input.stored = NULL;
                if (extra == 0)
                        m.plan = plan_of(&m.input);
                else
                        made_refuses(&m.input, -E2BIG, REASON_LIMIT, "1025 mounts");
                if (extra == 0)
                        ck_assert_uint_eq(m.plan->n_mounts, LIMIT_PLAN_MOUNTS);
        }
}
END_TEST

/* No policy comes to so many bytes, since it must be a document again when it is bound; the bound holds without that. */
START_TEST(test_too_long_paths) {
        enum { LENGTH = 1024 * 1024 / LIMIT_POLICY_PATHS };
        _cleanup_free_ char *text = many_paths(LIMIT_POLICY_PATHS, "readonlyPaths", "/#");
        _cleanup_(made_clear) Made m = { 0 };
        made_prepare(&m, policy_of(text), NULL, NULL);
        m.input.stored = NULL;
        for (size_t i = 0; i < m.decision.effective->n_paths; i++) {
                char **path = &m.decision.effective->paths[i].path, *longer = calloc(LENGTH + 2, 1);
                ck_assert_ptr_nonnull(longer);
                memset(longer, 'x', LENGTH);
                for (size_t k = 0; k < LENGTH; k += 128)
                        longer[k] = '/';
                memcpy(longer, *path, strlen(*path));
                free(*path);
                *path = longer;
        }
        m.plan = plan_of(&m.input);
        ck_assert_uint_eq(m.plan->n_mounts, LIMIT_POLICY_PATHS);
        m.decision.effective->paths[7].path[LENGTH] = 'x';
        made_refuses(&m.input, -E2BIG, REASON_LIMIT, "1048577 bytes");
}
END_TEST

/* A component that no file system can have is no path. */
START_TEST(test_paths_that_cannot_exist) {
        char body[1024];
        (void)snprintf(body, sizeof(body),
                        "'filesystem': {'readonlyPaths': ['/a', '/a/%0*d', '/a/%0*d/x'], 'deniedPaths': "
                        "['/a/%0*d']}",
                        255, 1, 256, 2, 256, 3);
        _cleanup_(made_clear) Made m = { 0 };
        made_make(&m, body, NULL, true);
        ck_assert_uint_eq(m.plan->template.n_mounts, 1);
}
END_TEST

/* ---- names that the host trusts ---- */

static bool protects(const LaunchPlan *p, PlanHandoffWhere where, const char *path) {
        for (size_t i = 0; i < p->n_handoff; i++)
                if (p->handoff[i].where == where && streq(p->handoff[i].path, path))
                        return true;
        return false;
}

#define WRITES "'filesystem': {'readwritePaths': ['${workspace}']}"

START_TEST(test_names_are_protected_where_something_is_written) {
        _cleanup_(made_clear) Made m = { 0 }, open = { 0 }, quiet = { 0 }, unlisted = { 0 };
        made_make(&m, WRITES, "/home/u/w", true);
        ck_assert_uint_eq(m.plan->n_handoff, m.handoff->n);
        ck_assert(protects(m.plan, PLAN_HANDOFF_ROOT, ".envrc"));
        ck_assert(protects(m.plan, PLAN_HANDOFF_GITDIR, "hooks"));
        ck_assert(protects(m.plan, PLAN_HANDOFF_REPORT, ".npmrc"));

        made_make(&open, "'filesystem': {'readwritePaths': ['${workspace}'], 'handoff': 'allow'}",
                        "/home/u/w", true);
        ck_assert_uint_eq(open.plan->n_handoff, 0);
        made_make(&quiet, "'filesystem': {'readonlyPaths': ['${workspace}']}", "/home/u/w", true);
        ck_assert_uint_eq(quiet.plan->n_handoff, 0);

        made_prepare(&unlisted, policy_of(WRITES), "/home/u/w", "/home/u");
        unlisted.input.handoff = NULL;
        made_refuses(&unlisted.input, -EOPNOTSUPP, REASON_UNSUPPORTED, "handoff.json");
}
END_TEST

static const struct {
        const char *workspace;
        const char *rests[4];
} rests[] = {
        { "/home/u/.config", { "autostart", "systemd", "environment.d", "git" } },
        { "/home/u/.local", { "bin", "share/applications" } },
        { "/home/u/.local/share", { "applications" } },
        { "/home/u/w/.git", { "config", "hooks", "commondir", "config.worktree" } },
        { "/home/u/w/.vscode", { "tasks.json", "launch.json", "settings.json" } },
        { "/home/u/w/.claude", { "settings.json", "hooks", "commands", "skills" } },
        { "/home/u/.codex/worktrees/1/x", { NULL } },
        { "/home/u/my.config", { NULL } },
        { "/home/u/.config-x", { NULL } },
};

START_TEST(test_what_is_left_of_a_name) {
        _cleanup_(made_clear) Made m = { 0 };
        size_t n = 0;
        made_make(&m, WRITES, rests[_i].workspace, true);
        for (; n < ELEMENTSOF(rests[_i].rests) && rests[_i].rests[n]; n++) {
                char path[256];
                (void)snprintf(path, sizeof(path), "%s/%s", rests[_i].workspace + 1, rests[_i].rests[n]);
                ck_assert_msg(protects(m.plan, PLAN_HANDOFF_GRANT, path), "%s", path);
        }
        ck_assert((m.plan->n_handoff > m.handoff->n) == (n > 0));
        for (size_t i = 1; i < m.plan->n_handoff; i++) /* sorted, and each once */
                ck_assert(m.plan->handoff[i - 1].where < m.plan->handoff[i].where ||
                                strcmp(m.plan->handoff[i - 1].path, m.plan->handoff[i].path) < 0);
}
END_TEST

START_TEST(test_every_rest_of_a_name_that_repeats_itself) {
        _cleanup_(made_clear) Made m = { 0 };
        PlanHandoff items[] = { { PLAN_HANDOFF_ROOT, (char *)"a/a/b" } };
        const Handoff list = { items, 1 };
        made_prepare(&m, policy_of(WRITES), "/x/a/a", "/home/u");
        m.input.handoff = &list;
        m.plan = plan_of(&m.input);
        ck_assert_uint_eq(m.plan->n_handoff, 3);
        ck_assert(protects(m.plan, PLAN_HANDOFF_GRANT, "x/a/a/b") &&
                        protects(m.plan, PLAN_HANDOFF_GRANT, "x/a/a/a/b") &&
                        protects(m.plan, PLAN_HANDOFF_ROOT, "a/a/b"));
}
END_TEST

START_TEST(test_what_the_host_trusts_is_no_workspace) {
        static const char *const places[] = { "/home/u/.local/bin", "/home/u/.local/bin/x",
                "/home/u/.config/systemd", "/home/u/.config/systemd/user", "/home/u/w/.git/hooks",
                "/home/u/w/.git/hooks/x/y", "/home/u/.codex", "/home/u/w/.idea", "/home/u/.config/git" };
        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                _cleanup_(made_clear) Made m = { 0 }, open = { 0 };
                made_prepare(&m, policy_of(WRITES), places[i], "/home/u");
                made_refuses(&m.input, -EINVAL, REASON_INVALID_ARGUMENT, places[i]);
                made_make(&open, "'filesystem': {'readwritePaths': ['${workspace}'], 'handoff': 'allow'}",
                                places[i], true);
        }
        _cleanup_(made_clear) Made looks = { 0 };
        made_make(&looks, "'filesystem': {'readonlyPaths': ['${workspace}']}", "/home/u/.local/bin", true);
}
END_TEST

/* Read-only below something that can be written: by name, since a mount is only there while the path is. */
START_TEST(test_readonly_below_writable_holds_by_name) {
        _cleanup_(made_clear) Made m = { 0 }, again = { 0 };
        made_make(&m,
                        "'filesystem': {'readwritePaths': ['${workspace}'], 'readonlyPaths': "
                        "['${workspace}/vendor/x'], "
                        "'handoff': 'allow'}",
                        "/home/u/w", true);
        ck_assert_uint_eq(m.plan->n_handoff, 1);
        ck_assert(protects(m.plan, PLAN_HANDOFF_GRANT, "home/u/w/vendor/x"));

        made_make(&again,
                        "'filesystem': {'readwritePaths': ['${workspace}', '${workspace}/a/b'], "
                        "'readonlyPaths': "
                        "['${workspace}/a'], 'handoff': 'allow'}",
                        "/home/u/w", true);
        ck_assert_uint_eq(again.plan->n_handoff, 0);
}
END_TEST

/* LIMIT_PLAN_HANDOFF: half of them of the list, the others of the policy. */
START_TEST(test_too_many_names) {
        char names[LIMIT_PLAN_HANDOFF / 2][8];
        PlanHandoff items[LIMIT_PLAN_HANDOFF / 2];
        const Handoff list = { items, ELEMENTSOF(items) };
        for (unsigned i = 0; i < ELEMENTSOF(items); i++) {
                (void)snprintf(names[i], sizeof(names[i]), "%04u", i);
                items[i] = (PlanHandoff){ PLAN_HANDOFF_ROOT, names[i] };
        }
        for (unsigned extra = 0; extra <= 1; extra++) {
                _cleanup_(made_clear) Made m = { 0 };
                _cleanup_free_ char *text = many_paths(LIMIT_PLAN_HANDOFF - ELEMENTSOF(items) + extra,
                                "readonlyPaths", "${workspace}/#");
                const char *rest = strchr(text, ',');
                char *whole = NULL;
                ck_assert_int_ge(asprintf(&whole,
                                                 "'filesystem': {'handoff': 'protect', 'readwritePaths': "
                                                 "['${workspace}']%s",
                                                 rest),
                                0);
                made_prepare(&m, policy_of(whole), "/home/u/w", "/home/u");
                m.input.handoff = &list;
                free(whole);
                if (extra == 0) {
                        m.plan = plan_of(&m.input);
                        ck_assert_uint_eq(m.plan->n_handoff, LIMIT_PLAN_HANDOFF);
                } else
                        made_refuses(&m.input, -E2BIG, REASON_LIMIT, "512 names");
        }
}
END_TEST

int main(void) {
        TCase *t = tcase_create("plan mounts");
        tcase_add_loop_test(t, test_paths_become_mounts, 0, ELEMENTSOF(mount_cases));
        tcase_add_test(t, test_links_of_a_merged_usr);
        tcase_add_test(t, test_an_agents_bound_is_in_the_template);
        tcase_add_test(t, test_too_many_mounts);
        tcase_add_test(t, test_too_long_paths);
        tcase_add_test(t, test_paths_that_cannot_exist);
        tcase_add_test(t, test_names_are_protected_where_something_is_written);
        tcase_add_loop_test(t, test_what_is_left_of_a_name, 0, ELEMENTSOF(rests));
        tcase_add_test(t, test_every_rest_of_a_name_that_repeats_itself);
        tcase_add_test(t, test_what_the_host_trusts_is_no_workspace);
        tcase_add_test(t, test_readonly_below_writable_holds_by_name);
        tcase_add_test(t, test_too_many_names);
        return run_case("plan mounts", t);
}
