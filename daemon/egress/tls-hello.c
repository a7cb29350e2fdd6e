/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tls-hello.h"

#include "cleanup.h"

#define RECORD_HEADER 5U
#define RECORD_ALERT 21U
#define ALERT_WARNING 1U
#define RECORD_HANDSHAKE 22U
#define RECORD_MAX 16384U        /* RFC 8446 5.1 */
#define RECORD_CIPHER_MAX 18432U /* RFC 5246 6.2.3, the larger */
#define HANDSHAKE_HEADER 4U
#define HANDSHAKE_HELLO 1U
#define HANDSHAKE_SERVER_HELLO 2U
#define EXTENSION_SERVER_NAME 0U
#define EXTENSION_ECH 0xfe0dU       /* RFC 9849 */
#define EXTENSION_ECH_DRAFT 0xfe08U /* and from draft-ietf-tls-esni-08 on, each draft had one of its own */
#define EXTENSION_ESNI 0xffceU      /* the drafts before */
#define NAME_HOST 0U

const uint8_t tls_alert_access_denied[TLS_ALERT_SIZE] = { 21, 3, 3, 0, 2, 2, 49 };

/* What is left to read. A length that is more than that makes everything after it fail. */
typedef struct Reader {
        const uint8_t *at;
        size_t left;
        bool bad;
} Reader;

static const uint8_t *take(Reader *r, size_t n) {
        if (r->bad || n > r->left) {
                r->bad = true;
                return NULL;
        }
        const uint8_t *p = r->at;
        r->at += n;
        r->left -= n;
        return p;
}

static size_t number(Reader *r, size_t bytes) {
        const uint8_t *p = take(r, bytes);
        size_t value = 0;
        for (size_t i = 0; p && i < bytes; i++)
                value = value << 8 | p[i];
        return value;
}

/* A vector with its length in front. */
static Reader vector(Reader *r, size_t length_bytes) {
        size_t n = number(r, length_bytes);
        const uint8_t *p = take(r, n);
        return (Reader){ .at = p, .left = p ? n : 0, .bad = !p };
}

/* RFC 6066 3: one name of one kind is all that there is. */
static bool read_server_name(Reader extension, TlsServerName *ret) {
        char text[LIMIT_HOST_BYTES + 1];
        Reader list = vector(&extension, 2);
        size_t kind = number(&list, 1);
        Reader name = vector(&list, 2);
        if (extension.bad || extension.left > 0 || list.bad || list.left > 0 || name.bad ||
                        kind != NAME_HOST || name.left == 0 || name.left > LIMIT_HOST_BYTES ||
                        memchr(name.at, 0, name.left))
                return false;
        memcpy(text, name.at, name.left);
        text[name.left] = '\0';
        return !host_canonical(text, false, ret->host);
}

static bool read_extensions(Reader extensions, TlsServerName *ret) {
        bool named = false;
        while (!extensions.bad && extensions.left > 0) {
                size_t type = number(&extensions, 2);
                Reader body = vector(&extensions, 2);
                if (body.bad)
                        return false;
                if ((type >= EXTENSION_ECH_DRAFT && type <= EXTENSION_ECH) || type == EXTENSION_ESNI)
                        ret->encrypted = true;
                if (type != EXTENSION_SERVER_NAME)
                        continue;
                if (named || !read_server_name(body, ret))
                        return false;
                named = true;
        }
        return !extensions.bad;
}

static bool read_hello(Reader hello, TlsServerName *ret) {
        (void)take(&hello, 2 + 32); /* version, random */
        (void)vector(&hello, 1);    /* session */
        (void)vector(&hello, 2);    /* ciphers */
        (void)vector(&hello, 1);    /* compressions */
        if (hello.bad)
                return false;
        if (hello.left == 0)
                return true; /* TLS 1.2 may have no extensions, and then there is no name */
        Reader extensions = vector(&hello, 2);
        return !extensions.bad && hello.left == 0 && read_extensions(extensions, ret);
}

/* Puts the handshake bytes of the records together: a hello may come in pieces of one byte. */
TlsHello tls_hello_parse(const uint8_t *data, size_t size, TlsServerName *ret) {
        uint8_t handshake[TLS_HELLO_MAX];
        size_t used = 0, wanted = HANDSHAKE_HEADER;
        *ret = (TlsServerName){ .encrypted = false };
        if (size > 0 && data[0] != RECORD_HANDSHAKE)
                return TLS_NOT_TLS;
        if (size > 1 && data[1] != 3) /* the major version of every TLS, and of SSL 3 */
                return TLS_NOT_TLS;
        /* in one piece or in many, the same bytes are looked at */
        Reader r = { .at = data, .left = size < TLS_HELLO_MAX ? size : TLS_HELLO_MAX };
        while (used < wanted) {
                if (r.left < RECORD_HEADER)
                        return size >= TLS_HELLO_MAX ? TLS_BAD : TLS_MORE;
                size_t type = number(&r, 1), version = number(&r, 2), n = number(&r, 2);
                if (type != RECORD_HANDSHAKE || version >> 8 != 3 || n == 0 || n > RECORD_MAX)
                        return TLS_BAD;
                size_t here = n < r.left ? n : r.left;
                if (here > sizeof(handshake) - used)
                        return TLS_BAD;
                const uint8_t *piece = take(&r, here);
                memcpy(handshake + used, piece, here);
                used += here;
                if (used >= HANDSHAKE_HEADER) {
                        if (handshake[0] != HANDSHAKE_HELLO)
                                return TLS_BAD;
                        wanted = HANDSHAKE_HEADER +
                                 ((size_t)handshake[1] << 16 | (size_t)handshake[2] << 8 | handshake[3]);
                        if (wanted > sizeof(handshake))
                                return TLS_BAD;
                        /* a second message in a record of the first: nobody does that, and somebody might overlook it */
                        if (used + (n - here) > wanted)
                                return TLS_BAD;
                }
                if (here < n && used < wanted)
                        return size >= TLS_HELLO_MAX ? TLS_BAD : TLS_MORE;
        }
        const Reader hello = { .at = handshake + HANDSHAKE_HEADER, .left = wanted - HANDSHAKE_HEADER };
        ret->size = (size_t)(r.at - data);
        return read_hello(hello, ret) ? TLS_HELLO : TLS_BAD;
}

/* ---- behind the first hello ---- */

TlsHello tls_walk(TlsWalk *w, const uint8_t *data, size_t size, size_t *ret_pass, TlsServerName *ret) {
        size_t at = 0;
        TlsHello found = TLS_MORE;
        *ret = (TlsServerName){ .encrypted = false };
        for (;;) {
                size_t n = w->left < size - at ? w->left : size - at;
                at += n;
                w->left -= n;
                if (w->left > 0 || size - at < RECORD_HEADER)
                        break;
                Reader r = { .at = data + at, .left = RECORD_HEADER };
                size_t type = number(&r, 1), version = number(&r, 2), length = number(&r, 2);
                if (version >> 8 != 3 || length > RECORD_CIPHER_MAX) {
                        found = TLS_BAD;
                        break;
                }
                if (type == RECORD_HANDSHAKE) {
                        found = tls_hello_parse(data + at, size - at, ret);
                        break;
                }
                w->left = RECORD_HEADER + length;
        }
        *ret_pass = at;
        return found;
}

/* RFC 8446 4.1.3: SHA-256 of "HelloRetryRequest", in the place of a random. */
static const uint8_t retry_random[32] = { 0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
        0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2,
        0xc8, 0xa8, 0x33, 0x9c };

/* What is cut in an odd way might still be a request: then hellos go on being looked at. */
TlsAnswer tls_answer_parse(const uint8_t *data, size_t size) {
        if (size >= TLS_ALERT_SIZE && data[0] == RECORD_ALERT && data[1] == 3 && data[3] == 0 &&
                        data[4] == 2 && data[5] == ALERT_WARNING)
                return TLS_ANSWER_ALERT;
        if (size < TLS_ANSWER_SIZE)
                return TLS_ANSWER_MORE;
        Reader r = { .at = data, .left = TLS_ANSWER_SIZE };
        size_t type = number(&r, 1);
        (void)number(&r, 2);
        size_t length = number(&r, 2), message = number(&r, 1);
        (void)number(&r, 3 + 2);
        const uint8_t *random = take(&r, sizeof(retry_random));
        bool is_whole = type == RECORD_HANDSHAKE && message == HANDSHAKE_SERVER_HELLO &&
                        length >= TLS_ANSWER_SIZE - RECORD_HEADER;
        return is_whole && memcmp(random, retry_random, sizeof(retry_random)) != 0 ? TLS_ANSWER_FINAL
                                                                                   : TLS_ANSWER_RETRY;
}
