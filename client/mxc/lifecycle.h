/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The sandboxes of MXC that outlive a call: provision, start, exec as often as one likes, stop, deprovision. Each is an agent of its own in mxcd, a
 * further default agent of the caller ("user-UID-KIND-TAIL"), so it has a name in every record, a scope of its own, and is as bound as all that the
 * caller runs. What is known of one is known by mxcd, and there after its restart and the machine's; what it was provisioned with, and
 * its workspace, are files of the caller's, below $XDG_STATE_HOME/mxc.
 *
 *   provisioned ─start─► running ─stop─► provisioned;  deprovision from either
 *
 * An id is "iso:TAIL" or "wslc:TAIL", of 32 hexadecimal digits. The states are strict: what does not fit is refused by its own status. iso has
 * a workspace and reaches the network (as far as the host's ceiling goes); wslc has the paths and the network that it was provisioned with.
 * What these two promise elsewhere and there is not here, a user of its own and images, is refused where it is asked for, and said
 * in the warnings of provision where it is not.
 *
 * Thread-safe; calls on one id wait for each other, in one process and among several. */

#include "mxc-config.h"

/* Of a request of any phase, of an exec only when dry, of the text that config was parsed from. dry: looks whether it could be done, and does nothing. *ret_json is the
 * whole {"result":…}, one line, for free(). 0; -EINVAL with *error filled; -ENOMEM. */
int lifecycle_run(const MxcConfig *config, const char *text, bool dry, char **ret_json, MxcError *error);

/* Where an exec goes, for mxc_session_spawn(). As above. */
typedef struct LifecyclePlace {
        char *sandbox; /* object path */
        char *cwd;     /* where it begins unless it says where */
} LifecyclePlace;
int lifecycle_place(const MxcConfig *config, LifecyclePlace *ret, MxcError *error);
void lifecycle_place_clear(LifecyclePlace *p);
