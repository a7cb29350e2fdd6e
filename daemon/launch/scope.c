/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Agents' scopes and their anchors. An anchor is a process that only waits: the first founds the scope (PID 1 moves it there),
 * the second is born in the leaf `anchor` and keeps the scope alive between sandboxes, since a delegated cgroup must
 * have no process of its own once controllers are on. */

#include <signal.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "cgroup.h"
#include "cleanup.h"
#include "launcher.h"

#define ANCHOR_LEAF "anchor"

/* ---- anchors ---- */

static _Noreturn void anchor_run(pid_t launcher) {
        /* a scope that is held open by nobody's child would never end; sandboxes hold their own */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != launcher)
                _exit(EXIT_FAILURE);
        (void)close_range(
                        0, ~0U, 0); /* nothing of the launcher's is its business; what fails stays unused */
        (void)prctl(PR_SET_NAME, "mxc-anchor");
        cap_t none = cap_init();
        if (!none || cap_set_proc(none) < 0)
                _exit(EXIT_FAILURE);
        for (;;)
                (void)pause();
}

static pid_t anchor_start(int cgroup, int *ret_pidfd) {
        pid_t launcher = getpid(), pid = cgroup_clone(cgroup, 0, ret_pidfd);
        if (pid == 0)
                anchor_run(launcher);
        return pid;
}

static void reap(pid_t pid) {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
}

/* Our own paused child dies at once, even in a frozen cgroup. */
static void kill_and_reap(pid_t pid) {
        (void)kill(pid, SIGKILL); /* not reaped yet, so the pid is its own */
        reap(pid);
}

static void stop_watching(Launcher *l, Source *pidfd) {
        _cleanup_close_ int fd = pidfd->fd;
        launcher_unwatch(l, pidfd);
}

static void on_anchor_end(Launcher *l, void *owner) {
        Anchor *a = owner;
        reap(a->pid);
        stop_watching(l, &a->end);
        LIST_REMOVE(a, entries);
        free(a);
}

void verb_anchor(Launcher *l, const LaunchRequest *q) {
        Anchor *a = calloc(1, sizeof(Anchor));
        if (!a) {
                launcher_reply_failed(l, q->serial, LAUNCH_STEP_CLONE, ENOMEM, NULL);
                return;
        }
        int pidfd = -EBADF;
        a->pid = anchor_start(-EBADF, &pidfd);
        if (a->pid > 0)
                (void)launcher_move_up(&pidfd); /* where it is, it serves as well */
        int r = a->pid < 0 ? a->pid : launcher_watch(l, &a->end, pidfd, on_anchor_end, a);
        if (r < 0) {
                if (a->pid > 0) {
                        kill_and_reap(a->pid);
                        (void)close(pidfd); /* of a process that is gone */
                }
                free(a);
                launcher_reply_failed(l, q->serial, LAUNCH_STEP_CLONE, -r, "anchor");
                return;
        }
        LIST_INSERT_HEAD(&l->anchors, a, entries);
        launcher_reply_ok(l, q->serial, a->pid);
}

/* ---- scopes ---- */

static unsigned bucket(const char *path) {
        uint32_t h = 2166136261U; /* FNV-1a */
        for (; *path; path++)
                h = (h ^ (uint8_t)*path) * 16777619U;
        return h % SCOPE_BUCKETS;
}

Scope *scope_find(Launcher *l, const char *path) {
        Scope *s;
        LIST_FOREACH(s, &l->scopes[bucket(path)], entries)
                if (streq(s->path, path))
                        return s;
        return NULL;
}

static Scope *scope_new(Launcher *l, const char *path) {
        Scope *s = calloc(1, sizeof(Scope));
        if (!s)
                return NULL;
        s->path = strdup(path);
        if (!s->path) {
                free(s);
                return NULL;
        }
        LIST_INSERT_HEAD(&l->scopes[bucket(path)], s, entries);
        return s;
}

static void scope_free_if_unused(Scope *s) {
        if (s->n_runs > 0 || s->anchor > 0)
                return;
        LIST_REMOVE(s, entries);
        free(s->path);
        free(s);
}

int scope_ref(Launcher *l, const char *path, Scope **ret) {
        Scope *s = scope_find(l, path);
        if (!s)
                s = scope_new(l, path);
        if (!s)
                return -ENOMEM;
        s->n_runs++;
        *ret = s;
        return 0;
}

void scope_unref(Launcher *l, Scope *s) {
        s->n_runs--;
        scope_free_if_unused(s);
}

static void on_scope_anchor_end(Launcher *l, void *owner) {
        Scope *s = owner; /* somebody stopped the scope */
        reap(s->anchor);
        s->anchor = 0;
        stop_watching(l, &s->anchor_end);
        scope_free_if_unused(s);
}

/* An anchor in a leaf of its own; a leaf that is there already was left by a launcher that crashed. */
static int put_anchor(Launcher *l, Scope *s, int dir) {
        _cleanup_close_ int leaf = -EBADF;
        int r = cgroup_make_leaf(dir, ANCHOR_LEAF, NULL, 0, &leaf);
        if (r == -EEXIST) {
                (void)cgroup_remove_leaf(dir, ANCHOR_LEAF); /* busy: then the next line says so */
                r = cgroup_make_leaf(dir, ANCHOR_LEAF, NULL, 0, &leaf);
        }
        if (r < 0)
                return r;
        int pidfd = -EBADF;
        pid_t pid = anchor_start(leaf, &pidfd);
        if (pid < 0)
                return pid;
        (void)launcher_move_up(&pidfd); /* where it is, it serves as well */
        r = launcher_watch(l, &s->anchor_end, pidfd, on_scope_anchor_end, s);
        if (r < 0) {
                kill_and_reap(pid);
                (void)close(pidfd); /* of a process that is gone */
                return r;
        }
        s->anchor = pid;
        return 0;
}

static void end_first_anchor(Launcher *l, pid_t pid) {
        Anchor *a;
        LIST_FOREACH(a, &l->anchors, entries)
                if (a->pid == pid) {
                        kill_and_reap(a->pid);
                        stop_watching(l, &a->end);
                        LIST_REMOVE(a, entries);
                        free(a);
                        return;
                }
}

static bool path_is_a_scope(const char *path) {
        return path_is_normal(path) && path[1] != 0;
}

void verb_scope(Launcher *l, const LaunchRequest *q) {
        if (!path_is_a_scope(q->path)) {
                launcher_reply_failed(l, q->serial, LAUNCH_STEP_CGROUP, EINVAL, "the path of the scope");
                return;
        }
        _cleanup_close_ int dir = cgroup_open_scope(l->cgroup, q->path);
        Scope *s = dir < 0 ? NULL : scope_find(l, q->path);
        if (dir >= 0 && !s)
                s = scope_new(l, q->path);
        int r = dir < 0 ? dir : !s ? -ENOMEM : s->anchor > 0 ? 0 : put_anchor(l, s, dir);
        if (r < 0) {
                if (s)
                        scope_free_if_unused(s);
                launcher_reply_failed(l, q->serial, LAUNCH_STEP_CGROUP, -r, q->path);
                return;
        }
        end_first_anchor(l, q->pid);
        cgroup_enable_controllers(dir);
        launcher_reply_ok(l, q->serial, s->anchor);
}

void verb_drop(Launcher *l, const LaunchRequest *q) {
        Scope *s = scope_find(l, q->path);
        if (s && s->n_runs > 0) {
                launcher_reply_failed(l, q->serial, LAUNCH_STEP_CGROUP, EBUSY, q->path);
                return;
        }
        if (s && s->anchor > 0) {
                kill_and_reap(s->anchor);
                s->anchor = 0;
                stop_watching(l, &s->anchor_end);
        }
        if (s)
                scope_free_if_unused(s);
        _cleanup_close_ int dir = path_is_a_scope(q->path) ? cgroup_open_scope(l->cgroup, q->path) : -EINVAL;
        int r = dir < 0 ? 0
                        : cgroup_remove_leaf(dir,
                                          ANCHOR_LEAF); /* the scope itself may be gone already: that is the aim */
        if (r < 0)
                launcher_reply_failed(l, q->serial, LAUNCH_STEP_CGROUP, -r, q->path);
        else
                launcher_reply_ok(l, q->serial, 0);
}
