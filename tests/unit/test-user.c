/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Users, from NSS as it is here and from children that the test makes: slow ones, lying ones, dead ones. */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "daemon-test.h"
#include "fd.h"
#include "limits.h"
#include "user-internal.h"

/* What children did, seen from here. */
typedef struct Seen {
        int started, running, most;
        int go; /* they wait for it where they are told to */
} Seen;
static Seen *seen;
static sd_event *event;

static void open_seen(void) {
        seen = mmap(NULL, sizeof(Seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        ck_assert_ptr_ne(seen, MAP_FAILED);
        ck_assert_int_ge(sd_event_new(&event), 0);
}

static void close_seen(void) {
        sd_event_unref(event);
        ck_assert_int_eq(munmap(seen, sizeof(Seen)), 0);
        ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1); /* no child is left, dead or alive */
        ck_assert_int_eq(errno, ECHILD);
}

typedef struct Got {
        int n, error;
        uid_t uid;
        gid_t gid;
        char name[256], home[256];
        size_t n_groups;
        bool has_home;
} Got;

static void on_user(const User *u, int error, void *userdata) {
        Got *g = userdata;
        g->n++;
        g->error = error;
        ck_assert((error == 0) == (u != NULL));
        if (!u)
                return;
        g->uid = u->uid;
        g->gid = u->gid;
        g->n_groups = u->n_groups;
        g->has_home = u->home;
        (void)snprintf(g->name, sizeof(g->name), "%s", u->name);
        (void)snprintf(g->home, sizeof(g->home), "%s", u->home ? u->home : "");
}

static void on_name(uid_t uid, int error, void *userdata) {
        Got *g = userdata;
        g->n++;
        g->uid = uid;
        g->error = error;
}

static void wait_for(const int *n) {
        while (!*n)
                ck_assert_int_gt(sd_event_run(event, UINT64_C(30) * 1000000), 0);
}

static Got get(UserCache *c, uid_t uid) {
        Got g = { 0 };
        ck_assert_int_eq(user_cache_get(c, uid, on_user, &g), 0);
        wait_for(&g.n);
        ck_assert_int_eq(g.n, 1);
        return g;
}

/* ---- NSS as it is ---- */

START_TEST(test_root) {
        UserCache *c = NULL;
        ck_assert_int_eq(user_cache_new(event, &c), 0);
        Got g = get(c, 0);
        ck_assert(g.error == 0 && g.uid == 0 && g.gid == 0 && streq(g.name, "root") && g.n_groups > 0);
        ck_assert_str_eq(g.home, "/root");
        Got again = { 0 };
        ck_assert_int_eq(user_cache_get(c, 0, on_user, &again), 0);
        ck_assert(again.n == 1 && streq(again.name, "root")); /* remembered: at once */
        user_cache_flush(c);
        Got once_more = { 0 };
        ck_assert_int_eq(user_cache_get(c, 0, on_user, &once_more), 0);
        ck_assert_int_eq(once_more.n, 0);
        wait_for(&once_more.n);
        user_cache_free(c);
}
END_TEST

START_TEST(test_nobody_knows_them) {
        UserCache *c = NULL;
        ck_assert_int_eq(user_cache_new(event, &c), 0);
        Got g = get(c, 3999999999U);
        ck_assert(g.error == 0 && g.uid == 3999999999U && streq(g.name, "3999999999") && !g.has_home);
        ck_assert(g.gid == 65534 && g.n_groups == 1); /* nobody's group, not the group of that number */
        ck_assert_int_eq(user_cache_get(c, (uid_t)-1, on_user, &g), -EINVAL);
        user_cache_free(c);
}
END_TEST

START_TEST(test_names) {
        UserCache *c = NULL;
        ck_assert_int_eq(user_cache_new(event, &c), 0);
        Got root = { 0 }, none = { 0 };
        ck_assert_int_eq(user_cache_find(c, "root", on_name, &root), 0);
        ck_assert_int_eq(user_cache_find(c, "no-such-user-here", on_name, &none), 0);
        wait_for(&root.n);
        wait_for(&none.n);
        ck_assert(root.error == 0 && root.uid == 0);
        ck_assert_int_eq(none.error, -ENOENT);
        char name[LIMIT_USER_NAME_BYTES + 2];
        memset(name, 'x', sizeof(name) - 1);
        name[sizeof(name) - 1] = '\0';
        ck_assert_int_eq(user_cache_find(c, name, on_name, &none), -EINVAL);
        ck_assert_int_eq(user_cache_find(c, "", on_name, &none), -EINVAL);
        name[sizeof(name) - 2] = '\0';
        Got longest = { 0 };
        ck_assert_int_eq(user_cache_find(c, name, on_name, &longest), 0);
        wait_for(&longest.n);
        ck_assert_int_eq(longest.error, -ENOENT);
        user_cache_free(c);
}
END_TEST

/* ---- children ---- */

static void send_user(int fd, uid_t uid, const char *home) {
        const User u = { .uid = uid, .gid = uid, .name = (char *)"somebody", .home = (char *)home };
        void *data;
        size_t size;
        if (user_answer_encode(&u, true, 0, &data, &size) < 0 || fd_write_all(fd, data, size) < 0)
                _exit(1);
        free(data);
}

static void child_good(int fd, const UserQuestion *q) {
        __atomic_add_fetch(&seen->started, 1, __ATOMIC_SEQ_CST);
        send_user(fd, q->name ? 7 : q->uid, "/home/x");
}
static void child_waits(int fd, const UserQuestion *q) {
        int n = __atomic_add_fetch(&seen->running, 1, __ATOMIC_SEQ_CST);
        for (int most = seen->most; most < n;)
                if (__atomic_compare_exchange_n(
                                    &seen->most, &most, n, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
                        break;
        __atomic_add_fetch(&seen->started, 1, __ATOMIC_SEQ_CST);
        while (!__atomic_load_n(&seen->go, __ATOMIC_SEQ_CST))
                (void)usleep(1000);
        __atomic_sub_fetch(&seen->running, 1, __ATOMIC_SEQ_CST);
        send_user(fd, q->uid, "/home/x");
}
static void child_hangs(int fd, const UserQuestion *q) {
        sigset_t all;
        (void)sigfillset(&all);
        (void)sigprocmask(SIG_BLOCK, &all, NULL); /* as a library might */
        for (;;)
                pause();
}
static void child_crashes(int fd, const UserQuestion *q) {
        send_user(fd, q->uid, "/home/x");
        (void)raise(SIGKILL);
}
static void child_dies(int fd, const UserQuestion *q) {
        (void)raise(SIGKILL);
}
static void child_says_nothing(int fd, const UserQuestion *q) {
}
static void child_babbles(int fd, const UserQuestion *q) {
        (void)!write(fd, "root:x:0:0:root:/root:/bin/bash\n", 32);
}
static void child_says_too_much(int fd, const UserQuestion *q) {
        char text[4096];
        memset(text, 'x', sizeof(text));
        (void)fcntl(fd, F_SETFL, O_NONBLOCK);
        for (unsigned i = 0; i < 64; i++)
                (void)!write(fd, text, sizeof(text));
}
static void child_twice(int fd, const UserQuestion *q) {
        send_user(fd, q->uid, "/home/x");
        send_user(fd, q->uid, "/home/x");
}
static void child_of_another(int fd, const UserQuestion *q) {
        send_user(fd, q->uid + 1, "/home/x");
}
static void child_fails(int fd, const UserQuestion *q) {
        void *data;
        size_t size;
        if (user_answer_encode(NULL, false, -EIO, &data, &size) == 0)
                (void)fd_write_all(fd, data, size);
        free(data);
}
static void child_leaves_another(int fd, const UserQuestion *q) {
        if (fork() == 0) { /* holds the pipe open until nobody reads from it */
                struct pollfd p = { .fd = fd };
                (void)poll(&p, 1, 60000);
                _exit(0);
        }
        send_user(fd, q->uid, "/home/x");
}

static const struct {
        UserChild child;
        int error;
} children[] = {
        { child_good, 0 },
        { child_crashes, 0 }, /* after its answer, which is whole */
        { child_dies, -EBADMSG },
        { child_says_nothing, -EBADMSG },
        { child_babbles, -EBADMSG },
        { child_says_too_much, -EBADMSG },
        { child_twice, -EBADMSG },
        { child_of_another, -EBADMSG },
        { child_fails, -EIO },
};

START_TEST(test_children) {
        UserCache *c = NULL;
        ck_assert_int_eq(user_cache_new_full(event, children[_i].child, UINT64_C(60) * 1000000, &c), 0);
        Got g = get(c, 1000);
        int error = g.error == -EFBIG ? -EBADMSG : g.error;
        ck_assert_int_eq(error, children[_i].error);
        Got again = { 0 };
        ck_assert_int_eq(user_cache_get(c, 1000, on_user, &again), 0);
        ck_assert(again.n == (children[_i].error == 0)); /* a failure is not remembered */
        user_cache_free(c);
        ck_assert_int_eq(again.n, 1);
}
END_TEST

/* Nobody waits for what does not come, and nothing of it stays. */
START_TEST(test_children_that_take_too_long) {
        UserCache *c = NULL;
        ck_assert_int_eq(user_cache_new_full(event, child_hangs, 50000, &c), 0);
        Got g = get(c, 1000), name = { 0 };
        ck_assert_int_eq(g.error, -ETIMEDOUT);
        ck_assert_int_eq(user_cache_find(c, "x", on_name, &name), 0);
        wait_for(&name.n);
        ck_assert_int_eq(name.error, -ETIMEDOUT);
        ck_assert_uint_eq(name.uid, (uid_t)-1);
        user_cache_free(c);
}
END_TEST

START_TEST(test_something_that_a_child_leaves) {
        UserCache *c = NULL;
        ck_assert_int_eq(user_cache_new_full(event, child_leaves_another, UINT64_C(60) * 1000000, &c), 0);
        Got g = get(c, 1000);
        ck_assert_int_eq(g.error, -EBADMSG); /* at the end of the child, not of what it left */
        user_cache_free(c);
}
END_TEST

/* A child has nothing of ours but its question and its pipe. */
static void child_counts(int fd, const UserQuestion *q) {
        int n = 0;
        for (int i = 0; i < 256; i++)
                n += fcntl(i, F_GETFD) >= 0;
        sigset_t mask;
        bool clean = sigprocmask(SIG_SETMASK, NULL, &mask) == 0 && !sigismember(&mask, SIGTERM) &&
                     signal(SIGPIPE, SIG_DFL) == SIG_DFL;
        send_user(fd, clean && n <= 4 ? q->uid : q->uid + 1, "/home/x");
}

START_TEST(test_what_a_child_inherits) {
        UserCache *c = NULL;
        sigset_t mask;
        (void)sigemptyset(&mask);
        (void)sigaddset(&mask, SIGTERM);
        ck_assert_int_eq(sigprocmask(SIG_BLOCK, &mask, NULL), 0);
        (void)signal(SIGPIPE, SIG_IGN);
        int other = dup(0);
        ck_assert_int_eq(user_cache_new_full(event, child_counts, UINT64_C(60) * 1000000, &c), 0);
        Got g = get(c, 1000);
        ck_assert_int_eq(g.error, 0);
        (void)close(other);
        user_cache_free(c);
}
END_TEST

START_TEST(test_lookups_are_shared) {
        UserCache *c = NULL;
        ck_assert_int_eq(user_cache_new_full(event, child_waits, UINT64_C(60) * 1000000, &c), 0);
        Got g[50] = { 0 };
        for (size_t i = 0; i < ELEMENTSOF(g); i++)
                ck_assert_int_eq(user_cache_get(c, 1000, on_user, &g[i]), 0);
        seen->go = 1;
        for (size_t i = 0; i < ELEMENTSOF(g); i++) {
                wait_for(&g[i].n);
                ck_assert(g[i].n == 1 && g[i].error == 0 && g[i].uid == 1000);
        }
        ck_assert_int_eq(seen->started, 1);
        user_cache_free(c);
}
END_TEST

START_TEST(test_so_many_at_once) {
        enum { N = 3 * LIMIT_USER_LOOKUPS };
        UserCache *c = NULL;
        ck_assert_int_eq(user_cache_new_full(event, child_waits, UINT64_C(60) * 1000000, &c), 0);
        Got g[N] = { 0 };
        for (uid_t i = 0; i < N; i++)
                ck_assert_int_eq(user_cache_get(c, i, on_user, &g[i]), 0);
        while (__atomic_load_n(&seen->started, __ATOMIC_SEQ_CST) < (int)LIMIT_USER_LOOKUPS)
                (void)usleep(1000);
        seen->go = 1;
        for (uid_t i = 0; i < N; i++) {
                wait_for(&g[i].n);
                ck_assert(g[i].error == 0 && g[i].uid == i);
        }
        ck_assert_int_eq(seen->most, LIMIT_USER_LOOKUPS);
        ck_assert_int_eq(seen->started, N);
        user_cache_free(c);
}
END_TEST

START_TEST(test_so_many_are_remembered) {
        UserCache *c = NULL;
        ck_assert_int_eq(user_cache_new_full(event, child_good, UINT64_C(60) * 1000000, &c), 0);
        for (uid_t i = 0; i < LIMIT_USERS; i++)
                (void)get(c, i);
        ck_assert_int_eq(seen->started, LIMIT_USERS);
        (void)get(c, 0);
        ck_assert_int_eq(seen->started, LIMIT_USERS); /* at n all are */
        (void)get(c, LIMIT_USERS);
        (void)get(c, 1);
        ck_assert_int_eq(seen->started, LIMIT_USERS + 1);
        (void)get(c, 0); /* the oldest gave way */
        ck_assert_int_eq(seen->started, LIMIT_USERS + 2);
        user_cache_free(c);
}
END_TEST

START_TEST(test_going_down_while_somebody_waits) {
        UserCache *c = NULL;
        ck_assert_int_eq(user_cache_new_full(event, child_hangs, UINT64_C(60) * 1000000, &c), 0);
        Got g[2 * LIMIT_USER_LOOKUPS] = { 0 }, name = { 0 };
        for (uid_t i = 0; i < ELEMENTSOF(g); i++)
                ck_assert_int_eq(user_cache_get(c, i, on_user, &g[i]), 0);
        ck_assert_int_eq(user_cache_find(c, "x", on_name, &name), 0);
        user_cache_free(c);
        for (size_t i = 0; i < ELEMENTSOF(g); i++)
                ck_assert(g[i].n == 1 && g[i].error == -ESHUTDOWN);
        ck_assert(name.n == 1 && name.error == -ESHUTDOWN);
}
END_TEST

static UserCache *flushed;
static void on_user_flush(const User *u, int error, void *userdata) {
        user_cache_flush(flushed);
        on_user(u, error, userdata); /* it is still there */
}

START_TEST(test_flushing_while_being_told) {
        ck_assert_int_eq(user_cache_new_full(event, child_good, UINT64_C(60) * 1000000, &flushed), 0);
        for (unsigned i = 0; i < 2; i++) {
                Got g = { 0 }, h = { 0 };
                ck_assert_int_eq(user_cache_get(flushed, 1000, on_user_flush, &g), 0);
                ck_assert_int_eq(user_cache_get(flushed, 1000, on_user_flush, &h), 0);
                wait_for(&g.n);
                wait_for(&h.n);
                ck_assert(streq(g.name, "somebody") && streq(h.name, "somebody"));
        }
        user_cache_free(flushed);
}
END_TEST

/* ---- answers ---- */

static const struct {
        const char *home, *taken; /* taken NULL: no home */
} homes[] = {
        { "/home/alice", "/home/alice" },
        { "/home/alice/", "/home/alice" },
        { "/home/alice//", "/home/alice" },
        { "/h\xc3\xb6me", "/h\xc3\xb6me" },
        { "/a", "/a" },
        { "/..a/b..", "/..a/b.." },
        { "/.config", "/.config" },
        { "/", NULL },
        { "//", NULL },
        { "", NULL },
        { "home", NULL },
        { "./home", NULL },
        { "/home//alice", NULL },
        { "/home/./alice", NULL },
        { "/home/../alice", NULL },
        { "/..", NULL },
        { "/home/alice/..", NULL },
        { "/.", NULL },
        { "/a\nb", NULL },
        { "/a\x7f", NULL },
        { "~", NULL },
};

START_TEST(test_homes) {
        const User u = { .uid = 1, .gid = 2, .name = (char *)"x", .home = (char *)homes[_i].home };
        const UserQuestion q = { .uid = 1 };
        _cleanup_free_ void *data = NULL;
        size_t size;
        User got = { 0 };
        bool known;
        ck_assert_int_eq(user_answer_encode(&u, true, 0, &data, &size), 0);
        ck_assert_int_eq(user_answer_decode(data, size, &q, &got, &known), 0);
        if (homes[_i].taken)
                ck_assert_str_eq(got.home, homes[_i].taken);
        else
                ck_assert_ptr_null(got.home);
        ck_assert(got.n_groups == 1 && got.groups[0] == 2); /* its own is among them */
        user_clear(&got);
}
END_TEST

static int decode(const User *u, const UserQuestion *q) {
        _cleanup_free_ void *data = NULL;
        size_t size;
        User got = { 0 };
        bool known;
        ck_assert_int_eq(user_answer_encode(u, true, 0, &data, &size), 0);
        int r = user_answer_decode(data, size, q, &got, &known);
        user_clear(&got);
        return r;
}

START_TEST(test_answers) {
        const UserQuestion q = { .uid = 1 };
        static const char *const names[] = { "", "a b", "a\nb", "a:b", "../x" };
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                ck_assert_int_eq(decode(&(User){ .uid = 1, .gid = 1, .name = (char *)names[i] }, &q),
                                -EBADMSG);
        ck_assert_int_eq(decode(&(User){ .uid = 1, .gid = (gid_t)-1, .name = (char *)"x" }, &q), -EBADMSG);
        _cleanup_free_ gid_t *groups = calloc(LIMIT_PLAN_GROUPS + 1, sizeof(gid_t));
        for (size_t i = 0; i <= LIMIT_PLAN_GROUPS; i++)
                groups[i] = (gid_t)i;
        User u = {
                .uid = 1, .gid = 5, .name = (char *)"x", .groups = groups, .n_groups = LIMIT_PLAN_GROUPS
        };
        ck_assert_int_eq(decode(&u, &q), 0);
        u.gid = 70000; /* one more, with its own */
        ck_assert_int_eq(decode(&u, &q), -E2BIG);
        u.gid = 5;
        u.n_groups++;
        ck_assert_int_eq(decode(&u, &q), -EBADMSG);
        u.n_groups = 1;
        groups[0] = (gid_t)-1;
        ck_assert_int_eq(decode(&u, &q), -EBADMSG);
}
END_TEST

/* Cut anywhere, or with any byte changed: an answer, or refused; never a crash (the sanitizers look on). */
START_TEST(test_damaged_answers) {
        gid_t groups[] = { 1, 2, 3 };
        const User u = { .uid = 1,
                .gid = 2,
                .name = (char *)"alice",
                .home = (char *)"/home/alice",
                .groups = groups,
                .n_groups = 3 };
        const UserQuestion q = { .uid = 1 };
        _cleanup_free_ uint8_t *data = NULL;
        void *p;
        size_t size;
        ck_assert_int_eq(user_answer_encode(&u, true, 0, &p, &size), 0);
        data = p;
        for (size_t n = 0; n < size; n++) {
                User got = { 0 };
                bool known;
                _cleanup_free_ uint8_t *copy = malloc(n + 1);
                memcpy(copy, data, n);
                ck_assert_int_eq(user_answer_decode(copy, n, &q, &got, &known), -EBADMSG);
        }
        for (size_t at = 0; at < size; at++)
                for (unsigned value = 0; value < 256; value++) {
                        User got = { 0 };
                        bool known;
                        uint8_t before = data[at];
                        data[at] = (uint8_t)value;
                        if (user_answer_decode(data, size, &q, &got, &known) == 0) {
                                ck_assert_uint_eq(got.uid, 1);
                                user_clear(&got);
                        }
                        data[at] = before;
                }
}
END_TEST

int main(void) {
        TCase *t = daemon_case("user");
        tcase_add_checked_fixture(t, open_seen, close_seen);
        tcase_add_test(t, test_root);
        tcase_add_test(t, test_nobody_knows_them);
        tcase_add_test(t, test_names);
        tcase_add_loop_test(t, test_children, 0, ELEMENTSOF(children));
        tcase_add_test(t, test_children_that_take_too_long);
        tcase_add_test(t, test_something_that_a_child_leaves);
        tcase_add_test(t, test_what_a_child_inherits);
        tcase_add_test(t, test_lookups_are_shared);
        tcase_add_test(t, test_so_many_at_once);
        tcase_add_test(t, test_so_many_are_remembered);
        tcase_add_test(t, test_going_down_while_somebody_waits);
        tcase_add_test(t, test_flushing_while_being_told);
        tcase_add_loop_test(t, test_homes, 0, ELEMENTSOF(homes));
        tcase_add_test(t, test_answers);
        tcase_add_test(t, test_damaged_answers);
        return run_daemon_case(t);
}
