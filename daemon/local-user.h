/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include <sys/types.h>

/* A user of /etc/passwd: a file of the host, read as one. NSS could ask a network, and loads strangers' code. ret_gid may be NULL. 0 or -ENOENT. */
int local_user_find(const char *name, uid_t *ret_uid, gid_t *ret_gid);
