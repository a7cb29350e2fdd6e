/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A text that came in, as what is asked of mxcd. */

#include "ffi-own.h"
#include "mxc-request.h"

/* The text itself: given, and UTF-8. MXC_OK, or what to give back, with *d filled. */
int32_t request_text(const char *json, MxcErrorDetail *d);
/* The text, and what it says: for mxc_config_free(). As above. */
int32_t request_config(const char *json, MxcConfig **ret, MxcErrorDetail *d);
/* Whether that is what was to be asked for, and what else of it is wanted: as mxc_config_parse() gives and tells. */
typedef int (*RequestLook)(const MxcConfig *config, void *userdata, MxcError *error);
/* The configuration of a command, as look takes it. As above. */
int32_t request_of(const char *json, RequestLook look, void *userdata, MxcRequest **ret, MxcErrorDetail *d);
/* The configuration of a command to be run once. As above. */
int32_t request_of_run(const char *json, MxcRequest **ret, MxcErrorDetail *d);
/* The same of a specification of SDK 0.9. */
int32_t request_of_spec(const char *spec, MxcRequest **ret, MxcErrorDetail *d);
/* The warnings, what was cut, and more of them but for those that are NULL, as a JSON array; NULL: there are none, or no memory. Given out. */
char *request_warnings(const MxcStrings *warnings, const MxcStrings *cut, const char *const *more, size_t n_more);
