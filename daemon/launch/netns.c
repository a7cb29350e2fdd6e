/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A network with nothing but lo, and an empty namespace of System V objects and message queues. They come ready from the pool, or are
 * made here when the pool is empty; they are never used twice. */

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "cage.h"
#include "cleanup.h"
#include "netns.h"

void empty_namespaces_close(EmptyNamespaces *e) {
        cleanup_closep(&e->net);
        cleanup_closep(&e->ipc);
        *e = EMPTY_NAMESPACES_NONE;
}

int netns_unshare(void) {
        if (unshare(CLONE_NEWNET | CLONE_NEWIPC) < 0)
                return -errno;
        _cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
        return ioctl(fd, SIOCSIFFLAGS, &lo) < 0 ? -errno : 0;
}

int wall_netns(Cage *c) {
        if (c->empty.net < 0)
                return netns_unshare();
        if (setns(c->empty.net, CLONE_NEWNET) < 0 || setns(c->empty.ipc, CLONE_NEWIPC) < 0)
                return -errno;
        (void)close(TAKE_FD(c->empty.net)); /* an empty network is all that could be lost */
        (void)close(TAKE_FD(c->empty.ipc));
        return 0;
}
