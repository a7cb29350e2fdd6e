/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cleanup.h"
#include "fuzz.h"
#include "upstream-answer.h"

/* What the host's proxy answers. Properties: nothing crashes; an answer lies within what has come and within its bound, and ends in an empty line;
 * however it is cut, the first part that means anything means what the whole does; what is no answer stays none. The first byte: length of the
 * pieces. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        unsigned status = 0, other = 0;
        size_t used = 0, n = 0;
        if (size < 1)
                return 0;
        const size_t step = 1U + data[0];
        data++;
        size--;
        UpstreamStep all = upstream_answer_parse(data, size, &status, &used), some = UPSTREAM_MORE;
        if (all == UPSTREAM_ANSWERED)
                fuzz_holds(status >= 200 && status <= 999 && used >= 16 && used <= size &&
                                                used <= UPSTREAM_ANSWER_MAX &&
                                                memcmp(data + used - 4, "\r\n\r\n", 4) == 0,
                                "an answer lies within");
        if (all == UPSTREAM_MORE)
                fuzz_holds(size < UPSTREAM_ANSWER_MAX, "more is waited for within the bound");
        size_t part_used = 0;
        for (n = step; n < size && some == UPSTREAM_MORE; n += step)
                some = upstream_answer_parse(data, n, &other, &part_used);
        if (some == UPSTREAM_MORE)
                return 0;
        fuzz_holds(some == all, "pieces end as the whole does");
        fuzz_holds(all != UPSTREAM_ANSWERED || (other == status && part_used == used),
                        "it is the same answer");
        return 0;
}
