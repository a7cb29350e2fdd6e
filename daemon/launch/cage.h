/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the walls share while one cage is built: the plan, what the launcher handed to the child, and what one wall leaves for
 * a later one. It lives in the child, which is pid 1 of the sandbox and begins as root; nothing here outlives launch_run().
 *
 * A wall is a function wall_x(Cage *): 0, or a negative errno, having set c->detail where a word helps. The failure then
 * ends the child; nothing is ever half built and used. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "guard.h"
#include "netns.h"
#include "plan.h"
#include "report.h"
#include "skeleton.h"
#include "template.h"

/* Sizes of the private file systems: enough to build in, not enough to take the host down before memory.max does. */
#define CAGE_TMP_OPTIONS "size=2g,nr_inodes=400k"
#define CAGE_SHM_OPTIONS "size=512m,nr_inodes=16k"

/* A host object that a request named, opened and checked as its owner and cloned as a mount of its own. */
typedef struct Opened {
        const PlanMount *mount; /* not owned */
        int tree;               /* detached mount; -EBADF: left out, or a denied path */
        int host;               /* what was opened, in the host's tree; wall_handoff takes it */
        bool is_dir;
        bool copied;            /* of a template: tree is the file itself, open for reading, to be copied */
} Opened;

typedef struct Cage {
        const LaunchPlan *plan;   /* not owned */
        Template *template;       /* not owned */
        int report;               /* SetupMessage goes there */
        int stdio[3];             /* -EBADF where the plan says pty */
        int control;              /* execs come from there; stays with pid 1 */
        EmptyNamespaces empty;    /* from the pool, or none */
        Skeleton skeleton;        /* of the template, or none */
        bool prove;               /* attempt what the walls forbid, in the place of the command */
        uint64_t host_network;    /* with prove: the launcher's own network namespace, by its inode */
        StatusPage *page;         /* shared with the launcher and mxcd */
        uint64_t leaf;            /* id of the cgroup that we live in: its inode; 0 of a proof, which has none of its own */
        Guard guard;              /* its maps; wall_guard_maps */
        bool guarded;             /* the guard keeps what is denied and protected by name; otherwise mounts and mediation must */

        Opened *opened;           /* one per plan->mounts; wall_open */
        bool from_template;       /* wall_template */
        Opened *base;             /* one per plan->template.mounts; wall_template, unless from_template */
        int devices[6];           /* clones of device nodes; wall_template */
        struct Names *names;      /* denied and protected, while they are gathered; wall_handoff */
        struct Findings *findings; /* what is reported when it changes; wall_handoff */
        GuardRule *rules;         /* what is denied and protected by name; guard.h says what they mean. wall_handoff. The
                                     descriptors are the cage's, open until pid 1 serves */
        size_t n_rules;
        bool may_be_slow;         /* the host has file systems near what is granted that wait for somebody else */
        bool can_mediate;         /* it was tried on this host, and holds */
        struct Mediator *mediator; /* pid 1 mediates; otherwise NULL. wall_mediate */
        int ruleset;              /* Landlock, or -EBADF; wall_landlock_rules */
        int outside;              /* with prove: a directory that no rule grants, or -EBADF; wall_landlock_rules */
        const char *detail;       /* of a failure; borrowed from the plan or static */
} Cage;

/* Sent by the child: a failure, or (step none) that the command is about to be executed. In the second case the pidfd of an
 * exec'd command and the pty master come along. Then comes the end of the stream, at execve() or at death. */
typedef struct SetupMessage {
        uint32_t magic, version; /* LAUNCH_MAGIC, LAUNCH_VERSION */
        uint32_t step;
        int32_t error;
        char detail[512];
} SetupMessage;

/* A step of launch_run(); the list ends with one that has no name. It is seen from outside for the tests, which take walls out
 * and count that none is without a test. */
typedef struct Room {
        LaunchStep step;  /* that a failure is told as */
        const char *name;
        int (*wall)(Cage *c);
} Room;
extern const Room launch_rooms[];

/* What its wall gives. */
int launch_room(Cage *c, const Room *room);

/* Builds the cage around the calling process, runs the command and its pid 1. Does not return. */
_Noreturn void launch_run(Cage *c);

/* On its page: what is done now, should it die of that. name: of a room, or of a wall of the proof. */
void cage_note(const Cage *c, const char *name);

/* Sends a failure; safe after seccomp. */
void cage_report_failure(int report, LaunchStep step, int error, const char *detail);

int wall_fds(Cage *c);
int wall_oom(Cage *c);
int wall_open(Cage *c);
int wall_netns(Cage *c);
int wall_template(Cage *c);
int wall_handoff(Cage *c);
int wall_guard_maps(Cage *c);
int wall_root(Cage *c);
int wall_mediate(Cage *c);
int wall_cgroup_namespace(Cage *c);
int wall_process(Cage *c);
int wall_landlock_rules(Cage *c);
int wall_guard(Cage *c);
int wall_securebits(Cage *c);
int wall_identity(Cage *c);
int wall_capabilities(Cage *c);
int wall_no_new_privs(Cage *c);
int wall_landlock(Cage *c);
int wall_gate(Cage *c);
int wall_seccomp(Cage *c);
