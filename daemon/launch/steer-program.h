/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What steers: a program that the kernel asks which socket a new connection is for (BPF_PROG_TYPE_SK_LOOKUP, Linux 5.9). */

#define STEER_PORT_DOMAIN 53 /* nobody in a sandbox can take it: below 1024 */

/* map: a sockmap, with the listener as number 0. A descriptor or a negative errno. */
int steer_program_load(int map);
