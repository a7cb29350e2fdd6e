/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the relay tells mxcd. Nothing here waits: what the channel does not take is queued, and where that is full a refusal is counted, which is
 * told by itself as soon as there is room, and an allowed connection cannot be. Refusals that are alike are told once and then counted for ten seconds: every client asks for a refused
 * name again and again. */

#include "egress.h"
#include "refusal-table.h"

int reports_new(Egress *e, int channel, Reports **ret);
Reports *reports_free(Reports *r);

/* 0, or a negative errno: it will not be on record. */
int report_send(Egress *e, EgressReport *report);

/* A name that is refused. */
void report_name(Egress *e, const char *host, const Judgement *j);
/* A connection that is refused; serial 0 where it has none. */
void report_refusal(Egress *e, const Destination *d, uint64_t serial, const Judgement *j);

/* A call of a process that the kernel refused. */
void report_call(Egress *e, const Destination *d, const Judgement *j, const RefusalEvent *event);
/* So many of which nothing else is known. */
void report_many(Egress *e, uint64_t count);

/* What a report says of a destination and a judgement; the rest is zero. */
EgressReport report_of(EgressKind kind, const Destination *d, uint64_t serial, const Judgement *j);
