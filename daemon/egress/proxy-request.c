/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proxy-request.h"

#include <arpa/inet.h>

#include "cleanup.h"
#include "http-stream.h"

#define SOCKS_VERSION 5
#define REPLY_SIZE 10

const uint8_t proxy_greeting[2] = { SOCKS_VERSION, 0 };

static void map(const uint8_t *v4, struct in6_addr *ret) {
        *ret = (struct in6_addr){ .s6_addr = { [10] = 0xff, [11] = 0xff } };
        memcpy(ret->s6_addr + 12, v4, 4);
}

/* A name or an address, in text. */
static bool read_host(const char *text, size_t size, bool bracketed, ProxyRequest *ret) {
        char host[LIMIT_HOST_BYTES + 1];
        uint8_t v4[4];
        if (size == 0 || size >= sizeof(host) || memchr(text, 0, size))
                return false;
        memcpy(host, text, size);
        host[size] = '\0';
        ret->host[0] = '\0';
        if (inet_pton(AF_INET6, host, &ret->address) == 1)
                return bracketed;
        if (bracketed)
                return false;
        if (inet_pton(AF_INET, host, v4) != 1)
                return !host_canonical(host, false, ret->host);
        map(v4, &ret->address);
        return true;
}

/* ---- SOCKS ---- */

static ProxyStep parse_greeting(const uint8_t *data, size_t size, ProxyRequest *ret) {
        if (size < 2 || size < 2U + data[1])
                return PROXY_MORE;
        ret->used = 2U + data[1];
        return memchr(data + 2, 0, data[1]) ? PROXY_GREETING : PROXY_BAD; /* without authentication only */
}

static ProxyStep parse_socks(const uint8_t *data, size_t size, ProxyRequest *ret) {
        enum { V4 = 1, NAME = 3, V6 = 4 };
        if (size < 5)
                return PROXY_MORE;
        const uint8_t *to = data + 4;
        size_t n = data[3] == V4 ? 4 : data[3] == V6 ? 16 : 1U + data[4];
        if (data[0] != SOCKS_VERSION || data[1] != 1 || data[2] != 0 ||
                        (data[3] != V4 && data[3] != NAME && data[3] != V6))
                return PROXY_BAD;
        if (size < 4 + n + 2)
                return PROXY_MORE;
        ret->kind = PROXY_SOCKS;
        ret->used = 4 + n + 2;
        ret->port = (uint16_t)(to[n] << 8 | to[n + 1]);
        if (data[3] == V4)
                map(to, &ret->address);
        else if (data[3] == V6)
                memcpy(&ret->address, to, sizeof(ret->address));
        else if (!read_host((const char *)to + 1, n - 1, false, ret))
                return PROXY_BAD;
        return ret->port == 0 ? PROXY_BAD : PROXY_REQUEST;
}

/* ---- HTTP ---- */

/* host:port; without the port, which must be there where port is 0. */
static bool read_authority(const char *text, size_t size, uint16_t port, ProxyRequest *ret) {
        const bool bracketed = size > 0 && text[0] == '[';
        const char *end = memchr(text, bracketed ? ']' : ':', size);
        if (bracketed && !end)
                return false;
        const char *host = text + bracketed;
        size_t n = end ? (size_t)(end - host) : size,
               rest = end ? size - (size_t)(end - text) - bracketed : 0;
        const char *digits = end ? end + bracketed : text;
        uint32_t number = port;
        if (rest > 0) {
                if (digits[0] != ':' || rest < 2 || rest > 6)
                        return false;
                number = 0;
                for (size_t i = 1; i < rest; i++) {
                        if (digits[i] < '0' || digits[i] > '9')
                                return false;
                        number = number * 10 + (uint32_t)(digits[i] - '0');
                }
        }
        if (number == 0 || number > UINT16_MAX)
                return false;
        ret->port = (uint16_t)number;
        return read_host(host, n, bracketed, ret);
}

static ProxyStep parse_http(const uint8_t *data, size_t size, ProxyRequest *ret) {
        static const char connect[] = "CONNECT ", scheme[] = "http://";
        const char *text = (const char *)data, *end = memmem(text, size, "\r\n\r\n", 4);
        const char *line = end ? memchr(text, '\r', size) : NULL;
        if (!line)
                return size < PROXY_REQUEST_MAX ? PROXY_MORE : PROXY_BAD;
        const char *target = memchr(text, ' ', (size_t)(line - text));
        const char *after = target ? memchr(target + 1, ' ', (size_t)(line - target) - 1) : NULL;
        if (!after || line - after != 9 ||
                        (memcmp(after, " HTTP/1.1", 9) != 0 && memcmp(after, " HTTP/1.0", 9) != 0))
                return PROXY_BAD;
        target++;
        size_t n = (size_t)(after - target);
        if (size > sizeof(connect) && memcmp(text, connect, sizeof(connect) - 1) == 0) {
                ret->kind = PROXY_CONNECT;
                ret->used = (size_t)(end - text) + 4;
                return read_authority(target, n, 0, ret) ? PROXY_REQUEST : PROXY_BAD;
        }
        if (n < sizeof(scheme) || memcmp(target, scheme, sizeof(scheme) - 1) != 0)
                return PROXY_BAD;
        target += sizeof(scheme) - 1;
        n = 0;
        while (target + n < after && target[n] != '/' && target[n] != '?' && target[n] != '#')
                n++;
        ret->kind = PROXY_FORWARD;
        return read_authority(target, n, 80, ret) ? PROXY_REQUEST : PROXY_BAD;
}

ProxyStep proxy_request_parse(const uint8_t *data, size_t size, bool greeted, ProxyRequest *ret) {
        *ret = (ProxyRequest){ .kind = PROXY_NONE };
        if (size == 0 || !data)
                return PROXY_MORE;
        if (greeted)
                return parse_socks(data, size, ret);
        return data[0] == SOCKS_VERSION ? parse_greeting(data, size, ret) : parse_http(data, size, ret);
}

/* ---- answers ---- */

const void *proxy_reply(ProxyKind kind, ProxyOutcome outcome, size_t *ret_size) {
        static const uint8_t socks[][REPLY_SIZE] = {
                [PROXY_OPEN] = { SOCKS_VERSION, 0, 0, 1 },
                [PROXY_DENIED] = { SOCKS_VERSION, 2, 0, 1 }, /* not allowed by ruleset */
                [PROXY_FAILED] = { SOCKS_VERSION, 4, 0, 1 }, /* host unreachable */
        };
        static const char open
                        [] = "HTTP/1.1 200 Connection established\r\n\r\n",
                    failed[] = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        if (kind == PROXY_SOCKS) {
                *ret_size = REPLY_SIZE;
                return socks[outcome];
        }
        const char *text = outcome == PROXY_DENIED                          ? http_refusal(403)
                           : outcome == PROXY_FAILED                        ? failed
                           : kind == PROXY_CONNECT && outcome == PROXY_OPEN ? open
                                                                            : "";
        *ret_size = strlen(text);
        return text;
}
