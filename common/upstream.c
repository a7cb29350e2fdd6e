/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "upstream.h"

#include <arpa/inet.h>

#include "cleanup.h"
#include "codec.h"
#include "net-rule.h"

void upstream_clear(Upstream *u) {
        free(u->host);
        if (u->authorization)
                explicit_bzero(u->authorization, strlen(u->authorization));
        free(u->authorization);
        for (size_t i = 0; u->direct && i < u->n_direct; i++)
                free(u->direct[i]);
        free(u->direct);
        *u = (Upstream){ .set = false };
}

bool upstream_takes(const Upstream *u, const char *host) {
        for (size_t i = 0; i < u->n_direct; i++)
                if (host_covers(u->direct[i], host))
                        return false;
        return u->set;
}

bool upstream_authorization_is_good(const char *s) {
        return !*s || consists_of(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=");
}

bool upstream_host_is_good(const char *s) {
        char canonical[LIMIT_HOST_BYTES + 1];
        uint8_t address[16];
        return inet_pton(AF_INET, s, address) == 1 || inet_pton(AF_INET6, s, address) == 1 ||
               (!host_canonical(s, false, canonical) && streq(s, canonical));
}

bool upstream_equal(const Upstream *a, const Upstream *b) {
        if (a->set != b->set || !a->set)
                return a->set == b->set;
        bool same = streq(a->host, b->host) && a->port == b->port &&
                    streq(a->authorization, b->authorization) && a->n_direct == b->n_direct;
        for (size_t i = 0; same && i < a->n_direct; i++)
                same = streq(a->direct[i], b->direct[i]);
        return same;
}

int upstream_copy(const Upstream *u, Upstream *ret) {
        Upstream copy = { .set = u->set, .port = u->port };
        bool whole = true;
        if (u->set) {
                copy.host = strdup(u->host);
                copy.authorization = strdup(u->authorization);
                copy.direct = calloc(u->n_direct + 1, sizeof(char *));
                whole = copy.host && copy.authorization && copy.direct;
        }
        for (; whole && copy.n_direct < u->n_direct; copy.n_direct += whole)
                whole = (copy.direct[copy.n_direct] = strdup(u->direct[copy.n_direct]));
        if (!whole) {
                upstream_clear(&copy);
                return -ENOMEM;
        }
        *ret = copy;
        return 0;
}
