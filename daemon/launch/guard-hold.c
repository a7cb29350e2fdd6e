/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/stat.h>

#include "cage.h"
#include "cgroup.h"
#include "cleanup.h"
#include "guard-abi.h"
#include "guard-hold.h"
#include "log.h"
#include "names.h"

/* ---- of the launcher ---- */

/* What another launcher, or an earlier one, left behind. Sandboxes of theirs that live keep their rules: a rule belongs to a
 * cgroup, and goes with it. A cgroup that cannot be looked up counts as alive. */
static int sweep(const Guard *g, int root) {
        _cleanup_free_ uint64_t *all = NULL;
        size_t n, alive = 0;
        int r = guard_cgroups(g, &all, &n);
        for (size_t i = 0; r == 0 && i < n; i++)
                if (cgroup_exists(root, all[i]) != 0)
                        all[alive++] = all[i];
        return r < 0 || alive == n ? r : guard_sweep(g, all, alive);
}

static int prove(Launcher *l, Guard *ret, const char **ret_act) {
        *ret_act = "opening its maps";
        int r = guard_open(ret);
        if (r == 0)
                r = guard_prove(ret, ret_act);
        if (r == 0) {
                *ret_act = "sweeping its maps";
                r = sweep(ret, l->cgroup);
        }
        return r;
}

void guard_hold_find(Launcher *l) {
        /* one of the programs; mxc-guard pins them once they have proven themselves, each time as a new file */
        static const char pin[] = MXC_GUARD_DIR "/" GUARD_ABI "/link_guard_file_open";
        struct stat st;
        if (l->features.guard || stat(pin, &st) < 0)
                return;
        if (l->guard_tried == st.st_ino)
                return;
        l->guard_tried = st.st_ino;
        const char *act;
        Guard g = GUARD_NONE;
        int r = prove(l, &g, &act);
        if (r < 0) {
                log_error("The guard is not to be relied on: %s: %s. Names are kept by mediation.", act,
                                strerror(-r));
                guard_close(&g);
                return;
        }
        l->guard = g;
        l->features.guard = 1;
}

void guard_hold_forget(Launcher *l, uint64_t leaf) {
        if (!l->features.guard || leaf == 0)
                return;
        int r = guard_remove(&l->guard, leaf);
        if (r < 0)
                log_warning("Rules of a sandbox that is gone stay in the guard: %s", strerror(-r));
}

/* ---- of the child ---- */

/* While the host's tree is still in sight. */
int wall_guard_maps(Cage *c) {
        return c->guarded && c->n_rules > 0 ? guard_open(&c->guard) : 0;
}

/* As late as root's rights allow: from here on the rules hold for us too. */
int wall_guard(Cage *c) {
        if (!c->guarded || c->n_rules == 0)
                return 0;
        int r = guard_install(&c->guard, c->leaf, c->rules, c->n_rules);
        if (r == -E2BIG || r == -ENOSPC)
                c->detail = "more rules about names than the guard can hold";
        else if (r == -ENODATA)
                c->detail = "its programs do not answer any more; start mxc-guard.service again";
        guard_close(&c->guard);
        return r;
}
