/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Facts of this host that a plan depends on, gathered once at start (host.c) and again on Reload. Plain data, so that the planner stays
 * pure and a test can be any host. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "report.h"

typedef struct HostLink {
        char *path;    /* "/bin" */
        char *target;  /* "usr/bin" */
} HostLink;

typedef struct HostFacts {
        LaunchFeatures features;  /* what mxc-launch found by trying */
        HostLink *links;          /* merged-usr symlinks of "/": bin sbin lib lib64 lib32 libx32, those that exist */
        size_t n_links;
        uid_t relay_uid;          /* of the user that relays run as, in /etc/passwd; 0: there is none */
        gid_t relay_gid;
} HostFacts;

int host_facts_gather(HostFacts *ret); /* all but features */
/* Whether /etc/resolv.conf names a name service, as it is now: relays ask it about names. */
bool host_has_resolver(void);
void host_facts_clear(HostFacts *f);
