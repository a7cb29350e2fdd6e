/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy-test.h"

char *requote(const char *text) {
        char *s = strdup(text);
        ck_assert_ptr_nonnull(s);
        for (char *p = s; *p; p++)
                if (*p == '\'')
                        *p = '"';
        return s;
}

static char *with_schema(const char *body) {
        _cleanup_free_ char *quoted = requote(body);
        char *s;
        ck_assert_int_ge(asprintf(&s, "{\"schema\": \"mxc-policy/1\"%s%s}", *body ? ", " : "", quoted), 0);
        return s;
}

Policy *policy_of(const char *body) {
        _cleanup_free_ char *text = with_schema(body);
        PolicyError error = { 0 };
        Policy *p = NULL;
        int r = policy_parse(text, strlen(text), NULL, NULL, &p, &error);
        ck_assert_msg(r == 0, "%.300s is refused (%d): %s: %s", text, r, error.pointer, error.sentence);
        return p;
}

void refused(const char *text, const char *pointer, const char *fragment) {
        PolicyError error = { 0 };
        Policy *p = NULL;
        int r = policy_parse(text, strlen(text), NULL, NULL, &p, &error);
        ck_assert_msg(r == -EINVAL, "%.300s gives %d", text, r);
        ck_assert_ptr_null(p);
        ck_assert_msg(error.pointer && streq(error.pointer, pointer),
                        "%.300s: refused at %s, not at %s: %.500s", text, error.pointer, pointer,
                        error.sentence);
        ck_assert_msg(strstr(error.sentence, fragment), "%.300s: the sentence is \"%.500s\"", text,
                        error.sentence);
        policy_error_clear(&error);
}

void refused_body(const char *body, const char *pointer, const char *fragment) {
        _cleanup_free_ char *text = with_schema(body);
        refused(text, pointer, fragment);
}

Verdict asks(const Policy *p, RequestKind kind, const char *target) {
        const PolicyRequest r = {
                .kind = kind, .target = target, .value = "x", .protocol = PROTOCOL_TCP, .port = 443
        };
        return policy_allows(p, &r, NULL);
}

int run_case(const char *name, TCase *tests) {
        Suite *suite = suite_create(name);
        suite_add_tcase(suite, tests);
        tcase_set_timeout(tests, 100);
        SRunner *runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        int failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
