/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The launcher's hold on the guard: BPF LSM programs that mxc-guard(8) loaded and pinned, and their maps (guard-abi.h, which
 * says what a rule means). Everything here is bpf(2) on a handful of map descriptors; no libbpf. Nothing logs. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUARD_DIR_MODE 0700

typedef struct Guard {
        int sandboxes, anchors, names, journal, identities; /* maps */
} Guard;

#define GUARD_NONE ((Guard){ -EBADF, -EBADF, -EBADF, -EBADF, -EBADF })

typedef enum GuardKind {
        GUARD_RULE_ROOT,    /* fd is the root of something granted: rules from further up end here */
        GUARD_RULE_DENY,    /* EACCES, whatever is tried */
        GUARD_RULE_PROTECT, /* may be read; not made, changed, moved, linked, removed */
        _GUARD_RULE_MAX,
} GuardKind;

typedef struct GuardRule {
        GuardKind kind;
        int fd;           /* O_PATH will do. Not owned */
        const char *path; /* NULL: the object itself, by whatever name it is reached, and all below it. Otherwise relative to the
                             directory fd, which some GUARD_RULE_ROOT names too: that name and all below it, whatever is
                             or comes to be there; what lies between can then be neither moved nor replaced.
                             Without "." and "..", empty components or names above 255 bytes. */
        const char *const *below; /* not NULL: not path itself but each of these below it, up to a NULL. Many rules may name one
                                     list: it is kept once as long as nothing else is said below those paths. Not owned */
} GuardRule;

/* Opens the pinned maps. -ENOENT where mxc-guard has not run or could not load; -EPROTO for maps of another shape. */
int guard_open(Guard *ret);
void guard_close(Guard *g);

/* To be called by a process that is in the leaf `cgroup` (its id: the inode number of its directory), as root, before any user
 * code runs there. All or nothing: 0, or nothing was changed and the sandbox must not be started. -ENODATA when the
 * programs do not answer, -ENOSPC when a map is full, -EINVAL or -ENAMETOOLONG for a rule that cannot be kept exactly. */
int guard_install(const Guard *g, uint64_t cgroup, const GuardRule *rules, size_t n);

/* Takes away all that belongs to it. Only once nothing lives there any more. */
int guard_remove(const Guard *g, uint64_t cgroup);

/* Every cgroup that something is there of, sorted; free() it. */
int guard_cgroups(const Guard *g, uint64_t **ret, size_t *ret_n);

/* The same as guard_remove() for everything that is not in the list, which is sorted: what a launcher that died left behind. */
int guard_sweep(const Guard *g, const uint64_t *alive, size_t n);

/* Proves it: rules for a scratch cgroup below the caller's own, and a child in there that tries what they forbid and what they
 * allow. 0; -EBADE when something was allowed that should not be, or the reverse, with a static string that names the act
 * in *ret_act; another negative errno when the attempt could not be made. Leaves nothing behind. */
int guard_prove(const Guard *g, const char **ret_act);

/* 1 when the pinned programs are there and were just proven; 0 otherwise. */
int guard_probe(void);
