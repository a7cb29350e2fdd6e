/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether this kernel can do all that mediation asks of it is found by doing it: a mount namespace with a place in it and rules
 * about the place, a process without capabilities that mediates, and its child that tries what the guard is tried with. */

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "cgroup.h"
#include "cleanup.h"
#include "log.h"
#include "mediate-internal.h"
#include "rules-proof.h"

#define PROOF_PLACE "/tmp" /* of the FHS; another namespace's, so nobody sees it */
#define PROOF_SECONDS 20
#define STATUS_NOT_BEGUN 255

static bool knows_seccomp(void) {
        struct seccomp_notif_sizes sizes;
        return syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) == 0 &&
               sizes.seccomp_notif >= sizeof(struct seccomp_notif) &&
               sizes.seccomp_notif <= MEDIATOR_NOTIFICATION_MAX &&
               sizes.seccomp_notif_resp == sizeof(struct seccomp_notif_resp);
}

static int put_place(int *ret_root) {
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return -errno;
        _cleanup_close_ int root = -EBADF;
        int r = rules_proof_make(&root);
        if (r < 0)
                return r;
        if (move_mount(root, "", AT_FDCWD, PROOF_PLACE, MOVE_MOUNT_F_EMPTY_PATH) < 0)
                return -errno;
        *ret_root = TAKE_FD(root);
        return 0;
}

/* As pid 1 of a sandbox: what it may not do may not be needed. */
static int give_up_rights(void) {
        cap_t none = cap_init();
        int r = !none || cap_set_proc(none) < 0 ? -errno : 0;
        (void)cap_free(none);
        return r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : r;
}

static int submit(const Mediator *m) {
        static FilterTable t; /* too large for a stack; the process is this one's own */
        FilterProgram programs[2] = { 0 };
        for (int reads = 0; reads < 2; reads++) {
                t = (FilterTable){ .beyond = SECCOMP_RET_ALLOW, .foreign = SECCOMP_RET_ALLOW };
                for (size_t i = 0; i < FILTER_NUMBERS; i++)
                        t.calls[i].action = SECCOMP_RET_ALLOW;
                mediate_filter_put(&t, reads);
                int r = filter_table_compile(&t, &programs[reads]);
                if (r < 0)
                        return r;
        }
        return mediator_submit(m, programs);
}

static _Noreturn void attempt(const Mediator *m) {
        _cleanup_close_ int dir = open(PROOF_PLACE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        /* as it is after execve() */
        if (dir < 0 || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0 || submit(m) < 0)
                _exit(STATUS_NOT_BEGUN);
        _exit(rules_proof_attempt(dir));
}

/* Serves until the child has ended; its status, or a negative errno. */
static int serve(Mediator *m, pid_t child) {
        for (;;) {
                struct pollfd fds[MEDIATOR_POLL_MAX];
                size_t n = mediator_watch(m, fds);
                (void)poll(fds, (nfds_t)n, 10); /* the end of a child is looked for in between */
                mediator_serve(m, fds, n);
                int status;
                pid_t pid = waitpid(-1, &status, WNOHANG);
                if (pid < 0)
                        return -errno;
                if (pid == child)
                        return WIFEXITED(status) ? WEXITSTATUS(status) : -ECHILD;
                if (pid > 0)
                        mediator_reaped(m, pid);
        }
}

static int run(void) {
        _cleanup_close_ int root = -EBADF, denied = -EBADF;
        GuardRule rules[RULES_PROOF_RULES];
        Mediator *m;
        const char *detail;
        int r = put_place(&root);
        if (r == 0)
                r = rules_proof_rules(root, &denied, rules);
        if (r < 0)
                return r;
        const MediatorRoot place = { root, PROOF_PLACE, NULL, true };
        r = mediator_new(&place, 1, rules, ELEMENTSOF(rules), false, &m, &detail);
        if (r == 0)
                r = give_up_rights();
        if (r < 0)
                return r;
        pid_t child = fork();
        if (child < 0)
                return -errno;
        if (child == 0)
                attempt(m);
        return serve(m, child);
}

static void report(int status) {
        if (status == STATUS_NOT_BEGUN)
                log_warning("Names cannot be kept by mediation here: this kernel lacks something that it "
                            "needs.");
        else
                log_warning("Names cannot be kept by mediation here: %s did not end as it should.",
                                rules_proof_name(status));
}

int mediator_probe(void) {
        _cleanup_close_ int pidfd = -EBADF;
        if (!knows_seccomp())
                return 0;
        pid_t pid = cgroup_clone(-EBADF, 0, &pidfd);
        if (pid < 0)
                return 0;
        if (pid == 0) {
                int r = run();
                _exit(r < 0 ? STATUS_NOT_BEGUN : r);
        }
        struct pollfd end = { .fd = pidfd, .events = POLLIN };
        if (poll(&end, 1, PROOF_SECONDS * 1000) != 1)
                (void)kill(pid, SIGKILL); /* ours, and not waited for: it is still that process */
        int status;
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return 0;
        int code = WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_NOT_BEGUN;
        if (code != 0)
                report(code);
        return code == 0;
}
