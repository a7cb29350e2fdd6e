/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The words exchanged with the host's proxy, pure: what it is asked (RFC 9110, 9.3.6), and what it answers. It is an administrator's, but not one of
 * ours: its answer is bounded, nothing of it but the status counts, and none of it goes into the sandbox. */

#include "upstream.h"

#define UPSTREAM_ANSWER_MAX 8192U
#define UPSTREAM_REQUEST_SIZE (2U * 320U + UPSTREAM_AUTHORIZATION_BYTES + 64U)

typedef enum UpstreamStep {
        UPSTREAM_MORE,     /* not enough bytes yet */
        UPSTREAM_BAD,      /* no answer that is understood */
        UPSTREAM_ANSWERED,
} UpstreamStep;

/* *ret_status is 200 to 999, *ret_used how much of it is the answer: where that is 2.., what follows comes from the other side. */
UpstreamStep upstream_answer_parse(const uint8_t *data, size_t size, unsigned *ret_status, size_t *ret_used);

/* Its length. host is canonical. */
size_t upstream_request_write(const Upstream *u, const char *host, uint16_t port, char ret[UPSTREAM_REQUEST_SIZE]);
