/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What mxc-egress gives away before it reads the first hostile byte. */

/* 0 where this process is nobody: not root, no capability, none to be gained; else -EPERM. */
int promise_check(void);
/* From here on: files only to read the resolver's configuration (Landlock, where the kernel has it), and no system call but those that serving
 * takes; any other ends the process. */
int promise_keep(void);
