/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dns-wire.h"

#include "cleanup.h"

#define HEADER 12U
#define FLAG_ANSWER 0x8000U
#define FLAG_TRUNCATED 0x0200U
#define FLAG_RECURSION_DESIRED 0x0100U
#define FLAG_RECURSION_AVAILABLE 0x0080U
#define OPCODE_MASK 0x7800U
#define CLASS_IN 1U
#define TYPE_OPT 41U
#define OPTION_EXTENDED_ERROR 15U
#define REFUSAL_TTL 5U

static unsigned get16(const uint8_t *p) {
        return (unsigned)p[0] << 8 | p[1];
}

/* ---- questions ---- */

/* A name as it came: labels to the root, no pointers. Its bytes with the root, or 0. text gets it with dots, where it is all printable. */
static size_t read_name(
                const uint8_t *data, size_t size, char text[LIMIT_HOST_BYTES + 2], bool *ret_is_text) {
        size_t at = 0, used = 0;
        *ret_is_text = true;
        for (;;) {
                if (at >= size)
                        return 0;
                size_t n = data[at++];
                if (n == 0)
                        break;
                if (n > LIMIT_LABEL_BYTES || n > size - at || used + n + 1 > LIMIT_HOST_BYTES + 1)
                        return 0;
                for (size_t i = 0; i < n; i++) {
                        char c = (char)data[at + i];
                        if (c <= ' ' || c == '.' || c > '~')
                                *ret_is_text = false; /* a dot within a label is not one between two */
                        text[used++] = c;
                }
                text[used++] = '.';
                at += n;
        }
        text[used > 0 ? used - 1 : 0] = '\0';
        return at;
}

/* EDNS (RFC 6891 6.1.2): of what follows the question only a first record of this kind is looked for. */
static void read_edns(const uint8_t *data, size_t size, DnsQuestion *q) {
        if (size < 11 || data[0] != 0 || get16(data + 1) != TYPE_OPT)
                return;
        q->edns = true;
        unsigned udp = get16(data + 3);
        if (udp > q->udp_size)
                q->udp_size = (uint16_t)udp;
}

int dns_question_parse(const uint8_t *data, size_t size, DnsQuestion *ret) {
        char text[LIMIT_HOST_BYTES + 2];
        bool is_text;
        if (size < HEADER || size > DNS_MESSAGE_MAX)
                return -EBADMSG;
        unsigned flags = get16(data + 2);
        if (flags & FLAG_ANSWER)
                return -EBADMSG;
        DnsQuestion q = { .id = (uint16_t)get16(data),
                .recursion_desired = flags & FLAG_RECURSION_DESIRED,
                .udp_size = 512 };
        *ret = q;
        if (flags & OPCODE_MASK)
                return DNS_NOTIMP;
        if (get16(data + 4) != 1 || get16(data + 6) != 0 || get16(data + 8) != 0)
                return DNS_FORMERR;
        size_t n = read_name(data + HEADER, size - HEADER, text, &is_text);
        if (n == 0 || size - HEADER - n < 4)
                return DNS_FORMERR;
        memcpy(q.question, data + HEADER, n + 4);
        q.question_size = n + 4;
        q.type = (uint16_t)get16(data + HEADER + n);
        q.class = (uint16_t)get16(data + HEADER + n + 2);
        if (get16(data + 10) > 0)
                read_edns(data + HEADER + n + 4, size - HEADER - n - 4, &q);
        q.is_host = is_text && !host_canonical(text, false, q.host);
        if (!q.is_host)
                q.host[0] = '\0';
        *ret = q;
        return q.class == CLASS_IN ? 0 : DNS_NOTIMP;
}

/* ---- answers ---- */

typedef struct Writer {
        uint8_t *out;
        size_t used, size;
        bool full;
} Writer;

static void put(Writer *w, const void *data, size_t n) {
        if (w->full || n > w->size - w->used) {
                w->full = true;
                return;
        }
        if (n > 0)
                memcpy(w->out + w->used, data, n);
        w->used += n;
}

static void put16(Writer *w, unsigned value) {
        const uint8_t bytes[2] = { (uint8_t)(value >> 8), (uint8_t)value };
        put(w, bytes, sizeof(bytes));
}

static void put32(Writer *w, uint32_t value) {
        put16(w, value >> 16);
        put16(w, value & 0xffff);
}

/* Of the question's name, by a pointer to it. */
static void put_address(Writer *w, const NetCidr *address, uint32_t ttl) {
        bool v4 = address->family == AF_INET;
        put16(w, 0xc000U | HEADER);
        put16(w, v4 ? DNS_A : DNS_AAAA);
        put16(w, CLASS_IN);
        put32(w, ttl);
        put16(w, v4 ? 4 : 16);
        put(w, address->address, v4 ? 4 : 16);
}

/* Its last number says for how long a refusal holds. */
static void put_soa(Writer *w) {
        static const uint8_t root[1] = { 0 };
        put(w, root, 1);
        put16(w, DNS_SOA);
        put16(w, CLASS_IN);
        put32(w, REFUSAL_TTL);
        put16(w, 2 + 5 * 4);
        put(w, root, 1); /* primary server, and mailbox: none */
        put(w, root, 1);
        put32(w, 1);
        for (size_t i = 0; i < 4; i++)
                put32(w, REFUSAL_TTL);
}

static void put_opt(Writer *w, const DnsAnswer *a) {
        static const uint8_t root[1] = { 0 };
        size_t text = a->extended_error && a->extended_text ? strlen(a->extended_text) : 0;
        put(w, root, 1);
        put16(w, TYPE_OPT);
        put16(w, DNS_UDP_MAX);
        put32(w, 0);
        put16(w, a->extended_error ? (unsigned)(6 + text) : 0);
        if (!a->extended_error)
                return;
        put16(w, OPTION_EXTENDED_ERROR);
        put16(w, (unsigned)(2 + text));
        put16(w, a->extended_error);
        put(w, a->extended_text, text);
}

static size_t write_answer(
                const DnsQuestion *q, const DnsAnswer *a, size_t n_addresses, bool truncated, Writer *w) {
        bool negative = n_addresses == 0 && !truncated &&
                        (a->code == DNS_NXDOMAIN || a->code == DNS_NOERROR);
        put16(w, q->id);
        put16(w, FLAG_ANSWER | FLAG_RECURSION_AVAILABLE |
                                        (q->recursion_desired ? FLAG_RECURSION_DESIRED : 0) |
                                        (truncated ? FLAG_TRUNCATED : 0) | (unsigned)a->code);
        put16(w, q->question_size > 0);
        put16(w, (unsigned)n_addresses);
        put16(w, negative);
        put16(w, q->edns);
        put(w, q->question, q->question_size);
        for (size_t i = 0; i < n_addresses; i++)
                put_address(w, &a->addresses[i], a->ttl);
        if (negative)
                put_soa(w);
        if (q->edns)
                put_opt(w, a);
        return w->full ? 0 : w->used;
}

size_t dns_answer_write(const DnsQuestion *q, const DnsAnswer *a, bool udp, uint8_t *out, size_t size) {
        size_t most = q->udp_size < DNS_UDP_MAX ? q->udp_size : DNS_UDP_MAX;
        size_t limit = udp && size > most ? most : size;
        Writer w = { .out = out, .size = limit };
        size_t n = write_answer(q, a, a->n_addresses, false, &w);
        if (n > 0)
                return n;
        const DnsAnswer bare = { .code = a->code };
        w = (Writer){ .out = out, .size = limit };
        return write_answer(q, &bare, 0, true, &w);
}
