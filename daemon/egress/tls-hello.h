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
        bool encrypted;                  /* the hello has an encrypted one too (ECH, or grease of it) */
} TlsServerName;

/* data: everything the client has said so far, from its first byte on. */
TlsHello tls_hello_parse(const uint8_t *data, size_t size, TlsServerName *ret);

/* The alert by which a refusal is told: fatal access_denied (RFC 8446 6.2). */
#define TLS_ALERT_SIZE 7
extern const uint8_t tls_alert_access_denied[TLS_ALERT_SIZE];
