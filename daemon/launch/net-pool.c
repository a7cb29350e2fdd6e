/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "cgroup.h"
#include "cleanup.h"
#include "log.h"
#include "net-pool.h"
#include "netns.h"

struct NetPool {
        pid_t helper;
        Source channel; /* to the helper: an order each way */
        EmptyNamespaces ready[NET_POOL_SIZE];
        size_t n_ready;
        size_t owed; /* taken, and not ordered again */
};

/* LaunchRequest is the launcher's; here a message is just a head, and two descriptors coming back. */
static const uint32_t order[2] = { LAUNCH_MAGIC, LAUNCH_VERSION };

static _Noreturn void helper_run(int channel) {
        (void)prctl(PR_SET_NAME, "mxc-net");
        (void)setpriority(PRIO_PROCESS, 0, 5); /* sandboxes that run come before sandboxes to come */
        if (dup3(channel, 3, O_CLOEXEC) < 0 || close_range(4, ~0U, 0) < 0)
                _exit(EXIT_FAILURE);
        for (;;) {
                uint32_t head[2];
                int fds[LAUNCH_MAX_FDS];
                size_t n;
                if (launch_receive(3, head, sizeof(head), fds, &n) <= 0)
                        _exit(EXIT_SUCCESS); /* the launcher is gone */
                if (netns_unshare() < 0)
                        _exit(EXIT_FAILURE);
                _cleanup_close_ int net = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC),
                                    ipc = open("/proc/thread-self/ns/ipc", O_RDONLY | O_CLOEXEC);
                const int both[] = { net, ipc };
                if (net < 0 || ipc < 0 || launch_send(3, order, sizeof(order), both, ELEMENTSOF(both)) < 0)
                        _exit(EXIT_FAILURE);
        }
}

static void end_helper(Launcher *l, NetPool *p) {
        _cleanup_close_ int fd = p->channel.fd;
        launcher_unwatch(l, &p->channel);
        (void)kill(p->helper, SIGKILL); /* not reaped: the pid is its own */
        while (waitpid(p->helper, NULL, 0) < 0 && errno == EINTR)
                ;
        p->helper = 0;
        l->features.net_pool = 0;
        log_warning("The helper that makes network namespaces is gone; each sandbox makes its own now.");
}

static void on_ready(Launcher *l, void *owner) {
        NetPool *p = owner;
        uint32_t head[2];
        int fds[LAUNCH_MAX_FDS];
        size_t n = 0;
        int r = launch_receive(p->channel.fd, head, sizeof(head), fds, &n);
        if (r == -EAGAIN)
                return;
        if (r == 1 && n == 2 && p->n_ready < NET_POOL_SIZE)
                p->ready[p->n_ready++] = (EmptyNamespaces){ .net = fds[0], .ipc = fds[1] };
        else
                for (size_t i = 0; i < n; i++)
                        (void)close(fds[i]); /* not ordered */
        if (r <= 0)
                end_helper(l, p);
}

static void order_one(Launcher *l, NetPool *p) {
        if (p->helper > 0 && launch_send(p->channel.fd, order, sizeof(order), NULL, 0) < 0)
                end_helper(l, p);
}

EmptyNamespaces net_pool_take(Launcher *l) {
        NetPool *p = l->net;
        if (p->helper > 0 && p->n_ready == 0)
                on_ready(l, p); /* one may be there already */
        if (p->n_ready == 0)
                return EMPTY_NAMESPACES_NONE;
        p->owed++;
        return p->ready[--p->n_ready];
}

/* Not while a sandbox is being set up: the helper would take the processor from it. But before the pool runs dry. */
void net_pool_refill(Launcher *l) {
        NetPool *p = l->net;
        if (p->owed == 0 || (!TAILQ_EMPTY(&l->starting) && p->n_ready > NET_POOL_SIZE / 4))
                return;
        for (; p->owed > 0; p->owed--)
                order_one(l, p);
}

int net_pool_new(Launcher *l, NetPool **ret) {
        NetPool *p = calloc(1, sizeof(NetPool));
        if (!p)
                return -ENOMEM;
        *ret = p;
        int pair[2], pidfd = -EBADF;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        _cleanup_close_ int theirs = pair[1];
        if (fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0)
                return -errno;
        p->helper = cgroup_clone(-EBADF, 0, &pidfd);
        if (p->helper == 0)
                helper_run(theirs);
        if (p->helper < 0)
                return (int)p->helper;
        (void)close(pidfd); /* the channel tells of its end */
        int r = launcher_watch(l, &p->channel, pair[0], on_ready, p);
        if (r < 0)
                return r;
        l->features.net_pool = NET_POOL_SIZE;
        for (size_t i = 0; i < NET_POOL_SIZE; i++)
                order_one(l, p);
        return 0;
}
