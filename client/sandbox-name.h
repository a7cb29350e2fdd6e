/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* How a person names a sandbox: its object path, its id, or the beginning of its id where only one begins so. */

#include <stdbool.h>

#define SANDBOX_ID_SHOWN 12 /* characters in tables: enough for a person and for a search */

/* The object path when text says it by itself (a path, or a whole id), to be freed; NULL where the list has to be searched. */
char *sandbox_path_of(const char *text);
/* text is a whole or the beginning of the id in path. */
bool sandbox_path_matches(const char *path, const char *text);
/* The id in an object path. */
const char *sandbox_id_of(const char *path);
