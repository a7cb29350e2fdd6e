/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/socket.h>

#include "cleanup.h"
#include "fd-pass.h"
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

        ssize_t n = fd_pass(socket, message, size, fds, n_fds, 0);
        return n < 0 ? (int)n : (size_t)n == size ? 0 : -EMSGSIZE;
}

static bool is_ours(const void *message) {
        uint32_t head[2];
        memcpy(head, message, sizeof(head));
        return head[0] == LAUNCH_MAGIC && head[1] == LAUNCH_VERSION;
}

int launch_receive(int socket, void *message, size_t size, int fds[LAUNCH_MAX_FDS], size_t *ret_n_fds) {
        size_t n_fds;
        ssize_t n = fd_take(socket, message, size, fds, LAUNCH_MAX_FDS, &n_fds, MSG_TRUNC);
        if (n < 0)
                return n == -EMFILE ? -EBADMSG : (int)n;
        if (n == 0 && n_fds == 0) {
                *ret_n_fds = 0;
                return 0;
        }
        if ((size_t)n != size || size < 2 * sizeof(uint32_t) || !is_ours(message)) {
                for (size_t i = 0; i < n_fds; i++)
                        (void)close(fds[i]); /* the header's promise for -EBADMSG */
                return -EBADMSG;
        }
        *ret_n_fds = n_fds;
        return 1;
}
