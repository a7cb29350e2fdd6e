/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's proxy, from an administrator's files: what is believed of them, and what is in force where nothing is. */

#include <sys/stat.h>

#include "daemon-test.h"
#include "upstream-file.h"

#define PROXY                                                                                               \
        "{\"schema\": \"mxc-upstream/1\", \"host\": \"proxy.example\", \"port\": 3128, \"direct\": "        \
        "[\"*.In.example\", \"a.example\"]}"
#define LOGIN "{\"schema\": \"mxc-upstream-login/1\", \"user\": \"mxc\", \"password\": \"a:b\"}"

static UpstreamFile now;

static void load(void) {
        _cleanup_free_ char *usr = path_of("usr"), *etc = path_of("etc"), *sentence = NULL;
        const char *const dirs[] = { usr, etc, NULL };
        UpstreamFile next;
        ck_assert_int_eq(upstream_file_load(dirs, &now, &next, &sentence), 0);
        upstream_file_clear(&now);
        now = next;
}

static void write_login(const char *text, mode_t mode) {
        _cleanup_free_ char *path = path_of("etc/upstream-login.json");
        write_file("etc/upstream-login.json", text);
        ck_assert_int_eq(chmod(path, mode), 0);
}

static void begin(void) {
        now = (UpstreamFile){ .number = 0 };
        make_dir("usr");
        make_dir("etc");
}

static void expect_good(const char *login) {
        ck_assert_msg(!now.error, "%s", now.error);
        ck_assert(now.upstream.set && now.digest && now.file);
        ck_assert_str_eq(now.upstream.host, "proxy.example");
        ck_assert_uint_eq(now.upstream.port, 3128);
        ck_assert_str_eq(now.upstream.authorization, login);
        ck_assert_uint_eq(now.upstream.n_direct, 2);
}

START_TEST(test_none_and_one) {
        begin();
        load();
        ck_assert(!now.upstream.set && !now.file && !now.error && now.number == 0);
        write_login(LOGIN, 0600); /* of no use without the other */
        load();
        ck_assert(!now.upstream.set && !now.error && now.number == 0);
        remove_file("etc/upstream-login.json");
        write_file("etc/upstream.json", PROXY);
        load();
        expect_good("");
        ck_assert_uint_eq(now.number, 1);
        load();
        ck_assert_uint_eq(now.number, 1);
        ck_assert(upstream_takes(&now.upstream, "b.example") &&
                        upstream_takes(&now.upstream, "in.example") &&
                        !upstream_takes(&now.upstream, "x.in.example") &&
                        !upstream_takes(&now.upstream, "a.example"));
        remove_file("etc/upstream.json");
        load();
        ck_assert(!now.upstream.set && !now.error && now.number == 2);
        ck_assert(!upstream_takes(&now.upstream, "b.example"));
        upstream_file_clear(&now);
}
END_TEST

START_TEST(test_who_asks) {
        begin();
        write_file("etc/upstream.json", PROXY);
        write_login(LOGIN, 0600);
        load();
        expect_good("bXhjOmE6Yg==");
        _cleanup_free_ char *digest = strdup(now.digest);
        write_login("{\"schema\": \"mxc-upstream-login/1\", \"user\": \"mxc\", \"password\": \"c\"}", 0400);
        load();
        expect_good("bXhjOmM=");
        ck_assert_uint_eq(now.number, 2);
        ck_assert_str_eq(now.digest, digest); /* a password is not to be guessed from the journal */
        static const mode_t modes[] = { 0604, 0640, 0601 };
        for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
                write_login(LOGIN, modes[i]);
                load();
                ck_assert_ptr_nonnull(now.error);
                ck_assert_ptr_nonnull(
                                strstr(now.error, "upstream-login.json: others than root may read it"));
                ck_assert_str_eq(now.upstream.authorization, "bXhjOmM=");
        }
        ck_assert_uint_eq(now.number, 2);
        upstream_file_clear(&now);
}
END_TEST

/* Each with the password hunter2 somewhere, and the place of which is told. */
static const struct {
        const char *text, *where;
} tellers[] = {
        { "{\"schema\": \"mxc-upstream-login/1\",\n \"password\": hunter2}", ":2:14: " },
        { "{\"schema\": \"mxc-upstream-login/1\",\n \"password\": \"\\hunter2\"}", ":2:14: " },
        { "{\"schema\": \"mxc-upstream-login/1\",\n \"password\": \"\\uhunter2\"}", ":2:14: " },
        { "{\"schema\": \"mxc-upstream-login/1\",\n \"password\": \"hunter2", ":2:14: " },
        { "{\"schema\": \"mxc-upstream-login/1\",\n \"hunter2\" \"password\"}", ":2:" },
        { "{\"hunter2\": 1,\n \"hunter2\": 2}", ":2:" },
        { "{\"hunter2\": {\"a\": [}}", ":1:" },
        { "{\"schema\": \"mxc-upstream-login/1\",\n \"hunter2\": \"password\"}", ":2:2: " },
        { "{\"schema\": \"hunter2\"}", ":1:12: " },
        { "{\"user\": \"hunter2:\"}", ":1:10: " },
        { "{\"password\": {\"hunter2\": 1}}", ":1:14: " },
        { "{\"password\": \"hunter2\\n\"}", ":1:14: " },
        { "{\"password\": \"hunter2\"} hunter2", ":1:" },
        { "hunter2", ":1:" },
        { "[\"hunter2\"]", ":1:1: " },
};

/* The journal, the audit record and the answer of Reload say where, and nothing of what is there. */
START_TEST(test_a_password_is_not_told) {
        begin();
        write_file("etc/upstream.json", PROXY);
        write_login(tellers[_i].text, 0600);
        load();
        ck_assert_ptr_nonnull(now.error);
        for (const char *part = "hunter2"; strlen(part) >= 4; part++) {
                char some[5] = "";
                memcpy(some, part, 4);
                ck_assert_msg(!strstr(now.error, some), "%s", now.error);
        }
        ck_assert_msg(strstr(now.error, tellers[_i].where), "%s", now.error);
        upstream_file_clear(&now);
}
END_TEST

START_TEST(test_the_longest_login) {
        const size_t longest = UPSTREAM_AUTHORIZATION_BYTES / 3;
        char word[UPSTREAM_AUTHORIZATION_BYTES] = "", text[3 * UPSTREAM_AUTHORIZATION_BYTES];
        begin();
        write_file("etc/upstream.json", PROXY);
        for (size_t n = longest; n <= longest + 1; n++) {
                memset(word, 'x', n);
                (void)snprintf(text, sizeof(text),
                                "{\"schema\": \"mxc-upstream-login/1\", \"user\": \"%.*s\", \"password\": "
                                "\"%s\"}",
                                (int)longest, word, word);
                write_login(text, 0600);
                load();
                ck_assert_int_eq(now.error != NULL, n > longest);
                ck_assert_uint_le(strlen(now.upstream.authorization), UPSTREAM_AUTHORIZATION_BYTES);
                ck_assert(*now.upstream.authorization &&
                                upstream_authorization_is_good(now.upstream.authorization));
        }
        upstream_file_clear(&now);
}
END_TEST

static const char *const bad[] = {
        "{",
        "{}",
        "{\"schema\": \"mxc-upstream/2\", \"host\": \"a.example\", \"port\": 1}",
        "{\"schema\": \"mxc-upstream/1\", \"host\": \"a.example\"}",
        "{\"schema\": \"mxc-upstream/1\", \"port\": 1}",
        "{\"host\": \"a.example\", \"port\": 1}",
        "{\"schema\": \"mxc-upstream/1\", \"host\": \"http://a.example\", \"port\": 1}",
        "{\"schema\": \"mxc-upstream/1\", \"host\": \"A.example\", \"port\": 1}",
        "{\"schema\": \"mxc-upstream/1\", \"host\": \"\", \"port\": 1}",
        "{\"schema\": \"mxc-upstream/1\", \"host\": \"1.2.3\", \"port\": 1}",
        "{\"schema\": \"mxc-upstream/1\", \"host\": \"a.example\", \"port\": 0}",
        "{\"schema\": \"mxc-upstream/1\", \"host\": \"a.example\", \"port\": 65536}",
        "{\"schema\": \"mxc-upstream/1\", \"host\": \"a.example\", \"port\": 1, \"user\": \"x\"}",
        "{\"schema\": \"mxc-upstream/1\", \"host\": \"a.example\", \"port\": 1, \"direct\": []}",
        "{\"schema\": \"mxc-upstream/1\", \"host\": \"a.example\", \"port\": 1, \"direct\": [\"10.0.0.0\"]}",
};

START_TEST(test_what_is_no_good) {
        for (unsigned known = 0; known < 2; known++) {
                if (known == 0)
                        begin();
                write_file("etc/upstream.json", PROXY);
                if (known)
                        load();
                const uint64_t number = now.number;
                write_file("etc/upstream.json", bad[_i]);
                load();
                ck_assert_ptr_nonnull(now.error);
                ck_assert_ptr_nonnull(strstr(now.error, "etc/upstream.json:"));
                ck_assert(now.upstream.set); /* never past it */
                ck_assert_str_eq(now.upstream.host, known ? "proxy.example" : "");
                ck_assert(known ? now.number == number : now.number > 0);
        }
        upstream_file_clear(&now);
}
END_TEST

START_TEST(test_a_login_that_is_no_good) {
        static const char *const logins[] = { "{}",
                "{\"schema\": \"mxc-upstream-login/1\", \"user\": \"a:b\", \"password\": \"c\"}",
                "{\"schema\": \"mxc-upstream-login/1\", \"user\": \"a\"}",
                "{\"schema\": \"mxc-upstream-login/1\", \"user\": \"a\", \"password\": \"b\\n\"}" };
        begin();
        write_file("etc/upstream.json", PROXY);
        for (size_t i = 0; i < ELEMENTSOF(logins); i++) {
                write_login(logins[i], 0600);
                load();
                ck_assert_ptr_nonnull(now.error);
                ck_assert(now.upstream.set && !*now.upstream.host); /* not without the login either */
        }
        upstream_file_clear(&now);
}
END_TEST

START_TEST(test_direct_is_bounded) {
        for (unsigned n = UPSTREAM_DIRECT_MAX; n <= UPSTREAM_DIRECT_MAX + 1; n++) {
                _cleanup_free_ char *text = NULL;
                size_t size;
                FILE *f = open_memstream(&text, &size);
                fprintf(f, "{\"schema\": \"mxc-upstream/1\", \"host\": \"::1\", \"port\": 1, \"direct\": [");
                for (unsigned i = 0; i < n; i++)
                        fprintf(f, "%s\"n%u.example\"", i > 0 ? ", " : "", i);
                fprintf(f, "]}");
                ck_assert_int_eq(fclose(f), 0);
                if (n == UPSTREAM_DIRECT_MAX)
                        begin();
                write_file("etc/upstream.json", text);
                load();
                ck_assert_int_eq(now.error != NULL, n > UPSTREAM_DIRECT_MAX);
        }
        upstream_file_clear(&now);
}
END_TEST

int main(void) {
        TCase *t = daemon_case("upstream");
        tcase_add_test(t, test_none_and_one);
        tcase_add_test(t, test_who_asks);
        tcase_add_loop_test(t, test_a_password_is_not_told, 0, ELEMENTSOF(tellers));
        tcase_add_test(t, test_the_longest_login);
        tcase_add_loop_test(t, test_what_is_no_good, 0, ELEMENTSOF(bad));
        tcase_add_test(t, test_a_login_that_is_no_good);
        tcase_add_test(t, test_direct_is_bounded);
        return run_daemon_case(t);
}
