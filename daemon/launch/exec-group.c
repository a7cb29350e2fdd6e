/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "exec-group.h"

#include <fcntl.h>
#include <stdlib.h>

#include "cgroup.h"
#include "cleanup.h"
#include "fd.h"
#include "limits.h"
#include "log.h"

typedef struct Name {
        char text[sizeof(LAUNCH_EXEC_GROUP "4294967295")];
} Name;

static Name name_of(uint32_t number) {
        Name n;
        (void)snprintf(n.text, sizeof(n.text), LAUNCH_EXEC_GROUP "%u", number);
        return n;
}

static int open_leaf(const Launcher *l, const Run *sandbox) {
        _cleanup_close_ int scope =
                        sandbox->scope ? cgroup_open_scope(l->cgroup, sandbox->scope->path) : -ENOENT;
        return scope < 0 ? scope : cgroup_open_leaf(scope, sandbox->id);
}

typedef struct Known {
        Launcher *launcher;
        const Run *sandbox;
} Known;

/* One that is begun may not have come into its group yet. */
static bool is_known(const char *number, const void *userdata) {
        const Known *k = userdata;
        char *end;
        unsigned long n = strtoul(number, &end, 10);
        return *end == 0 && n > 0 && n <= UINT32_MAX &&
               run_find(k->launcher, k->sandbox->id, (uint32_t)n) != NULL;
}

int exec_group_make(Launcher *l, const Run *sandbox, uint32_t number, int *ret_procs) {
        _cleanup_close_ int leaf = open_leaf(l, sandbox), group = -EBADF;
        if (leaf < 0)
                return leaf;
        const Known known = { l, sandbox };
        if (cgroup_sweep(leaf, LAUNCH_EXEC_GROUP, is_known, &known) >= LIMIT_EXEC_GROUPS)
                return -EMFILE;
        const Name name = name_of(number);
        int r = cgroup_make_leaf(leaf, name.text, NULL, 0, &group);
        if (r < 0)
                return r;
        *ret_procs = openat(group, "cgroup.procs", O_WRONLY | O_CLOEXEC);
        if (*ret_procs >= 0)
                return 0;
        r = -errno;
        (void)cgroup_remove_leaf(leaf, name.text); /* r says what went wrong first */
        return r;
}

void exec_group_leave(Launcher *l, const Run *sandbox, uint32_t number) {
        _cleanup_close_ int leaf = open_leaf(l, sandbox);
        if (leaf >= 0)
                (void)cgroup_remove_leaf(leaf, name_of(number).text); /* something lives in it: later */
}

void exec_group_end(Launcher *l, const Run *sandbox, uint32_t number) {
        _cleanup_close_ int leaf = open_leaf(l, sandbox);
        int r = leaf < 0 ? 0 : cgroup_end_leaf(leaf, name_of(number).text);
        if (r < 0)
                log_warning("The control group of command %u of sandbox %s stays: %s", number, sandbox->id,
                                strerror(-r));
}

int exec_group_enter(int procs) {
        int r = fd_write_all(procs, "0", 1);
        (void)close(procs); /* it is there, or there is no command */
        return r;
}
