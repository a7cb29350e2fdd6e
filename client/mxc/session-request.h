/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What is sent to mxcd for an MXC request, and what MXC's callers are told where that is refused. For session.c. */

#include "door.h"
#include "session.h"

/* Begins Spawn, or Exec, with door_begin(), whose serial it gives. */
uint32_t session_write_request(Door *d, WireWriter *w, const MxcRequest *request, const MxcSpawn *spawn);
/* Its answer is an error, or there is no connection. As mxc_refuse(). */
int session_refuse_answer(const WireMessage *m, const MxcRequest *request, const MxcSpawn *spawn, MxcError *e);
int session_refuse_connection(int error, MxcError *e);
