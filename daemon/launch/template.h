/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What is the same for every sandbox of one policy on this host, kept between spawns: the compiled seccomp programs, the
 * outcome of the proof, and a mount namespace with everything that the policy itself grants. Found by comparing
 * encoded bytes; holds nothing that a caller named. */

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "mount-table.h"
#include "parked.h"
#include "plan.h"
#include "report.h"

typedef struct FilterProgram {
        struct sock_filter *code;
        unsigned short length;
} FilterProgram;

typedef struct Filters {
        FilterProgram init;        /* of pid 1: what the plan allows, and what pid 1 itself needs */
        FilterProgram command;     /* the plan, where it allows less; otherwise empty */
        FilterProgram mediator;    /* of a pid 1 that mediates: it needs more. Empty where nothing is mediated; so are the last */
        FilterProgram mediated[2]; /* of its commands, which bring their calls: [reads] */
} Filters;

#define TEMPLATE_COPY_MAX (128 * 1024) /* bytes of a file */
#define TEMPLATE_COPIES_MAX (4 * 1024 * 1024) /* of all; the root's file system has twice that (filesystem.c) */

/* What a granted path was when the namespace was made. */
typedef struct FileIdentity {
        dev_t dev; /* both 0: absent */
        ino_t ino;
        struct timespec changed;
        off_t size;
        bool copied; /* a small file that nobody can write through the cage: the namespace has a copy of it. Each mount is paid
                        for by every sandbox again, and so is each rule about one */
} FileIdentity;

typedef struct Template {
        uint8_t *key;             /* the encoded template */
        size_t key_size;
        uint64_t used;            /* for the least recently used to go first */
        Filters filters;

        LaunchPlan *model;        /* a plan with this template and nothing else: for the proof and the namespace */
        bool proven[2];           /* of a sandbox whose network is empty, and of one whose network is steered */
        bool proving, proving_steered;
        ParkedList parked;        /* until that is over */

        uint64_t asked;           /* when a root of it was last asked for: skeleton.c */
        int mount_ns;             /* -EBADF: none; sandboxes are then made from nothing */
        MountWays ways;           /* how the template's paths led, before that was made */
        uint64_t mounts;          /* and a number for the mounts that matter to them */
        FileIdentity *identities; /* of each of the template's mounts */
        struct TemplateBuild *build;     /* under way */
} Template;
