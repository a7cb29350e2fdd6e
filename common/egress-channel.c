/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "egress-channel.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "net-rule.h"

static const char *const reason_words[_EGRESS_REASON_MAX] = {
        [EGRESS_BY_RULE] = "rule",
        [EGRESS_BY_DEFAULT] = "default",
        [EGRESS_NO_NAME] = "no-name",
        [EGRESS_SPECIAL] = "special-address",
        [EGRESS_BAD_NAME] = "bad-name",
        [EGRESS_SNI] = "server-name",
        [EGRESS_HOST] = "http-host",
        [EGRESS_PROTOCOL] = "protocol",
        [EGRESS_LIMIT_CONNECTIONS] = "limit-connections",
        [EGRESS_LIMIT_RATE] = "limit-connection-rate",
        [EGRESS_LIMIT_BYTES_OUT] = "limit-bytes-out",
        [EGRESS_LIMIT_BYTES_IN] = "limit-bytes-in",
        [EGRESS_UNREACHABLE] = "unreachable",
        [EGRESS_REVOKED] = "revoked",
        [EGRESS_HOST_LOOPBACK] = "host-loopback",
        [EGRESS_NOT_OWNER] = "not-owner",
        [EGRESS_FROM_SANDBOX] = "from-sandbox",
        [EGRESS_UNKNOWN_PEER] = "unknown-peer",
        [EGRESS_OPAQUE] = "opaque",
        [EGRESS_ECH] = "encrypted-name",
        [EGRESS_UPSTREAM_UNREACHABLE] = "upstream-unreachable",
        [EGRESS_UPSTREAM_REFUSED] = "upstream-refused",
        [EGRESS_UPSTREAM_LOGIN] = "upstream-login",
        [EGRESS_UPSTREAM_ANSWER] = "upstream-answer",
        [EGRESS_NO_ADDRESS] = "no-address",
        [EGRESS_LIMIT_NAMES] = "limit-names",
};

const char *egress_reason_to_string(EgressReason r) {
        return (unsigned)r < _EGRESS_REASON_MAX ? reason_words[r] : NULL;
}

static int send_all(int socket, const void *message, size_t size, int fd) {
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(sizeof(int))];
        } control = { 0 };
        struct iovec part = { .iov_base = (void *)message, .iov_len = size };
        struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
        if (fd >= 0) {
                m.msg_control = control.bytes;
                m.msg_controllen = sizeof(control.bytes);
                struct cmsghdr *c = CMSG_FIRSTHDR(&m);
                c->cmsg_level = SOL_SOCKET;
                c->cmsg_type = SCM_RIGHTS;
                c->cmsg_len = CMSG_LEN(sizeof(int));
                memcpy(CMSG_DATA(c), &fd, sizeof(int));
        }
        ssize_t n;
        do
                n = sendmsg(socket, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        return (size_t)n == size ? 0 : -EMSGSIZE;
}

/* Descriptors that nobody asked for are closed, and refused with their message. */
static bool take_fd(struct msghdr *m, int *ret_fd) {
        bool whole = (m->msg_flags & (MSG_CTRUNC | MSG_TRUNC)) == 0;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        return false;
                size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                for (size_t i = 0; i < n; i++) {
                        int fd;
                        memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
                        if (ret_fd && *ret_fd < 0) {
                                *ret_fd = fd;
                                continue;
                        }
                        (void)close(fd);
                        whole = false;
                }
        }
        return whole;
}

static int receive(int socket, void *ret, size_t size, int *ret_fd) {
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(4 * sizeof(int))];
        } control;
        struct iovec part = { .iov_base = ret, .iov_len = size };
        struct msghdr m = {
                .msg_iov = &part,
                .msg_iovlen = 1,
                .msg_control = control.bytes,
                .msg_controllen = sizeof(control.bytes),
        };
        ssize_t n;
        do
                n = recvmsg(socket, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        int fd = -EBADF;
        bool whole = take_fd(&m, ret_fd ? &fd : NULL);
        if (n == 0 && fd < 0)
                return 0;
        uint32_t head[2] = { 0 };
        if ((size_t)n == size)
                memcpy(head, ret, sizeof(head));
        if (!whole || head[0] != EGRESS_MAGIC || head[1] != EGRESS_VERSION) {
                cleanup_closep(&fd);
                return -EBADMSG;
        }
        if (ret_fd)
                *ret_fd = fd;
        return 1;
}

int egress_send_report(int socket, EgressReport *report) {
        report->magic = EGRESS_MAGIC;
        report->version = EGRESS_VERSION;
        return send_all(socket, report, sizeof(*report), -EBADF);
}

int egress_send_order(int socket, EgressOrder *order, int fd) {
        order->magic = EGRESS_MAGIC;
        order->version = EGRESS_VERSION;
        return send_all(socket, order, sizeof(*order), fd);
}

static bool report_is_valid(const EgressReport *r) {
        bool address = r->family == 0 || r->family == AF_INET || r->family == AF_INET6;
        bool protocol = r->protocol == 0 || r->protocol == PROTOCOL_TCP || r->protocol == PROTOCOL_UDP;
        return r->kind >= EGRESS_HELLO && r->kind < _EGRESS_KIND_MAX && r->verdict <= VERDICT_ALLOW &&
               r->reason < _EGRESS_REASON_MAX && r->awaits <= 1 && r->port <= UINT16_MAX && r->count > 0 &&
               r->published <= UINT16_MAX && r->upstream <= 1 && r->status <= 999 &&
               (r->kind != EGRESS_ACCEPT || r->published > 0) && address && protocol &&
               memchr(r->program, 0, sizeof(r->program)) && memchr(r->host, 0, sizeof(r->host)) &&
               memchr(r->clause, 0, sizeof(r->clause));
}

static bool host_is_valid(const char *host) {
        char canonical[LIMIT_HOST_BYTES + 1];
        return !*host || (!host_canonical(host, false, canonical) && streq(host, canonical));
}

int egress_receive_report(int socket, EgressReport *ret) {
        int r = receive(socket, ret, sizeof(*ret), NULL);
        if (r <= 0)
                return r;
        return report_is_valid(ret) && host_is_valid(ret->host) ? 1 : -EBADMSG;
}

int egress_look_new(int *ret_fd) {
        _cleanup_close_ int fd = memfd_create("mxc-look", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0 || ftruncate(fd, (off_t)EGRESS_LOOK_BYTES) < 0 ||
                        fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
                return -errno;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int egress_look_read(int fd, size_t i, EgressReport *ret) {
        if (i >= EGRESS_LOOK_MAX)
                return 0;
        EgressReport report;
        ssize_t n = pread(fd, &report, sizeof(report), (off_t)(i * sizeof(report)));
        if (n < 0)
                return -errno;
        if (n != sizeof(report))
                return -EBADMSG;
        if (report.magic == 0)
                return 0;
        if (report.magic != EGRESS_MAGIC || report.version != EGRESS_VERSION || !report_is_valid(&report) ||
                        !host_is_valid(report.host) || report.verdict != VERDICT_ALLOW ||
                        report.serial == 0 ||
                        (report.kind != EGRESS_CONNECT && report.kind != EGRESS_ACCEPT))
                return -EBADMSG;
        *ret = report;
        return 1;
}

int egress_receive_order(int socket, EgressOrder *ret, int *ret_fd) {
        *ret_fd = -EBADF;
        int r = receive(socket, ret, sizeof(*ret), ret_fd);
        if (r <= 0)
                return r;
        if (ret->kind < EGRESS_RECORDED || ret->kind >= _EGRESS_ORDER_MAX || ret->verdict > VERDICT_ALLOW ||
                        (ret->kind != EGRESS_RECORDED) != (*ret_fd >= 0)) {
                if (*ret_fd >= 0)
                        (void)close(TAKE_FD(*ret_fd));
                return -EBADMSG;
        }
        return 1;
}
