/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Paths as an agent writes them, and what /proc says of it: text and nothing else. */

#include <linux/limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The last name of a path, and the path of the directory that has it: "a/b/" is "b" in "a/", and a slash came after it. False where
 * there is no name ("/"), or it is longer than names are. path is shorter than PATH_MAX. */
bool path_split(const char *path, char parent[PATH_MAX], char name[NAME_MAX + 1], bool *ret_slash);

/* Takes the first name off a path that is still to be walked, with the slashes around it; "." is passed over. 1, 0 where none is left,
 * -ENAMETOOLONG. *ret_slash: one came after it. */
int path_next(char *rest, char name[NAME_MAX + 1], bool *ret_slash);

/* Puts length bytes in front of what is left of a path in a buffer of PATH_MAX; -ENAMETOOLONG. */
int path_insert(char *rest, const char *text, size_t length);

/* What is left of path beyond that of a root, "" for the root itself; NULL when it is not below it. Both absolute and normal. */
const char *path_beyond(const char *path, const char *root);

/* As d_path() of the kernel marks what has no name any more. */
bool path_is_deleted(const char *path);

/* From /proc/N/status and /proc/N/stat. -EBADMSG. No terminal is device 0. */
int status_parse(const char *text, pid_t *ret_process, mode_t *ret_umask);
int stat_parse_terminal(const char *text, dev_t *ret);
