/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ports of the host for a sandbox that publishes some: they are taken before the sandbox is begun, and held for as long as it runs. */

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "fd.h"
#include "relay.h"

#define BACKLOG 128
#define FIRST_PORT "/proc/sys/net/ipv4/ip_unprivileged_port_start"

void listener_format(const PlanListener *l, char ret[LISTENER_TEXT_SIZE]) {
        char address[INET6_ADDRSTRLEN] = "";
        (void)inet_ntop((int)l->family, l->address, address, sizeof(address)); /* one of two families */
        (void)snprintf(ret, LISTENER_TEXT_SIZE, l->family == AF_INET6 ? "[%s]:%u" : "%s:%u", address,
                        l->port);
}

/* We could have any port. A sandbox gets none that its owner could not. */
static int check_port(uint32_t port) {
        _cleanup_free_ char *text = NULL;
        int r = fd_read_file_at(AT_FDCWD, FIRST_PORT, 32, &text, NULL);
        if (r < 0)
                return r;
        return port < strtoul(text, NULL, 10) ? -EACCES : 0;
}

static int bind_to(int fd, const PlanListener *l) {
        struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)l->port) };
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)l->port) };
        memcpy(&v4.sin_addr, l->address, sizeof(v4.sin_addr));
        memcpy(&v6.sin6_addr, l->address, sizeof(v6.sin6_addr));
        int r = l->family == AF_INET6 ? bind(fd, (const struct sockaddr *)&v6, sizeof(v6))
                                      : bind(fd, (const struct sockaddr *)&v4, sizeof(v4));
        return r < 0 ? -errno : 0;
}

/* SO_REUSEADDR: connections of the last one that are over are in nobody's way. Two that listen still are in each other's. */
static int listen_at(const PlanListener *l, int *ret) {
        static const int yes = 1;
        int r = check_port(l->port);
        if (r < 0)
                return r;
        _cleanup_close_ int fd = socket((int)l->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
                        (l->family == AF_INET6 &&
                                        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes)) < 0))
                return -errno;
        r = bind_to(fd, l);
        if (r == 0 && listen(fd, BACKLOG) < 0)
                r = -errno;
        if (r == 0)
                *ret = TAKE_FD(fd);
        return r < 0 ? r : launcher_move_up(ret);
}

int relay_publish(Relay *r, const LaunchPlan *plan, int net, const PlanListener **ret_where) {
        r->net = fcntl(net, F_DUPFD_CLOEXEC, LAUNCHER_FDS_LOW);
        if (r->net < 0)
                return -errno;
        for (size_t i = 0; i < plan->n_published; i++) {
                int fd = -EBADF, error = listen_at(&plan->published[i], &fd);
                if (fd >= 0)
                        r->published[r->n_published++] = fd;
                if (error < 0) {
                        *ret_where = &plan->published[i];
                        return error;
                }
        }
        return 0;
}
