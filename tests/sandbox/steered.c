/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A network of egress-net.h for a test: steered SOCKET [CGROUP]. Its listeners, and what steers to them, go through that descriptor; it stays until
 * the other end is closed. With a control group the kernel refuses there by itself, and the table and the ring of that go along. */

#include <fcntl.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "netns.h"
#include "steering.h"

static int send_all(int socket, Steering *s, size_t n) {
        int *steered[STEERING_FDS], fds[STEERING_FDS];
        steering_fds(s, steered);
        for (size_t i = 0; i < n; i++)
                fds[i] = *steered[i];
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(sizeof(fds))];
        } control = { 0 };
        struct iovec part = { .iov_base = (void *)"x", .iov_len = 1 };
        struct msghdr m = { .msg_iov = &part,
                .msg_iovlen = 1,
                .msg_control = control.bytes,
                .msg_controllen = CMSG_SPACE(n * sizeof(int)) };
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n * sizeof(int));
        memcpy(CMSG_DATA(c), fds, n * sizeof(int));
        return sendmsg(socket, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int main(int argc, char **argv) {
        int socket = argc >= 2 ? (int)strtol(argv[1], NULL, 10) : -EBADF;
        Steering s = STEERING_NONE;
        int r = netns_unshare();
        if (r == 0)
                r = steering_make(&s);
        if (r == 0 && argc == 3) {
                _cleanup_close_ int leaf = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                r = leaf < 0 ? -errno : s.refuse.table < 0 ? -EOPNOTSUPP : refuse_attach(&s.refuse, leaf);
        }
        if (r == 0)
                r = send_all(socket, &s, argc == 3 ? STEERING_FDS_ALWAYS + 2 : STEERING_FDS_ALWAYS);
        if (r < 0) {
                fprintf(stderr, "A steered network: %s\n", strerror(-r));
                return EXIT_FAILURE;
        }
        steering_close(&s);
        char byte;
        while (read(socket, &byte, 1) > 0)
                ;
        return EXIT_SUCCESS;
}
