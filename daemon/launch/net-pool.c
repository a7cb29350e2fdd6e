/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "cgroup.h"
#include "cleanup.h"
#include "leaving.h"
#include "log.h"
#include "net-pool.h"
#include "netns.h"

DEFINE_CLEANUP(Parked *, parked_free);

typedef struct Steered {
        EmptyNamespaces empty;
        Steering steering;
} Steered;

struct NetPool {
        pid_t helper;   /* 0: there is none */
        Source channel; /* to the helper: an order each way */
        EmptyNamespaces ready[NET_POOL_SIZE];
        size_t n_ready;
        size_t owed; /* taken, and not ordered again */

        Steered steered[NET_POOL_STEERED];
        size_t n_steered, n_ordered;
        size_t n_kept;      /* so many are to be ready */
        ParkedList waiting; /* for one */
        size_t n_waiting;
        uint64_t since; /* the first of them has waited, or the last network came */
        int error;      /* a positive errno: there will be none for them */
};

typedef enum Kind { KIND_EMPTY, KIND_STEERED } Kind;

/* An order; it comes back with the descriptors: net, ipc, and those of a steered one. */
typedef struct Order {
        uint32_t magic, version;
        uint32_t kind;
        int32_t error; /* a positive errno: it cannot be made */
} Order;

#define N_EMPTY 2
#define N_STEERED (N_EMPTY + STEERING_FDS)
#define N_STEERED_BARE (N_EMPTY + STEERING_FDS_ALWAYS) /* this host does not refuse by itself */
_Static_assert(N_STEERED <= LAUNCH_MAX_FDS, "they go with one message");

/* ---- the helper ---- */

static int make(int channel, Kind kind) {
        _cleanup_(steering_close) Steering s = STEERING_NONE;
        Order answer = { LAUNCH_MAGIC, LAUNCH_VERSION, .kind = kind };
        if (netns_unshare() < 0)
                return -errno;
        if (kind == KIND_STEERED)
                answer.error = -steering_make(&s);
        _cleanup_close_ int net = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC),
                            ipc = open("/proc/thread-self/ns/ipc", O_RDONLY | O_CLOEXEC);
        if (net < 0 || ipc < 0)
                return -errno;
        int *steered[STEERING_FDS], fds[N_STEERED] = { net, ipc };
        steering_fds(&s, steered);
        for (size_t i = 0; i < STEERING_FDS; i++)
                fds[N_EMPTY + i] = *steered[i];
        size_t n = kind == KIND_EMPTY         ? N_EMPTY
                   : answer.error != 0        ? 0
                   : s.refuse.table == -EBADF ? N_STEERED_BARE
                                              : N_STEERED;
        return launch_send(channel, &answer, sizeof(answer), fds, n);
}

static _Noreturn void helper_run(int channel) {
        (void)prctl(PR_SET_NAME, "mxc-net");
        (void)setpriority(PRIO_PROCESS, 0, 5); /* sandboxes that run come before sandboxes to come */
        if (dup3(channel, 3, O_CLOEXEC) < 0 || close_range(4, ~0U, 0) < 0)
                _exit(EXIT_FAILURE);
        for (;;) {
                Order order;
                int fds[LAUNCH_MAX_FDS];
                size_t n;
                if (launch_receive(3, &order, sizeof(order), fds, &n) <= 0)
                        _exit(EXIT_SUCCESS); /* the launcher is gone */
                if (make(3, order.kind) < 0)
                        _exit(EXIT_FAILURE);
        }
}

/* ---- requests that wait for it ---- */

static Parked *take_waiting(Launcher *l, NetPool *p) {
        Parked *first = parked_take(l, &p->waiting);
        if (STAILQ_EMPTY(&p->waiting))
                p->n_waiting = 0;
        else if (first)
                p->n_waiting--; /* those whose asker is gone still count: one network more than is needed */
        return first;
}

static void refuse_waiting(Launcher *l, NetPool *p) {
        for (Parked *first; (first = take_waiting(l, p)) != NULL; parked_free(first))
                launcher_reply_failed(l, first->request.serial, LAUNCH_STEP_NETNS, p->error,
                                "a network whose connections are steered");
        p->error = 0;
}

/* One request for each network. It may take none (something else is wrong with it), or wait once more (for a proof). */
static void serve_waiting(Launcher *l, NetPool *p) {
        for (size_t left = p->n_steered; left > 0 && p->n_steered > 0; left--) {
                _cleanup_(parked_freep) Parked *first = take_waiting(l, p);
                if (!first)
                        return;
                if (first->request.verb == LAUNCH_SPAWN)
                        verb_spawn(l, &first->request, first->fds, first->n_fds);
                else
                        verb_probe(l, &first->request, first->fds, first->n_fds);
        }
}

static void end_helper(Launcher *l, NetPool *p) {
        _cleanup_close_ int fd = p->channel.fd;
        launcher_unwatch(l, &p->channel);
        leaving_add(l, p->helper); /* it may wait for a lock of the kernel's */
        p->helper = 0;
        p->n_ordered = 0;
        p->error = ECHILD;
        l->features.net_pool = 0;
        log_warning("The helper that makes network namespaces is gone; each sandbox makes its own now.");
}

/* ---- what came ---- */

/* Theirs are the low numbers: what stays with us goes up. */
static void take_steered(NetPool *p, const int *fds, size_t n) {
        Steered s = { { .net = fds[0], .ipc = fds[1] }, STEERING_NONE };
        int *steered[STEERING_FDS];
        bool high = true;
        steering_fds(&s.steering, steered);
        for (size_t i = 0; i + N_EMPTY < n; i++) {
                *steered[i] = fds[N_EMPTY + i];
                high = launcher_move_up(steered[i]) == 0 && high;
        }
        if (!high || p->n_steered == NET_POOL_STEERED) {
                empty_namespaces_close(&s.empty);
                steering_close(&s.steering);
        } else
                p->steered[p->n_steered++] = s;
}

static void take_answer(NetPool *p, const Order *answer, const int *fds, size_t n) {
        if (answer->kind == KIND_EMPTY && n == N_EMPTY && p->n_ready < NET_POOL_SIZE) {
                p->ready[p->n_ready++] = (EmptyNamespaces){ .net = fds[0], .ipc = fds[1] };
        } else if (answer->kind == KIND_STEERED && p->n_ordered > 0) {
                p->n_ordered--;
                if (n == N_STEERED || n == N_STEERED_BARE) {
                        take_steered(p, fds, n);
                } else {
                        p->error = answer->error;
                        p->n_kept = 0; /* until somebody asks for one again */
                }
        } else
                for (size_t i = 0; i < n; i++)
                        (void)close(fds[i]); /* not ordered */
}

static void on_ready(Launcher *l, void *owner) {
        NetPool *p = owner;
        Order answer;
        int fds[LAUNCH_MAX_FDS];
        size_t n = 0;
        int r = launch_receive(p->channel.fd, &answer, sizeof(answer), fds, &n);
        if (r == -EAGAIN)
                return;
        if (r <= 0) {
                end_helper(l, p);
                return;
        }
        take_answer(p, &answer, fds, n);
        p->since = now_boottime();
}

/* ---- orders ---- */

static void order(Launcher *l, NetPool *p, Kind kind) {
        const Order order = { LAUNCH_MAGIC, LAUNCH_VERSION, .kind = kind };
        if (p->helper > 0 && launch_send(p->channel.fd, &order, sizeof(order), NULL, 0) < 0)
                end_helper(l, p);
        else if (p->helper > 0 && kind == KIND_STEERED)
                p->n_ordered++;
}

static void order_steered(Launcher *l, NetPool *p, size_t n) {
        while (p->helper > 0 && p->n_steered + p->n_ordered < n)
                order(l, p, KIND_STEERED);
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

/* Orders not while a sandbox is being set up: the helper would take the processor from it. But before the pool runs dry: with half of it gone
 * between two sandboxes, with three quarters whatever else there is to do. */
bool net_pool_refill(Launcher *l, bool idle) {
        NetPool *p = l->net;
        if (p->error != 0)
                refuse_waiting(l, p);
        serve_waiting(l, p); /* not where they came: that may be in the midst of another request */
        bool busy = !TAILQ_EMPTY(&l->starting);
        if ((!busy && (idle || p->n_ready <= NET_POOL_SIZE / 2)) || p->n_ready <= NET_POOL_SIZE / 4)
                for (; p->owed > 0; p->owed--)
                        order(l, p, KIND_EMPTY);
        if (!busy || p->n_steered <= NET_POOL_STEERED / 4)
                order_steered(l, p, p->n_waiting + p->n_kept);
        return p->owed > 0 && p->helper > 0 && !busy;
}

static int start_helper(Launcher *l, NetPool *p) {
        int pair[2], pidfd = -EBADF;
        if (!leaving_may_begin(l))
                return -EBUSY;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        _cleanup_close_ int ours = pair[0], theirs = pair[1];
        if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
                return -errno;
        pid_t pid = cgroup_clone(-EBADF, 0, &pidfd);
        if (pid == 0)
                helper_run(theirs);
        if (pid < 0)
                return (int)pid;
        (void)close(pidfd); /* the channel tells of its end */
        int r = launcher_watch(l, &p->channel, ours, on_ready, p);
        if (r < 0) {
                leaving_add(l, pid);
                return r;
        }
        p->helper = pid;
        (void)TAKE_FD(ours); /* end_helper() closes it */
        l->features.net_pool = NET_POOL_SIZE;
        for (p->owed = NET_POOL_SIZE - p->n_ready; p->owed > 0; p->owed--)
                order(l, p, KIND_EMPTY);
        return 0;
}

int net_pool_new(Launcher *l, NetPool **ret) {
        NetPool *p = calloc(1, sizeof(NetPool));
        if (!p)
                return -ENOMEM;
        STAILQ_INIT(&p->waiting);
        *ret = p;
        return start_helper(l, p);
}

/* ---- steered networks ---- */

bool net_pool_has_steered(Launcher *l) {
        return l->net->n_steered > 0;
}

int net_pool_park(Launcher *l, const LaunchRequest *q, const int *fds, size_t n_fds) {
        NetPool *p = l->net;
        int r = p->helper > 0 ? 0 : start_helper(l, p);
        if (r == 0)
                r = parked_add(l, &p->waiting, q, fds, n_fds);
        if (r < 0)
                return r;
        if (p->n_waiting++ == 0)
                p->since = now_boottime();
        p->n_kept = NET_POOL_STEERED;
        order_steered(l, p, p->n_waiting);
        return 0;
}

bool net_pool_expire(Launcher *l) {
        NetPool *p = l->net;
        if (!STAILQ_EMPTY(&p->waiting) && p->helper > 0 &&
                        p->since + NET_POOL_PATIENCE_USEC <= now_boottime()) {
                end_helper(l, p);
                refuse_waiting(l, p);
        }
        return !STAILQ_EMPTY(&p->waiting);
}

EmptyNamespaces net_pool_take_steered(Launcher *l, Steering *ret) {
        Steered *s = &l->net->steered[--l->net->n_steered];
        *ret = s->steering;
        return s->empty;
}
