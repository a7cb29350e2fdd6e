/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Where two JSON documents differ, leaf by leaf. Pure. */

#include <jansson.h>

/* An array of {"pointer": …, "old": …} and {"pointer": …, "new": …} in the order of the documents. Arrays are taken as sets, as those of
 * policies are. New reference; NULL when out of memory. */
json_t *policy_diff_documents(const json_t *old, const json_t *new);
