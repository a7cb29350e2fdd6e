/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans: the command, its owner, limits, and every request that no plan can be made for. */

#include <jansson.h>

#include "rule-test.h"

/* ---- the command ---- */

START_TEST(test_where_a_command_starts) {
        static const struct {
                const char *workspace, *cwd, *expected; /* expected NULL: refused */
        } rows[] = {
                { "/home/u/w", NULL, "/home/u/w" },
                { NULL, NULL, "/" },
                { "/home/u/hidden", NULL, "/" }, /* the policy denies it */
                { "/home/u/w", "/", "/" },
                { "/home/u/w", "/home/u/w/a/b", "/home/u/w/a/b" },
                { "/home/u/w", "/usr/share", "/usr/share" },
                { "/home/u/w", "/tmp", "/tmp" },
                { "/home/u/w", "/var/tmp/x", "/var/tmp/x" },
                { "/home/u/w", "/dev/shm", "/dev/shm" },
                { "/home/u/w", "/home/u", "/home/u" }, /* on the way to what is granted */
                { "/home/u/w", "/home", "/home" },
                { "/home/u/w", "/home/u/www", NULL },
                { "/home/u/w", "/home/u/hidden", NULL },
                { "/home/u/w", "/home/u/hidden/x", NULL },
                { "/home/u/w", "/etc", NULL },
                { "/home/u/w", "/proc/1/root", NULL },
                { "/home/u/w", "/run/user/1000", NULL },
                { "/home/u/w", "relative", NULL },
                { "/home/u/w", "", NULL },
                { "/home/u/w", "/home/u/w/../..", NULL },
                { "/home/u/w", "/home/u/w/", NULL },
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(made_clear) Made m = { 0 };
                made_prepare(&m,
                                policy_of("'filesystem': {'readonlyPaths': ['/usr'], 'readwritePaths': "
                                          "['${workspace}'], "
                                          "'deniedPaths': ['${home}/hidden']}"),
                                NULL, "/home/u");
                decision_clear(&m.decision);
                /* the ceiling says nothing of what the policy itself denies */
                _cleanup_(policy_unrefp) Policy *ceiling =
                                policy_of("'filesystem': {'readwritePaths': ['/']}");
                const DecideInput in = { .requested = m.policy,
                        .ceiling = ceiling,
                        .clamp = true,
                        .binding = { rows[i].workspace, "/home/u", NULL } };
                m.decision = allowed(&in);
                m.input.workspace = rows[i].workspace;
                m.input.cwd = rows[i].cwd;
                if (!rows[i].expected) {
                        made_refuses(&m.input, -EINVAL, REASON_INVALID_ARGUMENT, "working directory");
                        continue;
                }
                m.plan = plan_of(&m.input);
                ck_assert_str_eq(m.plan->cwd, rows[i].expected);
        }
}
END_TEST

/* n words, the first of `size` bytes with its NUL. Free both. */
static char **words(size_t n, size_t size, char **ret_first) {
        char **list = calloc(n + 1, sizeof(char *));
        *ret_first = calloc(size, 1);
        ck_assert(list && *ret_first);
        memset(*ret_first, 'x', size - 1);
        for (size_t i = 0; i < n; i++)
                list[i] = i == 0 ? *ret_first : (char *)"x";
        return list;
}

/* What NSS says, whatever the policy and the caller say of HOME. */
START_TEST(test_where_the_owner_lives) {
        static const char body[] =
                        "'process': {'environment': {'set': {'HOME': '/srv/agent', 'USER': 'a'}}}";
        char *env[] = { (char *)"HOME=/tmp/x", NULL };
        _cleanup_(made_clear) Made m = { 0 };
        made_prepare(&m, policy_of(body), NULL, NULL);
        m.input.env = env;
        m.plan = plan_of(&m.input);
        ck_assert_str_eq(m.plan->home, "/home/u");
        ck_assert_str_eq(m.plan->user, "u");

        _cleanup_(made_clear) Made none = { 0 };
        User nobody = test_owner;
        nobody.home = NULL;
        nobody.name = (char *)"1000";
        made_prepare(&none, policy_of(body), NULL, NULL);
        none.input.owner = &nobody;
        none.plan = plan_of(&none.input);
        ck_assert_str_eq(none.plan->home, "");
        ck_assert_str_eq(none.plan->user, "1000");
}
END_TEST

START_TEST(test_how_long_a_command_may_be) {
        static const struct {
                size_t n, first;
                bool fits;
        } rows[] = { { 0, 1, true }, { 1, 2, true }, { LIMIT_ARGV, 2, true }, { LIMIT_ARGV + 1, 2, false },
                { 1, 128 * 1024, true }, { 1, 128 * 1024 + 1, false } };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(made_clear) Made m = { 0 };
                _cleanup_free_ char *first = NULL;
                _cleanup_free_ char **argv = words(rows[i].n, rows[i].first, &first);
                made_prepare(&m, policy_of(""), NULL, NULL);
                m.input.argv = argv;
                if (!rows[i].fits) {
                        made_refuses(&m.input, -E2BIG, REASON_LIMIT, "too long");
                        continue;
                }
                m.plan = plan_of(&m.input);
                ck_assert_uint_eq(m.plan->n_argv, rows[i].n);
        }

        /* in all: seven of 128 KiB and what is left of the eighth */
        _cleanup_(made_clear) Made m = { 0 };
        _cleanup_free_ char *large = NULL, *rest = NULL;
        _cleanup_free_ char **argv = words(8, 128 * 1024, &large);
        rest = strdup(large);
        ck_assert_ptr_nonnull(rest);
        for (size_t i = 0; i < 7; i++)
                argv[i] = large;
        argv[7] = rest;
        made_prepare(&m, policy_of(""), NULL, NULL);
        m.input.argv = argv;
        m.plan = plan_of(&m.input);
        char *more[10];
        memcpy(more, argv, 8 * sizeof(char *));
        more[8] = (char *)"";
        more[9] = NULL;
        m.input.argv = more;
        made_refuses(&m.input, -E2BIG, REASON_LIMIT, "too long");

        char *empty[] = { (char *)"", (char *)"x", NULL };
        m.input.argv = empty;
        made_refuses(&m.input, -EINVAL, REASON_INVALID_ARGUMENT, "name is empty");
}
END_TEST

START_TEST(test_what_a_request_cannot_ask_for) {
        _cleanup_(made_clear) Made m = { 0 };
        made_prepare(&m, policy_of(""), NULL, NULL);
        PlanInput in = m.input;
        in.rows = LIMIT_TTY_ROWS;
        in.columns = LIMIT_TTY_ROWS;
        m.plan = plan_of(&in);
        in.rows++;
        made_refuses(&in, -EINVAL, REASON_INVALID_ARGUMENT, "rows and columns");
        in = m.input;
        in.columns = LIMIT_TTY_ROWS + 1;
        made_refuses(&in, -EINVAL, REASON_INVALID_ARGUMENT, "rows and columns");

        static const char *const ids[] = { "", "0123", "0123456789abcdef0123456789abcdeF",
                "0123456789abcdef0123456789abcdef0" };
        for (size_t i = 0; i < ELEMENTSOF(ids); i++) {
                in = m.input;
                in.id = ids[i];
                made_refuses(&in, -EINVAL, REASON_INVALID_ARGUMENT, "not a name");
        }
        static const char *const scopes[] = { "", "/", "relative.scope", "/a/../b.scope" };
        for (size_t i = 0; i < ELEMENTSOF(scopes); i++) {
                in = m.input;
                in.scope = scopes[i];
                made_refuses(&in, -EINVAL, REASON_INVALID_ARGUMENT, "not a name");
        }
        char scope[513] = "/";
        memset(scope + 1, 's', 511);
        in = m.input;
        in.scope = scope;
        made_refuses(&in, -EINVAL, REASON_INVALID_ARGUMENT, "not a name");
        scope[511] = '\0';
        launch_plan_free(m.plan);
        m.plan = plan_of(&in);

        static const char *const agents[] = { "", "a b", "a/b", "A", "a.b",
                "a2345678901234567890123456789012345678901234567890123456789012345" };
        for (size_t i = 0; i < ELEMENTSOF(agents); i++) {
                in = m.input;
                in.agent = agents[i];
                made_refuses(&in, -EINVAL, REASON_INVALID_ARGUMENT, "not a name");
        }
}
END_TEST

START_TEST(test_who_it_is_for) {
        _cleanup_(made_clear) Made m = { 0 };
        made_prepare(&m, policy_of(""), NULL, NULL);
        gid_t groups[LIMIT_PLAN_GROUPS + 1];
        for (size_t i = 0; i < ELEMENTSOF(groups); i++)
                groups[i] = (gid_t)i;
        m.input.groups = groups;
        m.input.n_groups = LIMIT_PLAN_GROUPS;
        m.plan = plan_of(&m.input);
        ck_assert_uint_eq(m.plan->uid, 1000);
        ck_assert_uint_eq(m.plan->gid, 1001);
        ck_assert_uint_eq(m.plan->n_groups, LIMIT_PLAN_GROUPS);
        ck_assert_uint_eq(m.plan->groups[77], 77);
        ck_assert_str_eq(m.plan->hostname, "coder");
        ck_assert_uint_eq(m.plan->umask, 022);
        m.input.n_groups++;
        made_refuses(&m.input, -E2BIG, REASON_LIMIT, "groups");

        m.input.n_groups = 3;
        groups[1] = (gid_t)-1;
        made_refuses(&m.input, -EINVAL, REASON_INVALID_ARGUMENT, "group");
        m.input.n_groups = 0;
        User nobody = test_owner;
        m.input.owner = &nobody;
        nobody.uid = (uid_t)-1;
        made_refuses(&m.input, -EINVAL, REASON_INVALID_ARGUMENT, "not a user");
        nobody = test_owner;
        nobody.gid = (gid_t)-1;
        made_refuses(&m.input, -EINVAL, REASON_INVALID_ARGUMENT, "not a user");
}
END_TEST

/* ---- limits, system calls, the host ---- */

START_TEST(test_limits) {
        static const struct {
                const char *body;
                PlanLimitKind kind;
                uint64_t value;
        } rows[] = {
                { "'memoryMax': '1G'", PLAN_LIMIT_MEMORY_MAX, UINT64_C(1) << 30 },
                { "'memorySwapMax': 0", PLAN_LIMIT_MEMORY_SWAP_MAX, 0 },
                { "'tasksMax': 512", PLAN_LIMIT_TASKS_MAX, 512 },
                { "'tasksMax': 99999999999", PLAN_LIMIT_TASKS_MAX, 4194304 },
                { "'cpuQuota': '150%'", PLAN_LIMIT_CPU_QUOTA_USEC, 150000 },
                { "'cpuQuota': '1%'", PLAN_LIMIT_CPU_QUOTA_USEC, 1000 }, /* the least that cpu.max takes */
                { "'cpuQuota': '900000000000000%'", PLAN_LIMIT_CPU_QUOTA_USEC, (UINT64_C(1) << 44) - 1 },
                { "'cpuWeight': 10000", PLAN_LIMIT_CPU_WEIGHT, 10000 },
                { "'ioWeight': 1", PLAN_LIMIT_IO_WEIGHT, 1 },
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(made_clear) Made m = { 0 };
                char body[128];
                (void)snprintf(body, sizeof(body), "'resources': {%s}", rows[i].body);
                made_make(&m, body, NULL, true);
                ck_assert_uint_eq(m.plan->n_limits, 1);
                ck_assert_int_eq(m.plan->limits[0].kind, rows[i].kind);
                ck_assert_uint_eq(m.plan->limits[0].value, rows[i].value);
        }
        _cleanup_(made_clear) Made none = { 0 }, few = { 0 }, most = { 0 };
        made_make(&none, "", NULL, true);
        ck_assert_uint_eq(none.plan->n_limits, 0);
        ck_assert_uint_eq(none.plan->max_files, 65536);
        made_make(&few, "'resources': {'filesMax': 16, 'runtimeMax': '1h'}", NULL, true);
        ck_assert_uint_eq(few.plan->max_files, 16);
        ck_assert_uint_eq(few.plan->n_limits, 0); /* a run's time is mxcd's to keep */
        made_make(&most, "'resources': {'filesMax': 1048576}", NULL, true);
        ck_assert_uint_eq(most.plan->max_files, 1048576);
}
END_TEST

START_TEST(test_what_no_sandbox_is_built_without) {
        _cleanup_(made_clear) Made m = { 0 };
        made_prepare(&m, policy_of(""), NULL, NULL);
        HostFacts host = test_host;
        m.input.host = &host;
        host.features.landlock_abi = 0;
        made_refuses(&m.input, -EOPNOTSUPP, REASON_UNSUPPORTED, "Landlock");
        host = test_host;
        host.features.recursive_mount_attr = 0;
        made_refuses(&m.input, -EOPNOTSUPP, REASON_UNSUPPORTED, "recursive mount attributes");
        host = test_host;
        host.features.cgroup_kill = 0;
        made_refuses(&m.input, -EOPNOTSUPP, REASON_UNSUPPORTED, "cgroup.kill");

        host = test_host;
        host.features.landlock_abi = 1;
        m.plan = plan_of(&m.input);
        ck_assert_uint_eq(m.plan->template.landlock_abi, 1);
}
END_TEST

static bool has_wall(const LaunchPlan *p, const HostFacts *host, const char *wall) {
        const char *walls[32];
        size_t n = plan_walls(p, host, walls, ELEMENTSOF(walls));
        for (size_t i = 0; i < n; i++)
                if (streq(walls[i], wall))
                        return true;
        return false;
}

START_TEST(test_walls_are_those_of_the_host) {
        _cleanup_(made_clear) Made m = { 0 };
        made_make(&m,
                        "'filesystem': {'readwritePaths': ['${workspace}']}, 'resources': {'memoryMax': "
                        "'1G', 'tasksMax': 5}",
                        "/home/u/w", true);
        HostFacts host = test_host;
        static const char *const always[] = { "mount-namespace", "pid-namespace", "ipc-namespace",
                "uts-namespace", "network-namespace", "cgroup-namespace", "no-capabilities",
                "no-new-privileges", "seccomp", "landlock-7", "names-guarded", "memory.max", "pids.max" };
        for (size_t i = 0; i < ELEMENTSOF(always); i++)
                ck_assert_msg(has_wall(m.plan, &host, always[i]), "%s", always[i]);
        ck_assert(!has_wall(m.plan, &host, "cpu.max") && !has_wall(m.plan, &host, "names-mediated"));

        const char *unheld[_PLAN_LIMIT_MAX];
        ck_assert_uint_eq(plan_unheld(m.plan, &host, unheld), 0);
        host.features.guard = 0;
        host.features.memory = 0;
        ck_assert_uint_eq(plan_unheld(m.plan, &host, unheld), 1);
        ck_assert_str_eq(unheld[0], "memory.max");
        ck_assert(has_wall(m.plan, &host, "names-mediated") && !has_wall(m.plan, &host, "names-guarded"));
        ck_assert(!has_wall(m.plan, &host, "memory.max") && has_wall(m.plan, &host, "pids.max"));
        host.features.mediate = 0;
        ck_assert(!has_wall(m.plan, &host, "names-mediated"));
        m.plan->template.landlock_abi = 2;
        ck_assert(has_wall(m.plan, &host, "landlock-2") && !has_wall(m.plan, &host, "landlock-7"));
        m.plan->template.landlock_abi = 70; /* newer than we know: as much as we know */
        ck_assert(has_wall(m.plan, &host, "landlock-7"));

        const char *walls[4] = { 0 };
        ck_assert_uint_eq(plan_walls(m.plan, &host, walls, 3), 3);
        ck_assert_ptr_null(walls[3]);
}
END_TEST

/* ---- for people ---- */

START_TEST(test_a_plan_as_json) {
        _cleanup_(made_clear) Made m = { 0 };
        char *argv[] = { (char *)"make", (char *)"\xff\x01\"", NULL };
        made_prepare(&m,
                        policy_of("'filesystem': {'readonlyPaths': ['/usr'], 'readwritePaths': "
                                  "['${workspace}']}, "
                                  "'process': {'syscalls': {'profile': 'none', 'allow': ['read', "
                                  "'write']}}, "
                                  "'resources': {'cpuQuota': '50%'}"),
                        "/home/u/w", "/home/u");
        const Handoff list = { (PlanHandoff[]){ { PLAN_HANDOFF_GITDIR, (char *)"hooks" } }, 1 };
        static const gid_t groups[] = { 27 };
        m.input.handoff = &list;
        m.input.argv = argv;
        m.input.groups = groups;
        m.input.n_groups = 1;
        m.input.pty = true;
        m.input.rows = 24;
        m.plan = plan_of(&m.input);
        json_auto_t *o = plan_to_json(m.plan);
        _cleanup_free_ char *text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
        ck_assert_str_eq(text,
                        "{\"argv\":[\"make\",\"?\\u0001\\\"\"],\"columns\":0,\"cwd\":\"/home/u/"
                        "w\",\"environment\":["
                        "\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/"
                        "bin\"],\"gid\":1001,"
                        "\"groups\":[27],\"handoff\":{\"gitdir\":[\"hooks\"],\"grant\":[],\"report\":[],"
                        "\"root\":[]},\"home\":\"/home/u\","
                        "\"hostname\":\"coder\",\"id\":\"0123456789abcdef0123456789abcdef\","
                        "\"limits\":{\"cpuQuotaUsec\":50000},\"maxFiles\":65536,\"mounts\":[{\"access\":"
                        "\"readwrite\","
                        "\"exec\":true,\"openedAs\":\"owner\",\"path\":\"/home/u/"
                        "w\",\"required\":true}],\"pty\":true,"
                        "\"published\":[],\"rows\":24,\"scope\":\"/mxc.slice/mxc-u1000.slice/"
                        "mxc-coder.scope\",\"template\":{"
                        "\"debugging\":false,\"landlockAbi\":7,\"links\":{\"/bin\":\"usr/bin\",\"/"
                        "lib\":\"usr/lib\","
                        "\"/lib64\":\"usr/lib64\",\"/sbin\":\"usr/"
                        "sbin\"},\"mounts\":[{\"access\":\"readonly\","
                        "\"exec\":true,\"openedAs\":\"root\",\"path\":\"/usr\",\"required\":false}],"
                        "\"syscalls\":[\"read\",\"write\"]},\"uid\":1000,\"umask\":\"0022\",\"user\":"
                        "\"u\"}");
}
END_TEST

START_TEST(test_this_hosts_links) {
        _cleanup_(host_facts_clear) HostFacts f = { 0 };
        ck_assert_int_eq(host_facts_gather(&f), 0);
        char target[256];
        for (size_t i = 0; i < f.n_links; i++) {
                ssize_t n = readlink(f.links[i].path, target, sizeof(target) - 1);
                ck_assert_int_gt(n, 0);
                target[n] = '\0';
                ck_assert_str_eq(f.links[i].target, target);
        }
        ck_assert((f.n_links > 0) == (readlink("/bin", target, sizeof(target)) > 0 ||
                                                     readlink("/lib", target, sizeof(target)) > 0));
}
END_TEST

int main(void) {
        TCase *t = tcase_create("planner");
        tcase_add_test(t, test_where_a_command_starts);
        tcase_add_test(t, test_where_the_owner_lives);
        tcase_add_test(t, test_how_long_a_command_may_be);
        tcase_add_test(t, test_what_a_request_cannot_ask_for);
        tcase_add_test(t, test_who_it_is_for);
        tcase_add_test(t, test_limits);
        tcase_add_test(t, test_what_no_sandbox_is_built_without);
        tcase_add_test(t, test_walls_are_those_of_the_host);
        tcase_add_test(t, test_a_plan_as_json);
        tcase_add_test(t, test_this_hosts_links);
        return run_case("planner", t);
}
