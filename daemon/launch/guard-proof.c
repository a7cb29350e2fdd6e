/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A loaded program is not yet a wall, and the list of LSMs says nothing: here the wall is walked into. A child in a cgroup of
 * its own, on a file system that nobody else can see, tries what its rules forbid and what they allow. */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cgroup.h"
#include "cleanup.h"
#include "guard.h"
#include "rules-proof.h"

#define PROOF_MSEC                                                                                          \
        20000 /* milliseconds; a machine that cannot open a dozen files by then is not to be trusted either */

/* The exit status tells the first act that went wrong, from 1; or says that it could not begin. */
#define STATUS_NO_RULES 255

static _Noreturn void attempt(const Guard *g, uint64_t cgroup, int dir) {
        _cleanup_close_ int denied = -EBADF;
        GuardRule rules[RULES_PROOF_RULES];
        if (rules_proof_rules(dir, &denied, rules) < 0 ||
                        guard_install(g, cgroup, rules, ELEMENTSOF(rules)) < 0)
                _exit(STATUS_NO_RULES);
        _exit(rules_proof_attempt(dir));
}

static int await(pid_t pid, int pidfd, const char **ret_act) {
        struct pollfd end = { .fd = pidfd, .events = POLLIN };
        if (poll(&end, 1, PROOF_MSEC) != 1)
                (void)kill(pid, SIGKILL); /* ours, and not waited for: it is still that process */
        int status;
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        if (!WIFEXITED(status))
                return -ETIMEDOUT;
        int code = WEXITSTATUS(status);
        if (code == 0)
                return 0;
        *ret_act = code == STATUS_NO_RULES ? "giving a cgroup its rules" : rules_proof_name(code);
        return code == STATUS_NO_RULES ? -ENODATA : -EBADE;
}

static int prove_in(const Guard *g, int leaf, int dir, const char **ret_act) {
        struct stat st;
        if (fstat(leaf, &st) < 0)
                return -errno;
        int r = 0;
        _cleanup_close_ int pidfd = -EBADF;
        pid_t pid = cgroup_clone(leaf, 0, &pidfd);
        if (pid < 0)
                return pid;
        if (pid == 0)
                attempt(g, st.st_ino, dir);
        r = await(pid, pidfd, ret_act);
        int q = guard_remove(g, st.st_ino);
        return r < 0 ? r : q;
}

int guard_prove(const Guard *g, const char **ret_act) {
        _cleanup_close_ int root = cgroup_open_root(), dir = -EBADF, leaf = -EBADF;
        _cleanup_free_ char *name = NULL;
        *ret_act = "making a place to try it in";
        if (root < 0)
                return root;
        int r = rules_proof_make(&dir);
        if (r == 0)
                r = cgroup_make_below(root, "mxc-guard-proof", &name, &leaf);
        if (r < 0)
                return r;
        r = prove_in(g, leaf, dir, ret_act);
        if (unlinkat(root, name, AT_REMOVEDIR) < 0 && r == 0)
                r = -errno;
        return r;
}

int guard_probe(void) {
        _cleanup_(guard_close) Guard g = GUARD_NONE;
        const char *act;
        return guard_open(&g) == 0 && guard_prove(&g, &act) == 0;
}
