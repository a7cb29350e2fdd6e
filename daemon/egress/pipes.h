/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Pipes through which much data goes by without being copied (splice(2)): lent while there is something in them. The kernel counts their pages for
 * all relays together, which are one user (/proc/sys/fs/pipe-user-pages-soft); where it gives none, data is copied.
 *
 * They are small: what is in them, and in the sockets before and behind (near.h), is still in a processor's cache when it is read. With 1 MiB and the
 * kernel's own sizes of sockets the receiver paid twice as much for a byte as without a relay. With sockets of 512 KiB instead of 256 a gigabyte takes 1.4
 * to 1.8 times the processor time, and with SPLICE_F_MORE 1.5 to 1.9; pieces of 64 or 256 KiB, sockets of 128, and several rounds before it waits
 * are no better.
 *
 * What is lost to direct is not the copying but who runs when: with both ends and the relay in SCHED_RR, where nobody is preempted by whom he wakes, the
 * relay takes a third of the processor time and passes 1.1 to 1.3 times what goes directly. Nothing of that is to be had from here: as SCHED_BATCH
 * it takes as much as before. Nor do packets of 185 KB on the sandbox's lo (gso_ipv4_max_size), or reno for what is near where the host has
 * bbr, change more than the noise: 0.8 to 0.9 s of processor time a gigabyte for all three beside other work, directly 0.35. SO_RCVLOWAT would hold
 * the end of a piece back for as long as nothing follows it. */

#include <stdbool.h>
#include <systemd/sd-event.h>

#define PIPE_SIZE (128U * 1024)
#define PIPES_MAX 16U             /* of one relay */

typedef struct Pipes Pipes;

int pipes_new(sd_event *event, Pipes **ret);
Pipes *pipes_free(Pipes *p); /* all were given back */

/* An empty one, of PIPE_SIZE, whose ends do not wait; -EBUSY where there are enough, or what the kernel says. For what comes from a socket, which is
 * looked at for where the relay had better run (place.h). */
int pipes_take(Pipes *p, int from, int ret[2]);
/* Takes it, and what is in it goes away. For a moment it is kept for who comes next when it is empty. */
void pipes_give(Pipes *p, int fds[2], bool empty);
