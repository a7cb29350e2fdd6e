/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans and the channel they travel on: whole ones come through unchanged, and nothing but whole ones comes through. */

#include <check.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "codec.h"
#include "limits.h"
#include "plan.h"
#include "report.h"

DEFINE_CLEANUP(LaunchPlan *, launch_plan_free);
DEFINE_CLEANUP(ExecPlan *, exec_plan_free);

static char *word(const char *s) {
        char *copy = strdup(s);
        ck_assert_ptr_nonnull(copy);
        return copy;
}

static void *array(size_t n, size_t size) {
        void *a = calloc(n, size);
        ck_assert_ptr_nonnull(a);
        return a;
}

static char *repeated(char c, size_t n) {
        char *s = array(n + 1, 1);
        memset(s, c, n);
        return s;
}

/* Something in every field. */
static LaunchPlan *whole_plan(void) {
        LaunchPlan *p = array(1, sizeof(LaunchPlan));
        p->id = word("0123456789abcdef0123456789abcdef");
        p->scope = word("/mxc.slice/mxc-u1000.slice/mxc-coder.scope");
        p->hostname = word("coder");
        p->template.n_mounts = 2;
        p->template.mounts = array(2, sizeof(PlanMount));
        p->template.mounts[0] = (PlanMount){ .path = word("/etc"), .access = PLAN_READONLY };
        p->template.mounts[1] = (PlanMount){
                .path = word("/usr"), .access = PLAN_READONLY, .exec = true, .required = true
        };
        p->template.n_links = 1;
        p->template.links = array(1, sizeof(PlanLink));
        p->template.links[0] = (PlanLink){ word("/bin"), word("usr/bin") };
        p->template.n_syscalls = 2;
        p->template.syscalls = array(2, sizeof(char *));
        p->template.syscalls[0] = word("read");
        p->template.syscalls[1] = word("write");
        p->template.debugging = true;
        p->template.landlock_abi = 7;
        p->n_mounts = 2;
        p->mounts = array(2, sizeof(PlanMount));
        p->mounts[0] = (PlanMount){
                .path = word("/home/u/ws"), .access = PLAN_READWRITE, .as_owner = true, .required = true
        };
        p->mounts[1] = (PlanMount){ .path = word("/home/u/ws/.env"), .access = PLAN_DENIED };
        p->n_handoff = 1;
        p->handoff = array(1, sizeof(PlanHandoff));
        p->handoff[0] = (PlanHandoff){ PLAN_HANDOFF_GITDIR, word("hooks") };
        p->uid = 1000;
        p->gid = 1001;
        p->n_groups = 2;
        p->groups = array(2, sizeof(uint32_t));
        p->groups[0] = 27;
        p->n_argv = 2;
        p->argv = array(2, sizeof(char *));
        p->argv[0] = word("make");
        p->argv[1] = word("");
        p->n_env = 1;
        p->env = array(1, sizeof(char *));
        p->env[0] = word("A=");
        p->cwd = word("/home/u/ws");
        p->umask = 022;
        p->pty = true;
        p->rows = 24;
        p->columns = 80;
        p->n_limits = 2;
        p->limits = array(2, sizeof(PlanLimit));
        p->limits[0] = (PlanLimit){ PLAN_LIMIT_TASKS_MAX, 512 };
        p->limits[1] = (PlanLimit){ PLAN_LIMIT_MEMORY_MAX, UINT64_C(1) << 40 };
        p->max_files = UINT64_C(0x123456789a);
        p->relay_uid = 61236;
        p->relay_gid = 61237;
        p->n_published = 2;
        p->published = array(2, sizeof(PlanListener));
        p->published[0] = (PlanListener){ AF_INET, 1024, { 127, 0, 0, 1 } };
        p->published[1] = (PlanListener){ AF_INET6, 65535, { [15] = 1 } };
        p->user = word("u");
        p->home = word("/home/u");
        return p;
}

static ExecPlan *whole_exec(void) {
        ExecPlan *p = array(1, sizeof(ExecPlan));
        p->id = word("0123456789abcdef0123456789abcdef");
        p->n_argv = 1;
        p->argv = array(1, sizeof(char *));
        p->argv[0] = word("sh");
        p->n_env = 1;
        p->env = array(1, sizeof(char *));
        p->env[0] = word("PATH=/bin");
        p->cwd = word("/");
        return p;
}

static int decode(const uint8_t *data, size_t size, LaunchPlan **ret) {
        size_t offset, length;
        const char *where;
        return launch_plan_decode(data, size, ret, &offset, &length, &where);
}

START_TEST(test_plan_survives_a_round_trip) {
        _cleanup_(launch_plan_freep) LaunchPlan *p = whole_plan(), *q = NULL;
        _cleanup_free_ uint8_t *first = NULL, *second = NULL;
        size_t n_first, n_second;
        ck_assert_int_eq(launch_plan_encode(p, &first, &n_first), 0);
        ck_assert_int_eq(decode(first, n_first, &q), 0);
        ck_assert_int_eq(launch_plan_encode(q, &second, &n_second), 0);
        ck_assert_mem_eq(first, second, n_first);
        ck_assert_uint_eq(n_first, n_second);
        ck_assert_str_eq(q->mounts[1].path, "/home/u/ws/.env");
        ck_assert_int_eq(q->mounts[1].access, PLAN_DENIED);
        ck_assert_str_eq(q->argv[1], "");
        ck_assert_uint_eq(q->groups[0], 27);
        ck_assert(q->n_published == 2 && q->published[1].family == AF_INET6 &&
                        q->published[1].port == 65535 && q->published[1].address[15] == 1);
        ck_assert(q->max_files == UINT64_C(0x123456789a) && q->limits[1].value == UINT64_C(1) << 40);
        ck_assert_str_eq(q->user, "u");
        ck_assert_str_eq(q->home, "/home/u");
}
END_TEST

/* Of an owner of whom nobody knows a name, or where he lives. */
START_TEST(test_a_plan_without_a_home) {
        _cleanup_(launch_plan_freep) LaunchPlan *p = whole_plan(), *q = NULL;
        _cleanup_free_ uint8_t *data = NULL;
        size_t size;
        p->user[0] = p->home[0] = 0;
        ck_assert_int_eq(launch_plan_encode(p, &data, &size), 0);
        ck_assert_int_eq(decode(data, size, &q), 0);
        ck_assert_str_eq(q->user, "");
        ck_assert_str_eq(q->home, "");
}
END_TEST

START_TEST(test_exec_plan_survives_a_round_trip) {
        _cleanup_(exec_plan_freep) ExecPlan *p = whole_exec(), *q = NULL;
        _cleanup_free_ uint8_t *first = NULL, *second = NULL;
        size_t n_first, n_second;
        ck_assert_int_eq(exec_plan_encode(p, &first, &n_first), 0);
        ck_assert_int_eq(exec_plan_decode(first, n_first, &q, NULL), 0);
        ck_assert_int_eq(exec_plan_encode(q, &second, &n_second), 0);
        ck_assert_uint_eq(n_first, n_second);
        ck_assert_mem_eq(first, second, n_first);
        for (size_t n = 0; n < n_first; n++) {
                ExecPlan *none = NULL;
                ck_assert_int_eq(exec_plan_decode(first, n, &none, NULL), -EBADMSG);
        }
}
END_TEST

/* Each prefix, and one byte more, is no plan. */
START_TEST(test_plan_of_another_length_is_refused) {
        _cleanup_(launch_plan_freep) LaunchPlan *p = whole_plan();
        _cleanup_free_ uint8_t *data = NULL;
        size_t size;
        ck_assert_int_eq(launch_plan_encode(p, &data, &size), 0);
        for (size_t n = 0; n < size; n++) {
                LaunchPlan *none = NULL;
                ck_assert_int_eq(decode(data, n, &none), -EBADMSG);
                ck_assert_ptr_null(none);
        }
        _cleanup_free_ uint8_t *longer = array(size + 1, 1);
        memcpy(longer, data, size);
        LaunchPlan *none = NULL;
        ck_assert_int_eq(decode(longer, size + 1, &none), -EBADMSG);
}
END_TEST

/* Of a mxcd that was updated without its launcher, or the other way round. */
START_TEST(test_plan_of_another_version_is_refused) {
        _cleanup_(launch_plan_freep) LaunchPlan *p = whole_plan();
        _cleanup_free_ uint8_t *data = NULL;
        size_t size, offset, length;
        ck_assert_int_eq(launch_plan_encode(p, &data, &size), 0);
        for (uint8_t version = PLAN_VERSION - 1; version <= PLAN_VERSION + 1; version += 2) {
                LaunchPlan *q = NULL;
                const char *where = "";
                data[4] = version;
                ck_assert_int_eq(launch_plan_decode(data, size, &q, &offset, &length, &where), -EBADMSG);
                ck_assert_str_eq(where, "version");
        }
}
END_TEST

/* A byte that is changed gives another plan or none, never one that encodes to something else. */
START_TEST(test_plan_with_a_changed_byte_is_consistent) {
        _cleanup_(launch_plan_freep) LaunchPlan *p = whole_plan();
        _cleanup_free_ uint8_t *data = NULL;
        size_t size;
        ck_assert_int_eq(launch_plan_encode(p, &data, &size), 0);
        for (size_t i = 0; i < size; i++)
                for (unsigned bit = 0; bit < 8; bit++) {
                        data[i] ^= (uint8_t)(1U << bit);
                        _cleanup_(launch_plan_freep) LaunchPlan *q = NULL;
                        if (decode(data, size, &q) == 0) {
                                _cleanup_free_ uint8_t *again = NULL;
                                size_t n;
                                ck_assert_int_eq(launch_plan_encode(q, &again, &n), 0);
                                ck_assert_uint_eq(n, size);
                                ck_assert_mem_eq(again, data, size);
                        }
                        data[i] ^= (uint8_t)(1U << bit);
                }
}
END_TEST

START_TEST(test_template_bytes_are_the_template) {
        _cleanup_(launch_plan_freep) LaunchPlan *a = whole_plan(), *b = whole_plan(), *c = whole_plan();
        free(b->id);
        b->id = word("ffffffffffffffffffffffffffffffff");
        b->uid = 7;
        free(b->hostname);
        b->hostname = word("a-longer-hostname");
        c->template.debugging = false;
        LaunchPlan *plans[] = { a, b, c };
        uint8_t *keys[3];
        size_t sizes[3];
        for (size_t i = 0; i < 3; i++) {
                _cleanup_free_ uint8_t *data = NULL;
                _cleanup_(launch_plan_freep) LaunchPlan *q = NULL;
                size_t size, offset;
                ck_assert_int_eq(launch_plan_encode(plans[i], &data, &size), 0);
                ck_assert_int_eq(launch_plan_decode(data, size, &q, &offset, &sizes[i], NULL), 0);
                keys[i] = array(sizes[i], 1);
                memcpy(keys[i], data + offset, sizes[i]);
        }
        ck_assert_uint_eq(sizes[0], sizes[1]);
        ck_assert_mem_eq(keys[0], keys[1], sizes[0]);
        ck_assert(sizes[0] != sizes[2] || memcmp(keys[0], keys[2], sizes[0]) != 0);
        for (size_t i = 0; i < 3; i++)
                free(keys[i]);
}
END_TEST

/* ---- what makes a plan none ---- */

static void replace(char **s, const char *by) {
        free(*s);
        *s = word(by);
}

static void relative_scope(LaunchPlan *p) {
        p->scope[0] = 'x';
}
static void scope_is_the_root(LaunchPlan *p) {
        p->scope[1] = 0;
}
static void short_id(LaunchPlan *p) {
        p->id[31] = 0;
}
static void upper_case_id(LaunchPlan *p) {
        p->id[10] = 'A';
}
static void id_with_a_slash(LaunchPlan *p) {
        p->id[10] = '/';
}
static void no_hostname(LaunchPlan *p) {
        p->hostname[0] = 0;
}
static void hostname_with_space(LaunchPlan *p) {
        p->hostname[0] = ' ';
}
static void template_as_owner(LaunchPlan *p) {
        p->template.mounts[0].as_owner = true;
}
static void unsorted_mounts(LaunchPlan *p) {
        p->template.mounts[0].path[1] = 'z';
}
static void unknown_access(LaunchPlan *p) {
        p->mounts[0].access = _PLAN_ACCESS_MAX;
}
static void dot_dot_in_a_mount(LaunchPlan *p) {
        replace(&p->mounts[1].path, "/home/u/ws/..");
}
static void dot_in_a_mount(LaunchPlan *p) {
        replace(&p->mounts[1].path, "/home/u/ws/.");
}
static void double_slash(LaunchPlan *p) {
        replace(&p->mounts[1].path, "/home/u/ws//x");
}
static void trailing_slash(LaunchPlan *p) {
        replace(&p->mounts[1].path, "/home/u/ws/x/");
}
static void empty_link_target(LaunchPlan *p) {
        p->template.links[0].target[0] = 0;
}
static void link_at_the_root(LaunchPlan *p) {
        p->template.links[0].path[1] = 0;
}
static void syscall_with_capitals(LaunchPlan *p) {
        p->template.syscalls[1][0] = 'W';
}
static void same_syscall_twice(LaunchPlan *p) {
        replace(&p->template.syscalls[1], "read");
}
static void absolute_handoff(LaunchPlan *p) {
        p->handoff[0].path[0] = '/';
}
static void handoff_upwards(LaunchPlan *p) {
        replace(&p->handoff[0].path, "..");
}
static void unknown_handoff(LaunchPlan *p) {
        p->handoff[0].where = _PLAN_HANDOFF_MAX;
}
static void uid_that_is_none(LaunchPlan *p) {
        p->uid = UINT32_MAX;
}
static void gid_that_is_none(LaunchPlan *p) {
        p->gid = UINT32_MAX;
}
static void group_that_is_none(LaunchPlan *p) {
        p->groups[1] = UINT32_MAX;
}
static void no_program(LaunchPlan *p) {
        p->argv[0][0] = 0;
}
static void env_without_equals(LaunchPlan *p) {
        p->env[0][1] = 0;
}
static void env_without_name(LaunchPlan *p) {
        p->env[0][0] = '=';
}
static void relative_cwd(LaunchPlan *p) {
        p->cwd[0] = 'h';
}
static void wide_umask(LaunchPlan *p) {
        p->umask = 01000;
}
static void too_many_rows(LaunchPlan *p) {
        p->rows = LIMIT_TTY_ROWS + 1;
}
static void too_many_columns(LaunchPlan *p) {
        p->columns = LIMIT_TTY_ROWS + 1;
}
static void unknown_limit(LaunchPlan *p) {
        p->limits[0].kind = _PLAN_LIMIT_MAX;
}
static void same_limit_twice(LaunchPlan *p) {
        p->limits[1].kind = p->limits[0].kind;
}
static void weight_of_nothing(LaunchPlan *p) {
        p->limits[0] = (PlanLimit){ PLAN_LIMIT_CPU_WEIGHT, 0 };
}
static void weight_too_great(LaunchPlan *p) {
        p->limits[0] = (PlanLimit){ PLAN_LIMIT_IO_WEIGHT, 10001 };
}
static void port_below_the_first(LaunchPlan *p) {
        p->published[0].port = PLAN_PORT_MIN - 1;
}
static void port_above_the_last(LaunchPlan *p) {
        p->published[1].port = UINT16_MAX + 1;
}
static void published_without_a_relay(LaunchPlan *p) {
        p->relay_uid = p->relay_gid = 0;
}
static void relative_home(LaunchPlan *p) {
        p->home[0] = 'x';
}
static void home_upwards(LaunchPlan *p) {
        replace(&p->home, "/home/..");
}
static void missing_string(LaunchPlan *p) {
        free(p->cwd);
        p->cwd = NULL;
}

static void (*const spoilers[])(LaunchPlan *) = { relative_scope, scope_is_the_root, short_id, upper_case_id,
        id_with_a_slash, no_hostname, hostname_with_space, template_as_owner, unsorted_mounts,
        unknown_access, dot_dot_in_a_mount, dot_in_a_mount, double_slash, trailing_slash, empty_link_target,
        link_at_the_root, syscall_with_capitals, same_syscall_twice, absolute_handoff, handoff_upwards,
        unknown_handoff, uid_that_is_none, gid_that_is_none, group_that_is_none, no_program,
        env_without_equals, env_without_name, relative_cwd, wide_umask, too_many_rows, too_many_columns,
        unknown_limit, same_limit_twice, weight_of_nothing, weight_too_great, port_below_the_first,
        port_above_the_last, published_without_a_relay, relative_home, home_upwards, missing_string };

START_TEST(test_spoilt_plan_is_refused) {
        _cleanup_(launch_plan_freep) LaunchPlan *p = whole_plan();
        spoilers[_i](p);
        uint8_t *data = NULL;
        size_t size;
        ck_assert_int_eq(launch_plan_encode(p, &data, &size), -EINVAL);
        ck_assert_ptr_null(data);
}
END_TEST

/* ---- limits: the last that fits, the first that does not ---- */

static int encoded(const LaunchPlan *p) {
        _cleanup_free_ uint8_t *data = NULL;
        size_t size;
        int r = launch_plan_encode(p, &data, &size);
        if (r < 0)
                return r;
        _cleanup_(launch_plan_freep) LaunchPlan *q = NULL;
        return decode(data, size, &q);
}

static void set_words(char ***words, size_t *n, size_t count, char *(*make)(size_t i)) {
        for (size_t i = 0; i < *n; i++)
                free((*words)[i]);
        free(*words);
        *words = array(count, sizeof(char *));
        *n = count;
        for (size_t i = 0; i < count; i++)
                (*words)[i] = make(i);
}

static char *make_word(size_t i) {
        return word("w");
}

static char *make_variable(size_t i) {
        return word("A=b");
}

static char *make_call(size_t i) {
        char *s = NULL;
        ck_assert_int_gt(asprintf(&s, "call%06zu", i), 0);
        return s;
}

static void n_argv(LaunchPlan *p, size_t n) {
        set_words(&p->argv, &p->n_argv, n, make_word);
}
static void n_env(LaunchPlan *p, size_t n) {
        set_words(&p->env, &p->n_env, n, make_variable);
}
static void n_syscalls(LaunchPlan *p, size_t n) {
        set_words(&p->template.syscalls, &p->template.n_syscalls, n, make_call);
}

static void argv_bytes(LaunchPlan *p, size_t n) {
        n_argv(p, 2);
        free(p->argv[1]);
        p->argv[1] = repeated('x', n - 3); /* "w", and two NULs */
}

static void env_bytes(LaunchPlan *p, size_t n) {
        n_env(p, 1);
        free(p->env[0]);
        p->env[0] = repeated('x', n - 1);
        p->env[0][1] = '=';
}

static void path_bytes(LaunchPlan *p, size_t n) {
        free(p->cwd);
        p->cwd = repeated('x', n);
        p->cwd[0] = '/';
}

static void user_bytes(LaunchPlan *p, size_t n) {
        free(p->user);
        p->user = repeated('x', n);
}

static void home_bytes(LaunchPlan *p, size_t n) {
        free(p->home);
        p->home = repeated('x', n);
        p->home[0] = '/';
}

static void scope_bytes(LaunchPlan *p, size_t n) {
        free(p->scope);
        p->scope = repeated('x', n);
        p->scope[0] = '/';
}

static void hostname_bytes(LaunchPlan *p, size_t n) {
        free(p->hostname);
        p->hostname = repeated('x', n);
}

static PlanMount *many_mounts(size_t n) {
        PlanMount *m = array(n, sizeof(PlanMount));
        for (size_t i = 0; i < n; i++)
                ck_assert_int_gt(asprintf(&m[i].path, "/m%06zu", i), 0);
        return m;
}

static void n_mounts(LaunchPlan *p, size_t n) {
        for (size_t i = 0; i < p->n_mounts; i++)
                free(p->mounts[i].path);
        free(p->mounts);
        p->mounts = many_mounts(n);
        p->n_mounts = n;
}

static void n_template_mounts(LaunchPlan *p, size_t n) {
        for (size_t i = 0; i < p->template.n_mounts; i++)
                free(p->template.mounts[i].path);
        free(p->template.mounts);
        p->template.mounts = many_mounts(n);
        p->template.n_mounts = n;
}

static void n_published(LaunchPlan *p, size_t n) {
        free(p->published);
        p->published = array(n, sizeof(PlanListener));
        p->n_published = n;
        for (size_t i = 0; i < n; i++)
                p->published[i] = (PlanListener){ AF_INET, PLAN_PORT_MIN, { 127, 0, 0, 1 } };
}

static void n_links(LaunchPlan *p, size_t n) {
        PlanLink *links = array(n, sizeof(PlanLink));
        for (size_t i = 0; i < n; i++) {
                ck_assert_int_gt(asprintf(&links[i].path, "/l%zu", i), 0);
                links[i].target = word("usr");
        }
        for (size_t i = 0; i < p->template.n_links; i++) {
                free(p->template.links[i].path);
                free(p->template.links[i].target);
        }
        free(p->template.links);
        p->template.links = links;
        p->template.n_links = n;
}

static void n_handoff(LaunchPlan *p, size_t n) {
        PlanHandoff *h = array(n, sizeof(PlanHandoff));
        for (size_t i = 0; i < n; i++)
                h[i].path = word("hooks");
        for (size_t i = 0; i < p->n_handoff; i++)
                free(p->handoff[i].path);
        free(p->handoff);
        p->handoff = h;
        p->n_handoff = n;
}

static void n_groups(LaunchPlan *p, size_t n) {
        free(p->groups);
        p->groups = array(n, sizeof(uint32_t));
        p->n_groups = n;
}

static const struct {
        const char *name;
        void (*set)(LaunchPlan *p, size_t n);
        size_t limit;
} limits[] = {
        { "argv", n_argv, LIMIT_ARGV },
        { "argv bytes", argv_bytes, LIMIT_ARGV_BYTES },
        { "env", n_env, LIMIT_ENV },
        { "env bytes", env_bytes, LIMIT_ENV_BYTES },
        { "path", path_bytes, LIMIT_PATH_BYTES },
        { "user", user_bytes, LIMIT_USER_NAME_BYTES },
        { "home", home_bytes, LIMIT_PATH_BYTES },
        { "scope", scope_bytes, 511 },
        { "hostname", hostname_bytes, 64 },
        { "mounts", n_mounts, LIMIT_PLAN_MOUNTS },
        { "template mounts", n_template_mounts, LIMIT_PLAN_MOUNTS },
        { "links", n_links, LIMIT_PLAN_LINKS },
        { "syscalls", n_syscalls, LIMIT_PLAN_SYSCALLS },
        { "handoff", n_handoff, LIMIT_PLAN_HANDOFF },
        { "groups", n_groups, LIMIT_PLAN_GROUPS },
        { "published", n_published, LIMIT_PUBLISHED },
};

START_TEST(test_limit_is_where_it_says) {
        _cleanup_(launch_plan_freep) LaunchPlan *p = whole_plan();
        limits[_i].set(p, limits[_i].limit);
        ck_assert_msg(encoded(p) == 0, "%s: the limit itself", limits[_i].name);
        limits[_i].set(p, limits[_i].limit + 1);
        ck_assert_msg(encoded(p) < 0, "%s: one more", limits[_i].name);
}
END_TEST

/* LIMIT_PLAN_BYTES, of what is sent and of what is read. */
START_TEST(test_size_of_a_message) {
        static uint8_t data[LIMIT_PLAN_BYTES + 1];
        for (unsigned beyond = 0; beyond < 2; beyond++) {
                const size_t n = LIMIT_PLAN_BYTES + beyond;
                const char *where = "";
                Codec in = codec_for_input(data, n);
                ck_assert_int_eq(in.error, beyond ? -EBADMSG : 0);
                (void)codec_finish_input(&in, &where);
                ck_assert_str_eq(where, beyond ? "size" : "end");

                _cleanup_close_ int fd = -EBADF;
                _cleanup_free_ uint8_t *got = NULL;
                size_t size;
                ck_assert_int_eq(sealed_memfd_new(data, n, &fd), 0);
                ck_assert_int_eq(sealed_memfd_read(fd, &got, &size), beyond ? -E2BIG : 0);
                if (!beyond)
                        ck_assert_uint_eq(size, n);
        }
}
END_TEST

/* Lengths in the message that would make an allocation larger than the message deserves. */
START_TEST(test_count_beyond_the_message_is_refused) {
        _cleanup_(launch_plan_freep) LaunchPlan *p = whole_plan();
        _cleanup_free_ uint8_t *data = NULL;
        size_t size;
        ck_assert_int_eq(launch_plan_encode(p, &data, &size), 0);
        size_t count_at = 8 + (4 + 33) + (4 + strlen(p->scope) + 1) + (4 + strlen(p->hostname) + 1);
        data[count_at] = 0;
        data[count_at + 1] = LIMIT_PLAN_MOUNTS >> 8;
        LaunchPlan *none = NULL;
        ck_assert_int_eq(decode(data, size, &none), -EBADMSG);
}
END_TEST

START_TEST(test_path_is_normal) {
        static const struct {
                const char *path;
                bool normal;
        } table[] = {
                { "/", true },
                { "/a", true },
                { "/a/b", true },
                { "/a/...", true },
                { "/.a", true },
                { "/a/..b", true },
                { "", false },
                { "a", false },
                { "//", false },
                { "/a/", false },
                { "/a//b", false },
                { "/.", false },
                { "/..", false },
                { "/a/./b", false },
                { "/a/../b", false },
                { "/a/.", false },
        };
        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                ck_assert_msg(path_is_normal(table[i].path) == table[i].normal, "%s", table[i].path);
}
END_TEST

/* ---- travel ---- */

START_TEST(test_memfd_is_sealed_and_read_back) {
        _cleanup_close_ int fd = -EBADF;
        ck_assert_int_eq(sealed_memfd_new((const uint8_t *)"abc", 3, &fd), 0);
        ck_assert_int_lt(pwrite(fd, "x", 1, 0), 0);
        ck_assert_int_lt(ftruncate(fd, 0), 0);
        _cleanup_free_ uint8_t *data = NULL;
        size_t size;
        ck_assert_int_eq(sealed_memfd_read(fd, &data, &size), 0);
        ck_assert_uint_eq(size, 3);
        ck_assert_mem_eq(data, "abc", 3);
}
END_TEST

START_TEST(test_memfd_without_every_seal_is_refused) {
        static const int seals[] = { 0, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE,
                F_SEAL_WRITE | F_SEAL_SEAL, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };
        for (size_t i = 0; i < ELEMENTSOF(seals); i++) {
                _cleanup_close_ int fd = memfd_create("t", MFD_ALLOW_SEALING | MFD_CLOEXEC);
                ck_assert_int_eq(write(fd, "abc", 3), 3);
                ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, seals[i]), 0);
                uint8_t *data = NULL;
                size_t size;
                ck_assert_int_eq(sealed_memfd_read(fd, &data, &size), -EPERM);
        }
        _cleanup_close_ int file = open("/dev/zero", O_RDONLY | O_CLOEXEC);
        uint8_t *data = NULL;
        size_t size;
        ck_assert_int_eq(sealed_memfd_read(file, &data, &size), -EPERM);
}
END_TEST

START_TEST(test_messages_carry_descriptors) {
        int pair[2], got[LAUNCH_MAX_FDS];
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        LaunchRequest q = { .magic = LAUNCH_MAGIC, .version = LAUNCH_VERSION, .serial = 9 }, back;
        const int eight[LAUNCH_MAX_FDS] = { 0, 1, 2, 0, 1, 2, 0, 1 };
        size_t n;
        ck_assert_int_eq(launch_send(pair[0], &q, sizeof(q), eight, LAUNCH_MAX_FDS), 0);
        ck_assert_int_eq(launch_send(pair[0], &q, sizeof(q), eight, LAUNCH_MAX_FDS + 1), -E2BIG);
        ck_assert_int_eq(launch_receive(pair[1], &back, sizeof(back), got, &n), 1);
        ck_assert_uint_eq(n, LAUNCH_MAX_FDS);
        ck_assert_uint_eq(back.serial, 9);
        for (size_t i = 0; i < n; i++) {
                ck_assert_int_eq(fcntl(got[i], F_GETFD), FD_CLOEXEC);
                close(got[i]);
        }
        close(pair[0]);
        ck_assert_int_eq(launch_receive(pair[1], &back, sizeof(back), got, &n), 0);
        close(pair[1]);
}
END_TEST

static size_t open_descriptors(void) {
        size_t n = 0;
        for (int fd = 0; fd < 256; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

/* Another size, magic or version; and what came with it is not kept. */
START_TEST(test_message_of_somebody_else_is_refused) {
        static const struct {
                uint32_t magic, version;
                size_t size;
        } table[] = {
                { LAUNCH_MAGIC + 1, LAUNCH_VERSION, sizeof(LaunchRequest) },
                { LAUNCH_MAGIC, LAUNCH_VERSION + 1, sizeof(LaunchRequest) },
                { LAUNCH_MAGIC, LAUNCH_VERSION, sizeof(LaunchRequest) - 1 },
                { LAUNCH_MAGIC, LAUNCH_VERSION, sizeof(LaunchRequest) + 1 },
        };
        int pair[2], got[LAUNCH_MAX_FDS];
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        const size_t before = open_descriptors();
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                union {
                        LaunchRequest q;
                        char room[sizeof(LaunchRequest) + 1];
                } u = { .q = { .magic = table[i].magic, .version = table[i].version } };
                LaunchRequest back;
                size_t n;
                ck_assert_int_eq(launch_send(pair[0], &u, table[i].size, (const int[]){ 0, 1 }, 2), 0);
                ck_assert_int_eq(launch_receive(pair[1], &back, sizeof(back), got, &n), -EBADMSG);
                ck_assert_uint_eq(open_descriptors(), before);
        }
        close(pair[0]);
        close(pair[1]);
}
END_TEST

START_TEST(test_every_step_has_a_name) {
        for (int i = 0; i < _LAUNCH_STEP_MAX; i++)
                ck_assert_ptr_nonnull(launch_step_to_string((LaunchStep)i));
        ck_assert_ptr_null(launch_step_to_string(_LAUNCH_STEP_MAX));
}
END_TEST

int main(void) {
        Suite *s = suite_create("plan");
        TCase *t = tcase_create("plan");
        tcase_set_timeout(t, 60);
        tcase_add_test(t, test_plan_survives_a_round_trip);
        tcase_add_test(t, test_a_plan_without_a_home);
        tcase_add_test(t, test_exec_plan_survives_a_round_trip);
        tcase_add_test(t, test_plan_of_another_length_is_refused);
        tcase_add_test(t, test_plan_of_another_version_is_refused);
        tcase_add_test(t, test_plan_with_a_changed_byte_is_consistent);
        tcase_add_test(t, test_template_bytes_are_the_template);
        tcase_add_loop_test(t, test_spoilt_plan_is_refused, 0, (int)ELEMENTSOF(spoilers));
        tcase_add_loop_test(t, test_limit_is_where_it_says, 0, (int)ELEMENTSOF(limits));
        tcase_add_test(t, test_count_beyond_the_message_is_refused);
        tcase_add_test(t, test_size_of_a_message);
        tcase_add_test(t, test_path_is_normal);
        tcase_add_test(t, test_memfd_is_sealed_and_read_back);
        tcase_add_test(t, test_memfd_without_every_seal_is_refused);
        tcase_add_test(t, test_messages_carry_descriptors);
        tcase_add_test(t, test_message_of_somebody_else_is_refused);
        tcase_add_test(t, test_every_step_has_a_name);
        suite_add_tcase(s, t);
        SRunner *r = srunner_create(s);
        srunner_run_all(r, CK_ENV);
        int failed = srunner_ntests_failed(r);
        srunner_free(r);
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
