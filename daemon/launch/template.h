/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What is the same for every sandbox of one policy on this host, kept between spawns: the compiled seccomp programs, and (once
 * built) a mount namespace with everything that the policy itself grants. Found by comparing encoded bytes; holds
 * nothing that a caller named. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/filter.h>

#include "plan.h"

typedef struct FilterProgram {
        struct sock_filter *code;
        unsigned short length;
} FilterProgram;

typedef struct Template {
        uint8_t *key;             /* the encoded template */
        size_t key_size;
        uint64_t used;            /* for the least recently used to go first */
        int mount_ns;             /* -EBADF: none */
        FilterProgram init;       /* of pid 1: what the plan allows, and what pid 1 itself needs */
        FilterProgram command;    /* loaded on top before execve; empty when the first allows nothing beyond the plan */
} Template;

Template *template_free(Template *t);
