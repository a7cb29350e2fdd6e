/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/socket.h>
#include <sys/uio.h>

#include "cleanup.h"
#include "report.h"

static const char *const step_names[] = {
        [LAUNCH_STEP_NONE] = "none",
        [LAUNCH_STEP_PLAN] = "plan",
        [LAUNCH_STEP_CGROUP] = "cgroup",
        [LAUNCH_STEP_CLONE] = "clone",
        [LAUNCH_STEP_FDS] = "fds",
        [LAUNCH_STEP_OPEN] = "open",
        [LAUNCH_STEP_NETNS] = "netns",
        [LAUNCH_STEP_PUBLISH] = "publish",
        [LAUNCH_STEP_TEMPLATE] = "template",
        [LAUNCH_STEP_MOUNT] = "mount",
        [LAUNCH_STEP_HANDOFF] = "handoff",
        [LAUNCH_STEP_GUARD] = "guard",
        [LAUNCH_STEP_CGROUPNS] = "cgroupns",
        [LAUNCH_STEP_PROCESS] = "process",
        [LAUNCH_STEP_TTY] = "tty",
        [LAUNCH_STEP_IDENTITY] = "identity",
        [LAUNCH_STEP_CAPABILITIES] = "capabilities",
        [LAUNCH_STEP_LANDLOCK] = "landlock",
        [LAUNCH_STEP_SECCOMP] = "seccomp",
        [LAUNCH_STEP_CWD] = "cwd",
        [LAUNCH_STEP_EXEC] = "exec",
        [LAUNCH_STEP_PROOF] = "proof",
};
_Static_assert(ELEMENTSOF(step_names) == _LAUNCH_STEP_MAX, "a step without a name");

const char *launch_step_to_string(LaunchStep step) {
        return (unsigned)step < _LAUNCH_STEP_MAX ? step_names[step] : NULL;
}

int launch_send(int socket, const void *message, size_t size, const int *fds, size_t n_fds) {
        if (n_fds > LAUNCH_MAX_FDS)
                return -E2BIG;

        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(LAUNCH_MAX_FDS * sizeof(int))];
        } control = { 0 };
        struct iovec part = { .iov_base = (void *)message, .iov_len = size };
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
        for (;;) {
                ssize_t n = sendmsg(socket, &m, MSG_NOSIGNAL);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                return (size_t)n == size ? 0 : -EMSGSIZE;
        }
}

/* Takes over every descriptor of the message, also those of one that will be refused. False when there are more
 * than fit, or descriptors were lost. */
static bool take_descriptors(struct msghdr *m, int fds[LAUNCH_MAX_FDS], size_t *n_fds) {
        bool whole = (m->msg_flags & MSG_CTRUNC) == 0;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
                        whole = false;
                        continue;
                }
                size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                for (size_t i = 0; i < n; i++) {
                        int fd;
                        memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
                        if (*n_fds < LAUNCH_MAX_FDS) {
                                fds[(*n_fds)++] = fd;
                        } else {
                                (void)close(fd); /* refused with the whole message */
                                whole = false;
                        }
                }
        }
        return whole;
}

static bool is_ours(const void *message) {
        uint32_t head[2];
        memcpy(head, message, sizeof(head));
        return head[0] == LAUNCH_MAGIC && head[1] == LAUNCH_VERSION;
}

int launch_receive(int socket, void *message, size_t size, int fds[LAUNCH_MAX_FDS], size_t *ret_n_fds) {
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(LAUNCH_MAX_FDS * sizeof(int))];
        } control;
        struct iovec part = { .iov_base = message, .iov_len = size };
        struct msghdr m = {
                .msg_iov = &part,
                .msg_iovlen = 1,
                .msg_control = control.bytes,
                .msg_controllen = sizeof(control.bytes),
        };
        ssize_t n;
        do
                n = recvmsg(socket, &m, MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;

        size_t n_fds = 0;
        bool whole = take_descriptors(&m, fds, &n_fds);
        if (n == 0 && n_fds == 0) {
                *ret_n_fds = 0;
                return 0;
        }
        if (!whole || (size_t)n != size || (m.msg_flags & MSG_TRUNC) || size < 2 * sizeof(uint32_t) ||
                        !is_ours(message)) {
                for (size_t i = 0; i < n_fds; i++)
                        (void)close(fds[i]); /* the header's promise for -EBADMSG */
                return -EBADMSG;
        }
        *ret_n_fds = n_fds;
        return 1;
}
