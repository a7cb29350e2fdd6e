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

typedef struct Trial {
        const Guard *guard;
        int dir;
        uint64_t leaf;
        GuardRule rules[RULES_PROOF_RULES];
} Trial;

static int give_rules(const Trial *t) {
        return guard_install(t->guard, t->leaf, t->rules, ELEMENTSOF(t->rules)) < 0 ? STATUS_NO_RULES : 0;
}

static int attempt(const Trial *t) {
        return rules_proof_attempt(t->dir);
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

/* In a child in that group of the directory. */
static int run_in(int top, const char *name, int (*what)(const Trial *t), const Trial *t,
                const char **ret_act) {
        _cleanup_close_ int group = openat(top, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), pidfd = -EBADF;
        if (group < 0)
                return -errno;
        pid_t pid = cgroup_clone(group, 0, &pidfd);
        if (pid < 0)
                return pid;
        if (pid == 0)
                _exit(what(t));
        return await(pid, pidfd, ret_act);
}

/* A sandbox's leaf is in slices of its user and in a scope, deeper than where the guard and the launcher are themselves. Here it is deeper still,
 * and what is tried is tried in a group below it, as commands of Exec are: a guard that looks at too few levels is found out, however deep all
 * of this is. */
#define LEAF "d/d/d/d/d/d"
#define GROUP LEAF "/exec-proof"

static int make_groups(int top) {
        char path[] = GROUP;
        for (char *end = path; end;) {
                end = strchr(end + 1, '/');
                if (end)
                        *end = 0;
                if (mkdirat(top, path, 0755) < 0)
                        return -errno;
                if (end)
                        *end = '/';
        }
        return 0;
}

/* Those that are there. */
static int remove_groups(int top) {
        char path[] = GROUP;
        int r = 0;
        for (char *end = path; end;) {
                if (unlinkat(top, path, AT_REMOVEDIR) < 0 && errno != ENOENT && r == 0)
                        r = -errno;
                end = strrchr(path, '/');
                if (end)
                        *end = 0;
        }
        return r;
}

static int prove_in(const Guard *g, int top, int dir, const char **ret_act) {
        _cleanup_close_ int denied = -EBADF;
        Trial t = { .guard = g, .dir = dir };
        struct stat st;
        if (fstatat(top, LEAF, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        t.leaf = st.st_ino;
        int r = rules_proof_rules(dir, &denied, t.rules);
        if (r == 0)
                r = run_in(top, LEAF, give_rules, &t, ret_act);
        if (r == 0)
                r = run_in(top, GROUP, attempt, &t, ret_act);
        int q = guard_remove(g, t.leaf);
        return r < 0 ? r : q;
}

int guard_prove(const Guard *g, const char **ret_act) {
        _cleanup_close_ int root = cgroup_open_root(), dir = -EBADF, top = -EBADF;
        _cleanup_free_ char *name = NULL;
        *ret_act = "making a place to try it in";
        if (root < 0)
                return root;
        int r = rules_proof_make(&dir);
        if (r == 0)
                r = cgroup_make_below(root, "mxc-guard-proof", &name, &top);
        if (r < 0)
                return r;
        r = make_groups(top);
        if (r == 0)
                r = prove_in(g, top, dir, ret_act);
        int q = remove_groups(top);
        if (r == 0)
                r = q;
        if (unlinkat(root, name, AT_REMOVEDIR) < 0 && r == 0)
                r = -errno;
        return r;
}

int guard_probe(void) {
        _cleanup_(guard_close) Guard g = GUARD_NONE;
        const char *act;
        return guard_open(&g) == 0 && guard_prove(&g, &act) == 0;
}
