/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What must be true of every table of refusals: it says of each address what the relay would say. Shared by the unit test and the fuzz
 * target; no test library in it. */

#include "judge.h"
#include "refusal-table.h"

/* NULL, or what does not hold. known: what the relay judges a connection to a by, for each way; ports and protocols in it do not matter. */
const char *refusal_fault(const RefusalTable *t, const EgressLease *l, const struct in6_addr *a,
                const Destination known[_REFUSAL_WAY_MAX], RefusalWay way, uint16_t port);
/* The same where nobody was told of it. */
const char *refusal_fault_untold(const RefusalTable *t, const EgressLease *l, const struct in6_addr *a, RefusalWay way, uint16_t port);
/* Of an address that nobody was told of, as the relay judges it. */
Destination refusal_untold(const EgressLease *l, const struct in6_addr *a);
