/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The guard's stand-in, for kernels on which its programs do not load: the same rules (guard.h), the same answers.
 *
 * What keeps the names is a mount. Each granted tree that may be written and has rules is covered, in the cage's own mount
 * namespace, by a read-only clone of itself. No path leads below the cover, so whatever an agent does to such a tree by itself,
 * by whatever call, ends at EROFS. Pid 1 of the sandbox has a descriptor of the tree beneath. It has the agent's uid, no
 * capability and the same Landlock domain; all that it has more is this descriptor.
 *
 * What makes work possible is pid 1 doing the work. Calls that make, change or remove names, or open for writing, are brought to
 * it by seccomp. It copies what the call points to once, finds the directory by descriptor, looks at its rules about the
 * names that lead there from the root of the grant and at what is there, and does it itself on the tree beneath, or answers
 * EACCES. A descriptor for writing is put into the calling process. Nothing is decided on memory that the agent can still
 * change: what pid 1 lets the kernel carry on with is kept by the cover whatever becomes of the path meanwhile.
 *
 * Rules that deny reading have no such mount behind them but the mask over what exists (place.h). Where a plan has some inside a
 * grant, the calls that read by path are brought to pid 1 too, all of them, and none of those is carried on with, except:
 * execve() cannot be done for somebody else, so a program whose name is denied, and which came to be only after the start,
 * can be executed by an agent that changes the path meanwhile (as a script its interpreter cannot open it). connect() to a
 * socket that came to be behind a denied name is not looked at, and chdir() is not (the guard does not look there either).
 *
 * What is not what it was for an agent in such a cage: openat2() is not there, and neither are Landlock rules of its own and
 * listeners of seccomp (pid 1 would act for a process that has locked itself in further than pid 1 is). A covered tree tells
 * statfs() that it is read-only. */

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "filter-table.h"
#include "guard.h"
#include "limits.h"

typedef struct Mediator Mediator;

#define MEDIATOR_LISTENERS (1U + LIMIT_EXECS_PER_SANDBOX)
#define MEDIATOR_POLL_MAX (1U + MEDIATOR_LISTENERS)

/* A granted tree, where it is in this mount namespace. */
typedef struct MediatorRoot {
        int fd;            /* what the rules call it. Not owned */
        const char *path;
        const char *above; /* below this ancestor no symlink is followed; NULL where no agent can write above */
        bool writable;
} MediatorRoot;

/* In what is to be pid 1, as root, once everything is mounted; slow: some of it is on file systems that wait. Covers the roots that rules speak of, those above others first. What
 * it makes belongs to the process. On failure *ret_detail may be the path, and the process must not go on. */
int mediator_new(const MediatorRoot *roots, size_t n_roots, const GuardRule *rules, size_t n, bool slow,
                Mediator **ret, const char **ret_detail);

/* 1 when this kernel can do all of it: it was just tried. */
int mediator_probe(void);

/* Makes of a table one whose calls are brought to pid 1: those that may change something; where `reads`, those that look too. */
void mediate_filter_put(FilterTable *t, bool reads);

/* Whether calls that look are brought too: execve() is one. */
bool mediator_reads(const Mediator *m);

/* In a command on its way to execve(), of a cage that has one: from now on its calls go to pid 1. `programs` are such tables,
 * compiled: [reads]. 0 or a negative errno. */
int mediator_submit(const Mediator *m, const FilterProgram programs[2]);

/* Pid 1. The descriptors that it must keep, at most MEDIATOR_KEEP_MAX; those to poll; and what is to be done then. Each turn serves
 * at most one call of each command, so that pid 1 gets to its other work. */
#define MEDIATOR_KEEP_MAX (4U + 2U * LIMIT_PLAN_MOUNTS)
size_t mediator_descriptors(const Mediator *m, int *ret);
size_t mediator_watch(const Mediator *m, struct pollfd *ret);
void mediator_serve(Mediator *m, const struct pollfd *polled, size_t n);
void mediator_reaped(Mediator *m, pid_t pid); /* any child of pid 1 */

/* Asks for each call that waits for somebody else that the kernel makes it anew, which brings it here again; the program sees nothing of
 * that. True once nothing waits for its answer; what waits for another machine cannot be given back. */
bool mediator_give_back(Mediator *m);
