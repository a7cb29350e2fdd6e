/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What mxc-launch writes into the guard's pinned maps and its kernel programs read: the third party to this contract is the
 * kernel, so it is plain structs of fixed width, and every byte of a key is significant (padding is zero).
 *
 * How a rule is found. For an object that a process of a sandbox is about to use, the programs walk from its dentry towards the
 * root of its file system. At each step the inode may be an anchor. A denied or protected anchor marks everything from there
 * down. A root anchor (the root of a granted mount) ends the walk: what was granted deepest wins. From that root they go
 * down again, name by name, through the tree of names: node n has the children { cgroup, n, name }. So a rule holds for a
 * path whether or not anything is there, and goes on holding when somebody replaces what is. A name on the way to a rule is
 * pinned: the agent may make that directory, but neither move, remove nor replace it.
 *
 * Identity is what the kernel sees: the s_dev of the super block and i_ino. stat(2) tells other numbers on btrfs and
 * overlayfs, so mxc-launch never computes them: it has the programs tell it (GuardIdentity). Two subvolumes of one btrfs
 * share an s_dev and may share an i_ino; a rule then holds for both objects, the strict way to be wrong. */

#ifndef __bpf__
#include <linux/types.h>
#endif

/* Pins are below MXC_GUARD_DIR in a directory named for the version of everything in this file, so that two versions can be
 * loaded side by side while sandboxes of the old one live. */
#define GUARD_ABI "1"

#define GUARD_NAME_MAX 255 /* NAME_MAX; no name of any file system is longer, and one that were is refused */

#define GUARD_MAX_SANDBOXES 16384     /* LIMIT_SANDBOXES; a full map refuses the launch */
#define GUARD_MAX_ANCHORS (256 * 1024)
#define GUARD_MAX_NAMES (1024 * 1024)
#define GUARD_MAX_JOURNAL (GUARD_MAX_ANCHORS + GUARD_MAX_NAMES)

#define GUARD_DENIED 1U    /* it and everything below answers EACCES */
#define GUARD_PROTECTED 2U /* it and everything below may be read, not made, changed, moved, linked or removed */
#define GUARD_PINNED 4U    /* only computed: on the way to a name that is denied or protected, or a granted root */
#define GUARD_ROOT 8U      /* only of anchors */

/* Map "sandboxes": leaf of a sandbox → present. Written last: until then nothing is enforced, and no user code runs. */
typedef struct GuardSandbox {
        __u64 reserved;
} GuardSandbox;

/* Map "anchors" */
typedef struct GuardAnchorKey {
        __u64 cgroup;
        __u64 ino;
        __u32 dev;      /* in the kernel's own encoding, major << 20 | minor */
        __u32 reserved;
} GuardAnchorKey;

typedef struct GuardAnchor {
        __u32 flags;
        __u32 node;          /* of a root: where its names begin; 0 where it has none */
        __u32 generation;    /* i_generation: a file made later with the same number is another file */
        __u32 by_generation; /* 1 for what is not a directory: whoever may open a directory can change its generation */
} GuardAnchor;

/* Map "names" */
typedef struct GuardNameKey {
        __u64 cgroup;
        __u32 node;
        __u32 folded; /* 1: ASCII letters in lower case, for directories that do not tell case apart */
        char name[GUARD_NAME_MAX + 1]; /* zero-filled */
} GuardNameKey;

typedef struct GuardName {
        __u32 flags;
        __u32 node; /* 0: nothing below it has a rule */
} GuardName;

/* Map "journal": every key of a sandbox, numbered from 0, so that all can be taken away again, whoever put them there. */
typedef struct GuardJournalKey {
        __u64 cgroup;
        __u32 index;
        __u32 reserved;
} GuardJournalKey;

typedef struct GuardJournal {
        __u32 is_name;
        __u32 reserved;
        union {
                GuardAnchorKey anchor;
                GuardNameKey name;
        };
} GuardJournal;

/* Map "identities": the leaf in which a process asks, before any user code runs there (an empty entry) → the answer, which
 * fstatfs(2) on an O_PATH descriptor brings: the programs fill in what they see and refuse the call with GUARD_ANSWERED,
 * before the file system has a chance to hang. By leaf, because who asks is pid 1 of a namespace and knows no other number of
 * its own that the kernel has too. */
typedef struct GuardIdentity {
        __u64 ino;
        __u32 dev;
        __u32 generation;
        __u32 mode;
        __u32 seen;
        __u32 may_fold; /* the file system can have directories that do not tell case apart */
        __u32 reserved;
} GuardIdentity;

#define GUARD_ANSWERED 114 /* EALREADY */
