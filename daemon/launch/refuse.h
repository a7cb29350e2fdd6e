/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What a sandbox's leaf is given so that the kernel refuses at once what the relay would refuse (refusal-table.h). Each sandbox has a table, a ring
 * and programs of its own: a map of maps, by which one set of programs could serve all, makes whoever changes it wait for a grace period of RCU, 8
 * to 20 ms, and these are loaded ahead of time, in 1 ms, and attached in 5 us. Nothing relies on it: without, refusals are slower. */

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
