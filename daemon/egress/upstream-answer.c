/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "upstream-answer.h"

#include "cleanup.h"

static bool is_digit(uint8_t byte) {
        return byte >= '0' && byte <= '9';
}

/* "HTTP/1.1 200 …": 0 where there is no such beginning. */
static unsigned read_status(const uint8_t *line) {
        static const char version[] = "HTTP/1.";
        if (memcmp(line, version, sizeof(version) - 1) != 0 || (line[7] != '0' && line[7] != '1') ||
                        line[8] != ' ' || !is_digit(line[9]) || !is_digit(line[10]) || !is_digit(line[11]) ||
                        (line[12] != ' ' && line[12] != '\r'))
                return 0;
        return (line[9] - '0') * 100U + (line[10] - '0') * 10U + (line[11] - '0');
}

/* What is not the beginning of one is not waited for. */
static bool may_begin(const uint8_t *data, size_t size) {
        static const char version[] = "HTTP/1.";
        size_t n = size < sizeof(version) - 1 ? size : sizeof(version) - 1;
        return n == 0 || memcmp(data, version, n) == 0;
}

UpstreamStep upstream_answer_parse(
                const uint8_t *data, size_t size, unsigned *ret_status, size_t *ret_used) {
        size_t begin = 0;
        if (size == 0) /* data may be NULL then */
                return UPSTREAM_MORE;
        for (;;) { /* 1..: there is more to come */
                const uint8_t *head = data + begin;
                const size_t left = size - begin;
                const uint8_t *end = memmem(head, left, "\r\n\r\n", 4);
                if (begin >= UPSTREAM_ANSWER_MAX || !may_begin(head, left))
                        return UPSTREAM_BAD;
                if (!end)
                        return size < UPSTREAM_ANSWER_MAX ? UPSTREAM_MORE : UPSTREAM_BAD;
                const size_t used = begin + (size_t)(end - head) + 4;
                const unsigned status = used - begin > 13 ? read_status(head) : 0;
                if (status < 100 || status == 101 || used > UPSTREAM_ANSWER_MAX)
                        return UPSTREAM_BAD;
                if (status >= 200) {
                        *ret_status = status;
                        *ret_used = used;
                        return UPSTREAM_ANSWERED;
                }
                begin = used;
        }
}

size_t upstream_request_write(
                const Upstream *u, const char *host, uint16_t port, char ret[UPSTREAM_REQUEST_SIZE]) {
        const bool knows = *u->authorization;
        int n = snprintf(ret, UPSTREAM_REQUEST_SIZE, "CONNECT %s:%u HTTP/1.1\r\nHost: %s:%u\r\n%s%s%s\r\n",
                        host, port, host, port, knows ? "Proxy-Authorization: Basic " : "", u->authorization,
                        knows ? "\r\n" : "");
        return n > 0 && (size_t)n < UPSTREAM_REQUEST_SIZE ? (size_t)n : 0;
}
