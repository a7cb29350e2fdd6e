/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A connection to mxcd for run and exec: the second door (D-Bus peer to peer), or, where nobody opens there, the system bus. Only replies
 * and signals of mxcd's own come out of it. Nothing here prints. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "wire.h"

typedef struct Door Door;

typedef struct DoorCall {
        const char *path, *interface, *member, *signature;
        uint8_t flags;
        uint32_t n_fds;
} DoorCall;

/* Connects and introduces itself, without waiting for an answer. -ENOENT, -ECONNREFUSED, -EACCES…: nobody opens, at either.
 * -ETIMEDOUT: too many wait there, and mxcd has not come to us in msec (1 or more). -ECONNABORTED: door_receive(). The sockets are those of names.h and $DBUS_SYSTEM_BUS_ADDRESS; tests name others (NULL: these). */
int door_open(const char *private_socket, const char *bus_address, int msec, Door **ret);
Door *door_free(Door *d);

int door_fd(const Door *d); /* poll it for POLLIN */
/* Calls may be sent: at the second door at once where mxcd is there, which reads them behind the introduction; where it is not, and on a bus, only
 * when we have been let in. Until then, door_receive() and wait. */
bool door_is_ready(const Door *d);
/* It has answered our introduction. */
bool door_lets_in(const Door *d);
/* Receives until it has let us in, before anything is asked. -ETIMEDOUT. */
int door_wait_ready(Door *d, int msec);

/* A call that is written into w and sent by door_send(). The serial is given back. */
uint32_t door_begin(Door *d, WireWriter *w, const DoorCall *call);
/* Ends and clears w. Waits where the other side does not read. -EILSEQ, -ENOMEM, -E2BIG of the writer; else connection errors. */
int door_send(Door *d, WireWriter *w);

/* 1: a message, valid until the next call. 0: none yet. -ECONNRESET: mxcd, or the bus, has gone. -ECONNABORTED: mxcd has hung up without letting
 * us in. Other errors: what came was no D-Bus, and the connection is useless. */
int door_receive(Door *d, WireMessage *ret);
/* What may be known of that, as a sentence without a full stop: it says nothing to whom it does not let in. */
const char *door_why_aborted(uid_t uid);
/* All that has come, each to on_message, which may free *d and make it NULL. 1: calls may be sent, which could not before; 0; negative errno: as
 * of door_receive(), and *d is still there. */
int door_turn(Door **d, void (*on_message)(const WireMessage *m, void *userdata), void *userdata);
/* The descriptor that a message's h names; the caller owns it. -EBADF where there is none such, or it was taken already. */
int door_take_fd(Door *d, uint32_t index);
