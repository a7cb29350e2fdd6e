/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Questions of hostile stub resolvers, and the answers, read again by hand. */

#include "dns-wire.h"
#include "policy-test.h"

typedef struct Bytes {
        uint8_t data[2048];
        size_t n;
} Bytes;

static void put(Bytes *b, const void *data, size_t n) {
        ck_assert_uint_le(n, sizeof(b->data) - b->n);
        if (n > 0)
                memcpy(b->data + b->n, data, n);
        b->n += n;
}

static void put16(Bytes *b, unsigned value) {
        const uint8_t bytes[] = { (uint8_t)(value >> 8), (uint8_t)value };
        put(b, bytes, sizeof(bytes));
}

static unsigned get16(const uint8_t *p) {
        return (unsigned)p[0] << 8 | p[1];
}

/* Labels between the dots; "" is the root. */
static void put_name(Bytes *b, const char *name) {
        while (*name) {
                const uint8_t n = (uint8_t)strcspn(name, ".");
                put(b, &n, 1);
                put(b, name, n);
                name += n + (name[n] == '.');
        }
        put(b, "", 1);
}

static void put_header(Bytes *b, unsigned flags, unsigned questions, unsigned additional) {
        *b = (Bytes){ .n = 0 };
        put16(b, 0x1234);
        put16(b, flags);
        put16(b, questions);
        put16(b, 0);
        put16(b, 0);
        put16(b, additional);
}

static void question(Bytes *b, const char *name, unsigned type) {
        put_header(b, 0x0100, 1, 0);
        put_name(b, name);
        put16(b, type);
        put16(b, 1);
}

static void put_edns(Bytes *b, unsigned size) {
        static const uint8_t rest[] = { 0, 0, 0, 0, 0, 0 };
        b->data[11]++;
        put(b, "", 1);
        put16(b, 41);
        put16(b, size);
        put(b, rest, sizeof(rest));
}

/* The end of what is allocated is the end of the message. */
static int parse(const Bytes *b, DnsQuestion *ret) {
        _cleanup_free_ uint8_t *exact = malloc(b->n > 0 ? b->n : 1);
        ck_assert_ptr_nonnull(exact);
        memcpy(exact, b->data, b->n);
        return dns_question_parse(exact, b->n, ret);
}

/* ---- names ---- */

static const struct {
        const char *name, *host; /* NULL: not a host's */
} names[] = {
        { "a.example", "a.example" },
        { "A.eXaMpLe", "a.example" },
        { "xn--bcher-kva.example", "xn--bcher-kva.example" },
        { "localhost", "localhost" },
        { "", NULL },
        { "_sip._tcp.example", NULL },
        { "*.example", NULL },
        { "a b.example", NULL },
        { "a\n.example", NULL },
        { "b\xc3\xbc"
          "cher.example",
                        NULL },
        { "-a.example", NULL },
        { "127.0.0.1", NULL },
        { "2130706433", NULL },
        { "0x7f.1", NULL },
        { "user@example", NULL },
        { "a.example:80", NULL },
};

START_TEST(test_name) {
        Bytes b;
        DnsQuestion q;
        question(&b, names[_i].name, DNS_AAAA);
        ck_assert_msg(parse(&b, &q) == 0, "%s", names[_i].name);
        ck_assert_msg(q.is_host == (names[_i].host != NULL), "%s: %s", names[_i].name, q.host);
        ck_assert_str_eq(q.host, names[_i].host ? names[_i].host : "");
        ck_assert_uint_eq(q.id, 0x1234);
        ck_assert_uint_eq(q.type, DNS_AAAA);
        ck_assert_uint_eq(q.class, 1);
        ck_assert(q.recursion_desired && !q.edns);
        ck_assert_uint_eq(q.udp_size, 512);
        ck_assert_uint_eq(q.question_size, b.n - 12); /* as it came: its letters, too */
        ck_assert_mem_eq(q.question, b.data + 12, b.n - 12);
}
END_TEST

/* A dot or a NUL within a label is not the end of one (N2). */
START_TEST(test_labels_with_more_in_them) {
        static const struct {
                const char *label;
                size_t n;
        } labels[] = { { "a.b", 3 }, { "a\0b", 3 }, { "a\0", 2 }, { ".", 1 }, { "a.", 2 }, { "\x7f", 1 },
                { "\xff", 1 } };
        for (size_t i = 0; i < ELEMENTSOF(labels); i++) {
                Bytes b;
                DnsQuestion q;
                put_header(&b, 0, 1, 0);
                const uint8_t n = (uint8_t)labels[i].n;
                put(&b, &n, 1);
                put(&b, labels[i].label, n);
                put_name(&b, "example");
                put16(&b, DNS_A);
                put16(&b, 1);
                ck_assert_int_eq(parse(&b, &q), 0);
                ck_assert_msg(!q.is_host, "%s", q.host);
        }
}
END_TEST

/* Names of 255 bytes, labels of 63, and one more. */
START_TEST(test_long_names) {
        char name[300], label[65];
        memset(label, 'a', sizeof(label));
        for (size_t last = 61; last <= 62; last++) {
                Bytes b;
                DnsQuestion q;
                (void)snprintf(name, sizeof(name), "%.63s.%.63s.%.63s.%.*s", label, label, label, (int)last,
                                label);
                question(&b, name, DNS_A);
                ck_assert_uint_eq(b.n, 12 + 255 + 4 + last - 61);
                ck_assert_int_eq(parse(&b, &q), last == 61 ? 0 : DNS_FORMERR);
                if (last == 61)
                        ck_assert_str_eq(q.host, name);
        }
        for (size_t n = 63; n <= 64; n++) {
                Bytes b;
                DnsQuestion q;
                (void)snprintf(name, sizeof(name), "%.*s", (int)n, label);
                question(&b, name, DNS_A);
                ck_assert_int_eq(parse(&b, &q), n == 63 ? 0 : DNS_FORMERR);
        }
}
END_TEST

/* ---- messages ---- */

START_TEST(test_cut) {
        Bytes b;
        DnsQuestion q;
        question(&b, "a.example", DNS_A);
        const size_t whole = b.n;
        for (b.n = 0; b.n < whole; b.n++)
                ck_assert_int_eq(parse(&b, &q), b.n < 12 ? -EBADMSG : DNS_FORMERR);
        ck_assert_int_eq(parse(&b, &q), 0);
}
END_TEST

static const struct {
        const char *name;
        size_t at;
        uint8_t value;
        int result;
} spoilers[] = {
        { "an answer", 2, 0x81, -EBADMSG },
        { "opcode IQUERY", 2, 0x09, DNS_NOTIMP },
        { "opcode UPDATE", 2, 0x29, DNS_NOTIMP },
        { "no question", 5, 0, DNS_FORMERR },
        { "two questions", 5, 2, DNS_FORMERR },
        { "257 questions", 4, 1, DNS_FORMERR },
        { "an answer in a question", 7, 1, DNS_FORMERR },
        { "an authority in a question", 9, 1, DNS_FORMERR },
        { "a pointer to itself", 12, 0xc0, DNS_FORMERR },
        { "a label of another kind", 12, 0x41, DNS_FORMERR },
        { "a label beyond the end", 12, 63, DNS_FORMERR },
        { "class CHAOS", 26, 3, DNS_NOTIMP },
        { "class ANY", 26, 255, DNS_NOTIMP },
};

START_TEST(test_spoiled) {
        Bytes b;
        DnsQuestion q;
        uint8_t out[512];
        question(&b, "a.example", DNS_A);
        ck_assert_int_eq(parse(&b, &q), 0);
        b.data[spoilers[_i].at] = spoilers[_i].value;
        const int r = parse(&b, &q);
        ck_assert_msg(r == spoilers[_i].result, "%s: %d", spoilers[_i].name, r);
        if (r < 0)
                return;
        /* and it can be answered, with its id */
        const DnsAnswer a = { .code = (DnsCode)r };
        const size_t n = dns_answer_write(&q, &a, true, out, sizeof(out));
        ck_assert_uint_ge(n, 12);
        ck_assert_uint_eq(get16(out), 0x1234);
        ck_assert_uint_eq(out[2] & 0x80, 0x80);
        ck_assert_uint_eq(out[3] & 0x0f, (unsigned)r);
        ck_assert_uint_eq(n, 12 + (get16(out + 4) ? q.question_size : 0));
}
END_TEST

static const struct {
        unsigned said, taken;
} sizes[] = { { 0, 512 }, { 511, 512 }, { 512, 512 }, { 513, 513 }, { 1232, 1232 }, { 4096, 4096 },
        { 65535, 65535 } };

START_TEST(test_edns) {
        Bytes b;
        DnsQuestion q;
        question(&b, "a.example", DNS_A);
        put_edns(&b, sizes[_i].said);
        ck_assert_int_eq(parse(&b, &q), 0);
        ck_assert(q.edns);
        ck_assert_uint_eq(q.udp_size, sizes[_i].taken);
        for (size_t cut = 1; cut <= 11; cut++) { /* half of one is none */
                Bytes less = b;
                less.n -= cut;
                ck_assert_int_eq(parse(&less, &q), 0);
                ck_assert(!q.edns && q.udp_size == 512);
        }
        b.data[11] = 0; /* not announced: not there */
        ck_assert_int_eq(parse(&b, &q), 0);
        ck_assert(!q.edns);
}
END_TEST

/* ---- answers ---- */

/* Over the name of a record: a pointer to the question, or the root. */
static const uint8_t *record(const uint8_t *p, unsigned *ret_type, size_t *ret_size) {
        p += *p == 0 ? 1 : 2;
        *ret_type = get16(p);
        *ret_size = get16(p + 8);
        return p + 10;
}

/* Nothing is left and nothing is missing. */
static void check_whole(const DnsQuestion *q, const uint8_t *out, size_t n) {
        const uint8_t *p = out + 12 + q->question_size;
        unsigned records = get16(out + 6) + get16(out + 8) + get16(out + 10), type;
        ck_assert_uint_eq(get16(out), q->id);
        ck_assert_uint_eq(get16(out + 4), 1);
        ck_assert_mem_eq(out + 12, q->question, q->question_size);
        for (unsigned i = 0; i < records; i++) {
                size_t size;
                p = record(p, &type, &size) + size;
                ck_assert(p <= out + n);
        }
        ck_assert_ptr_eq(p, out + n);
}

static size_t answer(const DnsQuestion *q, const DnsAnswer *a, bool udp, uint8_t *out, size_t size) {
        const size_t n = dns_answer_write(q, a, udp, out, size);
        ck_assert_uint_ge(n, 12);
        ck_assert_uint_le(n, size);
        if (udp)
                ck_assert(n <= DNS_UDP_MAX && n <= q->udp_size);
        check_whole(q, out, n);
        return n;
}

static void many(NetCidr addresses[DNS_ADDRESSES_MAX], int family) {
        for (size_t i = 0; i < DNS_ADDRESSES_MAX; i++) {
                const uint8_t bytes[16] = { 0x2a, 0, (uint8_t)i, 1 };
                cidr_from_address(family, bytes, &addresses[i]);
        }
}

START_TEST(test_addresses) {
        const bool v6 = _i;
        Bytes b;
        DnsQuestion q;
        NetCidr addresses[DNS_ADDRESSES_MAX];
        uint8_t out[512];
        unsigned type;
        size_t size;
        many(addresses, v6 ? AF_INET6 : AF_INET);
        question(&b, "a.eXample", v6 ? DNS_AAAA : DNS_A);
        ck_assert_int_eq(parse(&b, &q), 0);
        const DnsAnswer a = { .addresses = addresses, .n_addresses = 2, .ttl = DNS_TTL };
        (void)answer(&q, &a, true, out, sizeof(out));
        ck_assert_uint_eq(get16(out + 2), 0x8180);
        ck_assert_uint_eq(get16(out + 6), 2);
        ck_assert_uint_eq(get16(out + 8), 0);
        ck_assert_uint_eq(get16(out + 10), 0);
        const uint8_t *p = record(out + 12 + q.question_size, &type, &size);
        ck_assert_uint_eq(type, v6 ? DNS_AAAA : DNS_A);
        ck_assert_uint_eq(size, v6 ? 16 : 4);
        ck_assert_uint_eq(get16(p - 4), DNS_TTL);
        ck_assert_mem_eq(p, addresses[0].address, size);
}
END_TEST

/* By UDP what does not fit is told by TC, and comes by TCP. */
START_TEST(test_truncated) {
        Bytes b;
        DnsQuestion q;
        NetCidr addresses[DNS_ADDRESSES_MAX];
        uint8_t out[4096];
        many(addresses, AF_INET6);
        question(&b, "a.example", DNS_AAAA);
        put_edns(&b, sizes[_i].said);
        ck_assert_int_eq(parse(&b, &q), 0);
        const size_t most = sizes[_i].taken < DNS_UDP_MAX ? sizes[_i].taken : DNS_UDP_MAX,
                     fit = (most - 12 - q.question_size - 11) / 28;
        for (size_t n = fit; n <= fit + 1; n++) {
                const DnsAnswer a = { .addresses = addresses, .n_addresses = n, .ttl = DNS_TTL };
                (void)answer(&q, &a, true, out, sizeof(out));
                ck_assert_uint_eq(out[2] & 0x02, n == fit ? 0 : 0x02);
                ck_assert_uint_eq(get16(out + 6), n == fit ? n : 0);
        }
        const DnsAnswer all = { .addresses = addresses, .n_addresses = DNS_ADDRESSES_MAX, .ttl = DNS_TTL };
        (void)answer(&q, &all, false, out, sizeof(out));
        ck_assert_uint_eq(out[2] & 0x02, 0);
        ck_assert_uint_eq(get16(out + 6), DNS_ADDRESSES_MAX);
        (void)answer(&q, &all, false, out, 512); /* a smaller buffer than that of TCP */
        ck_assert_uint_eq(out[2] & 0x02, 0x02);
}
END_TEST

START_TEST(test_refusal) {
        const bool edns = _i;
        Bytes b;
        DnsQuestion q;
        uint8_t out[512];
        unsigned type;
        size_t size;
        question(&b, "a.example", DNS_A);
        if (edns)
                put_edns(&b, 1232);
        ck_assert_int_eq(parse(&b, &q), 0);
        const DnsAnswer a = {
                .code = DNS_NXDOMAIN, .extended_error = DNS_EDE_BLOCKED, .extended_text = "policy"
        };
        (void)answer(&q, &a, true, out, sizeof(out));
        ck_assert_uint_eq(out[3] & 0x0f, DNS_NXDOMAIN);
        ck_assert_uint_eq(get16(out + 6), 0);
        ck_assert_uint_eq(get16(out + 8), 1);
        ck_assert_uint_eq(get16(out + 10), edns);
        const uint8_t *p = record(out + 12 + q.question_size, &type, &size);
        ck_assert_uint_eq(type, DNS_SOA);
        ck_assert_uint_eq(get16(p + size - 2), 5); /* for how long it is not asked again */
        if (!edns)
                return;
        p = record(p + size, &type, &size);
        ck_assert_uint_eq(type, 41);
        ck_assert_uint_eq(size, 4 + 2 + 6);
        ck_assert_uint_eq(get16(p), 15);
        ck_assert_uint_eq(get16(p + 2), 8);
        ck_assert_uint_eq(get16(p + 4), DNS_EDE_BLOCKED);
        ck_assert_mem_eq(p + 6, "policy", 6);
}
END_TEST

/* No data has an SOA too; a failure of the server has none. */
START_TEST(test_no_data) {
        Bytes b;
        DnsQuestion q;
        uint8_t out[512];
        question(&b, "a.example", 65);
        ck_assert_int_eq(parse(&b, &q), 0);
        const DnsAnswer none = { .code = DNS_NOERROR }, failure = { .code = DNS_SERVFAIL };
        (void)answer(&q, &none, true, out, sizeof(out));
        ck_assert_uint_eq(get16(out + 8), 1);
        ck_assert_uint_eq(out[3] & 0x0f, DNS_NOERROR);
        (void)answer(&q, &failure, true, out, sizeof(out));
        ck_assert_uint_eq(get16(out + 8), 0);
        ck_assert_uint_eq(out[3] & 0x0f, DNS_SERVFAIL);
}
END_TEST

int main(void) {
        TCase *t = tcase_create("dns-wire");
        tcase_add_loop_test(t, test_name, 0, ELEMENTSOF(names));
        tcase_add_test(t, test_labels_with_more_in_them);
        tcase_add_test(t, test_long_names);
        tcase_add_test(t, test_cut);
        tcase_add_loop_test(t, test_spoiled, 0, ELEMENTSOF(spoilers));
        tcase_add_loop_test(t, test_edns, 0, ELEMENTSOF(sizes));
        tcase_add_loop_test(t, test_addresses, 0, 2);
        tcase_add_loop_test(t, test_truncated, 0, ELEMENTSOF(sizes));
        tcase_add_loop_test(t, test_refusal, 0, 2);
        tcase_add_test(t, test_no_data);
        return run_case("egress dns-wire", t);
}
