/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The way of a connection through the host's proxy: its addresses are found and tried, it is asked, and it answers. Which connection goes that way was
 * decided, and is on record, before. Its addresses are an administrator's: they may be what no rule would open. */

#include "connection.h"


/* Of which UpstreamDial is the state, owned by c->dial. Each: 0, or a negative errno for which there is no connection. */
int upstream_begin(Connection *c, sd_event_io_handler_t on_outer);
/* What was tried came to nothing, or takes too long: the next one, or error, a negative errno. */
int upstream_next(Connection *c, int error);
int upstream_ask(Connection *c); /* it is connected */
bool upstream_is_asked(const Connection *c);
bool upstream_has_more(const Connection *c);
/* 1: it is open, and what follows is in c->down; 0: not yet; a negative errno: *ret_reason, and c->status. */
int upstream_read(Connection *c, EgressReason *ret_reason);
void upstream_leave(Connection *c); /* whatever has come of it */
