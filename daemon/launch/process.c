/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a process carries along besides files and rights: descriptors, name of the host, limits, signals, session, keys. */

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "cage.h"
#include "cleanup.h"
#include "fd.h"
#include "launcher.h"
#include "process.h"
#include "ticket.h"

/* A sandbox goes before the daemons of the host when memory runs out. */
#define CAGE_OOM_SCORE "200"

/* Out of the way of the lowest numbers, where the command's are about to be put. */
static int move_up(int *fd) {
        int up = fcntl(*fd, F_DUPFD_CLOEXEC, 16);
        if (up < 0)
                return -errno;
        *fd = up;
        return 0;
}

/* Keeps what the cage needs, with the command's own at 0 to 2, and closes everything else that the launcher holds: the channel to
 * mxcd, other sandboxes, templates. */
int wall_fds(Cage *c) {
        int *kept[] = { &c->stdio[0], &c->stdio[1], &c->stdio[2], &c->report, &c->control, &c->empty.net,
                &c->empty.ipc, &c->skeleton.ns, &c->skeleton.ruleset, &c->template->mount_ns };
        int r = ticket_redeem_stdio(c->stdio); /* not by the launcher: ticket.h */
        for (size_t i = 0; i < ELEMENTSOF(kept); i++) {
                /* a number that nothing has could be given to anything: no stdio is /dev/null */
                if (r == 0 && i < 3 && *kept[i] < 0)
                        *kept[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
                if (r == 0 && *kept[i] >= 0 && *kept[i] < 3)
                        r = move_up(kept[i]);
                if (r < 0)
                        return r;
        }
        int numbers[ELEMENTSOF(kept)];
        size_t n = 0;
        for (int i = 0; i < 3; i++) {
                if (dup3(*kept[i], i, 0) < 0)
                        return -errno;
                *kept[i] = i;
        }
        for (size_t i = 3; i < ELEMENTSOF(kept); i++)
                if (*kept[i] >= 0)
                        numbers[n++] = *kept[i];
        return fd_close_others(numbers, n);
}

int wall_oom(Cage *c) {
        return fd_write_file_at(AT_FDCWD, "/proc/self/oom_score_adj", CAGE_OOM_SCORE);
}

/* The launcher looks whether the template is current while the cage is built; until it has, nothing of the agent's runs. */
int wall_gate(Cage *c) {
        static const struct timespec limit = { .tv_sec = LAUNCH_SETUP_USEC / 1000000 };
        while (__atomic_load_n(&c->page->go, __ATOMIC_ACQUIRE) == 0)
                if (syscall(SYS_futex, &c->page->go, FUTEX_WAIT, 0, &limit, NULL, 0) < 0 &&
                                errno != EAGAIN && errno != EINTR)
                        return -errno; /* the launcher is gone */
        return 0;
}

int wall_cgroup_namespace(Cage *c) {
        /* only now: in the clone itself it would be rooted at the launcher's cgroup */
        return unshare(CLONE_NEWCGROUP) < 0 ? -errno : 0;
}

/* Whatever namespace it is done in, the kernel tells it to everybody who watches the name of the host: the journal wakes and looks, as do
 * others. So a name that is there already is not given again. */
static int take_name(const char *name) {
        struct utsname now;
        if (uname(&now) == 0 && streq(now.nodename, name))
                return 0;
        return sethostname(name, strlen(name)) < 0 ? -errno : 0;
}

int process_own_name(void) {
        return unshare(CLONE_NEWUTS) < 0 ? -errno : 0;
}

void process_name_ahead(const char *name) {
        (void)take_name(name); /* or else the sandbox does, which tells what is wrong */
}

int process_limit_files(uint64_t max) {
        struct rlimit files = { .rlim_cur = max, .rlim_max = max }, own;
        if (setrlimit(RLIMIT_NOFILE, &files) == 0)
                return 0;
        if (errno != EPERM || getrlimit(RLIMIT_NOFILE, &own) < 0 || own.rlim_max >= max)
                return -errno;
        files.rlim_cur = files.rlim_max = own.rlim_max;
        return setrlimit(RLIMIT_NOFILE, &files) < 0 ? -errno : 0;
}

static int set_limits(const LaunchPlan *p) {
        const struct rlimit core = { .rlim_cur = 0, .rlim_max = 0 };
        int r = process_limit_files(p->max_files);
        if (r < 0)
                return r;
        return setrlimit(RLIMIT_CORE, &core) < 0 ? -errno : 0;
}

/* The one that the launcher ignores to its default (main.c did so with all others); everything blocked, as pid 1 wants it. The
 * command's mask is made empty in command.c. */
static int reset_signals(void) {
        const struct sigaction by_default = { .sa_handler = SIG_DFL };
        if (sigaction(SIGPIPE, &by_default, NULL) < 0)
                return -errno;
        sigset_t all;
        sigfillset(&all);
        return sigprocmask(SIG_SETMASK, &all, NULL) < 0 ? -errno : 0;
}

int wall_process(Cage *c) {
        const LaunchPlan *p = c->plan;
        int r = take_name(p->hostname);
        if (r == 0)
                r = set_limits(p);
        if (r < 0)
                return r;
        (void)umask((mode_t)p->umask); /* cannot fail */
        r = reset_signals();
        if (r < 0)
                return r;
        /* out of the launcher's process group; a session of its own has the command (and a session costs: it is a group of
         * the scheduler's, where that groups by sessions) */
        if (setpgid(0, 0) < 0)
                return -errno;
        if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS)
                return -errno;
        return prctl(PR_SET_NAME, "mxc-init") < 0 ? -errno : 0;
}
