/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proxy.h"

#include <arpa/inet.h>
#include <ctype.h>

void proxy_url_clear(ProxyUrl *u) {
        free(u->scheme);
        free(u->host);
        free(u->shown);
        *u = (ProxyUrl){ 0 };
}

static char *lower(const char *text, size_t n) {
        char *made = strndup(text, n);
        for (char *p = made; p && *p; p++)
                *p = (char)tolower((unsigned char)*p);
        return made;
}

static bool host_is_good(const char *host, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (!isalnum((unsigned char)host[i]) && !strchr("-._", host[i]))
                        return false;
        return n > 0;
}

/* "[::1]" or a name; *ret_size: how long it is in the URL. */
static int read_host(const char *p, size_t n, ProxyUrl *u, size_t *ret_size, const char **ret_why) {
        struct in6_addr address;
        if (n > 0 && *p == '[') {
                const char *end = memchr(p, ']', n);
                u->host = end ? lower(p + 1, (size_t)(end - p - 1)) : NULL;
                if (end && !u->host)
                        return -ENOMEM;
                if (!end || inet_pton(AF_INET6, u->host, &address) != 1) {
                        *ret_why = "invalid IPv6 address";
                        return -EINVAL;
                }
                *ret_size = (size_t)(end + 1 - p);
                return 0;
        }
        const char *colon = memchr(p, ':', n);
        size_t size = colon ? (size_t)(colon - p) : n;
        if (!host_is_good(p, size)) {
                *ret_why = size == 0 ? "empty host" : "invalid international domain name";
                return -EINVAL;
        }
        u->host = lower(p, size);
        *ret_size = size;
        return u->host ? 0 : -ENOMEM;
}

static int read_port(const char *p, size_t n, ProxyUrl *u, const char **ret_why) {
        if (n <= 1) /* nothing, or a colon with nothing behind it */
                return n == 1 && *p != ':' ? -EINVAL : 0;
        unsigned port = 0;
        for (size_t i = 1; i < n; i++) {
                port = *p == ':' && isdigit((unsigned char)p[i]) ? port * 10 + (unsigned)(p[i] - '0')
                                                                 : UINT16_MAX + 1U;
                if (port > UINT16_MAX) {
                        *ret_why = "invalid port number";
                        return -EINVAL;
                }
        }
        u->has_port = true;
        u->port = (uint16_t)port;
        return 0;
}

static int read_authority(const char *p, size_t n, ProxyUrl *u, const char **ret_why) {
        const char *at = memrchr(p, '@', n);
        if (at) {
                u->credentials = true;
                n -= (size_t)(at + 1 - p);
                p = at + 1;
        }
        size_t host;
        int r = read_host(p, n, u, &host, ret_why);
        if (r == 0)
                r = read_port(p + host, n - host, u, ret_why);
        if (r < 0)
                return r;
        return asprintf(&u->shown, "%s://%s%.*s", u->scheme, u->credentials ? "***@" : "", (int)n, p) < 0
                               ? -ENOMEM
                               : 0;
}

int proxy_url_parse(const char *url, ProxyUrl *ret, const char **ret_why) {
        ProxyUrl u = { 0 };
        size_t scheme = strspn(url, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-.");
        *ret_why = "relative URL without a base";
        if (scheme == 0 || !isalpha((unsigned char)*url) || strncmp(url + scheme, "://", 3) != 0)
                return -EINVAL;
        for (const char *p = url; *p; p++)
                if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '\\') {
                        *ret_why = "invalid character";
                        return -EINVAL;
                }
        u.scheme = lower(url, scheme);
        if (!u.scheme)
                return -ENOMEM;
        const char *p = url + scheme + 3;
        int r = read_authority(p, strcspn(p, "/?#"), &u, ret_why);
        if (r < 0) {
                proxy_url_clear(&u);
                return r;
        }
        *ret = u;
        return 0;
}

bool proxy_host_is_loopback(const char *host) {
        struct in_addr v4;
        struct in6_addr v6;
        if (streq(host, "localhost"))
                return true;
        if (inet_pton(AF_INET, host, &v4) == 1)
                return v4.s_addr == INADDR_ANY || ntohl(v4.s_addr) >> 24 == 127;
        return inet_pton(AF_INET6, host, &v6) == 1 &&
               (IN6_IS_ADDR_LOOPBACK(&v6) || IN6_IS_ADDR_UNSPECIFIED(&v6));
}
