/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* How a person names a sandbox: its object path, its id, or the beginning of its id where only one begins so. */

#include <stdbool.h>
#include <stddef.h>

#define SANDBOX_ID_SHOWN 12 /* characters in tables: enough for a person and for a search */

/* The object path when text says it by itself (a path, or a whole id), to be freed; NULL where the list has to be searched. */
char *sandbox_path_of(const char *text);
/* text is a whole or the beginning of the id in path. */
bool sandbox_path_matches(const char *path, const char *text);

/* The one of a list that text means. */
typedef struct SandboxSearch {
        const char *text; /* not owned */
        char *found;
        size_t n;
} SandboxSearch;

void sandbox_search(SandboxSearch *s, const char *path); /* with each that there is */
/* 0, and *ret, the caller's, is the path of the only one; else the reason is printed, and status given back. Clears s. */
int sandbox_search_end(SandboxSearch *s, int status, char **ret);
/* The id in an object path. */
const char *sandbox_id_of(const char *path);
