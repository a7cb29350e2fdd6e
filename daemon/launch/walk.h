/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Every directory below a root, once, by descriptor: no symlink is followed and nothing is opened that the root does not hold,
 * whoever changes it meanwhile. Of a .git, which may have as many directories as the workspace itself, only those that can hold
 * another git directory are entered. What only looks like one is walked whole: whoever can write there can make anything look so. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum WalkKind {
        WALK_TREE,    /* a directory like any other */
        WALK_GITDIR,  /* a git directory: called .git, or with what git asks of one */
        WALK_MODULES, /* in a git directory, and holds the git directories of submodules or worktrees */
} WalkKind;

typedef struct WalkDir {
        int fd;           /* O_RDONLY */
        const char *path; /* below the root; "" is the root */
        WalkKind kind;
        bool is_bare;     /* a git directory by what it holds, in the midst of a tree: WALK_GITDIR, unless it has a .git too */
        unsigned char dot_git; /* in a tree: the type of its .git, as of an entry; 0: it has none */
        bool in_gitdir;   /* directly below a git directory */
        bool marked;      /* it or one above it was entered by WALK_MARK */
} WalkDir;

typedef struct WalkEntry {
        const char *name;
        unsigned char type; /* DT_DIR, DT_LNK, … never DT_UNKNOWN */
} WalkEntry;

/* What an entry handler wants done with a directory; of others it means nothing. */
enum { WALK_ENTER, WALK_SKIP, WALK_MARK };

typedef struct Walk {
        /* All return a negative errno to end the walk with. */
        int (*directory)(void *data, const WalkDir *dir); /* before its entries; NULL: does not matter */
        int (*entry)(void *data, const WalkDir *dir, const WalkEntry *entry); /* or one of the above */
        int (*crossing)(void *data, const char *path);   /* another mount is there, which was not entered. NULL: mounts
                                                            are entered like directories */
        int (*unreadable)(void *data, const char *path); /* EACCES: a descriptor to go on with, or -EBADF to go without */
        void *data;
        size_t left;       /* directories that may still be entered, -E2BIG after that; of more walks than one, perhaps */
        uint64_t deadline; /* CLOCK_MONOTONIC, nanoseconds, -ETIME after that; 0: none */
} Walk;

/* root: O_PATH will do. What vanishes while it is walked is passed over. 0, -ENAMETOOLONG for a path that the kernel would not
 * take, or what stopped it. */
int walk_run(Walk *w, int root);

/* Opens a directory below root as the walk does. flags: O_PATH, or 0. across: into other mounts too. */
int walk_open(int root, const char *path, int flags, bool across);
