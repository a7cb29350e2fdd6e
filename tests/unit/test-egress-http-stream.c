/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a client says in HTTP, byte for byte (N7). Whatever is said is said in one piece and in every two pieces, and must be judged alike. */

#include "http-stream.h"
#include "policy-test.h"

/* What became of a connection: how many bytes could pass, and for whom the requests were. */
typedef struct Outcome {
        HttpEvent end; /* HTTP_MORE: all was read */
        size_t passed;
        unsigned requests;
        char hosts[4][LIMIT_HOST_BYTES + 1];
        uint16_t ports[4];
} Outcome;

/* As the relay does: what did not pass is offered again, with more. */
static void feed(HttpStream *s, const uint8_t *data, size_t size, Outcome *o) {
        while (o->end == HTTP_MORE && o->passed < size) {
                size_t pass = 0, head = 0;
                HttpRequest request;
                _cleanup_free_ uint8_t *exact = malloc(size - o->passed);
                ck_assert_ptr_nonnull(exact);
                memcpy(exact, data + o->passed, size - o->passed);
                HttpEvent e = http_stream_feed(
                                s, exact, size - o->passed, o->passed == 0, &pass, &head, &request);
                ck_assert_uint_le(pass + head, size - o->passed);
                if (e == HTTP_BAD || e == HTTP_NOT_HTTP) {
                        ck_assert(e == HTTP_BAD || o->requests == 0);
                        o->end = e;
                        return;
                }
                o->passed += pass;
                if (e == HTTP_MORE)
                        return;
                ck_assert_uint_lt(o->requests, ELEMENTSOF(o->hosts));
                ck_assert_uint_ge(head, 16);
                memcpy(o->hosts[o->requests], request.host, sizeof(request.host));
                o->ports[o->requests++] = request.port;
                o->passed += head;
                http_stream_accept(s);
        }
}

static Outcome run(const char *text, size_t n, size_t cut) {
        HttpStream s = { .state = HTTP_HEAD };
        Outcome o = { .end = HTTP_MORE };
        feed(&s, (const uint8_t *)text, cut, &o);
        feed(&s, (const uint8_t *)text, n, &o);
        return o;
}

static Outcome said(const char *name, const char *text, size_t n) {
        const Outcome whole = run(text, n, 0);
        for (size_t cut = 1; cut<n; cut += n> 4096 ? 1021 : 1) {
                const Outcome o = run(text, n, cut);
                ck_assert_msg(o.end == whole.end && o.requests == whole.requests,
                                "%s: cut at %zu: %d, not %d", name, cut, o.end, whole.end);
                ck_assert_msg(whole.end != HTTP_MORE || o.passed == whole.passed, "%s: cut at %zu", name,
                                cut);
                for (unsigned i = 0; i < o.requests; i++)
                        ck_assert_str_eq(o.hosts[i], whole.hosts[i]);
        }
        return whole;
}

#define TEXT(t) t, sizeof(t) - 1
#define GET(fields) "GET / HTTP/1.1\r\n" fields "\r\n"
#define POST(fields, body) "POST / HTTP/1.1\r\nHost: a.example\r\n" fields "\r\n" body
#define A "Host: a.example\r\n"
#define NEXT "GET /2 HTTP/1.1\r\nHost: b.example\r\n\r\n"
#define SMUGGLED "GET /3 HTTP/1.1\r\nHost: c.example\r\n\r\n"

/* ---- requests ---- */

static const struct {
        const char *name, *text;
        size_t n;
        const char *hosts; /* with a space between; "" for a request that says none */
        uint16_t port;
} good[] = {
        { "plain", TEXT(GET(A)), "a.example", 0 },
        { "port", TEXT(GET("Host: a.example:8080\r\n")), "a.example", 8080 },
        { "greatest port", TEXT(GET("Host: a.example:65535\r\n")), "a.example", 65535 },
        { "upper case", TEXT(GET("hOST:A.EXAMPLE\r\n")), "a.example", 0 },
        { "trailing dot", TEXT(GET("Host: a.example.\r\n")), "a.example", 0 },
        { "space around", TEXT(GET("Host: \t a.example \t \r\n")), "a.example", 0 },
        { "IDN", TEXT(GET("Host: XN--bcher-kva.example\r\n")), "xn--bcher-kva.example", 0 },
        { "v4 literal", TEXT(GET("Host: 93.184.216.34\r\n")), "93.184.216.34", 0 },
        { "v6 literal", TEXT(GET("Host: [2606::1]:80\r\n")), "2606::1", 80 },
        { "other fields", TEXT(GET("Accept: */*\r\n" A "X-Empty:\r\nUpgrade-Insecure-Requests: 1\r\n")),
                        "a.example", 0 },
        { "absolute", TEXT("GET http://a.example/x HTTP/1.1\r\n" A "\r\n"), "a.example", 0 },
        { "absolute, in other letters", TEXT("GET HTTP://A.Example HTTP/1.1\r\n" A "\r\n"), "a.example", 0 },
        { "asterisk", TEXT("OPTIONS * HTTP/1.1\r\n" A "\r\n"), "a.example", 0 },
        { "a method that is new", TEXT("PROPFIND / HTTP/1.1\r\n" A "\r\n"), "a.example", 0 },
        { "HTTP/1.0", TEXT("GET / HTTP/1.0\r\n\r\n"), "", 0 },
        { "HTTP/1.0 with a host", TEXT("GET / HTTP/1.0\r\n" A "\r\n"), "a.example", 0 },
        { "length", TEXT(POST("Content-Length: 5\r\n", "GET /") NEXT), "a.example b.example", 0 },
        { "length of nothing", TEXT(POST("Content-Length: 0\r\n", "") NEXT), "a.example b.example", 0 },
        { "a body that looks like a request", TEXT(POST("Content-Length: 38\r\n", SMUGGLED) NEXT),
                        "a.example b.example", 0 },
        { "chunks",
                        TEXT(POST("Transfer-Encoding: chunked\r\n",
                                        "5\r\nGET /\r\nA\r\n0123456789\r\n0\r\n\r\n") NEXT),
                        "a.example b.example", 0 },
        { "chunks in other letters",
                        TEXT(POST("transfer-encoding: CHUNKED\r\n", "0a\r\n0123456789\r\n000\r\n\r\n") NEXT),
                        "a.example b.example", 0 },
        { "a trailer", TEXT(POST("Transfer-Encoding: chunked\r\n", "0\r\nX-Sum: 1\r\n\r\n") NEXT),
                        "a.example b.example", 0 },
        { "pipelined", TEXT(GET(A) NEXT SMUGGLED), "a.example b.example c.example", 0 },
        { "the beginning of a second", TEXT(GET(A) "GET /2 HTTP/1.1\r\nHo"), "a.example", 0 },
        { "the beginning", TEXT("GET / HTTP/1.1\r\nHost: a.exam"), NULL, 0 },
};

START_TEST(test_good) {
        const Outcome o = said(good[_i].name, good[_i].text, good[_i].n);
        char hosts[3 * LIMIT_HOST_BYTES] = "";
        for (unsigned i = 0; i < o.requests; i++)
                (void)snprintf(hosts + strlen(hosts), sizeof(hosts) - strlen(hosts), "%s%s",
                                i > 0 ? " " : "", o.hosts[i]);
        ck_assert_msg(o.end == HTTP_MORE, "%s: %d", good[_i].name, o.end);
        ck_assert_msg((o.requests > 0) == (good[_i].hosts != NULL), "%s", good[_i].name);
        if (!good[_i].hosts)
                return;
        ck_assert_msg(streq(hosts, good[_i].hosts), "%s: %s", good[_i].name, hosts);
        ck_assert_uint_eq(o.ports[0], good[_i].port);
}
END_TEST

/* ---- what is refused ---- */

#define HEAD(t) t, sizeof(t) - 1, 0
#define SECOND(t) t, sizeof(t) - 1, 1

static const struct {
        const char *name, *text;
        size_t n;
        unsigned requests; /* that were whole before */
} bad[] = {
        /* two lengths of one body */
        { "CL and TE", HEAD(POST("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                                       "0\r\n\r\n" SMUGGLED)) },
        { "TE and CL", HEAD(POST("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
                                       "0\r\n\r\n" SMUGGLED)) },
        { "two CLs", HEAD(POST("Content-Length: 5\r\nContent-Length: 6\r\n", "012345")) },
        { "two equal CLs", HEAD(POST("Content-Length: 5\r\nContent-Length: 5\r\n", "01234")) },
        { "two CLs in one", HEAD(POST("Content-Length: 5, 5\r\n", "01234")) },
        { "CL +5", HEAD(POST("Content-Length: +5\r\n", "01234")) },
        { "CL -1", HEAD(POST("Content-Length: -1\r\n", "")) },
        { "CL 0x5", HEAD(POST("Content-Length: 0x5\r\n", "01234")) },
        { "CL 5 5", HEAD(POST("Content-Length: 5 5\r\n", "01234")) },
        { "CL of nothing", HEAD(POST("Content-Length:\r\n", "")) },
        { "CL of 19 digits", HEAD(POST("Content-Length: 1000000000000000000\r\n", "")) },
        { "CL that wraps", HEAD(POST("Content-Length: 18446744073709551621\r\n", "01234")) },
        { "TE chunked, identity", HEAD(POST("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n")) },
        { "TE identity, chunked", HEAD(POST("Transfer-Encoding: identity, chunked\r\n", "0\r\n\r\n")) },
        { "TE gzip, chunked", HEAD(POST("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")) },
        { "TE xchunked", HEAD(POST("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n")) },
        { "TE in quotes", HEAD(POST("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n")) },
        { "TE with VT", HEAD(POST("Transfer-Encoding: \x0b"
                                  "chunked\r\n",
                                        "0\r\n\r\n")) },
        { "two TEs", HEAD(POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                                     "0\r\n\r\n")) },
        { "TE in HTTP/1.0", HEAD("POST / HTTP/1.0\r\n" A "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n") },
        { "TE : chunked", HEAD(POST("Transfer-Encoding : chunked\r\n", "0\r\n\r\n")) },
        { "TE folded", HEAD(POST("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n")) },

        /* lines that end in two ways */
        { "obs-fold", HEAD(GET(A "X: 1\r\n Host: b.example\r\n")) },
        { "obs-fold by HT", HEAD(GET(A "X: 1\r\n\tHost: b.example\r\n")) },
        { "a space before the first field", HEAD(GET(" " A)) },
        { "bare LF", HEAD("GET / HTTP/1.1\nHost: a.example\n\n") },
        { "bare LF in the middle", HEAD(GET(A "X: 1\nHost: b.example\r\n")) },
        { "bare LF at the end", HEAD("GET / HTTP/1.1\r\n" A "\n" SMUGGLED) },
        { "bare CR", HEAD(GET(A "X: 1\rHost: b.example\r\n")) },
        { "CR CR LF", HEAD(GET("Host: a.example\r\r\n")) },
        { "NUL in a field", HEAD(GET("Host: a.example\0.b.example\r\n")) },
        { "NUL in a name", HEAD(GET(A "Ho\0st: b.example\r\n")) },
        { "NUL in the target", HEAD("GET /\0 HTTP/1.1\r\n" A "\r\n") },
        { "DEL", HEAD(GET(A "X: \x7f\r\n")) },
        { "a field without a colon", HEAD(GET(A "X\r\n")) },
        { "a field without a name", HEAD(GET(A ": x\r\n")) },
        { "Host :", HEAD(GET("Host : a.example\r\n")) },
        { "a name with a space", HEAD(GET(A "X Y: 1\r\n")) },
        { "an empty line in front", HEAD("\r\n" GET(A)) },
        { "an empty line between", SECOND(GET(A) "\r\n" NEXT) },

        /* two hosts, or none */
        { "no Host", HEAD(GET("")) },
        { "two Hosts", HEAD(GET(A "Host: b.example\r\n")) },
        { "two equal Hosts", HEAD(GET(A A)) },
        { "two Hosts in one", HEAD(GET("Host: a.example, b.example\r\n")) },
        { "an empty Host", HEAD(GET("Host:\r\n")) },
        { "an empty Host in HTTP/1.0", HEAD("GET / HTTP/1.0\r\nHost: \r\n\r\n") },
        { "Host with spaces", HEAD(GET("Host: a.example b.example\r\n")) },
        { "Host with HT", HEAD(GET("Host: a.example\tb.example\r\n")) },
        { "Host with a path", HEAD(GET("Host: a.example/b\r\n")) },
        { "Host with userinfo", HEAD(GET("Host: a.example@b.example\r\n")) },
        { "Host with a password", HEAD(GET("Host: a.example:80@b.example\r\n")) },
        { "Host with %", HEAD(GET("Host: a.example%00b.example\r\n")) },
        { "Host with a scheme", HEAD(GET("Host: http://a.example\r\n")) },
        { "Host not in ASCII", HEAD(GET("Host: b\xc3\xbc"
                                        "cher.example\r\n")) },
        { "Host with an underscore", HEAD(GET("Host: a_b.example\r\n")) },
        { "Host *", HEAD(GET("Host: *.example\r\n")) },
        { "Host with two dots", HEAD(GET("Host: a.example..\r\n")) },
        { "Host with a decimal address", HEAD(GET("Host: 2130706433\r\n")) },
        { "Host with an octal address", HEAD(GET("Host: 0177.0.0.1\r\n")) },
        { "Host with a hexadecimal address", HEAD(GET("Host: 0x7f.0.0.1\r\n")) },
        { "Host with a bare v6 address", HEAD(GET("Host: 2606::1\r\n")) },
        { "Host with half a bracket", HEAD(GET("Host: [2606::1\r\n")) },
        { "Host with v4 in brackets", HEAD(GET("Host: [1.2.3.4]\r\n")) },
        { "Host with a name in brackets", HEAD(GET("Host: [a.example]\r\n")) },
        { "Host with a zone", HEAD(GET("Host: [fe80::1%25eth0]\r\n")) },
        { "Host and behind a bracket", HEAD(GET("Host: [2606::1]b.example\r\n")) },
        { "port 0", HEAD(GET("Host: a.example:0\r\n")) },
        { "port 65536", HEAD(GET("Host: a.example:65536\r\n")) },
        { "port of six digits", HEAD(GET("Host: a.example:000080\r\n")) },
        { "an empty port", HEAD(GET("Host: a.example:\r\n")) },
        { "a port with a sign", HEAD(GET("Host: a.example:+80\r\n")) },
        { "two ports", HEAD(GET("Host: a.example:80:80\r\n")) },

        /* targets */
        { "absolute, for another", HEAD("GET http://b.example/ HTTP/1.1\r\n" A "\r\n") },
        { "absolute, for another port", HEAD("GET http://a.example:81/ HTTP/1.1\r\n" A "\r\n") },
        { "absolute, with userinfo", HEAD("GET http://a.example@b.example/ HTTP/1.1\r\n" A "\r\n") },
        { "absolute, with userinfo of the host", HEAD("GET http://x@a.example/ HTTP/1.1\r\n" A "\r\n") },
        { "absolute, with a backslash", HEAD("GET http://a.example\\@b.example/ HTTP/1.1\r\n" A "\r\n") },
        { "absolute, of no one", HEAD("GET http:///x HTTP/1.1\r\n" A "\r\n") },
        { "absolute, by https", HEAD("GET https://a.example/ HTTP/1.1\r\n" A "\r\n") },
        { "no slash", HEAD("GET a.example HTTP/1.1\r\n" A "\r\n") },
        { "CONNECT", HEAD("CONNECT a.example:443 HTTP/1.1\r\n" A "\r\n") },
        { "an upgrade", HEAD(GET(A "Connection: Upgrade\r\nUpgrade: websocket\r\n")) },
        { "an upgrade to h2c", HEAD(GET(A "Connection: HTTP2-Settings\r\nHTTP2-Settings: AA\r\n")) },

        /* request lines */
        { "HTTP/0.9", HEAD("GET /\r\n") },
        { "HTTP/0.9 with LF", HEAD("GET /\n") },
        { "HTTP/0.9, absolute", HEAD("GET http://b.example/\r\n") },
        { "HTTP/1.2", HEAD("GET / HTTP/1.2\r\n" A "\r\n") },
        { "HTTP/1.10", HEAD("GET / HTTP/1.10\r\n" A "\r\n") },
        { "HTTP/2.0", HEAD("GET / HTTP/2.0\r\n" A "\r\n") },
        { "http/1.1", HEAD("GET / http/1.1\r\n" A "\r\n") },
        { "the preface of HTTP/2", HEAD("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") },
        { "two spaces", HEAD("GET  / HTTP/1.1\r\n" A "\r\n") },
        { "a space at the end", HEAD("GET / HTTP/1.1 \r\n" A "\r\n") },
        { "a space within", HEAD("GET /a b HTTP/1.1\r\n" A "\r\n") },
        { "tabs", HEAD("GET\t/\tHTTP/1.1\r\n" A "\r\n") },
        { "form feeds", HEAD("GET\x0c/\x0cHTTP/1.1\r\n" A "\r\n") },
        { "a tab in front", HEAD("\tGET / HTTP/1.1\r\n" A "\r\n") },
        { "a form feed in front", HEAD("\x0cGET / HTTP/1.1\r\n" A "\r\n") },
        { "a method in small letters", HEAD("get / HTTP/1.1\r\n" A "\r\n") },
        { "a method of 25 letters", HEAD("ABCDEFGHIJKLMNOPQRSTUVWXY / HTTP/1.1\r\n" A "\r\n") },
        { "a new method, and no ASCII", HEAD("PROPFIND /\xff HTTP/1.1\r\n" A "\r\n") },
        { "a new method, and a control byte", HEAD("PROPFIND /\x01 HTTP/1.1\r\n" A "\r\n") },
        { "a small new method, and no ASCII", HEAD("foo /\xff HTTP/1.1\r\n" A "\r\n") },
        { "no method at all, but a version", HEAD("G:T / HTTP/1.1\r\n" A "\r\n") },
        { "a NUL before a method", HEAD("\0GET / HTTP/1.1\r\n" A "\r\n") },
        { "a NUL behind a method", HEAD("GET\0 / HTTP/1.1\r\n" A "\r\n") },
        { "no ASCII before a method", HEAD("\xffGET / HTTP/1.1\r\n" A "\r\n") },
        { "a small method, a control byte, and a version", HEAD("foo / \x01 hTtP/1.1\n" A "\n") },
        { "a version behind the beginning of one", HEAD("G:T /HTHTTHTTP/1.1\r\n" A "\r\n") },
        { "a version behind what begins a word", HEAD("G:T / HTTHTTP/1.1\r\n" A "\r\n") },
        { "a version that is none", HEAD("G:T / HTTP/+1.1\r\n" A "\r\n") },
        { "a version behind a NUL", HEAD("G:T /\0HTTP/1.1\r\n" A "\r\n") },
        { "a version behind what Python splits at", HEAD("G:T\xa0/\x85HTTP/x\r\n" A "\r\n") },
        { "a version behind the path of git", HEAD("0032git-upload-pack /http/a\0host=http/1.1\n") },
        { "a version in front", HEAD("HTTP/ / x:y\r\n" A "\r\n") },
        { "nothing but space", HEAD("\r\n\r\n \t\r\nGET / HTTP/1.1\r\n" A "\r\n") },

        /* bodies */
        { "a chunk extension",
                        SECOND(POST("Transfer-Encoding: chunked\r\n", "5;a=b\r\n01234\r\n0\r\n\r\n")) },
        { "a chunk extension of LF",
                        SECOND(POST("Transfer-Encoding: chunked\r\n", "5;\n01234\r\n0\r\n\r\n")) },
        { "a chunk size with a space",
                        SECOND(POST("Transfer-Encoding: chunked\r\n", "5 \r\n01234\r\n0\r\n\r\n")) },
        { "a chunk size with 0x",
                        SECOND(POST("Transfer-Encoding: chunked\r\n", "0x5\r\n01234\r\n0\r\n\r\n")) },
        { "a chunk size with a sign",
                        SECOND(POST("Transfer-Encoding: chunked\r\n", "-1\r\n01234\r\n0\r\n\r\n")) },
        { "no chunk size", SECOND(POST("Transfer-Encoding: chunked\r\n", "\r\n01234\r\n0\r\n\r\n")) },
        { "a chunk size of 16 digits", SECOND(POST("Transfer-Encoding: chunked\r\n",
                                                       "0000000000000005\r\n01234\r\n0\r\n\r\n")) },
        { "a chunk size that wraps",
                        SECOND(POST("Transfer-Encoding: chunked\r\n", "10000000000000005\r\n01234\r\n")) },
        { "a chunk size with bare LF",
                        SECOND(POST("Transfer-Encoding: chunked\r\n", "5\n01234\r\n0\r\n\r\n")) },
        { "a chunk that is longer",
                        SECOND(POST("Transfer-Encoding: chunked\r\n", "5\r\n012345\r\n0\r\n\r\n")) },
        { "a chunk with bare LF behind",
                        SECOND(POST("Transfer-Encoding: chunked\r\n", "5\r\n01234\n0\r\n\r\n")) },
        { "a trailer with a length",
                        SECOND(POST("Transfer-Encoding: chunked\r\n", "0\r\nContent-Length: 5\r\n\r\n")) },
        { "a trailer with a coding", SECOND(POST("Transfer-Encoding: chunked\r\n",
                                                     "0\r\nTransfer-Encoding: chunked\r\n\r\n")) },
        { "a trailer with a host",
                        SECOND(POST("Transfer-Encoding: chunked\r\n", "0\r\nHost: b.example\r\n\r\n")) },
        { "a folded trailer", SECOND(POST("Transfer-Encoding: chunked\r\n", "0\r\nX: 1\r\n 2\r\n\r\n")) },
        { "a trailer with bare LF", SECOND(POST("Transfer-Encoding: chunked\r\n", "0\r\nX: 1\n\r\n")) },
        { "a body that was not said", SECOND(GET(A) "01234\r\n\r\n") },
};

START_TEST(test_bad) {
        const Outcome o = said(bad[_i].name, bad[_i].text, bad[_i].n);
        ck_assert_msg(o.end == HTTP_BAD, "%s: %d", bad[_i].name, o.end);
        ck_assert_msg(o.requests == bad[_i].requests, "%s: %u", bad[_i].name, o.requests);
}
END_TEST

/* ---- what is not HTTP ---- */

static const struct {
        const char *name, *text;
        size_t n;
} others[] = {
        { "SSH", TEXT("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n") },
        { "SMTP", TEXT("EHLO a.example\r\n") },
        { "IMAP", TEXT("a001 LOGIN user secret\r\n") },
        { "FTP", TEXT("USER anonymous\r\n") },
        { "Redis", TEXT("*1\r\n$4\r\nPING\r\n") },
        { "memcached", TEXT("get key\r\n") },
        { "VNC", TEXT("RFB 003.008\n") },
        { "PostgreSQL", TEXT("\0\0\0\x08\x04\xd2\x16\x2f") },
        { "MySQL's client", TEXT("\x20\0\0\x01\x85\xa6\xff\x01") },
        { "MQTT", TEXT("\x10\x0c\0\x04MQTT\x04") },
        { "AMQP", TEXT("AMQP\0\0\x09\x01") },
        { "MongoDB", TEXT("A\0\0\0\x01") },
        { "LDAP of 12 bytes", TEXT("0\x0c\x02\x01\x01`\x07\x02\x01\x03\x04\0\x80\0") },
        { "LDAP of 32 bytes", TEXT("0 \x02\x01\x01`\x1b") },
        { "git", TEXT("0032git-upload-pack /a\0host=a.example\0") },
        { "git, and a repository of that name", TEXT("0032git-upload-pack /http/a\0host=a.example\0") },
        { "git, and its next words", TEXT("0032git-upload-pack /HTTP/a\0host=a.example\0"
                                          "0032want a\n") },
        { "memcached, and a key of that name", TEXT("get key/http/x\r\n") },
        { "XMPP", TEXT("<?xml version='1.0'?>") },
        { "JSON", TEXT("{\"id\": 1}") },
        { "a version behind the first line", TEXT("\x10\nGET / HTTP/1.1\r\n" A "\r\n") },
};

/* At once, and whatever part of it comes first; for good once there was a line. */
START_TEST(test_other_protocols) {
        const Outcome o = said(others[_i].name, others[_i].text, others[_i].n);
        const bool line = memchr(others[_i].text, '\n', others[_i].n);
        ck_assert_msg(o.end == (line ? HTTP_NOT_HTTP : HTTP_MORE), "%s: %d", others[_i].name, o.end);
        ck_assert_msg(line || o.passed == others[_i].n, "%s: %zu", others[_i].name, o.passed);
}
END_TEST

/* The beginning of a request must not be taken for something else, so that the rest of it can follow unseen. */
static const char *const beginnings[] = { "G", "GE", "GET", "GET ", "GET\t", "GET\t/\tHT", "GET\x0c",
        "GET\xa0/", "\r\nG", "\xa0", "PROPFIND /\xff", "PROPFIND /\x01", "FOO /", "foo /\xff",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZ", "get /" };

START_TEST(test_beginnings) {
        const Outcome o = said(beginnings[_i], beginnings[_i], strlen(beginnings[_i]));
        ck_assert_msg(o.end == HTTP_MORE && o.passed == 0, "%s: %d", beginnings[_i], o.end);
}
END_TEST

/* ---- bounds ---- */

static char *filled(const char *head, size_t n, const char *tail) {
        char *s = malloc(n + 1);
        ck_assert_ptr_nonnull(s);
        memset(s, 'a', n);
        memcpy(s, head, strlen(head));
        memcpy(s + n - strlen(tail), tail, strlen(tail));
        s[n] = '\0';
        return s;
}

START_TEST(test_longest_head) {
        for (size_t beyond = 0; beyond < 2; beyond++) {
                const size_t n = HTTP_HEAD_MAX + beyond;
                _cleanup_free_ char *field = filled("GET / HTTP/1.1\r\n" A "X: ", n, "\r\n\r\n"),
                                    *target = filled("GET /", n, " HTTP/1.1\r\n" A "\r\n");
                ck_assert_int_eq(said("field", field, n).end, beyond ? HTTP_BAD : HTTP_MORE);
                ck_assert_int_eq(said("target", target, n).end, beyond ? HTTP_BAD : HTTP_MORE);
        }
        /* an end that does not come is not waited for */
        for (size_t beyond = 0; beyond < 2; beyond++) {
                const size_t n = HTTP_HEAD_MAX - 1 + beyond;
                static const char *const heads[] = { "GET / HTTP/1.1\r\n", "GET /", "a", "foo /" };
                for (size_t i = 0; i < ELEMENTSOF(heads); i++) {
                        _cleanup_free_ char *text = filled(heads[i], n, "");
                        ck_assert_int_eq(said(heads[i], text, n).end, beyond ? HTTP_BAD : HTTP_MORE);
                }
                _cleanup_free_ char *other = filled("\x10", n + 1, " HTTP/");
                ck_assert_int_eq(said("other", other, n + 1).end, beyond ? HTTP_NOT_HTTP : HTTP_BAD);
                _cleanup_free_ char *space = filled("", n, "");
                memset(space, '\n', n);
                ck_assert_int_eq(said("space", space, n).end, beyond ? HTTP_BAD : HTTP_MORE);
        }
}
END_TEST

START_TEST(test_longest_trailer) {
        static const char head[] = POST("Transfer-Encoding: chunked\r\n", "0\r\n");
        for (size_t beyond = 0; beyond < 2; beyond++) {
                const size_t n = sizeof(head) - 1 + HTTP_HEAD_MAX + beyond;
                _cleanup_free_ char *text =
                                filled(POST("Transfer-Encoding: chunked\r\n", "0\r\nX: "), n, "\r\n\r\n");
                const Outcome o = said("trailer", text, n);
                ck_assert_int_eq(o.end, beyond ? HTTP_BAD : HTTP_MORE);
        }
}
END_TEST

/* 18 digits of a length, 15 of a chunk, 24 letters of a method. */
START_TEST(test_greatest_numbers) {
        static const char length[] = POST("Content-Length: 999999999999999999\r\n", "x"),
                          chunk[] = POST("Transfer-Encoding: chunked\r\n", "fffffffffffffff\r\nx"),
                          method[] = "ABCDEFGHIJKLMNOPQRSTUVWX / HTTP/1.1\r\n" A "\r\n";
        ck_assert_int_eq(said("length", TEXT(length)).end, HTTP_MORE);
        ck_assert_int_eq(said("chunk", TEXT(chunk)).end, HTTP_MORE);
        ck_assert_int_eq(said("method", TEXT(method)).end, HTTP_MORE);
}
END_TEST

/* What has been refused stays refused. */
START_TEST(test_refused_for_good) {
        HttpStream s = { .state = HTTP_HEAD };
        size_t pass, head;
        HttpRequest request;
        static const char text[] = GET(A);
        ck_assert_int_eq(http_stream_feed(&s, (const uint8_t *)"GET /\r\n", 7, true, &pass, &head, &request),
                        HTTP_BAD);
        ck_assert_int_eq(http_stream_feed(&s, (const uint8_t *)text, sizeof(text) - 1, false, &pass, &head,
                                         &request),
                        HTTP_BAD);
}
END_TEST

START_TEST(test_refusals) {
        static const int status[] = { 400, 403 };
        for (size_t i = 0; i < 2; i++) {
                const char *text = http_refusal(status[i]), *body = strstr(text, "\r\n\r\n"), *length;
                int said_status = 0;
                size_t n = 0;
                ck_assert_ptr_nonnull(body);
                ck_assert_int_eq(sscanf(text, "HTTP/1.1 %d", &said_status), 1);
                ck_assert_int_eq(said_status, status[i]);
                length = strstr(text, "Content-Length: ");
                ck_assert_ptr_nonnull(length);
                ck_assert_int_eq(sscanf(length, "Content-Length: %zu", &n), 1);
                ck_assert_uint_eq(strlen(body + 4), n);
        }
}
END_TEST

int main(void) {
        TCase *t = tcase_create("http-stream");
        tcase_add_loop_test(t, test_good, 0, ELEMENTSOF(good));
        tcase_add_loop_test(t, test_bad, 0, ELEMENTSOF(bad));
        tcase_add_loop_test(t, test_other_protocols, 0, ELEMENTSOF(others));
        tcase_add_loop_test(t, test_beginnings, 0, ELEMENTSOF(beginnings));
        tcase_add_test(t, test_longest_head);
        tcase_add_test(t, test_longest_trailer);
        tcase_add_test(t, test_greatest_numbers);
        tcase_add_test(t, test_refused_for_good);
        tcase_add_test(t, test_refusals);
        return run_case("egress http-stream", t);
}
