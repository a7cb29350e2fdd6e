/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Where the configuration of a repository leads git: hooks that it runs from there, and files that it reads as configuration too. They are
 * trusted as what is in the git directory is, whatever they are called. */

#include <stddef.h>

#include "name-rules.h"

#define GIT_SETTINGS_DEPTH 10 /* of files that include each other, as in git; what lies deeper git refuses */

/* Protects what that file in the directory `at` of the root (dir is open on it; the root may be NO_ROOT, then `at` is "") names, and what files that it
 * includes do, as far as it is below something that can be written. home: what "~" means; NULL: nothing. worktree: where relative paths of hooks begin, relative to the directory or of the host, "" for that itself;
 * core.worktree comes before it. 0, also where there is no such file, or nobody could read it; -EFBIG where it is longer than
 * GITCONFIG_MAX. */
int git_settings_protect(Names *n, const char *home, size_t root, int dir, const char *at, const char *file, const char *worktree);
