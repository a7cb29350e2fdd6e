/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What waits for the journal: records that are kept (audit.h), and acts whose record it did not take. The socket tells when there is room again,
 * and where nobody is at its other end, it is tried now and then. Acts come back in the order in which they began, one each time
 * round the event loop: everybody else is served meanwhile. How many one uid may have waiting is bounded by what is charged to it. */

#include <systemd/sd-event.h>

#include "audit.h"

typedef struct RecordWait RecordWait;
/* Nothing is owned but itself; audit outlives it. */
int record_wait_new(sd_event *event, Audit *audit, RecordWait **ret);
RecordWait *record_wait_free(RecordWait *w); /* who waits is told -ESHUTDOWN */

/* The deadline of one who begins to wait: LIMIT_AUDIT_WAIT_USEC from now, and later than any before, so that no two have the same. */
uint64_t record_wait_deadline(RecordWait *w);

/* Called exactly once. error: 0, there is room, or the deadline has come; or -ESHUTDOWN. */
typedef void (*RecordWaitDone)(int error, void *userdata);
/* deadline: CLOCK_BOOTTIME. done() is never called before this returns; where it is negative, it is not called. Who has waited already and found no room after
 * all comes again with the same deadline, and is in front of those who came later. */
int record_wait_begin(RecordWait *w, uint64_t deadline, RecordWaitDone done, void *userdata);
/* Whoever comes while somebody waits has to wait behind them, even where there is room by now: what is done has the order in which it was asked for. */
bool record_wait_has_waiters(const RecordWait *w);
