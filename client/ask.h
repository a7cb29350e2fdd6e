/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Asking mxcd through a Door, and saying why it did not go: each gives 0, or a status of status.h with the reason printed. */

#include "door.h"

#define ASK_CONNECT_MSEC 25000 /* for mxcd to let us in: as long as D-Bus usually waits for an answer */

/* Connects, and waits until calls can be sent. */
int ask_connect(Door **ret);
/* The second half of that, for what door_open() gave. */
int ask_until_ready(Door *d);
/* Sends a call and waits for its answer, ASK_CONNECT_MSEC where mxcd has not even let us in. *ret is valid until the door is used again. */
int ask_wait(Door *d, WireWriter *w, uint32_t serial, WireMessage *ret);

/* what: the command that cannot be run, or NULL. Gives the status. */
int ask_say_error(const char *what, const WireMessage *m);
int ask_say_no_connection(int error);
