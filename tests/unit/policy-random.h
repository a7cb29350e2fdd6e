/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Random policies as documents, and every request of a universe so small that they collide all the time. */

#include "policy-test.h"

typedef struct Random {
        uint64_t state, seed;
} Random;

/* MXC_TEST_SEED, or a new one each time. The seed belongs in every message of a failure. */
Random random_new(void);
unsigned random_below(Random *r, unsigned n);

/* A document; the caller frees. variables: paths may begin with ${workspace}, ${home}, ${runtime}. */
char *random_document(Random *r, bool variables);
/* The policy of such a document; *ret_text is the document. */
Policy *random_policy(Random *r, bool variables, char **ret_text);

/* Request i of the universe; false past its end. The strings are static or live until the next call. */
bool universe_request(size_t i, PolicyRequest *ret);
char *request_text(const PolicyRequest *q);
