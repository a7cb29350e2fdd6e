/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "fuzz.h"
#include "report.h"

/* The first byte is the number of descriptors that come along, the rest is a message; it is received as a request and
 * as a report. Properties: nothing crashes; only whole messages of ours are taken; no descriptor is lost. */

static void receive(const uint8_t *data, size_t size, size_t n_fds, size_t expected) {
        int pair[2], fds[LAUNCH_MAX_FDS];
        const int sent[LAUNCH_MAX_FDS] = { 0, 1, 2, 0, 1, 2, 0, 1 };
        union {
                LaunchRequest request;
                LaunchReport report;
        } message;
        fuzz_holds(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "there are sockets");
        if (launch_send(pair[0], data, size, sent, n_fds) == 0) {
                size_t n = 0;
                int r = launch_receive(pair[1], &message, expected, fds, &n);
                fuzz_holds(r == 1 || r == 0 || r == -EBADMSG, "it is a message, the end, or refused");
                fuzz_holds(r != 1 || (size == expected && n == n_fds &&
                                                     message.request.magic == LAUNCH_MAGIC),
                                "it is whole");
                for (size_t i = 0; r == 1 && i < n; i++)
                        (void)close(fds[i]);
        }
        (void)close(pair[0]);
        (void)close(pair[1]);
        int next = fcntl(0, F_DUPFD_CLOEXEC, 3);
        fuzz_holds(next < 64, "no descriptor is lost");
        (void)close(next);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        if (size < 2)
                return 0;
        size_t n_fds = data[0] % (LAUNCH_MAX_FDS + 1);
        receive(data + 1, size - 1, n_fds, sizeof(LaunchRequest));
        receive(data + 1, size - 1, n_fds, sizeof(LaunchReport));
        return 0;
}
