/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a connection says of itself: a name that was allowed must be the name that is meant. Bytes that are not understood yet do not pass; what the
 * other side says passes meanwhile, so protocols in which the server speaks first go on. */

#include "cleanup.h"
#include "connection.h"

#define TLS_FIRST_BYTE 22

typedef struct Refusal {
        Judgement judgement;
        const void *text;
        size_t size;
} Refusal;

/* What a judgement speaks of must be there when it is told. */
static const char *keep(Connection *c, const char *host) {
        (void)snprintf(c->refused, sizeof(c->refused), "%s", host);
        return c->refused;
}

static bool claim(Connection *c, const char *host, EgressReason reason, Judgement *ret) {
        *ret = judge_claim(c->egress->lease, &c->destination, *host ? host : NULL, reason);
        if (ret->verdict == VERDICT_ALLOW) {
                (void)snprintf(c->claimed, sizeof(c->claimed), "%s", host);
                c->unheard = !*host;
        } else if (ret->host == host) {
                ret->host = keep(c, host);
        }
        return ret->verdict == VERDICT_ALLOW;
}

/* The name of a hello, and whether there may be another one in it that is encrypted. */
static bool claim_hello(Connection *c, const TlsServerName *name, Judgement *ret) {
        if (!claim(c, name->host, EGRESS_SNI, ret))
                return false;
        c->encrypted = c->encrypted || name->encrypted;
        if (name->encrypted)
                *ret = judge_encrypted(ret);
        if (ret->verdict == VERDICT_DENY && ret->host == name->host)
                ret->host = keep(c, name->host);
        return ret->verdict == VERDICT_ALLOW;
}

static Judgement unreadable(const Connection *c) {
        return (Judgement){ .verdict = VERDICT_DENY,
                .reason = EGRESS_PROTOCOL,
                .clause = c->judgement.clause,
                .host = c->judgement.host };
}

static bool refuse_tls(Refusal *f, Judgement j) {
        *f = (Refusal){ j, tls_alert_access_denied, TLS_ALERT_SIZE };
        return false;
}

static bool refuse_http(Refusal *f, Judgement j, int status) {
        const char *text = http_refusal(status);
        *f = (Refusal){ j, text, strlen(text) };
        return false;
}

static bool look_at_tls(Connection *c, const uint8_t *data, size_t size, Refusal *f) {
        TlsServerName name;
        Judgement j;
        switch (tls_hello_parse(data, size, &name)) {
        case TLS_MORE:
                return !c->up.eof || refuse_tls(f, unreadable(c));
        case TLS_NOT_TLS:
                c->sniff = SNIFF_OPAQUE;
                return true;
        case TLS_BAD:
                return refuse_tls(f, unreadable(c));
        case TLS_HELLO:
                if (!claim_hello(c, &name, &j))
                        return refuse_tls(f, j);
                c->up.cleared += name.size;
                c->sniff = SNIFF_TLS_MORE;
                return true;
        }
        return refuse_tls(f, unreadable(c));
}

/* Until the server has answered: a second hello must be for the same name as the first. */
static bool look_for_hello(Connection *c, Refusal *f) {
        const uint8_t *data = c->up.data + c->up.begin + c->up.cleared;
        size_t pass, size = flow_held(&c->up) - c->up.cleared;
        TlsServerName name;
        if (size == 0)
                return true;
        TlsHello found = tls_walk(&c->walk, data, size, &pass, &name);
        c->up.cleared += pass;
        if (found == TLS_MORE)
                return !c->up.eof || pass == size || refuse_tls(f, unreadable(c));
        Judgement other = unreadable(c);
        if (found == TLS_HELLO && streq(name.host, c->claimed)) {
                if (!claim_hello(c, &name, &other))
                        return refuse_tls(f, other);
                c->sniff = SNIFF_OPAQUE; /* there is no third */
                return true;
        }
        if (found == TLS_HELLO) {
                other.reason = EGRESS_SNI;
                other.host = *name.host ? keep(c, name.host) : other.host;
        }
        return refuse_tls(f, other);
}

/* Only what follows a warning is the answer. */
static TlsAnswer answer_of(Connection *c) {
        TlsAnswer answer;
        while ((answer = tls_answer_parse(c->answer, c->answer_size)) == TLS_ANSWER_ALERT) {
                c->answer_size -= TLS_ALERT_SIZE;
                memmove(c->answer, c->answer + TLS_ALERT_SIZE, c->answer_size);
        }
        return answer;
}

void sniff_down(Connection *c, const uint8_t *data, size_t size) {
        while (c->sniff == SNIFF_TLS_MORE && c->answer_size < TLS_ANSWER_SIZE && size > 0) {
                size_t n = size < TLS_ANSWER_SIZE - c->answer_size ? size : TLS_ANSWER_SIZE - c->answer_size;
                memcpy(c->answer + c->answer_size, data, n);
                c->answer_size += n;
                data += n;
                size -= n;
                if (answer_of(c) == TLS_ANSWER_FINAL)
                        c->sniff = SNIFF_OPAQUE;
        }
}

/* SSL 2 greeted so, and some servers still understand it (RFC 5246 E.2): it names no server. */
static bool may_be_ssl2(const uint8_t *data, size_t size) {
        return size > 0 && data[0] == 0x80 && (size < 3 || data[2] == 1);
}

/* As many requests as are there. */
static bool look_at_http(Connection *c, Refusal *f) {
        for (;;) {
                const uint8_t *data = c->up.data + c->up.begin + c->up.cleared;
                size_t size = flow_held(&c->up) - c->up.cleared, pass, head;
                HttpRequest request;
                Judgement j;
                if (size == 0)
                        return true;
                switch (http_stream_feed(&c->http, data, size, !c->in_http, &pass, &head, &request)) {
                case HTTP_MORE:
                        c->up.cleared += pass;
                        return pass == size || !c->up.eof || refuse_http(f, unreadable(c), 400);
                case HTTP_NOT_HTTP:
                        c->sniff = SNIFF_OPAQUE;
                        return true;
                case HTTP_BAD:
                        return refuse_http(f, unreadable(c), 400);
                case HTTP_REQUEST:
                        if (!claim(c, request.host, EGRESS_HOST, &j))
                                return refuse_http(f, j, 403);
                        c->up.cleared += pass + head;
                        c->in_http = true;
                        http_stream_accept(&c->http);
                        break;
                }
        }
}

static bool look(Connection *c, Refusal *f) {
        const uint8_t *data = c->up.data + c->up.begin;
        size_t size = flow_held(&c->up);
        if (c->sniff == SNIFF_FIRST && size > 0)
                c->sniff = data[0] == TLS_FIRST_BYTE ? SNIFF_TLS : SNIFF_HTTP;
        if (c->sniff == SNIFF_HTTP && !c->in_http && c->http.state == HTTP_HEAD && may_be_ssl2(data, size))
                return size < 3 || refuse_tls(f, unreadable(c));
        bool good = c->sniff != SNIFF_TLS || look_at_tls(c, data, size, f);
        if (good && c->sniff == SNIFF_TLS_MORE)
                good = look_for_hello(c, f);
        if (good && c->sniff == SNIFF_HTTP)
                good = look_at_http(c, f);
        if (good && c->sniff == SNIFF_OPAQUE)
                c->up.cleared = flow_held(&c->up);
        return good;
}

bool sniff_up(Connection *c, Judgement *ret, const void **ret_text, size_t *ret_size) {
        Refusal f = { .size = 0 };
        if (look(c, &f))
                return true;
        *ret = f.judgement;
        *ret_text = f.text;
        *ret_size = f.size;
        return false;
}

bool sniff_waits(const Connection *c) {
        return flow_held(&c->up) > c->up.cleared;
}
