/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line of lxc-exec, and Base64. What is said of a wrong one the scenario mxc-exec compares. */

#include <check.h>
#include <fcntl.h>

#include "base64.h"
#include "lxc-options.h"

static const struct {
        const char *text, *bytes; /* bytes NULL: it is none */
} encoded[] = {
        { "", "" },
        { "Zg==", "f" },
        { "Zm8=", "fo" },
        { "Zm9v", "foo" },
        { "Zm9vYg==", "foob" },
        { "Zm9vYmE=", "fooba" },
        { "Zm9vYmFy", "foobar" },
        { "+/+/", "\xfb\xff\xbf" },
        { "-_-_", NULL },
        { "Zg", NULL },
        { "Zg=", NULL },
        { "Zg===", NULL },
        { "=", NULL },
        { "====", NULL },
        { "Z===", NULL },
        { "Zh==", NULL }, /* bits beyond the end */
        { "Zm9=", NULL },
        { "Zg==Zg==", NULL },
        { "Zm9v\n", NULL },
        { "Zm 9", NULL },
        { "Z=9v", NULL },
        { "Zm=v", NULL },
};

START_TEST(test_base64) {
        _cleanup_free_ char *bytes = NULL;
        size_t size = 4711;
        int r = base64_decode(encoded[_i].text, &bytes, &size);
        if (!encoded[_i].bytes) {
                ck_assert_int_eq(r, -EINVAL);
                ck_assert_ptr_null(bytes);
                ck_assert_uint_eq(size, 4711);
                return;
        }
        ck_assert_int_eq(r, 0);
        ck_assert_uint_eq(size, strlen(encoded[_i].bytes));
        ck_assert_str_eq(bytes, encoded[_i].bytes);
}
END_TEST

START_TEST(test_base64_of_everything) {
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        for (unsigned v = 0; v < 1U << 12; v++) { /* two bytes, the last four bits of them 0 */
                char text[] = { digits[v >> 6], digits[v & 63], 'A', '=', '\0' };
                _cleanup_free_ char *bytes = NULL;
                size_t size;
                ck_assert_int_eq(base64_decode(text, &bytes, &size), 0);
                ck_assert_uint_eq(size, 2);
                ck_assert_uint_eq((unsigned char)bytes[0] << 4 | (unsigned char)bytes[1] >> 4, v);
        }
}
END_TEST

static int parse(LxcOptions *ret, const char *const *words) {
        *ret = (LxcOptions){ 0 };
        return lxc_options_parse((char *const *)(void *)words, ret);
}
#define PARSE(ret, ...) parse(ret, (const char *const[]){ __VA_ARGS__, NULL })

START_TEST(test_good_words) {
        LxcOptions o;
        ck_assert_int_eq(PARSE(&o, "--debug", "--config", "-", "--log-file=a=b", "word", "--dry-run"), 0);
        ck_assert(o.debug && o.dry_run && !o.experimental && !o.help);
        ck_assert_str_eq(o.config, "-");
        ck_assert_str_eq(o.log_file, "a=b");
        ck_assert_str_eq(o.path, "word");
        ck_assert_int_eq(PARSE(&o, "--config-base64=", "--", "--debug"), 0);
        ck_assert_str_eq(o.config_base64, "");
        ck_assert_str_eq(o.path, "--debug");
        ck_assert(!o.debug);
        ck_assert_int_eq(PARSE(&o, "--setup-hyperlight=agent", "--force"), 0);
        ck_assert(o.setup_hyperlight && o.force);
        ck_assert_int_eq(PARSE(&o, "--delete", "--containername", "c", "--experimental",
                                         "--allow-testing-features", "--available-backends"),
                        0);
        ck_assert(o.delete &&o.experimental && o.allow_testing_features && o.available_backends);
        ck_assert_str_eq(o.container_name, "c");
        ck_assert_int_eq(PARSE(&o, "--help", "--no-such-thing"), 0); /* nothing counts behind it */
        ck_assert(o.help);
        ck_assert_int_eq(PARSE(&o, "-hx"), 0);
        ck_assert(o.help);
}
END_TEST

static const char *const bad[][4] = {
        { "--bogus" },
        { "--conf", "x" },
        { "-x" },
        { "-", "-x" },
        { "--config" },
        { "--config", "--dry-run" },
        { "--config", "-x" },
        { "--config", "--" },
        { "--config", "a", "--config=b" },
        { "--config=a", "--config=b" },
        { "--config=a", "--config", "b" },
        { "--debug", "--debug" },
        { "--debug=" },
        { "--help=x" },
        { "one", "two" },
        { "one", "--", "two" },
        { "--force" },
        { "--version" },
        { "--bogus", "--help" },
};

START_TEST(test_bad_words) {
        LxcOptions o;
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC), saved = dup(STDERR_FILENO);
        (void)dup2(null, STDERR_FILENO);
        int r = parse(&o, bad[_i]);
        (void)dup2(saved, STDERR_FILENO);
        (void)close(null);
        (void)close(saved);
        ck_assert_int_eq(r, -EINVAL);
        ck_assert_ptr_null(o.config); /* untouched */
}
END_TEST

int main(void) {
        Suite *s = suite_create("lxc-exec");
        TCase *c = tcase_create("lxc-exec");
        tcase_add_loop_test(c, test_base64, 0, ELEMENTSOF(encoded));
        tcase_add_test(c, test_base64_of_everything);
        tcase_add_test(c, test_good_words);
        tcase_add_loop_test(c, test_bad_words, 0, ELEMENTSOF(bad));
        suite_add_tcase(s, c);
        SRunner *r = srunner_create(s);
        srunner_run_all(r, CK_ENV);
        int failed = srunner_ntests_failed(r);
        srunner_free(r);
        return failed > 0;
}
