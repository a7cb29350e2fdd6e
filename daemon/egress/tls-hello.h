/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The first flight of a TLS client (RFC 8446 4.1.2, RFC 6066 3): which server it asks for. Pure, bounded, and never further than the hello. */

#include "net-rule.h"

#define TLS_HELLO_MAX 16384U /* bytes of records looked at; a hello that is longer is refused */

typedef enum TlsHello {
        TLS_MORE,     /* not enough bytes yet to say */
        TLS_NOT_TLS,  /* something else */
        TLS_BAD,      /* TLS that cannot be read, or says a server name twice, or one that is no host name: refuse */
        TLS_HELLO,    /* whole */
} TlsHello;

typedef struct TlsServerName {
        char host[LIMIT_HOST_BYTES + 1]; /* canonical; "" where none was said */
        bool encrypted;                  /* the hello has an encrypted one too (ECH, or grease of it, or a draft of it) */
        size_t size;                     /* of a whole hello: bytes of its records */
} TlsServerName;

/* data: everything the client has said so far, from its first byte on. */
TlsHello tls_hello_parse(const uint8_t *data, size_t size, TlsServerName *ret);

/* A server may ask for a second hello (RFC 8446 4.1.4), and not every one compares its name with the first. So until the server has answered with
 * anything else, what the client says is walked through, record by record, and a further hello is looked at as the first one was. */
typedef struct TlsWalk {
        size_t left; /* of the record that it is in */
} TlsWalk;

/* data: what follows the first hello, from where the last call ended. *ret_pass bytes of it may pass. TLS_MORE: that is all for now. TLS_HELLO: then comes a
 * whole hello, of ret->size bytes. TLS_BAD: refuse. */
TlsHello tls_walk(TlsWalk *w, const uint8_t *data, size_t size, size_t *ret_pass, TlsServerName *ret);

#define TLS_ALERT_SIZE 7U
#define TLS_ANSWER_SIZE 43U /* a record's header, a message's, a version and a random */
/* The first bytes of what the server says, at most TLS_ANSWER_SIZE of them. */
typedef enum TlsAnswer {
        TLS_ANSWER_MORE,
        TLS_ANSWER_RETRY, /* it asks for another hello, or might */
        TLS_ANSWER_FINAL, /* there will be no further hello */
        TLS_ANSWER_ALERT, /* a warning, of TLS_ALERT_SIZE bytes, with which it goes on: one that does not know the name (RFC 6066 3). The answer is behind it */
} TlsAnswer;
TlsAnswer tls_answer_parse(const uint8_t *data, size_t size);

/* The alert by which a refusal is told: fatal access_denied (RFC 8446 6.2). */
extern const uint8_t tls_alert_access_denied[TLS_ALERT_SIZE];
