/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fd-pass.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "cleanup.h"

typedef union Control {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(FD_PASS_MAX * sizeof(int))];
} Control;

int fd_connect(const char *path, int type) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, strlen(path));
        _cleanup_close_ int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;
        return TAKE_FD(fd);
}

ssize_t fd_pass(int socket, const void *data, size_t size, const int *fds, size_t n_fds, int flags) {
        Control control;
        struct iovec part = { .iov_base = (void *)data, .iov_len = size };
        struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
        if (n_fds > FD_PASS_MAX)
                return -E2BIG;
        if (n_fds > 0) {
                m.msg_control = control.bytes;
                m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
                memset(&control, 0, m.msg_controllen);
                struct cmsghdr *c = CMSG_FIRSTHDR(&m);
                c->cmsg_level = SOL_SOCKET;
                c->cmsg_type = SCM_RIGHTS;
                c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
                memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
        }
        ssize_t n;
        do
                n = sendmsg(socket, &m, MSG_NOSIGNAL | flags);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : n;
}

/* False: not all of them are there. */
static bool take_all(struct msghdr *m, int *fds, size_t max, size_t *n_fds) {
        bool whole = (m->msg_flags & MSG_CTRUNC) == 0;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                for (size_t i = 0; i < n; i++) {
                        int fd;
                        memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
                        if (*n_fds < max) {
                                fds[(*n_fds)++] = fd;
                        } else {
                                (void)close(fd); /* as all others, in a moment */
                                whole = false;
                        }
                }
        }
        return whole;
}

ssize_t fd_take(int socket, void *data, size_t size, int *fds, size_t max, size_t *ret_n_fds, int flags) {
        Control control;
        struct iovec part = { .iov_base = data, .iov_len = size };
        struct msghdr m = {
                .msg_iov = &part,
                .msg_iovlen = 1,
                .msg_control = control.bytes,
                .msg_controllen = sizeof(control.bytes),
        };
        *ret_n_fds = 0;
        ssize_t n;
        do
                n = recvmsg(socket, &m, MSG_CMSG_CLOEXEC | flags);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        if (take_all(&m, fds, max, ret_n_fds))
                return n;
        for (size_t i = 0; i < *ret_n_fds; i++)
                (void)close(fds[i]); /* nobody gets a part of them */
        *ret_n_fds = 0;
        return -EMFILE;
}
