/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The rules about names that one sandbox gets, while they are gathered. A name is below a root: a granted mount, or a mount of
 * the host below one, since rules do not reach across mounts (guard-abi.h). Each name that is added is followed as the host would
 * follow it: where a symlink, or another mount, leads to, is ruled too, and so is the link. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "guard.h"
#include "plan.h"

typedef struct NameRoot {
        char *path;      /* in the cage */
        int fd;          /* as the cage has it; rules name it */
        int host;        /* as the host has it: names are followed there */
        bool writable, is_dir;
        bool granted;    /* by the plan; otherwise a mount that came along with one that is */
        dev_t dev;
        ino_t ino;
        char *canonical; /* of host; NULL until it is asked for */
} NameRoot;

typedef struct NameRule {
        GuardKind kind;
        size_t root;
        char *path;      /* below it; NULL: the object fd */
        int fd;          /* owned; -EBADF where there is a path */
        const char *const *below; /* as in GuardRule; NULL: path itself. Of names_keep_list() */
} NameRule;

typedef struct NameSeen {
        dev_t dev;
        ino_t ino;
} NameSeen;

typedef struct Names {
        NameRoot *roots;
        size_t n_roots;
        NameRule *rules;
        size_t n_rules, size_rules;
        char ***lists;
        size_t n_lists;
        bool by_object;  /* something will keep rules about objects: hard links and aliases are ruled too */
        const LaunchPlan *plan; /* for see_as_owner(); NULL: what the owner cannot list cannot be looked into */
        NameSeen *seen;  /* directories that were looked into */
        size_t n_seen, size_seen;
        size_t looked;   /* directories of theirs that were entered, LIMIT_HANDOFF_DIRS in all */
        unsigned depth;  /* of looking now */
        const struct NamePlace *work; /* the worktree whose names these are: a link to it, or to what it is in, protects neither. NULL: none */
} Names;

#define NO_ROOT ((size_t)-1)

/* Somewhere a path has led to. fd is open (O_PATH) only where something is. */
typedef struct NamePlace {
        size_t root;     /* NO_ROOT: outside of every grant */
        char *path;      /* below it; "" is the root itself. Where nothing is, what will be there once it is made */
        int fd;
        struct stat st;  /* of fd */
        bool aside;      /* a symlink, a mount or the path itself led away from where it began: the root is another, or the path */
} NamePlace;

Names *names_free(Names *n);
void name_place_clear(NamePlace *p); /* usable with _cleanup_() on a NamePlace that began as all zero but fd -EBADF */

/* Takes over fd and host; they are closed on failure too. *ret (optional): its index. */
int names_add_root(Names *n, const char *path, int fd, int host, bool writable, bool granted, size_t *ret);

/* The root with this path in the cage, or NO_ROOT; the deepest one that has path at or below it. */
size_t names_find_root(const Names *n, const char *path);
size_t names_root_above(const Names *n, const char *path);

/* The root's path on the host, without symlinks; NULL once the host is out of sight. Borrowed. */
int names_canonical(Names *n, size_t root, const char **ret);

/* All of these: -E2BIG where the sandbox would have more than LIMIT_NAME_RULES of them.
 *
 * The rule, and rules for wherever it leads. dir (a descriptor of the host's tree) is the directory `at` of the root, whence
 * `name`, relative and normal, is followed; dir -EBADF: nothing is there, do not look. */
int names_add(Names *n, GuardKind kind, size_t root, int dir, const char *at, const char *name);

/* Whether p is that directory, or what it is in. */
bool names_is_around(const NamePlace *p, size_t root, const char *at);

/* What was found where names_follow() led to, if that is elsewhere, and whatever else it is called. */
int names_add_place(Names *n, GuardKind kind, const NamePlace *p);
int names_add_opened(Names *n, GuardKind kind, size_t root, int fd); /* the object; the descriptor is copied */

/* Of a directory that is protected, or whose files git runs: where symlinks in it lead, and files in it that have another name as
 * well. A hook that is a link to a file of the worktree is that file. names_add() does so itself, but of a .git. -ELOOP where
 * directories lead to directories without end; nothing where no directory is, or a grant that can be written: what is granted deepest wins. */
int names_add_inside(Names *n, const NamePlace *p);

/* Where names_follow() led to from something that is trusted: protected, as far as the agent can write it or something in it, or has a name
 * of it. Neither is the worktree, or a grant that can be written. */
int names_add_led_to(Names *n, const NamePlace *p);

/* Each name of the list below `at` of the root, which is not the root itself, and nothing of where they lead: whoever adds this looks
 * at what is there by names_add(). One list for many places costs little more than for one (guard.h). */
int names_add_list(Names *n, GuardKind kind, size_t root, const char *at, const char *const *list);

/* Takes over list, whose strings end with a NULL; it is freed on failure too. */
int names_keep_list(Names *n, char **list);

/* The object that path leads to on the host, whatever else it is called; nothing where nothing is. Seen by whoever we are now. */
int names_add_object(Names *n, GuardKind kind, const char *path);

/* Follows text, which may be absolute and anything, from that directory. Links on the way that an agent could replace become
 * rules. 0 or a negative errno when it could not be done; ret->root is NO_ROOT for whatever is not below a grant. */
int names_follow(Names *n, size_t root, int dir, const char *at, const char *text, NamePlace *ret);
