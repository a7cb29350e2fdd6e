/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What waits for the journal: records that are kept (audit.h), and acts whose record it did not take. The socket tells when there is room again,
 * and where nobody is at its other end, it is tried now and then. Acts come back in the order in which they began, of each line, as soon as there
 * is room, LIMIT_AUDIT_WAIT_PIECE at a time, so that others are answered between; who comes between two pieces stands behind those that wait, and waits
 * for no longer than they do. How many one uid may have waiting is bounded by what is charged to it. */

#include <systemd/sd-event.h>

#include "audit.h"

typedef struct RecordWait RecordWait;
/* Nothing is owned but itself; audit outlives it. */
int record_wait_new(sd_event *event, Audit *audit, RecordWait **ret);
RecordWait *record_wait_free(RecordWait *w); /* who waits is told -ESHUTDOWN */

/* The deadline of one who begins to wait: LIMIT_AUDIT_WAIT_USEC from now, and later than any before, so that no two have the same. */
uint64_t record_wait_deadline(RecordWait *w);

/* Who waits in which line: the first goes first, and whatever owners do with their own, however often, is not in its way. */
typedef enum RecordLine {
        RECORD_LINE_ADMINISTRATORS, /* root, and who acts by what polkit lets administrators do */
        RECORD_LINE_OWNERS,
        _RECORD_LINE_MAX,
} RecordLine;

/* Called exactly once. error: 0, there is room, or the deadline has come; or -ESHUTDOWN. */
typedef void (*RecordWaitDone)(int error, void *userdata);
/* deadline: CLOCK_BOOTTIME. done() is never called before this returns; where it is negative, it is not called. Who has waited already and found no room after
 * all comes again with the same deadline, and is in front of those of its line who came later. */
int record_wait_begin(RecordWait *w, RecordLine line, uint64_t deadline, RecordWaitDone done, void *userdata);
/* Whoever comes for a line while somebody waits in that or one before it has to wait behind them, even where there is room by now: what is done has the
 * order in which it was asked for, but that administrators overtake owners. */
bool record_wait_is_behind(const RecordWait *w, RecordLine line);
