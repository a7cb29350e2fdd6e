/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "peer.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "cleanup.h"
#include "egress-channel.h"

int peer_open(void) {
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
        return fd < 0 ? -errno : fd;
}

static void put_end(const struct sockaddr_storage *s, __be32 address[4], __be16 *port) {
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        if (s->ss_family == AF_INET) {
                memcpy(&v4, s, sizeof(v4));
                memcpy(address, &v4.sin_addr, sizeof(v4.sin_addr));
                *port = v4.sin_port;
        } else {
                memcpy(&v6, s, sizeof(v6));
                memcpy(address, &v6.sin6_addr, sizeof(v6.sin6_addr));
                *port = v6.sin6_port;
        }
}

typedef struct Question {
        struct nlmsghdr head;
        struct inet_diag_req_v2 body;
} Question;

/* Its socket is the one whose own end is their end of ours. */
static uint32_t read_answer(const struct nlmsghdr *m, size_t size, const Question *q) {
        const struct inet_diag_msg *d = NLMSG_DATA(m);
        if (size < NLMSG_LENGTH(sizeof(*d)) || m->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
                        d->idiag_state == TCP_LISTEN || d->idiag_inode == 0 ||
                        d->id.idiag_sport != q->body.id.idiag_sport ||
                        d->id.idiag_dport != q->body.id.idiag_dport)
                return EGRESS_UID_UNKNOWN;
        return d->idiag_uid;
}

uint32_t peer_uid(int diag, const struct sockaddr_storage *peer, const struct sockaddr_storage *here) {
        static uint32_t sequence;
        _Alignas(NLMSG_ALIGNTO) char bytes[4096];
        Question q = {
                .head = { .nlmsg_len = sizeof(q),
                                .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                                .nlmsg_flags = NLM_F_REQUEST,
                                .nlmsg_seq = ++sequence },
                .body = { .sdiag_family = (uint8_t)peer->ss_family,
                                .sdiag_protocol = IPPROTO_TCP,
                                .idiag_states = UINT32_MAX,
                                .id = { .idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE } } },
        };
        put_end(peer, q.body.id.idiag_src, &q.body.id.idiag_sport);
        put_end(here, q.body.id.idiag_dst, &q.body.id.idiag_dport);
        if (diag < 0 || send(diag, &q, sizeof(q), MSG_DONTWAIT) != (ssize_t)sizeof(q))
                return EGRESS_UID_UNKNOWN;
        ssize_t n;
        while ((n = recv(diag, bytes, sizeof(bytes), MSG_DONTWAIT)) >= (ssize_t)sizeof(struct nlmsghdr)) {
                const struct nlmsghdr *m = (const struct nlmsghdr *)(void *)bytes;
                if (m->nlmsg_seq == q.head.nlmsg_seq) /* it was answered before send() returned */
                        return read_answer(m, (size_t)n, &q);
        }
        return EGRESS_UID_UNKNOWN;
}
