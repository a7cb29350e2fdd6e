/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cleanup.h"
#include "fuzz.h"
#include "http-stream.h"

/* What a client says. Properties: nothing crashes; a host is canonical or an address; heads and what passes lie within; said in pieces, it is
 * judged as in one: the same requests at the same places, and the same end. The first byte is the length of the pieces. */

#define MAX_REQUESTS 64

typedef struct Outcome {
        HttpEvent end;
        size_t passed, n;
        size_t ends[MAX_REQUESTS];
        char hosts[MAX_REQUESTS][LIMIT_HOST_BYTES + 1];
} Outcome;

static void check_request(const HttpRequest *r, size_t head) {
        char canonical[LIMIT_HOST_BYTES + 1];
        NetCidr address;
        fuzz_holds(head >= 16 && head <= HTTP_HEAD_MAX, "a head has its bounds");
        fuzz_holds(!r->host[0] || cidr_parse_address(r->host, &address) ||
                                        (!host_canonical(r->host, false, canonical) &&
                                                        streq(canonical, r->host)),
                        "a host is canonical");
}

/* What did not pass is offered again, with more. */
static void feed(HttpStream *s, const uint8_t *data, size_t size, Outcome *o) {
        while (o->end == HTTP_MORE && o->passed < size && o->n < MAX_REQUESTS) {
                size_t pass, head;
                HttpRequest request;
                HttpEvent e = http_stream_feed(s, data + o->passed, size - o->passed, o->passed == 0, &pass,
                                &head, &request);
                fuzz_holds(pass <= size - o->passed && head <= size - o->passed - pass, "it lies within");
                fuzz_holds(e != HTTP_NOT_HTTP || o->n == 0, "HTTP stays HTTP");
                o->end = e == HTTP_REQUEST ? HTTP_MORE : e;
                if (e == HTTP_BAD || e == HTTP_NOT_HTTP)
                        return;
                o->passed += pass;
                if (e == HTTP_MORE) {
                        fuzz_holds(size - o->passed < HTTP_HEAD_MAX, "an end comes");
                        return;
                }
                check_request(&request, head);
                o->passed += head;
                memcpy(o->hosts[o->n], request.host, sizeof(request.host));
                o->ends[o->n++] = o->passed;
                http_stream_accept(s);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static Outcome whole, pieces; /* large */
        if (size < 1)
                return 0;
        size_t step = (size_t)data[0] + 1;
        HttpStream a = { .state = HTTP_HEAD }, b = { .state = HTTP_HEAD };
        whole = pieces = (Outcome){ .end = HTTP_MORE };
        data++;
        size--;
        feed(&a, data, size, &whole);
        for (size_t n = step; n < size + step; n += step)
                feed(&b, data, n < size ? n : size, &pieces);
        fuzz_holds(pieces.end == whole.end && pieces.n == whole.n, "pieces end as the whole does");
        fuzz_holds(whole.end != HTTP_MORE || pieces.passed == whole.passed, "as much passes");
        for (size_t i = 0; i < whole.n; i++)
                fuzz_holds(pieces.ends[i] == whole.ends[i] && streq(pieces.hosts[i], whole.hosts[i]),
                                "they are the same requests");
        return 0;
}
