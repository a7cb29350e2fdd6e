/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Lists of strings of their own. */

#include "mxc-config.h"

int mxc_strings_add(MxcStrings *list, const char *text); /* a copy; -ENOMEM */
_printf_(2, 3) int mxc_strings_addf(MxcStrings *list, const char *format, ...);
bool mxc_strings_has(const MxcStrings *list, const char *text);
void mxc_strings_clear(MxcStrings *list);
