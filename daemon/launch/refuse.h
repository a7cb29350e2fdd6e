/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What a sandbox's leaf is given so that the kernel refuses at once what the relay would refuse (refusal-table.h). Nothing relies on it: without,
 * refusals are slower.
 *
 * Each sandbox has a table, a ring and programs of its own. One set of programs for all of them, which finds the two by the network's cookie in a
 * map of maps, was measured and is not taken (Linux 6.18, two processors):
 *
 * - It would save what is loaded for each: 1.0 ms of processor time, four fifths of it the verifier's, spent ahead by the pool's helper, and 34 KiB of 100
 *   (table 44, ring 20, programs 28, their code 6).
 * - Who changes a map of maps waits for a grace period of RCU: 12 ms for a table and 12 for a ring, p99 60, and as much again when the sandbox is over.
 *   Of 96 changes that 16 threads make, one takes 0.7 ms; a batch waits once, from 6.8 on. So the one program with full privilege would get
 *   threads, or a server of the map, and a queue of what is to be taken out: an entry that nobody takes out keeps 64 KiB for as long as the map is there.
 * - Storage of a control group (BPF_MAP_TYPE_CGROUP_STORAGE) is one per attachment, needs no such wait and goes with the leaf, but cannot be mapped:
 *   the relay would need bpf(2), with a map that has all tables, or somebody privileged for each address that it learns. BPF_MAP_TYPE_CGRP_STORAGE
 *   came with 6.2. One array that has a table for each is all of it mapped by each relay.
 *
 * Attached at the leaf, they go when it goes, whoever restarts or is killed, and touch no other control group. */

#include <stddef.h>
#include <stdint.h>

#include "refuse-program.h"

typedef struct Refuse {
        int table, ring;
        int programs[REFUSE_PROGRAMS]; /* only until they are attached */
} Refuse;

#define REFUSE_NONE ((Refuse){ .table = -EBADF, .ring = -EBADF, .programs = { -EBADF, -EBADF, -EBADF, -EBADF } })

/* Usable with _cleanup_() on Refuse. */
void refuse_close(Refuse *r);

/* With a table that refuses nothing. */
int refuse_make(Refuse *ret);

/* From a memfd that has one, and is of exactly its size; it is not looked into. */
int refuse_write(const Refuse *r, int memfd);

/* The programs are the leaf's from then on. */
int refuse_attach(Refuse *r, int leaf);

/* Whether this host can, found by doing it in a leaf below the launcher's: 1 or 0. */
int refuse_probe(void);
