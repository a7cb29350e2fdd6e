/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What a client says in HTTP/1 (RFC 9112) on one connection, strictly: where each request begins and ends, and whom it is for. Two readings of
 * one request are how a second one is smuggled behind the first (attack N7), so whatever could be read in two ways is refused: both
 * Content-Length and Transfer-Encoding, two of either, two Hosts, folded or bare-LF lines, a coding other than chunked, a Host that is no
 * host[:port], an absolute target that disagrees with Host. After an accepted Upgrade or CONNECT answer nothing more is looked at: the
 * relay does not see answers, so a request that asks for either is refused here. Pure; the state is small and has no buffer of bodies. */

#include "net-rule.h"

#define HTTP_HEAD_MAX 65536U /* of one request: line and fields */

typedef enum HttpState {
        HTTP_HEAD,      /* between requests, or in the head of one */
        HTTP_LENGTH, HTTP_CHUNK_SIZE, HTTP_CHUNK, HTTP_CHUNK_END, HTTP_TRAILER, /* in a body */
        HTTP_OTHER,     /* in the first line of what looks like something else */
        HTTP_REFUSED,
} HttpState;

typedef struct HttpStream {
        HttpState state;
        uint64_t left;        /* of a body or a chunk; of HTTP_OTHER: so much of a version was seen */
        size_t line;          /* of HTTP_CHUNK_SIZE, HTTP_TRAILER and HTTP_OTHER: bytes seen, bounded */
} HttpStream;

typedef enum HttpEvent {
        HTTP_MORE,      /* all of it may pass up to *ret_pass; what is behind that (part of a head) must be offered again, with more */
        HTTP_REQUEST,   /* *ret_pass bytes may pass, then comes a whole head, of *ret_head bytes, for host: judge it, then call http_stream_accept() */
        HTTP_NOT_HTTP,  /* the first line of a connection is no request's, not to whoever takes any word for a method either: something else is spoken */
        HTTP_BAD,       /* refuse: 400 */
} HttpEvent;

typedef struct HttpRequest {
        char host[LIMIT_HOST_BYTES + 1]; /* canonical; an address literal as it is written; "" where none was said (HTTP/1.0) */
        uint16_t port;                   /* 0: none was said */
} HttpRequest;

/* first: no request of the connection has passed yet. */
HttpEvent http_stream_feed(HttpStream *s, const uint8_t *data, size_t size, bool first, size_t *ret_pass, size_t *ret_head, HttpRequest *ret);
/* The head that was told has passed, and its body follows. */
void http_stream_accept(HttpStream *s);

/* What a refused request is answered with; status is 403 or 400. A static string. */
const char *http_refusal(int status);
