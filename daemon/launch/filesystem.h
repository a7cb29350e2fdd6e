/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The file systems that a cage has for itself, each made with the mount API and unattached until it is ready: tmpfs, proc,
 * devpts, the minimal /dev, and the mask that stands for what is denied. */

#include <stdbool.h>
#include <sys/types.h>

#include "place.h"

#define FILESYSTEM_DEVICES 6 /* null zero full random urandom tty */

/* A detached mount of a new file system; its entries are there, what must be mounted in it is not. */
int filesystem_new(PlaceKind kind);

/* After it is attached: device nodes, masks, read-only. */
int filesystem_finish(PlaceKind kind, int tree, const PlaceContext *c);

/* The tmpfs that a cage's root directory is. Writable until filesystem_seal(). */
int filesystem_new_root(void); /* nothing in it can be executed */
int filesystem_seal(int tree);

/* The mask file system: `f` and `d`, mode 0000, root's, read-only. Detached. */
int filesystem_new_mask(void);

/* Covers target (O_PATH, in this namespace) with the mask of its kind. mask: O_PATH, the attached mask's root. */
int filesystem_mask(int mask, int target);

/* Opens the host's device nodes and clones each as a mount: devices[FILESYSTEM_DEVICES]. A node that is not the device it
 * should be is refused (CVE-2025-31133 swapped /dev/null). */
int filesystem_open_devices(int *devices, const char **ret_detail);

/* True for a directory on a tmpfs made by this process, or that it has taken over. */
bool filesystem_is_ours(int dir);
size_t filesystem_made(const dev_t **ret); /* those tmpfs; valid until the next is made */
int filesystem_take_over(const dev_t *made, size_t n);
void filesystem_forget_made(void);
