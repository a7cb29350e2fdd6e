/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the lease leaves a sandbox of everything that it reaches together: connections and datagrams. Reaching a bound is a decision, and is told. */

#include "egress.h"

/* One more is begun; e->n_connections is without it. False: there may not be one, and that has been told. */
bool budget_take(Egress *e, const Destination *d);

/* How many bytes of a limit may still go, and the one that is too many. */
uint64_t budget_most(uint64_t limit, uint64_t gone);

/* Whether more bytes have gone than may; *ret then is the refusal, which is not told yet. To be asked whenever some have gone: mxcd is told of
 * them, in few steps, so that the next relay begins with what is left. */
bool budget_is_over(Egress *e, const char *host, Judgement *ret);
/* Whether none may go any more. */
bool budget_is_spent(const Egress *e, const char *host, Judgement *ret);
