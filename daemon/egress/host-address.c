/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host-address.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "cleanup.h"

bool host_has_address(int family, const void *address) {
        _cleanup_close_ int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return errno != EAFNOSUPPORT; /* a host without IPv6 has no address of that kind */
        if (family == AF_INET) {
                struct sockaddr_in a = { .sin_family = AF_INET };
                memcpy(&a.sin_addr, address, sizeof(a.sin_addr));
                return bind(fd, (const struct sockaddr *)&a, sizeof(a)) == 0 || errno != EADDRNOTAVAIL;
        }
        struct sockaddr_in6 a = { .sin6_family = AF_INET6 };
        memcpy(&a.sin6_addr, address, sizeof(a.sin6_addr));
        return bind(fd, (const struct sockaddr *)&a, sizeof(a)) == 0 || errno != EADDRNOTAVAIL;
}
