/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* On the system bus strangers share one connection, so who stands at it may not be kept waiting by any of them: whatever comes with descriptors a
 * process of its own takes from the connection, a keeper. He hands it back with tickets in their place, keeps them until nobody can ask for one any
 * more, and ends: a process that ends does not linger (ticket.h). */

#include <stddef.h>
#include <sys/types.h>

#define KEEPERS_MAX 4096U /* who keep something; beyond that what comes is not kept, and its ticket can be redeemed by nobody */

/* As fd_take() with MSG_DONTWAIT, but what it gives are tickets, and no descriptor that came has been this process's. -EAGAIN also where nobody can be
 * begotten, after a moment. */
ssize_t keeper_take(int socket, void *data, size_t size, int *fds, size_t max, size_t *ret_n_fds);
