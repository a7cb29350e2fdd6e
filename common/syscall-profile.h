/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* System calls by name, and the named profiles over them. A set is a bitmap over syscall_table, so meet is AND and within is
 * AND-NOT. Knows nothing of numbers or architectures: the launcher translates names with libseccomp. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYSCALL_WORDS 8 /* room for 512 names */

typedef struct SyscallSet { uint64_t bits[SYSCALL_WORDS]; } SyscallSet;

extern const char *const syscall_table[]; /* sorted, every name that a profile or a policy may use */
extern const size_t n_syscall_table;

int syscall_index(const char *name); /* -ENOENT for an unknown name */
bool syscall_set_has(const SyscallSet *s, int index);
void syscall_set_add(SyscallSet *s, int index);
void syscall_set_remove(SyscallSet *s, int index);
SyscallSet syscall_set_meet(const SyscallSet *a, const SyscallSet *b);
/* -1 when a is within b, else the first index that is not. */
int syscall_set_first_beyond(const SyscallSet *a, const SyscallSet *b);

/* What reaches into another process: ptrace and friends. Allowed only by a policy that says "debugging": true. */
SyscallSet syscall_set_debugging(void);

/* none < strict < agent < build; debug is agent and the debugging calls. False for an unknown profile. */
bool syscall_profile(const char *name, SyscallSet *ret);
