/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http-stream.h"

#include <strings.h>

#include "cleanup.h"

#define METHOD_MAX 24U
#define CHUNK_DIGITS 15U /* 60 bits */
#define LENGTH_DIGITS 18U

/* A piece of what was said; not terminated. */
typedef struct Text {
        const char *at;
        size_t n;
} Text;

static bool is(Text t, const char *word) {
        return t.n == strlen(word) && strncasecmp(t.at, word, t.n) == 0;
}

/* RFC 9110 5.6.2 */
static bool is_token_byte(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(Text t) {
        for (size_t i = 0; i < t.n; i++)
                if (!is_token_byte(t.at[i]))
                        return false;
        return t.n > 0;
}

/* The line at the beginning of t, which ends in CRLF, without it; what is left is t. False for none, or one with any other control byte. */
static bool take_line(Text *t, Text *ret) {
        const char *end = memchr(t->at, '\n', t->n);
        if (!end || end == t->at || end[-1] != '\r')
                return false;
        Text line = { t->at, (size_t)(end - t->at) - 1 };
        for (size_t i = 0; i < line.n; i++)
                if (((unsigned char)line.at[i] < ' ' && line.at[i] != '\t') || line.at[i] == 0x7f)
                        return false;
        t->n -= line.n + 2;
        t->at = end + 1;
        *ret = line;
        return true;
}

/* ---- the head ---- */

typedef struct Head {
        bool is_1_1;
        Text host, authority; /* of the Host field, of an absolute target */
        bool has_host, has_length, is_chunked;
        uint64_t length;
} Head;

static bool take_word(Text *line, Text *ret) {
        const char *space = memchr(line->at, ' ', line->n);
        if (!space)
                return false;
        *ret = (Text){ line->at, (size_t)(space - line->at) };
        line->n -= ret->n + 1;
        line->at = space + 1;
        return true;
}

static bool read_target(Text target, Head *h) {
        static const char scheme[] = "http://";
        const size_t n = sizeof(scheme) - 1;
        for (size_t i = 0; i < target.n; i++)
                if (target.at[i] <= ' ' || target.at[i] > '~')
                        return false;
        if (target.n > 0 && target.at[0] == '/')
                return true;
        if (is(target, "*"))
                return true;
        if (target.n <= n || strncasecmp(target.at, scheme, n) != 0)
                return false;
        h->authority = (Text){ target.at + n, 0 };
        while (h->authority.n < target.n - n && !strchr("/?#", h->authority.at[h->authority.n]))
                h->authority.n++;
        return h->authority.n > 0;
}

static bool read_request_line(Text line, Head *h) {
        Text method, target;
        if (!take_word(&line, &method) || !take_word(&line, &target) || !is_token(method) ||
                        method.n > METHOD_MAX)
                return false;
        for (size_t i = 0; i < method.n; i++)
                if (method.at[i] >= 'a' &&
                                method.at[i] <= 'z') /* some servers would take it for the other */
                        return false;
        h->is_1_1 = line.n == 8 && memcmp(line.at, "HTTP/1.1", 8) == 0;
        if (!h->is_1_1 && !(line.n == 8 && memcmp(line.at, "HTTP/1.0", 8) == 0))
                return false;
        return !is(method, "CONNECT") && read_target(target, h);
}

static bool read_length(Text value, Head *h) {
        if (h->has_length || value.n == 0 || value.n > LENGTH_DIGITS)
                return false;
        h->has_length = true;
        for (size_t i = 0; i < value.n; i++) {
                if (value.at[i] < '0' || value.at[i] > '9')
                        return false;
                h->length = h->length * 10 + (uint64_t)(value.at[i] - '0');
        }
        return true;
}

static bool read_field(Text line, Head *h) {
        const char *colon = memchr(line.at, ':', line.n);
        if (!colon)
                return false;
        Text name = { line.at, (size_t)(colon - line.at) }, value = { colon + 1, line.n - name.n - 1 };
        if (!is_token(name)) /* a folded line, or a space before the colon, too */
                return false;
        while (value.n > 0 && (value.at[0] == ' ' || value.at[0] == '\t')) {
                value.at++;
                value.n--;
        }
        while (value.n > 0 && (value.at[value.n - 1] == ' ' || value.at[value.n - 1] == '\t'))
                value.n--;

        if (is(name, "Host")) {
                if (h->has_host)
                        return false;
                h->has_host = true;
                h->host = value;
                return value.n > 0;
        }
        if (is(name, "Content-Length"))
                return read_length(value, h);
        if (is(name, "Transfer-Encoding")) {
                bool good = !h->is_chunked && h->is_1_1 && is(value, "chunked");
                h->is_chunked = true;
                return good;
        }
        return !is(name, "Upgrade") && !is(name, "HTTP2-Settings");
}

/* host or host:port; an address in place of the host as it is written, IPv6 without its brackets. */
static bool read_authority(Text t, HttpRequest *ret) {
        char text[LIMIT_HOST_BYTES + 1];
        size_t n = 0;
        bool bracketed = t.n > 0 && t.at[0] == '[';
        const char *end = bracketed ? memchr(t.at, ']', t.n) : memchr(t.at, ':', t.n);
        Text host = bracketed ? (Text){ t.at + 1, end ? (size_t)(end - t.at) - 1 : 0 }
                              : (Text){ t.at, end ? (size_t)(end - t.at) : t.n };
        Text rest = end ? (Text){ end + bracketed, t.n - (size_t)(end - t.at) - bracketed }
                        : (Text){ t.at, 0 };
        if (host.n == 0 || host.n > LIMIT_HOST_BYTES || (bracketed && !end) || memchr(host.at, 0, host.n))
                return false;
        uint32_t port = 0;
        if (rest.n > 0) {
                if (rest.at[0] != ':' || rest.n < 2 || rest.n > 6)
                        return false;
                for (size_t i = 1; i < rest.n; i++) {
                        if (rest.at[i] < '0' || rest.at[i] > '9')
                                return false;
                        port = port * 10 + (uint32_t)(rest.at[i] - '0');
                }
                if (port == 0 || port > UINT16_MAX)
                        return false;
        }
        memcpy(text, host.at, host.n);
        text[host.n] = '\0';
        NetCidr literal;
        if (cidr_parse_address(text, &literal)) {
                if (bracketed != (strchr(text, ':') != NULL))
                        return false;
                n = host.n;
                memcpy(ret->host, text, n + 1);
        } else if (bracketed || host_canonical(text, false, ret->host)) {
                return false;
        }
        ret->port = (uint16_t)port;
        return true;
}

static bool read_head(Text head, HttpStream *s, HttpRequest *ret) {
        Head h = { .is_1_1 = false };
        Text line;
        if (!take_line(&head, &line) || !read_request_line(line, &h))
                return false;
        while (take_line(&head, &line) && line.n > 0)
                if (!read_field(line, &h))
                        return false;
        if (line.n > 0 || head.n > 0 || (h.has_length && h.is_chunked) || (h.is_1_1 && !h.has_host))
                return false;
        *ret = (HttpRequest){ .port = 0 };
        if (h.has_host && !read_authority(h.host, ret))
                return false;
        if (h.authority.n > 0) { /* RFC 9112 3.2.2: it counts, and Host must be the same */
                HttpRequest absolute = { .port = 0 };
                if (!read_authority(h.authority, &absolute))
                        return false;
                if (h.has_host && (!streq(absolute.host, ret->host) || absolute.port != ret->port))
                        return false;
                *ret = absolute;
        }
        s->left = h.is_chunked ? UINT64_MAX : h.length; /* until it is accepted */
        return true;
}

void http_stream_accept(HttpStream *s) {
        bool chunked = s->left == UINT64_MAX;
        s->state = chunked ? HTTP_CHUNK_SIZE : s->left > 0 ? HTTP_LENGTH : HTTP_HEAD;
        s->line = 0;
        if (chunked)
                s->left = 0;
}

/* ---- is it HTTP at all? ---- */

/* What some server takes for space: SP, HT and line ends, and what Python's split() does. */
static bool is_space(char c) {
        return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f) || c == '\x85' ||
               c == '\xa0';
}

static bool begins_with_method(Text line) {
        static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE",
                "PATCH", "CONNECT", "PRI" };
        for (size_t i = 0; i < ELEMENTSOF(methods); i++) {
                size_t n = strlen(methods[i]);
                if (line.n > n && memcmp(line.at, methods[i], n) == 0 && is_space(line.at[n]))
                        return true;
        }
        return false;
}

/* What some server takes for a version: a word that begins with "HTTP/", and that with a digit wherever it is. "/http/repository" of git is none.
 * *seen: so much of it was there, and SEEN_APART. */
#define SEEN_APART 0x100U /* at the beginning of a word */
static bool sees_version(uint64_t *seen, char c) {
        static const char version[] = "HTTP/";
        const char upper = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
        const size_t n = (size_t)(*seen & ~(uint64_t)SEEN_APART);
        if (n == sizeof(version) - 1 && c >= '0' && c <= '9')
                return true;
        if (n < sizeof(version) - 1 && upper == version[n])
                ++*seen;
        else
                *seen = is_space(c) ? SEEN_APART : upper == version[0];
        return *seen == (SEEN_APART | (sizeof(version) - 1));
}

static bool names_version(Text line) {
        uint64_t seen = SEEN_APART;
        for (size_t i = 0; i < line.n; i++)
                if (sees_version(&seen, line.at[i]))
                        return true;
        return false;
}

static bool is_upper_case(Text word) {
        bool upper = false;
        for (size_t i = 0; i < word.n; i++) {
                if (word.at[i] >= 'a' && word.at[i] <= 'z')
                        return false;
                upper = upper || (word.at[i] >= 'A' && word.at[i] <= 'Z');
        }
        return upper;
}

/* No server that knows methods takes this for the beginning of a request, whatever follows: there is no word in front that could be one, or one that
 * only few would take for a method (LDAP's "0", git's "0032git-upload-pack") is followed by bytes that those few refuse. */
static bool is_other_protocol(Text line) {
        if (begins_with_method(line))
                return false;
        Text word = { line.at, 0 };
        while (word.n < line.n && word.at[word.n] != ' ' && word.at[word.n] != '\t')
                word.n++;
        if (!is_token(word))
                return true;
        if (word.n == line.n || is_upper_case(word))
                return false;
        for (size_t i = word.n; i < line.n; i++) {
                unsigned char c = (unsigned char)line.at[i];
                if ((c < ' ' && c != '\t' && c != '\r') || c == 0x7f)
                        return true;
        }
        return false;
}

/* By the first line; space before it is passed over by some servers. HTTP_REQUEST: it is HTTP, or may be read as HTTP. What a part of the line
 * says holds for the whole: or else a request could hide behind how it is cut. */
static HttpEvent recognise(Text t) {
        if (t.n > HTTP_HEAD_MAX)
                t.n = HTTP_HEAD_MAX;
        while (t.n > 0 && is_space(t.at[0])) {
                t.at++;
                t.n--;
        }
        const char *end = memchr(t.at, '\n', t.n);
        Text line = { t.at, end ? (size_t)(end - t.at) : t.n };
        if (line.n > 0 && is_other_protocol(line))
                return HTTP_NOT_HTTP;
        if (!end)
                return HTTP_MORE;
        return begins_with_method(line) || names_version(line) ? HTTP_REQUEST : HTTP_NOT_HTTP;
}

/* ---- the stream ---- */

static HttpEvent refuse(HttpStream *s) {
        s->state = HTTP_REFUSED;
        return HTTP_BAD;
}

/* The length of the head with its empty line; 0: not all of it is there. */
static size_t head_size(Text t) {
        const char *end = memmem(t.at, t.n, "\r\n\r\n", 4);
        return end ? (size_t)(end - t.at) + 4 : 0;
}

/* Some servers take any word for a method, such as Python's wsgiref. What looks like something else passes as it comes, but for a first line that
 * names a version of HTTP: it does not get to its end. */
static HttpEvent feed_other(HttpStream *s, Text t, size_t *ret_pass) {
        for (size_t i = 0; i < t.n; i++) {
                const char c = t.at[i];
                if (s->line == 0 && is_space(c))
                        continue;
                if (c == '\n' || s->line++ == HTTP_HEAD_MAX)
                        return HTTP_NOT_HTTP;
                if (sees_version(&s->left, c))
                        return refuse(s);
        }
        *ret_pass = t.n;
        return HTTP_MORE;
}

static HttpEvent feed_head(HttpStream *s, Text t, bool first, size_t *ret_head, HttpRequest *ret) {
        HttpEvent e = first ? recognise(t) : HTTP_REQUEST;
        if (e == HTTP_MORE && t.n >= HTTP_HEAD_MAX)
                return refuse(s);
        if (e != HTTP_REQUEST)
                return e;
        size_t n = head_size(t);
        if (n > HTTP_HEAD_MAX || (n == 0 && t.n >= HTTP_HEAD_MAX))
                return refuse(s);
        if (n == 0) {
                /* a bare LF ends a head for some servers, and HTTP/0.9 with its first line: they may not wait for more */
                Text rest = t, line;
                Head ignored = { .is_1_1 = false };
                while (memchr(rest.at, '\n', rest.n)) {
                        bool is_first = rest.at == t.at;
                        if (!take_line(&rest, &line) || (is_first && !read_request_line(line, &ignored)))
                                return refuse(s);
                }
                return HTTP_MORE;
        }
        if (!read_head((Text){ t.at, n }, s, ret))
                return refuse(s);
        *ret_head = n;
        return HTTP_REQUEST;
}

static bool read_chunk_size(Text line, uint64_t *ret) {
        uint64_t size = 0;
        if (line.n == 0 || line.n > CHUNK_DIGITS)
                return false;
        for (size_t i = 0; i < line.n; i++) {
                char c = line.at[i];
                unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                                 : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                 : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                                        : 16;
                if (digit > 15) /* an extension, too */
                        return false;
                size = size << 4 | digit;
        }
        *ret = size;
        return true;
}

/* A line of the framing. 1: done, 0: not all of it is there, -1: it is none. */
static int feed_line(HttpStream *s, Text *t) {
        size_t most = s->state == HTTP_TRAILER ? HTTP_HEAD_MAX - s->line : CHUNK_DIGITS + 2;
        Text line;
        if (!memchr(t->at, '\n', t->n < most ? t->n : most))
                return t->n >= most ? -1 : 0;
        size_t before = t->n;
        if (!take_line(t, &line))
                return -1;
        switch (s->state) {
        case HTTP_CHUNK_SIZE:
                if (!read_chunk_size(line, &s->left))
                        return -1;
                s->state = s->left > 0 ? HTTP_CHUNK : HTTP_TRAILER;
                s->line = 0;
                return 1;
        case HTTP_CHUNK_END:
                s->state = HTTP_CHUNK_SIZE;
                return line.n == 0 ? 1 : -1;
        case HTTP_TRAILER: {
                Head ignored = { .has_host = true, .has_length = true, .is_chunked = true };
                s->line += before - t->n;
                if (line.n == 0)
                        s->state = HTTP_HEAD;
                else if (!read_field(line, &ignored)) /* one that would mean something is none */
                        return -1;
                return 1;
        }
        case HTTP_HEAD:
        case HTTP_LENGTH:
        case HTTP_CHUNK:
        case HTTP_OTHER:
        case HTTP_REFUSED:
                break;
        }
        return -1;
}

static void feed_body(HttpStream *s, Text *t) {
        size_t n = s->left < t->n ? (size_t)s->left : t->n;
        t->at += n;
        t->n -= n;
        s->left -= n;
        if (s->left == 0)
                s->state = s->state == HTTP_CHUNK ? HTTP_CHUNK_END : HTTP_HEAD;
}

HttpEvent http_stream_feed(HttpStream *s, const uint8_t *data, size_t size, bool first, size_t *ret_pass,
                size_t *ret_head, HttpRequest *ret) {
        Text t = { (const char *)data, size };
        *ret_pass = *ret_head = 0;
        if (s->state == HTTP_OTHER)
                return feed_other(s, t, ret_pass);
        while (t.n > 0 && s->state != HTTP_REFUSED && s->state != HTTP_HEAD) {
                if (s->state == HTTP_LENGTH || s->state == HTTP_CHUNK) {
                        feed_body(s, &t);
                        continue;
                }
                int r = feed_line(s, &t);
                if (r < 0)
                        return refuse(s);
                if (r == 0)
                        break;
        }
        *ret_pass = size - t.n;
        if (s->state == HTTP_REFUSED)
                return HTTP_BAD;
        if (s->state != HTTP_HEAD || t.n == 0)
                return HTTP_MORE;
        const HttpEvent e = feed_head(s, t, first && *ret_pass == 0, ret_head, ret);
        if (e != HTTP_NOT_HTTP)
                return e;
        *s = (HttpStream){ .state = HTTP_OTHER, .left = SEEN_APART };
        return feed_other(s, t, ret_pass);
}

const char *http_refusal(int status) {
        static const char forbidden[] =
                        "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: 66\r\n"
                        "Connection: close\r\n\r\n"
                        "The policy of this sandbox does not allow a request for this host\n";
        static const char bad[] =
                        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 72\r\n"
                        "Connection: close\r\n\r\n"
                        "The relay of this sandbox cannot tell for whom this request is meant. \r\n";
        return status == 403 ? forbidden : bad;
}
