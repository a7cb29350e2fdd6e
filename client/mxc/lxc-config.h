/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The configuration that a command line names, as text. */

#include "lxc-options.h"
#include "mxc-error.h"

/* There is one of config_base64, config and path. 0 with a text that the caller frees; -EINVAL with *e filled; -ENOMEM. */
int lxc_config_text(const LxcOptions *o, char **ret, size_t *ret_size, MxcError *e);
