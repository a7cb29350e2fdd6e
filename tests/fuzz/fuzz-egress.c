/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "egress-channel.h"
#include "fuzz.h"
#include "net-rule.h"

/* The first byte is the number of descriptors that come along, the rest is a message of the channel to mxc-egress; it is received as a report
 * and as an order, and read as what is open. Properties: nothing crashes; only whole messages of ours are taken; no descriptor is lost. */

#define MAX_FDS 8

static void send_message(int socket, const uint8_t *data, size_t size, size_t n_fds) {
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(MAX_FDS * sizeof(int))];
        } control = { 0 };
        const int fds[MAX_FDS] = { 0, 1, 2, 0, 1, 2, 0, 1 };
        struct iovec part = { .iov_base = (void *)(uintptr_t)data, .iov_len = size };
        struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
        if (n_fds > 0) {
                m.msg_control = control.bytes;
                m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
                struct cmsghdr *c = CMSG_FIRSTHDR(&m);
                c->cmsg_level = SOL_SOCKET;
                c->cmsg_type = SCM_RIGHTS;
                c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
                memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
        }
        (void)sendmsg(socket, &m, MSG_DONTWAIT | MSG_NOSIGNAL); /* one that is too large does not arrive */
}

static void check_report(int socket, size_t size, size_t n_fds) {
        EgressReport r;
        char canonical[LIMIT_HOST_BYTES + 1];
        int result = egress_receive_report(socket, &r);
        fuzz_holds(result == 1 || result == 0 || result == -EBADMSG || result == -EAGAIN,
                        "it is a message, the end, or refused");
        if (result != 1)
                return;
        fuzz_holds(size == sizeof(r) && n_fds == 0 && r.magic == EGRESS_MAGIC, "it is whole");
        fuzz_holds(r.kind < _EGRESS_KIND_MAX && egress_reason_to_string((EgressReason)r.reason),
                        "it is in range");
        fuzz_holds(memchr(r.host, 0, sizeof(r.host)) && memchr(r.clause, 0, sizeof(r.clause)) &&
                                        memchr(r.program, 0, sizeof(r.program)),
                        "texts end");
        fuzz_holds(!r.host[0] || (!host_canonical(r.host, false, canonical) && streq(canonical, r.host)),
                        "a host is canonical");
}

static void check_order(int socket, size_t size, size_t n_fds) {
        EgressOrder o;
        int fd = -EBADF, result = egress_receive_order(socket, &o, &fd);
        fuzz_holds(result == 1 || result == 0 || result == -EBADMSG || result == -EAGAIN,
                        "it is a message, the end, or refused");
        fuzz_holds(fd < 0 || result == 1, "a descriptor comes with its message");
        fuzz_holds(result != 1 || (size == sizeof(o) && n_fds == (o.kind != EGRESS_RECORDED) &&
                                                  (fd >= 0) == (o.kind != EGRESS_RECORDED)),
                        "it is whole");
        if (fd >= 0)
                (void)close(fd);
}

/* The same bytes as what a relay wrote for whoever looks. */
static void check_look(const uint8_t *data, size_t size) {
        int fd = -EBADF;
        char canonical[LIMIT_HOST_BYTES + 1];
        EgressReport r;
        fuzz_holds(egress_look_new(&fd) == 0, "there is a file");
        ssize_t n = pwrite(fd, data, size, 0);
        fuzz_holds(n >= 0 || size > EGRESS_LOOK_BYTES, "what fits can be written");
        for (size_t i = 0, result = 1; result == 1; i++) {
                int k = egress_look_read(fd, i, &r);
                fuzz_holds(k == 1 || k == 0 || k == -EBADMSG, "it is a report, the end, or none");
                fuzz_holds(k != 1 || (i < EGRESS_LOOK_MAX && r.verdict == VERDICT_ALLOW && r.serial > 0 &&
                                                     (r.kind == EGRESS_CONNECT || r.kind == EGRESS_ACCEPT)),
                                "it is something open");
                fuzz_holds(k != 1 || !r.host[0] ||
                                                (!host_canonical(r.host, false, canonical) &&
                                                                streq(canonical, r.host)),
                                "its host is canonical");
                result = (size_t)(k == 1);
        }
        (void)close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        if (size < 1)
                return 0;
        size_t n_fds = data[0] % (MAX_FDS + 1);
        for (unsigned order = 0; order < 2; order++) {
                int pair[2];
                fuzz_holds(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0,
                                "there are sockets");
                send_message(pair[0], data + 1, size - 1, n_fds);
                if (order)
                        check_order(pair[1], size - 1, n_fds);
                else
                        check_report(pair[1], size - 1, n_fds);
                (void)close(pair[0]);
                (void)close(pair[1]);
        }
        check_look(data + 1, size - 1);
        int next = fcntl(0, F_DUPFD_CLOEXEC, 3);
        fuzz_holds(next < 64, "no descriptor is lost");
        (void)close(next);
        return 0;
}
