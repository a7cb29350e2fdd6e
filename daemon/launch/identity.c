/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who the agent is: the plan's uid and gid in all four places, and no group besides. */

#include <grp.h>
#include <sys/fsuid.h>

#include "cage.h"
#include "cleanup.h"
#include "privileges.h"

int privileges_become(uid_t uid, gid_t gid) {
        if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
                return -errno;

        uid_t real, effective, saved;
        gid_t real_gid, effective_gid, saved_gid;
        if (getresuid(&real, &effective, &saved) < 0 || getresgid(&real_gid, &effective_gid, &saved_gid) < 0)
                return -errno;
        bool done = real == uid && effective == uid && saved == uid && real_gid == gid &&
                    effective_gid == gid && saved_gid == gid && getgroups(0, NULL) == 0;
        return done ? 0 : -EPERM;
}

int wall_identity(Cage *c) {
        return privileges_become(c->plan->uid, c->plan->gid);
}
