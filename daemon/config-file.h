/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Small files in layered directories, as systemd layers its own: of files with one name in several layers the last layer's counts, and a
 * symlink to /dev/null there means that there is none. Nothing is believed of a file or a directory that somebody else than root could
 * have written: it must be owned by root (or by who runs this, for tests), not be writable by group or others, and be no symlink; a file must be a
 * regular one of bounded size. Everything is read through descriptors. Nothing here logs, and nothing knows what the files mean. */

#include <stdbool.h>
#include <stddef.h>

#include "policy.h"

typedef struct ConfigFile {
        char *name;   /* without ".json"; where that cannot be a name (policy_name_is_valid): the file's own, in printable ASCII */
        char *path;   /* of the layer that counts */
        char *text;   /* NUL-terminated; NULL where there is an error */
        size_t size;
        bool is_readable_by_others; /* than root */
        char *error;  /* "PATH: sentence"; NULL: it was read */
} ConfigFile;

typedef struct ConfigSet {
        ConfigFile *files; /* sorted by name */
        size_t n;
} ConfigSet;
void config_file_clear(ConfigFile *f);
void config_set_clear(ConfigSet *s);
char *config_digest(const char *text, size_t size); /* SHA-256 in hex; the caller frees. NULL: out of memory */

/* dirs: lowest layer first, NULL-terminated; below: the directory in each that is read, or NULL for dirs themselves. What does not end in
 * ".json", or begins with a dot, is not looked at. Files beyond the first max names, and larger than max_size, are errors of
 * their own. A directory that is not there is an empty layer.
 *
 * A directory that is not to be trusted, or cannot be read, is an error of the whole (it could hide or bring files), with
 * *ret_sentence: nothing is known then, and what is known already should stay in force. */
int config_set_load(const char *const *dirs, const char *below, size_t max, size_t max_size, ConfigSet *ret,
                char **ret_sentence);

/* The one file "NAME.json" of the layers. 1: there is one (perhaps with an error). 0: none, or masked. Errors as above. */
int config_file_load(const char *const *dirs, const char *name, size_t max_size, ConfigFile *ret, char **ret_sentence);

/* "FILE:LINE:COLUMN: POINTER: sentence", as far as each is known. NULL when out of memory; the caller frees. */
char *config_error(const char *path, const PolicyError *e);

/* A file is there whole with its old content or whole with its new one, whenever the power goes: a temporary file beside it, fsync,
 * rename, fsync of the directory. Mode 0600. dir is a descriptor; name may not contain '/'. A crash may leave ".NAME.new" behind, which
 * nothing reads and the next write replaces. */
int config_file_write(int dir, const char *name, const char *text, size_t size);
