/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What an MXC caller is told of this host before it asks for anything: which backends there are, and what they can do. mxcd's process tier
 * answers to the name bubblewrap, which is what it stands in for. */

/* A JSON array, as MXC's own --available-backends gives it: empty where mxcd cannot be asked. 0, or -ENOMEM. The caller frees. */
int mxc_backends_json(char **ret);
