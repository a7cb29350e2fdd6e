/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* How much the sockets of a connection hold. The kernel lets a socket grow for as long as more in it is more throughput, and on a way that takes no time it
 * grows to megabytes that only leave the processor's cache before they are read. So what is near holds little; what is far is left to the kernel. */

#define NEAR_BUFFER (256 * 1024) /* the kernel takes twice that, or of net.core.wmem_max and rmem_max, whichever is less */
#define NEAR_RTT_USEC 200U       /* in one round trip of it at most, what is underway fits: two gigabytes a second */

/* What it accepts comes from a sandbox: from this machine. */
void near_listener(int fd);
/* One that has just been connected: its other end may be anywhere. */
void near_connected(int fd);
