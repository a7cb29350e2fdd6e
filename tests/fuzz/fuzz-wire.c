/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "fuzz.h"
#include "wire.h"

/* A message of D-Bus as mxcctl run reads it. Properties: nothing crashes; texts end inside the message; reading stays inside. */

static void check_text(const char *text, const uint8_t *data, size_t size) {
        const uint8_t *p = (const uint8_t *)text;
        fuzz_holds(!*text || (p >= data && p + strlen(text) < data + size), "a text is the message's");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        WireMessage m;
        if (wire_parse(data, size, &m) < 0)
                return 0;
        const char *const texts[] = { m.path, m.interface, m.member, m.error, m.sender, m.signature };
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
                check_text(texts[i], data, size);
        const char *signature = m.signature, *end = signature + strlen(signature);
        while (*signature && !m.body.failed) {
                const char *before = signature;
                wire_skip(&m.body, &signature);
                fuzz_holds(signature > before && signature <= end, "a signature is walked forwards");
        }
        fuzz_holds(m.body.at <= m.body.size, "a body is read inside");
        return 0;
}
