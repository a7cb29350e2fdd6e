/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The rooms of a connection, and what they have to say to each other:
 *
 *   connection-begin.c  SEEKING, ASKED, DIALING: from accept() until it is open, or comes to nothing
 *   connection.c        OPEN, REFUSED: what is said passes, or is refused; and the ends of each
 *   connection-lease.c  all of them: judged again under another lease, listed, ended
 *
 * The first knows the second, and the third both; nothing is called the other way. */

#include "connection.h"

/* ---- connection.c ---- */

static inline bool connection_is_open(const Connection *c) {
        return c->state == CONNECTION_OPEN || c->state == CONNECTION_REFUSED;
}

/* Of both states, and c may be gone after each: something has come on one of its sides; its time is over. */
void connection_hear(Connection *c, sd_event_source *source, int fd, uint32_t events);
void connection_late(Connection *c);
/* It is connected: its client is told, and what has been said passes. */
void connection_opened(Connection *c);

int connection_set_timer(Connection *c, uint64_t usec);
EgressReport connection_report(const Connection *c, EgressKind kind);
EgressReport connection_report_so_far(const Connection *c, EgressKind kind); /* with what it has carried until now */

/* CLOSE or FAIL is told. */
void connection_tell_end(const Connection *c, EgressKind kind, EgressReason reason, int error);
/* The same, and then it is gone. By a reset on both sides, unless clean: all that was to be said has been. */
void connection_end(Connection *c, EgressKind kind, EgressReason reason, int error, bool clean);
/* A refusal is told first. */
void connection_end_for(Connection *c, EgressKind kind, const Judgement *j);
/* One that was dialled is reset; a client of the proxy is told. It is not gone yet. */
void connection_dismiss(Connection *c, ProxyOutcome outcome);
/* Without a word. */
void connection_free(Connection *c);

/* ---- connection-begin.c ---- */

/* Of SEEKING: there is no place for it, and then it is gone. */
void connection_leads_nowhere(Connection *c, EgressReason reason);
