/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cleanup.h"
#include "fuzz.h"
#include "judge.h"

/* The bytes of a lease. Properties: nothing crashes; what is decoded encodes to the same bytes; it is within its bounds; it can be judged
 * by, and nothing opens what nothing may. */

DEFINE_CLEANUP(EgressLease *, egress_lease_free);

static void judge(const EgressLease *l) {
        static const char *const hosts[] = { "a.example", "b.example" };
        static const char *const never[] = { "127.0.0.1", "::1", "0.0.0.0", "224.0.0.1", "2002:7f00:1::" };
        Destination d = { .protocol = PROTOCOL_TCP, .port = 443, .hosts = hosts, .n_hosts = 2 };
        for (size_t i = 0; i < ELEMENTSOF(never); i++) {
                fuzz_holds(cidr_parse_address(never[i], &d.address), "an address");
                fuzz_holds(judge_connect(l, &d).verdict == VERDICT_DENY, "nothing opens it");
        }
        fuzz_holds(cidr_parse_address("10.0.2.2", &d.address), "an address");
        fuzz_holds(l->host_loopback == VERDICT_ALLOW || judge_connect(l, &d).verdict == VERDICT_DENY,
                        "nothing else opens the host's loopback");
        fuzz_holds(cidr_parse_address("93.184.216.34", &d.address), "an address");
        for (size_t i = 0; i < 2; i++) {
                Judgement j = judge_claim(l, &d, hosts[i], EGRESS_SNI);
                fuzz_holds(j.clause && (j.verdict == VERDICT_DENY ||
                                                       judge_connect(l, &d).verdict == VERDICT_ALLOW),
                                "a claim opens nothing");
                fuzz_holds(!j.by_name || judge_name(l, hosts[i]).verdict == VERDICT_ALLOW,
                                "what may be reached may be asked for");
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(egress_lease_freep) EgressLease *l = NULL;
        const char *where = NULL;
        int r = egress_lease_decode(data, size, &l, &where);
        if (r < 0) {
                fuzz_holds(r == -EBADMSG && !l && where, "a refusal names the field");
                return 0;
        }
        _cleanup_free_ uint8_t *again = NULL;
        size_t n;
        fuzz_holds(egress_lease_encode(l, &again, &n) == 0, "what is decoded can be encoded");
        fuzz_holds(n == size && memcmp(again, data, n) == 0, "decode, encode: the same bytes");
        fuzz_holds(l->egress.n_allow <= LIMIT_POLICY_RULES && l->egress.n_deny <= LIMIT_POLICY_RULES,
                        "rules are bounded");
        judge(l);
        return 0;
}
