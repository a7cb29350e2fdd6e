/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What MXC's SDK 0.9 asks its library for in place of a configuration: an object that says the same in other words, as a configuration of the
 * version that it names. What a configuration cannot say is refused by the name of its field; what it says is for mxc_config_parse() to judge. */

#include "mxc-error.h"

/* *ret is for free(). 0; -EINVAL with *error filled; -ENOMEM. */
int spec_to_config(const char *spec, char **ret, MxcError *error);
