/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* DNS messages of the sandbox (RFC 1035, EDNS0 of RFC 6891, extended errors of RFC 8914): the questions of hostile stub resolvers read, answers
 * written. Pure. The question is copied byte for byte into the answer, since some clients compare (0x20 hack); matching is done on the
 * canonical name. */

#include "net-rule.h"

#define DNS_UDP_MAX 1232U   /* an answer that is longer is truncated: TC, and the client asks again by TCP */
#define DNS_MESSAGE_MAX 65535U
#define DNS_TTL 60U
#define DNS_ADDRESSES_MAX 64U

typedef enum DnsType { DNS_A = 1, DNS_CNAME = 5, DNS_SOA = 6, DNS_PTR = 12, DNS_AAAA = 28 } DnsType; /* others are answered: no data */
typedef enum DnsCode { DNS_NOERROR = 0, DNS_FORMERR = 1, DNS_SERVFAIL = 2, DNS_NXDOMAIN = 3, DNS_NOTIMP = 4, DNS_REFUSED = 5 } DnsCode;
#define DNS_EDE_BLOCKED 15  /* RFC 8914 4.16 */

typedef struct DnsQuestion {
        uint16_t id, type, class;
        bool recursion_desired;
        bool edns;
        uint16_t udp_size;                    /* what the client takes, at least 512 */
        uint8_t question[LIMIT_HOST_BYTES + 2 + 4]; /* name, type and class as they came */
        size_t question_size;
        bool is_host;                         /* the name is a host name: host is filled */
        char host[LIMIT_HOST_BYTES + 1];      /* canonical */
} DnsQuestion;

/* 0; -EBADMSG: not even a header, or an answer: say nothing; or a positive DnsCode to be answered (*ret then has what is needed for that). One
 * question exactly, class IN, no compression in it, opcode QUERY. A name that is no host name (an underscore, a byte that is no letter) is
 * parsed, and is_host is false. */
int dns_question_parse(const uint8_t *data, size_t size, DnsQuestion *ret);

typedef struct DnsAnswer {
        DnsCode code;
        const NetCidr *addresses;   /* of the family of the question's type */
        size_t n_addresses;         /* 0 with NOERROR: no data */
        uint32_t ttl;
        uint16_t extended_error;    /* 0: none; told where the client speaks EDNS */
        const char *extended_text;
} DnsAnswer;

/* Writes the answer into out, at most size bytes (truncating as said), and returns its length. size is at least 512. A refusal or no data
 * carries an SOA, so that it is not asked again for 5 s (RFC 2308). */
size_t dns_answer_write(const DnsQuestion *q, const DnsAnswer *a, bool udp, uint8_t *out, size_t size);
