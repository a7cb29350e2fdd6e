/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* JSON text that is written is what jansson writes of the same. */
#include <check.h>
#include <jansson.h>

#include "cleanup.h"
#include "json-text.h"

static void equal(JsonText *j, json_t *expected) {
        _cleanup_free_ char *text = NULL, *wanted = json_dumps(expected, JSON_COMPACT | JSON_ENCODE_ANY);
        ck_assert_int_eq(json_text_end(j, &text), 0);
        ck_assert_ptr_nonnull(wanted);
        ck_assert_str_eq(text, wanted);
        json_decref(expected);
}

START_TEST(commas_stand_between) {
        JsonText j = { 0 }, inner = { 0 }, none = { 0 };
        for (int i = 0; i < 2; i++) {
                json_text_open(&inner, '{');
                json_text_member(&inner, "n", "x");
                json_text_member(&inner, "left out", NULL);
                json_text_close(&inner, '}');
        }
        json_text_open(&j, '{');
        json_text_key(&j, "empty");
        json_text_open(&j, '[');
        json_text_put(&j, &none);
        json_text_close(&j, ']');
        json_text_key(&j, "list");
        json_text_open(&j, '[');
        json_text_put(&j, &inner);
        json_text_put(&j, &none);
        json_text_number(&j, UINT32_MAX);
        json_text_bool(&j, true);
        json_text_bool(&j, false);
        json_text_close(&j, ']');
        json_text_key(&j, "after");
        json_text_open(&j, '{');
        json_text_close(&j, '}');
        json_text_close(&j, '}');
        equal(&j, json_pack("{s:[], s:[{s:s}, {s:s}, I, b, b], s:{}}", "empty", "list", "n", "x", "n", "x",
                                  (json_int_t)UINT32_MAX, 1, 0, "after"));
        json_text_clear(&inner);
}
END_TEST

/* Every byte below 0x80 is a character. */
START_TEST(characters_are_escaped) {
        for (unsigned c = 0; c < 0x80; c++) {
                JsonText j = { 0 };
                const char text[] = { 'a', (char)c, 'b', (char)c };
                json_text_string(&j, text, sizeof text);
                equal(&j, json_stringn(text, sizeof text));
        }
}
END_TEST

START_TEST(what_is_no_character_is_an_error) {
        static const char *const bad[] = { "\x80", "\xc0\xaf", "\xe2\x82", "\xed\xa0\x80",
                "\xf4\x90\x80\x80", "\xff" };
        static const char good[] = "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80";
        JsonText j = { 0 }, all = { 0 };
        char *text = NULL;
        json_text_string(&j, good, strlen(good));
        equal(&j, json_string(good));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                json_text_open(&j, '[');
                json_text_string(&j, bad[i], strlen(bad[i]));
                json_text_close(&j, ']');
                json_text_put(&all, &j); /* a part's is the whole's */
                ck_assert_int_eq(json_text_end(&all, &text), -EILSEQ);
                ck_assert_int_eq(json_text_end(&j, &text), -EILSEQ);
                ck_assert_ptr_null(text);
        }
}
END_TEST

START_TEST(long_ones_are_whole) {
        _cleanup_free_ char *line = malloc(100000);
        JsonText j = { 0 };
        json_t *list = json_array();
        ck_assert(line && list);
        memset(line, '"', 100000);
        json_text_open(&j, '[');
        for (size_t n = 1; n < 100000; n = 3 * n + 1) {
                json_text_string(&j, line, n);
                ck_assert_int_eq(json_array_append_new(list, json_stringn(line, n)), 0);
        }
        json_text_close(&j, ']');
        equal(&j, list);
}
END_TEST

int main(void) {
        Suite *s = suite_create("json text");
        TCase *t = tcase_create("json text");
        tcase_add_test(t, commas_stand_between);
        tcase_add_test(t, characters_are_escaped);
        tcase_add_test(t, what_is_no_character_is_an_error);
        tcase_add_test(t, long_ones_are_whole);
        suite_add_tcase(s, t);
        SRunner *r = srunner_create(s);
        srunner_run_all(r, CK_ENV);
        int failed = srunner_ntests_failed(r);
        srunner_free(r);
        return failed ? 1 : 0;
}
