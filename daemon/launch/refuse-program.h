/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The kernel's programs that refuse by a RefusalTable (refusal-table.h, which has the same in C). They answer EACCES, or EPERM before Linux
 * 5.18, and tell of it in the ring. Port 53 is the resolver at every address. connect(2) of datagrams sends nothing and is let
 * through: it is how programs find out their own address. */

/* In the order of bpf_attach_type: connect4, connect6, sendmsg4, sendmsg6. */
#define REFUSE_PROGRAMS 4

/* All of them, or a negative errno. table: an array of one table; ring: a ring buffer. */
int refuse_programs_load(int table, int ring, int ret[static REFUSE_PROGRAMS]);

/* So that they hold for a control group until that is removed. */
int refuse_programs_attach(const int programs[static REFUSE_PROGRAMS], int cgroup);
