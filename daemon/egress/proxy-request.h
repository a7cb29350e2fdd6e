/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What a client asks of the proxy: CONNECT and absolute targets of HTTP/1, CONNECT of SOCKS 5 (RFC 1928). Pure and bounded. It says where to, as a name
 * or an address; who may go there is judged as for what is dialled. */

#include "net-rule.h"

#define PROXY_REQUEST_MAX 8192U

typedef enum ProxyKind { PROXY_NONE, PROXY_CONNECT, PROXY_FORWARD, PROXY_SOCKS } ProxyKind;
typedef enum ProxyStep {
        PROXY_MORE,     /* not enough bytes yet */
        PROXY_BAD,      /* nothing that is understood */
        PROXY_GREETING, /* of SOCKS, of *used bytes: to be answered by proxy_greeting, and the request follows */
        PROXY_REQUEST,
} ProxyStep;
typedef enum ProxyOutcome { PROXY_OPEN, PROXY_DENIED, PROXY_FAILED } ProxyOutcome;

typedef struct ProxyRequest {
        ProxyKind kind;
        size_t used;                     /* bytes that are the proxy's own; what follows is for the other side. A forwarded request is all for it */
        char host[LIMIT_HOST_BYTES + 1]; /* canonical; "": an address */
        struct in6_addr address;         /* IPv4 mapped */
        uint16_t port;
} ProxyRequest;

/* greeted: the greeting of SOCKS has been taken. data: what has come since the beginning, or since the greeting. */
ProxyStep proxy_request_parse(const uint8_t *data, size_t size, bool greeted, ProxyRequest *ret);

extern const uint8_t proxy_greeting[2];
/* What the client is told; nothing (0) for a forwarded request that goes its way. Static. */
const void *proxy_reply(ProxyKind kind, ProxyOutcome outcome, size_t *ret_size);
