/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "destination.h"

#include <sys/socket.h>

#include "cleanup.h"
#include "host-address.h"
#include "synthetic.h"

void destination_of_address(const Egress *e, const NetCidr *address, unsigned protocol,
                const char *hosts[NAMES_PER_ADDRESS], Destination *ret) {
        const char *host = e->synthetic ? synthetic_host(e->synthetic, address) : NULL;
        ret->address = *address;
        ret->protocol = protocol;
        ret->synthetic = host || (e->lease->dns == DNS_SYNTHETIC && address_is_synthetic(address));
        if (host)
                hosts[0] = host;
        if (ret->synthetic || (e->lease->dns == DNS_SYNTHETIC && protocol == PROTOCOL_TCP))
                ret->n_hosts = host ? 1 : 0;
        else
                ret->n_hosts = names_of(e->names, address, hosts);
        ret->hosts = hosts;
}

void destination_find(const Egress *e, const struct sockaddr_in6 *to, unsigned protocol,
                const char *hosts[NAMES_PER_ADDRESS], Destination *ret) {
        const bool mapped = IN6_IS_ADDR_V4MAPPED(&to->sin6_addr);
        const int family = mapped ? AF_INET : AF_INET6;
        const uint8_t *bytes = to->sin6_addr.s6_addr + (mapped ? 12 : 0);
        NetCidr address;
        cidr_from_address(family, bytes, &address);
        destination_of_address(e, &address, protocol, hosts, ret);
        ret->by_address_only = address.family != family || host_has_address(family, bytes);
        ret->port = ntohs(to->sin6_port);
        if (ret->synthetic && address.family != family) /* in this spelling it was told to nobody */
                ret->n_hosts = 0;
}

/* The two addresses that are others outside, in any spelling, as what is judged. */
static struct in6_addr address_outside(const struct in6_addr *a) {
        static const struct in6_addr loopback_v4 = { .s6_addr = { [10] = 0xff, [11] = 0xff, 127, 0, 0, 1 } };
        const bool mapped = IN6_IS_ADDR_V4MAPPED(a);
        NetCidr folded;
        cidr_from_address(mapped ? AF_INET : AF_INET6, a->s6_addr + (mapped ? 12 : 0), &folded);
        if (!address_is_host_loopback(&folded))
                return *a;
        return folded.family == AF_INET ? loopback_v4 : in6addr_loopback;
}

/* The port that the kernel gave it is the one that it goes to: nobody is there but itself. */
static bool is_itself(int fd, const struct sockaddr_in6 *to) {
        struct sockaddr_in6 own = { .sin6_family = AF_UNSPEC };
        struct sockaddr_in v4;
        socklen_t size = sizeof(own);
        if (getsockname(fd, (struct sockaddr *)&own, &size) < 0)
                return false;
        memcpy(&v4, &own, sizeof(v4));
        if (own.sin6_family == AF_INET)
                return v4.sin_port == to->sin6_port &&
                       memcmp(&v4.sin_addr, to->sin6_addr.s6_addr + 12, sizeof(v4.sin_addr)) == 0;
        return own.sin6_port == to->sin6_port && IN6_ARE_ADDR_EQUAL(&own.sin6_addr, &to->sin6_addr);
}

int destination_dial_as_it_is(const struct sockaddr_in6 *to, int type) {
        struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = to->sin6_port };
        const bool mapped = IN6_IS_ADDR_V4MAPPED(&to->sin6_addr);
        memcpy(&v4.sin_addr, to->sin6_addr.s6_addr + 12, 4);
        const struct sockaddr *there = mapped ? (const struct sockaddr *)&v4 : (const struct sockaddr *)to;
        _cleanup_close_ int fd = socket(mapped ? AF_INET : AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0 || (connect(fd, there, mapped ? sizeof(v4) : sizeof(*to)) < 0 && errno != EINPROGRESS))
                return -errno;
        return is_itself(fd, to) ? -ECONNREFUSED : TAKE_FD(fd);
}

int destination_dial(const struct sockaddr_in6 *to, int type) {
        struct sockaddr_in6 there = *to;
        there.sin6_addr = address_outside(&to->sin6_addr);
        there.sin6_scope_id = 0; /* a number of the sandbox's interface: it means another one here */
        return destination_dial_as_it_is(&there, type);
}
