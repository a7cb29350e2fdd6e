/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "near.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "cleanup.h"

static void hold_little(int fd, int which) {
        const int size = NEAR_BUFFER;
        (void)setsockopt(fd, SOL_SOCKET, which, &size, sizeof(size)); /* slower without, no worse */
}

void near_listener(int fd) {
        hold_little(fd, SO_SNDBUF);
        hold_little(fd, SO_RCVBUF);
}

/* Only what is sent: the window of what is received has been offered already. */
void near_connected(int fd) {
        struct tcp_info info;
        socklen_t size = sizeof(info);
        if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_rtt > 0 &&
                        info.tcpi_rtt <= NEAR_RTT_USEC)
                hold_little(fd, SO_SNDBUF);
}
