/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The network of egress-net.h: every connection that is begun in it lands on sockets that are held outside of it. */

#include <stdbool.h>

#include "refuse.h"

typedef struct Steering {
        int tcp, udp, datagrams, raw_v4, raw_v6; /* the sockets, as in egress-net.h */
        int link;     /* of the program that steers, for as long as it is open; without it nothing but port 53 is answered */
        Refuse refuse; /* none where the host cannot */
} Steering;

#define STEERING_NONE                                                                                                                 \
        ((Steering){ .tcp = -EBADF, .udp = -EBADF, .datagrams = -EBADF, .raw_v4 = -EBADF, .raw_v6 = -EBADF, .link = -EBADF, .refuse = REFUSE_NONE })

/* All of them, for those who pass them on; the order is that of the fields. Of the last, the refuse ones, there may be none. */
#define STEERING_FDS (STEERING_FDS_ALWAYS + 2 + REFUSE_PROGRAMS)
#define STEERING_FDS_ALWAYS 6
void steering_fds(Steering *s, int *ret[static STEERING_FDS]);

/* Usable with _cleanup_() on Steering. */
void steering_close(Steering *s);

/* Makes the network namespace that the caller is in, a fresh one whose lo is up, into such a network. 0 or a negative errno. */
int steering_make(Steering *ret);

/* Whether this host can, found by doing it: 1 or 0. */
int steering_probe(void);
