/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cleanup.h"
#include "fuzz.h"
#include "tls-hello.h"

/* The first bytes of a client. Properties: nothing crashes; a name is canonical; what is said of a beginning, unless that more is needed, is
 * said of the whole; an end comes within the bound. The first byte is where the beginning ends. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        if (size < 1)
                return 0;
        size_t cut = data[0] * (size - 1) / 255;
        TlsServerName whole, part;
        TlsHello of_whole = tls_hello_parse(data + 1, size - 1, &whole);
        _cleanup_free_ uint8_t *exact = malloc(cut > 0 ? cut : 1);
        if (!exact)
                return 0;
        memcpy(exact, data + 1, cut);
        TlsHello of_part = tls_hello_parse(exact, cut, &part);

        fuzz_holds(of_part == TLS_MORE || of_part == of_whole, "a part says what the whole says");
        fuzz_holds(of_part != TLS_HELLO || streq(part.host, whole.host),
                        "a part names whom the whole names");
        fuzz_holds(of_whole != TLS_MORE || size - 1 < TLS_HELLO_MAX, "an end comes");
        char canonical[LIMIT_HOST_BYTES + 1];
        fuzz_holds(of_whole != TLS_HELLO || !whole.host[0] ||
                                        (!host_canonical(whole.host, false, canonical) &&
                                                        streq(canonical, whole.host)),
                        "a name is canonical");
        return 0;
}
