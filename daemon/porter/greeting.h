/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* How a D-Bus connection begins: D-Bus specification, "Authentication Protocol". Both ends of it, each waiting at most until deadline
 * (CLOCK_MONOTONIC, milliseconds). Who is at the other end the kernel has told already (SO_PEERCRED), to mxcd and to the bus: any claim is
 * taken, and none counts. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Answers who connects, until he says BEGIN. What he sends behind that stays unread, but for descriptors: those that come along with his last
 * words are those of his first message. At most max, the caller's, also when it fails. *ret_fds_agreed: whether he asked to send and be sent some.
 * 0 or a negative errno: -EBADMSG for what is no greeting, -ECONNRESET, -ETIMEDOUT. */
int greeting_serve(int fd, uint64_t deadline, int *fds, size_t max, size_t *n_fds, bool *ret_fds_agreed);

/* Connects: says all of it at once, and hears the answers. On return the other end has read it all, where descriptors are asked for: what is
 * sent then is not taken for a part of it. 0 or a negative errno: -EPERM when it is not let in. */
int greeting_ask(int fd, uint64_t deadline, bool with_fds);
