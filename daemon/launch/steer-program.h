/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What steers: a program that the kernel asks which socket a new connection, or a datagram, is for (BPF_PROG_TYPE_SK_LOOKUP, Linux 5.9). */

/* Nobody in a sandbox can take them: they are below 1024. */
#define STEER_PORT_DOMAIN 53
#define STEER_PORT_DATAGRAMS 1

/* Numbers in the map. */
typedef enum SteerTo { STEER_TO_TCP, STEER_TO_DATAGRAMS, _STEER_TO_MAX } SteerTo;

/* map: a sockmap. A descriptor or a negative errno. */
int steer_program_load(int map);
