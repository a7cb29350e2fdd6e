/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Pipes through which much data goes by without being copied (splice(2)): lent while there is something in them. The kernel counts their pages for
 * all relays together, which are one user (/proc/sys/fs/pipe-user-pages-soft); where it gives none, data is copied.
 *
 * They are small: what is in them, and in the sockets before and behind (near.h), is still in a processor's cache when it is read. With 1 MiB and the
 * kernel's own sizes of sockets the receiver paid twice as much for a byte as without a relay. With sockets of 512 KiB instead of 256 a gigabyte takes 1.4
 * to 1.8 times the processor time, and with SPLICE_F_MORE 1.5 to 1.9; pieces of 64 or 256 KiB, sockets of 128, and several rounds before it waits
 * are no better. */

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
