/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Where the configuration of a repository leads git: hooks that it runs from there, programs that it calls, and files that it reads as
 * configuration too. They are trusted as what is in the git directory is, whatever they are called. */

#include <stddef.h>

#include "name-rules.h"

#define GIT_SETTINGS_DEPTH 10 /* of files that include each other, as in git; what lies deeper git refuses */

typedef struct GitPaths { /* LIMIT_NAME_RULES of them, whether or not they come to be rules */
        char **list;
        size_t n;
} GitPaths;

/* What "~" means. A program of the host goes by the first, whoever runs git in the sandbox by the second: both count. Nobody knows the
 * environment that the owner will run git in: what the agent gets of it counts. */
typedef struct GitHome {
        const char *user, *home; /* the owner, and where he lives on the host; "" where nobody knows */
        const char *inside;      /* HOME of the agent; NULL: it has none */
        const char *system, *global, *config_home; /* configuration of the host, GIT_CONFIG_GLOBAL, XDG_CONFIG_HOME, absolute; NULL: none */
        char *failed_by;         /* out: the path that is in a home which is not known, or granted */
        unsigned most;           /* out: with -E2BIG, there is more than that of… */
        const char *of;          /* … this; NULL: of what Names count */
        GitPaths trees, programs; /* of git_settings_of_owner(): paths in each worktree */
} GitHome;

/* What opening a file says where git, as the owner, has nothing to go by. Anything else, such as too many open files, says nothing of what is
 * there. */
bool git_is_absence(int r);

void git_home_clear(GitHome *home);

/* What git reads for every repository of the owner: the host's configuration, ~/.gitconfig, ~/.config/git/config and what is named, once,
 * and before the repositories; those names are protected, too, be they there or not.
 * Errors as below; -EPERM where it names what is itself granted to be written: to be trusted and to be worked in is impossible. *ret_failed is then the
 * file, or the setting, and may be NULL; free() it. */
int git_settings_of_owner(Names *n, GitHome *home, char **ret_failed);

/* Protects what that file in the directory `at` of the root (dir is open on it; the root may be NO_ROOT, then `at` is "") names, and what files that it
 * includes do, as far as it is below something that can be written. worktree: where relative paths of hooks and programs begin, relative to the directory or of the host, "" for that itself;
 * core.worktree comes before it. What is relative in the owner's own configuration counts there as well. 0, also where there is no such file, or the owner cannot read it; -EFBIG where it is longer than
 * GITCONFIG_MAX; -E2BIG where it names more than LIMIT_NAME_RULES, or that would take more than LIMIT_GIT_FILES to know; -ENODATA where it names something in a home that is not known: there might be anything. */
int git_settings_protect(Names *n, GitHome *home, size_t root, int dir, const char *at, const char *file, const char *worktree);
