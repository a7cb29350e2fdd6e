/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* No capability in any of the five sets, no way to get one back. */

#include <linux/securebits.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "cage.h"
#include "cleanup.h"
#include "privileges.h"

DEFINE_CLEANUP(cap_t, cap_free);

#define SECUREBITS                                                                                          \
        (SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED |    \
                        SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |                             \
                        SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

int privileges_lock(void) {
        return prctl(PR_SET_SECUREBITS, SECUREBITS) < 0 ? -errno : 0;
}

/* Before the identity: afterwards the capability that this takes may be gone. Not in the launcher itself: there, setfsuid()
 * must go on dropping the capabilities that see past file permissions. */
int wall_securebits(Cage *c) {
        return privileges_lock();
}

/* One question for each of some forty capabilities. */
static bool bounding_is_empty(void) {
        int has = 0;
        for (int cap = 0; has == 0; cap++)
                has = prctl(PR_CAPBSET_READ, cap);
        return has < 0; /* behind the last */
}

/* Found by this process, or by one that it is a copy of. A set grows in a new user namespace alone, which nobody here makes. */
static bool found_empty;

void privileges_look(void) {
        found_empty = bounding_is_empty();
}

int privileges_drop(const char **ret_detail) {
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
                return -errno;
        if (!found_empty && !bounding_is_empty()) {
                if (ret_detail)
                        *ret_detail = "the bounding set is not empty";
                return -EPERM;
        }
        _cleanup_(cap_freep) cap_t none = cap_init();
        if (!none || cap_set_proc(none) < 0)
                return -errno;
        _cleanup_(cap_freep) cap_t got = cap_get_proc();
        if (!got)
                return -errno;
        return cap_compare(none, got) == 0 ? 0 : -EPERM;
}

int wall_capabilities(Cage *c) {
        return privileges_drop(&c->detail);
}

/* Pid 1 shares its uid with the agent, which must not look into it; a change of uid does this already, but root's own agents do not
 * change it. */
int privileges_deny(void) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -errno : 0;
}

int wall_no_new_privs(Cage *c) {
        return privileges_deny();
}
