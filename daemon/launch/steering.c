/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Three parts make it: addresses and local routes, by which every address there is belongs to lo; a TCP listener and a UDP socket on port
 * 53, and another one for all other datagrams; and a program (steer-program.c) that gives them what goes to other ports. */

#include "steering.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "bpf-code.h"
#include "cgroup.h"
#include "cleanup.h"
#include "egress-net.h"
#include "netns.h"
#include "steer-program.h"

#define BACKLOG 128
#define PATIENCE_MSEC 2000 /* of the probe, once when the launcher begins */

void steering_fds(Steering *s, int *ret[static STEERING_FDS]) {
        int *const fds[STEERING_FDS] = { &s->tcp, &s->udp, &s->datagrams, &s->raw_v4, &s->raw_v6, &s->link,
                &s->refuse.table, &s->refuse.ring, &s->refuse.programs[0], &s->refuse.programs[1],
                &s->refuse.programs[2], &s->refuse.programs[3] };
        memcpy(ret, fds, sizeof(fds));
}

void steering_close(Steering *s) {
        int *fds[STEERING_FDS];
        steering_fds(s, fds);
        for (size_t i = 0; i < STEERING_FDS; i++)
                cleanup_closep(fds[i]);
        *s = STEERING_NONE;
}

/* ---- addresses and routes ---- */

typedef struct Block {
        const char *address;
        uint8_t bits;
} Block;

typedef struct Family {
        int family;
        const char *own;
        uint8_t bits;
        Block refused[2]; /* to many at once: else it is sent, and lost without a word */
} Family;

static const Family families[] = {
        { AF_INET, EGRESS_OWN_V4, 32, { { "224.0.0.0", 4 }, { "255.255.255.255", 32 } } },
        { AF_INET6, EGRESS_OWN_V6, 128, { { "ff00::", 8 } } },
};

/* Messages for rtnetlink(7), one behind the other. */
typedef struct Batch {
        _Alignas(NLMSG_ALIGNTO) uint8_t bytes[512];
        size_t used;
        uint32_t n;
} Batch;

static struct nlmsghdr *begin_message(Batch *b, uint16_t type, const void *body, size_t size) {
        struct nlmsghdr *m = (struct nlmsghdr *)(void *)(b->bytes + b->used);
        *m = (struct nlmsghdr){
                .nlmsg_len = NLMSG_LENGTH(size),
                .nlmsg_type = type,
                .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
                .nlmsg_seq = ++b->n,
        };
        memcpy(NLMSG_DATA(m), body, size);
        return m;
}

static void add_attribute(struct nlmsghdr *m, uint16_t type, const void *value, size_t size) {
        struct rtattr *a = (struct rtattr *)(void *)((uint8_t *)m + NLMSG_ALIGN(m->nlmsg_len));
        *a = (struct rtattr){ .rta_len = (uint16_t)RTA_LENGTH(size), .rta_type = type };
        memcpy(RTA_DATA(a), value, size);
        m->nlmsg_len = NLMSG_ALIGN(m->nlmsg_len) + RTA_ALIGN(a->rta_len);
}

static void end_message(Batch *b, const struct nlmsghdr *m) {
        b->used += NLMSG_ALIGN(m->nlmsg_len);
}

/* The kernel says EACCES itself. */
static void refuse_block(Batch *b, const Family *f, const Block *block) {
        uint8_t address[sizeof(struct in6_addr)] = { 0 };
        (void)inet_pton(f->family, block->address, address); /* it is one, and tested */
        const struct rtmsg route = {
                .rtm_family = (uint8_t)f->family,
                .rtm_dst_len = block->bits,
                .rtm_table = RT_TABLE_LOCAL,
                .rtm_protocol = RTPROT_STATIC,
                .rtm_scope = RT_SCOPE_UNIVERSE,
                .rtm_type = RTN_PROHIBIT,
        };
        struct nlmsghdr *m = begin_message(b, RTM_NEWROUTE, &route, sizeof(route));
        add_attribute(m, RTA_DST, address, f->bits / 8);
        end_message(b, m);
}

/* The own address, which is there at once (nobody else could have it), and all others as local ones: what goes to them comes from the own. */
static void add_family(Batch *b, const Family *f, uint32_t lo) {
        uint8_t own[sizeof(struct in6_addr)] = { 0 };
        const size_t size = f->bits / 8;
        (void)inet_pton(f->family, f->own, own); /* of egress-net.h, and tested */
        const struct ifaddrmsg address = {
                .ifa_family = (uint8_t)f->family,
                .ifa_prefixlen = f->bits,
                .ifa_flags = IFA_F_NODAD,
                .ifa_index = lo,
        };
        struct nlmsghdr *m = begin_message(b, RTM_NEWADDR, &address, sizeof(address));
        add_attribute(m, IFA_LOCAL, own, size);
        add_attribute(m, IFA_ADDRESS, own, size);
        end_message(b, m);
        const struct rtmsg route = {
                .rtm_family = (uint8_t)f->family,
                .rtm_table = RT_TABLE_LOCAL,
                .rtm_protocol = RTPROT_STATIC,
                .rtm_scope = f->family == AF_INET ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE,
                .rtm_type = RTN_LOCAL,
        };
        m = begin_message(b, RTM_NEWROUTE, &route, sizeof(route));
        add_attribute(m, RTA_OIF, &lo, sizeof(lo));
        add_attribute(m, RTA_PREFSRC, own, size);
        end_message(b, m);
        for (size_t i = 0; i < ELEMENTSOF(f->refused) && f->refused[i].address; i++)
                refuse_block(b, f, &f->refused[i]);
}

/* Every message of a batch has been carried out: rtnetlink answers in the same order, before send() returns. */
static int take_answers(int fd, uint32_t n) {
        for (uint32_t i = 1; i <= n; i++) {
                _Alignas(NLMSG_ALIGNTO) uint8_t bytes[1024];
                ssize_t size = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
                if (size < 0)
                        return -errno;
                const struct nlmsghdr *m = (const struct nlmsghdr *)(void *)bytes;
                const struct nlmsgerr *answer = NLMSG_DATA(m);
                if (size < (ssize_t)NLMSG_LENGTH(sizeof(*answer)) || m->nlmsg_type != NLMSG_ERROR ||
                                m->nlmsg_seq != i)
                        return -EPROTO;
                if (answer->error != 0)
                        return answer->error;
        }
        return 0;
}

static int make_everything_local(void) {
        _cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
        uint32_t lo = fd < 0 ? 0 : if_nametoindex("lo");
        if (lo == 0)
                return -errno;
        Batch b = { .used = 0 };
        for (size_t i = 0; i < ELEMENTSOF(families); i++)
                add_family(&b, &families[i], lo);
        const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
        if (sendto(fd, b.bytes, b.used, 0, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0)
                return -errno;
        return take_answers(fd, b.n);
}

/* ---- sockets ---- */

/* Of both families. */
static int open_socket(int type, const char *address, uint16_t port, int *ret) {
        static const int no = 0;
        struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
        (void)inet_pton(AF_INET6, address, &at.sin6_addr); /* of this file, and tested */
        _cleanup_close_ int fd = socket(AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no)) < 0 ||
                        bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
                return -errno;
        *ret = TAKE_FD(fd);
        return 0;
}

static int open_tcp(int *ret) {
        _cleanup_close_ int fd = -EBADF;
        int r = open_socket(SOCK_STREAM, "::", STEER_PORT_DOMAIN, &fd);
        if (r < 0)
                return r;
        if (listen(fd, BACKLOG) < 0)
                return -errno;
        *ret = TAKE_FD(fd);
        return 0;
}

/* Says with each question which address it was sent to, and may answer from there: of IPv6, an address that is only local by its
 * route is none of ours otherwise. */
static int open_udp(int *ret) {
        static const int yes = 1;
        _cleanup_close_ int fd = -EBADF;
        int r = open_socket(SOCK_DGRAM, "::", STEER_PORT_DOMAIN, &fd);
        if (r < 0)
                return r;
        if (setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &yes, sizeof(yes)) < 0 ||
                        setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &yes, sizeof(yes)) < 0)
                return -errno;
        *ret = TAKE_FD(fd);
        return 0;
}

/* Where it is bound matters to nobody: what it gets it is given. It must be somewhere, and there it is in nobody's way. */
static int open_datagrams(int *ret) {
        static const int yes = 1;
        _cleanup_close_ int fd = -EBADF;
        int r = open_socket(SOCK_DGRAM, "::ffff:" EGRESS_PROXY_V4, STEER_PORT_DATAGRAMS, &fd);
        if (r < 0)
                return r;
        if (setsockopt(fd, IPPROTO_IP, IP_RECVORIGDSTADDR, &yes, sizeof(yes)) < 0 ||
                        setsockopt(fd, IPPROTO_IPV6, IPV6_RECVORIGDSTADDR, &yes, sizeof(yes)) < 0)
                return -errno;
        *ret = TAKE_FD(fd);
        return 0;
}

static int open_raw(int family, int *ret) {
        *ret = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
        return *ret < 0 ? -errno : 0;
}

/* ---- all of it ---- */

static int put(int map, uint32_t key, int socket) {
        const uint64_t value = (uint64_t)socket;
        union bpf_attr attr = {
                .map_fd = (uint32_t)map,
                .key = (uint64_t)(uintptr_t)&key,
                .value = (uint64_t)(uintptr_t)&value,
        };
        return bpf_call(BPF_MAP_UPDATE_ELEM, &attr);
}

/* A map with the two sockets. It holds each no longer than that is open. */
static int new_map(const Steering *s) {
        union bpf_attr make = {
                .map_type = BPF_MAP_TYPE_SOCKMAP,
                .key_size = sizeof(uint32_t),
                .value_size = sizeof(uint64_t),
                .max_entries = _STEER_TO_MAX,
                .map_name = "mxc_steered",
        };
        _cleanup_close_ int map = bpf_call(BPF_MAP_CREATE, &make);
        int r = map < 0 ? map : put(map, STEER_TO_TCP, s->tcp);
        if (r >= 0)
                r = put(map, STEER_TO_DATAGRAMS, s->datagrams);
        return r < 0 ? r : TAKE_FD(map);
}

static int attach(const Steering *s, int *ret_link) {
        _cleanup_close_ int map = new_map(s);
        if (map < 0)
                return map;
        _cleanup_close_ int program = steer_program_load(map),
                            net = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        if (program < 0 || net < 0)
                return program < 0 ? program : -errno;
        union bpf_attr attr = { .link_create = {
                                                .prog_fd = (uint32_t)program,
                                                .target_fd = (uint32_t)net,
                                                .attach_type = BPF_SK_LOOKUP,
                                } };
        int link = bpf_call(BPF_LINK_CREATE, &attr);
        if (link < 0)
                return link;
        *ret_link = link;
        return 0;
}

int steering_make(Steering *ret) {
        Steering s = STEERING_NONE;
        int r = make_everything_local();
        if (r == 0)
                r = open_tcp(&s.tcp);
        if (r == 0)
                r = open_udp(&s.udp);
        if (r == 0)
                r = open_datagrams(&s.datagrams);
        if (r == 0)
                r = open_raw(AF_INET, &s.raw_v4);
        if (r == 0)
                r = open_raw(AF_INET6, &s.raw_v6);
        if (r == 0)
                r = attach(&s, &s.link);
        if (r < 0)
                steering_close(&s);
        else
                (void)refuse_make(&s.refuse); /* else its refusals are slower: refuse_probe() has said so */
        *ret = s;
        return r;
}

/* ---- whether this host can ---- */

/* What has been sent is under way where softirqs have much to do; what is steered elsewhere never comes. */
static bool comes(int fd) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        return poll(&p, 1, PATIENCE_MSEC) == 1;
}

/* A connection to that address is accepted here, and says where it was going. */
static bool lands(const Steering *s, const struct sockaddr_in6 *to) {
        struct sockaddr_in6 went;
        socklen_t size = sizeof(went);
        _cleanup_close_ int dialled = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (dialled < 0 || connect(dialled, (const struct sockaddr *)to, sizeof(*to)) < 0)
                return false;
        _cleanup_close_ int taken = comes(s->tcp) ? accept4(s->tcp, NULL, NULL, SOCK_CLOEXEC) : -EBADF;
        return taken >= 0 && getsockname(taken, (struct sockaddr *)&went, &size) == 0 &&
               memcmp(&went.sin6_addr, &to->sin6_addr, sizeof(went.sin6_addr)) == 0 &&
               went.sin6_port == to->sin6_port;
}

/* So does a datagram. */
static bool lands_too(const Steering *s, const struct sockaddr_in6 *to) {
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(sizeof(struct sockaddr_in6)) * 2];
        } control;
        char byte;
        struct iovec part = { .iov_base = &byte, .iov_len = 1 };
        struct msghdr m = { .msg_iov = &part,
                .msg_iovlen = 1,
                .msg_control = control.bytes,
                .msg_controllen = sizeof(control.bytes) };
        _cleanup_close_ int sent = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (sent < 0 || sendto(sent, "", 1, 0, (const struct sockaddr *)to, sizeof(*to)) != 1 ||
                        !comes(s->datagrams) || recvmsg(s->datagrams, &m, 0) != 1)
                return false;
        const struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        if (c && c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_ORIGDSTADDR) {
                struct sockaddr_in v4;
                memcpy(&v4, CMSG_DATA(c), sizeof(v4));
                return memcmp(&v4.sin_addr, to->sin6_addr.s6_addr + 12, sizeof(v4.sin_addr)) == 0 &&
                       v4.sin_port == to->sin6_port;
        }
        struct sockaddr_in6 v6 = { .sin6_family = AF_UNSPEC };
        if (c && c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_ORIGDSTADDR)
                memcpy(&v6, CMSG_DATA(c), sizeof(v6));
        return memcmp(&v6.sin6_addr, &to->sin6_addr, sizeof(v6.sin6_addr)) == 0 &&
               v6.sin6_port == to->sin6_port;
}

static bool try(void) {
        static const char *const addresses[] = { "::ffff:192.0.2.1", "2001:db8::1" }; /* of documentation */
        _cleanup_(steering_close) Steering s = STEERING_NONE;
        bool all = netns_unshare() == 0 && steering_make(&s) == 0;
        for (size_t i = 0; all && i < ELEMENTSOF(addresses); i++) {
                struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(443) };
                all = inet_pton(AF_INET6, addresses[i], &to.sin6_addr) == 1 && lands(&s, &to) &&
                      lands_too(&s, &to);
        }
        return all;
}

int steering_probe(void) {
        int pidfd, status;
        pid_t pid = cgroup_clone(-EBADF, 0, &pidfd);
        if (pid == 0)
                _exit(try() ? EXIT_SUCCESS : EXIT_FAILURE);
        if (pid < 0)
                return 0;
        (void)close(pidfd); /* nothing in there waits for anything */
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return 0;
        return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}
