/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPAWN and EXEC up to the clone: everything that the launcher itself does for them. It takes the plan apart, makes the leaf
 * and what the child must be born with, and goes back to its loop; the rest is the child's. */

#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "cage.h"
#include "cgroup.h"
#include "cleanup.h"
#include "codec.h"
#include "exec-group.h"
#include "guard-hold.h"
#include "init.h"
#include "launcher.h"
#include "limits.h"
#include "net-pool.h"
#include "net-remains.h"
#include "process.h"
#include "relay.h"
#include "slow-mounts.h"
#include "template-cache.h"

DEFINE_CLEANUP(LaunchPlan *, launch_plan_free);
DEFINE_CLEANUP(ExecPlan *, exec_plan_free);

typedef struct Failure {
        LaunchStep step;
        const char *detail; /* borrowed, or of text */
        char text[LISTENER_TEXT_SIZE];
} Failure;

/* ---- what a sandbox is born with ---- */

static int new_page(int *ret_fd, StatusPage **ret) {
        _cleanup_close_ int fd = memfd_create("mxc-status", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return -errno;
        /* whoever maps it can count on its size: a shorter one would be a SIGBUS in mxcd */
        if (ftruncate(fd, sizeof(StatusPage)) < 0 ||
                        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
                return -errno;
        StatusPage *page = mmap(NULL, sizeof(StatusPage), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (page == MAP_FAILED)
                return -errno;
        *ret_fd = TAKE_FD(fd);
        *ret = page;
        return 0;
}

static int new_pair(int flags, int *ret_ours, int *ret_theirs) {
        int fds[2];
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;
        *ret_ours = fds[0];
        *ret_theirs = fds[1];
        return fcntl(fds[0], F_SETFL, flags) < 0 ? -errno : 0;
}

static int make_leaf(Launcher *l, Run *run, const LaunchPlan *plan, int *ret_leaf) {
        int r = scope_ref(l, plan->scope, &run->scope);
        if (r < 0)
                return r;
        _cleanup_close_ int scope = cgroup_open_scope(l->cgroup, plan->scope);
        if (scope < 0)
                return scope;
        return cgroup_make_leaf(scope, plan->id, plan->limits, plan->n_limits, ret_leaf);
}

/* ---- one table of descriptors becomes two ---- */

/* The child begins with the launcher's own table, and its first act is to leave it: with a copy of the low numbers, of which it then
 * closes what it does not need. Until it has, neither may open or close anything. */
static void part(StatusPage *page) {
        if (close_range(LAUNCHER_FDS_LOW, ~0U, CLOSE_RANGE_UNSHARE) < 0)
                _exit(EXIT_FAILURE); /* nothing may be touched, not even to say why */
        __atomic_store_n(&page->split, 1, __ATOMIC_RELEASE);
        (void)syscall(SYS_futex, &page->split, FUTEX_WAKE, 1, NULL, NULL,
                        0); /* mostly nobody waits any more */
}

/* A child may get no processor for long: it is born in a cgroup that others of its agent keep busy, or that somebody has frozen. Then it
 * is we who leave, with a copy of all, and the table that was ours is the child's. */
static int await_parting(StatusPage *page) {
        static const struct timespec moment = { .tv_nsec = 10 * 1000 * 1000 };
        for (int i = 0; i < 20 && __atomic_load_n(&page->split, __ATOMIC_ACQUIRE) == 0; i++)
                (void)syscall(SYS_futex, &page->split, FUTEX_WAIT, 0, &moment, NULL,
                                0); /* asked again in any case */
        if (__atomic_load_n(&page->split, __ATOMIC_ACQUIRE) == 0 && unshare(CLONE_FILES) < 0)
                return -errno;
        return 0;
}

/* Those that the child needs. Where one of them is not, as when others hold all low numbers, the child begins with a copy of all. */
static bool all_low(const Cage *c) {
        const int fds[] = { c->stdio[0], c->stdio[1], c->stdio[2], c->report, c->control, c->empty.net,
                c->empty.ipc, c->skeleton.ns, c->skeleton.ruleset, c->template->mount_ns };
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                if (fds[i] >= LAUNCHER_FDS_LOW)
                        return false;
        return true;
}

/* What stays with the launcher as long as the sandbox is there. */
static int settle(Launcher *l, Run *run) {
        int *fds[] = { &run->pidfd, &run->page, &run->control };
        for (size_t i = 0; i < ELEMENTSOF(fds); i++) {
                int r = launcher_move_up(fds[i]);
                if (r < 0)
                        return r;
        }
        return run_watch(l, run);
}

static void open_gate(StatusPage *page) {
        __atomic_store_n(&page->go, 1, __ATOMIC_RELEASE);
        (void)syscall(SYS_futex, &page->go, FUTEX_WAKE, 1, NULL, NULL, 0); /* mostly it is not there yet */
}

/* What a sandbox is begun with. Borrowed. */
typedef struct Birth {
        const LaunchPlan *plan;
        Template *template;
        int leaf;         /* -EBADF of a proof: it has none of its own */
        const int *stdio; /* NULL: none */
        const int *relay; /* of the plan, RELAY_SPAWN_FDS; NULL: none */
} Birth;

/* A steered one is there: nobody comes here without. What of it is held outside stays with the run; of a proof nobody answers. */
static int take_network(Launcher *l, Run *run, const Birth *b, EmptyNamespaces *ret, Failure *f) {
        if (!run->steered) {
                *ret = net_pool_take(l);
                return 0;
        }
        _cleanup_(steering_close) Steering steering = STEERING_NONE;
        *ret = net_pool_take_steered(l, &steering);
        int r = b->relay ? relay_new(l, run, b->plan, &steering, b->relay, b->leaf) : 0;
        if (r < 0 || !b->relay || b->plan->n_published == 0)
                return r;
        const PlanListener *where = NULL;
        f->step = LAUNCH_STEP_PUBLISH;
        r = relay_publish(run->relay, b->plan, ret->net, &where);
        if (r < 0 && where) {
                listener_format(where, f->text);
                f->detail = f->text;
        }
        return r;
}

static int open_channels(Run *run, int *ret_report, int *ret_control, StatusPage **ret_page) {
        int r = new_pair(O_NONBLOCK, &run->setup_fd, ret_report);
        if (r == 0)
                r = new_pair(O_NONBLOCK, &run->control, ret_control);
        if (r == 0)
                r = fcntl(*ret_control, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
        return r < 0 ? r : new_page(&run->page, ret_page);
}

/* Of a proof: what its network must not be. */
static int host_network(const Run *run, uint64_t *ret) {
        struct stat st = { 0 };
        if (run->proof && stat("/proc/self/ns/net", &st) < 0)
                return -errno;
        *ret = st.st_ino;
        return 0;
}

/* The clone itself. -ESTALE: the template is not what the host has any more, and the child waits at the gate. Everything that the
 * launcher holds is seen by the child until its first wall closes it. */
static int clone_into(Launcher *l, Run *run, const Birth *b, Cage *cage) {
        const bool shared = all_low(cage);
        if (!run->proof) /* it would be another name for once */
                process_name_ahead(b->plan->hostname);
        pid_t pid = cgroup_clone(
                        b->leaf, (shared ? CLONE_FILES : 0) | CLONE_NEWPID | CLONE_NEWUTS, &run->pidfd);
        if (pid == 0) {
                if (shared)
                        part(cage->page);
                launch_run(cage);
        }
        if (pid < 0)
                return (int)pid;
        run->pid = pid;
        bool current = b->template->mount_ns < 0 || run->proof || template_is_current(b->template);
        int r = shared ? await_parting(cage->page) : 0;
        if (r < 0)
                return r;
        return current ? settle(l, run) : -ESTALE;
}

/* So that it does not go with the last process of the sandbox: net-remains.h. Where there is no descriptor to be had, it does. */
static void keep_network(Launcher *l, Run *run, EmptyNamespaces *empty) {
        if (run->steered || run->proof || empty->net < 0)
                return;
        if (launcher_move_up(&empty->net) == 0)
                net_remains_keep(l, run, TAKE_FD(empty->net));
}

static int start(Launcher *l, Run *run, const Birth *b, Failure *f) {
        _cleanup_close_ int report = -EBADF, control = -EBADF;
        StatusPage *page = NULL;
        f->step = LAUNCH_STEP_FDS;
        int r = open_channels(run, &report, &control, &page);
        if (r < 0)
                return r;
        Cage cage = {
                .plan = b->plan,
                .template = b->template,
                .report = report,
                .control = control,
                .stdio = { -EBADF, -EBADF, -EBADF },
                .empty = EMPTY_NAMESPACES_NONE,
                .skeleton = SKELETON_NONE,
                .page = page,
                .guard = GUARD_NONE,
                .ruleset = -EBADF,
                .outside = -EBADF,
                .prove = run->proof != NULL,
                .can_mediate = l->features.mediate != 0,
                .may_be_slow = slow_mounts_concern(template_cache_slow_mounts(l), b->plan),
                .guarded = l->features.guard && b->leaf >= 0, /* a proof has no rules to keep */
        };
        if (!b->plan->pty && b->stdio)
                memcpy(cage.stdio, b->stdio, sizeof(cage.stdio));
        f->step = LAUNCH_STEP_CGROUP;
        struct stat st = { .st_ino = 0 };
        if (b->leaf >= 0 && fstat(b->leaf, &st) < 0)
                r = -errno;
        run->leaf = cage.leaf = st.st_ino;
        if (r == 0)
                r = host_network(run, &cage.host_network);
        if (r == 0) {
                f->step = LAUNCH_STEP_NETNS;
                r = take_network(l, run, b, &cage.empty, f);
        }
        if (r == 0) {
                f->step = LAUNCH_STEP_CLONE;
                if (!run->proof)
                        cage.skeleton = skeleton_take(l, b->template);
                r = clone_into(l, run, b, &cage);
        }
        if (r == 0)
                open_gate(page);
        keep_network(l, run, &cage.empty);
        empty_namespaces_close(&cage.empty); /* the child has its own */
        skeleton_close(&cage.skeleton);
        (void)munmap(page, sizeof(StatusPage)); /* the child has its own mapping; we read the descriptor */
        return r;
}

/* The proof is a sandbox like any other, with the template's own grants only and our own code in the place of a command. */
static int start_proof(Launcher *l, Template *t, bool steered) {
        static const LaunchRequest nobodys = { .serial = 0 };
        const Birth birth = { .plan = t->model, .template = t, .leaf = -EBADF };
        Run *run;
        Failure f;
        int r = run_new(l, "proof", 0, &nobodys, &run);
        if (r < 0)
                return r;
        run->proof = t;
        run->steered = steered;
        r = start(l, run, &birth, &f);
        if (r < 0) {
                run_abandon(l, run, false);
                return r;
        }
        t->proving = true;
        t->proving_steered = steered;
        return 0;
}

static int wait_for_proof(Launcher *l, Template *t, bool steered, const LaunchRequest *q, const int *fds,
                size_t n_fds, Failure *f) {
        f->step = LAUNCH_STEP_PROOF;
        if (t->proving && t->proving_steered != steered && q->verb == LAUNCH_PROBE)
                return -EBUSY; /* it would take the outcome for its own; a spawn asks again */
        int r = t->proving ? 0 : start_proof(l, t, steered);
        return r < 0 ? r : parked_add(l, &t->parked, q, fds, n_fds);
}

/* Before anything that needs a steered network. 1: the request waits for one, and will be served again. */
static int need_network(Launcher *l, const LaunchPlan *plan, const LaunchRequest *q, const int *fds,
                size_t n_fds, Failure *f) {
        if (plan->relay_uid == 0 || net_pool_has_steered(l))
                return 0;
        f->step = LAUNCH_STEP_NETNS;
        f->detail = "a network whose connections are steered";
        int r = l->features.egress ? net_pool_park(l, q, fds, n_fds) : -EOPNOTSUPP;
        return r < 0 ? r : 1;
}

static int probe(Launcher *l, const LaunchRequest *q, const int *fds, size_t n_fds, Failure *f) {
        _cleanup_free_ uint8_t *data = NULL;
        _cleanup_(launch_plan_freep) LaunchPlan *plan = NULL;
        size_t size, key_offset, key_size;
        f->step = LAUNCH_STEP_PLAN;
        int r = n_fds != 1 ? -EBADF : sealed_memfd_read(fds[0], &data, &size);
        if (r == 0)
                r = launch_plan_decode(data, size, &plan, &key_offset, &key_size, &f->detail);
        if (r < 0)
                return r;
        Template *template;
        f->step = LAUNCH_STEP_SECCOMP;
        r = template_cache_get(l, data + key_offset, key_size, plan, &template, &f->detail);
        if (r == 0)
                r = need_network(l, plan, q, fds, n_fds, f);
        return r != 0 ? r : wait_for_proof(l, template, plan->relay_uid != 0, q, fds, n_fds, f);
}

void verb_probe(Launcher *l, const LaunchRequest *q, const int *fds, size_t n_fds) {
        Failure f = { .step = LAUNCH_STEP_NONE };
        int r = probe(l, q, fds, n_fds, &f);
        if (r < 0)
                launcher_reply_failed(l, q->serial, f.step, -r, f.detail);
}

static int begin(Launcher *l, const LaunchRequest *q, const Birth *birth, Failure *f) {
        Run *run;
        _cleanup_close_ int leaf = -EBADF;
        int r = run_new(l, birth->plan->id, 0, q, &run);
        if (r < 0)
                return r;
        run->steered = birth->relay != NULL;
        f->step = LAUNCH_STEP_CGROUP;
        r = make_leaf(l, run, birth->plan, &leaf);
        if (r == 0) {
                Birth here = *birth;
                here.leaf = leaf;
                r = start(l, run, &here, f);
        }
        if (r < 0)
                run_abandon(l, run, leaf >= 0);
        return r;
}

/* Once a template is there. */
static int spawn_from(Launcher *l, Template *template, const LaunchPlan *plan, const LaunchRequest *q,
                const int *fds, size_t n_fds, Failure *f) {
        const bool steered = plan->relay_uid != 0;
        int r = need_network(l, plan, q, fds, n_fds, f);
        if (r != 0)
                return r;
        if (!template->proven[steered])
                return wait_for_proof(l, template, steered, q, fds, n_fds, f);
        const Birth birth = {
                .plan = plan,
                .template = template,
                .leaf = -EBADF,
                .stdio = fds + 1,
                .relay = steered ? fds + n_fds - RELAY_SPAWN_FDS : NULL,
        };
        f->detail = NULL;
        guard_hold_find(l);
        r = begin(l, q, &birth, f);
        if (r != -ESTALE)
                return r;
        template_outdate(l, template); /* the second time from nothing, which is never stale */
        r = need_network(l, plan, q, fds, n_fds, f);
        return r != 0 ? r : begin(l, q, &birth, f);
}

static int spawn(Launcher *l, const LaunchRequest *q, const int *fds, size_t n_fds, Failure *f) {
        _cleanup_free_ uint8_t *data = NULL;
        _cleanup_(launch_plan_freep) LaunchPlan *plan = NULL;
        size_t size, key_offset, key_size;
        f->step = LAUNCH_STEP_PLAN;
        int r = n_fds < 1 ? -EBADF : sealed_memfd_read(fds[0], &data, &size);
        if (r < 0)
                return r;
        r = launch_plan_decode_known(
                        data, size, template_cache_known, l, &plan, &key_offset, &key_size, &f->detail);
        if (r < 0)
                return r;
        f->detail = "id";
        if (run_find(l, plan->id, 0))
                return -EEXIST;
        f->step = LAUNCH_STEP_FDS;
        f->detail = NULL;
        if (n_fds != (plan->pty ? 1U : 4U) + (plan->relay_uid != 0 ? RELAY_SPAWN_FDS : 0U))
                return -EBADF;
        f->detail = "lease";
        if (plan->relay_uid != 0 && (!sealed_memfd_check(fds[n_fds - RELAY_SPAWN_FDS]) ||
                                                    !sealed_memfd_check(fds[n_fds - RELAY_SPAWN_FDS + 1])))
                return -EPERM;
        f->detail = NULL;
        Template *template;
        f->step = LAUNCH_STEP_SECCOMP;
        r = template_cache_get(l, data + key_offset, key_size, plan, &template, &f->detail);
        return r < 0 ? r : spawn_from(l, template, plan, q, fds, n_fds, f);
}

void verb_spawn(Launcher *l, const LaunchRequest *q, const int *fds, size_t n_fds) {
        Failure f = { .step = LAUNCH_STEP_NONE };
        int r = spawn(l, q, fds, n_fds, &f);
        if (r < 0)
                launcher_reply_failed(l, q->serial, f.step, -r, f.detail);
}

/* ---- a further command ---- */

/* Hands the exec over to pid 1 of the sandbox, which is the agent's parent in the same cage: there is no second way to
 * build one. */
static int hand_over(Run *sandbox, Run *run, int group, const int *fds, size_t n_fds) {
        _cleanup_close_ int report = -EBADF, pipe_in = -EBADF;
        int ends[2];
        int r = new_pair(O_NONBLOCK, &run->setup_fd, &report);
        if (r < 0)
                return r;
        if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;
        pipe_in = ends[1];
        run->end_pipe = ends[0];
        r = launcher_move_up(&run->end_pipe);
        if (r < 0)
                return r;

        const uint32_t head[2] = { LAUNCH_MAGIC, LAUNCH_VERSION };
        int all[7] = { fds[0], report, pipe_in, group };
        memcpy(all + 4, fds + 1, (n_fds - 1) * sizeof(int));
        r = launch_send(sandbox->control, head, sizeof(head), all, n_fds + 3);
        if (r < 0)
                return r;
        siginfo_t info = { .si_signo = INIT_SIGNAL, .si_code = SI_QUEUE };
        info.si_value.sival_int = INIT_VALUE_EXEC;
        return pidfd_send_signal(sandbox->pidfd, INIT_SIGNAL, &info, 0) < 0 ? -errno : 0;
}

static int exec(Launcher *l, const LaunchRequest *q, const int *fds, size_t n_fds, Failure *f) {
        _cleanup_free_ uint8_t *data = NULL;
        _cleanup_(exec_plan_freep) ExecPlan *plan = NULL;
        size_t size;
        f->step = LAUNCH_STEP_PLAN;
        int r = n_fds < 1 ? -EBADF : sealed_memfd_read(fds[0], &data, &size);
        if (r < 0)
                return r;
        r = exec_plan_decode(data, size, &plan, &f->detail);
        if (r < 0)
                return r;
        f->detail = "id";
        Run *sandbox = run_find(l, plan->id, 0);
        if (!sandbox || sandbox->state != RUN_RUNNING)
                return -ENOENT;
        if (q->exec == 0 || run_find(l, plan->id, q->exec))
                return -EEXIST;
        f->detail = NULL;
        if (sandbox->n_execs >= LIMIT_EXECS_PER_SANDBOX)
                return -EMFILE;
        f->step = LAUNCH_STEP_FDS;
        if (n_fds != (plan->pty ? 1 : 4))
                return -EBADF;
        _cleanup_close_ int group = -EBADF;
        f->step = LAUNCH_STEP_CGROUP;
        r = exec_group_make(l, sandbox, q->exec, &group);
        if (r < 0)
                return r;
        Run *run;
        r = run_new(l, plan->id, q->exec, q, &run);
        if (r < 0) {
                exec_group_end(l, sandbox, q->exec);
                return r;
        }
        sandbox->n_execs++;
        f->step = LAUNCH_STEP_CLONE;
        r = hand_over(sandbox, run, group, fds, n_fds);
        if (r == 0)
                r = run_watch(l, run);
        if (r < 0)
                run_abandon(l, run, false);
        return r;
}

void verb_exec(Launcher *l, const LaunchRequest *q, const int *fds, size_t n_fds) {
        Failure f = { .step = LAUNCH_STEP_NONE };
        int r = exec(l, q, fds, n_fds, &f);
        if (r < 0)
                launcher_reply_failed(l, q->serial, f.step, -r, f.detail);
}
