/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A network of egress-net.h for a test: steered SOCKET. Its listeners, and what steers to them, go through that descriptor; it stays until the other
 * end is closed. */

#include <sys/socket.h>

#include "cleanup.h"
#include "netns.h"
#include "steering.h"

static int send_all(int socket, Steering *s) {
        int *steered[STEERING_FDS], fds[STEERING_FDS];
        steering_fds(s, steered);
        for (size_t i = 0; i < STEERING_FDS; i++)
                fds[i] = *steered[i];
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(sizeof(fds))];
        } control = { 0 };
        struct iovec part = { .iov_base = (void *)"x", .iov_len = 1 };
        struct msghdr m = { .msg_iov = &part,
                .msg_iovlen = 1,
                .msg_control = control.bytes,
                .msg_controllen = sizeof(control.bytes) };
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(fds));
        memcpy(CMSG_DATA(c), fds, sizeof(fds));
        return sendmsg(socket, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int main(int argc, char **argv) {
        int socket = argc == 2 ? (int)strtol(argv[1], NULL, 10) : -EBADF;
        Steering s = STEERING_NONE;
        int r = netns_unshare();
        if (r == 0)
                r = steering_make(&s);
        if (r == 0)
                r = send_all(socket, &s);
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
