/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "fd.h"
#include "journal-socket.h"

/* What one datagram may hold, and what may wait unread, is bounded by the sender's buffer; libsystemd asks for as much. */
#define SEND_BUFFER (8 * 1024 * 1024)

int journal_socket_open(JournalSocket *j, const char *path) {
        size_t n = strlen(path);
        if (n == 0 || n >= sizeof(j->address.sun_path))
                return -ENAMETOOLONG;
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        const int size = SEND_BUFFER;
        if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
                (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size,
                                sizeof(size)); /* larger entries go by memfd */

        *j = (JournalSocket){ .fd = fd, .address.sun_family = AF_UNIX };
        memcpy(j->address.sun_path, path, n);
        j->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
        return 0;
}

void journal_socket_close(JournalSocket *j) {
        if (j->fd >= 0)
                (void)close(j->fd); /* only ever sent on */
        j->fd = -EBADF;
}

static int reach(JournalSocket *j) {
        return connect(j->fd, (const struct sockaddr *)&j->address, j->length) < 0 ? -errno : 0;
}

int journal_socket_check(JournalSocket *j) {
        int r = reach(j);
        if (r < 0)
                return r;
        struct pollfd p = { .fd = j->fd, .events = POLLOUT };
        if (poll(&p, 1, 0) < 0)
                return errno == EINTR ? -EAGAIN : -errno;
        return p.revents & POLLOUT
                               ? 0
                               : -EAGAIN; /* of a connected datagram socket: the reader's queue has room */
}

static int send_message(JournalSocket *j, const struct msghdr *message) {
        ssize_t n;
        do
                n = sendmsg(j->fd, message, MSG_DONTWAIT | MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : 0; /* a datagram is sent whole or not */
}

/* What does not fit in a datagram: journald maps a sealed memfd. It wants exactly these four seals (systemd 252). */
static int send_memfd(JournalSocket *j, const void *data, size_t size) {
        _cleanup_close_ int fd = memfd_create("mxc-audit", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return -errno;
        int r = fd_write_all(fd, data, size);
        if (r < 0)
                return r;
        if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
                return -errno;

        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(sizeof(int))];
        } control = { .header = { .cmsg_len = CMSG_LEN(sizeof(int)),
                                      .cmsg_level = SOL_SOCKET,
                                      .cmsg_type = SCM_RIGHTS } };
        memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
        const struct msghdr message = { .msg_control = &control, .msg_controllen = sizeof(control.bytes) };
        return send_message(j, &message);
}

int journal_socket_send(JournalSocket *j, const void *data, size_t size) {
        int r = reach(j);
        if (r < 0)
                return r;
        struct iovec iov = { .iov_base = (void *)data, .iov_len = size }; /* sendmsg() only reads it */
        const struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
        r = send_message(j, &message);
        if (r == -EMSGSIZE || r == -ENOBUFS)
                return send_memfd(j, data, size);
        return r;
}
