/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Descriptors over a unix socket: unix(7), SCM_RIGHTS. */

#include <stddef.h>
#include <sys/types.h>

#define FD_PASS_MAX 253U /* of one message: SCM_MAX_FD of the kernel */

/* Connects to the socket of a path, of a type (SOCK_STREAM or SOCK_SEQPACKET, with SOCK_NONBLOCK or without). A descriptor, O_CLOEXEC, or a negative errno. */
int fd_connect(const char *path, int type);

/* One sendmsg(), with n_fds of ours beside the first byte; flags beside MSG_NOSIGNAL. Bytes sent, or a negative errno. */
ssize_t fd_pass(int socket, const void *data, size_t size, const int *fds, size_t n_fds, int flags);

/* One recvmsg(). Bytes received; *ret_n_fds descriptors (at most max) are the caller's, O_CLOEXEC. A negative errno, and none: -EMFILE where more
 * came than max, or than this process may have. */
ssize_t fd_take(int socket, void *data, size_t size, int *fds, size_t max, size_t *ret_n_fds, int flags);
