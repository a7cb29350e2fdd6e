/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the relay of a sandbox can carry of what policies may say: a policy that says more is refused, and what is asked about is answered so. Pure. */

#include "policy.h"

/* The first rule of the effective policy that allows, in so many words, what cannot be carried, where the one that was requested says such a thing
 * too; NULL: there is none. Ports of any protocol, and ranges, are not meant: they hold for what can be carried. *ret_what and *ret_why are
 * static, a noun and the end of a sentence. */
const NetRule *uncarried_rule(const NetDirection *effective, const NetDirection *requested, const char **ret_what, const char **ret_why);

/* Of a request that those policies (each may be NULL) all allow: NULL, or a sentence that says why it comes to nothing. */
const char *uncarried_request(const Policy *const *those, size_t n, const PolicyRequest *q);
