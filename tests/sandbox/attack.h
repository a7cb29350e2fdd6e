/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Attacks from inside a cage, and the proof that each wall is what holds them off.
 *
 * A row is one act of probe.c and the locks that refuse it, each of which is enough. It is made
 *   - in a whole cage, as its command and as a later exec: refused;
 *   - with each of several locks standing alone: refused, in that lock's own way;
 *   - with none of them: it succeeds, or the row would prove nothing.
 * `without` is what only stands in the way of an honest trial, and is left out of each cage but the whole one: a seccomp
 * filter cannot be loaded without no_new_privs, say.
 *
 * An answer is what the probe prints; of a cage that is refused, "STEP: ERRNO", as in "open: ELOOP". */

#include "rig.h"

typedef struct Stage {
        Rig *rig;
        LaunchPlan *plan;      /* rig_plan(), and @bin */
        char *words[10];       /* of the probe */
        char success[256];     /* as in the row; prepare() may write it afresh */
        char *mounted;         /* below the rig's directory, for as long as the stage is set */
        bool pty;
} Stage;

typedef struct Lock {
        const char *name;      /* as mutant.c has it */
        const char *answer;    /* when this alone stands; NULL: as in the whole cage */
        uint32_t abi;          /* of Landlock: with less it is no lock of this attack */
        bool guard, mediate;   /* only where it is this that keeps names */
} Lock;

typedef struct Attack {
        const char *name;
        const char *words[9];  /* "@dir/x": in the rig's scratch directory; "@ws/x": in the workspace */
        const char *refused;   /* the answer in a whole cage */
        const char *success;   /* the answer without its walls */
        Lock locks[4];
        const char *without;
        bool pty;
        bool as_root;          /* the plan's uid and gid are 0 */
        const char *guarded;   /* instead of refused, where the guard keeps names; NULL: no other */
        bool (*prepare)(Stage *s); /* false: not on this kernel, there is nothing to attack */
} Attack;

/* What is done before each launcher of these rows is started; it is started carelessly, with all sorts of things to inherit:
 * the root directory as descriptor ATTACK_LEAKED, MXC_RIG_SECRET=1 in its environment, SIGUSR1 ignored, core dumps without
 * a limit, a session keyring with a key "mxc-rig", a terminal that controls it and is standard input. */
#define ATTACK_LEAKED 77

extern const char *attack_probe; /* path of the program on the host */

/* Runs the table and prints TAP; the arguments are LAUNCHER MUTANT PROBE [PATTERN], and the return value main()'s. */
int attack_main(int argc, char **argv, const Attack *attacks, size_t n);

/* For prepare(): as the owner of the workspace, mode as given; the parent must be there. */
void stage_file(Stage *s, const char *path, mode_t mode);
void stage_dir(Stage *s, const char *path, mode_t mode);
void stage_copy(Stage *s, const char *from, const char *to, mode_t mode, uid_t uid);
void stage_mount(Stage *s, const char *path); /* an empty file system of the owner's, with no flags; one of a stage */
char *stage_path(const Stage *s, const char *word); /* of "@dir/x" and the like; free() it */
void stage_word(Stage *s, size_t i, const char *format, ...) __attribute__((format(printf, 3, 4)));
