/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Moves the caller into a fresh network namespace whose lo is up. 0 or a negative errno. */
int netns_unshare(void);
