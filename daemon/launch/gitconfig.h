/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What a configuration file of git says of other files that git will trust: where hooks are, what is included, what programs it runs,
 * and where the worktree is that relative paths mean. Its content is whatever somebody put there. */

#include <stddef.h>

#define GITCONFIG_MAX (256U * 1024) /* bytes; a longer one is not read */

typedef enum GitconfigKey {
        GITCONFIG_TRUSTED, /* core.hooksPath, core.attributesFile, init.templateDir: that, and what is below it */
        GITCONFIG_INCLUDE,    /* include.path, includeIf.*.path: whatever the condition, it may come to hold */
        GITCONFIG_WORKTREE,   /* core.worktree */
        GITCONFIG_COMMAND,    /* core.pager, filter.*.clean …: for a shell */
        GITCONFIG_BANG,       /* alias.*, credential.helper …: for a shell behind a "!"; what is absolute is a command, too */
        GITCONFIG_PROGRAM,    /* gpg.program …: a path, without a shell */
        _GITCONFIG_KEY_MAX,
} GitconfigKey;

/* Each value that is not empty and, but of commands, could be a path of the kernel's, in the order of the file. Negative: stop with it. */
typedef int (*GitconfigFound)(void *data, GitconfigKey key, const char *value);

/* As git reads it (config.c of git: git_parse_source), up to the first thing that is no configuration: there git gives up, and does
 * nothing that is written before it either. 0, -ENOMEM, or what found() stopped with. */
int gitconfig_parse(const char *text, size_t size, GitconfigFound found, void *data);
