/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hellos, whole, in pieces and in disguise (N7). A hello is made of a list of extensions; then it is spoiled. */

#include "policy-test.h"
#include "tls-hello.h"

typedef struct Bytes {
        uint8_t data[2 * TLS_HELLO_MAX];
        size_t n;
} Bytes;

static void put(Bytes *b, const void *data, size_t n) {
        ck_assert_uint_le(n, sizeof(b->data) - b->n);
        if (n > 0)
                memcpy(b->data + b->n, data, n);
        b->n += n;
}

static void put_number(Bytes *b, size_t value, size_t bytes) {
        while (bytes-- > 0) {
                const uint8_t byte = (uint8_t)(value >> (8 * bytes));
                put(b, &byte, 1);
        }
}

static void put_name(Bytes *extensions, uint8_t kind, const char *name, size_t n) {
        put_number(extensions, 0, 2);
        put_number(extensions, n + 5, 2);
        put_number(extensions, n + 3, 2);
        put_number(extensions, kind, 1);
        put_number(extensions, n, 2);
        put(extensions, name, n);
}

static void put_extension(Bytes *extensions, unsigned type, size_t n) {
        static const uint8_t zeroes[TLS_HELLO_MAX];
        put_number(extensions, type, 2);
        put_number(extensions, n, 2);
        put(extensions, zeroes, n);
}

/* The handshake message; extensions NULL: none at all. */
static void put_hello(Bytes *b, const Bytes *extensions) {
        static const uint8_t random[32] = { 1 }, session[32], ciphers[] = { 0x13, 0x01, 0x13, 0x02 };
        Bytes body = { .n = 0 };
        put_number(&body, 0x0303, 2);
        put(&body, random, sizeof(random));
        put_number(&body, sizeof(session), 1);
        put(&body, session, sizeof(session));
        put_number(&body, sizeof(ciphers), 2);
        put(&body, ciphers, sizeof(ciphers));
        put_number(&body, 0x0100, 2);
        if (extensions) {
                put_number(&body, extensions->n, 2);
                put(&body, extensions->data, extensions->n);
        }
        put_number(b, 1, 1);
        put_number(b, body.n, 3);
        put(b, body.data, body.n);
}

/* In records of that many bytes. */
static void put_records(Bytes *b, const Bytes *handshake, size_t most) {
        for (size_t at = 0; at < handshake->n;) {
                size_t n = handshake->n - at < most ? handshake->n - at : most;
                put_number(b, 22, 1);
                put_number(b, 0x0301, 2);
                put_number(b, n, 2);
                put(b, handshake->data + at, n);
                at += n;
        }
}

static void hello_with(Bytes *b, const Bytes *extensions, size_t record) {
        Bytes handshake = { .n = 0 };
        *b = (Bytes){ .n = 0 };
        put_hello(&handshake, extensions);
        put_records(b, &handshake, record);
}

static void hello_for(Bytes *b, const char *name, size_t record) {
        Bytes extensions = { .n = 0 };
        put_extension(&extensions, 0x2a2a, 0); /* grease */
        put_name(&extensions, 0, name, strlen(name));
        put_extension(&extensions, 16, 12);
        hello_with(b, &extensions, record);
}

/* The same bytes at the end of a page of their own, so that a read beyond them is seen. Whatever is said of a beginning holds for the whole:
 * it may be that more is needed, and nothing else. */
static TlsHello parse(const Bytes *b, TlsServerName *ret) {
        _cleanup_free_ uint8_t *exact = malloc(b->n > 0 ? b->n : 1);
        ck_assert_ptr_nonnull(exact);
        memcpy(exact, b->data, b->n);
        TlsHello whole = tls_hello_parse(exact, b->n, ret);
        size_t step = b->n > 4096 ? 97 : 1;
        for (size_t n = 0; n < b->n; n += step) {
                TlsServerName part;
                TlsHello said = tls_hello_parse(b->data, n, &part);
                ck_assert_msg(said == TLS_MORE || (said == whole && streq(part.host, ret->host)),
                                "%zu of %zu bytes: %d, not %d", n, b->n, said, whole);
        }
        return whole;
}

/* ---- names ---- */

static const struct {
        const char *name, *host; /* NULL: refused */
} names[] = {
        { "a.example", "a.example" },
        { "A.EXAMPLE", "a.example" },
        { "a.example.", "a.example" },
        { "xn--bcher-kva.example", "xn--bcher-kva.example" },
        { "", NULL },
        { ".", NULL },
        { "a..example", NULL },
        { "*.example", NULL },
        { "a_b.example", NULL },
        { "a.example:443", NULL },
        { "a.example/", NULL },
        { "user@a.example", NULL },
        { " a.example", NULL },
        { "a.example\n", NULL },
        { "a.example%00", NULL },
        { "b\xc3\xbc"
          "cher.example",
                        NULL },
        /* RFC 6066 3: no addresses */
        { "93.184.216.34", NULL },
        { "2130706433", NULL },
        { "0x7f.1", NULL },
        { "::1", NULL },
        { "[::1]", NULL },
};

START_TEST(test_name) {
        Bytes b;
        TlsServerName n;
        hello_for(&b, names[_i].name, 16384);
        const TlsHello r = parse(&b, &n);
        ck_assert_msg(r == (names[_i].host ? TLS_HELLO : TLS_BAD), "%s: %d", names[_i].name, r);
        if (names[_i].host)
                ck_assert_str_eq(n.host, names[_i].host);
        ck_assert(!n.encrypted);
}
END_TEST

START_TEST(test_long_names) {
        char name[LIMIT_HOST_BYTES + 2];
        for (size_t i = 0; i < sizeof(name); i++)
                name[i] = i % 50 == 49 ? '.' : 'a';
        Bytes b, extensions = { .n = 0 };
        TlsServerName n;
        put_name(&extensions, 0, name, LIMIT_HOST_BYTES);
        hello_with(&b, &extensions, 16384);
        ck_assert_int_eq(parse(&b, &n), TLS_HELLO);
        ck_assert_uint_eq(strlen(n.host), LIMIT_HOST_BYTES);
        extensions.n = 0;
        put_name(&extensions, 0, name, LIMIT_HOST_BYTES + 1);
        hello_with(&b, &extensions, 16384);
        ck_assert_int_eq(parse(&b, &n), TLS_BAD);
}
END_TEST

/* N2: one name to who counts bytes, another to who stops at the NUL. */
START_TEST(test_nul_in_a_name) {
        static const char name[] = "a.example\0.b.example";
        Bytes b, extensions = { .n = 0 };
        TlsServerName n;
        put_name(&extensions, 0, name, sizeof(name) - 1);
        hello_with(&b, &extensions, 16384);
        ck_assert_int_eq(parse(&b, &n), TLS_BAD);
        extensions.n = 0;
        put_name(&extensions, 0, name, 10); /* at its end */
        hello_with(&b, &extensions, 16384);
        ck_assert_int_eq(parse(&b, &n), TLS_BAD);
}
END_TEST

START_TEST(test_no_name) {
        Bytes b, extensions = { .n = 0 };
        TlsServerName n;
        hello_with(&b, NULL, 16384);
        ck_assert_int_eq(parse(&b, &n), TLS_HELLO);
        ck_assert_str_eq(n.host, "");
        hello_with(&b, &extensions, 16384);
        ck_assert_int_eq(parse(&b, &n), TLS_HELLO);
        ck_assert_str_eq(n.host, "");
        put_extension(&extensions, 16, 3);
        hello_with(&b, &extensions, 16384);
        ck_assert_int_eq(parse(&b, &n), TLS_HELLO);
        ck_assert_str_eq(n.host, "");
}
END_TEST

START_TEST(test_two_names) {
        Bytes b, extensions = { .n = 0 };
        TlsServerName n;
        put_name(&extensions, 0, "a.example", 9);
        put_name(&extensions, 0, "a.example", 9); /* even the same */
        hello_with(&b, &extensions, 16384);
        ck_assert_int_eq(parse(&b, &n), TLS_BAD);

        /* two in one list */
        static const uint8_t two[] = { 0, 0, 0, 16, 0, 14, 0, 0, 4, 'a', '.', 'b', 'c', 0, 0, 4, 'a', '.',
                'b', 'd' };
        extensions.n = 0;
        put(&extensions, two, sizeof(two));
        hello_with(&b, &extensions, 16384);
        ck_assert_int_eq(parse(&b, &n), TLS_BAD);

        /* of a kind that is none */
        extensions.n = 0;
        put_name(&extensions, 1, "a.example", 9);
        hello_with(&b, &extensions, 16384);
        ck_assert_int_eq(parse(&b, &n), TLS_BAD);

        /* an empty extension, as a server says it */
        extensions.n = 0;
        put_extension(&extensions, 0, 0);
        hello_with(&b, &extensions, 16384);
        ck_assert_int_eq(parse(&b, &n), TLS_BAD);
}
END_TEST

START_TEST(test_encrypted_name) {
        static const struct {
                unsigned type;
                bool encrypted;
        } types[] = { { 0xfe0d, true }, { 0xfe08, true }, { 0xffce, true }, { 0xfe07, false },
                { 0xfe0e, false }, { 0xffcd, false }, { 0xffcf, false } };
        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                Bytes b, extensions = { .n = 0 };
                TlsServerName n;
                put_extension(&extensions, types[i].type, 100);
                put_name(&extensions, 0, "a.example", 9);
                hello_with(&b, &extensions, 16384);
                ck_assert_int_eq(parse(&b, &n), TLS_HELLO);
                ck_assert_str_eq(n.host, "a.example");
                ck_assert(n.encrypted == types[i].encrypted);
        }
}
END_TEST

/* ---- records ---- */

/* Split anywhere, even within the name and within the header of the handshake. */
START_TEST(test_split_over_records) {
        static const size_t sizes[] = { 1, 2, 3, 4, 5, 7, 50, 100 };
        Bytes b;
        TlsServerName n;
        hello_for(&b, "a.example", sizes[_i]);
        ck_assert_int_eq(parse(&b, &n), TLS_HELLO);
        ck_assert_str_eq(n.host, "a.example");
}
END_TEST

/* What follows the hello is not looked at. */
START_TEST(test_more_behind_it) {
        Bytes b;
        TlsServerName n;
        hello_for(&b, "a.example", 16384);
        static const uint8_t more[] = { 23, 3, 3, 0xff, 0xff, 1, 2, 3 };
        put(&b, more, sizeof(more));
        ck_assert_int_eq(parse(&b, &n), TLS_HELLO);
        ck_assert_str_eq(n.host, "a.example");
}
END_TEST

/* TLS_HELLO_MAX bytes of records are looked at, in one piece or in many. */
START_TEST(test_longest) {
        Bytes b, extensions = { .n = 0 };
        TlsServerName n;
        hello_with(&b, &extensions, 16384);
        const size_t empty = b.n;
        for (size_t beyond = 0; beyond < 2; beyond++) {
                extensions.n = 0;
                put_extension(&extensions, 21, TLS_HELLO_MAX - empty - 4 + beyond);
                hello_with(&b, &extensions, 16384);
                ck_assert_uint_eq(b.n, TLS_HELLO_MAX + beyond);
                ck_assert_int_eq(parse(&b, &n), beyond ? TLS_BAD : TLS_HELLO);
        }
        hello_for(&b, "a.example", 16384);
        b.data[6] = 1; /* a hello of 64 KiB begins */
        ck_assert_int_eq(parse(&b, &n), TLS_BAD);
}
END_TEST

static const struct {
        const char *name;
        size_t at;
        uint8_t value;
        TlsHello result;
} spoilers[] = {
        { "an alert", 0, 21, TLS_NOT_TLS },
        { "SSLv2", 0, 0x80, TLS_NOT_TLS },
        { "a letter", 0, 'G', TLS_NOT_TLS },
        { "a version of the record that is none", 1, 2, TLS_NOT_TLS },
        { "a record that is longer than there may be", 3, 0x40, TLS_BAD },
        { "a server's hello", 5, 2, TLS_BAD },
        { "a hello of 64 KiB", 6, 1, TLS_BAD },
        { "a hello that is shorter than its parts", 8, 40, TLS_BAD },
        { "a session that is longer than the hello", 43, 255, TLS_BAD },
        { "ciphers that are longer than the hello", 76, 255, TLS_BAD },
        { "extensions that are shorter than they are", 85, 1, TLS_BAD },
        { "extensions that are longer than they are", 84, 1, TLS_BAD },
        { "an extension that is longer than all", 88, 1, TLS_BAD },
};

START_TEST(test_spoiled) {
        Bytes b;
        TlsServerName n;
        hello_for(&b, "a.example", 16384);
        ck_assert_int_eq(parse(&b, &n), TLS_HELLO);
        ck_assert_uint_lt(spoilers[_i].at, b.n);
        b.data[spoilers[_i].at] = spoilers[_i].value;
        const TlsHello r = parse(&b, &n);
        ck_assert_msg(r == spoilers[_i].result, "%s: %d", spoilers[_i].name, r);
}
END_TEST

START_TEST(test_records_between) {
        Bytes b, handshake = { .n = 0 };
        TlsServerName n;
        hello_for(&b, "a.example", 20);
        b.data[25] = 23; /* the second is not of the handshake */
        ck_assert_int_eq(parse(&b, &n), TLS_BAD);
        hello_for(&b, "a.example", 20);
        b.data[26] = 4;
        ck_assert_int_eq(parse(&b, &n), TLS_BAD);

        static const uint8_t nothing[] = { 22, 3, 1, 0, 0 };
        b.n = 0;
        put(&b, nothing, sizeof(nothing));
        put_hello(&handshake, NULL);
        put_records(&b, &handshake, 16384);
        ck_assert_int_eq(parse(&b, &n), TLS_BAD);
}
END_TEST

/* ---- behind the first hello ---- */

static void put_record(Bytes *b, unsigned type, unsigned version, size_t n) {
        static const uint8_t zeroes[20000];
        put_number(b, type, 1);
        put_number(b, version, 2);
        put_number(b, n, 2);
        put(b, zeroes, n);
}

/* The walk over all of it, offered step bytes more each time. *ret_at: where it ended. */
static TlsHello walk(const Bytes *b, size_t step, size_t *ret_at, TlsServerName *ret) {
        TlsWalk w = { .left = 0 };
        size_t at = 0;
        for (size_t n = 0; n <= b->n; n = n < b->n && n + step > b->n ? b->n : n + step) {
                size_t pass;
                TlsHello said = tls_walk(&w, b->data + at, n - at, &pass, ret);
                at += pass;
                *ret_at = at;
                if (said != TLS_MORE)
                        return said;
        }
        return TLS_MORE;
}

/* The hello that answers a request for another one, behind what may come between the two (N7: the server may go by either). */
START_TEST(test_a_second_hello) {
        static const size_t steps[] = { 1, 5, 7, 1000, SIZE_MAX / 4 };
        Bytes all = { .n = 0 }, second;
        put_record(&all, 23, 0x0303, 300); /* early data */
        put_record(&all, 20, 0x0303, 1);   /* change of cipher, of old: RFC 8446 D.4 */
        put_record(&all, 23, 0x0303, 0);
        const size_t before = all.n;
        hello_for(&second, "other.example", _i == 0 ? 16384 : 9);
        put(&all, second.data, second.n);
        const size_t behind = all.n;
        put_record(&all, 23, 0x0303, 10);
        for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
                TlsServerName n;
                size_t at;
                ck_assert_int_eq(walk(&all, steps[i], &at, &n), TLS_HELLO);
                ck_assert_uint_eq(at, before);
                ck_assert_str_eq(n.host, "other.example");
                ck_assert_uint_eq(n.size, behind - before);
        }
}
END_TEST

START_TEST(test_no_second_hello) {
        Bytes b = { .n = 0 };
        TlsServerName n;
        size_t at;
        put_record(&b, 20, 0x0303, 1);
        for (size_t i = 0; i < 8; i++)
                put_record(&b, 23, 0x0303, 1000);
        ck_assert_int_eq(walk(&b, 3, &at, &n), TLS_MORE);
        ck_assert_uint_eq(at, b.n); /* all of it passes */

        b.n = 0;
        put_record(&b, 23, 0x0203, 4);
        ck_assert_int_eq(walk(&b, 1000, &at, &n), TLS_BAD);
        b.n = 0;
        put_record(&b, 23, 0x0303, 18432);
        ck_assert_int_eq(walk(&b, 1000, &at, &n), TLS_MORE);
        b.n = 0;
        put_record(&b, 23, 0x0303, 18433);
        ck_assert_int_eq(walk(&b, 1000, &at, &n), TLS_BAD);
        b.n = 0;
        put_record(&b, 22, 0x0303, 64); /* a message that is no hello, while one may come */
        ck_assert_int_eq(walk(&b, 1000, &at, &n), TLS_BAD);
}
END_TEST

START_TEST(test_two_messages_in_one_record) {
        Bytes handshake = { .n = 0 }, b = { .n = 0 }, extensions = { .n = 0 };
        TlsServerName n;
        put_name(&extensions, 0, "a.example", 9);
        put_hello(&handshake, &extensions);
        put_hello(&handshake, NULL);
        put_records(&b, &handshake, 16384);
        ck_assert_int_eq(parse(&b, &n), TLS_BAD);
}
END_TEST

START_TEST(test_what_the_server_answers) {
        static const uint8_t retry[32] = { 0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
                0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e,
                0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c };
        uint8_t answer[TLS_ANSWER_SIZE] = { 22, 3, 3, 0, 90, 2, 0, 0, 86, 3, 3, 7 };
        for (size_t n = 0; n < sizeof(answer); n++)
                ck_assert_int_eq(tls_answer_parse(answer, n), TLS_ANSWER_MORE);
        ck_assert_int_eq(tls_answer_parse(answer, sizeof(answer)), TLS_ANSWER_FINAL);
        memcpy(answer + 11, retry, sizeof(retry));
        ck_assert_int_eq(tls_answer_parse(answer, sizeof(answer)), TLS_ANSWER_RETRY);
        answer[11]++;
        ck_assert_int_eq(tls_answer_parse(answer, sizeof(answer)), TLS_ANSWER_FINAL);
        /* cut in an odd way, or something else: it might be */
        answer[4] = 37;
        ck_assert_int_eq(tls_answer_parse(answer, sizeof(answer)), TLS_ANSWER_RETRY);
        answer[4] = 38;
        ck_assert_int_eq(tls_answer_parse(answer, sizeof(answer)), TLS_ANSWER_FINAL);
        answer[0] = 21;
        ck_assert_int_eq(tls_answer_parse(answer, sizeof(answer)), TLS_ANSWER_RETRY);
        answer[0] = 22;
        /* a warning is not it; what only begins like one, or is fatal, might be */
        static const uint8_t warning[TLS_ALERT_SIZE] = { 21, 3, 3, 0, 2, 1, 112 };
        uint8_t with[TLS_ANSWER_SIZE] = { 0 };
        memcpy(with, warning, sizeof(warning));
        for (size_t n = 0; n < TLS_ALERT_SIZE; n++)
                ck_assert_int_eq(tls_answer_parse(with, n), TLS_ANSWER_MORE);
        ck_assert_int_eq(tls_answer_parse(with, TLS_ALERT_SIZE), TLS_ANSWER_ALERT);
        ck_assert_int_eq(tls_answer_parse(with, sizeof(with)), TLS_ANSWER_ALERT);
        static const size_t at[] = { 1, 3, 4, 5 };
        for (size_t i = 0; i < ELEMENTSOF(at); i++) {
                with[at[i]] ^= 4;
                ck_assert_int_eq(tls_answer_parse(with, TLS_ALERT_SIZE), TLS_ANSWER_MORE);
                ck_assert_int_eq(tls_answer_parse(with, sizeof(with)), TLS_ANSWER_RETRY);
                with[at[i]] ^= 4;
        }
        answer[5] = 1;
        ck_assert_int_eq(tls_answer_parse(answer, sizeof(answer)), TLS_ANSWER_RETRY);
}
END_TEST

START_TEST(test_alert) {
        ck_assert_uint_eq(tls_alert_access_denied[0], 21);
        ck_assert_uint_eq(tls_alert_access_denied[4], TLS_ALERT_SIZE - 5);
        ck_assert_uint_eq(tls_alert_access_denied[5], 2);
        ck_assert_uint_eq(tls_alert_access_denied[6], 49);
}
END_TEST

int main(void) {
        TCase *t = tcase_create("tls-hello");
        tcase_add_loop_test(t, test_name, 0, ELEMENTSOF(names));
        tcase_add_test(t, test_long_names);
        tcase_add_test(t, test_nul_in_a_name);
        tcase_add_test(t, test_no_name);
        tcase_add_test(t, test_two_names);
        tcase_add_test(t, test_encrypted_name);
        tcase_add_loop_test(t, test_split_over_records, 0, 8);
        tcase_add_test(t, test_more_behind_it);
        tcase_add_test(t, test_longest);
        tcase_add_loop_test(t, test_spoiled, 0, ELEMENTSOF(spoilers));
        tcase_add_test(t, test_records_between);
        tcase_add_loop_test(t, test_a_second_hello, 0, 2);
        tcase_add_test(t, test_no_second_hello);
        tcase_add_test(t, test_two_messages_in_one_record);
        tcase_add_test(t, test_what_the_server_answers);
        tcase_add_test(t, test_alert);
        return run_case("egress tls-hello", t);
}
