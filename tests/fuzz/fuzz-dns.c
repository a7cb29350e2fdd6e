/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cleanup.h"
#include "dns-wire.h"
#include "fuzz.h"

/* A message to the resolver. Properties: nothing crashes; a host is canonical; the question is a piece of the message; every answer keeps
 * to its bounds, begins with the id and the question, and is no question to us. */

static void check_answer(const DnsQuestion *q, const DnsAnswer *a, bool udp) {
        uint8_t out[4096];
        size_t n = dns_answer_write(q, a, udp, out, sizeof(out));
        DnsQuestion back;
        fuzz_holds(n >= 12 + q->question_size && n <= sizeof(out), "an answer is written");
        fuzz_holds(!udp || (n <= DNS_UDP_MAX && n <= q->udp_size), "an answer fits a datagram");
        fuzz_holds((out[0] << 8 | out[1]) == q->id && memcmp(out + 12, q->question, q->question_size) == 0,
                        "an answer is to its question");
        fuzz_holds(dns_question_parse(out, n, &back) == -EBADMSG, "an answer is not answered");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        NetCidr addresses[DNS_ADDRESSES_MAX];
        DnsQuestion q = { 0 };
        int r = dns_question_parse(data, size, &q);
        if (r == -EBADMSG)
                return 0;
        fuzz_holds(r == 0 || r == DNS_FORMERR || r == DNS_NOTIMP, "a code");
        fuzz_holds(q.udp_size >= 512 && q.question_size <= sizeof(q.question), "bounds");
        fuzz_holds(r != 0 || (q.question_size >= 5 && q.question_size <= size - 12 &&
                                             memcmp(q.question, data + 12, q.question_size) == 0),
                        "the question is the message's");
        char canonical[LIMIT_HOST_BYTES + 1];
        fuzz_holds(!q.is_host || (!host_canonical(q.host, false, canonical) && streq(canonical, q.host)),
                        "a host is canonical");
        fuzz_holds(q.is_host || q.host[0] == 0, "what is no host is none");

        for (size_t i = 0; i < DNS_ADDRESSES_MAX; i++) {
                const uint8_t bytes[16] = { 0x2a, 0, (uint8_t)i };
                cidr_from_address(q.type == DNS_A ? AF_INET : AF_INET6, bytes, &addresses[i]);
        }
        const DnsAnswer refusal = { .code = r != 0 ? (DnsCode)r : DNS_NXDOMAIN,
                .extended_error = DNS_EDE_BLOCKED,
                .extended_text = "policy" };
        const DnsAnswer all = { .addresses = addresses, .n_addresses = DNS_ADDRESSES_MAX, .ttl = DNS_TTL };
        for (unsigned udp = 0; udp < 2; udp++) {
                check_answer(&q, &refusal, udp);
                if (r == 0)
                        check_answer(&q, &all, udp);
        }
        return 0;
}
