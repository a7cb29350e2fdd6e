/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Descriptors: small files read and written whole, and bytes moved without losing any. Nothing here logs. */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Writes all of data, whatever write() says in between. 0 or a negative errno. */
int fd_write_all(int fd, const void *data, size_t size);

/* Reads exactly size bytes from offset. -ENODATA when there are fewer. */
int fd_pread_all(int fd, void *data, size_t size, off_t offset);

/* Writes text in one write() to the existing file name below dir: what kernel interfaces want. */
int fd_write_file_at(int dir, const char *name, const char *text);

/* Reads what is left of fd, of unknown size, up to limit bytes (-EFBIG above) into a NUL-terminated buffer, free() it.
 * ret_size may be NULL. */
int fd_read_all(int fd, size_t limit, char **ret, size_t *ret_size);
/* The same of the file name below dir. */
int fd_read_file_at(int dir, const char *name, size_t limit, char **ret, size_t *ret_size);

/* openat2() with resolve flags, O_CLOEXEC always. A descriptor or a negative errno. */
int fd_openat2(int dir, const char *path, uint64_t flags, uint64_t resolve);

/* Closes every descriptor above 2 but these n, which are put in order. 0 or a negative errno. */
int fd_close_others(int *kept, size_t n);
