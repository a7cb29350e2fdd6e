/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Namespaces with nothing of anybody's in them: a network whose lo is up, and no System V objects and message queues. Both take
 * longer to make than to enter. */
typedef struct EmptyNamespaces {
        int net, ipc; /* -EBADF: none */
} EmptyNamespaces;

#define EMPTY_NAMESPACES_NONE ((EmptyNamespaces){ .net = -EBADF, .ipc = -EBADF })

/* Usable with _cleanup_() on EmptyNamespaces. */
void empty_namespaces_close(EmptyNamespaces *e);

/* Moves the caller into fresh ones. 0 or a negative errno. */
int netns_unshare(void);
