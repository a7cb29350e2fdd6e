/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Whose process is at the other end of a connection within this host: sock_diag(7), which tells everybody. */

#include <stdint.h>
#include <sys/socket.h>

/* A descriptor or a negative errno. */
int peer_open(void);
/* EGRESS_UID_UNKNOWN where it is not of this host, where the kernel cannot tell, and where it has gone already: of what nobody holds any more, nobody is
 * told to be the owner. */
uint32_t peer_uid(int diag, const struct sockaddr_storage *peer, const struct sockaddr_storage *here);
