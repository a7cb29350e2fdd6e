/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cleanup.h"
#include "fuzz.h"
#include "proxy-request.h"

/* What a client asks of the proxy. Properties: nothing crashes; a host is canonical, a port is one; what is the proxy's lies within; however it
 * is cut, the first part that means anything means what the whole does. The first byte: length of the pieces, and whether SOCKS has greeted. */

static void check_request(const ProxyRequest *r, size_t size) {
        char canonical[LIMIT_HOST_BYTES + 1];
        fuzz_holds(r->kind != PROXY_NONE && r->port > 0, "somewhere is asked for");
        fuzz_holds(r->used <= size && (r->kind != PROXY_FORWARD || r->used == 0), "it lies within");
        fuzz_holds(!r->host[0] || (!host_canonical(r->host, false, canonical) && streq(canonical, r->host)),
                        "a host is canonical");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        ProxyRequest whole, part;
        if (size < 1)
                return 0;
        const size_t step = 1U + (data[0] & 0x7f);
        const bool greeted = data[0] & 0x80;
        data++;
        size = size - 1 < PROXY_REQUEST_MAX ? size - 1 : PROXY_REQUEST_MAX;
        ProxyStep all = proxy_request_parse(data, size, greeted, &whole), some = PROXY_MORE;
        if (all == PROXY_REQUEST)
                check_request(&whole, size);
        if (all == PROXY_GREETING)
                fuzz_holds(!greeted && whole.used >= 2 && whole.used <= size, "a greeting lies within");
        for (size_t n = step; n < size && some == PROXY_MORE; n += step)
                some = proxy_request_parse(data, n, greeted, &part);
        if (some == PROXY_MORE)
                return 0;
        fuzz_holds(some == all, "pieces end as the whole does");
        if (all == PROXY_REQUEST)
                fuzz_holds(part.kind == whole.kind && part.used == whole.used && part.port == whole.port &&
                                                streq(part.host, whole.host) &&
                                                memcmp(&part.address, &whole.address,
                                                                sizeof(part.address)) == 0,
                                "it is the same request");
        return 0;
}
