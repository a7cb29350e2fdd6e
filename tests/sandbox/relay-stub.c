/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stands in for mxc-egress: tells whoever connects where it was going, each question of port 53 what address it was sent to, and each other
 * datagram that and the port. Some ports of any address have it do something else. */

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "egress-net.h"
#include "packet.h"
#include "relay-stub.h"

static void put_address(FILE *f, const struct sockaddr_in6 *a) {
        char text[INET6_ADDRSTRLEN];
        fprintf(f, "%s %u", inet_ntop(AF_INET6, &a->sin6_addr, text, sizeof(text)), ntohs(a->sin6_port));
}

/* Lines of it that begin so. */
static void put_lines(FILE *f, const char *path, const char *const *begins, size_t n) {
        FILE *in = fopen(path, "re");
        char line[4096];
        while (in && fgets(line, sizeof(line), in))
                for (size_t i = 0; i < n; i++)
                        if (strncmp(line, begins[i], strlen(begins[i])) == 0)
                                fprintf(f, "%s", line);
        if (in)
                (void)fclose(in);
}

static void put_descriptors(FILE *f) {
        fprintf(f, "descriptors:");
        for (int fd = 0; fd < 65536; fd++)
                if (fd != fileno(f) && fcntl(fd, F_GETFD) >= 0)
                        fprintf(f, " %d", fd);
        fprintf(f, "\n");
}

static void put_self(FILE *f) {
        static const char *const lines[] = { "Uid:", "Gid:", "Groups:", "Cap", "NoNewPrivs:", "Sig",
                "Umask:" };
        static const char *const limits[] = { "Max core", "Max open" };
        static const char *const any[] = { "" };
        char text[4096] = "";
        put_descriptors(f);
        put_lines(f, "/proc/self/status", lines, ELEMENTSOF(lines));
        put_lines(f, "/proc/self/limits", limits, ELEMENTSOF(limits));
        put_lines(f, "/proc/self/cgroup", any, 1);
        put_lines(f, "/proc/self/oom_score_adj", any, 1);
        struct stat st = { 0 };
        (void)stat("/proc/self/ns/net", &st);
        fprintf(f, "network: %lu\n", (unsigned long)st.st_ino);
        fprintf(f, "session: %s\n", getsid(0) == getpid() ? "own" : "another's");
        fprintf(f, "directory: %s\n", getcwd(text, sizeof(text)));
        size_t n = 0;
        while (environ[n])
                n++;
        fprintf(f, "environment: %zu\n", n);
        fprintf(f, "securebits: %x\n", (unsigned)prctl(PR_GET_SECUREBITS));
        fprintf(f, "dumpable: %d\nthat is all\n", prctl(PR_GET_DUMPABLE));
}

static void put_lease(FILE *f) {
        char text[256] = "";
        ssize_t n = pread(EGRESS_FD_LEASE, text, sizeof(text) - 1, 0);
        fprintf(f, "lease: %.*s\n", (int)(n > 0 ? n : 0), text);
}

/* Not the listeners, which come first. */
static void put_inside(FILE *f) {
        const struct sockaddr_in v4 = { .sin_family = AF_INET,
                .sin_port = htons(STUB_INSIDE_PORT),
                .sin_addr = { htonl(INADDR_LOOPBACK) } };
        const struct sockaddr_in6 v6 = {
                .sin6_family = AF_INET6, .sin6_port = htons(STUB_INSIDE_PORT), .sin6_addr = in6addr_loopback
        };
        const struct sockaddr *const where[] = { (const struct sockaddr *)&v4,
                (const struct sockaddr *)&v6 };
        const socklen_t sizes[] = { sizeof(v4), sizeof(v6) };
        int fd = EGRESS_FD_PUBLISHED, listens = 1;
        socklen_t size = sizeof(listens);
        while (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens)
                fd++;
        for (size_t i = 0; i < ELEMENTSOF(where); i++) {
                (void)fcntl(fd + (int)i, F_SETFL, 0);
                fprintf(f, "%s ",
                                connect(fd + (int)i, where[i], sizes[i]) < 0 ? strerror(errno) : "answers");
        }
        fprintf(f, "\n");
}

static void serve_tcp(void) {
        struct sockaddr_in6 to;
        socklen_t size = sizeof(to);
        int fd = accept4(EGRESS_FD_TCP, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0 || getsockname(fd, (struct sockaddr *)&to, &size) < 0)
                return;
        FILE *f = fdopen(fd, "w");
        if (!f)
                _exit(EXIT_FAILURE);
        switch (ntohs(to.sin6_port)) {
        case STUB_SELF:
                put_self(f);
                break;
        case STUB_LEASE:
                put_lease(f);
                break;
        case STUB_DIE:
                _exit(3);
        case STUB_INSIDE:
                put_inside(f);
                break;
        case STUB_FORK: /* what a real one is not allowed */
                fprintf(f, "forks\n");
                (void)fflush(f);
                (void)fork();
                break;
        case STUB_STAY:
                (void)signal(SIGTERM, SIG_IGN);
                fprintf(f, "stays\n");
                break;
        default:
                put_address(f, &to);
                fprintf(f, "\n");
        }
        (void)fclose(f);
}

static void serve_udp(void) {
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
        } control;
        char question[512], text[INET6_ADDRSTRLEN];
        struct sockaddr_in6 from;
        struct iovec part = { question, sizeof(question) };
        struct msghdr m = { .msg_name = &from,
                .msg_namelen = sizeof(from),
                .msg_iov = &part,
                .msg_iovlen = 1,
                .msg_control = control.bytes,
                .msg_controllen = sizeof(control.bytes) };
        if (recvmsg(EGRESS_FD_UDP, &m, 0) < 0)
                return;
        const struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        if (!c || c->cmsg_level != IPPROTO_IPV6 || c->cmsg_type != IPV6_PKTINFO)
                return;
        struct in6_pktinfo info;
        memcpy(&info, CMSG_DATA(c), sizeof(info));
        part.iov_len = (size_t)snprintf(question, sizeof(question), "%s",
                        inet_ntop(AF_INET6, &info.ipi6_addr, text, sizeof(text)));
        m.msg_controllen = CMSG_LEN(sizeof(info)) > sizeof(control.bytes) ? 0 : CMSG_SPACE(sizeof(info));
        (void)sendmsg(EGRESS_FD_UDP, &m, 0); /* from there: the control message is what came */
}

static bool find_to(struct msghdr *m, struct sockaddr_in6 *ret) {
        const struct cmsghdr *c = CMSG_FIRSTHDR(m);
        struct sockaddr_in v4;
        if (c && c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_ORIGDSTADDR) {
                memcpy(ret, CMSG_DATA(c), sizeof(*ret));
                return true;
        }
        if (!c || c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_ORIGDSTADDR)
                return false;
        memcpy(&v4, CMSG_DATA(c), sizeof(v4));
        *ret = (struct sockaddr_in6){ .sin6_family = AF_INET6,
                .sin6_port = v4.sin_port,
                .sin6_addr.s6_addr = { [10] = 0xff, [11] = 0xff } };
        memcpy(ret->sin6_addr.s6_addr + 12, &v4.sin_addr, 4);
        return true;
}

/* From where it was going, port and all. */
static void serve_datagrams(void) {
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(sizeof(struct sockaddr_in6)) * 2];
        } control;
        char text[512];
        struct sockaddr_in6 from, to;
        struct iovec part = { text, sizeof(text) };
        struct msghdr m = { .msg_name = &from,
                .msg_namelen = sizeof(from),
                .msg_iov = &part,
                .msg_iovlen = 1,
                .msg_control = control.bytes,
                .msg_controllen = sizeof(control.bytes) };
        if (recvmsg(EGRESS_FD_DATAGRAMS, &m, 0) < 0 || !find_to(&m, &to))
                return;
        FILE *f = fmemopen(text, sizeof(text), "w");
        if (!f)
                _exit(EXIT_FAILURE);
        put_address(f, &to);
        (void)fclose(f);
        uint8_t head[PACKET_HEAD_MAX];
        const size_t size = strlen(text);
        struct iovec parts[] = { { head, packet_datagram(&to, &from, (const uint8_t *)text, size, head) },
                { text, size } };
        struct sockaddr_in v4 = { .sin_family = AF_INET };
        memcpy(&v4.sin_addr, from.sin6_addr.s6_addr + 12, 4);
        const bool mapped = IN6_IS_ADDR_V4MAPPED(&from.sin6_addr);
        from.sin6_port = 0; /* of a raw socket it is the protocol */
        const struct msghdr answer = { .msg_name = mapped ? (void *)&v4 : (void *)&from,
                .msg_namelen = mapped ? sizeof(v4) : sizeof(from),
                .msg_iov = parts,
                .msg_iovlen = ELEMENTSOF(parts) };
        (void)sendmsg(mapped ? EGRESS_FD_RAW_V4 : EGRESS_FD_RAW_V6, &answer, 0); /* else nothing comes */
}

int main(void) {
        struct pollfd fds[] = { { .fd = EGRESS_FD_TCP, .events = POLLIN },
                { .fd = EGRESS_FD_UDP, .events = POLLIN }, { .fd = EGRESS_FD_DATAGRAMS, .events = POLLIN } };
        sigset_t term;
        if (sigemptyset(&term) < 0 || sigaddset(&term, SIGTERM) < 0 ||
                        sigprocmask(SIG_UNBLOCK, &term, NULL) < 0 ||
                        send(EGRESS_FD_CHANNEL, STUB_HELLO, strlen(STUB_HELLO), 0) < 0)
                return EXIT_FAILURE;
        for (;;) {
                if (poll(fds, ELEMENTSOF(fds), -1) < 0)
                        return EXIT_FAILURE;
                if (fds[0].revents)
                        serve_tcp();
                if (fds[1].revents)
                        serve_udp();
                if (fds[2].revents)
                        serve_datagrams();
        }
}
