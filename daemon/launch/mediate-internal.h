/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the files mediate-*.c share. Paths and bytes here come from an agent; nothing of it is trusted, and all of it is bounded. */

#include <linux/limits.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "guard-table.h"
#include "mediate.h"

#define READING GUARD_DENIED
#define WRITING (GUARD_DENIED | GUARD_PROTECTED)
#define REPLACING (GUARD_DENIED | GUARD_PROTECTED | GUARD_PINNED)

/* ---- mediate-tree.c: granted trees with rules ---- */

typedef enum Folding { FOLDS_NEVER, FOLDS_BY_DIRECTORY, FOLDS_ALWAYS } Folding;

typedef struct RuledTree {
        int root;          /* O_PATH: as it can be written, where it is covered */
        int cover;         /* O_PATH: as the agent sees it. -EBADF: like root */
        uint64_t beneath;  /* mount id of root, */
        uint64_t visible;  /* and of the cover; the same where there is none */
        char *path;        /* of the cover, in the cage; host directories that are renamed can change it */
        uint32_t flags;    /* of the root itself */
        uint32_t node;     /* where the names below it begin */
        Folding folding;
} RuledTree;

/* A child that serves one call. */
typedef struct Helper {
        pid_t pid; /* 0: free */
        int listener;
        uint64_t id;
} Helper;

#define MEDIATOR_HELPERS 16U
#define HELPER_GIVE_BACK SIGUSR1 /* to a helper that waits for whoever opens the other end of a pipe */
#define MEDIATOR_NOTIFICATION_MAX 256U /* bytes */

struct Mediator {
        GuardTable table;
        RuledTree *trees;
        size_t n_trees;
        bool knows_objects;      /* the table has rules about objects that are no roots, */
        bool knows_directories;  /* about directories among them */
        bool reads;              /* something is denied: reading is mediated too */
        bool slow;               /* a file system in the cage may take as long as it likes */
        int proc;                /* O_PATH: /proc of the cage, */
        int descriptors;         /* and our own fd in it */
        uint64_t proc_mount;
        int door[2];             /* commands send their listener into [1]; it comes out at [0] */
        int listeners[MEDIATOR_LISTENERS]; /* -EBADF: free */
        Helper helpers[MEDIATOR_HELPERS];
};

typedef struct Identity {
        uint64_t mount, ino;
        uint32_t dev;        /* as in guard-abi.h */
        uint32_t generation; /* of the birth of the inode: a later one with the same number is another */
        mode_t mode;
} Identity;

int identity_of(int fd, const char *name, Identity *ret); /* name "": of fd itself; a symlink is not followed */

int path_of(const Mediator *m, int fd, char ret[PATH_MAX]); /* in the cage, of what a descriptor has open */
int reopen(const Mediator *m, int fd, int flags);           /* what is open as O_PATH */

/* Where an object is. */
typedef struct Spot {
        Identity id;
        const RuledTree *tree;    /* NULL: no rule is about where it is */
        char below[PATH_MAX];     /* its path below the root of the tree; "" is the root */
} Spot;

int spot_find(const Mediator *m, int fd, const Identity *id, Spot *ret);

/* A directory below the root of a tree, on its writable side, reached name by name, and what the names say. */
typedef struct Way {
        int dir;    /* O_PATH */
        bool owned; /* or it is the root of the tree */
        const RuledTree *tree;
        uint32_t flags, node;
} Way;

void way_clear(Way *w); /* usable with _cleanup_() on a Way that began as WAY_NONE */
#define WAY_NONE ((Way){ .dir = -EBADF })

/* below: length bytes, a normal relative path or nothing. No symlink is followed and no mount entered. */
int way_go(const Mediator *m, const RuledTree *t, const char *below, size_t length, Way *ret);

/* What the rules say of a name in that directory, and of what is there. */
int way_judge(const Mediator *m, const Way *w, const char *name, uint32_t *ret_flags);

/* The object of a spot on the writable side of its tree, opened with open_flags, if none of the refused is on it: -EACCES. -ESTALE when it is
 * not there any more, but something else is. */
int spot_open(const Mediator *m, const Spot *s, int fd, uint32_t refused, int open_flags, int *ret);

/* What the rules say of what is at a spot, if anything; the writable side need not be there. */
int spot_judge(const Mediator *m, const Spot *s, uint32_t *ret_flags);

/* The same of where nothing is: -EACCES when it is denied, otherwise -ENOENT. dir: O_PATH, as the agent sees it. */
int absence_judge(const Mediator *m, int dir, const Identity *id, const char *name);

/* ---- mediate-call.c: a call of an agent that waits for its answer ---- */

typedef struct Call {
        const Mediator *m;
        int listener;
        uint64_t id;
        pid_t thread;
        int number;
        uint64_t args[6];
        bool may_wait; /* nobody else waits for us */
} Call;

/* An errno that goes to no agent: the process does not let anybody of its own uid look into it. */
#define CALL_IS_CLOSED EOWNERDEAD

/* What a handler returns beside a result (zero or more) or a negative errno. */
#define CALL_WAITS (__INT_MAX__ - 2)    /* it may take long: to be handled again where it may */
#define CALL_CONTINUE (__INT_MAX__ - 1) /* the kernel may carry on with it: see mediate.h on when */
#define CALL_ANSWERED __INT_MAX__       /* it has its answer already */

static inline int call_int(const Call *c, unsigned n) {
        return (int)(uint32_t)c->args[n]; /* as the kernel takes an int from a register */
}

/* Whether all that was learnt about the thread so far is about the one that waits: otherwise -ESRCH. */
int call_check(const Call *c);

/* From its memory: exactly size bytes (-EFAULT), or a string with its NUL (-ENAMETOOLONG). Into it. */
int call_read(const Call *c, uint64_t from, void *to, size_t size);
int call_read_text(const Call *c, uint64_t from, char *to, size_t size);
int call_write(const Call *c, uint64_t to, const void *from, size_t size);

/* Its descriptor, as O_PATH; AT_FDCWD: its directory. -EBADF. And its descriptor itself, with all that was done to it; of another
 * thread's table where the kernel (before Linux 6.9) cannot tell threads apart. */
int call_open(const Call *c, int fd);
int call_copy(const Call *c, int fd, pid_t process);

int call_identify(const Call *c, pid_t *ret_process, mode_t *ret_umask);
int call_terminal(const Call *c, dev_t *ret); /* of its session; -ENXIO: none */

/* Puts a descriptor into its process as the answer; CALL_ANSWERED, or a negative errno. The caller's stays open. */
int call_inject(const Call *c, int fd, bool close_on_exec);

/* Result of a handler → the kernel. A thread that has died meanwhile is no error. */
void call_answer(const Call *c, int result);

/* Of one that has done nothing yet: the kernel makes it anew. */
void call_restart(const Call *c);

/* A path argument, copied. */
typedef struct PathArgument {
        int base; /* where a relative one begins; -EBADF of an absolute one */
        char path[PATH_MAX];
} PathArgument;

#define PATH_ARGUMENT_NONE ((PathArgument){ .base = -EBADF })
void path_argument_clear(PathArgument *p);

/* -ENOENT for an empty path, unless may_be_empty: that is dirfd itself. */
int call_take_path(const Call *c, int dirfd, uint64_t path, bool may_be_empty, PathArgument *ret);

/* ---- mediate-find.c: what a path leads to, as the agent sees it ---- */

typedef struct Found {
        int object;             /* O_PATH; -EBADF: nothing is there */
        int dir;                /* O_PATH: where the name is, or would be. -EBADF where that is not known */
        Identity id;            /* of the object; of dir where there is none */
        char name[NAME_MAX + 1];
        bool slash;             /* one came after it: only a directory will do */
        bool cut;               /* nothing is there, and it was not the last name of the path */
        char own[32];           /* of /proc/self and the likes, not followed: what it says to the agent. Otherwise "" */
} Found;

#define FOUND_NONE ((Found){ .object = -EBADF, .dir = -EBADF })
void found_clear(Found *f);

/* follow: a symlink in the last place too. Where nothing is it is no error: dir and name say where, as far as the way goes. */
int find_object(const Call *c, const PathArgument *p, bool follow, Found *ret);

/* The last name of the path and the directory that has it or would; object stays -EBADF. name is "" of "/", may be "." or "..". */
int find_name(const Call *c, const PathArgument *p, Found *ret);

/* ---- the handlers ---- */

typedef int (*CallHandler)(const Call *c);

CallHandler handler_of_names(int number);      /* mediate-names.c */
CallHandler handler_of_opening(int number);    /* mediate-open.c */
CallHandler handler_of_attributes(int number); /* mediate-attributes.c */
CallHandler handler_of_reading(int number);    /* mediate-read.c */

/* A path in /proc by which the object of an O_PATH descriptor can be changed. */
typedef struct FdPath {
        char text[32];
} FdPath;
FdPath fd_path(int fd);
