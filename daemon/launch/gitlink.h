/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Files of git that say where something else is: `.git` of a worktree or a submodule ("gitdir: PATH"), and `commondir` in a git
 * directory (PATH alone). Their content is whatever somebody put there, an agent of an earlier run perhaps. */

#include <stddef.h>

#define GITLINK_MAX 8192U /* bytes that are looked at: PATH_MAX, the word before it, line ends; git looks at more, and the
                             kernel then refuses a longer path */

typedef enum GitlinkKind {
        GITLINK_DOT_GIT,   /* "gitdir: " comes first */
        GITLINK_COMMONDIR,
} GitlinkKind;

/* The path in it, as git reads it (setup.c of git: read_gitfile_gently, get_common_dir_noenv): line ends behind it are cut off, a NUL
 * ends it. Relative to the directory of the file, or absolute; nothing more is known of it. -EBADMSG where git would not find one
 * or the kernel would not take it, -ENOMEM. free() *ret. */
int gitlink_parse(const char *data, size_t size, GitlinkKind kind, char **ret);
