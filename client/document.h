/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A policy document from a file, or from standard input ("-"). */

#include <stddef.h>

/* 0, or a negative errno with the reason printed. At most LIMIT_POLICY_BYTES are taken. The text is NUL-terminated; *ret_size (optional)
 * tells whether a NUL stands in it. The caller frees. */
int document_read(const char *file, char **ret, size_t *ret_size);
/* The same of one that is sent to mxcd: -EINVAL where it is not UTF-8, which D-Bus does not carry, or does not begin with "{", by which mxcd tells
 * it from a name. */
int document_read_policy(const char *file, char **ret);
