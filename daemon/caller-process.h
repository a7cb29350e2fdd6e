/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What /proc says of a caller's process: for the record, and to refuse those that live in one of our own cages. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct CallerProcess {
        char *unit;          /* "" where it is in none; free() it */
        uint64_t start_time; /* clock ticks since boot */
        bool in_sandbox;
} CallerProcess;

/* pidfd: what attests pid to us, borrowed; negative: it is opened here. The process is pinned by it while it is read: where it
 * has ended meanwhile, what was read may be another's, and is not told. 0, -ENOMEM, or a negative errno: nothing can be said of it. */
int caller_process_look(pid_t pid, int pidfd, CallerProcess *ret);

/* The parts, pure. The text of /proc/PID/cgroup: 0, -ENOMEM, or -EINVAL where it tells of no place in the cgroup v2 tree that we see. */
int caller_process_parse_cgroup(const char *text, CallerProcess *ret);
/* The text of /proc/PID/stat; the name in it may hold anything. 0 or -EINVAL. */
int caller_process_parse_stat(const char *text, uint64_t *ret_start_time);
